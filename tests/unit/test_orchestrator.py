"""The straight way with fakes of a few lines: turns, threads, failures of a source."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest

from alphastock_cli.domain.data import Candle, Quote, Snapshot
from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.instrument import AssetType, Instrument, Interval, Side
from alphastock_cli.domain.ports import Capability
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import AuthError, ProviderError, StorageError, TransientError
from alphastock_cli.orchestrator import Orchestrator, markets
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy
from alphastock_cli.store.journal import Journal
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker
from tests.conftest import ManualClock
from tests.unit.trading_makers import OTHER, SHARE, TEN, at, candle, candles, order, quote, signal

D = Decimal
BOOK = {"buy": [(99.95, 5000)], "sell": [(100.05, 5000)]}


class FakeMarket:
    """Quotes of the clock's moment; `fails` makes it fail."""

    name: ClassVar[str] = "fake"
    simulated: ClassVar[bool] = True
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.QUOTES})

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.last = clock, {SHARE.key: 100.0, OTHER.key: 100.0}
        self.fails: Exception | None = None
        self.asked: list[list[str]] = []

    def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        self.asked.append(list(keys))
        if self.fails is not None:
            raise self.fails
        found = {}
        for key in keys:
            last = self.last[key]
            book = {"buy": [(last - 0.05, 5000)], "sell": [(last + 0.05, 5000)]}
            found[key] = quote(last, 0, start=self.clock.now(), key=key, **book)
        return found


class FakeRunner(BaseRunner):
    """Looks at SHARE only."""

    instrument: Instrument = SHARE

    def get_asset_type(self) -> AssetType:
        return AssetType.EQUITY

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:  # noqa: ARG002
        quotes = self.provider.quotes([self.instrument.key])
        return RawData(as_of=self.clock.now(), source="fake", simulated=True, quotes=quotes)

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        return {
            self.instrument.tradingsymbol: Snapshot(
                instrument=self.instrument, as_of=raw.as_of, source="fake", simulated=True,
                quote=raw.quotes[self.instrument.key], interval=Interval.MINUTE,
                candles=candles([100.0]),
            )
        }  # fmt: skip


class Says:
    """Says what it is told, once a look."""

    def __init__(self, said: Mapping[int, Signal] | None = None) -> None:
        self.said, self.looks = dict(said or {}), 0

    def judge(self, snapshot: Snapshot) -> Signal | None:  # noqa: ARG002
        self.looks += 1
        return self.said.get(self.looks)


class Trader:
    """Everything on a ledger, with a manual clock."""

    def __init__(self, journal: Journal, clock: ManualClock, says: Says) -> None:
        self.clock, self.says = clock, says
        self.market = FakeMarket(clock)
        self.broker = PaperBroker()
        self.desk = Desk(
            broker=self.broker, journal=journal, clock=clock,
            policy=DeskPolicy(limits=RiskLimits(exposure_symbol_pct=D(100))),
        )  # fmt: skip
        policy = RunnerPolicy(every_seconds=0.01, cache_seconds=0.0, attempts=1)
        self.whole = Orchestrator(
            provider=self.market, clock=clock, strategies=[says], broker=self.broker,
            runners={"equities": FakeRunner(self.market, clock=clock, policy=policy)},
            desk=self.desk,
        )  # fmt: skip
        self.whole.initialize()

    def turn(self, seconds: float = 1.0) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.whole.turn()

    @property
    def held(self) -> dict[str, int]:
        return {p.instrument.key: p.quantity for p in self.desk.portfolio.open_positions}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    path = tmp_path / "a.ledger"
    with Journal.write(path, account="t", opening_cash=D(100_000), at=TEN) as made:
        yield made


def trader(journal: Journal, said: Mapping[int, Signal] | None = None) -> Trader:
    return Trader(journal, ManualClock(TEN), Says(said))


def entry(**more: object) -> Signal:
    return signal(**{"stop_loss": "98.00", "target": "104.00"} | more)


def test_from_signal_to_fill_and_never_on_the_snapshot_that_caused_it(journal: Journal) -> None:
    made = trader(journal, {1: entry()})
    made.turn()
    assert made.held == {}
    made.turn()
    assert made.held == {SHARE.key: 250}
    made.market.last[SHARE.key] = 97.0
    made.turn()
    assert made.held == {}
    status = made.whole.get_status()
    assert (status.turns, status.snapshots, status.signals) == (3, 3, 1)
    assert (status.orders, status.fills) == (3, 2), "entry, stop, target; bought and stopped"
    assert status.state == "ready"
    assert status.last_error == ""


def test_counts_are_of_this_run_not_of_the_ledger(journal: Journal) -> None:
    first = trader(journal, {1: entry()})
    first.turn()
    first.turn()
    again = Trader(journal, first.clock, Says())
    status = again.whole.get_status()
    assert (status.orders, status.fills, status.signals) == (0, 0, 0)


def test_a_signal_said_before_a_restart_is_not_heard_again(journal: Journal) -> None:
    first = trader(journal, {1: entry()})
    first.turn()
    again = Trader(journal, first.clock, Says({1: entry()}))
    again.turn()
    assert again.whole.signals.refused == {"duplicate": 1}
    assert len(journal.signals()) == 1


def test_what_is_held_and_not_looked_at_is_looked_after(journal: Journal) -> None:
    made = trader(journal)
    made.desk.submit(order(10, instrument=OTHER, group="g", stop_loss="98.00"))
    made.turn()
    assert made.held == {OTHER.key: 10}
    assert [OTHER.key] in made.market.asked
    made.market.last[OTHER.key] = 97.0
    made.turn()
    assert made.held == {}, "its stop was set off"
    made.market.asked.clear()
    made.turn()
    assert made.market.asked == [[SHARE.key]], "nothing is held: nothing more is asked"


def test_a_source_that_fails_later_is_no_reason_to_leave_positions_alone(journal: Journal) -> None:
    made = trader(journal, {1: entry()})
    made.turn()
    made.turn()
    made.market.fails = TransientError("the exchange does not answer")
    made.clock.advance(timedelta(hours=5, minutes=25))
    made.whole.turn()
    assert made.whole.get_status().last_error == "the exchange does not answer"
    exits = [s for s in made.broker.waiting() if s.order.role.value == "exit"]
    assert len(exits) == 1, "squared off all the same"
    made.market.fails = None
    made.turn()
    assert made.held == {}


def test_a_source_that_never_worked_is_told_at_once(journal: Journal) -> None:
    made = trader(journal)
    made.market.fails = ProviderError("no such market")
    with pytest.raises(ProviderError, match="no such market"):
        made.turn()


@pytest.mark.parametrize("error", [AuthError("log in"), StorageError("the disk is full")])
def test_what_cannot_pass_ends_the_run(journal: Journal, error: Exception) -> None:
    made = trader(journal)
    made.turn()
    made.market.fails = error
    with pytest.raises(type(error)):
        made.turn()


def test_a_ledger_that_cannot_be_written_ends_threads_too(journal: Journal) -> None:
    made = trader(journal)
    made.desk.submit(order(10, instrument=OTHER))

    def full(_: object) -> None:
        raise StorageError("the disk is full")

    made.clock.advance(timedelta(seconds=1))
    made.desk.heard = full
    made.whole.start()
    try:
        with pytest.raises(StorageError, match="full"):
            made.whole.work()
    finally:
        assert made.whole.stop()


def test_run_stops_at_its_moment(journal: Journal) -> None:
    made = trader(journal)
    made.whole.run(every_seconds=60.0, until=at(300))
    assert made.whole.get_status().turns == 5
    assert made.whole.get_status().state == "stopped"


def test_stop_inside_a_turn_ends_the_run_without_another_wait(journal: Journal) -> None:
    made = trader(journal, {1: entry()})
    made.desk.heard = lambda _: made.whole.stop() and None
    made.whole.run(every_seconds=60.0, until=at(3000))
    assert (made.whole.get_status().turns, made.clock.now()) == (1, TEN)


def test_threads_start_work_stop(journal: Journal) -> None:
    made = trader(journal, {3: entry()})
    whole = made.whole
    whole.start()
    whole.start()
    assert whole.get_status().state == "running"
    assert threading.active_count() >= 2
    seen = []

    class Moving(Says):
        """Moves the clock a second a look, and stops when the position is there."""

        def judge(self, snapshot: Snapshot) -> Signal | None:
            made.clock.advance(timedelta(seconds=1))
            seen.append(snapshot.as_of)
            if made.held or len(seen) > 200:
                whole.stop()
            return made.says.judge(snapshot)

    whole.strategies = (Moving(),)
    whole.work()
    assert made.held == {SHARE.key: 250}
    assert whole.stop(), "twice is harmless, the threads are gone"
    assert whole.get_status().state == "stopped"
    assert whole.get_runner_status()[0].state == "stopped"
    assert not [t for t in threading.enumerate() if t.name.startswith("runner-")]


def test_the_time_is_minded_also_while_snapshots_never_end(journal: Journal) -> None:
    made = trader(journal)
    settled = []
    inner = made.desk.settle

    def settle() -> None:
        settled.append(made.clock.now())
        inner()

    made.desk.settle = settle  # type: ignore[method-assign]
    one = made.whole.manager.run_once()["equities"]["SBIN"]

    def always(timeout: float | None = 0.0) -> Snapshot:  # noqa: ARG001
        made.clock.advance(timedelta(seconds=0.3))
        return one

    made.whole.manager.take = always  # type: ignore[method-assign]
    made.whole._state = "running"
    made.whole.work(until=at(10))
    assert 8 <= len(settled) <= 11, "about once a second"


def test_runners_are_attributes(journal: Journal) -> None:
    made = trader(journal)
    assert isinstance(made.whole.equities_runner, FakeRunner)
    with pytest.raises(AttributeError, match="has no 'nothing'"):
        _ = made.whole.nothing
    with pytest.raises(AttributeError, match="options_runner"):
        _ = made.whole.options_runner


def test_opportunities_are_those_still_valid_strongest_first(journal: Journal) -> None:
    weak, strong = entry(strength=0.1), entry(strength=0.9, candle_time=at(1), side=Side.SELL,
                                              stop_loss="102", target="96")  # fmt: skip
    gone = entry(valid_until=at(2), candle_time=at(2))
    made = trader(journal, {1: weak, 2: gone, 3: strong})
    for _ in range(3):
        made.turn()
    assert made.whole.get_trading_opportunities() == [strong, weak]


def test_opportunities_are_bounded_also_without_turns(journal: Journal) -> None:
    made = trader(journal, {i: entry(candle_time=at(i)) for i in range(1, 1500)})
    one = made.whole.manager.run_once()["equities"]["SBIN"]
    for _ in range(1200):
        made.whole.step(one)
    assert len(made.whole._opportunities) == 1000


def test_what_the_runners_know_as_plain_values(journal: Journal) -> None:
    made = trader(journal)
    made.turn()
    assert made.whole.get_comprehensive_market_data() == {"equities": {"SBIN": {}}}


def test_markets_are_candles_where_a_source_has_nothing_finer() -> None:
    class Stored:
        capabilities = frozenset({Capability.CANDLE_MARKET, Capability.QUOTES})

        def candle(self, key: str) -> Candle | None:
            return candle(1, 1, 1, 1, key=key) if key == SHARE.key else None

    assert list(markets(Stored(), [SHARE.key, OTHER.key])) == [SHARE.key]
    nothing = type("Nothing", (), {"capabilities": frozenset()})()
    assert markets(nothing, [SHARE.key]) == {}
