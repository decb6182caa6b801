"""Load reference lists into the lake, each with the day from which it is valid.

Which file is which list is the reader's business; here is decided what a list does to those that
are stored already.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.lake import Lake, UpsertReport

# how far, in logarithms, the stored open may lie from an imported factor
_AGREES = 0.25
_FACTOR = ("exchange", "symbol", "ex_date", "source")


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

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it."""
        ...


class Reader(Protocol):
    """Reads a folder of lists."""

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[Batch]:
        """Yield a batch a list."""
        ...


def fetch_reference(reader: Reader, lake: Lake, folder: Path, *, on: date | None = None) -> Result:
    """Store every list below `folder`; a second load changes nothing.

    A newer constituent list ends the validity of the older one the day before, in whatever order
    they come. A list that contradicts the stored one of the same index and day is refused. A
    multiplier that the stored prices of its day contradict is stored as 1, which changes nothing,
    and told among the rejects.

    Raises
    ------
    UsageError, BadReply
        No such folder or no file in it; no list could be used.
    """
    rows: list[dict[str, Any]] = []
    refused: list[pl.DataFrame] = []
    used: list[UpsertReport] = []
    for batch in reader.read_folder(folder, on=on):
        done, bad = _store(batch, lake)
        refused.append(bad)
        used += [report for _, report in done]
        dataset, report = done[0] if done else (None, UpsertReport())
        notes = [bad["reason"][0]] if not done and bad.height else list(batch.notes)
        rows.append(
            {"file": batch.file, "form": batch.form, "dataset": dataset,
             "rows": sum(frame.height for frame in batch.frames.values()),
             "added": report.added, "changed": report.changed, "unchanged": report.unchanged,
             "rejected": bad.height, "valid_from": batch.valid_from, "note": "; ".join(notes)}
        )  # fmt: skip
    if not rows:
        raise UsageError(f"{folder} holds no file", hint="Name a folder of .csv and .xls lists.")
    if not used:
        raise BadReply(
            f"no list below {folder} could be used; {rows[0]['file']}: {rows[0]['note']}",
            safe="Nothing was stored.",
            hint="docs/data-sources.md says which lists are read.",
        )
    lake.upsert("rejects", pl.concat(refused))
    return _result(rows, used)


def _store(batch: Batch, lake: Lake) -> tuple[list[tuple[str, UpsertReport]], pl.DataFrame]:
    """Store what a list holds; return what that did by dataset, and every refused row."""
    done: list[tuple[str, UpsertReport]] = []
    refused = [batch.rejects]
    for dataset, incoming in batch.frames.items():
        frame = incoming
        if dataset == "adjustments":
            frame, bad = _checked(frame, lake, batch)
            refused.append(bad)
        if dataset == "membership":
            bad = _contradictions(frame, lake, batch)
            if bad.height:
                refused.append(bad)
                continue
            frame = _spans(frame, lake)
        done.append((dataset, lake.upsert(dataset, frame)))
        lake.touch(dataset)
    return done, pl.concat(refused)


def _result(rows: list[dict[str, Any]], used: list[UpsertReport]) -> Result:
    added, changed = (sum(getattr(r, name) for r in used) for name in ("added", "changed"))
    summary = {
        "files": len(rows), "files_refused": sum(row["dataset"] is None for row in rows),
        "rows_added": added, "rows_changed": changed,
        "rows_unchanged": sum(report.unchanged for report in used),
        "rows_rejected": sum(row["rejected"] for row in rows),
    }  # fmt: skip
    notes = [f"{row['file']}: {row['note']}" for row in rows if row["dataset"] and row["note"]]
    if summary["files_refused"] or summary["rows_rejected"]:
        notes.append(
            f"{summary['files_refused']} files and {summary['rows_rejected']} rows refused: "
            "`alphastock lake rejects` says why"
        )
    if not added and not changed:
        notes.append("nothing new: every row was stored already")
    return Result(
        kind="fetch_reference", rows=rows, summary=summary, source="nse", warnings=tuple(notes)
    )


# -- constituents ---------------------------------------------------------------------------------


def _contradictions(incoming: pl.DataFrame, lake: Lake, batch: Batch) -> pl.DataFrame:
    """Return a reject row for each index whose stored list of the same day has other members.

    A list that only adds to the stored one is no contradiction: rows refused once may be read by
    a later version.
    """
    pairs = incoming.select("index", "valid_from").unique()
    stored = lake.scan("membership").collect().join(pairs, on=["index", "valid_from"], how="semi")
    lost = stored.join(incoming, on=["index", "symbol", "valid_from"], how="anti")
    rows = lost.group_by("index", "valid_from", maintain_order=True).agg(
        pl.col("symbol").first(), pl.col("source").first()
    )
    return rows.select(
        dataset=pl.lit("membership"), source=pl.lit(batch.form), file=pl.lit(batch.file),
        row=pl.lit(None, pl.Int64), date="valid_from", symbol="symbol",
        reason=pl.format("the stored list of {} from {} on ({}) has {}, this one has not",
                         "index", "valid_from", "source", "symbol"),
        raw=pl.lit(""),
    ).cast(DATASETS["rejects"])  # fmt: skip


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


# -- multipliers ----------------------------------------------------------------------------------


def withdraw_contradicted(lake: Lake, *, start: date, end: date) -> int:
    """Void the stored imported factors that prices stored since contradict; return their number.

    For a load of prices, when it is over: the multipliers may have come before it.
    """
    inside = pl.col("ex_date").is_between(start, end) & (pl.col("kind") == "imported")
    stored = lake.scan("adjustments").filter(inside, pl.col("factor") != 1.0).collect()
    settled, wrong = _settled(stored, lake)
    lake.upsert("adjustments", settled.join(wrong, on=list(_FACTOR), how="semi"))
    return wrong.height


def _checked(factors: pl.DataFrame, lake: Lake, batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the factors, void where the stored prices contradict them, and the reject rows."""
    settled, wrong = _settled(factors, lake)
    rejects = wrong.select(
        dataset=pl.lit("adjustments"), source=pl.lit(batch.form), file=pl.lit(batch.file),
        row=pl.lit(None, pl.Int64), date="ex_date", symbol="symbol",
        reason=pl.format("the stored prices of {} contradict the factor {}",
                         pl.col("ex_date"), pl.col("factor").round(4)),
        raw=pl.lit(""),
    ).cast(DATASETS["rejects"])  # fmt: skip
    return settled, rejects


def _settled(factors: pl.DataFrame, lake: Lake) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the factors with 1 where the prices of the day speak against it, and those as given.

    Of several series of one day the one that agrees best counts. A day without prices decides
    nothing.
    """
    begin, end = factors["ex_date"].min(), factors["ex_date"].max()
    if not isinstance(begin, date) or not isinstance(end, date):
        return factors, factors
    columns = ("exchange", "symbol", "date", "open", "previous_close")
    priced = (pl.col("open") > 0.0) & (pl.col("previous_close") > 0.0)
    wanted = pl.col("date").is_in(factors["ex_date"].unique().implode())
    rows = lake.scan("equities_day", start=begin, end=end, columns=columns).filter(wanted, priced)
    gap = ((pl.col("open") / pl.col("previous_close")).log() - pl.col("factor").log()).abs()
    gaps = (
        rows.rename({"date": "ex_date"}).collect()
        .join(factors, on=["exchange", "symbol", "ex_date"])
        .with_columns(gap=gap).group_by(_FACTOR).agg(pl.col("gap").min())
    )  # fmt: skip
    against = pl.col("gap").fill_null(0.0) > _AGREES
    joined = factors.join(gaps, on=list(_FACTOR), how="left", maintain_order="left")
    settled = joined.with_columns(
        factor=pl.when(against).then(1.0).otherwise("factor"),
        ratio=pl.when(against).then(pl.lit("1:1.0")).otherwise("ratio"),
    )
    return settled.select(factors.columns), joined.filter(against).select(factors.columns)
