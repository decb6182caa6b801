"""What every test may use: a manual clock, the folder of real files where there is one.

No test counts calls in the home of who runs it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings

IST = ZoneInfo("Asia/Kolkata")
_STATE = "ALPHASTOCK_STATE_DIR"
_NUMBERS = itertools.count()

# the same examples on every run, so that a change is judged by itself; to look further:
# HYPOTHESIS_PROFILE=random make test. Without Hypothesis's own time limits: they judge how busy
# the machine is, and the first example of a run, which imports what is not compiled yet
_UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **_UNHURRIED)
settings.register_profile("random", print_blob=True, **_UNHURRIED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


class ManualClock:
    """A clock that moves only when told to; `sleep` moves it."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    def advance(self, step: timedelta) -> None:
        self._now += step
        self._monotonic += step.total_seconds()


@pytest.fixture(autouse=True)
def counts_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give each test, and the processes it starts, a folder of its own for counts of calls."""
    before = os.environ.get(_STATE)
    os.environ[_STATE] = str(tmp_path_factory.getbasetemp() / "state" / str(next(_NUMBERS)))
    yield
    os.environ.pop(_STATE)
    if before is not None:
        os.environ[_STATE] = before


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock standing at Friday 2026-11-20, 18:00 in India."""
    return ManualClock(datetime(2026, 11, 20, 18, 0, tzinfo=IST))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real exchange files, or skip: it may not be redistributed."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ALPHASTOCK_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no folder of real exchange files at {folder}; set ALPHASTOCK_TEST_DATA")
    return folder
