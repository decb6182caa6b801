"""When a contract ends on its expiry day, and how many years are left until then.

Actual/365 to the second, no floor: ten minutes before the close are ten minutes. Hours come from
the dated tables; which days are expiries is the business of `expiries.py`.
"""

from __future__ import annotations

from datetime import date, datetime, time

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.calendar import IST, Segment, segment_of
from alphastock_cli.exchange.contracts import exchange_of
from alphastock_cli.exchange.sessions import session
from alphastock_cli.exchange.tables import read_table, valid_on

_YEAR_SECONDS = 365 * 86_400


def derivative_exchange(underlying: str) -> Exchange:
    """Return where the contracts of an underlying are listed; shares are NSE's (NFO)."""
    return exchange_of(underlying) or Exchange.NFO


def contract_close(exchange: Exchange, expiry: date) -> datetime:
    """Return the moment the contracts of an expiry end, aware, Asia/Kolkata.

    The close of the derivatives session of that day, or the earlier hour the tables name for the
    last day of a contract. Days the calendar does not reach, and days it holds closed, take the
    regular hours that the tables say hold then.

    Raises
    ------
    OutOfRange
        No table holds hours of that day.
    """
    segment = segment_of(exchange)
    early = _rows("expiry_hours", segment, expiry)
    if early:
        return _at(expiry, early[0]["closes"])
    try:
        held = session(segment, expiry)
    except OutOfRange:
        held = None
    if held is not None and held.closes is not None:
        return held.closes
    closes = [
        row["closes"]
        for row in _rows("hours", segment, expiry)
        if row["kind"] == "full" and row["phase"] == "continuous"
    ]
    if not closes:
        raise OutOfRange(
            f"the tables hold no trading hours of the {segment} segment on {expiry}"
            " (exchange/data/hours.csv)",
            hint="Without the close of its last day nobody can say how long a contract lives.",
        )
    return _at(expiry, max(closes))


def years_between(now: datetime, close: datetime) -> float:
    """Return the years from `now` to `close`, actual/365 to the second; negative once it is past.

    Examples
    --------
    >>> from datetime import timedelta
    >>> close = datetime(2026, 11, 24, 15, 40, tzinfo=IST)
    >>> years_between(close - timedelta(days=73), close)
    0.2
    """
    return (close - now).total_seconds() / _YEAR_SECONDS


def _rows(table: str, segment: Segment, day: date) -> list[dict[str, str]]:
    return [
        row for row in read_table(table) if row["segment"] == segment.value and valid_on(row, day)
    ]


def _at(day: date, text: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), IST)
