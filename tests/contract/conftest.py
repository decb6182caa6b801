"""Every registered provider, built as the program builds it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import SimSettings
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import ConfigError
from alphastock_cli.registry import PROVIDERS, load_plugin
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.contract import kite_world
from tests.contract.provider_world import (
    NAMES,
    NOW,
    OUTSIDE,
    ROOT,
    Build,
    small_lake,
)


@pytest.fixture(scope="session")
def kite_sandbox() -> Iterator[Any]:
    with kite_world.sandbox_at_now() as held:
        yield held


@pytest.fixture(params=NAMES)
def build(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Build]:
    """Return how to build one provider at a moment, as the program would."""
    name: str = request.param
    known = dict(PROVIDERS._classes)
    if name in OUTSIDE:
        monkeypatch.setenv("CSV_FOLDER", str(ROOT / "examples/prices"))
        load_plugin(OUTSIDE[name])
    small_lake(tmp_path)
    settings = Settings(data_dir=tmp_path, sim=SimSettings(universe=12))
    sandbox = request.getfixturevalue("kite_sandbox") if name == "kite" else None
    if sandbox is not None:
        settings = kite_world.at(settings, sandbox)

    def made(moment: datetime) -> MarketData:
        if name == "replay":  # it takes a day as well, and its clock says how far it has come
            replay: MarketData = PROVIDERS.get(name)(
                Lake(tmp_path / "lake"), ManualClock(moment), NOW.date()
            )
            return replay
        wiring = Wiring(settings, as_of=moment, clock=ManualClock(NOW))
        if sandbox is not None:
            return kite_world.logged_in(wiring, sandbox)
        try:
            return wiring.provider(name)
        except ConfigError as error:
            pytest.skip(f"{name} cannot be built here: {error.what}")

    yield made
    if name in OUTSIDE:  # leave the list of names as it was for other tests
        sys.modules.pop(f"alphastock_plugin_{name}", None)
        PROVIDERS._classes.clear()
        PROVIDERS._classes.update(known)


@pytest.fixture
def provider(build: Build) -> MarketData:
    return build(NOW)
