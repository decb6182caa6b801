"""How long a contract has left, in years, by one of two ways of counting.

``act365`` counts calendar time, ``trading252`` trading time by the dated calendar. Both are exact
to the second and know no floor; which of them holds is the caller's choice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias, get_args

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.closes import years_between
from alphastock_cli.exchange.sessions import Phase

Daycount: TypeAlias = Literal["act365", "trading252"]
DAYCOUNTS: tuple[Daycount, ...] = get_args(Daycount)
_SESSIONS_A_YEAR = 252  # the custom the name stands for, whatever a year really had


def years_left(
    exchange: Exchange, now: datetime, close: datetime, daycount: Daycount = "act365"
) -> float:
    """Return the years from `now` to the `close` of a contract; negative once it is past.

    Parameters
    ----------
    daycount : {"act365", "trading252"}
        Seconds over 365 days; or sessions left over 252 (see `sessions_left`).

    Raises
    ------
    OutOfRange
        ``trading252`` and the calendar does not reach that far.
    """
    if daycount == "act365" or close <= now:
        return years_between(now, close)
    return sessions_left(calendar.segment_of(exchange), now, close) / _SESSIONS_A_YEAR


def sessions_left(segment: calendar.Segment, now: datetime, close: datetime) -> float:
    """Return the trading time from `now` to `close`, counted in sessions, to the second.

    Each session counts as one, a muhurat or half session too. Of a session that `now` or `close`
    divides counts the part of its continuous trading that lies between them. A session whose hours
    no table has counts whole until its day has begun.

    Raises
    ------
    OutOfRange
        The calendar does not reach `close`; or `now` or `close` lies in a session without hours.

    Examples
    --------
    Friday 15:40 to Tuesday 15:40, nothing but two whole sessions between:

    >>> friday = datetime(2026, 11, 20, 15, 40, tzinfo=calendar.IST)
    >>> sessions_left(calendar.Segment.FNO, friday, friday.replace(day=24))
    1.0
    """
    begin, end = (moment.astimezone(calendar.IST) for moment in (now, close))
    try:
        days = calendar.sessions(segment, begin.date(), end.date())
    except OutOfRange as error:
        raise OutOfRange(error.what, safe=error.safe, hint="Use --daycount act365.") from error
    divided = {begin.date(), end.date()}
    whole = [day for day in days if day not in divided]
    left = float(len(whole))
    for day in divided & set(days):
        held = calendar.session(segment, day)
        phases = [p for p in held.phases if p.name == "continuous"] if held else []
        if not phases:
            raise OutOfRange(
                f"the tables hold no trading hours of the {segment} session on {day}",
                hint="Use --daycount act365.",
            )
        left += _between(phases, begin, end) / _between(phases, phases[0].opens, phases[-1].closes)
    return left


def _between(phases: list[Phase], begin: datetime, end: datetime) -> float:
    """Return the seconds of the phases that lie between two moments."""
    spans = ((min(p.closes, end) - max(p.opens, begin)).total_seconds() for p in phases)
    return sum(max(span, 0.0) for span in spans)
