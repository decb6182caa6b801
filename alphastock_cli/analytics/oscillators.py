"""Oscillators over windows: stochastic, CCI, z-score; each as expressions over one series.

Windows that hold a null are null. Every value uses its row and earlier ones only.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import polars as pl

FLAT = 1e-10  # of the mean: a deviation below is rounding, not movement (a paisa in a lakh is 1e-7)
CCI_FACTOR = 0.015


def typical(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the typical price (high + low + close) / 3."""
    return (high + low + close) / 3.0


def stochastic(
    high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 14, slow: int = 3, signal: int = 3
) -> dict[str, pl.Expr]:
    """Return ``stochastic_k`` and ``stochastic_d``, each 0 to 100.

    Where the close stands between the lowest low and the highest high of `span` bars, its mean over
    `slow` bars, and the mean of that over `signal`. Where the range is zero the place is 0, as
    TA-Lib says. Both begin with the second, at index ``span + slow + signal - 3``.

    References
    ----------
    George Lane, Lane's Stochastics, Stocks & Commodities 2:3 (1984).
    """
    lowest, highest = low.rolling_min(span), high.rolling_max(span)
    width = highest - lowest
    place = (
        pl.when(width != 0.0)
        .then(100.0 * (close - lowest) / width)
        .when(width.is_not_null() & close.is_not_null())
        .then(0.0)
    )
    line = place.rolling_mean(slow)
    smoothed = line.rolling_mean(signal)
    return {
        "stochastic_k": pl.when(smoothed.is_not_null()).then(line),
        "stochastic_d": smoothed,
    }


def cci(high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 20) -> pl.Expr:
    """Return the commodity channel index: typical price against its mean, in mean deviations.

    0 where nothing moved; first at index ``span - 1``.

    References
    ----------
    Donald Lambert, Commodity Channel Index, Commodities 10 (1980).
    """
    price = typical(high, low, close)
    middle = price.rolling_mean(span)
    off = _sum((price.shift(step) - middle).abs() for step in range(span)) / span
    moved = off > FLAT * middle.abs()
    value = (price - middle) / (CCI_FACTOR * off)
    return pl.when(moved).then(value).when(off.is_not_null()).then(0.0)


def zscore(x: pl.Expr, *, span: int = 20) -> pl.Expr:
    """Return how many population standard deviations `x` lies above the mean of `span` values.

    2 is the upper Bollinger band. Null where nothing moved.
    """
    middle = x.rolling_mean(span)
    spread = (_sum((x.shift(step) - middle) ** 2 for step in range(span)) / span).sqrt()
    return pl.when(spread > FLAT * middle.abs()).then((x - middle) / spread)


def _sum(parts: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(lambda total, part: total + part, parts)
