"""For which session an order is, when that instrument trades in it, when MIS is squared off.

The calendar knows segments; here their hours are narrowed to one instrument: shares with
derivatives end earlier, a currency contract ends at noon of its last day. No clock: the moment is
an argument.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.closes import contract_close
from alphastock_cli.exchange.limits import limits
from alphastock_cli.exchange.sessions import IST, Phase, Session


def session_of(
    instrument: Instrument, now: datetime, *, has_derivatives: bool | None = None
) -> tuple[date, datetime | None, datetime | None]:
    """Return the session an order placed at `now` is for: its day, opening and close.

    Today's while continuous trading of this instrument has not closed, also before it has opened
    (an after-market order), else the next one. Where the tables hold no hours the times are None
    and the session lasts until midnight. A contract that expires earlier is not looked at.

    Parameters
    ----------
    now : datetime
        Aware.
    has_derivatives : bool, optional
        Of a share: whether futures and options on it are traded; it decides when it closes. None
        takes what the instrument says, and the earlier close where it does not say.

    Raises
    ------
    OutOfRange
        The calendar does not reach that day, or ends before the next session.
    ValueError
        `now` is naive.
    """
    moment = _indian(now)
    segment = calendar.segment_of(instrument.exchange)
    today = calendar.session(segment, moment.date())
    if today is not None:
        opens, closes = _hours(instrument, today, has_derivatives=has_derivatives)
        if closes is None or moment < closes:
            return today.day, opens, closes
    day = calendar.next_session(segment, moment.date())
    following = calendar.session(segment, day)
    assert following is not None
    return day, *_hours(instrument, following, has_derivatives=has_derivatives)


def session_close(
    instrument: Instrument, day: date, *, has_derivatives: bool | None = None
) -> datetime | None:
    """Return when continuous trading of the instrument ends on a day.

    None where its segment does not trade on that day, or the tables hold no hours.

    Raises
    ------
    OutOfRange
        The calendar does not reach that day.
    """
    held = calendar.session(calendar.segment_of(instrument.exchange), day)
    if held is None:
        return None
    _, closes = _hours(instrument, held, has_derivatives=has_derivatives)
    return closes


def is_trading(
    instrument: Instrument, now: datetime, *, has_derivatives: bool | None = None
) -> bool:
    """Tell whether the instrument is in continuous trading at `now`.

    The opening belongs to it, the close does not; a closing auction is not continuous trading, and
    a contract that has expired does not trade.

    Raises
    ------
    OutOfRange
        The calendar does not reach that day, or holds no hours for its session.
    ValueError
        `now` is naive.
    """
    moment = _indian(now)
    today = calendar.session(calendar.segment_of(instrument.exchange), moment.date())
    if today is None:
        return False
    if instrument.expiry is not None and instrument.expiry < today.day:
        return False
    phases = _phases(instrument, today, has_derivatives=has_derivatives)
    if not phases:
        raise OutOfRange(f"the hours of {instrument.key} on {today.day} are not in our tables")
    return any(opens <= moment < closes for opens, closes in phases)


def expires_at(instrument: Instrument) -> datetime | None:
    """Return when a contract stops trading for good; None without an expiry.

    The close of its last day; the end of that day where the tables do not hold the hours.
    """
    if instrument.expiry is None:
        return None
    try:
        return contract_close(instrument.exchange, instrument.expiry)
    except OutOfRange:
        return datetime.combine(instrument.expiry, time.max, IST)


def square_off_time(
    instrument: Instrument, day: date, *, has_derivatives: bool | None = None
) -> datetime | None:
    """Return when the broker squares off intraday (MIS) positions on a day.

    None where the segment does not trade on that day or its hours are not known. On special
    sessions as many minutes before the close as on ordinary ones.

    Raises
    ------
    OutOfRange
        The calendar or the broker's times do not reach that day.
    """
    closes = session_close(instrument, day, has_derivatives=has_derivatives)
    if closes is None:
        return None
    with_them = _with_derivatives(instrument, given=has_derivatives)
    minutes = limits("square_off_before_close", instrument, day, has_derivatives=with_them)
    if not minutes:
        raise OutOfRange(
            f"when MIS positions of {instrument.exchange} were squared off on {day} is not known",
            hint="The times we know are in order_limits.csv.",
        )
    return closes - timedelta(minutes=int(minutes[0]))


def _hours(
    instrument: Instrument, held: Session, *, has_derivatives: bool | None = None
) -> tuple[datetime | None, datetime | None]:
    phases = _phases(instrument, held, has_derivatives=has_derivatives)
    if not phases:
        return None, None
    return phases[0][0], max(closes for _, closes in phases)


def _phases(
    instrument: Instrument, held: Session, *, has_derivatives: bool | None
) -> list[tuple[datetime, datetime]]:
    """Return opening and close of each stretch of continuous trading, ascending."""
    with_them = _with_derivatives(instrument, given=has_derivatives)
    phases: tuple[Phase, ...] = held.phases_for(has_derivatives=with_them)
    found = [(p.opens, p.closes) for p in phases if p.name == "continuous"]
    if instrument.expiry != held.day or not found:
        return found
    last = contract_close(instrument.exchange, held.day)
    return [(opens, min(closes, last)) for opens, closes in found if opens < last]


def _with_derivatives(instrument: Instrument, *, given: bool | None) -> bool:
    """Return which hours hold; the earlier close where nobody knows: no fill is made up then."""
    known = instrument.has_derivatives if given is None else given
    return known is not False


def _indian(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} is naive: a moment needs a time zone")
    return moment.astimezone(IST)
