"""How far back a runner reads: counted in sessions of the calendar, not in days.

Shared by runners; no runner itself, which is why the name begins with an underscore.
"""

from __future__ import annotations

from datetime import date, timedelta

from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar

# sessions read besides, so that a few that were never stored do not make a window too short
SPARE = 10


def first_session(segment: calendar.Segment, last: date, sessions: int) -> date:
    """Return the session `sessions` sessions, and some to spare, before `last`.

    Where the tables do not reach so far back the answer is a guess by days, and never too late.
    """
    count = max(2, sessions) + SPARE
    first, _ = calendar.reach(segment)
    # 250 sessions make a year; two weeks more for holidays in a row
    guess = max(first, last - timedelta(days=count * 365 // 240 + 15))
    try:
        held = calendar.sessions(segment, guess, last)
    except OutOfRange:
        return guess
    return held[-count] if len(held) >= count else guess
