"""The order every series function relies on: rows by symbol, then date."""

from __future__ import annotations

import polars as pl


def by_symbol_and_date(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` sorted by ``symbol`` and ``date``; those that are already come back as is."""
    return with_lengths(rows)[0]


def with_lengths(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return `rows` as `by_symbol_and_date` and how many rows each symbol has, in that order."""
    runs = rows["symbol"].rle().struct
    names, lengths = runs.field("value"), runs.field("len")
    # one run a symbol, runs in order, and no date before the one above it but where a run starts
    in_order = names.is_sorted() and names.n_unique() == names.len()
    if in_order:
        back = rows.select((pl.col("date") < pl.col("date").shift(1)).arg_true()).to_series()
        in_order = bool(back.is_in(lengths.cum_sum().implode()).all())
    if in_order:
        return rows, lengths
    done = rows.sort("symbol", "date", maintain_order=True)
    return done, done["symbol"].rle().struct.field("len")
