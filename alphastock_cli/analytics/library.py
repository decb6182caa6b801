"""The columns beyond the contract's own: what each reads, how far back, and its last value.

Asked for by name only; importing this costs no numpy. Those without a short way to their last value
are made by the array programs over the rows of the look-back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from alphastock_cli.analytics import charts, last, pivots
from alphastock_cli.analytics.indicators import FADE, Indicator
from alphastock_cli.analytics.last import Short
from alphastock_cli.analytics.oscillators import FLAT, typical
from alphastock_cli.analytics.relative import LEAST_VARIANCE

_BAR = ("high", "low", "close")


def pivot_columns(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> dict[str, pl.Expr]:
    """Return the levels of the three methods, made of one finished bar, for the one after it."""
    return {
        name: level
        for method in (pivots.classic, pivots.camarilla, pivots.fibonacci)
        for name, level in method(high, low, close).items()
    }


_LEVELS = pivot_columns(*map(pl.col, _BAR))
PIVOTS = tuple(_LEVELS)


def _keltner(sign: float) -> Short:
    middle, spread = last.ema(span=20), last.atr(span=10)
    return last.joined((middle, spread), middle.value + sign * spread.value)


def _middle(span: int, *, lag: int = 0) -> Short:
    """Return how to make the middle of highest high and lowest low of `span` rows."""
    key = f"middle_{span}_{lag}"
    top = last.window(f"{key}_high", "high", pl.Expr.max, span=span, lag=lag)
    floor = last.window(f"{key}_low", "low", pl.Expr.min, span=span, lag=lag)
    return last.joined((top, floor), (top.value + floor.value) / 2.0)


def _cloud() -> Short:
    tenkan, kijun = _middle(9, lag=charts.LAG), _middle(26, lag=charts.LAG)
    return last.joined((tenkan, kijun), (tenkan.value + kijun.value) / 2.0)


def _zscore(span: int = 20) -> Short:
    bands = last.bollinger(span=span)
    middle, spread = pl.col(f"__mean_close_{span}"), pl.col(f"__spread_close_{span}")
    moved = spread > FLAT * middle.abs()
    return last.joined((bands,), pl.when(moved).then((pl.col("close") - middle) / spread))


def _vwap(span: int = 20) -> Short:
    traded = pl.col("volume").cast(pl.Float64)
    flow = typical(*map(pl.col, _BAR)) * traded
    parts = dict(
        last.windowed(f"__vwap_{key}_{span}", x, pl.Expr.sum, span=span)
        for key, x in (("flow", flow), ("traded", traded))
    )
    up, down = map(pl.col, parts)
    return Short(parts=parts, value=pl.when(down > 0.0).then(up / down))


def _relative(span: int = 60) -> Short:
    def at(name: str) -> pl.Expr:
        price = pl.when(pl.col(name) > 0.0).then(pl.col(name))
        return pl.when(pl.col(last.BACK) == span).then(price).max()

    parts = {f"__{name}_{span}_back": at(name) for name in ("close", "index_close")}
    mine, its = map(pl.col, parts)
    now, index = (pl.when(pl.col(n) > 0.0).then(pl.col(n)) for n in ("close", "index_close"))
    return Short(parts=parts, value=100.0 * ((now / index) / (mine / its)).log())


def _beta(span: int = 250) -> Short:
    def moved(name: str) -> pl.Expr:
        price = pl.when(pl.col(name) > 0.0).then(pl.col(name))
        return (price / last.before(price)).log()

    mine, its = pl.col("__beta_mine"), pl.col("__beta_its")
    stages: list[dict[str, pl.Expr]] = [
        {"__beta_mine": moved("close"), "__beta_its": moved("index_close")},
        {"__beta_its": pl.when(mine.is_not_null()).then(its)},
    ]
    parts = dict(
        last.windowed(f"__beta_{key}_{span}", x, pl.Expr.mean, span=span)
        for key, x in (("a", mine), ("b", its), ("ab", mine * its), ("bb", its * its))
    )
    a, b, ab, bb = map(pl.col, parts)
    alone = bb - b * b
    value = pl.when(alone > LEAST_VARIANCE).then((ab - a * b) / alone)
    return Short(stages=stages, parts=parts, value=value)


def _of(
    inputs: str, bars: int, short: Short | None = None, *, fades: bool = False, grows: bool = False
) -> Indicator:
    seen = bars + FADE if fades else bars
    return Indicator(inputs=tuple(inputs.split()), bars=seen, last=short, fades=fades, grows=grows)


def _extreme(name: str, reduce: Callable[[pl.Expr], pl.Expr]) -> Indicator:
    short = last.window(f"donchian_{name}", name, reduce, span=20, lag=1)
    return _of(name, 21, short)


def _library() -> dict[str, Indicator]:
    bar, flow, pair = " ".join(_BAR), "high low close volume", "close index_close"
    wilder = _of(bar, 15, fades=True)
    macd, trend = _of("close", 34, fades=True), _of(bar, 11, fades=True)
    place, candle = _of(bar, 18), _of("open high low close", 1, fades=True)
    return {
        "macd": macd, "macd_signal": macd, "macd_histogram": macd,
        "adx": _of(bar, 28, fades=True), "plus_di": wilder, "minus_di": wilder,
        "supertrend": trend, "supertrend_direction": trend,
        "vwap": _of(f"{flow} session", 1),
        "vwap_20": _of(flow, 20, _vwap()),
        "stochastic_k": place, "stochastic_d": place,
        "cci": _of(bar, 20),
        "obv": _of("close volume", 1, grows=True),
        "mfi": _of(flow, 15),
        "donchian_upper": _extreme("high", pl.Expr.max),
        "donchian_lower": _extreme("low", pl.Expr.min),
        "keltner_upper": _of(bar, 20, _keltner(2.0), fades=True),
        "keltner_lower": _of(bar, 20, _keltner(-2.0), fades=True),
        "tenkan": _of("high low", 9, _middle(9)),
        "kijun": _of("high low", 26, _middle(26)),
        "senkou_a": _of("high low", 26 + charts.LAG, _cloud()),
        "senkou_b": _of("high low", 52 + charts.LAG, _middle(52, lag=charts.LAG)),
        "ha_open": candle, "ha_high": candle, "ha_low": candle, "ha_close": candle,
        **{name: _of(bar, 1, Short(value=level)) for name, level in _LEVELS.items()},
        "relative_strength": _of(pair, 61, _relative()),
        "zscore_20": _of("close", 20, _zscore()),
        "beta_250": _of(pair, 251, _beta()),
    }  # fmt: skip


LIBRARY: Mapping[str, Indicator] = MappingProxyType(_library())
