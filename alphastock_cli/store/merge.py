"""Join incoming rows with stored ones: by key, column by column, counting what it changed.

Pure; no disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

_NEW = "__new"
_OLD = "__old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The joined rows, sorted by key, and the count of what happened to the incoming ones."""

    frame: pl.DataFrame
    added: int
    changed: int
    unchanged: int


def merge(stored: pl.DataFrame, incoming: pl.DataFrame, keys: Sequence[str]) -> Merged:
    """Return `stored` with `incoming` laid over it.

    An incoming value wins over a stored one; an incoming null keeps what is stored. Of incoming
    rows with one key the last one counts, its nulls filled from the earlier ones. Nulls in keys
    equal each other. Both frames have the same schema; so has the result.
    """
    values = [name for name in incoming.columns if name not in keys]
    new = squash(incoming, keys)
    if stored.is_empty():
        return Merged(frame=new.sort(keys), added=new.height, changed=0, unchanged=0)
    both = stored.with_columns(pl.lit(value=True).alias(_OLD)).join(
        new.with_columns(pl.lit(value=True).alias(_NEW)),
        on=list(keys), how="full", coalesce=True, nulls_equal=True, suffix=_NEW,
    )  # fmt: skip
    is_old, is_new = pl.col(_OLD).is_not_null(), pl.col(_NEW).is_not_null()
    differs = pl.any_horizontal(
        pl.lit(value=False),
        *(
            pl.col(name + _NEW).is_not_null() & pl.col(name).ne_missing(pl.col(name + _NEW))
            for name in values
        ),
    )
    counts = both.select(
        added=(is_new & ~is_old).sum(),
        changed=(is_new & is_old & differs).sum(),
        incoming=is_new.sum(),
    ).row(0)
    frame = both.select(
        *(
            pl.col(name) if name in keys else pl.coalesce(name + _NEW, name).alias(name)
            for name in incoming.columns
        )
    ).sort(keys)
    added, changed, total = counts
    return Merged(frame=frame, added=added, changed=changed, unchanged=total - added - changed)


def squash(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return one row a key: the last known value of each column."""
    if not frame.select(pl.struct(keys).is_duplicated().any()).item():
        return frame
    values = [name for name in frame.columns if name not in keys]
    return frame.group_by(list(keys), maintain_order=True).agg(
        pl.col(name).drop_nulls().last() for name in values
    ).select(frame.columns)  # fmt: skip
