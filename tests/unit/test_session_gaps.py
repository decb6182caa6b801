"""`lake gaps` of candles: by symbol, the sessions without one, and those in doubt."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.actions.fetch_candles import fetch_candles, last_load
from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.unit.seam_world import FIRST, LAST, NOW, SESSIONS, Broker, Row


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.mark.parametrize("interval", ["15minute", "day"])
def test_gaps_are_told_by_symbol(lake: Lake, interval: str) -> None:
    broker = Broker(ManualClock(NOW))
    for first, last in ((FIRST, SESSIONS[3]), (SESSIONS[7], LAST)):
        for name in ("SBIN", "INFY") if first == FIRST or interval == "day" else ("SBIN",):
            fetch_history(broker, lake, broker.clock, HistoryRequest(
                symbols=(name,), interval=interval, first=first, last=last))  # fmt: skip
    found = lake_status.gaps(lake, dataset=f"candles_{interval}", exchange="NSE")
    rows = [(row["symbol"], row["date"]) for row in found.records()]
    # days are asked for whole, so none is missing between
    assert rows == ([] if interval == "day" else [("SBIN", day) for day in SESSIONS[4:7]])
    assert found.summary["missing"] == len(rows)
    assert found.summary["symbols"] == 2


def test_a_session_without_a_candle_is_told_apart(lake: Lake) -> None:
    broker = Broker(ManualClock(NOW))

    def without(_: str, rows: list[Row]) -> list[Row]:
        return [row for row in rows if row[0][:10] not in {str(SESSIONS[4]), str(SESSIONS[5])}]

    broker.spoil = without
    for _ in range(2):
        fetch_history(broker, lake, broker.clock, HistoryRequest(
            symbols=("SBIN",), interval="15minute", first=FIRST, last=LAST))  # fmt: skip
        found = lake_status.gaps(lake, dataset="candles_15minute", exchange="NSE")
        assert [row["date"] for row in found.records()] == SESSIONS[4:6]
    assert {row["reason"] for row in found.records()} == {
        "a session that was answered without a candle"
    }


def test_nothing_stored_is_told(lake: Lake) -> None:
    found = lake_status.gaps(lake, dataset="candles_minute", exchange="NSE")
    assert found.warnings == ("no candles_minute of NSE is stored",)


def test_a_file_is_fresh_in_the_words_it_was_loaded_with(lake: Lake, tmp_path: Path) -> None:
    broker = Broker(ManualClock(NOW + timedelta(days=1)))
    rows = broker.rows("SBIN", (FIRST, FIRST), Interval("30minute"))
    file = tmp_path / "SBIN.csv"
    file.write_text("\n".join(["timestamp,open,high,low,close,volume",
                               *(",".join(map(str, row)) for row in rows)]))  # fmt: skip
    assert last_load(lake, file, symbol="SBIN", interval="30minute") is None
    fetch_candles(lake, broker.clock, file, symbol="SBIN", interval="30minute")
    assert last_load(lake, file, symbol="SBIN", interval="30minute") is not None
    other = tmp_path / "INFY.csv"
    assert last_load(lake, other, symbol="SBIN", interval="30minute") is None
    assert last_load(lake, file, symbol="INFY", interval="30minute") is None
    assert last_load(lake, file, symbol="SBIN", interval="15minute") is None
    assert last_load(lake, file, symbol="SBIN", interval="30minute", exchange="BSE") is None
