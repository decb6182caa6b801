"""The ways a block may take give one answer: near the money, series of any length, two tails."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from alphastock_cli.pricing import greeks, implied_vol_with_status, near_money, price, words
from alphastock_cli.pricing.normal import COARSE_SLOPE, SLOPE, Floats, Powers
from alphastock_cli.pricing.reduced import density_into, terms_for
from tests.unit.exact_options import Exact, apart, density, tail
from tests.unit.test_black76 import FIRST, columns, hard_rows, market_rows

PLACES = [0.0, 1e-9, 0.01, 0.3, 1.0, 2.2, 4.9, 7.9, 12.0, 20.0, 38.0]


@pytest.mark.parametrize(("coefficients", "bound"), [(SLOPE, 1e-15), (COARSE_SLOPE, 4e-7)])
def test_the_slope_of_the_tail_keeps_its_digits_where_one_less_the_tail_has_none(
    coefficients: Floats, bound: float
) -> None:
    powers = Powers(len(PLACES))
    powers.of[1][:] = PLACES
    powers.raise_all(len(PLACES), coefficients.shape[1] - 1)
    found = powers.ratio(coefficients, 0, len(PLACES))
    for z, slope in zip(PLACES, found, strict=True):
        with localcontext(prec=80):
            exact = 1 - Decimal(z) * tail(Decimal(z)) / density(Decimal(z))
        assert apart(slope, exact) < bound, z


def test_a_single_number_is_raised_as_in_a_crowd() -> None:
    crowd, alone = Powers(len(PLACES)), Powers(1)
    crowd.of[1][:] = PLACES
    crowd.raise_all(len(PLACES))
    many = crowd.ratio(SLOPE, 0, len(PLACES))
    for i, z in enumerate(PLACES):
        alone.of[1][:1] = z
        alone.raise_all(1)
        assert alone.ratio(SLOPE, 0, 1)[0] == many[i]
        assert crowd.ratio(SLOPE, i, i + 1)[0] == many[i]


def test_the_density_goes_down_to_the_last_float_and_then_to_zero() -> None:
    z = np.array([0.0, 1e-8, 1.5, 20.0, 37.0, 38.4, 39.0, 1e3, -2.0])
    found = np.empty_like(z)
    density_into(z, found)
    for place, value in zip(z[:5], found[:5], strict=True):
        with localcontext(prec=60):
            exact = (-(Decimal(float(place)) ** 2) / 2).exp()
        assert apart(value, exact) < 1e-15 + 2e-16 * place * place
    assert 0.0 < found[5] < 1e-300
    assert found[6:8].tolist() == [0.0, 0.0]
    assert found[8] == pytest.approx(math.exp(-2.0), rel=1e-15)


@pytest.mark.parametrize("deviation", [0.00719, 0.0379, 0.1069, 0.2169, 0.3999])
@pytest.mark.parametrize("h", [0.0, 0.5, 3.0, 6.0])
def test_no_term_too_few_at_the_far_end_of_each_length(deviation: float, h: float) -> None:
    strikes = 100.0 * np.exp(np.array([-h, h]) * deviation)
    found = greeks(100.0, strikes, 1.0, deviation, is_call=[False, True])
    for strike, worth, is_call in zip(strikes, found.price, (False, True), strict=True):
        exact = Exact(100.0, strike, 1.0, is_call=is_call).price(Decimal(deviation))
        assert apart(worth, exact) < 2e-15 + 8e-16 * h * h


@pytest.mark.parametrize("most", [1e-6, 0.0999, 0.1, 0.1001, 0.4, 1.2999])
def test_near_the_money_the_difference_of_two_tails_keeps_its_digits(most: float) -> None:
    distance = np.array([0.0, 1e-300, 1e-12, 1e-5, 0.03, 0.2, 0.5, 0.6999])
    distance = np.minimum(distance, 30.0 * most)
    s = np.full_like(distance, most)
    powers = Powers(s.size)
    powers.of[1][:] = h = distance / s
    powers.raise_all(s.size)
    slope = powers.ratio(SLOPE, 0, s.size)
    place = (distance, np.expm1(distance))
    found = near_money.bracket(slope, place, s, 0.5 * s, most, powers)
    for x, value, places in zip(distance, found, h, strict=True):
        with localcontext(prec=80):
            half = Decimal(most) / 2
            near, far = (Decimal(float(x)) / Decimal(most) + t for t in (-half, half))
            exact = tail(near) / density(near) - tail(far) / density(far)
        assert apart(value, exact) < 1.5e-15, places


@pytest.mark.parametrize("distance", [-0.7000001, -0.6999999, 0.6999999, 0.7000001])
@pytest.mark.parametrize("deviation", [0.05, 0.0999, 0.3999, 0.4001, 1.2999, 1.3001])
def test_where_the_ways_meet_each_has_all_digits(distance: float, deviation: float) -> None:
    strike = 100.0 * math.exp(distance)
    is_call, h = distance > 0.0, abs(distance) / deviation
    exact = Exact(100.0, strike, 1.0, is_call=is_call).price(Decimal(deviation))
    given = (100.0, strike, 1.0, deviation)
    for found in (price(*given, is_call=is_call), greeks(*given, is_call=is_call).price):
        assert apart(float(found), exact) < 2e-15 + 8e-16 * h * h


def test_longer_deviations_take_no_fewer_terms() -> None:
    lengths = [terms_for(s) for s in (1e-300, 0.007, 0.01, 0.05, 0.15, 0.3, 0.4)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (2, 6)


@pytest.mark.parametrize("model", ["black76", "bsm"])
def test_neighbours_choose_the_way_and_never_the_answer(model: str) -> None:
    some, calls = columns(market_rows(40, seed=1_301) + hard_rows(40, seed=1_302))
    alone = greeks(*some, is_call=calls, model=model)
    worth = price(*some, is_call=calls)
    for vol in (0.01, 4.0):  # in a crowd of short deviations, and of long ones
        others = (100.0, 101.0, 0.5, vol)
        crowd = [np.append(x, np.full(400, y)) for x, y in zip(some, others, strict=True)]
        flags = np.concatenate((calls, np.ones(400, dtype=bool)))
        found = greeks(*crowd, is_call=flags, model=model)
        for name in FIRST:
            np.testing.assert_allclose(getattr(found, name)[:80], getattr(alone, name), rtol=3e-15)
        np.testing.assert_allclose(price(*crowd, is_call=flags)[:80], worth, rtol=3e-15)


def test_without_interest_bad_rows_are_told_apart_as_with_it() -> None:
    nan, inf = math.nan, math.inf
    years = np.array([0.1, nan, inf, -inf, 0.0, -1.0, 0.1])
    for rate in (0.0, np.zeros(7)):
        vol, status = implied_vol_with_status(4.0, 100.0, 101.0, years, rate=rate, is_call=True)
        assert words(status).tolist() == [
            "ok", "bad_input", "bad_input", "bad_input", "expired", "expired", "ok",
        ]  # fmt: skip
        assert vol[0] == vol[6] > 0.0
        made = greeks(100.0, 101.0, years, 0.2, rate=rate, is_call=True)
        assert np.isnan(made.price).tolist() == [False, True, True, True, False, True, False]
        assert made.price[0] == made.price[6]
        assert np.isnan(price(100.0, 101.0, years, 0.2, rate=rate, is_call=True)[1:4]).all()


@pytest.mark.parametrize("shape", [(), (1,), (0,), (1, 1), (2, 1, 3), (0, 3), (3, 0)])
@pytest.mark.parametrize("model", ["black76", "bsm"])
def test_any_shape_comes_back(shape: tuple[int, ...], model: str) -> None:
    strikes = np.full(shape, 101.0)
    made = greeks(100.0, strikes, 0.1, 0.2, rate=0.05, is_call=True, model=model, second_order=True)
    vol, status = implied_vol_with_status(2.0, 100.0, strikes, 0.1, is_call=True)
    worth = price(100.0, strikes, 0.1, 0.2, is_call=True)
    for each in (made.price, made.theta_per_day, made.color, vol, status, worth):
        assert each.shape == shape
