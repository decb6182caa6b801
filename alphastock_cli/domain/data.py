"""Market data as values: a quote, a snapshot, and the schemas of the frames that carry the rest.

A frame is checked against its schema when it enters (provider) and when it is read back (store):
one rule at both doors. Missing is null, never NaN and never zero. Prices are float64 rupees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from alphastock_cli.domain.instrument import Instrument, Interval

if TYPE_CHECKING:
    import polars as pl

IST = "Asia/Kolkata"


@dataclass(frozen=True, slots=True)
class Level:
    """One price of the order book: rupees, units on offer, and the number of orders."""

    price: float
    quantity: int
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Depth:
    """Up to five levels a side, best first; a side without an order is empty."""

    buy: tuple[Level, ...] = ()
    sell: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One final candle of one instrument: the market of a stored minute.

    `time` is the candle's start and `end` the moment it is over and known, both aware; prices are
    rupees, `volume` is units, None where the source has none (an index).
    """

    key: str
    time: datetime
    end: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int | None = None

    def __post_init__(self) -> None:
        """Refuse naive times and a candle that contradicts itself."""
        if self.time.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"{self.key}: a candle needs aware times, got {self.time}")
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError(f"{self.key}: low, open, close and high of {self.time} contradict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best prices, last price, volume and open interest of one instrument at a moment.

    `time` is aware; prices are rupees; a side without an order is None, not zero.
    """

    key: str
    time: datetime
    last_price: float | None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    previous_close: float | None = None
    volume: int | None = None
    bid: float | None = None
    ask: float | None = None
    bid_quantity: int | None = None
    ask_quantity: int | None = None
    depth: Depth | None = None
    last_trade_time: datetime | None = None
    open_interest: int | None = None
    lower_circuit: float | None = None
    upper_circuit: float | None = None

    def __post_init__(self) -> None:
        """Refuse a naive time: it cannot be compared with the market's clock."""
        if self.time.tzinfo is None:
            raise ValueError(f"{self.key}: a quote needs an aware time, got {self.time}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An instrument as a strategy sees it: what is known of it at `as_of`, and nothing later.

    `facts` holds the enriched numbers of the runner by column name (see `docs/conventions.md`);
    a number that is not known is None. `candles` are the final candles, oldest first, enriched with
    the columns the runner was asked for; a candle under way is not among them. `candle` is the last
    final one of a source whose finest truth it is (`Capability.CANDLE_MARKET`), else None.
    """

    instrument: Instrument
    as_of: datetime
    source: str
    simulated: bool
    quote: Quote | None = None
    interval: Interval = Interval.DAY
    candle: Candle | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    candles: pl.DataFrame | None = None

    @property
    def market(self) -> Quote | Candle | None:
        """What waiting orders meet: a source of candles its last one, else the quote."""
        return self.candle or self.quote

    @property
    def gap_pct(self) -> float | None:
        """Open against previous close, in percent; None when either is unknown."""
        value = self.facts.get("gap_pct")
        return None if value is None else float(value)
