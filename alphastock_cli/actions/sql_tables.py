"""The tables `sql` offers: datasets by name, opened only when a query names them.

With a moment asked for, rows of which nothing was known then are hidden. No SQL in here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.exchange import calendar

if TYPE_CHECKING:
    from alphastock_cli.domain.ports import MarketData
    from alphastock_cli.store.lake import Lake

_EQUITY = calendar.Segment.EQUITY
# what a provider that is not the lake can be asked
_FROM_PROVIDER = ("equities_day", "indices_day", "adjustments", "instruments", "symbol_changes")
# the column that says from which day a row was known; null: known whenever it is asked for
_KNOWN_FROM = MappingProxyType(
    {
        "equities_day": "date",
        "indices_day": "date",
        "rejects": "date",
        "adjustments": "ex_date",
        "symbol_changes": "effective_date",
        "membership": "valid_from",
        "freeze_quantities": "valid_from",
        "lots": "valid_from",
    }
)
_MARKET_DAYS = ("equities_day", "indices_day")


class Sources(Protocol):
    """Where tables come from; the wiring of a run is one."""

    @property
    def lake(self) -> Lake:
        """The store."""
        ...

    def provider(self, name: str | None = None) -> MarketData:
        """Return a provider by name."""
        ...


class Tables(Mapping[str, pl.LazyFrame]):
    """Tables by name, of the lake or, when one was named, of another provider.

    Parameters
    ----------
    sources : Sources
        Lake and providers.
    provider : str, optional
        None and ``lake`` ask the lake; ``sim`` asks the simulated exchange.
    as_of : datetime, optional
        The moment asked for, aware: rows of sessions that were not over then are hidden, and so
        is the end of what was still valid. None hides nothing.
    """

    def __init__(
        self, sources: Sources, *, provider: str | None = None, as_of: datetime | None = None
    ) -> None:
        self._lake = sources.lake
        self._other = None if provider in {None, "lake"} else sources.provider(provider)
        self._known = None if as_of is None else calendar.last_known(_EQUITY, as_of)
        self._opened: dict[str, pl.LazyFrame] = {}
        self.source = "lake" if self._other is None else self._other.name
        self.simulated = self._other is not None and self._other.simulated

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._names():
            raise KeyError(name)
        if name not in self._opened:
            frame = self._lake.scan(name) if self._other is None else _ask(self._other, name)
            self._opened[name] = self._known_of(frame, _KNOWN_FROM.get(name))
        return self._opened[name]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a table, without opening it."""
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    @property
    def as_of(self) -> datetime | None:
        """The end of the last session in the market tables opened so far; None where none was."""
        if self._other is not None:
            return self._other.as_of()
        days = [
            frame.select(pl.col("date").max()).collect().item()
            for name, frame in self._opened.items()
            if name in _MARKET_DAYS
        ]
        last = max((day for day in days if day is not None), default=None)
        return None if last is None else calendar.known_from(_EQUITY, last)

    def _names(self) -> tuple[str, ...]:
        return tuple(DATASETS) if self._other is None else _FROM_PROVIDER

    def _known_of(self, frame: pl.LazyFrame, column: str | None) -> pl.LazyFrame:
        """Return the rows known at the moment asked for."""
        if self._known is None or column is None:
            return frame
        rows = frame.filter(pl.col(column).is_null() | (pl.col(column) <= self._known))
        if "valid_to" not in frame.collect_schema():
            return rows
        ended = pl.col("valid_to") <= self._known
        return rows.with_columns(pl.when(ended).then(pl.col("valid_to")).alias("valid_to"))


def result_of(frame: pl.DataFrame, tables: Tables) -> Result:
    """Return the answer of a query as a result, with where and when its tables come from."""
    return Result(
        kind="sql",
        rows=frame,
        as_of=tables.as_of,
        source=tables.source,
        simulated=tables.simulated,
    )


def _ask(provider: MarketData, name: str) -> pl.LazyFrame:
    if name == "equities_day":
        return provider.equities_day()
    if name == "indices_day":
        return provider.indices_day()
    if name == "adjustments":
        return provider.adjustments(Exchange.NSE).lazy()
    if name == "instruments":
        return provider.instruments(Exchange.NSE).lazy()
    return provider.symbol_changes().lazy()
