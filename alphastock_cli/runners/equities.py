"""Equities: daily rows in, one enriched row a symbol out, with breadth, sectors and movers.

Every number is computed from rows up to the provider's moment; prices are adjusted for splits and
bonuses and symbol changes are followed unless `raw` refuses. Formulas: `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.analytics import adjust, breadth, indicators
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.exchange import calendar
from alphastock_cli.registry import RUNNERS
from alphastock_cli.runners import _beside as beside
from alphastock_cli.runners._equity_columns import (
    COLUMNS,
    SESSION_ONLY,
    in_contract_order,
    quote_of,
)
from alphastock_cli.runners._lookback import first_session
from alphastock_cli.runners._traded import Traded, TradedFeed
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy

_EQUITY = calendar.Segment.EQUITY
_FORTNIGHT = timedelta(days=14)
_FEW = 400
_BASE = ("date", "symbol", "series", "exchange", "open", "high", "low", "close",
         "previous_close", "volume", "turnover", "delivery_pct")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityOptions:
    """How the runner looks at equities.

    Attributes
    ----------
    series : tuple of str
        Series that count; EQ and BE are the ordinary board and trade-for-trade.
    turnover_floor : float
        Rupees a symbol must have traded to be called a mover.
    raw : bool
        True refuses adjustment for splits and bonuses.
    exact : bool
        True reads the whole stored history instead of the look-back.
    interval : Interval
        Candles a scan is made of; shorter ones than a day by `_equity_candles.CandleRunner`.
    traded : Traded or None
        Candles for strategies instead of one row a symbol for a scan: what a trade loop asks for.
    """

    exchange: Exchange = Exchange.NSE
    series: tuple[str, ...] = ("EQ", "BE")
    turnover_floor: float = 10_000_000.0
    raw: bool = False
    exact: bool = False
    interval: Interval = Interval.DAY
    traded: Traded | None = None


@RUNNERS.register("equities")
class EquityRunner(BaseRunner):
    """Daily equities of one exchange."""

    def __init__(
        self,
        provider: MarketData,
        *,
        clock: Clock,
        symbols: Sequence[str] = (),
        policy: RunnerPolicy | None = None,
        options: EquityOptions | None = None,
        columns: Iterable[str] = COLUMNS,
    ) -> None:
        super().__init__(provider, clock=clock, symbols=symbols, policy=policy)
        self.options = options or EquityOptions()
        self.columns = frozenset(columns)
        self._frame: pl.DataFrame | None = None
        traded = self.options.traded
        exchange = self.options.exchange
        self._feed = None if traded is None else TradedFeed(provider, exchange, traded)

    def get_asset_type(self) -> AssetType:
        """Return `AssetType.EQUITY`."""
        return AssetType.EQUITY

    def wanted(self) -> list[str]:
        """Return the indicator columns asked for, in contract order."""
        names = (*indicators.INDICATORS, *indicators.LIBRARY)
        return [name for name in names if name in self.columns and name != SESSION_ONLY]

    def _late(self) -> list[str]:
        """Return the columns wanted that more than the look-back is read for."""
        wanted = self.wanted()
        grown = indicators.growing(wanted)
        return [*grown, *(indicators.fading(wanted) if self.options.exact else [])]

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:
        """Read the last session of `symbols` (all when empty) and the look-back of those found."""
        if self._feed is not None:
            return self._feed.fetch(symbols)
        as_of = self.provider.as_of()
        changes = self.provider.symbol_changes()
        by_name = getattr(self.provider, "asks_by_name", False) and symbols
        session = self._last_session(as_of.date(), symbols if by_name else None)
        if session.height and session["date"][0] < as_of.date():
            as_of = min(as_of, calendar.known_from(_EQUITY, session["date"][0]))
        chosen = pl.col("symbol").is_in(list(symbols)) if symbols else pl.lit(value=True)
        last = session.filter(chosen)
        names = last["symbol"].unique()
        frames = {"last": last, "changes": changes, "listed": session.select("symbol", "date")}
        frames["rows"] = last
        if last.height:
            held, day = names.to_list(), last["date"][0]
            kind = pl.Enum(adjust.with_predecessors(held, changes))
            start = first_session(_EQUITY, day, indicators.lookback(self.wanted()))
            frames["rows"] = self._history(kind, start, day, self.wanted())
            if self._late():
                frames["whole"] = self._whole(kind, day)
            if beside.needed(self.wanted()):
                frames["index"] = beside.index_days(self.provider, start, day)
        if not self.options.raw:
            frames["adjustments"] = self.provider.adjustments(self.options.exchange)
        if "sector" in self.columns:
            frames["instruments"] = self.provider.instruments(self.options.exchange)
        held_symbols = set(names)
        return RawData(
            as_of=as_of,
            source=self.provider.name,
            simulated=self.provider.simulated,
            frames=frames,
            failures={
                name: f"{name}: no row in the session of {as_of:%Y-%m-%d}"
                for name in symbols
                if name not in held_symbols
            },
        )

    def _last_session(self, day: date, symbols: Sequence[str] | None) -> pl.DataFrame:
        """Return the rows of the last session up to `day`; a day under way has none yet."""
        for start in (day, day - _FORTNIGHT, None):
            rows = self._days(symbols, start, day, _BASE).filter(pl.col("close").is_not_null())
            found = collect(rows, what=self.provider.name)
            if found.height:
                newest = found.filter(pl.col("date") == pl.col("date").max())
                return newest.unique("symbol", keep="first", maintain_order=True)
        return found

    def _history(
        self, kind: pl.Enum, start: date | None, end: date, wanted: Sequence[str]
    ) -> pl.DataFrame:
        """Return the rows of the symbols of `kind`, sorted by symbol and date.

        The symbol is an Enum: small integers sort and group several times faster than text.
        """
        names = kind.categories.to_list()
        needed = [name for name in indicators.columns_needed(wanted) if name in _BASE]
        columns = list(dict.fromkeys(["symbol", "date", "close", *needed]))
        # asking for thousands of names costs more than reading them all, unless each is a call
        by_name = getattr(self.provider, "asks_by_name", False)
        asked = names if by_name or len(names) <= _FEW else None
        lazy = self._days(asked, start, end, columns, in_order=False)
        rows = lazy.with_columns(pl.col("symbol").cast(kind, strict=False)).filter(
            pl.col("symbol").is_not_null() & pl.col("close").is_not_null()
        )
        return collect(rows.sort("symbol", maintain_order=True), what=self.provider.name)

    def _whole(self, kind: pl.Enum, day: date) -> pl.DataFrame:
        """Return as much history as changes a digit of a recursion, symbol by symbol.

        A thousand rows of a symbol are enough; those that have fewer in as many sessions, since
        they trade rarely or changed their name, are read to their beginning, and so is everything
        for a sum that never forgets.
        """
        wanted = self._late()
        if indicators.growing(wanted):
            return self._history(kind, None, day, wanted)
        need = indicators.exact_rows(wanted)
        start = first_session(_EQUITY, day, need)
        recent = self._history(kind, start, day, wanted)
        counts = recent.group_by("symbol").len()
        full = set(counts.filter(pl.col("len") >= need)["symbol"].cast(pl.String))
        rare = [name for name in kind.categories if name not in full]
        if not rare:
            return recent
        older = self._history(pl.Enum(rare), None, start - timedelta(days=1), wanted)
        typed = older.with_columns(pl.col("symbol").cast(pl.String).cast(kind))
        return pl.concat([typed, recent]).sort("symbol", maintain_order=True)

    def _days(
        self,
        symbols: Sequence[str] | None,
        start: date | None,
        end: date,
        columns: Sequence[str],
        *,
        in_order: bool = True,
    ) -> pl.LazyFrame:
        exchange = self.options.exchange
        return self.provider.equities_day(
            exchange=exchange,
            symbols=symbols,
            series=None if exchange is Exchange.BSE else self.options.series,
            start=start,
            end=end,
            columns=columns,
            in_order=in_order,
        )

    def series_frame(self, raw: RawData, role: str = "rows") -> pl.DataFrame:
        """Return rows ready for indicators: names followed, prices adjusted.

        `role` is ``rows`` for the look-back, ``whole`` for the whole history under ``--exact``.
        """
        rows = adjust.follow(raw.frames[role], raw.frames["changes"])
        if "adjustments" in raw.frames and rows.height:
            rows = adjust.adjust(rows, raw.frames["adjustments"], as_of=raw.as_of.date())
        return rows

    def indicator_frame(self, raw: RawData) -> pl.DataFrame:
        """Return symbol and the last value of each indicator wanted."""
        wanted = self.wanted()
        late = self._late() if "whole" in raw.frames else []
        early = [name for name in wanted if name not in late]
        rows = self.series_frame(raw)
        if "index" in raw.frames:
            rows = beside.with_index(rows, raw.frames["index"])
        made = indicators.latest(rows, early).select("symbol", *early)
        if late:
            exact = indicators.latest(self.series_frame(raw, "whole"), late)
            made = made.join(exact.select("symbol", *late), on="symbol", how="left")
        return made.with_columns(pl.col("symbol").cast(pl.String))

    def enrich(self, raw: RawData) -> pl.DataFrame:
        """Return one row a symbol that traded in the last session, with the columns asked for.

        Shape (symbols, columns), sorted by symbol. Warm-up of an indicator is null.
        """
        last = raw.frames["last"]
        if "adjustments" in raw.frames:
            last = adjust.adjust(last, raw.frames["adjustments"], as_of=raw.as_of.date())
        frame = last.join(self.indicator_frame(raw), on="symbol", how="left").with_columns(
            change=pl.col("close") - pl.col("previous_close"),
            change_pct=indicators.change_pct(pl.col("close"), pl.col("previous_close")),
            gap_pct=indicators.change_pct(pl.col("open"), pl.col("previous_close")),
        )
        if "instruments" in raw.frames:
            sectors = raw.frames["instruments"].select(symbol="tradingsymbol", sector="sector")
            frame = frame.join(sectors.unique("symbol"), on="symbol", how="left")
        self._frame = in_contract_order(frame, self.columns)
        return self._frame

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        """Return a snapshot a symbol: instrument, quote of the last session, facts."""
        if self._feed is not None:
            return self._feed.snapshots(raw)
        frame = self.enrich(raw)
        found: dict[str, Snapshot] = {}
        for row in frame.iter_rows(named=True):
            instrument = Instrument(
                exchange=self.options.exchange,
                tradingsymbol=row["symbol"],
                asset_type=AssetType.EQUITY,
                series=row.get("series") or "",
            )
            found[row["symbol"]] = Snapshot(
                instrument=instrument,
                as_of=raw.as_of,
                source=raw.source,
                simulated=raw.simulated,
                quote=quote_of(instrument, row, raw),
                facts=MappingProxyType(row),
            )
        return found

    def get_equity_summary(self) -> dict[str, Any]:
        """Return breadth, sentiment, sectors and movers of the latest run; empty before one."""
        return {} if self._frame is None else self.summarise(self._frame)

    def summarise(self, frame: pl.DataFrame, *, count: int = 5) -> dict[str, Any]:
        """Return the summary of an enriched frame, in the contract's names."""
        floor = self.options.turnover_floor
        gainers, losers = breadth.movers(frame, floor=floor, n=count)
        leaders = breadth.volume_leaders(frame, floor=floor, n=count)
        facts: dict[str, Any] = dict(breadth.breadth(frame))
        facts["turnover_floor"] = floor
        facts["sectors"] = breadth.sectors(frame).to_dicts() if "sector" in frame.columns else []
        facts["gainers"] = gainers.to_dicts()
        facts["losers"] = losers.to_dicts()
        facts["volume_leaders"] = leaders.to_dicts()
        return facts
