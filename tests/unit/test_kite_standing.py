"""What a running stream leaves for `doctor`: its file, its row, its end; and the refusals' row."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.providers.kite import health
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.stream.dialling import Login
from alphastock_cli.providers.kite.stream.opening import ToldStream
from alphastock_cli.providers.kite.stream.standing import Report, running
from alphastock_cli.providers.kite.stream.state import Health, State
from tests.conftest import IST, ManualClock
from tests.unit.ticker_world import NIFTY, SBIN, Server, frame, full

OPEN = datetime(2026, 8, 14, 11, 30, tzinfo=IST)  # a Friday, in the middle of trading
NIGHT = OPEN + timedelta(hours=10)


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def doing(*states: State, following: int = 52) -> Health:
    return Health(connections=states, counts=MappingProxyType({}), following=following,
                  waiting_ticks=0, waiting_orders=0)  # fmt: skip


def up(
    message: float | None = 0.4, tick: float | None = 0.9, opened: int = 3, **more: Any
) -> State:
    given: dict[str, Any] = {"name": "up", "losses": Counter(), **more}
    return State(message_age=message, tick_age=tick, connections=opened, **given)


@contextmanager
def told(folder: Path, held: Health, at: datetime = OPEN, **more: Any) -> Iterator[Report]:
    report = Report(folder, ManualClock(at), who="watch", seconds=0.01, **more)
    report.begin(lambda: held, lambda: [SBIN, NIFTY])
    until(lambda: running(folder))
    try:
        yield report
    finally:
        report.end()


def row(folder: Path, at: datetime = OPEN) -> health.Row:
    connection = Connection(folder.parent, KiteSettings(), ManualClock(at), env={})
    (found,) = (each for each in health.rows(connection, asked=True) if each.name == "kite stream")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kite"


def test_a_running_stream_is_a_row_and_gone_with_its_end(folder: Path) -> None:
    assert row(folder) == ("kite stream", "ok", "none is running", "")
    with told(folder, doing(up())) as report:
        seen = row(folder)
        assert stat.S_IMODE(report.path.stat().st_mode) == 0o600
    assert seen.status == "ok"
    assert seen.detail == (
        f"watch (pid {os.getpid()}): 1 connection, 52 instruments, last message 0.4 s ago,"
        " last tick 0.9 s ago, 2 reconnections, since 14 Aug 11:30"
    )
    assert row(folder).detail == "none is running"
    assert not list(folder.iterdir())


def test_the_worst_of_two_connections_counts(folder: Path) -> None:
    with told(folder, doing(up(0.1, 0.2, 1), up(1.5, 3.0, 1), following=4000)):
        seen = row(folder)
    assert "2 connections, 4,000 instruments, last message 1.5 s ago at worst" in seen.detail
    assert "last tick 3.0 s ago at worst, 0 reconnections" in seen.detail


@pytest.mark.parametrize(
    ("state", "at", "status"),
    [
        (up(8.9, 19.0), OPEN, "ok"),
        (up(9.1, 9.1), OPEN, "warn"),  # the watchdog gives a connection up after nine seconds
        (up(0.1, 21.5), OPEN, "warn"),  # and asks again after twenty without a tick
        (up(0.1, 3600.0), NIGHT, "ok"),  # nobody expects ticks at night
        (up(0.1, None), OPEN, "ok"),  # it has just begun
        (up(9.1, 9.1), NIGHT, "warn"),  # heartbeats come at night as well
        (State(name="waiting", last_error="HTTP 503", connections=1), OPEN, "warn"),
    ],
)
def test_silence_beyond_the_watchdogs_bounds_is_a_warning(
    folder: Path, state: State, at: datetime, status: str
) -> None:
    with told(folder, doing(state), at):
        seen = row(folder, at)
    assert seen.status == status
    assert bool(seen.fix) is (status == "warn")
    assert ("HTTP 503" in seen.detail) is (state.last_error != "")


def test_no_tick_at_all_is_told_once_there_should_have_been_one(folder: Path) -> None:
    clock = ManualClock(OPEN)
    report = Report(folder, clock, who="watch", seconds=0.01)
    report.begin(lambda: doing(up(0.1, None, 1)), lambda: [SBIN])
    clock.advance(timedelta(seconds=30))
    try:
        until(lambda: [e for e in running(folder) if e["at"] == clock.now()])
        assert row(folder, clock.now()).status == "warn"
    finally:
        report.end()


def test_a_stream_that_writes_no_more_and_one_that_has_ended(folder: Path) -> None:
    with told(folder, doing(up())):
        seen = row(folder, OPEN + timedelta(seconds=30))
        assert seen.status == "warn"
        assert "not heard of for 30 s" in seen.detail
        assert row(folder, OPEN - timedelta(hours=1)).status == "ok"  # a clock was set back
    with told(folder, doing()):
        assert "it has ended" in row(folder).detail


def test_what_a_killed_process_leaves_is_not_shown_and_swept_by_the_next(folder: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from alphastock_cli.bootstrap import SystemClock\n"
        "from alphastock_cli.providers.kite.stream.standing import Report\n"
        "from tests.unit.test_kite_standing import doing, up\n"
        "Report(Path(sys.argv[1]), SystemClock()).begin(lambda: doing(up()), lambda: [])\n"
        "time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(folder)],
                             cwd=Path(__file__).parents[2])  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while not running(folder):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert f"stream (pid {child.pid})" in health._stream_words(running(folder)[0])
    finally:
        child.kill()
        child.wait()
    (left,) = folder.iterdir()
    assert row(folder).detail == "none is running"
    with told(folder, doing(up())):
        assert left.exists()  # young: somebody may just begin
    os.utime(left, (0, 0))
    with told(folder, doing(up())) as report:
        until(lambda: not left.exists())
        assert list(folder.iterdir()) == [report.path]


@pytest.mark.parametrize("damage", ["no json", "[]", '{"pid": "x"}', "{}", "null"])
def test_a_file_of_another_hand_is_passed_over(folder: Path, damage: str) -> None:
    with told(folder, doing(up())) as report:
        text = damage.encode()
        report.end()
        handle = os.open(report.path, os.O_RDWR | os.O_CREAT, 0o600)
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, b"%08x %s" % (zlib.crc32(text), text))
        assert running(folder) == []
        assert row(folder).detail == "none is running"
        os.close(handle)


def test_a_torn_writing_is_not_believed(folder: Path) -> None:
    with told(folder, doing(up())) as report:
        whole = report.path.read_bytes()
        report._over.set()  # it writes no more
        assert report._thread is not None
        report._thread.join()
        handle = os.open(report.path, os.O_RDWR | os.O_CREAT, 0o600)
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
        os.pwrite(handle, whole.replace(b'"following": 52', b'"following": 99'), 0)
        assert running(folder) == []
        os.pwrite(handle, whole, 0)
        assert running(folder)[0]["following"] == 52
        os.close(handle)


def test_a_disk_that_says_no_is_told_once_and_tried_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("")  # a file where the folder should be
    report = Report(folder, ManualClock(OPEN), seconds=0.01)
    with caplog.at_level(logging.INFO, "alphastock.kite.stream"):
        report.begin(lambda: doing(up()), list)
        until(lambda: caplog.records)
        time.sleep(0.05)
        folder.unlink()
        until(lambda: running(folder))
    report.end()
    assert len(caplog.records) == 1


def test_errors_of_a_connection_are_harmless_and_short(folder: Path) -> None:
    bad = State(name="waiting", last_error="\x1b[31m access_token=abcdef123456 " + "x" * 5000)
    with told(folder, doing(bad, bad, bad)) as report:
        text = report.path.read_bytes()
        seen = row(folder)
    assert len(text) == 4096
    assert b"abcdef123456" not in text
    assert "\x1b" not in seen.detail
    assert len(seen.detail) < 500
    assert json.loads(text.partition(b" ")[2])["connections"][0]["error"].startswith("·")


def test_a_stream_tells_what_it_does_without_a_word_from_its_reader(folder: Path) -> None:
    class Standing(ManualClock):
        def monotonic(self) -> float:
            return time.monotonic()

    server, clock = Server(), Standing(OPEN)
    report = Report(folder, clock, who="watch", seconds=0.01)
    with ToldStream(
        report, login=lambda: Login("key", "token-of-today"), clock=clock, dial=server.dial
    ) as stream:
        stream.follow({SBIN: "full"})
        until(lambda: server.wires and server.wire.modes)
        assert stream._loop is not None
        stream._loop.call_soon_threadsafe(server.wire.push, frame([full()]))
        until(lambda: (found := running(folder)) and found[0]["connections"][0]["tick_age"])
        (held,) = running(folder)
        assert held["following"] == 1
        assert held["segments"] == [SBIN & 0xFF]
        assert held["connections"][0]["name"] == "up"
        assert b"token-of-today" not in report.path.read_bytes()
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Your IP address 10.0.0.1 is not registered for this app", "Orders are taken only from"),
        ("The order was refused: static IP required", "Orders are taken only from"),
        ("Market orders without market protection are not allowed via API", "MARKET and SL-M"),
        ("Insufficient permission for that call.", "The plan of the api key lacks it"),
    ],
)
def test_a_refusal_is_explained(folder: Path, message: str, why: str) -> None:
    connection = Connection(folder.parent, KiteSettings(), ManualClock(OPEN), env={})
    connection.notes.refused(403, "PermissionException", message)
    rows = {each.name: each for each in health.rows(connection, asked=True)}
    assert message in rows["kite refusal"].detail
    assert rows["kite refusal"].fix.startswith(why)
