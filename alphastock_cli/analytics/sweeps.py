"""The columns of the library over whole panels: windows here, recursions from `programs`.

What each means is said by the expressions of the same name; tests hold the two equal. `panels` runs
the jobs, those of the columns asked for only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import numpy as np

from alphastock_cli.analytics import charts, kernels, lanes, library, programs, recursions, windows
from alphastock_cli.analytics.flow import LEAST_FLOW, TIE
from alphastock_cli.analytics.kernels import Floats
from alphastock_cli.analytics.oscillators import CCI_FACTOR, FLAT
from alphastock_cli.analytics.panels import Columns, Make
from alphastock_cli.analytics.relative import LEAST_VARIANCE

if TYPE_CHECKING:
    import polars as pl

_BLOCK = 1 << 16  # rows


def _program(program: lanes.Program) -> Make:
    return lambda columns: lanes.run(columns, columns.lengths, program)


def _blocks(make: Make) -> Make:
    """Return `make` over blocks of series whose temporary arrays stay in the cache."""

    def made(columns: Columns) -> Sequence[Floats]:
        size, done = int(columns.lengths.sum()), list[Floats]()
        for place, part in columns.blocks(_BLOCK):
            values = make(part)
            done = done or [np.empty(size) for _ in values]
            for out, x in zip(done, values, strict=True):
                out[place] = x
        return done

    return made


def _keltner(
    columns: Columns, *, span: int = 20, ranges: int = 10, width: float = 2.0
) -> Sequence[Floats]:
    wanted = [recursions.ema(span), recursions.atr(ranges)]
    middle, spread = kernels.run(columns, columns.lengths, wanted)
    spread *= width
    return [middle + spread, middle - spread]


def _typical(columns: Columns) -> Floats:
    price = columns["high"] + columns["low"]
    price += columns["close"]
    price /= 3.0
    return price


def _stochastic(columns: Columns, *, span: int = 14, slow: int = 3) -> Sequence[Floats]:
    lowest = windows.extreme(columns["low"], span=span, highest=False)
    width = windows.extreme(columns["high"], span=span, highest=True)
    width -= lowest
    place = columns["close"] - lowest
    flat = width == 0.0
    np.divide(place, width, out=place, where=~flat)
    place[flat & ~np.isnan(place)] = 0.0
    place *= 100.0
    columns.cut(place, count=span - 1)
    line = columns.cut(windows.mean(place, span=slow), count=span + slow - 2)
    smooth = columns.cut(windows.mean(line, span=slow), count=span + 2 * slow - 3)
    line[np.isnan(smooth)] = np.nan
    return [line, smooth]


def _cci(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    price = _typical(columns)
    middle = windows.mean(price, span=span)
    off = windows.mean_deviation(price, middle, span=span)
    moved = off > FLAT * np.abs(middle)
    value = price - middle
    known = ~np.isnan(off) & ~np.isnan(value)
    off *= CCI_FACTOR
    np.divide(value, off, out=value, where=moved)
    value[~moved] = 0.0
    value[~known] = np.nan
    return [columns.cut(value, count=span - 1)]


def _zscore(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    close = columns["close"]
    middle = windows.mean(close, span=span)
    spread = windows.deviation(close, span=span, ddof=0)
    value = np.full(close.size, np.nan)
    moved = spread > FLAT * np.abs(middle)
    np.divide(close - middle, spread, out=value, where=moved)
    return [columns.cut(value, count=span - 1)]


def _donchian(name: str, *, highest: bool, span: int = 20) -> Make:
    def make(columns: Columns) -> Sequence[Floats]:
        values = windows.extreme(columns[name], span=span, highest=highest)
        return [columns.before(columns.cut(values, count=span - 1))]

    return make


def _ichimoku(columns: Columns) -> Sequence[Floats]:
    def middle(span: int) -> Floats:
        top = windows.extreme(columns["high"], span=span, highest=True)
        top += windows.extreme(columns["low"], span=span, highest=False)
        top *= 0.5
        return columns.cut(top, count=span - 1)

    tenkan, kijun = middle(9), middle(26)
    leading = [0.5 * (tenkan + kijun), middle(52)]
    return [tenkan, kijun, *(columns.before(x, charts.LAG) for x in leading)]


def _vwap(columns: Columns) -> Sequence[Floats]:
    """Run over the sessions of each series as series of their own."""
    session = columns["session"]
    begins = np.zeros(session.size, dtype=np.bool_)
    starts = np.cumsum(columns.lengths) - columns.lengths
    begins[starts[columns.lengths > 0]] = True
    begins[1:] |= session[1:] != session[:-1]
    edges = np.append(np.flatnonzero(begins), session.size)
    return lanes.run(columns, np.diff(edges), programs.vwap())


def _rolling_vwap(columns: Columns, *, span: int = 20) -> Sequence[Floats]:
    flow = windows.mean(_typical(columns) * columns["volume"], span=span)
    traded = windows.mean(columns["volume"], span=span)
    value = np.full(flow.size, np.nan)
    np.divide(flow, traded, out=value, where=traded > 0.0)
    return [columns.cut(value, count=span - 1)]


def _mfi(columns: Columns, *, span: int = 14) -> Sequence[Floats]:
    price = _typical(columns)
    before = columns.before(price)
    move = price - before
    move[np.abs(move) <= TIE * before] = 0.0
    flow = price * columns["volume"]
    up = windows.mean(flow * (move > 0.0) + 0.0 * move, span=span)
    down = windows.mean(flow * (move < 0.0) + 0.0 * move, span=span)
    down += up
    value = np.where(np.isnan(down), np.nan, 0.0)
    np.divide(up, down, out=value, where=down * span >= LEAST_FLOW)
    value *= 100.0
    return [columns.cut(value, count=span)]


def _pivots(columns: Columns) -> Sequence[Floats]:
    # the formulas are arithmetic alone: arrays do for expressions
    bar = cast("list[pl.Expr]", [columns[name] for name in ("high", "low", "close")])
    made = cast("dict[str, Floats]", library.pivot_columns(*bar))
    return [made[name] for name in library.PIVOTS]


def _relative(columns: Columns, *, span: int = 60) -> Sequence[Floats]:
    ratio = _positive(columns["close"]) / _positive(columns["index_close"])
    ratio /= columns.before(ratio, span)
    return [100.0 * np.log(ratio)]


def _beta(columns: Columns, *, span: int = 250) -> Sequence[Floats]:
    mine, its = (_returns(columns, name) for name in ("close", "index_close"))
    its[np.isnan(mine)] = np.nan
    mean = partial(windows.mean, span=span)
    middle = mean(its)
    alone = mean(its * its) - middle * middle
    both = mean(mine * its) - mean(mine) * middle
    value = np.full(alone.size, np.nan)
    np.divide(both, alone, out=value, where=alone > LEAST_VARIANCE)
    return [columns.cut(value, count=span)]


def _returns(columns: Columns, name: str) -> Floats:
    price = _positive(columns[name])
    price /= columns.before(price)
    return np.log(price, out=price)


def _positive(x: Floats) -> Floats:
    return np.where(x > 0.0, x, np.nan)


# columns that are made together → how
JOBS: Mapping[tuple[str, ...], Make] = MappingProxyType(
    {
        ("supertrend", "supertrend_direction"): _program(programs.supertrend()),
        ("adx", "plus_di", "minus_di"): _program(programs.directional()),
        ("macd", "macd_signal", "macd_histogram"): _program(programs.macd()),
        ("ha_open", "ha_high", "ha_low", "ha_close"): _program(programs.heikin_ashi()),
        ("obv",): _program(programs.obv()),
        ("cci",): _blocks(_cci),
        ("beta_250",): _blocks(_beta),
        ("keltner_upper", "keltner_lower"): _keltner,
        ("stochastic_k", "stochastic_d"): _blocks(_stochastic),
        ("tenkan", "kijun", "senkou_a", "senkou_b"): _blocks(_ichimoku),
        ("mfi",): _blocks(_mfi),
        ("vwap",): _vwap,
        ("vwap_20",): _blocks(_rolling_vwap),
        ("zscore_20",): _blocks(_zscore),
        ("relative_strength",): _blocks(_relative),
        ("donchian_upper",): _donchian("high", highest=True),
        ("donchian_lower",): _donchian("low", highest=False),
        library.PIVOTS: _blocks(_pivots),
    }
)
