"""The comparison of answers on real prices: another share's are found, a share's own never are."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.analytics import seams
from alphastock_cli.analytics.seams import Verdict
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.store.candle_checks import read_candles
from tests.conftest import IST

DAYS = "nse_eq_daily_history/nifty50_names_daily_2016_2026.parquet"
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
MINUTES = ("BAJFINANCE", "HDFCBANK", "INFY", "MARUTI")


@pytest.fixture(scope="module")
def daily(shared_data: Path) -> dict[str, pl.DataFrame]:
    path = shared_data / DAYS
    if not path.is_file():
        pytest.skip(f"no {DAYS}")
    frame = pl.read_parquet(path)
    day = pl.col("DATE1")
    made = frame.select(
        date=day.str.strip_chars().str.to_date("%d-%b-%Y") if frame["DATE1"].dtype == pl.String
        else day.cast(pl.Date),
        symbol="SYMBOL", high=pl.col("HIGH_PRICE").cast(pl.Float64),
        low=pl.col("LOW_PRICE").cast(pl.Float64),
    ).unique(["symbol", "date"], keep="first").sort("symbol", "date")  # fmt: skip
    return {str(name): rows for (name,), rows in made.group_by("symbol", maintain_order=True)}


def inside(rows: pl.DataFrame, factor: float, dice: random.Random) -> pl.DataFrame:
    """Return a candle a day that lies in the day's range, on another scale."""
    made = []
    for high, low in rows.select("high", "low").iter_rows():
        width = (high - low) * dice.uniform(0.0, 0.5)
        part = dice.random()
        made.append((high - width * part, low + width * (1 - part)))
    prices = pl.DataFrame(made, schema=["high", "low"], orient="row") * factor
    time = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata")
    return rows.select(time=time + pl.duration(hours=10)).hstack(prices)


@pytest.mark.parametrize(("days", "least"), [(5, 0.2), (10, 0.7), (20, 0.85), (40, 0.9)])
def test_ranges_of_days_tell_shares_apart(
    daily: dict[str, pl.DataFrame], days: int, least: float
) -> None:
    dice, tried, found = random.Random(days), 0, 0
    while tried < 150:
        own, other = (daily[name] for name in dice.sample(sorted(daily), 2))
        begin = dice.randrange(max(1, own.height - days))
        rows = own[begin : begin + days].with_columns(settled=pl.lit(value=False))
        first, last = rows["date"][0], rows["date"][-1]
        wrong = other.filter(pl.col("date").is_between(first, last))
        if rows.height < days or wrong.height < days:
            continue
        tried += 1
        good = seams.days(inside(rows, dice.choice([1.0, 0.5, 0.1]), dice), rows)
        assert good.verdict is Verdict.SAME
        found += seams.days(inside(wrong, 1.0, dice), rows).verdict is Verdict.OTHER
    assert found / tried >= least


def test_minutes_tell_shares_apart(shared_data: Path) -> None:
    frames = {}
    for name in MINUTES:
        path = shared_data / "intraday" / f"{name}-EQ_1min.parquet"
        if not path.is_file():
            pytest.skip(f"no {path.name}")
        frames[name] = read_candles(
            path, symbol=name, exchange=Exchange.NSE, interval=Interval.MINUTE, now=NOW
        ).candles
    days = 0
    for one, two in permutations(MINUTES, 2):
        for (_,), held in frames[one].tail(8000).group_by(pl.col("time").dt.date()):
            new = frames[two].join(held.select("time"), on="time", how="semi")
            if new.height < 60:
                continue
            days += 1
            assert seams.candles(held, new).verdict is Verdict.OTHER
            assert seams.candles(held, held.sample(fraction=0.5, seed=1)).verdict is Verdict.SAME
            half = held.with_columns((pl.col("^[ohlc].*$") / 2 / 0.05).round() * 0.05)
            assert seams.candles(held, half).verdict is Verdict.SCALED
    assert days > 20
