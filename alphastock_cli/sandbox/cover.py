"""Cover orders: an entry and a stop that belong together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side, exact
from alphastock_cli.domain.trading import OrderType
from alphastock_cli.exchange.limits import limits
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError, bad
from alphastock_cli.sandbox.tickets import Ticket


def is_entry(ticket: Ticket) -> bool:
    """Tell whether an order is the first leg of a cover order."""
    return ticket.form.variety == "co" and ticket.parent is None


def refusal(form: Form, quote: Quote | None, now: datetime) -> CallError | None:
    """Return why a cover order could not have its stop, None where it can.

    The stop lies on the losing side of the entry's price, without one of the last; the exchange
    takes stops for the instrument at all.
    """
    if form.order_type not in {OrderType.MARKET, OrderType.LIMIT}:
        return bad("Invalid `order_type`. A cover order begins with MARKET or LIMIT.")
    refused = limits("no_order_type", form.item.instrument, now.date())
    if OrderType.SL_M.value in " ".join(refused).split():
        return bad("Invalid `variety`. Cover orders are not taken for this instrument.")
    price = form.price if form.order_type is OrderType.LIMIT else _last(quote)
    if price is not None and _passed(form.side, form.trigger_price, price):
        word = "below" if form.side is Side.BUY else "above"
        return bad(f"Invalid `trigger_price`. The stop of this order lies {word} {price}.")
    return None


def stop_of(form: Form, filled: int, quote: Quote | None) -> Form:
    """Return the second leg; where the market is beyond the stop already, an exit at the market."""
    stop = replace(
        form, side=Side.SELL if form.side is Side.BUY else Side.BUY, quantity=filled,
        price=Decimal(0), order_type=OrderType.SL_M, market_protection=Decimal(-1),
        validity="DAY", validity_ttl=0,
    )  # fmt: skip
    last = _last(quote)
    gone = last is not None and _passed(form.side, form.trigger_price, last)
    return at_market(stop) if gone else stop


def at_market(form: Form) -> Form:
    """Return a stop as an order that is executed at once."""
    return replace(
        form, order_type=OrderType.MARKET, trigger_price=Decimal(0), market_protection=Decimal(-1)
    )


def _passed(entry: Side, trigger: Decimal, price: Decimal) -> bool:
    """Tell whether a price is at the stop of an entry, or beyond."""
    return price <= trigger if entry is Side.BUY else price >= trigger


def _last(quote: Quote | None) -> Decimal | None:
    return exact(quote.last_price) if quote is not None and quote.last_price else None
