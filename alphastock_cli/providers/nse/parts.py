"""What a form of file is made of: its header, the datasets it feeds, and the columns of each.

The words in which `forms.py` and `contracts.py` describe files; no file is described here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from alphastock_cli.exchange.calendar import Segment
from alphastock_cli.providers.nse.rows import Field, Rules, no_rules

Finish = Callable[[pl.DataFrame], pl.DataFrame]
Prepared = tuple[pl.DataFrame, tuple[str, ...]]  # the rows, and what a person should know
Prepare = Callable[[pl.DataFrame, str], Prepared]
LAKH = 100_000.0


class UnclearError(Exception):
    """The file's own figures leave open what its columns mean; the message holds them."""


def _as_read(rows: pl.DataFrame, _: str) -> Prepared:
    return rows, ()


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
    close_reach : float
        The share by which the close may lie outside the day's range: some exchanges print their
        settlement there, which no trade of the contract made.
    """

    dataset: str
    fields: tuple[Field, ...]
    keep: Callable[[], pl.Expr] | None = None
    finish: Finish = _same
    rules: Rules = no_rules
    close_reach: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of file.

    Attributes
    ----------
    header : frozenset of str
        Column names that must all be there.
    dated : bool
        Whether the rows carry their date.
    named_by_day : bool
        Whether a date in the file's name is that of its session: MCX's is that of the expiry.
    segment : Segment
        Whose sessions the files without a date belong to.
    market : (str, str), optional
        Segment and source (Sgmt, Src) the rows of a UDiFF file must name.
    siblings : tuple of Form
        Forms of the same header, told from this one by their market.
    prepare : callable
        Derive columns from the whole file's text (its rows and its name): descriptions taken
        apart, units settled by evidence. Raises `UnclearError` where the evidence is not clear.
    """

    name: str
    title: str
    header: frozenset[str]
    parts: tuple[Part, ...]
    dated: bool = True
    named_by_day: bool = True
    segment: Segment = Segment.EQUITY
    market: tuple[str, str] | None = None
    siblings: tuple[Form, ...] = ()
    prepare: Prepare = _as_read

    @property
    def columns(self) -> frozenset[str]:
        """The columns this form and its siblings need or use."""
        own = self.header | {field.column for part in self.parts for field in part.fields}
        return own.union(*(form.columns for form in self.siblings))


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
