"""Intraday candles of one symbol out of the lake: as stored, or gathered from finer stored ones.

Which of several stored intervals answers is decided day by day, here and nowhere else; prices of a
day that is not over are cut candle by candle, never looked ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import polars as pl

from alphastock_cli.analytics.resample import END, finer, gathered_with_ends
from alphastock_cli.domain.frames import CANDLES, TIME, collect
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import NotOffered
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_names import stored_name
from alphastock_cli.store.lake import Lake

INTRADAY = tuple(interval for interval in Interval if interval.is_intraday)
ENDED = pl.Schema({**CANDLES, END: TIME})


def sources(interval: Interval) -> tuple[Interval, ...]:
    """Return the stored intervals that can answer for `interval`: itself, then finest first."""
    return (interval, *finer(interval))


def symbol_of(instrument: Instrument) -> str:
    """Return the name under which an instrument's candles are stored."""
    if instrument.asset_type is AssetType.INDEX:
        return stored_name(instrument.tradingsymbol, instrument.exchange)
    return instrument.tradingsymbol


def stored(
    lake: Lake, interval: Interval, *, exchange: str, symbol: str, start: date, end: date
) -> pl.DataFrame:
    """Return the stored candles of one interval of some days, both inclusive, ascending."""
    rows = lake.scan(f"candles_{interval.value}", start=start, end=end)
    mine = (pl.col("exchange") == exchange) & (pl.col("symbol") == symbol)
    frame = collect(
        rows.filter(mine & pl.col("close").is_not_null()), what=f"candles_{interval.value}"
    )
    return frame.sort("time")


def chosen(
    by_source: Mapping[Interval, pl.DataFrame], interval: Interval, segment: calendar.Segment
) -> pl.DataFrame:
    """Return candles of `interval` with their ends, from the best source of each day.

    A day stored in that very interval is taken as it is; another one is gathered from the finest
    candles stored of it. The choice looks at the whole stored day, so it does not change while the
    day goes on.
    """
    parts: list[pl.DataFrame] = []
    held: set[date] = set()
    for source in sources(interval):
        frame = by_source.get(source)
        if frame is None or frame.is_empty():
            continue
        day = frame["time"].dt.date()
        fresh = frame.filter(~day.is_in(list(held))) if held else frame
        held |= set(day.unique())
        made = gathered_with_ends(fresh, interval, source=source, segment=segment)
        parts.append(made.select(list(ENDED)).cast(ENDED))
    return pl.concat(parts).sort("time") if parts else pl.DataFrame(schema=ENDED)


def ended_candles(
    lake: Lake, instrument: Instrument, interval: Interval, *, start: date, end: date
) -> pl.DataFrame:
    """Return candles of some days, both inclusive, with the moment each one is over."""
    symbol, exchange = symbol_of(instrument), instrument.exchange.value
    by_source = {
        source: stored(lake, source, exchange=exchange, symbol=symbol, start=start, end=end)
        for source in sources(interval)
        if lake.files(f"candles_{source.value}")
    }
    made = chosen(by_source, interval, calendar.segment_of(instrument.exchange))
    return made.with_columns(symbol=pl.lit(instrument.tradingsymbol))


def candles(
    lake: Lake,
    instrument: Instrument,
    interval: Interval,
    start: datetime,
    end: datetime,
    *,
    moment: datetime,
) -> pl.DataFrame:
    """Return candles that begin inside ``[start, end)`` and are over by `moment`, ascending.

    Raises
    ------
    NotOffered
        Nothing is stored of the instrument that makes candles of `interval`; what is, is told.
    """
    last = min(end, moment).astimezone(calendar.IST).date()
    first = start.astimezone(calendar.IST).date()
    made = ended_candles(lake, instrument, interval, start=first, end=last)
    if made.is_empty():
        refuse_unstored(lake, instrument, interval)
    begun = (pl.col("time") >= start) & (pl.col("time") < end)
    return made.filter(begun & (pl.col(END) <= moment)).drop(END)


def refuse_unstored(lake: Lake, instrument: Instrument, interval: Interval) -> None:
    """Raise NotOffered where no stored candle of the instrument could ever answer."""
    held = held_intervals(lake, instrument.exchange, symbol_of(instrument))
    if set(sources(interval)) & held.keys():
        return
    if not held:
        raise NotOffered(
            f"the lake holds no {interval.value} candles of {instrument.key}, and none finer",
            hint="Load some with `alphastock fetch candles --from-file FILE`,"
            " ask for --interval day, or try --provider sim.",
        )
    told = ", ".join(f"{each.value} ({first} to {last})" for each, (first, last) in held.items())
    raise NotOffered(
        f"the lake holds no {interval.value} candles of {instrument.key}, and none that make such;"
        f" it holds {told}",
        hint=f"Ask for --interval {next(iter(held)).value} or a multiple of it.",
    )


def held_intervals(
    lake: Lake, exchange: Exchange, symbol: str
) -> dict[Interval, tuple[date, date]]:
    """Return first and last stored day of a symbol by interval, the finest first."""
    found: dict[Interval, tuple[date, date]] = {}
    for interval in INTRADAY:
        rows = lake.scan(f"candles_{interval.value}", columns=["exchange", "symbol", "time"])
        mine = (pl.col("exchange") == exchange.value) & (pl.col("symbol") == symbol)
        day = pl.col("time").dt.date()
        ends = rows.filter(mine).select(first=day.min(), last=day.max())
        first, last = collect(ends, what=f"candles_{interval.value}").row(0)
        if first is not None:
            found[interval] = (first, last)
    return found


def days_held(lake: Lake, *, around: date, reach: timedelta = timedelta(days=366)) -> list[date]:
    """Return the days near `around` of which candles of anything are stored, ascending."""
    found: set[date] = set()
    for interval in INTRADAY:
        rows = lake.scan(
            f"candles_{interval.value}", start=around - reach, end=around + reach, columns=["time"]
        )
        days = rows.select(pl.col("time").dt.date().unique())
        found |= set(collect(days, what=f"candles_{interval.value}").to_series())
    return sorted(found)


def of_day(lake: Lake, day: date) -> dict[Interval, pl.DataFrame]:
    """Return every stored candle of one day by interval, sorted by exchange, symbol and time."""
    found: dict[Interval, pl.DataFrame] = {}
    for interval in INTRADAY:
        rows = lake.scan(f"candles_{interval.value}", start=day, end=day)
        frame = collect(rows, what=f"candles_{interval.value}")
        if frame.height:
            found[interval] = frame.filter(pl.col("close").is_not_null()).sort(
                "exchange", "symbol", "time"
            )
    return found
