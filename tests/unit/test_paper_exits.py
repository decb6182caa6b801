"""The paper broker: stops, groups, candles."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import (
    Fidelity,
    OrderStatus,
    Role,
)
from alphastock_cli.trading.paper import PaperBroker
from tests.conftest import IST
from tests.unit.trading_makers import (
    GROUPED,
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
