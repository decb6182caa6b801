"""Candles from a CSV or Parquet file of anybody's making: its bytes, its columns, its times.

What the columns are called is told here by their names or by the person; what the rows are worth is
decided in `candle_checks.py`. Nothing is stored.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import polars as pl

from alphastock_cli.domain.frames import TIME
from alphastock_cli.errors import BadReply, StorageError, UnknownName, UsageError
from alphastock_cli.safety import safe_text

ROW = "__row"  # 1 is the first row after the header
RAW = "__raw"
MAX_BYTES = 1 << 30  # unpacked; a year of minutes of one symbol is 6 MB
_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK", b"PAR1"
_SEPARATORS = (",", ";", "\t", "|")
_INDIA = 330  # minutes before Greenwich
# a field, and the names of columns that mean it; the first one found counts
FIELDS = MappingProxyType(
    {
        "timestamp": ("timestamp", "datetime", "date_time"),
        "date": ("date",),
        "time": ("time",),
        "open": ("open",),
        "high": ("high",),
        "low": ("low",),
        "close": ("close",),
        "volume": ("volume",),
        "open_interest": ("open_interest", "oi"),
        "symbol": ("symbol", "instrument", "tradingsymbol"),
    }
)
PRICES = ("open", "high", "low", "close")
_STAMP = (
    r"^(?<day>\d{4}-?\d{2}-?\d{2})"
    r"(?:[T ]+(?<hour>\d{1,2}):(?<minute>\d{2})(?::(?<second>\d{2})(?<fraction>\.\d+)?)?)?"
    r"\s*(?<zone>Z|[+-]\d{2}:?\d{2})?$"
)
_FORMS = "2024-01-31 09:15:00+05:30, 2024-01-31T09:15, or 20240131 beside a time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a file: `ROW`, `RAW` (the row as read), and a column a field that it has.

    `timestamp` is in Indian time, null where it cannot be read; the rest is as in the file. `odd`
    holds rows that have more or fewer cells than the header.
    """

    form: str
    rows: pl.DataFrame
    odd: pl.DataFrame


def read_table(path: Path, mapping: Mapping[str, str]) -> Table:
    """Read a file and name its columns.

    Parameters
    ----------
    mapping : mapping of str to str
        Field to column, over what the names say; the other way round where only that makes sense.

    Raises
    ------
    UsageError, UnknownName
        No such file; a mapping names an unknown field or column.
    StorageError
        The file may not be read.
    BadReply
        It is no table, or has no column of times or prices.
    """
    data = _bytes(path)
    try:
        if data[:4] == _PARQUET:
            form, cells, odd = "candles_parquet", _parquet(data), None
        else:
            form, (cells, odd) = "candles_csv", _csv(data)
    except (
        ValueError,
        csv.Error,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        raise _no_table(path, str(error)) from error
    if cells.is_empty() and odd is None:
        raise _no_table(path, "it holds no row")
    columns = [name for name in cells.columns if name not in {ROW, RAW}]
    found = _columns(columns, mapping, path)
    rows = cells.select(
        ROW, RAW, _stamps(cells, found).alias("timestamp"),
        *(pl.col(found[field]).alias(field) for field in FIELDS
          if field in found and field not in {"timestamp", "date", "time"}),
    )  # fmt: skip
    empty = pl.DataFrame(schema={ROW: pl.Int64, RAW: pl.String})
    return Table(form=form, rows=rows, odd=empty if odd is None else odd)


# -- bytes ----------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    """Return what a file holds, unpacked where it is gzip."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"--from-file {path}: {what}", hint="Name a .csv, .csv.gz or .parquet.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _no_table(path, f"it is larger than {MAX_BYTES >> 20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror}",
            safe="Nothing was changed.",
            hint="Check the owner and the mode of the file.",
        ) from error
    if data[:2] == _ZIP:
        raise _no_table(path, "it is a zip archive: unpack it and name the file inside")
    if data[:2] != _GZIP:
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _no_table(path, f"the archive is damaged: {error}") from error
    if len(unpacked) > MAX_BYTES:
        raise _no_table(path, f"unpacked it is larger than {MAX_BYTES >> 20} MiB")
    return unpacked


def _no_table(path: Path, why: str) -> BadReply:
    first = safe_text(why.splitlines()[0] if why else "unreadable")
    return BadReply(
        f"{path.name} cannot be used: {first}",
        safe="Nothing was stored.",
        hint="Give a .csv, .csv.gz or .parquet file of candles, one row a candle.",
    )


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


# -- columns --------------------------------------------------------------------------------------


def _columns(names: Sequence[str], mapping: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return the column of each field that the file has."""
    given = dict(_oriented(field, column, names) for field, column in mapping.items())
    by_fold = {name.casefold(): name for name in reversed(names)}
    found = dict(given)
    for field, words in FIELDS.items():
        known = [by_fold[word] for word in words if word in by_fold]
        left = [name for name in known if name not in given.values()]
        if field not in found and left:
            found[field] = left[0]
    if given.keys() & {"date", "time"} and "timestamp" not in given:
        found.pop("timestamp", None)  # the person's word for the moment beats a guess
    missing = [name for name in PRICES if name not in found]
    if not found.keys() & {"timestamp", "date", "time"}:
        missing.insert(0, "timestamp")
    if missing:
        shown = safe_text(", ".join(names), limit=160)
        raise BadReply(
            f"{path.name} has no column for {', '.join(missing)}; its columns: {shown}",
            safe="Nothing was stored.",
            hint=f"Say which it is: --map {missing[0]}=COLUMN.",
        )
    return found


def _oriented(field: str, column: str, names: Sequence[str]) -> tuple[str, str]:
    """Return field and column of a mapping, turned round where only that makes sense."""
    if column not in names and field in names and column in FIELDS:
        field, column = column, field
    if field not in FIELDS:
        raise UnknownName.of("field of --map", field, FIELDS, hint=f"Known: {', '.join(FIELDS)}.")
    if column not in names:
        raise UnknownName.of(
            "column of --map", column, names,
            hint=f"The file has: {safe_text(', '.join(names), limit=160)}.",
        )  # fmt: skip
    return field, column


# -- times ----------------------------------------------------------------------------------------


def _stamps(cells: pl.DataFrame, found: Mapping[str, str]) -> pl.Series:
    """Return the moments of the rows in Indian time; a moment without a zone is Indian."""
    one = found.get("timestamp") or found.get("date") or found["time"]
    kind = cells[one].dtype
    if isinstance(kind, pl.Datetime):
        exact = cells[one].dt.cast_time_unit("us")
        return (
            exact.dt.replace_time_zone("Asia/Kolkata", ambiguous="null", non_existent="null")
            if kind.time_zone is None
            else exact.dt.convert_time_zone("Asia/Kolkata")
        )
    text = cells[one].cast(pl.String).str.strip_chars()
    if "timestamp" not in found and one == found.get("date") and "time" in found:
        clock = cells[found["time"]].cast(pl.String).str.strip_chars()
        whole = text.str.contains(":")  # the date column holds the time of day itself
        text = pl.select(pl.when(whole).then(text).otherwise(text + " " + clock)).to_series()
    return _parsed(text)


def _parsed(text: pl.Series) -> pl.Series:
    parts = pl.DataFrame({"text": text}).select(
        pl.col("text").str.extract_groups(_STAMP).alias("parts")
    )
    clock = pl.concat_str(
        pl.col("day").str.replace_all("-", "", literal=True), pl.lit(" "),
        pl.col("hour").fill_null("0").str.zfill(2), pl.lit(":"), pl.col("minute").fill_null("00"),
        pl.lit(":"), pl.col("second").fill_null("00"),
    )  # fmt: skip
    zone = pl.col("zone").str.replace(":", "", literal=True)
    east = (
        pl.when(zone == "Z").then(0)
        .when(zone.is_null()).then(_INDIA)
        .otherwise(
            zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
            + zone.str.slice(3, 2).cast(pl.Int64, strict=False)
        )
        * pl.when(zone.str.starts_with("-").fill_null(value=False)).then(-1).otherwise(1)
    )  # fmt: skip
    fraction = pl.col("fraction").cast(pl.Float64, strict=False).fill_null(0.0) * 1e6
    local = clock.str.to_datetime("%Y%m%d %H:%M:%S", time_unit="us", strict=False)
    utc = local - pl.duration(minutes=east) + pl.duration(microseconds=fraction.cast(pl.Int64))
    made = parts.unnest("parts").select(utc.dt.replace_time_zone("UTC").cast(TIME))
    return made.to_series()
