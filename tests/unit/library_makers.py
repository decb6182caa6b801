"""Histories with every input of the library, and its columns as expressions over one series."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import polars as pl

from alphastock_cli.analytics import (
    bands,
    charts,
    flow,
    indicators,
    library,
    oscillators,
    relative,
    trend,
)

NAMES = list(indicators.LIBRARY)
INPUTS = ("open", "high", "low", "close", "volume", "index_close")
FIRST = date(2024, 1, 1)
A_SESSION = 25  # rows of a session
SCHEMA = {
    "symbol": pl.String, "date": pl.Date, "open": pl.Float64, "high": pl.Float64,
    "low": pl.Float64, "close": pl.Float64, "volume": pl.Int64, "index_close": pl.Float64,
    "session": pl.Date,
}  # fmt: skip


def history(
    symbol: str, length: int, *, seed: int, gaps: float = 0.0, step: float = 0.02
) -> pl.DataFrame:
    """Return a walk in paise beside an index; `gaps` is the share of single values missing."""
    rng = random.Random(seed)
    price, index, found = rng.choice([0.9, 55.0, 2_400.0, 140_000.0]), 24_000.0, []
    for number in range(length):
        move = rng.gauss(0.0, 0.01)
        index *= math.exp(move)
        price = max(0.05, price * math.exp(step * (rng.gauss(0.0, 1.0) + 50 * move)))
        low, high = price * (1 - rng.random() / 50), price * (1 + rng.random() / 50)
        values = [
            round(rng.uniform(low, high), 2), round(high, 2), round(low, 2), round(price, 2),
            rng.choice([0, rng.randrange(10**7)]), round(index, 2),
        ]  # fmt: skip
        kept = [None if rng.random() < gaps else value for value in values]
        day = FIRST + timedelta(days=number)
        found.append((symbol, day, *kept, FIRST + timedelta(days=number // A_SESSION)))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def by_expressions(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with every column of the library, made by its expression."""
    open_, high, low, close, volume, index = map(pl.col, INPUTS)
    made = {
        **trend.macd(close),
        **trend.directional(high, low, close),
        **trend.supertrend(high, low, close),
        "vwap_20": flow.rolling_vwap(high, low, close, volume),
        **oscillators.stochastic(high, low, close),
        "cci": oscillators.cci(high, low, close),
        "obv": flow.obv(close, volume),
        "mfi": flow.mfi(high, low, close, volume),
        **bands.donchian(high, low),
        **bands.keltner(high, low, close),
        **charts.ichimoku(high, low),
        **charts.heikin_ashi(open_, high, low, close),
        **library.pivot_columns(high, low, close),
        "relative_strength": relative.relative_strength(close, index),
        "zscore_20": oscillators.zscore(close),
        "beta_250": relative.beta(close, index),
    }
    whole = {name: expr.over("symbol") for name, expr in made.items()}
    session = flow.vwap(high, low, close, volume).over("symbol", "session")
    return rows.with_columns(**whole, vwap=session).select(*rows.columns, *NAMES)


def differing(
    got: pl.DataFrame, expected: pl.DataFrame, *, relative_to: float, names: list[str] = NAMES
) -> list[str]:
    """Return the columns that differ: in what is null, or by more than `relative_to` of their size.

    Differences of prices may lie next to zero: they are measured against the price, oscillators
    against a hundred, a sum of volumes against the volumes.
    """
    assert got.select("symbol", "date").equals(expected.select("symbol", "date"))
    found = []
    for name in names:
        pair = pl.DataFrame({"a": got[name], "b": expected[name], "close": expected["close"]})
        size = pl.max_horizontal(pl.col("b").abs(), pl.col("close").abs(), 100.0)
        if name == "obv":
            size = pl.max_horizontal(size, 1e9)
        far = pair.filter(
            (pl.col("a").is_null() != pl.col("b").is_null())
            | ((pl.col("a") - pl.col("b")).abs() > relative_to * size)
        )
        if far.height:
            found.append(f"{name}: {far.row(0)[:2]}")
    return found
