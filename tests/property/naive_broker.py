"""A second paper broker in the plainest form: fractions, lists, one order after the other.

Written from the rules of the venue, not from the broker: what the two say is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Order, Role, Validity

TICK = Fraction(1, 20)
Told = tuple[str, int, Fraction]


def exact(price: float) -> Fraction:
    return Fraction(str(float(price)))


def down(price: Fraction) -> Fraction:
    return floor(price / TICK) * TICK


def up(price: Fraction) -> Fraction:
    return ceil(price / TICK) * TICK


@dataclass
class Wanted:
    """An order and what the venue knows of it."""

    order: Order
    quantity: int
    limit: Fraction | None
    asleep: bool
    open: bool = True
    met: bool = False
    told_limit: Fraction | None = None
    ahead: int | None = None
    had: list[tuple[int, Fraction]] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.quantity - sum(units for units, _ in self.had)

    @property
    def chases(self) -> bool:
        return self.order.price is None and self.order.role in {Role.EXIT, Role.STOP}

    def fits(self, price: Fraction) -> bool:
        if self.limit is None:
            return True
        return price <= self.limit if self.order.side is Side.BUY else price >= self.limit


@dataclass
class NaiveBroker:
    """Everything in lists; `sessions` are opening and close of each day."""

    sessions: dict[date, tuple[datetime, datetime]]
    latency: timedelta
    orders: list[Wanted] = field(default_factory=list)
    taken: list[list] = field(default_factory=list)  # side, price, shown, taken
    most: tuple[date, int] | None = None
    used: dict[Side, int] = field(default_factory=dict)

    def add(self, order: Order) -> Wanted:
        made = Wanted(
            order=order, quantity=order.quantity, asleep=order.trigger_price is not None,
            limit=None if order.price is None else Fraction(order.price),
        )  # fmt: skip
        self.orders.append(made)
        return made

    def restart(self) -> None:
        """Forget what no ledger holds."""
        self.taken, self.most = [], None
        for each in self.orders:
            each.ahead = None
            each.met = each.told_limit is not None
            if each.order.price is None:
                each.limit = each.told_limit

    def meet(self, market: Quote | Candle) -> list[Told]:
        """Return units and price of every fill, in order."""
        self.used = dict.fromkeys(Side, 0)
        stops = [o for o in self.orders if o.order.trigger_price is not None]
        others = [o for o in self.orders if o.order.trigger_price is None]
        there = [o for o in stops + others if o.open and self.is_there(o.order, market)]
        found: list[Told] = []
        if isinstance(market, Quote):
            self.traded = self.volume(market)
            for each in there:
                if each.open:
                    found += self.at_quote(each, market)
        else:
            ended: list[str] = []
            for each in there:
                if each.open:
                    found += self.at_candle(each, market, ended)
        return found

    def is_there(self, order: Order, market: Quote | Candle) -> bool:
        opens, closes = self.sessions[order.session]
        if isinstance(market, Quote):
            return market.time >= max(order.placed_at + self.latency, opens) and (
                market.time < closes
            )
        return (
            market.time >= order.placed_at
            and market.end > opens
            and (opens.date() == market.time.date() and market.time < closes)
        )

    def volume(self, quote: Quote) -> int:
        day, told = quote.time.date(), quote.volume or 0
        before = self.most[1] if self.most is not None and self.most[0] == day else None
        self.most = (day, max(told, before or 0))
        return 0 if before is None else max(0, told - before)

    # -- a quote ----------------------------------------------------------------------------------

    def at_quote(self, mine: Wanted, quote: Quote) -> list[Told]:
        last = None if quote.last_price is None else exact(quote.last_price)
        buying, order = mine.order.side is Side.BUY, mine.order
        if mine.asleep:
            trigger = Fraction(order.trigger_price or 0)
            if last is None or (last < trigger if buying else last > trigger):
                return []
            mine.asleep = False
        if order.price is None and (mine.limit is None or mine.chases) and last is not None:
            protected = self.protection(last, buying=buying)
            if protected != mine.limit:
                mine.limit, mine.met, mine.ahead = protected, False, None
        found = self.served(mine, quote, last) if mine.limit is not None else []
        self.finish(mine, found)
        return found

    def protection(self, last: Fraction, *, buying: bool) -> Fraction:
        pct = Fraction(2 if last < 100 else 1, 100)
        return down(last * (1 + pct)) if buying else up(last * (1 - pct))

    def served(self, mine: Wanted, quote: Quote, last: Fraction | None) -> list[Told]:
        side, buying = mine.order.side, mine.order.side is Side.BUY
        bids, asks, known = book(quote)
        offers, own = (asks, bids) if buying else (bids, asks)
        if bids and asks and bids[0][0] >= asks[0][0]:
            offers = []
        self.see(side, offers)
        rests = mine.met and not mine.chases and (mine.order.price is not None or known)
        assert mine.limit is not None
        if not rests:
            got = self.take(mine, offers, last, known=known)
            mine.met, mine.ahead = True, self.place_in(own, mine.limit, buying=buying)
            if mine.told_limit is None:
                mine.told_limit = mine.limit
            return got
        name, free = mine.order.order_id, max(0, self.traded - self.used[side])
        beyond = last is not None and (last < mine.limit if buying else last > mine.limit)
        through = min(mine.left, free) if beyond else 0
        self.used[side] += through
        crossed = 0
        for price, units in sorted(offers, reverse=not buying):
            spot = self.spot(side, price)
            part = min(mine.left - through - crossed, units - spot[3])
            if mine.fits(price) and part > 0:
                spot[3] += part
                crossed += part
        if through or crossed:
            mine.ahead = 0
            return [(name, through + crossed, mine.limit)]
        if mine.ahead is None:
            mine.ahead = self.place_in(own, mine.limit, buying=buying)
        elif last == mine.limit and free:
            served = min(mine.left, max(0, free - mine.ahead))
            mine.ahead = max(0, mine.ahead - free)
            self.used[side] += served
            return [(name, served, mine.limit)] if served else []
        return []

    def take(self, mine: Wanted, offers: list, last: Fraction | None, *, known: bool) -> list[Told]:
        side, buying, name = mine.order.side, mine.order.side is Side.BUY, mine.order.order_id
        if not known:
            if last is None:
                return []
            step = max(TICK, last / 2000)
            price = up(last + step) if buying else down(max(last - step, TICK))
            units = min(mine.left, self.traded * 25 // 1000 - self.used[side])
            if units <= 0 or not mine.fits(price):
                return []
            self.used[side] += units
            return [(name, units, price)]
        found, left = [], mine.left
        for price, units in offers:
            spot = self.spot(side, price)
            part = min(left, units - spot[3])
            if not left or not mine.fits(price):
                break
            if part > 0:
                spot[3] += part
                left -= part
                found.append((name, part, price))
        return found

    def see(self, side: Side, offers: list) -> None:
        known = [spot for spot in self.taken if spot[0] is side]
        self.taken = [spot for spot in self.taken if spot[0] is not side]
        for price, units in offers:
            same = [spot for spot in known if spot[1] == price and spot[2] == units]
            self.taken.append(same[0] if same else [side, price, units, 0])

    def spot(self, side: Side, price: Fraction) -> list:
        return next(s for s in self.taken if s[0] is side and s[1] == price)

    def place_in(self, own: list, price: Fraction, *, buying: bool) -> int | None:
        for at, units in own:
            if at == price:
                return units
        if not own:
            return None
        better = price > own[0][0] if buying else price < own[0][0]
        return 0 if better else None

    # -- a candle ---------------------------------------------------------------------------------

    def at_candle(self, mine: Wanted, candle: Candle, ended: list[str]) -> list[Told]:
        order, buying = mine.order, mine.order.side is Side.BUY
        opened, high, low = exact(candle.open), exact(candle.high), exact(candle.low)
        price: Fraction | None = None
        worse = (lambda p: up(p + max(TICK, p / 2000))) if buying else (
            lambda p: down(max(p - max(TICK, p / 2000), TICK))
        )  # fmt: skip
        limit = None if mine.chases else mine.limit
        if mine.asleep:
            trigger = Fraction(order.trigger_price or 0)
            if high < trigger if buying else low > trigger:
                return []
            mine.asleep = False
            price = worse(max(opened, trigger) if buying else min(opened, trigger))
            if limit is not None and (price > limit if buying else price < limit):
                price = Fraction(-1)
        elif limit is None:
            price = worse(opened)
        elif low < limit if buying else high > limit:
            price = min(limit, up(opened)) if buying else max(limit, down(opened))
        if order.role is Role.STOP and order.group:
            ended.append(order.group)
        if order.role is Role.TARGET and order.group in ended:
            return []
        room = (candle.volume or 0) * 25 // 1000 - self.used[order.side]
        units = min(mine.left, room)
        found = []
        if price is not None and price > 0 and units > 0:
            self.used[order.side] += units
            found = [(order.order_id, units, price)]
            if mine.limit is not None:
                mine.told_limit = mine.limit
        self.finish(mine, found)
        return found

    # -- what follows -----------------------------------------------------------------------------

    def finish(self, mine: Wanted, found: list[Told]) -> None:
        for _, units, price in found:
            mine.had.append((units, price))
            if mine.order.group and mine.order.role is not Role.ENTRY:
                for other in self.orders:
                    if (other is not mine and other.open
                            and other.order.group == mine.order.group
                            and other.order.role is not Role.ENTRY):  # fmt: skip
                        other.quantity -= min(units, other.left)
                        other.open = other.left > 0
        if not mine.left or mine.order.validity is Validity.IOC:
            mine.open = False


def book(quote: Quote) -> tuple[list, list, bool]:
    """Return bids and asks as prices and units, best first, and whether there is a book at all."""
    if quote.depth is not None:
        sides = (quote.depth.buy, quote.depth.sell)
        found = [[(exact(lv.price), lv.quantity) for lv in side] for side in sides]
        return found[0], found[1], True
    bids = [] if quote.bid is None else [(exact(quote.bid), quote.bid_quantity or 0)]
    asks = [] if quote.ask is None else [(exact(quote.ask), quote.ask_quantity or 0)]
    return bids, asks, quote.bid is not None or quote.ask is not None
