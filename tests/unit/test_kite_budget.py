"""Never more calls in a window than Kite allows, whoever calls and whatever happens to them."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from alphastock_cli.errors import TransientError
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.facts import DAY, Limit, limits
from tests.conftest import ManualClock

ROOT = Path(__file__).resolve().parents[2]
CALLS = 15  # of each process; ten thousand at the real limits are row R-2 of `make campaign`


def budget(folder: Path, clock: ManualClock, calls: int = 3, seconds: float = 1.0) -> Budget:
    return Budget(folder, "key", clock, windows={"x": (Limit(calls, seconds),)})


def worst(spans: list[tuple[float, float]], seconds: float) -> int:
    """Return the most calls that can have arrived in one window, each at any time of its span."""
    most = 0
    for _, end in spans:  # a window that begins as the last of one call's moments
        most = max(most, sum(1 for a, b in spans if b >= end and a < end + seconds))
    return most


def spawn(folder: Path, log: Path, *words: object) -> subprocess.Popen[bytes]:
    given = [str(word) for word in (folder, "x", *words[:3], log, *words[3:])]
    return subprocess.Popen([sys.executable, "-m", "tests.unit.kite_calls", *given], cwd=ROOT)


def spans_of(log: Path) -> list[tuple[float, float]]:
    pairs = [line.split() for line in log.read_text().splitlines()]
    return [(float(a), float(b)) for a, b in pairs]


def test_the_table_holds_the_documented_limits() -> None:
    held = limits(date(2026, 11, 20))
    assert held["quote"] == (Limit(1, 1.0),)
    assert held["historical"] == (Limit(3, 1.0),)
    assert held["other"] == (Limit(10, 1.0),)
    assert held["orders"] == (Limit(10, 1.0), Limit(400, 60.0), Limit(5000, DAY))


def test_no_window_holds_more_than_the_limit(tmp_path: Path, clock: ManualClock) -> None:
    random.seed(7)
    made = budget(tmp_path, clock)
    spans = []
    for _ in range(60):
        clock.sleep(random.choice([0.0, 0.0, 0.3, 2.5]))  # idle times, after which none may rush
        with made.call("x"):
            begun = clock.monotonic()
            clock.sleep(random.choice([0.0, 0.05, 0.4]))
            spans.append((begun, clock.monotonic()))
    assert worst(spans, 1.0) <= 3
    # and it does not dawdle: three at once, then a window after the first of them ended
    assert spans[-1][1] < 60 * 1.5


def test_it_lets_a_full_window_through_at_once(tmp_path: Path, clock: ManualClock) -> None:
    made = budget(tmp_path, clock, calls=10)
    for _ in range(10):
        with made.call("x"):
            pass
    assert clock.monotonic() == 0.0
    with made.call("x"):
        assert clock.monotonic() >= 1.0


def test_several_windows_hold_at_once(tmp_path: Path, clock: ManualClock) -> None:
    windows = {"x": (Limit(5, 1.0), Limit(8, 60.0), Limit(11, DAY))}
    made = Budget(tmp_path, "key", clock, windows=windows)
    moments = []
    for _ in range(11):
        with made.call("x"):
            moments.append(clock.monotonic())
    assert moments[4] == 0.0
    assert 1.0 <= moments[5] < 2.0
    assert moments[8] >= 60.0
    with pytest.raises(TransientError, match="11 x calls today"), made.call("x"):
        pass
    clock.advance(timedelta(days=1))
    with made.call("x"):
        pass


def test_a_pause_holds_for_everybody(tmp_path: Path, clock: ManualClock) -> None:
    one, other = budget(tmp_path, clock), budget(tmp_path, clock)
    one.pause("x", 20.0)
    one.pause("x", 5.0)  # a shorter one does not end it
    assert other.usage()[0].paused == 20.0
    with other.call("x"):
        assert clock.monotonic() >= 20.0


def test_other_keys_have_windows_of_their_own(tmp_path: Path, clock: ManualClock) -> None:
    for key in ("one", "two"):
        with Budget(tmp_path, key, clock, windows={"x": (Limit(1, 1.0),)}).call("x"):
            assert clock.monotonic() == 0.0
    assert not any("one" in path.name or "two" in path.name for path in tmp_path.iterdir())


def test_a_clock_that_goes_back_lets_nothing_more_through(
    tmp_path: Path, clock: ManualClock
) -> None:
    clock.advance(timedelta(seconds=1000))
    made = budget(tmp_path, clock)
    for _ in range(3):
        with made.call("x"):
            pass
    clock.advance(timedelta(seconds=-900))  # a restart of the machine, or worse
    back = clock.monotonic()
    with made.call("x"):
        assert back + 1.0 <= clock.monotonic() < back + 1.5


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"version": 2}', '{"version":1,"last":"x"}', "\0" * 99,
             '{"version":1,"boot":"","seen":0,"last":0,"days":{},"windows":{"x":{"calls":[1]}}}'],
)  # fmt: skip
def test_a_damaged_file_counts_as_full(tmp_path: Path, clock: ManualClock, text: str) -> None:
    made = budget(tmp_path, clock)
    with made.call("x"):
        pass
    path = next(tmp_path.glob("*.json"))
    path.write_text(text)
    with made.call("x"):
        assert clock.monotonic() >= 1.0
    assert json.loads(path.read_text())["version"] == 1


def test_a_call_nobody_ended_is_over_after_its_life(tmp_path: Path, clock: ManualClock) -> None:
    made = Budget(tmp_path, "key", clock, windows={"x": (Limit(1, 1.0),)}, life=30.0)
    path = made._path
    with made.call("x"):
        during = path.read_bytes()
    path.write_bytes(during)  # as if it had been killed inside
    with made.call("x"):
        assert 31.0 <= clock.monotonic() < 32.0


def test_the_ticket_of_a_process_that_is_gone_holds_nobody_up(
    tmp_path: Path, clock: ManualClock
) -> None:
    made = budget(tmp_path, clock)
    with made.call("x"):
        pass
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    body = json.loads(made._path.read_text())
    body["windows"]["x"]["queue"] = [[900, gone.pid, 0.0]]
    made._path.write_text(json.dumps(body))
    with made.call("x"):
        assert clock.monotonic() < 0.1


def test_patience_ends(tmp_path: Path, clock: ManualClock) -> None:
    made = budget(tmp_path, clock)
    made.pause("x", 50.0)
    with pytest.raises(TransientError, match="no room"), made.call("x", patience=10.0):
        pass
    assert made.usage()[0].waiting == 0  # it left the queue


def test_four_processes_together_stay_below_the_limit(tmp_path: Path) -> None:
    """R-2: judged by the whole span in which each call can have reached the server."""
    logs = [tmp_path / f"log{n}" for n in range(4)]
    begun = time.monotonic()
    made = [spawn(tmp_path / "b", log, 20, 0.2, CALLS, 0.001) for log in logs]
    assert [each.wait(600) for each in made] == [0, 0, 0, 0]
    spans = sorted(itertools.chain.from_iterable(map(spans_of, logs)))
    assert len(spans) == 4 * CALLS
    assert worst(spans, 0.2) <= 20
    spent = time.monotonic() - begun
    sys.stdout.write(f"{len(spans)} calls of 4 processes in {spent:.1f} s, 0 violations\n")


def test_a_watch_gets_its_turn_beside_a_cron_job(tmp_path: Path) -> None:
    """Turns go by arrival: one that asks now and then waits about as long as any other."""
    greedy = [spawn(tmp_path / "b", tmp_path / f"g{n}", 8, 0.1, 24) for n in range(3)]
    log = tmp_path / "watch"
    seldom = spawn(tmp_path / "b", log, 8, 0.1, 3)
    assert seldom.wait(60) == 0
    done = sum(len(spans_of(path)) for path in tmp_path.glob("g*"))
    assert done < 3 * 24  # it was not left to the end
    assert [each.wait(60) for each in greedy] == [0, 0, 0]


def test_a_killed_process_leaves_the_counts_whole(tmp_path: Path) -> None:
    logs = [tmp_path / f"log{n}" for n in range(4)]
    made = [spawn(tmp_path / "b", log, 10, 0.1, 15) for log in logs]
    while not all(log.exists() and log.stat().st_size for log in logs):  # all of them call
        time.sleep(0.005)
    for each in made[:2]:
        each.send_signal(signal.SIGKILL)
    codes = [each.wait(60) for each in made]
    assert codes[2:] == [0, 0]
    spans = sorted(itertools.chain.from_iterable(spans_of(log) for log in logs if log.exists()))
    assert worst(spans, 0.1) <= 10
    assert json.loads(next((tmp_path / "b").glob("*.json")).read_text())["version"] == 1
