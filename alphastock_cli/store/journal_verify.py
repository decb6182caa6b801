"""Proof that a ledger agrees with itself: sums, positions, order states, the chain of its history.

Reads only. Each finding is a sentence; none means the ledger is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alphastock_cli.domain.ports import P
from alphastock_cli.domain.trading import ZERO
from alphastock_cli.errors import DamagedData
from alphastock_cli.store.book import chained
from alphastock_cli.store.journal import UNREADABLE, Journal
from alphastock_cli.store.journal_rows import EVENT, fill_facts, moment, paise


def findings(journal: Journal, empty: P) -> list[str]:
    """Return what is wrong with a ledger; an empty list is the good answer.

    Parameters
    ----------
    empty : Portfolio
        A portfolio with the opening cash and nothing else; the fills are folded into it.
    """
    found = [*_damage(journal)]
    try:
        journal.orders(), journal.signals(), journal.risk_state()
        found += [*_sums(journal), *_orders(journal), *_history(journal)]
        found += _positions(journal, empty)
    except DamagedData as error:
        found.append(error.what)
    except UNREADABLE as error:
        found.append(f"what is written in it cannot be read: {error!r}")
    return found


def cash_paise(journal: Journal) -> int:
    """Return the cash of the ledger by its postings, in paise."""
    return _accounts(journal).get("cash", 0)


def _accounts(journal: Journal) -> dict[str, int]:
    rows = journal.db.execute("SELECT account, sum(paise) AS p FROM postings GROUP BY account")
    return {row["account"]: int(row["p"]) for row in rows}


def _damage(journal: Journal) -> Iterator[str]:
    for pragma in ("integrity_check", "foreign_key_check"):
        for row in journal.db.execute(f"PRAGMA {pragma}"):
            if row[0] != "ok":
                yield f"{pragma}: {' '.join(str(value) for value in row)}"


def _sums(journal: Journal) -> Iterator[str]:
    odd = journal.db.execute("SELECT event FROM postings GROUP BY event HAVING sum(paise) <> 0")
    for row in odd:
        yield f"the postings of {row['event']} do not add up to nothing"
    known = {f"{row['order_id']}/{row['seq']}" for row in
             journal.db.execute("SELECT order_id, seq FROM fills")} | {"opening"}  # fmt: skip
    for row in journal.db.execute("SELECT DISTINCT event FROM postings"):
        if row["event"] not in known:
            yield f"the postings of {row['event']} belong to no fill"


def _orders(journal: Journal) -> Iterator[str]:
    odd = journal.db.execute(
        "SELECT o.order_id FROM orders o LEFT JOIN fills f USING (order_id)"
        " GROUP BY o.order_id HAVING coalesce(sum(f.quantity), 0) <> o.filled_quantity"
    )
    for row in odd:
        yield f"order {row['order_id']} and its fills do not agree"
    odd = journal.db.execute(
        "SELECT o.order_id FROM orders o LEFT JOIN order_events e ON e.number ="
        " (SELECT max(number) FROM order_events WHERE order_id = o.order_id)"
        " WHERE (e.status, e.quantity, e.filled_quantity, e.message, e.average_price,"
        " e.limit_price, e.at) IS NOT (o.status, o.quantity, o.filled_quantity, o.status_message,"
        " o.average_price, o.limit_price, o.updated_at)"
    )
    for row in odd:
        yield f"order {row['order_id']} is not what its history says"


def _positions(journal: Journal, empty: P) -> Iterator[str]:
    """Compare what is stored with the fold over the fills, position by position, and the sums."""
    folded, wanted, names = empty, {"cash": paise(empty.cash), "capital": -paise(empty.cash)}, set()
    for fill in journal.fills():
        name = (fill.instrument.key, fill.product)
        before, cash = folded.position(*name), folded.cash
        folded = folded.apply(fill)
        after = folded.position(*name)
        assert after is not None
        names.add(name)
        gained = after.pnl_realised - (before.pnl_realised if before else ZERO)
        moves = {
            "cash": folded.cash - cash, "charges": fill.charges, "profit": -gained,
            f"held {name[0]}": gained - fill.charges - (folded.cash - cash),
        }  # fmt: skip
        for account, amount in moves.items():
            wanted[account] = wanted.get(account, 0) + paise(amount)
    stored = {(row["key"], row["product"]): row for row in
              journal.db.execute("SELECT * FROM positions")}  # fmt: skip
    for key, product in sorted(names | {*stored}):
        held, row = folded.position(key, product), stored.get((key, product))
        if held is None or row is None or _told(row) != (
            held.quantity, paise(held.cost), paise(held.pnl_realised), paise(held.charges),
            None if held.opened_at is None else moment(held.opened_at),
        ):  # fmt: skip
            yield f"the position {key} {product} is not the fold of its fills"
    told = _accounts(journal)
    for account in sorted({*wanted, *told}):
        if told.get(account, 0) != wanted.get(account, 0):
            yield (
                f"the account {account!r} stands at {told.get(account, 0)} paise,"
                f" its fills say {wanted.get(account, 0)}"
            )


def _told(row: Any) -> tuple[object, ...]:  # noqa: ANN401 - a row of SQLite
    return (row["quantity"], row["cost"], row["pnl_realised"], row["charges"], row["opened_at"])


def _history(journal: Journal) -> Iterator[str]:
    """Recompute the chain over the history, with the orders and the fills it seals."""
    fills = {(row["order_id"], row["seq"]): fill_facts(row) for row in
             journal.db.execute("SELECT * FROM fills")}  # fmt: skip
    bodies = {row["order_id"]: row["body"] for row in
              journal.db.execute("SELECT order_id, body FROM orders")}  # fmt: skip
    before, begun, sealed_fills = "", set[str](), set[tuple[str, int]]()
    for row in journal.db.execute("SELECT * FROM order_events ORDER BY number"):
        order_id, seq = row["order_id"], row["seq"]
        sealed = ""
        if order_id not in begun:
            begun.add(order_id)
            sealed = str(bodies.get(order_id))
        elif seq is not None:
            sealed_fills.add((order_id, seq))
            sealed = fills.get((order_id, seq), "no such fill")
        before = chained(before, (*(row[name] for name in EVENT), sealed))
        if before != row["chain"]:
            yield f"the history of orders was changed at row {row['number']} (order {order_id})"
            return
    for order_id, seq in sorted({*fills} - sealed_fills):
        yield f"fill {seq} of order {order_id} is not in the history"
