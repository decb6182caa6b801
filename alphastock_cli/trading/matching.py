"""How an order meets the market: five levels, best prices, a last price, or a candle.

Pure functions from market data to slices of a fill; who waits and since when is the business of
`paper.py`. Pessimistic where the data leave a choice: a touch does not fill, hidden depth is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alphastock_cli.domain.data import Candle, Level, Quote
from alphastock_cli.domain.instrument import Instrument, Side, exact
from alphastock_cli.domain.trading import Fidelity

# of the volume that traded, how much could have been ours; and how wide a market is where only
# its last price is known (shares, options): half of it is paid
SHARE_OF_VOLUME = Decimal("0.025")
_SPREAD = Decimal("0.001")
_OPTION_SPREAD = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Slice:
    """Units at a price, and what they were judged on."""

    quantity: int
    price: Decimal
    fidelity: Fidelity


def believable(market: Quote | Candle) -> bool:
    """Tell whether a market may move orders: prices above zero, the last inside its own day."""
    if isinstance(market, Candle):
        return market.low > 0 and math.isfinite(market.high)
    last = market.last_price
    if last is None:
        return True
    if not (math.isfinite(last) and last > 0):
        return False
    floors = [x for x in (market.low, market.lower_circuit) if x is not None]
    ceilings = [x for x in (market.high, market.upper_circuit) if x is not None]
    return all(last >= x for x in floors) and all(last <= x for x in ceilings)


def against(instrument: Instrument, price: float | Decimal, side: Side) -> Decimal:
    """Return a market price on the tick, rounded to the disadvantage of `side`."""
    return instrument.round_to_tick(price, Side.SELL if side is Side.BUY else Side.BUY)


def allows(limit: Decimal | None, price: Decimal, side: Side) -> bool:
    """Tell whether a limit permits a price; None permits all."""
    return limit is None or (price <= limit if side is Side.BUY else price >= limit)


def take(
    quote: Quote,
    instrument: Instrument,
    side: Side,
    *,
    quantity: int,
    limit: Decimal | None,
    taken: Mapping[Decimal, int],
    traded: int,
    used: int = 0,
) -> list[Slice]:
    """Return what an order that wants liquidity now can get from a quote, best price first.

    Parameters
    ----------
    quantity : int
        Units wanted; whole lots.
    limit : Decimal or None
        No slice is worse than this.
    taken : mapping of Decimal to int
        Units of each level that we took before: a level gives what it shows once.
    traded : int
        Units traded since the last quote; bounds a fill on the last price alone.
    used : int
        Units of that volume which other orders of ours had.
    """
    levels, fidelity = _levels(quote, side)
    if not levels:
        if has_book(quote):
            return []  # a side without an order sells nothing
        room = int(SHARE_OF_VOLUME * traded) - used
        return _on_last(quote, instrument, side, quantity=min(quantity, room), limit=limit)
    found: list[Slice] = []
    left = quantity
    for level in levels:
        price = against(instrument, level.price, side)
        if left == 0 or not allows(limit, price, side):
            break
        units = _whole(min(left, max(0, level.quantity - taken.get(price, 0))), instrument)
        if units:
            found.append(Slice(units, price, fidelity))
            left -= units
    return found


def _levels(quote: Quote, side: Side) -> tuple[tuple[Level, ...], Fidelity]:
    """Return the levels an order of `side` would take, and how well they are known."""
    bids, asks, fidelity = _book(quote)
    if bids and asks and bids[0].price >= asks[0].price:
        return (), fidelity  # crossed: no book that could be believed
    return (asks if side is Side.BUY else bids), fidelity


def _book(quote: Quote) -> tuple[tuple[Level, ...], tuple[Level, ...], Fidelity]:
    """Return both sides, the empty levels some sources send left out."""
    if quote.depth is not None:
        bids, asks, fidelity = quote.depth.buy, quote.depth.sell, Fidelity.L2
    else:
        bids = _single(quote.bid, quote.bid_quantity)
        asks = _single(quote.ask, quote.ask_quantity)
        fidelity = Fidelity.L1 if has_book(quote) else Fidelity.T
    real = [tuple(lv for lv in side if lv.price > 0 and lv.quantity > 0) for side in (bids, asks)]
    return real[0], real[1], fidelity


def has_book(quote: Quote) -> bool:
    """Tell whether anything but a last price is known, be it that a side is empty."""
    return quote.depth is not None or quote.bid is not None or quote.ask is not None


def _single(price: float | None, units: int | None) -> tuple[Level, ...]:
    return () if price is None or not units else (Level(price, units),)


def _on_last(
    quote: Quote, instrument: Instrument, side: Side, *, quantity: int, limit: Decimal | None
) -> list[Slice]:
    """Fill on the last price alone, half a spread worse."""
    if quote.last_price is None:
        return []
    price = slipped(instrument, quote.last_price, side)
    units = _whole(quantity, instrument)
    if units <= 0 or not allows(limit, price, side):
        return []
    return [Slice(units, price, Fidelity.T)]


def slipped(instrument: Instrument, price: float | Decimal, side: Side) -> Decimal:
    """Return a price half an assumed spread, at least a tick, to the disadvantage of `side`."""
    middle = exact(price)
    spread = _SPREAD if instrument.option_type is None else _OPTION_SPREAD
    step = max(instrument.tick_size, middle * spread / 2)
    worse = middle + step if side is Side.BUY else max(middle - step, instrument.tick_size)
    return against(instrument, worse, side)


def shown(quote: Quote, instrument: Instrument, side: Side) -> dict[Decimal, int]:
    """Return the units on offer to an order of `side`, by price."""
    found: dict[Decimal, int] = {}
    for level in _levels(quote, side)[0]:
        price = against(instrument, level.price, side)
        found[price] = found.get(price, 0) + level.quantity
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Where a resting order stands: units ahead of it at its price; None is not known."""

    ahead: int | None


def join(quote: Quote, instrument: Instrument, side: Side, price: Decimal) -> Queue:
    """Return the place of an order that begins to rest at a price: behind all who are there."""
    bids, asks, _ = _book(quote)
    levels = bids if side is Side.BUY else asks
    theirs = {against(instrument, level.price, _other(side)): level.quantity for level in levels}
    if price in theirs:
        return Queue(ahead=theirs[price])
    if not theirs:
        return Queue(ahead=None)
    best_price = max(theirs) if side is Side.BUY else min(theirs)
    better = price > best_price if side is Side.BUY else price < best_price
    return Queue(ahead=0 if better else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a resting order got: units by the volume that traded, units by the book across."""

    traded: int = 0
    crossed: int = 0
    queue: Queue


def rest(
    quote: Quote,
    instrument: Instrument,
    side: Side,
    *,
    price: Decimal,
    quantity: int,
    queue: Queue,
    traded: int,
    taken: Mapping[Decimal, int],
) -> Served:
    """Return the units a resting limit order gets, all at its price, and its place afterwards.

    A trade beyond the price, or a book that stands on it from the other side, reaches everyone who
    waited there. A trade at the price serves those ahead first. A touch alone serves nobody.

    Parameters
    ----------
    traded : int
        Units traded since the last quote that no other order of ours had.
    taken : mapping of Decimal to int
        Units of each level across that we took before.
    """
    last = None if quote.last_price is None else exact(quote.last_price)
    beyond = last is not None and (last < price if side is Side.BUY else last > price)
    through = _whole(min(quantity, max(0, traded)), instrument) if beyond else 0
    across = _across(quote, instrument, side, price, taken)
    crossed = _whole(min(quantity - through, across), instrument)
    if through or crossed:
        return Served(traded=through, crossed=crossed, queue=Queue(ahead=0))
    ahead = queue.ahead
    if ahead is None:
        return Served(queue=join(quote, instrument, side, price))
    if last != price or traded <= 0:
        return Served(queue=queue)
    left = ahead - traded
    if left >= 0:
        return Served(queue=Queue(ahead=left))
    return Served(traded=_whole(min(quantity, -left), instrument), queue=Queue(ahead=0))


def _across(
    quote: Quote, instrument: Instrument, side: Side, price: Decimal, taken: Mapping[Decimal, int]
) -> int:
    """Return the units the other side shows at our price or better, and we have not had."""
    offered = shown(quote, instrument, side)
    return sum(
        max(0, units - taken.get(at, 0)) for at, units in offered.items() if allows(price, at, side)
    )


def on_candle(
    candle: Candle,
    instrument: Instrument,
    side: Side,
    *,
    quantity: int,
    limit: Decimal | None,
    used: int = 0,
) -> list[Slice]:
    """Return what a candle gives an order that waited when it began.

    A limit fills only if the candle went beyond it, at the better of limit and open. Without a
    limit it fills at the open, half a spread worse. At most a small share of the volume; nothing
    where no volume is known. `used` are the units other orders of ours had of it.
    """
    units = candle_room(candle, instrument, quantity, used=used)
    if not units:
        return []
    opened = against(instrument, candle.open, side)
    if limit is None:
        return [Slice(units, slipped(instrument, candle.open, side), Fidelity.B)]
    low, high = exact(candle.low), exact(candle.high)
    if side is Side.BUY:
        return [Slice(units, min(limit, opened), Fidelity.B)] if low < limit else []
    return [Slice(units, max(limit, opened), Fidelity.B)] if high > limit else []


def stopped(candle: Candle, instrument: Instrument, side: Side, trigger: Decimal) -> Decimal | None:
    """Return the price at which a candle sets off a stop, half a spread worse; None if it does not.

    Beyond the trigger already at the open: the open. Else the trigger.
    """
    low, high, opened = exact(candle.low), exact(candle.high), exact(candle.open)
    if side is Side.BUY:
        if high < trigger:
            return None
        return slipped(instrument, max(opened, trigger), side)
    if low > trigger:
        return None
    return slipped(instrument, min(opened, trigger), side)


def triggers(quote: Quote, side: Side, trigger: Decimal) -> bool:
    """Tell whether the last price sets off a stop: at or above it to buy, at or below to sell."""
    if quote.last_price is None:
        return False
    last = exact(quote.last_price)
    return last >= trigger if side is Side.BUY else last <= trigger


def candle_room(candle: Candle, instrument: Instrument, quantity: int, *, used: int = 0) -> int:
    """Return the units of a candle that could have been ours, in whole lots."""
    room = int(SHARE_OF_VOLUME * (candle.volume or 0)) - used
    return _whole(max(0, min(quantity, room)), instrument)


def _whole(units: int, instrument: Instrument) -> int:
    return units // instrument.lot_size * instrument.lot_size


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
