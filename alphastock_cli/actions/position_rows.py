"""One row of a file of positions: what its cells say, checked, or why it cannot be used.

Which columns there are and how files are read is the business of `positions_file.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from alphastock_cli.actions.option_words import fraction
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UsageError
from alphastock_cli.safety import safe_text

_TERMS = ("underlying", "expiry", "strike", "option_type")
_MOST_VOL = 10.0
_MOST = 1e12  # units, lots or rupees
MISFIT = "?"  # the key under which a row says that it does not fit its heading
_KINDS = MappingProxyType(
    {"CE": "CE", "CALL": "CE", "C": "CE", "PE": "PE", "PUT": "PE", "P": "PE", "FUT": "FUT",
     "EQ": "EQ"}
)  # fmt: skip
_DATES = ("%Y-%m-%d", "%d-%b-%Y", "%d-%m-%Y", "%Y%m%d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One row as it is written; None is what it does not say.

    Attributes
    ----------
    line : int
        Of a text file its line, the heading being line 1; of Parquet the row, the first being 1.
    kind : LegKind or None
        None where only the listing can tell.
    quantity : int or None
        Units, signed; None where only `lots` are given.
    problem : str
        Why the row cannot be used; empty where it can.
    """

    line: int
    tradingsymbol: str = ""
    underlying: str = ""
    expiry: date | None = None
    strike: float | None = None
    kind: LegKind | None = None
    quantity: int | None = None
    lots: float | None = None
    price: float | None = None
    iv: float | None = None
    problem: str = ""


class _Trouble(ValueError):
    """What is wrong with one row."""


def position(line: int, row: Mapping[str, Any]) -> Position:
    """Return what a row says; `problem` holds the reason where it cannot be used."""
    symbol = str(row.get("tradingsymbol") or "").strip().upper().rpartition(":")[2]
    name = str(row.get("underlying") or "").strip().upper()
    safe: dict[str, Any] = {
        "tradingsymbol": safe_text(symbol, limit=60),
        "underlying": safe_text(name, limit=60),
    }
    known: dict[str, Any] = {}
    try:
        _refuse(row.get(MISFIT))
        for column, read in _READERS.items():
            if not _empty(row.get(column)):
                known["kind" if column == "option_type" else column] = read(row[column])
        _whole(symbol, name, known)
    except _Trouble as trouble:
        return Position(line=line, **safe, **known, problem=safe_text(str(trouble)))
    return Position(line=line, **safe, **known)


def _refuse(misfit: str | None) -> None:
    if misfit:
        raise _Trouble(misfit)


def _whole(symbol: str, name: str, known: Mapping[str, Any]) -> None:
    """Refuse a row that does not say what is held, or how much."""
    if known.get("quantity") is None and known.get("lots") is None:
        raise _Trouble("neither quantity nor lots")
    if symbol:
        return
    kind = known.get("kind")
    needed = {LegKind.SHARE: _TERMS[:1], LegKind.FUTURE: _TERMS[:2]}.get(kind, _TERMS)  # type: ignore[arg-type]
    held = {"underlying": name, "option_type": kind, **known}
    missing = [each for each in needed if not held.get(each)]
    if missing:
        raise _Trouble(f"no tradingsymbol, and {', '.join(missing)} missing")


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in {"", "-", "–"})


def _number(name: str, value: object) -> float:
    if isinstance(value, bool):
        raise _Trouble(f"{name} {value} is no number")
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        raise _Trouble(f"{name} {str(value).strip()[:30]!r} is no number") from None
    if not math.isfinite(number):
        raise _Trouble(f"{name} {value} is no number")
    if abs(number) > _MOST:
        raise _Trouble(f"{name} {str(value)[:30]} is more than anybody holds")
    return number


def _quantity(value: object) -> int:
    number = _number("quantity", value)
    if not number or number != int(number):
        raise _Trouble(f"quantity {value}: give whole units, negative where sold, not 0")
    return int(number)


def _lots(value: object) -> float:
    number = _number("lots", value)
    if not number:
        raise _Trouble("lots 0: nothing is held")
    return number


def _above_zero(name: str, value: object) -> float:
    number = _number(name, value)
    if number <= 0:
        raise _Trouble(f"{name} {value}: give a number above 0")
    return number


def _price(value: object) -> float:
    number = _number("price", value)
    if number < 0:
        raise _Trouble(f"price {value} is below 0")
    return number


def _iv(value: object) -> float:
    try:
        number = fraction(str(value), option="iv")
    except UsageError:
        raise _Trouble(f"iv {value}: not a volatility, e.g. 0.15 or 15%") from None
    if not 0 < number <= _MOST_VOL:
        raise _Trouble(f"iv {value}: 15 % is 0.15 or 15%")
    return number


def _kind(value: object) -> LegKind:
    word = str(value).strip().upper()
    if word not in _KINDS:
        raise _Trouble(f"option_type {str(value)[:20]!r}: CE, PE, FUT or EQ")
    return LegKind(_KINDS[word])


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    for form in _DATES:
        try:
            return datetime.strptime(str(value).strip(), form).date()  # noqa: DTZ007 - a day
        except ValueError:
            continue
    raise _Trouble(f"expiry {str(value)[:30]!r}: not a date, e.g. 2026-12-29")


_READERS: Mapping[str, Any] = MappingProxyType(
    {
        "option_type": _kind,
        "expiry": _day,
        "strike": lambda value: _above_zero("strike", value),
        "quantity": _quantity,
        "lots": _lots,
        "price": _price,
        "iv": _iv,
    }
)
