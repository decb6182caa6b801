"""Join the sources of one day: the better one wins column by column, differences are told.

Pure; the ranks say which source is better, and the order of loading never matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.store.layout import KEYS
from alphastock_cli.store.merge import merge, squash

# best first: with delivery, then by precision, then by what the report leaves out
RANK = (
    "nse_sec_bhavdata_full",
    "nse_udiff_cm",
    "nse_sec_bhavdata_history",
    "nse_bhavcopy_old",
    "nse_ind_close_all",
    "nse_pd_report",
    "bse_udiff_cm",
    "bse_bhavcopy_old",
    "nse_udiff_fo",
    "bse_udiff_fo",
    "nse_fo_bhavcopy_old",
    "nse_fo_report",  # futures only, and open interest only of contracts that were traded
    "mcx_bhavcopy",
    "investing_daily",
)

# How far two sources of one row may lie apart: half of the coarser one's last digit, and a bit.
_CENT = 0.0051
_TOLERANCE: Mapping[str, float] = MappingProxyType(
    {
        "previous_close": _CENT, "open": _CENT, "high": _CENT, "low": _CENT, "close": _CENT,
        "last": _CENT, "average_price": _CENT, "volume": 0.0, "trades": 0.0,
        "delivery_quantity": 0.0, "turnover": 2 * _CENT, "settlement": _CENT, "contracts": 0.0,
        "open_interest": 0.0, "oi_change": 0.0,
    }
)  # fmt: skip
# Turnover in lakhs with two decimals: 500 rupees either way; in crores: 50,000. The previous close
# of ind_close_all is a difference of two printed figures.
_COARSE: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        ("nse_sec_bhavdata_full", "turnover"): 501.0,
        ("nse_sec_bhavdata_history", "turnover"): 501.0,
        ("nse_fo_bhavcopy_old", "turnover"): 1_001.0,
        ("mcx_bhavcopy", "turnover"): 501.0,
        ("nse_ind_close_all", "turnover"): 50_001.0,
        ("nse_ind_close_all", "previous_close"): 3 * _CENT,
    }
)
_CONTRACT = ("symbol", "expiry", "strike", "option_type")  # what names a row, where it has it
_SHOWN = 20
_SYMBOLS = 50  # fewer shared symbols could agree by chance
_AGREE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two sources that print different figures for one row; the first one was kept."""

    symbol: str
    date: str
    column: str
    kept: str
    kept_value: float
    other: str
    other_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The joined rows and where the sources disagreed."""

    frame: pl.DataFrame
    differences: int
    examples: tuple[Conflict, ...]


def fold(frames: Sequence[pl.DataFrame], stored: pl.DataFrame, *, dataset: str) -> Folded:
    """Return the incoming rows, joined with each other and with what is stored of them.

    Of several sources the best one's values come first, column by column; what it lacks is filled
    from the next. A row of the same source as a stored one corrects it. Of files of one source
    the last one counts; where they contradict each other it is told.

    Parameters
    ----------
    frames : sequence of DataFrame
        Rows in the dataset's schema; `source` says where each comes from.
    stored : DataFrame
        What is stored of the same days; rows without an incoming one are not in the result.
    """
    keys = list(KEYS[dataset])
    new = pl.concat(frames)
    held = stored.join(new.select(keys), on=keys, how="semi", nulls_equal=True)
    # unknown sources rank last: a plug-in's files never overrule the exchange's
    names = sorted(
        set(new["source"].unique()) | set(held["source"].unique()),
        key=lambda name: (RANK.index(name) if name in RANK else len(RANK), name),
        reverse=True,
    )
    whole = new.clear()
    differences = 0
    examples: list[Conflict] = []
    for name in names:
        fresh = new.filter(source=name)
        layer = squash(fresh, keys)
        if layer.height < fresh.height:
            # two files of one form and day: the later one counts, a contradiction is told
            twice = fresh.filter(pl.struct(keys).is_duplicated())
            count, some = _differences(twice, layer, keys, name)
            differences += count
            examples += some
        layer = merge(held.filter(source=name), layer, keys).frame
        count, some = _differences(whole, layer, keys, name)
        differences += count
        examples += some
        whole = merge(whole, layer, keys).frame
    return Folded(frame=whole, differences=differences, examples=tuple(examples[:_SHOWN]))


def _differences(
    worse: pl.DataFrame, better: pl.DataFrame, keys: Sequence[str], name: str
) -> tuple[int, list[Conflict]]:
    """Count the figures of `better` that `worse` contradicts, and return the first ones."""
    if worse.is_empty() or better.is_empty():
        return 0, []
    both = better.join(worse, on=list(keys), how="inner", suffix="_other", nulls_equal=True)
    total = 0
    found: list[Conflict] = []
    for column in (name for name in _TOLERANCE if name in worse.columns):
        gap = (pl.col(column) - pl.col(f"{column}_other")).abs()
        apart = both.filter(gap > _tolerance(column, name)).sort(keys)
        total += apart.height
        found += [_conflict(row, column, name) for row in apart.head(_SHOWN).iter_rows(named=True)]
    return total, found


def _tolerance(column: str, name: str) -> pl.Expr:
    """Return the tolerance of each pair: that of the coarser of its two sources."""
    usual = _TOLERANCE[column]
    coarse = {form: value for (form, of), value in _COARSE.items() if of == column}
    mine = coarse.get(name, usual)
    if not coarse:
        return pl.lit(mine)
    other = pl.col("source_other").replace_strict(coarse, default=usual, return_dtype=pl.Float64)
    return pl.max_horizontal(pl.lit(mine), other)


def _conflict(row: Mapping[str, Any], column: str, name: str) -> Conflict:
    return Conflict(
        symbol=" ".join(_word(row[name]) for name in _CONTRACT if name in row),
        date=str(row["date"]), column=column,
        kept=name, kept_value=row[column],
        other=row["source_other"], other_value=row[f"{column}_other"],
    )  # fmt: skip


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def date_by_closes(undated: pl.DataFrame, dated: pl.DataFrame) -> date | None:
    """Return the one day whose closes another source agrees with, or None.

    At least 50 symbols and 95 % of them must agree to the paisa, on one day only.

    Parameters
    ----------
    undated, dated : DataFrame
        ``exchange, symbol, series, close``, and ``date`` in `dated`.
    """
    keys = ["exchange", "symbol", "series"]
    closes = undated.select(*keys, mine="close").drop_nulls("mine").unique(keys)
    equal = (pl.col("mine") - pl.col("close")).abs() < _CENT
    days = (
        dated.select(*keys, "date", "close")
        .join(closes, on=keys)
        .unique([*keys, "date"], keep="last")
        .group_by("date")
        .agg(n=pl.len(), share=equal.mean())
        .filter((pl.col("n") >= _SYMBOLS) & (pl.col("share") >= _AGREE))
    )
    found: list[date] = days["date"].to_list()
    return found[0] if len(found) == 1 else None


def copied_from(rows: pl.DataFrame, others: pl.DataFrame) -> date | None:
    """Return the earlier session whose rows these are, whatever day they are said to be of.

    At least 50 symbols and 95 % of them must have the close, to the paisa, and the volume of that
    session. None where another source has the same rows on the day they are said to be of.

    Parameters
    ----------
    rows, others : DataFrame
        ``exchange, symbol, series, date, close, volume, source``; `rows` of one day.
    """
    keys = ["exchange", "symbol", "series"]
    day, form = rows["date"][0], rows["source"][0]
    mine = rows.select(*keys, mine="close", traded="volume").drop_nulls().unique(keys)
    elsewhere = others.filter((pl.col("date") < day) |
                              ((pl.col("date") == day) & (pl.col("source") != form)))  # fmt: skip
    equal = ((pl.col("mine") - pl.col("close")).abs() < _CENT) & (
        pl.col("traded") == pl.col("volume")
    )
    same = (
        elsewhere.join(mine, on=keys)
        .unique([*keys, "date"], keep="last")
        .group_by("date")
        .agg(n=pl.len(), share=equal.mean())
        .filter((pl.col("n") >= _SYMBOLS) & (pl.col("share") >= _AGREE))
    )
    found: date | None = same["date"].max()  # type: ignore[assignment]  # a column of dates
    return None if found is None or found == day else found
