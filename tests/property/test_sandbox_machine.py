"""Whatever is asked of the sandbox's exchange, its books hold: no money, no shares out of nothing.

Orders, changes, cancellations, conversions and triggers with sensible and impossible numbers, in
any order, without HTTP. What the account tells is compared with the plain sum of the trades.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alphastock_cli.domain.trading import Product
from alphastock_cli.sandbox.conversion import convert
from alphastock_cli.sandbox.exchange import House
from alphastock_cli.sandbox.faults import parse
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import CallError, encode
from tests.unit.sandbox_makers import Box, box

CASH = 300_000.0
HELD = {"NSE:INFY": 50, "NSE:SBIN": 100}
PAISE = 0.05  # of sums of rounded rows
IMPOSSIBLE = st.sampled_from(
    ["nan", "inf", "-1", "1e308", "9" * 400, "1_000", "٨٠٠", "0", "0.03", "", "x", "1000000000"]
)
AWAY = st.sampled_from([None, 0.9, 0.97, 0.995, 1.0, 1.005, 1.03, 1.1])
UNITS = st.sampled_from([1, 5, 10, 20, 40, 80, 100, 300, 900, 3000])
RARELY = st.integers(0, 7).map(lambda dice: dice == 0)
PRODUCTS = st.sampled_from(["CNC", "MIS", "MIS", "MTF", "NRML"])
SIDES = st.sampled_from(["BUY", "SELL"])
NUMBERS = st.sampled_from(["quantity", "price", "trigger_price", "market_protection",
                           "iceberg_legs", "validity_ttl"])  # fmt: skip


class SandboxMachine(RuleBasedStateMachine):
    """Calls in any order, and the laws after each."""

    @initialize(stuck=st.booleans())
    def begin(self, *, stuck: bool) -> None:
        self.it: Box = box(house=House(cash=CASH))
        self.state = self.it.state
        if stuck:
            self.state.faults.set(parse("order-stuck:0.3:2s"), seed=7)
        self.state.endow()
        self.final: dict[str, Any] = {}
        self.failures: list[str] = []
        self.handler = logging.Handler()
        self.handler.emit = lambda record: self.failures.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("alphastock.sandbox").addHandler(self.handler)
        self.items = [self.item(key) for key in ("NSE:INFY", "NSE:SBIN", "NSE:RELIANCE")]
        self.items += [self.nearest("FUT"), self.nearest("CE")]

    def teardown(self) -> None:
        if hasattr(self, "handler"):
            logging.getLogger("alphastock.sandbox").removeHandler(self.handler)

    def item(self, key: str) -> Listed:
        found = self.state.item(key)
        assert found is not None
        return found

    def nearest(self, kind: str) -> Listed:
        spot = self.last("NSE:NIFTY 50")
        found = [
            one for one in self.state.listing.by_key.values()
            if one.instrument.underlying == "NIFTY" and one.kind == kind
        ]  # fmt: skip
        return min(found, key=lambda x: (abs(float(x.instrument.strike or spot) - spot), x.key))

    def last(self, key: str) -> float:
        return float(self.state.quotes([key])[key].last_price or 0)

    def net(self) -> float:
        return float(self.state.account.funds()["net"])

    def priced(self, item: Listed, away: float) -> str:
        tick = item.instrument.tick_size
        return str(round(self.last(item.key) * away / float(tick)) * tick)

    def spends(self, call: Any) -> bool:
        """Make a call: it is refused in words, or leaves funds that last."""
        told = self.told()
        before, net = encode(told), told[3]["net"]
        try:
            call()
        except CallError:
            assert encode(self.told()) == before, "a refusal changes nothing"
            return False
        after = self.net()
        assert after >= -PAISE or after >= net - PAISE, f"{net} became {after}"
        return True

    def told(self) -> Any:
        account = self.state.account
        return [self.state.calls.book(), account.positions(), account.held(), account.funds(),
                self.state.triggers.rows()]  # fmt: skip

    # -- what a person does -------------------------------------------------------------------

    @rule(
        data=st.data(), side=SIDES, product=PRODUCTS, units=UNITS, away=AWAY,
        variety=st.sampled_from(["regular", "regular", "regular", "iceberg", "co"]),
        stop=st.sampled_from([None, None, 0.97, 1.03]), slice_=st.booleans(),
        wrong=RARELY, name=NUMBERS, number=IMPOSSIBLE,
    )  # fmt: skip
    def place(
        self, *, name, number, data, side, product, units, away, variety, stop, slice_, wrong
    ) -> None:
        item = data.draw(st.sampled_from(self.items))
        if item.instrument.exchange == "NFO" and product in {"CNC", "MTF"} and units > 5:
            product = "NRML"
        form = {
            "exchange": item.instrument.exchange.value, "transaction_type": side,
            "tradingsymbol": item.instrument.tradingsymbol, "product": product,
            "quantity": str(units * item.instrument.lot_size), "order_type": "MARKET",
            "market_protection": "-1", "iceberg_legs": "3", "autoslice": str(slice_),
        }  # fmt: skip
        if away is not None:
            form |= {"order_type": "LIMIT", "price": self.priced(item, away)}
        if stop is not None:
            form["trigger_price"] = self.priced(item, stop)
            if variety != "co":
                form["order_type"] = "SL" if away is not None else "SL-M"
        if wrong:
            form[name] = number
        self.spends(lambda: self.state.calls.place(variety, form, "/orders/x"))

    @rule(
        data=st.data(), side=st.sampled_from(["BUY", "BUY", "SELL"]),
        product=st.sampled_from(["CNC", "MIS", "MIS", "MTF"]), units=st.sampled_from([5, 20, 60]),
        limit=st.booleans(),
    )  # fmt: skip
    def trade(self, *, data, side, product, units, limit) -> None:
        """Take what the market offers, and let it move on."""
        item = data.draw(st.sampled_from(self.items))
        contract = item.instrument.exchange == "NFO"
        form = {
            "exchange": item.instrument.exchange.value, "transaction_type": side,
            "tradingsymbol": item.instrument.tradingsymbol,
            "product": ("NRML" if product == "MTF" else "MIS") if contract else product,
            "quantity": str(item.instrument.lot_size if contract else units),
            "order_type": "MARKET", "market_protection": "-1",
        }  # fmt: skip
        if limit:
            form |= {"order_type": "LIMIT",
                     "price": self.priced(item, 1.02 if side == "BUY" else 0.98)}  # fmt: skip
        self.spends(lambda: self.state.calls.place("regular", form, "/orders/x"))
        self.it.wait()

    @rule(
        data=st.data(), buys=st.booleans(), product=st.sampled_from(["CNC", "MIS"]),
        units=st.sampled_from([1, 10, 40]), far=st.sampled_from([0.03, 0.06]),
    )  # fmt: skip
    def rest(self, *, data, buys, product, units, far) -> None:
        """Place an order away from the market: something to change, to cancel, to count on."""
        item = data.draw(st.sampled_from(self.items[:3]))
        form = {
            "exchange": "NSE", "transaction_type": "BUY" if buys else "SELL",
            "tradingsymbol": item.instrument.tradingsymbol, "product": product,
            "quantity": str(units), "order_type": "LIMIT",
            "price": self.priced(item, 1 - far if buys else 1 + far),
        }  # fmt: skip
        self.spends(lambda: self.state.calls.place("regular", form, "/orders/x"))

    @precondition(lambda self: self.living())
    @rule(
        data=st.data(), units=st.none() | UNITS, away=AWAY,
        kind=st.none() | st.sampled_from(["MARKET", "LIMIT", "SL-M"]),
        wrong=RARELY, name=NUMBERS, number=IMPOSSIBLE,
    )  # fmt: skip
    def modify(self, *, data, units, away, kind, wrong, name, number) -> None:
        ticket = data.draw(st.sampled_from(self.living()))
        form = {"market_protection": "-1"}
        if units is not None:
            form["quantity"] = str(units * ticket.form.item.instrument.lot_size)
        if away is not None:
            form["price"] = self.priced(ticket.form.item, away)
        if kind is not None:
            form["order_type"] = kind
        if wrong:
            form[name] = number
        self.spends(lambda: self.state.calls.modify(ticket.order_id, form, "/orders/x"))

    @precondition(lambda self: self.living())
    @rule(data=st.data())
    def cancel(self, data) -> None:
        ticket, before = data.draw(st.sampled_from(self.living())), self.net()
        covers = ticket.form.variety == "co"  # its entry leaves a stop, its stop leaves at once
        if self.spends(lambda: self.state.calls.cancel(ticket.order_id, "/orders/x")):
            assert covers or self.net() >= before - PAISE

    def living(self) -> list[Any]:
        """Return the orders that are not over, and one that is."""
        tickets = list(self.state.desk.tickets.values())
        alive = [ticket for ticket in tickets if not ticket.final]
        return alive and alive + [ticket for ticket in tickets if ticket.final][-1:]

    def open_buckets(self) -> list[Any]:
        return [made for made in self.state.account.buckets().values() if made.net]

    @precondition(lambda self: self.open_buckets())
    @rule(
        data=st.data(), share=st.sampled_from([0.5, 1.0, 1.0, 2.0]), turned=st.integers(0, 9),
        to=st.sampled_from(["CNC", "CNC", "MIS", "MIS", "MTF", "NRML", "CO"]), wrong=RARELY,
        number=IMPOSSIBLE,
    )  # fmt: skip
    def convert(self, *, data, share, turned, to, wrong, number) -> None:
        found = self.open_buckets()
        made = data.draw(st.sampled_from(found))
        if made.product == to:
            to = {"CNC": "MIS", "MIS": "CNC", "NRML": "MIS"}.get(to, "CNC")
        lot = made.item.instrument.lot_size
        units = max(1, int(abs(made.net) * share) // lot) * lot
        side = "BUY" if (made.net > 0) == bool(turned) else "SELL"
        form = {
            "exchange": made.item.instrument.exchange.value, "transaction_type": side,
            "tradingsymbol": made.item.instrument.tradingsymbol, "position_type": "day",
            "quantity": number if wrong else str(units), "old_product": made.product,
            "new_product": to,
        }  # fmt: skip
        worth = self.worth()
        self.spends(lambda: convert(self.state, form))
        assert self.worth() == pytest.approx(worth, abs=PAISE)

    @precondition(lambda self: len(self.state.triggers.items) < 3)
    @rule(
        data=st.data(), side=SIDES, units=UNITS, near=st.sampled_from([0.95, 0.99, 1.01, 1.05]),
        ahead=st.sampled_from([0.9, 1.0, 1.1]),
        wrong=RARELY, name=st.sampled_from(["quantity", "price", "value"]),
        number=st.sampled_from([float("nan"), 1e308, -1, 0, "x", 10**400]),
    )  # fmt: skip
    def trigger(self, *, data, side, units, near, ahead, wrong, name, number) -> None:
        item = data.draw(st.sampled_from(self.items))
        made = item.instrument
        leg = {
            "exchange": made.exchange.value, "tradingsymbol": made.tradingsymbol,
            "transaction_type": side, "quantity": units * made.lot_size, "order_type": "LIMIT",
            "product": "CNC" if made.exchange == "NSE" else "NRML",
            "price": float(self.priced(item, near)),
        }  # fmt: skip
        values = [round(self.last(item.key) * near, 2)]
        if wrong and name == "value":
            values = [number]
        elif wrong:
            leg[name] = number
        condition = {
            "exchange": made.exchange.value, "tradingsymbol": made.tradingsymbol,
            "trigger_values": values, "last_price": round(self.last(item.key) * ahead, 2),
        }  # fmt: skip
        form = {
            "type": "single", "condition": json.dumps(condition), "orders": json.dumps([leg]),
        }  # fmt: skip
        self.spends(lambda: self.state.triggers.open(form))

    @rule(seconds=st.sampled_from([0.0, 1.0, 1.0, 1.0, 5.0, 60.0]))
    def beat(self, seconds) -> None:
        self.it.wait(seconds)

    # -- the laws -----------------------------------------------------------------------------

    def worth(self) -> float:
        """Return what everything is worth, as the account tells it."""
        account = self.state.account
        funds = account.funds()
        used = funds["utilised"]
        blocked = sum(used[name] for name in ("span", "exposure", "option_premium", "delivery"))
        moving = sum(
            made.unrealised(self.last(made.item.key)) for made in account.buckets().values()
            if made.net > 0 or made.product not in {"CNC", "MTF"}
        )  # fmt: skip
        held = sum(row["quantity"] * row["last_price"] for row in account.held())
        return float(funds["net"] + blocked + moving + held)

    @invariant()
    def nothing_failed_unheard(self) -> None:
        assert not getattr(self, "failures", [])

    @invariant()
    def money_comes_only_from_prices(self) -> None:
        """The account is the opening cash, what the trades paid, and what is open at its price."""
        if not hasattr(self, "state"):
            return
        worth, open_ = CASH, Counter(HELD)
        for row in self.state.calls.trades():
            sign = 1 if row["transaction_type"] == "BUY" else -1
            open_[f"{row['exchange']}:{row['tradingsymbol']}"] += sign * row["quantity"]
            worth -= sign * row["quantity"] * row["average_price"]
        worth += sum(units * self.last(key) for key, units in open_.items())
        assert self.worth() == pytest.approx(worth, abs=PAISE)

    @invariant()
    def delivery_comes_out_of_holdings(self) -> None:
        if not hasattr(self, "state"):
            return
        account, desk = self.state.account, self.state.desk
        delivered: defaultdict[str, int] = defaultdict(int, HELD)
        for (key, product), made in account.buckets().items():
            if product in {"CNC", "MTF"}:
                delivered[key] += made.net
                assert made.net >= (-HELD.get(key, 0) if product == "CNC" else 0)
        for key, units in delivered.items():
            assert account.free(key, "CNC") >= 0
            assert account.free(key, "MTF") >= 0
            assert desk.broker._held[key, Product.CNC] == units, "account and desk agree"

    @invariant()
    def orders_keep_their_ends_and_names(self) -> None:
        if not hasattr(self, "state"):
            return
        tickets = self.state.desk.tickets.values()
        names = [ticket.exchange_id for ticket in tickets if ticket.exchange_id]
        assert len(names) == len(set(names))
        waiting = {each.order.order_id: each for each in self.state.desk.broker.waiting()}
        for ticket in tickets:
            if ticket.final:
                kept = self.final.setdefault(ticket.order_id, encode(ticket.row()))
                assert encode(ticket.row()) == kept, "what is over does not change"
            elif ticket.inner:
                assert waiting.pop(ticket.inner[-1]).pending_quantity == ticket.left
        assert not waiting, "nothing works that no order stands for"


SandboxMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("SANDBOX_EXAMPLES", "30")), stateful_step_count=30,
    deadline=None, print_blob=True,
)  # fmt: skip
TestSandbox = SandboxMachine.TestCase
