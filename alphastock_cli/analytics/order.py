"""The order every series function relies on: rows by symbol, then date."""

from __future__ import annotations

import polars as pl


def by_symbol_and_date(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` sorted by ``symbol`` and ``date``; those that are already come back as is."""
    symbol, day = pl.col("symbol"), pl.col("date")
    later = (symbol == symbol.shift(1)) & (day >= day.shift(1))
    in_order = rows.select(((symbol > symbol.shift(1)) | later).all()).item()
    return rows if in_order else rows.sort("symbol", "date", maintain_order=True)
