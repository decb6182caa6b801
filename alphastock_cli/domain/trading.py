"""From a strategy's opinion to a position: signals, decisions, orders, fills, as frozen values.

Prices and money are `Decimal` rupees here, never floats; times are aware. No rules: what is allowed
is judged in `trading/` and `exchange/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.instrument import Instrument, Side

PAISA = Decimal("0.01")
ZERO = Decimal(0)


class OrderType(StrEnum):
    """How an order wants its price; the values are Kite's words."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


class Product(StrEnum):
    """CNC: delivery; MIS: intraday; NRML: derivatives held overnight."""

    CNC = "CNC"
    MIS = "MIS"
    NRML = "NRML"


class Validity(StrEnum):
    """DAY rests until the session ends; IOC takes what is there and cancels the rest."""

    DAY = "DAY"
    IOC = "IOC"


class OrderStatus(StrEnum):
    """Where an order stands; Kite's words, and INTENT before it was handed to the broker."""

    INTENT = "INTENT"
    AMO = "AMO REQ RECEIVED"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER PENDING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self in _FINAL


_FINAL = frozenset({OrderStatus.COMPLETE, OrderStatus.CANCELLED, OrderStatus.REJECTED})


class Role(StrEnum):
    """What an order is for: to open, to close on a signal, to stop a loss, to take a profit."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"


class Fidelity(StrEnum):
    """What a fill was judged on: five levels, best prices, the last price, or a candle."""

    L2 = "L2"
    L1 = "L1"
    T = "T"
    B = "B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A strategy's opinion about one instrument, valid from its candle until `valid_until`.

    Attributes
    ----------
    price, stop_loss, target : Decimal
        Rupees, on the tick. The stop lies on the losing side, the target on the winning one.
    strength : float
        From 0 (barely) to 1.
    candle_time : datetime
        Start of the final candle that gave rise to it; with strategy, key and side it is unique.
    """

    strategy: str
    instrument: Instrument
    side: Side
    price: Decimal
    reason: str
    candle_time: datetime
    valid_until: datetime
    stop_loss: Decimal | None = None
    target: Decimal | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Refuse naive times, a strength outside 0 to 1, and a stop or target on the wrong side."""
        if self.candle_time.tzinfo is None or self.valid_until.tzinfo is None:
            raise ValueError(f"{self.instrument.key}: a signal needs aware times")
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"{self.instrument.key}: strength {self.strength} is not in 0 to 1")
        if not self.reason:
            raise ValueError(f"{self.instrument.key}: a signal needs a reason")
        sign = 1 if self.side is Side.BUY else -1
        if self.stop_loss is not None and (self.price - self.stop_loss) * sign <= 0:
            raise ValueError(
                f"{self.instrument.key}: the stop {self.stop_loss} is on the wrong side"
            )
        if self.target is not None and (self.target - self.price) * sign <= 0:
            raise ValueError(
                f"{self.instrument.key}: the target {self.target} is on the wrong side"
            )

    @classmethod
    def at_quote(
        cls,
        snapshot: Snapshot,
        *,
        side: Side,
        reason: str,
        stop_distance: float | None = None,
        target_distance: float | None = None,
        strength: float = 1.0,
    ) -> Signal:
        """Return a signal at the last price of a snapshot, its prices on the tick.

        Parameters
        ----------
        stop_distance, target_distance : float or None
            Rupees from the price, positive; None for no stop, no target.

        Raises
        ------
        ValueError
            The snapshot has no final candle, or no price.
        """
        instrument, candles = snapshot.instrument, snapshot.candles
        if candles is None or candles.is_empty():
            raise ValueError(f"{instrument.key}: no final candle to give a signal on")
        market = snapshot.market
        last = market.last_price if isinstance(market, Quote) else candles["close"][-1]
        if last is None:
            raise ValueError(f"{instrument.key}: no price to give a signal at")
        sign = 1.0 if side is Side.BUY else -1.0

        def away(distance: float | None, direction: float, rounding: Side) -> Decimal | None:
            if distance is None:
                return None
            wanted = last + sign * direction * max(distance, float(instrument.tick_size))
            return instrument.round_to_tick(max(wanted, float(instrument.tick_size)), rounding)

        other = Side.SELL if side is Side.BUY else Side.BUY
        return cls(
            strategy="", instrument=instrument, side=side, reason=reason, strength=strength,
            price=instrument.round_to_tick(last, side), candle_time=candles["time"][-1],
            valid_until=snapshot.as_of + snapshot.interval.length,
            stop_loss=away(stop_distance, -1.0, side),
            target=away(target_distance, 1.0, other),
        )  # fmt: skip

    @property
    def signal_id(self) -> str:
        """The same for the same opinion whenever it is formed: strategy, key, side and candle."""
        return f"{self.strategy}|{self.instrument.key}|{self.side}|{self.candle_time.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An instruction to buy or sell; it never changes, its state does.

    Attributes
    ----------
    order_id : str
        Ours, unique in the ledger; placing the same one twice is one order.
    quantity : int
        Units (not lots), positive.
    price, trigger_price : Decimal or None
        Rupees; `price` for LIMIT and SL, `trigger_price` for SL and SL-M.
    market_protection : Decimal or None
        Percent a MARKET or SL-M order may slip from the last price; None takes the broker's slabs.
    session : date
        The trading day the order is good for.
    signal_id : str
        What gave rise to it; empty for an order typed by a person.
    group : str
        Orders of one group cancel each other unit by unit: a stop and its target.
    stop_loss, target : Decimal or None
        What an entry is to be protected by as soon as it fills.
    """

    order_id: str
    tag: str
    instrument: Instrument
    side: Side
    quantity: int
    order_type: OrderType
    product: Product
    placed_at: datetime
    session: date
    validity: Validity = Validity.DAY
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    market_protection: Decimal | None = None
    signal_id: str = ""
    role: Role = Role.ENTRY
    group: str = ""
    stop_loss: Decimal | None = None
    target: Decimal | None = None

    def __post_init__(self) -> None:
        """Refuse an order whose fields contradict its type."""
        name = f"order {self.order_id}"
        if self.placed_at.tzinfo is None:
            raise ValueError(f"{name}: needs an aware time")
        if self.quantity < 1:
            raise ValueError(f"{name}: quantity {self.quantity} is below 1")
        limited = self.order_type in {OrderType.LIMIT, OrderType.SL}
        stopped = self.order_type in {OrderType.SL, OrderType.SL_M}
        if limited != (self.price is not None):
            raise ValueError(f"{name}: {self.order_type} and price {self.price} do not agree")
        if stopped != (self.trigger_price is not None):
            raise ValueError(f"{name}: {self.order_type} and trigger disagree")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of an order: units at a price, and the charges that came with it.

    `seq` counts the fills of an order from 1; `(order_id, seq)` is unique. `charges` are exact to
    the paisa and never negative. `quote_time` is the stamp of the market it was judged on.
    """

    order_id: str
    seq: int
    instrument: Instrument
    side: Side
    product: Product
    quantity: int
    price: Decimal
    time: datetime
    charges: Decimal
    fidelity: Fidelity
    quote_time: datetime

    @property
    def signed(self) -> int:
        """Units with the sign of their direction."""
        return self.quantity if self.side is Side.BUY else -self.quantity

    @property
    def value(self) -> Decimal:
        """Rupees paid or received before charges, to the paisa."""
        exact = self.price * self.quantity * self.instrument.multiplier
        return exact.quantize(PAISA, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """An order and what has become of it.

    `limit_price` is the worst price it may have since it has met the market: its own, or that of
    market protection; None before.
    """

    order: Order
    status: OrderStatus
    filled_quantity: int = 0
    average_price: Decimal | None = None
    limit_price: Decimal | None = None
    status_message: str = ""
    updated_at: datetime

    @property
    def pending_quantity(self) -> int:
        """Units that may still be filled: none once the state is final."""
        return 0 if self.status.final else self.order.quantity - self.filled_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """Something that happened to an order: its new state, and the fill where there is one.

    `siblings` are the new states of orders of the same group that the fill made smaller.
    """

    state: OrderState
    fill: Fill | None = None
    siblings: tuple[OrderState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held of one instrument in one product: the fold of its fills.

    Attributes
    ----------
    quantity : int
        Units, negative when short.
    cost : Decimal
        Rupees paid for what is open now, negative for what was received for a short; exact, so
        that a closed position's profit does not depend on how its fills were split.
    pnl_realised : Decimal
        Before charges.
    charges : Decimal
        Of all its fills.
    opened_at : datetime or None
        Time of the first fill of the present run; None when flat.
    """

    instrument: Instrument
    product: Product
    quantity: int = 0
    cost: Decimal = ZERO
    pnl_realised: Decimal = ZERO
    charges: Decimal = ZERO
    opened_at: datetime | None = None

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of what is open, to a hundredth of a paisa; None when flat."""
        if not self.quantity:
            return None
        mean = self.cost / (self.quantity * self.instrument.multiplier)
        return mean.quantize(Decimal("0.0001"))

    def value(self, last_price: Decimal) -> Decimal:
        """Return the rupees it is worth at a price, negative for a short."""
        return last_price * self.quantity * self.instrument.multiplier

    def pnl_unrealised(self, last_price: Decimal) -> Decimal:
        """Return what closing at `last_price` would gain, before charges."""
        return self.value(last_price) - self.cost
