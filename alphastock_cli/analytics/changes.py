"""What became of an option chain between two moments: prices, open interest, volatility.

Two enriched frames of one expiry in, one frame of both and their differences out; pure. Which
moments they are of is the caller's business.
"""

from __future__ import annotations

import polars as pl

_KEYS = ("strike", "option_type")
_COMPARED = ("price", "open_interest", "iv")
_BESIDE = ("iv_status", "price_source")


def compare(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return every contract of either frame with both values and their differences.

    Parameters
    ----------
    now, before : DataFrame
        Enriched chains of one underlying and expiry.

    Returns
    -------
    DataFrame
        Strikes ascending, CE before PE; the columns of `now`, those of `before` that are compared
        as ``…_before`` and ``price_change`` (₹), ``price_change_pct``, ``open_interest_change``
        (units), ``open_interest_change_pct``, ``iv_change`` (a fraction a year) and ``build_up``.
        Null where either value is not known; a percentage of nothing is null, too.
    """
    names = ("tradingsymbol", "underlying", "expiry", *_KEYS, *_COMPARED, *_BESIDE)
    joined = now.join(
        before.select(names), on=_KEYS, how="full", coalesce=True, suffix="_before"
    ).with_columns(
        pl.coalesce(name, f"{name}_before").alias(name)
        for name in ("tradingsymbol", "underlying", "expiry")
    )  # fmt: skip
    moved = joined.with_columns(
        (pl.col(name) - pl.col(f"{name}_before")).alias(f"{name}_change") for name in _COMPARED
    )
    made = moved.with_columns(
        *(_percent(name) for name in ("price", "open_interest")),
        build_up=build_up(pl.col("price_change"), pl.col("open_interest_change")),
    )
    return made.sort(_KEYS)


def _percent(name: str) -> pl.Expr:
    base = pl.col(f"{name}_before")
    share = 100.0 * pl.col(f"{name}_change") / base
    return pl.when(base > 0).then(share).alias(f"{name}_change_pct")


def build_up(price_change: pl.Expr, interest_change: pl.Expr) -> pl.Expr:
    """Return the class of a move: who came in or went out, judged by price and open interest.

    Price up and interest up ``long_build_up``, down and up ``short_build_up``, up and down
    ``short_covering``, down and down ``long_unwinding``; ``unchanged`` where either stood still,
    null where either is not known.
    """
    up, more = price_change > 0, interest_change > 0
    return (
        pl.when(price_change.is_null() | interest_change.is_null()).then(None)
        .when((price_change == 0) | (interest_change == 0)).then(pl.lit("unchanged"))
        .when(up & more).then(pl.lit("long_build_up"))
        .when(more).then(pl.lit("short_build_up"))
        .when(up).then(pl.lit("short_covering"))
        .otherwise(pl.lit("long_unwinding"))
    )  # fmt: skip
