"""The cards every runner must keep (RN-01 ...), played by the options runner."""

from __future__ import annotations

import threading

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange
from alphastock_cli.errors import NotOffered, TransientError
from alphastock_cli.registry import RUNNERS
from alphastock_cli.runners.base import RunnerPolicy
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from tests.conftest import ManualClock
from tests.unit.chain_market import FAR, MOMENT, NEAR, FakeMarket, exact_chain


@pytest.fixture
def market() -> FakeMarket:
    sbin = exact_chain(
        name="SBIN", forward=812.0, strikes=[760.0 + 10 * n for n in range(11)], vol=0.3
    )
    return FakeMarket(
        {("NIFTY", NEAR): exact_chain(), ("SBIN", NEAR): sbin},
        spots={"NSE:NIFTY 50": 24_050.0, "NSE:SBIN": 811.0},
    )


@pytest.fixture
def runner(market: FakeMarket, clock: ManualClock) -> OptionsRunner:
    made = RUNNERS.get("options")(market, clock=clock, symbols=("NIFTY", "SBIN"))
    assert isinstance(made, OptionsRunner)
    return made


def test_rn_01_names_one_asset_type(runner: OptionsRunner) -> None:
    assert runner.get_asset_type() is AssetType.OPTIONS


@pytest.mark.parametrize(
    "options",
    [ChainOptions(), ChainOptions(every_expiry=True, build_up=True, iv_history=True)],
)
def test_rn_02_enriches_purely(
    options: ChainOptions, runner: OptionsRunner, market: FakeMarket
) -> None:
    runner.options = options
    market.chains["NIFTY", FAR] = exact_chain(expiry=FAR)
    raw = runner.fetch_market_data(("NIFTY", "SBIN"))
    before = {name: frame.clone() for name, frame in raw.frames.items()}
    asked = list(market.calls)
    first, second = runner.process_data(raw), runner.process_data(raw)
    assert market.calls == asked, "process_data asked the provider"
    assert set(first) == set(second) == {"NIFTY", "SBIN"}
    for name in first:
        one, two = dict(first[name].facts), dict(second[name].facts)
        assert one.pop("chain").equals(two.pop("chain"))
        for beside, again in zip(
            dict(one.pop("by_expiry", {})).values(), two.pop("by_expiry", {}).values(), strict=True
        ):
            assert beside["chain"].equals(again["chain"])
        assert one == two
    assert all(raw.frames[name].equals(frame) for name, frame in before.items())


def test_rn_03_serves_the_latest_snapshot(runner: OptionsRunner) -> None:
    assert runner.frame("NIFTY") is None
    assert runner.get_options_chains_summary() == {}
    assert set(runner.run_once()) == {"NIFTY", "SBIN"}
    held = runner.get_latest_data("NIFTY")["NIFTY"]
    assert held.as_of == MOMENT
    assert held.simulated
    assert held.candles is None
    assert held.instrument.exchange is Exchange.NFO
    assert held.instrument.asset_type is AssetType.OPTIONS
    assert held.instrument.lot_size == 65
    assert held.quote is not None
    assert held.quote.last_price == held.facts["spot"] == 24_050.0
    assert runner.frame("NIFTY") is held.facts["chain"]
    summary = runner.get_options_chains_summary()
    assert set(summary) == {"NIFTY", "SBIN"}
    assert summary["NIFTY"]["atm_strike"] == 24_100
    assert "chain" not in summary["NIFTY"]


def test_rn_04_survives_a_bad_symbol_and_reports_it(runner: OptionsRunner) -> None:
    assert set(runner.run_once(("NIFTY", "NOSUCH"))) == {"NIFTY"}
    status = runner.get_status()
    assert status.errors == 1
    assert "NOSUCH" in status.last_error
    assert "NOSUCH" in runner.refusals


def test_rn_05_starts_and_stops_twice(market: FakeMarket, clock: ManualClock) -> None:
    runner = OptionsRunner(
        market, clock=clock, symbols=("NIFTY",), policy=RunnerPolicy(every_seconds=0.01)
    )
    seen = threading.Event()
    runner.add_callback(lambda _: seen.set())
    runner.start()
    runner.start()
    assert seen.wait(5)
    assert runner.stop()
    assert runner.stop()
    assert not [t for t in threading.enumerate() if t.name == "runner-options"]


def test_rn_06_contains_a_failing_callback(runner: OptionsRunner) -> None:
    runner.add_callback(lambda _: 1 / 0)
    assert runner.run_once()
    assert runner.get_status().callback_errors == 1


def test_the_nearest_expiry_that_has_not_ended_is_taken(clock: ManualClock) -> None:
    chains = {("NIFTY", NEAR): exact_chain(), ("NIFTY", FAR): exact_chain(expiry=FAR)}
    late = MOMENT.replace(day=24, hour=15, minute=40)
    for moment, day in ((MOMENT, NEAR), (late.replace(minute=39), NEAR), (late, FAR)):
        made = OptionsRunner(FakeMarket(chains, moment=moment), clock=clock, symbols=("NIFTY",))
        assert made.run_once()["NIFTY"].facts["expiry"] == day


@pytest.mark.parametrize("error", [TransientError, NotOffered])
def test_what_concerns_every_symbol_is_not_a_bad_symbol(
    error: type[Exception], clock: ManualClock
) -> None:
    class Down(FakeMarket):
        def expiries(self, underlying: str) -> tuple:
            raise error(f"{underlying}: the line is down")

    runner = OptionsRunner(Down(), clock=clock, symbols=("NIFTY",))
    with pytest.raises(error):
        runner.run_once()


def test_without_symbols_every_index_with_contracts_is_asked(
    market: FakeMarket, clock: ManualClock
) -> None:
    runner = OptionsRunner(market, clock=clock)
    assert set(runner.run_once()) == {"NIFTY"}
    assert "BANKNIFTY" in runner.refusals
