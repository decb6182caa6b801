"""Finer candles gathered into coarser ones, and the moment from which a candle is known.

Session-aware: intervals count from the opening, the last one of a day may be shorter. Nothing here
knows where candles come from.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from alphastock_cli.analytics.hours import Hours
from alphastock_cli.domain.frames import CANDLES, TIME, conform
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.exchange.calendar import Segment

if TYPE_CHECKING:
    from alphastock_cli.analytics.hours import Moments

END = "end"
_NAME = ("exchange", "symbol")


def minutes_of(interval: Interval) -> int:
    """Return the length of an intraday interval in minutes."""
    return int(interval.length.total_seconds() // 60)


def finer(interval: Interval) -> tuple[Interval, ...]:
    """Return the intervals whose candles make up one of `interval`, the shortest first.

    >>> [each.value for each in finer(Interval.MINUTE_15)]
    ['minute', '3minute', '5minute']
    """
    whole = minutes_of(interval)
    intraday = [each for each in Interval if each.is_intraday]
    shorter = [m for m in intraday if minutes_of(m) < whole and whole % minutes_of(m) == 0]
    return tuple(sorted(shorter, key=minutes_of))


def with_ends(candles: pl.DataFrame, interval: Interval, segment: Segment) -> pl.DataFrame:
    """Return candles of `interval` with the moment each one is over, in the column `end`.

    Blocks count from the opening of the session; on a day whose hours no table holds, from the
    first candle of the symbol. Where trading ends inside a block, at the close or before a break,
    the candle is over with it.
    """
    anchors, ends = _blocks(candles, interval, segment)
    del anchors
    return candles.with_columns(pl.Series(END, ends).cast(TIME))


def gathered(
    candles: pl.DataFrame,
    interval: Interval,
    moment: datetime | None = None,
    *,
    source: Interval = Interval.MINUTE,
    segment: Segment = Segment.EQUITY,
) -> pl.DataFrame:
    """Return candles of `source` gathered into candles of `interval`, those over by `moment`.

    Parameters
    ----------
    candles : DataFrame
        `CANDLES` of one or more symbols, each ascending in time.
    moment : datetime, optional
        Aware; None takes every candle, also one that is not over.
    source : Interval
        What `candles` are; its length divides that of `interval`.

    Returns
    -------
    DataFrame
        `CANDLES`: first open, highest high, lowest low, last close and open interest; the volume is
        the sum, null where one part is not known. Stamped with the first candle of the block:
        a block that begins in a break carries the first minute after it.
    """
    ended = gathered_with_ends(candles, interval, source=source, segment=segment)
    if moment is not None:
        ended = ended.filter(pl.col(END) <= moment)
    return conform(ended.drop(END), CANDLES, what="candles")


def gathered_with_ends(
    candles: pl.DataFrame,
    interval: Interval,
    *,
    source: Interval = Interval.MINUTE,
    segment: Segment = Segment.EQUITY,
) -> pl.DataFrame:
    """Return `gathered` with the moment each candle is over, in the column `end`."""
    if interval is source or candles.is_empty():
        return with_ends(candles, interval, segment)
    anchors, ends = _blocks(candles, interval, segment)
    blocked = candles.with_columns(pl.Series("__anchor", anchors), pl.Series(END, ends).cast(TIME))
    volume = pl.col("volume")
    return (
        blocked.group_by(*_NAME, "__anchor", END, maintain_order=True)
        .agg(
            pl.col("time", "open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close", "open_interest").last(),
            # a sum with an unknown part is not known
            volume=pl.when(volume.null_count() == 0).then(volume.sum()),
        )
        .select(*CANDLES, END)
    )


def _blocks(candles: pl.DataFrame, interval: Interval, segment: Segment) -> tuple[Moments, Moments]:
    """Return from when each candle's block counts, and when the block is over."""
    day = pl.col("time").dt.date()
    facts = candles.select(
        day=day,
        time=pl.col("time").to_physical(),
        first=pl.col("time").min().over(*_NAME, day).to_physical(),
    )
    hours = Hours(segment, facts["day"].unique())
    times = facts["time"].to_numpy()
    anchors = hours.anchors(times, facts["first"].to_numpy())
    return anchors, hours.ends(times, anchors, minutes_of(interval))
