"""What the core needs from outside, as protocols; adapters implement them, `bootstrap.py` chooses.

The core sees time, market data and storage only through these. Nothing here touches a network,
a disk or a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeVar

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.records import dataclass

if TYPE_CHECKING:  # a command that trades nothing need not make two dozen classes of orders
    import polars as pl

    from alphastock_cli.domain.data import Candle, Quote
    from alphastock_cli.domain.decisions import Decision, RiskState
    from alphastock_cli.domain.instrument import Instrument, Interval
    from alphastock_cli.domain.trading import (
        Fill,
        Order,
        OrderEvent,
        OrderState,
        Position,
        Product,
        Signal,
    )


class Clock(Protocol):
    """Time, passed in: the wall clock in production, a manual one in tests."""

    def now(self) -> datetime:
        """Return the present moment, aware, in Asia/Kolkata."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for timers."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a manual clock moves instead."""
        ...


class Capability(StrEnum):
    """What a provider can answer."""

    INSTRUMENTS = "instruments"
    QUOTES = "quotes"
    CANDLES = "candles"
    EQUITIES_DAY = "equities_day"
    INDICES_DAY = "indices_day"
    EOD_FILES = "eod_files"
    FUTURES_DAY = "futures_day"
    OPTIONS_DAY = "options_day"
    CHAIN = "chain"
    TICKS = "ticks"
    CANDLE_MARKET = "candle_market"  # its finest truth is a final candle: orders meet that


class MarketData(Protocol):
    """A source of market data. A method outside `capabilities` raises `NotOffered`."""

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    simulated: ClassVar[bool]

    def as_of(self) -> datetime:
        """Return the moment the answers are valid for: the last one this source knows of."""
        ...

    def instruments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the `INSTRUMENTS` frame of an exchange: unique keys, positive lots and ticks."""
        ...

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Return the latest quote of each known key; unknown keys are left out, never zero."""
        ...

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Return a `CANDLES` frame inside ``[start, end)``, ascending and unique in time."""
        ...

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """Return the option expiries of an underlying at the provider's moment, ascending."""
        ...

    def option_chain(self, underlying: str, expiry: date) -> pl.DataFrame:
        """Return the `CHAIN` frame of one expiry: CE before PE at a strike, strikes ascending."""
        ...

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
        """Return `EQUITIES_DAY` rows up to the provider's moment, sorted by symbol and date.

        `start` and `end` are both inclusive; None means as far as the source reaches. With
        `in_order` false the symbols may come mixed, which is faster; each one's days still ascend.
        """
        ...

    def indices_day(
        self,
        *,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Return `INDICES_DAY` rows up to the provider's moment, sorted by symbol and date."""
        ...

    def adjustments(self, exchange: Exchange) -> pl.DataFrame:
        """Return the `ADJUSTMENTS` known at the provider's moment; empty where there are none."""
        ...

    def symbol_changes(self) -> pl.DataFrame:
        """Return the `SYMBOL_CHANGES` known at the provider's moment; may be empty."""
        ...

    def members(self, index: str, on: date) -> tuple[str, ...] | None:
        """Return the symbols of an index on a date, sorted; None when the source does not know."""
        ...


class Broker(Protocol):
    """Takes orders; fills come only from `advance`."""

    def restore(self, states: Iterable[OrderState], fills: Mapping[str, list[Fill]]) -> None:
        """Take in the orders of the ledger and, by order id, their fills."""
        ...

    def place(self, order: Order) -> OrderState:
        """Take an order; the same `order_id` twice is one order.

        A refused order comes back as REJECTED with its reason; nothing is raised for it.
        """
        ...

    def modify(self, order_id: str, *, quantity: int, at: datetime) -> OrderState:
        """Change the units of an order that is not over; a final one comes back as it is."""
        ...

    def cancel(self, order_id: str, at: datetime) -> OrderState:
        """Cancel what is still open of an order; a final one comes back as it is."""
        ...

    def advance(self, market: Quote | Candle) -> Iterable[OrderEvent]:
        """Let the waiting orders of that instrument meet the market; the only source of fills.

        Each event is to be written and acted upon before the next one is asked for.
        """
        ...

    def expire(self, now: datetime) -> list[OrderEvent]:
        """End the day orders whose session is over by `now`."""
        ...

    def orders(self) -> list[OrderState]:
        """Return every order this broker knows, oldest first."""
        ...

    def waiting(self) -> list[OrderState]:
        """Return the orders that are not over: few, where `orders` may be years of them."""
        ...


P = TypeVar("P", bound="Foldable")


class Foldable(Protocol):
    """What fills are folded into: the portfolio."""

    @property
    def cash(self) -> Decimal:
        """Rupees after the fills so far."""
        ...

    def apply(self, fill: Fill) -> Self:
        """Return the state after one more fill."""
        ...

    def position(self, key: str, product: Product) -> Position | None:
        """Return what is held of an instrument in a product."""
        ...


class Book(Protocol):
    """One transaction of the ledger: all of it is written, or nothing."""

    def record(self, signal: Signal, decision: Decision, order: Order | None, at: datetime) -> None:
        """Write a signal, the decision on it, and the order it leads to as an intent."""
        ...

    def intend(self, order: Order) -> None:
        """Write an order before the broker hears of it."""
        ...

    def update(self, state: OrderState) -> None:
        """Write the new state of an order."""
        ...

    def post(self, event: OrderEvent, portfolio: P) -> P:
        """Write an event with all it moves, and return the portfolio after it.

        Order states, fill, cash, charges and position in one commit; a fill known already
        changes nothing.
        """
        ...

    def remember(self, state: RiskState) -> None:
        """Write what the risk engine has to know after a restart."""
        ...


class Journal(Protocol):
    """The ledger of an account: written by one process at a time, read by any."""

    def transaction(self) -> AbstractContextManager[Book]:
        """Open a transaction; leaving the block commits it, an exception undoes it."""
        ...

    def last_moment(self) -> datetime | None:
        """Return the latest moment written, None in a new ledger."""
        ...

    def opening_cash(self) -> Decimal:
        """Return the rupees the account began with."""
        ...

    def orders(self) -> list[OrderState]:
        """Return every order in the order of writing."""
        ...

    def fills(self) -> list[Fill]:
        """Return every fill in the order of writing."""
        ...

    def signals(self) -> list[tuple[Signal, datetime]]:
        """Return every signal and when it was admitted, oldest first."""
        ...

    def risk_state(self) -> RiskState:
        """Return what the risk engine remembered last."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EodBatch:
    """What one end-of-day file held, checked row by row.

    Attributes
    ----------
    file : str
        The file's name, ``archive.zip!member`` inside archives.
    form : str
        The recognised form, e.g. ``nse_udiff_cm``; "" when the file was refused whole.
    frames : dict of str to DataFrame
        Good rows by dataset name, each in the dataset's schema. Empty when refused.
    rejects : DataFrame
        Refused rows with their reasons, in the `REJECTS` schema.
    notes : tuple of str
        What a person should know: a stale copy.
    undated : bool
        True where neither rows nor name nor the person gave a date: `date` is null in the frames.
    dated_by_name : bool
        True where the name, or the person, gave rows their date.
    """

    file: str
    form: str
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejects: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()
    undated: bool = False
    dated_by_name: bool = False


class EodSource(Protocol):
    """Reads end-of-day files as the exchanges publish them."""

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[EodBatch]:
        """Yield a batch per recognised or refused file below `folder`, archives opened."""
        ...
