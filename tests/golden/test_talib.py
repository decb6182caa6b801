"""Indicators against TA-Lib: the same values to 1e-9 relative and the same first index.

The same C code backs most charting programs; agreeing with it is what a person checks first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import talib

from alphastock_cli.analytics import indicators

Array = npt.NDArray[np.float64]
RELATIVE = 1e-9
LENGTHS = (1, 2, 9, 14, 15, 16, 20, 21, 50, 61, 250, 2_500)


@dataclass(frozen=True)
class Bars:
    high: Array
    low: Array
    close: Array


def walk(length: int, *, seed: int, start: float = 100.0, sigma: float = 0.02) -> Bars:
    rng = np.random.default_rng(seed)
    close = start * np.exp(rng.normal(0.0, sigma, length).cumsum())
    return Bars(
        high=close * (1.0 + 0.01 * rng.random(length)),
        low=close * (1.0 - 0.01 * rng.random(length)),
        close=close,
    )


def paise(bars: Bars) -> Bars:
    return Bars(bars.high.round(2), bars.low.round(2), bars.close.round(2))


def constant(length: int, price: float) -> Bars:
    return Bars(*(np.full(length, price) for _ in range(3)))


def flat_then_walk(length: int) -> Bars:
    still, moving = constant(length // 2, 77.7), walk(length - length // 2, seed=5, start=77.7)
    return Bars(
        *(
            np.concatenate([a, b])
            for a, b in (
                (still.high, moving.high), (still.low, moving.low), (still.close, moving.close),
            )
        )
    )  # fmt: skip


SERIES: dict[str, Callable[[int], Bars]] = {
    "walk": lambda n: walk(n, seed=n),
    "walk in paise": lambda n: paise(walk(n, seed=n + 1, start=840.0)),
    "wild walk": lambda n: walk(n, seed=n + 2, sigma=0.15),
    "MRF and above": lambda n: paise(walk(n, seed=n + 3, start=150_000.0)),
    "big prices": lambda n: walk(n, seed=n + 4, start=1e9),
    "penny": lambda n: paise(walk(n, seed=n + 5, start=0.6, sigma=0.01)),
    "constant": lambda n: constant(n, 123.45),
    "constant and big": lambda n: constant(n, 98_765.4321),
    "flat, then a walk": flat_then_walk,
}

PAIRS: dict[str, Callable[[Bars], Array]] = {
    "sma_20": lambda b: talib.SMA(b.close, 20),
    "sma_50": lambda b: talib.SMA(b.close, 50),
    "sma_200": lambda b: talib.SMA(b.close, 200),
    "ema_9": lambda b: talib.EMA(b.close, 9),
    "ema_21": lambda b: talib.EMA(b.close, 21),
    "rsi": lambda b: talib.RSI(b.close, 14),
    "atr": lambda b: talib.ATR(b.high, b.low, b.close, 14),
    "bollinger_upper": lambda b: talib.BBANDS(b.close, 20, 2.0, 2.0)[0],
    "bollinger_lower": lambda b: talib.BBANDS(b.close, 20, 2.0, 2.0)[2],
}
BANDS = ("bollinger_upper", "bollinger_lower")


def rows(bars: Bars, symbol: str = "A") -> pl.DataFrame:
    return pl.DataFrame(
        {"symbol": symbol, "high": bars.high, "low": bars.low, "close": bars.close}
    ).with_columns(date=pl.date(2016, 1, 1) + pl.duration(days=pl.int_range(pl.len())))


def ours(frame: pl.DataFrame, name: str) -> Array:
    """Return our values with NaN for null, after checking that none of ours is NaN."""
    assert not frame[name].is_nan().any(), "missing is null, never NaN"
    return frame[name].to_numpy()


def theirs(bars: Bars, name: str) -> Array:
    """Return TA-Lib's values; a single bar, which it refuses, has none."""
    return PAIRS[name](bars) if len(bars.close) > 1 else np.full(len(bars.close), np.nan)


def same(got: Array, bars: Bars, name: str, *, what: str) -> None:
    expected = theirs(bars, name)
    assert np.isnan(got).tolist() == np.isnan(expected).tolist(), f"{what}: first index"
    # a lower band may pass through zero, where no difference of big numbers keeps nine digits:
    # bands are held to 1e-9 of the price in their middle
    middle = np.abs(theirs(bars, "sma_20")) if name in BANDS else np.abs(expected)
    off = np.abs(got - expected) > RELATIVE * np.maximum(middle, np.abs(expected))
    assert not off.any(), f"{what}: {got[off][:3]} where TA-Lib says {expected[off][:3]}"


@pytest.mark.parametrize("kind", SERIES)
def test_values_and_first_index_are_those_of_talib(kind: str) -> None:
    held = {f"{length:05}": SERIES[kind](length) for length in LENGTHS}
    made = indicators.panel(pl.concat(rows(bars, key) for key, bars in held.items()), list(PAIRS))
    for key, bars in held.items():
        one = made.filter(symbol=key)
        for name in PAIRS:
            same(ours(one, name), bars, name, what=f"{name} of {key}")


@pytest.mark.parametrize("kind", SERIES)
def test_the_last_value_alone_is_that_of_talib(kind: str) -> None:
    held = {f"{length:05}": SERIES[kind](length) for length in LENGTHS}
    made = indicators.latest(pl.concat(rows(bars, key) for key, bars in held.items()), list(PAIRS))
    for key, bars in held.items():
        one = made.filter(symbol=key)
        for name in PAIRS:
            got = np.full(len(bars.close), np.nan)
            got[:-1], got[-1] = theirs(bars, name)[:-1], ours(one, name)[0]
            same(got, bars, name, what=f"{name} of {key}")


@pytest.mark.parametrize("length", [6, 7, 80])
def test_other_spans_of_the_recursions(length: int) -> None:
    bars = walk(length, seed=length)
    close, high, low = pl.col("close"), pl.col("high"), pl.col("low")
    made = rows(bars).select(
        rsi=indicators.rsi(close, span=2),
        atr=indicators.atr(high, low, close, span=5),
        ema=indicators.ema(close, span=3),
    )
    expected = {
        "rsi": talib.RSI(bars.close, 2), "atr": talib.ATR(bars.high, bars.low, bars.close, 5),
        "ema": talib.EMA(bars.close, 3),
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_allclose(ours(made, name), values, rtol=RELATIVE, atol=0.0, err_msg=name)


FIRST = {
    "rsi": 14, "ema_9": 8, "ema_21": 20, "sma_50": 49, "bollinger_upper": 19, "atr": 14,
}  # fmt: skip


@pytest.mark.parametrize(("name", "first"), FIRST.items())
def test_first_index_written_out(name: str, first: int) -> None:
    values = ours(indicators.panel(rows(walk(100, seed=1)), [name]), name)
    assert int(np.flatnonzero(~np.isnan(values))[0]) == first
    assert not np.isnan(values[first:]).any()


def test_rows_in_any_order_give_each_symbol_its_own_values() -> None:
    held = {f"S{number}": walk(40 * number + 3, seed=number) for number in range(1, 8)}
    frame = pl.concat(rows(bars, symbol) for symbol, bars in held.items())
    made = indicators.panel(frame.sample(fraction=1.0, shuffle=True, seed=3), list(PAIRS))
    for symbol, bars in held.items():
        one = made.filter(symbol=symbol)
        for name in PAIRS:
            same(ours(one, name), bars, name, what=f"{name} of {symbol}")
