"""Quantities of option chains in units: what a source counts, and the lot that turns it.

Where nobody can say what a quantity counts it is not stored, and the load says so.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import date

import polars as pl

from alphastock_cli.exchange import contracts
from alphastock_cli.store.chain_forms import BOOK, Form

TABLE = "chain_table"  # the form of a table whose columns a person named
QUANTITIES = ("volume", "open_interest", "oi_change")
_LOT = "__lot"
_FEW = 20  # quantities that all are whole lots before a form is doubted
_BOOK_LEAST = 10  # quantities of a book before they prove a lot
_BOOK_KINDS = 3
_UNREAD = (
    "volume and open interest are not stored: nobody says what they count"
    " (--map open_interest=COLUMN: units; open_interest_contracts=COLUMN: contracts)"
)


def in_units(rows: pl.DataFrame, form: Form) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows with quantities in units, null where nobody can say what they are."""
    if not form.in_contracts:
        return _believed(rows) if form.name == TABLE else (rows, [])
    notes: Counter[str] = Counter()
    parts = [rows.clear().with_columns(pl.lit(None, pl.Float64).alias(_LOT))]
    for (name, expiry, day), part in rows.group_by(
        "underlying", "expiry", "day", maintain_order=True
    ):
        assert isinstance(name, str)
        assert isinstance(expiry, date)
        assert isinstance(day, date)
        known = contracts.lot_size(name, expiry, day)
        lot = known or book_lot(part)
        if lot is None:
            notes[f"{name}: its lot is not known, so volume and open interest are not stored"] += 1
        elif known is None:
            notes[f"{name}: a lot of {lot} by the quantities of the order book"] += 1
        elif _whole_lots(part, lot):
            lot = None
            notes[f"{name}: every open interest is whole lots of {known}: contracts or units?"
                  " Quantities are not stored"] += 1  # fmt: skip
        parts.append(part.with_columns(pl.lit(lot, pl.Float64).alias(_LOT)))
    counted = pl.concat(parts).with_columns(pl.col(name) * pl.col(_LOT) for name in QUANTITIES)
    return counted, _told(notes)


def _believed(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return rows a person called units, without quantities that cannot be: no whole lots."""
    if all(rows[name].null_count() == rows.height for name in QUANTITIES):
        return rows, [_UNREAD]
    doubted: Counter[str] = Counter()
    parts = [rows.clear()]
    for (name, expiry, day), part in rows.group_by(
        "underlying", "expiry", "day", maintain_order=True
    ):
        assert isinstance(name, str)
        assert isinstance(expiry, date)
        assert isinstance(day, date)
        lot = contracts.lot_size(name, expiry, day)
        held = part["open_interest"].drop_nulls()
        if lot is None or bool((held % lot == 0).all()):
            parts.append(part)
            continue
        doubted[f"{name}: open interest is no whole lots of {lot}: are they contracts (--map"
                " open_interest_contracts=COLUMN)? Quantities are not stored"] += 1  # fmt: skip
        parts.append(part.with_columns(pl.lit(None, pl.Float64).alias(n) for n in QUANTITIES))
    return pl.concat(parts), _told(doubted)


def _told(notes: Counter[str]) -> list[str]:
    return [f"{text} ({n} {'expiry' if n == 1 else 'expiries'})" for text, n in notes.items()]


def _whole_lots(rows: pl.DataFrame, lot: int) -> bool:
    """Tell whether the open interest could as well be units: contracts seldom are whole lots."""
    held = rows["open_interest"].drop_nulls()
    held = held.filter(held > 0)
    return lot > 1 and held.len() >= _FEW and bool((held % lot == 0).all())


def book_lot(rows: pl.DataFrame) -> int | None:
    """Return the lot that the quantities of an order book show, or None.

    Orders are whole lots, so the lot divides every quantity on offer; where that greatest common
    divisor is itself on offer, the smallest order there is, it is the lot. `BOOK` columns are read;
    fewer than ten quantities, or fewer than three different ones, show nothing.
    """
    named = [each for name in BOOK for each in rows[name].drop_nulls() if each > 0]
    if not all(map(float.is_integer, named)):
        return None
    held = [int(each) for each in named]
    if len(held) < _BOOK_LEAST or len(set(held)) < _BOOK_KINDS:
        return None
    shared = math.gcd(*held)
    return shared if shared == min(held) else None
