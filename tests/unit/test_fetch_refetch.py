"""First answers, and those of `--refetch`: believed before anything is stored or replaced."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.errors import AlphaStockError, PartlyDone, TransientError
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.unit.seam_world import (
    DATASET,
    FIRST,
    LAST,
    NEXT,
    NOW,
    Broker,
    Row,
    asked,
    instead,
    reasons,
    stored,
    truth,
)


@pytest.fixture
def broker() -> Broker:
    return Broker(ManualClock(NOW))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_one_that_has_no_answer_leaves_all_as_it_was(broker: Broker, lake: Lake) -> None:
    fetch_history(broker, lake, broker.clock, asked())
    before = (lake.root / DATASET / ".answered.json").read_bytes()
    broker.stop_at = len(broker.calls)
    with pytest.raises(TransientError):
        fetch_history(broker, lake, broker.clock, asked(first=NEXT, refetch=True))
    assert (lake.root / DATASET / ".answered.json").read_bytes() == before
    assert show_plan(broker, lake, asked()).summary["calls"] == 0
    broker.stop_at = None
    broker.teller = instead("SBIN", "INFY")
    fetch_history(
        broker, lake, broker.clock, asked()
    )  # nothing is asked, so nothing is overwritten
    assert stored(lake) == truth(broker, "SBIN")


@pytest.mark.parametrize("interval", ["15minute", "day"])
@pytest.mark.parametrize("longest", [60, 6])
def test_another_instruments_answer_replaces_nothing_unless_told_twice(
    lake: Lake, interval: str, longest: int
) -> None:
    broker = Broker(ManualClock(NOW), longest=longest)
    words = HistoryRequest(symbols=("SBIN",), interval=interval, first=FIRST, last=LAST)
    anew = HistoryRequest(
        symbols=("SBIN",), interval=interval, first=FIRST, last=LAST, refetch=True
    )
    fetch_history(broker, lake, broker.clock, words)
    before = lake.scan(f"candles_{interval}").collect()
    first = len(broker.calls) + 1
    broker.teller = instead("SBIN", "INFY", lambda number: number == first)
    with pytest.raises(PartlyDone, match="nor told twice"):
        fetch_history(broker, lake, broker.clock, anew)
    assert lake.scan(f"candles_{interval}").collect().equals(before)
    assert sum(reasons(lake).values()) > 0
    broker.teller = lambda symbol, _: symbol
    fetch_history(broker, lake, broker.clock, anew)
    assert lake.scan(f"candles_{interval}").collect().equals(before)


def test_a_wrong_first_answer_is_replaced_by_the_right_one_told_twice(
    broker: Broker, lake: Lake
) -> None:
    broker.teller = instead("SBIN", "INFY")
    fetch_history(broker, lake, broker.clock, asked())
    broker.teller = lambda symbol, _: symbol
    done = fetch_history(broker, lake, broker.clock, asked(refetch=True))
    assert stored(lake) == truth(broker, "SBIN")
    assert any("told twice: replaced" in text for text in done.warnings)


@pytest.mark.parametrize("seed", range(4))
def test_a_hole_takes_no_stored_candle_away(broker: Broker, lake: Lake, seed: int) -> None:
    fetch_history(broker, lake, broker.clock, asked())

    def holed(_: str, rows: list[Row]) -> list[Row]:
        dice = random.Random(seed)
        return [row for row in rows if dice.random() > 0.1]

    broker.spoil = holed
    fetch_history(broker, lake, broker.clock, asked(refetch=True))
    fetch_history(broker, lake, broker.clock, asked())
    assert stored(lake) == truth(broker, "SBIN")


@pytest.mark.parametrize("interval", ["15minute", "day"])
def test_a_first_answer_is_held_against_the_quote_of_the_newest_session(
    broker: Broker, lake: Lake, interval: str
) -> None:
    broker.quoted = True
    words = HistoryRequest(symbols=("SBIN", "TCS"), interval=interval, first=FIRST, last=LAST)
    broker.teller = instead("SBIN", "INFY")
    with pytest.raises(PartlyDone, match="SBIN: not the prices of SBIN in its quote"):
        fetch_history(broker, lake, broker.clock, words)
    held = lake.scan(f"candles_{interval}").collect()
    assert set(held["symbol"]) == {"TCS"}
    broker.teller = lambda symbol, _: symbol
    fetch_history(broker, lake, broker.clock, words)
    held = lake.scan(f"candles_{interval}").collect()
    assert set(held["symbol"]) == {"SBIN", "TCS"}


def test_of_older_days_no_quote_can_speak(broker: Broker, lake: Lake) -> None:
    broker.quoted = True
    broker.clock.advance(timedelta(days=30))
    fetch_history(broker, lake, broker.clock, asked())
    assert stored(lake) == truth(broker, "SBIN")


def test_what_is_gone_is_told(broker: Broker, lake: Lake) -> None:
    fetch_history(broker, lake, broker.clock, asked())
    broker.split["SBIN"] = (LAST + timedelta(days=1), 0.5)
    broker.spoil = lambda _, rows: [row for row in rows if row[0][11:16] != "10:15"]
    done = fetch_history(broker, lake, broker.clock, asked(refetch=True))
    gone = len({day for _, day in truth(broker, "SBIN") if f"{day:%H:%M}" == "10:15"})
    assert any(f"{gone} stored candles of SBIN that Kite no longer tells are gone" in text
               for text in done.warnings)  # fmt: skip


def test_settled_doubts_are_named_when_nothing_is_asked(broker: Broker, lake: Lake) -> None:
    def spoiled(_: str, rows: list[Row]) -> list[Row]:
        rows[3][2], rows[3][3] = rows[3][3] - 5.0, rows[3][2] + 5.0
        return rows

    broker.spoil = spoiled
    for _ in range(2):
        fetch_history(broker, lake, broker.clock, asked())
    done = fetch_history(broker, lake, broker.clock, asked())
    assert done.summary["calls"] == 0
    assert "1 with refused or missing candles, told twice (--refetch)" in done.warnings[0]


def test_one_that_is_refused_on_its_way_goes_on_the_next_time(lake: Lake) -> None:
    broker = Broker(ManualClock(NOW), longest=6)
    fetch_history(broker, lake, broker.clock, asked())
    broker.split["SBIN"] = (LAST + timedelta(days=1), 0.5)
    third = len(broker.calls) + 3
    broker.teller = instead("SBIN", "INFY", lambda number: number == third)
    with pytest.raises(AlphaStockError):
        fetch_history(broker, lake, broker.clock, asked(refetch=True))
    broker.teller = lambda symbol, _: symbol
    fetch_history(broker, lake, broker.clock, asked(first=LAST))
    assert stored(lake) == truth(broker, "SBIN")
