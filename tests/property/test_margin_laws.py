"""Laws every margin estimate keeps, whatever the position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.domain.trading import ZERO
from alphastock_cli.exchange.margins import Margin, estimate

DAY = date(2026, 11, 20)
EXPIRIES = (date(2026, 11, 24), date(2026, 12, 29), date(2027, 1, 25))
YEARS = dict(zip(EXPIRIES, (4 / 365, 39 / 365, 66 / 365), strict=True))
FORWARDS = dict(zip(EXPIRIES, (1_000.0, 1_007.0, 1_012.0), strict=True))
PAISA = Decimal("0.01")


def of(legs: Sequence[Leg], volatility: float | None = None) -> Margin:
    return estimate(
        legs, on=DAY, forwards=FORWARDS, years=YEARS, spot=999.0, rate=0.065,
        volatility=volatility,
    )  # fmt: skip


def total(legs: Sequence[Leg], volatility: float | None = None) -> Decimal:
    held = of(legs, volatility)
    assert held.total is not None
    return held.total


@st.composite
def options(draw: st.DrawFn, *, bought: bool = False) -> Leg:
    quantity = draw(st.integers(1, 4)) * (1 if bought else draw(st.sampled_from([1, -1])))
    return Leg(
        underlying="NIFTY", kind=draw(st.sampled_from([LegKind.CALL, LegKind.PUT])),
        quantity=quantity * 65, lot_size=65, expiry=draw(st.sampled_from(EXPIRIES)),
        strike=float(draw(st.integers(85, 115)) * 10), iv=draw(st.floats(0.05, 0.6)),
    )  # fmt: skip


@st.composite
def futures(draw: st.DrawFn) -> Leg:
    return Leg(
        underlying="NIFTY", kind=LegKind.FUTURE, lot_size=65,
        quantity=65 * draw(st.sampled_from([-2, -1, 1, 2])), expiry=draw(st.sampled_from(EXPIRIES)),
    )  # fmt: skip


positions = st.lists(st.one_of(options(), options(), futures()), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(positions, options(bought=True))
def test_a_bought_option_never_raises_the_margin_above_the_sum(held: list[Leg], more: Leg) -> None:
    assert total([*held, more]) <= total(held) + total([more]) + 3 * PAISA


@settings(max_examples=80, deadline=None)
@given(positions, st.integers(2, 7))
def test_the_margin_grows_with_the_lots(held: list[Leg], times: int) -> None:
    many = [replace(leg, quantity=leg.quantity * times) for leg in held]
    assert float(total(many)) == pytest.approx(times * float(total(held)), abs=0.02 * times)


@settings(max_examples=80, deadline=None)
@given(positions, st.randoms(use_true_random=False))
def test_the_order_of_the_legs_is_nothing(held: list[Leg], random: object) -> None:
    mixed = list(held)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert of(mixed) == of(held)


@settings(max_examples=80, deadline=None)
@given(positions, st.floats(0.05, 0.8))
def test_parts_add_up_and_none_but_a_credit_is_negative(held: list[Leg], vol: float) -> None:
    made = of(held, vol)
    parts = [part for part in (made.span, made.exposure, made.premium, made.delivery) if part]
    assert made.total == sum(parts, ZERO)
    for part in (made.span, made.exposure, made.total):
        assert part is not None
        assert part >= 0
        assert part == part.quantize(PAISA)


@settings(max_examples=60, deadline=None)
@given(st.lists(options(bought=True), min_size=1, max_size=5))
def test_bought_options_cost_their_premium(held: list[Leg]) -> None:
    made = of(held)
    assert (made.span, made.exposure) == (ZERO, ZERO)
    assert made.total == made.premium


@settings(max_examples=60, deadline=None)
@given(positions)
def test_a_position_and_its_opposite_need_no_span(held: list[Leg]) -> None:
    opposite = [replace(leg, quantity=-leg.quantity) for leg in held]
    made = of([*held, *opposite])
    assert made.span is not None
    assert made.span <= 2 * PAISA
    assert made.exposure == 0
