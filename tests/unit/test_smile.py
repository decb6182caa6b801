"""SVI: known parameters come back, its distribution agrees with prices, arbitrage is seen."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from alphastock_cli.analytics import _svi
from alphastock_cli.analytics import smile as smiles
from alphastock_cli.analytics.smile import Svi, fit
from tests.unit.chain_market import black76

NIFTY_LIKE = Svi(a=0.0004, b=0.012, rho=-0.35, m=0.004, sigma=0.03, years=0.1)
# Axel Vogt's on the Wilmott forum, in Gatheral & Jacquier (2014), example 3.1
VOGT = Svi(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153, years=1.0)
N = NormalDist().cdf


def strikes(count: int = 31, reach: float = 0.12) -> np.ndarray:
    return np.linspace(-reach, reach, count)


@pytest.mark.parametrize("seed", range(12))
def test_known_parameters_come_back(seed: int) -> None:
    random = np.random.default_rng(seed)
    years = random.uniform(0.01, 1.0)
    root = math.sqrt(years)
    want = Svi(
        a=random.uniform(0.001, 0.02) * years, b=random.uniform(0.02, 0.15) * root,
        rho=random.uniform(-0.8, 0.4), m=random.uniform(-0.05, 0.05) * root,
        sigma=random.uniform(0.05, 0.25) * root, years=years,
    )  # fmt: skip
    k = np.linspace(-0.6, 0.5, 41) * root
    got = fit(k, want.vol(k), years=years)
    assert got is not None
    for name in ("a", "b", "rho", "m", "sigma"):
        assert getattr(got, name) == pytest.approx(getattr(want, name), rel=1e-4, abs=1e-7), name
    assert got.rms_error < 1e-8
    assert got.points == 41


def test_a_flat_smile_is_flat() -> None:
    got = fit(strikes(), np.full(31, 0.14), years=0.1)
    assert got is not None
    assert got.vol([-1.0, 0.0, 1.0]) == pytest.approx(0.14, rel=1e-9)
    assert got.butterfly_free


def test_noise_is_smoothed_and_weights_say_which_points_count() -> None:
    k = strikes()
    noisy = NIFTY_LIKE.vol(k) + np.random.default_rng(5).normal(0.0, 0.001, k.size)
    got = fit(k, noisy, years=0.1)
    assert got is not None
    assert got.vol(k) == pytest.approx(NIFTY_LIKE.vol(k), abs=0.0015)
    assert 0.0003 < got.rms_error < 0.0015
    wrong, weight = NIFTY_LIKE.vol(k), np.ones(k.size)
    wrong[15], weight[15] = 0.5, 1e-12
    got = fit(k, wrong, years=0.1, weights=weight)
    assert got is not None
    assert got.vol(k[15]) == pytest.approx(NIFTY_LIKE.vol(k[15]), abs=1e-5)


def test_fewer_points_than_parameters_and_bad_rows_are_no_fit() -> None:
    k = strikes(5)
    assert fit(k, NIFTY_LIKE.vol(k), years=0.1) is not None
    assert fit(k[:4], NIFTY_LIKE.vol(k[:4]), years=0.1) is None
    assert fit([0.0] * 9, [0.14] * 9, years=0.1) is None, "one strike nine times"
    assert fit(k, NIFTY_LIKE.vol(k), years=0.0) is None
    assert fit(k, NIFTY_LIKE.vol(k), years=math.nan) is None
    assert fit([], [], years=0.1) is None
    holes = NIFTY_LIKE.vol(k).copy()
    holes[2] = math.nan
    assert fit(k, holes, years=0.1) is None
    assert fit(k, [0.14, -0.14, 0.0, math.inf, 0.14], years=0.1) is None
    with pytest.raises(ValueError, match="volatilities"):
        fit(k, [0.14], years=0.1)


def test_what_svi_cannot_bend_to_is_no_fit() -> None:
    k = strikes(20)
    saw = np.where(np.arange(20) % 2, 0.10, 0.40)
    assert fit(k, saw, years=0.1) is None


def test_wings_stay_inside_the_bound_of_lee() -> None:
    k = np.linspace(-0.5, 0.5, 21)
    steep = np.sqrt(0.02 + 5.0 * np.abs(k))  # no arbitrage-free smile is that steep
    got = fit(k, steep, years=1.0)
    assert got is None or got.b * (1 + abs(got.rho)) <= 2.0 + 1e-9


def digital(smile: Svi, k: float, step: float = 1e-5) -> float:
    """Probability by the definition: how much an undiscounted put gains on its strike."""

    def put(at: float) -> float:
        vol = float(smile.vol(math.log(at)))
        return black76(1.0, at, smile.years, vol, 0.0, "PE")

    strike = math.exp(k)
    return (put(strike + step * strike) - put(strike - step * strike)) / (2 * step * strike)


@pytest.mark.parametrize("k", [-0.1, -0.04, -0.01, 0.0, 0.02, 0.05])
def test_the_distribution_is_that_of_digital_options(k: float) -> None:
    assert float(NIFTY_LIKE.cdf(k)) == pytest.approx(digital(NIFTY_LIKE, k), abs=2e-8)


def test_the_density_adds_up_to_the_distribution_and_holds_the_forward() -> None:
    k = np.linspace(-1.5, 1.0, 200_001)
    density = NIFTY_LIKE.density(k)
    assert np.trapezoid(density, k) == pytest.approx(1.0, abs=1e-9)
    assert np.trapezoid(density * np.exp(k), k) == pytest.approx(1.0, abs=1e-9)
    below = k <= 0.01
    part = np.trapezoid(density[below], k[below])
    assert part == pytest.approx(float(NIFTY_LIKE.cdf(k[below][-1])), abs=1e-8)


def test_a_flat_smile_has_the_lognormal_law() -> None:
    flat = Svi(a=0.0025, b=0.0, rho=0.0, m=0.0, sigma=0.1, years=0.25)
    for k in (-0.2, 0.0, 0.07):
        assert float(flat.cdf(k)) == pytest.approx(N(k / 0.05 + 0.025), rel=1e-13)
        want = NormalDist(-0.00125, 0.05).pdf(k)
        assert float(flat.density(k)) == pytest.approx(want, rel=1e-12)


def test_the_arbitrage_of_vogt_is_found() -> None:
    got = smiles.checked(VOGT)
    assert not got.butterfly_free
    assert got.lowest_density < -1e-5
    # by hand: the second difference of call prices in the strike is below zero there
    at = math.exp(0.8)

    def call(strike: float) -> float:
        return black76(1.0, strike, 1.0, float(VOGT.vol(math.log(strike))), 0.0, "CE")

    assert call(at * 0.99) - 2 * call(at) + call(at * 1.01) < 0
    assert float(VOGT.density(0.8)) < 0
    fitted = fit(np.linspace(-1.5, 1.5, 61), VOGT.vol(np.linspace(-1.5, 1.5, 61)), years=1.0)
    assert fitted is not None
    assert not fitted.butterfly_free


@pytest.mark.parametrize("seed", range(10))
def test_a_fit_that_is_called_free_has_a_distribution(seed: int) -> None:
    """Noise makes the nearest smile one with arbitrage; what is taken instead is as near."""
    random = np.random.default_rng(seed)
    k = np.linspace(-0.08, 0.06, 45)
    vol = NIFTY_LIKE.vol(k) + random.normal(0.0, 0.003, k.size)
    got = fit(k, vol, years=0.1)
    assert got is not None
    assert got.rms_error < 0.005
    if got.butterfly_free:
        grid = np.linspace(-3.0, 3.0, 60_001)
        assert got.density(grid).min() >= -1e-9
        cdf = got.cdf(grid)
        assert np.diff(cdf).min() >= -1e-12
        assert (cdf[0], cdf[-1]) == pytest.approx((0.0, 1.0), abs=1e-6)
    else:
        assert got.lowest_density < 0


def test_a_smile_with_arbitrage_is_replaced_by_one_that_is_about_as_near() -> None:
    """Vogt's, seen over fewer strikes: the arbitrage lies beyond, another curve does without."""
    k = np.linspace(-0.5, 0.5, 41)
    vol = VOGT.vol(k)
    nearest = _svi.solve_raw(k, vol * vol, 1.0 / (2.0 * vol) ** 2)
    assert nearest is not None
    assert nearest.m == pytest.approx(VOGT.m, rel=1e-4)
    got = fit(k, vol, years=1.0)
    assert got is not None
    assert got.butterfly_free
    assert got.rms_error < 0.001
    assert float(np.abs(got.vol(k) - vol).max()) < 0.003
    assert got.density(np.linspace(-5.0, 5.0, 20_001)).min() >= 0


def test_a_sound_smile_and_one_with_wings_too_steep() -> None:
    assert smiles.checked(NIFTY_LIKE).butterfly_free
    assert smiles.checked(NIFTY_LIKE).lowest_density >= 0
    # a slope of 3 passes the bound of 4 and is arbitrage all the same
    steep = replace(VOGT, a=0.04, b=2.5, rho=0.2, m=0.0, sigma=0.5)
    assert not smiles.checked(steep).butterfly_free
    assert float(smiles.durrleman(steep, 500.0)) < 0


def test_from_a_chain_only_the_options_out_of_the_money_count() -> None:
    rows = []
    for k in strikes(21):
        for kind in ("CE", "PE"):
            out = (kind == "CE") == (k >= 0)
            vol = float(NIFTY_LIKE.vol(k)) if out else 0.9
            rows.append({"option_type": kind, "log_moneyness": k, "iv": vol, "vega_per_pct": 1.0})
    rows[0]["iv"] = None
    got = smiles.from_chain(pl.DataFrame(rows), years=0.1)
    assert got is not None
    assert got.rms_error < 1e-6
    assert got.points == 21
    assert smiles.from_chain(pl.DataFrame(rows).head(8), years=0.1) is None
