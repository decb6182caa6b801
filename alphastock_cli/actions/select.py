"""The rows a person asked for: condition, order, cut and columns, checked and then applied.

Shared by actions that choose rows themselves because they read only what was asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from alphastock_cli.analytics import expression


class Asked(Protocol):
    """The row options of a request; empty strings and None mean not asked."""

    @property
    def where(self) -> str:
        """Condition a row must meet."""
        ...

    @property
    def sort(self) -> str:
        """Columns to sort by."""
        ...

    @property
    def top(self) -> int | None:
        """Most rows."""
        ...

    @property
    def columns(self) -> str:
        """Columns to show."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked, checked against the columns there are."""

    condition: expression.Condition | None
    order: tuple[tuple[str, bool], ...]
    shown: tuple[str, ...]
    top: int | None

    @property
    def picked(self) -> bool:
        """Whether anything was asked at all."""
        return bool(self.condition or self.order or self.shown or self.top)

    @property
    def read(self) -> frozenset[str]:
        """The columns that condition and order read."""
        names = {name for name, _ in self.order}
        return frozenset(names | (self.condition.columns if self.condition else set()))

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that meet the condition, in order, the first `top` of them."""
        if self.condition:
            frame = frame.filter(self.condition.expr)
        if self.order:
            frame = frame.sort(
                [name for name, _ in self.order], descending=[down for _, down in self.order],
                nulls_last=True, maintain_order=True,
            )  # fmt: skip
        return frame.head(self.top) if self.top else frame


def select(asked: Asked, schema: Mapping[str, pl.DataType]) -> Selection:
    """Return what was asked, checked.

    Raises
    ------
    UnknownName, UsageError
        A column or condition that makes no sense.
    """
    return Selection(
        condition=expression.parse(asked.where, schema) if asked.where else None,
        order=tuple(expression.parse_sort(asked.sort, schema)) if asked.sort else (),
        shown=tuple(expression.parse_columns(asked.columns, schema)) if asked.columns else (),
        top=asked.top,
    )
