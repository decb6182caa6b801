"""What a broker offers on a day: products, types, holdings, sizes; the order of the reasons."""

from __future__ import annotations

from datetime import date

import pytest

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderType, Product
from alphastock_cli.exchange.rules import check_order
from tests.unit.order_makers import NIFTY, NOW, SHARE, D, make, option, order, reasons

# -- what the broker offers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pct", "session", "refused"),
    [
        (None, "2026-08-20", False),
        ("0.01", "2026-08-20", False),
        ("100", "2026-08-20", False),
        ("100.01", "2026-08-20", True),
        ("0", "2026-08-20", True),
        ("0", "2026-04-01", True),
        ("0", "2026-03-31", False),  # until then a market order needed none
        ("-1", "2026-03-31", True),
    ],
)
def test_market_orders_need_a_protection(pct, session, refused):
    placed = order(
        order_type=OrderType.MARKET, market_protection=pct, session=date.fromisoformat(session)
    )
    assert ("protection" in reasons(placed)) is refused


@pytest.mark.parametrize(
    ("exchange", "allowed"),
    [
        ("NSE", "CNC MIS"), ("BSE", "CNC MIS"), ("NFO", "NRML MIS"), ("BFO", "NRML MIS"),
        ("CDS", "NRML MIS"), ("BCD", "NRML MIS"), ("MCX", "NRML MIS"),
    ],
)  # fmt: skip
def test_products_of_the_segments(exchange, allowed):
    for product in Product:
        found = reasons(order(make(exchange), product=product)).get("product")
        assert (found is None) is (product.value in allowed.split())
        if found:
            assert found.endswith(allowed.replace(" ", " or "))


@pytest.mark.parametrize(
    ("instrument", "kind", "session", "instead"),
    [
        (make("BSE"), "SL-M", "2026-08-20", "use SL"),
        (make("BSE"), "SL-M", "2025-12-31", None),  # not known for that day
        (make("BSE"), "SL", "2026-08-20", None),
        (make("BFO", underlying="SENSEX"), "SL-M", "2026-08-20", "use SL"),
        (SHARE, "SL-M", "2026-08-20", None),
        (option(), "SL-M", "2026-08-20", "use SL"),
        (option(), "MARKET", "2026-08-20", None),
        (option(underlying="INFY"), "MARKET", "2026-08-20", "use LIMIT"),
        (option("BFO", "RELIANCE"), "MARKET", "2026-08-20", "use LIMIT"),
        (option("BFO", "SENSEX"), "MARKET", "2026-08-20", None),
        (option("MCX", "CRUDEOIL"), "MARKET", "2026-08-20", None),
        (make("NFO", underlying="INFY"), "MARKET", "2026-08-20", None),
    ],
)
def test_types_of_order_the_broker_refuses(instrument, kind, session, instead):
    more = {"trigger_price": "100"} if kind.startswith("SL") else {}
    placed = order(
        instrument, order_type=OrderType(kind), session=date.fromisoformat(session), **more
    )
    found = reasons(placed).get("order_type")
    assert (found is None) if instead is None else (found or "").endswith(instead)


@pytest.mark.parametrize(("held", "refused"), [(9, True), (10, False), (11, False)])
def test_a_delivery_sell_needs_the_shares(held, refused):
    sale = order(side=Side.SELL, quantity=10)
    assert ("holdings" in reasons(sale, held=held)) is refused
    assert reasons(order(side=Side.SELL, quantity=10, product=Product.MIS)) == {}
    assert reasons(order(quantity=10)) == {}


@pytest.mark.parametrize(
    ("quantity", "price", "rules"),
    [
        (99_999, "1000", set()),
        (100_000, "1000", set()),  # ten crore and a lakh of shares, both at most
        (100_001, "900", {"max_quantity"}),
        (100_000, "1000.05", {"max_value"}),
        (100_000, "999.95", set()),
        (100_001, "1000", {"max_quantity", "max_value"}),
    ],
)
def test_largest_quantity_and_value(quantity, price, rules):
    assert set(reasons(order(quantity=quantity, price=price))) == rules
    later = order(quantity=quantity, price=price, session=date(2025, 12, 31))
    assert reasons(later) == {}  # nobody told us of a limit on that day


@pytest.mark.parametrize(("last", "refused"), [(1000.0, False), (1000.05, True), (None, False)])
def test_a_market_order_is_worth_its_last_price(last, refused):
    placed = order(order_type=OrderType.MARKET, quantity=100_000)
    assert ("max_value" in reasons(placed, last_price=last)) is refused


def test_derivatives_have_no_such_cap() -> None:
    crude = make("MCX", underlying="CRUDEOIL", multiplier=100, tick_size=D(1))
    assert reasons(order(crude, quantity=1000, price="8000")) == {}


# -- all of them -----------------------------------------------------------------------------------


def test_every_reason_is_told_in_the_order_of_the_checks() -> None:
    wrong = order(
        NIFTY, quantity=1801, order_type=OrderType.SL, price="600.01", trigger_price="600.02",
        product=Product.CNC, session=date(2026, 8, 26), market_protection="101",
    )  # fmt: skip
    found = check_order(wrong, now=NOW, last_price=700.0, lower_circuit=0.05, upper_circuit=500.0)
    assert [reason.rule for reason in found] == [
        "expired", "lot", "freeze", "tick", "tick", "circuit", "circuit", "trigger", "trigger",
        "protection", "product",
    ]  # fmt: skip
    assert all(reason.text for reason in found)
    assert found[1].numbers == {"quantity": 1801, "lot_size": 65}
    assert found[3].numbers["below"] == D("600.00")
    assert found[3].numbers["above"] == D("600.05")


def test_what_is_not_a_number_or_has_no_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="not possible"):
        reasons(order(), last_price=float("nan"))
    with pytest.raises(ValueError, match="naive"):
        reasons(order(), now=NOW.replace(tzinfo=None))
    for name in ("price", "market_protection"):
        with pytest.raises(ValueError, match="not a number"):
            reasons(order(**{name: D("NaN")}))
