"""The calls about orders: varieties with several legs, the answers, and the faults of both."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alphastock_cli.domain.instrument import Side
from alphastock_cli.sandbox import cover, order_form, pieces
from alphastock_cli.sandbox.buckets import Bucket
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError, Reply, success
from alphastock_cli.sandbox.tickets import Ticket, update

if TYPE_CHECKING:
    from alphastock_cli.sandbox.exchange import Sandbox

_TIMED_OUT = (
    "Order request timed out. Please check the order book and confirm before placing again."
)


class OrderCalls:
    """Placing, changing and reading orders of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._box = sandbox

    # -- placing ------------------------------------------------------------------------------

    def place(self, variety: str, form: Mapping[str, str], path: str) -> object:
        """Place an order, in the manner the faults in force ask for.

        Raises
        ------
        CallError
            The form is wrong, or a fault says so.
        """
        faults = self._box.faults
        if faults.roll("static-ip", path):
            raise CallError(403, "PermissionException", "IP is not allowed to place orders.")
        made = order_form.read(
            variety, form, self._box.item, now=self._box.clock.now(), today=self._box.today(),
            protected=self._box.house.market_protection,
        )  # fmt: skip
        self._check_cover(made)
        selling = made.side is Side.SELL and made.product in {"CNC", "MTF"}
        if selling and faults.roll("authorise", path):
            raise CallError(428, "HoldingException", "Holdings need authorisation at depository.")
        if faults.roll("margin", path):
            raise CallError(
                400, "MarginException",
                "Insufficient funds. Required margin is 100000.00 but available margin is 0.00.",
            )  # fmt: skip
        if faults.roll("order-timeout-not-placed", path):
            raise self._timed_out()
        if late := faults.roll("order-timeout-but-placed", path):
            self._box.desk.later(late.lasts, lambda: self._open_quietly(made))
            raise self._timed_out()
        data = self._open(made)
        if faults.roll("order-503-but-placed", path):
            raise CallError(503, "NetworkException", "Couldn't connect to the OMS.")
        return self._answer(data, path)

    def _open(self, made: Form) -> dict[str, Any]:
        """Place an order of any variety; one above the freeze quantity needs to be divided."""
        now = self._box.clock.now()
        if made.variety == "iceberg":
            if refused := order_form.above_freeze(made.item, pieces.leg_units(made), now):
                raise refused
            return {"order_id": pieces.iceberg(self._box, made, 1, made.quantity).order_id}
        if refused := order_form.above_freeze(made.item, made.quantity, now):
            most = order_form.freeze(made.item, now)
            if not (made.autoslice and most):
                raise refused
            return pieces.slices(self._box, made, most)
        ticket = self._box.desk.open(made)
        return {"order_id": ticket.order_id} | ({"children": []} if made.autoslice else {})

    def _open_quietly(self, made: Form) -> None:
        """Place an order nobody waits for; what is refused then is lost, as at the broker."""
        with suppress(CallError):
            self._open(made)

    def _answer(self, data: dict[str, Any], path: str) -> object:
        faults = self._box.faults
        if faults.roll("missing-order-id", path):
            return {}
        if faults.roll("nan-order-id", path):
            return Reply(body=b'{"status":"success","data":{"order_id":NaN}}')
        if faults.roll("bad-order-id", path):
            return {"order_id": "it was placed"}
        if first := faults.roll("order-update-first", path):
            return success(data).but(delay=first.lasts)
        return data

    def _timed_out(self) -> CallError:
        dice = self._box.faults.dice("order-timeout")
        return CallError(400, dice.choice(["OrderException", "InputException"]), _TIMED_OUT)

    # -- changing -----------------------------------------------------------------------------

    def modify(self, number: str, form: Mapping[str, str], path: str) -> object:
        """Change an order; fields that are not given stay.

        Raises
        ------
        CallError
            As `Desk.modify`, and where the form is wrong.
        """
        ticket = self._ticket(number)
        if self._box.faults.roll("cancel-ignored", path):
            raise CallError(504, "NetworkException", "Gateway timed out")
        before = ticket.form
        names = ("quantity", "price", "trigger_price", "order_type", "validity",
                 "disclosed_quantity", "market_protection", "validity_ttl")  # fmt: skip
        filled = {
            "exchange": before.item.instrument.exchange.value,
            "tradingsymbol": before.item.instrument.tradingsymbol,
            "transaction_type": before.side.value, "quantity": str(before.quantity),
            "product": before.product, "order_type": before.order_type.value,
            "price": str(before.price), "trigger_price": str(before.trigger_price),
            "validity": before.validity, "validity_ttl": str(before.validity_ttl),
            "disclosed_quantity": str(before.disclosed_quantity),
            "market_protection": str(before.market_protection), "tag": before.tag,
            "iceberg_legs": str(before.iceberg_legs),
        } | {name: form[name] for name in names if form.get(name)}  # fmt: skip
        made = order_form.read(
            before.variety, filled, self._box.item, now=self._box.clock.now(),
            today=self._box.today(), protected=self._box.house.market_protection, fresh=False,
        )  # fmt: skip
        if ticket.parent is None:
            self._check_cover(made)
        self._box.desk.modify(ticket, made)
        return self._changed(ticket, path)

    def _check_cover(self, made: Form) -> None:
        quote = self._box.market.quotes([made.item.key]).get(made.item.key)
        if made.variety == "co" and (refused := cover.refusal(made, quote, self._box.clock.now())):
            raise refused

    def cancel(self, number: str, path: str) -> object:
        """Cancel an order; the stop of a cover order is executed instead.

        Raises
        ------
        CallError
            As `Desk.cancel`.
        """
        ticket = self._ticket(number)
        if self._box.faults.roll("cancel-ignored", path):
            raise CallError(504, "NetworkException", "Gateway timed out")
        if ticket.form.variety == "co" and ticket.parent is not None and not ticket.final:
            self._box.desk.modify(ticket, cover.at_market(ticket.form))
        else:
            self._box.desk.cancel(ticket)
        return self._changed(ticket, path)

    def _changed(self, ticket: Ticket, path: str) -> dict[str, str]:
        if self._box.faults.roll("cancel-timeout", path):
            raise CallError(504, "NetworkException", "Gateway timed out")
        return {"order_id": ticket.order_id}

    # -- reading ------------------------------------------------------------------------------

    def book(self) -> list[dict[str, Any]]:
        """Return the order book."""
        rows = [self._shown(ticket.row()) for ticket in self._box.desk.visible()]
        if self._box.faults.roll("shuffle-orders"):
            self._box.faults.dice("shuffle-orders").shuffle(rows)
        return rows

    def history(self, number: str) -> list[dict[str, Any]]:
        """Return the way of one order through its statuses."""
        return [self._shown(dict(row)) for row in self._ticket(number).history]

    def trades(self, number: str = "") -> list[dict[str, Any]]:
        """Return the trades of the day, or of one order."""
        tickets = [self._ticket(number)] if number else self._box.desk.visible()
        return [row for ticket in tickets for row in ticket.trades()]

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        if self._box.faults.roll("lost-tag"):
            row |= {"tag": None, "tags": []}
        return row

    def _ticket(self, number: str) -> Ticket:
        for ticket in self._box.desk.visible():
            if ticket.order_id == number:
                return ticket
        raise CallError(404, "GeneralException", "Couldn't find that `order_id`.")

    # -- what follows of a change -------------------------------------------------------------

    def told(self, ticket: Ticket, status: str) -> None:
        """Tell the connections of a ticket that has changed, and place what follows from it."""
        wait = ticket.seen_from - self._box.wall.monotonic()
        row = update(ticket, self._box.sessions.app.api_secret, status=status)
        if wait > 0:
            self._box.desk.later(wait, lambda: self._send(row))
        else:
            self._send(row)
        following = self._box.icebergs.pop(ticket.order_id, None) if ticket.final else None
        if following is not None and ticket.status == "COMPLETE" and following[2] > 0:
            pieces.iceberg(self._box, *following)
        if ticket.final and ticket.filled and cover.is_entry(ticket):
            quote = self._box.market.quotes([ticket.form.item.key]).get(ticket.form.item.key)
            stop = cover.stop_of(ticket.form, ticket.filled, quote)
            self._box.desk.open(stop, parent=ticket.order_id)

    def _send(self, row: dict[str, Any]) -> None:
        for subscriber in self._box.subscribers:
            subscriber.order(row)

    # -- orders the broker places ---------------------------------------------------------------

    def read_leg(self, leg: Mapping[str, Any]) -> Form:
        """Read and judge the order of a trigger, whatever the hour.

        Raises
        ------
        CallError
            The form is wrong.
        """
        return self._form({name: str(value) for name, value in leg.items()}, fresh=False)

    def place_leg(self, leg: Mapping[str, Any]) -> str:
        """Place the order of a trigger; return its id.

        Raises
        ------
        CallError
            The form is wrong, or the market does not take it now.
        """
        self._box.endow()
        made = self._form({name: str(value) for name, value in leg.items()})
        return str(self._open(made)["order_id"])

    def close(self, bucket: Bucket) -> None:
        """Close a position, in as many pieces as the exchange asks for."""
        made = bucket.item.instrument
        words = {
            "exchange": made.exchange.value, "tradingsymbol": made.tradingsymbol,
            "transaction_type": "SELL" if bucket.net > 0 else "BUY",
            "quantity": str(abs(bucket.net)), "product": bucket.product, "order_type": "MARKET",
            "market_protection": "-1",
        }  # fmt: skip
        whole = self._form(words)
        most = order_form.freeze(bucket.item, self._box.clock.now()) or whole.quantity
        for done in range(0, whole.quantity, most):
            piece = replace(whole, quantity=min(most, whole.quantity - done))
            self._box.desk.open(piece, tags=("squareoff",)).user = "SYSTEM"

    def _form(self, words: Mapping[str, str], *, fresh: bool = True) -> Form:
        return order_form.read(
            "regular", words, self._box.item, now=self._box.clock.now(), today=self._box.today(),
            protected=True, fresh=fresh,
        )  # fmt: skip
