"""The rates orders are charged by on a day: rows of `data/charges.csv` become values.

What follows from a rate and a turnover is computed in `charges.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Literal

from alphastock_cli.domain.instrument import Exchange, Side
from alphastock_cli.domain.trading import ZERO
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

Trade = Literal[
    "delivery", "etf_delivery", "intraday", "futures", "options", "exercise", "dp", "square_off"
]
TURNOVER = "turnover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One component: `flat` rupees plus `pct` percent of what `of` names, at most `cap`.

    Attributes
    ----------
    component : str
        ``brokerage``, ``stt``, ``ctt``, ``exchange``, ``ipft``, ``sebi``, ``stamp``, ``gst``.
    side : Side or None
        The side that pays; None for both.
    of : tuple of str
        ``turnover``, or the components whose sum `pct` is taken of (those of the turnover only).
    """

    component: str
    side: Side | None = None
    pct: Decimal = ZERO
    of: tuple[str, ...] = (TURNOVER,)
    cap: Decimal | None = None
    flat: Decimal = ZERO


@lru_cache(maxsize=4096)
def rates_on(exchange: Exchange, trade: Trade, on: date, *, only: str = "") -> tuple[Rate, ...]:
    """Return the rates of a kind of trade on a day.

    Parameters
    ----------
    only : str
        The underlying (derivatives) or the group or series (cash): some have rates of their own.

    Raises
    ------
    OutOfRange
        A component has no row for that day; the message says from when to when all have.
    """
    rows = _applicable(_rows(exchange, trade), only)
    if not rows:
        raise OutOfRange(f"charges.csv holds no {trade} charges of {exchange}")
    found = {(r["component"], r["side"]): _rate(r) for r in rows if valid_on(r, on)}
    if len(found) < len({(r["component"], r["side"]) for r in rows}):
        own = any(row["only"] for row in rows)
        whose = f"{exchange} {trade}{f' ({only})' if own else ''}"
        raise OutOfRange(
            f"the charges of {whose} are known {_span(rows)}, not on {on}",
            hint="Add the rates of that day to charges.csv, with their source.",
        )
    return tuple(found.values())


@cache
def _rows(exchange: Exchange, trade: Trade) -> tuple[dict[str, str], ...]:
    return tuple(
        row for row in read_table("charges")
        if exchange.value in row["exchanges"].split() and trade in row["trades"].split()
    )  # fmt: skip


def _applicable(rows: Iterable[dict[str, str]], only: str) -> list[dict[str, str]]:
    """Return the rows for `only`: a component that has rows naming it has no others for it."""
    held = list(rows)
    special = {row["component"] for row in held if only and only in row["only"].split()}
    return [
        row for row in held
        if (only in row["only"].split() if row["component"] in special else not row["only"])
    ]  # fmt: skip


def _rate(row: Mapping[str, str]) -> Rate:
    return Rate(
        component=row["component"],
        side=None if row["side"] == "both" else Side(row["side"]),
        pct=Decimal(row["pct"] or 0),
        of=tuple(row["of"].split()),
        cap=Decimal(row["cap"]) if row["cap"] else None,
        flat=Decimal(row["flat"] or 0),
    )


def _span(rows: Iterable[dict[str, str]]) -> str:
    """Say on which days every component has a row."""
    parts: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        parts.setdefault((row["component"], row["side"]), []).append(row)
    begins = [min(parse_date(r["valid_from"]) or date.min for r in part) for part in parts.values()]
    ends = [max(parse_date(r["valid_to"]) or date.max for r in part) for part in parts.values()]
    until = "" if min(ends) == date.max else f" to {min(ends)}"
    return f"from {max(begins)}{until}"
