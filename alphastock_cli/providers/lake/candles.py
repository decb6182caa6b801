"""Candles inside the day, out of the lake, as of a moment.

Which stored interval answers is decided in `store.candles`, for every provider that reads the lake.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.domain.instrument import Instrument, Interval
from alphastock_cli.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from alphastock_cli.store.lake import Lake


def intraday(
    lake: Lake,
    instrument: Instrument,
    interval: Interval,
    start: datetime,
    end: datetime,
    *,
    moment: datetime,
) -> pl.DataFrame:
    """Return candles that begin inside ``[start, end)`` and were over by `moment`.

    Raises
    ------
    UsageError
        `start` or `end` is naive.
    NotOffered
        Nothing is stored that makes candles of `interval`; the message says what is.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise UsageError(f"candles need aware times, got {start} and {end}")
    from alphastock_cli.store import candles as stored  # numpy, which a scan of days does not need

    found = stored.candles(lake, instrument, interval, start, end, moment=moment)
    return conform(found, CANDLES, what="lake candles")
