"""Load the candles, or ticks, of one symbol from a file into the lake: read, check, store, report.

Reading and checking are the store's (`candle_checks`, `tick_checks`); the words of the command
become values here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import BadReply, UnknownName, UsageError
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.lake import Lake, UpsertReport
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
    """Store the good candles of a file, or what its ticks make; a second load changes nothing.

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
        A word cannot be read, the file is missing, daily, or of another interval or symbol.
    BadReply
        The file is no table of candles, or not one of its rows could be used.
    StorageError, Locked, DamagedData
        The lake could not be written; what was stored is unharmed.
    """
    with lake.writing():  # one writer for the whole load: a second one is told before it begins
        found = read_prices(
            file, symbol=parse_symbol(symbol), exchange=parse_exchange(exchange),
            interval=parse_interval(interval), now=clock.now(), mapping=parse_mapping(columns),
            member=member,
        )  # fmt: skip
        lake.upsert("rejects", found.rejects)
        if found.candles.is_empty():
            raise _nothing(found)
        report = lake.upsert(found.dataset, found.candles)
        lake.touch(found.dataset)
    return _result(found, report, exchange.upper())


def parse_symbol(text: str) -> str:
    """Return a symbol, or refuse one without a letter."""
    if not text.strip():
        raise UsageError("--symbol is empty", hint='e.g. --symbol SBIN, --symbol "NIFTY 50"')
    return text


def parse_interval(text: str) -> Interval:
    """Return an intraday interval by its word."""
    words = {each.value: each for each in Interval}
    if text not in words:
        known = [word for word, each in words.items() if each.is_intraday]
        raise UnknownName.of("interval", text, known, hint=f"Known: {', '.join(known)}.")
    if not words[text].is_intraday:
        raise UsageError(
            f"--interval {text}: daily candles are not loaded from a file",
            hint="Daily prices come in by `alphastock fetch eod --from-dir FOLDER`.",
        )
    return words[text]


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


def _nothing(found: CandleFile) -> BadReply:
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
    candles, reasons = found.candles, _reasons(found.rejects)
    row = {
        "symbol": found.symbol, "dataset": found.dataset, "rows": found.rows,
        "added": report.added, "changed": report.changed, "unchanged": report.unchanged,
        "repeated": found.repeated, "rejected": found.rejects.height,
        "sessions": candles["time"].dt.date().n_unique(),
        "first": candles["time"].min(), "last": candles["time"].max(),
        "exchange": exchange, "file": found.file, "form": found.form,
    }  # fmt: skip
    summary = {
        "rows_added": report.added, "rows_changed": report.changed,
        "rows_unchanged": report.unchanged, "rows_repeated": found.repeated,
        "rows_rejected": found.rejects.height, "reasons": reasons,
    }  # fmt: skip
    notes = list(found.notes)
    if not report.added and not report.changed:
        notes.insert(0, f"nothing new: all {report.unchanged} candles were stored already")
    if report.changed:
        notes.append(f"{report.changed} stored candles were replaced by those of this file")
    if found.repeated:
        notes.append(f"{found.repeated} rows repeat another one exactly")
    notes += [f"{each['rows']} × {each['reason']}" for each in reasons]
    if reasons:
        notes.append("`alphastock lake rejects` lists every refused row with its reason")
    return Result(
        kind="fetch_candles", rows=[row], summary=summary, source="file", warnings=tuple(notes)
    )
