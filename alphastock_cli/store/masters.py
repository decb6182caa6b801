"""Instrument masters from a file: its bytes, which broker's form it has, and its columns as types.

What a row is worth is decided in `master_checks.py`, of which day the master is by the caller.
Nothing is stored.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import polars as pl

from alphastock_cli.errors import BadReply, StorageError, UsageError
from alphastock_cli.safety import safe_text

ROW = "__row"  # 1 is the first row after the header
MORE = "__more"  # what stands beyond the last column of the header
MAX_BYTES = 1 << 30  # unpacked; a master of every exchange is 20 MB
FUTURE, OPTION, INDEX, CASH = "FUT", "OPT", "INDICES", "EQ"
_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK", b"PAR1"
_SHOWN = 160
_EDGES = ' \t\r"'
_MAX_WHOLE = 2**53  # whole numbers are read through float64

# our word for each column, by form; every one of them has to be there
_KITE = MappingProxyType(
    {
        "exchange": "exchange", "segment": "segment", "tradingsymbol": "tradingsymbol",
        "name": "name", "instrument_token": "instrument_token", "exchange_token": "exchange_token",
        "type": "instrument_type", "expiry": "expiry", "strike": "strike",
        "lot_size": "lot_size", "tick_size": "tick_size",
    }
)  # fmt: skip
_OTHER = MappingProxyType(
    {
        "exchange": "Exch", "segment": "Exchange Segment", "tradingsymbol": "Trading Symbol",
        "name": "Symbol", "exchange_token": "Token", "type": "Instrument Type",
        "option_type": "Option Type", "expiry": "Expiry Date", "strike": "Strike Price",
        "lot_size": "Lot Size", "tick_size": "Tick Size",
    }
)  # fmt: skip
_FORMS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"kite_instruments": _KITE, "broker_contracts": _OTHER}
)
# the other form's words for what a row is
_TYPES = MappingProxyType(
    {
        "FUTCOM": FUTURE, "FUTIDX": FUTURE, "FUTCUR": FUTURE, "FUTSTK": FUTURE,
        "OPTFUT": OPTION, "OPTCUR": OPTION, "OPTIDX": OPTION, "OPTSTK": OPTION,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A master as read: one row a line, typed, not judged.

    Attributes
    ----------
    rows : DataFrame
        `ROW` and `MORE`; ``exchange, segment, tradingsymbol, name, exchange_token, option_type,
        expiry_text`` as text (null where empty); ``kind``, one of `FUTURE`, `OPTION`, `INDEX`,
        `CASH`, null where the type is not known; ``instrument_token, lot_size`` Int64, ``strike,
        tick_size`` Float64, ``expiry`` Date, null where the text cannot be read.
    cells : DataFrame
        The text as read, row by row beside `rows`.
    has_tokens : bool
        Whether the form has a broker's instrument token at all.
    """

    file: str
    form: str
    rows: pl.DataFrame
    cells: pl.DataFrame
    has_tokens: bool


def read_master(path: Path) -> Sheet:
    """Read a master of a known form, plain or gzip.

    Raises
    ------
    UsageError
        No such file.
    StorageError
        The file may not be read.
    BadReply
        It is no table, is empty, or lacks columns of every known form.
    """
    try:
        header, cells = _cells(_bytes(path))
    except (ValueError, csv.Error, pl.exceptions.PolarsError, pl.exceptions.PanicException) as bad:
        raise _unusable(path, str(bad)) from bad
    form, columns = _form(header, path)
    if cells.is_empty():
        raise _unusable(path, "it holds no row")
    return Sheet(
        file=safe_text(path.name), form=form, rows=cells.select(ROW, MORE, *_typed(columns)),
        cells=cells.drop(ROW), has_tokens="instrument_token" in columns,
    )  # fmt: skip


# -- bytes ----------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    """Return what a file holds, unpacked where it is gzip."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"--from-file {path}: {what}", hint="Name a .csv or .csv.gz.")
    try:
        large = path.stat().st_size > MAX_BYTES
        data = b"" if large else path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read: {error.strerror}",
            safe="Nothing was changed.",
            hint="Check the owner and the mode of the file.",
        ) from error
    if data.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise _unusable(path, f"the archive is damaged: {error}") from error
    if large or len(data) > MAX_BYTES:
        raise _unusable(path, f"it is larger than {MAX_BYTES >> 20} MiB")
    if data.startswith((_ZIP, _PARQUET)):
        raise _unusable(path, "it is a zip archive or Parquet, not CSV")
    return data.removeprefix(b"\xef\xbb\xbf")


def _cells(data: bytes) -> tuple[list[str], pl.DataFrame]:
    """Return the header, and every line below it as text: `ROW`, the columns, `MORE`."""
    first, _, rest = data.partition(b"\n")
    line = first.decode("utf-8", errors="replace").strip()
    if "\x00" in line or not line:
        raise ValueError("it is not text with a header")
    header = _unique([name.strip() for name in next(csv.reader([line]))])
    schema: dict[str, pl.DataType] = dict.fromkeys([*header, MORE], pl.String())
    if not rest.strip():
        return header, pl.DataFrame(schema={ROW: pl.Int64(), **schema})
    try:
        frame = _rows(rest, schema, quotes=True)
        torn = b'"' in rest and frame.height != _count(rest)  # a mark that is not closed eats lines
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        torn = True
    return header, _rows(rest, schema, quotes=False) if torn else frame


def _rows(data: bytes, schema: Mapping[str, pl.DataType], *, quotes: bool) -> pl.DataFrame:
    """Return the lines that hold anything as cells, numbered as they stand in the file."""
    # under a header of our own with one column more, so that what a line has too many is seen
    ours = ",".join(str(number) for number in range(len(schema))).encode()
    frame = pl.read_csv(
        ours + b"\n" + data, new_columns=list(schema), infer_schema=False,
        truncate_ragged_lines=True, encoding="utf8-lossy", quote_char='"' if quotes else None,
    )  # fmt: skip
    numbered = frame.with_row_index(ROW, offset=1).cast({ROW: pl.Int64})
    return numbered.filter(pl.any_horizontal(pl.all().exclude(ROW).is_not_null()))


def _count(data: bytes) -> int:
    return sum(1 for line in data.split(b"\n") if line.strip(b", \t\r"))


def _unique(names: list[str]) -> list[str]:
    """Return column names, each once: an index column without a name, and repeats, are numbered."""
    found: list[str] = []
    for number, name in enumerate(names):
        clean = name and name not in found and name not in {ROW, MORE}
        found.append(name if clean else f"{name}#{number}")
    return found


def _form(header: list[str], path: Path) -> tuple[str, Mapping[str, str]]:
    """Return the form whose columns the file has, and where each of our words stands in it."""
    lacking = {
        form: [column for column in columns.values() if column not in header]
        for form, columns in _FORMS.items()
    }
    form = min(lacking, key=lambda each: len(lacking[each]))
    if lacking[form]:
        shown = safe_text(", ".join(header), limit=_SHOWN)
        raise BadReply(
            f"{path.name} is no instrument master: it lacks {', '.join(lacking[form])};"
            f" its columns: {shown}",
            safe="Nothing was stored.",
            hint=f"A master has the columns {', '.join(_KITE.values())}.",
        )
    return form, _FORMS[form]


def _unusable(path: Path, why: str) -> BadReply:
    first = safe_text(why.splitlines()[0] if why else "unreadable")
    return BadReply(
        f"{path.name} cannot be used: {first}",
        safe="Nothing was stored.",
        hint="Give the instrument master of a broker as .csv or .csv.gz.",
    )


# -- types ----------------------------------------------------------------------------------------


def _typed(columns: Mapping[str, str]) -> list[pl.Expr]:
    """Return our columns of a form's cells."""
    text = {ours: _text(theirs) for ours, theirs in columns.items()}
    if "option_type" in text:
        kind = text["type"].replace_strict(_TYPES, default=None, return_dtype=pl.String)
        option_type = pl.when(kind == OPTION).then(text["option_type"])
        segment = pl.concat_str(text["exchange"], pl.lit("-"), kind)
    else:
        is_option = text["type"].is_in(["CE", "PE"])
        option_type = pl.when(is_option).then(text["type"])
        segment = text["segment"]
        kind = (
            pl.when(is_option).then(pl.lit(OPTION))
            .when(text["type"] == FUTURE).then(pl.lit(FUTURE))
            .when(segment == INDEX).then(pl.lit(INDEX))
            .when(text["type"] == CASH).then(pl.lit(CASH))
        )  # fmt: skip
    token = text.get("instrument_token")
    return [
        text["exchange"].alias("exchange"), segment.alias("segment"),
        text["tradingsymbol"].alias("tradingsymbol"), text["name"].alias("name"),
        text["exchange_token"].alias("exchange_token"), option_type.alias("option_type"),
        kind.alias("kind"), text["expiry"].alias("expiry_text"),
        _day(text["expiry"]).alias("expiry"),
        (pl.lit(None, pl.Int64) if token is None else _whole(token)).alias("instrument_token"),
        _whole(text["lot_size"]).alias("lot_size"),
        _number(text["strike"]).alias("strike"), _number(text["tick_size"]).alias("tick_size"),
    ]  # fmt: skip


def _text(column: str) -> pl.Expr:
    """Return the cells of a column without blanks or quotation marks around them; null if empty."""
    stripped = pl.col(column).str.strip_chars(_EDGES)
    return pl.when(stripped != "").then(stripped)


def _number(text: pl.Expr) -> pl.Expr:
    """Return finite numbers; "NaN" and "inf" are none."""
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _whole(text: pl.Expr) -> pl.Expr:
    """Return whole numbers, also where a spreadsheet or pandas wrote 75.0."""
    number = _number(text)
    whole = (number == number.round()) & (number.abs() < _MAX_WHOLE)
    return pl.when(whole).then(number).cast(pl.Int64)


def _day(text: pl.Expr) -> pl.Expr:
    """Return dates, of the form 2025-12-30 or, as a spreadsheet saves them, 30-12-2025."""
    written = text.str.to_date("%Y-%m-%d", strict=False)
    return pl.coalesce(written, text.str.to_date("%d-%m-%Y", strict=False))
