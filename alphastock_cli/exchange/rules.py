"""What an exchange or the broker refuses in an order, every reason in words and in numbers.

Facts are dated rows (`limits.py`, `contracts.py`, the calendar); money, margins and the limits a
person sets himself belong to `trading/`. The hours of an instrument are offered here as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import Any

from alphastock_cli.domain.decisions import Reason
from alphastock_cli.domain.instrument import AssetType, Side
from alphastock_cli.domain.trading import Order, OrderType, Product
from alphastock_cli.exchange.limits import (
    CASH,
    freeze_quantity,
    limits,
    protection_price,
    underlying_of,
)
from alphastock_cli.exchange.trading_hours import (
    expires_at,
    is_trading,
    session_close,
    session_of,
    square_off_time,
)

__all__ = (
    "check_order", "expires_at", "is_trading", "protection_price", "session_close", "session_of",
    "square_off_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Market:
    """What an order is judged against; None is not known, and what needs it is not judged."""

    now: datetime
    last: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    held: int


def check_order(
    order: Order,
    *,
    now: datetime,
    last_price: float | None,
    lower_circuit: float | None,
    upper_circuit: float | None,
    held: int = 0,
) -> tuple[Reason, ...]:
    """Return every reason why the order would be refused, in the order they are looked at.

    Expired or not tradable, whole lots, freeze quantity, tick, circuit, side of the trigger,
    market protection, product, type of order, holdings, largest quantity and value. Dated limits
    are those of the order's session. Not judged: margin, the price bands of options around recent
    trades, market orders on options the broker finds illiquid.

    Parameters
    ----------
    now : datetime
        Aware; decides whether the contract still trades.
    last_price, lower_circuit, upper_circuit : float or None
        Rupees; None leaves out the rules that need it.
    held : int
        Units free to be sold from the holdings: settled and bought, less what other orders sell.

    Returns
    -------
    tuple of Reason
        Empty when nothing speaks against it. `Reason.rule` is one of ``instrument``, ``expired``,
        ``lot``, ``freeze``, ``tick``, ``circuit``, ``trigger``, ``protection``, ``product``,
        ``order_type``, ``holdings``, ``max_quantity``, ``max_value``.

    Raises
    ------
    ValueError
        `now` is naive, or a price of the order or of the market is not a number.
    """
    if now.tzinfo is None:
        raise ValueError(f"{now} is naive: a moment needs a time zone")
    for price in (order.price, order.trigger_price, order.market_protection):
        if price is not None and not price.is_finite():
            raise ValueError(f"order {order.order_id}: {price} is not a number")
    market = _Market(
        now=now,
        last=_decimal(last_price),
        lower=_decimal(lower_circuit),
        upper=_decimal(upper_circuit),
        held=held,
    )
    return tuple(reason for rule in _RULES for reason in rule(order, market))


def _alive(order: Order, market: _Market) -> Iterator[Reason]:
    instrument = order.instrument
    if instrument.asset_type is AssetType.INDEX:
        yield _no("instrument", f"{instrument.key} is an index: trade its futures or options")
    ends = expires_at(instrument)
    if ends is not None and (market.now >= ends or order.session > ends.date()):
        late = f"it is {market.now.astimezone(ends.tzinfo):%Y-%m-%d %H:%M}"
        yield _no(
            "expired",
            f"{instrument.key} expires on {ends:%Y-%m-%d at %H:%M}:"
            f" {late if market.now >= ends else f'the order is for {order.session}'}",
            expiry=instrument.expiry, session=order.session,
        )  # fmt: skip


def _whole_lots(order: Order, _: _Market) -> Iterator[Reason]:
    lot = order.instrument.lot_size
    if rest := order.quantity % lot:
        below, above = order.quantity - rest, order.quantity - rest + lot
        near = f"{below} or {above}" if below else f"{above}"
        yield _no(
            "lot",
            f"quantity {order.quantity} is not a multiple of the lot of {lot}: take {near}",
            quantity=order.quantity, lot_size=lot,
        )  # fmt: skip


def _below_freeze(order: Order, _: _Market) -> Iterator[Reason]:
    instrument = order.instrument
    most = freeze_quantity(instrument, order.session)
    if most is None or order.quantity <= most:
        return
    text = f"quantity {order.quantity} is above the freeze quantity {most}"
    if piece := most - most % instrument.lot_size:
        pieces = -(-order.quantity // piece)
        text += f" of {underlying_of(instrument)}: send {pieces} orders of at most {piece}"
        allowed = limits("max_slices", instrument, order.session)
        if allowed and pieces > int(allowed[0]):
            text += f" (the broker itself divides into at most {allowed[0]})"
    yield _no("freeze", text, quantity=order.quantity, freeze_quantity=most)


def _on_tick(order: Order, _: _Market) -> Iterator[Reason]:
    tick = order.instrument.tick_size
    for name, price in _prices(order):
        ticks = price / tick
        below = ticks.to_integral_value(ROUND_FLOOR) * tick
        above = ticks.to_integral_value(ROUND_CEILING) * tick
        if price <= 0:
            yield _no("tick", f"{name} {_text(price)} is not above zero", price=price)
        elif below != above:
            near = f"{_text(below)} or {_text(above)}" if below else _text(above)
            yield _no(
                "tick",
                f"{name} {_text(price)} is not a multiple of the tick {_text(tick)}: take {near}",
                price=price, tick_size=tick, below=below, above=above,
            )  # fmt: skip


def _inside_circuit(order: Order, market: _Market) -> Iterator[Reason]:
    for name, price in _prices(order):
        if market.lower is not None and price < market.lower:
            word, limit = "below the lower", market.lower
        elif market.upper is not None and price > market.upper:
            word, limit = "above the upper", market.upper
        else:
            continue
        yield _no(
            "circuit",
            f"{name} {_text(price)} is {word} circuit limit {_text(limit)} of the day",
            price=price, lower=market.lower, upper=market.upper,
        )  # fmt: skip


def _right_side(order: Order, market: _Market) -> Iterator[Reason]:
    trigger = order.trigger_price
    if trigger is None:
        return
    sign, near, far = (1, "above", "below") if order.side is Side.BUY else (-1, "below", "above")
    word = f"{order.side.lower()} stop"
    if market.last is not None and (trigger - market.last) * sign <= 0:
        yield _no(
            "trigger",
            f"the trigger {_text(trigger)} of a {word} must be {near} the last price"
            f" {_text(market.last)}",
            trigger=trigger, last_price=market.last,
        )  # fmt: skip
    if order.price is not None and (order.price - trigger) * sign < 0:
        yield _no(
            "trigger",
            f"the limit {_text(order.price)} of a {word} must not be {far} its trigger"
            f" {_text(trigger)}",
            trigger=trigger, price=order.price,
        )  # fmt: skip


def _protected(order: Order, _: _Market) -> Iterator[Reason]:
    pct = order.market_protection
    if pct is None:
        return
    needed = " ".join(limits("protection_required", order.instrument, order.session)).split()
    none_taken = pct == 0 and order.order_type not in needed
    if not (0 < pct <= 100 or none_taken):  # noqa: PLR2004 - a percentage
        yield _no(
            "protection",
            f"a market protection of {pct} % is refused: give more than 0, at most 100, or none"
            " for the broker's own",
            protection=pct,
        )


def _product_allowed(order: Order, _: _Market) -> Iterator[Reason]:
    instrument = order.instrument
    allowed = " ".join(limits("products", instrument, order.session)).split()
    if order.product not in allowed:
        yield _no(
            "product",
            f"{order.product} is not a product of {instrument.exchange}:"
            f" choose {' or '.join(allowed)}",
            product=order.product.value, allowed=tuple(allowed),
        )  # fmt: skip


def _type_offered(order: Order, _: _Market) -> Iterator[Reason]:
    instrument = order.instrument
    refused = " ".join(limits("no_order_type", instrument, order.session)).split()
    if order.order_type in refused:
        instead = OrderType.SL if order.trigger_price is not None else OrderType.LIMIT
        yield _no(
            "order_type",
            f"the broker takes no {order.order_type} orders for {instrument.key}: use {instead}",
            order_type=order.order_type.value,
        )


def _holds_enough(order: Order, market: _Market) -> Iterator[Reason]:
    selling = order.side is Side.SELL and order.product is Product.CNC
    if selling and order.instrument.exchange in CASH and order.quantity > market.held:
        yield _no(
            "holdings",
            f"a CNC sell of {order.quantity} needs as many in the holdings, {market.held} are free:"
            " to sell short within the day use MIS",
            quantity=order.quantity, held=market.held,
        )  # fmt: skip


def _not_too_large(order: Order, market: _Market) -> Iterator[Reason]:
    instrument = order.instrument
    for most in limits("max_quantity", instrument, order.session):
        if order.quantity > int(most):
            yield _no(
                "max_quantity",
                f"quantity {order.quantity} is above the {most} an order may have",
                quantity=order.quantity, most=int(most),
            )  # fmt: skip
    price = order.price or order.trigger_price or market.last
    if price is None:
        return
    value = price * order.quantity * instrument.multiplier
    for most in limits("max_value", instrument, order.session):
        if value > Decimal(most):
            yield _no(
                "max_value",
                f"the order is worth {_text(value)} rupees, above the {most} an order may be",
                value=value, most=Decimal(most),
            )  # fmt: skip


_RULES = (
    _alive, _whole_lots, _below_freeze, _on_tick, _inside_circuit, _right_side, _protected,
    _product_allowed, _type_offered, _holds_enough, _not_too_large,
)  # fmt: skip


def _prices(order: Order) -> list[tuple[str, Decimal]]:
    """Return the prices a person gave, with their names."""
    both = (("price", order.price), ("trigger", order.trigger_price))
    return [(name, price) for name, price in both if price is not None]


def _no(rule: str, text: str, **numbers: Any) -> Reason:  # noqa: ANN401 - as in Reason
    return Reason(rule=rule, text=text, numbers=MappingProxyType(numbers))


def _decimal(price: float | None) -> Decimal | None:
    """Return the shortest decimal that is this float: what the exchange sent."""
    exact = None if price is None else Decimal(repr(float(price)))
    if exact is not None and not exact.is_finite():
        raise ValueError(f"a market price of {price} is not possible")
    return exact


def _text(price: Decimal) -> str:
    """Write rupees with two decimals, or with as many as there are."""
    decimals = -int(price.normalize().as_tuple().exponent)
    return f"{price:.{max(2, decimals)}f}"
