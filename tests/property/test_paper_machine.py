"""The paper broker and the portfolio against a naive second broker: fractions and plain lists.

The model knows the rules of the venue in their plainest form, one order after the other; what the
broker does is compared with it after every step, and the invariants are checked by themselves.
"""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from alphastock_cli.domain.data import Candle, Depth, Level, Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import (
    Fill,
    Order,
    OrderState,
    OrderStatus,
    OrderType,
    Product,
    Role,
    Validity,
)
from alphastock_cli.exchange.charges import order_charges
from alphastock_cli.trading.paper import PaperBroker
from alphastock_cli.trading.portfolio import Portfolio
from tests.conftest import IST
from tests.property.naive_broker import NaiveBroker, Wanted
from tests.unit.trading_makers import DAY, MONDAY, SHARE

D = Decimal
TICK = SHARE.tick_size
LATENCY = timedelta(milliseconds=250)
OPENING = D("10000000.00")
OPENS = {day: datetime.combine(day, datetime.min.time(), IST) + timedelta(hours=9, minutes=15)
         for day in (DAY, MONDAY)}  # fmt: skip
CLOSES = {day: moment + timedelta(hours=6, minutes=15) for day, moment in OPENS.items()}

TICKS = st.integers(1960, 2040)  # 98 to 102 rupees
UNITS = st.integers(1, 300)
DEPTH = st.lists(st.tuples(st.integers(1, 4), UNITS), max_size=3)


class PaperMachine(RuleBasedStateMachine):
    """Places, changes, cancels, shows markets, lets time pass, restarts."""

    @initialize()
    def begin(self) -> None:
        self.broker = PaperBroker()
        self.portfolio = Portfolio.of(OPENING)
        self.now = OPENS[DAY] - timedelta(seconds=5)
        self.venue = NaiveBroker({d: (OPENS[d], CLOSES[d]) for d in OPENS}, LATENCY)
        self.naive: dict[str, Wanted] = {}
        self.fills: list[Fill] = []
        self.states: dict[str, OrderState] = {}
        self.last: Quote | Candle | None = None
        self.volume = 0
        self.guarded: dict[str, int] = {}
        self.charged: defaultdict[str, Fraction] = defaultdict(Fraction)

    # -- what a person does -----------------------------------------------------------------------

    @property
    def session(self):
        return DAY if self.now < CLOSES[DAY] else MONDAY

    def send(self, **more: object) -> OrderState:
        number = str(len(self.naive) + 1)
        fields: dict[str, object] = {
            "order_id": number, "tag": number, "instrument": SHARE, "product": Product.MIS,
            "placed_at": self.now, "session": self.session,
        } | more  # fmt: skip
        order = Order(**fields)
        state = self.broker.place(order)
        self.naive[number] = self.venue.add(order)
        self.naive[number].open = not state.status.final
        self.take_in(state)
        assert self.broker.place(order) == state, "twice is once"
        return state

    @rule(
        side=st.sampled_from(Side), units=UNITS, ticks=TICKS, kind=st.sampled_from(OrderType),
        validity=st.sampled_from([Validity.DAY, Validity.DAY, Validity.IOC]),
        apart=st.integers(0, 20),
    )  # fmt: skip
    def place(self, *, side, units, ticks, kind, validity, apart) -> None:
        price = trigger = None
        if kind in {OrderType.SL, OrderType.SL_M}:
            trigger = ticks * TICK
        if kind is OrderType.LIMIT:
            price = ticks * TICK
        if kind is OrderType.SL:
            price = (ticks + (apart if side is Side.BUY else -apart)) * TICK
        self.send(
            side=side, quantity=units, order_type=kind, price=price, trigger_price=trigger,
            validity=validity,
        )  # fmt: skip

    @rule(units=UNITS, below=st.integers(1, 30), above=st.integers(1, 30))
    def guard(self, units, below, above) -> None:
        """Place a stop, a target and an exit that share what they close."""
        group = f"g{len(self.guarded)}"
        self.guarded[group] = units
        more = {"side": Side.SELL, "quantity": units, "group": group}
        self.send(order_type=OrderType.SL_M, trigger_price=(2000 - below) * TICK, role=Role.STOP,
                  **more)  # fmt: skip
        self.send(order_type=OrderType.LIMIT, price=(2000 + above) * TICK, role=Role.TARGET, **more)
        if above % 3 == 0:
            self.send(order_type=OrderType.MARKET, role=Role.EXIT, **more)

    @precondition(lambda self: self.naive)
    @rule(data=st.data(), units=UNITS)
    def modify(self, data, units) -> None:
        name = data.draw(st.sampled_from(sorted(self.naive)))
        mine, before = self.naive[name], self.states[name]
        try:
            state = self.broker.modify(name, quantity=units, at=self.now)
        except ValueError:
            assert mine.open
            assert units <= before.filled_quantity
            return
        if mine.open:
            assert units > before.filled_quantity
            self.guarded[mine.order.group] = max(units + self.closed(mine.order.group),
                                                 self.guarded.get(mine.order.group, 0))  # fmt: skip
            if units > mine.quantity:
                mine.ahead = None
            mine.quantity = units
        else:
            assert state == before, "a final state never changes"
        self.take_in(state)

    @precondition(lambda self: self.naive)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        name = data.draw(st.sampled_from(sorted(self.naive)))
        before = self.states[name]
        state = self.broker.cancel(name, self.now)
        assert state == before if before.status.final else state.status is OrderStatus.CANCELLED
        self.naive[name].open = False
        self.take_in(state)

    def closed(self, group: str) -> int:
        mine = [o for o in self.naive.values() if o.order.group == group]
        return sum(units for each in mine for units, _ in each.had)

    # -- what the market does ---------------------------------------------------------------------

    @rule(
        millis=st.integers(1, 3000), ticks=TICKS, buy=DEPTH, sell=DEPTH,
        traded=st.integers(0, 400), form=st.sampled_from(["L2", "L2", "L1", "T"]),
        again=st.integers(0, 5),
    )  # fmt: skip
    def show(self, *, millis, ticks, buy, sell, traded, form, again) -> None:
        self.now += timedelta(milliseconds=millis)
        self.volume += traded
        levels = {Side.BUY: [], Side.SELL: []}
        for side, steps, sign in ((Side.BUY, buy, -1), (Side.SELL, sell, 1)):
            at = ticks
            for step, units in steps:
                at += sign * step
                levels[side].append(Level(float(at * TICK), units))
        fields: dict[str, object] = {}
        if form == "L2":
            fields["depth"] = Depth(buy=tuple(levels[Side.BUY]), sell=tuple(levels[Side.SELL]))
        elif form == "L1":
            for side, name in ((Side.BUY, "bid"), (Side.SELL, "ask")):
                if levels[side]:
                    best = levels[side][0]
                    fields |= {name: best.price, f"{name}_quantity": best.quantity}
        quote = Quote(
            key=SHARE.key,
            time=self.now,
            last_price=float(ticks * TICK),
            volume=self.volume,
            **fields,
        )
        before, self.last = self.last, quote
        if before is not None and before.time > quote.time:
            return
        self.meet(quote)
        if again == 0:
            assert list(self.broker.advance(quote)) == [], "the same quote twice is once"
        if again == 1 and before is not None:
            assert list(self.broker.advance(before)) == [], "an older one comes too late"

    @rule(opened=TICKS, high=st.integers(0, 30), low=st.integers(0, 30), closed=st.integers(0, 30),
          volume=st.one_of(st.none(), st.integers(0, 20_000)))  # fmt: skip
    def bar(self, opened, high, low, closed, volume) -> None:
        begins = self.now
        self.now += timedelta(minutes=1)
        ended = opened - low + min(closed, low + high)
        prices = [float(x * TICK) for x in (opened, opened + high, opened - low, ended)]
        candle = Candle(key=SHARE.key, time=begins, end=self.now, open=prices[0], high=prices[1],
                        low=prices[2], close=prices[3], volume=volume)  # fmt: skip
        self.last = candle
        self.meet(candle)

    @rule(last=st.sampled_from([-1.0, 0.0, float("nan"), 1e6]))
    def nonsense(self, last) -> None:
        """What cannot be true moves nothing."""
        self.now += timedelta(milliseconds=1)
        odd = Quote(key=SHARE.key, time=self.now, last_price=last, high=200.0, low=1.0,
                    volume=self.volume)  # fmt: skip
        assert list(self.broker.advance(odd)) == []

    @rule(seconds=st.integers(1, 600))
    def wait(self, seconds) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(far=st.integers(0, 20))
    def end_the_day(self, far) -> None:
        """Come to the last seconds, to the evening, to the next morning before the opening."""
        evening = CLOSES[DAY] - timedelta(seconds=5)
        if far == 0 and self.now < evening:
            self.now = evening
        elif far == 1 and evening < self.now < OPENS[MONDAY]:
            self.now = OPENS[MONDAY] - timedelta(seconds=5)

    @rule()
    def expire(self) -> None:
        for event in self.broker.expire(self.now):
            assert event.fill is None
            order = event.state.order
            assert self.now.date() > order.session or self.now >= CLOSES[order.session]
            self.naive[order.order_id].open = False
            self.take_in(event.state)
        for name, mine in self.naive.items():
            if mine.open:
                assert self.now < CLOSES[mine.order.session], f"{name} outlived its session"

    @rule()
    def restart(self) -> None:
        """Go on with what the ledger would hold, and nothing else."""
        by_order: defaultdict[str, list[Fill]] = defaultdict(list)
        for made in self.fills:
            by_order[made.order_id].append(made)
        seen = self.last
        self.broker = PaperBroker()
        self.broker.restore(self.states.values(), by_order)
        self.portfolio = Portfolio.of(OPENING, self.fills)
        self.venue.restart()
        assert {s.order.order_id: s for s in self.broker.orders()} == self.states
        if seen is not None and self.now > (seen.time if isinstance(seen, Quote) else seen.end):
            self.last = None

    # -- the second opinion -----------------------------------------------------------------------

    def take_in(self, state: OrderState) -> None:
        name, before = state.order.order_id, self.states.get(state.order.order_id)
        if before is not None and before.status.final:
            assert state == before, "a final state never changes"
        self.states[name] = state

    def meet(self, market: Quote | Candle) -> None:
        """Let both brokers meet a market: they tell the same fills, and each holds by itself."""
        before = {name: each.limit for name, each in self.naive.items()}
        expected, told = self.venue.meet(market), []
        for event in self.broker.advance(market):
            if event.fill is not None:
                made = event.fill
                told.append((made.order_id, made.quantity, Fraction(made.price)))
                self.judge(made, event.state, market)
                self.portfolio = self.portfolio.apply(made)
                self.fills.append(made)
            self.take_in(event.state)
            for sibling in event.siblings:
                self.take_in(sibling)
        assert told == expected, before

    def judge(self, made: Fill, state: OrderState, market: Quote | Candle) -> None:
        """Check one fill by itself: when, at which price, at which cost."""
        order = state.order
        assert made.side is order.side
        assert made.seq == 1 + sum(f.order_id == made.order_id for f in self.fills)
        assert made.price % TICK == 0
        assert made.quote_time == market.time
        late = order.placed_at + (LATENCY if isinstance(market, Quote) else timedelta(0))
        assert market.time >= late, "never before it has arrived"
        assert market.time < CLOSES[order.session]
        if isinstance(market, Quote):
            assert market.time >= OPENS[order.session]
        else:  # one that spans the opening, a day's, counts
            assert market.end > OPENS[order.session]
        limit = order.price
        if limit is None and isinstance(market, Quote):
            limit = state.limit_price
            assert limit is not None, "a market order has a protection price"
        if limit is not None:
            assert made.price <= limit if made.side is Side.BUY else made.price >= limit
        mine = [f for f in self.fills if f.order_id == made.order_id] + [made]
        turnover = sum((f.value for f in mine), D(0))
        total = order_charges(SHARE, order.product, order.side, turnover, order.session).paise
        assert made.charges >= 0
        assert sum(f.charges for f in mine) == total
        units = sum(f.quantity for f in mine)
        assert state.filled_quantity == units
        assert abs(Fraction(state.average_price) - Fraction(turnover) / units) <= Fraction(
            1, 20_000
        )

    # -- always -----------------------------------------------------------------------------------

    @invariant()
    def states_agree(self) -> None:
        for state in self.broker.orders():
            mine = self.naive[state.order.order_id]
            assert state == self.states[state.order.order_id], "nothing happens without an event"
            assert state.order.quantity == mine.quantity or state.status.final
            assert 0 <= state.filled_quantity == sum(units for units, _ in mine.had)
            assert state.filled_quantity <= state.order.quantity
            assert mine.open is not state.status.final
            complete = state.filled_quantity == state.order.quantity
            assert (state.status is OrderStatus.COMPLETE) == complete
        waiting = {s.order.order_id for s in self.broker.waiting()}
        assert waiting == {n for n, s in self.states.items() if not s.status.final}

    @invariant()
    def position_is_the_sum_of_fills(self) -> None:
        held = self.portfolio.position(SHARE.key, Product.MIS)
        assert (held.quantity if held else 0) == sum(f.signed for f in self.fills)

    @invariant()
    def cash_is_conserved(self) -> None:
        spent = sum((Fraction(f.price) * f.signed for f in self.fills), Fraction(0))
        paid = sum((Fraction(f.charges) for f in self.fills), Fraction(0))
        assert Fraction(self.portfolio.cash) == Fraction(OPENING) - spent - paid
        assert self.portfolio == Portfolio.of(OPENING, self.fills)

    @invariant()
    def groups_never_close_more_than_they_guard(self) -> None:
        for group, most in self.guarded.items():
            if not group:
                continue
            mine = [o for o in self.naive.values() if o.order.group == group]
            closed = sum(units for each in mine for units, _ in each.had)
            assert closed <= most
            for each in mine:
                assert not each.open or closed + each.left <= most


RUNS = int(os.environ.get("ALPHASTOCK_MACHINE_RUNS", "200"))
PaperMachine.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=50, deadline=None)
TestPaperBroker = PaperMachine.TestCase
