"""Splits, bonuses and changed symbols: find the factors, apply them, follow the names.

Stored prices stay as published. A factor multiplies the prices before its ex-date and divides the
quantities; only factors with an ex-date up to `as_of` are applied, so nothing looks ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from alphastock_cli.analytics.breaks import detect, imported

__all__ = ["adjust", "detect", "follow", "imported", "with_predecessors"]

_PRICES = ("open", "high", "low", "close", "last", "average_price")
_QUANTITIES = ("volume", "delivery_quantity")
_MAX_CHAIN = 8


def adjust(rows: pl.DataFrame, adjustments: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Return `rows` with prices and quantities as if every split up to `as_of` were old.

    Parameters
    ----------
    rows : DataFrame
        Daily rows with ``symbol`` and ``date``, any of the price and quantity columns.
    adjustments : DataFrame
        Schema `ADJUSTMENTS`; rows without a factor change nothing. Of two factors of one symbol
        and day the detected one counts: imported ones are often rounded.
    as_of : date
        Factors with a later ex-date are not known yet.

    Returns
    -------
    DataFrame
        Same rows and columns. ``previous_close`` on an ex-date is multiplied too, so that changes
        across it are the market's own. Volumes are rounded to whole shares.
    """
    factors = _factors(rows, adjustments, as_of)
    if factors.is_empty():
        return rows
    hit = pl.col("symbol").is_in(factors["symbol"].unique().implode())
    touched, others = rows.filter(hit), rows.filter(~hit)
    dated = touched.sort("symbol", "date").join(
        factors.rename({"ex_date": "date"}), on=["symbol", "date"], how="left"
    )
    # factors of ex-dates without a row (the symbol did not trade) count from the next row on
    dated = _carry(dated, factors)
    later = pl.col("__factor").cum_prod(reverse=True).over("symbol")
    dated = dated.with_columns(__with=later).with_columns(
        __after=(pl.col("__with") / pl.col("__factor"))
    )
    have = set(rows.columns)
    changed = [pl.col(name) * pl.col("__after") for name in _PRICES if name in have]
    if "previous_close" in have:
        changed.append(pl.col("previous_close") * pl.col("__with"))
    changed += [
        (pl.col(name) / pl.col("__after")).round().cast(rows.schema[name])
        for name in _QUANTITIES
        if name in have
    ]
    result = dated.with_columns(changed).select(rows.columns)
    # every row of a symbol is in one of the two parts, in order of its days
    return pl.concat([others, result]).sort("symbol", maintain_order=True)


def _factors(rows: pl.DataFrame, adjustments: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return symbol, ex_date, __factor: one known factor a symbol and day inside the rows."""
    known = adjustments.filter(
        pl.col("factor").is_not_null() & (pl.col("factor") > 0.0) & (pl.col("ex_date") <= as_of)
    )
    if known.is_empty() or rows.is_empty():
        return pl.DataFrame(
            schema={"symbol": pl.String, "ex_date": pl.Date, "__factor": pl.Float64}
        )
    held = rows["symbol"].unique().implode()
    known = known.with_columns(
        pl.col("symbol").cast(rows.schema["symbol"], strict=False)
    ).drop_nulls("symbol")
    inside = (pl.col("ex_date") >= rows["date"].min()) & pl.col("symbol").is_in(held)
    return (
        known.filter(inside)
        .sort(pl.col("kind") != "imported")
        .group_by("symbol", "ex_date")
        .agg(pl.col("factor").last().alias("__factor"))
    )


def _carry(dated: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Fill the factor column: 1 on ordinary days, products of what fell between two rows."""
    placed = factors.sort("ex_date").join_asof(
        dated.select("symbol", "date").sort("date"),
        left_on="ex_date", right_on="date", by="symbol", strategy="forward", check_sortedness=False,
    )  # fmt: skip
    summed = placed.drop_nulls("date").group_by("symbol", "date").agg(pl.col("__factor").product())
    return (
        dated.drop("__factor")
        .join(summed, on=["symbol", "date"], how="left")
        .with_columns(pl.col("__factor").fill_null(1.0))
        .sort("symbol", "date")
    )


def follow(rows: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with old symbols replaced by the ones they became, sorted by symbol and date.

    A change with a date counts for rows before it. One without a date counts only where the old
    symbol stops before the new one begins: an old name may have been given to another company.
    """
    if changes.is_empty() or rows.is_empty():
        return rows
    held = set(rows["symbol"].unique().cast(pl.String))
    concerned = changes.filter(pl.col("old").is_in(held))
    if concerned.is_empty():
        return rows
    # only the names that change and what they become are looked at, not the whole market
    names = set(concerned["old"]) | set(with_successors(concerned["old"].to_list(), changes))
    hit = pl.col("symbol").cast(pl.String).is_in(names)
    others = rows.filter(~hit)
    result = rows.filter(hit).with_columns(pl.col("symbol").cast(pl.String))
    for _ in range(_MAX_CHAIN):
        spans = result.group_by("symbol").agg(
            first=pl.col("date").min(), until=pl.col("date").max()
        )
        usable = _usable(changes, spans)
        if usable.is_empty():
            break
        joined = result.join(usable, left_on="symbol", right_on="old", how="left")
        moves = pl.col("new").is_not_null() & (pl.col("date") < pl.col("before"))
        if not joined.select(moves.any()).item():
            break
        result = joined.with_columns(
            symbol=pl.when(moves).then(pl.col("new")).otherwise(pl.col("symbol"))
        ).select(rows.columns)
    moved = result.unique(["symbol", "date"], keep="last", maintain_order=True).sort(
        "symbol", "date"
    )
    typed = moved.with_columns(pl.col("symbol").cast(rows.schema["symbol"]))
    return pl.concat([others, typed]).sort("symbol", maintain_order=True)


def _usable(changes: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Return old, new, before: the changes that hold for rows dated earlier than `before`."""
    olds = spans.select(old="symbol", until="until")
    news = spans.select(new="symbol", begins="first")
    joined = (
        changes.unique("old", keep="last").join(olds, on="old").join(news, on="new", how="left")
    )
    last = spans["until"].max()
    # without a date: the old name must have ended, before the new one begins where that is known
    ended = pl.coalesce(pl.col("begins"), pl.lit(last)) > pl.col("until")
    return joined.with_columns(
        before=pl.coalesce(
            pl.col("effective_date"), pl.when(ended).then(pl.col("until").dt.offset_by("1d"))
        )
    ).drop_nulls("before").select("old", "new", "before")  # fmt: skip


def with_successors(symbols: Sequence[str], changes: pl.DataFrame) -> list[str]:
    """Return `symbols` and every name they got later, sorted."""
    found = set(symbols)
    for _ in range(_MAX_CHAIN):
        newer = set(changes.filter(pl.col("old").is_in(list(found)))["new"]) - found
        if not newer:
            break
        found |= newer
    return sorted(found)


def with_predecessors(symbols: Sequence[str], changes: pl.DataFrame) -> list[str]:
    """Return `symbols` and every name they ever had, sorted."""
    found = set(symbols)
    for _ in range(_MAX_CHAIN):
        older = set(changes.filter(pl.col("new").is_in(list(found)))["old"]) - found
        if not older:
            break
        found |= older
    return sorted(found)
