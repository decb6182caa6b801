"""Instruments as strategies see them: final candles with the columns they ask for, and a market.

Shared by runners of things that are traded one by one; no runner itself. Candles are read again
only when another one can be final.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.analytics import adjust, indicators
from alphastock_cli.domain.data import Candle, Snapshot
from alphastock_cli.domain.frames import CANDLES
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import AlphaStockError, TransientError, UnknownName
from alphastock_cli.exchange import calendar
from alphastock_cli.runners._derivatives import has_derivatives, underlyings
from alphastock_cli.runners._lookback import first_session
from alphastock_cli.runners.base import RawData

ATR = "atr"
_ATR_SPAN = 14
Asked = tuple[int, Mapping[str, pl.Expr]]  # candles needed, and columns
_REVISED = 3  # of the newest candles, read again each time: a source may mend them
_MINUTES = 375  # of an ordinary session: only how far back to read depends on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """Which candles: their interval, how many of them, and the columns beside them."""

    interval: Interval = Interval.DAY
    bars: int = 60
    columns: Mapping[str, pl.Expr] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def wanted(
        cls, interval: Interval, asked: Iterable[tuple[int, Mapping[str, pl.Expr]]]
    ) -> Traded:
        """Return what several strategies together need: their most bars, all their columns."""
        bars, columns = _ATR_SPAN + 1, dict[str, pl.Expr]()
        for count, extra in asked:
            bars = max(bars, count)
            columns |= dict(extra)
        return cls(interval=interval, bars=bars + 300, columns=columns)


class TradedFeed:
    """Fetches and enriches what one runner trades.

    Parameters
    ----------
    provider : MarketData
        The only way to market data.
    """

    def __init__(self, provider: MarketData, exchange: Exchange, traded: Traded) -> None:
        self.provider, self.exchange, self.traded = provider, exchange, traded
        self._instruments: dict[str, Instrument] = {}
        self._held: dict[str, tuple[datetime, pl.DataFrame]] = {}  # until when a frame is the last
        self._made: tuple[pl.DataFrame, dict[str, pl.DataFrame]] | None = None
        self._joined: tuple[tuple[int, ...], pl.DataFrame] | None = None

    def fetch(self, symbols: Sequence[str]) -> RawData:
        """Return candles, instruments, quotes or last candles, and adjustments of the symbols."""
        as_of = self.provider.as_of()
        found, failed = self.gather(symbols, as_of)
        failures = {symbol: error.what for symbol, error in failed.items()}
        keys = [self._instruments[symbol].key for symbol in found]
        offered = self.provider.capabilities
        by_candle = Capability.CANDLE_MARKET in offered
        quoted = Capability.QUOTES in offered and not by_candle
        return RawData(
            as_of=as_of,
            source=self.provider.name,
            simulated=self.provider.simulated,
            frames={"candles": self._join(found),
                    "adjustments": self.provider.adjustments(self.exchange)},
            quotes=self.provider.quotes(keys) if quoted else {},
            candles=self._last_candles(keys) if by_candle else {},
            failures=failures,
        )  # fmt: skip

    def gather(
        self, symbols: Sequence[str], as_of: datetime
    ) -> tuple[dict[str, pl.DataFrame], dict[str, AlphaStockError]]:
        """Return the final candles of each symbol, and why some have none."""
        found: dict[str, pl.DataFrame] = {}
        failed: dict[str, AlphaStockError] = {}
        for symbol in symbols:
            try:
                found[symbol] = self._candles(self._instrument(symbol), as_of)
            except TransientError:
                raise
            except AlphaStockError as error:
                failed[symbol] = error
        return found, failed

    def snapshots(self, raw: RawData) -> dict[str, Snapshot]:
        """Return a snapshot a symbol; pure in what was fetched."""
        frames = self._enriched(raw)
        found = {}
        for symbol, frame in frames.items():
            instrument = self._instruments[symbol]
            facts = dict(zip(frame.columns, frame.row(-1), strict=True)) if frame.height else {}
            found[symbol] = Snapshot(
                instrument=instrument, as_of=raw.as_of, source=raw.source,
                simulated=raw.simulated, interval=self.traded.interval,
                quote=raw.quotes.get(instrument.key), candle=raw.candles.get(instrument.key),
                facts=MappingProxyType(facts), candles=frame,
            )  # fmt: skip
        return found

    # -- inside -------------------------------------------------------------------------------

    def _instrument(self, symbol: str) -> Instrument:
        if symbol not in self._instruments:
            listed = self.provider.instruments(self.exchange)
            rows = {row["tradingsymbol"]: row for row in listed.iter_rows(named=True)}
            if symbol not in rows:
                raise UnknownName.of("symbol", symbol, rows)
            known = underlyings(self.provider)
            for name, row in rows.items():
                self._instruments[name] = _instrument_of(row, self.exchange, known)
        return self._instruments[symbol]

    def _candles(self, instrument: Instrument, as_of: datetime) -> pl.DataFrame:
        symbol, interval = instrument.tradingsymbol, self.traded.interval
        held = self._held.get(symbol)
        if held is not None and as_of < held[0]:
            return held[1]
        start, before = self._start(as_of), pl.DataFrame(schema=CANDLES)
        if held is not None and held[1].height > _REVISED:
            before, start = held[1].head(-_REVISED), held[1]["time"][-_REVISED]
        frame = self.provider.candles(instrument, interval, start, _after(as_of))
        frame = pl.concat([before, frame]).tail(self.traded.bars)
        self._held[symbol] = (_next_final(frame, interval, as_of), frame)
        return frame

    def _start(self, as_of: datetime) -> datetime:
        segment = calendar.segment_of(self.exchange)
        minutes = int(self.traded.interval.length.total_seconds() // 60)
        if self.traded.interval is Interval.DAY:
            sessions = self.traded.bars
        else:
            sessions = 1 + -(-self.traded.bars * minutes // _MINUTES)
        first = first_session(segment, as_of.date(), sessions)
        return datetime.combine(first, time(), as_of.tzinfo)

    def _join(self, found: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Return one frame of all candles; the same object while none of its parts is new."""
        marks = tuple(id(frame) for frame in found.values())
        if self._joined is None or self._joined[0] != marks:
            parts = list(found.values()) or [pl.DataFrame(schema=CANDLES)]
            self._joined = (marks, pl.concat(parts))
        return self._joined[1]

    def _last_candles(self, keys: Sequence[str]) -> dict[str, Candle]:
        candle = self.provider.candle  # type: ignore[attr-defined]  # offered with CANDLE_MARKET
        found = {key: candle(key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def _enriched(self, raw: RawData) -> dict[str, pl.DataFrame]:
        candles = raw.frames["candles"]
        if self._made is None or self._made[0] is not candles:
            frame = adjusted(candles, raw.frames["adjustments"], raw.as_of, self.traded.interval)
            close, high, low = pl.col("close"), pl.col("high"), pl.col("low")
            columns = {ATR: indicators.atr(high, low, close, span=_ATR_SPAN)} | dict(
                self.traded.columns
            )
            made = frame.with_columns(
                **{name: expr.over("symbol") for name, expr in columns.items()}
            )
            parts = made.partition_by("symbol", as_dict=True, maintain_order=True)
            self._made = (candles, {str(name): part for (name,), part in parts.items()})
        return self._made[1]


def adjusted(
    candles: pl.DataFrame, adjustments: pl.DataFrame, as_of: datetime, interval: Interval
) -> pl.DataFrame:
    """Return days adjusted for splits; of shorter candles those since the last split only."""
    if adjustments.is_empty() or candles.is_empty():
        return candles
    day = as_of.date()
    dated = candles.with_columns(date=pl.col("time").dt.date())
    if interval is Interval.DAY:
        return adjust.adjust(dated, adjustments, as_of=day).sort("symbol", "time").drop("date")
    known = adjustments.filter((pl.col("ex_date") <= day) & (pl.col("factor") != 1.0))
    last = known.group_by("symbol").agg(__since=pl.col("ex_date").max())
    kept = dated.join(last, on="symbol", how="left", maintain_order="left").filter(
        pl.col("__since").is_null() | (pl.col("date") >= pl.col("__since"))
    )
    return kept.drop("date", "__since")


def _next_final(frame: pl.DataFrame, interval: Interval, as_of: datetime) -> datetime:
    """Return the earliest moment at which another candle can be final."""
    if interval is Interval.DAY or frame.is_empty():
        return as_of + timedelta(minutes=1)
    last: datetime = frame["time"][-1]
    return max(last + 2 * interval.length, as_of) if last.date() == as_of.date() else as_of


def _after(as_of: datetime) -> datetime:
    return as_of + timedelta(microseconds=1)


def _instrument_of(
    row: Mapping[str, Any], exchange: Exchange, known: frozenset[str] | None
) -> Instrument:
    """Return the instrument of a listed row; without a tick of its own, five paise."""
    tick = row["tick_size"]
    return Instrument(
        exchange=exchange,
        tradingsymbol=row["tradingsymbol"],
        asset_type=AssetType(row["asset_type"]),
        name=row["name"] or "",
        series=row["series"] or "",
        isin=row["isin"] or "",
        lot_size=row["lot_size"] or 1,
        tick_size=Decimal(repr(tick)) if tick else Decimal("0.05"),
        has_derivatives=has_derivatives(row["tradingsymbol"], exchange, known),
    )
