"""Days of named shares and indices, one call of history each: mixed into the provider.

Kite has no file of a whole session. What a scan asks twice is kept for as long as the process runs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import polars as pl

from alphastock_cli.domain.frames import EQUITIES_DAY, INDICES_DAY, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.errors import NotOffered, UnknownName
from alphastock_cli.exchange import indices
from alphastock_cli.providers.kite.dump import Dump, near
from alphastock_cli.providers.kite.facts import history_days
from alphastock_cli.providers.kite.history import spans
from alphastock_cli.providers.kite.listing import series
from alphastock_cli.store.days import StoredDays
from alphastock_cli.store.lake import Lake

_UNNAMED = 60  # symbols one may forget to name: as many calls are twenty seconds
_EARLY = timedelta(days=14)  # so far before the first day is its previous close
_LOOKBACK = 400  # days read at once: the look-back of a scan and its neighbours are one call
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
    _held: dict[int, tuple[date, date, pl.DataFrame]]

    _averages: dict[str, tuple[date, float] | None]

    def __init__(self) -> None:
        self._held, self._averages = {}, {}

    @abstractmethod
    def as_of(self) -> datetime:
        """Return the moment."""

    @abstractmethod
    def traded(self, keys: Sequence[str]) -> dict[str, tuple[date, float]]:
        """Return the last day each key traded on and the average price of it, where known."""

    @abstractmethod
    def part(
        self, row: dict[str, Any], interval: Interval, span: tuple[date, date]
    ) -> pl.DataFrame:
        """Return the candles of one call."""

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
        """Return the days of the shares named, adjusted for splits and bonuses as Kite does.

        Kite tells the average price, and so the turnover, of the last session alone; trades and
        deliveries are null. `previous_close` is the close of the day before among them.

        Raises
        ------
        NotOffered
            No symbols are named and there are too many to ask for each.
        UnknownName
            None of the symbols is listed; the nearest are told.
        """
        del in_order  # they come in order anyway
        names = list(EQUITIES_DAY) if columns is None else list(columns)
        for name in names:
            if name not in EQUITIES_DAY:
                raise UnknownName.of("column", name, EQUITIES_DAY)
        rows = self._shares(exchange, symbols, series)
        if {"turnover", "average_price"} & set(names):
            self._ask_averages([f"{row['exchange']}:{row['tradingsymbol']}" for row in rows])
        parts = [
            self._with_turnover(row, self._days(row, start, end)).with_columns(
                symbol=pl.lit(row["symbol"]), series=pl.lit(row["series"]),
                name=pl.lit(row["name"], pl.String),
            )
            for row in rows
        ]  # fmt: skip
        empty = pl.DataFrame(schema=EQUITIES_DAY)
        made = [conform(part, EQUITIES_DAY, what="kite days") for part in parts]
        return pl.concat([empty, *made]).sort("symbol", "date").select(names).lazy()

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return the days of the indices named, by any of their names.

        Raises
        ------
        NotOffered
            No index is named and there are too many to ask for each.
        """
        held = self.dump.of(Exchange.NSE).filter(asset_type=AssetType.INDEX.value)
        rows = {indices.canonical_index(r["tradingsymbol"]): r for r in held.iter_rows(named=True)}
        asked = rows if symbols is None else {indices.canonical_index(name) for name in symbols}
        chosen = sorted(name for name in rows if name in asked)
        _refuse_many(len(chosen) if symbols is None else 0, "indices", "indices")
        parts = [pl.DataFrame(schema=INDICES_DAY)]
        for name in chosen:
            days = self._days(rows[name], start, end).with_columns(
                symbol=pl.lit(name), name=pl.lit(rows[name]["tradingsymbol"]),
                volume=pl.lit(None, pl.Int64),
            )  # fmt: skip
            parts.append(conform(days, INDICES_DAY, what="kite days"))
        return pl.concat(parts).sort("symbol", "date").lazy()

    # -- which --------------------------------------------------------------------------------

    def _shares(
        self, exchange: Exchange, symbols: Sequence[str] | None, wanted: Sequence[str] | None
    ) -> list[dict[str, Any]]:
        """Return the rows of the list that are meant, with ``symbol`` and ``series``."""
        if exchange not in {Exchange.NSE, Exchange.BSE} or (symbols is not None and not symbols):
            return []
        held = self.dump.of(exchange).filter(asset_type=AssetType.EQUITY.value)
        if exchange is Exchange.NSE:
            bare = pl.col("tradingsymbol").str.replace(r"-[A-Z][A-Z0-9]$", "")
            held = held.with_columns(series=series(), symbol=bare)
        else:
            held = held.with_columns(series=pl.lit(""), symbol="tradingsymbol")
        chosen = held if wanted is None else held.filter(pl.col("series").is_in(list(wanted)))
        if symbols is None:
            _refuse_many(chosen.height, f"shares of {exchange}", "equities")
        else:
            chosen = chosen.filter(pl.col("symbol").is_in(list(symbols)))
            known = held["symbol"].is_in(list(symbols)).any()
            if not known and any(symbols):
                first = next(name for name in symbols if name)
                raise UnknownName.of("symbol", first[:60], near(held["symbol"], first))
        return chosen.sort("symbol", "series").to_dicts()

    # -- days ---------------------------------------------------------------------------------

    def _days(self, row: dict[str, Any], start: date | None, end: date | None) -> pl.DataFrame:
        """Return the days of one instrument, with the close of the day before each."""
        today = self.as_of().date()
        last = min(end or today, today)
        whole = history_days(Interval.DAY, today)
        first = start or last - timedelta(days=whole - 1 - _EARLY.days)
        early = first - _EARLY if first > date.min + _EARLY else first
        frame = self._read(row, early, last)
        day = pl.col("time").dt.date()
        dated = frame.select(
            "open", "high", "low", "close", "volume", date=day, exchange=pl.lit(row["exchange"]),
            previous_close=pl.col("close").shift(1), source=pl.lit(_SOURCE),
        )  # fmt: skip
        return dated.filter(pl.col("date").is_between(first, last))

    def _ask_averages(self, keys: Sequence[str]) -> None:
        missing = [key for key in keys if key not in self._averages]
        if missing:
            self._averages |= dict.fromkeys(missing) | self.traded(missing)

    def _with_turnover(self, row: dict[str, Any], days: pl.DataFrame) -> pl.DataFrame:
        """Add average price and turnover to the day the quote speaks of."""
        held = self._averages.get(f"{row['exchange']}:{row['tradingsymbol']}")
        day, price = held or (None, None)
        average = pl.when(pl.col("date") == pl.lit(day, pl.Date)).then(pl.lit(price, pl.Float64))
        return days.with_columns(average_price=average).with_columns(
            turnover=pl.col("average_price") * pl.col("volume")
        )

    def _read(self, row: dict[str, Any], first: date, last: date) -> pl.DataFrame:
        """Return the candles of these days, asking Kite only for what this process has not seen."""
        token = row["instrument_token"]
        held = self._held.get(token)
        if held is None or first < held[0] or last > held[1]:
            today = self.as_of().date()
            begin = min(first, today - timedelta(days=_LOOKBACK))
            size = history_days(Interval.DAY, today)
            parts = [self.part(row, Interval.DAY, span) for span in spans(begin, today, size)]
            frame = pl.concat(parts) if parts else pl.DataFrame()
            held = self._held[token] = (begin, today, frame)
        return held[2]


def _refuse_many(count: int, what: str, command: str) -> None:
    if count > _UNNAMED:
        raise NotOffered(
            f"Kite has no file of a session: {count} {what} are as many calls,"
            f" {count / 180:.0f} min at three a second",
            hint=f"Name some: `alphastock scan {command} --symbols SBIN,INFY` or --universe nifty50"
            " ; for all of them load the exchange's files: `alphastock fetch eod --from DATE`.",
        )
