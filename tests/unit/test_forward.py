"""Forwards by parity and from the spot, basis and carry."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alphastock_cli.pricing import price
from alphastock_cli.pricing.forward import basis, carry, forward_by_parity, forward_from_spot

FORWARD, YEARS, RATE = 24_880.0, 0.05, 0.065
DISCOUNT = math.exp(-RATE * YEARS)
STRIKES = np.arange(23_000.0, 27_000.0, 50.0)


def chain(forward: float = FORWARD) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    smile = 0.13 + 2.0 * np.log(STRIKES / forward) ** 2
    call = price(forward, STRIKES, YEARS, smile, rate=RATE, is_call=True)
    put = price(forward, STRIKES, YEARS, smile, rate=RATE, is_call=False)
    return STRIKES.copy(), call, put


def test_parity_finds_the_forward_of_any_smile() -> None:
    found = forward_by_parity(*chain(), discount=DISCOUNT)
    assert found.strikes == 5
    assert found.value == pytest.approx(FORWARD, rel=1e-13)


def test_parity_grosses_the_difference_up() -> None:
    # one strike: call - put is the discounted distance, not the distance
    found = forward_by_parity([100.0], [12.0], [3.0], discount=0.9)
    assert found == (110.0, 1)


def test_stale_quotes_pass_without_a_trace() -> None:
    strikes, call, put = chain()
    at = int(np.argmin(np.abs(strikes - FORWARD)))
    call[at] += 90.0  # next to the money
    put[at + 2] *= 1.5
    call[3] = put[3] = 0.05  # far away, as if it were at the money
    call[-1] = put[-1]
    found = forward_by_parity(strikes, call, put, discount=DISCOUNT)
    assert found.value == pytest.approx(FORWARD, rel=1e-13)


def test_a_stale_pair_far_away_is_not_taken_for_the_money() -> None:
    strikes, call, put = chain()
    call[3] = put[3]  # no difference at all: nothing looks nearer to the money
    found = forward_by_parity(strikes, call, put, discount=DISCOUNT, near=1)
    assert found.strikes == 1
    assert found.value == pytest.approx(FORWARD, rel=1e-13)


def test_quotes_within_a_spread_average_out() -> None:
    rng = np.random.default_rng(3)
    strikes, call, put = chain()
    call, put = (np.round(each + rng.uniform(-1.0, 1.0, each.size), 2) for each in (call, put))
    found = forward_by_parity(strikes, call, put, discount=DISCOUNT)
    assert found.value == pytest.approx(FORWARD, abs=2.0)


def test_order_and_missing_quotes_do_not_matter() -> None:
    strikes, call, put = chain()
    call[::3], put[1::3] = math.nan, 0.0
    order = np.random.default_rng(1).permutation(strikes.size)
    found = forward_by_parity(strikes[order], call[order], put[order], discount=DISCOUNT, near=3)
    assert found.strikes == 3
    assert found.value == pytest.approx(FORWARD, rel=1e-13)


@pytest.mark.parametrize(
    ("strikes", "call", "put"),
    [
        ([], [], []),
        ([100.0, 110.0], [math.nan, 1.0], [2.0, math.nan]),
        ([100.0], [0.0], [3.0]),
        ([100.0], [math.inf], [3.0]),
        ([math.nan], [4.0], [3.0]),
        ([-100.0], [4.0], [3.0]),
    ],
)
def test_no_strike_with_both_quotes_gives_no_forward(
    strikes: list[float], call: list[float], put: list[float]
) -> None:
    assert forward_by_parity(strikes, call, put, discount=1.0) == (None, 0)


def test_what_makes_no_sense_is_refused() -> None:
    for discount, near in ((0.0, 5), (math.nan, 5), (1.0, 0)):
        with pytest.raises(ValueError, match="above zero"):
            forward_by_parity([100.0], [1.0], [1.0], discount=discount, near=near)
    with pytest.raises(ValueError, match="2 strikes, 1 calls and 1 puts"):
        forward_by_parity([100.0, 110.0], [1.0], [1.0], discount=1.0)


def test_spot_forward_basis_and_carry_agree() -> None:
    years = np.array([0.1, 0.5])
    forward = forward_from_spot(24_500.0, years, 0.066, dividend_yield=0.012)
    np.testing.assert_allclose(forward, 24_500.0 * np.exp(0.054 * years), rtol=1e-15)
    np.testing.assert_allclose(carry(forward, 24_500.0, years), 0.054, rtol=1e-12)
    np.testing.assert_allclose(basis(forward, 24_500.0), forward - 24_500.0)
    assert basis(24_400.0, 24_500.0) == -100.0
    assert carry(24_400.0, 24_500.0, 0.1) == pytest.approx(math.log(244 / 245) / 0.1)
    assert carry(24_500.0, 24_500.0, 0.1) == 0.0


def test_carry_is_nan_where_there_is_none() -> None:
    future, spot, years = (
        [100.0, 100.0, 0.0, 100.0, math.nan, 100.0, math.inf],
        [100.0, 0.0, 100.0, 100.0, 100.0, -5.0, 100.0],
        [0.0, 0.1, 0.1, -0.1, 0.1, 0.1, 0.1],
    )
    assert np.isnan(carry(future, spot, years)).all()
    assert carry(101.0, 100.0, 0.1).shape == ()
