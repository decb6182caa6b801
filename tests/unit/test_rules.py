"""What is wrong with an order itself: each rule at its limit, a tick before and a tick after."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderType, Product
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.exchange.rules import check_order
from tests.unit.order_makers import NIFTY, NOW, D, make, option, order, reasons


def test_an_ordinary_order_has_nothing_against_it() -> None:
    assert reasons(order(), last_price=100.0, lower_circuit=90.0, upper_circuit=110.0) == {}
    whole = order(NIFTY, quantity=130, price=D("120.05"))
    assert reasons(whole, last_price=121.0, lower_circuit=0.05, upper_circuit=500.0) == {}


# -- alive -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "alive"),
    [
        ("2026-08-25 15:39:59", True),
        ("2026-08-25 15:40", False),
        ("2026-08-25 15:41", False),
    ],
)
def test_a_contract_ends_with_the_session_of_its_last_day(now, alive):
    last_day = order(NIFTY, quantity=65, session=date(2026, 8, 25))
    at = datetime.fromisoformat(now).replace(tzinfo=IST)
    assert (reasons(last_day, now=at) == {}) is alive


def test_an_order_for_a_session_after_the_expiry_is_refused() -> None:
    late = order(NIFTY, quantity=65, session=date(2026, 8, 26))
    assert reasons(late) == {
        "expired": "NFO:NIFTY-TEST expires on 2026-08-25 at 15:40: the order is for 2026-08-26"
    }


def test_an_index_is_not_traded() -> None:
    index = make(underlying="NIFTY 50", asset="index")
    assert reasons(order(index)) == {
        "instrument": "NSE:NIFTY 50-TEST is an index: trade its futures or options"
    }


# -- quantity --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (64, "quantity 64 is not a multiple of the lot of 65: take 65"),
        (65, None),
        (66, "quantity 66 is not a multiple of the lot of 65: take 65 or 130"),
    ],
)
def test_whole_lots(quantity, text):
    assert reasons(order(NIFTY, quantity=quantity)).get("lot") == text


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (1755, None),
        (1800, None),  # the limit itself; that it is no multiple of the lot is another rule
        (1801, "2 orders of at most 1755"),
        (1755 * 10, "10 orders of at most 1755"),
        (1755 * 10 + 65, r"11 orders of at most 1755 (the broker itself divides into at most 10)"),
    ],
)
def test_freeze_quantity(quantity, text):
    found = reasons(order(NIFTY, quantity=quantity)).get("freeze", "")
    assert found.endswith(text) if text else not found


def test_freeze_quantity_of_a_currency_counts_contracts() -> None:
    for lot in (1, 1000):  # both ways a broker's master counts
        dollar = make("CDS", underlying="USDINR", lot_size=lot, tick_size=D("0.0025"))
        assert "freeze" not in reasons(order(dollar, quantity=10_000 * lot))
        assert "freeze" in reasons(order(dollar, quantity=10_001 * lot))


def test_an_unknown_freeze_quantity_refuses_nothing() -> None:
    later = order(NIFTY, quantity=65 * 1000, session=date(2026, 11, 20))
    assert reasons(later) == {"expired": reasons(later)["expired"]}
    assert reasons(order(make("NFO", underlying="INFY"), quantity=10**6)) == {}


# -- prices ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "tick", "near"),
    [
        ("100.00", "0.05", None),
        ("100.05", "0.05", None),
        ("99.99", "0.05", "99.95 or 100.00"),
        ("100.01", "0.05", "100.00 or 100.05"),
        ("100.04", "0.05", "100.00 or 100.05"),
        ("0.01", "0.05", "0.05"),
        ("0.01", "0.01", None),
        ("84.0025", "0.0025", None),
        ("84.0030", "0.0025", "84.0025 or 84.005"),
        ("5001", "5", "5000.00 or 5005.00"),
        ("0.30", "0.10", None),  # three tenths, which no float is
        ("1E+30", "0.05", None),
    ],
)
def test_price_on_the_tick(price, tick, near):
    placed = order(make(tick_size=D(tick)), price=D(price))
    found = reasons(placed).get("tick")
    assert (found is None) if near is None else (found or "").endswith(f"take {near}")


@pytest.mark.parametrize("price", ["0", "-0.05"])
def test_a_price_is_above_zero(price):
    assert "not above zero" in reasons(order(price=price))["tick"]


def test_a_trigger_off_the_tick_is_named_as_such() -> None:
    stop = order(order_type=OrderType.SL_M, trigger_price="101.02", product=Product.MIS)
    assert reasons(stop) == {
        "tick": "trigger 101.02 is not a multiple of the tick 0.05: take 101.00 or 101.05"
    }


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ("89.95", "price 89.95 is below the lower circuit limit 90.00 of the day"),
        ("90.00", None),
        ("90.05", None),
        ("109.95", None),
        ("110.00", None),
        ("110.05", "price 110.05 is above the upper circuit limit 110.00 of the day"),
    ],
)
def test_inside_the_circuit(price, text):
    assert (
        reasons(order(price=price), lower_circuit=90.0, upper_circuit=110.0).get("circuit") == text
    )


def test_the_circuit_holds_for_the_trigger_too() -> None:
    stop = order(order_type=OrderType.SL, trigger_price="110.05", price="110.05")
    found = check_order(stop, now=NOW, last_price=100.0, lower_circuit=90.0, upper_circuit=110.0)
    assert [reason.text.split()[0] for reason in found] == ["price", "trigger"]


def test_a_float_limit_is_the_decimal_that_was_sent() -> None:
    """0.1 + 0.2 is not 0.3, but a limit printed as 110.3 is."""
    assert reasons(order(make(tick_size=D("0.1")), price="110.3"), upper_circuit=110.3) == {}


@pytest.mark.parametrize(
    ("side", "trigger", "refused"),
    [
        ("BUY", "99.95", True),
        ("BUY", "100.00", True),
        ("BUY", "100.05", False),
        ("SELL", "100.05", True),
        ("SELL", "100.00", True),
        ("SELL", "99.95", False),
    ],
)
def test_a_trigger_lies_beyond_the_last_price(side, trigger, refused):
    stop = order(
        side=Side(side), order_type=OrderType.SL_M, trigger_price=trigger, product=Product.MIS
    )
    assert ("trigger" in reasons(stop, last_price=100.0)) is refused
    assert reasons(stop) == {}  # without a last price nobody can say


@pytest.mark.parametrize(
    ("side", "price", "refused"),
    [
        ("BUY", "104.95", True),
        ("BUY", "105.00", False),
        ("BUY", "105.05", False),
        ("SELL", "105.05", True),
        ("SELL", "105.00", False),
        ("SELL", "104.95", False),
    ],
)
def test_the_limit_of_a_stop_lies_beyond_its_trigger(side, price, refused):
    stop = order(
        side=Side(side), order_type=OrderType.SL, trigger_price="105", price=price,
        product=Product.MIS,
    )  # fmt: skip
    assert ("trigger" in reasons(stop)) is refused


def test_a_freeze_quantity_below_the_lot_offers_no_pieces() -> None:
    odd = option(lot_size=2000, expiry=NIFTY.expiry)
    found = reasons(order(odd, quantity=2000))
    assert found == {"freeze": "quantity 2000 is above the freeze quantity 1800"}
