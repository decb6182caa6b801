"""Load a folder of end-of-day files into the lake: read, join, store, find the splits, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from alphastock_cli.actions.eod_merge import date_by_closes
from alphastock_cli.actions.eod_report import FetchReport
from alphastock_cli.actions.eod_store import CONTRACTS, SHARES, Waiting, store
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.domain.ports import EodBatch, EodSource
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.lake import Lake

_UNDATED = "no date in the rows or the name, and no other source of that day agrees; give --on DATE"
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
    with lake.writing():  # one writer for the whole load: a second one is told before it begins
        return _load(source, lake, folder, on=on, progress=progress)


def _load(
    source: EodSource,
    lake: Lake,
    folder: Path,
    *,
    on: date | None,
    progress: Callable[[str], None],
) -> FetchReport:
    report = FetchReport()
    batches: list[EodBatch] = []
    undated: list[EodBatch] = []
    waiting = Waiting(lake, report)
    rejects: list[pl.DataFrame] = []
    for batch in source.read_folder(folder, on=on):
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
    if not report.files:
        raise UsageError(
            f"{folder} holds no .csv, .txt, .zip, .gz or .parquet file",
            hint="Name the folder of the downloaded files.",
        )
    dated, dateless = _date(undated, batches, lake, report)
    batches += dated
    for batch in batches:
        report.take(batch)
    refused = pl.concat([*rejects, *dateless, pl.DataFrame(schema=DATASETS["rejects"])])
    report.refuse(refused)
    if not waiting.datasets and not any(batch.frames for batch in batches):
        lake.upsert("rejects", refused)
        raise _nothing(folder, refused)
    progress("storing")
    for dataset in SHARES:
        parts = [batch for batch in batches if dataset in batch.frames]
        if parts:
            store(dataset, parts, lake, report)
    waiting.finish()
    lake.upsert("rejects", refused)
    for dataset in waiting.datasets.union(*(batch.frames for batch in batches)):
        lake.touch(dataset)
    return report


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
