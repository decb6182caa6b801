"""Runners together: started, stopped, asked once, emptied through one queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.errors import BadReply
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy
from alphastock_cli.runners.manager import RunnerManager
from tests.conftest import ManualClock


class Made(BaseRunner):
    """A runner that makes a snapshot of each of its symbols, or fails."""

    error: Exception | None = None
    gate: threading.Event | None = None

    def get_asset_type(self) -> AssetType:
        return AssetType.EQUITY

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:  # noqa: ARG002
        if self.gate is not None:
            self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return RawData(as_of=self.clock.now(), source="made", simulated=True)

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        return {name: self.of(name, raw) for name in self.symbols}

    def of(self, name: str, raw: RawData) -> Snapshot:
        instrument = Instrument(
            exchange=Exchange.NSE, tradingsymbol=name, asset_type=AssetType.EQUITY
        )
        return Snapshot(instrument=instrument, as_of=raw.as_of, source="made", simulated=True)


def runner(clock: ManualClock, *symbols: str, **policy: float) -> Made:
    return Made(None, clock=clock, symbols=symbols, policy=RunnerPolicy(**policy))


def names(manager: RunnerManager) -> list[str]:
    found = []
    while (taken := manager.take()) is not None:
        found.append(taken.instrument.tradingsymbol)
    return found


def test_run_once_asks_all_and_take_is_fair(clock: ManualClock) -> None:
    manager = RunnerManager({"big": runner(clock, "A", "B", "C"), "small": runner(clock, "N")})
    assert {k: set(v) for k, v in manager.run_once().items()} == {
        "big": {"A", "B", "C"}, "small": {"N"}
    }  # fmt: skip
    assert manager.queue_depth == 4
    assert names(manager) == ["A", "N", "B", "C"]
    assert manager.take() is None


def test_one_bound_holds_over_all_runners(clock: ManualClock) -> None:
    manager = RunnerManager(
        {
            "big": runner(clock, "A", "B", "C", cache_seconds=0.5),
            "small": runner(clock, "N", cache_seconds=0.5),
        },
        queue_size=3,
    )
    manager.run_once()
    clock.advance(timedelta(seconds=1))
    manager.run_once()
    assert manager.queue_depth == 3
    big, small = manager.status()
    assert big.dropped + small.dropped == 8 - 3
    assert (big.queue_depth, small.queue_depth) == (2, 1)
    newest = [manager.take() for _ in range(3)]
    assert {snapshot.as_of for snapshot in newest} == {clock.now()}


def test_a_failing_runner_harms_no_other_and_is_told_in_its_status(clock: ManualClock) -> None:
    broken = runner(clock, "A")
    broken.error = BadReply("the file is torn")
    manager = RunnerManager({"broken": broken, "sound": runner(clock, "N")})
    assert set(manager.run_once()) == {"sound"}
    status = {each.runner: each for each in manager.status()}
    assert status["broken"].errors == 1
    assert status["broken"].last_error == "the file is torn"
    assert status["sound"].errors == 0


def test_when_all_fail_the_first_error_is_raised(clock: ManualClock) -> None:
    first, second = runner(clock, "A"), runner(clock, "B")
    first.error, second.error = BadReply("one"), BadReply("two")
    with pytest.raises(BadReply, match="one"):
        RunnerManager({"first": first, "second": second}).run_once()


def test_a_defect_is_not_hidden(clock: ManualClock) -> None:
    broken = runner(clock, "A")
    broken.error = ZeroDivisionError("a defect")
    with pytest.raises(ZeroDivisionError):
        RunnerManager({"broken": broken, "sound": runner(clock, "N")}).run_once()


def test_start_and_stop_are_idempotent_and_threads_go(clock: ManualClock) -> None:
    before = set(threading.enumerate())
    manager = RunnerManager(
        {name: runner(clock, name, every_seconds=0.01, cache_seconds=0.0) for name in "XYZ"}
    )
    manager.stop()
    for _ in range(2):  # started again after a stop
        manager.start()
        manager.start()
        assert len(set(threading.enumerate()) - before) == 3
        assert {each.state for each in manager.status()} == {"running"}
        seen = set()
        while len(seen) < 3:
            taken = manager.take(10.0)
            assert taken is not None
            seen.add(taken.instrument.tradingsymbol)
        assert manager.stop()
        assert manager.stop()
        assert not set(threading.enumerate()) - before
    assert {each.state for each in manager.status()} == {"stopped"}
    assert {each.runner for each in manager.status()} == {"X", "Y", "Z"}


def test_stop_lets_a_waiting_taker_go(clock: ManualClock) -> None:
    manager, got = RunnerManager({"only": runner(clock)}), []
    manager.start()
    waiter = threading.Thread(target=lambda: got.append(manager.take(None)))
    waiter.start()
    assert manager.stop()
    waiter.join(5)
    assert got == [None]


def test_stop_tells_whether_a_thread_hangs_and_start_replaces_it(clock: ManualClock) -> None:
    hanging = runner(clock, "A", every_seconds=0.01)
    hanging.gate = threading.Event()
    manager = RunnerManager({"hanging": hanging, "sound": runner(clock, "N", every_seconds=0.01)})
    manager.start()
    began = time.monotonic()
    assert not manager.stop(timeout=0.2)
    assert time.monotonic() - began < 3
    manager.start()  # the hanging thread was told to stop: another takes its place
    hanging.gate.set()
    seen = {manager.take(10.0).instrument.tradingsymbol for _ in range(4)}
    assert "A" in seen
    assert manager.stop()
    assert not [t for t in threading.enumerate() if t.name == "runner-equity"]


def test_a_runner_takes_only_its_own_from_a_common_queue(clock: ManualClock) -> None:
    one, two = runner(clock, "A"), runner(clock, "B")
    manager = RunnerManager({"one": one, "two": two})
    manager.run_once()
    assert two.take().instrument.tradingsymbol == "B"
    assert two.take() is None
    assert names(manager) == ["A"]


def test_queues_and_statuses_hold_under_many_threads(clock: ManualClock) -> None:
    """Runners put, one takes, one looks: nothing is torn and the counts add up."""
    manager = RunnerManager(
        {n: runner(clock, *(f"{n}{i}" for i in range(50)), cache_seconds=0.0) for n in "ab"},
        queue_size=60,
    )
    taken: list[Snapshot] = []
    done = threading.Event()

    def take() -> None:
        while not done.is_set() or manager.queue_depth:
            got = manager.take(0.01)
            taken.extend([] if got is None else [got])

    def look() -> None:
        while not done.is_set():
            assert manager.queue_depth <= 60
            manager.status()

    threads = [threading.Thread(target=target) for target in (take, look)]
    runs = [
        threading.Thread(target=lambda r=r: [r.run_once() for _ in range(20)])
        for r in manager.runners.values()
    ]
    for thread in (*threads, *runs):
        thread.start()
    for thread in runs:
        thread.join(20)
    done.set()
    for thread in threads:
        thread.join(20)
    dropped = sum(each.dropped for each in manager.status())
    assert len(taken) + dropped == 2 * 50 * 20
