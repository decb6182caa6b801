"""Splits, bonuses and changed symbols: apply the factors, follow the names.

Stored prices stay as published. A factor multiplies the prices before its ex-date and divides the
quantities; only factors with an ex-date up to `as_of` are applied, so nothing looks ahead. How
factors are found: `breaks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from alphastock_cli.analytics.breaks import detect, imported
from alphastock_cli.analytics.order import by_symbol_and_date

__all__ = ["adjust", "detect", "follow", "imported", "with_predecessors", "with_successors"]

_PRICES = ("open", "high", "low", "close", "last", "average_price")
_QUANTITIES = ("volume", "delivery_quantity")
_MAX_CHAIN = 8
_DAY = "1d"
_MARKET = 0.1  # how far, in logarithms, the market may move on an ex-date


def adjust(rows: pl.DataFrame, adjustments: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Return `rows` with prices and quantities as if every split up to `as_of` were old.

    Parameters
    ----------
    rows : DataFrame
        Daily rows with ``symbol`` and ``date``, any of the price and quantity columns.
    adjustments : DataFrame
        Schema `ADJUSTMENTS`; rows without a factor change nothing. Of two factors of one symbol
        and day the detected one counts. An imported one that would leave a larger break than
        there was (by more than 10 %) is not believed: lists of them hold errors.
    as_of : date
        Factors with a later ex-date are not known yet.

    Returns
    -------
    DataFrame
        Same rows and columns, sorted by symbol and date where a factor counts. ``previous_close``
        of the first row from an ex-date on is multiplied too, so that changes across it are the
        market's own. Volumes are rounded to whole shares.
    """
    factors = _factors(rows, adjustments, as_of)
    if factors.is_empty():
        return rows
    hit = pl.col("symbol").is_in(factors["symbol"].unique().implode())
    rows = by_symbol_and_date(rows)
    touched, others = rows.filter(hit), rows.filter(~hit)
    factors = _believed(touched, factors)
    # what a price is multiplied with: all factors after its date
    steps = factors.sort("symbol", "ex_date").select(
        "symbol", "ex_date", __factor=pl.col("__factor").cum_prod(reverse=True).over("symbol")
    )
    dated = touched.with_columns(__before=_day_before())
    dated = _joined(_joined(dated, steps, "date", "__after"), steps, "__before", "__with")
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
    return _together(others, result)


def _factors(rows: pl.DataFrame, adjustments: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return symbol, ex_date, __factor, __told: one known factor a symbol and day of the rows."""
    kind = rows.schema["symbol"]
    known = adjustments.filter((pl.col("factor") > 0.0) & (pl.col("ex_date") <= as_of))
    known = known.with_columns(pl.col("symbol").cast(kind, strict=False)).drop_nulls("symbol")
    if known.is_empty() or rows.is_empty():
        return pl.DataFrame(schema={"symbol": kind})
    held = rows["symbol"].unique().implode()
    inside = (pl.col("ex_date") >= rows["date"].min()) & pl.col("symbol").is_in(held)
    return (
        known.filter(inside)
        .sort(pl.col("kind") != "imported")
        .group_by("symbol", "ex_date")
        .agg(
            pl.col("factor").last().alias("__factor"),
            (pl.col("kind").last() == "imported").alias("__told"),
        )
    )


def _believed(rows: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Leave out the imported factors that the closes around their ex-date contradict."""
    if "close" not in rows.columns or not factors["__told"].any():
        return factors
    same = pl.col("symbol") == pl.col("symbol").shift(1)
    before = pl.when(same).then(pl.col("close").shift(1))
    moves = rows.select("symbol", "date", __move=(pl.col("close") / before).log())
    around = factors.sort("ex_date").join_asof(
        moves.filter(pl.col("__move").is_finite()).sort("date"),
        left_on="ex_date", right_on="date", by="symbol", strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    left = (pl.col("__move") - pl.col("__factor").log()).abs()
    worse = left > pl.col("__move").abs() + _MARKET
    return around.filter(~(pl.col("__told") & worse.fill_null(value=False)))


def _day_before() -> pl.Expr:
    """Return the date of the symbol's row before, or at least the day before."""
    yesterday = pl.col("date").dt.offset_by("-" + _DAY)
    same = pl.col("symbol") == pl.col("symbol").shift(1)
    return pl.min_horizontal(pl.when(same).then(pl.col("date").shift(1)), yesterday)


def _joined(rows: pl.DataFrame, steps: pl.DataFrame, on: str, name: str) -> pl.DataFrame:
    """Add the product of the factors whose ex-date is later than the column `on`; 1 for none."""
    found = rows.join_asof(
        steps.rename({"__factor": name}).sort("symbol", "ex_date"),
        left_on=on, right_on="ex_date", by="symbol", strategy="forward",
        allow_exact_matches=False, check_sortedness=False,
    )  # fmt: skip
    return found.drop("ex_date").with_columns(pl.col(name).fill_null(1.0))


def follow(rows: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with old symbols replaced by the ones they became, sorted by symbol and date.

    A change with a date counts for rows before it; of several changes of one name the first after
    the row's date. One without a date counts only where the old symbol stops before the new one
    begins: an old name may have been given to another company. Of a day held under two names the
    row published under the newest stays.

    Parameters
    ----------
    rows : DataFrame
        ``symbol`` (text, or an Enum of the names asked for: rows that belong to another name
        by now are left out), ``date``.
    changes : DataFrame
        Schema `SYMBOL_CHANGES`.
    """
    rows = by_symbol_and_date(rows)
    held = rows["symbol"].unique().cast(pl.String)
    if changes.is_empty() or not changes["old"].is_in(held.implode()).any():
        return rows
    kind = rows.schema["symbol"]
    # only the names that change and what they become are looked at, not the whole market
    olds = changes.filter(pl.col("old").is_in(held.implode()))["old"].to_list()
    names = with_successors(olds, changes)
    hit = rows["symbol"].cast(pl.String).is_in(names)
    result = rows.filter(hit).with_columns(
        pl.col("symbol").cast(pl.String), __from="date", __moves=pl.lit(0)
    )
    last = rows["date"].max()
    for _ in range(_MAX_CHAIN):
        moved = _renamed(_renamed(result, _dated(changes)), _undated(result, changes, last))
        if moved["symbol"].equals(result["symbol"]):
            break
        result = moved
    kept = result.sort("symbol", "date", "__moves", maintain_order=True).unique(
        ["symbol", "date"], keep="first", maintain_order=True
    )
    typed = kept.with_columns(pl.col("symbol").cast(kind, strict=False)).select(rows.columns)
    return _together(rows.filter(~hit), typed.drop_nulls("symbol").sort("symbol", "date"))


def _together(others: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Join two sorted frames without a common symbol; sorting by both keys would take six times."""
    return pl.concat([others, rows]).sort("symbol", maintain_order=True)


def _dated(changes: pl.DataFrame) -> pl.DataFrame:
    """Return old, new, until: changes that count for rows before `until`."""
    return changes.drop_nulls("effective_date").select("old", "new", until="effective_date")


def _undated(rows: pl.DataFrame, changes: pl.DataFrame, last: object) -> pl.DataFrame:
    """Return old, new, until: changes without a date whose old name ends before the new begins."""
    spans = rows.group_by("symbol").agg(first=pl.col("date").min(), end=pl.col("date").max())
    loose = changes.filter(pl.col("effective_date").is_null()).unique("old", keep="last")
    found = loose.join(spans.select(old="symbol", end="end"), on="old").join(
        spans.select(new="symbol", begins="first"), on="new", how="left"
    )
    # a new name without rows: the old one must have ended before the newest day
    ended = pl.coalesce("begins", pl.lit(last, pl.Date)) > pl.col("end")
    return found.filter(ended).select("old", "new", until=pl.col("end").dt.offset_by(_DAY))


def _renamed(rows: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Give each row the name of the first change that comes after where it stands.

    `__from` moves on with a change, so that a chain runs forward in time and not in a circle.
    """
    if changes.is_empty():
        return rows
    joined = rows.with_row_index("__row").sort("__from").join_asof(
        changes.sort("until"), left_on="__from", right_on="until", by_left="symbol", by_right="old",
        strategy="forward", allow_exact_matches=False, check_sortedness=False,
    )  # fmt: skip
    moves = pl.col("new").is_not_null()
    at = pl.col("until").dt.offset_by("-" + _DAY)
    return (
        joined.with_columns(
            symbol=pl.coalesce("new", "symbol"),
            __from=pl.when(moves).then(at).otherwise(pl.col("__from")),
            __moves=pl.col("__moves") + moves.cast(pl.Int32),
        )
        .sort("__row")
        .select(rows.columns)
    )


def with_successors(symbols: Sequence[str], changes: pl.DataFrame) -> list[str]:
    """Return `symbols` and every name they got later, sorted."""
    return _reached(symbols, changes, "old", "new")


def with_predecessors(symbols: Sequence[str], changes: pl.DataFrame) -> list[str]:
    """Return `symbols` and every name they ever had, sorted."""
    return _reached(symbols, changes, "new", "old")


def _reached(symbols: Sequence[str], changes: pl.DataFrame, near: str, far: str) -> list[str]:
    found = set(symbols)
    for _ in range(_MAX_CHAIN):
        more = set(changes.filter(pl.col(near).is_in(list(found)))[far]) - found
        if not more:
            break
        found |= more
    return sorted(found)
