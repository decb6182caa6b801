"""The scenario grid against one option at a time, and what must hold whatever the book is."""

from __future__ import annotations

import math
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest

from alphastock_cli.analytics.portfolio import Book, scenarios

N = NormalDist().cdf
SPOT, IV = (-5.0, -1.0, 0.0, 2.5, 5.0), (-5.0, 0.0, 3.0)


def black76(leg: dict[str, float], forward: float, years: float, vol: float, rate: float) -> float:
    """Value one option by the formula of the book, at the limits by what it pays."""
    sign = 1.0 if leg["call"] else -1.0
    if years <= 0 or vol <= 0:
        return math.exp(-rate * max(years, 0.0)) * max(sign * (forward - leg["strike"]), 0.0)
    spread = vol * math.sqrt(years)
    d1 = math.log(forward / leg["strike"]) / spread + spread / 2
    worth = sign * (forward * N(sign * d1) - leg["strike"] * N(sign * (d1 - spread)))
    return math.exp(-rate * years) * worth


LEGS = [
    {"q": -65.0, "f": 24_080.0, "strike": 24_000.0, "vol": 0.12, "call": True, "t": 4 / 365},
    {"q": 130.0, "f": 24_080.0, "strike": 23_500.0, "vol": 0.15, "call": False, "t": 4 / 365},
    {"q": 65.0, "f": 24_300.0, "strike": 24_500.0, "vol": 0.13, "call": True, "t": 39 / 365},
    {"q": -30.0, "f": 24_300.0, "strike": 20_000.0, "vol": 0.0, "call": True, "t": 39 / 365},
]
FUTURE = {"q": -20.0, "f": 24_300.0}
DAYS = (0.0, 1.0, 4.0, 10.0)


def book(*, spot_held: bool = False, rate: float = 0.065) -> Book:
    count = len(LEGS)
    nan = float("nan")

    def column(name: str, last: float) -> np.ndarray:
        return np.array([leg[name] for leg in LEGS] + [last], dtype=float)

    now = column("t", nan)
    return Book(
        quantity=column("q", FUTURE["q"]), level=column("f", FUTURE["f"]),
        strike=column("strike", nan), vol=column("vol", nan),
        is_call=np.array([leg["call"] for leg in LEGS] + [False]),
        is_option=np.array([True] * count + [False]),
        years=now[:, None] - np.array(DAYS) / 365, now=now, rate=rate, spot_held=spot_held,
    )  # fmt: skip


@pytest.mark.parametrize("spot_held", [False, True])
def test_every_cell_against_one_option_at_a_time(*, spot_held: bool) -> None:
    rate = 0.065
    got = scenarios(book(spot_held=spot_held), spot_pct=SPOT, iv_points=IV)
    assert got.shape == (len(DAYS), len(IV), len(SPOT))
    for (d, day), (v, points), (s, move) in product(
        enumerate(DAYS), enumerate(IV), enumerate(SPOT)
    ):
        wanted = FUTURE["q"] * FUTURE["f"] * move / 100
        for leg in LEGS:
            left = max(leg["t"] - day / 365, 0.0)
            forward = leg["f"] * (1 + move / 100)
            if spot_held:
                forward *= math.exp(rate * (left - leg["t"]))
            vol = max(leg["vol"] + points / 100, 0.0)
            moved = black76(leg, forward, left, vol, rate)
            wanted += leg["q"] * (moved - black76(leg, leg["f"], leg["t"], leg["vol"], rate))
        assert got[d, v, s] == pytest.approx(wanted, rel=1e-9, abs=1e-6)


def test_where_nothing_moves_nothing_is_won() -> None:
    got = scenarios(book(), spot_pct=[0.0], iv_points=[0.0])
    assert got[0, 0, 0] == pytest.approx(0.0, abs=1e-9)


def test_a_hedged_book_of_futures_is_worth_nothing_more() -> None:
    one = book()
    legs = np.array([False] * len(LEGS) + [True])
    both = Book(
        quantity=np.array([20.0, -20.0]), level=np.repeat(one.level[legs], 2),
        strike=np.full(2, np.nan), vol=np.full(2, np.nan), is_call=np.zeros(2, bool),
        is_option=np.zeros(2, bool), years=np.full((2, 1), np.nan), now=np.full(2, np.nan),
        rate=0.0, spot_held=False,
    )  # fmt: skip
    assert not scenarios(both, spot_pct=SPOT, iv_points=IV).any()


def test_more_legs_than_a_block_are_the_sum_of_the_parts() -> None:
    one = book()
    times = 120
    many = Book(
        quantity=np.tile(one.quantity, times), level=np.tile(one.level, times),
        strike=np.tile(one.strike, times), vol=np.tile(one.vol, times),
        is_call=np.tile(one.is_call, times), is_option=np.tile(one.is_option, times),
        years=np.tile(one.years, (times, 1)), now=np.tile(one.now, times), rate=one.rate,
        spot_held=False,
    )  # fmt: skip
    got = scenarios(many, spot_pct=SPOT, iv_points=IV)
    assert got == pytest.approx(times * scenarios(one, spot_pct=SPOT, iv_points=IV), rel=1e-9)
