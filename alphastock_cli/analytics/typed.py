"""Expressions with their kind: number, text, date or condition; what may meet what.

A comparison of different kinds is an error for a person, not an empty result. Division by zero is
null, so no infinity and no NaN ever enters a frame.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.errors import UsageError

NUMBER = "a number"
TEXT = "text"
DATE = "a date"
TIME = "a time"
BOOLEAN = "a condition"

Wrong = Callable[[str], UsageError]
_MAX_ROUND = 15


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression, its kind, and its value where it is written out."""

    expr: pl.Expr
    kind: str
    value: Any = None


_OPERATORS: MappingProxyType[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
        "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    }
)  # fmt: skip


def kind_of(dtype: Any) -> str | None:  # noqa: ANN401 - a Polars type, class or instance
    """Return the kind of a column's type, or None where a condition cannot use it."""
    if any(dtype == text for text in (pl.String, pl.Categorical, pl.Enum)):
        return TEXT
    if dtype == pl.Boolean:
        return BOOLEAN
    if dtype == pl.Date:
        return DATE
    if dtype == pl.Datetime:
        return TIME
    return NUMBER if dtype.is_numeric() else None


def literal(value: float | str | bool, kind: str) -> Typed:  # noqa: FBT001 - a value, not a switch
    """Return a value written in the condition."""
    if kind == NUMBER and abs(value) > 1e300:  # type: ignore[arg-type]  # noqa: PLR2004 - near the end of float64
        raise UsageError(f"the number {value} is too large")
    return Typed(pl.lit(value), kind, value)


def compare(sign: str, left: Typed, right: Typed, wrong: Wrong) -> Typed:
    """Compare two values of one kind; a text next to a date is read as one."""
    left, right = _dated(left, right, wrong), _dated(right, left, wrong)
    _alike(left, right, wrong)
    return Typed(_OPERATORS[sign](left.expr, right.expr), BOOLEAN)


def one_of(value: Typed, items: Sequence[Typed], wrong: Wrong) -> Typed:
    """Return whether `value` equals one of `items`; null where it is not known."""
    tests = [compare("=", value, item, wrong).expr for item in items]
    return Typed(pl.any_horizontal(tests), BOOLEAN)


def like(value: Typed, pattern: str, *, fold: bool, wrong: Wrong) -> Typed:
    """Match text with ``%`` for any characters and ``_`` for one; `fold` ignores case."""
    if value.kind != TEXT:
        raise wrong(f"`like` needs text, this is {value.kind}")
    body = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    flags = "(?si)" if fold else "(?s)"
    return Typed(value.expr.cast(pl.String).str.contains(f"{flags}^{body}$"), BOOLEAN)


def logical(left: Typed, right: Typed, word: str, wrong: Wrong) -> Typed:
    """Join two conditions by ``and`` or ``or``, with three-valued logic."""
    if left.kind != BOOLEAN or right.kind != BOOLEAN:
        raise wrong(f"`{word}` joins conditions; one side is no comparison")
    joined = left.expr & right.expr if word == "and" else left.expr | right.expr
    return Typed(joined, BOOLEAN)


def arithmetic(sign: str, left: Typed, right: Typed, wrong: Wrong) -> Typed:
    """Calculate with two numbers; dividing by zero gives null."""
    if left.kind != NUMBER or right.kind != NUMBER:
        other = left if left.kind != NUMBER else right
        raise wrong(f"`{sign}` calculates with numbers, this is {other.kind}")
    a, b = left.expr.cast(pl.Float64), right.expr.cast(pl.Float64)
    if sign in {"/", "%"}:
        quotient = a / b if sign == "/" else a - b * (a / b).truncate()
        return Typed(_finite(pl.when(b != 0.0).then(quotient)), NUMBER)
    result = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](a, b)
    return Typed(_finite(result), NUMBER)


def negative(value: Typed, wrong: Wrong) -> Typed:
    """Change the sign."""
    if value.kind != NUMBER:
        raise wrong(f"`-` needs a number, this is {value.kind}")
    return Typed(-value.expr, NUMBER, None if value.value is None else -value.value)


def call(name: str, given: Sequence[Typed], wrong: Wrong) -> Typed:
    """Apply one of the functions of the language."""
    known = ("abs", "round", "least", "greatest", "coalesce", "lower", "upper")
    if name not in known:
        raise wrong(f"unknown function `{name}`; known: {', '.join(known)}")
    if name in {"lower", "upper"}:
        _count(name, given, 1, 1, wrong)
        _of(name, given, TEXT, wrong)
        text = given[0].expr.cast(pl.String).str
        return Typed(text.to_lowercase() if name == "lower" else text.to_uppercase(), TEXT)
    if name == "coalesce":
        _of(name, given, given[0].kind, wrong)
        return Typed(pl.coalesce([item.expr for item in given]), given[0].kind)
    _of(name, given, NUMBER, wrong)
    if name == "abs":
        _count(name, given, 1, 1, wrong)
        return Typed(given[0].expr.abs(), NUMBER)
    if name == "round":
        return _rounded(given, wrong)
    # as in SQL: not known where one of them is not known
    exprs = [item.expr.cast(pl.Float64) for item in given]
    most = pl.min_horizontal(exprs) if name == "least" else pl.max_horizontal(exprs)
    return Typed(pl.when(pl.all_horizontal(e.is_not_null() for e in exprs)).then(most), NUMBER)


def _rounded(given: Sequence[Typed], wrong: Wrong) -> Typed:
    _count("round", given, 1, 2, wrong)
    places = given[1].value if len(given) > 1 else 0
    if isinstance(places, bool) or not isinstance(places, int) or not 0 <= places <= _MAX_ROUND:
        raise wrong(f"`round` takes a whole number of places from 0 to {_MAX_ROUND}")
    value = given[0].expr.cast(pl.Float64)
    return Typed(value.round(places, mode="half_away_from_zero"), NUMBER)


def _dated(value: Typed, other: Typed, wrong: Wrong) -> Typed:
    """Return a written text as a date or time where it meets one."""
    if value.kind != TEXT or other.kind not in {DATE, TIME} or not isinstance(value.value, str):
        return value
    try:
        if other.kind == DATE:
            return Typed(pl.lit(date.fromisoformat(value.value)), DATE)
        moment = datetime.fromisoformat(value.value)
    except ValueError:
        raise wrong(f"{value.value!r} is not a date (YYYY-MM-DD)") from None
    literal_time = pl.lit(moment)
    if moment.tzinfo is None:
        literal_time = literal_time.dt.replace_time_zone("Asia/Kolkata")
    return Typed(literal_time, TIME)


def _alike(left: Typed, right: Typed, wrong: Wrong) -> None:
    if left.kind != right.kind:
        raise wrong(f"cannot compare {left.kind} with {right.kind}")


def _of(name: str, given: Sequence[Typed], kind: str, wrong: Wrong) -> None:
    for item in given:
        if item.kind != kind:
            raise wrong(f"`{name}` needs {kind}, this is {item.kind}")


def _count(name: str, given: Sequence[Typed], least: int, most: int, wrong: Wrong) -> None:
    if not least <= len(given) <= most:
        raise wrong(f"`{name}` takes {least if least == most else f'{least} to {most}'} values")


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)
