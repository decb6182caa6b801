"""What the rows of a tick file are worth: minute candles, refused ticks with reasons, remarks.

A tick is a moment and a price, with the cumulative volume of the day where the recorder kept it.
The ticks themselves are not stored. Columns come from `candle_files.py`, the gathering from
`analytics/ticks.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from alphastock_cli.analytics import ticks as gathering
from alphastock_cli.analytics.hours import Hours
from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_checks import (
    REASON,
    UNSET,
    CandleFile,
    amount,
    candles_of,
    refused,
)
from alphastock_cli.store.candle_files import Table, read_table
from alphastock_cli.store.candle_names import is_index, member_of, of_symbol, stored_name
from alphastock_cli.store.cells import RAW, ROW

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VALUES = ("timestamp", "price", "volume")
_OPTION = re.compile(r"\d(CE|PE)$")
FALLING = "the cumulative volume went down"
JUMPING = "the price jumps by more than 20 % and comes back within five minutes"
JUMPING_OPTION = "the price jumps beyond three times or a third and comes back within five minutes"


def read_prices(
    path: Path,
    *,
    symbol: str,
    exchange: Exchange,
    interval: Interval,
    now: datetime,
    mapping: Mapping[str, str] | None = None,
    member: str = "",
) -> CandleFile:
    """Read and check a file of candles, or of ticks that make minutes, of one symbol.

    Parameters
    ----------
    symbol : str
        The person's word; it beats what the file says.
    now : datetime
        What is not over by then is refused.
    mapping : mapping of str to str, optional
        Field to column of the file, where the names do not tell.
    member : str
        Which table of a zip; "" takes the one named after the symbol.

    Raises
    ------
    UsageError, UnknownName
        The file or the member is missing, the rows are of another interval or symbol, ticks are
        asked for as anything but minutes, or `mapping` names what is not there.
    BadReply, StorageError
        The file is no table of prices; the disk says no.
    """
    pick = partial(member_of, symbol=symbol, exchange=exchange, member=member)
    table = read_table(path, mapping or {}, pick)
    if member and "!" not in table.name:
        raise UsageError(f"--member {member}: {path.name} is no zip archive")
    if not table.are_ticks:
        return candles_of(table, symbol=symbol, exchange=exchange, interval=interval, now=now)
    if interval is not Interval.MINUTE:
        raise UsageError(
            f"{table.name} holds ticks: they are stored as minutes, not as {interval.value}",
            safe="Nothing was stored.",
            hint="Give --interval minute; longer candles are gathered from minutes when asked for.",
        )
    return ticks_of(table, symbol=symbol, exchange=exchange, now=now)


def ticks_of(table: Table, *, symbol: str, exchange: Exchange, now: datetime) -> CandleFile:
    """Return the minute candles of the good ticks of a table, and the others with their reasons."""
    name = stored_name(symbol, exchange)
    own, notes = of_symbol(table.rows, name, exchange, table.name)
    typed, silent = _typed(own, index=is_index(name, exchange))
    if silent:
        notes.append("every volume is 0: stored as not known")
    checked = _checked(typed, calendar.segment_of(exchange), now)
    good = gathering.ordered(checked.filter(pl.col(REASON).is_null()))
    single = good.unique(_VALUES, keep="first", maintain_order=True)
    option = exchange not in {Exchange.NSE, Exchange.BSE} and bool(_OPTION.search(name))
    weighed = _weighed(single, option=option)
    sound = weighed.filter(pl.col(REASON).is_null())
    odd = table.odd.with_columns(
        pl.lit("more or fewer cells than the header").alias(REASON), timestamp=pl.lit(None)
    )
    bad = [frame.filter(pl.col(REASON).is_not_null()) for frame in (checked, weighed)]
    what = {"dataset": "candles_minute", "source": table.form, "file": table.name, "symbol": name}
    candles = gathering.minute_candles(sound)
    named = candles.with_columns(exchange=pl.lit(exchange.value), symbol=pl.lit(name))
    return CandleFile(
        file=table.name, form=table.form, symbol=name, dataset="candles_minute",
        candles=conform(named, CANDLES, what=table.name), rejects=refused([*bad, odd], what),
        rows=own.height + table.odd.height, repeated=good.height - single.height,
        notes=(*notes, *_remarks(sound, candles)),
    )  # fmt: skip


def _typed(rows: pl.DataFrame, *, index: bool) -> tuple[pl.DataFrame, bool]:
    """Return price and cumulative volume as numbers, and whether every volume was 0.

    What is no number becomes NaN (a price) or -1 (a volume), for the checks to find. An index has
    no volume.
    """
    volume = amount("volume") if "volume" in rows.columns else pl.lit(None, pl.Int64)
    frame = rows.select(
        ROW, RAW, "timestamp",
        pl.col("price").cast(pl.Float64, strict=False).fill_null(float("nan")),
        volume.alias("volume"),
    )  # fmt: skip
    known = frame["volume"].drop_nulls()
    silent = known.len() > 0 and bool((known == 0).all())
    if not (silent or index):
        return frame, False
    return frame.with_columns(volume=pl.lit(None, pl.Int64)), silent and not index


def _checked(rows: pl.DataFrame, segment: calendar.Segment, now: datetime) -> pl.DataFrame:
    """Return the rows with the first reason against each by itself, null where there is none."""
    known = rows["timestamp"].is_not_null()
    times = rows["timestamp"].to_physical().fill_null(0).to_numpy()
    days = rows["timestamp"].dt.date().drop_nulls().unique()

    def told(flags: NDArray[np.bool_]) -> pl.Expr:
        return pl.lit(pl.Series(flags & known.to_numpy()))

    closed = outside = told(np.zeros(len(times), dtype=np.bool_))
    if days.len():
        hours = Hours(segment, days)
        closed = told(hours.closed(times))
        outside = told(hours.known(times) & ~hours.inside(times))
    ends = pl.col("timestamp").dt.truncate("1m") + timedelta(minutes=1)
    reasons = (
        (pl.col("timestamp").is_null(), "no time that can be read"),
        (pl.col("timestamp").dt.year() == UNSET, "a time stamp of 1970"),
        (~pl.col("price").is_finite(), "a price is missing or no number"),
        (pl.col("price") <= 0.0, "a price is not positive"),
        (pl.col("volume") < 0, "the volume is no whole number from 0"),
        (closed, "the exchange was closed that day"),
        (outside, "outside the trading hours of that day"),
        (ends > now, "its minute is not over yet"),
    )
    return rows.with_columns(
        pl.coalesce(pl.when(test).then(pl.lit(text)) for test, text in reasons).alias(REASON)
    )


def _weighed(ticks: pl.DataFrame, *, option: bool) -> pl.DataFrame:
    """Return ordered ticks with the reason against those that their neighbours contradict."""
    parts = [_weighed_day(day, option=option) for day in _days(ticks)]
    return pl.concat([ticks.clear(), *parts])


def _days(ticks: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the ticks of each day."""
    by_day = ticks.group_by(pl.col("timestamp").dt.date(), maintain_order=True)
    return [day for _, day in by_day]


def _weighed_day(ticks: pl.DataFrame, *, option: bool) -> pl.DataFrame:
    known = ticks["volume"].is_not_null().to_numpy()
    falling = np.zeros(ticks.height, dtype=np.bool_)
    falling[known] = ~gathering.not_falling(ticks["volume"].drop_nulls().to_numpy())
    left = np.flatnonzero(~falling)
    far = gathering.far_option if option else gathering.far_from
    jumping = np.zeros(ticks.height, dtype=np.bool_)
    jumping[left] = gathering.reverting_jumps(
        ticks["timestamp"].to_physical().to_numpy()[left], ticks["price"].to_numpy()[left], far
    )
    return ticks.with_columns(
        pl.when(pl.lit(pl.Series(falling)))
        .then(pl.lit(FALLING))
        .when(pl.lit(pl.Series(jumping)))
        .then(pl.lit(JUMPING_OPTION if option else JUMPING))
        .alias(REASON)
    )


def _remarks(ticks: pl.DataFrame, candles: pl.DataFrame) -> list[str]:
    """Say what the candles of a recording cannot hold."""
    if ticks.is_empty():
        return []
    found = [f"{ticks.height} ticks made {candles.height} minutes; ticks are not stored themselves"]
    for day in _days(ticks):
        first, last = day["timestamp"][0], day["timestamp"][-1]
        span = last.replace(second=0, microsecond=0) - first.replace(second=0, microsecond=0)
        minutes = day["timestamp"].dt.truncate("1m").n_unique()
        empty = int(span.total_seconds()) // 60 + 1 - minutes
        text = f"{first.date()}: recorded from {first:%H:%M:%S} to {last:%H:%M:%S}"
        text += f", no tick in {empty} of the minutes between" if empty else ""
        own = candles.filter(pl.col("time").dt.date() == first.date())["volume"]
        known = day["volume"].drop_nulls()
        lost = int(known[-1]) - int(own.sum()) if known.len() else 0
        if lost:
            text += f"; {lost} units traded before the first tick or in a gap are in no candle"
        found.append(text)
    return found
