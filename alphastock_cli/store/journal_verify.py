"""Proof that a ledger agrees with itself: sums, positions, order states, the chain of its history.

Reads only. Each finding is a sentence; none means the ledger is whole.
"""

from __future__ import annotations

from alphastock_cli.domain.ports import P
from alphastock_cli.store.book import chained
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_rows import paise


def findings(journal: Journal, empty: P) -> list[str]:
    """Return what is wrong with a ledger; an empty list is the good answer.

    Parameters
    ----------
    empty : Portfolio
        A portfolio with the opening cash and nothing else; the fills are folded into it.
    """
    return [
        *_damage(journal), *_sums(journal), *_orders(journal), *_positions(journal, empty),
        *_history(journal),
    ]  # fmt: skip


def cash_paise(journal: Journal) -> int:
    """Return the cash of the ledger by its postings, in paise."""
    row = journal.db.execute("SELECT total(paise) AS p FROM postings WHERE account = 'cash'")
    return int(row.fetchone()["p"])


def _damage(journal: Journal) -> list[str]:
    found = [str(row[0]) for row in journal.db.execute("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


def _sums(journal: Journal) -> list[str]:
    odd = journal.db.execute("SELECT event FROM postings GROUP BY event HAVING sum(paise) <> 0")
    return [f"the postings of {row['event']} do not add up to nothing" for row in odd]


def _orders(journal: Journal) -> list[str]:
    odd = journal.db.execute(
        "SELECT o.order_id FROM orders o LEFT JOIN fills f USING (order_id)"
        " GROUP BY o.order_id HAVING coalesce(sum(f.quantity), 0) <> o.filled_quantity"
    )
    return [f"order {row['order_id']} and its fills do not agree" for row in odd]


def _positions(journal: Journal, empty: P) -> list[str]:
    """Compare what is stored with the fold over the fills, position by position, and the cash."""
    folded = empty
    for fill in journal.fills():
        folded = folded.apply(fill)
    found = []
    for row in journal.db.execute("SELECT * FROM positions"):
        held = folded.position(row["key"], row["product"])
        stored = (row["quantity"], row["cost"], row["pnl_realised"], row["charges"])
        if held is None or stored != (
            held.quantity, paise(held.cost), paise(held.pnl_realised), paise(held.charges)
        ):  # fmt: skip
            found.append(f"the position {row['key']} {row['product']} is not the fold of its fills")
    if paise(folded.cash) != cash_paise(journal):
        found.append(f"the cash is {cash_paise(journal)} paise, its fills say {folded.cash} rupees")
    return found


def _history(journal: Journal) -> list[str]:
    before = ""
    for row in journal.db.execute("SELECT * FROM order_events ORDER BY number"):
        facts = (row["order_id"], row["at"], row["status"], row["quantity"],
                 row["filled_quantity"], row["message"])  # fmt: skip
        before = chained(before, facts)
        if before != row["chain"]:
            return [f"the history of orders was changed at row {row['number']}"]
    return []
