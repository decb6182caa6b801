"""The one reader of numbers that come from outside: forms, JSON bodies, paths and queries.

A number is at most so many ASCII digits, finite, with a sign only where one is allowed; everything
else is answered with 400. What a number means is judged by whoever asked for it.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from alphastock_cli.sandbox.replies import CallError, bad

MOST = 10**9  # units or rupees of one number: products of two still fit into a float, exactly told
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,20})?")  # of a float all its digits
_DIGITS = re.compile(r"[0-9]{1,18}")
_SHOWN = 50  # characters of a refused number that are told back


def units(value: object, name: str, *, least: int = 0, most: int = MOST) -> int:
    """Return a whole number from text or JSON.

    Raises
    ------
    CallError
        400: it is none, or not between `least` and `most`.
    """
    text = _text(value)
    if isinstance(value, float) or not _WHOLE.fullmatch(text):
        _refuse(name, text, "int")
    found = int(text)
    if not least <= found <= most:
        _refuse(name, text, "int")
    return found


def amount(value: object, name: str, *, least: int = 0, most: int = MOST) -> Decimal:
    """Return rupees, or a percentage, from text or JSON; of a float its shortest decimal.

    Raises
    ------
    CallError
        400: it is none, or not between `least` and `most`.
    """
    text = _text(value)
    if not _DECIMAL.fullmatch(text):
        _refuse(name, text, "decimal")
    found = Decimal(text)
    if not least <= found <= most:
        _refuse(name, text, "decimal")
    return found


def digits(text: str) -> int | None:
    """Return the number in a path or a query, None where it is none: nothing is known by it."""
    return int(text) if _DIGITS.fullmatch(text) else None


def parse_json(text: str | bytes, what: str) -> Any:  # noqa: ANN401 - whatever the caller sent
    """Return JSON without NaN and Infinity.

    Raises
    ------
    CallError
        400: it is none.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise bad(f"Invalid JSON in {what}") from None


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_SHOWN else "a longer number"
    return repr(value)


def _refuse(name: str, text: str, kind: str) -> NoReturn:
    error: CallError = bad(
        f"Invalid request (failed to decode {name}, got: {text[:_SHOWN]} (expected {kind}))"
    )
    raise error
