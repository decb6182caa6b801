"""The desk: what is held, what was decided, what waits; every step of it in the ledger first.

It knows no market data source and no strategy. Each method is one commit, or several in a fixed
order, so that a crash between any two leaves a ledger from which `open` goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from alphastock_cli.domain.data import Candle, Quote, Snapshot
from alphastock_cli.domain.instrument import AssetType, Instrument
from alphastock_cli.domain.ports import Book, Broker, Clock, Journal
from alphastock_cli.domain.trading import (
    Approved,
    Decision,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    Position,
    Product,
    Reason,
    Rejected,
    RiskLimits,
    RiskState,
    Role,
    Signal,
)
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import rules
from alphastock_cli.trading import orders, risk
from alphastock_cli.trading.portfolio import Portfolio

Heard = Callable[[OrderEvent], None]
_EXITS = (Role.EXIT,)
_GUARDS = (Role.STOP, Role.TARGET)


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
        self._square_offs: dict[tuple[str, date], datetime | None] = {}

    def open(self) -> None:
        """Take over from the ledger: fold its fills, hand the broker its orders, place intents.

        The same on the first start as after a crash.
        """
        states, fills = self.journal.orders(), self.journal.fills()
        self.portfolio = Portfolio.of(self.journal.opening_cash(), fills)
        self.risk = self.journal.risk_state()
        self.numbers.given = len(states)
        by_order: dict[str, list[Fill]] = {}
        for fill in fills:
            by_order.setdefault(fill.order_id, []).append(fill)
        self.broker.restore(states, by_order)
        for state in states:
            if state.status is OrderStatus.INTENT:
                self.place(state.order)

    # -- from signal to order -----------------------------------------------------------------

    def decide(self, signal: Signal, snapshot: Snapshot) -> tuple[Decision, Order | None]:
        """Weigh a signal; write it, the decision and the order it leads to in one commit."""
        now, product = self.clock.now(), self.product_of(signal.instrument)
        states = self.broker.orders()
        decision = risk.assess(
            signal, snapshot, self.portfolio, self.policy.limits, state=self.risk,
            product=product, reserved=orders.reserved(states, self.portfolio),
            waiting=[s.order.instrument.key for s in orders.waiting(states, (Role.ENTRY,))],
            exiting=[s.order.instrument.key for s in orders.waiting(states, _EXITS)],
        )  # fmt: skip
        session, _, _ = rules.session_of(signal.instrument, now)
        late = self._too_late(signal.instrument, product, session, now)
        if late is not None and not (isinstance(decision, Approved) and not decision.at_risk):
            before = decision.reasons if isinstance(decision, Rejected) else ()
            decision = Rejected(reasons=(*before, late))
        order = None
        if isinstance(decision, Approved):
            order = orders.from_signal(
                signal, decision, order_id=self.numbers.next(session), product=product, at=now,
                session=session,
                open_group=orders.group_of(signal.instrument, product, states),
            )  # fmt: skip
        with self.journal.transaction() as book:
            book.record(signal, decision, order, now)
            if order is not None:
                self._count(book)
        return decision, order

    def submit(self, order: Order) -> OrderState:
        """Write an order of a person's own, then place it."""
        with self.journal.transaction() as book:
            book.intend(order)
            self._count(book)
        return self.place(order)

    def place(self, order: Order) -> OrderState:
        """Hand an order that is written to the broker, and write what he says.

        A guard that is refused leaves the position without protection: it is closed instead.
        """
        state = self.broker.place(order)
        with self.journal.transaction() as book:
            book.update(state)
        self.heard(OrderEvent(state=state))
        if state.status is OrderStatus.REJECTED and order.role is Role.STOP:
            self._close_unguarded(order)
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
        """Let waiting orders meet the market, and value what is held at it."""
        for event in self.broker.advance(market):
            self.post(event)
        price = market.last_price if isinstance(market, Quote) else market.close
        if price is not None and any(key == market.key for key, _ in self.portfolio.positions):
            at = market.time if isinstance(market, Quote) else market.end
            self.portfolio = self.portfolio.mark(market.key, Decimal(repr(price)), at)

    def post(self, event: OrderEvent) -> None:
        """Write an event with all it moves in one commit: state, fill, cash, charges, position.

        The orders that guard what an entry's fill opened are written in the same commit.
        """
        fresh: list[Order] = []
        with self.journal.transaction() as book:
            self.portfolio = book.post(event, self.portfolio)
            if event.fill is not None:
                fresh = self._follow(event.fill, event.state.order, book)
        self.heard(event)
        for order in fresh:
            self.place(order)

    def settle(self) -> None:
        """Do what the time demands: expire day orders, square off, watch loss and drawdown."""
        now = self.clock.now()
        for event in self.broker.expire(now):
            self.post(event)
        for position in self.portfolio.open_positions:
            ends = self._square_off_at(position.instrument, now.date())
            if position.product is Product.MIS and ends is not None and now >= ends:
                self._square_off(position, now)
        seen = risk.watch(self.risk, self.portfolio.equity, now.date(), self.policy.limits)
        if seen != self.risk:
            self.risk = seen
            with self.journal.transaction() as book:
                book.remember(seen)

    def product_of(self, instrument: Instrument) -> Product:
        """Return what an instrument is traded as: shares MIS or CNC, contracts NRML."""
        if instrument.asset_type is not AssetType.EQUITY:
            return Product.NRML
        return Product.MIS if self.policy.intraday else Product.CNC

    # -- inside -------------------------------------------------------------------------------

    def _follow(self, fill: Fill, order: Order, book: Book) -> list[Order]:
        """Adjust the group of a filled order: guards grow with an entry, exits end it."""
        group = [
            s for s in orders.waiting(self.broker.orders())
            if s.order.group == order.group and s.order.order_id != order.order_id
        ]  # fmt: skip
        if order.role is not Role.ENTRY:
            for state in group:
                if state.order.role is Role.ENTRY:  # what was not bought need not be any more
                    book.update(self.broker.cancel(state.order.order_id, fill.time))
            return []
        guards = [state for state in group if state.order.role in _GUARDS]
        for state in guards:
            wanted = state.order.quantity + fill.quantity
            book.update(self.broker.modify(state.order.order_id, quantity=wanted, at=fill.time))
        fresh = [] if guards else orders.guards(fill, order, numbers=self.numbers)
        for new in fresh:
            book.intend(new)
        return fresh

    def _square_off(self, position: Position, now: datetime) -> None:
        key, states = position.instrument.key, orders.waiting(self.broker.orders())
        mine = [s for s in states if s.order.instrument.key == key]
        for state in mine:
            if state.order.role is Role.ENTRY:
                self.cancel(state.order.order_id)
        if any(state.order.role is Role.EXIT for state in mine):
            return
        group = orders.group_of(position.instrument, position.product, self.broker.orders())
        self._exit(position, group, now)

    def _close_unguarded(self, guard: Order) -> None:
        position = self.portfolio.position(guard.instrument.key, guard.product)
        exits = orders.waiting(self.broker.orders(), _EXITS)
        if position is not None and position.quantity and not any(
            state.order.group == guard.group for state in exits
        ):  # fmt: skip
            self._exit(position, guard.group, self.clock.now())

    def _exit(self, position: Position, group: str, now: datetime) -> None:
        session, _, _ = rules.session_of(position.instrument, now)
        self.submit(
            orders.square_off(
                position, order_id=self.numbers.next(session), at=now, session=session, group=group
            )
        )

    def _count(self, book: Book) -> None:
        self.risk = replace(self.risk, orders_today=self.risk.orders_today + 1)
        book.remember(self.risk)

    def _too_late(
        self, instrument: Instrument, product: Product, session: date, now: datetime
    ) -> Reason | None:
        ends = self._square_off_at(instrument, session)
        if product is not Product.MIS or ends is None or now < ends:
            return None
        text = f"{instrument.key}: intraday positions are squared off from {ends:%H:%M}"
        return Reason(rule="too_late", text=text)

    def _square_off_at(self, instrument: Instrument, day: date) -> datetime | None:
        name = (instrument.key, day)
        if name not in self._square_offs:
            try:
                self._square_offs[name] = rules.square_off_time(instrument, day)
            except OutOfRange:  # no time is known: nothing is squared off by itself
                self._square_offs[name] = None
        return self._square_offs[name]
