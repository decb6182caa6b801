"""What a form of file is made of: its header, the datasets it feeds, and the columns of each.

The words in which `forms.py` and `contracts.py` describe files; no file is described here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from alphastock_cli.providers.nse.rows import Field, Rules, no_rules

Finish = Callable[[pl.DataFrame], pl.DataFrame]
LAKH = 100_000.0


def _same(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The rows of a form that go to one dataset.

    Attributes
    ----------
    keep : callable, optional
        Which rows of the file these are; all of them where there is none.
    finish : callable
        What only this form knows: units by evidence, constant columns.
    rules : callable
        Tests and reasons for refusing a row, beside those every row has to pass.
    """

    dataset: str
    fields: tuple[Field, ...]
    keep: Callable[[], pl.Expr] | None = None
    finish: Finish = _same
    rules: Rules = no_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of file.

    Attributes
    ----------
    header : frozenset of str
        Column names that must all be there.
    dated : bool
        Whether the rows carry their date.
    """

    name: str
    title: str
    header: frozenset[str]
    parts: tuple[Part, ...]
    dated: bool = True


def fields(kind: str, /, **columns: str) -> list[Field]:
    """Return fields of one kind, our name and the file's."""
    return [Field(name=name, column=column, kind=kind) for name, column in columns.items()]


def prices(**columns: str) -> list[Field]:
    """Return price fields: a price of 0 is printed where there was none."""
    return [Field(name=n, column=c, zero_is_missing=True) for n, c in columns.items()]


def names(text: str) -> frozenset[str]:
    """Return the words of a text: the columns of a header."""
    return frozenset(text.split())


def constant(**values: str) -> Finish:
    """Return a step that adds columns of one value."""

    def finish(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(**{name: pl.lit(value) for name, value in values.items()})

    return finish
