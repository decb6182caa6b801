"""The order system: tickets placed, changed and cancelled, and the market they meet.

Matching is the paper broker's. Faults of order calls are played here, because the order itself is
what they are about: placed or not, at once or later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.instrument import exact
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.domain.trading import (
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    OrderType,
)
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import rules
from alphastock_cli.sandbox.endowment import held, in_kites_words
from alphastock_cli.sandbox.faults import Faults
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError
from alphastock_cli.sandbox.tickets import RECEIVED, VALIDATION, Ticket
from alphastock_cli.trading.paper import PaperBroker

_FIRST_ID = 1_953_000_000_000_000_000  # order ids have had 19 digits since 2025
_FIRST_EXCHANGE_ID = 1_300_000_000_000_000
_STEP = 4_194_304  # between two order ids
_MOST_CHANGES = 25
Told = Callable[[Ticket, str], None]


class Desk:
    """All orders of the day.

    Parameters
    ----------
    clock, wall : Clock
        The market's time, by which orders live, and the caller's, by which faults are played.
    tell : callable
        Receives a ticket that has changed, with the word of the update where it is another one
        than the ticket's status.
    refuse : callable
        Returns why the account cannot pay for an order, "" where it can.
    """

    def __init__(
        self, market: MarketData, clock: Clock, wall: Clock, faults: Faults, *, user: str,
        tell: Told, refuse: Callable[[Form, Quote | None], str],
    ) -> None:  # fmt: skip
        self.market, self.clock, self.wall, self.faults = market, clock, wall, faults
        self.user, self._tell, self._refuse = user, tell, refuse
        self.broker = PaperBroker()
        self.tickets: dict[str, Ticket] = {}
        self._by_inner: dict[str, Ticket] = {}
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._count = 0

    # -- calls --------------------------------------------------------------------------------

    def open(
        self, form: Form, *, parent: str | None = None, tags: Iterable[str] = (),
        meta: dict[str, Any] | None = None,
    ) -> Ticket:  # fmt: skip
        """Take an order: a ticket at once, the exchange when the faults in force let it."""
        now = self.clock.now()
        ticket = Ticket(
            order_id=self.next_id(), form=form,
            user=self.user, placed_at=now, parent=parent, meta=meta or {},
            tags=[*([form.tag] if form.tag else []), *tags],
        )  # fmt: skip
        ticket.move(RECEIVED, now)
        self.tickets[ticket.order_id] = ticket
        if late := self.faults.roll("order-late"):
            ticket.seen_from = self.wall.monotonic() + late.lasts
        if stuck := self.faults.roll("order-stuck"):
            self.later(stuck.lasts, lambda: self._validate(ticket))
        else:
            self._validate(ticket)
        return ticket

    def next_id(self) -> str:
        """Return an order id nobody has."""
        self._count += 1
        return str(_FIRST_ID + self._count * _STEP)

    def modify(self, ticket: Ticket, form: Form) -> None:
        """Change an order that rests.

        Raises
        ------
        CallError
            It is over, was changed too often, or the exchange would refuse what it is to become.
        """
        if ticket.final or not ticket.inner:
            raise CallError(400, "OrderException", "Order cannot be modified as it is not open.")
        if ticket.modifications >= _MOST_CHANGES:
            raise CallError(400, "OrderException", "Maximum allowed order modifications exceeded.")
        if form.quantity <= ticket.filled:
            raise CallError(400, "InputException", "Invalid `quantity`: so many are filled.")
        now = self.clock.now()
        form = self._protected(form, self._quote(form.item.key))
        order = self._order(ticket, form, form.quantity - ticket.filled)
        quote = self._quote(form.item.key)
        if why := rules.check_order(
            order, now=now, held=form.quantity,
            last_price=None if quote is None else quote.last_price,
            lower_circuit=None if quote is None else quote.lower_circuit,
            upper_circuit=None if quote is None else quote.upper_circuit,
        ):  # fmt: skip
            raise CallError(400, "InputException", "; ".join(reason.text for reason in why))
        self.broker.cancel(ticket.inner[-1], now)
        ticket.modifications += 1
        ticket.modified, ticket.form = True, form
        for status in ("MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED"):
            ticket.move(status, now)
        self._work(ticket, order)
        self._tell(ticket, "UPDATE")

    def cancel(self, ticket: Ticket) -> None:
        """Cancel an order that is not over.

        Raises
        ------
        CallError
            It is.
        """
        if ticket.final:
            raise CallError(
                400, "OrderException", "Order cannot be cancelled as it is not open or pending."
            )
        now = self.clock.now()
        if ticket.inner:
            ticket.move("CANCEL PENDING", now)
            self.broker.cancel(ticket.inner[-1], now)
        ticket.move("CANCELLED", now)
        self._tell(ticket, "")

    def endow(self, item: Listed, units: int, price: float) -> None:
        """Let the broker know of units held since before today, so that they can be sold."""
        state, fill = held(item, units, price, self.clock.now())
        self.broker.restore([state], {state.order.order_id: [fill]})

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something so many seconds of the caller's time from now."""
        self._later.append((self.wall.monotonic() + seconds, what))

    def catch_up(self) -> None:
        """Do what was to be done by now."""
        now = self.wall.monotonic()
        due = [what for at, what in self._later if at <= now]
        self._later = [(at, what) for at, what in self._later if at > now]
        for what in due:
            what()

    def visible(self) -> list[Ticket]:
        """Return the tickets the book shows, oldest first."""
        now = self.wall.monotonic()
        return [ticket for ticket in self.tickets.values() if ticket.seen_from <= now]

    # -- the market ---------------------------------------------------------------------------

    def waiting(self) -> set[str]:
        """Return the keys that orders wait for."""
        return {state.order.instrument.key for state in self.broker.waiting()}

    def meet(self, quotes: Iterable[Quote]) -> None:
        """Let the waiting orders meet the market, and end what has lasted long enough."""
        now = self.clock.now()
        for quote in quotes:
            for event in self.broker.advance(self._market_of(quote)):
                self._happened(event)
        for event in self.broker.expire(now):
            self._happened(event)
        for ticket in self.tickets.values():
            if ticket.ends_at is not None and ticket.ends_at <= now and not ticket.final:
                self.cancel(ticket)

    def _market_of(self, quote: Quote) -> Quote | Candle:
        if Capability.CANDLE_MARKET in self.market.capabilities:
            candle: Candle | None = self.market.candle(quote.key)  # type: ignore[attr-defined]
            return candle or quote
        return quote

    def _happened(self, event: OrderEvent) -> None:
        ticket = self._by_inner.get(event.state.order.order_id)
        if ticket is None or event.state.order.order_id != ticket.inner[-1]:
            return  # what it was before it was changed
        if event.fill is not None:
            seq = len(ticket.fills) + 1
            ticket.fills.append(replace(event.fill, order_id=ticket.order_id, seq=seq))
        before = ticket.status
        self._show(ticket, event.state)
        part = event.fill is not None and not ticket.final
        if part or ticket.status != before:
            self._tell(ticket, "UPDATE" if part else "")

    # -- on the way ---------------------------------------------------------------------------

    def _validate(self, ticket: Ticket) -> None:
        if ticket.final:
            return
        now, quote = self.clock.now(), self._quote(ticket.form.item.key)
        ticket.move(VALIDATION, now)
        if self.faults.roll("order-rejected"):
            self._reject(ticket, "The exchange rejected the order, as the sandbox was asked to.")
            return
        if why := self._refuse(ticket.form, quote):
            self._reject(ticket, why)
            return
        before = ticket.form
        ticket.form = self._protected(before, quote)
        if ticket.form is not before and ticket.form.order_type is not before.order_type:
            ticket.tags.append("mktp")
        ticket.move("OPEN PENDING", now)
        if quote is not None:
            for event in self.broker.advance(self._market_of(quote)):
                self._happened(event)
        if ticket.form.validity == "TTL":
            ticket.ends_at = now + timedelta(minutes=ticket.form.validity_ttl)
        self._work(ticket, self._order(ticket, ticket.form, ticket.form.quantity))
        self._tell(ticket, "")

    def _work(self, ticket: Ticket, order: Order) -> None:
        """Hand an order to the broker under a name of its own."""
        ticket.inner.append(order.order_id)
        self._by_inner[order.order_id] = ticket
        state = self.broker.place(order)
        if state.status is OrderStatus.REJECTED:
            self._reject(ticket, in_kites_words(state.status_message))
            return
        if ticket.exchange_id is None:
            ticket.exchange_id = str(_FIRST_EXCHANGE_ID + self._count)
        self._show(ticket, state)

    def _show(self, ticket: Ticket, state: OrderState) -> None:
        status = state.status.value
        done = ticket.form.quantity == ticket.filled
        message = state.status_message if state.status is OrderStatus.CANCELLED else ""
        if state.status is OrderStatus.COMPLETE and not done:
            status = "OPEN"
        if status != ticket.status or ticket.history[-1]["filled_quantity"] != ticket.filled:
            ticket.move(status, self.clock.now(), message=message)

    def _reject(self, ticket: Ticket, why: str) -> None:
        ticket.move("REJECTED", self.clock.now(), message=why, raw=f"RMS:{why}")
        self._tell(ticket, "")

    def _protected(self, form: Form, quote: Quote | None) -> Form:
        """Turn a market order into a limit order at the protected price, as the broker does."""
        if form.order_type is not OrderType.MARKET or quote is None or not quote.last_price:
            return form
        try:
            limit = rules.protection_price(
                form.item.instrument, form.side, exact(quote.last_price), form.protection,
                self.clock.now().date(),
            )  # fmt: skip
        except OutOfRange:
            return form  # of days before there were bands
        return replace(form, order_type=OrderType.LIMIT, price=limit, market_protection=Decimal(0))

    def _order(self, ticket: Ticket, form: Form, quantity: int) -> Order:
        instrument, now = form.item.instrument, self.clock.now()
        limited = form.order_type in {OrderType.LIMIT, OrderType.SL}
        stopped = form.order_type in {OrderType.SL, OrderType.SL_M}
        return Order(
            order_id=f"{ticket.order_id}.{len(ticket.inner)}", tag=form.tag, instrument=instrument,
            side=form.side, quantity=quantity, order_type=form.order_type,
            product=form.product_held, placed_at=now, session=self._session(form.item, now),
            validity=form.lasts, price=form.price if limited else None,
            trigger_price=form.trigger_price if stopped else None,
            market_protection=None if limited else form.protection,
        )  # fmt: skip

    def _session(self, item: Listed, now: datetime) -> date:
        try:
            return rules.session_of(item.instrument, now)[0]
        except OutOfRange:
            return now.date()

    def _quote(self, key: str) -> Quote | None:
        return self.market.quotes([key]).get(key)
