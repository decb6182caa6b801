"""The desk through the day and over the night: square-off, halts, restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from alphastock_cli.domain.decisions import Approved, Rejected
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderStatus, Product
from tests.conftest import IST
from tests.unit.desk_world import GUARDED, D, World, delivering
from tests.unit.trading_makers import (
    MONDAY,
    OTHER,
    SHARE,
    TEN,
    at,
    candle,
    order,
    quote,
    signal,
    snapshot,
    stop,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "a.ledger")
    yield made
    made.whole()
    made.close()


# -- time -----------------------------------------------------------------------------------------


def test_square_off(world: World) -> None:
    world.say()
    world.say(signal(instrument=OTHER, stop_loss="90"))
    world.show()
    world.until(datetime(2026, 11, 20, 15, 19, 59, tzinfo=IST))
    world.desk.settle()
    assert ("exit", 250) not in world.waiting()
    world.until(datetime(2026, 11, 20, 15, 20, tzinfo=IST))
    decision = world.say(signal(candle_time=at(60), instrument=replace(SHARE, tradingsymbol="X"),
                                valid_until=at(10**5), stop_loss="98"))  # fmt: skip
    assert [r.rule for r in decision.reasons] == ["too_late"]
    for _ in range(3):
        world.desk.settle()
    assert world.waiting() == [("entry", 50), ("exit", 250), ("stop", 250), ("target", 250)]
    world.show(100.0, 1, start=datetime(2026, 11, 20, 15, 20, tzinfo=IST))
    assert world.waiting() == [("entry", 50)], "of a share without a position: it ends by itself"
    assert world.held == 0
    world.until(datetime(2026, 11, 20, 15, 30, tzinfo=IST))
    world.desk.settle()
    assert world.waiting() == []


def test_an_intraday_position_missed_is_closed_at_the_next_open(world: World) -> None:
    world.say()
    world.show()
    world.close()
    world.until(datetime(2026, 11, 23, 9, 0, tzinfo=IST))  # Monday, the program was off
    world.begin()
    world.desk.settle()
    assert world.waiting() == [("exit", 250)]
    assert world.broker.waiting()[0].status is OrderStatus.AMO
    world.show(97.0, 1, start=datetime(2026, 11, 23, 9, 15, tzinfo=IST))
    assert (world.held, world.waiting()) == (0, [])


def test_guards_of_a_delivery_go_on_the_next_day(tmp_path: Path) -> None:
    world = delivering(tmp_path)
    world.say()
    world.show()
    world.until(datetime(2026, 11, 20, 15, 30, tzinfo=IST))
    world.desk.settle()
    assert world.waiting() == [("stop", 250), ("target", 250)]
    assert {s.order.session for s in world.broker.waiting()} == {MONDAY}
    world.again()
    world.desk.settle()
    assert world.waiting() == [("stop", 250), ("target", 250)], "once"
    world.until(datetime(2026, 11, 23, 9, 15, tzinfo=IST))
    world.show(90.0, 0, start=datetime(2026, 11, 23, 9, 15, tzinfo=IST))
    assert (world.held, world.waiting()) == (0, [])
    assert world.journal.fills()[-1].price == D("89.95"), "the gap is paid"
    world.whole()
    world.close()


def test_orders_for_the_day_end_with_it(world: World) -> None:
    world.say()
    world.until(datetime(2026, 11, 20, 15, 30, tzinfo=IST))
    world.desk.settle()
    assert (world.waiting(), world.held) == ([], 0)
    assert world.journal.orders()[0].status is OrderStatus.CANCELLED


# -- halts ----------------------------------------------------------------------------------------


def test_loss_of_the_day_halts_cancels_entries_and_keeps_exits(world: World) -> None:
    world.desk.settle()
    world.desk.submit(order(900, order_id="big"))
    world.show()
    world.say(signal(instrument=OTHER, stop_loss="98"))
    world.show(97.7, 2)
    world.desk.settle()
    assert world.desk.risk.halted == "day"
    assert world.waiting() == [], "the entry that waited is cancelled"
    refused = world.say(signal(instrument=OTHER, stop_loss="98", candle_time=at(5)))
    assert isinstance(refused, Rejected)
    assert "halted" in [r.rule for r in refused.reasons]
    world.again()
    assert world.desk.risk.halted == "day", "a restart forgets nothing"
    assert isinstance(world.say(signal(Side.SELL, price="97.7")), Approved)
    world.show(97.7, 9)
    assert world.held == 0
    world.until(datetime(2026, 11, 23, 9, 15, tzinfo=IST))
    world.desk.settle()
    assert world.desk.risk.halted == "", "a new day"


def test_drawdown_halts_until_a_person_resumes(world: World) -> None:
    world.desk.settle()
    world.desk.submit(order(990, order_id="big"))
    world.show()
    world.show(89.0, 2)
    world.desk.settle()
    assert world.desk.risk.halted == "person"
    world.until(datetime(2026, 11, 23, 9, 15, tzinfo=IST))
    world.again()
    world.desk.settle()
    assert world.desk.risk.halted == "person"


def test_intents_are_taken_up_and_stale_or_halted_ones_are_not(tmp_path: Path) -> None:
    for name, expected in (("soon", OrderStatus.OPEN), ("late", OrderStatus.CANCELLED),
                           ("halted", OrderStatus.CANCELLED)):  # fmt: skip
        world = World(tmp_path / f"{name}.ledger")
        _, placed = world.desk.decide(
            signal(valid_until=at(60), **GUARDED), snapshot(quote(100.0, 0))
        )
        assert placed is not None  # and the process dies before it is placed
        if name == "halted":
            with world.journal.transaction() as book:
                book.remember(replace(world.desk.risk, halted="person", why="told so"))
        world.close()
        world.until(at(61 if name == "late" else 5))
        world.begin()
        assert [s.status for s in world.journal.orders()] == [expected], name
        world.whole()
        world.close()


# -- restart --------------------------------------------------------------------------------------


def script(world: World, cut: int | None) -> tuple:
    """Trade a small day; die before step `cut` and begin again."""
    steps = [
        lambda: world.say(signal(**GUARDED)),
        lambda: world.show(100.0, 1, buy=[(99.95, 10)], sell=[(100.05, 100)]),
        lambda: world.show(100.1, 2, buy=[(100.0, 10)], sell=[(100.15, 60)]),
        lambda: world.show(104.0, 3, buy=[(104.0, 30)], sell=[(104.1, 60)]),
        lambda: world.say(signal(instrument=OTHER, candle_time=at(1), stop_loss="99")),
        lambda: world.show(100.0, 5, key=OTHER.key, buy=[(99.9, 10)], sell=[(100.0, 30)]),
        lambda: world.desk.settle(),  # noqa: PLW0108 - the desk of then
        lambda: world.show(97.5, 6, buy=[(97.45, 50)], sell=[(97.6, 60)]),
        lambda: world.show(97.0, 7, buy=[(96.95, 5000)], sell=[(97.1, 60)]),
        lambda: world.show(98.5, 8, key=OTHER.key, buy=[(98.4, 500)], sell=[(98.6, 60)]),
        lambda: world.desk.settle(),  # noqa: PLW0108 - the desk of then
    ]
    for i, step in enumerate(steps):
        if i == cut:
            world.again()
        step()
    world.whole()
    portfolio = world.desk.portfolio
    return (
        [(f.order_id, f.seq, f.quantity, f.price, f.charges) for f in world.journal.fills()],
        [(s.order.order_id, s.status, s.filled_quantity) for s in world.journal.orders()],
        portfolio.cash, portfolio.equity, world.desk.risk,
    )  # fmt: skip


def test_a_restart_anywhere_changes_nothing(tmp_path: Path) -> None:
    straight = World(tmp_path / "straight.ledger")
    expected = script(straight, None)
    straight.close()
    assert len(expected[0]) > 5
    for cut in range(11):
        world = World(tmp_path / f"{cut}.ledger")
        assert script(world, cut) == expected, f"restarted before step {cut}"
        world.close()


def test_numbers_go_on_after_the_highest_whatever_was_burnt(world: World) -> None:
    world.desk.numbers.next(TEN.date())
    world.desk.numbers.next(TEN.date())
    world.say()
    world.again()
    assert world.desk.numbers.next(TEN.date()) == "261120000004"


def test_a_fill_heard_is_in_the_ledger(world: World) -> None:
    seen = []
    world.desk.heard = lambda event: seen.append(
        event.fill is None or event.fill in world.journal.fills()
    )
    world.say()
    world.show()
    assert seen
    assert all(seen)


def test_candles_fill_and_mark(world: World) -> None:
    world.say()
    bar = candle(100, 101, 99, 100.5, minute=0)
    world.until(bar.end)
    world.desk.advance(bar)
    assert world.held == 250
    assert world.desk.portfolio.marks[SHARE.key].price == D("100.5")
    worse = candle(100, 105, 97, 104, minute=1)
    world.until(worse.end)
    world.desk.advance(worse)
    assert (world.held, world.waiting()) == (0, [])
    assert world.journal.fills()[-1].price == D("97.95")


@pytest.mark.parametrize(
    ("row", "price"),
    [
        ((100, 101, 97, 99), "97.95"),
        ((100, 105, 97, 104), "97.95"),  # the target lies in it too: the worse of the two
        ((100, 101, 97, 97.5), "97.95"),  # below the stop at its close: the stop rested before
        ((97, 101, 96, 100), "96.95"),  # it opened below the stop: at the open
    ],
)
def test_an_entry_meets_its_stop_in_the_candle_that_fills_it(
    world: World, row: tuple[float, ...], price: str
) -> None:
    world.say()
    bar = candle(*row, minute=0)
    world.until(bar.end)
    world.desk.advance(bar)
    entry, stopped = world.journal.fills()
    assert (stopped.price, stopped.quantity, stopped.time) == (D(price), entry.quantity, bar.end)
    assert (world.held, world.waiting()) == (0, [])
    world.whole()


def test_an_entry_meets_its_target_only_in_the_next_candle(world: World) -> None:
    world.say()
    for minute, held in ((0, 250), (1, 0)):
        bar = candle(100, 105, 99, 104, minute=minute)
        world.until(bar.end)
        world.desk.advance(bar)
        assert world.held == held
    world.whole()


def test_a_stop_that_the_candle_of_its_entry_does_not_reach_waits(world: World) -> None:
    world.say()
    bar = candle(100, 101, 98.05, 99, minute=0)
    world.until(bar.end)
    world.desk.advance(bar)
    assert world.waiting() == [("stop", 250), ("target", 250)]
    world.whole()


def test_a_price_that_cannot_be_true_values_nothing(world: World) -> None:
    world.say()
    world.show()
    before = world.desk.portfolio.equity
    world.desk.advance(quote(-1.0, 5))
    world.desk.advance(quote(1000.0, 6, high=101.0))
    assert world.desk.portfolio.equity == before
    world.desk.settle()
    assert world.desk.risk.halted == ""


def test_cancel_is_written_and_heard(world: World) -> None:
    world.desk.submit(stop("90", 10, order_id="s"))
    assert world.desk.cancel("s").status is OrderStatus.CANCELLED
    assert world.heard[-1].state.order.order_id == "s"


def test_products(world: World) -> None:
    from tests.unit.trading_makers import FUTURE

    assert world.desk.product_of(SHARE) is Product.MIS
    assert world.desk.product_of(FUTURE) is Product.NRML
