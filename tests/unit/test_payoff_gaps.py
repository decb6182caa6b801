"""What `payoff` does with what is typed, missing, odd or of another kind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alphastock_cli.actions.payoff_grid import Span
from alphastock_cli.errors import DamagedData, ProviderError, UsageError
from tests.unit.chain_market import FAR, MOMENT, NEAR, YEARS, FakeMarket, black76, exact_chain
from tests.unit.payoff_world import (
    NEAR_FORWARD,
    RATE,
    VOL,
    asked,
    market,
    two_expiries,
    without,
    worth,
)


def test_a_typed_price_is_what_was_paid_and_the_market_s_volatility_stays() -> None:
    facts = asked("NIFTY +24000CE=100 -24200CE=40").summary
    assert (facts["net_premium"], facts["max_loss"], facts["max_profit"]) == (-3_900, -3_900, 9_100)
    assert facts["breakevens"] == [24_060.0]
    assert [leg["price_source"] for leg in facts["legs"]] == ["typed", "typed"]
    assert [leg["iv_source"] for leg in facts["legs"]] == ["market", "market"]
    today = asked("NIFTY +24000CE=100", span=Span(low=24_050.0, high=24_060.0), points=2)
    assert today.rows["payoff_today"][0] == pytest.approx(65 * (worth(24_000.0) - 100), abs=1e-6)


def test_a_leg_without_a_price_is_null_and_said() -> None:
    held = asked("NIFTY +24000CE -24200CE", without("CE", 24_200.0))
    facts = held.summary
    for name in ("max_profit", "max_loss", "max_profit_unbounded", "breakevens", "net_premium",
                 "probability_of_profit", "probability_of_profit_smile", "charges"):  # fmt: skip
        assert facts[name] is None, name
    assert set(held.rows["payoff_expiry"]) == set(held.rows["payoff_today"]) == {None}
    assert any("-24200CE has no usable price (no_" in text for text in held.warnings)


def test_with_a_typed_price_the_volatility_is_the_other_side_s_then_the_price_s_own() -> None:
    one = without("CE", 24_200.0)
    held = asked("NIFTY +24000CE -24200CE=55", one)
    assert held.summary["legs"][1]["iv_source"] == "other side"
    assert held.summary["legs"][1]["iv"] == pytest.approx(VOL, abs=1e-6)
    both = without("PE", 24_200.0, one)
    price = black76(NEAR_FORWARD, 24_200.0, YEARS, 0.18, RATE, "CE")
    leg = asked(f"NIFTY -24200CE={price:.8f}", both).summary["legs"][0]
    assert (leg["iv_source"], leg["price_source"]) == ("typed price", "typed")
    assert leg["iv"] == pytest.approx(0.18, abs=1e-6)
    # a price below what the option pays at once has no volatility; expiry is known all the same
    deep = without("CE", 23_000.0, without("PE", 23_000.0))
    held = asked("NIFTY +23000CE=500", deep)
    assert held.summary["legs"][0]["iv"] is None
    assert held.summary["max_loss"] == -65 * 500
    assert set(held.rows["payoff_today"]) == {None}
    assert held.summary["net_greeks"]["delta"] is None
    assert any("has no volatility" in text for text in held.warnings)


def test_futures_have_their_own_expiries_and_quotes() -> None:
    near, far = asked("NIFTY +FUT -FUT@next").summary["legs"]
    assert (near["price"], near["price_source"], near["tradingsymbol"]) == (
        24_080.75, "mid", "NIFTY26NOVFUT",
    )  # fmt: skip
    assert (far["price"], far["price_source"], far["expiry"]) == (24_239.0, "last", FAR)
    assert near["delta"] == 1.0
    # no future of that expiry: the first that lasts as long, and it is said
    only = market()
    only.future = only.future.filter(only.future["expiry"] == FAR)
    held = asked("NIFTY +FUT -24200CE", only)
    assert held.summary["legs"][0]["expiry"] == FAR
    assert any("has no future of 2026-11-24" in text for text in held.warnings)
    nobody = asked("NIFTY +FUT", FakeMarket(two_expiries()))
    assert nobody.summary["legs"][0]["price"] is None
    assert nobody.summary["max_loss"] is None


def test_the_underlying_itself_is_a_share() -> None:
    with pytest.raises(UsageError, match="NIFTY itself cannot be bought"):
        asked("NIFTY +EQ")
    strikes = [1_400.0 + 20 * n for n in range(11)]
    rows = exact_chain(name="SBIN", forward=1_502.0, vol=0.25, strikes=strikes)
    held = FakeMarket({("SBIN", NEAR): rows}, spots={"NSE:SBIN": 1_500.0})
    facts = asked("SBIN +EQ -1560CE=10", held).summary
    share = facts["legs"][0]
    assert (share["quantity"], share["price"], share["strike"]) == (65, 1_500.0, None)
    assert facts["breakevens"] == [1_490.0]
    assert facts["max_profit"] == 65 * 70
    assert facts["charges"] > 0


def test_without_a_price_of_the_underlying_the_expiry_is_still_known() -> None:
    rows = [row | {"bid": None, "ask": None, "last_price": None} for row in exact_chain()]
    dark = FakeMarket({("NIFTY", NEAR): rows}, spots={})
    held = asked("NIFTY +24000CE=100 -24200CE=40", dark)
    assert held.summary["max_profit"] == 9_100
    assert held.summary["probability_of_profit"] is None
    assert held.summary["forward"] is None
    assert set(held.rows["payoff_today"]) == {None}
    assert None not in set(held.rows["payoff_expiry"])
    with pytest.raises(ProviderError, match="the forward is not known"):
        asked("NIFTY +atmCE=5", dark)
    with pytest.raises(ProviderError, match="deltas of CE"):
        asked("NIFTY +25dCE=5", dark)


def test_an_expired_chain_is_not_shown_as_live() -> None:
    late = FakeMarket(moment=MOMENT + timedelta(days=30))
    held = asked("NIFTY +24000CE=100 -24200CE=40", late)
    assert held.summary["max_profit"] == 9_100
    assert held.summary["probability_of_profit"] is None
    assert set(held.rows["payoff_today"]) == {None}
    assert any("ended" in text for text in held.warnings)


def test_old_prices_are_refused_where_young_ones_were_asked_for() -> None:
    old = FakeMarket(moment=MOMENT - timedelta(days=2))
    with pytest.raises(DamagedData):
        asked("NIFTY +24000CE", old, max_age=60.0)


def test_legs_that_cancel_each_other_are_said_to() -> None:
    held = asked("NIFTY -24000CE +24000CE@2026-11-24")
    assert (held.summary["max_profit"], held.summary["max_loss"]) == (0.0, 0.0)
    assert any("nothing is left" in text for text in held.warnings)
    assert not any("nothing is left" in text for text in asked("NIFTY +24000CE").warnings)


def test_lots_that_differ_between_expiries_are_said() -> None:
    held = market()
    for row in held.chains["NIFTY", FAR]:
        row["lot_size"] = 75
    found = asked("NIFTY -24100CE +24100CE@next", held)
    assert [leg["quantity"] for leg in found.summary["legs"]] == [-65, 75]
    assert found.summary["max_profit_unbounded"]
    assert any("65, 75" in text for text in found.warnings)


def test_without_a_known_lot_a_lot_is_one_unit_and_it_is_said() -> None:
    rows = [row | {"lot_size": None} for row in exact_chain(name="NOBODY")]
    held = asked("NOBODY +24000CE=10", FakeMarket({("NOBODY", NEAR): rows}))
    assert held.summary["legs"][0]["quantity"] == 1
    assert any("lot of NOBODY is not known" in text for text in held.warnings)


def test_a_currency_gains_its_multiplier_and_has_no_share() -> None:
    strikes = [84.0 + 0.25 * n for n in range(9)]
    rows = exact_chain(name="USDINR", forward=85.0, vol=0.05, strikes=strikes, spread=0.001)
    rows = [row | {"lot_size": 1} for row in rows]
    held = FakeMarket({("USDINR", NEAR): rows}, spots={})
    facts = asked("USDINR +85CE=0.2 -85.5CE=0.05", held).summary
    assert facts["multiplier"] == 1_000
    assert (facts["max_profit"], facts["max_loss"]) == (350.0, -150.0)
    assert facts["net_premium"] == pytest.approx(-150.0)
    bought, sold = facts["legs"]
    delta = bought["delta"] - sold["delta"]
    assert facts["net_greeks"]["delta"] == pytest.approx(1_000 * delta)
    # no spot: the forward stands for the underlying, and the margins of currencies are not known
    assert (facts["spot"], facts["margin"]) == (None, None)
    assert facts["margin_source"].startswith("no estimate")
    with pytest.raises(UsageError, match="cannot be bought"):
        asked("USDINR +EQ", held)


def test_a_share_alone_is_a_straight_line() -> None:
    rows = exact_chain(name="SBIN", forward=1_502.0, strikes=[1_400.0 + 20 * n for n in range(11)])
    held = asked("SBIN +EQ", FakeMarket({("SBIN", NEAR): rows}, spots={"NSE:SBIN": 1_500.0}))
    facts = held.summary
    assert (facts["breakevens"], facts["max_loss"]) == ([1_500.0], -97_500.0)
    assert facts["max_profit_unbounded"]
    assert facts["net_premium"] == 0.0
    assert held.rows["payoff_today"].to_list() == pytest.approx(
        held.rows["payoff_expiry"].to_list()
    )
