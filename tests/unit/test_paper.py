"""The paper broker: when an order meets the market, and at which price."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import (
    OrderStatus,
    Validity,
)
from tests.conftest import IST
from tests.unit.trading_makers import (
    DAY,
    OTHER,
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
