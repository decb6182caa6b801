"""Days of shares and indices out of kept histories, new ones and quotes: mixed into the provider.

Kite has no file of a session. A history is asked for once and kept; the last session's row then
comes from the quotes, which also tell whether the history still holds.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import polars as pl

from alphastock_cli.domain.frames import EQUITIES_DAY, INDICES_DAY, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, UnknownName
from alphastock_cli.exchange import indices
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.day_answers import Unsound
from alphastock_cli.providers.kite.day_book import DayBook, last_final
from alphastock_cli.providers.kite.dump import Dump, near
from alphastock_cli.providers.kite.facts import history_days
from alphastock_cli.providers.kite.kept_days import KeptDays
from alphastock_cli.providers.kite.listing import series
from alphastock_cli.store.days import StoredDays
from alphastock_cli.store.lake import Lake

_EARLY = timedelta(days=14)  # so far before the first day is its previous close
_SOURCE = "kite_day"


class Lists(StoredDays):
    """The lists of index members that were loaded into a lake."""

    name: ClassVar[str] = "lake"

    def __init__(self, lake: Lake, moment: datetime) -> None:
        self._lake, self._moment = lake, moment


class Days:
    """Day rows out of day candles."""

    name: ClassVar[str]
    dump: Dump
    connection: Connection
    grace: timedelta
    tell: Callable[[str], None]
    progress: Callable[[str], None]
    _clock: Clock
    _lake: Lake

    def __init__(self) -> None:
        self._books: dict[Exchange, DayBook] = {}
        self.warned: list[str] = []

    @abstractmethod
    def as_of(self) -> datetime:
        """Return the moment."""

    @abstractmethod
    def is_now(self) -> bool:
        """Tell whether the moment is the present one, of which there are quotes."""

    @abstractmethod
    def pace(self) -> tuple[int, float]:
        """Return how many calls for candles Kite takes in how many seconds."""

    @abstractmethod
    def full_quotes(
        self, keys: Sequence[str], *, tries: int | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return Kite's own full quotes of listed keys."""

    @abstractmethod
    def answer(
        self, row: dict[str, Any], interval: Interval, span: tuple[date, date]
    ) -> list[list[Any]]:
        """Return the rows of one call, as Kite tells them."""

    # -- telling ------------------------------------------------------------------------------

    def warn(self, text: str) -> None:
        """Tell a person at once, and whoever asks for `remarks` afterwards."""
        if text not in self.warned:
            self.warned.append(text)
            self.tell(f"warning: {text}")

    def set_aside(self, rejects: pl.DataFrame) -> None:
        """Put refused rows among those of the lake; days are told without that as well."""
        try:
            self._lake.upsert("rejects", rejects)
        except AlphaStockError as error:
            self.warn(f"{rejects.height:,} refused day rows could not be set aside: {error.what}")

    def equities_day(
        self,
        *,
        exchange: Exchange = Exchange.NSE,
        symbols: Sequence[str] | None = None,
        series: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
        in_order: bool = True,
    ) -> pl.LazyFrame:
        """Return the days of the shares named, or of all, adjusted for splits as Kite does.

        Every history is a call the first time; what is kept already needs the quotes alone, in
        calls of many shares. Kite tells the average price, and so the turnover, of the last session
        alone; trades and deliveries are null. `previous_close` is the close of the day before among
        them.

        Raises
        ------
        UnknownName
            None of the symbols is listed; the nearest are told.
        AuthError, ProviderError
            The login ended, or Kite fails: what was answered before is kept.
        """
        del in_order  # they come in order anyway
        names = list(EQUITIES_DAY) if columns is None else list(columns)
        for name in names:
            if name not in EQUITIES_DAY:
                raise UnknownName.of("column", name, EQUITIES_DAY)
        shares = self._shares(exchange, symbols, series)
        days = self._days(shares, exchange, start, end)
        known = shares.select("symbol", "series", "name", pl.col("instrument_token").alias("token"))
        made = days.join(known, on="token", how="inner").with_columns(
            average_price="average", turnover=pl.col("average") * pl.col("volume"),
            exchange=pl.lit(exchange.value), source=pl.lit(_SOURCE),
        ).sort("symbol", "series", "date")  # fmt: skip
        frame = conform(made.drop("token", "average"), EQUITIES_DAY, what="kite days")
        return frame.select(names).lazy()

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return the days of the indices named, by any of their names, or of all.

        Raises
        ------
        AuthError, ProviderError
            The login ended, or Kite fails: what was answered before is kept.
        """
        held = self.dump.of(Exchange.NSE).filter(asset_type=AssetType.INDEX.value)
        asked = None if symbols is None else {indices.canonical_index(name) for name in symbols}
        names = [indices.canonical_index(name) for name in held["tradingsymbol"]]
        rows = held.with_columns(symbol=pl.Series(names, dtype=pl.String)).unique("symbol")
        if asked is not None:
            rows = rows.filter(pl.col("symbol").is_in(list(asked)))
        known = rows.select(
            "symbol", pl.col("instrument_token").alias("token"), name="tradingsymbol"
        )
        try:
            days = self._days(rows, Exchange.NSE, start, end)
        except Unsound as error:  # shares can be told without what they are measured against
            self.warn(f"left out: {error.what}")
            return pl.LazyFrame(schema=INDICES_DAY)
        made = days.join(known, on="token", how="inner").with_columns(
            exchange=pl.lit(Exchange.NSE.value), source=pl.lit(_SOURCE),
            volume=pl.lit(None, pl.Int64),
        ).drop("token", "average")  # fmt: skip
        return conform(made.sort("symbol", "date"), INDICES_DAY, what="kite days").lazy()

    # -- which --------------------------------------------------------------------------------

    def _shares(
        self, exchange: Exchange, symbols: Sequence[str] | None, wanted: Sequence[str] | None
    ) -> pl.DataFrame:
        """Return the rows of the list that are meant, with ``symbol`` and ``series``."""
        held = self.dump.of(exchange).filter(asset_type=AssetType.EQUITY.value)
        if exchange is Exchange.NSE:
            bare = pl.col("tradingsymbol").str.replace(r"-[A-Z][A-Z0-9]$", "")
            held = held.with_columns(series=series(), symbol=bare)
        else:
            held = held.with_columns(series=pl.lit(""), symbol="tradingsymbol")
        if exchange not in {Exchange.NSE, Exchange.BSE} or (symbols is not None and not symbols):
            return held.clear()
        chosen = held if wanted is None else held.filter(pl.col("series").is_in(list(wanted)))
        if symbols is not None:
            chosen = chosen.filter(pl.col("symbol").is_in(list(symbols)))
            known = held["symbol"].is_in(list(symbols)).any()
            if not known and any(symbols):
                first = next(name for name in symbols if name)
                raise UnknownName.of("symbol", first[:60], near(held["symbol"], first))
        return chosen.sort("symbol", "series")

    # -- days ---------------------------------------------------------------------------------

    def _days(
        self, rows: pl.DataFrame, exchange: Exchange, start: date | None, end: date | None
    ) -> pl.DataFrame:
        """Return the days of these rows of the list that are over by the moment, sorted.

        In the schema `kept_days.ROWS` with ``previous_close``.
        """
        today = self._clock.now().date()
        final = last_final(exchange, self.as_of() - self.grace)
        last = min(end or final, final)
        whole = history_days(Interval.DAY, today)
        first = start or today - timedelta(days=whole - 1 - _EARLY.days)
        early = first - _EARLY if first > date.min + _EARLY else first
        book = self._book(exchange)
        absent = book.ensure(rows.to_dicts(), early, final)
        tokens = rows.filter(~pl.col("instrument_token").is_in(list(absent)))["instrument_token"]
        frame = book.rows.filter(pl.col("token").is_in(tokens.implode()))
        before = pl.col("close").shift(1).over("token")
        days = pl.col("date").is_between(first, last)
        return frame.with_columns(previous_close=before).filter(days)

    def _book(self, exchange: Exchange) -> DayBook:
        if exchange not in self._books:
            path = self.connection.folder / "days" / f"{exchange}.parquet"
            self._books[exchange] = DayBook(exchange, KeptDays(path, self.tell), self, self._clock)
        return self._books[exchange]
