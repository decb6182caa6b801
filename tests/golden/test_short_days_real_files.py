"""Holes in real minute files: few sessions of liquid shares are in doubt, punched ones are."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.history_doubts import short_days
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.exchange.calendar import Segment
from alphastock_cli.store.candle_checks import read_candles
from tests.conftest import IST

FILES = {
    "HDFCBANK-EQ_1min.parquet": "HDFCBANK",
    "INFY-EQ_1min.parquet": "INFY",
    "MARUTI-EQ_1min.parquet": "MARUTI",
    "BAJFINANCE-EQ_1min.parquet": "BAJFINANCE",
    "SBIN_1min_2023-04_2023-06.csv.gz": "SBIN",
    "NIFTY_2024_1min.csv.gz": "NIFTY 50",
}
_CALL = 40  # sessions of one answer


def parts(folder: Path, name: str) -> list[tuple[pl.DataFrame, list[date]]]:
    """Return a file in pieces as Kite would answer it, with their sessions that have a candle."""
    path = folder / "intraday" / name
    if not path.exists():
        pytest.skip(f"no {name}")
    frame = read_candles(
        path, symbol=FILES[name], exchange=Exchange.NSE, interval=Interval.MINUTE,
        now=datetime(2026, 11, 21, tzinfo=IST),
    ).candles  # fmt: skip
    days = frame["time"].dt.date().unique().sort().to_list()
    pieces = [days[at : at + _CALL] for at in range(0, len(days), _CALL)]
    day = pl.col("time").dt.date()
    return [(frame.filter(day.is_between(each[0], each[-1])), each) for each in pieces]


def doubted(frame: pl.DataFrame, days: list[date], name: str) -> dict[date, str]:
    index = FILES[name] == "NIFTY 50"
    return short_days(frame, days, Segment.EQUITY, Interval.MINUTE, index=index)


@pytest.mark.parametrize("name", FILES)
def test_few_sessions_as_they_were_recorded_are_in_doubt(shared_data: Path, name: str) -> None:
    found = sum(len(doubted(frame, days, name)) for frame, days in parts(shared_data, name))
    assert found <= 2, "of 9 to 248 sessions"


@pytest.mark.parametrize("name", FILES)
def test_a_tenth_of_the_minutes_lost_is_seen(shared_data: Path, name: str) -> None:
    frame, days = parts(shared_data, name)[0]
    left = frame.filter(pl.int_range(pl.len()).hash(7) % 10 > 0)
    found = doubted(left, days, name)
    assert sorted(found) == days
