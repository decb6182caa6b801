"""The cards every runner must keep (RN-01 ...), played by the equity runner on the simulator."""

from __future__ import annotations

from datetime import datetime

import pytest

from alphastock_cli.domain.instrument import AssetType
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.registry import RUNNERS
from alphastock_cli.runners.equities import EquityRunner
from tests.conftest import IST, ManualClock

MOMENT = datetime(2026, 8, 14, 18, 0, tzinfo=IST)


@pytest.fixture
def runner(clock: ManualClock) -> EquityRunner:
    provider = SimExchange(clock, seed=42, universe=60, as_of=MOMENT)
    made = RUNNERS.get("equities")(provider, clock=clock, symbols=("SBIN", "INFY"))
    assert isinstance(made, EquityRunner)
    return made


def test_rn_01_names_one_asset_type(runner: EquityRunner) -> None:
    assert runner.get_asset_type() is AssetType.EQUITY


def test_rn_02_enriches_purely(runner: EquityRunner) -> None:
    raw = runner.fetch_market_data(("SBIN", "INFY"))
    before = {name: frame.clone() for name, frame in raw.frames.items()}
    first, second = runner.process_data(raw), runner.process_data(raw)
    assert {k: dict(v.facts) for k, v in first.items()} == {
        k: dict(v.facts) for k, v in second.items()
    }
    assert all(raw.frames[name].equals(frame) for name, frame in before.items())


def test_rn_03_serves_the_latest_snapshot(runner: EquityRunner) -> None:
    made = runner.run_once()
    assert set(made) == {"INFY", "SBIN"}
    held = runner.get_latest_data("SBIN")["SBIN"]
    assert held.as_of.date() == MOMENT.date()
    assert held.simulated
    assert held.quote is not None
    assert held.quote.last_price == held.facts["close"]
    assert held.facts["rsi"] is not None


def test_rn_04_survives_a_bad_symbol_and_reports_it(runner: EquityRunner) -> None:
    made = runner.run_once(("SBIN", "NOSUCH"))
    assert set(made) == {"SBIN"}
    status = runner.get_status()
    assert status.errors == 1
    assert "NOSUCH" in status.last_error


def test_the_summary_is_that_of_the_latest_run(runner: EquityRunner) -> None:
    assert runner.get_equity_summary() == {}
    runner.run_once()
    facts = runner.get_equity_summary()
    assert facts["advances"] + facts["declines"] + facts["unchanged"] == 2
    assert {row["sector"] for row in facts["sectors"]} == {
        "Financial Services",
        "Information Technology",
    }
