"""Equities over candles shorter than a day: the same columns, one row a symbol, its last candle.

Each symbol is asked for by itself, so this is for a few, not for an exchange. Only final candles
count. What a day alone can say (its change, its delivery, a year's extremes) is null here; pivots
are those of the last final day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from alphastock_cli.analytics import indicators, library
from alphastock_cli.domain.frames import CANDLES
from alphastock_cli.domain.frames import TIME as MOMENT
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import AlphaStockError, TransientError
from alphastock_cli.runners import _beside as beside
from alphastock_cli.runners._equity_columns import (
    DAY_COLUMNS,
    DIRECTION,
    EVERY_COLUMN,
    SESSION_ONLY,
    TIME,
    schema,
)
from alphastock_cli.runners._traded import Traded, TradedFeed, adjusted
from alphastock_cli.runners.base import RawData
from alphastock_cli.runners.equities import EquityRunner

_CANDLE = ("symbol", "exchange", "series", "sector", "open", "high", "low", "close", "volume")
# of 252 days or by the root of 252 days a year; a sum over all candles ever
_BY_DAYS = ("high_52w", "low_52w", "volatility", "obv")
DAY_ONLY = frozenset({*DAY_COLUMNS, *_BY_DAYS} - {*_CANDLE, "volume_ratio"})
_PIVOTS = frozenset(library.PIVOTS)
_MOST = 450  # minutes of a session, so that none is cut in its middle


class CandleRunner(EquityRunner):
    """Equities of one exchange over candles of `options.interval`."""

    def wanted(self) -> list[str]:
        """Return the indicator columns asked for that candles can say, in contract order."""
        names = (*indicators.INDICATORS, *indicators.LIBRARY)
        return [name for name in names if name in self.columns and name not in DAY_ONLY]

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:
        """Read the final candles of each symbol, and what stands beside them.

        Raises
        ------
        AlphaStockError
            No symbol has candles: the reason of the first.
        """
        exchange, interval = self.options.exchange, self.options.interval
        as_of = self.provider.as_of()
        back = indicators.exact_rows if self.options.exact else indicators.lookback
        bars = back(self.wanted())
        if SESSION_ONLY in self.columns:
            bars += _MOST // int(interval.length.total_seconds() // 60)
        feed = TradedFeed(self.provider, exchange, Traded(interval=interval, bars=bars))
        found, failed = feed.gather(symbols, as_of)
        if failed and not found:
            raise next(iter(failed.values()))
        listed = self.provider.instruments(exchange)
        adjustments = pl.DataFrame()
        if not self.options.raw:
            adjustments = self.provider.adjustments(exchange)
        rows = _rows(found, adjustments, as_of, interval)
        failures = {symbol: f"{symbol}: {error.what}" for symbol, error in failed.items()}
        # a listed share with older candles only is no failure of anybody, and has no row either
        failures |= {
            symbol: f"{symbol}: no {interval.value} candle in the look-back before"
            f" {as_of:%Y-%m-%d %H:%M}"
            for symbol in sorted(set(found) - set(rows["symbol"]))
        }
        frames = {"rows": rows, "instruments": listed}
        if _PIVOTS & self.columns:
            days = TradedFeed(self.provider, exchange, Traded(interval=Interval.DAY, bars=3))
            dated, _ = days.gather(list(found), as_of)
            frames["days"] = _rows(dated, adjustments, as_of, Interval.DAY)
        if beside.needed(self.wanted()):
            frames["index"] = self._index(rows, as_of)
        frames["last"] = rows.group_by("symbol", maintain_order=True).last()
        frames["listed"] = listed.select(symbol="tradingsymbol")
        return RawData(
            as_of=as_of,
            source=self.provider.name,
            simulated=self.provider.simulated,
            frames=frames,
            failures=failures,
        )

    def _index(self, rows: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
        """Return the closes of the index's candles; empty where the provider has none."""
        index = Instrument(
            exchange=Exchange.NSE, tradingsymbol=beside.INDEX, asset_type=AssetType.INDEX
        )
        empty = pl.DataFrame(schema={"date": MOMENT, beside.COLUMN: pl.Float64})
        if rows.is_empty():
            return empty
        interval, first = self.options.interval, rows["date"].min()
        assert isinstance(first, datetime)
        try:
            found = self.provider.candles(index, interval, first, as_of)
        except TransientError:
            raise
        except AlphaStockError:
            return empty
        return found.select(date="time", **{beside.COLUMN: "close"})

    def enrich(self, raw: RawData) -> pl.DataFrame:
        """Return one row a symbol, its last final candle, with the columns asked for and `time`.

        Shape (symbols, columns), sorted by symbol. Warm-up, and what only a day says, is null.
        """
        rows = raw.frames["rows"]
        if "index" in raw.frames:
            rows = beside.with_index(rows, raw.frames["index"])
        wanted = [name for name in self.wanted() if name not in _PIVOTS]
        made = indicators.latest(rows, wanted)
        if "days" in raw.frames:
            asked = [name for name in library.PIVOTS if name in self.columns]
            levels = indicators.latest(raw.frames["days"], asked).select("symbol", *asked)
            made = made.join(levels, on="symbol", how="left")
        about = raw.frames["instruments"].select("series", "sector", symbol="tradingsymbol")
        frame = made.join(about.unique("symbol"), on="symbol", how="left")
        types = schema()
        missing = [name for name in EVERY_COLUMN if name not in frame.columns]
        frame = frame.with_columns(pl.lit(None, types[name]).alias(name) for name in missing)
        frame = frame.with_columns(
            pl.col("date").alias(TIME), pl.col("date").dt.date(), pl.col(DIRECTION).cast(pl.Int64)
        )
        order = [name for name in EVERY_COLUMN if name in self.columns]
        self._frame = frame.select(*order, TIME).sort("symbol")
        return self._frame

    def summarise(self, frame: pl.DataFrame, *, count: int = 5) -> dict[str, Any]:
        """Return the interval: breadth and movers are those of days."""
        del frame, count
        return {"interval": str(self.options.interval)}


def _rows(
    found: dict[str, pl.DataFrame], adjustments: pl.DataFrame, as_of: datetime, interval: Interval
) -> pl.DataFrame:
    """Return the candles of all symbols in order, by the names indicators read."""
    parts = [found[symbol] for symbol in sorted(found)] or [pl.DataFrame(schema=CANDLES)]
    joined = adjusted(pl.concat(parts), adjustments, as_of, interval)
    known = joined.filter(pl.col("close").is_not_null())
    return known.rename({"time": "date"}).with_columns(session=pl.col("date").dt.date())
