"""The columns of `scan equities`: names in the contract's order, types, the quote a row makes.

What the day and the contract's own indicators give is made always; the library only when asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import polars as pl

from alphastock_cli.analytics import indicators
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.runners.base import RawData

# columns of a row as they come from the day itself, in the contract's order
DAY_COLUMNS = (
    "symbol", "exchange", "series", "sector", "open", "high", "low", "close", "previous_close",
    "change", "change_pct", "volume", "volume_ratio", "turnover", "delivery_pct", "gap_pct",
)  # fmt: skip
INDICATOR_COLUMNS = (
    "momentum_20_pct", "rsi", "sma_20", "sma_50", "sma_200", "ema_9", "ema_21", "atr",
    "bollinger_upper", "bollinger_lower", "support", "resistance", "sma_50_prev", "sma_200_prev",
    "high_52w", "low_52w", "volatility",
)  # fmt: skip
COLUMNS = (*DAY_COLUMNS, *INDICATOR_COLUMNS, "date")
# with those that are made only when asked for by name
EVERY_COLUMN = (*DAY_COLUMNS, *INDICATOR_COLUMNS, *indicators.LIBRARY, "date")

DIRECTION = "supertrend_direction"
SESSION_ONLY = "vwap"  # one session's candles make it: a day has none
TEXT_COLUMNS = frozenset({"symbol", "exchange", "series", "sector"})
TIME = "time"  # of candles shorter than a day: the start of the last one


def schema() -> dict[str, pl.DataType]:
    """Return the type of each column of the enriched frame."""
    types: dict[str, pl.DataType] = {name: pl.Float64() for name in EVERY_COLUMN}
    types |= {name: pl.String() for name in TEXT_COLUMNS}
    return types | {"date": pl.Date(), "volume": pl.Int64(), DIRECTION: pl.Int64()}


def in_contract_order(frame: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
    """Return those of `columns` that a day has, in the contract's order; rows by symbol."""
    if SESSION_ONLY in columns:
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias(SESSION_ONLY))
    if DIRECTION in frame.columns:
        frame = frame.with_columns(pl.col(DIRECTION).cast(pl.Int64))
    order = [name for name in EVERY_COLUMN if name in columns and name in frame.columns]
    return frame.select(order).sort("symbol")


def quote_of(instrument: Instrument, row: dict[str, Any], raw: RawData) -> Quote:
    """Return the quote of a row of the last session."""
    return Quote(
        key=instrument.key,
        time=raw.as_of,
        last_price=row.get("close"),
        open=row.get("open"),
        high=row.get("high"),
        low=row.get("low"),
        previous_close=row.get("previous_close"),
        volume=row.get("volume"),
    )
