"""Lot, tick, multiplier, freeze and hours of a contract on a day, each with its source.

What the tables do not know is None, and the source says so; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.expiries import Expiry, has_rules, listed_expiries
from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

STOCKS = "NSE STOCKS"
TickKind = Literal["", "future_", "option_"]
_PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRow:
    """One listed expiry of a symbol. None is what the tables do not know.

    The value of a move of 1.00 in one lot is `lot_size` times `multiplier`, in rupees;
    `freeze_quantity` is in the unit of `lot_size`. `tick_size` is in rupees, that of the contracts
    traded most (options of an index, futures of a commodity or currency); the other two say which.
    The session is that of the day asked about, or the next one. `valid_from` and `valid_to` are
    the days on which the lot holds.
    """

    symbol: str
    exchange: str
    kind: str
    expiry: date | None
    lot_size: int | None
    tick_size: Decimal | None
    multiplier: int | None
    freeze_quantity: int | None
    session_open: datetime | None
    session_close: datetime | None
    valid_from: date | None
    valid_to: date | None
    source: str
    future_tick_size: Decimal | None = None
    option_tick_size: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Units of a contract and the days on which that holds."""

    size: int
    valid_from: date | None
    valid_to: date | None
    source: str


def symbols() -> tuple[str, ...]:
    """Return the symbols of derivatives in the tables."""
    found = dict.fromkeys(row["symbol"] for row in read_table("contracts"))
    return tuple(name for name in found if name != STOCKS)


def lot(symbol: str, expiry: date | None, on: date) -> Lot | None:
    """Return the lot of an expiry as it was on a day, or None where it is not known."""
    for held in read_table("lots"):
        first, last = parse_date(held["expiry_from"]), parse_date(held["expiry_to"])
        inside = expiry is not None and (
            (first is None or first <= expiry) and (last is None or expiry <= last)
        )
        if held["symbol"] == symbol and inside and valid_on(held, on):
            return _lot(held, held["lot_size"])
    row = _contract(symbol, on)
    return _lot(row, row["lot_size"]) if row and row["lot_size"] else None


def lot_size(symbol: str, expiry: date | None, on: date) -> int | None:
    """Return the units of one contract of an expiry on a day, or None where it is not known."""
    held = lot(symbol, expiry, on)
    return None if held is None else held.size


def tick_size(symbol: str, on: date, kind: TickKind = "") -> Decimal | None:
    """Return the smallest price step in rupees on a day, or None.

    Parameters
    ----------
    kind : str
        ``future_`` or ``option_``; ``""`` for the contracts of the symbol that are traded most.
    """
    row = _contract(symbol, on)
    text = row[f"{kind}tick_size"] if row else ""
    return Decimal(text) if text else None


def price_tick(kind: str, close: Decimal | None, on: date) -> Decimal | None:
    """Return the tick that follows a price, or None where no row speaks of that day.

    Parameters
    ----------
    kind : str
        ``share`` (not ETFs), ``stock_future`` or ``stock_option``.
    close : Decimal or None
        The share's close, in rupees, on the last session of the month before `on`; without it
        only a tick that does not depend on the price is known.
    """
    for row in read_table("price_ticks"):
        inside = _in_class(row["price_from"], row["price_to"], close)
        if row["kind"] == kind and inside and valid_on(row, on):
            return Decimal(row["tick_size"])
    return None


def multiplier(symbol: str, on: date) -> int | None:
    """Return the rupees a unit of quantity gains when the price rises by 1.00, or None."""
    row = _contract(symbol, on)
    return int(row["multiplier"]) if row and row["multiplier"] else None


def freeze_quantity(symbol: str, on: date) -> int | None:
    """Return the largest single order in units on a day, or None where no list is typed in."""
    for row in read_table("freeze"):
        if row["symbol"] == symbol and valid_on(row, on):
            return int(row["freeze_quantity"])
    return None


def exchange_of(symbol: str) -> Exchange | None:
    """Return where a derivative's symbol is listed, or None where the tables do not know it."""
    rows = [row for row in read_table("contracts") if row["symbol"] == symbol]
    return Exchange(rows[0]["segment"]) if rows else None


def contract_rows(symbol: str, on: date) -> list[ContractRow]:
    """Return one row a listed expiry; one row without expiry where the tables hold no rule.

    Raises
    ------
    OutOfRange
        The tables do not reach that day.
    """
    exchange = exchange_of(symbol)
    if exchange is None:
        return []
    if _contract(symbol, on) is None:
        first = min(parse_date(r["valid_from"]) or date.min
                    for r in read_table("contracts") if r["symbol"] == symbol)  # fmt: skip
        raise OutOfRange(
            f"{symbol} is known from {first}, not on {on}",
            hint="Load an instrument master of that day.",
        )
    if has_rules(symbol):
        return [row(symbol, exchange, item, on) for item in listed_expiries(symbol, on)]
    return [row(symbol, exchange, None, on)]


def row(symbol: str, exchange: Exchange, expiry: Expiry | None, on: date) -> ContractRow:
    """Return what is known of one expiry on a day."""
    day = None if expiry is None else expiry.day
    held = lot(symbol, day, on)
    opens, closes = hours(exchange, on)
    return ContractRow(
        symbol=symbol, exchange=exchange.value, kind="" if expiry is None else expiry.kind,
        expiry=day, lot_size=None if held is None else held.size, tick_size=tick_size(symbol, on),
        multiplier=multiplier(symbol, on), freeze_quantity=freeze_quantity(symbol, on),
        session_open=opens, session_close=closes,
        valid_from=None if held is None else held.valid_from,
        valid_to=None if held is None else held.valid_to,
        source=_sources(symbol, held, expiry, on),
        future_tick_size=tick_size(symbol, on, "future_"),
        option_tick_size=tick_size(symbol, on, "option_"),
    )  # fmt: skip


def hours(exchange: Exchange, on: date) -> tuple[datetime | None, datetime | None]:
    """Return the first opening and the last close of trading on a day, or of the next session."""
    segment = calendar.segment_of(exchange)
    try:
        day = on if calendar.is_session(segment, on) else calendar.next_session(segment, on)
        held = calendar.session(segment, day)
        phases = () if held is None else held.trading_phases
    except OutOfRange:
        return None, None
    if not phases:
        return None, None
    return min(p.opens for p in phases), max(p.closes for p in phases)


def _contract(symbol: str, on: date) -> Mapping[str, str] | None:
    rows = (r for r in read_table("contracts") if r["symbol"] == symbol and valid_on(r, on))
    return next(rows, None)


def _lot(source: Mapping[str, str], size: str) -> Lot:
    return Lot(
        size=int(size),
        valid_from=parse_date(source["valid_from"]),
        valid_to=parse_date(source["valid_to"]),
        source=source["source"],
    )


def _in_class(low: str, high: str, close: Decimal | None) -> bool:
    if close is None:
        return not low and not high
    paise = close.quantize(_PAISA)
    return (not low or Decimal(low) <= paise) and (not high or paise <= Decimal(high))


def _sources(symbol: str, held: Lot | None, expiry: Expiry | None, on: date) -> str:
    """Say where the row comes from and what the tables do not know."""
    parts = [held.source if held else "lot not known"]
    if expiry is None:
        parts.append("expiries not in our tables: see an instrument master")
    else:
        parts.append(f"expiry: {expiry.source}")
        if not expiry.holidays_known:
            parts.append(f"holidays of {expiry.day.year} not published: regular day")
    if freeze_quantity(symbol, on) is None:
        parts.append(f"freeze quantity of {on:%Y-%m} not in our tables")
    return "; ".join(parts)
