"""Load a broker's instrument master from a file into the lake, as the snapshot of one day.

Reading and judging rows are the store's (`masters`, `master_checks`). Here it is decided of which
day a master is, and whether enough of it is good: a master that is half right is worse than
yesterday's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store import snapshots
from alphastock_cli.store.lake import Lake, UpsertReport
from alphastock_cli.store.master_checks import DATASET, Checked, check_master
from alphastock_cli.store.masters import Sheet, read_master

_GOOD_SHARE = 0.99  # of fewer good rows the whole master is refused
_KEPT_REJECTS = 1_000  # of a master that is refused whole, so many rows are kept to look at
_FAR = timedelta(days=35)  # some contract ends every month: later is a sign of a wrong date
_NAMED = re.compile(
    r"(?<!\d)(?:(?P<y>20\d{2})(?P<mark>[-_.]?)(?P<m>\d{2})(?P=mark)(?P<d>\d{2})"
    r"|(?P<d2>\d{2})-(?P<m2>\d{2})-(?P<y2>20\d{2}))(?!\d)"
)


def fetch_instruments(
    lake: Lake,
    clock: Clock,
    file: Path,
    *,
    on: date | None = None,
    exchange: Exchange | None = None,
) -> Result:
    """Store the good rows of a master; a second load of it changes nothing.

    Parameters
    ----------
    on : date, optional
        The day of the master; None takes the date in the file's name.
    exchange : Exchange, optional
        Only what is listed there. Then the master does not count as loaded for `--if-stale`.

    Raises
    ------
    UsageError
        The file is missing; its day is not known, lies ahead, or contradicts its expiries.
    BadReply
        The file is no master, or fewer than 99 of 100 rows are good: nothing of it is stored.
    StorageError, Locked, DamagedData
        The lake could not be written; what was stored is unharmed.
    """
    with lake.writing():  # one writer for the whole load: a second one is told before it begins
        sheet = read_master(file)
        day, notes = _day(sheet, file, on, clock.now().date())
        if exchange is not None:
            sheet = _listed_on(sheet, exchange)
        checked = check_master(sheet, day)
        del sheet  # the text of a million rows is not needed beside what is stored
        if checked.frame.is_empty() or checked.frame.height < _GOOD_SHARE * _different(checked):
            lake.upsert("rejects", _refusal(checked, day))
            raise _refused(checked, day)
        notes += _unlisted(lake, checked, day)
        lake.upsert("rejects", checked.rejects)
        report = lake.upsert(DATASET, checked.frame)
        if exchange is None:
            lake.touch(DATASET)
    dated_by = "file name" if on is None else "--on"
    return _result(checked, report, notes, {"date": day, "dated_by": dated_by})


def _listed_on(sheet: Sheet, exchange: Exchange) -> Sheet:
    wanted = (sheet.rows["exchange"] == exchange.value).fill_null(value=False)
    if not wanted.any():
        codes = sheet.rows["exchange"].drop_nulls().unique().sort()
        raise UsageError(
            f"{sheet.file} lists nothing of {exchange}", safe="Nothing was stored.",
            hint=f"It lists {', '.join(codes)}.",
        )  # fmt: skip
    return replace(sheet, rows=sheet.rows.filter(wanted), cells=sheet.cells.filter(wanted))


# -- of which day ---------------------------------------------------------------------------------


def _day(sheet: Sheet, file: Path, on: date | None, today: date) -> tuple[date, list[str]]:
    """Return the day of a master and what is odd about it, or refuse to guess."""
    first = sheet.rows["expiry"].min()
    earliest = first if isinstance(first, date) else None
    named = _in_name(file.name)
    day, notes = on or named, list[str]()
    if day is None:
        raise UsageError(
            f"{sheet.file} does not say of which day it is",
            safe="Nothing was stored.",
            hint=_bound(earliest),
        )
    if day > today:
        raise UsageError(f"{sheet.file} cannot be of {day}: today is {today}",
                         hint="Give its day with --on DATE.")  # fmt: skip
    if on is None and earliest is not None and earliest < day:
        raise UsageError(
            f"the name of {sheet.file} says {day}, but it lists an expiry of {earliest}",
            safe="Nothing was stored.",
            hint=_bound(earliest),
        )
    if on is not None and named not in {on, None}:
        notes.append(f"its name says {named}; stored as of {on}, as asked for")
    if earliest is not None and earliest - day > _FAR:
        notes.append(
            f"its earliest expiry is {earliest}, {(earliest - day).days} days after {day}:"
            " is that its day?"
        )
    return day, notes


def _bound(earliest: date | None) -> str:
    if earliest is None:
        return "It lists no expiry either: give the day it was made with --on DATE."
    return (
        f"Its earliest expiry is {earliest}: it was made on that day or before. Confirm the day"
        f" it was made, e.g. --on {earliest}."
    )


def _in_name(name: str) -> date | None:
    """Return the one date in a file's name, or None.

    >>> _in_name("kite_2026-08-18.csv.gz"), _in_name("instruments_20260818.csv")
    (datetime.date(2026, 8, 18), datetime.date(2026, 8, 18))
    """
    found = set(_dates(name))
    return found.pop() if len(found) == 1 else None


def _dates(name: str) -> Iterator[date]:
    for match in _NAMED.finditer(name):
        parts = match.groupdict()
        text = [parts["y"] or parts["y2"], parts["m"] or parts["m2"], parts["d"] or parts["d2"]]
        try:
            yield date.fromisoformat("-".join(text))
        except ValueError:
            continue


# -- good enough ----------------------------------------------------------------------------------


def _different(checked: Checked) -> int:
    return checked.rows - checked.repeated


def _refusal(checked: Checked, day: date) -> pl.DataFrame:
    """Return the refusal of a whole master, and the first rows that led to it."""
    bad, rows = checked.rejects.height, _different(checked)
    whole = {
        "dataset": DATASET, "source": checked.form, "file": checked.file, "row": None, "date": day,
        "reason": f"refused whole: {bad} of {rows} rows are bad", "raw": "",
    }  # fmt: skip
    schema = DATASETS["rejects"]
    first = conform(
        pl.DataFrame([whole], schema_overrides={"row": pl.Int64}), schema, what="refusal"
    )
    return pl.concat([first, checked.rejects.head(_KEPT_REJECTS)])


def _refused(checked: Checked, day: date) -> BadReply:
    reasons = "; ".join(f"{each['rows']} × {each['reason']}" for each in _reasons(checked)[:3])
    stored = f"{checked.rejects.height} of {_different(checked)} rows are bad ({reasons})"
    nothing = "it lists nothing of an exchange we know"
    return BadReply(
        f"{checked.file} is refused whole: {stored if checked.rows else nothing}",
        safe="No instrument was stored; the snapshots before it stay.",
        hint=f"`alphastock lake rejects` shows the rows. If it is not of {day}, give --on DATE.",
    )


def _reasons(checked: Checked) -> list[dict[str, Any]]:
    counts = checked.rejects.group_by("reason").len("rows")
    return counts.sort(["rows", "reason"], descending=[True, False]).to_dicts()


def _unlisted(lake: Lake, checked: Checked, day: date) -> list[str]:
    """Say where another master of the same day lists what this one does not."""
    notes = []
    for code in checked.frame["exchange"].unique().sort():
        place = (Exchange(code), day)
        stored = snapshots.rows_of(lake, place, columns=["exchange", "tradingsymbol"])
        missing = stored.join(checked.frame, on=["exchange", "tradingsymbol"], how="anti").height
        if missing:
            notes.append(f"{missing} instruments of {code} stored of {day} are not in this file;"
                         " they stay")  # fmt: skip
    return notes


def _result(
    checked: Checked,
    report: UpsertReport,
    notes: list[str],
    dated: dict[str, Any],
) -> Result:
    """Return a row an exchange and segment, and what a person should know."""
    groups = checked.frame.group_by("exchange", "segment").agg(
        rows=pl.len(), underlyings=pl.col("underlying").drop_nulls().n_unique(),
        first_expiry=pl.col("expiry").min(), last_expiry=pl.col("expiry").max(),
    )  # fmt: skip
    rows = groups.sort("exchange", "segment").with_columns(
        date=pl.lit(dated["date"]), file=pl.lit(checked.file), form=pl.lit(checked.form)
    )
    reasons = _reasons(checked)
    summary = {
        **dated, "rows": checked.rows, "rows_added": report.added,
        "rows_changed": report.changed, "rows_unchanged": report.unchanged,
        "rows_repeated": checked.repeated, "rows_rejected": checked.rejects.height,
        "reasons": reasons,
    }  # fmt: skip
    if not report.added and not report.changed:
        notes.insert(0, f"nothing new: all {report.unchanged} instruments were stored already")
    if report.changed:
        notes.append(
            f"{report.changed} stored rows of that day were replaced by those of this file"
        )
    if checked.repeated:
        notes.append(f"{checked.repeated} rows repeat another one exactly")
    notes += [f"{count} rows of {code} left out: no exchange we know"
              for code, count in checked.elsewhere.items()]  # fmt: skip
    notes += [f"{each['rows']} × {each['reason']}" for each in reasons]
    if reasons:
        notes.append("`alphastock lake rejects` lists every refused row with its reason")
    return Result(
        kind="fetch_instruments", rows=rows, summary=summary, source="file", warnings=tuple(notes)
    )
