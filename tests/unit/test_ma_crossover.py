"""The crossover against averages by a plain loop, candle by candle."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import ConfigError
from alphastock_cli.strategies.base import StrategyFactory
from alphastock_cli.strategies.ma_crossover import MaCrossover
from tests.unit.trading_makers import candles, quote, snapshot

SMALL = MaCrossover(fast=2, slow=4, atr_span=3)


def ema_by_hand(closes: list[float], span: int) -> list[float | None]:
    """Seed with the mean of the first `span`, then move by 2 / (span + 1) of the difference."""
    found: list[float | None] = [None] * min(span - 1, len(closes))
    if len(closes) < span:
        return found
    value = sum(closes[:span]) / span
    found.append(value)
    for close in closes[span:]:
        value += (close - value) * 2 / (span + 1)
        found.append(value)
    return found


def atr_by_hand(closes: list[float], span: int, spread: float = 1.0) -> list[float | None]:
    """Wilder: the mean of the first `span` true ranges, then one part in `span` of the new one."""
    ranges = [
        max(2 * spread, abs(c + spread - before), abs(c - spread - before))
        for before, c in pairwise(closes)
    ]
    found: list[float | None] = [None] * min(span, len(closes))
    if len(ranges) < span:
        return found
    value = sum(ranges[:span]) / span
    found.append(value)
    for each in ranges[span:]:
        value = (value * (span - 1) + each) / span
        found.append(value)
    return found


def expected(closes: list[float], strategy: MaCrossover = SMALL) -> Side | None:
    fast, slow = ema_by_hand(closes, strategy.fast), ema_by_hand(closes, strategy.slow)
    if len(closes) < strategy.bars():
        return None
    (f0, f1), (s0, s1) = fast[-2:], slow[-2:]
    assert None not in (f0, f1, s0, s1)
    if f0 <= s0 and f1 > s1:
        return Side.BUY
    if f0 >= s0 and f1 < s1:
        return Side.SELL
    return None


def said(closes: list[float], strategy: MaCrossover = SMALL) -> Signal | None:
    frame = candles(closes)
    wanted = strategy.columns()
    frame = frame.with_columns(**wanted)
    return strategy.judge(snapshot(quote(closes[-1], 0), candles=frame))


def test_parameters_that_cannot_cross_are_refused() -> None:
    for bad in ({"fast": 21, "slow": 21}, {"fast": 0}, {"stop_atr": 0.0}, {"reward": -1.0},
                {"atr_span": 0}, {"stop_atr": math.nan}):  # fmt: skip
        with pytest.raises(ConfigError):
            StrategyFactory.create("ma_crossover", bad)


def test_it_needs_two_values_of_each() -> None:
    assert MaCrossover().bars() == 22
    assert MaCrossover(fast=2, slow=3, atr_span=14).bars() == 16
    assert set(SMALL.columns()) == {"ema_2", "ema_4", "atr_3"}


def test_a_cross_upwards() -> None:
    closes = [100.0, 99.0, 98.0, 97.0, 96.0, 103.0]
    signal = said(closes)
    assert signal is not None
    assert (signal.side, str(signal.price)) == (Side.BUY, "103.00")
    spread = atr_by_hand(closes, 3)[-1]
    assert spread is not None
    assert float(signal.price - signal.stop_loss) == pytest.approx(2 * spread, abs=0.05)
    assert float(signal.target - signal.price) == pytest.approx(4 * spread, abs=0.05)
    fast, slow = ema_by_hand(closes, 2)[-1], ema_by_hand(closes, 4)[-1]
    assert f"{fast:.2f}" in signal.reason
    assert f"{slow:.2f}" in signal.reason
    assert signal.strength == pytest.approx(min(1.0, abs(fast - slow) / spread))


def test_a_cross_downwards() -> None:
    signal = said([96.0, 97.0, 98.0, 99.0, 100.0, 93.0])
    assert signal is not None
    assert signal.side is Side.SELL
    assert signal.target < signal.price < signal.stop_loss


def test_the_candle_after_a_cross_is_silent() -> None:
    assert said([100.0, 99.0, 98.0, 97.0, 96.0, 103.0, 104.0]) is None


def test_touching_is_not_crossing_and_leaving_a_touch_is() -> None:
    flat = [100.0] * 6
    assert said(flat) is None
    assert said([*flat, 101.0]).side is Side.BUY
    assert said([*flat, 99.0]).side is Side.SELL


@given(
    st.lists(
        st.integers(2000, 4000).map(lambda ticks: round(ticks * 0.05, 2)), min_size=1, max_size=40
    )
)
def test_as_a_plain_loop_says(closes: list[float]) -> None:
    fast, slow = ema_by_hand(closes, 2), ema_by_hand(closes, 4)
    close_call = [
        f is not None and s is not None and abs(f - s) < 1e-9
        for f, s in zip(fast[-2:], slow[-2:], strict=False)
    ]
    if any(close_call) and len(set(closes)) > 1:
        return  # the last digit of a float decides
    signal = said(closes)
    assert (None if signal is None else signal.side) == expected(closes)
    if signal is not None:
        sign = 1 if signal.side is Side.BUY else -1
        assert (signal.price - signal.stop_loss) * sign > 0
        assert (signal.target - signal.price) * sign > 0
        spread = atr_by_hand(closes, 3)[-1]
        wanted = min(2 * spread, closes[-1] - 0.05) if sign > 0 else 2 * spread
        assert abs(float(signal.price - signal.stop_loss)) == pytest.approx(wanted, abs=0.051)
