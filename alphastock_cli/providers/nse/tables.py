"""From the bytes of one file to a form and its rows as text, each with its number.

CSV is split at every comma, or tab where the header has only tabs; a line with more or fewer cells
than the header is set apart, not guessed at. What the columns mean stands in `forms.py`, what the
rows are worth in `rows.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from alphastock_cli.providers.nse.forms import FORMS, recognise
from alphastock_cli.providers.nse.parts import Form
from alphastock_cli.providers.nse.rows import ROW, stripped
from alphastock_cli.safety import safe_text

MAX_ROWS = 20_000_000  # NSE publishes under a million rows a year
_MAX_QUOTED = 64 << 20  # these are read in Python: ten times what all of NSE and BSE is a day
_HEADER = 64 << 10
_SHOWN = 120


class NotOursError(Exception):
    """The file is of no form we know; the message names what was found and what is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A line whose cells do not match the header: its row number, why, and its text."""

    row: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns a form needs, blanks stripped, empty and ``-`` as null, `ROW` in front."""

    form: Form
    rows: pl.DataFrame
    odd: tuple[Odd, ...] = ()


def read_table(data: bytes) -> Table:
    """Return the form of a file and its rows as text (Parquet: as typed).

    Raises
    ------
    NotOursError
        The header is of no form we know.
    ValueError, PolarsError
        The bytes are no table.
    """
    if data[:4] == b"PAR1":
        frame = _parquet(data)
        return _table(frame, [str(name).strip() for name in frame.columns], ())
    body = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if b"\n" not in body:
        body = body.replace(b"\r", b"\n")
    if not body.strip():
        raise ValueError("it is empty")
    line = body[:_HEADER].splitlines()[0]
    if b"\x00" in line:
        raise ValueError("it is not text")
    first = line.decode("utf-8", errors="replace")
    comma = "\t" if "\t" in first and "," not in first else ","
    names = [name.strip() for name in next(csv.reader([first], delimiter=comma), [])]
    form = recognise(names)
    if form is None:
        raise NotOursError(_unknown(names))
    slow = comma != "," or b'"' in body
    frame, odd = _quoted(body, names, comma) if slow else _plain(body, names, form)
    return _table(frame, names, tuple(odd))


def _table(frame: pl.DataFrame, names: list[str], odd: tuple[Odd, ...]) -> Table:
    form = recognise(names)
    if form is None:
        raise NotOursError(_unknown(names))
    used = form.columns
    twice = sorted({name for name in names if name in used and names.count(name) > 1})
    if twice:
        raise ValueError(f"the header names {', '.join(twice)} twice")
    keep = [(old, new) for old, new in zip(frame.columns, names, strict=False) if new in used]
    text = frame.select(pl.col(old).alias(new) for old, new in keep)
    numbered = text.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
    if odd:
        numbered = numbered.filter(~pl.col(ROW).is_in([line.row for line in odd]))
    # an empty line is no row; it counts in the numbers, so that they are those of the file
    blank = pl.all_horizontal(pl.all().exclude(ROW).is_null())
    return Table(form=form, rows=stripped(numbered).filter(~blank), odd=odd)


def _parquet(data: bytes) -> pl.DataFrame:
    """Read Parquet whose footer names every column of one of our forms.

    The footer is asked first, as bytes: Polars ends in a panic on time zones it does not know, and
    files of other kinds have such columns.
    """
    length = int.from_bytes(data[-8:-4], "little")
    footer = data[-8 - length : -8] if data[-4:] == b"PAR1" else b""
    if not footer:
        raise ValueError("the Parquet file is truncated")
    if not any(all(n.encode() in footer for n in form.header) for form in FORMS):
        raise NotOursError(_unknown(["(a Parquet file with other columns)"]))
    count = pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item()
    if count > MAX_ROWS:
        raise ValueError(f"it has {count} rows, more than {MAX_ROWS}")
    return pl.read_parquet(io.BytesIO(data))


def _plain(body: bytes, names: Sequence[str], form: Form) -> tuple[pl.DataFrame, list[Odd]]:
    """Read text without quotation marks; count the commas of each line apart from the parser."""
    frame = pl.read_csv(
        body, infer_schema=False, encoding="utf8-lossy", quote_char=None,
        truncate_ragged_lines=True,
    )  # fmt: skip
    octets = np.frombuffer(body, dtype=np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    if not body.endswith(b"\n"):
        ends = np.append(ends, len(body))
    commas = np.searchsorted(np.flatnonzero(octets == ord(",")), ends)
    cells = np.diff(commas) + 1
    if len(cells) != frame.height:
        raise ValueError(f"{len(cells)} lines give {frame.height} rows")
    odd = []
    for index in np.flatnonzero(cells != len(names)):
        line = body[ends[index] + 1 : ends[index + 1]].decode("utf-8", errors="replace")
        reason = _misfit(line.rstrip("\r").split(","), names, form.columns)
        if reason:
            odd.append(Odd(row=int(index) + 1, reason=reason, raw=line))
    return frame, odd


def _quoted(body: bytes, names: Sequence[str], comma: str) -> tuple[pl.DataFrame, list[Odd]]:
    """Read text with quotation marks or tabs line by line: none of our forms breaks a line."""
    if len(body) > _MAX_QUOTED:
        raise ValueError(f"it has quotation marks or tabs and more than {_MAX_QUOTED >> 20} MiB")
    width = len(names)
    good: list[list[str | None]] = []
    odd: list[Odd] = []
    lines = body.decode("utf-8", errors="replace").replace("\r", "").rstrip("\n").split("\n")
    for number, line in enumerate(lines[1:], 1):
        try:
            cells: list[str] = next(csv.reader([line], delimiter=comma), [])
            reason = "" if len(cells) == width else _misfit(cells, names, frozenset(names))
        except csv.Error as error:
            cells, reason = [], f"not a line of a table: {error}"
        if reason:
            odd.append(Odd(row=number, reason=reason, raw=line))
        good.append([*cells[:width], *[None] * (width - len(cells))])
    columns = [f"c{index}" for index in range(width)]
    schema = dict.fromkeys(columns, pl.String)
    return pl.DataFrame(good, schema=schema, orient="row"), odd


def _misfit(cells: Sequence[str], names: Sequence[str], used: frozenset[str]) -> str:
    """Return why a line of another length is refused; "" where only unused cells differ."""
    if not any(cell.strip() for cell in cells):
        return ""
    if any(cell.strip() for cell in cells[len(names) :]):
        return "more cells than the header names"
    if any(name in used for name in names[len(cells) :]):
        return "fewer cells than the header names"
    return ""


def _unknown(columns: Sequence[str]) -> str:
    shown = safe_text(", ".join(columns), limit=_SHOWN)
    known = "; ".join(dict.fromkeys(form.title for form in FORMS))
    return f"unknown header: {shown}. Known forms: {known}"
