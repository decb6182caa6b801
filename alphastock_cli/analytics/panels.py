"""Indicators of every row of a panel by the array kernels; `indicators` says what they mean.

The only place where null and NaN meet: arrays carry NaN, frames carry null. numpy is imported here
and not by `indicators`, so that a scan, which needs last values only, does not pay for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import polars as pl

from alphastock_cli.analytics import kernels, levels, windows
from alphastock_cli.analytics.kernels import Floats

_YEAR = 252


class Columns:
    """The columns of sorted rows as flat arrays, each read once, and the lengths of the series."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._held: dict[str, Floats] = {}
        self._bands: dict[int, tuple[Floats, Floats]] = {}
        runs = rows["symbol"].rle().struct.field("len")
        self.lengths = runs.cast(pl.Int64).to_numpy()

    def __getitem__(self, name: str) -> Floats:
        """Return a column as float64, NaN where it is null."""
        if name not in self._held:
            series = self._rows[name].cast(pl.Float64)
            self._held[name] = series.fill_null(math.nan).to_numpy()
        return self._held[name]

    def deviation(self, *, span: int) -> tuple[Floats, Floats]:
        """Return mean and population deviation of the closes, made once for both bands."""
        if span not in self._bands:
            self._bands[span] = windows.deviation(self["close"], span=span, ddof=0)
        return self._bands[span]

    def cut(self, x: Floats, *, count: int) -> Floats:
        """Set the first `count` values of each series to NaN."""
        return kernels.blank(x, self.lengths, count=count)

    def before(self, x: Floats, steps: int = 1) -> Floats:
        """Return each value `steps` rows later in the same series."""
        return self.cut(windows.shifted(x, steps), count=steps)


Make: TypeAlias = Callable[[Columns], Floats]


def panel(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return `rows`, which are sorted by symbol and date, with one column an indicator."""
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    columns = Columns(rows)
    made = [pl.Series(name, ARRAYS[name](columns)) for name in names]
    return rows.with_columns(made).with_columns(pl.col(names).fill_nan(None))


def _mean(span: int, *, lag: int = 0) -> Make:
    def make(columns: Columns) -> Floats:
        values = columns.cut(windows.mean(columns["close"], span=span), count=span - 1)
        return columns.before(values, lag) if lag else values

    return make


def _ema(span: int) -> Make:
    return lambda columns: kernels.ema(columns["close"], columns.lengths, span=span)


def _rsi(columns: Columns) -> Floats:
    return kernels.rsi(columns["close"], columns.lengths)


def _atr(columns: Columns) -> Floats:
    return kernels.atr(columns["high"], columns["low"], columns["close"], columns.lengths)


def _band(width: float, *, span: int = 20) -> Make:
    def make(columns: Columns) -> Floats:
        middle, spread = columns.deviation(span=span)
        band = spread * width
        band += middle
        return columns.cut(band, count=span - 1)

    return make


def _extreme(name: str, *, highest: bool, span: int = _YEAR) -> Make:
    def make(columns: Columns) -> Floats:
        values = windows.extreme(columns[name], span=span, highest=highest)
        return columns.before(columns.cut(values, count=span - 1))

    return make


def _volume_ratio(columns: Columns, *, span: int = 20) -> Floats:
    volume = columns["volume"]
    mean = columns.cut(windows.mean(volume, span=span), count=span - 1)
    before = columns.before(mean)
    ratio = np.full(volume.size, np.nan)
    np.divide(volume, before, out=ratio, where=before > 0.0)
    return ratio


def _momentum(columns: Columns, *, span: int = 20) -> Floats:
    close = columns["close"]
    start = columns.before(close, span)
    change = np.full(close.size, np.nan)
    np.divide(100.0 * (close - start), start, out=change, where=start != 0.0)
    return change


def _volatility(columns: Columns, *, span: int = 20) -> Floats:
    close = columns["close"]
    price = np.where(close > 0.0, close, np.nan)
    returns = np.log(price / columns.before(price))
    _, spread = windows.deviation(returns, span=span, ddof=1)
    return columns.cut(100.0 * math.sqrt(_YEAR) * spread, count=span)


def _level(name: str, *, below: bool) -> Make:
    side, span = levels.SIDE, levels.WINDOW

    def make(columns: Columns) -> Floats:
        x = columns[name]
        middle = windows.shifted(x, side)
        others = [windows.shifted(x, step) for step in range(2 * side + 1) if step != side]
        swing = np.logical_and.reduce(
            [middle < other if below else middle > other for other in others]
        )
        known = columns.cut(np.where(swing, middle, np.nan), count=2 * side)
        best = windows.nearest(known, columns["close"], count=span - 2 * side, below=below)
        whole = windows.extreme(x, span=span, highest=not below)
        found = np.where(np.isnan(best) | np.isnan(whole), whole, best)
        return columns.cut(found, count=span - 1)

    return make


ARRAYS: Mapping[str, Make] = MappingProxyType(
    {
        "volume_ratio": _volume_ratio,
        "momentum_20_pct": _momentum,
        "rsi": _rsi,
        "sma_20": _mean(20),
        "sma_50": _mean(50),
        "sma_200": _mean(200),
        "ema_9": _ema(9),
        "ema_21": _ema(21),
        "atr": _atr,
        "bollinger_upper": _band(2.0),
        "bollinger_lower": _band(-2.0),
        "support": _level("low", below=True),
        "resistance": _level("high", below=False),
        "sma_50_prev": _mean(50, lag=1),
        "sma_200_prev": _mean(200, lag=1),
        "high_52w": _extreme("high", highest=True),
        "low_52w": _extreme("low", highest=False),
        "volatility": _volatility,
    }
)
