"""A strategy in one file: fade the opening gap.

alphastock signal --plugin examples/my_strategy.py --strategy gap_fade --symbols nifty50
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Side
from alphastock_cli.domain.trading import Signal
from alphastock_cli.strategies.base import BaseStrategy, StrategyFactory


@StrategyFactory.register("gap_fade")
@dataclass(frozen=True, kw_only=True)
class GapFade(BaseStrategy):
    """Sell an opening gap up, buy an opening gap down.

    Parameters
    ----------
    gap_pct : float, default 1.0
        Smallest gap to act on, in percent of the previous close.
    """

    supported_asset_types: ClassVar[frozenset[AssetType]] = frozenset(
        {AssetType.EQUITY, AssetType.INDEX}
    )
    gap_pct: float = 1.0

    def bars(self) -> int:
        """Return two: the candle of the gap and the one before."""
        return 2

    def analyze(self, snapshot: Snapshot) -> Signal | None:
        """Return a signal against the gap of the last candle, or None."""
        assert snapshot.candles is not None
        before, opened = snapshot.candles["close"][-2], snapshot.candles["open"][-1]
        gap = 100.0 * (opened - before) / before
        if abs(gap) < self.gap_pct:
            return None
        side = Side.SELL if gap > 0 else Side.BUY
        return Signal.at_quote(
            snapshot,
            side=side,
            reason=f"gap of {gap:+.2f} %",
            stop_distance=abs(opened - before),
            target_distance=abs(opened - before),
        )
