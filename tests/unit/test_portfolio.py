"""The fold over fills, against figures worked by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Position, Product
from alphastock_cli.trading.portfolio import Portfolio, booked
from tests.unit.trading_makers import FUTURE, OTHER, SHARE, TEN, at, fill

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
EMPTY = Portfolio.of(D(100_000))


def held(folded: Portfolio, key: str = SHARE.key, product: Product = Product.MIS) -> Position:
    found = folded.position(key, product)
    assert found is not None
    return found


def test_nothing_yet() -> None:
    assert EMPTY.cash == EMPTY.equity == D(100_000)
    assert EMPTY.open_positions == ()
    assert EMPTY.position(SHARE.key, Product.MIS) is None
    assert (EMPTY.exposure, EMPTY.blocked, EMPTY.charges) == (0, 0, 0)


def test_a_long_from_beginning_to_end() -> None:
    one = EMPTY.apply(fill(100, "50.00", charges="10"))
    assert (one.cash, held(one).quantity, held(one).cost) == (D("94990"), 100, D(5000))
    assert held(one).average_price == D("50.0000")
    two = one.apply(fill(100, "60.00", charges="10", seq=2, time=at(1)))
    assert held(two).average_price == D("55.0000")
    assert two.pnl_unrealised == D(1000)
    three = two.apply(fill(50, "70.00", SELL, charges="5", order_id="2", time=at(2)))
    assert held(three).pnl_realised == D(750)  # 50 * (70 - 55)
    assert held(three).average_price == D("55.0000"), "closing leaves the average of the rest"
    four = three.apply(fill(150, "40.00", SELL, charges="5", order_id="3", time=at(3)))
    assert (held(four).quantity, held(four).cost) == (0, 0)
    assert held(four).average_price is None
    assert held(four).opened_at is None
    assert four.pnl_realised == D(50 * 70 + 150 * 40 - 100 * 50 - 100 * 60)
    assert four.cash == four.equity == D(100_000) + four.pnl_realised - 30
    assert EMPTY.cash == D(100_000), "values never change"


def test_a_short_blocks_its_proceeds_and_as_much_again() -> None:
    short = EMPTY.apply(fill(100, "50.00", SELL))
    assert (short.cash, held(short).quantity, held(short).cost) == (D(105_000), -100, D(-5000))
    assert short.blocked == D(10_000)
    assert short.cash - short.blocked == D(95_000)
    up = short.mark(SHARE.key, D(60), at(1))
    assert (up.pnl_unrealised, up.equity, up.blocked) == (D(-1000), D(99_000), D(12_000))
    covered = up.apply(fill(100, "40.00", order_id="2", time=at(2)))
    assert (covered.pnl_realised, covered.cash, covered.blocked) == (D(1000), D(101_000), D(0))


def test_crossing_zero_closes_all_and_opens_the_rest_at_the_price() -> None:
    long = EMPTY.apply(fill(100, "50.00"))
    across = long.apply(fill(150, "60.00", SELL, order_id="2", time=at(5)))
    assert held(across).quantity == -50
    assert held(across).cost == D(-3000)
    assert held(across).pnl_realised == D(1000)
    assert held(across).opened_at == at(5), "a new run begins"
    assert held(across.apply(fill(1, "60", SELL, order_id="3", time=at(9)))).opened_at == at(5)


def test_shares_of_thirds_add_up_when_all_is_closed() -> None:
    folded = EMPTY.apply(fill(3, "33.35"))
    assert held(folded).cost == D("100.05")
    for i in range(3):
        folded = folded.apply(fill(1, "40.00", SELL, order_id=f"s{i}"))
        assert held(folded).cost == held(folded).cost.quantize(D("0.01"))
    assert (held(folded).pnl_realised, held(folded).cost) == (D("19.95"), D(0))


def test_ticks_below_a_paisa_still_book_whole_paise() -> None:
    odd = replace(FUTURE, tick_size=D("0.0025"), lot_size=1)
    folded = EMPTY
    for i, (units, price, side) in enumerate(
        [(3, "84.1275", BUY), (1, "84.1325", SELL), (5, "84.1325", SELL), (3, "84.1325", BUY)]
    ):
        folded = folded.apply(
            fill(units, price, side, instrument=odd, product=Product.NRML, order_id=str(i))
        )
        position = held(folded, odd.key, Product.NRML)
        for amount in (folded.cash, position.cost, position.pnl_realised):
            assert amount == amount.quantize(D("0.01"))
        assert folded.cash == D(100_000) + position.pnl_realised
    assert position.quantity == 0


def test_futures_move_cash_only_when_they_are_closed() -> None:
    long = EMPTY.apply(fill(65, "26000", instrument=FUTURE, product=Product.NRML, charges="50"))
    assert long.cash == D(99_950)
    up = long.mark(FUTURE.key, D(26_100), at(1))
    assert up.equity == D(99_950 + 6500)
    assert up.cash == D(99_950)
    out = up.apply(fill(65, "26100", SELL, instrument=FUTURE, product=Product.NRML, order_id="2"))
    assert out.cash == out.equity == D(99_950 + 6500)
    assert out.blocked == 0


def test_products_and_instruments_are_kept_apart_and_marked_together() -> None:
    folded = EMPTY
    for i, (instrument, product) in enumerate(
        [(SHARE, Product.MIS), (SHARE, Product.CNC), (OTHER, Product.MIS)]
    ):
        folded = folded.apply(
            fill(10, "100", instrument=instrument, product=product, order_id=str(i))
        )
    assert [(p.instrument.key, p.product.value) for p in folded.open_positions] == [
        ("NSE:INFY", "MIS"), ("NSE:SBIN", "CNC"), ("NSE:SBIN", "MIS"),
    ]  # fmt: skip
    assert folded.mark(SHARE.key, D(110), at(1)).pnl_unrealised == D(200)


def test_an_older_mark_changes_nothing_and_a_newer_one_does() -> None:
    folded = EMPTY.apply(fill(10, "100"))
    newer = folded.mark(SHARE.key, D(120), at(5))
    assert newer.mark(SHARE.key, D(90), at(4)).equity == newer.equity
    assert newer.mark(SHARE.key, D(90), at(5)).pnl_unrealised == D(-100)
    assert newer.revalued(SHARE.key, D(90), at(-99)).pnl_unrealised == D(-100)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_opened_at_is_the_first_fill_of_the_present_run(side: Side) -> None:
    other = SELL if side is BUY else BUY
    flat = Position(instrument=SHARE, product=Product.MIS)
    one = booked(flat, fill(10, "100", side, time=TEN))
    two = booked(one, fill(10, "100", side, time=at(1)))
    part = booked(two, fill(15, "100", other, time=at(2)))
    assert part.opened_at == TEN
    assert booked(part, fill(5, "100", other, time=at(3))).opened_at is None


def test_folding_at_once_is_folding_one_by_one() -> None:
    fills = [
        fill(10 + i, f"{100 + i % 7}.05", BUY if i % 3 else SELL, order_id=str(i), time=at(i),
             instrument=SHARE if i % 2 else OTHER, charges="1.23")
        for i in range(40)
    ]  # fmt: skip
    one = EMPTY
    for each in fills:
        one = one.apply(each)
    assert Portfolio.of(D(100_000), fills) == one
