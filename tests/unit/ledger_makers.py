"""Ledgers of the tests: opened for writing, filled as the desk does, and their verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderEvent, OrderState, OrderStatus
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_verify import findings
from alphastock_cli.trading.portfolio import Portfolio
from tests.unit.trading_makers import TEN, fill, order

D = Decimal
CASH = D("100000.00")


@contextmanager
def writing(path: Path, **more: object) -> Iterator[Journal]:
    fields = {"account": "paper", "opening_cash": CASH, "at": TEN} | more
    with Journal.write(path, **fields) as journal:
        yield journal


def state_of(placed, status=OrderStatus.OPEN, filled=0, **more) -> OrderState:
    return OrderState(order=placed, status=status, filled_quantity=filled, updated_at=TEN, **more)


def bought(journal: Journal, *, order_id: str = "1", units: int = 100, price: str = "100.05",
           side: Side = Side.BUY, charges: str = "12.34") -> Portfolio:  # fmt: skip
    """Write an order and its one fill, as the desk does."""
    placed = order(units, side, order_id=order_id)
    folded = Portfolio.of(journal.opening_cash(), journal.fills())
    with journal.transaction() as book:
        book.intend(placed)
    made = fill(units, price, side, charges=charges, order_id=order_id)
    event = OrderEvent(
        state=state_of(placed, OrderStatus.COMPLETE, units, average_price=D(price)), fill=made
    )
    with journal.transaction() as book:
        return book.post(event, folded)


def verdict(journal: Journal) -> list[str]:
    return findings(journal, Portfolio.of(journal.opening_cash()))
