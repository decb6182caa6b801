"""A share against an index: relative strength and beta, as expressions over one series.

The index stands beside the share, row by row, joined by date: both returns span the same sessions.
"""

from __future__ import annotations

import polars as pl

LEAST_VARIANCE = 1e-18  # of the index's returns: below it did not move


def relative_strength(close: pl.Expr, index: pl.Expr, *, span: int = 60) -> pl.Expr:
    """Return by how many percent the share's logarithmic return of `span` rows beats the index's.

    Null where one of the four prices is null or not positive.
    """
    ratio = _positive(close) / _positive(index)
    return 100.0 * (ratio / ratio.shift(span)).log()


def beta(close: pl.Expr, index: pl.Expr, *, span: int = 250) -> pl.Expr:
    """Return covariance with over variance of the index, of the last `span` logarithmic returns.

    A pure number; null where one of the returns is null or the index did not move.
    """
    mine, its = returns(close), returns(index)
    its = pl.when(mine.is_not_null()).then(its)
    middle = its.rolling_mean(span)
    both = (mine * its).rolling_mean(span) - mine.rolling_mean(span) * middle
    alone = (its * its).rolling_mean(span) - middle * middle
    return pl.when(alone > LEAST_VARIANCE).then(both / alone)


def returns(x: pl.Expr) -> pl.Expr:
    """Return the logarithmic return of each row against the one before it."""
    price = _positive(x)
    return (price / price.shift(1)).log()


def _positive(x: pl.Expr) -> pl.Expr:
    return pl.when(x > 0.0).then(x)
