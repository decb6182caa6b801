"""Arrays of the simulator as the frames of the domain; nothing random here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    CANDLES,
    EQUITIES_DAY,
    INDICES_DAY,
    TIME,
    conform,
)
from alphastock_cli.providers.sim.days import Array, Days
from alphastock_cli.providers.sim.minutes import Minutes
from alphastock_cli.providers.sim.universe import VIX, Share, index_base

_WICK = 0.4  # members do not reach their highs together: the index keeps this part of the sum
_PARTS = ("open", "high", "low", "close", "volume")


def equities(
    days: Days,
    shares: Sequence[Share],
    sessions: Sequence[date],
    *,
    chosen: Sequence[int],
    span: tuple[int, int],
    columns: Sequence[str],
) -> pl.DataFrame:
    """Return daily rows of the chosen shares, share after share, only the columns asked for."""
    low, high = span
    pick, dates = np.array(chosen), np.array(sessions[low:high], dtype="datetime64[D]")

    def cut(array: Array) -> Array:
        return array[pick, low:high].ravel()

    def mean() -> Array:
        total = sum(cut(part) for part in (days.open, days.high, days.low, days.close))
        return np.round(total / 4.0, 2)

    def symbols() -> pl.Series:
        lanes = np.repeat(np.arange(len(pick), dtype=np.uint32), len(dates))
        return pl.Series([shares[i].symbol for i in chosen]).gather(pl.Series(lanes))

    made: dict[str, Callable[[], object]] = {
        "date": lambda: np.tile(dates, len(pick)),
        "symbol": symbols,
        "previous_close": lambda: cut(days.previous_close),
        "open": lambda: cut(days.open),
        "high": lambda: cut(days.high),
        "low": lambda: cut(days.low),
        "close": lambda: cut(days.close),
        "last": lambda: cut(days.close),
        "average_price": mean,
        "volume": lambda: cut(days.volume),
        "turnover": lambda: np.round(mean() * cut(days.volume), 2),
        "trades": lambda: cut(days.trades),
        "delivery_quantity": lambda: cut(days.delivery_quantity),
        "delivery_pct": lambda: np.round(100.0 * cut(days.delivery_quantity) / cut(days.volume), 2),
    }
    values = {name: make() for name, make in made.items() if name in {*columns, "date"}}
    same = {"exchange": pl.lit("NSE"), "series": pl.lit("EQ"), "source": pl.lit("sim")}
    frame = pl.DataFrame(values).with_columns(**same)
    missing = [pl.lit(None).alias(name) for name in columns if name not in frame.columns]
    schema = pl.Schema({name: EQUITIES_DAY[name] for name in columns})
    return conform(frame.with_columns(missing).select(columns), schema, what="sim equities")


def indices(
    days: Days,
    shares: Sequence[Share],
    sessions: Sequence[date],
    *,
    names: Sequence[str],
    span: tuple[int, int],
) -> pl.DataFrame:
    """Return rows of indices, one index after the other: base 1000 before the first session.

    An index is the sum of its members at the weights of the first day, splits taken out. Open and
    close are that sum; high and low lie between it and the sum of the members' own.
    """
    low, high = span
    dates = np.array(sessions[low:high], dtype="datetime64[D]")
    parts = []
    for name in names:
        values = index_rows(days, shares, name)
        cut = pl.DataFrame({"date": dates, **{k: values[k][low:high] for k in values.names}})
        parts.append(cut.with_columns(symbol=pl.lit(name)))
    frame = pl.concat(parts).with_columns(
        pl.col("previous_close").fill_nan(None),
        exchange=pl.lit("NSE"), name=pl.col("symbol"), source=pl.lit("sim"),
    )  # fmt: skip
    return conform(frame, INDICES_DAY, what="sim indices")


def adjustments(days: Days, shares: Sequence[Share], sessions: Sequence[date]) -> pl.DataFrame:
    """Return the splits as factors, sorted by symbol and ex-date."""
    who, when = np.nonzero(days.factor < 1.0)
    factors = days.factor[who, when].tolist()
    rows = [
        {
            "exchange": "NSE", "symbol": shares[lane].symbol, "ex_date": sessions[day],
            "factor": factor, "kind": "split_or_bonus", "ratio": f"1:{round(1 / factor)}",
            "source": "sim",
        }
        for lane, day, factor in zip(who.tolist(), when.tolist(), factors, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ADJUSTMENTS).sort("symbol", "ex_date")


def minute_candles(symbol: str, parts: Sequence[tuple[Array, Minutes]]) -> pl.DataFrame:
    """Return the minutes of several days, oldest first, as candles; starts in microseconds."""
    if not parts:
        return pl.DataFrame(schema=CANDLES)
    values = {name: np.concatenate([getattr(m, name) for _, m in parts]) for name in _PARTS}
    starts = pl.Series(np.concatenate([starts for starts, _ in parts])).cast(TIME)
    frame = pl.DataFrame({"time": starts, **values})
    return _candles(frame, symbol)


def day_candles(symbol: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return daily rows as candles that begin at the first moment of their day."""
    midnight = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata")
    return _candles(rows.select(midnight.alias("time"), *_PARTS), symbol)


def _candles(frame: pl.DataFrame, symbol: str) -> pl.DataFrame:
    named = frame.with_columns(exchange=pl.lit("NSE"), symbol=pl.lit(symbol))
    return conform(named, CANDLES, what="sim candles")


class IndexRows(dict[str, Array]):
    """Columns of an index by name, (days,) each with two decimals, made when first asked for."""

    names = ("previous_close", "open", "high", "low", "close")

    def __init__(self, make: Callable[[str], Array]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Array:
        """Make a column."""
        value = self[name] = np.round(self._make(name), 2)
        return value


def index_rows(days: Days, shares: Sequence[Share], name: str) -> IndexRows:
    """Return previous close, open, high, low and close of an index, two decimals, (days,) each."""
    return _vix(days) if name == VIX else _sum(days, shares, name)


def holdings(days: Days, shares: Sequence[Share], name: str, number: int) -> tuple[Array, Array]:
    """Return the lanes of an index's members and the units it holds of each on one day."""
    pick, units = _members(days, shares, name)
    # a running product, as for the rows: another order of factors would be another last digit
    return pick, units / np.cumprod(days.factor[pick, : number + 1], axis=1)[:, -1]


def _members(days: Days, shares: Sequence[Share], name: str) -> tuple[Array, Array]:
    pick = np.array([lane for lane, share in enumerate(shares) if name in share.indices])
    weights = np.array([shares[lane].weight for lane in pick])
    return pick, index_base(name) * weights / weights.sum() / days.previous_close[pick, 0]


def _sum(days: Days, shares: Sequence[Share], name: str) -> IndexRows:
    pick, units = _members(days, shares, name)
    held = units[:, None] / np.cumprod(days.factor[pick], axis=1)

    @cache
    def total(part: str) -> Array:
        # a sum over rows adds them in order: the same day is the same in a shorter history
        array: Array = getattr(days, part)
        summed: Array = (array[pick] * held).sum(axis=0)
        return summed

    def make(part: str) -> Array:
        if part == "previous_close":
            return _before(total("close"), index_base(name))
        if part in {"open", "close"}:
            return total(part)
        opened, closed = total("open"), total("close")
        if part == "high":
            top = np.maximum(opened, closed)
            return np.asarray(top + _WICK * (total("high") - top))
        bottom = np.minimum(opened, closed)
        return np.asarray(bottom - _WICK * (bottom - total("low")))

    return IndexRows(make)


def _vix(days: Days) -> IndexRows:
    closed = days.vix
    opened = np.concatenate([closed[:1], closed[:-1]])
    values = {
        "previous_close": _before(closed, np.nan),  # nobody knows the day before the first
        "open": opened, "close": closed,
        "high": np.maximum(opened, closed), "low": np.minimum(opened, closed),
    }  # fmt: skip
    return IndexRows(values.__getitem__)


def _before(closed: Array, first: float) -> Array:
    return np.concatenate([[first], closed[:-1]])
