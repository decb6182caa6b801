"""What the time of day means for the desk: when intraday positions go, and what comes too late.

Hours are dated rows of `exchange/`; days of which they say nothing forbid nothing here.
"""

from __future__ import annotations

from datetime import date, datetime

from alphastock_cli.domain.decisions import Reason
from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.domain.trading import Position, Product, Signal
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import rules
from alphastock_cli.exchange.calendar import IST


class Hours:
    """When intraday positions are squared off, looked up once a day and instrument."""

    def __init__(self) -> None:
        self._square_offs: dict[tuple[str, bool | None, date], datetime | None] = {}

    def must_go(self, position: Position, now: datetime) -> bool:
        """Tell whether an intraday position is due: also one that was missed on an earlier day."""
        today = now.astimezone(IST).date()
        if position.opened_at is not None and position.opened_at.astimezone(IST).date() < today:
            return True
        ends = self._square_off_at(position.instrument, today)
        return ends is not None and now >= ends

    def too_late(
        self, instrument: Instrument, product: Product, session: date, now: datetime
    ) -> Reason | None:
        """Return why no intraday position is opened any more in a session, None where one may."""
        ends = self._square_off_at(instrument, session)
        if product is not Product.MIS or ends is None or now < ends:
            return None
        text = f"{instrument.key}: intraday positions are squared off from {ends:%H:%M}"
        return Reason(rule="too_late", text=text)

    def _square_off_at(self, instrument: Instrument, day: date) -> datetime | None:
        name = (instrument.key, instrument.has_derivatives, day)
        if name not in self._square_offs:
            try:
                self._square_offs[name] = rules.square_off_time(instrument, day)
            except OutOfRange:  # no time is known: nothing is squared off by itself
                self._square_offs[name] = None
        return self._square_offs[name]


def ends_first(signal: Signal, opens: datetime | None) -> Reason | None:
    """Return why a signal cannot be followed that is over before the market opens again."""
    if opens is None or opens <= signal.valid_until:
        return None
    text = f"{signal.instrument.key}: the signal ends before the market opens ({opens:%d %b %H:%M})"
    return Reason(rule="after_hours", text=text)


def is_trading(instrument: Instrument, now: datetime) -> bool:
    """Tell whether an instrument is in continuous trading; False where its hours are not known."""
    try:
        return rules.is_trading(instrument, now)
    except OutOfRange:
        return False
