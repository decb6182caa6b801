"""Payoffs at expiry by hand, and probabilities against an integral and a seeded simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphastock_cli.analytics.structures import at_expiry, lognormal, on_grid, probability
from alphastock_cli.domain.structure import Leg, LegKind

CALL, PUT, FUT, EQ = LegKind.CALL, LegKind.PUT, LegKind.FUTURE, LegKind.SHARE


def leg(quantity: int, kind: LegKind, strike: float | None, price: float | None) -> Leg:
    return Leg(underlying="X", kind=kind, quantity=quantity, strike=strike, price=price)


def known(*legs: Leg, multiplier: int = 1):
    lines = at_expiry(legs, multiplier=multiplier)
    assert lines is not None
    return lines, lines.extremes()


def test_a_bull_call_spread_by_hand() -> None:
    # 75 x (200 wide - 80.35 paid) and 75 x 80.35, the root at 24000 + 80.35
    lines, found = known(leg(75, CALL, 24_000, 150.45), leg(-75, CALL, 24_200, 70.10))
    assert (found.max_profit, found.max_loss) == (8_973.75, -6_026.25)
    assert found.breakevens == (24_080.35,)
    assert found.gains == ((24_080.35, math.inf),)
    assert found.exact
    at = lines.at(np.array([0.0, 24_000.0, 24_100.0, 24_200.0, 30_000.0]))
    assert at.tolist() == [-6_026.25, -6_026.25, 1_473.75, 8_973.75, 8_973.75]


def test_an_iron_condor_by_hand() -> None:
    # credit 12.5 + 14.25 - 4.1 - 5.05 = 17.60 a unit, wings 200: loss 182.40 a unit
    lines, found = known(
        leg(50, PUT, 23_400, 4.1), leg(-50, PUT, 23_600, 12.5),
        leg(-50, CALL, 24_400, 14.25), leg(50, CALL, 24_600, 5.05),
    )  # fmt: skip
    assert (found.max_profit, found.max_loss) == (880.0, -9_120.0)
    assert found.breakevens == (23_582.4, 24_417.6)
    assert found.gains == ((23_582.4, 24_417.6),)
    assert lines.slope == 0


def test_a_covered_call_and_a_collar_by_hand() -> None:
    _, covered = known(leg(100, EQ, None, 1_500.0), leg(-100, CALL, 1_560, 22.0))
    assert (covered.max_profit, covered.max_loss) == (8_200.0, -147_800.0)
    assert covered.breakevens == (1_478.0,)
    _, collar = known(
        leg(100, EQ, None, 1_500.0), leg(-100, CALL, 1_560, 22.0), leg(100, PUT, 1_440, 17.0)
    )
    assert (collar.max_profit, collar.max_loss) == (6_500.0, -5_500.0)
    assert collar.breakevens == (1_495.0,)


@pytest.mark.parametrize(
    ("legs", "profit", "loss", "roots"),
    [
        # naked, each way: a call sold has no bound, a put sold loses no more than its strike
        ([(1, CALL, 100, 4.0)], None, -4.0, (104.0,)),
        ([(-1, CALL, 100, 4.0)], 4.0, None, (104.0,)),
        ([(1, PUT, 100, 3.0)], 97.0, -3.0, (97.0,)),
        ([(-1, PUT, 100, 3.0)], 3.0, -97.0, (97.0,)),
        ([(1, FUT, None, 100.0)], None, -100.0, (100.0,)),
        ([(-1, FUT, None, 100.0)], 100.0, None, (100.0,)),
        # one against two: unbounded where the second call is naked
        ([(1, CALL, 100, 5.0), (-2, CALL, 110, 2.0)], 9.0, None, (101.0, 119.0)),
        ([(-1, CALL, 100, 5.0), (2, CALL, 110, 2.0)], None, -9.0, (101.0, 119.0)),
        # a straddle, a box: the box earns the same wherever the price ends
        ([(-1, CALL, 100, 4.0), (-1, PUT, 100, 3.0)], 7.0, None, (93.0, 107.0)),
        ([(1, CALL, 90, 12.0), (-1, CALL, 110, 3.0), (1, PUT, 110, 14.0), (-1, PUT, 90, 4.0)],
         1.0, 1.0, ()),
        # free of charge: zero below the strike is the edge, not a crossing
        ([(1, CALL, 100, 0.0)], None, 0.0, (100.0,)),
        # zero throughout: no root, no gain
        ([(1, CALL, 100, 4.0), (-1, CALL, 100, 4.0)], 0.0, 0.0, ()),
        # touching zero at a strike alone
        ([(-1, CALL, 100, 0.0), (-1, PUT, 100, 0.0)], 0.0, None, (100.0,)),
    ],
)  # fmt: skip
def test_extremes_and_roots_by_hand(legs, profit, loss, roots) -> None:
    _, found = known(*(leg(*each) for each in legs))
    assert (found.max_profit, found.max_loss, found.breakevens) == (profit, loss, roots)


def test_a_multiplier_is_in_every_rupee() -> None:
    _, one = known(leg(1, CALL, 6_000, 90.0), leg(-1, CALL, 6_100, 50.0))
    _, many = known(leg(1, CALL, 6_000, 90.0), leg(-1, CALL, 6_100, 50.0), multiplier=100)
    assert (many.max_profit, many.max_loss) == (one.max_profit * 100, one.max_loss * 100)
    assert many.breakevens == one.breakevens


def test_without_a_price_nothing_is_known() -> None:
    assert at_expiry([leg(1, CALL, 100, 4.0), leg(-1, CALL, 110, None)]) is None


def test_a_call_and_a_put_sold_are_the_future() -> None:
    synthetic, _ = known(leg(10, CALL, 24_000, 210.5), leg(-10, PUT, 24_000, 190.25))
    future, found = known(leg(10, FUT, None, 24_020.25))
    prices = np.linspace(0.0, 50_000.0, 501)
    assert synthetic.at(prices).tolist() == future.at(prices).tolist()
    assert synthetic.extremes() == found


CONDOR = ((23_582.4, 24_417.6),)


@pytest.mark.parametrize("gains", [CONDOR, ((24_080.35, math.inf),), ((0.0, 23_900.0),),
                                   ((0.0, 23_500.0), (24_500.0, math.inf))])  # fmt: skip
def test_the_odds_by_integral_and_by_simulation(gains: tuple[tuple[float, float], ...]) -> None:
    forward, vol, years = 24_050.0, 0.14, 9 / 365
    spread = vol * math.sqrt(years)
    got = probability(gains, lognormal(forward, vol, years))
    # the density of the price itself, by the trapezoidal rule
    x = np.linspace(10_000.0, 50_000.0, 2_000_001)
    density = np.exp(-((np.log(x / forward) + spread**2 / 2) ** 2) / (2 * spread**2))
    density /= x * spread * math.sqrt(2 * math.pi)
    inside = np.zeros_like(x, dtype=bool)
    for low, high in gains:
        inside |= (x > low) & (x < high)
    assert got == pytest.approx(np.trapezoid(np.where(inside, density, 0.0), x), abs=2e-5)
    drawn = np.random.default_rng(5).standard_normal(400_000)
    ends = forward * np.exp(spread * drawn - spread**2 / 2)
    won = np.zeros(ends.shape, dtype=bool)
    for low, high in gains:
        won |= (ends > low) & (ends < high)
    assert got == pytest.approx(won.mean(), abs=4 * math.sqrt(0.25 / ends.size))


def test_the_odds_of_all_and_of_nothing() -> None:
    cdf = lognormal(100.0, 0.2, 0.1)
    assert probability(((0.0, math.inf),), cdf) == 1.0
    assert probability((), cdf) == 0.0


def test_a_grid_finds_what_is_exact_within_its_word() -> None:
    lines, exact = known(
        leg(50, PUT, 23_400, 4.1), leg(-50, PUT, 23_600, 12.5),
        leg(-50, CALL, 24_400, 14.25), leg(50, CALL, 24_600, 5.05),
    )  # fmt: skip
    found = on_grid(lines.at, np.linspace(0.0, 40_000.0, 2_001), right=0)
    assert not found.exact
    assert found.max_profit == pytest.approx(exact.max_profit)
    assert found.max_loss == pytest.approx(exact.max_loss)
    assert found.breakevens == pytest.approx(exact.breakevens)
    assert found.gains == (pytest.approx(exact.gains[0]),)


def test_a_grid_knows_what_is_unbounded_from_the_units() -> None:
    lines, _ = known(leg(-1, CALL, 100, 4.0))
    prices = np.linspace(0.0, 300.0, 601)
    found = on_grid(lines.at, prices, right=-1)
    assert (found.max_profit, found.max_loss) == (4.0, None)
    assert found.gains == ((0.0, pytest.approx(104.0)),)
    long, _ = known(leg(1, CALL, 100, 4.0))
    assert on_grid(long.at, prices, right=1).gains == ((pytest.approx(104.0), math.inf),)
