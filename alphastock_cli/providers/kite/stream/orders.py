"""Order updates: each step of an order once, in whatever order and however often it comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alphastock_cli.safety import safe_text

Row = Mapping[str, Any]
_Step = tuple[int, int, str, tuple[Any, ...]]  # filled, rank, time, the rest of the row

_TRIGGER, _OPEN, _OVER = 3, 5, 9
_RANKS = {
    "PUT ORDER REQ RECEIVED": 0, "AMO REQ RECEIVED": 1, "VALIDATION PENDING": 1, "OPEN PENDING": 2,
    "TRIGGER PENDING": _TRIGGER, "OPEN": _OPEN, "UPDATE": _OPEN,
    "COMPLETE": _OVER, "CANCELLED": _OVER, "CANCELLED AMO": _OVER, "REJECTED": _OVER,
}  # fmt: skip
# on the way to a change of an order that lies in the book already
_PASSING = frozenset({"MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "CANCEL PENDING"})
_ID = re.compile(r"[0-9]{1,25}")


class OrderUpdates:
    """What was applied of each order, by units filled and status.

    The exchange sends an order's steps as whole rows, so a later row says all that an earlier one
    did: a row that is behind what is known is not news.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Step] = {}

    def news(self, row: Row) -> bool:
        """Tell whether a row takes an order further, and remember it if so.

        Raises
        ------
        ValueError
            The row is no order: its id, status or filled units are missing or no such thing.
        """
        order = row.get("order_id")
        if not isinstance(order, str) or not _ID.fullmatch(order):
            raise ValueError(f"an order update without an order id: {safe_text(str(order)[:60])}")
        filled, status = row.get("filled_quantity"), row.get("status")
        if not isinstance(status, str) or type(filled) is not int or filled < 0:
            raise ValueError(f"order {order}: an update without status or filled units")
        known = self._known.get(order)
        rank = _RANKS.get(status, _OPEN)
        if status in _PASSING:  # as far as it was: a trigger waits on after its change
            rank = _TRIGGER if known is None else min(max(_TRIGGER, known[1]), _OPEN)
        step = (filled, rank, _time(row), _rest(row))
        if known is not None and not _further(known, step):
            return False
        self._known[order] = step
        return True


def _further(known: _Step, step: _Step) -> bool:
    """Tell whether `step` comes after `known`: more filled, a higher status, or changed since."""
    if known[1] == _OVER:  # nothing follows, but a late report of more fills
        return step[0] > known[0]
    if step[:2] != known[:2]:
        return step[0] >= known[0] and step[1] >= known[1]
    return step[3] != known[3] and step[2] >= known[2]


def _time(row: Row) -> str:
    """Return the time of the row as text that sorts; "" where it has none."""
    for name in ("exchange_update_timestamp", "order_timestamp"):
        try:
            return datetime.fromisoformat(str(row.get(name))).isoformat()
        except ValueError:
            continue
    return ""


def _rest(row: Row) -> tuple[Any, ...]:
    names = ("status", "quantity", "price", "trigger_price", "order_type", "validity")
    return tuple(str(row.get(name)) for name in names)
