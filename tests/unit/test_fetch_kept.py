"""Answers of a fetch are kept until they are stored; what an error says of them is true."""

from __future__ import annotations

import shutil
import threading
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import Locked, StorageError
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.unit.seam_world import FIRST, LAST, NOW, SESSIONS, Broker, Span
from tests.unit.test_lock import another_process

NAMES = ("SBIN", "INFY", "TCS")


class Hearing(Broker):
    """Lets a test do something at a call."""

    def __init__(self, clock: ManualClock, **more: Any) -> None:
        super().__init__(clock, **more)
        self.at: dict[int, Any] = {}

    def checked(
        self, row: dict[str, Any], interval: Interval, span: Span, **more: bool
    ) -> CandleFile:
        found = super().checked(row, interval, span, **more)
        if len(self.calls) in self.at:
            self.at[len(self.calls)]()
        return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def asked(*symbols: str, **more: Any) -> HistoryRequest:
    words: dict[str, Any] = {"interval": "15minute", "first": FIRST, "last": LAST} | more
    return HistoryRequest(symbols=symbols or NAMES, **words)


def symbols(lake: Lake, dataset: str = "candles_15minute") -> set[str]:
    return set(lake.scan(dataset).collect()["symbol"])


# -- the lock ------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", ["15minute", "day"])
def test_a_neighbours_short_write_is_waited_for_and_told(
    lake: Lake, clock: ManualClock, interval: str
) -> None:
    lake.root.mkdir()
    told: list[str] = []
    with another_process(lake.lock_path, 0.4):
        done = fetch_history(Broker(clock), lake, clock, asked(interval=interval),
                             progress=told.append)  # fmt: skip
    assert done.summary["calls"] == 3
    assert symbols(lake, f"candles_{interval}") == set(NAMES)
    assert [text for text in told if text.startswith("waiting for process")]
    assert lake.lock_wait == 0.0, "its patience ends with the fetch"


def test_what_cannot_be_stored_is_not_asked_for(lake: Lake, clock: ManualClock) -> None:
    lake.root.mkdir()
    broker = Broker(clock)
    with another_process(lake.lock_path), pytest.raises(Locked, match=r"waited 0\.2 s") as caught:
        fetch_history(broker, lake, clock, asked(), patience=0.2)
    assert broker.calls == []
    assert caught.value.exit_code == 11
    assert fetch_history(broker, lake, clock, asked()).summary["calls"] == 3


def test_a_plan_and_a_fetch_of_nothing_wait_for_nobody(lake: Lake, clock: ManualClock) -> None:
    broker = Broker(clock)
    fetch_history(broker, lake, clock, asked())
    with another_process(lake.lock_path):
        assert show_plan(broker, lake, asked()).summary["calls"] == 0


@pytest.mark.parametrize(("interval", "longest"), [("15minute", 60), ("15minute", 5), ("day", 60)])
def test_a_lock_that_stays_loses_answers_and_says_so(
    lake: Lake, clock: ManualClock, interval: str, longest: int
) -> None:
    broker = Hearing(clock, longest=longest)
    total = show_plan(broker, lake, asked(interval=interval)).summary["calls"]
    holder = another_process(lake.lock_path)
    broker.at[2] = holder.__enter__
    try:
        with pytest.raises(Locked) as caught:
            fetch_history(broker, lake, clock, asked(interval=interval), patience=0.1)
    finally:
        holder.__exit__(None, None, None)
    assert caught.value.safe == (
        f"The answers of 0 of {total} calls are stored, those of {total} are not."
    )
    assert not lake.files(f"candles_{interval}")
    again = fetch_history(broker, lake, clock, asked(interval=interval))
    assert again.summary["calls"] == total


def test_a_lock_in_the_middle_keeps_what_was_stored_before(lake: Lake, clock: ManualClock) -> None:
    broker = Hearing(clock)
    holder = another_process(lake.lock_path)
    broker.at[1] = lambda: clock.sleep(20.0)  # old enough to be stored
    broker.at[2] = holder.__enter__
    try:
        with pytest.raises(Locked) as caught:
            fetch_history(broker, lake, clock, asked(), patience=0.1)
    finally:
        holder.__exit__(None, None, None)
    assert caught.value.safe == "The answers of 1 of 3 calls are stored, those of 2 are not."
    assert symbols(lake) == {"SBIN"}
    assert fetch_history(broker, lake, clock, asked()).summary["calls"] == 2
    assert symbols(lake) == set(NAMES)


def test_trouble_of_the_source_is_told_beside_that_of_the_lake(
    lake: Lake, clock: ManualClock
) -> None:
    broker = Hearing(clock)
    broker.stop_at = 2
    holder = another_process(lake.lock_path)
    broker.at[2] = holder.__enter__
    try:
        with pytest.raises(Locked, match="before that: it does not answer") as caught:
            fetch_history(broker, lake, clock, asked(), patience=0.1)
    finally:
        holder.__exit__(None, None, None)
    assert caught.value.safe == "The answers of 0 of 3 calls are stored, those of 2 are not."


def test_three_at_once_end_well(lake: Lake, clock: ManualClock) -> None:
    trouble: list[BaseException] = []

    def run(name: str) -> None:
        own = Lake(lake.root)
        try:
            for last in SESSIONS[3::3]:
                fetch_history(Broker(clock), own, clock, asked(name, last=last))
        except BaseException as error:  # noqa: BLE001 - told below
            trouble.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in NAMES]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert not trouble
    for name in NAMES:
        broker = Broker(clock)
        assert show_plan(broker, lake, asked(name, last=SESSIONS[-1])).rows[0]["stored"] >= 15
        want = len(broker.rows(name, (FIRST, SESSIONS[15]), Interval("15minute")))
        assert lake.scan("candles_15minute").filter(symbol=name).collect().height >= want


# -- the disk ------------------------------------------------------------------------------------


def test_a_disk_that_says_no_names_what_it_has(lake: Lake, clock: ManualClock) -> None:
    """A file where the folder should be: as a full disk, but also for root."""
    broker = Hearing(clock)

    def full() -> None:
        shutil.rmtree(lake.root / "candles_15minute")
        (lake.root / "candles_15minute").write_text("")

    broker.at[1] = lambda: clock.sleep(20.0)
    broker.at[2] = full
    with pytest.raises(StorageError) as caught:
        fetch_history(broker, lake, clock, asked())
    assert caught.value.exit_code == 9
    assert caught.value.safe == "The answers of 1 of 3 calls are stored, those of 2 are not."


def test_an_interrupt_stores_what_was_answered(lake: Lake, clock: ManualClock) -> None:
    broker = Hearing(clock)

    def stop() -> None:
        raise KeyboardInterrupt

    broker.at[3] = stop
    with pytest.raises(KeyboardInterrupt):
        fetch_history(broker, lake, clock, asked())
    assert symbols(lake) == {"SBIN", "INFY"}


# -- the same twice, and what is fresh -----------------------------------------------------------


class Synonyms(Broker):
    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        return super().listed(exchange, {"STATE BANK": "SBIN"}.get(symbol.upper(), symbol.upper()))


@pytest.mark.parametrize("interval", ["15minute", "day"])
def test_an_instrument_named_twice_is_asked_for_once(
    lake: Lake, clock: ManualClock, interval: str
) -> None:
    broker = Synonyms(clock)
    request = asked("SBIN", "sbin", "State Bank", "INFY", interval=interval)
    assert [row["symbol"] for row in show_plan(broker, lake, request).records()] == ["SBIN", "INFY"]
    done = fetch_history(broker, lake, clock, request)
    assert [symbol for symbol, _ in broker.calls] == ["SBIN", "INFY"]
    assert done.summary["calls"] == 2


def test_what_is_fresh_is_what_was_asked_for(lake: Lake, clock: ManualClock) -> None:
    from alphastock_cli.actions.fetch_history import last_fetch

    broker = Synonyms(clock)
    assert last_fetch(lake, asked("SBIN")) is None
    fetch_history(broker, lake, clock, asked("SBIN", last=None))
    first = clock.now()
    clock.sleep(600.0)
    fetch_history(broker, lake, clock, asked("INFY", last=None))
    for request in (asked("SBIN", last=None), asked(" sbin ", last=SESSIONS[4]), asked("SBIN"),
                    asked("SBIN", "INFY"), asked("SBIN", first=SESSIONS[3])):  # fmt: skip
        assert last_fetch(lake, request) == first
    assert last_fetch(lake, asked("INFY", last=None)) == clock.now()
    for request in (asked("SBIN", "TCS", last=None), asked("SBIN", exchange="BSE", last=None),
                    asked("SBIN", interval="minute"), asked("SBIN", first=date(2026, 5, 4)),
                    asked("SBIN", oi=True), asked("SBIN", refetch=True)):  # fmt: skip
        assert last_fetch(lake, request) is None
    (lake.root / "candles_15minute" / ".fetched.json").write_text('{"NSE:SBIN": {"at": 3}}')
    assert last_fetch(lake, asked("SBIN", last=None)) is None


def test_a_fetch_that_failed_is_not_fresh(lake: Lake, clock: ManualClock) -> None:
    from alphastock_cli.actions.fetch_history import last_fetch

    broker = Hearing(clock)
    broker.stop_at = 1
    with pytest.raises(Exception, match="does not answer"):
        fetch_history(broker, lake, clock, asked())
    assert last_fetch(lake, asked()) is None
    assert isinstance(lake.last_load("candles_15minute"), datetime | None)
