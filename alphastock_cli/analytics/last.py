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
# helper columns, made before the grouping: what looks at a neighbour is slow inside a group
RISE, FALL, RANGE, RETURN = "__rise", "__fall", "__range", "__return"
SWING_LOW, SWING_HIGH = "__swing_low", "__swing_high"
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


def weighted(x: pl.Expr, *, span: int, first: int, alpha: float | None = None) -> pl.Expr:
    """Return `x` times its share in the last value of a recursion: their sum is that value.

    The recursion is ``a * x + (1 - a) * before``, seeded with the mean of `span` values from index
    `first`. A value `k` rows before the last one has the share ``a * (1 - a)^k``, one of the seed
    ``(1 - a)^m / span`` with the `m` rows after the seed. `alpha` is ``1 / span`` if not given.
    """
    weight = 1.0 / span if alpha is None else alpha
    decay = math.log1p(-weight)
    after = pl.col(COUNT) - first - span
    seed = pl.col(INDEX) < first + span
    power = pl.when(seed).then(after).otherwise(pl.col(BACK))
    share = (power * decay).exp() * pl.when(seed).then(1.0 / span).otherwise(weight)
    return pl.when(pl.col(INDEX) >= first).then(share * x)


def total(name: str, *, span: int, first: int) -> Aggregate:
    """Return the sum of a weighted column, null where the seed is not full or a value is null."""
    part = pl.col(name)
    enough = (pl.len() >= first + span) & (part.count() == pl.len() - first)
    return pl.when(enough).then(part.sum())


def average(x: pl.Expr, name: str, *, span: int) -> list[pl.Expr]:
    """Return the helper of an exponential average, weight ``2 / (span + 1)``."""
    return [weighted(x, span=span, first=0, alpha=2.0 / (span + 1)).alias(name)]


def moves(close: pl.Expr, *, span: int = 14) -> list[pl.Expr]:
    """Return the helpers of the relative strength index: weighted rises and falls."""
    move = close - before(close)
    return [
        weighted(move.clip(lower_bound=0.0), span=span, first=1).alias(RISE),
        weighted((-move).clip(lower_bound=0.0), span=span, first=1).alias(FALL),
    ]


def rsi_parts(*, span: int = 14) -> list[Aggregate]:
    """Return the averages of rises and falls."""
    return [total(name, span=span, first=1).alias(name) for name in (RISE, FALL)]


def rsi() -> pl.Expr:
    """Return Wilder's last relative strength index, after the grouping, from its two averages."""
    whole = pl.col(RISE) + pl.col(FALL)
    share = 100.0 * pl.col(RISE) / whole
    return pl.when(whole > _TINY).then(share).when(whole.is_not_null()).then(0.0)


def ranges(high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 14) -> list[pl.Expr]:
    """Return the helper of the average true range."""
    prior = before(close)
    spread = pl.max_horizontal(high - low, (high - prior).abs(), (low - prior).abs())
    known = prior.is_not_null() & high.is_not_null() & low.is_not_null()
    return [weighted(pl.when(known).then(spread), span=span, first=1).alias(RANGE)]


def returns(close: pl.Expr) -> list[pl.Expr]:
    """Return the helper of the volatility: logarithmic returns."""
    price = pl.when(close > 0.0).then(close)
    return [(price / before(price)).log().alias(RETURN)]


def swings(x: pl.Expr, close: pl.Expr, *, span: int, side: int, below: bool) -> list[pl.Expr]:
    """Return the helper of a level: confirmed swings on the right side of the last close."""
    around = [x.shift(step) for step in (*range(1, side + 1), *range(-side, 0))]
    swing = pl.all_horizontal([x < other if below else x > other for other in around])
    inside = pl.col(BACK).is_between(side, span - 1 - side)
    last = close.last().over("symbol")
    right = x <= last if below else x >= last
    return [pl.when(swing & inside & right).then(x).alias(SWING_LOW if below else SWING_HIGH)]


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


def volatility(*, span: int = 20, year: int = 252) -> Aggregate:
    """Return the realised volatility of the last `span` returns, percent a year."""
    spread = window(pl.col(RETURN), lambda part: part.std(ddof=1), span=span)
    return 100.0 * math.sqrt(year) * spread


def level(x: pl.Expr, *, span: int, below: bool) -> Aggregate:
    """Return the nearest swing of the window on the right side of the close, else the extreme."""
    part = pl.when(pl.col(BACK) < span).then(x)
    if below:
        found = pl.coalesce(pl.col(SWING_LOW).max(), part.min())
    else:
        found = pl.coalesce(pl.col(SWING_HIGH).min(), part.max())
    return pl.when(part.count() == span).then(found)
