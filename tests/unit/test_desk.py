"""The desk on a real ledger and a paper broker: what follows from what, and from a restart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.decisions import Approved, Rejected, RiskLimits
from alphastock_cli.domain.instrument import Exchange, Side
from alphastock_cli.domain.trading import OrderEvent, OrderStatus, OrderType, Product, Role
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_verify import findings
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker
from alphastock_cli.trading.portfolio import Portfolio
from tests.conftest import IST, ManualClock
from tests.unit.trading_makers import (
    MONDAY,
    OTHER,
    SHARE,
    TEN,
    at,
    candle,
    limit,
    order,
    quote,
    signal,
    snapshot,
    stop,
)

D = Decimal
LIMITS = RiskLimits(exposure_symbol_pct=D(100))
BOOK = {"buy": [(99.95, 5000)], "sell": [(100.05, 5000)]}
GUARDED = {"stop_loss": "98.00", "target": "104.00"}


class World:
    """A desk on its ledger; `again` is a new process on the same one."""

    def __init__(self, path: Path, policy: DeskPolicy | None = None) -> None:
        self.path, self.policy = path, policy or DeskPolicy(limits=LIMITS)
        self.clock = ManualClock(TEN)
        self.heard: list[OrderEvent] = []
        self._stack = contextlib.ExitStack()
        self.begin()

    def begin(self) -> None:
        self.journal = self._stack.enter_context(
            Journal.write(self.path, account="t", opening_cash=D(100_000), at=TEN)
        )
        self.broker = PaperBroker()
        self.desk = Desk(
            broker=self.broker, journal=self.journal, clock=self.clock, policy=self.policy,
            heard=self.heard.append,
        )  # fmt: skip
        self.desk.open()

    def again(self) -> None:
        self.close()
        self.begin()

    def close(self) -> None:
        self._stack.close()
        self._stack = contextlib.ExitStack()

    def show(self, last: float = 100.0, seconds: float = 1.0, **more: object) -> None:
        """Let a quote come, the clock with it."""
        book = {} if set(more) - {"key", "start"} else {
            "buy": [(round(last - 0.05, 2), 5000)], "sell": [(round(last + 0.05, 2), 5000)]
        }  # fmt: skip
        market = quote(last, seconds, **book, **more)
        self.until(market.time)
        self.desk.advance(market)

    def until(self, moment: datetime) -> None:
        self.clock.advance(max(timedelta(0), moment - self.clock.now()))

    def say(self, said=None, market: Quote | None = None):
        """Decide on a signal now, and place what comes of it."""
        said = said or signal(**GUARDED)
        market = market or quote(100.0, 0, start=self.clock.now(), key=said.instrument.key)
        decision, placed = self.desk.decide(said, snapshot(market, instrument=said.instrument))
        if placed is not None:
            self.desk.place(placed)
        return decision

    @property
    def held(self) -> int:
        return sum(p.quantity for p in self.desk.portfolio.open_positions)

    def waiting(self) -> list[tuple[str, int]]:
        return sorted((s.order.role.value, s.pending_quantity) for s in self.broker.waiting())

    def whole(self) -> None:
        """Check that ledger, broker and portfolio agree."""
        assert findings(self.journal, Portfolio.of(self.journal.opening_cash())) == []
        folded = Portfolio.of(self.journal.opening_cash(), self.journal.fills())
        mine = self.desk.portfolio
        assert (folded.cash, dict(folded.positions)) == (mine.cash, dict(mine.positions))
        told = {s.order.order_id: s for s in self.journal.orders()}
        assert {s.order.order_id: s for s in self.broker.orders()} == told


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "a.ledger")
    yield made
    made.whole()
    made.close()


def delivering(tmp_path: Path) -> World:
    return World(tmp_path / "b.ledger", DeskPolicy(limits=LIMITS, intraday=False))


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
