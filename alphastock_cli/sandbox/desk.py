"""The order system: tickets placed, changed and cancelled, and the market they meet.

Matching is the paper broker's. Faults of orders are played here: placed or not, at once or later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.domain.trading import OrderEvent, OrderState, OrderStatus
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.facts import whole
from alphastock_cli.sandbox import order_maker
from alphastock_cli.sandbox.buckets import Moved
from alphastock_cli.sandbox.endowment import held, in_kites_words, moved_fills
from alphastock_cli.sandbox.faults import Faults
from alphastock_cli.sandbox.later import Later
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import Form, above_freeze
from alphastock_cli.sandbox.replies import CallError
from alphastock_cli.sandbox.safely import safely
from alphastock_cli.sandbox.tickets import RECEIVED, VALIDATION, Refuse, Ticket, Told
from alphastock_cli.trading.paper import PaperBroker

_FIRST_ID = 1_953_000_000_000_000_000  # order ids have had 19 digits since 2025
_FIRST_EXCHANGE_ID = 1_300_000_000_000_000
_STEP = 4_194_304  # between two order ids


class Desk:
    """All orders of the day.

    Parameters
    ----------
    clock, wall : Clock
        The market's time, by which orders live, and the caller's, by which faults are played.
    tell : callable
        Receives a ticket that has changed, with the word of the update where it is another one
        than the ticket's status.
    refuse : Refuse
        Judges an order by the account; `without` is the order it takes the place of.
    """

    def __init__(
        self, market: MarketData, clock: Clock, wall: Clock, faults: Faults, *, user: str,
        tell: Told, refuse: Refuse,
    ) -> None:  # fmt: skip
        self.market, self.clock, self.wall, self.faults = market, clock, wall, faults
        self.user, self._told, self._refuse = user, tell, refuse
        self.broker = PaperBroker()
        self.tickets: dict[str, Ticket] = {}
        self._by_inner: dict[str, Ticket] = {}
        self._later = Later(wall)
        self._count = self._sent = self._conversions = 0

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
            self.later(stuck.lasts, lambda: self._validate_late(ticket))
            return ticket
        try:
            self._validate(ticket)
        except Exception:
            self._forget(ticket)  # nobody gets its id: it must not be there
            raise
        return ticket

    def next_id(self) -> str:
        """Return an order id nobody has."""
        self._count += 1
        return str(_FIRST_ID + self._count * _STEP)

    def judge(self, form: Form) -> CallError | None:
        """Return why the account cannot have a new order as the broker would send it."""
        sent = order_maker.protected(form, self._quote(form.item.key), self.clock.now())
        return self._refuse(sent, sent.quantity)

    def modify(self, ticket: Ticket, form: Form) -> None:
        """Change an order that rests.

        What it is to become is judged as if the old one were not there, and is at the broker
        before that one leaves: refused, the order stays as it was.

        Raises
        ------
        CallError
            It is over, was changed too often, or would be refused as it is to become.
        """
        now, quote = self.clock.now(), self._quote(form.item.key)
        if quote is not None and ticket.inner and not ticket.final:
            self._advance(quote)  # the market of this moment still meets the old order
        self._check_change(ticket, form)
        units = form.quantity - ticket.filled
        form = order_maker.protected(form, quote, now)
        if refused := self._refuse(form, units, without=ticket):
            raise refused
        name, state = self._send(ticket, form, units)
        if state.status is OrderStatus.REJECTED:
            raise CallError(400, "InputException", in_kites_words(state.status_message))
        self.broker.cancel(ticket.inner[-1], now)
        ticket.modifications += 1
        ticket.modified, ticket.form, ticket.ends_at = True, form, order_maker.ends(form, now)
        for status in ("MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED"):
            ticket.move(status, now)
        self._accept(ticket, name, state)
        self._tell(ticket, "UPDATE")

    def _check_change(self, ticket: Ticket, form: Form) -> None:
        if ticket.final or not ticket.inner:
            raise CallError(400, "OrderException", "Order cannot be modified as it is not open.")
        today = self.wall.now().astimezone(IST).date()
        if ticket.modifications >= whole("order.changes", today):
            raise CallError(400, "OrderException", "Maximum allowed order modifications exceeded.")
        if form.quantity <= ticket.filled:
            raise CallError(400, "InputException", "Invalid `quantity`: so many are filled.")
        if refused := above_freeze(form.item, form.quantity, self.clock.now()):
            raise refused

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

    def convert(self, moved: Moved) -> None:
        """Let the broker know of units that went into another product."""
        self._conversions += 1
        for state, fill in moved_fills(moved, self._conversions, self.clock.now()):
            self.broker.restore([state], {state.order.order_id: [fill]})

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something so many seconds of the caller's time from now."""
        self._later.add(seconds, what)

    def catch_up(self) -> None:
        """Do what was to be done by now."""
        self._later.catch_up()

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
            safely(f"the orders of {quote.key}", partial(self._advance, quote))
        for over in self.broker.expire(now):
            self._happened(over)
        for ticket in list(self.tickets.values()):
            if ticket.ends_at is not None and ticket.ends_at <= now and not ticket.final:
                safely("the end of an order", partial(self.cancel, ticket))

    def _advance(self, quote: Quote) -> None:
        for event in self.broker.advance(self._market_of(quote)):
            safely(f"an order of {quote.key}", partial(self._happened, event))

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

    def _validate_late(self, ticket: Ticket) -> None:
        """Validate an order that was stuck; one that cannot be is not left hanging."""
        try:
            self._validate(ticket)
        except Exception:
            if not ticket.final:
                self._reject(ticket, "The order could not be checked.")
            raise

    def _validate(self, ticket: Ticket) -> None:
        if ticket.final:
            return None
        now, quote = self.clock.now(), self._quote(ticket.form.item.key)
        ticket.move(VALIDATION, now)
        if self.faults.roll("order-rejected"):
            return self._reject(ticket, "The exchange rejected the order, as it was asked to.")
        before = ticket.form
        form = order_maker.protected(before, quote, now)
        # the second leg of a cover order closes what its first one opened, whatever else there is
        refused = None if ticket.parent else self._refuse(form, form.quantity)
        if refused is not None:
            return self._reject(ticket, refused.message)
        ticket.form = form
        if form.order_type is not before.order_type:
            ticket.tags.append("mktp")
        ticket.move("OPEN PENDING", now)
        if quote is not None:
            self._advance(quote)
        ticket.ends_at = order_maker.ends(form, now)
        name, state = self._send(ticket, form, form.quantity)
        if state.status is OrderStatus.REJECTED:
            return self._reject(ticket, in_kites_words(state.status_message))
        self._accept(ticket, name, state)
        return self._tell(ticket, "")

    def _send(self, ticket: Ticket, form: Form, units: int) -> tuple[str, OrderState]:
        """Hand an order to the broker under a name of its own; the ticket does not know of it."""
        self._sent += 1
        name = f"{ticket.order_id}.{self._sent}"
        made = order_maker.order(
            form, units, name=name, group=ticket.order_id, now=self.clock.now()
        )  # fmt: skip
        return name, self.broker.place(made)

    def _accept(self, ticket: Ticket, name: str, state: OrderState) -> None:
        """Let an order the broker has taken stand for the ticket."""
        ticket.inner.append(name)
        self._by_inner[name] = ticket
        if ticket.exchange_id is None:
            ticket.exchange_id = str(_FIRST_EXCHANGE_ID + self._sent)
        self._show(ticket, state)

    def _tell(self, ticket: Ticket, word: str) -> None:
        safely("news of an order", partial(self._told, ticket, word))

    def _forget(self, ticket: Ticket) -> None:
        """Undo an order that broke on its way."""
        self.tickets.pop(ticket.order_id, None)
        for name in ticket.inner:
            self._by_inner.pop(name, None)
            self.broker.cancel(name, self.clock.now())

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

    def _quote(self, key: str) -> Quote | None:
        return self.market.quotes([key]).get(key)
