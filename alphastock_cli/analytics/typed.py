"""Expressions with their kind: number, text, date or condition; what may meet what.

A comparison of different kinds is an error for a person, not an empty result. Division by zero is
null, so no infinity and no NaN ever enters a frame. The grammar is in `grammar.py`, functions
in `functions.py`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import UsageError

NUMBER = "a number"
TEXT = "text"
DATE = "a date"
TIME = "a time"
BOOLEAN = "a condition"
NULL = "null"

MAX_WEIGHT = 5_000  # nodes of the finished expression; Polars has no shared ones, so they multiply

Wrong = Callable[[str], UsageError]
_ZONE = "Asia/Kolkata"
_MAX_WHOLE = 2**63 - 1  # Polars has no literal for any larger whole number; float64 holds them
_REGEX_SIGNS = frozenset("\\.+*?()|[]{}^$#&-~")
_NULLS = MappingProxyType(
    {NUMBER: pl.Float64(), TEXT: pl.String(), DATE: pl.Date(), BOOLEAN: pl.Boolean(),
     TIME: pl.Datetime("us", _ZONE), NULL: pl.Null()}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """One clause: its text as written, its expression, the columns it reads."""

    text: str
    expr: pl.Expr
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression with what must be known to join it to others.

    Attributes
    ----------
    value
        The value where it is written out in the condition.
    name : str
        The column's name where it is nothing but a column.
    loose : bool
        True where the result of a calculation may still be infinite.
    weight : int
        Nodes of the expression, counted as often as they are repeated in it.
    parts : tuple of Part
        The clauses where it is several conditions joined by `and`.
    """

    expr: pl.Expr
    kind: str
    value: Any = None
    name: str = ""
    loose: bool = False
    weight: int = 1
    parts: tuple[Part, ...] = ()

    @property
    def said(self) -> str:
        """What to call it in a message."""
        return f"`{self.name}` ({self.kind})" if self.name else self.kind


_OPERATORS: MappingProxyType[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
        "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
        "+": operator.add, "-": operator.sub, "*": operator.mul,
    }
)  # fmt: skip


def column(name: str, dtype: Any) -> Typed | None:  # noqa: ANN401 - a Polars type, class or instance
    """Return a column by its type, or None where a condition cannot use it (lists, durations)."""
    expr = pl.col(name)
    if dtype == pl.String:
        return Typed(expr, TEXT, name=name)
    if dtype in (pl.Categorical, pl.Enum):
        return Typed(expr.cast(pl.String), TEXT, name=name)
    if dtype == pl.Boolean:
        return Typed(expr, BOOLEAN, name=name)
    if dtype == pl.Date:
        return Typed(expr, DATE, name=name)
    if dtype == pl.Datetime:
        return Typed(_indian(expr, getattr(dtype, "time_zone", None)), TIME, name=name)
    if dtype == pl.Null:
        return Typed(expr, NULL, name=name)
    if dtype == pl.Decimal:
        return Typed(expr.cast(pl.Float64), NUMBER, name=name)
    return Typed(expr, NUMBER, name=name) if dtype.is_numeric() else None


def null() -> Typed:
    """Return a value that is not known."""
    return Typed(pl.lit(None), NULL)


def literal(value: float | str | bool, kind: str, wrong: Wrong) -> Typed:  # noqa: FBT001 - a value, not a switch
    """Return a value written in the condition."""
    if kind == NUMBER and abs(value) > 1e300:  # type: ignore[arg-type]  # noqa: PLR2004 - near the end of float64
        raise wrong("this number is too large")
    if kind == NUMBER and abs(value) > _MAX_WHOLE:  # type: ignore[arg-type]
        value = float(value)
    return Typed(pl.lit(value), kind, value)


def compare(sign: str, left: Typed, right: Typed, wrong: Wrong) -> Typed:
    """Compare two values of one kind; a text next to a date is read as one."""
    left, right = dated_like(left, right, wrong), dated_like(right, left, wrong)
    if NULL in {left.kind, right.kind}:
        return made(pl.lit(None, dtype=pl.Boolean()), BOOLEAN)
    if left.kind != right.kind:
        raise wrong(f"cannot compare {left.said} with {right.said}")
    left, right = solid(left), solid(right)
    return made(_OPERATORS[sign](left.expr, right.expr), BOOLEAN, left, right)


def between(value: Typed, low: Typed, high: Typed, wrong: Wrong) -> Typed:
    """Return whether `value` lies between two bounds, both inclusive."""
    return logical(
        compare(">=", value, low, wrong), compare("<=", value, high, wrong), "and", wrong
    )


def one_of(value: Typed, items: Sequence[Typed], wrong: Wrong) -> Typed:
    """Return whether `value` equals one of `items`; null where it is not known."""
    tests = [compare("=", value, item, wrong) for item in items]
    return made(pl.any_horizontal([test.expr for test in tests]), BOOLEAN, *tests)


def is_null(value: Typed) -> Typed:
    """Return whether a value is not known."""
    inner = solid(value)
    return made(inner.expr.is_null(), BOOLEAN, inner)


def like(value: Typed, pattern: str, *, fold: bool, wrong: Wrong) -> Typed:
    """Match text with ``%`` for any characters and ``_`` for one; `fold` ignores case."""
    value = as_kind(value, TEXT)
    if value.kind != TEXT:
        raise wrong(f"`like` needs text, this is {value.said}")
    body = "".join(
        {"%": ".*", "_": "."}.get(char, f"\\{char}" if char in _REGEX_SIGNS else char)
        for char in re.sub("%+", "%", pattern)
    )
    flags = "(?si)" if fold else "(?s)"
    return made(value.expr.str.contains(f"{flags}^{body}$"), BOOLEAN, value)


def negation(value: Typed, wrong: Wrong) -> Typed:
    """Deny a condition; what is not known stays so."""
    value = as_kind(value, BOOLEAN)
    if value.kind != BOOLEAN:
        raise wrong(f"`not` needs a condition, this is {value.said}")
    return made(~value.expr, BOOLEAN, value)


def logical(left: Typed, right: Typed, word: str, wrong: Wrong) -> Typed:
    """Join two conditions by ``and`` or ``or``, with three-valued logic."""
    left, right = as_kind(left, BOOLEAN), as_kind(right, BOOLEAN)
    for side in (left, right):
        if side.kind != BOOLEAN:
            raise wrong(f"`{word}` joins conditions, one side is {side.said}")
    joined = left.expr & right.expr if word == "and" else left.expr | right.expr
    return made(joined, BOOLEAN, left, right)


def arithmetic(sign: str, left: Typed, right: Typed, wrong: Wrong) -> Typed:
    """Calculate with two numbers in float64; dividing by zero gives null.

    The remainder has the sign of the dividend, as in SQL.
    """
    left, right = as_number(left, sign, wrong), as_number(right, sign, wrong)
    a = left.expr
    if sign not in {"/", "%"}:
        return made(_OPERATORS[sign](a, right.expr), NUMBER, left, right, loose=True)
    right = solid(right)
    b = pl.when(right.expr != 0.0).then(right.expr)
    if sign == "/":
        return made(a / b, NUMBER, left, right, right, loose=True)
    left = solid(left)
    rest = left.expr.abs() % b.abs()  # of two positive numbers every engine says the same
    signed = pl.when(left.expr < 0.0).then(-rest).otherwise(rest)
    return made(signed, NUMBER, *(left,) * 3, *(right,) * 4, loose=True)


def negative(value: Typed, wrong: Wrong) -> Typed:
    """Change the sign."""
    if value.kind == NUMBER and value.value is not None:
        return replace(value, expr=pl.lit(-value.value), value=-value.value)
    inner = as_number(value, "-", wrong)
    return made(-inner.expr, NUMBER, inner, loose=inner.loose)


def dated_like(value: Typed, other: Typed, wrong: Wrong) -> Typed:
    """Return a written text as a date or time where it meets one; times are Indian by default."""
    if other.kind not in {DATE, TIME} or not isinstance(value.value, str):
        return value
    try:
        if other.kind == DATE:
            return Typed(pl.lit(date.fromisoformat(value.value)), DATE)
        moment = datetime.fromisoformat(value.value)
        zone = ZoneInfo(_ZONE)
        there = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    except (ValueError, OverflowError):
        form = "YYYY-MM-DD" if other.kind == DATE else "YYYY-MM-DDTHH:MM"
        raise wrong(f"{value.value[:40]!r} is not {other.kind} ({form})") from None
    return Typed(pl.lit(there), TIME)


def _indian(expr: pl.Expr, zone: str | None) -> pl.Expr:
    """Return a time column in the one zone in which times are compared."""
    if zone is None:
        return expr.dt.replace_time_zone(_ZONE, ambiguous="earliest", non_existent="null")
    return expr if zone == _ZONE else expr.dt.convert_time_zone(_ZONE)


def made(expr: pl.Expr, kind: str, *inputs: Typed, loose: bool = False) -> Typed:
    """Return what was made of `inputs`, each listed as often as it stands in `expr`."""
    weight = 1 + sum(item.weight for item in inputs)
    if weight > MAX_WEIGHT:
        raise UsageError("the condition is too complicated: its nested parts multiply")
    return Typed(expr, kind, loose=loose, weight=weight)


def as_kind(value: Typed, kind: str) -> Typed:
    """Give a value that is not known the kind it is needed as."""
    return Typed(pl.lit(None, dtype=_NULLS[kind]), kind) if value.kind == NULL else value


def as_number(value: Typed, where: str, wrong: Wrong) -> Typed:
    """Return a number as float64."""
    value = as_kind(value, NUMBER)
    if value.kind != NUMBER:
        raise wrong(f"`{where}` needs a number, this is {value.said}")
    return value if value.loose else replace(value, expr=value.expr.cast(pl.Float64))


def solid(value: Typed) -> Typed:
    """Return a calculated number with null for infinity and NaN."""
    if not value.loose:
        return value
    finite = pl.when(value.expr.is_finite()).then(value.expr)
    return made(finite, value.kind, value, value)
