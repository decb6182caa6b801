"""What every command returns: rows, a summary, and where and when they come from.

Views turn a `Result` into a table, JSON or CSV; nothing in here knows how it will look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alphastock_cli.domain.records import dataclass

if TYPE_CHECKING:
    import polars as pl

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one command.

    Attributes
    ----------
    kind : str
        Names the shape, e.g. ``scan_equities``; JSON says ``alphastock.scan_equities/1``.
    rows : DataFrame or sequence of mappings
        The data, one mapping a row, in the contract's column order. Missing is None.
    summary : mapping
        Figures about the whole; may hold lists of mappings.
    as_of : datetime or None
        The moment the data speak of, aware; None for what has no moment (a configuration).
    source : str
        The provider's name, or the table that answered.
    selected : bool
        True when ``--where``, ``--sort`` and ``--top`` were already applied by the action.
    highlight : tuple of str
        Columns a person asked about: a narrow table shows them before others.
    rows_follow : bool
        False when a person did not ask for rows: a table may then show the summary alone.
    """

    kind: str
    rows: pl.DataFrame | Sequence[Record]
    summary: Mapping[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None
    source: str = ""
    simulated: bool = False
    warnings: tuple[str, ...] = ()
    version: int = 1
    selected: bool = False
    rows_follow: bool = True
    highlight: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def columns(self) -> list[str]:
        """Return the column names in order; empty when there are no rows to name them."""
        if isinstance(self.rows, Sequence):
            return list(self.rows[0]) if self.rows else []
        return list(self.rows.columns)

    def records(self) -> Iterator[Record]:
        """Yield the rows as mappings."""
        if isinstance(self.rows, Sequence):
            yield from self.rows
        else:
            yield from self.rows.iter_rows(named=True)
