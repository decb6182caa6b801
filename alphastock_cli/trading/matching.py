"""How an order meets the market: five levels, best prices, a last price, or a candle.

Pure functions from market data to slices of a fill; who waits and since when is the business of
`paper.py`. Pessimistic where the data leave a choice: a touch does not fill, hidden depth is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alphastock_cli.domain.data import Candle, Level, Quote
from alphastock_cli.domain.instrument import Instrument, OptionType, Side
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
    """
    levels, fidelity = _levels(quote, side)
    if not levels:
        return _on_last(quote, instrument, side, quantity=quantity, limit=limit, traded=traded)
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
    if quote.bid is not None and quote.ask is not None and quote.bid >= quote.ask:
        return (), Fidelity.T  # crossed: no book that could be believed
    if quote.depth is not None:
        levels = quote.depth.sell if side is Side.BUY else quote.depth.buy
        return levels, Fidelity.L2
    if side is Side.BUY:
        levels = _single(quote.ask, quote.ask_quantity)
    else:
        levels = _single(quote.bid, quote.bid_quantity)
    return levels, Fidelity.L1 if levels else Fidelity.T


def _single(price: float | None, units: int | None) -> tuple[Level, ...]:
    return () if price is None or not units else (Level(price, units),)


def _on_last(
    quote: Quote,
    instrument: Instrument,
    side: Side,
    *,
    quantity: int,
    limit: Decimal | None,
    traded: int,
) -> list[Slice]:
    """Fill on the last price alone: half a spread worse, a small share of what traded."""
    one_sided = quote.depth is not None or quote.bid is not None or quote.ask is not None
    if quote.last_price is None or one_sided:
        return []  # a side without an order sells nothing
    price = slipped(instrument, quote.last_price, side)
    units = _whole(min(quantity, int(SHARE_OF_VOLUME * traded)), instrument)
    if not units or not allows(limit, price, side):
        return []
    return [Slice(units, price, Fidelity.T)]


def slipped(instrument: Instrument, price: float | Decimal, side: Side) -> Decimal:
    """Return a price half an assumed spread, at least a tick, to the disadvantage of `side`."""
    exact = price if isinstance(price, Decimal) else Decimal(repr(price))
    spread = _OPTION_SPREAD if isinstance(instrument.option_type, OptionType) else _SPREAD
    step = max(instrument.tick_size, exact * spread / 2)
    worse = exact + step if side is Side.BUY else max(exact - step, instrument.tick_size)
    return against(instrument, worse, side)


def shown(quote: Quote, instrument: Instrument, side: Side) -> dict[Decimal, int]:
    """Return the units on offer to an order of `side`, by price."""
    levels, _ = _levels(quote, side)
    return {against(instrument, level.price, side): level.quantity for level in levels}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Where a resting order stands: units ahead of it at its price; None is not known."""

    ahead: int | None


def join(quote: Quote, instrument: Instrument, side: Side, price: Decimal) -> Queue:
    """Return the place of an order that begins to rest at a price: behind all who are there."""
    if quote.depth is not None:
        levels = quote.depth.buy if side is Side.BUY else quote.depth.sell
    elif side is Side.BUY:
        levels = _single(quote.bid, quote.bid_quantity)
    else:
        levels = _single(quote.ask, quote.ask_quantity)
    shown = {against(instrument, level.price, _other(side)): level.quantity for level in levels}
    if price in shown:
        return Queue(ahead=shown[price])
    if not shown:
        return Queue(ahead=None)
    best_price = max(shown) if side is Side.BUY else min(shown)
    better = price > best_price if side is Side.BUY else price < best_price
    return Queue(ahead=0 if better else None)


def rest(
    quote: Quote,
    instrument: Instrument,
    side: Side,
    *,
    price: Decimal,
    quantity: int,
    queue: Queue,
    traded: int,
) -> tuple[int, Queue]:
    """Return the units a resting limit order gets, and its place afterwards.

    A trade beyond the price, or a book that stands on it from the other side, reaches everyone who
    waited there. A trade at the price serves those ahead first. A touch alone serves nobody.
    """
    last = None if quote.last_price is None else Decimal(repr(quote.last_price))
    buying = side is Side.BUY
    crossed = _crossing(quote, instrument, side, price)
    beyond = last is not None and (last < price if buying else last > price)
    if crossed or (beyond and traded > 0):
        units = _whole(min(quantity, max(traded if beyond else 0, crossed)), instrument)
        return units, Queue(ahead=0)
    if last is None or last != price or traded <= 0:
        ahead = queue.ahead
        if ahead is None:
            ahead = join(quote, instrument, side, price).ahead
        return 0, Queue(ahead=ahead)
    if queue.ahead is None:
        return 0, join(quote, instrument, side, price)
    left = queue.ahead - traded
    if left >= 0:
        return 0, Queue(ahead=left)
    return _whole(min(quantity, -left), instrument), Queue(ahead=0)


def _crossing(quote: Quote, instrument: Instrument, side: Side, price: Decimal) -> int:
    """Return the units the other side shows at our price or better."""
    levels, _ = _levels(quote, side)
    fits = (
        lv.quantity for lv in levels if allows(price, against(instrument, lv.price, side), side)
    )
    return sum(fits)


def on_candle(
    candle: Candle, instrument: Instrument, side: Side, *, quantity: int, limit: Decimal | None
) -> list[Slice]:
    """Return what a candle gives an order that waited when it began.

    A limit fills only if the candle went beyond it, at the better of limit and open. Without a
    limit it fills at the open, half a spread worse. At most a small share of the volume; nothing
    where no volume is known.
    """
    units = candle_room(candle, instrument, quantity)
    if not units:
        return []
    opened = against(instrument, candle.open, side)
    if limit is None:
        return [Slice(units, slipped(instrument, candle.open, side), Fidelity.B)]
    low, high = Decimal(repr(candle.low)), Decimal(repr(candle.high))
    if side is Side.BUY:
        return [Slice(units, min(limit, opened), Fidelity.B)] if low < limit else []
    return [Slice(units, max(limit, opened), Fidelity.B)] if high > limit else []


def stopped(candle: Candle, instrument: Instrument, side: Side, trigger: Decimal) -> Decimal | None:
    """Return the price at which a candle sets off a stop, half a spread worse; None if it does not.

    Beyond the trigger already at the open: the open. Else the trigger.
    """
    low, high = Decimal(repr(candle.low)), Decimal(repr(candle.high))
    opened = Decimal(repr(candle.open))
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
    last = Decimal(repr(quote.last_price))
    return last >= trigger if side is Side.BUY else last <= trigger


def candle_room(candle: Candle, instrument: Instrument, quantity: int) -> int:
    """Return the units of a candle that could have been ours, in whole lots."""
    return _whole(min(quantity, int(SHARE_OF_VOLUME * (candle.volume or 0))), instrument)


def _whole(units: int, instrument: Instrument) -> int:
    return units // instrument.lot_size * instrument.lot_size


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY
