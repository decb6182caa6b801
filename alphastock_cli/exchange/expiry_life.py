"""One expiry in its life: kind, days and sessions left, moved by a holiday, day to roll, over.

The rules where they reach the day (`expiries.py`), else the list of a source. Facts of an expiry
that nobody knows are None.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar, closes, expiries

ROLL_SESSIONS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryLife:
    """One expiry at a moment.

    Attributes
    ----------
    kind : str
        ``weekly``, ``monthly``, ``quarterly`` or ``half_yearly``; without a rule that knows it,
        ``monthly`` is the last one listed in its month and every other ``weekly``.
    regular : date or None
        The day the rule alone gives; other than `day` where a holiday moved it. None without one.
    shifted : bool or None
        Whether a holiday moved it.
    days : int
        Calendar days left, negative once it is past.
    sessions : int or None
        Sessions left to trade in, the current one and the last one included; None beyond the
        calendar.
    roll : date or None
        The session on which to roll: so many sessions before the last one.
    roll_due : bool or None
        Whether that session has come.
    expired : bool
        Whether the contract has ended, by its own close.
    """

    day: date
    kind: str
    regular: date | None
    shifted: bool | None
    days: int
    sessions: int | None
    roll: date | None
    roll_due: bool | None
    expired: bool


def expiry_life(
    underlying: str,
    day: date,
    *,
    at: datetime,
    listed: Sequence[date],
    roll_sessions: int = ROLL_SESSIONS,
) -> ExpiryLife:
    """Return what is known of an expiry at a moment.

    Parameters
    ----------
    listed : sequence of date
        The expiries the source lists, for underlyings and days without rules.
    roll_sessions : int
        How many sessions before the last one positions are to be rolled; 0 is the last day itself.

    Raises
    ------
    OutOfRange
        No table holds hours of that day.
    """
    exchange = closes.derivative_exchange(underlying)
    segment, today = calendar.segment_of(exchange), at.date()
    rule = _by_rule(underlying, day, today)
    roll = _back(segment, day, roll_sessions)
    return ExpiryLife(
        day=day,
        kind=rule.kind if rule else _by_list(day, listed),
        regular=rule.regular if rule else None,
        shifted=rule.regular != day if rule else None,
        days=(day - today).days,
        sessions=_left(segment, today, day),
        roll=roll,
        roll_due=None if roll is None else today >= roll,
        expired=closes.contract_close(exchange, day) <= at,
    )


def kind_of(underlying: str, day: date, *, on: date, listed: Sequence[date]) -> str:
    """Return the kind of an expiry alone, as `ExpiryLife.kind` tells it."""
    rule = _by_rule(underlying, day, on)
    return rule.kind if rule else _by_list(day, listed)


def _by_list(day: date, listed: Sequence[date]) -> str:
    month = [each for each in (*listed, day) if (each.year, each.month) == (day.year, day.month)]
    return "monthly" if day == max(month) else "weekly"


def _by_rule(underlying: str, day: date, on: date) -> expiries.Expiry | None:
    """Return the rule's expiry of that day as known on `on`, the longer kind where two meet."""
    if not expiries.has_rules(underlying):
        return None
    try:
        held = expiries.listed_expiries(underlying, on)
    except OutOfRange:
        return None
    found = [each for each in held if each.day == day]
    return next((each for each in found if each.kind != "weekly"), found[0] if found else None)


def _back(segment: calendar.Segment, day: date, count: int) -> date | None:
    """Return the session so many before a day; None beyond the calendar."""
    try:
        for _ in range(count):
            day = calendar.previous_session(segment, day)
    except OutOfRange:
        return None
    return day


def _left(segment: calendar.Segment, today: date, day: date) -> int | None:
    """Return the sessions from today to a day, both counted; None beyond the calendar."""
    try:
        return len(calendar.sessions(segment, today, day))
    except OutOfRange:
        return None
