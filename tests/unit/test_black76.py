"""Prices and Greeks against 50 digits, at the limits, and for rows that are no option."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields
from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.typing import ArrayLike

from alphastock_cli.pricing import greeks, price
from alphastock_cli.pricing.black76 import BLOCK, Greeks
from alphastock_cli.pricing.normal import cdf, pdf, scaled_tail
from tests.unit.exact_options import Exact, apart, density, tail

FIRST = ("price", "delta", "gamma", "theta_per_year", "vega", "rho")
SHAPED = (*FIRST, "theta_per_day", "vega_per_pct", "rho_per_pct")
HIGHER = tuple(field.name for field in fields(Greeks) if field.name not in FIRST)

Row = tuple[float, float, float, float, bool]


def market_rows(count: int, *, seed: int) -> list[Row]:
    """Return options as a market has them: forward, strike, years, volatility, call."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    while len(rows) < count:
        years = math.exp(rng.uniform(math.log(1 / 8760), math.log(400 / 365)))
        vol = rng.uniform(0.05, 1.2)
        strike = 25000.0 * math.exp(vol * math.sqrt(years) * rng.uniform(-6.0, 6.0))
        rows.append((25000.0, strike, years, vol, bool(rng.integers(2))))
    return rows


def hard_rows(count: int, *, seed: int) -> list[Row]:
    """Return options far out, a minute or years before expiry, at any volatility."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    while len(rows) < count:
        years = math.exp(rng.uniform(math.log(1 / 525600), math.log(5.0)))
        vol = math.exp(rng.uniform(math.log(1e-3), math.log(5.0)))
        distance = rng.uniform(-3.0, 3.0) * rng.uniform()
        if abs(distance) < 36.0 * vol * math.sqrt(years):
            strike = 100.0 * math.exp(distance)
            rows.append((100.0, strike, years, vol, bool(rng.integers(2))))
    return rows


def out_of_money(row: Row) -> bool:
    forward, strike, *_, is_call = row
    return forward <= strike if is_call else forward >= strike


def columns(rows: list[Row]) -> tuple[list[ArrayLike], ArrayLike]:
    *numbers, calls = zip(*rows, strict=True)
    return [np.array(each) for each in numbers], np.array(calls)


@pytest.mark.parametrize("z", [0.0, 1e-9, 0.3, 1.0, 2.5, 4.9, 5.1, 7.9, 8.1, 15.0, 37.0, 1e3])
def test_the_scaled_tail_keeps_all_digits(z: float) -> None:
    with localcontext(prec=60):
        exact = (
            tail(Decimal(z)) / density(Decimal(z))
            if z < 1e3
            else 1 / (Decimal(z) + 1 / (Decimal(z) + 2 / Decimal(z)))
        )
    assert apart(float(scaled_tail(z)), exact) < 6e-16


def test_the_normal_law_in_both_tails_and_at_infinity() -> None:
    for z in (-37.0, -8.0, -1.5, -0.2, 0.0, 0.7, 3.0, 8.0):
        with localcontext(prec=60):
            exact = tail(Decimal(-z))
        assert apart(float(cdf(z)), exact) < 1e-15 + 2e-16 * z * z
    assert cdf([-np.inf, np.inf]).tolist() == [0.0, 1.0]
    assert pdf([-np.inf, np.inf]).tolist() == [0.0, 0.0]
    assert np.isnan([cdf(np.nan), pdf(np.nan), scaled_tail(np.nan)]).all()
    assert scaled_tail(-2.0) == pytest.approx(cdf(2.0) / pdf(2.0), rel=1e-14)
    assert scaled_tail(-50.0) == np.inf


@pytest.mark.parametrize(
    ("rows", "bound"),
    [(market_rows(150, seed=4), 5e-14), (hard_rows(150, seed=5), 1e-12)],
    ids=["market", "hard"],
)
def test_price_and_greeks_have_the_digits_of_a_float(rows: list[Row], bound: float) -> None:
    numbers, calls = columns(rows)
    prices = price(*numbers, is_call=calls)
    found = greeks(*numbers, is_call=calls)
    for i, (forward, strike, years, vol, is_call) in enumerate(rows):
        exact = Exact(forward, strike, years, is_call=is_call)
        sigma = Decimal(vol)
        worth = exact.price(sigma)
        # in the money the two must agree to the rounding of the price
        limit = bound if out_of_money(rows[i]) else 2e-15
        assert apart(prices[i], worth) < limit, rows[i]
        assert apart(found.price[i], worth) < limit, rows[i]
        with localcontext(prec=60):
            d1 = exact.places(sigma)[0]
            slope = density(d1)
            deviation = sigma * exact.years.sqrt()
            delta = tail(-d1) if is_call else -tail(d1)
            known = {
                "delta": delta,
                "gamma": slope / (exact.forward * deviation),
                "vega": exact.vega(sigma),
                "theta_per_year": -exact.forward * slope * sigma / (2 * exact.years.sqrt()),
                "rho": -exact.years * worth,
            }
        for name, value in known.items():
            assert apart(getattr(found, name)[i], value) < bound, (name, rows[i])


@pytest.mark.parametrize("strike", [100.0, 100.5, 130.0, 400.0, 1300.0])
@pytest.mark.parametrize("deviation", [1e-6, 0.05, 0.399, 0.3999999, 0.4000001, 0.7, 1.4, 4.0])
def test_the_two_ways_to_a_price_meet_without_a_seam(strike: float, deviation: float) -> None:
    exact = Exact(100.0, strike, 1.0, is_call=True)
    worth = exact.price(Decimal(deviation))
    if worth > Decimal("1e-300"):
        h = abs(math.log(strike / 100.0)) / deviation
        for found in (
            price(100.0, strike, 1.0, deviation, is_call=True),
            greeks(100.0, strike, 1.0, deviation, is_call=True).price,
        ):
            assert apart(float(found), worth) < 5e-15 + 8e-16 * h * h


def test_importing_the_mathematics_loads_numpy_and_nothing_else_of_weight() -> None:
    code = "import sys, alphastock_cli.pricing; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"scipy", "polars", "numba", "pandas", "rich", "typer"}


def test_spot_greeks_are_right_where_volatility_is_high() -> None:
    # probabilities near one and near zero in one option: neither may be one minus the other
    spot, strike, years, vol, rate, paid = 100.0, 90.0, 5.0, 4.0, 0.06, 0.02
    with localcontext(prec=60):
        t = Decimal(years)
        drift = (Decimal(rate) - Decimal(paid)) * t
        deviation = Decimal(vol) * t.sqrt()
        d1 = ((Decimal(spot) / Decimal(strike)).ln() + drift) / deviation + deviation / 2
        d2 = d1 - deviation
        held, discount = (-Decimal(paid) * t).exp(), (-Decimal(rate) * t).exp()
        call_delta, put_delta = held * tail(-d1), -held * tail(d1)
        call_rho = Decimal(strike) * t * discount * tail(-d2)
        put_rho = -Decimal(strike) * t * discount * tail(d2)
    given = {"rate": rate, "dividend_yield": paid, "model": "bsm"}
    call = greeks(spot, strike, years, vol, is_call=True, **given)
    put = greeks(spot, strike, years, vol, is_call=False, **given)
    assert apart(float(call.delta), call_delta) < 1e-14
    assert apart(float(put.delta), put_delta) < 1e-13
    assert apart(float(call.rho), call_rho) < 1e-13
    assert apart(float(put.rho), put_rho) < 1e-14


def test_black_scholes_merton_is_black_on_its_forward() -> None:
    spot, rate, paid, years = 24_500.0, 0.066, 0.012, 0.21
    strike = np.array([20_000.0, 24_000.0, 24_777.0, 31_000.0])
    forward = spot * math.exp((rate - paid) * years)
    given = {"rate": rate, "is_call": [True, False, True, False], "second_order": True}
    on_spot = greeks(spot, strike, years, 0.17, model="bsm", dividend_yield=paid, **given)
    on_forward = greeks(forward, strike, years, 0.17, **given)
    growth = forward / spot
    np.testing.assert_allclose(on_spot.price, on_forward.price, rtol=1e-12)
    np.testing.assert_allclose(on_spot.delta, on_forward.delta * growth, rtol=1e-12)
    np.testing.assert_allclose(on_spot.gamma, on_forward.gamma * growth**2, rtol=1e-12)
    np.testing.assert_allclose(on_spot.vega, on_forward.vega, rtol=1e-12)
    # the forward moves with the rate when the spot stands still
    moved = on_forward.rho + on_forward.delta * forward * years
    np.testing.assert_allclose(on_spot.rho, moved, rtol=1e-10)
    passing = on_forward.theta_per_year - on_forward.delta * forward * (rate - paid)
    np.testing.assert_allclose(on_spot.theta_per_year, passing, rtol=1e-10)
    assert np.isnan(on_forward.epsilon).all()
    assert np.isfinite(on_spot.epsilon).all()


def test_units_for_people_are_the_raw_ones_divided() -> None:
    found = greeks(100.0, 105.0, 0.5, 0.2, rate=0.07, is_call=True)
    assert found.theta_per_day == found.theta_per_year / 365
    assert found.vega_per_pct == found.vega / 100
    assert found.rho_per_pct == found.rho / 100
    assert all(getattr(found, name) is None for name in HIGHER)


@pytest.mark.parametrize("model", ["black76", "bsm"])
@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.2), (0.5, 0.0), (0.0, 0.0)])
def test_with_nothing_left_greeks_are_their_limits(model: str, years: float, vol: float) -> None:
    strike = np.array([80.0, 120.0])
    discount = math.exp(-0.07 * years)
    given = {"rate": 0.07, "model": model, "second_order": True}
    call = greeks(100.0, strike, years, vol, is_call=True, **given)
    put = greeks(100.0, strike, years, vol, is_call=False, **given)
    grown = 100.0 * (math.exp(0.07 * years) if model == "bsm" else 1.0)
    np.testing.assert_allclose(call.price, [(grown - 80.0) * discount, 0.0], rtol=1e-14)
    np.testing.assert_allclose(put.price, [0.0, (120.0 - grown) * discount], rtol=1e-14)
    full = 1.0 if model == "bsm" else discount
    np.testing.assert_allclose(call.delta, [full, 0.0], rtol=1e-14)
    np.testing.assert_allclose(put.delta, [0.0, -full], rtol=1e-14)
    for name in ("gamma", "vega", "vanna", "volga", "speed", "color", "veta", "zomma", "ultima"):
        assert (getattr(call, name) == 0.0).all(), name
    assert np.isfinite([call.theta_per_year, call.rho, call.charm]).all()
    assert np.isnan(call.elasticity[1])  # of a price of zero


def test_at_the_strike_with_nothing_left_gamma_has_no_number() -> None:
    for years, vol in ((0.0, 0.2), (0.3, 0.0)):
        found = greeks(100.0, 100.0, years, vol, is_call=True, second_order=True)
        assert found.price == 0.0
        assert found.delta == 0.5
        assert np.isnan(found.gamma)
        assert np.isnan([getattr(found, name) for name in HIGHER]).all()
        assert np.isnan(found.theta_per_year) == (years == 0.0)


BAD = [
    (np.nan, 100.0, 0.1, 0.2, 0.05),
    (100.0, np.nan, 0.1, 0.2, 0.05),
    (100.0, 100.0, np.nan, 0.2, 0.05),
    (100.0, 100.0, 0.1, np.nan, 0.05),
    (100.0, 100.0, 0.1, 0.2, np.nan),
    (0.0, 100.0, 0.1, 0.2, 0.05),
    (100.0, 0.0, 0.1, 0.2, 0.05),
    (-100.0, -100.0, 0.1, 0.2, 0.05),
    (-100.0, 100.0, 0.1, 0.2, 0.05),
    (100.0, 100.0, -0.1, 0.2, 0.05),
    (100.0, 100.0, 0.1, -0.2, 0.05),
    (100.0, 90.0, 0.0, -0.2, 0.05),
    (100.0, 90.0, -0.1, 0.0, 0.05),
    (np.inf, 100.0, 0.1, 0.2, 0.05),
    (100.0, np.inf, 0.1, 0.2, 0.05),
    (np.inf, np.inf, 0.1, 0.2, 0.05),
    (100.0, 100.0, np.inf, 0.2, 0.05),
    (100.0, 100.0, 0.1, np.inf, 0.05),
    (100.0, 100.0, 0.0, np.inf, 0.05),
    (100.0, 100.0, 0.1, 0.2, np.inf),
    (100.0, 100.0, 0.1, 0.2, -np.inf),
]


@pytest.mark.parametrize("model", ["black76", "bsm"])
def test_what_is_no_option_is_nan_and_disturbs_nobody(model: str) -> None:
    good = (100.0, 95.0, 0.3, 0.25, 0.06)
    rows = np.array([each for bad in BAD for each in (good, bad)])
    calls = np.arange(len(rows)) % 4 < 2
    alone = np.tile(good, (len(rows), 1))
    mixed = greeks(*rows.T[:4], rate=rows[:, 4], is_call=calls, model=model, second_order=True)
    clean = greeks(*alone.T[:4], rate=alone[:, 4], is_call=calls, model=model, second_order=True)
    for name in (*SHAPED, *HIGHER):
        found, expected = getattr(mixed, name), getattr(clean, name)
        assert np.isnan(found[1::2]).all(), name
        np.testing.assert_array_equal(found[::2], expected[::2])
    if model == "black76":
        prices = price(*rows.T[:4], rate=rows[:, 4], is_call=calls)
        assert np.isnan(prices[1::2]).all()
        clean_prices = price(*alone.T[:4], rate=alone[:, 4], is_call=calls)
        np.testing.assert_array_equal(prices[::2], clean_prices[::2])


def test_an_infinite_deviation_is_worth_the_whole_bound() -> None:
    # time and volatility finite, their product beyond any probability
    assert price(100.0, 120.0, 1e10, 1e3, is_call=True) == pytest.approx(100.0, rel=1e-15)
    assert price(100.0, 120.0, 1e10, 1e3, is_call=False) == pytest.approx(120.0, rel=1e-15)
    assert greeks(100.0, 120.0, 1e10, 1e3, is_call=True).delta == pytest.approx(1.0, rel=1e-15)


def test_shapes_broadcast_and_numbers_stay_numbers() -> None:
    strikes = np.array([90.0, 100.0, 110.0])
    years = np.array([[0.1], [0.5]])
    found = greeks(100.0, strikes, years, 0.2, is_call=[True, False, True], second_order=True)
    assert all(getattr(found, name).shape == (2, 3) for name in (*SHAPED, *HIGHER))
    assert price(100.0, strikes, years, 0.2, is_call=True).shape == (2, 3)
    assert price(100.0, 90.0, 0.1, 0.2, is_call=True).shape == ()
    assert greeks(100.0, 90.0, 0.1, 0.2, is_call=True).delta.shape == ()
    assert price([], 90.0, 0.1, 0.2, is_call=True).shape == (0,)
    assert greeks([], 90.0, 0.1, 0.2, is_call=True).theta_per_day.shape == (0,)
    assert price([[100.0]], 90.0, 0.1, 0.2, is_call=True).shape == (1, 1)


@pytest.mark.parametrize("model", ["black76", "bsm"])
def test_a_row_is_worth_the_same_alone_and_in_a_crowd(model: str) -> None:
    numbers, calls = columns(market_rows(BLOCK + 700, seed=8) + hard_rows(300, seed=9))
    crowd = greeks(*numbers, is_call=calls, model=model)
    prices = price(*numbers, is_call=calls)
    for i in (0, 3, BLOCK - 1, BLOCK, BLOCK + 705, len(calls) - 1):
        row = [each[i] for each in numbers]
        alone = greeks(*row, is_call=calls[i], model=model)
        for name in FIRST:
            # to the last digit or two: a matrix product may round by its width
            expected = getattr(crowd, name)[i]
            assert getattr(alone, name) == pytest.approx(expected, rel=2e-15, abs=0.0), name
        assert price(*row, is_call=calls[i]) == pytest.approx(prices[i], rel=2e-15, abs=0.0)


def test_arguments_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown model 'heston'"):
        greeks(100.0, 100.0, 0.1, 0.2, is_call=True, model="heston")
    with pytest.raises(ValueError, match="needs model='bsm'"):
        greeks(100.0, 100.0, 0.1, 0.2, is_call=True, dividend_yield=0.01)
    with pytest.raises(ValueError, match="shape"):
        price([100.0, 101.0], [90.0, 91.0, 92.0], 0.1, 0.2, is_call=True)
