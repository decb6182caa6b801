"""From a form to the order the paper broker gets: its price, its session, its own name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import exact
from alphastock_cli.domain.trading import Order, OrderType
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import rules
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import LIMITED, STOPPED, Form


def protected(form: Form, quote: Quote | None, now: datetime) -> Form:
    """Turn a market order into a limit order at the protected price, as the broker does."""
    if form.order_type is not OrderType.MARKET or quote is None or not quote.last_price:
        return form
    try:
        limit = rules.protection_price(
            form.item.instrument, form.side, exact(quote.last_price), form.protection, now.date()
        )
    except OutOfRange:
        return form  # of days before there were bands
    return replace(form, order_type=OrderType.LIMIT, price=limit, market_protection=Decimal(0))


def order(form: Form, quantity: int, *, name: str, group: str, now: datetime) -> Order:
    """Return the broker's order for so many units of a form.

    Parameters
    ----------
    name, group : str
        Of its own, and of all that stood for the same ticket: they sell the same units, so that
        one of them can take the place of another.
    """
    limited, stopped = form.order_type in LIMITED, form.order_type in STOPPED
    return Order(
        order_id=name, group=group, tag=form.tag, instrument=form.item.instrument,
        side=form.side, quantity=quantity, order_type=form.order_type,
        product=form.product_held, placed_at=now, session=_session(form.item, now),
        validity=form.lasts, price=form.price if limited else None,
        trigger_price=form.trigger_price if stopped else None,
        market_protection=None if limited else form.protection,
    )  # fmt: skip


def ends(form: Form, now: datetime) -> datetime | None:
    """Return when an order ends before its session does; None for one that does not."""
    return now + timedelta(minutes=form.validity_ttl) if form.validity == "TTL" else None


def _session(item: Listed, now: datetime) -> date:
    try:
        return rules.session_of(item.instrument, now)[0]
    except OutOfRange:
        return now.date()
