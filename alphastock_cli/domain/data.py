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

from alphastock_cli.domain.instrument import Instrument

if TYPE_CHECKING:
    import polars as pl

IST = "Asia/Kolkata"


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
    a number that is not known is None. `candles` is the enriched candle frame, oldest first.
    """

    instrument: Instrument
    as_of: datetime
    source: str
    simulated: bool
    quote: Quote | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    candles: pl.DataFrame | None = None

    @property
    def gap_pct(self) -> float | None:
        """Open against previous close, in percent; None when either is unknown."""
        value = self.facts.get("gap_pct")
        return None if value is None else float(value)
