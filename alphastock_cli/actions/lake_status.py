"""What is stored, what is missing, what was refused, and mending: the `lake` commands."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import DamagedData, OutOfRange, UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.store import atomic
from alphastock_cli.store.lake import Lake, check_rows, known
from alphastock_cli.store.layout import YEARLY

_EQUITY = calendar.Segment.EQUITY


def status(lake: Lake, clock: Clock) -> Result:
    """Return a row a dataset (and exchange): rows, size, sessions, gaps, age. Damage is shown."""
    rows: list[dict[str, Any]] = []
    for dataset in lake.datasets():
        base = {
            "dataset": dataset, "exchange": None, "rows": None,
            "files": len(lake.files(dataset)),
            "megabytes": round(sum(p.stat().st_size for p in lake.files(dataset)) / 1e6, 2),
            "first": None, "last": None, "sessions": None, "gaps": None, "age_days": None,
            "loaded": lake.last_load(dataset), "state": "ok",
        }  # fmt: skip
        try:
            rows += [base | part for part in _parts(lake, dataset, clock)]
        except DamagedData as error:
            rows.append(base | {"state": f"damaged: {error.what}"})
    hint = () if rows else ("nothing is stored yet: `alphastock fetch eod --from-dir FOLDER`",)
    return Result(
        kind="lake_status", rows=rows, source="lake", warnings=hint,
        summary={"folder": str(lake.root)},
    )  # fmt: skip


def gaps(lake: Lake, *, dataset: str, exchange: str) -> Result:
    """Return the sessions between the first and the last stored day that are not stored."""
    if known(dataset) not in YEARLY:
        raise UsageError(
            f"{dataset} has no sessions", hint=f"Give one of: {', '.join(sorted(YEARLY))}."
        )
    days = _days(lake, dataset, exchange)
    if not days:
        return Result(
            kind="lake_gaps", rows=[], source="lake",
            warnings=(f"no {dataset} of {exchange} is stored",),
        )  # fmt: skip
    missing, note = _missing(days)
    rows = [
        {"date": day, "weekday": f"{day:%a}", "dataset": dataset, "exchange": exchange,
         "reason": "a session of the calendar that is not stored"}
        for day in missing
    ]  # fmt: skip
    summary = {
        "first": days[0], "last": days[-1], "sessions": len(days), "missing": len(missing)
    }  # fmt: skip
    return Result(
        kind="lake_gaps",
        rows=rows,
        summary=summary,
        source="lake",
        warnings=(note,) if note else (),
    )


def rejects(lake: Lake) -> Result:
    """Return every refused row and file with its reason; the summary counts the reasons."""
    frame = lake.scan("rejects").collect().sort("file", "row", nulls_last=False)
    counts = frame.group_by("reason").len().sort("len", "reason", descending=[True, False])
    reasons = [{"reason": r, "rows": n} for r, n in counts.iter_rows()]
    return Result(
        kind="lake_rejects", rows=frame, summary={"refused": frame.height, "reasons": reasons},
        source="lake",
    )  # fmt: skip


def repair(lake: Lake, clock: Clock) -> Result:
    """Set damaged files aside, remove what killed runs left, say what to load again."""
    rows: list[dict[str, Any]] = []
    if not lake.root.is_dir():
        return Result(kind="lake_repair", rows=rows, source="lake", warnings=("nothing is stored",))
    with lake.writing():
        for dataset in DATASETS:
            swept = atomic.sweep(lake.root / dataset)
            rows += [_row(p, dataset, "removed", "left behind by a killed run") for p in swept]
            for path in lake.files(dataset):
                try:
                    check_rows(path, dataset)
                except DamagedData as error:
                    aside = path.with_name(f"{path.stem}.corrupt-{clock.now():%Y%m%dT%H%M%S}")
                    _rename(path, aside)
                    again = _again(dataset, path)
                    rows.append(_row(path, dataset, "set aside", error.what) | {"next": again})
    return Result(
        kind="lake_repair", rows=rows, source="lake",
        warnings=() if rows else ("every file is whole: nothing to repair",),
    )  # fmt: skip


def _rename(path: Path, aside: Path) -> None:
    try:
        path.rename(aside)
    except OSError as error:
        raise atomic.storage_error(path, error) from error


def _row(path: Path, dataset: str, done: str, why: str) -> dict[str, Any]:
    return {"dataset": dataset, "file": path.name, "done": done, "why": why, "next": ""}


def _again(dataset: str, path: Path) -> str:
    command = "fetch eod" if dataset in {*YEARLY, "rejects", "adjustments"} else "fetch reference"
    part = f" of {path.stem}" if path.stem.isdigit() else ""
    return f"load the files{part} again: alphastock {command} --from-dir FOLDER"


def _parts(lake: Lake, dataset: str, clock: Clock) -> list[dict[str, Any]]:
    if dataset not in YEARLY:
        return [{"rows": lake.scan(dataset).select(pl.len()).collect().item()}]
    frame = lake.scan(dataset, columns=["exchange", "date"]).collect()
    found = []
    for (exchange,), part in frame.group_by("exchange", maintain_order=True):
        days = part["date"].unique().sort().to_list()
        missing, _ = _missing(days)
        found.append(
            {
                "exchange": exchange, "rows": part.height, "first": days[0], "last": days[-1],
                "sessions": len(days), "gaps": len(missing),
                "age_days": (clock.now().date() - days[-1]).days,
            }
        )  # fmt: skip
    return sorted(found, key=lambda row: str(row["exchange"]))


def _days(lake: Lake, dataset: str, exchange: str) -> list[date]:
    rows = lake.scan(dataset, columns=["exchange", "date"]).filter(exchange=exchange)
    return rows.select(pl.col("date").unique().sort()).collect()["date"].to_list()


def _missing(days: list[date]) -> tuple[list[date], str]:
    """Return the sessions not among `days`, and a remark where the calendar does not reach."""
    first, last = calendar.reach(_EQUITY)
    begin, end = max(days[0], first), min(days[-1], last)
    note = "" if (begin, end) == (days[0], days[-1]) else f"the calendar knows {first} to {last}"
    try:
        held = set(days)
        return [d for d in calendar.sessions(_EQUITY, begin, end) if d not in held], note
    except OutOfRange as error:
        return [], error.what
