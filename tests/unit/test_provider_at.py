"""The provider of a run as it stood at another moment: same source, other time, or a refusal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import NotOffered, UsageError
from alphastock_cli.registry import PROVIDERS
from tests.conftest import IST, ManualClock

THEN = datetime(2026, 11, 18, 14, 30, tzinfo=IST)


def test_sim_and_lake_stand_at_the_moment(tmp_path: Path, clock: ManualClock) -> None:
    wiring = Wiring(Settings(data_dir=tmp_path), clock=clock)
    assert wiring.provider_at(THEN).as_of() == THEN
    assert wiring.provider().as_of() > THEN
    assert wiring.asked is None
    lake = Wiring(Settings(data_dir=tmp_path, provider="lake"), clock=clock)
    assert lake.provider_at(THEN).name == "lake"


def test_a_source_of_the_present_alone_says_so(tmp_path: Path, clock: ManualClock) -> None:
    @PROVIDERS.register("present_alone")
    class Present:
        def __init__(self, clock: Clock) -> None:
            self.clock = clock

    try:
        wiring = Wiring(Settings(data_dir=tmp_path, provider="present_alone"), clock=clock)
        with pytest.raises(NotOffered, match="knows the present alone"):
            wiring.provider_at(THEN)
    finally:
        PROVIDERS._classes.pop("present_alone")


def test_a_replay_knows_its_day(tmp_path: Path, clock: ManualClock) -> None:
    settings = Settings(data_dir=tmp_path, provider="replay:sim:2026-11-18")
    wiring = Wiring(settings, clock=clock)
    assert wiring.provider_at(THEN).as_of() == THEN
    with pytest.raises(UsageError, match="two days"):
        wiring.provider_at(THEN.replace(day=17))
