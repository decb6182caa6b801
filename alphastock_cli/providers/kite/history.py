"""Candles of Kite as ours: spans within its limits, final ones only, what is wrong set aside.

What the source answers is checked as a file is (`store.candle_checks`). No asking here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from alphastock_cli.domain.frames import CANDLES, TIME, conform
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import BadReply, OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_checks import (
    REASON,
    CandleFile,
    candles_of,
    faults,
    numbers,
    refused,
)
from alphastock_cli.store.candle_files import Table
from alphastock_cli.store.cells import RAW, ROW

_NAMES = ("open", "high", "low", "close", "volume", "open_interest")
_FORM = "kite_history"
_FAR = 10.0  # a price so many times off the day's middle is of another unit or symbol
_ENOUGH = 3  # candles of a day that have a middle
_DAY = timedelta(days=1)


def spans(first: date, last: date, days: int) -> list[tuple[date, date]]:
    """Return the days from `first` to `last`, both inclusive, in pieces of at most `days`.

    >>> spans(date(2026, 1, 1), date(2026, 1, 5), 2)[-1]
    (datetime.date(2026, 1, 5), datetime.date(2026, 1, 5))
    """
    found = []
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        found.append((first, end))
        first = end + _DAY
    return found


def moments(span: tuple[date, date]) -> tuple[datetime, datetime]:
    """Return the first and the last second of a span, in Indian time."""
    return (datetime.combine(span[0], time(), calendar.IST),
            datetime.combine(span[1], time(23, 59, 59), calendar.IST))  # fmt: skip


def table_of(rows: Sequence[Sequence[Any]], name: str) -> Table:
    """Return Kite's rows as a table to be checked."""
    wide = [[*row, *[None] * (7 - len(row))] for row in rows]
    schema = {"text": pl.String, **dict.fromkeys(_NAMES[:4], pl.Float64),
              **dict.fromkeys(_NAMES[4:], pl.Float64)}  # fmt: skip
    try:
        frame = pl.DataFrame(wide, schema=schema, orient="row", strict=False)
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise BadReply(f"Kite's candles of {name} are no numbers ({type(error).__name__})",
                       safe="Nothing of them was stored.") from None  # fmt: skip
    raw = pl.concat_str([pl.col(each).cast(pl.String).fill_null("") for each in frame.columns],
                        separator=",")  # fmt: skip
    made = frame.with_row_index(ROW, offset=1).with_columns(
        pl.col(ROW).cast(pl.Int64), raw.alias(RAW),
        pl.col("text").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", strict=False)
        .dt.convert_time_zone("Asia/Kolkata").cast(TIME).alias("timestamp"),
    )  # fmt: skip
    columns = [ROW, RAW, "timestamp", *_NAMES]
    kept = made.select(columns) if any(len(row) == 7 for row in rows) else made.select(columns[:-1])  # noqa: PLR2004 - with open interest
    odd = pl.DataFrame(schema={ROW: pl.Int64, RAW: pl.String})
    return Table(name=name, form=_FORM, rows=kept, odd=odd)


def checked(
    rows: Sequence[Sequence[Any]],
    *,
    symbol: str,
    exchange: Exchange,
    interval: Interval,
    span: tuple[date, date],
    now: datetime,
    steady: bool,
) -> CandleFile:
    """Return the candles of an answer that are good and final, and the others with reasons.

    Parameters
    ----------
    now : datetime
        What is not over by then is left out.
    steady : bool
        Whether a price ten times off the day's middle cannot be true: not of options.
    """
    name = f"kite:{exchange}:{symbol}"
    table = table_of(rows, name)
    day = pl.col("timestamp").dt.date()
    reasons = [pl.when(~day.is_between(*span)).then(pl.lit("outside the days asked for"))]
    if steady:
        middle = pl.col("close").median().over(day)
        off = (pl.col("close") > _FAR * middle) | (pl.col("close") * _FAR < middle)
        enough = pl.len().over(day) >= _ENOUGH
        reasons.append(pl.when(off & enough).then(pl.lit("ten times off the prices beside it")))
    judged = table.rows.with_columns(pl.coalesce(reasons).alias(REASON))
    odd = judged.filter(pl.col(REASON).is_not_null())
    good = judged.filter(pl.col(REASON).is_null()).drop(REASON)
    found = candles_of(
        Table(name=name, form=_FORM, rows=good, odd=table.odd), symbol=symbol, exchange=exchange,
        interval=interval, now=now, interval_known=True,
    )  # fmt: skip
    # what is not over yet is not wrong: it comes with the next call
    rejects = found.rejects.filter(pl.col("reason") != "not over yet")
    if odd.height:
        what = {"dataset": found.dataset, "source": _FORM, "file": name, "symbol": found.symbol}
        rejects = pl.concat([rejects, refused([odd], what)])
    return CandleFile(
        file=name, form=_FORM, symbol=found.symbol, dataset=found.dataset, candles=found.candles,
        rejects=rejects, rows=len(rows), repeated=found.repeated, notes=found.notes,
    )  # fmt: skip


def days_of(
    rows: Sequence[Sequence[Any]],
    *,
    symbol: str,
    exchange: Exchange,
    span: tuple[date, date],
    now: datetime,
    index: bool,
) -> pl.DataFrame:
    """Return day candles in the `CANDLES` schema, of sessions that are over by `now`.

    Stamped with the first moment of their day. Rows that contradict themselves are left out.
    """
    table = table_of(rows, f"kite:{exchange}:{symbol}")
    typed, _ = numbers(table.rows, index=index)
    bad = pl.any_horizontal(test for test, _ in faults())
    inside = pl.col("timestamp").dt.date().is_between(*span)
    kept = typed.filter(~bad.fill_null(value=False) & inside)
    segment = calendar.segment_of(exchange)
    final = [day for day in kept["timestamp"].dt.date().unique() if is_final(segment, day, now)]
    frame = kept.filter(pl.col("timestamp").dt.date().is_in(final)).select(
        *_NAMES, time=pl.col("timestamp").dt.truncate("1d"), exchange=pl.lit(exchange.value),
        symbol=pl.lit(symbol),
    )  # fmt: skip
    single = frame.unique("time", keep="none") if frame["time"].is_duplicated().any() else frame
    return conform(single.sort("time"), CANDLES, what="kite days")


def is_final(segment: calendar.Segment, day: date, now: datetime) -> bool:
    """Tell whether a day is a session, and one that is over; beyond the tables by its date."""
    try:
        if not calendar.is_session(segment, day):
            return False
    except OutOfRange:
        return day < now.astimezone(calendar.IST).date()
    return calendar.known_from(segment, day) <= now
