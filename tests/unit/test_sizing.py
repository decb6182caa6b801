"""As many whole lots as the tightest bound allows, and not one more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.trading.sizing import Size, size
from tests.unit.trading_makers import FUTURE, SHARE

D = Decimal
FREE = RiskLimits(
    risk_per_trade_pct=D(100), exposure_symbol_pct=D(1000), exposure_gross_pct=D(1000),
    max_order_value=D(10**9),
)  # fmt: skip


def sized(price: str = "100", distance: str = "10", *, of=SHARE, limits=FREE, **more) -> Size:
    fields = {
        "equity": D(100_000), "held": D(0), "exposure": D(0), "funds": D(10**9),
        "stop_distance": D(distance), "limits": limits,
    } | more  # fmt: skip
    return size(of, D(price), **fields)


@pytest.mark.parametrize(
    ("limits", "more", "bound_by", "units"),
    [
        ({"risk_per_trade_pct": D("0.5")}, {}, "risk", 50),  # 500 rupees at 10 a unit
        ({"exposure_symbol_pct": D(10)}, {}, "symbol", 100),
        ({"exposure_symbol_pct": D(10)}, {"held": D(4000)}, "symbol", 60),
        ({"exposure_gross_pct": D(150)}, {"exposure": D(143_000)}, "gross", 70),
        ({"max_order_value": D(8050)}, {}, "order_value", 80),
        ({}, {"funds": D(3000)}, "funds", 30),
        ({}, {"funds": D(-1)}, "funds", 0),
        ({"exposure_symbol_pct": D(10)}, {"held": D(10_001)}, "symbol", 0),
    ],
)
def test_the_tightest_bound_decides(limits, more, bound_by, units) -> None:
    found = sized(limits=replace(FREE, **limits), **more)
    assert (found.bound_by, found.quantity) == (bound_by, units)
    assert found.at_risk == 10 * units


@pytest.mark.parametrize(("equity", "units"), [("59999.99", 99), ("60000", 100), ("60000.01", 100)])
def test_a_third_costs_no_lot(equity: str, units: int) -> None:
    # 0.5 % of 60,000 is 300: exactly 100 units that lose 3 rupees each, at any price
    for price in ("70", "33.35", "1000"):
        limits = replace(FREE, risk_per_trade_pct=D("0.5"), exposure_symbol_pct=D(10**6),
                         exposure_gross_pct=D(10**6))  # fmt: skip
        assert sized(price, "3", limits=limits, equity=D(equity)).quantity == units


def test_lots_and_multipliers() -> None:
    found = sized("26000", "100", of=FUTURE, equity=D(10**8), limits=replace(
        FREE, max_order_value=D(26_000 * 65 * 3 - 1)))  # fmt: skip
    assert found.quantity == 130
    gold = replace(FUTURE, lot_size=1, multiplier=10)
    assert sized("100", "10", of=gold, funds=D(2999)).quantity == 2
    assert sized("100", "10", of=gold, funds=D(2999)).at_risk == D(200)


def test_what_slips_and_is_charged_must_be_there_too() -> None:
    def cost(units: int) -> Decimal:
        return units * D(102) + 20

    for funds, units in ((10_219, 97), (9914, 97), (9913, 96), (122, 1), (121, 0), (0, 0)):
        found = sized(funds=D(funds), cost=cost, limits=replace(FREE, max_order_value=D(9799)))
        assert found.quantity == units, funds
        assert found.bound_by == ("order_value" if funds >= 9914 else "funds")


@given(
    st.integers(1, 10**6), st.integers(1, 10**5), st.integers(1, 10**9), st.integers(1, 500),
    st.decimals("0.01", "5", places=2),
)  # fmt: skip
def test_the_largest_number_of_lots_within_the_risk(ticks, distance, equity, lot, pct) -> None:
    instrument = replace(SHARE, lot_size=lot)
    price, apart = D(ticks) * D("0.05"), D(distance) * D("0.05")
    limits = replace(
        FREE, risk_per_trade_pct=pct, exposure_symbol_pct=D(10**15), exposure_gross_pct=D(10**15),
        max_order_value=D(10**18),
    )  # fmt: skip
    found = size(
        instrument, price, stop_distance=apart, equity=D(equity), held=D(0), exposure=D(0),
        funds=D(10**18), limits=limits,
    )  # fmt: skip
    most = Fraction(equity) * Fraction(pct) / 100 / Fraction(apart)
    assert found.quantity == most // lot * lot
