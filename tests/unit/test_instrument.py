"""Instruments check themselves and are the only crossing from float to money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.domain.instrument import (
    AssetType,
    Exchange,
    Instrument,
    Interval,
    OptionType,
    Side,
)


def made(tick: str = "0.05", **more: object) -> Instrument:
    return Instrument(
        exchange=Exchange.NSE,
        tradingsymbol="SBIN",
        asset_type=AssetType.EQUITY,
        tick_size=Decimal(tick),
        **more,
    )


def test_key() -> None:
    assert made().key == "NSE:SBIN"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"lot_size": 0}, "lot size 0"),
        ({"strike": Decimal(100)}, "come together"),
        ({"option_type": OptionType.CE}, "come together"),
    ],
)
def test_what_no_exchange_lists_is_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**more)


def test_tick_must_be_positive() -> None:
    with pytest.raises(ValueError, match="not positive"):
        made(tick="0")


@given(
    price=st.floats(min_value=0.01, max_value=200_000, allow_nan=False),
    tick=st.sampled_from(["0.01", "0.05", "0.10", "0.50", "1", "5"]),
    side=st.sampled_from(Side),
)
def test_rounding_is_on_the_tick_and_never_worse(price: float, tick: str, side: Side) -> None:
    rounded = made(tick=tick).round_to_tick(price, side)
    exact = Decimal(repr(price))
    assert rounded % Decimal(tick) == 0
    assert abs(rounded - exact) < Decimal(tick)
    assert rounded <= exact if side is Side.BUY else rounded >= exact


def test_not_a_price() -> None:
    with pytest.raises(ValueError, match="not a price"):
        made().round_to_tick(float("nan"), Side.BUY)


def test_interval_lengths() -> None:
    minutes = [i.length.total_seconds() / 60 for i in Interval]
    assert minutes == [1, 3, 5, 10, 15, 30, 60, 1440]
