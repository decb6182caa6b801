"""What follows from a fill or from the end of a session for the orders around a position.

Stops and targets grow with an entry, end with an exit, never close more than is held, and go on
the next day where the position does. Called inside a transaction of the ledger; sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.ports import Book, Broker
from alphastock_cli.domain.trading import Fill, Order, OrderState, Position, Product, Role
from alphastock_cli.exchange import rules
from alphastock_cli.trading import orders

GUARDS = (Role.STOP, Role.TARGET)


@dataclass(frozen=True, slots=True)
class Guarding:
    """Keeps the exits of an account in step with what is held."""

    broker: Broker
    numbers: orders.Numbers

    def after_fill(
        self, fill: Fill, order: Order, position: Position | None, book: Book
    ) -> list[Order]:
        """Adjust the orders around a fill, and return the new guards: written, not sent yet."""
        fresh: list[Order] = []
        if order.role is Role.ENTRY:
            fresh = self._grow(fill, order, position, book)
        elif order.group:
            for state in self._around(fill):
                if state.order.role is Role.ENTRY and state.order.group == order.group:
                    # what was not bought need not be any more
                    book.update(self.broker.cancel(state.order.order_id, fill.time))
        self._trim(fill, position, book)
        for new in fresh:
            book.intend(new)
        return fresh

    def after_expiry(self, state: OrderState, position: Position | None, at: datetime,
                     book: Book) -> list[Order]:  # fmt: skip
        """Return the order that goes on in the next session for an exit that ended with its own.

        None for a position that may not be held overnight: that one is squared off.
        """
        order, held = state.order, _held(position, state.order.side)
        if order.role is Role.ENTRY or order.product is Product.MIS or not held:
            return []
        session, _, _ = rules.session_of(order.instrument, at)
        left = min(held, order.quantity - state.filled_quantity)
        again = orders.numbered(
            replace(order, quantity=left, placed_at=at, session=session, signal_id=""),
            self.numbers,
        )
        book.intend(again)
        return [again]

    def _grow(self, fill: Fill, entry: Order, position: Position | None, book: Book) -> list[Order]:
        """Let the guards of an entry's group grow by its fill, or make them."""
        closing = Side.SELL if entry.side is Side.BUY else Side.BUY
        units = min(fill.quantity, _held(position, closing))
        if not units or not entry.group:
            return []
        found = False
        for state in self._around(fill):
            if state.order.group == entry.group and state.order.role in GUARDS:
                wanted, found = state.order.quantity + units, True
                again = self.broker.modify(state.order.order_id, quantity=wanted, at=fill.time)
                book.update(again)
        if found:
            return []
        return orders.guards(
            entry, units, numbers=self.numbers, at=fill.time, session=entry.session
        )

    def _trim(self, fill: Fill, position: Position | None, book: Book) -> None:
        """Let no exit that waits close more than is held: a flat position has none."""
        for state in self._around(fill):
            if state.order.role is Role.ENTRY:
                continue
            order_id, most = state.order.order_id, _held(position, state.order.side)
            if not most:
                book.update(self.broker.cancel(order_id, fill.time))
            elif state.pending_quantity > most:
                wanted = state.filled_quantity + most
                book.update(self.broker.modify(order_id, quantity=wanted, at=fill.time))

    def _around(self, fill: Fill) -> list[OrderState]:
        """Return the other orders that wait for the same instrument and product."""
        key, product = fill.instrument.key, fill.product
        return [
            s for s in self.broker.waiting()
            if s.order.instrument.key == key and s.order.product is product
            and s.order.order_id != fill.order_id
        ]  # fmt: skip


def _held(position: Position | None, closing: Side) -> int:
    """Return the units that an order of that side would close."""
    held = 0 if position is None else position.quantity
    return max(0, held if closing is Side.SELL else -held)
