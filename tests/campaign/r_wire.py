"""Rows R-1, R-4, R-5, R-8 and R-12: one client against a host on this machine that goes wrong."""

from __future__ import annotations

import gzip
import random
import socket
import struct
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.errors import AlphaStockError, BadReply, ProviderError, TransientError
from alphastock_cli.providers.kite import health
from alphastock_cli.providers.kite.notes import Notes
from alphastock_cli.providers.kite.wire import Wire
from tests.campaign.counts import Counts
from tests.campaign.market import Stage, market, opened
from tests.campaign.memory import peak_mb, reset_peak
from tests.conftest import ManualClock
from tests.unit.kite_host import (
    NOW,
    PROFILE,
    Answer,
    Host,
    Uncertified,
    bad,
    client,
    good,
    hosting,
    raw,
    reply,
)

_NEVER = 99
_NAMELESS = ".".join(["a" * 50] * 6)  # longer than a name may be: no name server is asked


# -- R-1 -----------------------------------------------------------------------------------------


def r1(repeats: int, seed: int) -> Counts:
    """429 in any dress: waits as told or by full jitter, five tries, a minute, then an error."""
    found, dice, clock = Counts("R-1", seed), random.Random(seed), ManualClock(NOW)
    with hosting(good()) as host, tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            clock.advance(timedelta(seconds=200))
            stage = Stage(found, host, clock, dice)
            pause = dice.choice([None, None, 0, 3, 19, 86400])
            words = {None: dice.choice([None, "soon", "-4"])}.get(pause, str(pause))
            if pause and dice.random() < 0.3:
                words = _http_date(clock.now() + timedelta(seconds=pause))
                pause = None if pause < 60 else pause  # of a date only the longest is certain
            times = dice.choice([1, 2, 3, 4, 5, _NEVER])
            found.judge(good=_one_r1(stage, Path(folder), words, pause, times))
    return found


def _one_r1(
    stage: Stage[Host], folder: Path, words: str | None, pause: int | None, times: int
) -> bool:
    found, host, clock, dice = stage.found, stage.host, stage.clock, stage.dice
    heads = {} if words is None else {"Retry_After": words}
    refusal = dice.choice(
        [bad(429, "NetworkException", "Too many requests", **heads),
         reply(b"<html>slow down</html>", 429, "text/html", **heads),
         reply(b"", 429, "text/plain", **heads),
         bad(200, "NetworkException", "Too many requests", **heads)]
    )  # fmt: skip
    host.answers = [refusal] * min(times, 6) + ([good()] if times < _NEVER else [])
    made = client(folder, host.root, clock, chance=dice.random)
    before, begun = len(host.heads), clock.monotonic()
    try:
        came = made.profile()["user_id"] == PROFILE["user_id"]
    except TransientError as error:
        came = False
        found.notes[f"ended with exit {error.exit_code}"] += 1
    made.close()
    tries, waited = len(host.heads) - before, clock.monotonic() - begun
    found.most("tries", tries)
    found.most("seconds", round(waited, 1))
    bounded = tries <= 5 and waited <= 61
    if pause is not None:
        obeyed = waited >= (tries - 1) * min(pause, 60) - 0.01
        possible = times < 5 and times * (min(pause, 60) + 0.1) <= 60
        return bounded and obeyed and came is possible
    if words is not None and words.endswith("GMT"):
        return bounded
    jitter = sum(2.0**number for number in range(tries - 1))
    return bounded and waited <= jitter + 0.1 * tries and came is (times < 5)


# -- R-4 -----------------------------------------------------------------------------------------


def r4(repeats: int, seed: int) -> Counts:
    """No connection, no name, no good certificate, a reset, no reply; so many times each."""
    found, dice, clock = Counts("R-4", seed), random.Random(seed), ManualClock(NOW)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))  # held, so nobody else takes it; never listened on
            address = f"127.0.0.1:{closed.getsockname()[1]}"
            for kind, root in (("refused", address), ("no name", f"{_NAMELESS}:80")):
                for _ in range(repeats):
                    waited = _failing(folder, f"http://{root}", clock)
                    found.judge(good=abs(waited - 7.5) < 0.2, why=kind)  # five tries, four waits
                    found.notes[f"{kind}, five tries"] += 1
        _broken_off(found, dice, folder, clock, repeats)
        _uncertified(found, folder, clock, repeats)
    return found


def _failing(folder: Path, root: str, clock: ManualClock) -> float:
    """Return the seconds until a client gave up, -1 where it did so in a way it may not."""
    made, begun = client(folder, root, clock), clock.monotonic()
    try:
        made.profile()
    except TransientError:
        return clock.monotonic() - begun
    except AlphaStockError:
        return -1.0
    finally:
        made.close()
        clock.advance(timedelta(seconds=1))
    return -1.0


def _broken_off(
    found: Counts, dice: random.Random, folder: Path, clock: ManualClock, repeats: int
) -> None:
    with hosting(good()) as host:
        for kind, answer in (("reset", _reset), ("no reply", raw(b"", close=True))):
            for _ in range(repeats):
                times = dice.randint(1, 5)
                host.answers = [answer] * times + [good()]
                before = len(host.heads)
                waited = _failing(folder, host.root, clock)
                tries = len(host.heads) - before
                fine = tries == min(times + 1, 5) and (waited > 0) is (times == 5)
                found.judge(good=fine, why=kind)
                found.notes[f"{kind}, tried again"] += 1


def _uncertified(found: Counts, folder: Path, clock: ManualClock, repeats: int) -> None:
    host = Uncertified(folder)
    for number in range(repeats):
        made, begun = client(folder, host.root.replace("http", "https"), clock), clock.monotonic()
        why = ""
        try:
            made.profile()
        except ProviderError as error:
            why = "" if isinstance(error, TransientError) else error.what
        once = host.greeted == number + 1 and clock.monotonic() == begun
        found.judge(good=once and "certificate" in why, why="TLS")
        found.notes["certificate refused, asked once"] += 1
        made.close()
        clock.advance(timedelta(seconds=1))
    host.close()


def _reset(held: socket.socket) -> None:
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    held.close()


# -- R-5 -----------------------------------------------------------------------------------------


def r5(repeats: int, seed: int, *, seconds: float = 10.0) -> Counts:
    """A hang, a byte every half second, headers without end: over at the deadline, ± a second."""
    found, dice = Counts("R-5", seed), random.Random(seed)
    tolerance = min(1.0, seconds)
    kinds: dict[str, Answer] = {
        "hang": lambda _: time.sleep(seconds + 3),
        "slow body": _dripping(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" "),
        "slow headers": _dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    }
    for first in range(0, repeats, 25):
        names = [dice.choice([*kinds, "huge headers"]) for _ in range(min(25, repeats - first))]
        with ThreadPoolExecutor(25) as pool:
            spent = list(pool.map(lambda name: _ended(kinds.get(name), seconds), names))
        for name, took in zip(names, spent, strict=True):
            found.notes[name] += 1
            if name == "huge headers":
                found.judge(good=0 <= took <= tolerance, why=f"{name}: missed")
                continue
            found.most("seconds of a call", round(took, 2))
            found.judge(good=abs(took - seconds) <= tolerance, why=f"{name}: missed")
    return found


def _ended(answer: Answer | None, seconds: float) -> float:
    """Return the seconds after which one call was over, -1 where it brought anything."""
    answer = answer or raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n", close=True)
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, hosting(answer) as host:
        wire, begun = Wire(clock, Notes(Path(folder), clock), seconds=seconds), time.monotonic()
        try:
            wire.request("GET", f"{host.root}/user/profile")
        except TransientError:
            return time.monotonic() - begun
        finally:
            wire.close()
    return -1.0


def _dripping(head: bytes, piece: bytes) -> Answer:
    def send(held: socket.socket) -> None:
        held.sendall(head)
        while True:  # until the other side is gone
            held.sendall(piece)
            time.sleep(0.5)

    return send


# -- R-8 -----------------------------------------------------------------------------------------


def r8(repeats: int, seed: int) -> Counts:
    """Two gigabytes, plain or packed: cut off at 8 or 64 MB, and memory grows by less than 200."""
    found, clock = Counts("R-8", seed), ManualClock(NOW)
    bomb = gzip.compress(b" " * (200 << 20), 1)
    ways: list[tuple[str, Answer, Callable[..., object]]] = [
        ("endless answer", _endless("application/json"), lambda rest: rest.profile()),
        ("endless list", _endless("text/csv"), lambda rest: rest.instruments()),
        ("packed answer", reply(bomb, Content_Encoding="gzip"), lambda rest: rest.profile()),
        ("packed list", reply(bomb, 200, "text/csv", Content_Encoding="gzip"),
         lambda rest: rest.instruments()),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            name, answer, ask = ways[number % len(ways)]
            before = reset_peak()
            with hosting(answer) as host:
                made = client(Path(folder), host.root, clock, seconds=60.0)
                what = ""
                try:
                    ask(made)
                except BadReply as error:
                    what = error.what
                made.close()
                asked = len(host.heads)
            clock.advance(timedelta(seconds=1))
            grown = peak_mb() - before
            found.most("MB grown", round(grown))
            cut = ("larger than 64 MB" if "list" in name else "larger than 8 MB") in what
            found.judge(good=cut and asked == 1 and grown < 200, why=name)
            found.notes[name] += 1
    return found


def _endless(kind: str) -> Answer:
    def send(held: socket.socket) -> None:
        held.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode())
        piece = b" " * (1 << 20)
        for _ in range(2048):
            held.sendall(piece)

    return send


# -- R-12 ----------------------------------------------------------------------------------------


def r12(repeats: int, seed: int) -> Counts:
    """A server's clock up to an hour off: told above 2 s, and `doctor` fails above 5 s."""
    found, dice, clock = Counts("R-12", seed), random.Random(seed), ManualClock(NOW)
    with market(clock) as host, tempfile.TemporaryDirectory() as folder:
        for number in range(repeats):
            ahead = dice.choice([-1, 1]) * dice.choice([0, 1, 4, 7, 60, dice.randint(8, 3600)])
            told = _http_date(clock.now() + timedelta(seconds=ahead))
            body = {"status": "success", "data": PROFILE}
            host.answer = lambda _, body=body, told=told: reply(body, Date=told)  # type: ignore[method-assign]
            made, _ = opened(Path(folder) / str(number), host, clock, dice.random)
            made.connection.rest.profile()
            off = abs((made.connection.rest.skew or 1e9) - ahead)
            found.most("seconds off", round(off, 2))
            warned = any("clock is" in text for text in made.remarks())
            rows = {row.name: row.status for row in health.rows(made.connection, asked=True)}
            status = "fail" if abs(ahead) > 5 else "warn" if abs(ahead) > 2 else "ok"
            right = warned is (abs(ahead) > 2) and rows.get("kite clock") == status
            found.judge(good=off <= 0.6 and right)
            made.connection.close()
    return found


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
