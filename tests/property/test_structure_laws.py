"""Laws of payoffs: every structure leg by leg, its extremes and roots on a dense grid."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.analytics.structures import at_expiry, lognormal, probability
from alphastock_cli.domain.structure import Leg, LegKind

STRIKES = st.integers(1, 60).map(lambda n: n * 50.0)
PRICES = st.integers(0, 200_000).map(lambda paise: paise / 100.0)
UNITS = st.integers(-5, 5).filter(bool).map(lambda lots: lots * 65)
OPTIONS = st.builds(
    lambda kind, units, strike, price: Leg(
        underlying="X", kind=kind, quantity=units, strike=strike, price=price
    ),
    st.sampled_from([LegKind.CALL, LegKind.PUT]), UNITS, STRIKES, PRICES,
)  # fmt: skip
OTHERS = st.builds(
    lambda kind, units, price: Leg(underlying="X", kind=kind, quantity=units, price=price),
    st.sampled_from([LegKind.FUTURE, LegKind.SHARE]), UNITS, PRICES,
)  # fmt: skip
STRUCTURES = st.lists(OPTIONS | OTHERS, min_size=1, max_size=6)
GRID = np.arange(0.0, 4_000.0, 5.0)  # every strike is on it, and so every bend


def brute(legs: list[Leg], at: float) -> float:
    """Pay each leg out by itself: the second route."""
    total = 0.0
    for leg in legs:
        assert leg.price is not None
        paid = at
        if leg.strike is not None:
            paid = max(at - leg.strike if leg.kind is LegKind.CALL else leg.strike - at, 0.0)
        total += leg.quantity * (paid - leg.price)
    return total


@given(STRUCTURES)
def test_a_structure_pays_what_its_legs_pay(legs: list[Leg]) -> None:
    lines = at_expiry(legs)
    assert lines is not None
    want = np.array([brute(legs, float(x)) for x in GRID])
    assert np.allclose(lines.at(GRID), want, rtol=1e-12, atol=1e-6)


@given(STRUCTURES)
def test_extremes_are_those_of_a_dense_grid(legs: list[Leg]) -> None:
    lines = at_expiry(legs)
    assert lines is not None
    found, y = lines.extremes(), np.array([brute(legs, float(x)) for x in GRID])
    slope = sum(leg.quantity for leg in legs if leg.kind is not LegKind.PUT)
    assert (found.max_profit is None) == (slope > 0)
    assert (found.max_loss is None) == (slope < 0)
    if found.max_profit is not None:
        assert math.isclose(found.max_profit, y.max(), rel_tol=1e-12, abs_tol=1e-6)
    if found.max_loss is not None:
        assert math.isclose(found.max_loss, y.min(), rel_tol=1e-12, abs_tol=1e-6)


@given(STRUCTURES)
def test_roots_are_zero_and_every_change_of_sign_has_one(legs: list[Leg]) -> None:
    lines = at_expiry(legs)
    assert lines is not None
    roots = lines.extremes().breakevens
    assert list(roots) == sorted(set(roots))
    units = sum(abs(leg.quantity) for leg in legs)
    for root in roots:
        assert abs(brute(legs, root)) <= 1e-9 * units * (1 + root)
    y = np.array([brute(legs, float(x)) for x in GRID])
    for i in np.flatnonzero((y[:-1] < -1e-6) & (y[1:] > 1e-6) | (y[:-1] > 1e-6) & (y[1:] < -1e-6)):
        assert any(GRID[i] <= root <= GRID[i + 1] for root in roots)


@given(STRUCTURES)
def test_gains_are_where_the_payoff_is_above_zero(legs: list[Leg]) -> None:
    lines = at_expiry(legs)
    assert lines is not None
    gains = lines.extremes().gains
    for x in GRID[1:]:
        y = brute(legs, float(x))
        if abs(y) > 1e-6:
            assert any(low <= x <= high for low, high in gains) == (y > 0)


@given(STRUCTURES, st.floats(500, 2_500), st.floats(0.05, 0.6), st.floats(0.003, 0.5))
def test_winning_and_losing_are_the_whole(
    legs: list[Leg], forward: float, vol: float, years: float
) -> None:
    other = [
        Leg(underlying="X", kind=leg.kind, quantity=-leg.quantity, strike=leg.strike,
            price=leg.price)
        for leg in legs
    ]  # fmt: skip
    lines, turned = at_expiry(legs), at_expiry(other)
    assert lines is not None
    assert turned is not None
    cdf = lognormal(forward, vol, years)
    won = probability(lines.extremes().gains, cdf)
    lost = probability(turned.extremes().gains, cdf)
    flat = lines.slope == 0 and any(y == 0 for _, y in lines.points)
    edges = [(x, y) for x, y in lines.points if y == 0]
    if not flat and len(edges) < 2:  # no stretch of zeros: one of the two wins
        assert math.isclose(won + lost, 1.0, abs_tol=1e-12)
    assert won + lost <= 1.0 + 1e-12
    # and the one's worst is the other's best
    assert lines.extremes().max_loss == (
        None if turned.extremes().max_profit is None else -turned.extremes().max_profit
    )
