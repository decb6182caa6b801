"""An order's life at the sandbox: forms, statuses, fills, updates, faults of order calls."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from alphastock_cli.sandbox.exchange import House
from alphastock_cli.sandbox.faults import parse
from alphastock_cli.sandbox.stream import Subscriber
from tests.unit.sandbox_makers import CLOSED, Box, box, order


@pytest.fixture
def it() -> Box:
    return box()


def statuses(it: Box, number: str) -> list[str]:
    return [row["status"] for row in it.ask("GET", f"/orders/{number}")]


def updates(it: Box) -> Subscriber:
    query = {"api_key": it.state.sessions.app.api_key, "access_token": it.token}
    return it.state.connect(query)


def test_a_market_order_becomes_a_limit_order_and_fills(it: Box) -> None:
    seen = updates(it)
    number = it.place(tag="mytag")
    assert len(number) == 19
    row = it.row(number)
    assert (row["status"], row["order_type"], row["filled_quantity"]) == ("OPEN", "LIMIT", 0)
    assert row["tags"] == ["mytag", "mktp"]
    assert row["price"] == pytest.approx(it.last() * 1.005, abs=0.1)  # 0.5 % above 500 rupees
    it.wait()
    row = it.row(number)
    assert (row["status"], row["filled_quantity"], row["pending_quantity"]) == ("COMPLETE", 10, 0)
    assert statuses(it, number) == [
        "PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN", "COMPLETE",
    ]  # fmt: skip
    (trade,) = it.ask("GET", f"/orders/{number}/trades")
    assert trade["average_price"] == row["average_price"]
    assert trade == it.ask("GET", "/trades")[0]
    told = [json.loads(text) for text in seen.outbox]
    assert [(one["type"], one["data"]["status"]) for one in told] == [
        ("order", "OPEN"), ("order", "COMPLETE"),
    ]  # fmt: skip
    data = told[-1]["data"]
    signed = number + data["order_timestamp"] + it.state.sessions.app.api_secret
    assert data["checksum"] == sha256(signed.encode()).hexdigest()


def test_the_first_row_of_a_history_knows_no_instrument(it: Box) -> None:
    rows = it.ask("GET", f"/orders/{it.place()}")
    assert rows[0]["instrument_token"] == 1
    assert rows[0]["exchange_order_id"] is None
    assert rows[1]["instrument_token"] == it.state.item("NSE:INFY").token  # type: ignore[union-attr]


def test_a_resting_order_is_changed_and_cancelled(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low)
    it.wait()
    assert it.row(number)["status"] == "OPEN"
    path = f"/orders/regular/{number}"
    assert it.ask("PUT", path, {"price": low + 1, "quantity": 12}) == {"order_id": number}
    row = it.row(number)
    assert (row["price"], row["quantity"], row["pending_quantity"]) == (low + 1, 12, 12)
    assert row["modified"] is True
    it.wait()
    assert it.row(number)["filled_quantity"] == 0
    assert it.ask("DELETE", path) == {"order_id": number}
    row = it.row(number)
    assert (row["status"], row["cancelled_quantity"], row["pending_quantity"]) == (
        "CANCELLED", 12, 0,
    )  # fmt: skip
    it.wait()
    assert it.row(number)["filled_quantity"] == 0
    assert it.refused("DELETE", path)[:2] == (400, "OrderException")
    assert it.refused("PUT", path, {"price": low})[:2] == (400, "OrderException")


def test_a_limit_moved_through_the_market_fills_once(it: Box) -> None:
    last = it.last()
    number = it.place(order_type="LIMIT", price=round(last * 0.97, 1))
    it.wait()
    it.ask("PUT", f"/orders/regular/{number}", {"price": round(last * 1.02, 1)})
    it.wait()
    it.wait()
    assert it.row(number)["filled_quantity"] == 10
    assert sum(row["quantity"] for row in it.ask("GET", "/trades")) == 10


def test_at_most_25_changes(it: Box) -> None:
    low = round(it.last() * 0.9, 0)
    number = it.place(order_type="LIMIT", price=low)
    for step in range(25):
        it.ask("PUT", f"/orders/regular/{number}", {"price": low + 1 + step % 2})
    told = it.refused("PUT", f"/orders/regular/{number}", {"price": low})
    assert told == (400, "OrderException", "Maximum allowed order modifications exceeded.")


def test_a_stop_waits_for_its_trigger(it: Box) -> None:
    last = it.last()
    number = it.place(
        "regular", order_type="SL", price=round(last * 0.97, 1), product="MIS",
        trigger_price=round(last * 0.98, 1), transaction_type="SELL",
    )  # fmt: skip
    it.wait()
    assert it.row(number)["status"] == "TRIGGER PENDING"


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"market_protection": None}, "Market orders without market protection"),
        ({"market_protection": 0}, "Market orders without market protection"),
        ({"market_protection": "True"}, "failed to decode market_protection, got: True"),
        ({"market_protection": 101}, "market_protection"),
        ({"market_protection": -2}, "market_protection"),
        ({"order_type": "LIMIT", "price": 600.03}, "Tick size for this script is 0.05"),
        ({"order_type": "LIMIT"}, "price"),
        ({"order_type": "LIMIT", "price": "NaN"}, "expected decimal"),
        ({"order_type": "LIMIT", "price": -5}, "expected decimal"),
        ({"order_type": "SL", "price": 600}, "trigger_price"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "1.5"}, "expected int"),
        ({"quantity": "-1"}, "expected int"),
        ({"quantity": None}, "quantity"),
        ({"tag": "x" * 21}, "tag"),
        ({"tradingsymbol": "NOPE"}, "either expired or does not exist"),
        ({"tradingsymbol": "NIFTY 50"}, "either expired or does not exist"),
        ({"product": "BO"}, "product"),
        ({"order_type": "BEST"}, "order_type"),
        ({"transaction_type": "HOLD"}, "transaction_type"),
        ({"validity": "GTC"}, "validity"),
        ({"validity": "TTL"}, "validity_ttl"),
    ],
)  # fmt: skip
def test_a_form_that_is_wrong_is_answered_at_once(it: Box, form: dict[str, Any], says: str) -> None:
    status, kind, message = it.refused("POST", "/orders/regular", order(**form))
    assert (status, kind) == (400, "InputException")
    assert says in message
    assert it.ask("GET", "/orders") == []


@pytest.mark.parametrize(
    ("variety", "form"),
    [
        ("bracket", {}),
        ("amo", {}),  # the market is open
        ("iceberg", {"iceberg_legs": 1}),
        ("iceberg", {"iceberg_legs": 51}),
        ("iceberg", {"iceberg_legs": 5, "iceberg_quantity": 3}),
        ("co", {"product": "MIS"}),
        ("auction", {}),
        ("auction", {"auction_number": 7}),
    ],
)
def test_varieties_ask_for_their_own_fields(it: Box, variety: str, form: dict[str, Any]) -> None:
    assert it.refused("POST", f"/orders/{variety}", order(**form))[:2] == (400, "InputException")


def test_protection_can_be_switched_off() -> None:
    it = box(house=House(market_protection=False))
    assert it.row(it.place(market_protection=None))["status"] == "OPEN"


def test_what_the_exchange_refuses_ends_rejected(it: Box) -> None:
    number = it.place(order_type="LIMIT", price=round(it.last() * 1.5, 0))
    row = it.row(number)
    assert row["status"] == "REJECTED"
    assert row["status_message"].startswith("Price exceeds circuit limits")
    assert row["exchange_order_id"] is None
    number = it.place(transaction_type="SELL", quantity=51)  # fifty are held
    assert it.row(number)["status"] == "REJECTED"


def test_too_little_money_ends_rejected(it: Box) -> None:
    number = it.place(quantity=90_000, order_type="LIMIT", price=round(it.last(), 0))
    row = it.row(number)
    assert row["status"] == "REJECTED"
    assert row["status_message"].startswith("Insufficient funds. Required margin is")
    assert it.ask("GET", "/user/margins/equity")["net"] == 1_000_000


def test_after_hours_only_amo_is_taken() -> None:
    it = box(CLOSED)
    assert "AMO" in it.refused("POST", "/orders/regular", order())[2]
    number = it.place("amo", order_type="LIMIT", price=round(it.last() * 0.97, 1))
    assert it.row(number)["status"] == "AMO REQ RECEIVED"
    it.ask("PUT", f"/orders/amo/{number}", {"quantity": 11})
    assert it.row(number)["quantity"] == 11
    it.ask("DELETE", f"/orders/amo/{number}")
    assert it.row(number)["status"] == "CANCELLED"


def test_an_amo_wakes_when_the_market_opens() -> None:
    it = box(CLOSED)
    number = it.place("amo", order_type="LIMIT", price=round(it.last() * 1.02, 1), product="MIS")
    it.wait(((24 * 2 + 15) * 60 + 16) * 60)  # Monday, 09:16
    it.token = it.state.sessions.begin()["access_token"]
    it.wait()
    row = it.row(number)
    assert row["filled_quantity"] > 0, row


def test_ioc_and_ttl_end_early(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    ioc = it.place(order_type="LIMIT", price=low, validity="IOC")
    ttl = it.place(order_type="LIMIT", price=low, validity="TTL", validity_ttl=2)
    it.wait()
    assert (it.row(ioc)["status"], it.row(ttl)["status"]) == ("CANCELLED", "OPEN")
    it.wait(121)
    assert it.row(ttl)["status"] == "CANCELLED"


def test_an_iceberg_shows_one_leg_after_another(it: Box) -> None:
    it.place("iceberg", quantity=45, order_type="LIMIT", price=round(it.last() * 1.02, 1),
             iceberg_legs=4)  # fmt: skip
    for _ in range(12):
        it.wait()
    rows = [row for row in it.ask("GET", "/orders") if row["variety"] == "iceberg"]
    legs = [row["meta"]["iceberg"] for row in rows]
    assert [row["quantity"] for row in rows] == [12, 12, 12, 9]
    assert [leg["remaining_quantity"] for leg in legs] == [33, 21, 9, 0]
    assert sum(row["filled_quantity"] for row in rows) == 45


def test_a_cover_order_places_and_exits_its_stop(it: Box) -> None:
    last = it.last()
    number = it.place("co", product="MIS", order_type="LIMIT", price=round(last * 1.01, 1),
                      trigger_price=round(last * 0.98, 1))  # fmt: skip
    it.wait()
    stop = next(row for row in it.ask("GET", "/orders") if row["parent_order_id"] == number)
    assert (stop["status"], stop["transaction_type"]) == ("TRIGGER PENDING", "SELL")
    it.ask("DELETE", f"/orders/co/{stop['order_id']}")
    it.wait()
    assert it.row(stop["order_id"])["status"] == "COMPLETE"
    (position,) = it.ask("GET", "/portfolio/positions")["net"]
    assert position["quantity"] == 0


def test_more_than_the_freeze_quantity_is_divided_on_request(it: Box) -> None:
    future = next(
        item for item in it.state.listing.by_key.values()
        if item.instrument.underlying == "NIFTY" and item.kind == "FUT"
    )  # fmt: skip
    lot = future.instrument.lot_size
    form = order(
        exchange="NFO", tradingsymbol=future.instrument.tradingsymbol, product="NRML",
        quantity=lot * 60, order_type="LIMIT",
        price=round(it.last(future.key) * 0.99, 0),
    )  # fmt: skip
    assert "freeze limit" in it.refused("POST", "/orders/regular", form)[2]
    data = it.ask("POST", "/orders/regular", form | {"autoslice": "true"})
    assert len(data["children"]) == 3
    assert all(("order_id" in child) != ("error" in child) for child in data["children"])
    assert any("error" in child for child in data["children"])  # a million does not pay for it


# -- faults -----------------------------------------------------------------------------------


def test_timed_out_but_placed_shows_up_later() -> None:
    it = box(faults="order-timeout-but-placed:8s:x1")
    status, kind, message = it.refused("POST", "/orders/regular", order(tag="ghost"))
    assert status == 400
    assert kind in {"OrderException", "InputException"}
    assert message.startswith("Order request timed out. Please check the order book")
    it.wait(7)
    assert it.ask("GET", "/orders") == []
    it.wait(1.5)
    assert [row["tag"] for row in it.ask("GET", "/orders")] == ["ghost"]


def test_timed_out_and_never_placed() -> None:
    it = box(faults="order-timeout-not-placed:x1")
    assert "timed out" in it.refused("POST", "/orders/regular", order())[2]
    it.wait(600)
    assert it.ask("GET", "/orders") == []


def test_late_orders_are_hidden_and_so_are_their_updates() -> None:
    it = box(faults="order-late:60s:x1")
    seen = updates(it)
    number = it.place()
    it.wait(30)
    assert it.ask("GET", "/orders") == []
    assert it.refused("GET", f"/orders/{number}")[0] == 404
    assert not seen.outbox
    it.wait(31)
    assert it.row(number)["status"] == "COMPLETE"  # it was at the exchange all the while
    assert [json.loads(text)["data"]["status"] for text in seen.outbox] == ["OPEN", "COMPLETE"]


def test_a_stuck_order_moves_on_after_its_time() -> None:
    it = box(faults="order-stuck:90s:x1")
    number = it.place()
    it.wait(80)
    assert it.row(number)["status"] == "PUT ORDER REQ RECEIVED"
    it.wait(11)
    it.wait()
    assert it.row(number)["status"] == "COMPLETE"


@pytest.mark.parametrize(
    ("fault", "status", "kind", "placed"),
    [
        ("order-503-but-placed", 503, "NetworkException", 1),
        ("margin", 400, "MarginException", 0),
        ("static-ip", 403, "PermissionException", 0),
    ],
)
def test_refusals_on_request(fault: str, status: int, kind: str, placed: int) -> None:
    it = box(faults=f"{fault}:x1")
    assert it.refused("POST", "/orders/regular", order())[:2] == (status, kind)
    assert len(it.ask("GET", "/orders")) == placed
    it.place()  # the fault was for one call


def test_holdings_that_need_authorisation() -> None:
    it = box(faults="authorise")
    told = it.refused("POST", "/orders/regular", order(transaction_type="SELL"))
    assert told[:2] == (428, "HoldingException")
    it.place()  # buying needs none


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ("missing-order-id", b'{"status":"success","data":{}}'),
        ("nan-order-id", b'{"status":"success","data":{"order_id":NaN}}'),
        ("bad-order-id", b'{"status":"success","data":{"order_id":"it was placed"}}'),
    ],
)
def test_ids_that_are_none_while_the_order_is_placed(fault: str, body: bytes) -> None:
    it = box(faults=fault)
    assert it.reply("POST", "/orders/regular", order()).body == body
    assert len(it.ask("GET", "/orders")) == 1


def test_cancelling_may_say_nothing_or_do_nothing() -> None:
    it = box(faults="cancel-timeout:x1")
    number = it.place(order_type="LIMIT", price=round(it.last() * 0.97, 1))
    assert it.refused("DELETE", f"/orders/regular/{number}")[0] == 504
    assert it.row(number)["status"] == "CANCELLED"
    it = box(faults="cancel-ignored:x1")
    number = it.place(order_type="LIMIT", price=round(it.last() * 0.97, 1))
    assert it.refused("DELETE", f"/orders/regular/{number}")[0] == 504
    assert it.row(number)["status"] == "OPEN"


def test_the_book_may_lose_tags_and_order() -> None:
    it = box(faults="lost-tag,shuffle-orders")
    numbers = [it.place(tag=f"t{i}") for i in range(8)]
    rows = it.ask("GET", "/orders")
    assert [row["order_id"] for row in rows] != numbers
    assert sorted(row["order_id"] for row in rows) == numbers
    assert {row["tag"] for row in rows} == {None}


def test_an_exchange_that_rejects() -> None:
    it = box(faults="order-rejected:x1")
    assert it.row(it.place())["status"] == "REJECTED"


def test_the_broker_squares_off_what_is_intraday() -> None:
    it = box()
    it.place(product="MIS")
    it.wait()
    it.state.faults.set(parse("square-off:x1"))
    it.wait()
    it.wait()
    (position,) = it.ask("GET", "/portfolio/positions")["net"]
    assert position["quantity"] == 0
    own = it.ask("GET", "/orders")[-1]
    assert (own["transaction_type"], own["tags"][0]) == ("SELL", "squareoff")
