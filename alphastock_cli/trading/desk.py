"""The desk: what is held, what was decided, what waits; every step of it in the ledger first.

It knows no market data source and no strategy. Each method is one commit, or several in a fixed
order, so that a crash between any two leaves a ledger from which `open` goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from alphastock_cli.domain.data import Candle, Quote, Snapshot
from alphastock_cli.domain.decisions import (
    Approved,
    Decision,
    Rejected,
    RiskLimits,
    RiskState,
)
from alphastock_cli.domain.instrument import AssetType, Instrument, exact
from alphastock_cli.domain.ports import Book, Broker, Clock, Journal
from alphastock_cli.domain.trading import (
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    OrderType,
    Position,
    Product,
    Role,
    Signal,
)
from alphastock_cli.exchange import rules
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.trading import matching, orders, risk
from alphastock_cli.trading.guarding import Guarding
from alphastock_cli.trading.hours import Hours, ends_first, is_trading
from alphastock_cli.trading.portfolio import Portfolio

Heard = Callable[[OrderEvent], None]
_EXITS = (Role.EXIT,)
_CHASE_AFTER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPolicy:
    """How the desk trades: `intraday` takes MIS for shares, else CNC."""

    limits: RiskLimits = field(default_factory=RiskLimits)
    intraday: bool = True


class Desk:
    """Portfolio, risk state and orders of one account.

    Parameters
    ----------
    heard : callable
        Told of each order event after it is committed: what it prints is in the ledger.
    """

    def __init__(
        self,
        *,
        broker: Broker,
        journal: Journal,
        clock: Clock,
        policy: DeskPolicy | None = None,
        heard: Heard = lambda _: None,
    ) -> None:
        self.broker, self.journal, self.clock = broker, journal, clock
        self.policy = policy or DeskPolicy()
        self.heard = heard
        self.numbers = orders.Numbers()
        self.portfolio = Portfolio.of(Decimal(0))
        self.risk = RiskState()
        self.placed = self.filled = 0  # orders and fills since it was made
        self.late = 0  # quotes that came too late for the orders that waited
        self._groups: dict[tuple[str, Product], str] = {}
        self._hours = Hours()

    def open(self) -> None:
        """Take over from the ledger: fold its fills, hand the broker its orders, place intents.

        The same on the first start as after a crash.
        """
        states, fills = self.journal.orders(), self.journal.fills()
        self.portfolio = Portfolio.of(self.journal.opening_cash(), fills)
        self.risk = self.journal.risk_state()
        self.numbers = orders.Numbers.after(states)
        by_order: dict[str, list[Fill]] = {}
        for fill in fills:
            by_order.setdefault(fill.order_id, []).append(fill)
        self.broker.restore(states, by_order)
        for state in states:
            self._note_group(state)
        self._take_up(orders.waiting(states))

    def _take_up(self, states: list[OrderState]) -> None:
        """Go on with what waits: weigh entries at their signal's price, send what was not sent.

        An entry that was not sent is not, either, once its moment is over or trading is halted.
        """
        now = self.clock.now()
        entries = {s.order.signal_id: s for s in states if s.order.role is Role.ENTRY}
        told = {}
        if entries:
            told = {s.signal_id: (s, at) for s, at in self.journal.signals()
                    if s.signal_id in entries}  # fmt: skip
        for signal, at in told.values():
            self.portfolio = self.portfolio.mark(signal.instrument.key, signal.price, at)
        for state in states:
            if state.status is not OrderStatus.INTENT:
                continue
            order, said = state.order, told.get(state.order.signal_id)
            late = now.astimezone(IST).date() > order.session or (
                said is not None and now > said[0].valid_until
            )
            if order.role is Role.ENTRY and (self.risk.halted or late):
                self.cancel(order.order_id)
            else:
                self.place(order)

    # -- from signal to order -----------------------------------------------------------------

    def decide(self, signal: Signal, snapshot: Snapshot) -> tuple[Decision, Order | None]:
        """Weigh a signal; write it, the decision and the order it leads to in one commit."""
        now, product = self.clock.now(), self.product_of(signal.instrument)
        states = self.broker.waiting()
        session, opens, _ = rules.session_of(signal.instrument, now)
        probe = orders.from_signal(
            signal, Approved(quantity=1, at_risk=Decimal(1)), order_id="0", product=product,
            at=now, session=session,
        )  # fmt: skip
        decision = risk.assess(
            signal, snapshot, self.portfolio, self.policy.limits, state=self.risk,
            product=product, reserved=orders.reserved(states, self.portfolio),
            waiting=[s.order.instrument.key for s in orders.waiting(states, (Role.ENTRY,))],
            exiting=[s.order.instrument.key for s in orders.waiting(states, _EXITS)],
            now=now if is_trading(signal.instrument, now) else None,
            cost=lambda units: orders.needed(probe, units, signal.price),
        )  # fmt: skip
        late = self._hours.too_late(signal.instrument, product, session, now)
        late = late or ends_first(signal, opens)
        if late is not None and not (isinstance(decision, Approved) and not decision.at_risk):
            before = decision.reasons if isinstance(decision, Rejected) else ()
            decision = Rejected(reasons=(*before, late))
        order = None
        if isinstance(decision, Approved):
            order = orders.from_signal(
                signal, decision, order_id=self.numbers.next(session), product=product, at=now,
                session=session,
                open_group=self._groups.get((signal.instrument.key, product), ""),
            )  # fmt: skip
        with self.journal.transaction() as book:
            book.record(signal, decision, order, now)
            if order is not None:
                self._count(book)
        if order is not None and order.instrument.key not in self.portfolio.marks:
            # what it may need is reserved at this price until the market says another
            self.portfolio = self.portfolio.mark(order.instrument.key, signal.price, snapshot.as_of)
        return decision, order

    def submit(self, order: Order) -> OrderState:
        """Write an order of a person's own, then place it."""
        if order.role is Role.ENTRY and not order.group:
            order = replace(order, group=order.order_id)  # its guards are to know each other
        with self.journal.transaction() as book:
            book.intend(order)
            self._count(book)
        return self.place(order)

    def place(self, order: Order) -> OrderState:
        """Hand an order that is written to the broker, and write what he says.

        A stop that is refused leaves the position without protection: it is closed instead. The
        order that closes it is written in the same commit as the refusal.
        """
        state = self.broker.place(order)
        exits: list[Order] = []
        with self.journal.transaction() as book:
            book.update(state)
            if state.status is OrderStatus.REJECTED and order.role is Role.STOP:
                exits = self._instead_of(order, book)
        self.placed += 1
        self.heard(OrderEvent(state=state))
        for instead in exits:
            self.place(instead)
        return state

    def cancel(self, order_id: str) -> OrderState:
        """Cancel an order and write it."""
        state = self.broker.cancel(order_id, self.clock.now())
        with self.journal.transaction() as book:
            book.update(state)
        self.heard(OrderEvent(state=state))
        return state

    # -- from market to fill ------------------------------------------------------------------

    def advance(self, market: Quote | Candle) -> None:
        """Let waiting orders meet the market, and value what is held at it.

        While the market is open a quote that comes too late meets no order, stops included: it was
        not known when one could have traded on it.
        """
        if self._is_late(market):
            self.late += 1
        else:
            for event in self.broker.advance(market):
                self.post(event)
        price = market.last_price if isinstance(market, Quote) else market.close
        if price is None or not matching.believable(market):
            return
        if market.key in self.portfolio.marks:  # held, or about to be
            at = market.time if isinstance(market, Quote) else market.end
            self.portfolio = self.portfolio.mark(market.key, exact(price), at)

    def _is_late(self, market: Quote | Candle) -> bool:
        """Tell whether a quote is older than one may be that is traded on."""
        if not isinstance(market, Quote):
            return False
        waits = next((s.order for s in self.broker.waiting()
                      if s.order.instrument.key == market.key), None)  # fmt: skip
        now = self.clock.now()
        most = timedelta(seconds=self.policy.limits.quote_age_seconds)
        return waits is not None and now - market.time > most and is_trading(waits.instrument, now)

    def post(self, event: OrderEvent) -> None:
        """Write an event with all it moves in one commit: state, fill, cash, charges, position.

        The orders that guard what an entry's fill opened are written in the same commit.
        """
        fresh: list[Order] = []
        fill, order = event.fill, event.state.order
        with self.journal.transaction() as book:
            after = book.post(event, self.portfolio)
            news = fill is not None and after is not self.portfolio
            if fill is not None and news:
                position = after.position(fill.instrument.key, fill.product)
                fresh = self._guarding.after_fill(fill, order, position, book)
        self.portfolio = after
        self._note_group(event.state)
        self.filled += news
        self.heard(event)
        for new in fresh:
            self.place(new)

    def settle(self) -> None:
        """Do what the time demands: expire day orders, square off, watch loss and drawdown."""
        now = self.clock.now()
        for event in self.broker.expire(now):
            self._expired(event, now)
        for position in self.portfolio.open_positions:
            if position.product is Product.MIS and self._hours.must_go(position, now):
                self._square_off(position, now)
        self._chase(now)
        today = now.astimezone(IST).date()
        seen = risk.watch(self.risk, self.portfolio.equity, today, self.policy.limits)
        if seen != self.risk:
            with self.journal.transaction() as book:
                book.remember(seen)
            self.risk = seen
        if self.risk.halted:
            for state in orders.waiting(self.broker.waiting(), (Role.ENTRY,)):
                self.cancel(state.order.order_id)

    def product_of(self, instrument: Instrument) -> Product:
        """Return what an instrument is traded as: shares MIS or CNC, contracts NRML."""
        if instrument.asset_type is not AssetType.EQUITY:
            return Product.NRML
        return Product.MIS if self.policy.intraday else Product.CNC

    # -- inside -------------------------------------------------------------------------------

    @property
    def _guarding(self) -> Guarding:
        return Guarding(self.broker, self.numbers)

    def _note_group(self, state: OrderState) -> None:
        """Remember the group that guards a position: that of its last entry with a fill."""
        order = state.order
        if order.role is Role.ENTRY and state.filled_quantity:
            self._groups[order.instrument.key, order.product] = order.group

    def _expired(self, event: OrderEvent, now: datetime) -> None:
        """Write the end of an order with its session, and what goes on in the next one."""
        order = event.state.order
        position = self.portfolio.position(order.instrument.key, order.product)
        with self.journal.transaction() as book:
            self.portfolio = book.post(event, self.portfolio)
            fresh = self._guarding.after_expiry(event.state, position, now, book)
        self.heard(event)
        for new in fresh:
            self.place(new)

    def _square_off(self, position: Position, now: datetime) -> None:
        key = position.instrument.key
        mine = [s for s in self.broker.waiting() if s.order.instrument.key == key
                and s.order.product is position.product]  # fmt: skip
        for state in mine:
            if state.order.role is Role.ENTRY:
                self.cancel(state.order.order_id)
        if not any(state.order.role is Role.EXIT for state in mine):
            self._exit(position, now)

    def _chase(self, now: datetime) -> None:
        """Close at the market what a stop with a limit was to close, once that is left behind."""
        for state in orders.waiting(self.broker.waiting(), (Role.STOP,)):
            order = state.order
            stuck = order.order_type is OrderType.SL and state.status is OrderStatus.OPEN
            if not stuck or now - state.updated_at < _CHASE_AFTER:
                continue
            position = self.portfolio.position(order.instrument.key, order.product)
            if position is not None and position.quantity and not self._is_exiting(position):
                self._exit(position, now)

    def _is_exiting(self, position: Position) -> bool:
        key, product = position.instrument.key, position.product
        return any(
            s.order.instrument.key == key and s.order.product is product
            for s in orders.waiting(self.broker.waiting(), _EXITS)
        )

    def _instead_of(self, guard: Order, book: Book) -> list[Order]:
        """Write the order that closes what a refused stop was to guard; none where one waits.

        What its entry has not bought yet is not wanted any more.
        """
        position = self.portfolio.position(guard.instrument.key, guard.product)
        for state in orders.waiting(self.broker.waiting(), (Role.ENTRY,)):
            if guard.group and state.order.group == guard.group:
                book.update(self.broker.cancel(state.order.order_id, self.clock.now()))
        if position is None or not position.quantity or self._is_exiting(position):
            return []
        order = self._closing(position, self.clock.now())
        book.intend(order)
        self._count(book)
        return [order]

    def _exit(self, position: Position, now: datetime) -> None:
        self.submit(self._closing(position, now))

    def _closing(self, position: Position, now: datetime) -> Order:
        session, _, _ = rules.session_of(position.instrument, now)
        group = self._groups.get((position.instrument.key, position.product), "")
        return orders.square_off(
            position, order_id=self.numbers.next(session), at=now, session=session, group=group
        )

    def _count(self, book: Book) -> None:
        self.risk = replace(self.risk, orders_today=self.risk.orders_today + 1)
        book.remember(self.risk)
