"""The closes of earlier simulated sessions are those a user of that evening saw in the chain."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from alphastock_cli.analytics.atm_points import atm_points, iv_series
from alphastock_cli.analytics.iv_history import iv_ahead
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange.closes import contract_close, derivative_exchange
from alphastock_cli.providers.sim.chain_history import HISTORY
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from tests.conftest import IST, ManualClock

TODAY = date(2026, 11, 19)


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 19, 11, 0, tzinfo=IST))


@pytest.fixture(scope="module")
def market(clock: ManualClock) -> SimExchange:
    return SimExchange(clock)


@pytest.mark.parametrize("name", ["NIFTY", "SBIN"])
def test_every_close_is_that_of_the_chain(
    name: str, market: SimExchange, clock: ManualClock
) -> None:
    held = market.earlier_chains([name], before=TODAY, sessions=40)
    assert held.schema == HISTORY
    times = held["time"].unique().sort()
    assert (len(times), times[-1].date()) == (40, date(2026, 11, 18))
    for time in (times[0], times[20], times[39]):
        evening = SimExchange(clock, as_of=time + timedelta(minutes=1))
        day = held.filter(time=time)
        for expiry in day["expiry"].unique():
            whole = evening.option_chain(name, expiry)
            mine = day.filter(expiry=expiry)
            pairs = mine.join(whole, on=["strike", "option_type"], suffix="_then")
            assert pairs.height == mine.height > 20
            assert pairs["last_price"].to_list() == pairs["last_price_then"].to_list()


def test_the_expiries_about_thirty_days_ahead(market: SimExchange, clock: ManualClock) -> None:
    held = market.earlier_chains(["NIFTY"], before=TODAY, sessions=3)
    for time in held["time"].unique():
        evening = SimExchange(clock, as_of=time + timedelta(minutes=1))
        live = [day for day in evening.expiries("NIFTY") if day > time.date()]
        then = time.date() + timedelta(days=30)
        wanted = {max(d for d in live if d <= then), min(d for d in live if d >= then)}
        assert set(held.filter(time=time)["expiry"]) == wanted


def test_the_volatility_is_that_of_the_whole_chains(
    market: SimExchange, clock: ManualClock
) -> None:
    held = market.earlier_chains(["NIFTY"], before=TODAY, sessions=2)
    series = iv_series(atm_points(held, rate=0.065), days=30)["NIFTY"]
    for time, iv in series:
        evening = SimExchange(clock, as_of=time + timedelta(minutes=1))
        points = []
        for expiry in held.filter(time=time)["expiry"].unique():
            options = ChainOptions(expiry=expiry)
            runner = OptionsRunner(evening, clock=clock, symbols=("NIFTY",), options=options)
            facts = runner.run_once()["NIFTY"].facts
            ends = contract_close(derivative_exchange("NIFTY"), expiry)
            assert facts["years"] == pytest.approx((ends - time).total_seconds() / 365 / 86400)
            points.append((facts["years"], facts["atm_iv"]))
        assert iv == pytest.approx(iv_ahead(points), rel=1e-9)


def test_nothing_of_the_day_or_after(market: SimExchange) -> None:
    early = market.earlier_chains(["NIFTY"], before=date(2026, 11, 11), sessions=5)
    assert max(early["time"]).date() == date(2026, 11, 9)  # the 10th is a holiday
    late = market.earlier_chains(["NIFTY"], before=date(2027, 1, 1), sessions=5)
    assert max(late["time"]).date() == date(2026, 11, 18)
    assert market.earlier_chains([], before=TODAY).is_empty()
    with pytest.raises(UnknownName):
        market.earlier_chains(["FOO"], before=TODAY)
