"""No call lets money or shares appear: what is changed or converted is judged as a whole first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.sandbox.buckets import Bucket
from alphastock_cli.sandbox.costs import Blocks, Held
from alphastock_cli.sandbox.exchange import House
from alphastock_cli.sandbox.listing import Listed
from tests.conftest import IST
from tests.unit.sandbox_makers import Box, box, order

LATER = datetime(2026, 11, 20, 10, 30, 5, tzinfo=IST)  # no list of freeze quantities is typed in


@pytest.fixture
def it() -> Box:
    return box()


def net(it: Box) -> float:
    return float(it.ask("GET", "/user/margins/equity")["net"])


def wait(it: Box, turns: int = 4) -> None:
    for _ in range(turns):
        it.wait()


def convert(units: int, old: str, new: str, side: str = "BUY", **more: Any) -> dict[str, Any]:
    usual = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": side,
        "position_type": "day", "quantity": units, "old_product": old, "new_product": new,
    }  # fmt: skip
    return usual | more


def holding(it: Box, symbol: str = "INFY") -> int:
    rows = it.ask("GET", "/portfolio/holdings")
    return int(next(row["quantity"] for row in rows if row["tradingsymbol"] == symbol))


def position(it: Box, product: str, symbol: str = "INFY") -> int:
    rows = it.ask("GET", "/portfolio/positions")["net"]
    found = [r for r in rows if (r["product"], r["tradingsymbol"]) == (product, symbol)]
    return int(found[0]["quantity"]) if found else 0


def contract(it: Box, kind: str) -> Listed:
    spot = it.last("NSE:NIFTY 50")
    found = [
        item for item in it.state.listing.by_key.values()
        if item.instrument.underlying == "NIFTY" and item.kind == kind
    ]  # fmt: skip
    return min(found, key=lambda x: (abs(float(x.instrument.strike or spot) - spot), x.key))


# -- changes ----------------------------------------------------------------------------------


def test_a_change_that_cannot_be_paid_is_refused_and_changes_nothing(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low, quantity=1)
    wait(it, 1)
    before, money = it.row(number), net(it)
    for wanted in ({"quantity": 18_000}, {"quantity": 4000}):
        told = it.refused("PUT", f"/orders/regular/{number}", wanted)
        assert told[:2] == (400, "MarginException"), told
    assert it.row(number) == before
    assert net(it) == money
    # what the order itself has blocked counts as free for its change
    most = int(1_000_000 / low)
    it.ask("PUT", f"/orders/regular/{number}", {"quantity": most})
    it.ask("PUT", f"/orders/regular/{number}", {"quantity": most - 1})
    it.ask("PUT", f"/orders/regular/{number}", {"quantity": most})
    assert net(it) >= 0


def test_a_refused_change_leaves_the_sale_of_a_holding_open(it: Box) -> None:
    high = round(it.last() * 1.03, 1)
    number = it.place(transaction_type="SELL", order_type="LIMIT", price=high)
    wait(it, 1)
    before = it.row(number)
    history = it.ask("GET", f"/orders/{number}")
    told = it.refused("PUT", f"/orders/regular/{number}", {"quantity": 5000})
    assert told[0] == 400
    assert "50 are free" in told[2]
    assert it.row(number) == before
    assert it.ask("GET", f"/orders/{number}") == history
    it.ask("PUT", f"/orders/regular/{number}", {"quantity": 50})  # its own ten are free for it
    assert (it.row(number)["status"], it.row(number)["quantity"]) == ("OPEN", 50)
    it.refused("PUT", f"/orders/regular/{number}", {"quantity": 51})
    it.ask("PUT", f"/orders/regular/{number}", {"price": round(it.last() * 0.97, 1)})
    wait(it, 2)
    assert it.row(number)["status"] == "COMPLETE"
    assert holding(it) == 0


def test_a_refused_change_is_not_counted_and_the_next_one_works(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low)
    for _ in range(30):
        it.refused("PUT", f"/orders/regular/{number}", {"price": round(low * 2, 0)})
    it.ask("PUT", f"/orders/regular/{number}", {"price": low + 1})
    it.ask("PUT", f"/orders/regular/{number}", {"price": round(it.last() * 1.02, 1)})
    wait(it, 2)
    assert it.row(number)["status"] == "COMPLETE"


def test_a_change_of_validity_takes_its_minutes_along(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low)
    it.ask("PUT", f"/orders/regular/{number}", {"validity": "TTL", "validity_ttl": 2})
    it.wait(121)
    assert it.row(number)["status"] == "CANCELLED"
    number = it.place(order_type="LIMIT", price=low, validity="TTL", validity_ttl=2)
    it.ask("PUT", f"/orders/regular/{number}", {"validity": "DAY"})
    it.wait(121)
    assert it.row(number)["status"] == "OPEN"


def test_a_market_order_is_judged_at_the_price_it_may_slip_to() -> None:
    last = box().last()
    it = box(house=House(cash=10 * last * 1.002))  # the protected price is half a percent away
    row = it.row(it.place())
    assert row["status"] == "REJECTED"
    assert net(it) >= 0


def test_an_exit_blocks_nothing_while_it_waits_and_only_once() -> None:
    last = box().last()
    it = box(house=House(cash=2.05 * last))
    it.place(product="MIS", quantity=10, order_type="LIMIT", price=round(last * 1.01, 1))
    wait(it)
    assert position(it, "MIS") == 10
    before = net(it)
    high = round(it.last() * 1.03, 1)
    first = it.place(product="MIS", transaction_type="SELL", order_type="LIMIT", price=high)
    assert it.row(first)["status"] == "OPEN"
    assert net(it) == pytest.approx(before)
    second = it.place(product="MIS", transaction_type="SELL", order_type="LIMIT", price=high)
    assert it.row(second)["status"] == "REJECTED"  # it would open a short position


def test_buying_back_what_was_sold_for_delivery_needs_its_money() -> None:
    it = box(house=House(cash=100.0))
    it.place(transaction_type="SELL", quantity=50)
    wait(it)
    assert holding(it) == 0
    low = round(it.last() * 0.97, 1)
    it.place(order_type="LIMIT", price=low, quantity=40)
    assert net(it) >= 0
    late = it.place(order_type="LIMIT", price=low, quantity=10)
    assert it.row(late)["status"] == "REJECTED"


# -- conversions ------------------------------------------------------------------------------


def test_a_conversion_is_paid_for() -> None:
    it = box(house=House(cash=100_000))
    units = int(450_000 / it.last())
    it.place(product="MIS", quantity=units)
    wait(it, 8)
    units = position(it, "MIS")
    before, money = it.ask("GET", "/portfolio/positions"), net(it)
    assert units * it.last() > 100_000
    told = it.refused("PUT", "/portfolio/positions", convert(units, "MIS", "CNC"))
    assert told[:2] == (400, "MarginException")
    assert it.ask("GET", "/portfolio/positions") == before
    assert net(it) == money
    assert it.ask("PUT", "/portfolio/positions", convert(10, "MIS", "CNC")) is True
    assert 0 <= net(it) < money


def test_a_short_position_becomes_delivery_only_out_of_holdings(it: Box) -> None:
    it.place(product="MIS", transaction_type="SELL", quantity=20, tradingsymbol="RELIANCE")
    it.place(product="MIS", transaction_type="SELL", quantity=60)
    wait(it)
    money = net(it)
    other = {"tradingsymbol": "RELIANCE"}
    form = convert(20, "MIS", "CNC", "SELL", **other)
    told = it.refused("PUT", "/portfolio/positions", form)
    assert told[:2] == (400, "HoldingException")
    assert net(it) == money
    it.refused("PUT", "/portfolio/positions", convert(51, "MIS", "CNC", "SELL"))
    assert it.ask("PUT", "/portfolio/positions", convert(20, "MIS", "CNC", "SELL")) is True
    assert holding(it) == 30
    told_row = it.row(it.place(transaction_type="SELL", quantity=31))
    assert told_row["status"] == "REJECTED"
    assert "30 are free" in told_row["status_message"]
    number = it.place(transaction_type="SELL", quantity=30)
    wait(it)
    assert it.row(number)["status"] == "COMPLETE"
    assert holding(it) == 0


def test_what_was_converted_to_delivery_can_be_sold(it: Box) -> None:
    it.place(product="MIS", quantity=80)
    wait(it)
    it.ask("PUT", "/portfolio/positions", convert(80, "MIS", "CNC"))
    assert position(it, "CNC") == 80
    number = it.place(transaction_type="SELL", quantity=130)
    assert it.row(number)["status"] == "OPEN"
    wait(it)
    assert it.row(number)["status"] == "COMPLETE"
    assert position(it, "CNC") == -50
    assert holding(it) == 0


def test_what_a_waiting_sale_counts_on_is_not_converted_away() -> None:
    it = box(house=House(holdings=()))
    it.place(quantity=10)
    wait(it)
    it.place(quantity=10, transaction_type="SELL", order_type="LIMIT",
             price=round(it.last() * 1.03, 1))  # fmt: skip
    told = it.refused("PUT", "/portfolio/positions", convert(10, "CNC", "MIS"))
    assert told[:2] == (400, "HoldingException")


@pytest.mark.parametrize("to", ["NRML", "CO", "XXX", "MIS"])
def test_only_other_products_of_the_segment_are_converted_to(it: Box, to: str) -> None:
    it.place(product="MIS")
    wait(it)
    assert it.refused("PUT", "/portfolio/positions", convert(10, "MIS", to))[0] == 400


def test_contracts_are_not_delivered(it: Box) -> None:
    future = contract(it, "FUT")
    lot = future.instrument.lot_size
    it.place(exchange="NFO", tradingsymbol=future.instrument.tradingsymbol, product="NRML",
             quantity=lot)  # fmt: skip
    wait(it)
    own = {"exchange": "NFO", "tradingsymbol": future.instrument.tradingsymbol}
    for to in ("CNC", "MTF"):
        it.refused("PUT", "/portfolio/positions", convert(lot, "NRML", to, **own))
    it.refused("PUT", "/portfolio/positions", convert(lot - 1, "NRML", "MIS", **own))
    money = net(it)
    assert it.ask("PUT", "/portfolio/positions", convert(lot, "NRML", "MIS", **own)) is True
    assert net(it) == pytest.approx(money)


def test_shares_on_margin_are_sold_out_of_their_own(it: Box) -> None:
    row = it.row(it.place(transaction_type="SELL", product="MTF"))
    assert row["status"] == "REJECTED"
    it.place(product="MTF")
    wait(it)
    number = it.place(transaction_type="SELL", product="MTF")
    wait(it)
    assert it.row(number)["status"] == "COMPLETE"
    assert holding(it) == 50


# -- numbers, pieces, stops -------------------------------------------------------------------


def test_each_order_has_an_exchange_id_of_its_own() -> None:
    it = box(faults="order-stuck:2s")
    low = round(it.last() * 0.97, 1)
    numbers = [it.place(order_type="LIMIT", price=low) for _ in range(3)]
    it.wait(3)
    found = [it.row(number)["exchange_order_id"] for number in numbers]
    assert None not in found
    assert len(set(found)) == 3


def test_the_newest_known_freeze_quantity_holds_where_no_list_is_typed_in() -> None:
    it = box(LATER)
    call = contract(it, "CE")
    form = order(
        exchange="NFO", tradingsymbol=call.instrument.tradingsymbol, product="NRML",
        quantity=call.instrument.lot_size * 100, order_type="LIMIT",
        price=round(it.last(call.key) * 0.9, 1),
    )  # fmt: skip
    assert "freeze limit" in it.refused("POST", "/orders/regular", form)[2]
    data = it.ask("POST", "/orders/regular", form | {"autoslice": "true"})
    assert len(data["children"]) > 1
    number = it.place(**form | {"quantity": call.instrument.lot_size})
    told = it.refused("PUT", f"/orders/regular/{number}",
                      {"quantity": call.instrument.lot_size * 100})  # fmt: skip
    assert "freeze limit" in told[2]
    legs = form | {"iceberg_legs": 2}
    assert "freeze limit" in it.refused("POST", "/orders/iceberg", legs)[2]


def cover(last: float, side: str, away: float, **more: Any) -> dict[str, Any]:
    usual = {"product": "MIS", "transaction_type": side, "trigger_price": round(last * away, 1)}
    return order(**(usual | more))


def test_a_cover_order_has_its_stop_on_the_losing_side(it: Box) -> None:
    last = it.last()
    for side, away in (("BUY", 1.02), ("SELL", 0.98)):
        for more in ({}, {"order_type": "LIMIT", "price": round(last, 1)}):
            told = it.refused("POST", "/orders/co", cover(last, side, away, **more))
            assert told[:2] == (400, "InputException")
            assert "trigger_price" in told[2]
    it.refused("POST", "/orders/co", cover(last, "BUY", 0.98, product="CNC"))
    number = it.ask("POST", "/orders/co", cover(last, "BUY", 0.98))["order_id"]
    it.refused("PUT", f"/orders/co/{number}", {"trigger_price": round(last * 1.02, 1)})
    it.wait()
    (stop,) = [row for row in it.ask("GET", "/orders") if row["parent_order_id"]]
    assert stop["status"] == "TRIGGER PENDING"


def test_a_cover_order_filled_in_part_has_a_stop_for_that_part(it: Box) -> None:
    last = it.last()
    form = cover(last, "BUY", 0.98, quantity=7000, order_type="LIMIT",
                 price=round(last * 1.002, 1))  # fmt: skip
    number = it.ask("POST", "/orders/co", form)["order_id"]
    for _ in range(40):
        it.wait()
        if it.row(number)["filled_quantity"]:
            break
    row = it.row(number)
    assert row["filled_quantity"] > 0
    if row["status"] == "OPEN":
        it.ask("DELETE", f"/orders/co/{number}")
    (stop,) = [row for row in it.ask("GET", "/orders") if row["parent_order_id"]]
    assert stop["quantity"] == it.row(number)["filled_quantity"]


def test_an_iceberg_has_a_lot_for_every_leg(it: Box) -> None:
    assert it.refused("POST", "/orders/iceberg", order(quantity=3, iceberg_legs=50))[0] == 400
    it.place("iceberg", quantity=3, iceberg_legs=3)


def test_the_profile_lists_what_orders_take(it: Box) -> None:
    for product in it.ask("GET", "/user/profile")["products"]:
        reply = it.reply("POST", "/orders/regular", order(product=product))
        assert b"Invalid `product`" not in reply.body


# -- a unit that is worth more than its price ---------------------------------------------------


def test_a_multiplier_counts_in_blocks_positions_and_funds(it: Box) -> None:
    made = Instrument(
        exchange=Exchange.MCX, tradingsymbol="LEADMINI26AUGFUT", asset_type=AssetType.COMMODITY,
        multiplier=1000, underlying="LEADMINI", expiry=it.clock.now().date(),
    )  # fmt: skip
    item = Listed(made, 77, "MCX-FUT")
    one = Held(item, Product.NRML, 1, 161.05)
    blocks = Blocks(it.state.quotes, it.clock.now).of([one])
    assert sum(blocks.values()) == pytest.approx(0.15 * 161_050)
    bucket = Bucket(item, "NRML")
    bucket.add(Side.BUY, 1, 161.05)
    assert bucket.unrealised(160.05) == pytest.approx(-1000)
    bucket.add(Side.SELL, 1, 162.05)
    assert bucket.realised == pytest.approx(1000)
