"""Indicators: what each is, as an expression over one series, and all of them over many symbols.

Every value at a row uses that row and earlier ones only; warm-up is null, never NaN. Recursions are
seeded as TA-Lib seeds them, so values and first index agree with it. The expressions are for one
series and say what is meant; `panels` and `last` make the same of many, fast, and are held to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from alphastock_cli.analytics import last, levels
from alphastock_cli.analytics.last import Short
from alphastock_cli.analytics.order import by_symbol_and_date

# Sessions read before the first one that counts, for recursions that never forget. Wilder's average
# of 14 keeps (13/14)^n of a wrong seed after n bars: 2e-10 of it after these.
FADE = 300
# After these nothing is left of what came before: (13/14)^1000 = 7e-33, far below the sixteenth
# digit. So they give the value of the whole history to the last bit that a float64 holds.
_FORGOTTEN = 1000
_YEAR = 252  # trading sessions of a year, for annualising and for 52-week extremes
_TINY = last.TINY


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
    move = close - close.forward_fill().shift(1)
    up = wilder(move.clip(lower_bound=0.0), span=span, first=1)
    down = wilder((-move).clip(lower_bound=0.0), span=span, first=1)
    total = up + down
    return pl.when(total > _TINY).then(100.0 * up / total).when(total.is_not_null()).then(0.0)


def true_range(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> pl.Expr:
    """Return the true range in rupees; null at the first row, which has no previous close.

    A row that lacks one of the three is passed over: null, and the close before it counts on.
    """
    known = high.is_not_null() & low.is_not_null() & close.is_not_null()
    before = pl.when(known).then(close).forward_fill().shift(1)
    spread = pl.max_horizontal(high - low, (high - before).abs(), (low - before).abs())
    return pl.when(known & before.is_not_null()).then(spread)


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
    """A column of the contract: what it reads, how far back, and how its last value is made.

    Attributes
    ----------
    inputs : tuple of str
        Columns it reads.
    bars : int
        Sessions its last value needs; for a recursion enough for the precision of the default
        look-back, while all history gives the exact value.
    last : Short or None
        How to make the last value of every symbol at once; None: by making those before it.
    fades : bool
        True for a recursion.
    grows : bool
        True for a sum over all history: it never forgets where it began.
    """

    inputs: tuple[str, ...]
    bars: int
    last: Short | None
    fades: bool = False
    grows: bool = False


def _indicators() -> dict[str, Indicator]:
    def of(inputs: str, bars: int, short: Short, *, fades: bool = False) -> Indicator:
        seen = bars + FADE if fades else bars
        return Indicator(inputs=tuple(inputs.split()), bars=seen, last=short, fades=fades)

    def mean(span: int, *, lag: int = 0) -> Indicator:
        short = last.window(f"mean_{span}_{lag}", "close", pl.Expr.mean, span=span, lag=lag)
        return of("close", span + lag, short)

    def extreme(name: str, reduce: Callable[[pl.Expr], pl.Expr]) -> Indicator:
        short = last.window(f"extreme_{name}", name, reduce, span=_YEAR, lag=1)
        return of(name, _YEAR + 1, short)

    def level(name: str, *, below: bool) -> Indicator:
        span, side = levels.WINDOW, levels.SIDE
        return of(f"{name} close", span, last.level(name, span=span, side=side, below=below))

    return {
        "volume_ratio": of("volume", 21, last.volume_ratio()),
        "momentum_20_pct": of("close", 21, last.momentum()),
        "rsi": of("close", 15, last.rsi(), fades=True),
        "sma_20": mean(20),
        "sma_50": mean(50),
        "sma_200": mean(200),
        "ema_9": of("close", 9, last.ema(span=9), fades=True),
        "ema_21": of("close", 21, last.ema(span=21), fades=True),
        "atr": of("high low close", 15, last.atr(), fades=True),
        "bollinger_upper": of("close", 20, last.bollinger(width=2.0)),
        "bollinger_lower": of("close", 20, last.bollinger(width=-2.0)),
        "support": level("low", below=True),
        "resistance": level("high", below=False),
        "sma_50_prev": mean(50, lag=1),
        "sma_200_prev": mean(200, lag=1),
        "high_52w": extreme("high", pl.Expr.max),
        "low_52w": extreme("low", pl.Expr.min),
        "volatility": of("close", 21, last.volatility(year=_YEAR)),
    }


INDICATORS: Mapping[str, Indicator] = MappingProxyType(_indicators())
# more, made only when asked for; named here, so that a scan that wants none does not read `library`
LIBRARY = (
    "macd", "macd_signal", "macd_histogram", "adx", "plus_di", "minus_di",
    "supertrend", "supertrend_direction", "vwap", "vwap_20", "stochastic_k", "stochastic_d",
    "cci", "obv", "mfi", "donchian_upper", "donchian_lower", "keltner_upper", "keltner_lower",
    "tenkan", "kijun", "senkou_a", "senkou_b", "ha_open", "ha_high", "ha_low", "ha_close",
    "pivot", "r1", "r2", "r3", "s1", "s2", "s3",
    "camarilla_r1", "camarilla_r2", "camarilla_r3", "camarilla_r4",
    "camarilla_s1", "camarilla_s2", "camarilla_s3", "camarilla_s4",
    "fibonacci_r1", "fibonacci_r2", "fibonacci_r3", "fibonacci_s1", "fibonacci_s2", "fibonacci_s3",
    "relative_strength", "zscore_20", "beta_250",
)  # fmt: skip


def indicator(name: str) -> Indicator:
    """Return the indicator `name`, one of `INDICATORS` or of `LIBRARY`."""
    if name in INDICATORS:
        return INDICATORS[name]
    from alphastock_cli.analytics import library  # builds on this module

    return library.LIBRARY[name]


def columns_needed(names: Sequence[str]) -> list[str]:
    """Return the columns the indicators `names` read, each once.

    ``session`` is the date of a candle's session, ``index_close`` the close of the index beside it.
    """
    return list(dict.fromkeys(name for key in names for name in indicator(key).inputs))


def fading(names: Sequence[str]) -> list[str]:
    """Return those of `names` that are recursions: their exact value needs all history."""
    return [name for name in names if indicator(name).fades]


def growing(names: Sequence[str]) -> list[str]:
    """Return those of `names` that sum over all history, however long."""
    return [name for name in names if indicator(name).grows]


def lookback(names: Sequence[str]) -> int:
    """Return how many sessions the last values of `names` need; 1 for none.

    A recursion gets 300 sessions more than its seed: ``(13/14)^300 = 2e-10`` of whatever was wrong
    with Wilder's seed is left then, less of an exponential average's, and of ADX, an average of
    averages, 300/14 times that. That holds for a share that trades on every session; one that
    trades rarely has fewer rows in as many sessions.
    """
    return max((indicator(name).bars for name in names), default=1)


def exact_rows(names: Sequence[str]) -> int:
    """Return how many rows of a symbol give the last values of `names` to the last digit."""
    more = _FORGOTTEN - FADE
    return max((one.bars + more * one.fades for one in map(indicator, names)), default=1)


def panel(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return `rows`, sorted by symbol and date, with one column an indicator.

    Parameters
    ----------
    rows : DataFrame, shape (n, k)
        ``symbol``, ``date`` and what `columns_needed` says; one row a symbol and date. A null is
        not known: windows that hold one are null, recursions pass over its row.
    names : sequence of str
        Keys of `INDICATORS` or `LIBRARY`.

    Returns
    -------
    DataFrame, shape (n, k + names)
        float64; null where a symbol has too few sessions, never NaN.
    """
    from alphastock_cli.analytics import panels  # numpy, which a scan can spare

    return panels.panel(rows, names, columns_needed(names))


def latest(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return the last row of each symbol with its indicators, shape (symbols, k + names).

    Equal to the last rows of `panel`, without making the rows before them.
    """
    rows = by_symbol_and_date(rows)
    ways = {name: indicator(name).last for name in names}
    done = last.evaluate(rows, {name: way for name, way in ways.items() if way is not None})
    rest = [name for name, way in ways.items() if way is None]
    if not rest:
        return done
    ends = rows["symbol"].rle().struct.field("len").cum_sum() - 1
    return done.hstack(panel(rows, rest)[ends].select(rest)).select(*rows.columns, *names)


def _seeded(x: pl.Expr, *, first: int, span: int) -> pl.Expr:
    """Return null before the seed, the mean of `span` known values from `first` at it, `x` after.

    Values that are null are passed over, as though their rows were absent.
    """
    known = x.is_not_null() & (pl.int_range(pl.len()) >= first)
    count = known.cum_sum()
    start = x.cast(pl.Float64).slice(first).drop_nulls().head(span).mean()
    return pl.when(~known | (count < span)).then(None).when(count == span).then(start).otherwise(x)
