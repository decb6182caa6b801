"""The paper broker: what it takes, changes and gives up, and what it remembers."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from alphastock_cli.domain.instrument import Exchange, Side
from alphastock_cli.domain.trading import (
    OrderStatus,
    OrderType,
    Product,
    Role,
)
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange.charges import order_charges
from alphastock_cli.trading.paper import PaperBroker
from tests.conftest import IST
from tests.unit.trading_makers import (
    DAY,
    MONDAY,
    SHARE,
    at,
    broker,
    filled,
    limit,
    met,
    order,
    quote,
    stop,
)

BOOK = {"buy": [(99.95, 500), (99.90, 500)], "sell": [(100.05, 300), (100.10, 300)]}
NIGHT = datetime(2026, 11, 19, 20, 0, tzinfo=IST)


def restarted(venue: PaperBroker, events: list) -> PaperBroker:
    """Return a new broker with the orders of the old one and the fills that were told."""
    fills: dict[str, list] = {}
    for event in events:
        if event.fill is not None:
            fills.setdefault(event.fill.order_id, []).append(event.fill)
    fresh = broker()
    fresh.restore(venue.orders(), fills)
    return fresh


# -- what it takes, changes and gives up ----------------------------------------------------------


def test_modify() -> None:
    venue = broker()
    venue.place(limit("100.05", 1000))
    met(venue, quote(**BOOK))
    with pytest.raises(ValueError, match="300 units are filled"):
        venue.modify("1", quantity=300, at=at(2))
    state = venue.modify("1", quantity=500, at=at(2))
    assert (state.order.quantity, state.pending_quantity) == (500, 200)
    more = {"buy": [(99.95, 500)], "sell": [(100.05, 900)]}
    assert filled(met(venue, quote(seconds=3, **more))) == [(200, "100.05")]
    assert venue.modify("1", quantity=900, at=at(4)).status is OrderStatus.COMPLETE
    with pytest.raises(UnknownName, match="nine"):
        venue.modify("nine", quantity=1, at=at(4))


def test_modify_in_whole_lots_only() -> None:
    from tests.unit.trading_makers import FUTURE

    venue = broker()
    venue.place(limit("100", 130, instrument=FUTURE, product=Product.NRML))
    with pytest.raises(ValueError, match="lot of 65"):
        venue.modify("1", quantity=100, at=at(1))


def test_more_units_go_to_the_end_of_the_queue_fewer_keep_their_place() -> None:
    book = {"buy": [(100.00, 500)], "sell": [(100.10, 300)]}
    for quantity, expected in ((50, [(40, "100.00")]), (200, [])):
        venue = broker()
        venue.place(limit("100.00"))
        met(venue, quote(100.05, 1, volume=1000, **book))
        met(venue, quote(100.00, 2, volume=1500, **book))
        venue.modify("1", quantity=quantity, at=at(2))
        met(venue, quote(100.05, 3, volume=1500, **book))
        assert filled(met(venue, quote(100.00, 4, volume=1540, **book))) == expected


def test_cancel_is_final_and_twice_is_once() -> None:
    venue = broker()
    venue.place(order())
    assert venue.cancel("1", at(0.1)).status is OrderStatus.CANCELLED
    assert venue.cancel("1", at(9)).updated_at == at(0.1)
    assert met(venue, quote(**BOOK)) == []
    with pytest.raises(UnknownName):
        venue.cancel("2", at(1))


def test_delivery_cannot_sell_the_same_shares_twice() -> None:
    venue = broker()
    venue.place(order(product=Product.CNC))
    met(venue, quote(**BOOK))
    sell = {"side": Side.SELL, "product": Product.CNC, "role": Role.EXIT}
    assert venue.place(limit("104", 60, order_id="2", **sell)).status is OrderStatus.OPEN
    refused = venue.place(limit("105", 60, order_id="3", **sell))
    assert refused.status is OrderStatus.REJECTED
    assert "40 are free" in refused.status_message
    assert venue.place(limit("105", 40, order_id="4", **sell)).status is OrderStatus.OPEN


def test_stop_and_target_of_a_delivery_sell_the_same_shares() -> None:
    venue = broker()
    venue.place(order(product=Product.CNC, group="g"))
    met(venue, quote(**BOOK))
    cnc = {"product": Product.CNC, "group": "g"}
    assert venue.place(stop("98", order_id="2", role=Role.STOP, **cnc)).status.final is False
    target = limit("104", 100, Side.SELL, order_id="3", role=Role.TARGET, **cnc)
    assert venue.place(target).status is OrderStatus.OPEN


def test_a_day_whose_charges_nobody_knows_is_refused_when_placed() -> None:
    old = datetime(2011, 3, 4, 10, 0, tzinfo=IST)
    venue = broker()
    state = venue.place(order(placed_at=old, session=date(2011, 3, 4), product=Product.CNC))
    assert state.status is OrderStatus.REJECTED
    assert "charge" in state.status_message or "rates" in state.status_message


def test_the_charges_of_the_fills_add_up_to_the_order() -> None:
    venue = broker()
    venue.place(order(1000))
    events = met(venue, quote(**BOOK))
    events += met(venue, quote(100.5, 3, buy=[(100.4, 9)], sell=[(100.6, 900)]))
    fills = [e.fill for e in events if e.fill]
    assert [f.seq for f in fills] == [1, 2, 3]
    whole = sum(f.value for f in fills)
    expected = order_charges(SHARE, Product.MIS, Side.BUY, whole, DAY).paise
    assert sum(f.charges for f in fills) == expected
    assert all(f.charges >= 0 for f in fills)


def test_bse_takes_no_sl_m() -> None:
    from dataclasses import replace

    venue = broker()
    bse = replace(SHARE, exchange=Exchange.BSE)
    assert venue.place(stop("98", instrument=bse)).status is OrderStatus.REJECTED
    assert venue.place(stop("98", price="97", instrument=bse, order_id="2")).status is (
        OrderStatus.TRIGGER_PENDING
    )


# -- restart --------------------------------------------------------------------------------------


def test_restored_it_goes_on_where_it_was() -> None:
    quotes = [
        quote(100.0, 1, **BOOK),
        quote(103.0, 2, buy=[(102.9, 9)], sell=[(103.0, 900)]),
        quote(100.5, 3, buy=[(100.4, 9)], sell=[(100.6, 150)]),
        quote(100.5, 4, buy=[(100.4, 9)], sell=[(100.6, 900)]),
    ]
    straight = broker()
    straight.place(order(1000))
    expected = [f for q in quotes for f in filled(met(straight, q))]
    assert sum(units for units, _ in expected) == 1000
    for cut in range(len(quotes)):
        venue, events = broker(), []
        venue.place(order(1000))
        for i, each in enumerate(quotes):
            if i == cut:
                venue = restarted(venue, events)
            events += met(venue, each)
        assert filled(events) == expected, f"restarted before quote {cut}"
        assert [e.fill.seq for e in events if e.fill] == [1, 2, 3, 4][: len(expected)]


def test_restored_stops_remember_whether_they_were_set_off() -> None:
    venue = broker()
    venue.place(stop("98.00", price="97.90"))
    events = met(venue, quote(98.0, 1, buy=[(97.5, 9)], sell=[(98.0, 9)]))
    fresh = restarted(venue, events)
    events = met(fresh, quote(99.0, 2, buy=[(98.95, 900)], sell=[(99.05, 9)]))
    assert filled(events) == [(100, "97.90")], "set off: the last price counts no more"
    untouched = broker()
    untouched.place(stop("98.00"))
    fresh = restarted(untouched, [])
    assert met(fresh, quote(99.0, 2, **BOOK)) == []


def test_restored_intents_are_placed_once_and_holdings_are_known() -> None:
    venue = broker()
    bought = venue.place(order(product=Product.CNC))
    events = met(venue, quote(**BOOK))
    fresh = restarted(venue, events)
    assert fresh.place(bought.order).status is OrderStatus.COMPLETE
    sell = limit("104", 100, Side.SELL, order_id="2", product=Product.CNC, role=Role.EXIT)
    assert fresh.place(sell).status is OrderStatus.OPEN


def test_an_order_for_monday_is_not_fridays() -> None:
    venue = broker()
    evening = datetime(2026, 11, 20, 16, 0, tzinfo=IST)
    venue.place(order(placed_at=evening, session=MONDAY))
    assert venue.expire(datetime(2026, 11, 22, 12, 0, tzinfo=IST)) == []
    saturday = datetime(2026, 11, 21, 11, 0, tzinfo=IST)
    assert met(venue, quote(start=saturday, **BOOK)) == []
    monday = datetime(2026, 11, 23, 9, 15, tzinfo=IST)
    assert filled(met(venue, quote(start=monday, seconds=0, **BOOK))) == [(100, "100.05")]


def test_types_of_a_market_that_has_no_price_yet() -> None:
    venue = broker()
    assert venue.place(order(order_type=OrderType.MARKET)).status is OrderStatus.OPEN
    assert met(venue, quote(None, 1)) == []
