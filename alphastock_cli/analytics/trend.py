"""Trend: MACD, Wilder's directional movement, Supertrend; each as expressions over one series.

Every value uses its row and earlier ones only. Rows that lack an input are passed over: null there,
and the next row follows the one before. What no expression says, since a step depends on the one
before in more than a sum, runs by the array program that makes whole panels, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import polars as pl

from alphastock_cli.analytics import seeds

if TYPE_CHECKING:
    from alphastock_cli.analytics.lanes import Program


def macd(close: pl.Expr, *, fast: int = 12, slow: int = 26, span: int = 9) -> dict[str, pl.Expr]:
    """Return ``macd``, ``macd_signal``, ``macd_histogram`` in rupees.

    The difference of two exponential averages, its own average, and their difference. Both averages
    are seeded at the same bar, and all three begin with the signal, as TA-Lib has it: at index
    ``slow + span - 2``.

    References
    ----------
    Gerald Appel, Technical Analysis: Power Tools for Active Investors (2005), chapter 8.
    """
    line = seeds.ema(close, span=fast, first=slow - fast) - seeds.ema(close, span=slow)
    signal = seeds.ema(line, span=span)
    return {
        "macd": pl.when(signal.is_not_null()).then(line),
        "macd_signal": signal,
        "macd_histogram": line - signal,
    }


def directional(
    high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 14
) -> dict[str, pl.Expr]:
    """Return ``adx``, ``plus_di``, ``minus_di``, each 0 to 100.

    The two begin at index `span`, ``adx`` at ``2 * span - 1``. Where nothing moved both are 0 and
    ``adx`` stays what it was, as TA-Lib says; its sums begin with ``span - 1`` moves.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section IV.
    """
    return _by_program(
        ("adx", "plus_di", "minus_di"),
        lambda programs: programs.directional(span=span),
        {"high": high, "low": low, "close": close},
    )


def supertrend(
    high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 10, width: float = 3.0
) -> dict[str, pl.Expr]:
    """Return ``supertrend`` in rupees and ``supertrend_direction``: 1 up, -1 down.

    Bands lie `width` average true ranges around the middle of high and low. The upper one only
    falls while the closes stay below it, the lower one only rises while they stay above; a close
    beyond the band turns the trend, and the line is the band on the other side of the price. The
    first bar, at index `span`, counts as down.

    References
    ----------
    Olivier Seban's Supertrend, as TradingView documents ``ta.supertrend``; the average true range
    is Wilder's, seeded as TA-Lib seeds it (one bar later than TradingView's).
    """
    return _by_program(
        ("supertrend", "supertrend_direction"),
        lambda programs: programs.supertrend(span=span, width=width),
        {"high": high, "low": low, "close": close},
    )


def _by_program(
    names: Sequence[str], choose: Callable[[ModuleType], Program], inputs: Mapping[str, pl.Expr]
) -> dict[str, pl.Expr]:
    """Return the outputs of an array program over one series, made when the expression runs."""

    def line(bars: pl.Series, which: int) -> pl.Series:
        from alphastock_cli.analytics import lanes, programs  # numpy: only where it runs

        return lanes.of_series(bars.struct.unnest(), choose(programs))[which]

    bars = pl.struct(x.cast(pl.Float64).alias(name) for name, x in inputs.items())
    return {
        name: bars.map_batches(partial(line, which=which), return_dtype=pl.Float64)
        for which, name in enumerate(names)
    }
