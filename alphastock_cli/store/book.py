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

from alphastock_cli.domain.decisions import Approved, Decision, Reason, RiskState
from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.domain.ports import P
from alphastock_cli.domain.trading import (
    PAISA,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    Signal,
)
from alphastock_cli.store import journal_rows as rows

MONEY = ("day_start_equity", "peak_equity", "equity")


class Book:
    """One transaction of the ledger; see `domain.ports.Book`."""

    def __init__(self, db: sqlite3.Connection, source: str = "") -> None:
        self.db, self.source = db, source

    def record(self, signal: Signal, decision: Decision, order: Order | None, at: datetime) -> None:
        """Write a signal, the decision on it, and the order it leads to as an intent."""
        self._know(signal.instrument)
        self.db.execute(
            "INSERT INTO signals (signal_id, at, key, strategy, body) VALUES (?, ?, ?, ?, ?)",
            (signal.signal_id, rows.moment(at), signal.instrument.key, signal.strategy,
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
            (signal.signal_id, rows.moment(at), yes, units, at_risk, json.dumps(said, default=str)),
        )
        if order is not None:
            self.intend(order)

    def intend(self, order: Order) -> None:
        """Write an order before the broker hears of it."""
        self._know(order.instrument)
        if self.source:  # of the first order; ledgers without one are older, or nobody's
            self.db.execute("INSERT OR IGNORE INTO meta VALUES ('source', ?)", (self.source,))
        at, body = rows.moment(order.placed_at), rows.order_body(order)
        once = f"{order.signal_id}|{order.role}" if order.signal_id else None
        self.db.execute(
            "INSERT INTO orders (order_id, tag, signal_key, key, body, quantity, status,"
            " filled_quantity, average_price, status_message, placed_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0, NULL, '', ?, ?)",
            (order.order_id, order.tag, once, order.instrument.key, body,
             order.quantity, OrderStatus.INTENT.value, at, at),
        )  # fmt: skip
        state = OrderState(order=order, status=OrderStatus.INTENT, updated_at=order.placed_at)
        self._event(state, sealed=body)

    def update(self, state: OrderState) -> None:
        """Write the new state of an order."""
        self._change(state)
        self._event(state)

    def post(self, event: OrderEvent, portfolio: P) -> P:
        """Write an event with all it moves in one commit, and return the portfolio after it.

        A fill that is known already moves nothing a second time.
        """
        fill = event.fill
        if fill is not None and self._is_known(fill):
            return portfolio
        self._change(event.state)
        if fill is None:
            self._event(event.state)
        else:
            self._fill(fill, event.state)
        for state in event.siblings:
            self.update(state)
        if fill is None:
            return portfolio
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
             None if held.opened_at is None else rows.moment(held.opened_at)),
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
        known = instrument.has_derivatives
        if known is not None:  # the one fact that changes, and decides when what waits is over
            self.db.execute(
                "UPDATE instruments SET body = json_set(body, '$.has_derivatives', json(?))"
                " WHERE key = ? AND json_extract(body, '$.has_derivatives') IS NOT ?",
                ("true" if known else "false", instrument.key, int(known)),
            )

    def _is_known(self, fill: Fill) -> bool:
        found = self.db.execute(
            "SELECT 1 FROM fills WHERE order_id = ? AND seq = ?", (fill.order_id, fill.seq)
        )
        return found.fetchone() is not None

    def _change(self, state: OrderState) -> None:
        changed = self.db.execute(
            "UPDATE orders SET quantity = ?, status = ?, filled_quantity = ?, average_price = ?,"
            " limit_price = ?, status_message = ?, updated_at = ? WHERE order_id = ?",
            (state.order.quantity, state.status.value, state.filled_quantity,
             _text(state.average_price), _text(state.limit_price), state.status_message,
             rows.moment(state.updated_at), state.order.order_id),
        )  # fmt: skip
        if changed.rowcount != 1:
            raise ValueError(f"order {state.order.order_id} was never written as an intent")

    def _fill(self, fill: Fill, state: OrderState) -> None:
        values = (
            fill.order_id, fill.seq, fill.instrument.key, fill.side.value, fill.product.value,
            fill.quantity, str(fill.price), rows.paise(fill.charges), rows.moment(fill.time),
            fill.fidelity.value, rows.moment(fill.quote_time),
        )  # fmt: skip
        self.db.execute(
            f"INSERT INTO fills ({', '.join(rows.FILL)}) VALUES (?{', ?' * (len(values) - 1)})",  # noqa: S608 - names of ours
            values,
        )
        facts = rows.fill_facts(dict(zip(rows.FILL, values, strict=True)))
        self._event(state, seq=fill.seq, sealed=facts)

    def _event(self, state: OrderState, *, seq: int | None = None, sealed: str = "") -> None:
        """Append to the history of an order; each row's chain hashes the row before it.

        `sealed` is hashed with it and stands elsewhere: the order as it was meant, or the fill.
        """
        last = self.db.execute("SELECT chain FROM order_events ORDER BY number DESC LIMIT 1")
        row = last.fetchone()
        facts = (
            state.order.order_id, rows.moment(state.updated_at), state.status.value,
            state.order.quantity, state.filled_quantity, state.status_message,
            _text(state.average_price), _text(state.limit_price), seq,
        )  # fmt: skip
        chain = chained("" if row is None else row["chain"], (*facts, sealed))
        self.db.execute(
            f"INSERT INTO order_events ({', '.join(rows.EVENT)}, chain)"  # noqa: S608 - names of ours
            f" VALUES ({'?, ' * len(facts)}?)",
            (*facts, chain),
        )


def chained(before: str, facts: tuple[object, ...]) -> str:
    """Return the hash of a row of the order history and of the row before it."""
    text = json.dumps([before, *facts], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def _reason(reason: Reason) -> dict[str, Any]:
    return {"rule": reason.rule, "text": reason.text, "numbers": dict(reason.numbers)}
