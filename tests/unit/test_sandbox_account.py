"""Money, positions, holdings, margins, triggers and alerts of the sandbox."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.exchange.charges import order_charges
from tests.unit.sandbox_makers import Box, box, order


@pytest.fixture
def it() -> Box:
    return box()


def contract(it: Box, kind: str) -> str:
    """Return a contract on NIFTY, an option of it near the money."""
    spot = it.last("NSE:NIFTY 50")
    found = [
        item for item in it.state.listing.by_key.values()
        if item.instrument.underlying == "NIFTY" and item.kind == kind
    ]  # fmt: skip
    found.sort(key=lambda item: (abs(float(item.instrument.strike or spot) - spot), item.key))
    return found[0].instrument.tradingsymbol


# -- positions and funds ----------------------------------------------------------------------


def test_a_round_trip_leaves_its_loss_and_nothing_open(it: Box) -> None:
    it.place(product="MIS")
    it.wait()
    bought = it.ask("GET", "/trades")[0]["average_price"]
    funds = it.ask("GET", "/user/margins/equity")
    assert funds["net"] == pytest.approx(1_000_000 - 0.2 * 10 * bought, abs=0.01)
    it.place(product="MIS", transaction_type="SELL")
    it.wait()
    sold = it.ask("GET", "/trades")[1]["average_price"]
    (row,) = it.ask("GET", "/portfolio/positions")["net"]
    assert (row["quantity"], row["buy_quantity"], row["sell_quantity"]) == (0, 10, 10)
    assert row["pnl"] == pytest.approx((sold - bought) * 10)
    assert row["pnl"] == pytest.approx(row["value"] + row["quantity"] * row["last_price"])
    net = it.ask("GET", "/user/margins/equity")["net"]
    assert net == pytest.approx(1_000_000 + (sold - bought) * 10, abs=0.01)


def test_waiting_orders_block_money_and_give_it_back(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low)
    assert it.ask("GET", "/user/margins")["equity"]["net"] == pytest.approx(1_000_000 - 10 * low)
    it.ask("DELETE", f"/orders/regular/{number}")
    assert it.ask("GET", "/user/margins")["equity"]["net"] == 1_000_000


def test_closing_needs_no_money() -> None:
    it = box()
    it.place(product="MIS", quantity=7000)
    for _ in range(3):
        it.wait()
    held = it.ask("GET", "/portfolio/positions")["net"][0]["quantity"]
    assert held > 0
    number = it.place(product="MIS", quantity=held, transaction_type="SELL")
    assert it.row(number)["status"] != "REJECTED"


def test_positions_are_converted(it: Box) -> None:
    it.place(product="MIS")
    it.wait()
    form = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 4,
        "position_type": "day", "old_product": "MIS", "new_product": "CNC",
    }  # fmt: skip
    assert it.ask("PUT", "/portfolio/positions", form) is True
    rows = {row["product"]: row for row in it.ask("GET", "/portfolio/positions")["net"]}
    assert {name: row["quantity"] for name, row in rows.items()} == {"MIS": 6, "CNC": 4}
    assert rows["MIS"]["average_price"] == pytest.approx(rows["CNC"]["average_price"])
    for wrong in ({"quantity": 7}, {"quantity": 0}, {"position_type": "overnight"},
                  {"old_product": "NRML"}, {"transaction_type": "SELL"}):  # fmt: skip
        assert it.refused("PUT", "/portfolio/positions", form | wrong)[0] == 400


def test_selling_holdings_uses_them_up(it: Box) -> None:
    before = {row["tradingsymbol"]: row for row in it.ask("GET", "/portfolio/holdings")}
    assert before["INFY"]["quantity"] == 50
    it.place(transaction_type="SELL", quantity=20)
    it.wait()
    row = {row["tradingsymbol"]: row for row in it.ask("GET", "/portfolio/holdings")}["INFY"]
    assert (row["quantity"], row["used_quantity"], row["opening_quantity"]) == (30, 20, 50)
    assert row["pnl"] == pytest.approx((row["last_price"] - row["average_price"]) * 50)
    used = it.ask("GET", "/user/margins/equity")["utilised"]
    brought = 20 * it.ask("GET", "/trades")[0]["average_price"]
    assert used["delivery"] == pytest.approx(0.2 * brought)
    summary = it.ask("GET", "/portfolio/holdings/summary")
    rows = it.ask("GET", "/portfolio/holdings")
    assert summary["total_pnl"] == pytest.approx(sum(row["pnl"] for row in rows))
    assert len(it.ask("GET", "/portfolio/holdings/compact")) == len(rows)
    assert it.ask("GET", "/portfolio/holdings/auctions") == []


# -- margins and charges ----------------------------------------------------------------------


def leg(symbol: str, side: str, quantity: int, **more: Any) -> dict[str, Any]:
    usual = {
        "exchange": "NFO", "tradingsymbol": symbol, "transaction_type": side,
        "variety": "regular", "product": "NRML", "order_type": "MARKET", "quantity": quantity,
    }  # fmt: skip
    return usual | more


def test_charges_are_those_of_the_dated_tables(it: Box) -> None:
    asked = leg("INFY", "SELL", 10, exchange="NSE", product="CNC", average_price=600.5)
    (note,) = it.ask("POST", "/charges/orders", [asked])
    item = it.state.item("NSE:INFY")
    assert item is not None
    told = order_charges(item.instrument, Product.CNC, Side.SELL, Decimal(6005), date(2026, 8, 14))
    assert note["charges"]["total"] == pytest.approx(float(told.total))
    parts = note["charges"]
    pieces = ("transaction_tax", "exchange_turnover_charge", "sebi_turnover_charge", "brokerage",
              "stamp_duty")  # fmt: skip
    assert sum(parts[name] for name in pieces) + parts["gst"]["total"] == pytest.approx(
        parts["total"]
    )


def test_margins_add_up_and_a_spread_blocks_less_than_its_legs(it: Box) -> None:
    call, put = contract(it, "CE"), contract(it, "PE")
    future = contract(it, "FUT")
    lot = it.state.listing.by_key[f"NFO:{call}"].instrument.lot_size
    legs = [leg(call, "SELL", lot), leg(put, "SELL", lot), leg(future, "BUY", lot)]
    rows = it.ask("POST", "/margins/orders", legs)
    names = ("span", "exposure", "option_premium", "additional", "bo", "cash", "var")
    for row in rows:
        assert row["total"] == pytest.approx(sum(row[name] for name in names))
        assert row["span"] > 0
        assert row["exposure"] > 0
        assert row["option_premium"] == 0
    basket = it.ask("POST", "/margins/basket", legs, consider_positions="True")
    assert basket["initial"]["total"] == pytest.approx(sum(row["total"] for row in rows))
    assert 0 < basket["final"]["total"] < basket["initial"]["total"]
    (bought,) = it.ask("POST", "/margins/orders", [leg(call, "BUY", lot)])
    assert bought["total"] == pytest.approx(lot * it.last(f"NFO:{call}"))
    compact = it.ask("POST", "/margins/orders", legs[:1], mode="compact")
    assert compact[0]["total"] == rows[0]["total"]
    assert "span" not in compact[0]


@pytest.mark.parametrize(
    "rows",
    [
        [{"exchange": "NSE"}],
        [leg("NOPE", "BUY", 1)],
        [leg("INFY", "BUY", 0, exchange="NSE", product="CNC")],
        [leg("INFY", "BUY", 1, exchange="NSE", product="XXX")],
        ["INFY"],
    ],
)
def test_lists_that_cannot_be_read(it: Box, rows: list[Any]) -> None:
    assert it.refused("POST", "/margins/orders", rows)[:2] == (400, "InputException")
    assert it.refused("POST", "/charges/orders", rows)[:2] == (400, "InputException")


# -- triggers ---------------------------------------------------------------------------------


def trigger(values: list[float], last: float, price: float, **more: Any) -> dict[str, str]:
    one = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "SELL", "quantity": 5,
        "order_type": "LIMIT", "product": "CNC", "price": price,
    }  # fmt: skip
    condition = {
        "exchange": "NSE", "tradingsymbol": "INFY", "trigger_values": values, "last_price": last,
    }  # fmt: skip
    kind = "single" if len(values) == 1 else "two-leg"
    told = {"type": kind, "condition": condition, "orders": [one | more] * len(values)}
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in told.items()}


def test_a_trigger_waits_fires_once_and_tells_of_its_order(it: Box) -> None:
    last = it.last()
    # as if it had been placed when the price was higher: the market stands below the trigger
    form = trigger([round(last * 1.02, 1)], last * 1.1, round(last * 0.98, 1))
    number = it.ask("POST", "/gtt/triggers", form)["trigger_id"]
    assert it.ask("GET", f"/gtt/triggers/{number}")["status"] == "active"
    it.wait()
    row = it.ask("GET", f"/gtt/triggers/{number}")
    assert row["status"] == "triggered"
    result = row["orders"][0]["result"]
    assert result["order_result"]["status"] == "success"
    it.wait()
    assert it.row(result["order_result"]["order_id"])["status"] == "COMPLETE"
    it.wait()
    assert len(it.ask("GET", "/orders")) == 1
    assert it.refused("DELETE", f"/gtt/triggers/{number}")[0] == 400


def test_a_trigger_whose_order_fails_says_so(it: Box) -> None:
    last, symbol = it.last(), contract(it, "FUT")
    lot = it.state.listing.by_key[f"NFO:{symbol}"].instrument.lot_size
    leg = {"exchange": "NFO", "tradingsymbol": symbol, "product": "NRML", "quantity": lot * 60}
    form = trigger([round(last * 1.02, 1)], last * 1.1, 600, **leg)
    number = it.ask("POST", "/gtt/triggers", form)["trigger_id"]
    it.wait()
    result = it.ask("GET", f"/gtt/triggers/{number}")["orders"][0]["result"]["order_result"]
    assert (result["status"], result["order_id"]) == ("failed", "")
    assert "freeze limit" in result["rejection_reason"]


def test_triggers_are_changed_listed_and_deleted(it: Box) -> None:
    last = it.last()
    far = [round(last * 0.8, 1), round(last * 1.2, 1)]
    number = it.ask("POST", "/gtt/triggers", trigger(far, last, 600))["trigger_id"]
    it.wait()
    path = f"/gtt/triggers/{number}"
    assert it.ask("PUT", path, trigger(far[:1], last, 600)) == {"trigger_id": number}
    assert it.ask("GET", path)["type"] == "single"
    assert it.ask("DELETE", path) == {"trigger_id": number}
    (row,) = it.ask("GET", "/gtt/triggers")
    assert (row["status"], row["id"]) == ("deleted", number)


def test_triggers_that_are_wrong(it: Box) -> None:
    last = it.last()
    good = trigger([last * 0.9], last, 600)
    for wrong in (
        {"type": "three-leg"}, {"condition": "{"}, {"orders": "[]"}, {"type": "two-leg"},
        trigger([last * 0.999], last, 600), trigger([last * 1.1, last * 1.2], last, 600),
        trigger([last * 0.9], last, 600, order_type="MARKET"),
        {"condition": json.dumps({**json.loads(good["condition"]), "tradingsymbol": "NOPE"})},
    ):  # fmt: skip
        assert it.refused("POST", "/gtt/triggers", good | wrong)[:2] == (400, "InputException")
    assert it.refused("GET", "/gtt/triggers/7")[0] == 404


# -- alerts -----------------------------------------------------------------------------------


def alert(**more: Any) -> dict[str, Any]:
    usual = {
        "name": "NIFTY", "type": "simple", "lhs_exchange": "INDICES",
        "lhs_tradingsymbol": "NIFTY 50", "lhs_attribute": "LastTradedPrice", "operator": ">=",
        "rhs_type": "constant", "rhs_constant": 1,
    }  # fmt: skip
    return usual | more


def test_an_alert_goes_off_once(it: Box) -> None:
    number = it.ask("POST", "/alerts", alert())["uuid"]
    quiet = it.ask("POST", "/alerts", alert(operator="<"))["uuid"]
    it.wait()
    row = it.ask("GET", f"/alerts/{number}")
    assert (row["status"], row["alert_count"]) == ("disabled", 1)
    assert it.ask("GET", f"/alerts/{quiet}")["status"] == "enabled"
    it.wait()
    (past,) = it.ask("GET", f"/alerts/{number}/history")
    assert past["condition"] == 'LastTradedPrice("INDICES:NIFTY 50") >= 1'
    assert past["meta"][0]["last_price"] == it.last("NSE:NIFTY 50")
    assert len(it.ask("GET", "/alerts", status="enabled")) == 1
    assert it.ask("PUT", f"/alerts/{number}", alert(operator="<"))["status"] == "enabled"
    assert it.ask("DELETE", "/alerts", uuid=[number, quiet]) is None
    assert it.ask("GET", "/alerts") == []


def test_alerts_of_two_instruments_and_wrong_ones(it: Box) -> None:
    pair = {"rhs_type": "instrument", "rhs_exchange": "NSE", "rhs_tradingsymbol": "INFY"}
    number = it.ask("POST", "/alerts", alert(operator=">", **pair))["uuid"]
    it.wait()
    assert it.ask("GET", f"/alerts/{number}")["alert_count"] == 1
    for wrong in ({"type": "ato"}, {"operator": "!="}, {"lhs_tradingsymbol": "NOPE"}, {"name": ""},
                  {"rhs_constant": "x"}, {"rhs_type": "instrument"}):  # fmt: skip
        assert it.refused("POST", "/alerts", alert(**wrong))[:2] == (400, "InputException")
    assert it.refused("DELETE", "/alerts")[0] == 400
    assert it.refused("GET", "/alerts/none")[0] == 404


def test_the_form_of_an_order_is_not_of_a_trigger(it: Box) -> None:
    assert it.refused("POST", "/gtt/triggers", order())[:2] == (400, "InputException")
