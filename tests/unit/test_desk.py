"""The desk on a real ledger and a paper broker: what follows from what, and from a restart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alphastock_cli.domain.decisions import Approved, Rejected, RiskLimits
from alphastock_cli.domain.instrument import Exchange, Side
from alphastock_cli.domain.trading import OrderStatus, OrderType, Role
from alphastock_cli.trading.desk import DeskPolicy
from tests.unit.desk_world import BOOK, GUARDED, D, World
from tests.unit.trading_makers import (
    OTHER,
    SHARE,
    at,
    limit,
    order,
    quote,
    signal,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "a.ledger")
    yield made
    made.whole()
    made.close()


# -- guards ---------------------------------------------------------------------------------------


def test_guards_are_written_in_the_commit_of_the_entrys_fill(world: World) -> None:
    world.say()
    committed: list[tuple[int, list[str]]] = []
    inner = world.journal.transaction

    @contextlib.contextmanager
    def watched():
        with inner() as book:
            yield book
        states = world.journal.orders()
        committed.append((len(world.journal.fills()), [s.order.role.value for s in states]))

    world.journal.transaction = watched  # type: ignore[method-assign]
    world.show()
    world.journal.transaction = inner  # type: ignore[method-assign]
    assert committed[0] == (1, ["entry", "stop", "target"]), "never a fill without its guards"
    assert world.waiting() == [("stop", 250), ("target", 250)]
    stops = {s.order.role: s.order for s in world.broker.waiting()}
    assert (stops[Role.STOP].trigger_price, stops[Role.STOP].side) == (D("98.00"), Side.SELL)
    assert (stops[Role.TARGET].price, stops[Role.TARGET].order_type) == (
        D("104.00"), OrderType.LIMIT
    )  # fmt: skip


@pytest.mark.parametrize(("late", "held"), [(5.0, 250), (5.1, 0)])
def test_a_price_that_comes_too_late_meets_no_order(world: World, late: float, held: int) -> None:
    world.say()
    market = quote(100.0, 1.0, **BOOK)
    world.until(market.time + timedelta(seconds=late))
    world.desk.advance(market)
    assert (world.held, world.desk.late) == (held, int(held == 0))
    world.show(seconds=60.0)
    assert world.held == 250
    stale = quote(90.0, 61.0, buy=[(89.95, 5000)], sell=[(90.05, 5000)])
    world.until(stale.time + timedelta(seconds=late))
    world.desk.advance(stale)  # the stop is not set off by it either
    assert (world.held == 250) is (held == 0)


def test_guards_grow_with_the_entry_and_never_close_more_than_is_held(world: World) -> None:
    world.say()
    for i, units in enumerate((40, 60, 1)):
        world.show(100.0, i + 1, buy=[(99.95, 10)], sell=[(100.05, units)])
        held = world.held
        assert world.waiting()[-2:] == [("stop", held), ("target", held)]
    assert world.held == 101
    world.show(104.05, 9, buy=[(104.00, 30)], sell=[(104.10, 9)])
    assert world.held == 71
    assert world.waiting() == [("stop", 71), ("target", 71)], "the entry's rest is not wanted more"
    world.show(97.0, 10)
    assert (world.held, world.waiting()) == (0, [])


def test_an_exit_on_a_signal_ends_the_guards(world: World) -> None:
    world.say()
    world.show()
    assert isinstance(world.say(signal(Side.SELL, candle_time=at(0))), Approved)
    assert ("exit", 250) in world.waiting()
    assert isinstance(world.say(signal(Side.SELL, candle_time=at(1))), Rejected), "one exit only"
    world.show(100.0, 3)
    assert (world.held, world.waiting()) == (0, [])


def test_a_position_closed_by_hand_leaves_no_guards(world: World) -> None:
    world.say()
    world.show()
    by_hand = order(250, Side.SELL, order_id="hand", role=Role.EXIT, placed_at=at(1))
    world.desk.submit(by_hand)  # of no group
    world.show(100.0, 3)
    assert (world.held, world.waiting()) == (0, [])


def test_a_position_made_smaller_by_hand_makes_its_guards_smaller(world: World) -> None:
    world.say()
    world.show()
    world.desk.submit(order(100, Side.SELL, order_id="hand", placed_at=at(1)))
    world.show(100.0, 3)
    assert world.held == 150
    assert world.waiting() == [("stop", 150), ("target", 150)]


def test_orders_by_hand_without_a_group_are_strangers_to_each_other(world: World) -> None:
    world.desk.submit(limit("99.00", 10, order_id="a", instrument=OTHER, **GUARDED))
    world.desk.submit(order(10, order_id="b", **GUARDED))
    world.show()
    assert world.waiting() == [("entry", 10), ("stop", 10), ("target", 10)]
    world.desk.submit(order(10, Side.SELL, order_id="c", role=Role.EXIT, placed_at=at(1)))
    world.show(100.0, 3)
    assert world.waiting() == [("entry", 10)], "another share's entry goes on"


def test_a_refused_stop_closes_the_position_in_the_same_commit(world: World) -> None:
    # the market has gone through the stop before it could be placed
    world.say(signal(stop_loss="99.97", target="104.00"))
    world.show(99.95, 1, buy=[(99.90, 5000)], sell=[(99.97, 10)])
    states = {s.order.role: s for s in world.journal.orders()}
    assert states[Role.STOP].status is OrderStatus.REJECTED
    assert states[Role.EXIT].status is OrderStatus.OPEN
    assert states[Role.ENTRY].status is OrderStatus.CANCELLED, "and buys no more"
    world.show(99.95, 2)
    assert (world.held, world.waiting()) == (0, [])


def test_on_bse_the_stop_is_one_with_a_limit_and_is_chased_when_left_behind(world: World) -> None:
    bse = replace(SHARE, exchange=Exchange.BSE)
    world.say(signal(instrument=bse, **GUARDED))
    world.show(key=bse.key)
    guard = next(s.order for s in world.broker.waiting() if s.order.role is Role.STOP)
    assert (guard.order_type, guard.trigger_price, guard.price) == (
        OrderType.SL, D("98.00"), D("96.05")
    )  # fmt: skip
    world.show(94.0, 2, key=bse.key)
    assert world.held > 0, "the market has left the limit behind"
    world.desk.settle()
    assert ("exit", world.held) not in world.waiting(), "not at once"
    world.until(at(8))
    world.desk.settle()
    assert ("exit", world.held) in world.waiting()
    world.show(94.0, 10, key=bse.key)
    assert (world.held, world.waiting()) == (0, [])


# -- money ----------------------------------------------------------------------------------------


def test_entries_on_their_way_take_their_money_with_them(tmp_path: Path) -> None:
    limits = RiskLimits(exposure_symbol_pct=D(60), risk_per_trade_pct=D(100), open_risk_pct=D(1000))
    world = World(tmp_path / "c.ledger", DeskPolicy(limits=limits))
    first = world.say(signal(stop_loss="98"))
    second = world.say(signal(stop_loss="98", instrument=OTHER))
    assert isinstance(first, Approved)
    assert isinstance(second, Approved)
    assert first.quantity == 600
    assert second.quantity < 400, "protection and charges are set aside too"
    for key in (SHARE.key, OTHER.key):
        world.show(100.45, 1, key=key)
    assert world.desk.portfolio.cash >= 0
    world.whole()
    world.close()


def test_reserved_after_a_restart_as_before(tmp_path: Path) -> None:
    limits = RiskLimits(exposure_symbol_pct=D(60), risk_per_trade_pct=D(100), open_risk_pct=D(1000))
    quantities = []
    for again in (False, True):
        world = World(tmp_path / f"{again}.ledger", DeskPolicy(limits=limits))
        world.say(signal(stop_loss="98"))
        if again:
            world.again()
        decision = world.say(signal(stop_loss="98", instrument=OTHER))
        assert isinstance(decision, Approved)
        quantities.append(decision.quantity)
        world.close()
    assert quantities[0] == quantities[1]
