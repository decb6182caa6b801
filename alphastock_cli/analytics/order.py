"""The order every series function relies on: rows by symbol, then date."""

from __future__ import annotations

import polars as pl


def by_symbol_and_date(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` sorted by ``symbol`` and ``date``; those that are already come back as is."""
    return with_lengths(rows)[0]


def with_lengths(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return `rows` as `by_symbol_and_date` and how many rows each symbol has, in that order."""
    names, lengths, back = _runs(rows)
    # one run a symbol, runs in order, and no date before the one above it but where a run starts
    in_order = names.is_sorted() and names.n_unique() == names.len()
    if in_order and back.is_in(lengths.cum_sum().implode()).all():
        return rows, lengths
    done = rows.sort("symbol", "date", maintain_order=True)
    return done, done["symbol"].rle().struct.field("len")


def _runs(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Return the symbol and the length of each run, and the rows whose date lies before the last.

    Comparing text takes longest: two halves and the dates are looked at in parallel.
    """
    symbol, date, half = pl.col("symbol"), pl.col("date"), rows.height // 2
    found = rows.select(
        first=symbol.head(half).rle().implode(),
        second=symbol.slice(half).rle().implode(),
        back=(date < date.shift(1)).arg_true().implode(),
    )
    first, second, back = (found[name].item() for name in ("first", "second", "back"))
    runs = pl.concat([first, second]).struct
    names, lengths = runs.field("value"), runs.field("len")
    seam = len(first)
    if 0 < seam < names.len() and names[seam - 1] == names[seam]:  # one run, cut in two
        lengths = lengths.scatter(seam, lengths[seam - 1] + lengths[seam])
        kept = pl.int_range(names.len(), eager=True) != seam - 1
        names, lengths = names.filter(kept), lengths.filter(kept)
    return names, lengths, back
