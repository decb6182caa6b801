"""The order every series function relies on: rows by symbol, then date."""

from __future__ import annotations

import polars as pl


def by_symbol_and_date(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` sorted by ``symbol`` and ``date``; those that are already come back as is."""
    runs = rows["symbol"].rle().struct
    names, starts = runs.field("value"), runs.field("len").cum_sum()
    # one run a symbol, runs in order, and no date before the one above it but where a run starts
    in_order = names.is_sorted() and names.n_unique() == names.len()
    if in_order:
        back = rows.select((pl.col("date") < pl.col("date").shift(1)).arg_true()).to_series()
        in_order = bool(back.is_in(starts.implode()).all())
    return rows if in_order else rows.sort("symbol", "date", maintain_order=True)
