"""The paper broker: what it takes, when an order meets the market, what it remembers."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from alphastock_cli.domain.instrument import Exchange, Side
from alphastock_cli.domain.trading import (
    Fidelity,
    OrderStatus,
    OrderType,
    Product,
    Role,
    Validity,
)
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange.charges import order_charges
from alphastock_cli.trading.paper import PaperBroker
from tests.conftest import IST
from tests.unit.trading_makers import (
    DAY,
    GROUPED,
    MONDAY,
    OTHER,
    SHARE,
    TEN,
    at,
    broker,
    candle,
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


# -- when ---------------------------------------------------------------------------------------


def test_never_the_quote_that_caused_it_nor_one_before_the_latency() -> None:
    venue = broker()
    met(venue, quote(seconds=0, **BOOK))
    venue.place(order())
    assert met(venue, quote(seconds=0.249, **BOOK)) == []
    assert filled(met(venue, quote(seconds=0.25, **BOOK))) == [(100, "100.05")]


def test_a_quote_from_before_the_order_fills_nothing_however_late_it_arrives() -> None:
    venue = broker()
    venue.place(order(placed_at=at(10)))
    assert met(venue, quote(seconds=9, **BOOK)) == []


def test_the_same_order_id_is_one_order() -> None:
    venue = broker()
    first = venue.place(order())
    assert venue.place(order()) == first
    assert venue.place(order(quantity=7)) == first
    assert len(venue.orders()) == len(venue.waiting()) == 1
    assert filled(met(venue, quote(**BOOK))) == [(100, "100.05")]
    assert venue.place(order()).status is OrderStatus.COMPLETE
    assert met(venue, quote(seconds=2, **BOOK)) == []


@pytest.mark.parametrize("seconds", [1.0, 0.5, -3600.0])
def test_duplicate_and_older_quotes_meet_nobody(seconds: float) -> None:
    venue = broker()
    met(venue, quote(seconds=1.0, **BOOK))
    venue.place(order(placed_at=at(-7200)))
    assert met(venue, quote(seconds=seconds, **BOOK)) == []
    assert len(filled(met(venue, quote(seconds=2.0, **BOOK)))) == 1


def test_other_instruments_are_left_alone() -> None:
    venue = broker()
    venue.place(order(instrument=OTHER))
    assert met(venue, quote(**BOOK)) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"last": -1.0}, {"last": 0.0}, {"last": float("nan")}, {"last": float("inf")},
        {"last": 110.0, "high": 105.0}, {"last": 90.0, "low": 95.0},
        {"last": 121.0, "upper_circuit": 120.0}, {"last": 79.0, "lower_circuit": 80.0},
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_true_sets_off_nothing(odd: dict[str, float]) -> None:
    venue = broker()
    met(venue, quote(seconds=0))
    venue.place(stop("95.00", side=Side.SELL))
    venue.place(stop("105.00", side=Side.BUY, order_id="2"))
    assert met(venue, quote(**{"seconds": 1} | odd, **BOOK)) == []
    assert venue.disbelieved == 1
    assert met(venue, quote(94.0, 2))[0].state.status_message == "triggered", "the next one counts"


def test_quotes_outside_the_hours_of_the_session_fill_nothing() -> None:
    venue = broker()
    venue.place(order(placed_at=datetime(2026, 11, 20, 9, 5, tzinfo=IST)))
    assert venue.waiting()[0].status is OrderStatus.AMO
    early = datetime(2026, 11, 20, 9, 14, 59, tzinfo=IST)
    assert met(venue, quote(start=early, seconds=0, **BOOK)) == []
    late = datetime(2026, 11, 20, 15, 30, tzinfo=IST)
    assert met(venue, quote(start=late, seconds=0, **BOOK)) == []


def test_amo_placed_at_night_meets_only_the_next_session() -> None:
    venue = broker()
    state = venue.place(order(placed_at=NIGHT, session=DAY))
    assert state.status is OrderStatus.AMO
    assert met(venue, quote(start=NIGHT, seconds=60, **BOOK)) == [], "the same night"
    assert met(venue, quote(start=datetime(2026, 11, 20, 9, 7, tzinfo=IST), **BOOK)) == []
    opens = datetime(2026, 11, 20, 9, 15, tzinfo=IST)
    events = met(venue, quote(start=opens, seconds=0, **BOOK))
    assert events[0].state.status is OrderStatus.OPEN, "a normal order from the open on"
    assert filled(events) == [(100, "100.05")]


def test_amo_stop_waits_for_its_trigger_in_the_session() -> None:
    venue = broker()
    venue.place(stop("98.00", placed_at=NIGHT, session=DAY))
    opens = datetime(2026, 11, 20, 9, 15, tzinfo=IST)
    woken = met(venue, quote(start=opens, seconds=0, **BOOK))
    assert [e.state.status for e in woken] == [OrderStatus.TRIGGER_PENDING]
    events = met(venue, quote(97.95, start=opens, buy=[(97.90, 500)], sell=[(98.0, 10)]))
    assert [e.state.status for e in events] == [OrderStatus.OPEN, OrderStatus.COMPLETE]


def test_yesterdays_order_meets_nothing_today_even_before_it_is_expired() -> None:
    venue = broker()
    venue.place(limit("200"))
    monday = datetime(2026, 11, 23, 9, 15, tzinfo=IST)
    assert met(venue, quote(start=monday, **BOOK)) == []
    ended = venue.expire(monday)
    assert [e.state.status_message for e in ended] == ["its session is over"]
    assert venue.waiting() == []
    assert venue.expire(monday) == []


def test_expiry_is_the_close_of_the_session_whatever_the_zone() -> None:
    from zoneinfo import ZoneInfo

    venue = broker()
    venue.place(limit("50"))
    closes = datetime(2026, 11, 20, 15, 30, tzinfo=IST).astimezone(ZoneInfo("America/New_York"))
    assert venue.expire(closes - timedelta(microseconds=1)) == []
    assert len(venue.expire(closes)) == 1


def test_moments_in_another_zone_are_the_same_moments() -> None:
    from zoneinfo import ZoneInfo

    utc = ZoneInfo("UTC")
    venue = broker()
    venue.place(order(placed_at=TEN.astimezone(utc)))
    assert filled(met(venue, quote(start=TEN.astimezone(utc), **BOOK))) == [(100, "100.05")]


# -- at which price -------------------------------------------------------------------------------


def test_market_order_walks_the_book_and_rests_at_its_protection_price() -> None:
    venue = broker()
    venue.place(order(1000))
    events = met(venue, quote(100.0, **BOOK))
    assert filled(events) == [(300, "100.05"), (300, "100.10")]
    state = events[-1].state
    assert (state.status, state.filled_quantity) == (OrderStatus.OPEN, 600)
    assert state.limit_price == Decimal("101.00"), "1 % of 100: the broker's slab for 100 to 500"
    assert state.average_price == Decimal("100.0750")
    # the book has gone: the rest stays where protection left it, and is not chased upwards
    assert met(venue, quote(103.0, 2, buy=[(102.9, 9)], sell=[(103.0, 900)])) == []
    assert filled(met(venue, quote(100.5, 3, buy=[(100.4, 9)], sell=[(100.6, 900)]))) == [
        (400, "101.00")
    ]


def test_protection_a_person_chose_bounds_the_fill() -> None:
    venue = broker()
    venue.place(order(market_protection="0.05"))
    assert filled(met(venue, quote(100.0, sell=[(100.05, 60), (100.10, 60)], buy=[]))) == [
        (60, "100.05")
    ]


def test_without_a_last_price_there_is_no_protection_and_no_fill() -> None:
    venue = broker()
    venue.place(order())
    assert met(venue, quote(None, **BOOK)) == []
    assert len(filled(met(venue, quote(100.0, 2, **BOOK)))) == 1


def test_a_marketable_limit_pays_what_is_asked_not_its_limit() -> None:
    venue = broker()
    venue.place(limit("100.20", 500))
    assert filled(met(venue, quote(100.0, **BOOK))) == [(300, "100.05"), (200, "100.10")]


def test_a_limit_the_book_does_not_reach_rests_and_says_so_once() -> None:
    venue = broker()
    venue.place(limit("99.95"))
    events = met(venue, quote(100.0, **BOOK))
    assert [(e.fill, e.state.limit_price) for e in events] == [(None, Decimal("99.95"))]
    assert met(venue, quote(100.0, 2, **BOOK)) == []


def test_a_level_gives_what_it_shows_once() -> None:
    venue = broker()
    venue.place(limit("100.05", 1000))
    one = {"buy": [(99.95, 500)], "sell": [(100.05, 300)]}
    assert filled(met(venue, quote(seconds=1, **one))) == [(300, "100.05")]
    assert filled(met(venue, quote(seconds=2, **one))) == [], "the same 300 again"
    venue.place(limit("100.05", 100, order_id="2"))
    assert filled(met(venue, quote(seconds=3, **one))) == [], "nor for another order of ours"
    more = {"buy": [(99.95, 500)], "sell": [(100.05, 301)]}
    assert filled(met(venue, quote(seconds=4, **more))) == [(301, "100.05")], "a new level"


def test_two_orders_do_not_fill_twice_on_the_same_trade() -> None:
    venue = broker()
    thin = {"buy": [(99.90, 1)], "sell": [(100.20, 1)]}
    for name in ("1", "2"):
        venue.place(limit("100.00", 100, order_id=name))
    met(venue, quote(100.1, 1, volume=1000, **thin))
    events = met(venue, quote(99.95, 2, volume=1120, **thin))
    assert filled(events) == [(100, "100.00"), (20, "100.00")]


def test_the_rest_of_an_order_is_served_in_its_turn() -> None:
    venue = broker()
    book = {"buy": [(100.00, 500)], "sell": [(100.10, 300)]}
    venue.place(limit("100.00"))
    met(venue, quote(100.05, 1, volume=1000, **book))
    assert met(venue, quote(100.00, 2, volume=1500, **book)) == [], "500 were ahead"
    assert filled(met(venue, quote(100.00, 3, volume=1540, **book))) == [(40, "100.00")]
    assert filled(met(venue, quote(100.00, 4, volume=9000, **book))) == [(60, "100.00")]


def test_a_volume_that_falls_back_fills_nobody() -> None:
    venue = broker()
    book = {"buy": [(100.00, 500)], "sell": [(100.10, 300)]}
    venue.place(limit("100.00"))
    met(venue, quote(100.05, 1, volume=10_000, **book))
    assert met(venue, quote(100.00, 2, volume=10, **book)) == []
    assert met(venue, quote(99.95, 3, volume=10_000, **book)) == [], "nothing traded in between"


def test_the_first_quote_of_a_day_tells_no_volume() -> None:
    venue = broker()
    met(venue, quote(100.0, start=datetime(2026, 11, 19, 15, 0, tzinfo=IST), volume=5_000_000))
    venue.place(order())
    assert filled(met(venue, quote(100.0, 1, volume=900_000))) == []
    assert filled(met(venue, quote(100.0, 2, volume=904_000))) == [(100, "100.05")]


def test_ioc_takes_what_is_there_and_ends() -> None:
    venue = broker()
    venue.place(limit("100.05", 1000, validity=Validity.IOC))
    events = met(venue, quote(**BOOK))
    assert filled(events) == [(300, "100.05")]
    assert events[-1].state.status is OrderStatus.CANCELLED
    assert venue.waiting() == []


def test_ioc_with_nothing_there_ends_without_a_fill() -> None:
    venue = broker()
    venue.place(limit("99", validity=Validity.IOC))
    assert [e.state.status for e in met(venue, quote(**BOOK))] == [OrderStatus.CANCELLED]


def test_ioc_ends_on_a_candle_too() -> None:
    venue = broker()
    venue.place(limit("101", 100_000, validity=Validity.IOC))
    events = met(venue, candle(100, 102, 99, 101, volume=40_000))
    assert filled(events) == [(1000, "100.00")]
    assert events[-1].state.status is OrderStatus.CANCELLED


# -- stops ----------------------------------------------------------------------------------------


def test_sl_m_waits_for_its_trigger_then_takes_at_the_market() -> None:
    venue = broker()
    venue.place(stop("98.00"))
    assert met(venue, quote(98.05, 1, **BOOK)) == []
    events = met(venue, quote(98.00, 2, buy=[(97.95, 60), (97.90, 900)], sell=[(98.05, 9)]))
    assert events[0].state.status is OrderStatus.OPEN
    assert filled(events) == [(60, "97.95"), (40, "97.90")]


def test_sl_becomes_a_limit_and_never_sells_below_it() -> None:
    venue = broker()
    venue.place(stop("98.00", price="97.50"))
    events = met(venue, quote(97.0, 1, buy=[(96.95, 900)], sell=[(97.05, 9)]))
    assert filled(events) == []
    assert venue.waiting()[0].status is OrderStatus.OPEN
    events = met(venue, quote(97.55, 2, buy=[(97.55, 30)], sell=[(97.65, 9)]))
    assert filled(events) == [(30, "97.50")], "it rests, and is met at its own price"


def test_a_trigger_on_the_wrong_side_is_refused_with_the_numbers() -> None:
    venue = broker()
    met(venue, quote(100.0, 0))
    state = venue.place(stop("101.00", side=Side.SELL))
    assert state.status is OrderStatus.REJECTED
    assert "101.00" in state.status_message
    assert "100.00" in state.status_message
    assert venue.waiting() == []


def test_an_exit_left_behind_is_priced_anew_and_an_entry_is_not() -> None:
    fallen = [quote(100.0, 1, buy=[(99.95, 10)], sell=[(100.05, 9)]),
              quote(95.0, 2, buy=[(94.95, 500)], sell=[(95.05, 9)])]  # fmt: skip
    for role, expected in ((Role.EXIT, [(10, "99.95"), (90, "94.95")]),
                           (Role.ENTRY, [(10, "99.95")])):  # fmt: skip
        venue = broker()
        venue.place(order(side=Side.SELL, role=role))
        assert filled([e for q in fallen for e in met(venue, q)]) == expected


# -- groups ---------------------------------------------------------------------------------------


def guarded(units: int = 100) -> PaperBroker:
    venue = broker()
    venue.place(stop("98.00", units, **GROUPED))
    more = {"role": Role.TARGET, "group": "g"}
    venue.place(limit("104.00", units, Side.SELL, order_id="2", **more))
    return venue


def test_a_target_takes_from_its_stop_unit_by_unit() -> None:
    venue = guarded()
    met(venue, quote(100.0, 1))
    events = met(venue, quote(104.0, 2, buy=[(104.00, 30)], sell=[(104.05, 1)]))
    assert filled(events) == [(30, "104.00")]
    assert [s.order.quantity for s in events[0].siblings] == [70]
    events = met(venue, quote(97.0, 3, buy=[(96.95, 900)], sell=[(97.05, 1)]))
    assert sum(units for units, _ in filled(events)) == 70
    assert venue.waiting() == []


def test_the_group_never_fills_more_than_it_guards() -> None:
    venue = guarded()
    venue.place(order(side=Side.SELL, order_id="3", role=Role.EXIT, group="g"))
    events = met(venue, quote(97.9, 1, buy=[(97.85, 1000)], sell=[(98.0, 1)]))
    assert sum(units for units, _ in filled(events)) == 100
    assert venue.waiting() == []
    assert met(venue, quote(105.0, 2, buy=[(105.0, 1000)], sell=[(105.05, 1)])) == []


def test_orders_without_a_group_are_no_siblings() -> None:
    venue = broker()
    for name in ("1", "2"):
        venue.place(order(side=Side.SELL, order_id=name, role=Role.EXIT))
    events = met(venue, quote(buy=[(99.95, 500)], sell=[]))
    assert filled(events) == [(100, "99.95"), (100, "99.95")]
    assert all(not e.siblings for e in events)


def test_who_hears_of_a_fill_decides_before_the_next_order_meets_the_market() -> None:
    venue = broker()
    venue.place(order(50))
    venue.place(order(50, order_id="2"))
    heard = []
    for event in venue.advance(quote(**BOOK)):
        heard.append(event.state.order.order_id)
        venue.cancel("2", at(1))
    assert heard == ["1"]
    assert venue.orders()[1].status is OrderStatus.CANCELLED


def test_a_first_slice_heard_can_stop_the_second() -> None:
    venue = broker()
    venue.place(limit("100.10", 600))
    seen = []
    for event in venue.advance(quote(**BOOK)):
        seen.append(event)
        venue.cancel("1", at(1))
    assert filled(seen) == [(300, "100.05")]
    assert venue.orders()[0].filled_quantity == 300


# -- candles --------------------------------------------------------------------------------------


def test_a_candle_meets_only_orders_that_were_there_when_it_began() -> None:
    venue = broker()
    venue.place(order(placed_at=at(61)))
    assert met(venue, candle(100, 101, 99, 100, minute=1)) == []
    events = met(venue, candle(100, 101, 99, 100, minute=2))
    assert filled(events) == [(100, "100.05")], "the open, half a spread worse"
    assert events[0].fill.time == at(180)
    assert events[0].fill.fidelity is Fidelity.B


def test_stop_and_target_inside_one_candle_is_the_stop() -> None:
    venue = guarded()
    events = met(venue, candle(100, 105, 97, 104))
    assert filled(events) == [(100, "97.95")]
    assert venue.waiting() == []


def test_the_target_gets_nothing_in_the_candle_whose_volume_ends_the_stop_half_way() -> None:
    venue = guarded(100)
    events = met(venue, candle(100, 105, 97, 104, volume=2000))
    assert filled(events) == [(50, "97.95")]
    assert {s.order.order_id: s.pending_quantity for s in venue.waiting()} == {"1": 50, "2": 50}


def test_orders_share_the_volume_of_a_candle() -> None:
    venue = broker()
    for name in ("1", "2", "3"):
        venue.place(order(60, order_id=name))
    events = met(venue, candle(100, 101, 99, 100, volume=4000))
    assert filled(events) == [(60, "100.05"), (40, "100.05")]


def test_without_a_volume_a_candle_fills_nobody() -> None:
    venue = broker()
    venue.place(order())
    assert met(venue, candle(100, 101, 99, 100, volume=None)) == []


def test_numbers_of_numpy_are_numbers() -> None:
    venue = broker()
    venue.place(order())
    events = met(venue, quote(np.float64(100.0), buy=[], sell=[(np.float64(100.05), 500)]))
    assert filled(events) == [(100, "100.05")]
    venue.place(stop("98", order_id="2"))
    row = [np.float64(x) for x in (100, 101, 97, 98)]
    assert filled(met(venue, candle(*row))) == [(100, "97.95")]


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
