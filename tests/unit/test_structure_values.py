"""What legs are worth before their expiry, against the formula of the book."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from alphastock_cli.analytics.structure_values import (
    Expiry,
    Market,
    Vols,
    greeks,
    net,
    net_premium,
    payoff,
)
from alphastock_cli.analytics.structures import at_expiry
from alphastock_cli.domain.structure import Leg, LegKind
from tests.unit.chain_market import black76

CALL, PUT, FUT, EQ = LegKind.CALL, LegKind.PUT, LegKind.FUTURE, LegKind.SHARE
NEAR, FAR = date(2026, 11, 24), date(2026, 12, 29)
RATE = 0.065
MARKET = Market(
    price=24_050.0, rate=RATE,
    expiries={
        NEAR: Expiry(years=0.02, forward=24_080.0), FAR: Expiry(years=0.11, forward=24_220.0),
    },
)  # fmt: skip
PRICES = np.array([23_000.0, 24_050.0, 24_500.0])


def leg(quantity: int, kind: LegKind, **other) -> Leg:
    return Leg(underlying="NIFTY", kind=kind, quantity=quantity, **other)


def option(
    quantity: int, kind: LegKind, strike: float, day: date = NEAR, price: float = 0.0
) -> Leg:
    return leg(quantity, kind, strike=strike, expiry=day, iv=0.14, price=price)


def test_now_and_at_the_price_now_a_leg_is_worth_what_its_chain_says() -> None:
    for kind in (CALL, PUT):
        for day, held in MARKET.expiries.items():
            got = payoff([option(1, kind, 24_100.0, day)], MARKET, PRICES[1:2], passed=0.0)
            assert got is not None
            want = black76(held.forward, 24_100.0, held.years, 0.14, RATE, kind.value)
            assert got[0] == pytest.approx(want, rel=1e-12)


def test_forwards_move_in_proportion_and_their_carry_melts() -> None:
    moved = MARKET.forwards(PRICES, FAR, 0.0)
    assert moved == pytest.approx(PRICES * 24_220.0 / 24_050.0)
    # at the nearer expiry the underlying is its forward: what is left is one forward over the other
    assert MARKET.forwards(PRICES, FAR, 0.02) == pytest.approx(PRICES * 24_220.0 / 24_080.0)
    assert MARKET.forwards(PRICES, FAR, 0.11) == pytest.approx(PRICES)
    half = math.log(24_080.0 / 24_050.0) / 2.0
    assert MARKET.forwards(PRICES, NEAR, 0.01) == pytest.approx(PRICES * math.exp(half))


def test_at_its_expiry_a_structure_pays_what_the_lines_say() -> None:
    legs = [option(65, CALL, 24_000.0, price=120.5), option(-65, CALL, 24_200.0, price=44.1),
            option(-130, PUT, 23_800.0, price=30.0), leg(65, FUT, expiry=NEAR, price=24_081.0),
            leg(-65, EQ, price=24_050.0)]  # fmt: skip
    lines = at_expiry(legs)
    x = np.linspace(0.0, 40_000.0, 401)
    got = payoff(legs, MARKET, x, passed=MARKET.expiries[NEAR].years)
    assert lines is not None
    assert got == pytest.approx(lines.at(x), abs=1e-6)


def test_a_price_of_zero_is_the_limit_and_no_nan() -> None:
    legs = [option(1, PUT, 24_000.0, FAR), option(1, CALL, 24_000.0, FAR)]
    got = payoff(legs, MARKET, np.array([0.0]), passed=0.0)
    assert got == pytest.approx(24_000.0 * math.exp(-RATE * 0.11), rel=1e-8)


@pytest.mark.parametrize("passed", [0.0, 0.007, 0.02, 0.05])
def test_a_call_and_a_put_sold_are_a_future_at_any_time(passed: float) -> None:
    legs = [option(1, CALL, 24_000.0, FAR), option(-1, PUT, 24_000.0, FAR)]
    got = payoff(legs, MARKET, PRICES, passed=passed)
    want = (MARKET.forwards(PRICES, FAR, passed) - 24_000.0) * math.exp(-RATE * (0.11 - passed))
    assert got == pytest.approx(want, abs=1e-8)


def test_volatility_is_moved_or_set() -> None:
    sold = [option(-1, CALL, 24_100.0)]
    for vols, vol in ((Vols(shift=0.02), 0.16), (Vols(shift=-0.02), 0.12), (Vols(flat=0.2), 0.2)):
        got = payoff(sold, MARKET, PRICES[1:2], passed=0.0, vols=vols)
        assert got == pytest.approx(-black76(24_080.0, 24_100.0, 0.02, vol, RATE, "CE"))
    blind = [replace(sold[0], iv=None)]
    assert payoff(blind, MARKET, PRICES, passed=0.0) is None
    assert payoff(blind, MARKET, PRICES, passed=0.0, vols=Vols(flat=0.2)) is not None
    # once it has ended nobody asks for a volatility
    assert payoff(blind, MARKET, PRICES, passed=0.02) is not None


def test_without_price_or_forward_nothing_is_known() -> None:
    assert payoff([leg(1, FUT, expiry=NEAR)], MARKET, PRICES, passed=0.0) is None
    blind = replace(MARKET, expiries={NEAR: Expiry(years=0.02, forward=None)})
    assert payoff([option(1, CALL, 24_000.0)], blind, PRICES, passed=0.0) is None


def test_greeks_by_finite_differences_and_of_the_whole() -> None:
    held = option(1, CALL, 24_100.0)
    found = greeks(held, MARKET)

    def worth(forward: float = 24_080.0, vol: float = 0.14, years: float = 0.02) -> float:
        return black76(forward, 24_100.0, years, vol, RATE, "CE")

    assert found["delta"] == pytest.approx((worth(24_081.0) - worth(24_079.0)) / 2, rel=1e-5)
    gamma = worth(24_090.0) - 2 * worth() + worth(24_070.0)
    assert found["gamma"] == pytest.approx(gamma / 100, rel=1e-3)
    assert found["vega_per_pct"] == pytest.approx((worth(vol=0.145) - worth(vol=0.135)), rel=1e-4)
    slope = (worth(years=0.02 - 1e-6) - worth(years=0.02 + 1e-6)) / 2e-6
    assert found["theta_per_day"] == pytest.approx(slope / 365, rel=1e-5)
    legs = [replace(held, quantity=-65), leg(65, FUT, expiry=NEAR, price=24_080.0)]
    whole = net(legs, [greeks(each, MARKET) for each in legs], multiplier=10)
    assert whole["delta"] == pytest.approx(650 * (1 - found["delta"]))
    assert whole["gamma"] == pytest.approx(-650 * found["gamma"])


def test_a_future_under_bsm_stands_on_the_spot() -> None:
    spot = replace(MARKET, model="bsm")
    found = greeks(leg(1, FUT, expiry=FAR), spot)
    base = 24_220.0 * math.exp(-RATE * 0.11)

    def future(at: float = base, rate: float = RATE, years: float = 0.11) -> float:
        return at * math.exp(rate * years)

    assert found["delta"] == pytest.approx(future(base + 1) - future())
    assert found["theta_per_day"] == pytest.approx(
        (future(years=0.11 - 1e-5) - future(years=0.11 + 1e-5)) / 2e-5 / 365, rel=1e-6
    )
    assert found["rho_per_pct"] == pytest.approx(
        (future(rate=RATE + 1e-5) - future(rate=RATE - 1e-5)) / 2e-5 / 100, rel=1e-6
    )
    assert (found["gamma"], found["vega_per_pct"]) == (0.0, 0.0)


def test_a_greek_that_is_missing_leaves_the_sum_unknown() -> None:
    legs = [option(1, CALL, 24_000.0), replace(option(1, CALL, 24_000.0), iv=None)]
    whole = net(legs, [greeks(each, MARKET) for each in legs])
    assert set(whole.values()) == {None}


def test_net_premium_is_what_is_received_for_options_alone() -> None:
    legs = [option(65, CALL, 24_000.0, price=120.5), option(-65, CALL, 24_200.0, price=44.1),
            leg(65, FUT, expiry=NEAR, price=24_081.0)]  # fmt: skip
    assert net_premium(legs) == pytest.approx(-65 * 76.4)
    assert net_premium(legs, multiplier=100) == pytest.approx(-6_500 * 76.4)
    assert net_premium([replace(legs[0], price=None)]) is None
    assert str(net_premium(legs[2:])) == "0.0"
    short = [leg(-65, FUT, expiry=NEAR, price=24_080.0)]
    assert str(net(short, [greeks(short[0], MARKET)])["gamma"]) == "0.0"
