"""Arrays of the simulator as the frames of the domain; nothing random here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import numpy as np
import polars as pl

from alphastock_cli.domain.frames import ADJUSTMENTS, CANDLES, EQUITIES_DAY, INDICES_DAY, conform
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.providers.sim.days import Array, Days
from alphastock_cli.providers.sim.minutes import Minutes
from alphastock_cli.providers.sim.universe import VIX, Share

_BASE = 1000.0  # every index starts there
_WICK = 0.4  # members do not reach their highs together: the index keeps this part of the sum


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
    pick = np.array(chosen)

    def cut(array: Array) -> Array:
        return array[low:high, pick].T.ravel()

    mean = np.round((days.open + days.high + days.low + days.close) / 4.0, 2)
    count = high - low
    made: dict[str, Callable[[], object]] = {
        "date": lambda: pl.Series(list(sessions[low:high]) * len(pick), dtype=pl.Date),
        "symbol": lambda: np.repeat([shares[i].symbol for i in chosen], count),
        "previous_close": lambda: cut(days.previous_close),
        "open": lambda: cut(days.open),
        "high": lambda: cut(days.high),
        "low": lambda: cut(days.low),
        "close": lambda: cut(days.close),
        "last": lambda: cut(days.close),
        "average_price": lambda: cut(mean),
        "volume": lambda: cut(days.volume),
        "turnover": lambda: np.round(cut(mean) * cut(days.volume), 2),
        "trades": lambda: cut(days.trades),
        "delivery_quantity": lambda: cut(days.delivery_quantity),
        "delivery_pct": lambda: np.round(100.0 * cut(days.delivery_quantity) / cut(days.volume), 2),
    }
    values = {name: make() for name, make in made.items() if name in columns or name == "date"}
    frame = pl.DataFrame(values).with_columns(
        exchange=pl.lit("NSE"), series=pl.lit("EQ"), source=pl.lit("sim")
    )
    missing = [pl.lit(None).alias(n) for n in columns if n not in frame.columns]
    schema = pl.Schema({name: EQUITIES_DAY[name] for name in columns})
    return conform(frame.with_columns(missing).select(columns), schema, what="sim equities")


def indices(
    days: Days, shares: Sequence[Share], sessions: Sequence[date], *, names: Sequence[str],
    span: tuple[int, int],
) -> pl.DataFrame:  # fmt: skip
    """Return rows of indices: base 1000, weights of the first day, splits taken out."""
    low, high = span
    parts = []
    for name in names:
        opened, high_, low_, closed = _vix(days) if name == VIX else _sum(days, shares, name)
        before = np.concatenate([closed[:1], closed[:-1]])
        parts.append(
            pl.DataFrame(
                {
                    "date": pl.Series(list(sessions[low:high]), dtype=pl.Date),
                    "symbol": [name] * (high - low),
                    "previous_close": before[low:high], "open": opened[low:high],
                    "high": high_[low:high],
                    "low": low_[low:high], "close": closed[low:high],
                }
            )
        )  # fmt: skip
    frame = pl.concat(parts).with_columns(
        exchange=pl.lit("NSE"), name=pl.col("symbol"), source=pl.lit("sim")
    )
    return conform(frame, INDICES_DAY, what="sim indices")


def adjustments(days: Days, shares: Sequence[Share], sessions: Sequence[date]) -> pl.DataFrame:
    """Return the splits as factors."""
    when, who = np.nonzero(days.factor < 1.0)
    rows = [
        {
            "exchange": "NSE", "symbol": shares[s].symbol, "ex_date": sessions[t],
            "factor": float(days.factor[t, s]), "kind": "split_or_bonus",
            "ratio": f"1:{round(1 / days.factor[t, s])}", "source": "sim",
        }
        for t, s in zip(when.tolist(), who.tolist(), strict=True)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=ADJUSTMENTS)
    return frame.sort("symbol", "ex_date")


def candles(symbol: str, times: Sequence[datetime], m: Minutes) -> pl.DataFrame:
    """Return the minutes of one day as candles."""
    frame = pl.DataFrame(
        {
            "time": pl.Series(times, dtype=pl.Datetime("us", "Asia/Kolkata")),
            "open": m.open, "high": m.high, "low": m.low, "close": m.close, "volume": m.volume,
        }
    )  # fmt: skip
    return conform(
        frame.with_columns(exchange=pl.lit("NSE"), symbol=pl.lit(symbol)),
        CANDLES,
        what="sim candles",
    )


def gathered(minutes: pl.DataFrame, interval: Interval, moment: datetime) -> pl.DataFrame:
    """Return minutes gathered into candles of `interval`, those that are over by `moment`.

    Intervals count from the session's first minute; the last one of a day may be shorter.
    """
    if minutes.is_empty():
        return minutes
    day = pl.col("time").dt.date()
    length = int(interval.length.total_seconds() // 60)
    first = pl.col("time").min().over(day)
    since = (pl.col("time") - first).dt.total_minutes()
    block = pl.lit(0) if interval is Interval.DAY else since // length
    made = (
        minutes.with_columns(__day=day, __block=block)
        .group_by("__day", "__block", maintain_order=True)
        .agg(
            pl.col("time", "exchange", "symbol", "open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
            __ends=pl.col("time").last().dt.offset_by("1m"),
        )
    )
    over = made.filter(pl.col("__ends") <= moment).with_columns(open_interest=pl.lit(None))
    if interval is Interval.DAY:
        over = over.with_columns(pl.col("time").dt.truncate("1d"))
    return conform(over.select(list(CANDLES)), CANDLES, what="sim candles")


def _sum(days: Days, shares: Sequence[Share], name: str) -> tuple[Array, Array, Array, Array]:
    pick = [i for i, share in enumerate(shares) if name in share.indices]
    scale = 1.0 / np.cumprod(days.factor[:, pick], axis=0)
    weights = np.array([shares[i].weight for i in pick])
    units = _BASE * weights / weights.sum() / days.previous_close[0, pick]

    def total(array: Array) -> Array:
        summed: Array = (array[:, pick] * scale) @ units
        return summed

    opened, closed = total(days.open), total(days.close)
    above, below = np.maximum(opened, closed), np.minimum(opened, closed)
    high = above + _WICK * (total(days.high) - above)
    low = below - _WICK * (below - total(days.low))
    return tuple(np.round(part, 2) for part in (opened, high, low, closed))  # type: ignore[return-value]


def _vix(days: Days) -> tuple[Array, Array, Array, Array]:
    opened = np.concatenate([[days.vix[0]], days.vix[:-1]])
    return opened, np.maximum(opened, days.vix), np.minimum(opened, days.vix), days.vix
