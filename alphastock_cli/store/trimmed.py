"""Take away stored candles that a newer answer for their days does not have, and contradicts.

Laying an answer over what is stored keeps what it lacks. That is right for a hole in an answer, and
wrong where the stored candles are on another scale, or of something else.
"""

from __future__ import annotations

import polars as pl

from alphastock_cli.store.files import read_whole, write_parquet
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import overlaps

_PRICES = ("open", "high", "low", "close")
_SAME = 0.5  # of the candles that both have: the stored ones of that day hold


def trim(lake: Lake, dataset: str, candles: pl.DataFrame) -> int:
    """Remove what is stored of the days of `candles` and is not among them; return how much.

    Only of the symbols of `candles`, only days on which they have candles of it and differ from
    what is stored, and of each day only up to the last of those: what lies later may be stored by
    somebody else meanwhile. Before `candles` are laid over what is stored.

    Raises
    ------
    DamagedData, Locked, StorageError
        A stored file is damaged; another process writes; the disk says no.
    """
    if candles.is_empty():
        return 0
    names, day = ["exchange", "symbol"], pl.col("time").dt.date()
    reach = candles.group_by(*names, __day=day).agg(pl.col("time").max().alias("__last"))
    days = candles["time"].dt.date()
    first, last = days.min(), days.max()
    gone = 0
    with lake.writing():
        for path in lake.files(dataset):
            if not overlaps(path.stem, first, last):  # type: ignore[arg-type]
                continue
            held = read_whole(path, dataset)
            old = (
                held.with_columns(__day=day).join(reach, on=[*names, "__day"])
                .filter(pl.col("time") <= pl.col("__last"))
                .join(_holding(held, candles), on=[*names, "__day"], how="anti")
                .join(candles, on=[*names, "time"], how="anti")
            )  # fmt: skip
            if old.height:
                kept = held.join(old, on=[*names, "time"], how="anti", maintain_order="left")
                write_parquet(path, kept, dataset)
                gone += old.height
    return gone


def _holding(held: pl.DataFrame, candles: pl.DataFrame) -> pl.DataFrame:
    """Return the days of symbols on which the stored candles are the ones of an answer."""
    names = ["exchange", "symbol"]
    both = held.join(candles, on=[*names, "time"], suffix="_new")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in _PRICES)
    days = both.group_by(*names, __day=pl.col("time").dt.date()).agg(same.mean().alias("__same"))
    return days.filter(pl.col("__same") >= _SAME)
