"""Implied volatility against 50 digits, and the word for every price that has none."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from alphastock_cli.pricing import (
    STATUS,
    implied_vol,
    implied_vol_with_status,
    price,
    words,
)
from alphastock_cli.pricing.implied_vol import BLOCK
from tests.unit.exact_options import Exact, apart
from tests.unit.test_black76 import Row, columns, hard_rows, market_rows, out_of_money

EPS = 2.0**-52


def check(rows: list[Row], *, otm: float, units: float) -> None:
    """Judge a solver by its own error, not by the digits that a price has lost.

    One unit is one unit in the last place of the volatility, or of the price where that moves the
    volatility more.
    """
    exact = [Exact(f, k, t, is_call=c) for f, k, t, _, c in rows]
    prices = [float(e.price(Decimal(row[3]))) for e, row in zip(exact, rows, strict=True)]
    numbers, calls = columns(rows)
    found, status = implied_vol_with_status(np.array(prices), *numbers[:3], is_call=calls)
    seen = 0
    for i, row in enumerate(rows):
        forward, strike, _, vol, is_call = row
        paid = max(forward - strike if is_call else strike - forward, 0.0)
        lost = (forward + strike) * 1e-12
        if min(prices[i] - paid, min(forward, strike) + paid - prices[i]) < (lost if paid else 0):
            continue  # in the money and indistinguishable from intrinsic, or from the bound
        assert status[i] == 0, row
        sigma = exact[i].vol(prices[i], found[i])
        with localcontext(prec=60):
            slope = abs(Decimal(prices[i]) / (exact[i].vega(sigma) * sigma))
        error = apart(found[i], sigma)
        assert error / EPS / max(1.0, float(slope)) < units, (row, found[i])
        assert abs(found[i] / vol - 1.0) < 1e-10 * max(1.0, float(slope)) or paid, row
        if out_of_money(row):
            assert error < otm, (row, found[i])
            seen += 1
    assert seen > len(rows) // 3


def test_whole_market_to_the_last_digits() -> None:
    check(market_rows(200, seed=21), otm=6e-15, units=40)


def test_hard_corners_to_the_last_digits() -> None:
    check(hard_rows(200, seed=22), otm=1e-14, units=40)


@pytest.mark.parametrize("worth", [1e-300, 1e-100, 1e-30, 1e-6, 0.1, 1.0, 30.0, 66.0, 99.0, 99.99])
@pytest.mark.parametrize("strike", [100.0, 100.0 + 1e-9, 100.5, 150.0, 900.0, 1e5])
def test_any_price_of_any_strike(worth: float, strike: float) -> None:
    # far corners: of the twin's worth from nothing to the bound, of the strike to a thousandfold
    found = implied_vol(worth, 100.0, strike, 0.25, is_call=True)
    if strike == 100.0 and worth < 1e-20:
        # no digits of the exact route are left, but the worth is a straight line here
        line = worth / 100.0 * math.sqrt(2.0 * math.pi) / math.sqrt(0.25)
        assert found == pytest.approx(line, rel=2e-13, abs=0.0)
        return
    exact = Exact(100.0, strike, 0.25, is_call=True)
    assert apart(float(found), exact.vol(worth, float(found))) < 1e-14


def test_one_volatility_for_both_sides_of_the_strike() -> None:
    strikes = np.linspace(20_000.0, 30_000.0, 41)
    call = price(24_880.0, strikes, 0.08, 0.14, rate=0.065, is_call=True)
    put = price(24_880.0, strikes, 0.08, 0.14, rate=0.065, is_call=False)
    both = np.concatenate((call, put))
    flags = np.arange(82) < 41
    found = implied_vol(both, 24_880.0, np.tile(strikes, 2), 0.08, rate=0.065, is_call=flags)
    known = ~np.isnan(found)
    assert known.sum() > 70
    middle = np.tile(np.abs(strikes - 24_880.0) < 2_000.0, 2)
    np.testing.assert_allclose(found[middle], 0.14, rtol=1e-10)


NAN, INF = math.nan, math.inf

# price, forward, strike, years, rate, call, word; discounted bounds at 5 % over a year in between
REASONS = [
    (2.0, 100.0, 105.0, 0.1, 0.0, True, "ok"),
    (1e-300, 100.0, 150.0, 0.25, 0.0, True, "ok"),
    (0.05, 25000.0, 17500.0, 1 / 8760, 0.0, False, "ok"),
    (99.999, 100.0, 100.0, 1.0, 0.0, True, "ok"),
    (9.9, 110.0, 100.0, 0.1, 0.0, True, "below_intrinsic"),
    (0.0, 110.0, 100.0, 0.1, 0.0, True, "below_intrinsic"),
    (-1.0, 90.0, 100.0, 0.1, 0.0, True, "below_intrinsic"),
    (9.0, 110.0, 100.0, 1.0, 0.05, True, "below_intrinsic"),
    (10.0, 110.0, 100.0, 0.1, 0.0, True, "no_time_value"),
    (10.0 * math.exp(-0.05), 110.0, 100.0, 1.0, 0.05, True, "no_time_value"),
    (10.0 * (1 + EPS), 110.0, 100.0, 0.1, 0.0, True, "no_time_value"),
    (10.0 * (1 - EPS), 110.0, 100.0, 0.1, 0.0, True, "no_time_value"),
    (0.0, 90.0, 100.0, 0.1, 0.0, True, "no_time_value"),
    (0.0, 100.0, 100.0, 0.1, 0.0, False, "no_time_value"),
    (100.0, 100.0, 120.0, 0.1, 0.0, True, "above_bound"),
    (100.0, 100.0, 80.0, 0.1, 0.0, True, "above_bound"),
    (101.0, 100.0, 120.0, 0.1, 0.0, True, "above_bound"),
    (120.5, 100.0, 120.0, 0.1, 0.0, False, "above_bound"),
    (100.0 * math.exp(-0.05), 100.0, 120.0, 1.0, 0.05, True, "above_bound"),
    (120.0 * math.exp(-0.05), 100.0, 120.0, 1.0, 0.05, False, "above_bound"),
    (2.0, 100.0, 105.0, 0.0, 0.0, True, "expired"),
    (2.0, 100.0, 105.0, -0.1, 0.0, True, "expired"),
    (NAN, 100.0, 105.0, 0.0, 0.0, True, "expired"),
    (NAN, 100.0, 105.0, 0.1, 0.0, True, "no_price"),
    (INF, 100.0, 105.0, 0.1, 0.0, True, "bad_input"),
    (-INF, 100.0, 105.0, 0.1, 0.0, True, "bad_input"),
    (2.0, NAN, 105.0, 0.1, 0.0, True, "bad_input"),
    (2.0, 100.0, NAN, 0.1, 0.0, True, "bad_input"),
    (2.0, 100.0, 105.0, NAN, 0.0, True, "bad_input"),
    (2.0, 100.0, 105.0, 0.1, NAN, True, "bad_input"),
    (NAN, NAN, 105.0, 0.1, 0.0, True, "bad_input"),
    (2.0, INF, 105.0, 0.1, 0.0, True, "bad_input"),
    (2.0, 100.0, INF, 0.1, 0.0, False, "bad_input"),
    (2.0, INF, INF, 0.1, 0.0, True, "bad_input"),
    (2.0, 100.0, 105.0, INF, 0.0, True, "bad_input"),
    (2.0, 100.0, 105.0, 0.1, INF, True, "bad_input"),
    (2.0, 100.0, 105.0, 0.1, -INF, True, "bad_input"),
    (2.0, 0.0, 105.0, 0.1, 0.0, True, "bad_input"),
    (2.0, 100.0, 0.0, 0.1, 0.0, True, "bad_input"),
    (2.0, -100.0, -105.0, 0.1, 0.0, True, "bad_input"),
    (2.0, -100.0, 105.0, -0.1, 0.0, True, "bad_input"),
]


@pytest.mark.parametrize("case", REASONS, ids=lambda case: f"{case[-1]}-{case[0]:.4g}-{case[2]:g}")
def test_each_reason_alone(case: tuple[float, float, float, float, float, bool, str]) -> None:
    *numbers, rate, is_call, word = case
    found, status = implied_vol_with_status(*numbers, rate=rate, is_call=is_call)
    assert (found.shape, status.shape, status.dtype) == ((), (), np.int8)
    assert STATUS[int(status)] == word
    assert np.isnan(found) == (word != "ok")


def test_a_bad_row_neither_warns_nor_touches_its_neighbours() -> None:
    rng = np.random.default_rng(31)
    good = (4.2, 100.0, 103.0, 0.2, 0.06, True)
    table = [good if rng.integers(2) else case[:6] for case in REASONS * 12]
    rng.shuffle(table)
    numbers = np.array([row[:5] for row in table])
    calls = np.array([row[5] for row in table])
    untouched = np.array([row == good for row in table])
    found, status = implied_vol_with_status(*numbers.T[:4], rate=numbers[:, 4], is_call=calls)
    alone = implied_vol(*good[:4], rate=good[4], is_call=True)
    np.testing.assert_allclose(found[untouched], alone, rtol=2e-15)
    known = {tuple(map(repr, case[:6])): case[6] for case in REASONS}
    for row, word, vol in zip(table, words(status), found, strict=True):
        assert word == known.get(tuple(map(repr, row)), "ok")
        assert np.isnan(vol) == (word != "ok")


def test_the_smallest_time_values_in_the_money() -> None:
    # what a subtraction may leave is no information, a little more is a volatility
    noise = 8 * EPS * 220.0
    __, status = implied_vol_with_status(
        10.0 + noise * np.array([-4.0, -0.1, 0.0, 0.1, 4.0]), 110.0, 100.0, 0.1, is_call=True
    )
    assert words(status).tolist() == [
        "below_intrinsic", "no_time_value", "no_time_value", "no_time_value", "ok",
    ]  # fmt: skip


def test_a_discounted_bound_is_the_bound_however_it_rounds() -> None:
    rates = np.linspace(0.001, 0.2, 400)
    bound = 100.0 * np.exp(-rates)
    for is_call, strike in ((True, 120.0), (False, 100.0), (True, 80.0)):
        at, status = implied_vol_with_status(bound, 100.0, strike, 1.0, rate=rates, is_call=is_call)
        assert set(words(status)) == {"above_bound"}
        assert np.isnan(at).all()
        below = implied_vol(bound * (1 - 1e-9), 100.0, strike, 1.0, rate=rates, is_call=is_call)
        assert ((below > 4.0) & (below < 20.0)).all()


def test_a_row_is_worth_the_same_alone_and_in_a_crowd() -> None:
    rows = market_rows(BLOCK + 900, seed=41) + hard_rows(600, seed=42)
    numbers, calls = columns(rows)
    prices = price(*numbers, is_call=calls)
    crowd, status = implied_vol_with_status(prices, *numbers[:3], is_call=calls)
    rng = np.random.default_rng(43)
    for i in [0, BLOCK - 1, BLOCK, *rng.integers(len(rows), size=60).tolist()]:
        row = (prices[i], *(each[i] for each in numbers[:3]))
        alone, word = implied_vol_with_status(*row, is_call=calls[i])
        assert word == status[i]
        # to the last digit or two: a matrix product may round by its width
        assert alone == pytest.approx(crowd[i], rel=2e-15, abs=0.0, nan_ok=True)
    order = rng.permutation(len(rows))
    shuffled = implied_vol(prices[order], *(n[order] for n in numbers[:3]), is_call=calls[order])
    np.testing.assert_allclose(shuffled, crowd[order], rtol=2e-15)


def test_shapes_broadcast() -> None:
    strikes = np.array([95.0, 100.0, 105.0])
    prices = price(100.0, strikes, [[0.1], [0.4]], 0.3, is_call=True)
    found, status = implied_vol_with_status(prices, 100.0, strikes, [[0.1], [0.4]], is_call=True)
    assert (found.shape, status.shape) == ((2, 3), (2, 3))
    np.testing.assert_allclose(found, 0.3, rtol=1e-12)
    assert words(status).shape == (2, 3)
    assert implied_vol([], 100.0, 90.0, 0.1, is_call=True).shape == (0,)
    assert implied_vol([[12.0]], 100.0, 90.0, 0.1, is_call=True).shape == (1, 1)
    # the price alone broadcasts against a column of options, forwards may be many as well
    assert implied_vol(5.0, [100.0, 101.0], 100.0, 0.1, is_call=[True, False]).shape == (2,)
    with pytest.raises(ValueError, match="shape"):
        implied_vol([1.0, 2.0], [90.0, 91.0, 92.0], 90.0, 0.1, is_call=True)


def test_arguments_are_left_as_they_were() -> None:
    given = [np.array([4.0, math.nan, 3.0]), np.full(3, 100.0), np.full(3, 101.0), np.full(3, 0.1)]
    calls = np.array([True, False, True])
    kept = [each.copy() for each in given]
    for each in (*given, calls):
        each.flags.writeable = False
    implied_vol_with_status(*given, is_call=calls)
    for before, after in zip(kept, given, strict=True):
        np.testing.assert_array_equal(before, after)
    assert implied_vol(given[0][::2], 100.0, 101.0, 0.1, is_call=calls[::2]).shape == (2,)
