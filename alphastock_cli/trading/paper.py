"""The paper broker: orders rest and meet the market that follows them, never the one before.

No network, no clock, no disk: the market comes in through `advance`, and what happened goes out as
events. Everything it knows can be rebuilt from the ledger with `restore`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import (
    Fidelity,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    Product,
    Role,
    Validity,
)
from alphastock_cli.errors import UnknownName
from alphastock_cli.trading import matching
from alphastock_cli.trading.admission import first_status, protect, refusal
from alphastock_cli.trading.working import STOPS, Taken, Volume, Working

_NOT_AT_ONCE = "nothing more was there at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPolicy:
    """How the simulated venue behaves: `latency` passes between an order and its first market."""

    latency: timedelta = timedelta(milliseconds=250)


@dataclass(slots=True)
class _Meeting:
    """One market while orders meet it: what traded, and what of it our orders had by side."""

    traded: int
    used: Counter[Side]
    stopped: set[str] = field(default_factory=set)  # groups of which a stop was set off
    entered: set[str] = field(default_factory=set)  # groups of which an entry filled


class PaperBroker:
    """A broker that sends nothing anywhere. `disbelieved` counts markets that cannot be true."""

    def __init__(self, policy: PaperPolicy | None = None) -> None:
        self.policy = policy or PaperPolicy()
        self.disbelieved = 0
        self._all: dict[str, Working] = {}
        self._live: dict[str, dict[str, Working]] = {}  # by key, in the order of placing
        self._last: dict[str, Quote | Candle] = {}
        self._volume: defaultdict[str, Volume] = defaultdict(Volume)
        self._taken: defaultdict[tuple[str, Side], Taken] = defaultdict(Taken)
        self._held: Counter[tuple[str, Product]] = Counter()
        self._entered: set[str] = set()  # groups of the entries that filled in the candle met now

    # -- orders -------------------------------------------------------------------------------

    def restore(self, states: Iterable[OrderState], fills: Mapping[str, list[Fill]]) -> None:
        """Take in the orders and fills of the ledger; waiting ones go to the end of the queue."""
        for state in states:
            work = Working.of(state)
            own = fills.get(state.order.order_id, [])
            work.resume(own)
            for made in own:
                self._held[made.instrument.key, made.product] += made.signed
            self._all[state.order.order_id] = work
            if not state.status.final:
                self._keep(work)

    def place(self, order: Order) -> OrderState:
        """Take an order, or refuse it with every reason; the same `order_id` twice is one order."""
        known = self._all.get(order.order_id)
        if known is not None and known.state.status is not OrderStatus.INTENT:
            return known.state
        work = Working.of(
            OrderState(order=order, status=OrderStatus.INTENT, updated_at=order.placed_at)
        )
        self._all[order.order_id] = work
        self._drop(work)  # of an intent that was restored
        market = self._last.get(order.instrument.key)
        if order.role is Role.STOP and order.group in self._entered:
            market = None  # it rests since its entry filled, inside the candle: not since its close
        if why := refusal(order, market, self._free(order)):
            return work.end(OrderStatus.REJECTED, why, order.placed_at)
        work.state = replace(work.state, status=first_status(order))
        self._keep(work)
        return work.state

    def modify(self, order_id: str, *, quantity: int, at: datetime) -> OrderState:
        """Change the units of an order; more units go to the end of the queue.

        Raises
        ------
        UnknownName
            No such order.
        ValueError
            So many units are filled already, or it is no whole number of lots.
        """
        work = self._known(order_id)
        if work.state.status.final:
            return work.state
        if quantity <= work.state.filled_quantity:
            raise ValueError(f"order {order_id}: {work.state.filled_quantity} units are filled")
        if quantity % work.order.instrument.lot_size:
            lot = work.order.instrument.lot_size
            raise ValueError(f"order {order_id}: {quantity} is not a multiple of the lot of {lot}")
        return work.resize(quantity, at)

    def cancel(self, order_id: str, at: datetime) -> OrderState:
        """Cancel what is open of an order; a final one comes back as it is.

        Raises
        ------
        UnknownName
            No such order.
        """
        work = self._known(order_id)
        if work.state.status.final:
            return work.state
        self._drop(work)
        return work.end(OrderStatus.CANCELLED, "cancelled by its owner", at)

    def orders(self) -> list[OrderState]:
        """Return every order, in the order of placing: also those of past sessions."""
        return [work.state for work in self._all.values()]

    def waiting(self) -> list[OrderState]:
        """Return the orders that are not over, by instrument and in the order of placing."""
        return [work.state for held in self._live.values() for work in held.values()]

    # -- the market ---------------------------------------------------------------------------

    def advance(self, market: Quote | Candle) -> Iterator[OrderEvent]:
        """Let the orders that wait for this instrument meet its market, stops before limits.

        One event at a time: what is done about it, a sibling cancelled, a guard placed, is done
        before the next order meets the market. A market older than the last one seen, the same one
        again, or one that cannot be true meets nobody.
        """
        before = self._last.get(market.key)
        if before is not None and _stamp(before) >= _stamp(market):
            return iter(())
        if not matching.believable(market):
            self.disbelieved += 1
            return iter(())
        self._last[market.key] = market
        traded = self._volume[market.key].since(market) if isinstance(market, Quote) else 0
        return self._meet(market, _Meeting(traded, Counter()))

    def expire(self, now: datetime) -> list[OrderEvent]:
        """End the day orders whose session is over by `now`."""
        found = []
        for work in [w for held in self._live.values() for w in held.values()]:
            if work.is_over(now):
                self._drop(work)
                state = work.end(OrderStatus.CANCELLED, "its session is over", now)
                found.append(OrderEvent(state=state))
        return found

    # -- meeting ------------------------------------------------------------------------------

    def _meet(self, market: Quote | Candle, meeting: _Meeting) -> Iterator[OrderEvent]:
        self._entered = meeting.entered
        waiting = list(self._live.get(market.key, {}).values())
        waiting.sort(key=lambda work: work.order.order_type not in STOPS)  # the worse case first
        for work in waiting:
            if work.state.status is OrderStatus.INTENT:
                continue
            if work.meets(market, self.policy.latency):
                if work.state.status is OrderStatus.AMO:
                    yield OrderEvent(state=work.wake(market.time))
                if isinstance(market, Quote):
                    yield from self._meet_quote(work, market, meeting)
                else:
                    yield from self._meet_candle(work, market, meeting)
        if isinstance(market, Candle) and meeting.entered:
            yield from self._meet_own_stops({w.order.order_id for w in waiting}, market, meeting)
        self._entered = set()

    def _meet_own_stops(
        self, met: set[str], candle: Candle, meeting: _Meeting
    ) -> Iterator[OrderEvent]:
        """Let the stops of entries that filled in a candle meet that candle, too.

        What came first inside it is not known: the worse is taken, and no target fills.
        """
        for order_id, work in list(self._live.get(candle.key, {}).items()):
            mine = work.order.role is Role.STOP and work.order.group in meeting.entered
            if mine and order_id not in met and work.state.status is OrderStatus.TRIGGER_PENDING:
                yield from self._meet_candle(work, candle, meeting)

    def _meet_quote(self, work: Working, quote: Quote, meeting: _Meeting) -> Iterator[OrderEvent]:
        order = work.order
        if not work.triggered:
            assert order.trigger_price is not None
            if not matching.triggers(quote, order.side, order.trigger_price):
                return
            yield OrderEvent(state=work.trigger(quote.time))
        if protect(work, quote):
            if self._rests(work, quote):
                yield from self._serve(work, quote, meeting)
            else:
                yield from self._take(work, quote, meeting)
        yield from self._end_at_once(work, quote.time)

    def _rests(self, work: Working, quote: Quote) -> bool:
        # who follows the market, or has no price of his own where only the last price is known,
        # goes on taking
        priced = work.order.price is not None or matching.has_book(quote)
        return work.met and priced and not work.follows_the_market

    def _serve(self, work: Working, quote: Quote, meeting: _Meeting) -> Iterator[OrderEvent]:
        """Let an order that rests have what came to it."""
        order, side = work.order, work.order.side
        assert work.limit is not None
        taken = self._levels(quote, work)
        got = matching.rest(
            quote, order.instrument, side, price=work.limit, quantity=work.left,
            queue=work.queue, traded=meeting.traded - meeting.used[side], taken=taken.at(),
        )  # fmt: skip
        work.queue = got.queue
        meeting.used[side] += got.traded
        taken.take_best(got.crossed, side)
        if units := got.traded + got.crossed:
            grade = Fidelity.L2 if quote.depth is not None else (
                Fidelity.L1 if matching.has_book(quote) else Fidelity.T
            )  # fmt: skip
            piece = matching.Slice(units, work.limit, grade)
            yield self._fill(work, piece, quote.time, quote.time)

    def _take(self, work: Working, quote: Quote, meeting: _Meeting) -> Iterator[OrderEvent]:
        """Let an order that has just come, or is priced anew, have what is there."""
        order, side = work.order, work.order.side
        taken = self._levels(quote, work)
        pieces = matching.take(
            quote, order.instrument, side, quantity=work.left, limit=work.limit,
            taken=taken.at(), traded=meeting.traded, used=meeting.used[side],
        )  # fmt: skip
        news = False
        if work.limit is not None:
            queue = matching.join(quote, order.instrument, side, work.limit)
            news = work.settle_down(queue, quote.time)
        for piece in pieces:
            if work.state.status.final:  # whoever heard of the first slice has cancelled the rest
                return
            if piece.fidelity is Fidelity.T:
                meeting.used[side] += piece.quantity
            else:
                taken.add(piece.price, piece.quantity)
            yield self._fill(work, piece, quote.time, quote.time)
        if news and not pieces and order.validity is not Validity.IOC:
            yield OrderEvent(state=work.state)

    def _meet_candle(
        self, work: Working, candle: Candle, meeting: _Meeting
    ) -> Iterator[OrderEvent]:
        order, price = work.order, None
        if not work.triggered:
            assert order.trigger_price is not None
            price = matching.stopped(candle, order.instrument, order.side, order.trigger_price)
            if price is None:
                return
            yield OrderEvent(state=work.trigger(candle.end))
        if order.role is Role.STOP and order.group:
            meeting.stopped.add(order.group)
        if order.role is Role.TARGET and order.group in meeting.stopped:
            return  # stop and target inside one candle: the worse of the two
        limit = None if work.follows_the_market else work.limit
        used = meeting.used[order.side]
        if price is None:
            pieces = matching.on_candle(
                candle, order.instrument, order.side, quantity=work.left, limit=limit, used=used
            )
        else:
            units = matching.candle_room(candle, order.instrument, work.left, used=used)
            fits = units and matching.allows(limit, price, order.side)
            pieces = [matching.Slice(units, price, Fidelity.B)] if fits else []
        for piece in pieces:
            meeting.used[order.side] += piece.quantity
            if order.role is Role.ENTRY and order.group:
                meeting.entered.add(order.group)
            yield self._fill(work, piece, candle.end, candle.time)
        yield from self._end_at_once(work, candle.end)

    def _end_at_once(self, work: Working, at: datetime) -> Iterator[OrderEvent]:
        if work.order.validity is Validity.IOC and not work.state.status.final:
            self._drop(work)
            yield OrderEvent(state=work.end(OrderStatus.CANCELLED, _NOT_AT_ONCE, at))

    def _fill(
        self, work: Working, piece: matching.Slice, time: datetime, quote_time: datetime
    ) -> OrderEvent:
        made = work.fill(piece, time=time, quote_time=quote_time)
        self._held[made.instrument.key, made.product] += made.signed
        if work.state.status.final:
            self._drop(work)
        siblings = tuple(self._shrink_siblings(work, made))
        return OrderEvent(state=work.state, fill=made, siblings=siblings)

    def _shrink_siblings(self, work: Working, made: Fill) -> Iterable[OrderState]:
        """Let the other exits of the group give up what this one has filled."""
        if not work.order.group or work.order.role is Role.ENTRY:
            return
        for other in list(self._live.get(made.instrument.key, {}).values()):
            exit_too = other is not work and other.order.role is not Role.ENTRY
            if exit_too and other.order.group == work.order.group:
                state = other.shrink(made.quantity, made.time)
                if state.status.final:
                    self._drop(other)
                yield state

    # -- book-keeping -------------------------------------------------------------------------

    def _free(self, order: Order) -> int:
        """Return the units held that no other waiting order is going to sell.

        Orders of one group sell the same units, whichever of them is first.
        """
        key = order.instrument.key
        promised: Counter[str] = Counter()
        for work in self._live.get(key, {}).values():
            other = work.order
            if other.side is Side.SELL and other.product is order.product:
                name = other.group or f"order {other.order_id}"
                if name != order.group:
                    promised[name] = max(promised[name], work.left)
        return self._held[key, order.product] - promised.total()

    def _levels(self, quote: Quote, work: Working) -> Taken:
        """Return what was taken of the side an order takes from, sizes as shown now."""
        taken = self._taken[quote.key, work.order.side]
        taken.see(matching.shown(quote, work.order.instrument, work.order.side))
        return taken

    def _known(self, order_id: str) -> Working:
        work = self._all.get(order_id)
        if work is None:
            raise UnknownName.of("order", order_id, self._all)
        return work

    def _keep(self, work: Working) -> None:
        self._live.setdefault(work.order.instrument.key, {})[work.order.order_id] = work

    def _drop(self, work: Working) -> None:
        self._live.get(work.order.instrument.key, {}).pop(work.order.order_id, None)


def _stamp(market: Quote | Candle) -> datetime:
    return market.time if isinstance(market, Quote) else market.end
