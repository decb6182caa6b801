"""What the simulated exchange knows at a moment: which sessions have begun, which are over.

Hours and days come from the calendar's tables; nothing random here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time
from functools import lru_cache

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim.days import Array

FIRST = date(2016, 1, 1)
_SEGMENT = calendar.Segment.EQUITY
MINUTE = 60_000_000  # in microseconds


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, Asia/Kolkata, and the sessions begun by then, of which `final` are over."""

    at: datetime
    sessions: tuple[date, ...]
    final: int

    @property
    def under_way(self) -> bool:
        """Tell whether the last session has begun and is not over."""
        return len(self.sessions) > self.final

    @property
    def known_at(self) -> datetime:
        """The moment itself during a session, else the end of the last one."""
        return self.at if self.under_way else end(self.sessions[-1])

    def span(self, start: date | None, end: date | None, *, begun: bool = False) -> tuple[int, int]:
        """Return the range of final (or begun) sessions from `start` to `end`, both inclusive."""
        count = len(self.sessions) if begun else self.final
        low = 0 if start is None else bisect_left(self.sessions, start, hi=count)
        high = count if end is None else bisect_right(self.sessions, end, hi=count)
        return low, max(low, high)


def look(at: datetime) -> Moment:
    """Return what is known at `at`.

    Raises
    ------
    OutOfRange
        The simulated exchange had not opened by then, or the calendar does not reach that day.
    """
    begun = calendar.latest_session(_SEGMENT, at).day
    if begun < FIRST:
        raise OutOfRange(
            f"the simulated exchange has no session before {FIRST}, asked was {at:%Y-%m-%d %H:%M}",
            hint="Choose a later --as-of.",
        )
    sessions = _sessions(begun)
    over = calendar.last_final_session(_SEGMENT, at).day
    return Moment(at=at, sessions=sessions, final=len(sessions) - (begun > over))


def within_reach(at: datetime) -> tuple[datetime, str]:
    """Return the moment in Indian time, and a warning if the calendar's end held it back.

    Raises
    ------
    ValueError
        `at` is naive.
    """
    if at.tzinfo is None:
        raise ValueError(f"the simulated exchange needs an aware time, got {at}")
    now = at.astimezone(calendar.IST)
    _, last = calendar.reach(_SEGMENT)
    if now.date() <= last:
        return now, ""
    end = datetime.combine(last, time(23, 59, 59), calendar.IST)
    return end, f"the calendar ends on {last}: the simulated exchange stands still there"


@lru_cache(maxsize=4096)
def minute_starts(day: date, segment: calendar.Segment = _SEGMENT) -> Array:
    """Return the first microsecond of each minute of continuous trading, int64 since 1970 UTC.

    Every simulated share trades as one without derivatives: continuously to the close. Empty
    where no table has the hours of the session.
    """
    session = calendar.session(segment, day)
    assert session is not None, f"{day} is no session"
    spans = [
        np.arange(micros(phase.opens), micros(phase.closes), MINUTE)
        for phase in session.phases_for(has_derivatives=False)
        if phase.name == "continuous"
    ]
    return np.concatenate(spans) if spans else np.empty(0, np.int64)


def minutes_over(day: date, at: datetime, segment: calendar.Segment = _SEGMENT) -> int:
    """Return how many minutes of a session are over at `at`."""
    starts = minute_starts(day, segment)
    return int(np.searchsorted(starts, micros(at) - MINUTE, side="right"))


@lru_cache(maxsize=64)
def _sessions(last: date) -> tuple[date, ...]:
    return tuple(calendar.sessions(_SEGMENT, FIRST, last))


def end(day: date, segment: calendar.Segment = _SEGMENT) -> datetime:
    """Return when a session ends: by the tables, else at midnight."""
    session = calendar.session(segment, day)
    known = None if session is None else session.final_at
    return known or datetime.combine(day, time(23, 59, 59), calendar.IST)


def micros(at: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return round(at.timestamp() * 1_000_000)
