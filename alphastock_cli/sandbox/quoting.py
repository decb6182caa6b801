"""The market's quotes in Kite's shapes: `/quote`, `/quote/ohlc`, `/quote/ltp`.

A field the market does not know is 0, as Kite answers it; here is the only place where that is so.
"""

from __future__ import annotations

from typing import Any

from alphastock_cli.domain.data import Level, Quote
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import stamp

LEVELS = 5
# Kite answers an instrument that has not traded with the first second of the epoch, Indian time
_NEVER = "1970-01-01 05:30:00"


def full(item: Listed, quote: Quote) -> dict[str, Any]:
    """Return the fields of `/quote`; an index has no depth, volume or limits."""
    bids, asks = sides(quote)
    answer: dict[str, Any] = {
        "instrument_token": item.token, "timestamp": stamp(quote.time),
        "last_trade_time": _NEVER, "last_price": quote.last_price or 0,
        "last_quantity": 0, "buy_quantity": sum(lv.quantity for lv in bids),
        "sell_quantity": sum(lv.quantity for lv in asks), "volume": quote.volume or 0,
        "average_price": average(quote), "oi": quote.open_interest or 0,
        "oi_day_high": quote.open_interest or 0, "oi_day_low": quote.open_interest or 0,
        "net_change": 0, "lower_circuit_limit": quote.lower_circuit or 0,
        "upper_circuit_limit": quote.upper_circuit or 0, "ohlc": ohlc(quote),
        "depth": {"buy": _five(bids), "sell": _five(asks)},
    }  # fmt: skip
    if quote.last_trade_time is not None or quote.volume:
        answer["last_trade_time"] = stamp(quote.last_trade_time or quote.time)
    if item.is_index:
        kept = ("instrument_token", "timestamp", "last_price", "net_change", "ohlc")
        return {name: answer[name] for name in kept}
    return answer


def brief(item: Listed, quote: Quote, *, day: bool) -> dict[str, Any]:
    """Return the fields of `/quote/ltp`, with the day's prices those of `/quote/ohlc`."""
    answer: dict[str, Any] = {"instrument_token": item.token, "last_price": quote.last_price or 0}
    return answer | {"ohlc": ohlc(quote)} if day else answer


def ohlc(quote: Quote) -> dict[str, float]:
    """Return open, high and low of the day; the close is that of the day before."""
    return {
        "open": quote.open or 0, "high": quote.high or 0, "low": quote.low or 0,
        "close": quote.previous_close or 0,
    }  # fmt: skip


def average(quote: Quote) -> float:
    """Return the mean of the day's prices: the market does not tell its traded average."""
    known = [price for price in (quote.high, quote.low, quote.last_price) if price]
    return round(sum(known) / len(known), 2) if quote.volume and known else 0


def sides(quote: Quote) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return bids and asks, best first, of the depth or of the best prices."""
    if quote.depth is not None:
        return quote.depth.buy, quote.depth.sell
    return _single(quote.bid, quote.bid_quantity), _single(quote.ask, quote.ask_quantity)


def _single(price: float | None, units: int | None) -> tuple[Level, ...]:
    return (Level(price, units, 1),) if price and units else ()


def _five(levels: tuple[Level, ...]) -> list[dict[str, float]]:
    told: list[dict[str, float]] = [
        {"price": lv.price, "quantity": lv.quantity, "orders": lv.orders} for lv in levels[:LEVELS]
    ]
    return told + [{"price": 0, "quantity": 0, "orders": 0}] * (LEVELS - len(told))
