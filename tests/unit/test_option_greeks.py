"""Volatility and Greeks of a frame: null in and out, reasons, and the edges."""

from __future__ import annotations

import math

import polars as pl
import pytest

from alphastock_cli.analytics.greeks import (
    FIRST_ORDER,
    SECOND_ORDER,
    Basis,
    with_greeks,
    with_volatility,
)
from tests.unit.chain_market import black76


def frame(*rows: tuple[float, str, float | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, orient="row",
        schema={"strike": pl.Float64, "option_type": pl.String, "price": pl.Float64,
                "price_status": pl.String},
    )  # fmt: skip


def test_reasons_and_nulls_row_by_row() -> None:
    basis = Basis(forward=26_000.0, years=0.1, rate=0.0)
    exact = black76(26_000.0, 26_500.0, 0.1, 0.2, 0.0, "PE")
    held = frame(
        (24_500.0, "CE", 1_500.0, None),  # exactly what it would pay now
        (24_500.0, "CE", 1_400.0, None),
        (26_500.0, "PE", exact, None),
        (26_500.0, "PE", None, "one_sided"),
        (24_500.0, "CE", 26_000.0, None),
    )
    made = with_greeks(with_volatility(held, basis), basis, second_order=True)
    words = ["no_time_value", "below_intrinsic", "ok", "one_sided", "above_bound"]
    assert made["iv_status"].to_list() == words
    assert made["iv"].to_list() == [None, None, pytest.approx(0.2, rel=1e-12), None, None]
    names = [*FIRST_ORDER, *SECOND_ORDER]
    for number in (1, 3, 4):
        assert made.select(names).row(number) == (None,) * len(names)
    assert all(value is not None for value in made.select(names).row(2))
    # without time value the limit counts: one rupee of the forward is one rupee of the price
    assert made.select(FIRST_ORDER).row(0) == (1.0, 0.0, 0.0, 0.0, pytest.approx(-1.5))
    assert sum(made[name].is_nan().sum() for name in ("iv", *names)) == 0


@pytest.mark.parametrize("kind", ["CE", "PE"])
def test_delta_of_the_limit_is_the_discount_in_the_money_and_nothing_out_of_it(kind: str) -> None:
    basis = Basis(forward=100.0, years=0.5, rate=0.065)
    held = frame((90.0, kind, 1.0, None), (110.0, kind, 1.0, None)).with_columns(
        iv=pl.lit(None, dtype=pl.Float64), iv_status=pl.lit("no_time_value")
    )
    deltas = with_greeks(held, basis)["delta"].to_list()
    discount = math.exp(-0.065 * 0.5)
    want = [discount, 0.0] if kind == "CE" else [0.0, -discount]
    assert deltas == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize(
    ("basis", "word"),
    [
        (Basis(forward=100.0, years=0.0), "expired"),
        (Basis(forward=100.0, years=-0.1), "expired"),
        (Basis(forward=None, years=0.1), "bad_input"),
    ],
)
def test_without_time_or_forward_there_is_nothing(basis: Basis, word: str) -> None:
    made = with_greeks(with_volatility(frame((90.0, "CE", 12.0, None)), basis), basis)
    assert made["iv_status"].to_list() == [word]
    assert made.select("iv", *FIRST_ORDER).row(0) == (None,) * 6


def test_a_reason_of_the_price_is_kept_without_a_forward() -> None:
    basis = Basis(forward=None, years=0.1)
    held = frame((90.0, "CE", None, "stale"), (90.0, "PE", 1.0, None))
    assert with_volatility(held, basis)["iv_status"].to_list() == ["stale", "bad_input"]


def test_the_discount_of_an_expired_basis_is_one() -> None:
    assert Basis(forward=100.0, years=-0.1, rate=0.1).discount == 1.0
    bsm = Basis(forward=100.0, years=0.5, rate=0.1, model="bsm")
    assert bsm.underlying == pytest.approx(100.0 * math.exp(-0.05), rel=1e-15)
    assert Basis(forward=100.0, years=0.5, rate=0.1).underlying == 100.0


def test_an_empty_chain_stays_empty() -> None:
    basis = Basis(forward=100.0, years=0.1)
    made = with_greeks(with_volatility(frame(), basis), basis)
    assert made.height == 0
    assert {"iv", "iv_status", *FIRST_ORDER} <= set(made.columns)
