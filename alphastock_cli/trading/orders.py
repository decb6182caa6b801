"""Which orders follow from a decision, a fill, or the end of the day: values only, nothing sent.

Numbers are given out in order, so the same run gives the same order ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from alphastock_cli.domain.decisions import Approved
from alphastock_cli.domain.instrument import Instrument, Side
from alphastock_cli.domain.trading import (
    ZERO,
    Order,
    OrderState,
    OrderType,
    Position,
    Product,
    Role,
    Signal,
)
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import charges, rules
from alphastock_cli.exchange.limits import limits
from alphastock_cli.trading.portfolio import Portfolio

# how far an order without a price is taken to slip on days of which no protection is known
_SLIP = Decimal("1.01")


@dataclass(slots=True)
class Numbers:
    """Gives out order ids: the session's date and a count, e.g. ``260814000007``."""

    given: int = 0

    @classmethod
    def after(cls, states: Iterable[OrderState]) -> Numbers:
        """Return the numbers that go on after those of a ledger, whoever gave them."""
        tails = [state.order.order_id[6:] for state in states]
        return cls(max((int(t) for t in tails if t.isascii() and t.isdigit()), default=0))

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
    closing = not decision.at_risk
    return Order(
        order_id=order_id, tag=f"AS{order_id}", instrument=signal.instrument, side=signal.side,
        quantity=decision.quantity, order_type=OrderType.MARKET, product=product, placed_at=at,
        session=session, signal_id=signal.signal_id, role=Role.EXIT if closing else Role.ENTRY,
        group=open_group if closing else order_id,
        stop_loss=None if closing else signal.stop_loss,
        target=None if closing else signal.target,
    )  # fmt: skip


def guards(
    entry: Order, quantity: int, *, numbers: Numbers, at: datetime, session: date
) -> list[Order]:
    """Return the stop and the target that guard what an entry opened.

    They share the entry's group: what one of them fills, the other gives up. Where the broker takes
    no SL-M, the stop is an SL with the limit that market protection would give it.
    """
    other = Side.SELL if entry.side is Side.BUY else Side.BUY
    bare = Order(
        order_id="0", tag="", instrument=entry.instrument, side=other, quantity=quantity,
        order_type=OrderType.MARKET, product=entry.product, placed_at=at, session=session,
        group=entry.group,
    )  # fmt: skip
    found = []
    if entry.stop_loss is not None:
        found.append(_stop(bare, entry.stop_loss))
    if entry.target is not None:
        found.append(
            replace(bare, order_type=OrderType.LIMIT, price=entry.target, role=Role.TARGET)
        )
    return [numbered(order, numbers) for order in found]


def numbered(order: Order, numbers: Numbers) -> Order:
    """Return the order with the next id."""
    order_id = numbers.next(order.session)
    return replace(order, order_id=order_id, tag=f"AS{order_id}")


def _stop(bare: Order, trigger: Decimal) -> Order:
    refused = " ".join(limits("no_order_type", bare.instrument, bare.session)).split()
    kind, price = OrderType.SL_M, None
    if OrderType.SL_M in refused:
        kind, price = OrderType.SL, worst_price(bare, trigger)
    return replace(bare, order_type=kind, price=price, trigger_price=trigger, role=Role.STOP)


def worst_price(order: Order, last: Decimal) -> Decimal:
    """Return the worst price an order without a limit may have, were `last` the last price."""
    try:
        return rules.protection_price(
            order.instrument, order.side, last, order.market_protection, order.session
        )
    except OutOfRange:
        away = last * _SLIP if order.side is Side.BUY else last / _SLIP
        tick = order.instrument.tick_size
        return max(order.instrument.round_to_tick(away, order.side), tick)


def needed(order: Order, quantity: int, price: Decimal) -> Decimal:
    """Return the rupees that `quantity` units of an order may take, charges included.

    Parameters
    ----------
    price : Decimal
        Its limit; of an order without one the last price: it may slip from there.
    """
    if order.price is None and order.side is Side.BUY and price > ZERO:
        price = max(price, worst_price(order, price))
    turnover = price * quantity * order.instrument.multiplier
    try:
        paid = charges.order_charges(
            order.instrument, order.product, order.side, turnover, order.session
        ).paise
    except (OutOfRange, ValueError):  # the broker is going to refuse it
        paid = ZERO
    return turnover + paid


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
    return sum((reservation(s, portfolio) for s in waiting(states, (Role.ENTRY,))), ZERO)


def reservation(state: OrderState, portfolio: Portfolio) -> Decimal:
    """Return the rupees that one waiting entry may still need."""
    order, mark = state.order, portfolio.marks.get(state.order.instrument.key)
    fixed = order.price or state.limit_price
    if fixed is not None:
        order = replace(order, order_type=OrderType.LIMIT, price=fixed, trigger_price=None)
    price = fixed or order.trigger_price or (mark.price if mark else ZERO)
    return needed(order, state.pending_quantity, price)


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
