"""Recursive averages as expressions, seeded by counting values: what trend and flow are built of.

For one series; rows that lack a value are passed over, as though they were absent. What an average
is used for belongs to the modules of the indicators.
"""

from __future__ import annotations

import polars as pl


def average(x: pl.Expr, *, span: int, alpha: float, first: int = 0, weight: float = 1.0) -> pl.Expr:
    """Return the average with weight `alpha`, seeded with a mean of known values.

    Parameters
    ----------
    x : Expr
        Any unit; null is passed over.
    span, first : int
        The seed is the mean of the `span` known values after the first `first` known ones; it is
        the first result.
    weight : float
        What the seed is multiplied with.
    """
    known = x.is_not_null()
    count = known.cum_sum()
    start = weight * x.cast(pl.Float64).drop_nulls().slice(first, span).mean()
    seeded = (
        pl.when(~known | (count < first + span))
        .then(None)
        .when(count == first + span)
        .then(start)
        .otherwise(x)
    )
    return seeded.ewm_mean(alpha=alpha, adjust=False, ignore_nulls=True)


def ema(x: pl.Expr, *, span: int, first: int = 0) -> pl.Expr:
    """Return the exponential average, weight ``2 / (span + 1)``."""
    return average(x, span=span, alpha=2.0 / (span + 1), first=first)


def whole(*inputs: pl.Expr) -> tuple[pl.Expr, ...]:
    """Return the inputs, null in rows that lack one of them: such a row is no bar."""
    known = pl.all_horizontal([x.is_not_null() for x in inputs])
    return tuple(pl.when(known).then(x) for x in inputs)


def prior(x: pl.Expr) -> pl.Expr:
    """Return the last known value before this row."""
    return x.forward_fill().shift(1)
