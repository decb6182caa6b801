"""Pivot points against the differences that define them, and a worked day."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.analytics import pivots

PRICES = st.integers(1, 10_000_000).map(lambda paise: paise / 100)


def levels(high: float | None, low: float | None, close: float | None) -> dict[str, float | None]:
    frame = pl.DataFrame(
        {"h": [high], "l": [low], "c": [close]}, schema=dict.fromkeys("hlc", pl.Float64)
    )
    made = frame.select(**pivots.classic(pl.col("h"), pl.col("l"), pl.col("c")))
    return made.row(0, named=True)


def test_a_worked_day() -> None:
    made = levels(24_612.5, 24_418.2, 24_530.3)
    assert made["pivot"] == pytest.approx(24_520.333333333332)
    assert made["r1"] == pytest.approx(24_622.466666666667)
    assert made["s1"] == pytest.approx(24_428.166666666667)
    assert made["r2"] == pytest.approx(24_714.633333333333)
    assert made["s2"] == pytest.approx(24_326.033333333333)
    assert made["r3"] == pytest.approx(24_816.766666666667)
    assert made["s3"] == pytest.approx(24_233.866666666667)


@given(st.tuples(PRICES, PRICES, PRICES))
def test_each_level_is_the_one_before_it_and_a_span(prices: tuple[float, float, float]) -> None:
    """A second way to them: the levels as steps from the pivot, in exact fractions."""
    low, close, high = sorted(prices)
    h, l, c = (Fraction(x) for x in (high, low, close))  # noqa: E741 - as in the books
    p = (h + l + c) / 3
    steps = {"pivot": p, "r1": p + (p - l), "r2": p + (h - l), "r3": (p + (p - l)) + (h - l),
             "s1": p - (h - p), "s2": p - (h - l), "s3": (p - (h - p)) - (h - l)}  # fmt: skip
    made = levels(high, low, close)
    for name, exact in steps.items():
        assert made[name] == pytest.approx(float(exact), rel=1e-12, abs=1e-9), name
    order = [made[name] for name in ("s3", "s2", "s1", "pivot", "r1", "r2", "r3")]
    assert all(a <= b + 1e-9 for a, b in pairwise(order))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_what_is_not_known_stays_unknown(missing: int) -> None:
    prices: list[float | None] = [110.0, 100.0, 105.0]
    prices[missing] = None
    assert set(levels(*prices).values()) == {None}
