"""What the paper broker remembers of one order that is not over: its place, its fills, its hours.

Small mutable records of the broker; nobody else sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import (
    ZERO,
    Fill,
    Order,
    OrderState,
    OrderStatus,
    OrderType,
    Role,
)
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import charges, rules
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.trading.matching import Queue, Slice

STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_EXITS = frozenset({Role.EXIT, Role.STOP})
_ASLEEP = frozenset({OrderStatus.TRIGGER_PENDING, OrderStatus.INTENT, OrderStatus.AMO})


@dataclass(slots=True)
class Working:
    """One order at the broker.

    `limit` is the worst price it may have: its own, or that of market protection once known.
    `turnover` and `charged` are those of its fills so far, for charges that count a whole order.
    """

    state: OrderState
    limit: Decimal | None
    triggered: bool
    seq: int = 0
    turnover: Decimal = ZERO
    charged: Decimal = ZERO
    met: bool = False  # it has wanted what was there; from now on it rests
    queue: Queue = field(default_factory=lambda: Queue(ahead=None))
    hours: tuple[datetime | None, datetime | None] | None = None

    @classmethod
    def of(cls, state: OrderState) -> Working:
        """Return the record of an order as it stands."""
        order = state.order
        limit = order.price if order.price is not None else state.limit_price
        return cls(
            state=state, limit=limit, met=state.limit_price is not None,
            triggered=order.order_type not in STOPS or state.status not in _ASLEEP,
        )  # fmt: skip

    @property
    def order(self) -> Order:
        """The order itself."""
        return self.state.order

    @property
    def left(self) -> int:
        """Units still wanted."""
        return self.state.pending_quantity

    @property
    def follows_the_market(self) -> bool:
        """Whether it is priced anew at each quote: an exit left behind leaves risk open."""
        return self.order.price is None and self.order.role in _EXITS

    def meets(self, market: Quote | Candle, latency: timedelta) -> bool:
        """Tell whether it is there for a market: arrived, not over, and in its session's hours.

        A quote counts after the latency; a candle meets the orders that were there when it began.
        """
        arrived = self.order.placed_at + (latency if isinstance(market, Quote) else timedelta(0))
        if self.state.status.final or market.time < arrived:
            return False
        if market.time.astimezone(IST).date() != self.order.session:
            return False
        opens, closes = self._hours()
        if opens is None or closes is None:
            return True
        if isinstance(market, Quote):
            return opens <= market.time < closes
        return market.end > opens and market.time < closes

    def is_over(self, now: datetime) -> bool:
        """Tell whether the session it is good for has ended."""
        if now.astimezone(IST).date() > self.order.session:
            return True
        _, closes = self._hours()
        return closes is not None and now >= closes

    def wake(self, at: datetime) -> OrderState:
        """Turn an after-market order into a normal one."""
        waits = self.order.order_type in STOPS
        status = OrderStatus.TRIGGER_PENDING if waits else OrderStatus.OPEN
        self.state = replace(self.state, status=status, updated_at=at)
        return self.state

    def trigger(self, at: datetime) -> OrderState:
        """Set off a stop."""
        self.triggered = True
        self.state = replace(
            self.state, status=OrderStatus.OPEN, status_message="triggered", updated_at=at
        )
        return self.state

    def price_at(self, limit: Decimal | None) -> None:
        """Take the limit of market protection; a new one wants what is there again."""
        if limit != self.limit:
            self.limit, self.met, self.queue = limit, False, Queue(ahead=None)

    def settle_down(self, queue: Queue, at: datetime) -> bool:
        """Begin to rest at the limit; return whether that is news for the ledger."""
        self.met, self.queue = True, queue
        if self.state.limit_price is not None:
            return False
        self.state = replace(self.state, limit_price=self.limit, updated_at=at)
        return True

    def fill(self, piece: Slice, *, time: datetime, quote_time: datetime) -> Fill:
        """Book one slice: a fill with its share of the order's charges, and the new state."""
        order = self.order
        self.seq += 1
        bare = Fill(
            order_id=order.order_id, seq=self.seq, instrument=order.instrument, side=order.side,
            product=order.product, quantity=piece.quantity, price=piece.price, time=time,
            charges=ZERO, fidelity=piece.fidelity, quote_time=quote_time,
        )  # fmt: skip
        self.turnover += bare.value
        total = charges.order_charges(
            order.instrument, order.product, order.side, self.turnover, order.session
        ).paise
        made = replace(bare, charges=total - self.charged)
        self.charged = total
        filled = self.state.filled_quantity + piece.quantity
        units = filled * order.instrument.multiplier
        self.state = replace(
            self.state,
            filled_quantity=filled,
            average_price=(self.turnover / units).quantize(Decimal("0.0001")),
            status=OrderStatus.COMPLETE if filled == order.quantity else OrderStatus.OPEN,
            limit_price=self.limit,
            updated_at=time,
        )
        return made

    def resume(self, fills: list[Fill]) -> None:
        """Take in the fills it had before a restart."""
        for made in fills:
            self.seq = max(self.seq, made.seq)
            self.turnover += made.value
            self.charged += made.charges

    def resize(self, quantity: int, at: datetime) -> OrderState:
        """Change the units it is for; more units go to the end of the queue."""
        if quantity > self.order.quantity:
            self.queue = Queue(ahead=None)
        order = replace(self.order, quantity=quantity)
        self.state = replace(self.state, order=order, updated_at=at)
        return self.state

    def end(self, status: OrderStatus, why: str, at: datetime) -> OrderState:
        """Make the order final and return its state."""
        self.state = replace(self.state, status=status, status_message=why, updated_at=at)
        return self.state

    def shrink(self, units: int, at: datetime) -> OrderState:
        """Give up `units` that another order of the group has filled; none left is cancelled."""
        if self.left <= units:
            return self.end(OrderStatus.CANCELLED, "its sibling filled", at)
        return self.resize(self.order.quantity - units, at)

    def _hours(self) -> tuple[datetime | None, datetime | None]:
        """Return opening and close of its session; None where the tables hold no hours."""
        if self.hours is None:
            self.hours = hours_of(self.order)
        return self.hours


@dataclass(slots=True)
class Taken:
    """What we took of the levels of one side of one book, while each shows the same size.

    A level whose size changes is a new level: what was taken of the old one is forgotten.
    """

    levels: dict[Decimal, tuple[int, int]] = field(default_factory=dict)  # price: shown, taken

    def see(self, shown: dict[Decimal, int]) -> None:
        """Take in the sizes a quote shows."""
        self.levels = {
            price: (units, self.levels[price][1] if self._same(price, units) else 0)
            for price, units in shown.items()
        }

    def at(self) -> dict[Decimal, int]:
        """Return the units taken at each price."""
        return {price: taken for price, (_, taken) in self.levels.items()}

    def add(self, price: Decimal, units: int) -> None:
        """Remember units taken at a price."""
        shown, taken = self.levels.get(price, (0, 0))
        self.levels[price] = (shown, taken + units)

    def take_best(self, units: int, side: Side) -> None:
        """Remember units taken by an order of `side` of whatever was best."""
        for price in sorted(self.levels, reverse=side is Side.SELL):
            shown, taken = self.levels[price]
            part = min(units, max(0, shown - taken))
            self.levels[price] = (shown, taken + part)
            units -= part

    def _same(self, price: Decimal, units: int) -> bool:
        return price in self.levels and self.levels[price][0] == units


@dataclass(slots=True)
class Volume:
    """The most units an instrument was said to have traded on a day."""

    day: date | None = None
    most: int | None = None

    def since(self, quote: Quote) -> int:
        """Return the units traded since the quote before, 0 where that cannot be known.

        The first quote of a day tells nothing: it counts what was before as well. A volume that
        falls back is an error of the source, and so is its way up again.
        """
        day = quote.time.astimezone(IST).date()
        before = self.most if self.day == day else None
        if self.day != day:
            self.day, self.most = day, None
        if quote.volume is not None:
            self.most = max(quote.volume, before or 0)
        if before is None or quote.volume is None:
            return 0
        return max(0, quote.volume - before)


def hours_of(order: Order) -> tuple[datetime | None, datetime | None]:
    """Return opening and close of the session an order is for; None where no table holds them."""
    midnight = datetime.combine(order.session, time(), IST)
    try:
        day, opens, closes = rules.session_of(order.instrument, midnight)
    except OutOfRange:
        return None, None
    return (opens, closes) if day == order.session else (None, None)
