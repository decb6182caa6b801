"""The account behind the sandbox: funds, holdings and positions, folded from the day's fills.

What an order, a change or a conversion would make of it is asked of the same fold, before anything
is done: one law for all, no money appears and none is spent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.exchange.limits import CASH
from alphastock_cli.providers.kite.facts import share
from alphastock_cli.sandbox.blocking import Waiting, blocked
from alphastock_cli.sandbox.buckets import (
    DELIVERED,
    Bucket,
    Holding,
    Moved,
    holding_row,
    position_row,
    segment,
)
from alphastock_cli.sandbox.costs import Blocks
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import CallError
from alphastock_cli.sandbox.tickets import Ticket

_PAISA = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What might be done: an order more with so many units, one less, a conversion more."""

    form: Form | None = None
    units: int = 0
    without: Ticket | None = None
    moved: Moved | None = None


NOTHING = Trial()


@dataclass
class Account:
    """Funds, holdings and positions.

    Parameters
    ----------
    tickets : callable
        The orders of the day.
    """

    cash: float
    quotes: Callable[[list[str]], dict[str, Quote]]
    tickets: Callable[[], Iterable[Ticket]]
    now: Callable[[], datetime]
    holdings: dict[str, Holding] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)

    # -- positions ----------------------------------------------------------------------------

    def buckets(self, trial: Trial = NOTHING) -> dict[tuple[str, str], Bucket]:
        """Return the day's trades by instrument and product, conversions counted."""
        found: dict[tuple[str, str], Bucket] = {}
        for ticket in self.tickets():
            for fill in ticket.fills:
                key = (ticket.form.item.key, ticket.form.product)
                bucket = found.setdefault(key, Bucket(ticket.form.item, ticket.form.product))
                bucket.add(fill.side, fill.quantity, float(fill.price))
        for one in (*self.moved, *([trial.moved] if trial.moved else [])):
            name = one.item.key
            found[name, one.old].add(one.side, -one.units, one.price)
            target = found.setdefault((name, one.new), Bucket(one.item, one.new))
            target.add(one.side, one.units, one.price)
        return {key: made for key, made in found.items() if made.bought or made.sold}

    def positions(self) -> dict[str, list[dict[str, Any]]]:
        """Return `/portfolio/positions`; nothing is carried overnight, so both lists agree."""
        buckets = self.buckets()
        quotes = self.quotes([bucket.item.key for bucket in buckets.values()])
        rows = [position_row(made, quotes.get(made.item.key)) for made in buckets.values()]
        return {"net": rows, "day": [dict(row) for row in rows]}

    # -- holdings -----------------------------------------------------------------------------

    def held(self) -> list[dict[str, Any]]:
        """Return `/portfolio/holdings`."""
        buckets = self.buckets()
        sold = {key: max(0, -made.net) for (key, name), made in buckets.items() if name == "CNC"}
        quotes = self.quotes(list(self.holdings))
        return [
            holding_row(one, sold.get(key, 0), quotes.get(key), self.now())
            for key, one in self.holdings.items()
        ]

    def summary(self) -> dict[str, float]:
        """Return `/portfolio/holdings/summary`."""
        rows = self.held()
        invested = sum(row["average_price"] * row["opening_quantity"] for row in rows)
        value = sum(row["last_price"] * row["opening_quantity"] for row in rows)
        today = sum(row["day_change"] * row["opening_quantity"] for row in rows)
        before = value - today
        return {
            "total_pnl": value - invested,
            "total_pnl_percent": (value / invested - 1) * 100 if invested else 0.0,
            "today_pnl": today, "today_pnl_percent": today / before * 100 if before else 0.0,
            "invested_amount": invested, "current_value": value,
        }  # fmt: skip

    def free(self, key: str, product: str, *, without: Ticket | None = None) -> int:
        """Return the shares that can be delivered: held and bought, less what waits to be sold."""
        bucket = self.buckets().get((key, product))
        units = 0 if bucket is None else bucket.net
        if product == "CNC" and key in self.holdings:
            units += self.holdings[key].quantity
        promised = (
            ticket.left for ticket in self._waiting(without)
            if ticket.form.side is Side.SELL and ticket.form.product == product
            and ticket.form.item.key == key
        )  # fmt: skip
        return units - sum(promised)

    # -- funds --------------------------------------------------------------------------------

    def funds(self, trial: Trial = NOTHING) -> dict[str, Any]:
        """Return the equity segment of `/user/margins`, as it is or as it would be."""
        buckets = self.buckets(trial)
        wanted = [(ticket.form, ticket.left) for ticket in self._waiting(trial.without)]
        if trial.form is not None:
            wanted.append((trial.form, trial.units))
        pieces = blocked(
            Blocks(self.quotes, self.now), buckets,
            [self._standing(form, units) for form, units in wanted],
        )  # fmt: skip
        quotes = self.quotes([made.item.key for made in buckets.values()])
        realised = unrealised = sales = 0.0
        for made in buckets.values():
            quote = quotes.get(made.item.key)
            last = quote.last_price if quote and quote.last_price else made.average
            realised += made.realised
            unrealised += made.unrealised(last)
            sales += made.delivered
        usable = share("sales.usable_pct", self.now().date())
        return segment(self.cash, pieces, realised, unrealised, sales, usable=usable)

    def refusal(self, form: Form, units: int, *, without: Ticket | None = None) -> CallError | None:
        """Return why the account cannot have an order, None where it can.

        Parameters
        ----------
        units : int
            What the order still wants.
        without : Ticket, optional
            The order it takes the place of: what that one has blocked is free for it.
        """
        if form.item.instrument.exchange in CASH and form.product in DELIVERED:
            free = self.free(form.item.key, form.product, without=without)
            if form.side is Side.SELL and units > free:
                where = "in the holdings" if form.product == "CNC" else "bought in it"
                return CallError(
                    400, "HoldingException",
                    f"a {form.product} sell of {units} needs as many {where}, {free} are free:"
                    " to sell short within the day use MIS",
                )  # fmt: skip
        return self._unpaid(Trial(form=form, units=units, without=without), Trial(without=without))

    def unconvertible(self, moved: Moved) -> CallError | None:
        """Return why units cannot go into another product, None where they can.

        Long ones leave a delivery product only if no sale counts on them, short ones enter it only
        out of what is free there; either way the funds have to last.
        """
        key = moved.item.key
        needs = moved.old if moved.side is Side.BUY else moved.new
        if needs in DELIVERED and (free := self.free(key, needs)) < moved.units:
            return CallError(
                400, "HoldingException",
                f"{moved.units} units cannot be converted: {max(0, free)} of {needs} are free.",
            )  # fmt: skip
        return self._unpaid(Trial(moved=moved), NOTHING)

    def _unpaid(self, trial: Trial, base: Trial) -> CallError | None:
        """Return an error where the funds would be below zero, and lower than they are."""
        after, before = self.funds(trial)["net"], self.funds(base)["net"]
        now = before if base == NOTHING else self.funds()["net"]
        if after >= 0 or after >= now - _PAISA:
            return None
        return CallError(
            400, "MarginException",
            f"Insufficient funds. Required margin is {before - after:.2f} but available margin is"
            f" {before:.2f}. Check the orderbook for open orders.",
        )  # fmt: skip

    def _waiting(self, without: Ticket | None) -> Iterable[Ticket]:
        return (
            ticket for ticket in self.tickets()
            if not ticket.final and ticket.inner and ticket is not without
        )  # fmt: skip

    def _standing(self, form: Form, units: int) -> Waiting:
        price = float(form.price or form.trigger_price)
        if not price:  # sent without one: the last is the nearest
            quote = self.quotes([form.item.key]).get(form.item.key)
            price = quote.last_price if quote and quote.last_price else 0.0
        return Waiting(form.item, form.product, form.side, units, price)
