"""How an order meets a market, slice by slice; every branch of the rules by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Fidelity
from alphastock_cli.trading import matching
from alphastock_cli.trading.matching import Queue, Served
from tests.unit.trading_makers import FUTURE, SHARE, candle, quote

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
BOOK = {"buy": [(99.95, 70), (99.90, 80)], "sell": [(100.05, 30), (100.10, 40), (100.20, 50)]}


def took(market, side=BUY, *, quantity=1000, limit=None, taken=None, traded=0, used=0, of=SHARE):
    found = matching.take(
        market, of, side, quantity=quantity, limit=None if limit is None else D(limit),
        taken={D(k): v for k, v in (taken or {}).items()}, traded=traded, used=used,
    )  # fmt: skip
    return [(s.quantity, str(s.price), s.fidelity.value) for s in found]


# -- taking ---------------------------------------------------------------------------------------


def test_depth_is_walked_best_first_and_nothing_beyond_it() -> None:
    assert took(quote(**BOOK)) == [
        (30, "100.05", "L2"), (40, "100.10", "L2"), (50, "100.20", "L2")
    ]  # fmt: skip
    assert took(quote(**BOOK), SELL) == [(70, "99.95", "L2"), (80, "99.90", "L2")]
    assert took(quote(**BOOK), quantity=50) == [(30, "100.05", "L2"), (20, "100.10", "L2")]


@pytest.mark.parametrize(
    ("limit", "units"), [("100.04", 0), ("100.05", 30), ("100.10", 70), ("100.19", 70)]
)
def test_no_slice_is_worse_than_the_limit(limit: str, units: int) -> None:
    assert sum(each[0] for each in took(quote(**BOOK), limit=limit)) == units


def test_what_was_taken_of_a_level_is_not_there_again() -> None:
    assert took(quote(**BOOK), taken={"100.05": 30, "100.10": 15}) == [
        (25, "100.10", "L2"), (50, "100.20", "L2")
    ]  # fmt: skip
    assert took(quote(**BOOK), taken={"100.05": 99}, quantity=10) == [(10, "100.10", "L2")]


@pytest.mark.parametrize(
    "crossed",
    [
        {"bid": 100.1, "ask": 100.0, "bid_quantity": 5, "ask_quantity": 5},
        {"bid": 100.0, "ask": 100.0, "bid_quantity": 5, "ask_quantity": 5},
        {"buy": [(100.10, 5)], "sell": [(100.05, 5)]},
    ],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_crossed_book_is_not_believed(crossed: dict, side: Side) -> None:
    assert took(quote(**crossed), side, traded=10**6) == []


@pytest.mark.parametrize(
    "one_sided",
    [
        {"bid": 99.95, "bid_quantity": 50}, {"buy": [(99.95, 50)], "sell": []},
        {"buy": [(99.95, 50)], "sell": [(0.0, 0), (0.0, 0)]}, {"bid": 99.95, "ask": 100.0},
    ],
)  # fmt: skip
def test_a_side_without_an_order_sells_nothing(one_sided: dict) -> None:
    assert took(quote(**one_sided), traded=10**6) == []


def test_best_prices_alone_give_what_they_show() -> None:
    best = {"bid": 99.95, "bid_quantity": 40, "ask": 100.05, "ask_quantity": 60}
    assert took(quote(**best)) == [(60, "100.05", "L1")]
    assert took(quote(**best), SELL) == [(40, "99.95", "L1")]


def test_empty_levels_of_a_source_are_no_prices() -> None:
    padded = {"buy": [(99.95, 50), (0.0, 0)], "sell": [(0.0, 0)]}
    assert took(quote(**padded), SELL) == [(50, "99.95", "L2")]


def test_the_last_price_alone_costs_half_a_spread_and_gives_a_small_share() -> None:
    # 0.1 % of 1000 is 1.00: half of it is paid; 2.5 % of 4000 units is 100
    assert took(quote(1000.0), traded=4000) == [(100, "1000.50", "T")]
    assert took(quote(1000.0), SELL, traded=4000) == [(100, "999.50", "T")]
    assert took(quote(1000.0), traded=4000, used=60) == [(40, "1000.50", "T")]
    assert took(quote(1000.0), traded=4000, used=101) == []
    assert took(quote(1000.0), traded=39) == [], "less than one unit"
    assert took(quote(1000.0), traded=4000, limit="1000.45") == []
    assert took(quote(None), traded=4000) == []


def test_at_least_a_tick_is_paid_on_the_last_price() -> None:
    assert took(quote(10.0), traded=4000) == [(100, "10.05", "T")]
    assert took(quote(0.05), SELL, traded=4000) == [(100, "0.05", "T")]


def test_only_whole_lots() -> None:
    book = {"sell": [(100.0, 129), (100.1, 64), (100.2, 200)], "buy": []}
    assert took(quote(**book), of=FUTURE, quantity=325) == [
        (65, "100.00", "L2"), (195, "100.20", "L2")
    ]  # fmt: skip
    assert took(quote(), of=FUTURE, quantity=650, traded=5000) == [(65, "100.10", "T")]


def test_prices_off_the_tick_are_rounded_against_us() -> None:
    odd = quote(buy=[(99.97, 5)], sell=[(100.01, 5)])
    assert took(odd) == [(5, "100.05", "L2")]
    assert took(odd, SELL) == [(5, "99.95", "L2")]
    assert took(odd, limit="100.00") == []


# -- resting --------------------------------------------------------------------------------------


def rested(market, *, price="100.00", side=BUY, quantity=100, ahead=0, traded=0, taken=None):
    return matching.rest(
        market, SHARE, side, price=D(price), quantity=quantity, queue=Queue(ahead=ahead),
        traded=traded, taken={D(k): v for k, v in (taken or {}).items()},
    )  # fmt: skip


WIDE = {"buy": [(99.50, 10)], "sell": [(100.50, 10)]}


@pytest.mark.parametrize(
    ("side", "book", "ahead"),
    [
        (BUY, [(100.00, 70), (99.95, 10)], 70),
        (BUY, [(99.95, 10)], 0),
        (BUY, [(100.05, 10)], None),
        (BUY, [], None),
        (SELL, [(100.00, 70)], 70),
        (SELL, [(100.05, 10)], 0),
        (SELL, [(99.95, 10)], None),
    ],
)
def test_who_joins_stands_behind_all_who_are_there(side, book, ahead) -> None:
    market = quote(buy=book, sell=[]) if side is BUY else quote(buy=[], sell=book)
    assert matching.join(market, SHARE, side, D("100.00")) == Queue(ahead=ahead)


def test_a_touch_alone_serves_nobody() -> None:
    assert rested(quote(100.0, **WIDE), ahead=0, traded=0) == Served(queue=Queue(ahead=0))


def test_trades_at_the_price_serve_those_ahead_first() -> None:
    market = quote(100.0, **WIDE)
    assert rested(market, ahead=80, traded=50) == Served(queue=Queue(ahead=30))
    assert rested(market, ahead=80, traded=80) == Served(queue=Queue(ahead=0))
    assert rested(market, ahead=80, traded=110) == Served(traded=30, queue=Queue(ahead=0))
    assert rested(market, ahead=80, traded=900) == Served(traded=100, queue=Queue(ahead=0))


@pytest.mark.parametrize(("side", "last"), [(BUY, 99.95), (SELL, 100.05)])
def test_trades_through_the_price_serve_everyone(side: Side, last: float) -> None:
    market = quote(last, **WIDE)
    got = rested(market, side=side, ahead=10**6, traded=60)
    assert got == Served(traded=60, queue=Queue(ahead=0))
    assert rested(market, side=side, ahead=5, traded=0) == Served(queue=Queue(ahead=5))


@pytest.mark.parametrize(("side", "last"), [(BUY, 100.05), (SELL, 99.95)])
def test_trades_on_the_far_side_serve_nobody(side: Side, last: float) -> None:
    assert rested(quote(last, **WIDE), side=side, ahead=0, traded=900).traded == 0


def test_a_book_that_stands_on_the_price_serves_what_it_shows_once() -> None:
    across = quote(100.05, buy=[(99.0, 1)], sell=[(99.95, 30), (100.00, 20), (100.05, 90)])
    assert rested(across).crossed == 50
    assert rested(across, taken={"99.95": 30}).crossed == 20
    assert rested(across, taken={"99.95": 30, "100.00": 20}).crossed == 0
    both = quote(99.95, buy=[(99.0, 1)], sell=[(100.00, 20)])
    assert rested(both, traded=30) == Served(traded=30, crossed=20, queue=Queue(ahead=0))


def test_a_place_not_known_becomes_known_when_the_price_is_shown() -> None:
    shown = quote(100.0, buy=[(100.00, 70)], sell=[(100.50, 10)])
    assert rested(shown, ahead=None, traded=500) == Served(queue=Queue(ahead=70))
    deeper = quote(100.0, buy=[(100.25, 70)], sell=[(100.50, 10)])
    assert rested(deeper, ahead=None, traded=500) == Served(queue=Queue(ahead=None))


# -- stops and candles ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "last", "off"),
    [(BUY, 99.95, False), (BUY, 100.0, True), (BUY, 100.05, True),
     (SELL, 100.05, False), (SELL, 100.0, True), (SELL, 99.95, True), (SELL, None, False)],
)  # fmt: skip
def test_the_last_price_sets_off_a_stop(side: Side, last: float | None, *, off: bool) -> None:
    assert matching.triggers(quote(last), side, D("100.00")) is off


@pytest.mark.parametrize(
    ("side", "prices", "expected"),
    [
        (SELL, (101, 102, 100.05, 101), None),
        (SELL, (101, 102, 100.00, 101), "99.95"),  # the trigger, half a spread worse
        (SELL, (98, 102, 97.00, 101), "97.95"),  # beyond it at the open: the open
        (BUY, (99, 99.95, 98, 99), None),
        (BUY, (99, 100.00, 98, 99), "100.05"),
        (BUY, (103, 104, 102, 103), "103.10"),  # half of 0.1 % is 0.0515, away from us
    ],
)
def test_a_candle_sets_off_a_stop_at_the_worse_of_trigger_and_open(side, prices, expected) -> None:
    found = matching.stopped(candle(*prices), SHARE, side, D("100.00"))
    assert found == (None if expected is None else D(expected))


@pytest.mark.parametrize(
    ("side", "prices", "limit", "expected"),
    [
        (BUY, (101, 102, 100.00, 101), "100.00", None),  # a touch does not fill
        (BUY, (101, 102, 99.95, 101), "100.00", "100.00"),
        (BUY, (99, 102, 98, 101), "100.00", "99.00"),  # opened beyond it: the open
        (SELL, (99, 100.00, 98, 99), "100.00", None),
        (SELL, (99, 100.05, 98, 99), "100.00", "100.00"),
        (SELL, (101, 102, 98, 99), "100.00", "101.00"),
        (BUY, (100, 101, 99, 100), None, "100.05"),
        (SELL, (100, 101, 99, 100), None, "99.95"),
    ],
)
def test_a_candle_fills_a_limit_only_beyond_it(side, prices, limit, expected) -> None:
    pieces = matching.on_candle(
        candle(*prices), SHARE, side, quantity=100, limit=None if limit is None else D(limit)
    )
    assert [str(p.price) for p in pieces] == ([] if expected is None else [expected])
    assert all(p.fidelity is Fidelity.B for p in pieces)


@pytest.mark.parametrize(("volume", "units"), [(None, 0), (0, 0), (39, 0), (40, 1), (4000, 100)])
def test_a_candle_gives_a_small_share_of_its_volume(volume: int | None, units: int) -> None:
    bar = candle(100, 101, 99, 100, volume=volume)
    assert matching.candle_room(bar, SHARE, 1000) == units
    assert matching.candle_room(bar, SHARE, 1000, used=60) == max(0, units - 60)


# -- belief ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "believed"),
    [
        ({"last": None}, True), ({}, True), ({"low": 100.0, "high": 100.0}, True),
        ({"low": 100.05}, False), ({"high": 99.95}, False), ({"last": 0.0}, False),
        ({"last": -1.0}, False), ({"last": float("nan")}, False),
        ({"lower_circuit": 100.05}, False), ({"upper_circuit": 99.95}, False),
        ({"lower_circuit": 90.0, "upper_circuit": 110.0, "low": 95.0, "high": 105.0}, True),
    ],
)  # fmt: skip
def test_a_last_price_outside_its_own_day_is_not_believed(more: dict, *, believed: bool) -> None:
    assert matching.believable(quote(**more)) is believed


def test_a_candle_of_no_price_is_not_believed() -> None:
    assert matching.believable(candle(1, 1, 1, 1))
    assert not matching.believable(candle(1, 1, 0, 1))
    assert not matching.believable(candle(1, float("inf"), 1, 1))


def test_numpy_floats_cross_into_money_exactly() -> None:
    assert matching.against(SHARE, np.float64(100.1), BUY) == D("100.10")
    assert matching.slipped(SHARE, np.float32(0.5), BUY) == D("0.55")
