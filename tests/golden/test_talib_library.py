"""The library's columns against TA-Lib where it has them: values to 1e-9, the same first index.

What TA-Lib makes of differences of large numbers is measured against the numbers they are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
import talib

from alphastock_cli.analytics import flow, indicators, oscillators, trend
from tests.golden.test_talib import LENGTHS, RELATIVE, SERIES, Array, Bars, ours, rows

HUNDRED = 100.0  # oscillators near 0 are held to 1e-9 of their range


@dataclass(frozen=True)
class Case:
    make: Callable[[Bars, Array], Array]
    size: Callable[[Bars, Array], Array] | None = None  # what the difference is measured against


def volume_of(bars: Bars) -> Array:
    rng = np.random.default_rng(len(bars.close))
    return rng.integers(1, 5_000_000, len(bars.close)).astype(float)


def macd(part: int) -> Case:
    return Case(
        lambda b, _: talib.MACD(b.close, 12, 26, 9)[part], lambda b, _: np.abs(b.close)
    )  # a difference of two averages of prices


def hundred(make: Callable[[Bars, Array], Array]) -> Case:
    return Case(make, lambda b, _: np.full(len(b.close), HUNDRED))


CASES = {
    "macd": macd(0),
    "macd_signal": macd(1),
    "macd_histogram": macd(2),
    "adx": hundred(lambda b, _: talib.ADX(b.high, b.low, b.close, 14)),
    "plus_di": hundred(lambda b, _: talib.PLUS_DI(b.high, b.low, b.close, 14)),
    "minus_di": hundred(lambda b, _: talib.MINUS_DI(b.high, b.low, b.close, 14)),
    "stochastic_k": hundred(
        lambda b, _: talib.STOCH(b.high, b.low, b.close, 14, 3, slowd_period=3)[0]
    ),
    "stochastic_d": hundred(
        lambda b, _: talib.STOCH(b.high, b.low, b.close, 14, 3, slowd_period=3)[1]
    ),
    "cci": hundred(lambda b, _: talib.CCI(b.high, b.low, b.close, 20)),
    "obv": Case(lambda b, v: talib.OBV(b.close, v), lambda _, v: np.cumsum(v)),
    "mfi": hundred(lambda b, v: talib.MFI(b.high, b.low, b.close, v, 14)),
}
# where nothing moves TA-Lib's CCI is the rounding of its mean, ±67 or 0 by chance; ours is 0
MOVING = [kind for kind in SERIES if "constant" not in kind and "flat" not in kind]


def market(kind: str) -> tuple[dict[str, Bars], pl.DataFrame]:
    held = {f"{length:05}": SERIES[kind](length) for length in LENGTHS}
    frames = [
        rows(bars, key).with_columns(volume=pl.Series(volume_of(bars)))
        for key, bars in held.items()
    ]
    return held, pl.concat(frames)


def theirs(bars: Bars, name: str) -> Array:
    if len(bars.close) == 1 and name == "obv":
        return volume_of(bars)
    if len(bars.close) == 1:  # TA-Lib refuses a single bar
        return np.full(1, np.nan)
    return CASES[name].make(bars, volume_of(bars))


def same(got: Array, bars: Bars, name: str, *, what: str) -> None:
    expected = theirs(bars, name)
    assert np.isnan(got).tolist() == np.isnan(expected).tolist(), f"{what}: first index"
    size, of = np.abs(expected), CASES[name].size
    if of is not None:
        size = np.maximum(size, of(bars, volume_of(bars)))
    off = np.abs(got - expected) > RELATIVE * size
    assert not off.any(), f"{what}: {got[off][:3]} where TA-Lib says {expected[off][:3]}"


def fitting(kind: str) -> list[str]:
    return [name for name in CASES if name != "cci" or kind in MOVING]


@pytest.mark.parametrize("kind", SERIES)
def test_the_panel_is_talibs(kind: str) -> None:
    held, frame = market(kind)
    made = indicators.panel(frame, list(CASES))
    for key, bars in held.items():
        one = made.filter(symbol=key)
        for name in fitting(kind):
            same(ours(one, name), bars, name, what=f"{name} of {key}")


@pytest.mark.parametrize("kind", SERIES)
def test_the_last_values_are_talibs(kind: str) -> None:
    held, frame = market(kind)
    made = indicators.latest(frame, list(CASES))
    for key, bars in held.items():
        one = made.filter(symbol=key)
        for name in fitting(kind):
            got = theirs(bars, name).copy()
            got[-1] = ours(one, name)[0]
            same(got, bars, name, what=f"{name} of {key}")


@pytest.mark.parametrize("kind", SERIES)
def test_the_expressions_are_talibs(kind: str) -> None:
    held, frame = market(kind)
    high, low, close, volume = (pl.col(name) for name in ("high", "low", "close", "volume"))
    made = frame.with_columns(
        **{
            name: expr.over("symbol")
            for name, expr in {
                **trend.macd(close),
                **trend.directional(high, low, close),
                **oscillators.stochastic(high, low, close),
                "cci": oscillators.cci(high, low, close),
                "obv": flow.obv(close, volume),
                "mfi": flow.mfi(high, low, close, volume),
            }.items()
        }
    )
    for key, bars in held.items():
        one = made.filter(symbol=key)
        for name in fitting(kind):
            same(ours(one, name), bars, name, what=f"{name} of {key}")


@pytest.mark.parametrize("kind", ["constant", "constant and big"])
def test_where_nothing_moved_cci_is_zero(kind: str) -> None:
    made = indicators.panel(market(kind)[1], ["cci"])["cci"].drop_nulls()
    assert made.len() > 2_500
    assert made.unique().to_list() == [0.0]
