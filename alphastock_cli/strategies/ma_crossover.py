"""Moving-average crossover: with the trend when the fast average crosses the slow one.

The stop is some average true ranges away, the target a multiple of the stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from alphastock_cli.analytics.indicators import atr, ema
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Side
from alphastock_cli.domain.trading import Signal
from alphastock_cli.strategies.base import BaseStrategy, StrategyFactory


@StrategyFactory.register("ma_crossover")
@dataclass(frozen=True, kw_only=True)
class MaCrossover(BaseStrategy):
    """Buy when the fast average rises above the slow one, sell when it falls below.

    Parameters
    ----------
    fast, slow : int, default 9 and 21
        Candles of the two exponential averages.
    atr_span : int, default 14
        Candles of the average true range.
    stop_atr : float, default 2.0
        Distance of the stop, in average true ranges.
    reward : float, default 2.0
        Distance of the target, in stops.
    """

    supported_asset_types: ClassVar[frozenset[AssetType]] = frozenset(
        {AssetType.EQUITY, AssetType.INDEX, AssetType.FUTURES, AssetType.COMMODITY,
         AssetType.CURRENCY}
    )  # fmt: skip
    fast: int = 9
    slow: int = 21
    atr_span: int = 14
    stop_atr: float = 2.0
    reward: float = 2.0

    def __post_init__(self) -> None:
        """Refuse averages that cannot cross and distances that are none."""
        if not 1 <= self.fast < self.slow:
            raise ValueError(f"fast {self.fast} must be at least 1 and below slow {self.slow}")
        if self.atr_span < 1 or self.stop_atr <= 0 or self.reward <= 0:
            raise ValueError("atr_span, stop_atr and reward must be positive")

    def columns(self) -> Mapping[str, pl.Expr]:
        """Return the two averages and the average true range."""
        close = pl.col("close")
        return {
            f"ema_{self.fast}": ema(close, span=self.fast),
            f"ema_{self.slow}": ema(close, span=self.slow),
            f"atr_{self.atr_span}": atr(pl.col("high"), pl.col("low"), close, span=self.atr_span),
        }

    def bars(self) -> int:
        """Return the candles until both averages and the range have two values."""
        return max(self.slow, self.atr_span + 1) + 1

    def analyze(self, snapshot: Snapshot) -> Signal | None:
        """Return a signal on the candle where the averages crossed, or None."""
        assert snapshot.candles is not None
        fast, slow, span = (f"ema_{self.fast}", f"ema_{self.slow}", f"atr_{self.atr_span}")
        last = snapshot.candles.select(fast, slow, span).tail(2).rows()
        (before_fast, before_slow, _), (now_fast, now_slow, spread) = last
        if None in (before_fast, before_slow, now_fast, now_slow) or not spread:
            return None
        if before_fast <= before_slow and now_fast > now_slow:
            side, word = Side.BUY, "rose above"
        elif before_fast >= before_slow and now_fast < now_slow:
            side, word = Side.SELL, "fell below"
        else:
            return None
        stop = self.stop_atr * spread
        return Signal.at_quote(
            snapshot,
            side=side,
            reason=f"EMA {self.fast} {word} EMA {self.slow}: {now_fast:.2f} against {now_slow:.2f}",
            stop_distance=stop,
            target_distance=self.reward * stop,
            strength=min(1.0, abs(now_fast - now_slow) / spread),
        )
