"""Load the candles, ticks or days of one symbol from a file: read, check, store, report.

Reading and checking are the store's (`candle_checks`, `tick_checks`, `daily_checks`); the words of
the command become values here.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import BadReply, UnknownName, UsageError
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.daily_checks import DATASET, Addition, DailyFile, beside, read_days
from alphastock_cli.store.lake import Lake, UpsertReport
from alphastock_cli.store.loaded import last, remember
from alphastock_cli.store.tick_checks import read_prices


def fetch_candles(
    lake: Lake,
    clock: Clock,
    file: Path,
    *,
    symbol: str,
    interval: str,
    exchange: str = "NSE",
    columns: str = "",
    member: str = "",
) -> Result:
    """Store the good candles of a file, what its ticks make, or its days.

    A second load changes nothing. Days of an index are added, and fill what is null; a stored value
    is never replaced by theirs.

    Parameters
    ----------
    symbol, interval, exchange : str
        What the candles are, as a person wrote it.
    columns : str
        ``field=column,...`` for columns whose names do not tell.
    member : str
        Which table of a zip archive; "" takes the one named after the symbol.

    Raises
    ------
    UsageError, UnknownName
        A word cannot be read, the file is missing, or of another interval or symbol, or it holds
        the days of something that is no index.
    BadReply
        The file is no table of candles, or not one of its rows could be used.
    StorageError, Locked, DamagedData
        The lake could not be written; what was stored is unharmed.
    """
    length, where, mapping = (
        parse_interval(interval), parse_exchange(exchange), parse_mapping(columns)
    )  # fmt: skip
    with lake.writing():  # one writer for the whole load: a second one is told before it begins
        if not length.is_intraday:
            days = read_days(
                file, symbol=parse_symbol(symbol), exchange=where, now=clock.now(),
                mapping=mapping, member=member,
            )  # fmt: skip
            return _store_days(lake, days, where)
        found = read_prices(
            file, symbol=parse_symbol(symbol), exchange=where, interval=length, now=clock.now(),
            mapping=mapping, member=member,
        )  # fmt: skip
        lake.upsert("rejects", found.rejects)
        if found.candles.is_empty():
            raise _nothing(found)
        report = lake.upsert(found.dataset, found.candles)
        if report.added or report.changed:
            replaced = found.candles["time"].dt.date().unique()
            Done(lake, length).foreign(where, found.symbol, replaced)
        lake.touch(found.dataset)
        remember(lake, *_asked(file, symbol, interval, exchange, columns, member))
    return _result(found, report, exchange.upper())


def parse_symbol(text: str) -> str:
    """Return a symbol, or refuse one without a letter."""
    if not text.strip():
        raise UsageError("--symbol is empty", hint='e.g. --symbol SBIN, --symbol "NIFTY 50"')
    return text


def parse_interval(text: str) -> Interval:
    """Return an interval by its word."""
    words = {each.value: each for each in Interval}
    if text not in words:
        raise UnknownName.of("interval", text, words, hint=f"Known: {', '.join(words)}.")
    return words[text]


def last_load(
    lake: Lake,
    file: Path,
    *,
    symbol: str,
    interval: str,
    exchange: str = "NSE",
    columns: str = "",
    member: str = "",
) -> datetime | None:
    """Return when a file of candles was last loaded, in these very words; None of days.

    The days of indices are the exchange's files' too: their stamp says nothing of other files, and
    a load of these must not make theirs look fresh.
    """
    if not parse_interval(interval).is_intraday:
        return None
    return last(lake, *_asked(file, symbol, interval, exchange, columns, member))


def _asked(file: Path, *words: str) -> tuple[str, str]:
    return f"candles {file.resolve()}", json.dumps(words)


def parse_exchange(text: str) -> Exchange:
    """Return an exchange by its code, in any case."""
    codes = {each.value: each for each in Exchange}
    if text.strip().upper() not in codes:
        raise UnknownName.of("exchange", text, codes, hint=f"Known: {', '.join(codes)}.")
    return codes[text.strip().upper()]


def parse_mapping(text: str) -> dict[str, str]:
    """Return columns by field.

    >>> parse_mapping("timestamp=Trade Time, close=LTP")
    {'timestamp': 'Trade Time', 'close': 'LTP'}
    """
    found: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        field, mark, column = (each.strip() for each in part.partition("="))
        if not (field and mark and column):
            raise UsageError(f"--map {text}: {part.strip() or 'an empty part'} is not FIELD=COLUMN",
                             hint="e.g. --map timestamp=Time,close=LTP")  # fmt: skip
        if field in found:
            raise UsageError(f"--map {text}: {field} is named twice", hint="Name it once.")
        found[field] = column
    return found


def _store_days(lake: Lake, found: DailyFile, exchange: Exchange) -> Result:
    """Add the days of an index to those that are stored, and tell."""
    lake.upsert("rejects", found.rejects)
    if found.days.is_empty():
        raise _nothing(found)
    first, last = found.days["date"][0], found.days["date"][-1]
    rows = lake.scan(DATASET, start=first, end=last).filter(
        symbol=found.symbol, exchange=exchange.value
    )
    added = beside(found.days, collect(rows, what=DATASET))
    report = lake.upsert(DATASET, added.frame)
    return _days_result(found, added, report, exchange)


def _days_result(
    found: DailyFile, added: Addition, report: UpsertReport, exchange: Exchange
) -> Result:
    """Return one row for the file of days, and what a person should know."""
    kept = report.unchanged + added.differing
    notes = list(found.notes)
    if added.differing:
        notes.insert(
            0, f"{added.differing} days differ from those stored, the first of them"
            f" {added.first_differing}: what is stored was kept",
        )  # fmt: skip
    if report.changed:
        notes.append(f"{report.changed} stored days had prices missing, which this file filled in")
    if not report.added and not report.changed:
        notes.insert(0, f"nothing new: all {added.known} days were stored already")
    counts = {"changed": report.changed, "unchanged": kept, "differing": added.differing}
    return _told(
        found, {"added": report.added, **counts}, notes, dataset=DATASET, exchange=exchange.value,
        sessions=found.days.height, first=found.days["date"][0], last=found.days["date"][-1],
    )  # fmt: skip


def _nothing(found: CandleFile | DailyFile) -> BadReply:
    reasons = _reasons(found.rejects)
    words = "; ".join(f"{each['rows']} × {each['reason']}" for each in reasons[:3])
    return BadReply(
        f"no row of {found.file} could be used: {words or 'it holds none'}",
        safe="No candle was stored.",
        hint="`alphastock lake rejects` lists every row with its reason.",
    )


def _reasons(rejects: pl.DataFrame) -> list[dict[str, Any]]:
    counts = (
        rejects.group_by("reason").len("rows").sort(["rows", "reason"], descending=[True, False])
    )
    return counts.to_dicts()


def _result(found: CandleFile, report: UpsertReport, exchange: str) -> Result:
    """Return one row for the file, and what a person should know."""
    times = found.candles["time"]
    notes = list(found.notes)
    if not report.added and not report.changed:
        notes.insert(0, f"nothing new: all {report.unchanged} candles were stored already")
    if report.changed:
        notes.append(f"{report.changed} stored candles were replaced by those of this file")
    counts = {
        "added": report.added, "changed": report.changed, "unchanged": report.unchanged,
    }  # fmt: skip
    return _told(
        found, counts, notes, dataset=found.dataset, exchange=exchange,
        sessions=times.dt.date().n_unique(), first=times.min(), last=times.max(),
    )  # fmt: skip


def _told(
    found: CandleFile | DailyFile, counts: dict[str, int], notes: list[str], **facts: object
) -> Result:
    """Return the row, the summary and the remarks that every form of file has."""
    reasons = _reasons(found.rejects)
    row = {
        "symbol": found.symbol, "dataset": facts["dataset"], "rows": found.rows, **counts,
        "repeated": found.repeated, "rejected": found.rejects.height,
        "sessions": facts["sessions"], "first": facts["first"], "last": facts["last"],
        "exchange": facts["exchange"], "file": found.file, "form": found.form,
    }  # fmt: skip
    summary = {f"rows_{name}": count for name, count in counts.items()} | {
        "rows_repeated": found.repeated, "rows_rejected": found.rejects.height, "reasons": reasons,
    }  # fmt: skip
    if found.repeated:
        notes.append(f"{found.repeated} rows repeat another one exactly")
    notes += [f"{each['rows']} × {each['reason']}" for each in reasons]
    if reasons:
        notes.append("`alphastock lake rejects` lists every refused row with its reason")
    return Result(
        kind="fetch_candles", rows=[row], summary=summary, source="file", warnings=tuple(notes)
    )
