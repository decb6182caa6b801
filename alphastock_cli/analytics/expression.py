"""The `--where` language: a condition over the columns of a command, as a Polars expression.

Parsed by hand and built from a fixed set of operators, so that a condition can compare and
calculate and can do nothing else. `docs/conventions.md` lists the language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from alphastock_cli.analytics.grammar import Parser
from alphastock_cli.analytics.typed import Part
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import UnknownName, UsageError

_LARGE = 1e4


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a condition joined by `and`: its text, the values it saw, whether it holds."""

    text: str
    value: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition.

    Attributes
    ----------
    expr : Expr
        Boolean, for `filter`; null, where a value is not known, counts as not met. One value for
        all rows where it reads no column.
    columns : frozenset of str
        The columns it reads.
    """

    expr: pl.Expr
    columns: frozenset[str]
    parts: tuple[Part, ...]
    schema: Mapping[str, Any]

    def explain(self, row: Mapping[str, Any]) -> list[Clause]:
        """Return each clause with the values of `row` and whether it holds; None: not known."""
        names = sorted(self.columns)
        frame = pl.DataFrame(
            [{name: row.get(name) for name in names}],
            schema={name: self.schema[name] for name in names},
        ) if names else pl.DataFrame({"__": [0]})  # fmt: skip
        answers = frame.select(
            part.expr.alias(str(number)) for number, part in enumerate(self.parts)
        ).row(0)
        return [
            Clause(
                part.text, ", ".join(_value(name, row.get(name)) for name in part.columns), holds
            )
            for part, holds in zip(self.parts, answers, strict=True)
        ]


def parse(text: str, schema: Mapping[str, Any]) -> Condition:
    """Return the checked condition `text` over the columns of `schema` (name to Polars type).

    Raises
    ------
    UnknownName
        A column nobody knows; the nearest ones are named.
    UsageError
        Anything else that makes no condition; the position is named.
    """
    parser = Parser(text, schema)
    whole = parser.condition()
    return Condition(
        expr=whole.expr, columns=frozenset(parser.used), parts=whole.parts, schema=schema
    )


def parse_sort(text: str, known: Iterable[str]) -> list[tuple[str, bool]]:
    """Return (column, descending) of ``volume_ratio:desc,symbol``."""
    columns = {name.lower(): name for name in known}
    found = []
    for part in _listed(text, "--sort"):
        name, _, order = part.partition(":")
        if order.strip().lower() not in {"", "asc", "desc"}:
            raise UsageError(f"--sort {part}: the order is asc or desc")
        found.append((_known(name, columns), order.strip().lower() == "desc"))
    return found


def parse_columns(text: str, known: Iterable[str]) -> list[str]:
    """Return the columns of ``symbol,close``, each once, in the order given."""
    columns = {name.lower(): name for name in known}
    return list(dict.fromkeys(_known(part, columns) for part in _listed(text, "--columns")))


def _listed(text: str, option: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"{option} {text!r}: a name is missing", hint="Give names: a,b,c")
    return parts


def _known(name: str, columns: Mapping[str, str]) -> str:
    word = name.strip().lower()
    if word not in columns:
        raise UnknownName.of(
            "column", name.strip(), columns.values(), hint=f"Known: {', '.join(columns.values())}."
        )
    return columns[word]


def _value(name: str, value: object) -> str:
    if value is None:
        return f"{name} not known"
    if not isinstance(value, float):
        return f"{name} = {value}"
    # large figures keep their rupees and paise, small ones six digits
    return f"{name} = {value:.2f}" if abs(value) >= _LARGE else f"{name} = {value:.6g}"
