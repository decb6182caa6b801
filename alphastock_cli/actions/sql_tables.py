"""The tables `sql` offers: datasets by name, opened only when a query names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import UsageError

if TYPE_CHECKING:
    from alphastock_cli.domain.ports import MarketData
    from alphastock_cli.store.lake import Lake

# what a provider that is not the lake can be asked
_FROM_PROVIDER = ("equities_day", "indices_day", "adjustments", "instruments", "symbol_changes")


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
        Daily rows of later days are hidden.
    """

    def __init__(
        self, sources: Sources, *, provider: str | None = None, as_of: datetime | None = None
    ) -> None:
        self._lake = sources.lake
        self._other = None if provider in {None, "lake"} else sources.provider(provider)
        self._as_of = as_of
        self.source = "lake" if self._other is None else self._other.name
        self.simulated = self._other is not None and self._other.simulated

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in iter(self):
            raise KeyError(name)
        frame = self._lake.scan(name) if self._other is None else self._ask(self._other, name)
        if self._as_of is not None and "date" in frame.collect_schema():
            frame = frame.filter(pl.col("date") <= self._as_of.date())
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(DATASETS if self._other is None else _FROM_PROVIDER)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _ask(self, provider: MarketData, name: str) -> pl.LazyFrame:
        if name == "equities_day":
            return provider.equities_day()
        if name == "indices_day":
            return provider.indices_day()
        if name == "adjustments":
            return provider.adjustments(Exchange.NSE).lazy()
        if name == "instruments":
            return provider.instruments(Exchange.NSE).lazy()
        return provider.symbol_changes().lazy()


def result_of(frame: pl.DataFrame, tables: Tables) -> Result:
    """Return the answer of a query as a result; two columns of one name are refused."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    if nested:
        raise UsageError(f"column {nested[0]} holds lists", hint="Select its parts.")
    return Result(kind="sql", rows=frame, source=tables.source, simulated=tables.simulated)
