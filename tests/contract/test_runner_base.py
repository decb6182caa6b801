"""What `BaseRunner` gives every runner: cache, retries, callbacks, queue, thread, health."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import MappingProxyType

import pytest

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.errors import BadReply, TransientError
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy


class Counting(BaseRunner):
    """A runner over nothing: fails as often as told, then answers."""

    failures_left = 0
    error: type[Exception] = TransientError
    bad: str = ""

    def get_asset_type(self) -> AssetType:
        return AssetType.EQUITY

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:
        if self.failures_left:
            self.failures_left -= 1
            raise self.error("the line is down")
        failures = {self.bad: "unknown"} if self.bad in symbols else {}
        self.asked = tuple(s for s in symbols if s not in failures)
        return RawData(
            as_of=self.clock.now(), source="test", simulated=True,
            failures=MappingProxyType(failures),
        )  # fmt: skip

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        return {
            name: Snapshot(
                instrument=Instrument(
                    exchange=Exchange.NSE, tradingsymbol=name, asset_type=AssetType.EQUITY
                ),
                as_of=raw.as_of, source=raw.source, simulated=True,
            )
            for name in self.asked
        }  # fmt: skip


def made(clock, **policy) -> Counting:
    return Counting(None, clock=clock, symbols=["A", "B"], policy=RunnerPolicy(**policy))


def test_run_once_serves_the_latest(clock) -> None:
    runner = made(clock)
    assert set(runner.run_once()) == {"A", "B"}
    assert set(runner.get_latest_data()) == {"A", "B"}
    assert set(runner.get_latest_data("A")) == {"A"}
    assert runner.get_latest_data("C") == {}


def test_the_cache_answers_while_fresh(clock) -> None:
    runner = made(clock, cache_seconds=30)
    runner.run_once()
    runner.run_once()
    assert runner.get_status().api_calls == 1
    assert runner.get_status().cache_hit_pct == 50.0
    clock.sleep(31)
    runner.run_once()
    assert runner.get_status().api_calls == 2


def test_what_may_pass_is_retried_and_time_is_the_clock_s(clock) -> None:
    runner = made(clock, attempts=4)
    runner.failures_left = 3
    assert set(runner.run_once()) == {"A", "B"}
    assert runner.get_status().api_calls == 4


def test_retries_are_bounded(clock) -> None:
    runner = made(clock, attempts=3)
    runner.failures_left = 99
    with pytest.raises(TransientError):
        runner.run_once()
    assert runner.get_status().api_calls == 3
    assert runner.get_status().errors == 1
    assert runner.get_status().last_error == "the line is down"


class AsksAgain:
    """Of a provider no more is looked at."""

    asks_again = True


def test_what_the_provider_has_tried_again_is_not_tried_again(clock) -> None:
    runner = Counting(AsksAgain(), clock=clock, symbols=["A"], policy=RunnerPolicy(attempts=4))
    runner.failures_left = 99
    with pytest.raises(TransientError):
        runner.run_once()
    assert runner.get_status().api_calls == 1
    assert clock.monotonic() == 0.0


def test_a_bad_answer_is_not_retried(clock) -> None:
    runner = made(clock)
    runner.failures_left, runner.error = 1, BadReply
    with pytest.raises(BadReply):
        runner.run_once()
    assert runner.get_status().api_calls == 1


def test_one_bad_symbol_harms_no_other(clock) -> None:
    runner = made(clock)
    runner.bad = "B"
    assert set(runner.run_once()) == {"A"}
    assert runner.get_status().errors == 1
    assert runner.get_status().last_error == "unknown"


def test_a_failing_callback_is_counted_and_the_others_hear(clock) -> None:
    runner = made(clock)
    heard = []
    runner.add_callback(lambda _: 1 / 0)
    runner.add_callback(lambda snapshots: heard.append(set(snapshots)))
    runner.run_once()
    assert heard == [{"A", "B"}]
    assert runner.get_status().callback_errors == 1


def test_a_full_queue_drops_the_oldest_and_counts(clock) -> None:
    runner = made(clock, queue_size=2, cache_seconds=1)
    runner.run_once(["A", "B"])
    clock.sleep(2)
    runner.run_once(["A"])  # the older A makes room
    assert runner.get_status().queue_depth == 2
    assert runner.get_status().dropped == 1
    runner.run_once(["C"])
    assert runner.get_status().dropped == 2
    taken = [runner.take().instrument.tradingsymbol, runner.take().instrument.tradingsymbol]
    assert taken == ["A", "C"]
    assert runner.take() is None


def test_start_and_stop_twice_without_harm(clock) -> None:
    runner = made(clock, every_seconds=0.01, cache_seconds=0.0)
    seen = threading.Event()
    runner.add_callback(lambda _: seen.set())
    runner.start()
    runner.start()
    assert seen.wait(5)
    assert runner.get_status().state == "running"
    began = time.monotonic()
    assert runner.stop()
    assert runner.stop()
    assert time.monotonic() - began < 3
    assert runner.get_status().state == "stopped"
    assert not [t for t in threading.enumerate() if t.name == "runner-equity"]


def test_the_thread_survives_failures(clock) -> None:
    runner = made(clock, every_seconds=0.01, attempts=1)
    runner.failures_left = 2
    seen = threading.Event()
    runner.add_callback(lambda _: seen.set())
    runner.start()
    assert seen.wait(5)
    runner.stop()
    assert runner.get_status().errors == 2
