"""When a price of a segment can be expected to move: in continuous trading, by the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.calendar import Segment

Hours = Callable[[int, datetime], bool]
"""Tells by the last byte of a token, and a moment, whether silence is a fault."""

_SEGMENTS = MappingProxyType(
    {
        1: Segment.EQUITY, 4: Segment.EQUITY, 9: Segment.EQUITY, 2: Segment.FNO, 5: Segment.FNO,
        3: Segment.CURRENCY, 6: Segment.CURRENCY, 7: Segment.COMMODITY, 8: Segment.COMMODITY,
        12: Segment.COMMODITY,
    }
)  # fmt: skip


def moves(code: int, at: datetime) -> bool:
    """Tell whether a segment is in continuous trading for all that it lists.

    From the first closing auction on cash prices and indices may stand still, so they are not
    expected to move; nor is anything where the calendar's tables do not reach.
    """
    segment = _SEGMENTS.get(code)
    if segment is None:
        return False
    try:
        today = calendar.session(segment, at.astimezone(calendar.IST).date())
    except OutOfRange:
        return False
    if today is None:
        return False
    ends = [today.closes_for(has_derivatives=kind) for kind in (True, False)]
    known = [end for end in ends if end is not None]
    phases = [phase for phase in today.phases if phase.name == "continuous"]
    return bool(known) and at < min(known) and any(p.opens <= at < p.closes for p in phases)
