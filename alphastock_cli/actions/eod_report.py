"""What a load of end-of-day files found and what it changed, counted and put into words.

No reading and no storing here: `fetch_eod.py` fills it in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from alphastock_cli.actions.eod_merge import Conflict
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.ports import EodBatch

_KINDS = 6  # kinds of trouble named in the warnings
_EXAMPLES = 20
_STALE = "a copy of another session"
_REPEATS = "a file that repeats rows"


@dataclass(slots=True, kw_only=True)
class FormCount:
    """Counts of one form and dataset; the last three are its rows as the lake sees them."""

    files: int = 0
    rows: int = 0
    rejected: int = 0
    days: set[date] = field(default_factory=set)
    added: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(slots=True, kw_only=True)
class FetchReport:
    """What a load found and what it changed.

    A note or a reason has a kind, the words before ": ", and may go on with particulars.
    """

    files: int = 0
    refused: int = 0
    forms: dict[tuple[str, str], FormCount] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: list[tuple[str, str]] = field(default_factory=list)  # file, note
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejects: int = 0
    differences: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    factors: int = 0
    unexplained: int = 0

    def take(self, batch: EodBatch) -> None:
        """Count the rows of a dated batch."""
        if not batch.frames:
            self.refused += 1
        for dataset, rows in batch.frames.items():
            part = self.forms.setdefault((batch.form, dataset), FormCount())
            part.files += 1
            part.rows += rows.height
            part.days |= set(rows["date"].unique())

    def refuse(self, rejects: pl.DataFrame) -> None:
        """Count refused rows and files by kind of reason."""
        self.rejects += rejects.filter(pl.col("row").is_not_null()).height
        for kind, count in rejects.group_by(_kind(pl.col("reason"))).len().rows():
            self.reasons[kind] += count
        of_rows = rejects.filter(pl.col("row").is_not_null())
        for form, dataset, count in of_rows.group_by("source", "dataset").len().rows():
            self.forms.setdefault((form, dataset), FormCount()).rejected += count

    def result(self) -> Result:
        """Return one row a form and dataset, the totals, and what a person should know."""
        rows = [
            {
                "form": form, "dataset": dataset, "files": part.files, "rows": part.rows,
                "sessions": len(part.days), "first": min(part.days, default=None),
                "last": max(part.days, default=None), "added": part.added,
                "changed": part.changed, "unchanged": part.unchanged, "rejected": part.rejected,
            }
            for (form, dataset), part in sorted(self.forms.items())
        ]  # fmt: skip
        noted = Counter(note.partition(": ")[0] for _, note in self.notes)
        summary: dict[str, Any] = {
            "files": self.files, "files_refused": self.refused, "rows_added": self.added,
            "rows_changed": self.changed, "rows_unchanged": self.unchanged,
            "rows_rejected": self.rejects, "rows_repeated": self._repeated(),
            "stale_copies": noted[_STALE], "differences": self.differences,
            "splits_found": self.factors, "breaks_unexplained": self.unexplained,
            "reasons": dict(sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))),
            "conflicts": [in_words(conflict) for conflict in self.conflicts[:_EXAMPLES]],
        }  # fmt: skip
        return Result(
            kind="fetch_eod", rows=rows, summary=summary, source="nse",
            warnings=tuple(self._warnings()),
        )  # fmt: skip

    def _repeated(self) -> int:
        return sum(int(note.split(": ")[1]) for _, note in self.notes if note.startswith(_REPEATS))

    def _warnings(self) -> list[str]:
        texts = []
        if not self.added and not self.changed:
            texts.append(f"nothing new: all {self.unchanged} rows were stored already")
        common = self.reasons.most_common(_KINDS)
        texts += [f"{count} × {reason}" for reason, count in common]
        if self.reasons:
            left = sum(self.reasons.values()) - sum(count for _, count in common)
            more = f"{left} refusals more; " if left else ""
            texts.append(f"{more}`alphastock lake rejects` lists every refusal with its reason")
        examples: dict[str, tuple[int, str]] = {}
        for file, note in self.notes:
            kind, _, more = note.partition(": ")
            count, example = examples.get(kind, (0, f"{file} ({more})"))
            examples[kind] = (count + 1, example)
        texts += [f"{n} × {kind}, e.g. {example}" for kind, (n, example) in examples.items()]
        if self.differences:
            what = (
                "1 figure differs"
                if self.differences == 1
                else f"{self.differences} figures differ"
            )
            texts.append(
                f"{what} between sources, the better one was kept, "
                f"e.g. {in_words(self.conflicts[0])}"
            )
        return texts


def in_words(conflict: Conflict) -> str:
    """Return a conflict as one line."""
    return (
        f"{conflict.symbol} {conflict.date} {conflict.column}: {conflict.kept_value} "
        f"({conflict.kept}) against {conflict.other_value} ({conflict.other})"
    )


def _kind(reason: pl.Expr) -> pl.Expr:
    """Return the kind of trouble: the words before the particulars."""
    return reason.str.splitn(": ", 2).struct.field("field_0")
