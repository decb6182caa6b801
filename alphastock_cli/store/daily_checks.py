"""What the rows of a daily file of an index are worth: good days, refused rows, and what is new.

Somebody else's copy of the days adds to what the exchange's own files said and never replaces it.
Daily files of shares are refused: nobody can say how they were adjusted. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

import polars as pl

from alphastock_cli.domain.frames import INDICES_DAY, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.safety import safe_text
from alphastock_cli.store.candle_checks import REASON, faults, numbers, refused, uneven
from alphastock_cli.store.candle_files import PRICES, Table, read_table
from alphastock_cli.store.candle_names import is_index, member_of, of_symbol, stored_name

DATASET = "indices_day"
SOURCE = "daily_file"
_KEY = ("symbol", "date", "exchange")
_SAME = 0.0051  # rupees: half of the last printed digit, and a bit
_ENOUGH = 5  # days before their usual distance says what the interval is
_APART = 4  # days; sessions lie one apart, and three over a weekend


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFile:
    """What one daily file held, checked row by row.

    Attributes
    ----------
    days : DataFrame
        Good days in the `INDICES_DAY` schema, ascending and unique in date.
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
    days: pl.DataFrame
    rejects: pl.DataFrame
    rows: int
    repeated: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """The days of a file beside those that are stored.

    `frame` holds what may be laid over the stored rows: null wherever those have a value. `known`
    counts the days that were stored already, `differing` those among them whose prices are others.
    """

    frame: pl.DataFrame
    known: int
    differing: int
    first_differing: date | None


def read_days(
    path: Path,
    *,
    symbol: str,
    exchange: Exchange,
    now: datetime,
    mapping: Mapping[str, str] | None = None,
    member: str = "",
) -> DailyFile:
    """Read and check a file of days of one index; the parameters are those of `read_prices`.

    Raises
    ------
    UsageError, UnknownName
        `symbol` is no index, the file or the member is missing, the rows are ticks, candles inside
        the day, weeks or other symbols, or `mapping` names what is not there.
    BadReply, StorageError
        The file is no table of prices; the disk says no.
    """
    name = stored_name(symbol, exchange)
    if not is_index(name, exchange):
        raise UsageError(
            f"{name} is no index we know: daily files are loaded of indices only",
            safe="Nothing was stored.",
            hint="Daily candles of a broker are adjusted for splits and bonuses, the exchange's own"
            " are not, and a file does not say which it is."
            " Daily prices of shares come in by `alphastock fetch eod --from-dir FOLDER`.",
        )
    pick = partial(member_of, symbol=symbol, exchange=exchange, member=member)
    table = read_table(path, mapping or {}, pick)
    if member and "!" not in table.name:
        raise UsageError(f"--member {member}: {path.name} is no zip archive")
    if table.are_ticks:
        raise UsageError(
            f"{table.name} holds ticks: they are stored as minutes, not as days",
            safe="Nothing was stored.",
            hint="Give --interval minute.",
        )
    return _days_of(table, symbol, exchange, now)


def _days_of(table: Table, typed: str, exchange: Exchange, now: datetime) -> DailyFile:
    name = stored_name(typed, exchange)
    own, notes = of_symbol(table.rows, name, exchange, table.name)
    rows = numbers(own, index=True)[0].with_columns(date=pl.col("timestamp").dt.date())
    _refuse_other_interval(rows["date"].drop_nulls(), table.name)
    single = rows.unique(["date", *PRICES, "volume"], keep="first", maintain_order=True)
    checked = _checked(single, calendar.segment_of(exchange), now)
    good = checked.filter(pl.col(REASON).is_null())
    bad = checked.filter(pl.col(REASON).is_not_null())
    what = {"dataset": DATASET, "source": SOURCE, "file": table.name, "symbol": name}
    frame = good.select("date", *PRICES, "volume").with_columns(
        exchange=pl.lit(exchange.value), symbol=pl.lit(name), source=pl.lit(SOURCE),
        name=pl.lit(safe_text(typed.strip(), limit=100)),
    )  # fmt: skip
    return DailyFile(
        file=table.name, form=table.form.replace("candles", "days"), symbol=name,
        days=conform(frame.sort("date"), INDICES_DAY, what=table.name),
        rejects=refused([bad, uneven(table)], what), rows=own.height + table.odd.height,
        repeated=rows.height - single.height,
        notes=(*notes, *_remarks(frame, calendar.segment_of(exchange))),
    )  # fmt: skip


def _refuse_other_interval(days: pl.Series, file: str) -> None:
    """Refuse rows of which a day has several, and rows that lie weeks apart."""
    single = days.unique().sort()
    if days.len() > 2 * single.len():
        raise UsageError(
            f"{file} holds candles inside the day, no daily rows",
            safe="Nothing was stored.",
            hint="Give their --interval, e.g. minute.",
        )
    usual = single.diff().dt.total_days().median() if single.len() >= _ENOUGH else None
    if isinstance(usual, int | float) and usual >= _APART:
        raise UsageError(
            f"the rows of {file} lie {usual:g} days apart: they are no daily ones",
            safe="Nothing was stored.",
        )


def _checked(rows: pl.DataFrame, segment: calendar.Segment, now: datetime) -> pl.DataFrame:
    """Return the rows with the first reason against each, null where there is none.

    Of rows of one day that differ nobody can say which is right: whatever else is wrong with one
    of them, the others are refused too.
    """
    days = rows["date"].drop_nulls().unique().to_list()
    closed = [day for day in days if not _traded(segment, day)]
    unfinished = [day for day in days if calendar.known_from(segment, day) > now]
    day = pl.col("date")
    reasons = (
        *faults(),
        (day.is_in(closed), "the exchange was closed that day"),
        (day.is_in(unfinished), "not over yet"),
        (day.is_duplicated(), "contradicts another row of the same day"),
    )
    return rows.with_columns(
        pl.coalesce(pl.when(test).then(pl.lit(text)) for test, text in reasons).alias(REASON)
    )


def _traded(segment: calendar.Segment, day: date) -> bool:
    """Tell whether the day is a session; of days the calendar does not reach nobody knows."""
    try:
        return calendar.is_session(segment, day)
    except OutOfRange:
        return True


def _remarks(days: pl.DataFrame, segment: calendar.Segment) -> list[str]:
    """Tell what the good days cannot say themselves."""
    since, _ = calendar.reach(segment)
    before = days.filter(pl.col("date") < since).height
    flat = days.filter(pl.min_horizontal(PRICES) == pl.max_horizontal(PRICES)).height
    notes = []
    if before:
        notes.append(f"{before} days lie before {since}, where the calendar begins: not checked")
    if flat:
        notes.append(
            f"{flat} days have one price for open, high, low and close: stored as the file has it"
        )
    return notes


def beside(days: pl.DataFrame, stored: pl.DataFrame) -> Addition:
    """Return what `days` add to `stored`; both are in the `INDICES_DAY` schema.

    A day that differs in a price is left as it is stored: filling it would mix two tellings.
    """
    mine = days.join(stored, on=_KEY, how="left", suffix="_stored").with_columns(
        __known=pl.col("source_stored").is_not_null()
    )
    differs = pl.any_horizontal(
        ((pl.col(name) - pl.col(f"{name}_stored")).abs() > _SAME).fill_null(value=False)
        for name in PRICES
    )
    other = mine.filter(pl.col("__known") & differs)
    values = [name for name in INDICES_DAY if name not in _KEY]
    frame = mine.filter(~(pl.col("__known") & differs)).select(
        *_KEY,
        *(pl.when(pl.col(f"{name}_stored").is_null()).then(pl.col(name)).alias(name)
          for name in values),
    )  # fmt: skip
    first = other["date"].min()
    return Addition(
        frame=conform(frame, INDICES_DAY, what="days"),
        known=int(mine["__known"].sum()),
        differing=other.height,
        first_differing=first if isinstance(first, date) else None,
    )
