"""The cards every runner keeps (RN-01 to RN-06), for each registered name, on the simulator.

A runner of yours joins by its entry point, or for a file by ALPHASTOCK_TEST_PLUGINS. It follows the
symbols of `FOLLOWS`, or every symbol it knows.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType
from alphastock_cli.errors import NotOffered
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.registry import RUNNERS, load_plugin
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy
from tests.conftest import IST, ManualClock

MOMENT = datetime(2026, 8, 14, 18, 0, tzinfo=IST)
FOLLOWS = {
    "equities": ("SBIN", "INFY"),
    "indices": ("NIFTY 50", "NIFTY BANK"),
    "options": ("NIFTY",),
}
for _text in os.environ.get("ALPHASTOCK_TEST_PLUGINS", "").split(os.pathsep):
    if _text:
        load_plugin(Path(_text))
# other tests may have registered runners of their own
NAMES = sorted({*RUNNERS._builtin(), *RUNNERS._entry_points()})


class Guarded(SimExchange):
    """The simulated exchange that says when it was asked."""

    asked = 0

    def __getattribute__(self, name: str) -> Any:
        if name in {"as_of", "quotes", "candles", "equities_day", "indices_day", "option_chain",
                    "expiries", "instruments", "adjustments", "symbol_changes",
                    "members"}:  # fmt: skip
            Guarded.asked += 1
        return super().__getattribute__(name)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def runner(name: str) -> BaseRunner:
    return made(name)


def made(name: str, **policy: Any) -> BaseRunner:
    clock = ManualClock(MOMENT)
    provider = Guarded(clock, seed=42, universe=60, as_of=MOMENT)
    runner: BaseRunner = RUNNERS.get(name)(
        provider, clock=clock, symbols=FOLLOWS.get(name, ()), policy=RunnerPolicy(**policy)
    )
    return runner


def fetched(runner: BaseRunner) -> RawData:
    try:
        return runner.fetch_market_data(runner.symbols)
    except NotOffered as error:
        pytest.skip(f"the simulated exchange lacks what it needs: {error.what}")


def plain(snapshots: Mapping[str, Snapshot]) -> dict[str, Any]:
    """Return snapshots as values that compare: frames as lists of rows."""
    return {
        key: (s.instrument, s.as_of, s.source, s.simulated, s.quote, s.candle,
              {name: rows(value) for name, value in s.facts.items()}, rows(s.candles))
        for key, s in snapshots.items()
    }  # fmt: skip


def rows(value: Any) -> Any:
    return value.to_dicts() if isinstance(value, pl.DataFrame) else value


def test_rn_01_names_one_asset_type(runner: BaseRunner) -> None:
    assert isinstance(runner, BaseRunner)
    assert isinstance(runner.get_asset_type(), AssetType)
    assert runner.get_asset_type() is made_type(runner)


def made_type(runner: BaseRunner) -> AssetType:
    """Ask a runner of the same class that holds nothing yet."""
    other = type(runner)(runner.provider, clock=runner.clock)
    return other.get_asset_type()


def test_rn_02_enriches_purely(runner: BaseRunner) -> None:
    raw = fetched(runner)
    before = {role: frame.clone() for role, frame in raw.frames.items()}
    asked = Guarded.asked
    first, second = runner.process_data(raw), runner.process_data(raw)
    assert Guarded.asked == asked, "process_data asked the provider"
    assert first
    assert plain(first) == plain(second)
    for role, frame in before.items():
        assert raw.frames[role].equals(frame), f"process_data changed the frame {role!r}"


def test_rn_03_serves_the_latest_snapshot(runner: BaseRunner) -> None:
    fetched(runner)
    found = runner.run_once()
    assert found
    assert runner.get_latest_data() == found
    for key, snapshot in found.items():
        assert runner.get_latest_data(key) == {key: snapshot}
        assert snapshot.as_of <= MOMENT, "a snapshot of what was not known yet"
        assert snapshot.as_of.tzinfo is not None
        assert snapshot.source == "sim"
        assert snapshot.simulated
        assert no_nan(snapshot), f"{key} holds a NaN"
    status = runner.get_status()
    assert (status.runs, status.errors, status.queue_depth) == (1, 0, len(found))
    assert status.last_success == MOMENT


def no_nan(snapshot: Snapshot) -> bool:
    frames = [
        v for v in (*snapshot.facts.values(), snapshot.candles) if isinstance(v, pl.DataFrame)
    ]
    numbers = [v for v in snapshot.facts.values() if isinstance(v, float)]
    numbers += [v for f in frames for row in f.iter_rows() for v in row if isinstance(v, float)]
    return not any(math.isnan(number) for number in numbers)


def test_rn_04_survives_a_bad_symbol_and_reports_it(runner: BaseRunner) -> None:
    fetched(runner)
    good = runner.symbols or tuple(runner.run_once())[:2]
    alone = set(runner.run_once(good))
    runs = runner.get_status().errors
    assert set(runner.run_once((*good, "NOSUCH"))) == alone
    status = runner.get_status()
    assert status.errors == runs + 1
    assert "NOSUCH" in status.last_error


def test_rn_05_starts_and_stops_twice_without_harm(name: str) -> None:
    fetched(made(name))
    runner = made(name, every_seconds=0.01)
    before = set(threading.enumerate())
    seen = threading.Event()
    runner.add_callback(lambda _: seen.set())
    runner.start()
    runner.start()
    assert len(set(threading.enumerate()) - before) == 1
    assert seen.wait(30)
    began = time.monotonic()
    assert runner.stop()
    assert runner.stop()
    assert time.monotonic() - began < 5
    assert not set(threading.enumerate()) - before
    assert runner.get_status().state == "stopped"
    assert runner.get_status().errors == 0


def test_rn_06_contains_and_counts_a_failing_callback(runner: BaseRunner) -> None:
    fetched(runner)
    heard: list[set[str]] = []
    runner.add_callback(lambda _: 1 / 0)
    runner.add_callback(lambda snapshots: heard.append(set(snapshots)))
    found = runner.run_once()
    assert heard == [set(found)]
    assert runner.get_status().callback_errors == 1
