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
_VALUES = ("timestamp", *_NAMES)
_FORM = "kite_history"
_FAR = 10.0  # a price so many times off the day's middle is of another unit or symbol
_ENOUGH = 3  # candles of a day that have a middle
_ABOUT = 11  # days about a day
_UNFINISHED = "not over yet"
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


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
    rejects = found.rejects.filter(pl.col("reason") != _UNFINISHED)
    if odd.height:
        what = {"dataset": found.dataset, "source": _FORM, "file": name, "symbol": found.symbol}
        rejects = pl.concat([rejects, refused([odd], what)])
    return CandleFile(
        file=name, form=_FORM, symbol=found.symbol, dataset=found.dataset, candles=found.candles,
        rejects=rejects, rows=len(rows), repeated=found.repeated, notes=found.notes,
    )  # fmt: skip


def checked_days(
    rows: Sequence[Sequence[Any]],
    *,
    symbol: str,
    exchange: Exchange,
    span: tuple[date, date],
    now: datetime,
    index: bool,
    steady: bool,
) -> CandleFile:
    """Return the days of an answer that are good and over, and the others with reasons.

    Stamped with the first moment of their day, under the name `symbol` as it is given.

    Parameters
    ----------
    now : datetime
        Sessions that are not over by then are left out.
    index, steady : bool
        Whether it has no volume; whether a price ten times off those of the weeks about it cannot
        be true: not of options.
    """
    name = f"kite:{exchange}:{symbol}"
    typed, silent = numbers(table_of(rows, name).rows, index=index)
    single = typed.unique([*_VALUES], keep="first", maintain_order=True)
    judged = _judged_days(
        single.sort("timestamp"), calendar.segment_of(exchange), span, now, steady
    )
    bad = judged.filter(pl.col(REASON).is_not_null() & (pl.col(REASON) != _UNFINISHED))
    good = judged.filter(pl.col(REASON).is_null()).select(
        *_NAMES, time=pl.col("timestamp").dt.truncate("1d"), exchange=pl.lit(exchange.value),
        symbol=pl.lit(symbol),
    )  # fmt: skip
    what = {"dataset": "candles_day", "source": _FORM, "file": name, "symbol": symbol}
    return CandleFile(
        file=name, form=_FORM, symbol=symbol, dataset=what["dataset"],
        candles=conform(good.sort("time"), CANDLES, what="kite days"), rejects=refused([bad], what),
        rows=len(rows), repeated=typed.height - single.height,
        notes=("every volume is 0: stored as not known",) if silent else (),
    )  # fmt: skip


def _judged_days(
    rows: pl.DataFrame,
    segment: calendar.Segment,
    span: tuple[date, date],
    now: datetime,
    steady: bool,  # noqa: FBT001 - an inner step
) -> pl.DataFrame:
    """Return the rows with the first reason against each, null where there is none."""
    days = rows.with_columns(date=pl.col("timestamp").dt.date())
    known = days["date"].drop_nulls().unique().to_list()
    closed = [day for day in known if not _may_trade(segment, day)]
    late = now.astimezone(calendar.IST).date() - _WEEK  # what lies before is over for certain
    unfinished = [
        day for day in known if day > late and day not in closed and not is_final(segment, day, now)
    ]
    day = pl.col("date")
    reasons = [
        *faults(),
        (~day.is_between(*span), "outside the days asked for"),
        (day.is_in(closed), "the exchange was closed that day"),
        (day.is_in(unfinished), _UNFINISHED),
        (day.is_duplicated(), "contradicts another row of the same day"),
    ]
    if steady:
        middle = (
            pl.col("close").fill_nan(None).rolling_median(_ABOUT, min_samples=_ENOUGH, center=True)
        )
        off = (pl.col("close") > _FAR * middle) | (pl.col("close") * _FAR < middle)
        reasons.append((off.fill_null(value=False), "ten times off the prices beside it"))
    return days.with_columns(
        pl.coalesce(pl.when(test).then(pl.lit(text)) for test, text in reasons).alias(REASON)
    )


def days_of(
    rows: Sequence[Sequence[Any]],
    *,
    symbol: str,
    exchange: Exchange,
    span: tuple[date, date],
    now: datetime,
    index: bool,
    steady: bool = True,
) -> pl.DataFrame:
    """Return the days of `checked_days` alone, in the `CANDLES` schema."""
    return checked_days(
        rows, symbol=symbol, exchange=exchange, span=span, now=now, index=index, steady=steady
    ).candles


def is_final(segment: calendar.Segment, day: date, now: datetime) -> bool:
    """Tell whether a day is a session, and one that is over; beyond the tables by its date."""
    try:
        if not calendar.is_session(segment, day):
            return False
    except OutOfRange:
        return day < now.astimezone(calendar.IST).date()
    return calendar.known_from(segment, day) <= now


def _may_trade(segment: calendar.Segment, day: date) -> bool:
    """Tell whether a day is a session, as far as anybody knows."""
    try:
        return calendar.is_session(segment, day)
    except OutOfRange:
        return True
