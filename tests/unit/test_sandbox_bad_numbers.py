"""Numbers from outside and what happens when the sandbox itself fails: answered, and unharmed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from alphastock_cli.sandbox.figures import amount, digits, units
from alphastock_cli.sandbox.replies import CallError
from tests.unit.sandbox_makers import Box, box, order

LONG = "9" * 5000
NUMBERS = (LONG, "9" * 401, "1e30", "1e999999", "NaN", "inf", "-inf", "1_000", "٨٠٠", "²", "0x10",
           "1e308", " 7", "+7", "--7", "7.", ".5", "1,000", "\u00a07")  # fmt: skip
GTT_LEG = {
    "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "SELL", "quantity": 5,
    "order_type": "LIMIT", "product": "CNC", "price": 600,
}  # fmt: skip


@pytest.fixture
def it() -> Box:
    return box()


# -- the reader -------------------------------------------------------------------------------


def test_numbers_that_are_read() -> None:
    assert units("0012", "quantity") == 12
    assert units(7, "quantity") == 7
    assert amount("600.05", "price") == Decimal("600.05")
    assert amount(600.05, "price") == Decimal("600.05")
    assert amount("-1", "market_protection", least=-1) == -1
    assert digits("408065") == 408065
    assert digits("٤") is None
    assert digits("9" * 19) is None


@pytest.mark.parametrize("text", [*NUMBERS, "-1", True, None, [], {}, float("nan"), float("inf"),
                                  1e300, 10**400, -3, 1e-30])  # fmt: skip
def test_numbers_that_are_none(text: Any) -> None:
    with pytest.raises(CallError):
        amount(text, "price")
    with pytest.raises(CallError):
        units(text, "quantity")


def test_part_of_a_unit_is_no_unit() -> None:
    for text in (1.7, "1.7", 2.0, "2.0"):
        with pytest.raises(CallError):
            units(text, "quantity")


# -- calls ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", NUMBERS)
def test_no_number_of_a_form_breaks_a_call(it: Box, text: str) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low)
    before = it.row(number)
    path = f"/orders/regular/{number}"
    limit = {"order_type": "LIMIT", "price": low}
    for name in ("quantity", "price", "trigger_price", "market_protection", "disclosed_quantity",
                 "validity_ttl", "iceberg_legs"):  # fmt: skip
        form = order(**limit) | {name: text}
        assert it.refused("POST", "/orders/regular", form)[0] == 400, name
        if name != "iceberg_legs":
            assert it.refused("PUT", path, {name: text})[0] == 400, name
    it.place(product="MIS")
    it.wait()
    wanted = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
        "position_type": "day", "quantity": text, "old_product": "MIS", "new_product": "CNC",
    }  # fmt: skip
    assert it.refused("PUT", "/portfolio/positions", wanted)[0] == 400
    assert it.ask("GET", "/quote", i=text) == {}
    times = {"from": "2026-08-10", "to": "2026-08-14"}
    assert it.refused("GET", f"/instruments/historical/{text}/day", **times)[0] == 400
    assert it.refused("GET", f"/gtt/triggers/{text}")[0] == 404
    assert it.refused("GET", "/alerts", page=text)[0] == 400
    assert it.refused("PUT", "/sandbox/faults", {"seed": text})[0] == 400
    assert it.row(number) == before


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-08-10", "9999-12-31"), ("0001-01-01", "0001-01-02"), ("9999-12-31", "9999-12-31"),
     ("٢٠٢٦-٠٨-١٠", "2026-08-14")],
)  # fmt: skip
def test_days_beyond_the_calendar(it: Box, first: str, last: str) -> None:
    token = it.state.item("NSE:INFY").token  # type: ignore[union-attr]
    path = f"/instruments/historical/{token}/day"
    assert it.refused("GET", path, **{"from": first, "to": last})[0] == 400


def test_a_call_for_candles_spans_no_day_more_than_allowed(it: Box) -> None:
    path = f"/instruments/historical/{it.state.item('NSE:INFY').token}/minute"  # type: ignore[union-attr]
    it.ask("GET", path, **{"from": "2026-06-16 00:00:00", "to": "2026-08-14 23:59:59"})
    it.ask("GET", path, **{"from": "2026-06-16", "to": "2026-08-14"})
    for start in ("2026-06-15 00:00:00", "2026-06-15"):
        told = it.refused("GET", path, **{"from": start, "to": "2026-08-14 23:59:59"})
        assert "60 days" in told[2]


def asked(**more: Any) -> list[dict[str, Any]]:
    usual = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
        "variety": "regular", "product": "CNC", "order_type": "LIMIT", "quantity": 10,
        "price": 600, "average_price": 600,
    }  # fmt: skip
    return [usual | more]


WRONG = [
    {"quantity": float("inf")}, {"quantity": 1e308}, {"quantity": 10**400}, {"quantity": 1.7},
    {"quantity": "1_000"}, {"price": 10**400, "average_price": 10**400},
    {"price": 1e308, "quantity": 10**9, "average_price": 1e308}, {"price": -5, "average_price": -5},
    {"average_price": 1e300, "quantity": 10**30}, {"product": "NRML"}, {"product": "CO"},
    {"product": []}, {"exchange": "NFO"}, {"transaction_type": {}}, {"tradingsymbol": ["INFY"]},
    {"price": True, "average_price": True}, {"price": "٦٠٠", "average_price": "٦٠٠"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("path", ["/margins/orders", "/margins/basket", "/charges/orders"])
def test_no_number_of_a_list_breaks_a_call(it: Box, path: str, wrong: dict[str, Any]) -> None:
    assert it.refused("POST", path, asked(**wrong))[:2] == (400, "InputException")


def test_lists_of_sensible_numbers_are_answered(it: Box) -> None:
    for path in ("/margins/orders", "/margins/basket", "/charges/orders"):
        it.ask("POST", path, asked())
        it.ask("POST", path, asked(quantity=999_999_999, price=999_999_999.95,
                                   average_price=999_999_999.95))  # fmt: skip


# -- triggers and alerts ------------------------------------------------------------------------


def gtt(last: float, values: Any = None, **leg: Any) -> dict[str, str]:
    condition = {
        "exchange": "NSE", "tradingsymbol": "INFY",
        "trigger_values": [round(last * 0.9, 1)] if values is None else values, "last_price": last,
    }  # fmt: skip
    orders = [GTT_LEG | leg] * len(condition["trigger_values"] or [1])
    return {
        "type": "single", "condition": json.dumps(condition), "orders": json.dumps(orders),
    }  # fmt: skip


@pytest.mark.parametrize(
    "values", [[float("nan")], [float("inf")], [-5], [0], [10**400], ["x"], [None], [True], {}, 7]
)
def test_a_trigger_waits_for_a_price_that_can_be(it: Box, values: Any) -> None:
    last = it.last()
    form = gtt(last) | {
        "condition": json.dumps(
            {"exchange": "NSE", "tradingsymbol": "INFY", "trigger_values": values,
             "last_price": last}
        )
    }  # fmt: skip
    assert it.refused("POST", "/gtt/triggers", form)[:2] == (400, "InputException")
    assert it.ask("GET", "/gtt/triggers") == []


@pytest.mark.parametrize(
    "leg",
    [{"quantity": 0}, {"quantity": -7}, {"quantity": 1.5}, {"price": 600.03}, {"price": -1},
     {"price": 1e308}, {"price": float("nan")}, {"tradingsymbol": "NOPE"}, {"product": "BO"},
     {"product": "NRML"}, {"product": "MIS"}, {"transaction_type": "HOLD"}, {"quantity": None},
     {"exchange": []}, {"order_type": "MARKET"}, {"price": 0}],
)  # fmt: skip
def test_the_order_of_a_trigger_is_judged_at_once(it: Box, leg: dict[str, Any]) -> None:
    number = it.ask("POST", "/gtt/triggers", gtt(it.last()))["trigger_id"]
    before = it.ask("GET", "/gtt/triggers")
    assert it.refused("POST", "/gtt/triggers", gtt(it.last(), **leg))[0] == 400
    assert it.refused("PUT", f"/gtt/triggers/{number}", gtt(it.last(), **leg))[0] == 400
    assert it.ask("GET", "/gtt/triggers") == before


def test_conditions_that_are_no_json(it: Box) -> None:
    for text in ("[" * 100_000, '{"trigger_values":[' + "9" * 400 + "]}", "NaN", "[]", "7"):
        for name in ("condition", "orders"):
            form = gtt(it.last()) | {name: text}
            assert it.refused("POST", "/gtt/triggers", form)[0] == 400
    assert it.ask("GET", "/gtt/triggers") == []


class Unwritable:
    """A price that nobody can read, as a defect would leave it."""

    def __str__(self) -> str:
        raise ZeroDivisionError("no such number")


def test_a_beat_survives_a_trigger_that_fails(it: Box) -> None:
    last = it.last()
    condition = {
        "exchange": "NSE", "tradingsymbol": "INFY", "trigger_values": [round(last * 1.02, 1)],
        "last_price": round(last * 1.1, 1),
    }  # fmt: skip
    form = gtt(last) | {"condition": json.dumps(condition)}
    bad = it.ask("POST", "/gtt/triggers", form)["trigger_id"]
    good = it.ask("POST", "/gtt/triggers", form)["trigger_id"]
    orders = it.state.triggers.items[bad].row["orders"]
    orders[0] |= {"price": Unwritable()}
    it.wait()
    orders[0] |= {"price": 600}
    orders[0]["result"] |= {"price": 600}
    row = it.ask("GET", f"/gtt/triggers/{bad}")
    told = row["orders"][0]["result"]["order_result"]
    assert (row["status"], told["status"], told["order_id"]) == ("triggered", "failed", "")
    assert told["rejection_reason"]
    fired = it.ask("GET", f"/gtt/triggers/{good}")["orders"][0]["result"]["order_result"]
    assert fired["status"] == "success"
    assert len(it.ask("GET", "/orders")) == 1


@pytest.mark.parametrize("text", ["nan", "inf", LONG, "1e400", "-1", "x", "٣"])
def test_an_alert_compares_with_a_price_that_can_be(it: Box, text: str) -> None:
    form = {
        "name": "NIFTY", "type": "simple", "lhs_exchange": "INDICES",
        "lhs_tradingsymbol": "NIFTY 50", "lhs_attribute": "LastTradedPrice", "operator": ">=",
        "rhs_type": "constant", "rhs_constant": text,
    }  # fmt: skip
    assert it.refused("POST", "/alerts", form)[0] == 400
    assert it.ask("GET", "/alerts") == []


# -- when the sandbox itself fails --------------------------------------------------------------


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("nothing can be\ndivided by it")


def test_what_nobody_foresaw_is_answered_and_told_once(
    it: Box, caplog: pytest.LogCaptureFixture
) -> None:
    it.state.account.quotes = broken
    before = it.ask("GET", "/orders")
    assert it.refused("GET", "/portfolio/holdings")[:2] == (500, "GeneralException")
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("GET /portfolio/holdings: ZeroDivisionError (nothing can be divided")
    assert told.isprintable()
    assert it.ask("GET", "/orders") == before


def test_an_order_that_breaks_on_the_way_was_never_placed(it: Box) -> None:
    quotes, it.state.account.quotes = it.state.account.quotes, broken
    assert it.refused("POST", "/orders/regular", order())[:2] == (500, "GeneralException")
    it.state.account.quotes = quotes
    assert it.ask("GET", "/orders") == []
    assert it.state.desk.waiting() == set()
    assert it.ask("GET", "/user/margins/equity")["net"] == 1_000_000
    number = it.place()
    it.wait()
    assert it.row(number)["status"] == "COMPLETE"


def test_a_change_that_breaks_on_the_way_changes_nothing(it: Box) -> None:
    low = round(it.last() * 0.97, 1)
    number = it.place(order_type="LIMIT", price=low)
    before = it.row(number)
    quotes, it.state.account.quotes = it.state.account.quotes, broken
    told = it.refused("PUT", f"/orders/regular/{number}", {"quantity": 12})
    it.state.account.quotes = quotes
    assert told[:2] == (500, "GeneralException")
    assert it.row(number) == before


def test_a_stuck_order_that_breaks_ends_rejected_and_the_beat_goes_on(it: Box) -> None:
    it = box(faults="order-stuck:2s:x1")
    stuck, other = it.place(), it.place()
    quotes, it.state.account.quotes = it.state.account.quotes, broken
    it.wait(3)
    it.state.account.quotes = quotes
    it.wait()
    assert it.row(stuck)["status"] == "REJECTED"
    assert it.row(other)["status"] == "COMPLETE"


@pytest.mark.parametrize("path", ["/gtt/triggers", "/alerts"])
def test_nothing_is_half_stored_when_the_sandbox_fails(it: Box, path: str) -> None:
    alert = {
        "name": "NIFTY", "type": "simple", "lhs_exchange": "INDICES",
        "lhs_tradingsymbol": "NIFTY 50", "lhs_attribute": "LastTradedPrice", "operator": ">=",
        "rhs_type": "constant", "rhs_constant": 1,
    }  # fmt: skip
    form = gtt(it.last()) if path.startswith("/gtt") else alert
    # a table that breaks right after it has taken something in
    if path.startswith("/gtt"):
        it.state.triggers.items = Breaking()
    else:
        it.state.alerts.past = Breaking()
    assert it.refused("POST", path, form)[:2] == (500, "GeneralException")
    assert it.ask("GET", path) == []


class Breaking(dict[Any, Any]):
    """Keeps what it is given, and fails."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        raise ZeroDivisionError("kept, and broken")
