"""Laws of the days of a scan: damage is never kept, and nobody is asked for ever."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.sandbox import spoil
from alphastock_cli.sandbox.fault_names import CANDLES
from alphastock_cli.sandbox.faults import Faults, parse
from tests.conftest import IST
from tests.unit.days_world import SESSIONS, Rows, Spoil, World, walk

_NAMES = ("SBIN", "TCS", "INFY")
_FAULTS = sorted(set(CANDLES) - {"candle-wrong", "candle-revised"})
_CALLS = 2  # of a share in a run
_LATER = datetime(2026, 8, 17, 11, 30, tzinfo=IST)
_MANY = settings(max_examples=25, deadline=None)


def _world(folder: str, days: Callable[[str], list[object]] | None = None) -> World:
    shares = {name: walk(name, SESSIONS if days is None else days(name)) for name in _NAMES}  # type: ignore[arg-type]
    return World(shares, Path(folder))


def _fault(name: str, seed: int, share: str) -> Spoil:
    faults = Faults(seed=seed)
    faults.set(parse(name), seed=seed)

    def made(asked: str, rows: Rows) -> Rows:
        return spoil.candles(faults, "/instruments/historical", rows) if asked == share else rows

    return made


@_MANY
@given(st.sampled_from(_FAULTS), st.integers(0, 10**6), st.sampled_from(_NAMES), st.booleans())
def test_a_fault_that_passes_leaves_nothing_behind(
    fault: str, seed: int, share: str, later: bool  # noqa: FBT001 - a case
) -> None:  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        world = _world(folder)
        if later:  # after a history that was kept
            world.scan()
            world.clock._now = _LATER
        world.spoil = _fault(fault, seed, share)
        found, asked = world.scan()
        truth = world.truth(*_NAMES)
        assert found in (truth, world.truth(*(name for name in _NAMES if name != share)))
        assert max(map(asked.count, _NAMES)) <= _CALLS
        world.spoil = lambda _, rows: rows
        again, asked = world.scan()
        assert again == truth
        assert asked == ([] if found == truth else [share] * len(asked))
        assert len(asked) <= _CALLS
        assert world.scan() == (truth, [])


@_MANY
@given(st.integers(0, 10**6), st.integers(1, 100))
def test_sessions_without_a_trade_are_believed_once_and_for_all(seed: int, share: int) -> None:
    """Any days at all: as many calls as instruments, one more for each that has holes."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        world = _world(folder, lambda _: [day for day in SESSIONS if dice.randrange(100) < share])
        world.shares = {name: days for name, days in world.shares.items() if days}
        over = [day for day in SESSIONS if day < world.clock.now().date()]
        world.shares = {name: days for name, days in world.shares.items()
                        if set(days) & set(over)}  # fmt: skip
        for moment in (world.clock.now(), _LATER):
            world.clock._now = moment
            found, asked = world.scan()
            assert found == world.truth(*world.shares)
            assert max(map(asked.count, world.shares), default=0) <= _CALLS
            assert world.scan() == (found, [])


@_MANY
@given(st.integers(0, 10**6))
def test_sound_answers_cost_a_call_each(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World({f"{n}-{seed}": walk(f"{n}-{seed}", SESSIONS) for n in range(3)},
                      Path(folder))  # fmt: skip
        found, asked = world.scan()
        assert sorted(asked) == sorted(world.shares)
        assert found == world.truth(*world.shares)
        assert not world.said
