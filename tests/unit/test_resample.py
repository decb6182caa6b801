"""Hours as arrays, and finer candles gathered: openings, breaks, closes, days without hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from alphastock_cli.analytics.hours import Hours, micros
from alphastock_cli.analytics.resample import END, finer, gathered, with_ends
from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.exchange.calendar import Segment
from tests.conftest import IST

D = date
FULL = D(2024, 8, 22)
BROKEN = D(2024, 3, 2)  # 09:15 to 10:00 and 11:30 to 12:30
AUCTION = D(2026, 8, 14)  # closing auction to 15:35
UNKNOWN = D(2016, 10, 30)  # a muhurat without known hours
SUNDAY = D(2024, 8, 25)


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def array(*moments: datetime) -> Any:
    return np.array([micros(m) for m in moments], dtype=np.int64)


def minutes(day: date, *clocks: str, volume: int | None = 10) -> pl.DataFrame:
    rows = [
        {"time": at(day, clock), "exchange": "NSE", "symbol": "SBIN", "open": 100.0 + n,
         "high": 103.0 + n, "low": 99.0 + n, "close": 101.0 + n, "volume": volume}
        for n, clock in enumerate(clocks)
    ]  # fmt: skip
    return conform(pl.DataFrame(rows), CANDLES, what="test")


def stamps(frame: pl.DataFrame, column: str = "time") -> list[str]:
    return [f"{moment:%H:%M}" for moment in frame[column]]


def test_micros_are_exact() -> None:
    assert micros(datetime(1970, 1, 1, 5, 30, tzinfo=IST)) == 0
    assert micros(datetime(2024, 8, 22, 9, 15, 0, 1, tzinfo=IST)) == 1724298300000001


def test_inside_and_closed_and_unknown_are_three_things() -> None:
    hours = Hours(Segment.EQUITY, [FULL, BROKEN, UNKNOWN, SUNDAY])
    moments = array(
        at(FULL, "09:14"), at(FULL, "09:15"), at(FULL, "15:29"), at(FULL, "15:30"),
        at(BROKEN, "09:59"), at(BROKEN, "10:00"), at(BROKEN, "11:29"), at(BROKEN, "11:30"),
        at(UNKNOWN, "18:30"), at(SUNDAY, "10:00"),
    )  # fmt: skip
    assert hours.inside(moments).tolist() == [
        False, True, True, False, True, False, False, True, False, False,
    ]  # fmt: skip
    assert hours.known(moments).tolist() == [True] * 8 + [False, False]
    assert hours.closed(moments).tolist() == [False] * 9 + [True]


def test_the_grid_counts_from_the_opening_and_a_stretch_may_begin_off_it() -> None:
    hours = Hours(Segment.EQUITY, [FULL, BROKEN, UNKNOWN])
    hourly = array(at(FULL, "09:15"), at(FULL, "10:15"), at(FULL, "10:00"), at(BROKEN, "11:30"))
    assert hours.on_grid(hourly, 60).tolist() == [True, True, False, True]
    fives = array(at(FULL, "09:20"), at(FULL, "09:21"), at(FULL, "09:20") + timedelta(seconds=1))
    assert hours.on_grid(fives, 5).tolist() == [True, False, False]
    guessed = array(at(UNKNOWN, "18:15"), at(UNKNOWN, "18:30"), at(UNKNOWN, "18:20"))
    assert hours.on_grid(guessed, 60).tolist() == [True, True, False]


def test_finer_intervals_divide() -> None:
    assert [each.value for each in finer(Interval.MINUTE_10)] == ["minute", "5minute"]
    assert finer(Interval.MINUTE) == ()
    assert Interval.MINUTE_10 not in finer(Interval.MINUTE_15)


@pytest.mark.parametrize(
    ("day", "clock", "interval", "end"),
    [
        (FULL, "09:15", Interval.MINUTE, "09:16"),
        (FULL, "15:15", Interval.MINUTE_60, "15:30"),
        (FULL, "14:15", Interval.MINUTE_60, "15:15"),
        (AUCTION, "15:15", Interval.MINUTE_60, "15:35"),
        (BROKEN, "09:15", Interval.MINUTE_60, "10:00"),  # trading ends inside
        (BROKEN, "11:30", Interval.MINUTE_60, "12:15"),  # a block that began in the break
        (BROKEN, "12:15", Interval.MINUTE_60, "12:30"),
        (UNKNOWN, "18:15", Interval.MINUTE_30, "18:45"),  # its first candle is its anchor
    ],
)
def test_a_candle_is_over_when_its_trading_is(
    day: date, clock: str, interval: Interval, end: str
) -> None:
    frame = with_ends(minutes(day, clock), interval, Segment.EQUITY)
    assert frame[END][0] == at(day, end)


def test_gathering_takes_first_highest_lowest_last_and_the_sum() -> None:
    frame = gathered(minutes(FULL, "09:15", "09:16", "09:19", "09:20"), Interval.MINUTE_5)
    assert frame.schema == CANDLES
    assert frame.select("open", "high", "low", "close", "volume").rows() == [
        (100.0, 105.0, 99.0, 103.0, 30),
        (103.0, 106.0, 102.0, 104.0, 10),
    ]
    assert stamps(frame) == ["09:15", "09:20"]


def test_a_missing_opening_minute_does_not_shift_the_grid() -> None:
    frame = gathered(minutes(FULL, "09:17", "09:19", "09:20"), Interval.MINUTE_5)
    assert stamps(frame) == ["09:17", "09:20"]


def test_a_block_of_a_break_carries_the_first_minute_after_it() -> None:
    frame = gathered(minutes(BROKEN, "09:59", "11:30", "11:44", "11:45"), Interval.MINUTE_30)
    assert stamps(frame) == ["09:59", "11:30", "11:45"]


def test_a_candle_under_way_is_not_shown() -> None:
    frame = minutes(FULL, "09:15", "09:16", "09:17")
    assert gathered(frame, Interval.MINUTE_5, at(FULL, "09:19")).is_empty()
    assert gathered(frame, Interval.MINUTE_5, at(FULL, "09:20")).height == 1
    assert gathered(frame, Interval.MINUTE, at(FULL, "09:17")).height == 2


def test_a_volume_with_an_unknown_part_is_not_known() -> None:
    known, silent = minutes(FULL, "09:15"), minutes(FULL, "09:16", volume=None)
    assert gathered(silent, Interval.MINUTE_5)["volume"].to_list() == [None]
    both = pl.concat([known, silent])
    assert gathered(both, Interval.MINUTE_5)["volume"].to_list() == [None]


def test_symbols_are_gathered_apart() -> None:
    other = minutes(FULL, "09:15", "09:16").with_columns(symbol=pl.lit("INFY"))
    both = pl.concat([minutes(FULL, "09:15", "09:16"), other])
    assert gathered(both, Interval.MINUTE_5)["symbol"].to_list() == ["SBIN", "INFY"]
