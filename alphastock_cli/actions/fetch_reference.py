"""Load reference lists into the lake, each with the day from which it is valid."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.lake import Lake

# how far, in logarithms, the stored open may lie from an imported factor
_AGREES = 0.25


class Batch(Protocol):
    """What one list held."""

    @property
    def file(self) -> str:
        """Its name below the folder."""
        ...

    @property
    def form(self) -> str:
        """The kind of list, "" where it was refused."""
        ...

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """Rows by dataset."""
        ...

    @property
    def rejects(self) -> pl.DataFrame:
        """Refused rows."""
        ...

    @property
    def valid_from(self) -> date | None:
        """The day from which it holds."""
        ...


class Reader(Protocol):
    """Reads a folder of lists."""

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[Batch]:
        """Yield a batch a list."""
        ...


def fetch_reference(reader: Reader, lake: Lake, folder: Path, *, on: date | None = None) -> Result:
    """Store every list below `folder`; a second load changes nothing.

    A newer constituent list ends the validity of the older one the day before. A multiplier that
    the stored prices of its day contradict is refused.

    Raises
    ------
    UsageError, BadReply
        No such folder or no list in it; no list could be used.
    """
    batches = list(reader.read_folder(folder, on=on))
    if not batches:
        raise UsageError(f"{folder} holds no .csv or .xls list")
    rows: list[dict[str, Any]] = []
    added = changed = unchanged = 0
    refused = [batch.rejects for batch in batches]
    for batch in batches:
        line: dict[str, Any] = {
            "file": batch.file, "form": batch.form, "dataset": None, "rows": 0, "added": 0,
            "changed": 0, "unchanged": 0, "rejected": batch.rejects.height,
            "valid_from": batch.valid_from,
            "note": batch.rejects["reason"][0] if not batch.frames and batch.rejects.height else "",
        }  # fmt: skip
        for dataset, incoming in batch.frames.items():
            frame = incoming
            if dataset == "adjustments":
                frame, bad = _agreeing(frame, lake, batch)
                refused.append(bad)
                line["rejected"] += bad.height
            if dataset == "membership":
                frame = _spans(frame, lake)
            done = lake.upsert(dataset, frame)
            lake.touch(dataset)
            line |= {"dataset": dataset, "rows": incoming.height, "added": done.added,
                     "changed": done.changed, "unchanged": done.unchanged}  # fmt: skip
            added, changed = added + done.added, changed + done.changed
            unchanged += done.unchanged
        rows.append(line)
    if not any(batch.frames for batch in batches):
        raise BadReply(
            f"no list below {folder} could be used; {rows[0]['file']}: {rows[0]['note']}",
            safe="Nothing was stored.",
            hint="docs/data-sources.md says which lists are read.",
        )
    lake.upsert("rejects", pl.concat(refused))
    nothing = () if added or changed else ("nothing new: every row was stored already",)
    summary = {"files": len(batches), "files_refused": sum(not b.frames for b in batches),
               "rows_added": added, "rows_changed": changed, "rows_unchanged": unchanged,
               "rows_rejected": sum(row["rejected"] for row in rows)}  # fmt: skip
    return Result(
        kind="fetch_reference", rows=rows, summary=summary, source="nse", warnings=nothing
    )


def _spans(incoming: pl.DataFrame, lake: Lake) -> pl.DataFrame:
    """Return every list of these indices, each ending the day before the next one begins."""
    names = incoming["index"].unique().to_list()
    stored = lake.scan("membership").filter(pl.col("index").is_in(names)).collect()
    whole = pl.concat([stored, incoming]).unique(
        ["index", "symbol", "valid_from"], keep="last", maintain_order=True
    )
    lists = whole.select("index", "valid_from").unique().sort("index", "valid_from")
    ends = lists.with_columns(
        valid_to=pl.col("valid_from").shift(-1).over("index").dt.offset_by("-1d")
    )
    return whole.drop("valid_to").join(ends, on=["index", "valid_from"]).select(
        list(DATASETS["membership"])
    )  # fmt: skip


def _agreeing(factors: pl.DataFrame, lake: Lake, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split factors into those the stored prices do not contradict, and reject rows of the rest."""
    days = factors["ex_date"].unique().implode()
    columns = ("exchange", "symbol", "date", "open", "previous_close")
    stored = lake.scan("equities_day", columns=columns).filter(pl.col("date").is_in(days)).collect()
    held = stored.unique(["exchange", "symbol", "date"]).rename({"date": "ex_date"})
    joined = factors.join(held, on=["exchange", "symbol", "ex_date"], how="left")
    gap = ((pl.col("open") / pl.col("previous_close")).log() - pl.col("factor").log()).abs()
    wrong = joined.filter(gap > _AGREES)
    rejects = wrong.select(
        dataset=pl.lit("adjustments"), source=pl.lit(batch.form), file=pl.lit(batch.file),
        row=pl.lit(None, pl.Int64), date="ex_date", symbol="symbol",
        reason=pl.format("the stored prices of {} contradict the factor {}",
                         pl.col("ex_date"), pl.col("factor").round(4)),
        raw=pl.lit(""),
    ).cast(DATASETS["rejects"])  # fmt: skip
    kept = joined.filter((gap <= _AGREES) | gap.is_null()).select(factors.columns)
    return kept, rejects
