"""Names of indices, their members and the sectors of shares, as far as we have them typed in.

Every fact is a row with a source in `exchange/data`; larger lists come into the lake by
`fetch reference`. Standard library only.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

_SQUEEZE = re.compile(r"[^A-Z0-9&]+")


def canonical_index(name: str) -> str:
    """Return the one name we use for an index, e.g. ``NIFTY BANK`` for ``Nifty Bank``.

    A name nobody typed in comes back in capitals with single blanks: still one name for one index.
    """
    plain = " ".join(name.upper().split())
    return _aliases().get(_key(plain), plain)


def index_names() -> tuple[str, ...]:
    """Return the canonical names we know, in the order of the table."""
    return tuple(dict.fromkeys(row["index"] for row in read_table("index_names")))


def underlying_index(symbol: str) -> str | None:
    """Return the index behind a derivative's symbol, e.g. ``NIFTY 50`` for ``NIFTY``; else None."""
    for row in read_table("index_names"):
        if row["derivative"] and row["derivative"] == symbol.strip().upper():
            return row["index"]
    return None


def members(index: str, on: date) -> tuple[str, ...] | None:
    """Return the symbols of `index` on a day, sorted; None where we do not know them."""
    name = canonical_index(index)
    found = [
        r["symbol"] for r in read_table("membership") if r["index"] == name and valid_on(r, on)
    ]
    return tuple(sorted(found)) or None


def members_since(index: str, on: date) -> date | None:
    """Return the day of the last change among the members that `members` gives, or None."""
    name = canonical_index(index)
    rows = (r for r in read_table("membership") if r["index"] == name and valid_on(r, on))
    days = [parse_date(row["valid_from"]) for row in rows]
    return max((day for day in days if day is not None), default=None)


def sector(symbol: str, on: date | None = None) -> str | None:
    """Return the exchange's industry word for a share, e.g. ``Financial Services``, or None.

    With `on` only what is known to have held on that day: old lists use other words than new ones.
    """
    if on is None:
        return sectors().get(symbol)
    rows = (r for r in read_table("sectors") if r["symbol"] == symbol and valid_on(r, on))
    return next((row["sector"] for row in rows), None)


@cache
def sectors() -> dict[str, str]:
    """Return every typed-in sector by symbol; treat it as read-only."""
    return {row["symbol"]: row["sector"] for row in read_table("sectors")}


@cache
def _aliases() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in read_table("index_names"):
        for word in (row["index"], row["alias"], row["derivative"]):
            if word:
                found.setdefault(_key(word.upper()), row["index"])
    return found


def _key(name: str) -> str:
    """Return what two spellings of one name share: letters and digits."""
    return _SQUEEZE.sub("", name)
