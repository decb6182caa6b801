"""What Kite's answers may look like: strict JSON, the envelope, the shapes of each read.

An answer that breaks its shape is a `BadReply` that names the field; nothing is guessed. No network
here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from alphastock_cli.errors import BadReply
from alphastock_cli.safety import redacted, safe_text

_MOST_DIGITS = 18
_PRICES = ("open", "high", "low", "close")


def parse(body: bytes, what: str) -> dict[str, Any]:
    """Return the object of a JSON body.

    Refused: repeated keys, NaN, infinities, numbers of more than 18 digits, what is no object, and
    a nesting that no answer has.
    """
    try:
        value = json.loads(
            body, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float,
            parse_int=_int,
        )  # fmt: skip
    except RecursionError:
        raise _bad(what, "it is nested too deep") from None
    except ValueError as error:
        raise _bad(what, f"it is no JSON ({_reason(error)})") from None
    if not isinstance(value, dict):
        raise _bad(what, f"it is a {type(value).__name__}, not an object")
    return value


def profile(data: Any, what: str) -> dict[str, Any]:  # noqa: ANN401 - as read
    """Return a profile, checked for what we use of it."""
    held = _dict(data, what, "data")
    if not isinstance(held.get("user_id"), str) or not held["user_id"]:
        raise _bad(what, "data.user_id is missing")
    codes = held.get("exchanges")
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise _bad(what, "data.exchanges is no list of texts")
    return held


def quotes(data: Any, what: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - as read
    """Return full quotes by key, every field that is used checked for its type."""
    held = _dict(data, what, "data")
    for key, row in held.items():
        quote = _dict(row, what, key)
        _number(quote.get("last_price"), what, f"{key}.last_price", needed=True)
        for name in ("volume", "oi", "lower_circuit_limit", "upper_circuit_limit"):
            _number(quote.get(name), what, f"{key}.{name}")
        prices = _dict(quote.get("ohlc", {}), what, f"{key}.ohlc")
        for name in _PRICES:
            _number(prices.get(name), what, f"{key}.ohlc.{name}")
        for name in ("timestamp", "last_trade_time"):
            if not isinstance(quote.get(name), str | None):
                raise _bad(what, f"{key}.{name} is no text")
        _depth(quote.get("depth"), what, key)
    return held


def candles(data: Any, what: str) -> list[list[Any]]:  # noqa: ANN401 - as read
    """Return the rows of candles: a time, four prices, a volume, and open interest if asked."""
    held = _dict(data, what, "data")
    rows = held.get("candles")
    if not isinstance(rows, list):
        raise _bad(what, "data.candles is no list")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) not in {6, 7} or not isinstance(row[0], str):
            raise _bad(what, f"candle {number} is not [time, open, high, low, close, volume(, oi)]")
        for place, value in enumerate(row[1:], 1):
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                raise _bad(what, f"field {place} of candle {number} is no number")
    return rows


def _depth(value: Any, what: str, key: str) -> None:  # noqa: ANN401 - as read
    if value is None:
        return
    for side, levels in _dict(value, what, f"{key}.depth").items():
        if not isinstance(levels, list):
            raise _bad(what, f"{key}.depth.{side} is no list")
        for level in levels:
            row = _dict(level, what, f"{key}.depth.{side}")
            for name in ("price", "quantity", "orders"):
                _number(row.get(name), what, f"{key}.depth.{side}.{name}", needed=True)


def _dict(value: Any, what: str, name: str) -> dict[str, Any]:  # noqa: ANN401 - as read
    if not isinstance(value, dict):
        raise _bad(what, f"{name} is no object")
    return value


def _number(value: Any, what: str, name: str, *, needed: bool = False) -> None:  # noqa: ANN401
    if value is None and not needed:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(what, f"{name} is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _constant(name: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(f"{name} is no number of JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number without end")
    return value


def _int(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError("a number of too many digits")
    return int(text)


_reason: Callable[[ValueError], str] = lambda error: safe_text(  # noqa: E731 - one expression
    redacted(getattr(error, "msg", "") or str(error)), limit=80
)


def _bad(what: str, why: str) -> BadReply:
    return BadReply(
        f"Kite's answer to {what} cannot be used: {safe_text(redacted(why))}",
        safe="Nothing of it was stored.",
        hint="Try again later; if it stays so, the protocol has changed.",
    )
