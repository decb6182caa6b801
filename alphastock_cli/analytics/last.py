"""The last value of an indicator for every symbol at once, without making the values before it.

A recursion's last value is a weighted sum of its inputs, a window's is an aggregate of its rows; so
one pass over all symbols and one grouping do the work. `indicators.panel` is the definition, this
is the short way to its last row, and a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl

INDEX, BACK, COUNT = "__index", "__back", "__count"
_TINY = 1e-14

Aggregate = pl.Expr


def positions() -> list[pl.Expr]:
    """Return the columns every function here needs: index in the symbol, and the symbol's rows."""
    return [
        pl.int_range(pl.len()).over("symbol").alias(INDEX),
        pl.len().over("symbol").cast(pl.Int64).alias(COUNT),
    ]


def back() -> pl.Expr:
    """Return how many rows of the symbol come after this one."""
    return (pl.col(COUNT) - 1 - pl.col(INDEX)).alias(BACK)


def before(x: pl.Expr, steps: int = 1) -> pl.Expr:
    """Return the value `steps` rows earlier in the same symbol, null where there is none."""
    return pl.when(pl.col(INDEX) >= steps).then(x.shift(steps))


def window(
    x: pl.Expr, reduce: Callable[[pl.Expr], pl.Expr], *, span: int, lag: int = 0
) -> Aggregate:
    """Return `reduce` of the `span` values that end `lag` rows before the last; null if one is."""
    part = pl.when(pl.col(BACK).is_between(lag, lag + span - 1)).then(x)
    return pl.when(part.count() == span).then(reduce(part))


def at(x: pl.Expr, steps: int = 0) -> Aggregate:
    """Return the value `steps` rows before the last one."""
    return pl.when(pl.col(BACK) == steps).then(x).max()


def wilder(x: pl.Expr, *, span: int, first: int, alpha: float | None = None) -> Aggregate:
    """Return the last value of a recursion seeded with the mean of `span` values from `first`.

    ``a * sum((1 - a)^k * x[-1 - k])`` over the values after the seed, plus the seed's mean times
    ``(1 - a)`` to the number of those values; `alpha` is ``1 / span`` where it is not given.
    """
    weight = 1.0 / span if alpha is None else alpha
    decay = math.log1p(-weight)
    steps = pl.col(COUNT) - first - span
    seed = (steps * decay).exp() / span
    later = weight * (pl.col(BACK) * decay).exp()
    used = pl.col(INDEX) >= first
    share = pl.when(pl.col(INDEX) < first + span).then(seed).otherwise(later)
    part = pl.when(used).then(share * x)
    enough = pl.len() >= first + span
    return pl.when(enough & (part.count() == pl.len() - first)).then(part.sum())


def ema(x: pl.Expr, *, span: int) -> Aggregate:
    """Return the last exponential average, weight ``2 / (span + 1)``."""
    return wilder(x, span=span, first=0, alpha=2.0 / (span + 1))


def rsi(close: pl.Expr, *, span: int = 14) -> Aggregate:
    """Return Wilder's last relative strength index."""
    move = close - before(close)
    up = wilder(move.clip(lower_bound=0.0), span=span, first=1)
    down = wilder((-move).clip(lower_bound=0.0), span=span, first=1)
    total = up + down
    return pl.when(total > _TINY).then(100.0 * up / total).when(total.is_not_null()).then(0.0)


def atr(high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 14) -> Aggregate:
    """Return Wilder's last average true range."""
    prior = before(close)
    spread = pl.max_horizontal(high - low, (high - prior).abs(), (low - prior).abs())
    known = prior.is_not_null() & high.is_not_null() & low.is_not_null()
    return wilder(pl.when(known).then(spread), span=span, first=1)


def bollinger(x: pl.Expr, *, span: int = 20, width: float = 2.0) -> Aggregate:
    """Return the last band."""
    mean = window(x, pl.Expr.mean, span=span)
    return mean + width * window(x, lambda part: part.std(ddof=0), span=span)


def volume_ratio(volume: pl.Expr, *, span: int = 20) -> Aggregate:
    """Return the last volume over the mean of the `span` before it; null where that is 0."""
    mean = window(volume.cast(pl.Float64), pl.Expr.mean, span=span, lag=1)
    return pl.when(mean > 0.0).then(at(volume) / mean)


def momentum(close: pl.Expr, *, span: int = 20) -> Aggregate:
    """Return the change over `span` rows in percent."""
    start = at(close, span)
    return pl.when(start != 0.0).then(100.0 * (at(close) - start) / start)


def volatility(close: pl.Expr, *, span: int = 20, year: int = 252) -> Aggregate:
    """Return the realised volatility of the last `span` returns, percent a year."""
    price = pl.when(close > 0.0).then(close)
    returns = (price / before(price)).log()
    spread = window(returns, lambda part: part.std(ddof=1), span=span)
    return 100.0 * math.sqrt(year) * spread


def level(x: pl.Expr, close: pl.Expr, *, span: int, side: int, below: bool) -> Aggregate:
    """Return the nearest confirmed swing on the right side of the close, else the extreme."""
    around = [x.shift(step) for step in (*range(1, side + 1), *range(-side, 0))]
    swing = pl.all_horizontal([x < other if below else x > other for other in around])
    inside = pl.col(BACK).is_between(side, span - 1 - side)
    last = close.last().over("symbol")
    right = x <= last if below else x >= last
    best = pl.when(swing & inside & right).then(x)
    part = pl.when(pl.col(BACK) < span).then(x)
    found = pl.coalesce(best.max(), part.min()) if below else pl.coalesce(best.min(), part.max())
    return pl.when(part.count() == span).then(found)
