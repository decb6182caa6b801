"""The index beside its shares: what relative strength and beta are measured against.

Shared by runners; no runner itself. One index for all: NIFTY 50, on the dates the shares have.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from alphastock_cli.analytics import indicators
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import NotOffered

INDEX = "NIFTY 50"
COLUMN = "index_close"
_SPAN = 251  # rows that the longest measure, beta_250, spans
_SCHEMA = {"date": pl.Date, COLUMN: pl.Float64}


def needed(names: Sequence[str]) -> bool:
    """Return whether one of the indicators `names` reads the index."""
    return bool(measured(names))


def measured(names: Sequence[str]) -> list[str]:
    """Return those of the indicators `names` that are measured against the index."""
    # the default columns read no index, and need no look at the library
    more = [name for name in names if name not in indicators.INDICATORS]
    return [name for name in more if COLUMN in indicators.indicator(name).inputs]


def index_days(provider: MarketData, start: date | None, end: date) -> pl.DataFrame:
    """Return ``date`` and ``index_close``; empty where the provider has no index."""
    try:
        rows = provider.indices_day(symbols=[INDEX], start=start, end=end)
        found = collect(rows.select("date", "close"), what=provider.name)
    except NotOffered:
        return pl.DataFrame(schema=_SCHEMA)
    return found.rename({"close": COLUMN}).unique("date", keep="last", maintain_order=True)


def gap(rows: pl.DataFrame, index: pl.DataFrame) -> str:
    """Say on which of the last days of `rows` the index has no row; empty where it has them all."""
    days = rows["date"].unique().sort().tail(_SPAN)
    lacking = days.filter(~days.is_in(index["date"].implode())).to_list()
    if not lacking:
        return ""
    more = f" and {len(lacking) - 1} earlier dates" if len(lacking) > 1 else ""
    return f"{INDEX} has no row of {lacking[-1]}{more}"


def with_index(rows: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with the index's close of the same ``date``, null where it has none."""
    return rows.join(index, on="date", how="left", maintain_order="left")
