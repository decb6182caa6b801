"""Gamma exposure: the sum by hand, its sign, and how much of the chain it stands on."""

from __future__ import annotations

import polars as pl
import pytest

from alphastock_cli.analytics import exposure

ROWS = [
    (100.0, "CE", 0.02, 1000), (100.0, "PE", 0.03, 3000), (110.0, "CE", 0.01, 500),
    (110.0, "PE", None, 500), (120.0, "CE", None, None), (120.0, "PE", 0.01, None),
]  # fmt: skip


def frame() -> pl.DataFrame:
    names = ["strike", "option_type", "gamma", "open_interest"]
    return pl.DataFrame(ROWS, schema=names, orient="row", infer_schema_length=None)


def test_the_net_is_the_sum_by_hand() -> None:
    held = exposure.with_exposure(frame(), 105.0)
    unit = 105.0**2 * 0.01
    wanted = {(100.0, "CE"): 20 * unit, (100.0, "PE"): -90 * unit, (110.0, "CE"): 5 * unit}
    for strike, kind, _, _ in ROWS:
        got = held.filter(strike=strike, option_type=kind)["gex"][0]
        want = wanted.get((strike, kind))
        assert got == (None if want is None else pytest.approx(want, rel=1e-14))
    total, share = exposure.net(held)
    assert total == pytest.approx(-65 * unit, rel=1e-14)
    assert share == 4500 / 5000


def test_it_is_the_delta_the_hedgers_trade_when_the_price_moves_one_percent() -> None:
    """Rupees of underlying: units of delta that change, times the price of one."""
    f, moved = 105.0, 1.05
    change = (0.02 * 1000 - 0.03 * 3000 + 0.01 * 500) * moved
    total, _ = exposure.net(exposure.with_exposure(frame(), f))
    assert total == pytest.approx(change * f, rel=1e-14)


def test_by_strike_adds_up() -> None:
    held = exposure.with_exposure(frame(), 105.0)
    rows = exposure.by_strike(held)
    assert rows.columns == ["strike", "gex_ce", "gex_pe", "gex"]
    assert rows["strike"].to_list() == [100.0, 110.0, 120.0]
    assert rows.row(2) == (120.0, None, None, None)
    assert rows["gex_pe"][1] is None
    assert rows["gex"].sum() == pytest.approx(exposure.net(held)[0], rel=1e-14)


def test_without_a_forward_or_interest_nothing_is_known() -> None:
    held = exposure.with_exposure(frame(), None)
    assert exposure.net(held) == (None, 0.0)
    empty = exposure.with_exposure(frame().head(0), 105.0)
    assert exposure.net(empty) == (None, None)


def test_the_convention_is_said_in_words() -> None:
    for word in ("dealers long the calls", "short the puts", "1 % move", "assumed"):
        assert word in exposure.CONVENTION
