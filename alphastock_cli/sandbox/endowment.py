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
from alphastock_cli.sandbox.listing import Listed


def held(item: Listed, units: int, price: float, now: datetime) -> tuple[OrderState, Fill]:
    """Return a finished purchase that stands for units held since before today."""
    cost = exact(price)
    order = Order(
        order_id=f"held.{item.key}", tag="", instrument=item.instrument, side=Side.BUY,
        quantity=units, order_type=OrderType.LIMIT, product=Product.CNC, placed_at=now,
        session=now.date(), price=cost,
    )  # fmt: skip
    state = OrderState(
        order=order, status=OrderStatus.COMPLETE, updated_at=now, filled_quantity=units,
        average_price=cost,
    )  # fmt: skip
    fill = Fill(
        order_id=order.order_id, seq=1, instrument=item.instrument, side=Side.BUY,
        product=Product.CNC, quantity=units, price=cost, time=now, charges=ZERO,
        fidelity=Fidelity.T, quote_time=now,
    )  # fmt: skip
    return state, fill


def in_kites_words(reasons: str) -> str:
    """Return the reasons of a refusal, in Kite's words where they are known."""
    if "circuit limit" in reasons:
        return (
            "Price exceeds circuit limits for the instrument."
            " Place an order within the daily range."
        )
    return reasons
