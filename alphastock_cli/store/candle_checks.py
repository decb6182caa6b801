"""What the rows of a candle file are worth: good candles, refused rows with reasons, remarks.

The columns come from `candle_files.py`; the calendar decides about hours. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from math import gcd
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alphastock_cli.analytics.hours import MINUTE, Hours, micros
from alphastock_cli.analytics.resample import minutes_of
from alphastock_cli.domain.frames import CANDLES, REJECTS, conform
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.safety import safe_text
from alphastock_cli.store.candle_files import PRICES, Table, read_table
from alphastock_cli.store.candle_names import is_index, of_symbol, stored_name
from alphastock_cli.store.cells import RAW, ROW

REASON = "__reason"
RAW_LIMIT = 500
UNSET = 1970  # the year of a clock nobody set
_ENOUGH = 20  # steps between candles before their common divisor says what the interval is
_DAYS = 5  # days with one row each before they are called daily
_AMOUNTS = ("volume", "open_interest")


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFile:
    """What one file held, checked row by row.

    Attributes
    ----------
    symbol : str
        As it is stored: an index by its canonical name.
    candles : DataFrame
        Good rows in the `CANDLES` schema, ascending and unique in time.
    rejects : DataFrame
        Refused rows with their reasons, in the `REJECTS` schema.
    rows, repeated : int
        Rows of the symbol, and those among them that repeat another one exactly.
    notes : tuple of str
        What a person should know.
    """

    file: str
    form: str
    symbol: str
    dataset: str
    candles: pl.DataFrame
    rejects: pl.DataFrame
    rows: int
    repeated: int
    notes: tuple[str, ...]


def read_candles(
    path: Path,
    *,
    symbol: str,
    exchange: Exchange,
    interval: Interval,
    now: datetime,
    mapping: Mapping[str, str] | None = None,
) -> CandleFile:
    """Read and check a file of candles of one symbol.

    Parameters
    ----------
    symbol : str
        The person's word; it beats what the file says.
    now : datetime
        Candles that are not over by then are refused.
    mapping : mapping of str to str, optional
        Field to column of the file, where the names do not tell.

    Raises
    ------
    UsageError
        The file is missing, holds daily rows, candles of another interval or other symbols.
    UnknownName
        `mapping` names an unknown field or column.
    BadReply, StorageError
        The file is no table of candles; the disk says no.
    """
    table = read_table(path, mapping or {})
    if table.are_ticks:
        raise UsageError(f"{table.name} holds ticks, no candles", safe="Nothing was stored.")
    return candles_of(table, symbol=symbol, exchange=exchange, interval=interval, now=now)


def candles_of(
    table: Table,
    *,
    symbol: str,
    exchange: Exchange,
    interval: Interval,
    now: datetime,
    interval_known: bool = False,
) -> CandleFile:
    """Return the checked candles of a table; the parameters are those of `read_candles`.

    With `interval_known` the source was asked for that very interval: rows far apart mean that
    nothing was traded between them, not that they are of another one.
    """
    name = stored_name(symbol, exchange)
    own, notes = of_symbol(table.rows, name, exchange, table.name)
    typed, silent = numbers(own, index=is_index(name, exchange))
    if silent:
        notes.append("every volume is 0: stored as not known")
    if not interval_known:
        _refuse_daily(typed, table.name, index=is_index(name, exchange))
    checked = _checked(typed, calendar.segment_of(exchange), interval, now)
    good = checked.filter(pl.col(REASON).is_null())
    if not interval_known:
        _refuse_other_interval(checked, interval, table.name)
    single, repeated, contradicting = _unrepeated(good)
    bad = pl.concat([checked.filter(pl.col(REASON).is_not_null()), contradicting])
    odd = uneven(table)
    dataset = f"candles_{interval.value}"
    what = {"dataset": dataset, "source": table.form, "file": table.name, "symbol": name}
    frame = single.select("timestamp", *PRICES, *_AMOUNTS).rename({"timestamp": "time"})
    named = frame.with_columns(exchange=pl.lit(exchange.value), symbol=pl.lit(name)).sort("time")
    return CandleFile(
        file=what["file"], form=table.form, symbol=name, dataset=dataset,
        candles=conform(named, CANDLES, what=table.name),
        rejects=refused([bad, odd], what), rows=own.height + table.odd.height,
        repeated=repeated, notes=tuple(notes),
    )  # fmt: skip


def numbers(rows: pl.DataFrame, *, index: bool) -> tuple[pl.DataFrame, bool]:
    """Return prices as numbers and amounts as whole ones, and whether every volume was 0.

    What is no number becomes NaN (a price) or -1 (an amount), for the checks to find.
    """
    frame = rows.select(
        ROW, RAW, "timestamp",
        *(pl.col(name).cast(pl.Float64, strict=False).fill_null(float("nan")) for name in PRICES),
        *(amount(name) if name in rows.columns else pl.lit(None, pl.Int64).alias(name)
          for name in _AMOUNTS),
    )  # fmt: skip
    none = frame["volume"].len() > 0 and bool((frame["volume"] == 0).all())
    empty = none and frame["volume"].null_count() == 0
    if not (empty or index):
        return frame, False
    volume = pl.col("volume")
    return frame.with_columns(pl.when(volume != 0).then(volume)), empty and not index


def amount(name: str) -> pl.Expr:
    """Return a column of whole numbers; an empty cell is not known, anything else is wrong."""
    number = pl.col(name).cast(pl.Float64, strict=False)
    whole = number.is_finite() & (number == number.floor()) & (number < 2.0**53)
    blank = pl.col(name).is_null() | (pl.col(name).cast(pl.String).str.strip_chars() == "")
    return (
        pl.when(blank).then(None)
        .when(whole.fill_null(value=False)).then(number.fill_nan(None).cast(pl.Int64, strict=False))
        .otherwise(-1).alias(name)
    )  # fmt: skip


def uneven(table: Table) -> pl.DataFrame:
    """Return the rows that have more or fewer cells than the header, with that as their reason."""
    return table.odd.with_columns(
        pl.lit("more or fewer cells than the header").alias(REASON), timestamp=pl.lit(None)
    )


def _refuse_daily(rows: pl.DataFrame, file: str, *, index: bool) -> None:
    """Refuse a file whose moments are midnights, or that has one row a day."""
    known = rows["timestamp"].drop_nulls()
    midnights = int((known.dt.time() == time(0)).sum())
    days = known.dt.date().n_unique()
    if 2 * midnights > known.len() or (known.len() == days >= _DAYS):
        raise UsageError(
            f"{file} holds daily rows, no candles inside the day",
            safe="Nothing was stored.",
            hint="Give --interval day."
            if index
            else "Daily prices come in by `alphastock fetch eod --from-dir FOLDER`.",
        )


def _checked(
    rows: pl.DataFrame, segment: calendar.Segment, interval: Interval, now: datetime
) -> pl.DataFrame:
    """Return the rows with the first reason against each, null where there is none."""
    length = minutes_of(interval)
    known = rows["timestamp"].is_not_null()
    days = rows["timestamp"].dt.date().drop_nulls().unique()
    hours = Hours(segment, days)
    times = rows["timestamp"].to_physical().fill_null(0).to_numpy()
    usable = known.to_numpy()

    def told(flags: NDArray[np.bool_]) -> pl.Expr:
        return pl.lit(pl.Series(flags & usable))

    if days.is_empty():
        closed = outside = off_grid = unfinished = told(np.zeros(len(times), dtype=np.bool_))
    else:
        anchors = hours.anchors(times, times)
        closed = told(hours.closed(times))
        outside = told(hours.known(times) & ~hours.inside(times))
        off_grid = told(~hours.on_grid(times, length))
        unfinished = told(hours.ends(times, anchors, length) > micros(now))
    reasons = (
        *faults(),
        (closed, "the exchange was closed that day"),
        (outside, "outside the trading hours of that day"),
        (off_grid, _off_grid(interval)),
        (unfinished, "not over yet"),
    )
    return rows.with_columns(
        pl.coalesce(pl.when(test).then(pl.lit(text)) for test, text in reasons).alias(REASON)
    )


def faults() -> tuple[tuple[pl.Expr, str], ...]:
    """Return what can be wrong with the figures of a row that `numbers` made, and its words."""
    prices = pl.concat_list(PRICES)
    crossed = (pl.min_horizontal("open", "close") < pl.col("low")) | (
        pl.max_horizontal("open", "close") > pl.col("high")
    )
    return (
        (pl.col("timestamp").is_null(), "no time that can be read"),
        (pl.col("timestamp").dt.year() == UNSET, "a time stamp of 1970"),
        (~pl.all_horizontal(pl.col(PRICES).is_finite()), "a price is missing or no number"),
        (prices.list.min() <= 0.0, "a price is not positive"),
        (crossed, "low, open, close and high contradict each other"),
        (pl.col("volume") < 0, "the volume is no whole number from 0"),
        (pl.col("open_interest") < 0, "the open interest is no whole number from 0"),
    )


def _refuse_other_interval(rows: pl.DataFrame, interval: Interval, file: str) -> None:
    """Refuse candles that lie closer together, or all further apart, than those asked for.

    Every fifth minute would pass for a candle of five, and a candle of five for a minute.
    """
    length = minutes_of(interval)
    reason = pl.col(REASON)
    placed = rows.filter(reason.is_null() | (reason == _off_grid(interval)))
    often = _steps(placed).mode().sort()
    every = _steps(rows.filter(reason.is_null()))
    apart = 0
    if often.len() and 0 < often[0] < length:
        apart = often[0]
    elif every.len() >= _ENOUGH and (common := gcd(*every.unique())) > length:
        apart = common
    if apart:
        words = {minutes_of(each): each.value for each in Interval if each.is_intraday}
        right = words.get(apart, "the right one")
        raise UsageError(
            f"the candles of {file} lie {apart} min apart: they are not {interval.value} ones",
            safe="Nothing was stored.",
            hint=f"Give --interval {right}.",
        )


def _steps(rows: pl.DataFrame) -> pl.Series:
    """Return the minutes from each moment to the next of its day."""
    times = rows.select(day=pl.col("timestamp").dt.date(), at=pl.col("timestamp").to_physical())
    gaps = times.unique().sort("at").select(pl.col("at").diff().over("day")).to_series()
    return gaps.drop_nulls() // MINUTE


def _off_grid(interval: Interval) -> str:
    return f"no {interval.value} candle begins then"


def _unrepeated(rows: pl.DataFrame) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """Return one row a moment, the number of exact repeats, and the rows that contradict.

    Of rows that differ at one moment nobody can say which is right: all of them are refused.
    """
    values = ["timestamp", *PRICES, *_AMOUNTS]
    single = rows.unique(values, keep="first", maintain_order=True)
    clash = single["timestamp"].is_duplicated()
    contradicting = single.filter(clash).with_columns(
        pl.lit("contradicts another row of the same time").alias(REASON)
    )
    return single.filter(~clash), rows.height - single.height, contradicting


def refused(parts: list[pl.DataFrame], what: Mapping[str, str]) -> pl.DataFrame:
    """Return refused rows in the `REJECTS` schema, their text harmless to a terminal.

    A part with a column ``symbol`` names its rows itself, others are of the one in `what`.
    """
    symbol = pl.lit(what["symbol"]).alias("symbol")
    bad = pl.concat(
        [part.select(ROW, RAW, "timestamp", REASON, "symbol" if "symbol" in part else symbol)
         for part in parts], how="vertical_relaxed",
    )  # fmt: skip
    frame = bad.select(
        **{name: pl.lit(text) for name, text in what.items() if name != "symbol"},
        symbol="symbol", row=ROW, date=pl.col("timestamp").dt.date(), reason=REASON,
        raw=pl.col(RAW).map_elements(
            lambda text: safe_text(text, limit=RAW_LIMIT), return_dtype=pl.String
        ),
    )  # fmt: skip
    return conform(frame.sort("row"), REJECTS, what=what["file"])
