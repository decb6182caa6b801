"""Which strike is meant, each rule against a search by hand over the same rows."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest

from alphastock_cli.analytics import selection
from alphastock_cli.errors import ProviderError

STRIKES = [23_900.0, 24_000.0, 24_100.0, 24_200.0, 24_300.0]
CALLS = [0.72, 0.55, 0.40, None, 0.10]
PUTS = [-0.28, -0.45, -0.60, -0.75, None]


def frame() -> pl.DataFrame:
    rows = [
        {"strike": strike, "option_type": kind, "delta": delta,
         "price": None if delta is None else abs(delta) * 300, "expiry": date(2026, 11, 24)}
        for strike, *pair in zip(STRIKES, CALLS, PUTS, strict=True)
        for kind, delta in zip(("CE", "PE"), pair, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


@pytest.mark.parametrize(
    ("level", "strike"),
    [(24_060.0, 24_100.0), (24_050.0, 24_000.0), (0.0, 23_900.0), (1e9, 24_300.0)],
)
def test_the_nearest_strike_and_the_lower_of_two(level: float, strike: float) -> None:
    assert selection.strike_nearest(frame(), level) == strike


def test_a_chain_without_strikes_and_a_level_that_is_none() -> None:
    with pytest.raises(ProviderError, match="no strike"):
        selection.strike_nearest(frame().head(0), 24_000)
    for level in (math.nan, math.inf):
        with pytest.raises(ValueError, match="near no strike"):
            selection.strike_nearest(frame(), level)


@pytest.mark.parametrize(
    ("kind", "delta", "strike"),
    [
        ("CE", 0.25, 24_300.0),  # 0.10 and 0.40 are equally far: the one further out
        ("CE", 0.26, 24_100.0),
        ("PE", 0.26, 23_900.0),
        ("PE", -0.26, 23_900.0),  # the sign says nothing
        ("PE", 0.5, 24_000.0),
        ("CE", 0.0, 24_300.0),
        ("CE", 1.0, 23_900.0),
    ],
)
def test_by_delta(kind: str, delta: float, strike: float) -> None:
    assert selection.strike_by_delta(frame(), kind, delta) == strike


@pytest.mark.parametrize(
    ("kind", "premium", "strike"),
    [("CE", 130.0, 24_100.0), ("PE", 130.0, 24_000.0), ("CE", 0.0, 24_300.0)],
)
def test_by_premium(kind: str, premium: float, strike: float) -> None:
    assert selection.strike_by_premium(frame(), kind, premium) == strike


def test_where_nothing_of_a_side_is_known_there_is_no_strike() -> None:
    blank = frame().with_columns(
        delta=pl.lit(None, dtype=pl.Float64), price=pl.lit(None, dtype=pl.Float64)
    )
    assert selection.strike_by_delta(blank, "CE", 0.25) is None
    assert selection.strike_by_premium(blank, "PE", 10.0) is None
    calls = frame().filter(pl.col("option_type") == "CE")
    assert selection.strike_by_delta(calls, "PE", 0.25) is None


@pytest.mark.parametrize("delta", [25.0, -1.01, math.nan])
def test_a_delta_beyond_one_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        selection.strike_by_delta(frame(), "CE", delta)


@pytest.mark.parametrize("premium", [-1.0, math.nan, math.inf])
def test_a_premium_below_zero_is_refused(premium: float) -> None:
    with pytest.raises(ValueError, match="rupees from 0"):
        selection.strike_by_premium(frame(), "CE", premium)


def test_a_side_is_ce_or_pe() -> None:
    with pytest.raises(ValueError, match="CE or PE"):
        selection.strike_by_delta(frame(), "call", 0.25)


def test_by_moneyness_and_by_deviations() -> None:
    assert selection.strike_by_moneyness(frame(), 24_000.0, 0.8) == 24_200.0
    assert selection.strike_by_moneyness(frame(), 24_000.0, -0.4) == 23_900.0
    # 0.14 · √(4/365) is 1.466 %: a fifth of it is 70 rupees above 24,060
    assert selection.strike_by_sigma(frame(), 24_060.0, 0.14, 4 / 365, 0.2) == 24_100.0
    assert selection.strike_by_sigma(frame(), 24_060.0, 0.14, 4 / 365, -0.2) == 24_000.0
    assert selection.strike_by_sigma(frame(), 24_060.0, 0.14, -1.0, 3.0) == 24_100.0
