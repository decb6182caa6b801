"""Orders a person types: built, and weighed against money and halts before the broker sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from alphastock_cli.domain.decisions import Reason, RiskState
from alphastock_cli.domain.instrument import Instrument, Side
from alphastock_cli.domain.trading import Order, OrderType, Product, Role, Validity
from alphastock_cli.exchange import rules
from alphastock_cli.trading import orders
from alphastock_cli.trading.portfolio import Portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a person asks for; without a price it is a market order."""

    instrument: Instrument
    side: Side
    quantity: int
    product: Product
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    market_protection: Decimal | None = None

    @property
    def order_type(self) -> OrderType:
        """The type that its prices say."""
        if self.trigger_price is None:
            return OrderType.MARKET if self.price is None else OrderType.LIMIT
        return OrderType.SL_M if self.price is None else OrderType.SL

    def order(self, *, order_id: str, at: datetime, closes: bool, group: str) -> Order:
        """Return the order: an exit of `group` where it only closes what is held."""
        session, _, _ = rules.session_of(self.instrument, at)
        return Order(
            order_id=order_id, tag=f"AS{order_id}", instrument=self.instrument, side=self.side,
            quantity=self.quantity, order_type=self.order_type, product=self.product,
            placed_at=at, session=session, validity=self.validity, price=self.price,
            trigger_price=self.trigger_price, market_protection=self.market_protection,
            role=Role.EXIT if closes else Role.ENTRY, group=group if closes else order_id,
        )  # fmt: skip


def closes(ticket: Ticket, portfolio: Portfolio) -> bool:
    """Tell whether a ticket only makes a position smaller."""
    position = portfolio.position(ticket.instrument.key, ticket.product)
    held = 0 if position is None else position.quantity
    against = held < 0 if ticket.side is Side.BUY else held > 0
    return against and ticket.quantity <= abs(held)


def weigh(
    ticket: Ticket,
    portfolio: Portfolio,
    *,
    state: RiskState,
    reserved: Decimal,
    last_price: Decimal | None,
    at: datetime,
) -> tuple[Reason, ...]:
    """Return every reason of ours against a ticket; one that only closes is always let through.

    Parameters
    ----------
    reserved : Decimal
        Rupees that waiting orders may still need.
    last_price : Decimal or None
        What a market order is weighed at; None where nobody knows one.
    """
    if closes(ticket, portfolio):
        return ()
    key, found = ticket.instrument.key, []
    if state.halted:
        found.append(_no("halted", f"trading is halted: {state.why}", until=state.halted))
    if ticket.instrument.expiry is not None and (
        ticket.side is Side.SELL or ticket.instrument.option_type is None
    ):
        text = f"{key}: futures and short options need a margin model, which is not there yet"
        found.append(_no("no_margin_model", text))
    price = ticket.price or ticket.trigger_price or last_price
    if price is None:
        return (*found, _no("no_market", f"{key}: no price is known to weigh a market order at"))
    probe = ticket.order(order_id="0", at=at, closes=False, group="")
    needed = orders.needed(probe, ticket.quantity, price)
    free = portfolio.cash - portfolio.blocked - reserved
    if needed > free:
        text = f"insufficient funds: {needed:,.2f} is needed, {free:,.2f} is available"
        found.append(_no("funds", text, needed=needed, available=free))
    return tuple(found)


def _no(rule: str, text: str, **numbers: Any) -> Reason:  # noqa: ANN401 - numbers of any kind
    return Reason(rule=rule, text=text, numbers=MappingProxyType(numbers))
