"""Support and resistance: the nearest swing below or above, among the last sixty sessions.

A swing low is a low below the two lows on each side; it is known only once those two sessions after
it are over, so nothing looks ahead.
"""

from __future__ import annotations

import polars as pl

WINDOW = 60
SIDE = 2
COUNT = 3


def support(low: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the highest swing low not above the close, else the lowest low of the window.

    Rupees; null where fewer than 60 sessions are known.
    """
    known = _confirmed(low, _swing(low, below=True))
    best = _nearest(known, close, below=True)
    lowest = low.rolling_min(WINDOW)
    return pl.when(lowest.is_not_null()).then(pl.coalesce(best, lowest))


def resistance(high: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the lowest swing high not below the close, else the highest high of the window.

    Rupees; null where fewer than 60 sessions are known.
    """
    known = _confirmed(high, _swing(high, below=False))
    best = _nearest(known, close, below=False)
    highest = high.rolling_max(WINDOW)
    return pl.when(highest.is_not_null()).then(pl.coalesce(best, highest))


def nearest(rows: pl.DataFrame, *, count: int = COUNT) -> pl.DataFrame:
    """Return up to `count` levels a side for the last row of each symbol, nearest first.

    Parameters
    ----------
    rows : DataFrame, shape (n, k)
        ``symbol``, ``date``, ``high``, ``low`` and ``price``, sorted by symbol and date; ``price``
        is what the levels lie below or above, one value a symbol.

    Returns
    -------
    DataFrame, shape (symbols, 3)
        ``symbol``, ``support``, ``resistance``: lists of rupees. Null where fewer than 60 sessions
        are known; empty where the price lies beyond every one of them. The first level of a close
        equals `support` and `resistance`.
    """
    window = rows.group_by("symbol", maintain_order=True).tail(WINDOW)
    low, high = _swing(pl.col("low"), below=True), _swing(pl.col("high"), below=False)
    marked = window.with_columns(
        __low=pl.when(low.over("symbol")).then("low"),
        __high=pl.when(high.over("symbol")).then("high"),
    )
    return marked.group_by("symbol", maintain_order=True).agg(
        support=_list("low", below=True, count=count),
        resistance=_list("high", below=False, count=count),
    )


def _list(x: str, *, below: bool, count: int) -> pl.Expr:
    """Return the swings of one side, nearest first, else the extreme where it is on that side."""
    price, level = pl.col("price").last(), pl.col(f"__{x}")
    extreme = pl.col(x).min() if below else pl.col(x).max()
    right = level <= price if below else level >= price
    beyond = extreme <= price if below else extreme >= price
    found = level.filter(right).unique().sort(descending=below).head(count).implode()
    lone = extreme.filter(beyond).implode()
    whole = (pl.col(x).count() == WINDOW) & price.is_not_null()
    return pl.when(whole).then(pl.when(found.list.len() > 0).then(found).otherwise(lone))


def _swing(x: pl.Expr, *, below: bool) -> pl.Expr:
    sides = [x.shift(step) for step in (*range(1, SIDE + 1), *range(-SIDE, 0))]
    tests = [x < side if below else x > side for side in sides]
    return pl.all_horizontal(tests)


def _confirmed(x: pl.Expr, swing: pl.Expr) -> pl.Expr:
    """Return the swing's level at the session that confirms it, null elsewhere."""
    return pl.when(swing).then(x).shift(SIDE)


def _nearest(known: pl.Expr, close: pl.Expr, *, below: bool) -> pl.Expr:
    """Return the nearest level on the right side of this close among those of the window."""
    # a swing needs two sessions before it inside the window, and is known two after it
    steps = range(WINDOW - 2 * SIDE)
    levels = [known.shift(step) for step in steps]
    right = [pl.when(level <= close if below else level >= close).then(level) for level in levels]
    return pl.max_horizontal(right) if below else pl.min_horizontal(right)
