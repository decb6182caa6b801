"""The portfolio: a fold over fills. Restart is a replay of the same function, not another path.

Cash, positions, marks and the figures that follow from them; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

from alphastock_cli.domain.trading import PAISA, ZERO, Fill, Position, Product

PositionKey = tuple[str, Product]


@dataclass(frozen=True, slots=True)
class Mark:
    """The price a position is valued at, and when it was true."""

    price: Decimal
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Cash and positions after the fills so far, valued at the marks.

    Shares and options are paid in full: their cost leaves the cash, a short's proceeds enter it.
    Futures move cash only when they are closed.
    """

    opening_cash: Decimal
    cash: Decimal
    positions: Mapping[PositionKey, Position] = field(default_factory=lambda: MappingProxyType({}))
    marks: Mapping[str, Mark] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, opening_cash: Decimal, fills: Iterable[Fill] = ()) -> Portfolio:
        """Return the portfolio that these fills lead to, in their order: `apply` after `apply`."""
        cash = opening_cash
        positions: dict[PositionKey, Position] = {}
        marks: dict[str, Mark] = {}
        for fill in fills:
            name = (fill.instrument.key, fill.product)
            before = positions.get(name) or _flat(fill)
            positions[name] = after = booked(before, fill)
            cash += _moved(before, after, fill)
            _note(marks, fill.instrument.key, Mark(fill.price, fill.time))
        return cls(
            opening_cash=opening_cash, cash=cash, positions=MappingProxyType(positions),
            marks=MappingProxyType(marks),
        )  # fmt: skip

    def apply(self, fill: Fill) -> Portfolio:
        """Return the portfolio after one more fill; this one stays as it is."""
        name = (fill.instrument.key, fill.product)
        before = self.positions.get(name) or _flat(fill)
        after = booked(before, fill)
        return replace(
            self,
            cash=self.cash + _moved(before, after, fill),
            positions=MappingProxyType({**self.positions, name: after}),
            marks=self._marked(fill.instrument.key, Mark(fill.price, fill.time)),
        )

    def mark(self, key: str, price: Decimal, time: datetime) -> Portfolio:
        """Return the portfolio with a newer price; an older one than the known changes nothing."""
        return replace(self, marks=self._marked(key, Mark(price, time)))

    def revalued(self, key: str, price: Decimal, time: datetime) -> Portfolio:
        """Return the portfolio with the price of an instrument, be it older than the last fill."""
        return replace(self, marks=MappingProxyType({**self.marks, key: Mark(price, time)}))

    def position(self, key: str, product: Product) -> Position | None:
        """Return the position of an instrument in a product; None when there never was one."""
        return self.positions.get((key, product))

    @property
    def open_positions(self) -> tuple[Position, ...]:
        """The positions that are not flat, by key."""
        held = (p for _, p in sorted(self.positions.items()) if p.quantity)
        return tuple(held)

    def price_of(self, position: Position) -> Decimal:
        """Return the mark of a position, its average price where nothing newer is known."""
        mark = self.marks.get(position.instrument.key)
        return mark.price if mark else position.average_price or ZERO

    @property
    def charges(self) -> Decimal:
        """All charges so far, in rupees."""
        return sum((p.charges for p in self.positions.values()), ZERO)

    @property
    def pnl_realised(self) -> Decimal:
        """Profit of what was closed, before charges."""
        return sum((p.pnl_realised for p in self.positions.values()), ZERO)

    @property
    def pnl_unrealised(self) -> Decimal:
        """Profit of what is open at the marks, before charges."""
        return sum((p.pnl_unrealised(self.price_of(p)) for p in self.open_positions), ZERO)

    @property
    def equity(self) -> Decimal:
        """Cash and what the positions are worth at the marks."""
        return self.opening_cash + self.pnl_realised + self.pnl_unrealised - self.charges

    @property
    def exposure(self) -> Decimal:
        """Market value of all open positions without their signs."""
        return sum((self.exposure_of(p) for p in self.open_positions), ZERO)

    def exposure_of(self, position: Position) -> Decimal:
        """Return the market value of one position without its sign."""
        return abs(position.value(self.price_of(position)))

    @property
    def blocked(self) -> Decimal:
        """Rupees that may not be spent: the proceeds of shorts, and as much again behind them."""
        shorts = (p for p in self.open_positions if p.quantity < 0 and p.instrument.paid_in_full)
        return sum((2 * self.exposure_of(p) for p in shorts), ZERO)

    def _marked(self, key: str, mark: Mark) -> Mapping[str, Mark]:
        marks = dict(self.marks)
        _note(marks, key, mark)
        return MappingProxyType(marks)


def booked(position: Position, fill: Fill) -> Position:
    """Return the position after a fill, by the average-price method.

    Closing takes its share of the cost, to the paisa; crossing zero closes all and opens the rest
    at the fill's price. Every part is whole paise, and the parts add up to the fill's value.
    """
    held, signed = position.quantity, fill.signed
    charges = position.charges + fill.charges
    value = fill.value if signed > 0 else -fill.value
    if held == 0 or (held > 0) == (signed > 0):
        return replace(
            position, quantity=held + signed, cost=position.cost + value, charges=charges,
            opened_at=position.opened_at or fill.time,
        )  # fmt: skip
    closed = min(abs(held), abs(signed))
    whole = closed == abs(held)
    part = position.cost if whole else _paise(position.cost * closed / abs(held))
    left = held + signed
    crossed = whole and left != 0
    rest = _paise(fill.price * left * fill.instrument.multiplier) if crossed else ZERO
    return replace(
        position,
        quantity=left,
        cost=rest if crossed else position.cost - part,
        pnl_realised=position.pnl_realised + (rest - value) - part,
        charges=charges,
        opened_at=(fill.time if crossed else None) if whole else position.opened_at,
    )


def _flat(fill: Fill) -> Position:
    return Position(instrument=fill.instrument, product=fill.product)


def _moved(before: Position, after: Position, fill: Fill) -> Decimal:
    """Return what a fill brings into the cash: charges go out, futures move their profit only."""
    gained = after.pnl_realised - before.pnl_realised
    if fill.instrument.paid_in_full:
        gained = -fill.value if fill.signed > 0 else fill.value
    return gained - fill.charges


def _note(marks: dict[str, Mark], key: str, mark: Mark) -> None:
    known = marks.get(key)
    if known is None or known.time <= mark.time:
        marks[key] = mark


def _paise(rupees: Decimal) -> Decimal:
    return rupees.quantize(PAISA, ROUND_HALF_EVEN)
