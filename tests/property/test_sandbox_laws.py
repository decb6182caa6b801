"""Whatever a client sends, the sandbox answers in Kite's shape; its books always add up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.sandbox.call import Call
from alphastock_cli.sandbox.stream import Subscriber
from tests.unit.sandbox_makers import box

PATHS = (
    "/session/token", "/session/refresh_token", "/user/profile", "/user/margins/x", "/quote",
    "/quote/ltp", "/instruments/XXX", "/instruments/historical/408065/minute", "/orders/regular",
    "/orders/iceberg", "/orders/co", "/orders/regular/1", "/orders/1", "/orders/1/trades",
    "/portfolio/positions", "/portfolio/holdings", "/gtt/triggers", "/gtt/triggers/1", "/alerts",
    "/alerts/1", "/margins/orders", "/margins/basket", "/charges/orders", "/connect/login",
    "/connect/finish", "/sandbox/faults", "/sandbox/counts", "/", "/orders/",
)  # fmt: skip
WORDS = st.sampled_from(
    ["INFY", "NSE", "BUY", "SELL", "CNC", "MIS", "MARKET", "LIMIT", "SL", "DAY", "TTL", "1", "0",
     "-1", "10", "1e9", "NaN", "Infinity", "0.05", "600", "٣", "²", "", "{", "[1]", "null",
     "x" * 30, "2026-08-14", "single", "single\u0000", "9" * 40,
     '{"trigger_values":[1e999],"last_price":1}']
)  # fmt: skip
NAMES = st.sampled_from(
    ["exchange", "tradingsymbol", "transaction_type", "quantity", "product", "order_type", "price",
     "trigger_price", "validity", "validity_ttl", "market_protection", "tag", "iceberg_legs",
     "condition", "orders", "type", "i", "from", "to", "oi", "api_key", "v", "request_token",
     "checksum", "name", "operator", "rhs_constant", "uuid", "page", "page_size", "faults", "seed",
     "old_product", "new_product", "position_type", "redirect_params", "iceberg_quantity"]
)  # fmt: skip
FORMS = st.dictionaries(NAMES, WORDS, max_size=10)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
IT = box()


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.sampled_from(PATHS), FORMS, FORMS, JSONS
)
def test_every_call_is_answered_in_kites_shape(
    method: str, path: str, query: dict[str, str], form: dict[str, str], body: Any
) -> None:
    form.pop("faults", None)
    plain = IT.reply(method, path, form, **query)
    heads = {
        "Authorization": f"token sandboxkey:{IT.token}", "Content-Type": "application/json",
    }  # fmt: skip
    called = Call.of(method, path, "", json.dumps(body).encode(), heads)
    for reply in (plain, IT.state.answer(called)):
        assert reply.status in {200, 302, 400, 403, 404, 405}
        if reply.kind == "application/json":
            told = json.loads(reply.body)
            assert told["status"] == ("success" if reply.status == 200 else "error")


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60)
    | JSONS.map(json.dumps)
    | JSONS.map(lambda v: json.dumps({"a": "mode", "v": v}))
)
def test_every_message_of_a_ticker_is_taken_or_answered(text: str) -> None:
    subscriber = Subscriber(IT.state.by_token, 3000)
    subscriber.hear(text)
    assert len(subscriber.outbox) <= 1
    assert len(subscriber.modes) <= 3000


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.sampled_from(["MIS", "CNC"]),
        st.integers(1, 400),
        st.sampled_from([None, 0.97, 0.999, 1.001, 1.02]),
        st.sampled_from(["keep", "cancel", "modify"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(ACTIONS)
def test_orders_trades_and_positions_agree(
    actions: list[tuple[str, str, int, float | None, str]],
) -> None:
    it = box()
    for side, product, units, away, then in actions:
        last = it.last()
        price: dict[str, Any] = {}
        if away is not None:
            price = {"order_type": "LIMIT", "price": round(last * away, 1)}
        number = it.place(transaction_type=side, product=product, quantity=units, **price)
        it.wait()
        open_now = it.row(number)["status"] == "OPEN"
        if open_now and then == "cancel":
            it.ask("DELETE", f"/orders/regular/{number}")
        if open_now and then == "modify":
            it.ask("PUT", f"/orders/regular/{number}", {"quantity": units + 5})
    it.wait()
    rows, trades = it.ask("GET", "/orders"), it.ask("GET", "/trades")
    for row in rows:
        own = [trade for trade in trades if trade["order_id"] == row["order_id"]]
        assert sum(trade["quantity"] for trade in own) == row["filled_quantity"]
        assert row["filled_quantity"] <= row["quantity"]
        if row["status"] == "COMPLETE":
            assert row["filled_quantity"] == row["quantity"]
        if row["status"] in {"OPEN", "CANCELLED"}:
            left = row["pending_quantity"] + row["cancelled_quantity"]
            assert row["filled_quantity"] + left == row["quantity"]
    for position in it.ask("GET", "/portfolio/positions")["net"]:
        own = [trade for trade in trades if trade["product"] == position["product"]]
        signed = sum(
            trade["quantity"] * (1 if trade["transaction_type"] == "BUY" else -1) for trade in own
        )
        assert position["quantity"] == signed
        paid = sum(
            trade["quantity"] * trade["average_price"]
            * (1 if trade["transaction_type"] == "BUY" else -1)
            for trade in own
        )  # fmt: skip
        worth = position["quantity"] * position["last_price"]
        assert position["pnl"] == pytest.approx(worth - paid, abs=0.01)
    # CNC never goes short of what was held
    sold = sum(
        t["quantity"] for t in trades if (t["product"], t["transaction_type"]) == ("CNC", "SELL")
    )
    bought = sum(
        t["quantity"] for t in trades if (t["product"], t["transaction_type"]) == ("CNC", "BUY")
    )
    assert sold <= bought + 50
