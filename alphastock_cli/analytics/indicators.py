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

    `make` gives every value of a symbol. `last` gives the last one of every symbol at once, from
    the columns `helpers` makes before the grouping; where there are `parts`, the grouping makes
    those and `last` joins them after it. `fades` marks a recursion: its `bars` are enough for the
    precision of the default look-back, all history gives the exact value.
    """

    inputs: tuple[str, ...]
    bars: int
    make: Callable[[], pl.Expr]
    last: Callable[[], pl.Expr]
    helpers: Callable[[], list[pl.Expr]] | None = None
    parts: Callable[[], list[pl.Expr]] | None = None
    fades: bool = False


def _indicators() -> dict[str, Indicator]:
    close, volume, high, low = (pl.col(name) for name in ("close", "volume", "high", "low"))

    def of(
        name: str, bars: int, make: Callable[[], pl.Expr], short: Callable[[], pl.Expr]
    ) -> Indicator:
        return Indicator(inputs=(name,), bars=bars, make=make, last=short)

    def mean(span: int, *, lag: int = 0) -> Indicator:
        return of(
            "close",
            span + lag,
            lambda: sma(close, span=span).shift(lag),
            lambda: last.window(close, pl.Expr.mean, span=span, lag=lag),
        )

    def average(span: int) -> Indicator:
        helper = f"__ema_{span}"
        return Indicator(
            inputs=("close",),
            bars=span + _FADE,
            make=lambda: ema(close, span=span),
            last=lambda: last.total(helper, span=span, first=0),
            helpers=lambda: last.average(close, helper, span=span),
            fades=True,
        )

    def band(width: float) -> Indicator:
        return of(
            "close",
            20,
            lambda: bollinger(close, width=width),
            lambda: last.bollinger(close, width=width),
        )

    def level(name: str, *, below: bool) -> Indicator:
        x, span = pl.col(name), levels.WINDOW
        whole = levels.support if below else levels.resistance
        return Indicator(
            inputs=(name, "close"),
            bars=span,
            make=lambda: whole(x, close),
            last=lambda: last.level(x, span=span, below=below),
            helpers=lambda: last.swings(x, close, span=span, side=levels.SIDE, below=below),
        )

    def extreme(name: str, reduce: Callable[[pl.Expr], pl.Expr]) -> Indicator:
        x = pl.col(name)
        whole = highest_before if name == "high" else lowest_before
        return of(
            name,
            _YEAR + 1,
            lambda: whole(x, span=_YEAR),
            lambda: last.window(x, reduce, span=_YEAR, lag=1),
        )

    strength = Indicator(
        inputs=("close",),
        bars=15 + _FADE,
        make=lambda: rsi(close),
        last=last.rsi,
        helpers=lambda: last.moves(close),
        parts=last.rsi_parts,
        fades=True,
    )
    true_ranges = Indicator(
        inputs=("high", "low", "close"),
        bars=15 + _FADE,
        make=lambda: atr(high, low, close),
        last=lambda: last.total(last.RANGE, span=14, first=1),
        helpers=lambda: last.ranges(high, low, close),
        fades=True,
    )
    spread = Indicator(
        inputs=("close",),
        bars=21,
        make=lambda: volatility(close),
        last=lambda: last.volatility(year=_YEAR),
        helpers=lambda: last.returns(close),
    )
    ratio = of("volume", 21, lambda: volume_ratio(volume), lambda: last.volume_ratio(volume))
    momentum = of(
        "close", 21, lambda: change_pct(close, close.shift(20)), lambda: last.momentum(close)
    )
    return {
        "volume_ratio": ratio,
        "momentum_20_pct": momentum,
        "rsi": strength,
        "sma_20": mean(20),
        "sma_50": mean(50),
        "sma_200": mean(200),
        "ema_9": average(9),
        "ema_21": average(21),
        "atr": true_ranges,
        "bollinger_upper": band(2.0),
        "bollinger_lower": band(-2.0),
        "support": level("low", below=True),
        "resistance": level("high", below=False),
        "sma_50_prev": mean(50, lag=1),
        "sma_200_prev": mean(200, lag=1),
        "high_52w": extreme("high", pl.Expr.max),
        "low_52w": extreme("low", pl.Expr.min),
        "volatility": spread,
    }


INDICATORS: Mapping[str, Indicator] = MappingProxyType(_indicators())


def columns_needed(names: Sequence[str]) -> list[str]:
    """Return the columns the indicators `names` read, each once."""
    return list(dict.fromkeys(name for key in names for name in INDICATORS[key].inputs))


def fading(names: Sequence[str]) -> list[str]:
    """Return those of `names` that are recursions: their exact value needs all history."""
    return [name for name in names if INDICATORS[name].fades]


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
    chosen = {name: INDICATORS[name] for name in names}
    extra: dict[str, pl.Expr] = {}
    for one in chosen.values():
        made_before = one.helpers() if one.helpers is not None else []
        extra |= {helper.meta.output_name(): helper for helper in made_before}
    inside = [one.last().alias(name) for name, one in chosen.items() if one.parts is None]
    after = [one.last().alias(name) for name, one in chosen.items() if one.parts is not None]
    parts = [part for one in chosen.values() if one.parts is not None for part in one.parts()]
    kept = [pl.col(name).last() for name in rows.columns if name != "symbol"]
    lazy = _sorted(rows).lazy().with_columns(last.positions()).with_columns(last.back())
    grouped = lazy.with_columns(*extra.values()).group_by("symbol", maintain_order=True)
    made = grouped.agg(*kept, *inside, *parts).with_columns(after)
    return made.select(*rows.columns, *names).collect()


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
