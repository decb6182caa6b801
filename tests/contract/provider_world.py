"""What the cards of providers stand on: a small lake, and what every test of them asks first."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.domain.frames import (
    CANDLES,
    CHAINS,
    EQUITIES_DAY,
    INDICES_DAY,
    OPTIONS_DAY,
    TIME,
    conform,
)
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import NotOffered
from alphastock_cli.exchange import calendar
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.store.lake import Lake
from tests.conftest import IST

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
MIDDAY = datetime(2026, 11, 20, 11, 7, 30, tzinfo=IST)
EQUITY = calendar.Segment.EQUITY

# strangers come in as files: the example of the documentation, and whatever is named
OUTSIDE = {path.stem: path for path in (ROOT / "examples/csv_folder.py",)}
OUTSIDE |= {
    Path(text).stem: Path(text)
    for text in os.environ.get("ALPHASTOCK_TEST_PLUGINS", "").split(os.pathsep)
    if text
}
NAMES = sorted({*PROVIDERS.names(), *OUTSIDE})


def small_lake(data_dir: Path) -> None:
    """Store two shares and an index for six weeks, as a load would."""
    days = calendar.sessions(EQUITY, NOW.date() - timedelta(days=42), NOW.date())
    rows = [
        {
            "date": day, "exchange": "NSE", "symbol": symbol, "series": "EQ", "open": p + n,
            "high": p + n + 3, "low": p + n - 2, "close": p + n + 1, "previous_close": p + n,
            "volume": 1000 + n, "turnover": 1000.0 * (p + n), "source": "test",
        }
        for symbol, p in (("SBIN", 800.0), ("INFY", 1500.0))
        for n, day in enumerate(days)
    ]  # fmt: skip
    lake = Lake(data_dir / "lake")
    lake.upsert("equities_day", conform(pl.DataFrame(rows), EQUITIES_DAY, what="test"))
    of_index = pl.DataFrame(rows[: len(days)]).select(
        "date", "exchange", "open", "high", "low", "close", "source", symbol=pl.lit("NIFTY 50")
    )
    lake.upsert("indices_day", conform(of_index, INDICES_DAY, what="test"))
    lake.upsert("options_day", conform(contracts(days), OPTIONS_DAY, what="test"))
    lake.upsert("candles_minute", conform(pl.concat(map(minutes, days[-2:])), CANDLES, what="test"))
    lake.upsert("chains", conform(pl.concat(map(snapshot, (11, 14))), CHAINS, what="test"))


def contracts(days: list[date]) -> pl.DataFrame:
    """Return a chain of NIFTY of three strikes and two expiries; the highest put is not listed."""
    return pl.DataFrame(
        [
            {
                "date": day, "exchange": "NFO", "symbol": "NIFTY", "expiry": expiry,
                "strike": strike, "option_type": kind, "close": 50.0 + n, "settlement": 51.0,
                "contracts": 10 * (n % 2), "open_interest": 650, "oi_change": 65 * n,
            }
            for n, day in enumerate(days)
            for expiry in (date(2026, 11, 24), date(2026, 12, 1))
            for strike in (23000.0, 24000.0, 25000.0)
            for kind in ("CE", "PE")
            if (strike, kind) != (25000.0, "PE")
        ]
    )  # fmt: skip


def snapshot(hour: int) -> pl.DataFrame:
    """Return the chain of the last day as a collector saw it at an hour."""
    rows = contracts([NOW.date()]).rename({"symbol": "underlying", "close": "last_price"})
    return rows.select(
        "exchange", "underlying", "expiry", "strike", "option_type", "open_interest",
        pl.col("last_price") + hour, time=pl.lit(NOW.replace(hour=hour)).cast(TIME),
        spot=pl.lit(24_000.0 + hour), bid=pl.col("last_price") - 1, ask=pl.col("last_price") + 1,
    )  # fmt: skip


def minutes(day: date) -> pl.DataFrame:
    """Return 375 minutes of both shares, each around its daily price."""
    starts = [datetime(day.year, day.month, day.day, 9, 15, tzinfo=IST) + timedelta(minutes=n)
              for n in range(375)]  # fmt: skip
    rows = [
        {
            "time": start, "exchange": "NSE", "symbol": symbol, "open": p + n % 7,
            "high": p + n % 7 + 2, "low": p + n % 7 - 1, "close": p + n % 7 + 1, "volume": n,
        }
        for symbol, p in (("SBIN", 800.0), ("INFY", 1500.0))
        for n, start in enumerate(starts)
    ]  # fmt: skip
    return pl.DataFrame(rows)


Build = Callable[[datetime], MarketData]


def needs(provider: MarketData, capability: Capability) -> None:
    if capability not in provider.capabilities:
        pytest.skip(f"{provider.name} does not offer {capability}")


def listed(provider: MarketData) -> list[Instrument]:
    """Return up to three of its shares."""
    rows = provider.instruments(Exchange.NSE).head(3)
    return [share_of(f"NSE:{symbol}") for symbol in rows["tradingsymbol"]]


def share_of(key: str) -> Instrument:
    exchange, _, symbol = key.partition(":")
    return Instrument(
        exchange=Exchange(exchange), tradingsymbol=symbol, asset_type=AssetType.EQUITY
    )


def all_candles(
    provider: MarketData, start: datetime, end: datetime
) -> dict[tuple[str, Interval], pl.DataFrame]:
    """Return candles by share and interval, leaving out intervals that are not offered."""
    found = {}
    for instrument in listed(provider):
        for interval in Interval:
            try:
                frame = provider.candles(instrument, interval, start, end)
            except NotOffered:
                continue
            found[instrument.key, interval] = frame
    return found


def keeps_order(frame: pl.DataFrame) -> None:
    """Check low ≤ open, close ≤ high and volume ≥ 0 wherever they are known."""
    for lower, upper in (("low", "open"), ("low", "close"), ("open", "high"), ("close", "high")):
        assert frame.filter(pl.col(lower) > pl.col(upper)).is_empty(), (lower, upper)
    assert frame.filter(pl.col("volume") < 0).is_empty()
    assert frame.filter(pl.col("low") <= 0).is_empty()
