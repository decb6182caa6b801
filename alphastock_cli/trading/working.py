"""What the paper broker remembers of one order that is not over: its place, its fills, its group.

Small mutable records of the broker; nobody else sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import (
    ZERO,
    Fill,
    Order,
    OrderState,
    OrderStatus,
    OrderType,
)
from alphastock_cli.exchange import charges
from alphastock_cli.trading.matching import Queue, Slice


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

    @classmethod
    def of(cls, state: OrderState) -> Working:
        """Return the record of an order as it stands."""
        stop = state.order.order_type in {OrderType.SL, OrderType.SL_M}
        waiting = stop and state.status in {OrderStatus.TRIGGER_PENDING, OrderStatus.INTENT,
                                            OrderStatus.AMO}  # fmt: skip
        return cls(state=state, limit=state.order.price, triggered=not waiting)

    @property
    def order(self) -> Order:
        """The order itself."""
        return self.state.order

    @property
    def left(self) -> int:
        """Units still wanted."""
        return self.state.pending_quantity

    def fill(self, piece: Slice, *, time: datetime, quote_time: datetime) -> Fill:
        """Book one slice: a fill with its share of the order's charges, and the new state."""
        order = self.order
        value = piece.price * piece.quantity * order.instrument.multiplier
        self.turnover += value
        total = charges.order_charges(
            order.instrument, order.product, order.side, self.turnover, order.session
        ).paise
        self.seq += 1
        made = Fill(
            order_id=order.order_id, seq=self.seq, instrument=order.instrument, side=order.side,
            product=order.product, quantity=piece.quantity, price=piece.price, time=time,
            charges=total - self.charged, fidelity=piece.fidelity, quote_time=quote_time,
        )  # fmt: skip
        self.charged = total
        filled = self.state.filled_quantity + piece.quantity
        units = filled * order.instrument.multiplier
        self.state = replace(
            self.state,
            filled_quantity=filled,
            average_price=(self.turnover / units).quantize(Decimal("0.0001")),
            status=OrderStatus.COMPLETE if filled == order.quantity else OrderStatus.OPEN,
            updated_at=time,
        )
        return made

    def resume(self, fills: list[Fill]) -> None:
        """Take in the fills it had before a restart."""
        for made in fills:
            self.seq = max(self.seq, made.seq)
            self.turnover += made.value
            self.charged += made.charges
        self.met = bool(fills)

    def end(self, status: OrderStatus, why: str, at: datetime) -> OrderState:
        """Make the order final and return its state."""
        self.state = replace(self.state, status=status, status_message=why, updated_at=at)
        return self.state

    def shrink(self, units: int, at: datetime) -> OrderState:
        """Give up `units` that another order of the group has filled; none left is cancelled."""
        left = self.left - units
        if left <= 0:
            return self.end(OrderStatus.CANCELLED, "its sibling filled", at)
        order = replace(self.order, quantity=self.order.quantity - units)
        self.state = replace(self.state, order=order, updated_at=at)
        return self.state


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

    def _same(self, price: Decimal, units: int) -> bool:
        return price in self.levels and self.levels[price][0] == units


def day_volume(quote: Quote, before: Quote | None) -> int:
    """Return the units traded since the quote before, 0 where that cannot be known."""
    if before is None or quote.volume is None or before.volume is None:
        return 0
    if before.time.date() != quote.time.date():
        return quote.volume
    return max(0, quote.volume - before.volume)


def opposite(side: Side) -> Side:
    """Return the other side."""
    return Side.SELL if side is Side.BUY else Side.BUY
