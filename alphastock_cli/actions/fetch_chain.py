"""Load snapshots of option chains from a file into the lake: read, check, store, report.

Forms and checks are the store's (`chain_forms`, `chain_checks`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.fetch_candles import parse_mapping
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import BadReply
from alphastock_cli.store.chain_checks import ChainFile, read_chains
from alphastock_cli.store.lake import Lake, UpsertReport


def fetch_chain(
    lake: Lake, clock: Clock, file: Path, *, underlying: str = "", columns: str = ""
) -> Result:
    """Store the good snapshots of a file, or of every table of a zip; a second load adds nothing.

    Parameters
    ----------
    underlying : str
        Only the chains of this one; "" takes all there are.
    columns : str
        ``field=column,...`` of a table whose names do not tell.

    Raises
    ------
    UsageError, UnknownName
        The file is missing, or holds no chain of the underlying; a mapping makes no sense.
    BadReply
        A table is no chain we know, or not one of its rows could be used.
    StorageError, Locked, DamagedData
        The lake could not be written; what was stored is unharmed.
    """
    mapping = parse_mapping(columns)
    with lake.writing():  # one writer for the whole load
        found = list(read_chains(file, now=clock.now(), underlying=underlying, mapping=mapping))
        refused = pl.concat([each.rejects for each in found])
        lake.upsert("rejects", refused)
        reports = [lake.upsert("chains", each.snapshots) for each in found]
        if not any(each.snapshots.height for each in found):
            raise _nothing(file, refused)
        lake.touch("chains")
    return _result(found, reports, refused)


def _nothing(file: Path, refused: pl.DataFrame) -> BadReply:
    words = "; ".join(f"{each['rows']} × {each['reason']}" for each in _reasons(refused)[:3])
    return BadReply(
        f"no row of {file.name} could be used: {words or 'it holds none'}",
        safe="No snapshot was stored.",
        hint="`alphastock lake rejects` lists every row with its reason.",
    )


def _reasons(refused: pl.DataFrame) -> list[dict[str, Any]]:
    counts = refused.group_by("reason").len("rows")
    return counts.sort(["rows", "reason"], descending=[True, False]).to_dicts()


def _result(found: list[ChainFile], reports: list[UpsertReport], refused: pl.DataFrame) -> Result:
    """Return a row for each table, and what a person should know."""
    rows = [_row(each, report) for each, report in zip(found, reports, strict=True)]
    reasons = _reasons(refused)
    totals = {
        f"rows_{name}": sum(row[name] for row in rows)
        for name in ("added", "changed", "unchanged", "repeated", "rejected")
    }
    notes = [f"{each.file}: {note}" if len(found) > 1 else note
             for each in found for note in each.notes]  # fmt: skip
    if not totals["rows_added"] and not totals["rows_changed"]:
        notes.insert(0, f"nothing new: all {totals['rows_unchanged']} rows were stored already")
    if totals["rows_changed"]:
        notes.append(f"{totals['rows_changed']} stored rows were replaced by those of this file")
    notes += [f"{each['rows']} × {each['reason']}" for each in reasons]
    if reasons:
        notes.append("`alphastock lake rejects` lists every refused row with its reason")
    return Result(
        kind="fetch_chain", rows=rows, summary=totals | {"reasons": reasons}, source="file",
        warnings=tuple(notes),
    )  # fmt: skip


def _row(found: ChainFile, report: UpsertReport) -> dict[str, Any]:
    held = found.snapshots
    names = held["underlying"].unique()
    return {
        "file": found.file, "form": found.form,
        "underlying": names[0] if names.len() == 1 else None, "underlyings": names.len(),
        "snapshots": held["time"].n_unique(), "expiries": held["expiry"].n_unique(),
        "rows": found.rows, "added": report.added, "changed": report.changed,
        "unchanged": report.unchanged, "repeated": found.repeated,
        "rejected": found.rejects.height, "first": held["time"].min(), "last": held["time"].max(),
    }  # fmt: skip
