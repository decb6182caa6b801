"""Laws of European options that hold for any inputs: parity, bounds, slopes, there and back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alphastock_cli.pricing import STATUS, greeks, implied_vol, implied_vol_with_status, price
from alphastock_cli.pricing.black76 import Greeks


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option under either model; `away` is ln(strike / underlying)."""

    underlying: float
    away: float
    years: float
    vol: float
    rate: float
    is_call: bool
    model: str = "black76"
    paid: float = 0.0

    @property
    def strike(self) -> float:
        return self.underlying * math.exp(self.away)

    @property
    def discount(self) -> float:
        return math.exp(-self.rate * self.years)

    def price(self) -> float:
        """Return the price by Black-76, on the grown spot under "bsm"."""
        drift = (self.rate - self.paid) * self.years if self.model == "bsm" else 0.0
        forward = self.underlying * math.exp(drift)
        return float(
            price(forward, self.strike, self.years, self.vol, rate=self.rate, is_call=self.is_call)
        )

    def greeks(self) -> Greeks:
        return greeks(
            self.underlying,
            self.strike,
            self.years,
            self.vol,
            rate=self.rate,
            is_call=self.is_call,
            model=self.model,
            dividend_yield=self.paid,
            second_order=True,
        )

    def moved(self, name: str, step: float) -> Option:
        """Return the option with one input moved, and the strike where it was."""
        if name == "underlying":
            to = self.underlying + step
            return replace(self, underlying=to, away=math.log(self.strike / to))
        return replace(self, **{name: getattr(self, name) + step})


def slope(of: Callable[[Option], float], at: Option, by: str, step: float) -> float:
    """Return the central difference of the fourth order."""
    far_below, below, above, far_above = (of(at.moved(by, k * step)) for k in (-2, -1, 1, 2))
    return (far_below - 8.0 * below + 8.0 * above - far_above) / (12.0 * step)


rates = st.floats(-0.05, 0.20)
options = st.builds(
    Option,
    underlying=st.floats(0.5, 200_000.0),
    away=st.floats(-0.8, 0.8),
    years=st.floats(1 / 525_600, 5.0),
    vol=st.floats(0.01, 3.0),
    rate=rates,
    is_call=st.booleans(),
)
# near enough to the strike, and volatile enough, for differences of prices to have digits
lively = st.builds(
    lambda deviations, **given: Option(
        **given, away=deviations * given["vol"] * math.sqrt(given["years"])
    ),
    deviations=st.floats(-3.0, 3.0),
    underlying=st.floats(0.5, 200_000.0),
    years=st.floats(0.01, 2.0),
    vol=st.floats(0.08, 1.2),
    rate=rates,
    is_call=st.booleans(),
    model=st.just("black76"),
) | st.builds(
    lambda deviations, **given: Option(
        **given, away=deviations * given["vol"] * math.sqrt(given["years"])
    ),
    deviations=st.floats(-3.0, 3.0),
    underlying=st.floats(0.5, 200_000.0),
    years=st.floats(0.01, 2.0),
    vol=st.floats(0.08, 1.2),
    rate=rates,
    is_call=st.booleans(),
    model=st.just("bsm"),
    paid=st.floats(0.0, 0.1),
)
ladders = st.lists(st.floats(0.01, 3.0), min_size=2, max_size=6).map(sorted)
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(options)
def test_call_less_put_is_the_discounted_distance(option: Option) -> None:
    call, put = (replace(option, is_call=flag).price() for flag in (True, False))
    distance = option.discount * (option.underlying - option.strike)
    bound = 4e-15 * (option.underlying + option.strike) * max(option.discount, 1.0)
    assert call - put == pytest.approx(distance, rel=0.0, abs=bound)


@given(options)
def test_a_price_lies_between_intrinsic_and_the_bound(option: Option) -> None:
    forward, strike = option.underlying, option.strike
    paid = max(forward - strike if option.is_call else strike - forward, 0.0)
    assert option.discount * paid * (1 - 1e-15) <= option.price()
    bound = forward if option.is_call else strike
    assert option.price() <= option.discount * bound * (1 + 1e-15)


@given(options, ladders)
def test_more_volatility_never_costs_less(option: Option, ladder: list[float]) -> None:
    found = np.array([replace(option, vol=vol).price() for vol in ladder])
    # to the rounding of neighbours: h^2 units in the last place out of the money
    assert (np.diff(found) >= -1e-12 * found[:-1]).all()


@given(options, ladders)
def test_a_dearer_strike_makes_a_cheaper_call_and_a_dearer_put(
    option: Option, ladder: list[float]
) -> None:
    found = np.array([replace(option, away=each - 1.5).price() for each in ladder])
    steps = -np.diff(found) if option.is_call else np.diff(found)
    assert (steps >= -1e-12 * np.maximum(found[:-1], found[1:])).all()


@given(options)
def test_there_and_back(option: Option) -> None:
    known = option.greeks()
    assume(known.vega > 0.0)
    # what one unit in the last place of the price, and of its parts, moves the volatility by
    parts = (option.underlying + option.strike) * option.discount + known.price
    loss = float(2.0**-52 * parts / (known.vega * option.vol))
    assume(loss < 1e-4)
    found = implied_vol(
        known.price,
        option.underlying,
        option.strike,
        option.years,
        rate=option.rate,
        is_call=option.is_call,
    )
    assert found == pytest.approx(option.vol, rel=max(1e-12, 10.0 * loss), abs=0.0)


@given(lively)
def test_greeks_are_slopes_of_the_price(option: Option) -> None:
    found, spread = option.greeks(), option.vol * math.sqrt(option.years)
    scale = option.underlying + option.strike  # of a price, so of the rounding of a difference
    for name, by, sign, reach in (
        ("delta", "underlying", 1, option.underlying * spread),
        ("vega", "vol", 1, option.vol),
        ("rho", "rate", 1, min(option.vol, 1.0)),
        ("theta_per_year", "years", -1, option.years),
    ):
        expected = sign * slope(Option.price, option, by, 1e-3 * reach)
        assert getattr(found, name) == pytest.approx(
            expected, rel=1e-9, abs=1e-11 * scale / reach
        ), name
    if option.model == "bsm":
        expected = slope(Option.price, option, "paid", 1e-3 * option.vol)
        assert found.epsilon == pytest.approx(expected, rel=1e-9, abs=1e-11 * scale / option.vol)
    assert found.elasticity == pytest.approx(
        found.delta * option.underlying / option.price(), rel=1e-9
    )


@pytest.mark.parametrize(
    ("name", "of", "by", "sign"),
    [
        ("gamma", "delta", "underlying", 1),
        ("vanna", "delta", "vol", 1),
        ("volga", "vega", "vol", 1),
        ("charm", "delta", "years", -1),
        ("speed", "gamma", "underlying", 1),
        ("color", "gamma", "years", -1),
        ("veta", "vega", "years", -1),
        ("zomma", "gamma", "vol", 1),
        ("ultima", "volga", "vol", 1),
    ],
)
@given(option=lively)
def test_each_higher_greek_is_the_slope_of_a_lower_one(
    name: str, of: str, by: str, sign: int, option: Option
) -> None:
    spread = option.vol * math.sqrt(option.years)
    reach = {"underlying": option.underlying * spread, "years": option.years, "vol": option.vol}[by]

    def lower(at: Option) -> float:
        return float(getattr(at.greeks(), of))

    expected = sign * slope(lower, option, by, 1e-3 * reach)
    found = option.greeks()
    # a volga is small beside the vega it is a difference of, a delta beside one
    size = {"delta": 1.0, "gamma": found.gamma, "vega": found.vega, "volga": found.vega}[of]
    bound = 1e-8 * (float(size) / reach + abs(expected))
    assert getattr(found, name) == pytest.approx(expected, rel=0.0, abs=bound)


@given(st.data(), st.integers(1, 40))
def test_any_floats_give_a_word_and_never_raise(data: st.DataObject, count: int) -> None:
    columns = [data.draw(arrays.arrays(np.float64, count, elements=anything)) for _ in range(5)]
    flags = data.draw(arrays.arrays(np.bool_, count))
    found, status = implied_vol_with_status(*columns[:4], rate=columns[4], is_call=flags)
    assert (np.isnan(found) == (status != 0)).all()
    assert ((status >= 0) & (status < len(STATUS))).all()
    for model in ("black76", "bsm"):
        greeks(*columns[:4], rate=columns[4], is_call=flags, model=model, second_order=True)
    price(*columns[:4], rate=columns[4], is_call=flags)


GOOD = [(3.5, 100.0, 104.0, 0.3, 0.06), (45.0, 100.0, 60.0, 2.0, 0.0), (80.0, 90.0, 95.0, 9.0, 0.0)]


@given(st.lists(st.tuples(*[anything] * 5), max_size=20), st.integers())
def test_neighbours_of_any_row_are_untouched(strangers: list[tuple[float, ...]], seed: int) -> None:
    table = [*GOOD * 3, *strangers]
    random.Random(seed).shuffle(table)
    numbers = np.array(table)
    found = implied_vol(*numbers.T[:4], rate=numbers[:, 4], is_call=True)
    for row in GOOD:
        alone = implied_vol(*row[:4], rate=row[4], is_call=True)
        assert not np.isnan(alone)
        np.testing.assert_allclose(found[[each == row for each in table]], alone, rtol=2e-15)
