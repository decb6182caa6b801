"""What is stored, what is missing, what was refused, and mending: the `lake` commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.master_diff import newest_warnings
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.session_gaps import candle_gaps, missing_sessions
from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import DamagedData, UsageError
from alphastock_cli.store import atomic
from alphastock_cli.store.files import NewerData, make_private, read_whole
from alphastock_cli.store.lake import Lake, known
from alphastock_cli.store.layout import (
    CANDLES,
    DAILY,
    DATED,
    SERIES,
    SNAPSHOTS,
    day_column,
    name_column,
)

_INDICES = "indices_day"
# the index published on every session of an exchange: others may lie about without it
_MAIN_INDEX = {"NSE": "NIFTY 50", "BSE": "SENSEX"}
_NO_COPY = "the copy that answers single days was missing or another file's"


def status(lake: Lake, clock: Clock) -> Result:
    """Return a row a dataset (and exchange): rows, size, sessions, gaps, age.

    A damaged file is named in `state` and left out of the figures. `gaps` is null where the
    calendar does not reach.
    """
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for dataset in lake.datasets():
        paths = lake.files(dataset)
        frame, broken = _readable(paths, dataset)
        base = {
            "dataset": dataset, "exchange": None, "rows": frame.height, "files": len(paths),
            "bytes": sum(path.stat().st_size for path in paths),
            "symbols": None, "first": None, "last": None, "sessions": None, "gaps": None,
            "age_days": None,
            "last_load": lake.last_load(dataset),
            "state": f"damaged: {'; '.join(broken)}" if broken else "ok",
        }  # fmt: skip
        parts = _by_exchange(frame, clock.now().date(), dataset) if dataset in DATED else []
        rows += [base | part for part, _ in parts] or [base]
        notes += [f"{dataset} {part['exchange']}: {note}" for part, note in parts if note]
    if all(row["state"] == "ok" for row in rows if row["dataset"] == "instruments"):
        notes += newest_warnings(lake)
    for dataset in DATASETS:
        notes += [f"{path} is not ours and not read" for path in lake.strangers(dataset)]
    if not rows:
        notes.append("nothing is stored yet: `alphastock fetch eod --from-dir FOLDER`")
    return Result(
        kind="lake_status", rows=rows, source="lake", warnings=tuple(notes),
        summary={"folder": str(lake.root)},
    )  # fmt: skip


def gaps(lake: Lake, *, dataset: str, exchange: str) -> Result:
    """Return the sessions between the first and the last stored day that are not stored.

    A day of indices counts as stored when it has the main index, or, where that was never stored,
    the one stored most often: `judged_by` names it. Candles are looked at symbol by symbol.
    """
    if known(dataset) in {*CANDLES, *SERIES}:
        return candle_gaps(lake, dataset, exchange)
    if dataset not in DAILY:
        raise UsageError(
            f"{dataset} has no sessions",
            hint=f"Give one of: {', '.join(sorted({*DAILY, *CANDLES, *SERIES}))}.",
        )
    names = ["exchange", "date", *(["symbol"] if dataset == _INDICES else [])]
    stored = lake.scan(dataset, columns=names).filter(exchange=exchange).collect()
    days = stored["date"].unique().sort().to_list()
    if not days:
        return Result(
            kind="lake_gaps", rows=[], source="lake",
            warnings=(f"no {dataset} of {exchange} is stored",),
        )  # fmt: skip
    judge = _judge(stored, exchange) if dataset == _INDICES else None
    missing, note = missing_sessions(days, exchange, _held(stored, judge))
    what = "that is not stored" if judge is None else f"without {judge}"
    rows = [
        {"date": day, "weekday": f"{day:%a}", "dataset": dataset, "exchange": exchange,
         "reason": f"a session of the calendar {what}"}
        for day in missing or ()
    ]  # fmt: skip
    summary = {
        "first": days[0], "last": days[-1], "sessions": len(days),
        "missing": None if missing is None else len(missing),
        **({} if judge is None else {"judged_by": judge}),
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
    """Set damaged files aside, remove what killed runs left, renew copies, say what to load again.

    A file of a newer alphastock is not damaged: it is reported and left where it is.
    """
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    if not lake.root.is_dir():
        return Result(kind="lake_repair", rows=rows, source="lake", warnings=("nothing is stored",))
    with lake.writing():
        for dataset in DATASETS:
            swept = atomic.sweep(lake.root / dataset)
            rows += [_row(p, dataset, "removed", "left behind by a killed run") for p in swept]
            for path in lake.files(dataset):
                try:
                    read_whole(path, dataset)
                except NewerData as error:
                    notes.append(f"{error.what}; {error.hint}")
                except DamagedData as error:
                    moved = _set_aside(path, lake.root, f"{clock.now():%Y%m%dT%H%M%S}-{dataset}")
                    done = {"next": _again(dataset, path), "moved_to": str(moved)}
                    rows.append(_row(path, dataset, "set aside", error.what) | done)
            rows += [_row(p, dataset, "copied by date", _NO_COPY) for p in lake.mend_copy(dataset)]
    if not rows and not notes:
        notes.append("every file is whole: nothing to repair")
    return Result(kind="lake_repair", rows=rows, source="lake", warnings=tuple(notes))


def _set_aside(path: Path, root: Path, stamp: str) -> Path:
    """Move a file into ``damaged/``, where nothing reads it; never over another one."""
    folder = root / "damaged"
    make_private(folder)
    aside = folder / f"{stamp}-{path.name}"
    count = 1
    while aside.exists():
        count += 1
        aside = folder / f"{stamp}-{count}-{path.name}"
    try:
        path.rename(aside)
    except OSError as error:
        raise atomic.storage_error(path, error) from error
    return aside


def _row(path: Path, dataset: str, done: str, why: str) -> dict[str, Any]:
    return {"dataset": dataset, "file": path.name, "done": done, "why": why, "next": "",
            "moved_to": None}  # fmt: skip


def _again(dataset: str, path: Path) -> str:
    part = f" of {path.stem}" if dataset in DATED else ""
    if dataset in SNAPSHOTS:
        return f"load the masters{part} again: alphastock fetch instruments --from-file FILE"
    if dataset == "chains":
        return f"load the snapshots{part} again: alphastock fetch chain --from-file FILE"
    if dataset in SERIES:
        return f"ask for the days{part} again: alphastock fetch candles SYMBOL --interval day"
    if dataset in DATED - DAILY:
        return f"load the candles{part} again: alphastock fetch candles --from-file FILE"
    command = "fetch eod" if dataset in {*DAILY, "rejects", "adjustments"} else "fetch reference"
    return f"load the files{part} again: alphastock {command} --from-dir FOLDER"


def _readable(paths: Sequence[Path], dataset: str) -> tuple[pl.DataFrame, list[str]]:
    """Return place, name and date of every row that can be read, and what is wrong elsewhere."""
    frames: list[pl.DataFrame] = []
    broken: list[str] = []
    dated = ("exchange", name_column(dataset), day_column(dataset))
    names = dated if dataset in DATED else [next(iter(DATASETS[dataset]))]  # for their number
    for path in paths:
        try:
            frames.append(read_whole(path, dataset).select(names))
        except DamagedData as error:
            broken.append(error.what)
    return (pl.concat(frames) if frames else pl.DataFrame()), broken


def _by_exchange(
    frame: pl.DataFrame, today: date, dataset: str
) -> list[tuple[dict[str, Any], str]]:
    """Return the figures of each exchange and a remark where the calendar does not reach.

    Gaps are counted of daily rows only: candles are loaded symbol by symbol.
    """
    found = []
    when = pl.col(day_column(dataset))
    for (exchange,), part in frame.group_by("exchange") if frame.height else ():
        day = when.dt.date() if day_column(dataset) == "time" else when
        days = part.select(day.unique().sort()).to_series().to_list()
        missing, note = None, ""
        if dataset in DAILY:
            judge = _judge(part, str(exchange)) if dataset == _INDICES else None
            missing, note = missing_sessions(days, str(exchange), _held(part, judge))
        figures = {
            "exchange": exchange, "rows": part.height,
            "symbols": part[name_column(dataset)].n_unique(),
            "first": days[0], "last": days[-1], "sessions": len(days),
            "gaps": None if missing is None else len(missing), "age_days": (today - days[-1]).days,
        }  # fmt: skip
        found.append((figures, note))
    return sorted(found, key=lambda each: str(each[0]["exchange"]))


def _judge(rows: pl.DataFrame, exchange: str) -> str:
    """Return the index whose presence says that a day of indices is stored."""
    main = _MAIN_INDEX.get(exchange)
    if main is not None and main in rows["symbol"]:
        return main
    counts = rows.group_by("symbol").agg(pl.col("date").n_unique()).sort("date", "symbol")
    return str(counts["symbol"][-1])


def _held(rows: pl.DataFrame, judge: str | None) -> set[date] | None:
    return None if judge is None else set(rows.filter(pl.col("symbol") == judge)["date"])
