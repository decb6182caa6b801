"""Load a folder of end-of-day files into the lake: read, join, store, find the splits, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.eod_merge import Conflict, date_by_closes, fold
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics import adjust
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.domain.ports import EodBatch, EodSource
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.lake import Lake

_DAILY = ("equities_day", "indices_day")
_UNDATED = "no date in the rows or the name, and no other source of that day agrees: give --on DATE"
_KINDS = 6  # kinds of trouble named in the warnings


@dataclass(slots=True, kw_only=True)
class _Form:
    """Counts of one form and dataset."""

    files: int = 0
    rows: int = 0
    rejected: int = 0
    days: set[date] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class FetchReport:
    """What a load found and what it changed."""

    files: int = 0
    refused: int = 0
    forms: dict[tuple[str, str], _Form] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejects: int = 0
    differences: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    factors: int = 0
    unexplained: int = 0

    def result(self) -> Result:
        """Return one row a form and dataset, the totals, and what a person should know."""
        rows = [
            {
                "form": form, "dataset": dataset, "files": part.files, "rows": part.rows,
                "sessions": len(part.days), "first": min(part.days, default=None),
                "last": max(part.days, default=None), "rejected": part.rejected,
            }
            for (form, dataset), part in sorted(self.forms.items())
        ]  # fmt: skip
        summary: dict[str, Any] = {
            "files": self.files, "files_refused": self.refused, "rows_added": self.added,
            "rows_changed": self.changed, "rows_unchanged": self.unchanged,
            "rows_rejected": self.rejects, "stale_copies": len(self.notes),
            "differences": self.differences, "splits_found": self.factors,
            "breaks_unexplained": self.unexplained,
            "reasons": dict(self.reasons.most_common()),
            "conflicts": [_words(conflict) for conflict in self.conflicts],
        }  # fmt: skip
        return Result(
            kind="fetch_eod", rows=rows, summary=summary, source="nse",
            warnings=tuple(self._warnings()),
        )  # fmt: skip

    def _warnings(self) -> list[str]:
        texts = []
        if not self.added and not self.changed:
            texts.append(f"nothing new: all {self.unchanged} rows were stored already")
        common = self.reasons.most_common(_KINDS)
        texts += [f"{count} × {reason}" for reason, count in common]
        left = sum(self.reasons.values()) - sum(count for _, count in common)
        if left:
            texts.append(f"{left} more refusals: `alphastock lake rejects` lists all")
        if self.notes:
            texts.append(f"{len(self.notes)} × a copy of an earlier session, e.g. {self.notes[0]}")
        if self.differences:
            texts.append(
                f"{self.differences} figures differ between sources, the better one was kept, "
                f"e.g. {_words(self.conflicts[0])}"
            )
        return texts


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
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in _DAILY}
    undated: list[EodBatch] = []
    rejects: list[pl.DataFrame] = []
    for batch in source.read_folder(folder, on=on):
        progress(f"reading {batch.file}")
        report.files += 1
        report.notes += [f"{batch.file} {note}" for note in batch.notes]
        if batch.rejects is not None and batch.rejects.height:
            rejects.append(batch.rejects)
        if batch.undated:
            undated.append(batch)
        else:
            _keep(batch, frames, report)
    if not report.files:
        raise UsageError(
            f"{folder} holds no .csv, .txt, .zip, .gz or .parquet file",
            hint="Name the folder of the downloaded files.",
        )
    for batch in undated:
        rejects += _date(batch, frames, lake, report)
    refused = pl.concat(rejects) if rejects else pl.DataFrame(schema=DATASETS["rejects"])
    _count(refused, report)
    if not any(frames.values()):
        raise _nothing(folder, refused)
    progress("storing")
    for dataset in _DAILY:
        if frames[dataset]:
            _store(dataset, frames[dataset], lake, report)
    lake.upsert("rejects", refused)
    return report


def _keep(batch: EodBatch, frames: dict[str, list[pl.DataFrame]], report: FetchReport) -> None:
    if not batch.frames:
        report.refused += 1
    for dataset, rows in batch.frames.items():
        frames[dataset].append(rows)
        part = report.forms.setdefault((batch.form, dataset), _Form())
        part.files += 1
        part.rows += rows.height
        part.days |= set(rows["date"].unique())
        if batch.rejects is not None:
            part.rejected += batch.rejects.filter(dataset=dataset).height


def _date(
    batch: EodBatch, frames: dict[str, list[pl.DataFrame]], lake: Lake, report: FetchReport
) -> list[pl.DataFrame]:
    """Give an undated file the day whose closes it shares, or return its reject row."""
    rows = batch.frames.get("equities_day")
    day = None
    if rows is not None:
        columns = ("symbol", "series", "exchange", "date", "close")
        stored = lake.scan("equities_day", columns=columns).collect()
        known = [frame.select(columns) for frame in frames["equities_day"]]
        day = date_by_closes(rows, pl.concat([stored, *known]))
    if day is None:
        report.refused += 1
        row = {"dataset": "equities_day", "source": batch.form, "file": batch.file,
               "reason": _UNDATED, "raw": ""}  # fmt: skip
        return [conform(pl.DataFrame([row]), DATASETS["rejects"], what=batch.file)]
    dated = {
        name: frame.with_columns(pl.lit(day).alias("date")) for name, frame in batch.frames.items()
    }
    report.notes.append(f"{batch.file} carries no date: its closes are those of {day}")
    _keep(EodBatch(file=batch.file, form=batch.form, frames=dated), frames, report)
    return []


def _store(dataset: str, frames: list[pl.DataFrame], lake: Lake, report: FetchReport) -> None:
    incoming = pl.concat(frames)
    days = incoming["date"].unique()
    stored = (
        lake.scan(dataset, start=days.min(), end=days.max())  # type: ignore[arg-type]
        .filter(pl.col("date").is_in(days.implode()))
        .collect()
    )
    folded = fold(frames, stored, dataset=dataset)
    done = lake.upsert(dataset, folded.frame)
    report.added += done.added
    report.changed += done.changed
    report.unchanged += done.unchanged
    report.differences += folded.differences
    report.conflicts += folded.examples
    if dataset == "equities_day":
        found = adjust.detect(folded.frame)
        lake.upsert("adjustments", found)
        report.factors += found["factor"].count()
        report.unexplained += found["factor"].null_count()
    lake.touch(dataset)


def _count(refused: pl.DataFrame, report: FetchReport) -> None:
    report.rejects = refused.filter(pl.col("row").is_not_null()).height
    for reason in refused["reason"]:
        report.reasons[_kind(reason)] += 1


def _kind(reason: str) -> str:
    """Return the kind of trouble: unknown headers are one kind, whatever they say."""
    return "unknown header" if reason.startswith("unknown header") else reason


def _nothing(folder: Path, refused: pl.DataFrame) -> BadReply:
    first = refused.row(0, named=True)
    return BadReply(
        f"no file below {folder} could be used; {first['file']}: {first['reason']}",
        safe="Nothing was stored.",
        hint="docs/data-sources.md says which files are read.",
    )


def _words(conflict: Conflict) -> str:
    return (
        f"{conflict.symbol} {conflict.date} {conflict.column}: {conflict.kept_value} "
        f"({conflict.kept}) against {conflict.other_value} ({conflict.other})"
    )
