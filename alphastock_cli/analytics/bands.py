"""Channels around the price: Donchian and Keltner; each as expressions over one series.

Every value uses its row and earlier ones only. Bollinger's bands are in `indicators`.
"""

from __future__ import annotations

import polars as pl

from alphastock_cli.analytics import seeds
from alphastock_cli.analytics.indicators import atr, highest_before, lowest_before


def donchian(high: pl.Expr, low: pl.Expr, *, span: int = 20) -> dict[str, pl.Expr]:
    """Return ``donchian_upper`` and ``donchian_lower`` in rupees.

    The highest high and the lowest low of the `span` bars before this one: with its own bar among
    them no close could ever break out. Null where one of them lacks its value.

    References
    ----------
    Richard Donchian's four-week rule (1960).
    """
    return {
        "donchian_upper": highest_before(high, span=span),
        "donchian_lower": lowest_before(low, span=span),
    }


def keltner(
    high: pl.Expr, low: pl.Expr, close: pl.Expr,
    *, span: int = 20, ranges: int = 10, width: float = 2.0,
) -> dict[str, pl.Expr]:  # fmt: skip
    """Return ``keltner_upper`` and ``keltner_lower``: EMA plus and minus `width` ATR, in rupees.

    References
    ----------
    Chester Keltner, How to Make Money in Commodities (1960), in Linda Raschke's form with
    exponential average and average true range.
    """
    middle = seeds.ema(close, span=span)
    spread = width * atr(high, low, close, span=ranges)
    return {"keltner_upper": middle + spread, "keltner_lower": middle - spread}
