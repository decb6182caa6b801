"""Snapshots of instrument masters at rest: which is the nearest one to a day, and its rows.

A master is known from its day on. Loading: `masters.py`; what follows from a master: the callers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from functools import reduce
from operator import and_

import polars as pl

from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import span

DATASET = "instruments"
Place = tuple[Exchange, date]


def nearest(
    lake: Lake,
    day: date,
    *,
    exchanges: Collection[Exchange],
    underlying: str | None = None,
) -> Place | None:
    """Return exchange and day of the last snapshot that was known on `day`, or None.

    Parameters
    ----------
    exchanges : collection of Exchange
        Where to look; of two snapshots of one day that of the exchange named first counts.
    underlying : str, optional
        Only snapshots that list a derivative on it, or (a share) itself.
    """
    return _find(lake, day, tuple(exchanges), underlying, later=False)


def first_after(
    lake: Lake,
    day: date,
    *,
    exchanges: Collection[Exchange],
    underlying: str | None = None,
) -> Place | None:
    """Return exchange and day of the first snapshot later than `day`; see `nearest`."""
    return _find(lake, day, tuple(exchanges), underlying, later=True)


def held(lake: Lake) -> list[Place]:
    """Return every snapshot stored, oldest first."""
    rows = lake.scan(DATASET, columns=["exchange", "date"]).unique().sort("date", "exchange")
    return [(Exchange(code), day) for code, day in collect(rows, what=DATASET).rows()]


def rows_of(
    lake: Lake,
    place: Place,
    *,
    underlying: str | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the rows of one snapshot in the `INSTRUMENTS_DAY` schema, by tradingsymbol."""
    exchange, day = place
    rows = lake.scan(DATASET, start=day, end=day).filter(exchange=exchange.value)
    if underlying is not None:
        rows = rows.filter(underlying=underlying)
    chosen = rows if columns is None else rows.select(columns)
    return collect(chosen, what=DATASET)


def _find(
    lake: Lake, day: date, exchanges: tuple[Exchange, ...], underlying: str | None, *, later: bool
) -> Place | None:
    """Return the last snapshot up to `day`, or the first one after it, file by file."""
    when = pl.col("date")
    tests = [pl.col("exchange").is_in(list(exchanges)), (when > day) if later else (when <= day)]
    if underlying is not None:
        tests.append(pl.col("underlying").eq_missing(underlying))
    paths = lake.files(DATASET)
    for path in paths if later else reversed(paths):
        first, last = span(path.stem)
        if (last <= day) if later else (first > day):
            continue
        names = ["exchange", "date", "underlying"]
        rows = lake.scan(DATASET, start=first, end=last, columns=names).filter(reduce(and_, tests))
        found = collect(rows.select("exchange", "date").unique(), what=DATASET).rows()
        places = [(Exchange(code), on) for code, on in found]
        if places:
            wanted = (min if later else max)(on for _, on in places)
            return min((p for p in places if p[1] == wanted), key=lambda p: exchanges.index(p[0]))
    return None
