"""Row R-2: four processes call as fast as the shared budget lets them; a host counts arrivals.

Each has a data directory of its own: they share nothing but the api key and the user.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.providers.kite.budget_place import VARIABLE
from alphastock_cli.providers.kite.facts import DAY, Limit, limits
from tests.campaign.counts import Counts
from tests.conftest import IST
from tests.unit.kite_host import PROFILE, Answer, Host, good, store_login

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4
# what each class has of all calls: about what its limit lets through in the same time
SHARES = {"quote": 0.048, "historical": 0.144, "orders": 0.328, "other": 0.48}
_BODIES = {
    "quote": {"NSE:SBIN": {"last_price": 1.5}},
    "historical": {"candles": []},
    "orders": [],
    "other": PROFILE,
}


class Counting(Host):
    """Notes when each call of each class arrived."""

    def __init__(self) -> None:
        self.arrived: dict[str, list[float]] = {name: [] for name in SHARES}
        super().__init__()

    def answer(self, head: str) -> Answer:
        at = time.monotonic()
        path = head.split(" ", 2)[1]
        name = next((each for each in SHARES if each in path), "other")
        self.arrived[name].append(at)
        return _slow(good(_BODIES[name]))


def r2(repeats: int, seed: int) -> Counts:
    """At the real limits: in no second, and no minute for orders, more than Kite allows."""
    found = Counts("R-2", seed)
    held = limits(datetime.now(IST).date())
    each = {name: round(repeats * share / PROCESSES) for name, share in SHARES.items()}
    each["other"] += repeats // PROCESSES - sum(each.values())
    host, begun = Counting(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = [f"{name}={count}" for name, count in each.items()]
        env = {**os.environ, VARIABLE: str(Path(folder) / "state")}
        running = []
        for data in (Path(folder) / str(number) for number in range(PROCESSES)):
            store_login(data / "kite", SystemClock())
            words = [sys.executable, "-m", "tests.campaign.caller", host.root, str(data), *counts]
            running.append(subprocess.Popen(words, cwd=ROOT, env=env))
        try:
            while any(process.poll() is None for process in running):
                time.sleep(0.1)
            ends = [process.returncode for process in running]
        finally:
            for process in running:
                process.kill()
            host.close()
    seconds = time.monotonic() - begun
    for name, moments in host.arrived.items():
        found.notes[f"{name} calls"] = len(moments)
        for limit in held[name]:
            if limit.seconds != DAY:
                most = most_in(moments, limit)
                found.most(f"{name} in {limit.seconds:g} s, of {limit.calls}", most)
                found.notes["violations"] += violations(moments, limit)
    found.tried = sum(map(len, host.arrived.values()))
    whole = found.tried == repeats and not any(ends)
    found.good = max(0, found.tried - found.notes["violations"]) if whole else 0
    found.most("calls a second in all", round(found.tried / seconds, 1))
    return found


def most_in(moments: list[float], limit: Limit) -> int:
    """Return the most that arrived in one window."""
    held, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(held):
        while moment - held[first] >= limit.seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def violations(moments: list[float], limit: Limit) -> int:
    """Return how many calls arrived in a window that was full already."""
    held = sorted(moments)
    pairs = zip(held, held[limit.calls :], strict=False)
    return sum(later - earlier < limit.seconds for earlier, later in pairs)


def _slow(answer: Answer) -> Answer:
    """Answer after some milliseconds, as a network does."""

    def send(held: socket.socket) -> None:
        time.sleep(0.003)
        answer(held)

    return send
