"""Join the sources of one day: the better one wins column by column, differences are told.

Pure; the ranks say which source is better, and the order of loading never matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.store.layout import KEYS
from alphastock_cli.store.merge import merge, squash

# best first: with delivery, then by precision, then by what the report cuts off
RANK = (
    "nse_sec_bhavdata_full",
    "nse_sec_bhavdata_history",
    "nse_udiff_cm",
    "nse_bhavcopy_old",
    "nse_pd_report",
    "nse_ind_close_all",
    "bse_udiff_cm",
    "bse_bhavcopy_old",
)
_INDEX_RANK = ("nse_ind_close_all", "nse_pd_report")

# how far two sources of one row may lie apart: half of the coarser one's last digit, and a bit.
# Turnover is printed in lakhs with two decimals by some: 500 rupees either way.
_TOLERANCE: Mapping[str, float] = MappingProxyType(
    {
        "previous_close": 0.0051, "open": 0.0051, "high": 0.0051, "low": 0.0051, "close": 0.0051,
        "last": 0.0051, "volume": 0.0, "trades": 0.0, "turnover": 501.0,
    }
)  # fmt: skip
_SHOWN = 20


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
    """Return the rows of all sources and of the store joined, the best source's values first.

    Parameters
    ----------
    frames : sequence of DataFrame
        Rows in the dataset's schema; `source` says where each comes from.
    stored : DataFrame
        What is stored of the same days.
    """
    keys = KEYS[dataset]
    new = pl.concat(frames)
    order = _INDEX_RANK if dataset == "indices_day" else RANK
    # unknown sources rank last: a plug-in's files never overrule the exchange's
    names = sorted(
        set(new["source"].unique()) | set(stored["source"].unique()),
        key=lambda name: (order.index(name) if name in order else len(order), name),
        reverse=True,
    )
    whole = new.clear()
    differences = 0
    examples: list[Conflict] = []
    for name in names:
        # a row loaded again corrects the one stored from the same source
        layer = pl.concat([stored.filter(source=name), new.filter(source=name)])
        layer = squash(layer, keys)
        if whole.height and layer.height:
            count, some = _differences(whole, layer, keys, name)
            differences += count
            examples += some
        whole = merge(whole, layer, keys).frame
    return Folded(frame=whole, differences=differences, examples=tuple(examples[:_SHOWN]))


def _differences(
    worse: pl.DataFrame, better: pl.DataFrame, keys: Sequence[str], name: str
) -> tuple[int, list[Conflict]]:
    both = better.join(worse, on=list(keys), how="inner", suffix="_other")
    total = 0
    found: list[Conflict] = []
    for column, tolerance in _TOLERANCE.items():
        if column not in worse.columns or both.is_empty():
            continue
        gap = (pl.col(column) - pl.col(f"{column}_other")).abs()
        apart = both.filter(gap > tolerance)
        total += apart.height
        found += [_conflict(row, column, name) for row in apart.head(_SHOWN).iter_rows(named=True)]
    return total, found


def _conflict(row: Mapping[str, Any], column: str, name: str) -> Conflict:
    return Conflict(
        symbol=row["symbol"], date=str(row["date"]), column=column,
        kept=name, kept_value=row[column],
        other=row["source_other"], other_value=row[f"{column}_other"],
    )  # fmt: skip


def date_by_closes(undated: pl.DataFrame, dated: pl.DataFrame) -> Any:  # noqa: ANN401 - a date or None
    """Return the one day whose closes another source agrees with, or None.

    At least 50 symbols and 95 % of them must agree to the paisa, on one day only.
    """
    closes = undated.select("symbol", "series", mine="close").drop_nulls()
    joined = dated.select("symbol", "series", "date", "close", "exchange").join(
        closes, on=["symbol", "series"]
    )
    exchange = undated["exchange"].first()
    days = (
        joined.filter(exchange=exchange)
        .group_by("date")
        .agg(n=pl.len(), share=((pl.col("mine") - pl.col("close")).abs() < 0.0051).mean())  # noqa: PLR2004 - half a paisa
        .filter((pl.col("n") >= 50) & (pl.col("share") >= 0.95))  # noqa: PLR2004 - see the docstring
    )
    return days["date"][0] if days.height == 1 else None
