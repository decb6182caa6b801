"""Stored days as of a moment: what several providers that stand on the lake tell alike.

A day's row is known once its session is over, not before. Candles inside the day: `candles.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import ClassVar

import polars as pl

from alphastock_cli.domain.frames import CANDLES, INSTRUMENTS, collect, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.exchange import calendar, indices
from alphastock_cli.store.lake import Lake

_EQUITY = calendar.Segment.EQUITY
_FORTNIGHT = timedelta(days=14)


class StoredDays:
    """Mixed into a provider that has a lake (`_lake`) and a moment (`_moment`, aware)."""

    name: ClassVar[str]
    _lake: Lake
    _moment: datetime

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
        """Return stored rows of the sessions that were over by the moment."""
        rows = self._lake.scan("equities_day", start=start, end=self._until(end))
        rows = rows.filter(pl.col("exchange") == exchange.value)
        for name, wanted in (("symbol", symbols), ("series", series)):
            if wanted is not None:
                rows = rows.filter(pl.col(name).is_in(list(wanted)))
        chosen = rows if columns is None else rows.select(columns)
        # one file a year, in tiles: unsorted, each symbol's days ascend all the same
        order = [c for c in ("symbol", "date") if columns is None or c in columns]
        return chosen.sort(order) if in_order and order else chosen

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return stored rows of indices; names in any spelling."""
        rows = self._lake.scan("indices_day", start=start, end=self._until(end))
        if symbols is not None:
            rows = rows.filter(
                pl.col("symbol").is_in([indices.canonical_index(name) for name in symbols])
            )
        return rows.sort("symbol", "date")

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the shares of the last stored session, with their sectors where known."""
        empty = pl.DataFrame(schema=INSTRUMENTS)
        if exchange not in {Exchange.NSE, Exchange.BSE}:
            return empty
        last = self._last(exchange)
        if last is None:
            return empty
        columns = ["date", "symbol", "series", "name", "isin", "turnover"]
        lazy = self.equities_day(exchange=exchange, start=last, end=last, columns=columns)
        rows = main_series(collect(lazy, what=self.name), "symbol")
        frame = rows.select(
            "name", "series", "isin",
            tradingsymbol="symbol", exchange=pl.lit(exchange.value), asset_type=pl.lit("equity"),
            lot_size=pl.lit(1),
            sector=pl.col("symbol").replace_strict(self._sectors, default=None),
        )  # fmt: skip
        return conform(frame, INSTRUMENTS, what="lake instruments")

    def day_candles(self, instrument: Instrument, start: datetime, end: datetime) -> pl.DataFrame:
        """Return stored days as candles, stamped with the first moment of their day.

        Days without a close are left out. An index, too, where indices are stored.
        """
        begin, finish = start.astimezone(calendar.IST), end.astimezone(calendar.IST)
        names, first, last = [instrument.tradingsymbol], begin.date(), finish.date()
        if instrument.asset_type is AssetType.INDEX:
            lazy = self.indices_day(symbols=names, start=first, end=last).filter(
                exchange=instrument.exchange.value
            )
            named = lazy.with_columns(symbol=pl.lit(instrument.tradingsymbol))
            rows = collect(named, what=self.name)
        else:
            lazy = self.equities_day(
                exchange=instrument.exchange, symbols=names, start=first, end=last
            )
            rows = main_series(collect(lazy, what=self.name), "date")
        stamped = rows.select(
            pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata").alias("time"),
            "exchange", "symbol", "open", "high", "low", "close", "volume",
        )  # fmt: skip
        inside = (pl.col("time") >= begin) & (pl.col("time") < finish)
        frame = stamped.filter(inside & pl.col("close").is_not_null()).sort("time")
        return conform(frame, CANDLES, what="lake candles")

    def adjustments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the factors with an ex-date up to the moment."""
        rows = self._lake.scan("adjustments").filter(
            (pl.col("exchange") == exchange.value) & (pl.col("ex_date") <= self._told)
        )
        return collect(rows, what="adjustments")

    def symbol_changes(self) -> pl.DataFrame:
        """Return the changes up to the moment, and those without a date."""
        early = pl.col("effective_date").is_null() | (pl.col("effective_date") <= self._told)
        return collect(self._lake.scan("symbol_changes").filter(early), what="symbol_changes")

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return the members from loaded lists or from those typed in, whichever is newer."""
        name = indices.canonical_index(index)
        valid = (pl.col("valid_from") <= on) & (
            pl.col("valid_to").is_null() | (pl.col("valid_to") >= on)
        )
        stored = self._lake.scan("membership").filter((pl.col("index") == name) & valid)
        rows = collect(stored, what="membership")
        typed_in, since = indices.members(name, on), indices.members_since(name, on)
        newest = max(rows["valid_from"], default=None)
        if newest is None or (since is not None and since > newest):
            return typed_in
        return tuple(sorted(rows["symbol"].unique()))

    # -- moments ------------------------------------------------------------------------------

    @cached_property
    def _known(self) -> date:
        """The last day whose session was over by the moment, whether it is stored or not."""
        return calendar.last_known(_EQUITY, self._moment)

    @property
    def _told(self) -> date:
        """The last day whose factors and names are known; a provider may know them earlier."""
        return self._known

    @cached_property
    def _lasts(self) -> dict[Exchange | None, date | None]:
        return {}

    def _last(self, exchange: Exchange | None) -> date | None:
        """Return the last stored session (of one exchange) that was over by the moment."""
        if exchange not in self._lasts:
            self._lasts[exchange] = self._find_last(exchange)
        return self._lasts[exchange]

    @cached_property
    def _lately(self) -> dict[str, date]:
        """The last session of each exchange in the last fortnight: soon read, and mostly enough."""
        rows = self._lake.scan("equities_day", start=self._known - _FORTNIGHT, end=self._known)
        found = collect(rows.group_by("exchange").agg(pl.col("date").max()), what=self.name)
        return dict(found.iter_rows())

    def _find_last(self, exchange: Exchange | None) -> date | None:
        lately = [day for name, day in self._lately.items() if exchange in {None, name}]
        if lately:
            return max(lately)
        for path in reversed(self._lake.files("equities_day")):
            year = int(path.stem)
            if year > self._known.year:
                continue
            end = min(self._known, date(year, 12, 31))
            rows = self._lake.scan("equities_day", start=date(year, 1, 1), end=end)
            if exchange is not None:
                rows = rows.filter(pl.col("exchange") == exchange.value)
            newest: date | None = collect(rows.select(pl.col("date").max()), what=self.name).item()
            if newest is not None:
                return newest
        return None

    def _until(self, end: date | None) -> date:
        return self._known if end is None else min(end, self._known)

    @cached_property
    def _sectors(self) -> dict[str, str]:
        """Sectors by symbol: constituent lists valid by then, over the typed-in ones."""
        rows = self._lake.scan("membership", columns=["symbol", "sector", "valid_from"])
        known = pl.col("sector").is_not_null() & (pl.col("valid_from") <= self._known)
        frame = collect(rows.filter(known).sort("valid_from"), what="membership")
        # the exchange changed its words: those of old lists would stand beside the newest as others
        newest = frame.filter(pl.col("valid_from") == pl.col("valid_from").max())
        words = set(newest["sector"]) | set(indices.sectors().values())
        frame = frame.filter(pl.col("sector").is_in(words))
        return indices.sectors() | dict(zip(frame["symbol"], frame["sector"], strict=True))


def main_series(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return one row a `key`, sorted by it: of several series EQ, else the most traded one."""
    ranked = rows.sort(
        key, pl.col("series").eq_missing("EQ"), "turnover", "series",
        descending=[False, True, True, False], nulls_last=True,
    )  # fmt: skip
    return ranked.unique(key, keep="first", maintain_order=True)
