"""When the Indian exchanges trade: the one calendar every other module asks.

Sessions come from dated tables (`sessions.py`); this module adds neighbours and moments: next,
previous, latest, open now. No clock here, the moment is an argument; expiries: `contracts.py`.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from types import MappingProxyType

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.sessions import (
    IST,
    Phase,
    Segment,
    Session,
    days_between,
    holidays,
    is_session,
    reach,
    session,
)

__all__ = [
    "IST",
    "Phase",
    "Segment",
    "Session",
    "holidays",
    "is_open",
    "is_session",
    "known_from",
    "last_final_session",
    "last_known",
    "latest_session",
    "next_open",
    "next_session",
    "previous_session",
    "reach",
    "segment_of",
    "session",
    "sessions",
]

_DAY = timedelta(days=1)
_SEGMENTS = MappingProxyType(
    {
        Exchange.NSE: Segment.EQUITY,
        Exchange.BSE: Segment.EQUITY,
        Exchange.NFO: Segment.FNO,
        Exchange.BFO: Segment.FNO,
        Exchange.CDS: Segment.CURRENCY,
        Exchange.BCD: Segment.CURRENCY,
        Exchange.MCX: Segment.COMMODITY,
    }
)


def segment_of(exchange: Exchange) -> Segment:
    """Return the segment whose calendar `exchange` follows."""
    return _SEGMENTS[exchange]


def sessions(segment: Segment, start: date, end: date) -> list[date]:
    """Return the days `segment` trades from `start` to `end`, both inclusive, ascending.

    Empty when `start` is after `end`.

    Raises
    ------
    OutOfRange
        The tables do not reach `start` or `end`.
    """
    return days_between(segment, start, end)


def next_session(segment: Segment, day: date) -> date:
    """Return the first day after `day` on which `segment` trades.

    Raises
    ------
    OutOfRange
        The tables end before one is found, or do not reach the day after `day`.
    """
    return _step(segment, day, _DAY)


def previous_session(segment: Segment, day: date) -> date:
    """Return the last day before `day` on which `segment` trades.

    Raises
    ------
    OutOfRange
        The tables begin after it would be, or do not reach the day before `day`.
    """
    return _step(segment, day, -_DAY)


def latest_session(segment: Segment, at: datetime) -> Session:
    """Return the last session whose continuous trading has opened by `at`.

    A session without known hours counts from the following midnight: earlier nobody can say that
    it has begun.

    Raises
    ------
    OutOfRange
        The tables do not reach the day of `at`, or no session of theirs has opened by then.
    ValueError
        `at` is naive.
    """
    now = _indian(at)
    today = session(segment, now.date())
    if today is not None and today.opens is not None and today.opens <= now:
        return today
    return _known(segment, previous_session(segment, now.date()))


def last_final_session(segment: Segment, at: datetime) -> Session:
    """Return the last session whose continuous and auction phases are all over by `at`.

    Its end-of-day files can exist; when an exchange publishes them is another matter. A session
    without known hours counts from the following midnight.

    Raises
    ------
    OutOfRange
        The tables do not reach the day of `at`, or no session of theirs is over by then.
    ValueError
        `at` is naive.
    """
    now = _indian(at)
    today = session(segment, now.date())
    if today is not None and today.final_at is not None and today.final_at <= now:
        return today
    return _known(segment, previous_session(segment, now.date()))


def known_from(segment: Segment, day: date) -> datetime:
    """Return the moment from which a day's figures are known, in Asia/Kolkata.

    The end of its last phase; the end of the day where the tables hold no hours or no session.
    """
    try:
        held = session(segment, day)
    except OutOfRange:
        held = None
    if held is not None and held.final_at is not None:
        return held.final_at
    return datetime.combine(day, time(23, 59, 59), IST)


def last_known(segment: Segment, at: datetime) -> date:
    """Return the last day whose figures are known at `at`: that day, or the one before it."""
    day = _indian(at).date()
    return day if known_from(segment, day) <= at else day - _DAY


def is_open(segment: Segment, at: datetime) -> bool:
    """Tell whether `segment` is in continuous trading or in its closing auction at `at`.

    Opening times belong to the phase, closing times do not. The pre-open and post-close phases
    are not "open": no continuous price is made in them.

    Raises
    ------
    OutOfRange
        The tables do not reach that day, or hold no hours for its session.
    ValueError
        `at` is naive.
    """
    now = _indian(at)
    today = session(segment, now.date())
    if today is None:
        return False
    return any(phase.opens <= now < phase.closes for phase in _timed(today))


def next_open(segment: Segment, at: datetime) -> datetime:
    """Return the next moment after `at` at which continuous trading begins, in Asia/Kolkata.

    While the market is open that is the next session, or the second part of a divided one.

    Raises
    ------
    OutOfRange
        The tables end before one is found, or hold no hours for the session in question.
    ValueError
        `at` is naive.
    """
    now = _indian(at)
    today = session(segment, now.date())
    coming = [p.opens for p in _timed(today) if p.name == "continuous"] if today else []
    later = [moment for moment in coming if moment > now]
    if later:
        return min(later)
    following = _known(segment, next_session(segment, now.date()))
    return min(phase.opens for phase in _timed(following))


def _step(segment: Segment, day: date, step: timedelta) -> date:
    """Walk from `day` until a session is met; the tables end the walk with OutOfRange."""
    day += step
    while not is_session(segment, day):
        day += step
    return day


def _known(segment: Segment, day: date) -> Session:
    """Return the session of a day that is known to have one."""
    found = session(segment, day)
    assert found is not None, f"{segment} {day} is no session"
    return found


def _timed(of: Session) -> tuple[Phase, ...]:
    """Return the trading phases, or refuse: without hours nobody can say what is open."""
    if not of.trading_phases:
        raise OutOfRange(
            f"the tables hold no trading hours of the {of.segment} session on {of.day}"
            f" ({of.kind}; {of.source})",
            hint="Only the date is known: ask for the session of the day instead of a moment.",
        )
    return of.trading_phases


def _indian(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"the calendar needs an aware time, got {at}")
    return at.astimezone(IST)
