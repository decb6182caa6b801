"""The tables `sql` offers: datasets by name, opened only when a query names them.

With a moment asked for, rows of which nothing was known then are hidden. No SQL in here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.exchange import calendar

if TYPE_CHECKING:
    from alphastock_cli.domain.ports import MarketData
    from alphastock_cli.store.lake import Lake

_EQUITY = calendar.Segment.EQUITY
_MARKET_DAYS = (
    "equities_day", "indices_day", "futures_day", "options_day", "rates_day", "candles_day",
)  # fmt: skip
_CANDLES = MappingProxyType(
    {f"candles_{each.value}": each.length for each in Interval if each.is_intraday}
)
# what a provider that is not the lake can be asked
_FROM_PROVIDER = ("equities_day", "indices_day", "adjustments", "instruments", "symbol_changes")
# the column that says from which day a row was known; null: known whenever it is asked for
_KNOWN_FROM = MappingProxyType(
    {
        "rejects": "date",
        "adjustments": "ex_date",
        "symbol_changes": "effective_date",
        "membership": "valid_from",
        "freeze_quantities": "valid_from",
        "lots": "valid_from",
        "instruments": "date",
        "candles_day": "adjusted_as_of",  # prices that a later split changed were not known so
    }
)


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
        self._moment = as_of
        self._known = None if as_of is None else calendar.last_known(_EQUITY, as_of)
        self._opened: dict[str, pl.LazyFrame] = {}
        self.source = "lake" if self._other is None else self._other.name
        self.simulated = self._other is not None and self._other.simulated

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._names():
            raise KeyError(name)
        if name not in self._opened:
            frame = self._lake.scan(name) if self._other is None else _ask(self._other, name)
            if name in _MARKET_DAYS and self._moment is not None:
                frame = frame.filter(_over_by(self._moment, pl.col("date")))
            if name in _CANDLES and self._moment is not None:
                over = pl.col("time") + _CANDLES[name] <= self._moment
                day = pl.col("time").dt.date()  # the last one of a day may be shorter: over with it
                frame = frame.filter(over | _over_by(self._moment, day))
            if name == "chains" and self._moment is not None:
                frame = frame.filter(pl.col("time") <= self._moment)
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
        ends = [
            _known_from(exchange, day)
            for name, frame in self._opened.items()
            if name in _MARKET_DAYS
            for exchange, day in _last_days(frame).rows()
        ]
        for name in self._opened.keys() & _CANDLES.keys():
            ends += _last_candles(self._opened[name], _CANDLES[name])
        if "chains" in self._opened:
            last = self._opened["chains"].select(pl.col("time").max()).collect().item()
            ends += [] if last is None else [last]
        return max(ends, default=None)

    def _names(self) -> tuple[str, ...]:
        return tuple(DATASETS) if self._other is None else _FROM_PROVIDER

    def _known_of(self, frame: pl.LazyFrame, column: str | None) -> pl.LazyFrame:
        """Return the rows known at the moment asked for."""
        # today's list of a provider that is not the lake has no such column
        if self._known is None or column is None or column not in frame.collect_schema():
            return frame
        rows = frame.filter(pl.col(column).is_null() | (pl.col(column) <= self._known))
        if "valid_to" not in frame.collect_schema():
            return rows
        ended = pl.col("valid_to") <= self._known
        return rows.with_columns(pl.when(ended).then(pl.col("valid_to")).alias("valid_to"))


def _last_days(frame: pl.LazyFrame) -> pl.DataFrame:
    """Return each exchange and the last day of its rows."""
    return frame.group_by("exchange").agg(pl.col("date").max()).collect()


def _last_candles(frame: pl.LazyFrame, length: timedelta) -> list[datetime]:
    """Return when the last candle of each exchange was over: with its session at the latest."""
    last = frame.group_by("exchange").agg(pl.col("time").max()).collect()
    return [
        min(start + length, max(_known_from(exchange, start.date()), start))
        for exchange, start in last.rows()
    ]


def _known_from(exchange: str, day: date) -> datetime:
    """Return when a day of an exchange was over; of one without a calendar with the day itself."""
    if exchange in set(Exchange):
        return calendar.known_from(calendar.segment_of(Exchange(exchange)), day)
    return datetime.combine(day, time(23, 59, 59), calendar.IST)


def _over_by(moment: datetime, day: pl.Expr) -> pl.Expr:
    """Return the test for sessions that were over by a moment, each on its exchange."""
    ends = {each.value: calendar.last_known(calendar.segment_of(each), moment) for each in Exchange}
    other = moment.astimezone(calendar.IST).date() - timedelta(days=1)
    last = pl.col("exchange").replace_strict(ends, default=other, return_dtype=pl.Date)
    return day <= last


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
