"""Indicators as Polars expressions: one definition, used for a whole panel or for its last row.

Every value at a row uses that row and earlier ones only; warm-up is null, never NaN. Recursions are
seeded as TA-Lib seeds them, so values and first index agree with it. No clock, no disk.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from alphastock_cli.analytics import last, levels

# Sessions read before the first one that counts, for recursions that never forget. Wilder's average
# of 14 keeps (13/14)^n of a wrong seed after n bars: 2e-10 of it after these.
_FADE = 300
_YEAR = 252  # trading sessions of a year, for annualising and for 52-week extremes
_TINY = 1e-14  # what TA-Lib takes for zero when it divides


def sma(x: pl.Expr, *, span: int) -> pl.Expr:
    """Return the mean of the last `span` values; null before, and where one of them is null."""
    return x.rolling_mean(span)


def ema(x: pl.Expr, *, span: int) -> pl.Expr:
    """Return the exponential average with weight ``2 / (span + 1)``, seeded as TA-Lib.

    The first value, at index ``span - 1``, is the simple mean of the first `span` values.
    """
    return _seeded(x, first=0, span=span).ewm_mean(span=span, adjust=False, ignore_nulls=True)


def wilder(x: pl.Expr, *, span: int, first: int) -> pl.Expr:
    """Return Wilder's average, weight ``1 / span``, seeded with the mean of `span` values.

    The values before index `first` are not used; the first result is at ``first + span - 1``.
    """
    return _seeded(x, first=first, span=span).ewm_mean(
        alpha=1.0 / span, adjust=False, ignore_nulls=True
    )


def rsi(close: pl.Expr, *, span: int = 14) -> pl.Expr:
    """Return Wilder's relative strength index, 0 to 100; first at index `span`.

    A series that never moved has 0, as TA-Lib says.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section VI.
    """
    move = close.diff()
    up = wilder(move.clip(lower_bound=0.0), span=span, first=1)
    down = wilder((-move).clip(lower_bound=0.0), span=span, first=1)
    total = up + down
    return pl.when(total > _TINY).then(100.0 * up / total).when(total.is_not_null()).then(0.0)


def true_range(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the true range in rupees; null at the first row, which has no previous close."""
    before = close.shift(1)
    spread = pl.max_horizontal(high - low, (high - before).abs(), (low - before).abs())
    return pl.when(before.is_not_null() & high.is_not_null() & low.is_not_null()).then(spread)


def atr(high: pl.Expr, low: pl.Expr, close: pl.Expr, *, span: int = 14) -> pl.Expr:
    """Return Wilder's average true range in rupees; first at index `span`.

    References
    ----------
    J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section III.
    """
    return wilder(true_range(high, low, close), span=span, first=1)


def bollinger(x: pl.Expr, *, span: int = 20, width: float = 2.0) -> pl.Expr:
    """Return the mean of `span` values plus `width` population standard deviations."""
    return x.rolling_mean(span) + width * x.rolling_std(span, ddof=0)


def volume_ratio(volume: pl.Expr, *, span: int = 20) -> pl.Expr:
    """Return volume over the mean volume of the `span` sessions before; null where that is 0."""
    before = volume.cast(pl.Float64).shift(1).rolling_mean(span)
    return pl.when(before > 0.0).then(volume / before)


def change_pct(x: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Return the change from `before` to `x` in percent; null where `before` is null or 0."""
    return pl.when(before != 0.0).then(100.0 * (x - before) / before)


def highest_before(x: pl.Expr, *, span: int) -> pl.Expr:
    """Return the highest of the `span` values before this one."""
    return x.shift(1).rolling_max(span)


def lowest_before(x: pl.Expr, *, span: int) -> pl.Expr:
    """Return the lowest of the `span` values before this one."""
    return x.shift(1).rolling_min(span)


def volatility(close: pl.Expr, *, span: int = 20) -> pl.Expr:
    """Return the realised volatility in percent a year.

    The sample standard deviation of the last `span` logarithmic daily returns times the square
    root of 252; null where a price is not positive.
    """
    price = pl.when(close > 0.0).then(close)
    returns = (price / price.shift(1)).log()
    return 100.0 * math.sqrt(_YEAR) * returns.rolling_std(span, ddof=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A column: what it reads, how many bars its last value needs, and its expressions.

    `make` gives every value of a symbol, `last` the last one of every symbol at once.
    """

    inputs: tuple[str, ...]
    bars: int
    make: Callable[[], pl.Expr]
    last: Callable[[], pl.Expr]


def _indicators() -> dict[str, Indicator]:
    close, volume, high, low = (pl.col(name) for name in ("close", "volume", "high", "low"))
    ohlc, fade, span = ("high", "low", "close"), _FADE, levels.WINDOW

    def of(
        inputs: tuple[str, ...],
        bars: int,
        make: Callable[[], pl.Expr],
        short: Callable[[], pl.Expr],
    ) -> Indicator:
        return Indicator(inputs=inputs, bars=bars, make=make, last=short)

    def mean(length: int, *, lag: int = 0) -> Indicator:
        return of(
            ("close",), length + lag, lambda: sma(close, span=length).shift(lag),
            lambda: last.window(close, pl.Expr.mean, span=length, lag=lag),
        )  # fmt: skip

    def average(length: int) -> Indicator:
        return of(
            ("close",), length + fade, lambda: ema(close, span=length),
            lambda: last.ema(close, span=length),
        )  # fmt: skip

    def band(width: float) -> Indicator:
        return of(
            ("close",), 20, lambda: bollinger(close, width=width),
            lambda: last.bollinger(close, width=width),
        )  # fmt: skip

    def level(x: pl.Expr, name: str, *, below: bool) -> Indicator:
        whole = levels.support if below else levels.resistance
        return of(
            (name, "close"), span, lambda: whole(x, close),
            lambda: last.level(x, close, span=span, side=levels.SIDE, below=below),
        )  # fmt: skip

    return {
        "volume_ratio": of(("volume",), 21, lambda: volume_ratio(volume),
                           lambda: last.volume_ratio(volume)),
        "momentum_20_pct": of(("close",), 21, lambda: change_pct(close, close.shift(20)),
                              lambda: last.momentum(close)),
        "rsi": of(("close",), 15 + fade, lambda: rsi(close), lambda: last.rsi(close)),
        "sma_20": mean(20),
        "sma_50": mean(50),
        "sma_200": mean(200),
        "ema_9": average(9),
        "ema_21": average(21),
        "atr": of(ohlc, 15 + fade, lambda: atr(high, low, close),
                  lambda: last.atr(high, low, close)),
        "bollinger_upper": band(2.0),
        "bollinger_lower": band(-2.0),
        "support": level(low, "low", below=True),
        "resistance": level(high, "high", below=False),
        "sma_50_prev": mean(50, lag=1),
        "sma_200_prev": mean(200, lag=1),
        "high_52w": of(("high",), _YEAR + 1, lambda: highest_before(high, span=_YEAR),
                       lambda: last.window(high, pl.Expr.max, span=_YEAR, lag=1)),
        "low_52w": of(("low",), _YEAR + 1, lambda: lowest_before(low, span=_YEAR),
                      lambda: last.window(low, pl.Expr.min, span=_YEAR, lag=1)),
        "volatility": of(("close",), 21, lambda: volatility(close),
                         lambda: last.volatility(close, year=_YEAR)),
    }  # fmt: skip


INDICATORS: Mapping[str, Indicator] = MappingProxyType(_indicators())


def columns_needed(names: Sequence[str]) -> list[str]:
    """Return the columns the indicators `names` read, each once."""
    return list(dict.fromkeys(name for key in names for name in INDICATORS[key].inputs))


def lookback(names: Sequence[str]) -> int:
    """Return how many sessions the last values of `names` need; 1 for none."""
    return max((INDICATORS[name].bars for name in names), default=1)


def panel(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return `rows`, sorted by symbol and date, with one column an indicator.

    Parameters
    ----------
    rows : DataFrame, shape (n, k)
        ``symbol``, ``date`` and what `columns_needed` says; one row a symbol and date.
    """
    made = [INDICATORS[name].make().over("symbol").alias(name) for name in names]
    return _sorted(rows).with_columns(made)


def latest(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return the last row of each symbol with its indicators, shape (symbols, k + names).

    Equal to the last rows of `panel`, without making the rows before them.
    """
    made = [INDICATORS[name].last().alias(name) for name in names]
    kept = [pl.col(name).last() for name in rows.columns if name != "symbol"]
    lazy = _sorted(rows).lazy().with_columns(last.positions()).with_columns(last.back())
    grouped = lazy.group_by("symbol", maintain_order=True).agg(*kept, *made)
    return grouped.select(*rows.columns, *names).collect()


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    keys = rows.select("symbol", "date")
    in_order = keys.select(
        (
            (pl.col("symbol") > pl.col("symbol").shift(1))
            | (
                (pl.col("symbol") == pl.col("symbol").shift(1))
                & (pl.col("date") >= pl.col("date").shift(1))
            )
        ).all()
    ).item()
    return rows if in_order else rows.sort("symbol", "date", maintain_order=True)


def _seeded(x: pl.Expr, *, first: int, span: int) -> pl.Expr:
    """Return null before the seed, the mean of `span` values from `first` at it, `x` after."""
    index = pl.int_range(pl.len())
    at = first + span - 1
    start = x.cast(pl.Float64).slice(first, span).mean()
    return pl.when(index < at).then(None).when(index == at).then(start).otherwise(x)
