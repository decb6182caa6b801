"""`fetch candles`: words of the command, what is stored, and that a second load changes nothing."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_candles import fetch_candles, parse_mapping
from alphastock_cli.actions.lake_status import rejects, status
from alphastock_cli.actions.sql_tables import Tables
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import BadReply, UnknownName, UsageError
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

DAY = date(2024, 8, 22)
TEXT = (
    "date,open,high,low,close,volume\n"
    "2024-08-22 09:15,10,12,9,11,5\n"
    "2024-08-22 09:16,11,13,10,12,6\n"
    "2024-08-22 09:16,11,13,10,12,6\n"
    "2024-08-22 09:17,11,13,12,12,6\n"
    "2024-08-23 15:29,11,13,10,12,7\n"
)


def at(clock: str, day: date = DAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sbin.csv"
    path.write_text(TEXT)
    return path


def load(lake: Lake, clock: ManualClock, file: Path, **words: str):
    return fetch_candles(lake, clock, file, **{"symbol": "sbin", "interval": "minute"} | words)


def stamps(lake: Lake) -> dict[str, tuple[int, int]]:
    files = {path.name: path.stat() for path in lake.root.rglob("*.parquet")}
    return {name: (stat.st_mtime_ns, stat.st_ino) for name, stat in files.items()}


def test_good_candles_are_stored_and_the_rest_told(
    lake: Lake, clock: ManualClock, file: Path
) -> None:
    result = load(lake, clock, file)
    assert result.kind == "fetch_candles"
    row = next(result.records())
    assert row == {
        "symbol": "SBIN", "dataset": "candles_minute", "rows": 5, "added": 3, "changed": 0,
        "unchanged": 0, "repeated": 1, "rejected": 1, "sessions": 2,
        "first": at("09:15"), "last": at("15:29", date(2024, 8, 23)),
        "exchange": "NSE", "file": "sbin.csv", "form": "candles_csv",
    }  # fmt: skip
    assert result.warnings == (
        "1 rows repeat another one exactly",
        "1 × low, open, close and high contradict each other",
        "`alphastock lake rejects` lists every refused row with its reason",
    )
    stored = lake.scan("candles_minute").collect()
    assert stored["close"].to_list() == [11.0, 12.0, 12.0]
    assert rejects(lake).summary["refused"] == 1
    assert lake.last_load("candles_minute") is not None


def test_a_second_load_changes_nothing(lake: Lake, clock: ManualClock, file: Path) -> None:
    load(lake, clock, file)
    before = stamps(lake)
    result = load(lake, clock, file)
    assert result.warnings[0] == "nothing new: all 3 candles were stored already"
    assert result.summary["rows_added"] == 0
    assert stamps(lake) == before
    assert len(before) == 2


def test_a_changed_candle_is_told(lake: Lake, clock: ManualClock, file: Path) -> None:
    load(lake, clock, file)
    file.write_text(TEXT.replace("09:15,10,12,9,11,5", "09:15,10,12,9,11.5,5"))
    result = load(lake, clock, file)
    assert result.summary["rows_changed"] == 1
    assert "1 stored candles were replaced by those of this file" in result.warnings


def test_the_name_of_an_index_is_one(lake: Lake, clock: ManualClock, file: Path) -> None:
    load(lake, clock, file, symbol="banknifty")
    frame = lake.scan("candles_minute").collect()
    assert set(frame["symbol"]) == {"NIFTY BANK"}


def test_a_file_without_a_good_row_stores_its_refusals(
    lake: Lake, clock: ManualClock, file: Path
) -> None:
    file.write_text(TEXT.replace("2024-08-2", "2044-08-2"))
    with pytest.raises(BadReply, match=r"no row of sbin.csv could be used: 4 × not over yet"):
        load(lake, clock, file)
    assert lake.scan("candles_minute").collect().is_empty()
    assert rejects(lake).summary["refused"] == 5


def test_words_that_cannot_be_read(lake: Lake, clock: ManualClock, file: Path) -> None:
    with pytest.raises(UsageError, match="daily files are loaded of indices only") as caught:
        load(lake, clock, file, interval="day")
    assert "fetch eod" in caught.value.hint
    with pytest.raises(UnknownName, match="interval '5min'") as caught:
        load(lake, clock, file, interval="5min")
    assert "5minute" in caught.value.hint
    with pytest.raises(UnknownName, match="exchange 'NYSE'"):
        load(lake, clock, file, exchange="NYSE")
    with pytest.raises(UsageError, match="--symbol is empty"):
        load(lake, clock, file, symbol=" ")
    assert not list(lake.root.rglob("*.parquet"))


def test_a_mapping_is_pairs() -> None:
    assert parse_mapping("") == {}
    assert parse_mapping(" close = LTP , date=Trade Date") == {"close": "LTP", "date": "Trade Date"}
    for text in ("close", "close=", "=x", "close=a,,open=b"):
        with pytest.raises(UsageError, match="is not FIELD=COLUMN"):
            parse_mapping(text)
    with pytest.raises(UsageError, match="close is named twice"):
        parse_mapping("close=a,close=b")


# -- where stored candles are shown ---------------------------------------------------------------


def test_status_counts_candles_by_exchange(lake: Lake, clock: ManualClock, file: Path) -> None:
    load(lake, clock, file)
    load(lake, clock, file, symbol="INFY")
    row = next(r for r in status(lake, clock).records() if r["dataset"] == "candles_minute")
    assert (row["exchange"], row["rows"], row["symbols"], row["sessions"]) == ("NSE", 6, 2, 2)
    assert (row["first"], row["last"]) == (DAY, date(2024, 8, 23))
    assert row["gaps"] is None
    assert row["age_days"] == (clock.now().date() - date(2024, 8, 23)).days


class Sources:
    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def provider(self, name: str | None = None) -> MarketData:
        raise AssertionError(name)


def test_sql_shows_candles_over_at_the_moment(lake: Lake, clock: ManualClock, file: Path) -> None:
    load(lake, clock, file)
    friday = date(2024, 8, 23)
    for moment, count, end in (
        (None, 3, at("15:30", friday)),
        (at("09:15"), 0, None),
        (at("09:16"), 1, at("09:16")),
        (at("09:16", friday), 2, at("09:17")),
        (at("15:30", friday), 3, at("15:30", friday)),
    ):
        tables = Tables(Sources(lake), as_of=moment)
        assert tables["candles_minute"].collect().height == count, moment
        assert tables.as_of == end, moment


def test_sql_counts_a_short_last_candle_as_over_with_its_session(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "h.csv"
    path.write_text(
        "date,open,high,low,close\n2024-08-22 14:15,1,1,1,1\n2024-08-22 15:15,1,1,1,1\n"
    )
    load(lake, clock, path, interval="60minute")
    for clock_time, count in (("15:14", 0), ("15:15", 1), ("15:29", 1), ("15:30", 2)):
        tables = Tables(Sources(lake), as_of=at(clock_time))
        assert tables["candles_60minute"].collect().height == count, clock_time
    whole = Tables(Sources(lake))
    assert whole["candles_60minute"].select(pl.len()).collect().item() == 2
    assert whole.as_of == at("15:30")
