"""Volume with price: VWAP, on-balance volume, money flow; each as expressions over one series.

Every value uses its row and earlier ones only.
"""

from __future__ import annotations

import polars as pl

from alphastock_cli.analytics import seeds
from alphastock_cli.analytics.oscillators import typical

TIE = 5e-14  # of the price: a third of three prices in paise is not exact, so equal ones may differ
LEAST_FLOW = 1.0  # rupees: below it TA-Lib's money flow index is 0


def vwap(high: pl.Expr, low: pl.Expr, close: pl.Expr, volume: pl.Expr) -> pl.Expr:
    """Return the mean typical price by volume from the first row on, in rupees.

    Over one session's candles, i.e. with ``.over("symbol", "session")``, it is the session's VWAP
    as charts draw it from candles: not the exchange's average price, which is made of trades. Rows
    that lack a value are passed over; null until something was traded.
    """
    price, traded = seeds.whole(typical(high, low, close), volume.cast(pl.Float64))
    total = traded.cum_sum()
    return pl.when(total > 0.0).then((price * traded).cum_sum() / total)


def rolling_vwap(
    high: pl.Expr, low: pl.Expr, close: pl.Expr, volume: pl.Expr, *, span: int = 20
) -> pl.Expr:
    """Return the mean typical price by volume of the last `span` rows, in rupees.

    Null where one of them lacks a value, and where nothing was traded.
    """
    traded = volume.cast(pl.Float64)
    # sums over the window itself: a large flow that left it must not leave its rounding behind
    flow = _sum(typical(high, low, close) * traded, span)
    total = _sum(traded, span)
    return pl.when(total > 0.0).then(flow / total)


def obv(close: pl.Expr, volume: pl.Expr) -> pl.Expr:
    """Return the on-balance volume in shares: plus the volume of rises, minus that of falls.

    Begins with the volume of the first row, as TA-Lib; rows that lack a value are passed over. It
    never forgets where it began: only its changes mean something.

    References
    ----------
    Joseph Granville, New Key to Stock Market Profits (1963).
    """
    price, traded = seeds.whole(close, volume.cast(pl.Float64))
    move = price - seeds.prior(price)
    sign = pl.when(move.is_null() & price.is_not_null()).then(1.0).otherwise(move.sign())
    return (sign * traded).cum_sum()


def mfi(high: pl.Expr, low: pl.Expr, close: pl.Expr, volume: pl.Expr, *, span: int = 14) -> pl.Expr:
    """Return the money flow index, 0 to 100; first at index `span`.

    The share of turnover (typical price times volume) on bars whose typical price rose, among those
    where it moved (by more than rounding does); 0 where less than a rupee flowed, as TA-Lib says.

    References
    ----------
    Gene Quong and Avrum Soudack, Volume-weighted RSI: Money Flow, Stocks & Commodities 7:3 (1989).
    """
    price = typical(high, low, close)
    before = price.shift(1)
    flow = price * volume.cast(pl.Float64)
    flow = pl.when(before.is_not_null()).then(flow)
    move = price - before
    move = pl.when(move.abs() > TIE * before).then(move).otherwise(0.0 * move)
    up = pl.when(move > 0.0).then(flow).otherwise(0.0 * flow).rolling_sum(span)
    down = pl.when(move < 0.0).then(flow).otherwise(0.0 * flow).rolling_sum(span)
    total = up + down
    enough = total >= LEAST_FLOW
    return pl.when(enough).then(100.0 * up / total).when(total.is_not_null()).then(0.0)


def _sum(x: pl.Expr, span: int) -> pl.Expr:
    total = x
    for step in range(1, span):
        total = total + x.shift(step)
    return total
