"""Reference lists as NSE publishes them, read from a folder: which list is it, and of which day.

Each list is recognised by its header. A list holds from the day in its name (or its folder's), else
from ``--on``; one without a day is refused, since a fact without a date is of no use. What the
rows mean is in `reference_lists.py`.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import polars as pl

from alphastock_cli.domain.frames import DATASETS, REJECTS, conform
from alphastock_cli.errors import UsageError
from alphastock_cli.providers.nse.reference_lists import (
    FORMS,
    Bad,
    Context,
    Form,
    Rows,
    UnusableError,
)

_MAX_BYTES = 32 << 20
_MAX_FILES = 10_000
_MAX_RAW = 500
_SUFFIXES = frozenset({".csv", ".xls"})
_XLS = b"\xd0\xcf\x11\xe0"
_CHANGE_CELLS = 4
_DATE = re.compile(r"\d\d-[A-Za-z]{3}-\d{4}")
_DAYS = (
    (re.compile(r"(?<!\d)(20\d\d)[-_](\d\d)[-_](\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(\d\d)[-_]?(\d\d)[-_]?(20\d\d)(?!\d)"), "%d%m%Y"),
    (re.compile(r"(?<!\d)(20\d\d)-(\d\d)(?![\d-])"), "%Y%m"),
)
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?![\d-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceBatch:
    """What one list held: rows by dataset, refused rows, and from when it is valid.

    `form` is "" and `frames` empty where the file was refused; `notes` are for a person.
    """

    file: str
    form: str
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejects: pl.DataFrame
    valid_from: date | None = None
    notes: tuple[str, ...] = ()


class ReferenceFiles:
    """Reads a folder of reference lists."""

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[ReferenceBatch]:
        """Yield a batch for each file below `folder`, in order of names; hidden ones are left out.

        Raises
        ------
        UsageError
            There is no such folder, it cannot be read, or it holds more than 10,000 files.
        """
        if not folder.is_dir():
            raise UsageError(f"--from-dir {folder}: no such folder", hint="Name a folder of lists.")
        root = folder.resolve()
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            try:
                why = _unreadable(path, root)
                data = b"" if why else path.read_bytes()
            except OSError as error:
                why, data = f"cannot be read: {error.strerror}", b""
            yield refused(name, why) if why else read_list(name, data, on=on, folder=root.name)


def _files(folder: Path) -> list[Path]:
    """Return the files below a folder, links to folders not followed."""

    def stop(error: OSError) -> None:
        raise UsageError(
            f"{error.filename}: {error.strerror}", hint="Check the folder's permissions."
        ) from error

    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place) / name for name in names if not name.startswith(".")]
        if len(found) > _MAX_FILES:
            raise UsageError(
                f"--from-dir {folder} holds more than {_MAX_FILES:,} files",
                hint="Name the folder of the lists.",
            )
    return sorted(found)


def _unreadable(path: Path, root: Path) -> str:
    """Return why a file is not opened, or ""."""
    if not path.resolve().is_relative_to(root):
        return "a link that leads out of the folder"
    if not path.is_file():
        return "not a file"
    if path.suffix.lower() not in _SUFFIXES:
        return "not a .csv or .xls list"
    if path.stat().st_size > _MAX_BYTES:
        return f"larger than {_MAX_BYTES >> 20} MiB"
    return ""


def read_list(
    name: str, data: bytes, *, on: date | None = None, folder: str = ""
) -> ReferenceBatch:
    """Return what one list holds.

    Parameters
    ----------
    name : str
        The file's name below the folder, which may carry the day and the index.
    on : date, optional
        The day of a list whose name carries none, or only a year.
    folder : str
        The name of the folder itself, which may carry the day as well.
    """
    try:
        table = _cells(data)
    except (csv.Error, ValueError) as error:
        return refused(name, f"not a list: {error}")
    header = [cell.strip() for cell in table[0]] if table else []
    form = _recognise(header)
    if form is None:
        known = "; ".join(form.title for form in FORMS)
        return refused(name, f"unknown header: {', '.join(header)[:120]}. Known lists: {known}")
    since, only_year = _since(f"{folder}/{name}", on)
    context = Context(name=name.rpartition("/")[2], since=since, exact=not only_year, header=header)
    kept, bad = _records(table, form)
    try:
        rows, wrong = form.read(kept, context)
    except UnusableError as error:
        return refused(name, str(error), form=form.name)
    note = f"only a year in the name: taken from {since} on; --on DATE says better"
    return ReferenceBatch(
        file=name,
        form=form.name,
        frames={form.dataset: _frame(rows, form, name)} if rows else {},
        rejects=_rejects(name, form, sorted(bad + wrong), table),
        valid_from=_first_day(rows),
        notes=(note,) if only_year and form.dated and rows else (),
    )


def _frame(rows: Rows, form: Form, name: str) -> pl.DataFrame:
    schema = DATASETS[form.dataset]
    return conform(pl.DataFrame(rows, schema=schema), schema, what=name)


def _first_day(rows: Rows) -> date | None:
    days = (row.get("valid_from") for row in rows)
    return min((day for day in days if isinstance(day, date)), default=None)


def _recognise(header: Sequence[str]) -> Form | None:
    words = {cell.casefold() for cell in header}
    for form in FORMS:
        if form.header <= words:
            return form
    if len(header) == _CHANGE_CELLS and _DATE.fullmatch(header[3]):
        return next(form for form in FORMS if form.bare)  # NSE leaves the header out at times
    return None


def _records(table: list[list[str]], form: Form) -> tuple[list[tuple[int, dict[str, str]]], Bad]:
    """Return numbered records by lower-case column, and the rows that are cut or too long."""
    bare = not form.header <= {cell.strip().casefold() for cell in table[0]}
    header = list(form.bare) if bare else [cell.strip().casefold() for cell in table[0]]
    kept: list[tuple[int, dict[str, str]]] = []
    bad: Bad = []
    for number, cells in enumerate(table if bare else table[1:], 1):
        row = [cell.strip() for cell in cells]
        if not any(row):
            continue
        if len(row) < len(header) or any(row[len(header) :]):
            bad.append((number, "", f"{len(row)} cells where the header has {len(header)}"))
            continue
        kept.append((number, dict(zip(header, row, strict=False))))
    return kept, bad


def day_in_name(name: str) -> date | None:
    """Return the day a file's name, else its folders' names carry; of a month it is the first.

    >>> day_in_name("sector_lists_2021-10/ind_niftyitlist.csv")
    datetime.date(2021, 10, 1)
    """
    for part in reversed(name.split("/")):
        for pattern, style in _DAYS:
            for found in pattern.finditer(part):
                try:
                    return datetime.strptime("".join(found.groups()), style).date()  # noqa: DTZ007 - a date
                except ValueError:
                    continue
    return None


def _since(name: str, on: date | None) -> tuple[date | None, bool]:
    """Return the day a list is valid from, and whether it is only the first of a year."""
    day = day_in_name(name) or on
    if day is not None:
        return day, False
    year = next(
        (found for part in reversed(name.split("/")) if (found := _YEAR.search(part))), None
    )
    return (date(int(year[1]), 1, 1), True) if year else (None, False)


def _cells(data: bytes) -> list[list[str]]:
    """Return the rows of a CSV file or of the first sheet of an old Excel file as text."""
    if data[:4] == _XLS:
        return _sheet(data)
    if b"\x00" in data:
        raise ValueError("it is not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # NSE writes names of companies so
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    return [row for row in rows if row]


def _sheet(data: bytes) -> list[list[str]]:
    import xlrd

    try:
        with xlrd.open_workbook(file_contents=data, logfile=io.StringIO()) as book:
            sheet = book.sheet_by_index(0)
            return [[str(cell) for cell in sheet.row_values(i)] for i in range(sheet.nrows)]
    except Exception as error:  # xlrd raises anything on a damaged file
        raise ValueError(f"the Excel file cannot be read: {type(error).__name__}") from error


def refused(name: str, reason: str, *, form: str = "") -> ReferenceBatch:
    """Return the batch of a file that is of no use, with the reason."""
    row = {"dataset": "", "source": form, "file": name, "reason": reason, "raw": ""}
    rejects = conform(pl.DataFrame([row]), REJECTS, what=name)
    return ReferenceBatch(file=name, form=form, rejects=rejects)


def _rejects(name: str, form: Form, bad: Bad, table: Sequence[Sequence[str]]) -> pl.DataFrame:
    first = 0 if form.header <= {cell.strip().casefold() for cell in table[0]} else 1
    rows = [
        {"dataset": form.dataset, "source": form.name, "file": name, "row": number,
         "symbol": symbol[:50], "reason": reason,
         "raw": ",".join(cell.strip() for cell in table[number - first])[:_MAX_RAW]}
        for number, symbol, reason in bad
    ]  # fmt: skip
    if not rows:
        return pl.DataFrame(schema=REJECTS)
    return conform(pl.DataFrame(rows, infer_schema_length=None), REJECTS, what=name)
