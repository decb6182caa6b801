"""What the equity runner gives besides the cards of every runner (`test_runner.py`)."""

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


def test_a_snapshot_holds_quote_and_indicators(runner: EquityRunner) -> None:
    assert runner.get_asset_type() is AssetType.EQUITY
    assert set(runner.run_once()) == {"INFY", "SBIN"}
    held = runner.get_latest_data("SBIN")["SBIN"]
    assert held.as_of.date() == MOMENT.date()
    assert held.quote is not None
    assert held.quote.last_price == held.facts["close"]
    assert held.facts["rsi"] is not None


def test_the_summary_is_that_of_the_latest_run(runner: EquityRunner) -> None:
    assert runner.get_equity_summary() == {}
    runner.run_once()
    facts = runner.get_equity_summary()
    assert facts["advances"] + facts["declines"] + facts["unchanged"] == 2
    assert {row["sector"] for row in facts["sectors"]} == {
        "Financial Services",
        "Information Technology",
    }
