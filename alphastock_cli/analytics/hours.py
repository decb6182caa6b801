"""Trading hours of many days as arrays: is a moment inside, on the grid, when is a candle over.

The calendar answers one day at a time; frames of candles ask a hundred thousand moments at once.
Days whose hours the tables do not hold are told apart from closed days. No prices here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Moments = NDArray[np.int64]  # microseconds since 1970, UTC
    Flags = NDArray[np.bool_]

MINUTE = 60_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPENING_GRID = 15  # minutes: sessions open at a quarter of an hour, also those we have no hours of
_FAR = np.iinfo(np.int64).max


class Hours:
    """Trading stretches of one segment on some days.

    Parameters
    ----------
    segment : Segment
        Whose calendar counts.
    days : iterable of date
        The days that will be asked about; others may not be.
    """

    def __init__(self, segment: calendar.Segment, days: Iterable[date]) -> None:
        midnights, anchors, known, closed = [], [], [], []
        opens: list[int] = []
        closes: list[int] = []
        for day in sorted(set(days)):
            found = _stretches(segment, day)
            midnights.append(micros(datetime.combine(day, time(), calendar.IST)))
            closed.append(found == ())
            known.append(bool(found))
            anchors.append(found[0][0] if found else midnights[-1])
            opens += [begin for begin, _ in found or ()]
            closes += [end for _, end in found or ()]
        self._midnights = np.array(midnights, dtype=np.int64)
        self._anchors = np.array(anchors, dtype=np.int64)
        self._known = np.array(known, dtype=np.bool_)
        self._closed = np.array(closed, dtype=np.bool_)
        self._opens = np.array(opens, dtype=np.int64)
        self._closes = np.array(closes, dtype=np.int64)

    def known(self, times: Moments) -> Flags:
        """Tell for each moment whether the hours of its day are known."""
        return self._of_day(self._known, times)

    def closed(self, times: Moments) -> Flags:
        """Tell for each moment whether its day has no session."""
        return self._of_day(self._closed, times)

    def inside(self, times: Moments) -> Flags:
        """Tell for each moment whether the market is open then; False where nobody knows."""
        place = np.searchsorted(self._opens, times, side="right") - 1
        found: Flags = (place >= 0) & (times < np.append(self._closes, 0)[place])
        return found

    def anchors(self, times: Moments, otherwise: Moments) -> Moments:
        """Return from when the candles of each moment's day count: its opening.

        Where the hours are not known `otherwise` stands.
        """
        known = self.known(times)
        return np.where(known, self._of_day(self._anchors, times), otherwise)

    def on_grid(self, times: Moments, minutes: int) -> Flags:
        """Tell whether candles of that length may begin then: counted from the opening.

        A stretch after a break may begin at once. Where the hours are not known a start is taken
        that some opening at a quarter of an hour would give.
        """
        since = times - self.anchors(times, self._of_day(self._midnights, times))
        step = np.where(self.known(times), minutes, gcd(minutes, _OPENING_GRID)) * MINUTE
        found: Flags = (since % step == 0) | np.isin(times, self._opens)
        return found

    def ends(self, times: Moments, anchors: Moments, minutes: int) -> Moments:
        """Return when the candles that begin at `times` are over, counted from `anchors`.

        A candle ends with the last trading inside it: at the end of its block, or earlier where
        a stretch ends before and none begins.
        """
        length = minutes * MINUTE
        ends: Moments = anchors + ((times - anchors) // length + 1) * length
        place = np.searchsorted(self._opens, ends, side="left") - 1
        # the last stretch begun by then; one that was over before the candle began is another's
        last = np.append(self._closes, _FAR)[place]
        clipped: Moments = np.where((place >= 0) & (last > times), np.minimum(ends, last), ends)
        return clipped

    def _of_day(self, values: NDArray[Any], times: Moments) -> NDArray[Any]:
        return values[np.searchsorted(self._midnights, times, side="right") - 1]


def micros(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970, UTC, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _stretches(segment: calendar.Segment, day: date) -> tuple[tuple[int, int], ...] | None:
    """Return the trading stretches of a day, joined where they touch.

    Empty when the segment is closed, None when the hours are not known.
    """
    try:
        session = calendar.session(segment, day)
    except OutOfRange:
        return None
    if session is None:
        return ()
    joined: list[tuple[int, int]] = []
    phases = sorted((micros(p.opens), micros(p.closes)) for p in session.trading_phases)
    for begin, end in phases:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined) or None
