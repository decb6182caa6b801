"""Between the desk and the paper broker: what is held from before today, and reasons in words."""

from __future__ import annotations

from datetime import datetime

from alphastock_cli.domain.instrument import Side, exact
from alphastock_cli.domain.trading import (
    ZERO,
    Fidelity,
    Fill,
    Order,
    OrderState,
    OrderStatus,
    OrderType,
    Product,
)
from alphastock_cli.sandbox.buckets import Moved
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import HELD_AS


def held(item: Listed, units: int, price: float, now: datetime) -> tuple[OrderState, Fill]:
    """Return a finished purchase that stands for units held since before today."""
    bought = Moved(item, "", "CNC", Side.BUY, units, price)
    return _done(f"held.{item.key}", bought, Side.BUY, Product.CNC, now)


def _done(
    name: str, moved: Moved, side: Side, product: Product, now: datetime
) -> tuple[OrderState, Fill]:
    cost, item, units = exact(moved.price), moved.item, moved.units
    order = Order(
        order_id=name, tag="", instrument=item.instrument, side=side,
        quantity=units, order_type=OrderType.LIMIT, product=product, placed_at=now,
        session=now.date(), price=cost,
    )  # fmt: skip
    state = OrderState(
        order=order, status=OrderStatus.COMPLETE, updated_at=now, filled_quantity=units,
        average_price=cost,
    )  # fmt: skip
    fill = Fill(
        order_id=name, seq=1, instrument=item.instrument, side=side,
        product=product, quantity=units, price=cost, time=now, charges=ZERO,
        fidelity=Fidelity.T, quote_time=now,
    )  # fmt: skip
    return state, fill


def moved_fills(moved: Moved, number: int, now: datetime) -> list[tuple[OrderState, Fill]]:
    """Return two finished orders that stand for a conversion: out of the one product, in the other.

    None where the desk counts both as one.
    """
    old, new = (HELD_AS[name] for name in (moved.old, moved.new))
    if old is new:
        return []
    back = Side.SELL if moved.side is Side.BUY else Side.BUY
    return [
        _done(f"moved.{number}.{word}", moved, side, product, now)
        for word, side, product in (("out", back, old), ("in", moved.side, new))
    ]


def in_kites_words(reasons: str) -> str:
    """Return the reasons of a refusal, in Kite's words where they are known."""
    if "circuit limit" in reasons:
        return (
            "Price exceeds circuit limits for the instrument."
            " Place an order within the daily range."
        )
    return reasons
