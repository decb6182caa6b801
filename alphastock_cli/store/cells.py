"""The cells of a table somebody keeps: CSV (also gzipped) or Parquet, alone or inside a zip.

Bytes become a frame of text or typed columns, every row with its number and its text. What a column
means is decided elsewhere; nothing is stored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from alphastock_cli.errors import BadReply, StorageError, UsageError
from alphastock_cli.safety import safe_text
from alphastock_cli.store.archive import TABLES, Budget, member_names, read_member, unpack

ROW = "__row"  # 1 is the first row after the header
RAW = "__raw"
MAX_BYTES = 1 << 30  # as it lies there; a year of minutes of one symbol is 6 MB
_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
_SEPARATORS = (",", ";", "\t", "|")
_SHOWN = 8

# given the names of the tables in an archive, the one that is meant
Pick = Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The rows of a file as it writes them.

    Attributes
    ----------
    name : str
        File name, with the member of a zip after ``!``.
    form : str
        ``csv`` or ``parquet``.
    rows : DataFrame
        `ROW`, `RAW` and the columns of the file: text of a CSV, typed of Parquet.
    odd : DataFrame
        `ROW` and `RAW` of lines that have more or fewer cells than the header.
    """

    name: str
    form: str
    rows: pl.DataFrame
    odd: pl.DataFrame

    @property
    def columns(self) -> list[str]:
        """The names of the file's own columns."""
        return [name for name in self.rows.columns if name not in {ROW, RAW}]


def read_cells(path: Path, pick: Pick | None = None) -> Cells:
    """Read one table.

    Parameters
    ----------
    pick : callable, optional
        Names the member of an archive that holds several tables.

    Raises
    ------
    UsageError, UnknownName
        There is no such file, or nobody says which table of an archive is meant.
    StorageError
        The file may not be read.
    BadReply
        It is no table.
    """
    name, data = content(path, pick)
    return cells_of(name, data)


def cells_of(name: str, data: bytes) -> Cells:
    """Return the cells of a table's bytes. Raises BadReply where they are none."""
    odd: pl.DataFrame | None = None
    try:
        if data[:4] == _PARQUET:
            form, rows = "parquet", _parquet(data)
        else:
            form, (rows, odd) = "csv", _csv(data)
    except (
        ValueError,
        csv.Error,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        raise no_table(name, str(error)) from error
    if rows.is_empty() and odd is None:
        raise no_table(name, "it holds no row")
    empty = pl.DataFrame(schema={ROW: pl.Int64, RAW: pl.String})
    return Cells(name=name, form=form, rows=rows, odd=empty if odd is None else odd)


# -- bytes ----------------------------------------------------------------------------------------


def content(
    path: Path, pick: Pick | None = None, wanted: frozenset[str] = TABLES
) -> tuple[str, bytes]:
    """Return the name of a table and what it holds, unpacked where it is gzip or in a zip."""
    data = file_bytes(path)
    if is_zip(data):
        return _picked(path.name, data, pick, wanted)
    return safe_text(path.name), _unpacked(path.name, data, wanted)


def file_bytes(path: Path) -> bytes:
    """Return the bytes of a file as they lie there. Raises UsageError, StorageError, BadReply."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"--from-file {path}: {what}", hint="Name a .csv, .csv.gz or .parquet.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise no_table(path.name, f"it is larger than {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror}",
            safe="Nothing was changed.",
            hint="Check the owner and the mode of the file.",
        ) from error


def is_zip(data: bytes) -> bool:
    """Tell whether bytes begin as a zip archive does."""
    return data[:4] == _ZIP


def _picked(name: str, data: bytes, pick: Pick | None, wanted: frozenset[str]) -> tuple[str, bytes]:
    """Return the table of a zip that is meant."""
    try:
        names = member_names(name, data, wanted=wanted)
    except ValueError as error:
        raise no_table(name, str(error)) from error
    if not names:
        raise no_table(name, "the archive holds no table")
    if len(names) > 1 and pick is None:
        shown = safe_text(", ".join(names[:_SHOWN]), limit=300)
        raise UsageError(
            f"{name} holds {len(names)} tables", hint=f"Name one as --member: {shown}."
        )
    chosen = pick(names) if pick else names[0]
    found = read_member(name, data, chosen, wanted=wanted)
    if found.refused:
        raise no_table(found.name, found.refused)
    return found.name, found.data


def _unpacked(name: str, data: bytes, wanted: frozenset[str]) -> bytes:
    if data[:2] != _GZIP:
        return data
    found = list(unpack(name, data, Budget(), depth=0, wanted=wanted))
    if len(found) != 1:
        raise no_table(name, f"it holds {len(found)} tables")
    if found[0].refused:
        raise no_table(name, found[0].refused)
    return found[0].data


def no_table(name: str, why: str) -> BadReply:
    """Return the refusal of a whole file."""
    first = safe_text(why.splitlines()[0] if why else "unreadable")
    return BadReply(
        f"{safe_text(name)} cannot be used: {first}",
        safe="Nothing was stored.",
        hint="Give a .csv, .csv.gz or .parquet file, or a .zip of such.",
    )


# -- rows -----------------------------------------------------------------------------------------


def _parquet(data: bytes) -> pl.DataFrame:
    """Read Parquet by its own types, blind to the Arrow schema some writers put beside them.

    Arrow may name a fixed offset such as ``+05:30`` as time zone, on which Polars ends in a panic;
    Parquet itself says "UTC", which is the same moment. The key is made unknown, in memory.
    """
    length = int.from_bytes(data[-8:-4], "little")
    if data[-4:] != _PARQUET or length + 8 > len(data):
        raise ValueError("the Parquet file is truncated")
    footer = data[-8 - length : -8].replace(b"ARROW:schema", b"arrow:schema")
    frame = pl.read_parquet(io.BytesIO(data[: -8 - length] + footer + data[-8:]))
    flat = frame.select(name for name, dtype in frame.schema.items() if not dtype.is_nested())
    return _numbered(flat)


def _csv(data: bytes) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Read text: a column of strings each, and the lines of another length, or None."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    if "\x00" in lines[0] or not lines[0].strip():
        raise ValueError("it is not text with a header")
    mark = max(_SEPARATORS, key=lines[0].count)
    names = _unique([name.strip() for name in next(csv.reader([lines[0]], delimiter=mark))])
    width = len(names)
    frame = pl.DataFrame({RAW: lines[1:]}, schema={RAW: pl.String})
    frame = frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
    frame = frame.filter(pl.col(RAW).str.strip_chars(f" \t{mark}") != "")
    if '"' in text:  # none of the known forms breaks a line inside quotation marks
        cells = [next(csv.reader([line], delimiter=mark)) for line in frame[RAW]]
        fits = pl.Series([len(row) == width for row in cells], dtype=pl.Boolean)
        split = pl.DataFrame(
            [row for row in cells if len(row) == width],
            schema=dict.fromkeys(names, pl.String),
            orient="row",
        )
    else:
        fits = frame[RAW].str.count_matches(mark, literal=True) == width - 1
        parts = frame[RAW].filter(fits).str.split_exact(mark, width - 1).struct.unnest()
        split = parts.rename(dict(zip(parts.columns, names, strict=True)))
    good = frame.filter(fits).hstack(split.select(pl.all().str.strip_chars()))
    odd = frame.filter(~fits)
    return good, odd if odd.height else None


def _unique(names: Sequence[str]) -> list[str]:
    """Return column names, each once: an index column without a name, and repeats, are numbered."""
    found: list[str] = []
    for number, name in enumerate(names):
        clean = name and name not in found and name not in {ROW, RAW}
        found.append(name if clean else f"{name}#{number}")
    return found


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return typed rows with their numbers and their text."""
    text = pl.concat_str(pl.all().cast(pl.String).fill_null(""), separator=",")
    rows = frame.with_columns(text.alias(RAW)) if frame.width else frame
    return rows.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
