"""How orders, fills, signals and instruments become rows of the ledger, and values again.

Money is integer paise; prices are decimal text, exact; times are ISO text in Indian time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.domain.trading import (
    Fidelity,
    Fill,
    Order,
    OrderState,
    OrderStatus,
    OrderType,
    Product,
    Role,
    Signal,
    Validity,
)

_INDIA = ZoneInfo("Asia/Kolkata")
EVENT = ("order_id", "at", "status", "quantity", "filled_quantity", "message", "average_price",
         "limit_price", "seq")  # fmt: skip
FILL = ("order_id", "seq", "key", "side", "product", "quantity", "price", "charges", "time",
        "fidelity", "quote_time")  # fmt: skip
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE instruments (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE signals (
    number INTEGER PRIMARY KEY, signal_id TEXT NOT NULL UNIQUE, at TEXT NOT NULL,
    key TEXT NOT NULL REFERENCES instruments, strategy TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE decisions (
    signal_id TEXT PRIMARY KEY REFERENCES signals (signal_id), at TEXT NOT NULL,
    approved INTEGER NOT NULL CHECK (approved IN (0, 1)), quantity INTEGER NOT NULL,
    at_risk INTEGER NOT NULL, reasons TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (
    number INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, tag TEXT NOT NULL UNIQUE,
    signal_key TEXT UNIQUE, key TEXT NOT NULL REFERENCES instruments, body TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0), status TEXT NOT NULL,
    filled_quantity INTEGER NOT NULL CHECK (filled_quantity BETWEEN 0 AND quantity),
    average_price TEXT, limit_price TEXT, status_message TEXT NOT NULL, placed_at TEXT NOT NULL,
    updated_at TEXT NOT NULL);
CREATE TABLE order_events (
    number INTEGER PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (order_id),
    at TEXT NOT NULL, status TEXT NOT NULL, quantity INTEGER NOT NULL,
    filled_quantity INTEGER NOT NULL, message TEXT NOT NULL, average_price TEXT,
    limit_price TEXT, seq INTEGER, chain TEXT NOT NULL);
CREATE TABLE fills (
    number INTEGER PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (order_id),
    seq INTEGER NOT NULL, key TEXT NOT NULL REFERENCES instruments, side TEXT NOT NULL,
    product TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity > 0), price TEXT NOT NULL,
    charges INTEGER NOT NULL CHECK (charges >= 0), time TEXT NOT NULL, fidelity TEXT NOT NULL,
    quote_time TEXT NOT NULL, UNIQUE (order_id, seq));
CREATE TABLE postings (
    number INTEGER PRIMARY KEY, event TEXT NOT NULL, account TEXT NOT NULL,
    paise INTEGER NOT NULL);
CREATE TABLE positions (
    key TEXT NOT NULL REFERENCES instruments, product TEXT NOT NULL, quantity INTEGER NOT NULL,
    cost INTEGER NOT NULL, pnl_realised INTEGER NOT NULL, charges INTEGER NOT NULL,
    opened_at TEXT, PRIMARY KEY (key, product)) WITHOUT ROWID;
CREATE TABLE risk (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def paise(amount: Decimal) -> int:
    """Return rupees as whole paise.

    Raises
    ------
    ValueError
        The amount is no whole number of paise: it would not add up again.
    """
    scaled = amount * 100
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} rupees are no whole number of paise")
    return int(scaled)


def rupees(amount: int) -> Decimal:
    """Return whole paise as rupees, with two places."""
    return Decimal(amount).scaleb(-2)


def moment(at: datetime) -> str:
    """Return a moment as text in Indian time: the same one is the same text everywhere."""
    return at.astimezone(_INDIA).isoformat()


def fill_facts(row: Mapping[str, Any]) -> str:
    """Return what the history of orders seals of a row of ``fills``."""
    return json.dumps([row[name] for name in FILL], separators=(",", ":"))


def instrument_body(instrument: Instrument) -> str:
    """Return an instrument as JSON, fields in a fixed order; without what is newer and unknown."""
    facts = asdict(instrument)
    if instrument.has_derivatives is None:
        del facts["has_derivatives"]
    return _dump(facts)


def instrument_of(body: str) -> Instrument:
    """Return the instrument of `instrument_body`."""
    raw = json.loads(body)
    raw |= {
        "exchange": Exchange(raw["exchange"]), "asset_type": AssetType(raw["asset_type"]),
        "tick_size": Decimal(raw["tick_size"]), "expiry": _day(raw["expiry"]),
        "strike": _number(raw["strike"]),
        "option_type": None if raw["option_type"] is None else OptionType(raw["option_type"]),
    }  # fmt: skip
    return Instrument(**raw)


def signal_body(signal: Signal) -> str:
    """Return a signal as JSON, without its instrument."""
    return _dump({f.name: getattr(signal, f.name) for f in fields(signal)} | {"instrument": None})


def signal_of(body: str, instrument: Instrument) -> Signal:
    """Return the signal of `signal_body`."""
    raw = json.loads(body)
    raw |= {
        "instrument": instrument, "side": Side(raw["side"]), "price": Decimal(raw["price"]),
        "stop_loss": _number(raw["stop_loss"]), "target": _number(raw["target"]),
        "candle_time": datetime.fromisoformat(raw["candle_time"]),
        "valid_until": datetime.fromisoformat(raw["valid_until"]),
    }  # fmt: skip
    return Signal(**raw)


def order_body(order: Order) -> str:
    """Return what of an order never changes as JSON; its quantity may, so it is a column."""
    kept = {f.name: getattr(order, f.name) for f in fields(order)}
    return _dump(kept | {"instrument": None, "quantity": None})


def state_of(row: Mapping[str, Any], instrument: Instrument) -> OrderState:
    """Return the order state of a row of ``orders``."""
    raw = json.loads(row["body"])
    raw |= {
        "instrument": instrument, "quantity": row["quantity"], "side": Side(raw["side"]),
        "order_type": OrderType(raw["order_type"]), "product": Product(raw["product"]),
        "placed_at": datetime.fromisoformat(raw["placed_at"]),
        "session": date.fromisoformat(raw["session"]), "validity": Validity(raw["validity"]),
        "role": Role(raw["role"]),
        **{name: _number(raw[name]) for name in
           ("price", "trigger_price", "market_protection", "stop_loss", "target")},
    }  # fmt: skip
    return OrderState(
        order=Order(**raw),
        status=OrderStatus(row["status"]),
        filled_quantity=row["filled_quantity"],
        average_price=_number(row["average_price"]),
        limit_price=_number(row["limit_price"]),
        status_message=row["status_message"],
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )


def fill_of(row: Mapping[str, Any], instrument: Instrument) -> Fill:
    """Return the fill of a row of ``fills``."""
    return Fill(
        order_id=row["order_id"], seq=row["seq"], instrument=instrument, side=Side(row["side"]),
        product=Product(row["product"]), quantity=row["quantity"], price=Decimal(row["price"]),
        time=datetime.fromisoformat(row["time"]), charges=rupees(row["charges"]),
        fidelity=Fidelity(row["fidelity"]),
        quote_time=datetime.fromisoformat(row["quote_time"]),
    )  # fmt: skip


def _dump(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=_plain, sort_keys=True, separators=(",", ":"))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, StrEnum | Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no place in the ledger")


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
