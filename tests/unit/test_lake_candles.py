"""Candles inside the day out of the lake: as stored, gathered, and never beyond the moment."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import NotOffered, UsageError
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
WED, THU = D(2024, 8, 21), D(2024, 8, 22)
LONG_AGO = datetime(2024, 8, 1, tzinfo=IST)
LATE = datetime(2026, 11, 20, 18, tzinfo=IST)


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def series(
    day: date, symbol: str, count: int, *, step: int = 1, base: float = 100.0
) -> pl.DataFrame:
    rows = [
        {"time": at(day, "09:15") + timedelta(minutes=step * n), "exchange": "NSE",
         "symbol": symbol, "open": base + n, "high": base + n + 2, "low": base + n - 1,
         "close": base + n + 1, "volume": 10 + n}
        for n in range(count)
    ]  # fmt: skip
    return conform(pl.DataFrame(rows), CANDLES, what="test")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.upsert("candles_minute", series(THU, "SBIN", 375))
    lake.upsert("candles_minute", series(THU, "NIFTY BANK", 3, base=50_000.0))
    lake.upsert("candles_5minute", series(WED, "SBIN", 75, step=5, base=500.0))
    lake.upsert("candles_15minute", series(WED, "INFY", 25, step=15))
    return lake


def share(symbol: str = "SBIN", kind: AssetType = AssetType.EQUITY) -> Instrument:
    return Instrument(exchange=Exchange.NSE, tradingsymbol=symbol, asset_type=kind)


def ask(
    lake: Lake,
    interval: Interval,
    *,
    moment: datetime = LATE,
    instrument: Instrument | None = None,
    start: datetime = LONG_AGO,
    end: datetime = LATE,
) -> pl.DataFrame:
    source = LakeProvider(lake, ManualClock(LATE), as_of=moment)
    return source.candles(instrument or share(), interval, start, end)


def test_stored_minutes_come_as_they_are(lake: Lake) -> None:
    frame = ask(lake, Interval.MINUTE)
    assert frame.equals(series(THU, "SBIN", 375))


def test_each_day_comes_from_what_is_stored_of_it(lake: Lake) -> None:
    frame = ask(lake, Interval.MINUTE_15)
    assert frame.schema == CANDLES
    assert frame["time"].is_sorted()
    days = frame.group_by(pl.col("time").dt.date()).len().sort("time").rows()
    assert days == [(WED, 25), (THU, 25)]
    assert frame.row(0, named=True)["open"] == 500.0
    first = frame.filter(pl.col("time") == at(THU, "09:15")).row(0, named=True)
    assert (first["open"], first["high"], first["low"], first["close"]) == (100.0, 116.0, 99.0, 115)
    assert first["volume"] == sum(10 + n for n in range(15))


def test_the_stored_interval_is_taken_before_a_finer_one(lake: Lake) -> None:
    lake.upsert("candles_5minute", series(THU, "SBIN", 75, step=5, base=900.0))
    frame = ask(lake, Interval.MINUTE_5, start=at(THU, "00:00"))
    assert frame["open"][0] == 900.0
    # thirty minutes are gathered from the finest
    assert ask(lake, Interval.MINUTE_30, start=at(THU, "00:00"))["open"][0] == 100.0


def test_the_last_candle_of_a_day_may_be_shorter(lake: Lake) -> None:
    frame = ask(lake, Interval.MINUTE_60, start=at(THU, "00:00"))
    assert [f"{t:%H:%M}" for t in frame["time"]] == [
        "09:15", "10:15", "11:15", "12:15", "13:15", "14:15", "15:15",
    ]  # fmt: skip
    assert frame["volume"][-1] == sum(10 + n for n in range(360, 375))


@pytest.mark.parametrize(
    ("clock", "interval", "last"),
    [
        ("09:15", Interval.MINUTE, None),
        ("09:16", Interval.MINUTE, "09:15"),
        ("09:29", Interval.MINUTE_15, None),
        ("09:30", Interval.MINUTE_15, "09:15"),
        ("15:29", Interval.MINUTE_60, "14:15"),
        ("15:30", Interval.MINUTE_60, "15:15"),
    ],
)
def test_nothing_beyond_the_moment(
    lake: Lake, clock: str, interval: Interval, last: str | None
) -> None:
    frame = ask(lake, interval, moment=at(THU, clock), start=at(THU, "00:00"))
    assert (f"{frame['time'][-1]:%H:%M}" if frame.height else None) == last


def test_the_range_is_half_open(lake: Lake) -> None:
    frame = ask(lake, Interval.MINUTE, start=at(THU, "10:00"), end=at(THU, "10:03"))
    assert [f"{t:%H:%M}" for t in frame["time"]] == ["10:00", "10:01", "10:02"]
    assert ask(lake, Interval.MINUTE, start=at(THU, "10:00"), end=at(THU, "10:00")).is_empty()
    assert ask(lake, Interval.MINUTE, start=LATE, end=at(THU, "10:00")).is_empty()


def test_an_index_comes_under_the_name_it_was_asked_by(lake: Lake) -> None:
    frame = ask(lake, Interval.MINUTE, instrument=share("BANKNIFTY", AssetType.INDEX))
    assert frame.height == 3
    assert set(frame["symbol"]) == {"BANKNIFTY"}


def test_what_cannot_be_made_is_not_offered_and_says_what_is_stored(lake: Lake) -> None:
    with pytest.raises(NotOffered, match="no 5minute candles of NSE:INFY") as caught:
        ask(lake, Interval.MINUTE_5, instrument=share("INFY"))
    assert "it holds 15minute (2024-08-21 to 2024-08-21)" in caught.value.what
    assert "15minute" in caught.value.hint
    with pytest.raises(NotOffered, match="no minute candles of NSE:TCS") as caught:
        ask(lake, Interval.MINUTE, instrument=share("TCS"))
    assert "fetch candles" in caught.value.hint
    with pytest.raises(NotOffered, match="NSE:INFY"):
        ask(lake, Interval.MINUTE_10, instrument=share("INFY"))
    assert ask(lake, Interval.MINUTE_60, instrument=share("INFY")).height == 7


def test_a_range_without_candles_is_empty_not_refused(lake: Lake) -> None:
    empty = ask(lake, Interval.MINUTE, end=at(D(2024, 8, 2), "00:00"))
    assert empty.is_empty()
    assert empty.schema == CANDLES
    assert ask(lake, Interval.MINUTE, moment=at(D(2020, 1, 1), "12:00")).is_empty()


def test_naive_times_are_refused(lake: Lake) -> None:
    naive = at(THU, "10:00").replace(tzinfo=None)
    with pytest.raises(UsageError, match="aware"):
        ask(lake, Interval.MINUTE, start=naive)
