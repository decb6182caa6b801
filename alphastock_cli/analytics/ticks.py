"""Ticks gathered into minute candles, and the ticks that cannot be true.

Arrays and frames in, arrays and frames out. Which rows are ticks at all, and when the market is
open, is decided by those who read them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from alphastock_cli.analytics.hours import MINUTE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Moments = NDArray[np.int64]  # microseconds since 1970, UTC
    Flags = NDArray[np.bool_]
    Far = Callable[[Floats, Floats | float], Flags]

JUMP = 0.20  # of the last price, for whatever is no option
OPTION_FACTOR = 3.0  # an option may honestly move by half of its price between two trades
OPTION_FLOOR = 1.0  # rupees: from 0.05 to 0.20 is no jump
COME_BACK = 5 * MINUTE
INTERRUPTION = 5  # minutes from one candle to the next
_LONGEST = 10_000  # ticks looked at behind a jump


def ordered(ticks: pl.DataFrame) -> pl.DataFrame:
    """Return ticks by time, those of one stamp by their cumulative volume, else as they came.

    Columns ``timestamp`` and ``volume`` are read; an unknown volume comes first.
    """
    return ticks.sort("timestamp", "volume", nulls_last=False, maintain_order=True)


def minute_candles(ticks: pl.DataFrame) -> pl.DataFrame:
    """Return the candle of each minute that has a tick.

    Parameters
    ----------
    ticks : DataFrame
        ``timestamp`` (aware), ``price`` (rupees) and ``volume``, the units traded since the opening
        of the day, null where not known; in the order of `ordered`.

    Returns
    -------
    DataFrame
        ``time`` (start of the minute), ``open, high, low, close`` (first, highest, lowest and last
        price) and ``volume``: what the cumulative volume rose by since the last tick before the
        minute. In the first minute of a day, and in the first after an interruption, it is the rise
        since the minute's own first tick: what was traded before that has no minute. Null where
        either end is not known.
    """
    day, time = pl.col("time").dt.date(), pl.col("time")
    rise = pl.col("last_volume") - pl.col("last_volume").shift(1).over(day)
    since_first = pl.col("last_volume") - pl.col("first_volume")
    # of a recording that has most minutes a long gap is an interruption, not a quiet market
    span = (time.max() - time.min()).over(day).dt.total_minutes() + 1
    dense = 2 * pl.len().over(day) > span
    gap = (time - time.shift(1).over(day)).dt.total_minutes() > INTERRUPTION
    return (
        ticks.group_by(pl.col("timestamp").dt.truncate("1m").alias("time"), maintain_order=True)
        .agg(
            open=pl.col("price").first(), high=pl.col("price").max(), low=pl.col("price").min(),
            close=pl.col("price").last(), first_volume=pl.col("volume").first(),
            last_volume=pl.col("volume").last(),
        )
        .sort("time")
        .with_columns(
            volume=pl.when((time == time.min().over(day)) | (dense & gap))
            .then(since_first)
            .otherwise(rise)
        )
        .drop("first_volume", "last_volume")
    )  # fmt: skip


def not_falling(volumes: Moments) -> Flags:
    """Tell which values to keep so that what is left never falls and the fewest are left out.

    The longest subsequence that does not fall, by patience sorting: O(n log n), and no work where
    nothing falls. It is found from behind, so that of two values that contradict each other the
    earlier one stays.
    """
    kept = np.ones(len(volumes), dtype=np.bool_)
    if not (np.diff(volumes) < 0).any():
        return kept
    behind = -volumes[::-1]
    tails: list[int] = []  # smallest last value of a rising run, by its length
    ends: list[int] = []  # where that value stands
    before = np.full(len(volumes), -1, dtype=np.int64)
    for place, value in enumerate(behind.tolist()):
        length = bisect_right(tails, value)
        if length:
            before[place] = ends[length - 1]
        if length == len(tails):
            tails.append(value)
            ends.append(place)
        else:
            tails[length], ends[length] = value, place
    kept[:] = False
    place = ends[-1]
    while place >= 0:
        kept[place] = True
        place = int(before[place])
    return kept[::-1]


def far_from(prices: Floats, last: Floats | float) -> Flags:
    """Tell which prices lie more than 20 % away from the last accepted one."""
    found: Flags = np.abs(prices - last) > JUMP * last
    return found


def far_option(prices: Floats, last: Floats | float) -> Flags:
    """Tell which option prices are over three times the last accepted one, or under a third.

    A difference of up to one rupee is none.
    """
    high, low = np.maximum(prices, last), np.minimum(prices, last)
    found: Flags = (high > OPTION_FACTOR * low) & (high - low > OPTION_FLOOR)
    return found


def reverting_jumps(times: Moments, prices: Floats, far: Far = far_from) -> Flags:
    """Tell which prices jump away from the last accepted one and are undone by what follows.

    A price `far` from the last accepted one is refused, with all that follow it, if within five
    minutes a price comes that is not; without such a return it is a new level and accepted. The
    first price of a day has nothing to be measured against.

    Parameters
    ----------
    times, prices : ndarray
        Of one day, ascending in time.
    """
    refused = np.zeros(len(prices), dtype=np.bool_)
    suspects = np.flatnonzero(far(prices[1:], prices[:-1])) + 1
    place = 0
    while (at := int(np.searchsorted(suspects, place, side="right"))) < len(suspects):
        begin = int(suspects[at])
        end = int(np.searchsorted(times, times[begin] + COME_BACK, side="right"))
        window = prices[begin : min(end, begin + _LONGEST)]
        back = np.flatnonzero(~far(window, float(prices[begin - 1])))
        place = begin + int(back[0]) if back.size else begin
        refused[begin:place] = True
    return refused
