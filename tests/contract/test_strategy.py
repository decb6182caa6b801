"""The cards every strategy must keep (ST-01 ... ST-05), for every registered name."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import polars as pl
import pytest

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval, Side
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import ConfigError
from alphastock_cli.strategies.base import BaseStrategy, StrategyFactory
from tests.unit.trading_makers import OPEN, candle, candles, quote

NAMES = StrategyFactory.names()
MOST = 260


def instrument_of(kind: AssetType) -> Instrument:
    exchange = Exchange.NSE if kind in {AssetType.EQUITY, AssetType.INDEX} else Exchange.NFO
    return Instrument(
        exchange=exchange, tradingsymbol="TEST", asset_type=kind, tick_size=Decimal("0.05"),
        expiry=None if exchange is Exchange.NSE else date(2026, 11, 24),
    )  # fmt: skip


def walk(seed: int, length: int = MOST) -> list[float]:
    """Return closes on the tick: trends, turns, jumps and stretches that stand still."""
    draws, price, found = random.Random(seed), 500.0, []
    for i in range(length):
        drift = math.sin(i / (5 + seed % 7)) * (1 + seed % 4)
        if i % 41 > 34:
            drift = 0.0
        else:
            drift += draws.gauss(0, 1.5) + (draws.random() < 0.01) * draws.choice([-40, 40])
        price = max(5.0, price + drift)
        found.append(round(round(price / 0.05) * 0.05, 2))
    return found


def looks(strategy: BaseStrategy, closes: list[float], count: int, **more: object) -> Snapshot:
    """Return what a runner would show after `count` candles."""
    if "candles" not in more:
        more["candles"] = candles(closes[:count]).with_columns(**strategy.columns())
    instrument = instrument_of(min(strategy.supported_asset_types))
    last = candle(*[closes[count - 1]] * 4, minute=count, start=OPEN, key=instrument.key)
    fields: dict[str, object] = {
        "instrument": instrument, "as_of": last.end, "source": "test", "simulated": True,
        "candle": last, "interval": Interval.MINUTE,
        "facts": {"atr": 5.0},
    } | more  # fmt: skip
    return Snapshot(**fields)


@pytest.fixture(params=NAMES)
def strategy(request: pytest.FixtureRequest) -> BaseStrategy:
    return StrategyFactory.create(request.param)


@cache
def said(strategy: BaseStrategy, seeds: int = 8) -> list[tuple[list[float], int, Signal]]:
    """Return every signal over some walks, with the walk and the candle it came on."""
    found = []
    for seed in range(seeds):
        closes = walk(seed)
        frame = candles(closes).with_columns(**strategy.columns())
        for count in range(strategy.bars(), MOST):
            signal = strategy.judge(looks(strategy, closes, count, candles=frame.slice(0, count)))
            if signal is not None:
                found.append((closes, count, signal))
    return found


def test_a_name_is_its_own() -> None:
    assert NAMES
    for name in NAMES:
        assert StrategyFactory.create(name).name == name


def test_st_01_the_same_snapshot_the_same_answer(strategy: BaseStrategy) -> None:
    found = said(strategy)
    assert found, "a test in which it never says a word proves nothing"
    for closes, count, signal in found[:20]:
        seen = looks(strategy, closes, count)
        before = seen.candles.clone()
        again = StrategyFactory.create(strategy.name)
        assert strategy.judge(seen) == strategy.judge(seen) == again.judge(seen) == signal
        assert seen.candles.equals(before), "and touches nothing"


def test_st_02_silent_on_a_short_history(strategy: BaseStrategy) -> None:
    for seed in range(6):
        closes = walk(seed, 60)
        for count in range(1, min(60, strategy.bars())):
            assert strategy.judge(looks(strategy, closes, count)) is None
    empty = looks(strategy, [1.0], 1)
    assert strategy.judge(replace(empty, candles=None)) is None
    assert strategy.judge(replace(empty, candles=empty.candles.clear())) is None


def test_st_03_unmoved_by_candles_that_come_later(strategy: BaseStrategy) -> None:
    """Its columns over a longer frame, cut, are its columns over the short one."""
    for seed in range(6):
        closes = walk(seed)
        whole = candles(closes).with_columns(**strategy.columns())
        for count in (strategy.bars(), strategy.bars() + 7, 120, 200):
            cut = looks(strategy, closes, count)
            assert cut.candles.equals(whole.slice(0, count))
    for closes, count, signal in said(strategy)[:30]:
        crash = closes[:count] + [1.0] * (MOST - count)
        other = candles(crash).with_columns(**strategy.columns()).slice(0, count)
        assert strategy.judge(looks(strategy, closes, count, candles=other)) == signal


def test_st_04_stop_and_target_on_their_sides_and_a_reason(strategy: BaseStrategy) -> None:
    found = said(strategy)
    assert len(found) > 10
    assert {signal.side for _, _, signal in found} == {Side.BUY, Side.SELL}
    for closes, count, signal in found:
        sign = 1 if signal.side is Side.BUY else -1
        assert signal.strategy == strategy.name
        assert signal.reason.strip()
        assert 0.0 <= signal.strength <= 1.0
        assert abs(float(signal.price) - closes[count - 1]) < 0.05
        for price, way in ((signal.stop_loss, -1), (signal.target, 1)):
            if price is not None:
                assert (price - signal.price) * sign * way > 0
                assert price % signal.instrument.tick_size == 0
                assert price > 0
        seen = looks(strategy, closes, count)
        assert signal.candle_time == seen.candles["time"][-1] < seen.as_of
        assert signal.valid_until == seen.as_of + timedelta(minutes=1)


def test_st_05_an_unknown_parameter_is_rejected_by_name(strategy: BaseStrategy) -> None:
    with pytest.raises(ConfigError, match="no_such_parameter"):
        StrategyFactory.create(strategy.name, {"no_such_parameter": 1})


def test_a_kind_it_does_not_support_is_not_judged(strategy: BaseStrategy) -> None:
    closes, count, _ = said(strategy)[0]
    for kind in AssetType:
        if kind not in strategy.supported_asset_types:
            seen = looks(strategy, closes, count, instrument=instrument_of(kind))
            assert strategy.judge(seen) is None


def test_a_quote_without_a_price_is_no_market(strategy: BaseStrategy) -> None:
    for closes, count, _ in said(strategy)[:5]:
        blind = quote(None, 0, key="NSE:TEST")
        seen = looks(strategy, closes, count, candle=None, quote=blind)
        assert strategy.judge(seen) is None


def test_a_market_that_stands_still_is_no_reason_to_trade(strategy: BaseStrategy) -> None:
    flat = [100.0] * MOST
    frame = candles(flat, spread=0.0).with_columns(**strategy.columns())
    assert isinstance(frame, pl.DataFrame)
    for count in range(strategy.bars(), MOST, 13):
        assert strategy.judge(looks(strategy, flat, count, candles=frame.slice(0, count))) is None
