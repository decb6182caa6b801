"""What the paper venue asks of an order before it works: refusals, its first state, its protection.

The rules themselves are in `exchange/`; here they meet what the broker knows of the market.
"""

from __future__ import annotations

from decimal import Decimal

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.trading import ZERO, Order, OrderStatus
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import charges, rules
from alphastock_cli.trading import matching
from alphastock_cli.trading.working import STOPS, Working


def refusal(order: Order, market: Quote | Candle | None, free: int) -> str:
    """Return every reason against an order in words; "" where there is none.

    Parameters
    ----------
    market : Quote or Candle or None
        The last one seen of its instrument.
    free : int
        Units held that no other waiting order is going to sell.
    """
    quote = market if isinstance(market, Quote) else None
    reasons = rules.check_order(
        order, now=order.placed_at, last_price=_last_price(market),
        lower_circuit=None if quote is None else quote.lower_circuit,
        upper_circuit=None if quote is None else quote.upper_circuit,
        held=free,
    )  # fmt: skip
    if reasons:
        return "; ".join(reason.text for reason in reasons)
    try:
        charges.order_charges(order.instrument, order.product, order.side, ZERO, order.session)
    except OutOfRange as error:
        return error.what  # nobody could say what a fill of it costs
    return ""


def first_status(order: Order) -> OrderStatus:
    """Return how an order that is taken begins: after hours, waiting for its trigger, or open."""
    try:
        trades = rules.is_trading(order.instrument, order.placed_at)
    except OutOfRange:
        trades = True  # the hours of that day are not known: the day itself is
    if not trades:
        return OrderStatus.AMO
    return OrderStatus.TRIGGER_PENDING if order.order_type in STOPS else OrderStatus.OPEN


def protect(work: Working, quote: Quote) -> bool:
    """Give an order without a price its limit; False where none can be told: it has to wait.

    On days before there were slabs such an order may slip as far as the book goes.
    """
    order = work.order
    if order.price is not None or (work.limit is not None and not work.follows_the_market):
        return True
    if quote.last_price is None:
        return work.limit is not None
    last = matching.against(order.instrument, quote.last_price, order.side)
    try:
        limit: Decimal | None = rules.protection_price(
            order.instrument, order.side, last, order.market_protection, order.session
        )
    except OutOfRange:
        limit = None
    work.price_at(limit)
    return True


def _last_price(market: Quote | Candle | None) -> float | None:
    if market is None:
        return None
    return market.last_price if isinstance(market, Quote) else market.close
