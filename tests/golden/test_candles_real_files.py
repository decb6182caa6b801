"""Real candle files: every row accounted for, against independent readers."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from alphastock_cli.actions.fetch_candles import fetch_candles
from alphastock_cli.analytics.resample import gathered
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import UsageError
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.replay import Replay
from alphastock_cli.store.candle_checks import CandleFile, read_candles
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

NOW = datetime(2026, 11, 20, 18, tzinfo=IST)
OUTSIDE = "outside the trading hours of that day"
# file, symbol asked for, symbol stored, rows, stored, repeats, refused
CSV = [
    ("NIFTY_2024_1min", "NIFTY", "NIFTY 50", 58_127, 57_960, 167),
    ("BNF_2024_1min", "NIFTY BANK", "NIFTY BANK", 58_127, 57_960, 167),
    ("BANKNIFTY_1min_2023-04_2023-06", "BANKNIFTY", "NIFTY BANK", 15_001, 15_000, 1),
    ("SBIN_1min_2023-04_2023-06", "SBIN", "SBIN", 15_001, 15_000, 1),
    ("ICICIBANK_1min_2023-04_2023-06", "ICICIBANK", "ICICIBANK", 15_001, 15_000, 1),
    ("INDIAVIX_1min_2023-04_2023-06", "INDIAVIX", "INDIA VIX", 15_001, 15_000, 1),
]
PARQUET = [
    ("HDFCBANK-EQ_1min", "HDFCBANK", Interval.MINUTE, 91_831, 6),
    ("INFY-EQ_1min", "INFY", Interval.MINUTE, 91_844, 6),
    ("MARUTI-EQ_1min", "MARUTI", Interval.MINUTE, 91_790, 0),
    ("BAJFINANCE-EQ_1min", "BAJFINANCE", Interval.MINUTE, 3_001, 0),
    ("NIFTY_index_5minute_1825d", "NIFTY 50", Interval.MINUTE_5, 92_603, 0),
]


@lru_cache(maxsize=2)
def read(path: Path, symbol: str, interval: Interval = Interval.MINUTE) -> CandleFile:
    return read_candles(path, symbol=symbol, exchange=Exchange.NSE, interval=interval, now=NOW)


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a packed CSV by the standard library, names in lower case."""
    with gzip.open(path, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {name.lower(): value for name, value in row.items()}


def moment_of(row: dict[str, str]) -> datetime:
    if "time" in row:
        return datetime.strptime(row["date"] + row["time"], "%Y%m%d%H:%M").replace(tzinfo=IST)
    return datetime.fromisoformat(row["date"]).astimezone(IST)


@pytest.mark.parametrize("case", CSV, ids=lambda case: case[0])
def test_a_csv_file_against_the_standard_library(
    shared_data: Path, case: tuple[str, str, str, int, int, int]
) -> None:
    name, asked, stored, rows, good, refused = case
    path = shared_data / "intraday" / f"{name}.csv.gz"
    found = read(path, asked)
    assert (found.symbol, found.rows, found.candles.height) == (stored, rows, good)
    assert (found.repeated, found.rejects.height) == (0, refused)
    assert set(found.rejects["reason"]) == {OUTSIDE}
    prices = ("open", "high", "low", "close")
    truth: dict[datetime, tuple[Any, ...]] = {}
    for row in rows_of(path):
        volume = int(row["volume"]) if stored in {"SBIN", "ICICIBANK"} else None
        truth[moment_of(row)] = (*(float(row[p]) for p in prices), volume)
    held = found.candles.select("time", *prices, "volume").rows()
    assert len(truth) == rows
    assert all(truth.pop(moment) == (*values,) for moment, *values in held)
    assert len(truth) == refused  # what is left was refused
    assert Counter(m.date() for m in truth) == Counter(found.rejects["date"])


@pytest.mark.parametrize("case", PARQUET, ids=lambda case: case[0])
def test_a_parquet_file_against_duckdb(
    shared_data: Path, case: tuple[str, str, Interval, int, int]
) -> None:
    name, symbol, interval, good, repeated = case
    path = shared_data / "intraday" / f"{name}.parquet"
    found = read(path, symbol, interval)
    assert (found.candles.height, found.repeated, found.rejects.height) == (good, repeated, 0)
    stamp = "timestamp" if symbol != "NIFTY 50" else "date"
    query = f"""
        select count(*), min(moment), max(moment),
               sum(open), sum(high), sum(low), sum(close), sum(volume)
        from (select distinct epoch_us(cast("{stamp}" as timestamptz)) as moment,
              open, high, low, close, volume from read_parquet(?))"""
    count, first, last, *sums = duckdb.connect().execute(query, [str(path)]).fetchone() or ()
    c = found.candles
    assert c.height == count
    stamps = c["time"].to_physical()
    assert (stamps.min(), stamps.max()) == (first, last)
    for column, total in zip(("open", "high", "low", "close"), sums, strict=False):
        assert c[column].sum() == pytest.approx(total, rel=1e-12)
    assert c["volume"].sum() == (0 if symbol == "NIFTY 50" else sums[-1])
    assert c["volume"].null_count() == (c.height if symbol == "NIFTY 50" else 0)


@pytest.mark.parametrize("name", ["NIFTY_index_day_full", "BANKNIFTY_index_day_full"])
def test_daily_files_are_no_minutes(shared_data: Path, name: str) -> None:
    with pytest.raises(UsageError, match="daily rows"):
        read(shared_data / "intraday" / f"{name}.parquet", "NIFTY 50")


def test_a_five_minute_file_is_no_minute_file(shared_data: Path) -> None:
    folder = shared_data / "intraday"
    with pytest.raises(UsageError, match="lie 5 min apart"):
        read(folder / "NIFTY_index_5minute_1825d.parquet", "NIFTY 50")
    with pytest.raises(UsageError, match="lie 1 min apart"):
        read(folder / "NIFTY_2024_1min.csv.gz", "NIFTY 50", Interval.MINUTE_5)


def index() -> Instrument:
    return Instrument(exchange=Exchange.NSE, tradingsymbol="NIFTY 50", asset_type=AssetType.INDEX)


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("candles") / "lake")
    clock = ManualClock(NOW)
    for file, symbol, interval in (
        ("NIFTY_2024_1min.csv.gz", "NIFTY", "minute"),
        ("NIFTY_index_5minute_1825d.parquet", "NIFTY 50", "5minute"),
        ("HDFCBANK-EQ_1min.parquet", "HDFCBANK", "minute"),
    ):
        path = shared_data / "intraday" / file
        fetch_candles(made, clock, path, symbol=symbol, interval=interval)
    return made


def test_a_second_load_leaves_the_files_alone(shared_data: Path, lake: Lake) -> None:
    before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")}
    path = shared_data / "intraday/NIFTY_2024_1min.csv.gz"
    result = fetch_candles(lake, ManualClock(NOW), path, symbol="NIFTY", interval="minute")
    assert result.warnings[0].startswith("nothing new")
    assert {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")} == before


def test_minutes_of_one_collector_make_the_candles_of_another(lake: Lake) -> None:
    """Two sources of the same index: five of the one's minutes are the other's candle."""
    source = LakeProvider(lake, ManualClock(NOW))
    start, end = (datetime(2024, month, 1, tzinfo=IST) for month in (7, 8))
    fives = source.candles(index(), Interval.MINUTE_5, start, end)
    minutes = source.candles(index(), Interval.MINUTE, start, end)
    made = gathered(minutes, Interval.MINUTE_5)
    both = made.join(fives, on="time", suffix="_other")
    assert both.height == made.height == 21 * 75  # the minutes lack one of the 22 sessions
    for column in ("high", "low", "close"):
        gap = (both[column] / both[f"{column}_other"] - 1).abs()
        assert gap.median() < 1e-9, column
        assert gap.max() < 1e-3, column


def test_a_real_day_is_replayed_minute_by_minute(shared_data: Path, lake: Lake) -> None:
    day = date(2024, 8, 22)
    clock = ManualClock(datetime(2024, 8, 22, 9, 15, 30, tzinfo=IST))
    replay = Replay(lake, clock, day)
    assert replay.symbols() == ("NSE:HDFCBANK", "NSE:NIFTY 50")
    truth = [row for row in rows_of(shared_data / "intraday/NIFTY_2024_1min.csv.gz")
             if row["date"] == "20240822"]  # fmt: skip
    assert len(truth) == 375
    assert replay.quotes(["NSE:NIFTY 50"]) == {}
    for number, row in enumerate(truth, 1):
        clock.advance(timedelta(minutes=1))
        quote = replay.quotes(["NSE:NIFTY 50"])["NSE:NIFTY 50"]
        assert (quote.last_price, quote.time) == (
            float(row["close"]), moment_of(row) + timedelta(minutes=1),
        )  # fmt: skip
        assert quote.high == max(float(r["high"]) for r in truth[:number])
    assert quote.previous_close == 24_781.9  # the last minute of the day before
    fives = replay.candles(index(), Interval.MINUTE_5, replay.session.opens, replay.session.closes)
    assert fives.height == 75
