"""Load a folder of end-of-day files into the lake: read, join, store, find the splits, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from alphastock_cli.actions.eod_merge import copied_from, date_by_closes
from alphastock_cli.actions.eod_report import FetchReport
from alphastock_cli.actions.eod_store import CONTRACTS, SHARES, Waiting, store
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.domain.ports import EodBatch, EodSource
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store import loaded
from alphastock_cli.store.lake import INDIA, Lake

_UNDATED = "no date in the rows or the name, and no other source of that day agrees; give --on DATE"
_MISNAMED = "its name says {day}, its closes and volumes are those of {copied}"
_EVIDENCE = ("exchange", "symbol", "series", "date", "close", "volume", "source")
_WINDOW = timedelta(days=14)  # far enough back to hold the session before, whatever the holidays
_CLOSES = ("exchange", "symbol", "series", "date", "close")


def fetch_eod(
    source: EodSource,
    lake: Lake,
    folder: Path,
    *,
    on: date | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> FetchReport:
    """Load every file below `folder`; a second load of the same files changes nothing.

    Parameters
    ----------
    on : date, optional
        The session of files that carry no date.
    progress : callable
        Told the name of each file as it is read.

    Raises
    ------
    UsageError
        No such folder, or no file in it.
    BadReply
        Not one file could be used; the message says what was found and what is known.
    StorageError, Locked, DamagedData
        The lake could not be written; what was stored is unharmed.
    """
    report = FetchReport()
    with lake.writing():  # one writer for the whole load: a second one is told before it begins
        refused, used = load(source.read_folder(folder, on=on), lake, report, progress=progress)
        if used:
            loaded.remember(lake, _name(folder), str(on))
    if not report.files:
        raise UsageError(
            f"{folder} holds no .csv, .txt, .zip, .gz or .parquet file",
            hint="Name the folder of the downloaded files.",
        )
    if not used:
        raise _nothing(folder, refused)
    return report


def last_load(lake: Lake, folder: Path, *, on: date | None = None) -> datetime | None:
    """Return when this folder was last loaded; None if never, or if a file in it is newer.

    What other loads brought, of these or other datasets, says nothing of what lies in it now.
    """
    moment = loaded.last(lake, _name(folder), str(on))
    if moment is None:
        return None
    newest = max((_changed(path) for path in folder.rglob("*")), default=0.0)
    return None if datetime.fromtimestamp(newest, tz=INDIA) > moment else moment


def _name(folder: Path) -> str:
    return f"folder {folder.resolve()}"


def _changed(path: Path) -> float:
    """Return when a file was written or put where it is; 0 where it has gone."""
    try:
        facts = path.stat()
    except OSError:
        return 0.0
    return max(facts.st_mtime, facts.st_ctime)


def load(
    source: Iterable[EodBatch],
    lake: Lake,
    report: FetchReport,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[pl.DataFrame, bool]:
    """Store the rows of some files and count them in `report`; return what was refused.

    Returns
    -------
    DataFrame, bool
        The refused rows and files, in the `REJECTS` schema; whether any row could be used.
    """
    batches: list[EodBatch] = []
    undated: list[EodBatch] = []
    waiting = Waiting(lake, report)
    rejects: list[pl.DataFrame] = []
    for batch in source:
        progress(f"reading {batch.file}")
        report.files += 1
        report.notes += [(batch.file, note) for note in batch.notes]
        if batch.rejects is not None and batch.rejects.height:
            rejects.append(batch.rejects)
        if not batch.frames.keys().isdisjoint(CONTRACTS):
            report.take(batch)
            waiting.add(batch)
        else:
            (undated if batch.undated else batches).append(batch)
    dated, dateless = _date(undated, batches, lake, report)
    batches, copies = _of_their_day([*batches, *dated], lake, report)
    for batch in batches:
        report.take(batch)
    refused = pl.concat([*rejects, *dateless, *copies, pl.DataFrame(schema=DATASETS["rejects"])])
    report.refuse(refused)
    used = waiting.datasets.union(*(batch.frames for batch in batches))
    if used:
        progress("storing")
    for dataset in SHARES:
        parts = [batch for batch in batches if dataset in batch.frames]
        if parts:
            store(dataset, parts, lake, report)
    waiting.finish()
    lake.upsert("rejects", refused)
    for dataset in used:
        lake.touch(dataset)
    return refused, bool(used)


def _of_their_day(
    batches: Sequence[EodBatch], lake: Lake, report: FetchReport
) -> tuple[list[EodBatch], list[pl.DataFrame]]:
    """Refuse files that hold the rows of an earlier session under another day's name.

    What carries its own date, what is stored, and the files that were believed are the evidence.
    """
    named: list[EodBatch] = []
    kept: list[EodBatch] = []
    for batch in batches:
        (named if batch.dated_by_name and "equities_day" in batch.frames else kept).append(batch)
    if not named:
        return kept, []
    rejects: list[pl.DataFrame] = []
    known = [b.frames["equities_day"].select(_EVIDENCE) for b in kept if "equities_day" in b.frames]
    for batch in sorted(named, key=lambda each: each.frames["equities_day"]["date"][0]):
        rows = batch.frames["equities_day"].select(_EVIDENCE)
        day = rows["date"][0]
        near = pl.col("date").is_between(day - _WINDOW, day)
        stored = lake.scan("equities_day", start=day - _WINDOW, end=day, columns=_EVIDENCE)
        others = pl.concat([stored.collect(), *(frame.filter(near) for frame in known)])
        copied = copied_from(rows, others)
        if copied is None:
            kept.append(batch)
            known.append(rows)
            continue
        report.refused += 1
        report.notes.append((batch.file, f"a copy of another session: named {day}, holds {copied}"))
        row = {"dataset": "equities_day", "source": batch.form, "file": batch.file, "date": day,
               "reason": _MISNAMED.format(day=day, copied=copied), "raw": ""}  # fmt: skip
        rejects.append(conform(pl.DataFrame([row]), DATASETS["rejects"], what=batch.file))
    return kept, rejects


def _date(
    undated: Sequence[EodBatch], batches: Sequence[EodBatch], lake: Lake, report: FetchReport
) -> tuple[list[EodBatch], list[pl.DataFrame]]:
    """Give undated files the day whose closes they share; return them and the rejects of others."""
    if not undated:
        return [], []
    stored = lake.scan("equities_day", columns=_CLOSES).collect()
    frames = [b.frames["equities_day"] for b in batches if "equities_day" in b.frames]
    known = pl.concat([stored, *(frame.select(_CLOSES) for frame in frames)])
    dated: list[EodBatch] = []
    rejects: list[pl.DataFrame] = []
    for batch in undated:
        rows = batch.frames.get("equities_day")
        day = None if rows is None else date_by_closes(rows, known)
        if day is None:
            report.refused += 1
            row = {"dataset": "equities_day", "source": batch.form, "file": batch.file,
                   "reason": _UNDATED, "raw": ""}  # fmt: skip
            rejects.append(conform(pl.DataFrame([row]), DATASETS["rejects"], what=batch.file))
            continue
        placed = {
            name: frame.with_columns(pl.lit(day).alias("date"))
            for name, frame in batch.frames.items()
        }
        report.notes.append((batch.file, f"dated by its closes: they are those of {day}"))
        dated.append(EodBatch(file=batch.file, form=batch.form, frames=placed))
    return dated, rejects


def _nothing(folder: Path, refused: pl.DataFrame) -> BadReply:
    first = refused.row(0, named=True)
    more = f"; {refused.height - 1} more refusals" if refused.height > 1 else ""
    return BadReply(
        f"no file below {folder} could be used; {first['file']}: {first['reason']}{more}",
        safe="No price was stored.",
        hint="`alphastock lake rejects` lists every reason; docs/data-sources.md, what is read.",
    )
