"""The paper broker: orders rest and meet the market that follows them, never the one before.

No network, no clock, no disk: the market comes in through `advance`, and what happened goes out as
events. Everything it knows can be rebuilt from the ledger with `restore`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.instrument import Instrument, Side
from alphastock_cli.domain.trading import (
    Fidelity,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    OrderType,
    Product,
    Role,
    Validity,
)
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import calendar, rules
from alphastock_cli.trading import matching
from alphastock_cli.trading.working import Taken, Working, day_volume

_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_EXITS = frozenset({Role.EXIT, Role.STOP})


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPolicy:
    """How the simulated venue behaves: `latency` passes between an order and its first market."""

    latency: timedelta = timedelta(milliseconds=250)


class PaperBroker:
    """A broker that sends nothing anywhere."""

    def __init__(self, policy: PaperPolicy | None = None) -> None:
        self.policy = policy or PaperPolicy()
        self._all: dict[str, Working] = {}
        self._live: dict[str, dict[str, Working]] = {}  # by key, in the order of placing
        self._last: dict[str, Quote | Candle] = {}
        self._taken: dict[tuple[str, Side], Taken] = {}
        self._held: Counter[tuple[str, Product]] = Counter()

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
            if not state.status.final and state.status is not OrderStatus.INTENT:
                self._keep(work)

    def place(self, order: Order) -> OrderState:
        """Take an order, or refuse it with every reason; the same `order_id` twice is one order."""
        known = self._all.get(order.order_id)
        if known is not None and known.state.status is not OrderStatus.INTENT:
            return known.state
        market = self._last.get(order.instrument.key)
        quote = market if isinstance(market, Quote) else None
        reasons = rules.check_order(
            order, now=order.placed_at, last_price=_last_price(market),
            lower_circuit=None if quote is None else quote.lower_circuit,
            upper_circuit=None if quote is None else quote.upper_circuit,
            held=self._held[order.instrument.key, order.product],
        )  # fmt: skip
        state = OrderState(order=order, status=OrderStatus.INTENT, updated_at=order.placed_at)
        work = Working.of(state)
        self._all[order.order_id] = work
        if reasons:
            text = "; ".join(reason.text for reason in reasons)
            return work.end(OrderStatus.REJECTED, text, order.placed_at)
        work.state = replace(state, status=_resting(order))
        self._keep(work)
        return work.state

    def modify(self, order_id: str, *, quantity: int, at: datetime) -> OrderState:
        """Change the units of an order; more units go to the end of the queue.

        Raises
        ------
        UnknownName
            No such order.
        ValueError
            So many units are filled already.
        """
        work = self._known(order_id)
        if work.state.status.final:
            return work.state
        if quantity <= work.state.filled_quantity:
            raise ValueError(f"order {order_id}: {work.state.filled_quantity} units are filled")
        if quantity > work.order.quantity:
            work.queue = matching.Queue(ahead=None)
        order = replace(work.order, quantity=quantity)
        work.state = replace(work.state, order=order, updated_at=at)
        return work.state

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
        """Return every order, in the order of placing."""
        return [work.state for work in self._all.values()]

    # -- the market ---------------------------------------------------------------------------

    def advance(self, market: Quote | Candle) -> list[OrderEvent]:
        """Let the orders that wait for this instrument meet its market, stops before limits.

        A market older than the last one seen, or the same one again, meets nobody.
        """
        before = self._last.get(market.key)
        if before is not None and _stamp(before) >= _stamp(market):
            return []
        self._last[market.key] = market
        waiting = list(self._live.get(market.key, {}).values())
        waiting.sort(key=lambda work: work.order.order_type not in _STOPS)  # the worse case first
        events: list[OrderEvent] = []
        if isinstance(market, Quote):
            traded = day_volume(market, before if isinstance(before, Quote) else None)
            for work in waiting:
                if self._eligible(work, market.time):
                    events += self._meet_quote(work, market, traded)
        else:
            for work in waiting:
                # a candle meets orders that were there when it began
                if not work.state.status.final and market.time >= work.order.placed_at:
                    events += self._meet_candle(work, market)
        return events

    def expire(self, now: datetime) -> list[OrderEvent]:
        """End the day orders whose session is over by `now`."""
        found = []
        for work in [w for held in self._live.values() for w in held.values()]:
            closes = _closes(work.order)
            if now.date() > work.order.session or (closes is not None and now >= closes):
                self._drop(work)
                state = work.end(OrderStatus.CANCELLED, "its session is over", now)
                found.append(OrderEvent(state=state))
        return found

    # -- meeting ------------------------------------------------------------------------------

    def _meet_quote(self, work: Working, quote: Quote, traded: int) -> list[OrderEvent]:
        order, events = work.order, []
        if not work.triggered:
            assert order.trigger_price is not None
            if not matching.triggers(quote, order.side, order.trigger_price):
                return []
            events.append(self._trigger(work, quote.time))
        if quote.last_price is not None and _wants_protection(work):
            last = matching.against(order.instrument, quote.last_price, order.side)
            work.limit = _protection(order, last)
        pieces = self._pieces(work, quote, traded)
        events += [self._fill(work, piece, quote.time, quote.time) for piece in pieces]
        if order.validity is Validity.IOC and not work.state.status.final:
            self._drop(work)
            text = "nothing more was there at once"
            events.append(OrderEvent(state=work.end(OrderStatus.CANCELLED, text, quote.time)))
        return events

    def _pieces(self, work: Working, quote: Quote, traded: int) -> list[matching.Slice]:
        order = work.order
        if work.met and work.limit is not None:
            units, work.queue = matching.rest(
                quote, order.instrument, order.side, price=work.limit, quantity=work.left,
                queue=work.queue, traded=traded,
            )  # fmt: skip
            grade = Fidelity.L2 if quote.depth is not None else Fidelity.L1
            return [matching.Slice(units, work.limit, grade)] if units else []
        taken = self._levels(quote, order.instrument, order.side)
        pieces = matching.take(
            quote, order.instrument, order.side, quantity=work.left, limit=work.limit,
            taken=taken.at(), traded=traded,
        )  # fmt: skip
        for piece in pieces:
            taken.add(piece.price, piece.quantity)
        work.met = work.limit is not None
        if work.limit is not None:
            work.queue = matching.join(quote, order.instrument, order.side, work.limit)
        return pieces

    def _meet_candle(self, work: Working, candle: Candle) -> list[OrderEvent]:
        order, events, price = work.order, [], None
        if not work.triggered:
            assert order.trigger_price is not None
            price = matching.stopped(candle, order.instrument, order.side, order.trigger_price)
            if price is None:
                return []
            events.append(self._trigger(work, candle.end))
        if price is None:
            pieces = matching.on_candle(
                candle, order.instrument, order.side, quantity=work.left, limit=work.limit
            )
        else:
            units = matching.candle_room(candle, order.instrument, work.left)
            fits = units and matching.allows(work.limit, price, order.side)
            pieces = [matching.Slice(units, price, Fidelity.B)] if fits else []
        return events + [self._fill(work, piece, candle.end, candle.time) for piece in pieces]

    def _trigger(self, work: Working, at: datetime) -> OrderEvent:
        work.triggered = True
        work.state = replace(
            work.state, status=OrderStatus.OPEN, status_message="triggered", updated_at=at
        )
        return OrderEvent(state=work.state)

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

    def _eligible(self, work: Working, time: datetime) -> bool:
        if work.state.status.final:  # a sibling filled a moment ago
            return False
        return time >= work.order.placed_at + self.policy.latency

    def _levels(self, quote: Quote, instrument: Instrument, side: Side) -> Taken:
        """Return what was taken of the side an order of `side` takes from, sizes as shown now."""
        taken = self._taken.setdefault((quote.key, side), Taken())
        taken.see(matching.shown(quote, instrument, side))
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


def _wants_protection(work: Working) -> bool:
    """Tell whether an order without a price needs one now: the first, or an exit left behind.

    An exit whose protection price the market has left is priced anew: waiting leaves risk open.
    """
    return work.order.price is None and (work.limit is None or work.order.role in _EXITS)


def _protection(order: Order, last: Decimal) -> Decimal | None:
    """Return how far an order without a price may slip; None on days before there were slabs."""
    try:
        return rules.protection_price(
            order.instrument, order.side, last, order.market_protection, order.session
        )
    except OutOfRange:
        return None


def _closes(order: Order) -> datetime | None:
    midnight = datetime.combine(order.session, time(), calendar.IST)
    day, _, closes = rules.session_of(order.instrument, midnight)
    return closes if day == order.session else None


def _resting(order: Order) -> OrderStatus:
    if not rules.is_trading(order.instrument, order.placed_at):
        return OrderStatus.AMO
    return OrderStatus.TRIGGER_PENDING if order.order_type in _STOPS else OrderStatus.OPEN


def _last_price(market: Quote | Candle | None) -> float | None:
    if market is None:
        return None
    return market.last_price if isinstance(market, Quote) else market.close


def _stamp(market: Quote | Candle) -> datetime:
    return market.time if isinstance(market, Quote) else market.end
