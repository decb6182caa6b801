"""One transaction of the ledger: what is written together, and how it adds up.

Opening, locking and reading are in `journal.py`; the shape of rows in `journal_rows.py`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.domain.ports import P
from alphastock_cli.domain.trading import (
    PAISA,
    Approved,
    Decision,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    Reason,
    RiskState,
    Signal,
)
from alphastock_cli.store import journal_rows as rows

MONEY = ("day_start_equity", "peak_equity")


class Book:
    """One transaction of the ledger; see `domain.ports.Book`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def record(self, signal: Signal, decision: Decision, order: Order | None, at: datetime) -> None:
        """Write a signal, the decision on it, and the order it leads to as an intent."""
        self._know(signal.instrument)
        self.db.execute(
            "INSERT INTO signals (signal_id, at, key, strategy, body) VALUES (?, ?, ?, ?, ?)",
            (signal.signal_id, at.isoformat(), signal.instrument.key, signal.strategy,
             rows.signal_body(signal)),
        )  # fmt: skip
        if isinstance(decision, Approved):
            yes, units, said = 1, decision.quantity, list[Any](decision.notes)
            at_risk = rows.paise(decision.at_risk.quantize(PAISA))
        else:
            yes, units, at_risk = 0, 0, 0
            said = [_reason(reason) for reason in decision.reasons]
        self.db.execute(
            "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)",
            (signal.signal_id, at.isoformat(), yes, units, at_risk, json.dumps(said, default=str)),
        )
        if order is not None:
            self.intend(order)

    def intend(self, order: Order) -> None:
        """Write an order before the broker hears of it."""
        self._know(order.instrument)
        at = order.placed_at.isoformat()
        once = f"{order.signal_id}|{order.role}" if order.signal_id else None
        self.db.execute(
            "INSERT INTO orders (order_id, tag, signal_key, key, body, quantity, status,"
            " filled_quantity, average_price, status_message, placed_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0, NULL, '', ?, ?)",
            (order.order_id, order.tag, once, order.instrument.key, rows.order_body(order),
             order.quantity, OrderStatus.INTENT.value, at, at),
        )  # fmt: skip
        self._event(OrderState(order=order, status=OrderStatus.INTENT, updated_at=order.placed_at))

    def update(self, state: OrderState) -> None:
        """Write the new state of an order."""
        price = None if state.average_price is None else str(state.average_price)
        self.db.execute(
            "UPDATE orders SET quantity = ?, status = ?, filled_quantity = ?, average_price = ?,"
            " status_message = ?, updated_at = ? WHERE order_id = ?",
            (state.order.quantity, state.status.value, state.filled_quantity, price,
             state.status_message, state.updated_at.isoformat(), state.order.order_id),
        )  # fmt: skip
        self._event(state)

    def post(self, event: OrderEvent, portfolio: P) -> P:
        """Write an event with all it moves in one commit, and return the portfolio after it.

        A fill that is known already moves nothing a second time.
        """
        for state in (event.state, *event.siblings):
            self.update(state)
        fill = event.fill
        if fill is None or self._is_known(fill):
            return portfolio
        self.db.execute(
            "INSERT INTO fills (order_id, seq, key, side, product, quantity, price, charges, time,"
            " fidelity, quote_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (fill.order_id, fill.seq, fill.instrument.key, fill.side.value, fill.product.value,
             fill.quantity, str(fill.price), rows.paise(fill.charges), fill.time.isoformat(),
             fill.fidelity.value, fill.quote_time.isoformat()),
        )  # fmt: skip
        before = portfolio.position(fill.instrument.key, fill.product)
        after = portfolio.apply(fill)
        held = after.position(fill.instrument.key, fill.product)
        assert held is not None
        gained = held.pnl_realised - (before.pnl_realised if before else 0)
        spent = held.cost - (before.cost if before else 0)
        charges, profit = rows.paise(fill.charges), rows.paise(Decimal(gained))
        moved = rows.paise(Decimal(spent)) if fill.instrument.paid_in_full else 0
        name = f"{fill.order_id}/{fill.seq}"
        for account, amount in (
            ("cash", profit - moved - charges), (f"held {fill.instrument.key}", moved),
            ("charges", charges), ("profit", -profit),
        ):  # fmt: skip
            if amount:
                self.entry(name, account, amount)
        self.db.execute(
            "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key, product) DO"
            " UPDATE SET quantity = excluded.quantity, cost = excluded.cost,"
            " pnl_realised = excluded.pnl_realised, charges = excluded.charges,"
            " opened_at = excluded.opened_at",
            (fill.instrument.key, fill.product.value, held.quantity, rows.paise(held.cost),
             rows.paise(held.pnl_realised), rows.paise(held.charges),
             None if held.opened_at is None else held.opened_at.isoformat()),
        )  # fmt: skip
        return after

    def remember(self, state: RiskState) -> None:
        """Write what the risk engine has to know after a restart."""
        values = asdict(state) | {name: str(getattr(state, name)) for name in MONEY}
        values["day"] = None if state.day is None else state.day.isoformat()
        self.db.executemany(
            "INSERT INTO risk VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [(name, json.dumps(value)) for name, value in values.items()],
        )

    def entry(self, event: str, account: str, amount: int) -> None:
        """Write one side of a posting, in paise; the sides of an event add up to nothing."""
        self.db.execute(
            "INSERT INTO postings (event, account, paise) VALUES (?, ?, ?)",
            (event, account, amount),
        )

    def _know(self, instrument: Instrument) -> None:
        self.db.execute(
            "INSERT INTO instruments VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
            (instrument.key, rows.instrument_body(instrument)),
        )

    def _is_known(self, fill: Fill) -> bool:
        found = self.db.execute(
            "SELECT 1 FROM fills WHERE order_id = ? AND seq = ?", (fill.order_id, fill.seq)
        )
        return found.fetchone() is not None

    def _event(self, state: OrderState) -> None:
        """Append to the history of an order; each row's chain hashes the row before it."""
        last = self.db.execute("SELECT chain FROM order_events ORDER BY number DESC LIMIT 1")
        row = last.fetchone()
        facts = (state.order.order_id, state.updated_at.isoformat(), state.status.value,
                 state.order.quantity, state.filled_quantity, state.status_message)  # fmt: skip
        chain = chained("" if row is None else row["chain"], facts)
        self.db.execute(
            "INSERT INTO order_events (order_id, at, status, quantity, filled_quantity, message,"
            " chain) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*facts, chain),
        )


def chained(before: str, facts: tuple[object, ...]) -> str:
    """Return the hash of a row of the order history and of the row before it."""
    text = json.dumps([before, *facts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _reason(reason: Reason) -> dict[str, Any]:
    return {"rule": reason.rule, "text": reason.text, "numbers": dict(reason.numbers)}
