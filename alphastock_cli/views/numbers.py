"""How a number, a date or a missing value looks to a person: Indian grouping, signs, units.

Machine formats do not come here: they print the value itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alphastock_cli.safety import safe_text

MISSING = "–"
_CRORE = 10_000_000
_LAKH = 100_000

# columns whose values are money in bulk and read better in crores
_BULK_RUPEES = frozenset({"turnover"})


def group(value: float | Decimal, decimals: int = 2) -> str:
    """Write a number with Indian grouping: the last three digits, then pairs.

    >>> group(12345678.9)
    '1,23,45,678.90'
    >>> group(-1234, 0)
    '-1,234'
    """
    text = f"{abs(value):.{decimals}f}"
    whole, _, rest = text.partition(".")
    head, grouped = whole[:-3], whole[-3:]
    while head:
        head, grouped = head[:-2], f"{head[-2:]},{grouped}"
    sign = "-" if value < 0 and text.strip("0.") else ""
    return sign + grouped + (f".{rest}" if rest else "")


def signed(value: float | None, decimals: int = 2) -> str:
    """Write a change with its sign, so that colour is never the only mark."""
    if value is None:
        return MISSING
    text = group(value, decimals)
    return text if value <= 0 or text.strip("0.,") == "" else f"+{text}"


def crores(value: float | None) -> str:
    """Write rupees in crores, or in lakhs below one crore."""
    if value is None:
        return MISSING
    if abs(value) >= _CRORE:
        return f"{group(value / _CRORE, 1)} Cr"
    return f"{group(value / _LAKH, 1)} L"


def cell(name: str, value: Any) -> str:  # noqa: ANN401 - a cell holds any value
    """Write one value of column `name` for a table; missing is a dash, never a zero."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int):
        return group(value, 0)
    if isinstance(value, float | Decimal):
        return _number(name, value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(str(key), item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(cell(name, item) for item in value) or MISSING
    return safe_text(value.isoformat() if isinstance(value, date) else str(value), limit=200)


def _number(name: str, value: float | Decimal) -> str:
    if name in _BULK_RUPEES:
        return crores(float(value))
    if "change" in name or name.startswith(("gap_", "momentum_")):
        return signed(float(value))
    if isinstance(value, Decimal):
        return group(value, max(0, -int(value.as_tuple().exponent)))
    return group(value, 2)


def age(seconds: float) -> str:
    """Write an age the way people say it: the largest one or two units.

    >>> age(93784)
    '1 d 2 h'
    """
    whole = int(seconds)
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for index, (name, size) in enumerate(units):
        if whole >= size:
            text = f"{whole // size} {name}"
            if index < len(units) - 1:
                lower, step = units[index + 1]
                rest = whole % size // step
                text += f" {rest} {lower}" if rest else ""
            return text
    return "0 s"


def is_number(value: object) -> bool:
    """Return whether `value` is a number a column should align to the right."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
