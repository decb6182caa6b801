"""Which orders follow from a decision, a fill, or the end of the day: values only, nothing sent.

Numbers are given out in order, so the same run gives the same order ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from alphastock_cli.domain.instrument import Instrument, Side
from alphastock_cli.domain.trading import (
    ZERO,
    Approved,
    Fill,
    Order,
    OrderState,
    OrderType,
    Position,
    Product,
    Role,
    Signal,
)
from alphastock_cli.trading.portfolio import Portfolio


@dataclass(slots=True)
class Numbers:
    """Gives out order ids: the session's date and a count, e.g. ``260814000007``."""

    given: int = 0

    def next(self, session: date) -> str:
        """Return the next id."""
        self.given += 1
        return f"{session:%y%m%d}{self.given:06d}"


def from_signal(
    signal: Signal,
    decision: Approved,
    *,
    order_id: str,
    product: Product,
    at: datetime,
    session: date,
    open_group: str = "",
) -> Order:
    """Return the protected market order of an approved signal.

    Parameters
    ----------
    open_group : str
        The group of the orders that guard the position it closes; "" where it opens one.
    """
    closing = decision.at_risk == ZERO
    return Order(
        order_id=order_id, tag=f"AS{order_id}", instrument=signal.instrument, side=signal.side,
        quantity=decision.quantity, order_type=OrderType.MARKET, product=product, placed_at=at,
        session=session, signal_id=signal.signal_id, role=Role.EXIT if closing else Role.ENTRY,
        group=open_group if closing else order_id,
        stop_loss=None if closing else signal.stop_loss,
        target=None if closing else signal.target,
    )  # fmt: skip


def guards(fill: Fill, entry: Order, *, numbers: Numbers) -> list[Order]:
    """Return the stop and the target that guard what an entry's fill opened.

    They share the entry's group: what one of them fills, the other gives up.
    """
    other = Side.SELL if entry.side is Side.BUY else Side.BUY
    wanted = (
        (Role.STOP, OrderType.SL_M, None, entry.stop_loss),
        (Role.TARGET, OrderType.LIMIT, entry.target, None),
    )
    found = []
    for role, kind, price, trigger in wanted:
        if price is None and trigger is None:
            continue
        order_id = numbers.next(entry.session)
        found.append(
            Order(
                order_id=order_id,
                tag=f"AS{order_id}",
                instrument=entry.instrument,
                side=other,
                quantity=fill.quantity,
                order_type=kind,
                product=entry.product,
                placed_at=fill.time,
                session=entry.session,
                price=price,
                trigger_price=trigger,
                role=role,
                group=entry.group,
            )
        )
    return found


def square_off(position: Position, *, order_id: str, at: datetime, session: date,
               group: str) -> Order:  # fmt: skip
    """Return the market order that closes a position."""
    return Order(
        order_id=order_id, tag=f"AS{order_id}", instrument=position.instrument,
        side=Side.SELL if position.quantity > 0 else Side.BUY, quantity=abs(position.quantity),
        order_type=OrderType.MARKET, product=position.product, placed_at=at, session=session,
        role=Role.EXIT, group=group,
    )  # fmt: skip


def waiting(states: Iterable[OrderState], roles: Sequence[Role] = tuple(Role)) -> list[OrderState]:
    """Return the orders of these roles that are not over."""
    return [s for s in states if not s.status.final and s.order.role in roles]


def reserved(states: Iterable[OrderState], portfolio: Portfolio) -> Decimal:
    """Return the rupees that waiting entries may still need, at their limit or the mark."""
    total = ZERO
    for state in waiting(states, (Role.ENTRY,)):
        order = state.order
        mark = portfolio.marks.get(order.instrument.key)
        price = order.price or order.trigger_price or (mark.price if mark else ZERO)
        total += price * state.pending_quantity * order.instrument.multiplier
    return total


def group_of(instrument: Instrument, product: Product, states: Iterable[OrderState]) -> str:
    """Return the group that guards the open position of an instrument: that of its last entry."""
    found = ""
    for state in states:
        order = state.order
        if (order.instrument.key, order.product, order.role) == (
            instrument.key, product, Role.ENTRY
        ) and state.filled_quantity:  # fmt: skip
            found = order.group
    return found
