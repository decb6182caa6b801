"""How closely the daily returns of series move together. Frames in, frames out.

Only returns over the same two sessions are compared: a day that one series lacks makes no pair.
"""

from __future__ import annotations

import polars as pl

SPAN = 60


def returns(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the logarithmic return of each row against the row before it of the same symbol.

    Parameters
    ----------
    rows : DataFrame, shape (n, k)
        ``symbol``, ``date``, ``close``; sorted by symbol and date. Rows without a positive close
        are passed over.

    Returns
    -------
    DataFrame, shape (m, 4)
        ``symbol``, ``since``, ``date``, ``change``: the return from ``since`` to ``date``.
    """
    known = rows.filter(pl.col("close") > 0.0)
    return (
        known.select(
            "symbol",
            "date",
            since=pl.col("date").shift(1).over("symbol"),
            change=(pl.col("close") / pl.col("close").shift(1).over("symbol")).log(),
        )
        .drop_nulls()
        .select("symbol", "since", "date", "change")
    )


def pairs(moves: pl.DataFrame, others: pl.DataFrame, *, span: int = SPAN) -> pl.DataFrame:
    """Return Pearson's correlation of each symbol of `moves` with each symbol of `others`.

    Parameters
    ----------
    moves, others : DataFrame
        What `returns` makes.
    span : int
        How many of the latest common returns count.

    Returns
    -------
    DataFrame, shape (pairs, 3)
        ``symbol``, ``other``, ``correlation`` from -1 to 1, sorted; null where fewer than `span`
        returns are common, or one of the two did not move.

    References
    ----------
    Pearson, Proceedings of the Royal Society 58 (1895), 240-242.
    """
    common = moves.join(others, on=["since", "date"], suffix="_other")
    latest = common.sort("date").group_by("symbol", "symbol_other", maintain_order=True).tail(span)
    x, y = pl.col("change"), pl.col("change_other")
    moved = (pl.len() == span) & (x.max() > x.min()) & (y.max() > y.min())
    return (
        latest.group_by("symbol", other="symbol_other")
        .agg(correlation=pl.when(moved).then(pl.corr(x, y).fill_nan(None).clip(-1.0, 1.0)))
        .sort("symbol", "other")
    )
