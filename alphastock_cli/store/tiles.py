"""The order of rows inside a file, so that one symbol and one day both touch little of it.

A file sorted by symbol holds a day scattered over all of it, one sorted by date does the same to a
symbol. So a row group holds some symbols whole, and inside it seven weeks lie together, sorted by
symbol: a symbol is a few pages of one group, a day is a seventh of each. No choice of files here.
"""

from __future__ import annotations

import polars as pl

# measured on 5 M rows of 2,000 symbols (docs/performance.md): larger groups slow the single symbol,
# smaller ones the day; longer tiles slow the day, shorter ones the symbol
ROW_GROUP = 65_536
PAGE_BYTES = 16_384
_DAYS = 53  # seven tiles a year
_ROW, _GROUP, _TILE = "__row", "__group", "__tile"


def tiled(frame: pl.DataFrame, *, row_group: int = ROW_GROUP) -> pl.DataFrame:
    """Return the rows in the order in which they are to be stored.

    Parameters
    ----------
    frame : DataFrame
        Rows of one year with a `date`, sorted by symbol and date.
    row_group : int
        Rows of a row group, as the file will be written.

    Returns
    -------
    DataFrame
        The same rows. Those of one symbol still ascend in date.
    """
    numbered = frame.with_row_index(_ROW).with_columns(
        (pl.col(_ROW) // row_group).alias(_GROUP),
        ((pl.col("date").dt.ordinal_day() - 1) // _DAYS).alias(_TILE),
    )
    return numbered.sort(_GROUP, _TILE, _ROW).drop(_ROW, _GROUP, _TILE)
