"""One order as Kite shows it: its rows, its way through the statuses, its trades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol

from alphastock_cli.domain.trading import ZERO, Fill
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError, stamp

RECEIVED, VALIDATION = "PUT ORDER REQ RECEIVED", "VALIDATION PENDING"
FINAL = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})
_UNKNOWN_TOKEN = 1  # what the first row of an order's history holds at Kite


@dataclass
class Ticket:
    """An order and all that has become of it.

    `inner` are the desk's own orders that stand for it, the live one last: a changed price is a
    new order there. `seen_from` is the caller's time from which the book shows it.
    """

    order_id: str
    form: Form
    user: str
    placed_at: datetime
    parent: str | None = None
    tags: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    status: str = RECEIVED
    message: str | None = None
    raw_message: str | None = None
    exchange_id: str | None = None
    updated_at: datetime | None = None
    modified: bool = False
    modifications: int = 0
    fills: list[Fill] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    seen_from: float = 0.0
    ends_at: datetime | None = None  # of a TTL order

    @property
    def final(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.status in FINAL

    @property
    def filled(self) -> int:
        """Units filled."""
        return sum(fill.quantity for fill in self.fills)

    @property
    def left(self) -> int:
        """Units not filled."""
        return self.form.quantity - self.filled

    @property
    def average(self) -> Decimal:
        """Mean price of the fills, 0 without one."""
        filled = self.filled
        value = sum((fill.price * fill.quantity for fill in self.fills), ZERO)
        return (value / filled).quantize(Decimal("0.0001")) if filled else ZERO

    def move(self, status: str, at: datetime, *, message: str = "", raw: str = "") -> None:
        """Take a status and note it in the history."""
        self.status, self.updated_at = status, at
        self.message, self.raw_message = message or None, raw or message or None
        row = self.row()
        row.pop("guid")
        if status == RECEIVED:
            row["instrument_token"] = _UNKNOWN_TOKEN
        self.history.append(row)

    def row(self) -> dict[str, Any]:
        """Return the order as a row of the book."""
        form = self.form
        updated = None if self.updated_at is None else stamp(self.updated_at)
        at_exchange = self.exchange_id is not None
        return {
            "placed_by": self.user, "account_id": self.user, "order_id": self.order_id,
            "exchange_order_id": self.exchange_id, "parent_order_id": self.parent,
            "status": self.status, "status_message": self.message,
            "status_message_raw": self.raw_message, "order_timestamp": stamp(self.placed_at),
            "exchange_update_timestamp": updated if at_exchange else None,
            "exchange_timestamp": updated if at_exchange else None, "variety": form.variety,
            "modified": self.modified, "exchange": form.item.instrument.exchange.value,
            "tradingsymbol": form.item.instrument.tradingsymbol,
            "instrument_token": form.item.token, "order_type": form.order_type.value,
            "transaction_type": form.side.value, "validity": form.validity,
            "validity_ttl": form.validity_ttl, "product": form.product,
            "quantity": form.quantity, "disclosed_quantity": form.disclosed_quantity,
            "price": number(form.price), "trigger_price": number(form.trigger_price),
            "auction_number": None, "average_price": number(self.average),
            "filled_quantity": self.filled, "pending_quantity": 0 if self.final else self.left,
            "cancelled_quantity": self.left if self.status == "CANCELLED" else 0,
            "market_protection": number(form.market_protection), "meta": dict(self.meta),
            "tag": form.tag or None, "tags": list(self.tags),
            "guid": sha256(self.order_id.encode()).hexdigest()[:16],
        }  # fmt: skip

    def trades(self) -> list[dict[str, Any]]:
        """Return its fills as rows of the trade book."""
        return [
            {
                "trade_id": f"{int(self.order_id) % 10**8:08d}{fill.seq:02d}",
                "order_id": self.order_id, "exchange": self.form.item.instrument.exchange.value,
                "tradingsymbol": self.form.item.instrument.tradingsymbol,
                "instrument_token": self.form.item.token, "product": self.form.product,
                "average_price": number(fill.price), "quantity": fill.quantity,
                "exchange_order_id": self.exchange_id,
                "transaction_type": self.form.side.value, "fill_timestamp": stamp(fill.time),
                "order_timestamp": stamp(fill.time)[11:], "exchange_timestamp": stamp(fill.time),
            }
            for fill in self.fills
        ]  # fmt: skip


Told = Callable[[Ticket, str], None]


class Refuse(Protocol):
    """Returns why the account cannot have an order, None where it can."""

    def __call__(
        self, form: Form, units: int, *, without: Ticket | None = None
    ) -> CallError | None:
        """Judge so many units of a form, as if the order `without` were not there."""


def update(ticket: Ticket, secret: str, *, status: str = "") -> dict[str, Any]:
    """Return what the ticker and a postback tell of an order: its row, and a checksum of it."""
    row = ticket.row()
    row["status"] = status or row["status"]
    signed = f"{ticket.order_id}{row['order_timestamp']}{secret}"
    return {
        "user_id": ticket.user, "unfilled_quantity": ticket.left, "app_id": 1,
        "checksum": sha256(signed.encode()).hexdigest(), **row,
    }  # fmt: skip


def number(value: Decimal) -> float | int:
    """Return a whole number as int, as Kite's JSON has it, any other as float."""
    return int(value) if value == value.to_integral_value() else float(value)
