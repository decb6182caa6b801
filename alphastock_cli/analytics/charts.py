"""Japanese charts: Ichimoku's lines and Heikin-Ashi candles, as expressions over one series.

Every value uses its row and earlier ones only; the chikou line, which draws today's close 26 bars
back, would say nothing at its own bar that is known there, and is left out.
"""

from __future__ import annotations

import polars as pl

from alphastock_cli.analytics import seeds

LAG = 26


def ichimoku(high: pl.Expr, low: pl.Expr) -> dict[str, pl.Expr]:
    """Return ``tenkan``, ``kijun``, ``senkou_a``, ``senkou_b`` in rupees.

    Middles of the highest high and lowest low of 9, 26 and 52 bars. The cloud (senkou) is the one
    drawn at this bar, made of what was known 26 bars before it.

    References
    ----------
    Goichi Hosoda's Ichimoku Kinko Hyo (1969), with the usual 9, 26, 52 and 26 bars ahead.
    """

    def middle(span: int) -> pl.Expr:
        return (high.rolling_max(span) + low.rolling_min(span)) / 2.0

    tenkan, kijun = middle(9), middle(26)
    return {
        "tenkan": tenkan,
        "kijun": kijun,
        "senkou_a": ((tenkan + kijun) / 2.0).shift(LAG),
        "senkou_b": middle(52).shift(LAG),
    }


def heikin_ashi(open_: pl.Expr, high: pl.Expr, low: pl.Expr, close: pl.Expr) -> dict[str, pl.Expr]:
    """Return ``ha_open``, ``ha_high``, ``ha_low``, ``ha_close`` in rupees.

    The close is the mean of the four prices, the open the middle of the candle before it; the first
    open is the middle of its own open and close. Rows that lack a price are passed over.

    References
    ----------
    Dan Valcu, Using the Heikin-Ashi Technique, Stocks & Commodities 22:2 (2004).
    """
    open_, high, low, close = seeds.whole(open_, high, low, close)
    last = (open_ + high + low + close) / 4.0
    before = pl.when(last.is_not_null()).then(seeds.prior(last).fill_null((open_ + close) / 2.0))
    # the middle of an open and a close is half of each: an average with weight 1/2
    first = before.ewm_mean(alpha=0.5, adjust=False, ignore_nulls=True)
    return {
        "ha_open": first,
        "ha_high": pl.max_horizontal(high, pl.when(high.is_not_null()).then(first), last),
        "ha_low": pl.min_horizontal(low, pl.when(low.is_not_null()).then(first), last),
        "ha_close": last,
    }
