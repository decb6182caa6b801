"""Read a folder of end-of-day files: recognise each by its header, check its rows, date them.

The only capability of this provider: it has no quotes and no history of its own. Load the files
with `fetch eod`, then ask the provider `lake`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar, NoReturn

import polars as pl

from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.domain.instrument import Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, EodBatch
from alphastock_cli.errors import NotOffered, OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.nse import walk
from alphastock_cli.providers.nse.forms import FORMS, UDIFF_NAMES, Form, Part, recognise
from alphastock_cli.providers.nse.rows import ROW, check, reject_file, stripped
from alphastock_cli.registry import PROVIDERS

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_IN_NAME = (
    (re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)"), "%Y%m%d"),
    (re.compile(r"(?<!\d)(\d\d)(\d\d)(20\d\d)(?!\d)"), "%d%m%Y"),
    (re.compile(rf"(?<!\d)(\d\d)({'|'.join(_MONTHS)})(20\d\d)(?!\d)", re.IGNORECASE), "%d%b%Y"),
    (re.compile(r"(?<![\d-])(\d\d)(\d\d)(\d\d)(?![\d-])"), "%d%m%y"),
)


@PROVIDERS.register("nse")
class NseFiles:
    """Files of NSE and BSE equities and indices, as published."""

    name: ClassVar[str] = "nse"
    simulated: ClassVar[bool] = False
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.EOD_FILES})

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[EodBatch]:
        """Yield a batch for each file below `folder`, archives opened, in order of names.

        Parameters
        ----------
        on : date, optional
            The session of files that carry no date in rows or name.
        """
        for path in walk.files(folder):
            for found in walk.open_file(path, str(path.relative_to(folder))):
                if found.refused:
                    yield refused(found.name, found.refused)
                else:
                    yield read_file(found.name, found.data, on=on)

    def as_of(self) -> NoReturn:
        """Refuse: files have no moment of their own."""
        self._not_offered("a moment")

    def instruments(self, exchange: Exchange) -> NoReturn:
        """Refuse."""
        self._not_offered(f"instruments of {exchange}")

    def quotes(self, keys: Sequence[str]) -> NoReturn:
        """Refuse."""
        self._not_offered(f"quotes of {len(keys)} instruments")

    def candles(
        self, instrument: Instrument, interval: Interval, start: datetime, end: datetime
    ) -> NoReturn:
        """Refuse."""
        self._not_offered(f"{interval} candles of {instrument.key} from {start} to {end}")

    def equities_day(self, **_: object) -> NoReturn:
        """Refuse: the rows are in the lake once they are loaded."""
        self._not_offered("stored days")

    def indices_day(self, **_: object) -> NoReturn:
        """Refuse: the rows are in the lake once they are loaded."""
        self._not_offered("stored days")

    def adjustments(self, exchange: Exchange) -> NoReturn:
        """Refuse."""
        self._not_offered(f"adjustments of {exchange}")

    def symbol_changes(self) -> NoReturn:
        """Refuse."""
        self._not_offered("symbol changes")

    def members(self, index: str, on: date) -> NoReturn:
        """Refuse."""
        self._not_offered(f"members of {index} on {on}")

    def _not_offered(self, what: str) -> NoReturn:
        raise NotOffered(
            f"`nse` reads end-of-day files and has no {what}",
            hint="Load them with `alphastock fetch eod --from-dir FOLDER`, then --provider lake.",
        )


def refused(name: str, reason: str, *, form: str = "") -> EodBatch:
    """Return the batch of a file of which nothing can be used."""
    return EodBatch(file=name, form=form, rejects=reject_file(name, reason, form=form))


def read_file(name: str, data: bytes, *, on: date | None = None) -> EodBatch:
    """Return what one file holds: typed rows by dataset, refused rows, notes."""
    try:
        form, text, ragged = _table(data)
    except _NotOursError as error:
        return refused(name, str(error))
    except (pl.exceptions.PolarsError, csv.Error, ValueError) as error:
        return refused(
            name, f"not a table: {str(error).splitlines()[0] if str(error) else error!r}"
        )
    text = stripped(text)
    form_name, trouble = _form_name(form, text)
    if trouble:
        return refused(name, trouble, form=form_name)
    named = date_in_name(name)
    notes: list[str] = []
    day = None if form.dated else (named or on)
    if day is not None and (why := no_session(day)):
        return refused(name, why, form=form_name)
    frames: dict[str, pl.DataFrame] = {}
    rejects = [_ragged(name, form_name, form.parts[0].dataset, ragged)] if ragged else []
    for part in form.parts:
        rows, bad = _part(part, text, form_name=form_name, file=name, day=day)
        if form.dated:
            rows, closed = _on_sessions(rows, part.dataset, form_name, name)
            bad = pl.concat([bad, closed])
            notes += _stale(rows, named)
        frames[part.dataset] = rows
        rejects.append(bad)
    kept = {dataset: rows for dataset, rows in frames.items() if rows.height}
    return EodBatch(
        file=name, form=form_name, frames=kept, rejects=pl.concat(rejects), notes=tuple(notes),
        undated=not form.dated and day is None,
    )  # fmt: skip


def date_in_name(name: str) -> date | None:
    """Return the date a file's own name carries, or None.

    >>> date_in_name("all.zip!cm01NOV2019bhav.csv"), date_in_name("EQ010421.CSV")
    (datetime.date(2019, 11, 1), datetime.date(2021, 4, 1))
    """
    own = Path(name.rsplit("!", 1)[-1]).name
    for pattern, style in _IN_NAME:
        for found in pattern.finditer(own):
            try:
                return datetime.strptime("".join(found.groups()), style).date()  # noqa: DTZ007 - a date
            except ValueError:
                continue
    return None


def no_session(day: date) -> str:
    """Return why `day` cannot be a session, or "" where it is one or the tables do not reach it."""
    try:
        return "" if calendar.is_session(calendar.Segment.EQUITY, day) else f"{day} is no session"
    except OutOfRange:
        return ""


class _NotOursError(Exception):
    """The header is of no form we know; the message names it."""


def _table(data: bytes) -> tuple[Form, pl.DataFrame, list[tuple[int, str]]]:
    """Return form, the columns it needs with row numbers, and lines that do not fit the header."""
    ragged: list[tuple[int, str]] = []
    if data[:4] == b"PAR1":
        frame = _parquet(data)
    else:
        body = data.removeprefix(b"\xef\xbb\xbf")
        if not body.strip():
            raise ValueError("it is empty")
        if b"\x00" in body[:4096]:
            raise ValueError("it is not text")
        try:
            frame = _csv(body)
        except pl.exceptions.PolarsError:
            frame, ragged = _csv_slowly(body)
    names = [str(column).strip() for column in frame.columns]
    form = recognise(names)
    if form is None:
        raise _NotOursError(_unknown(names))
    used = form.header | {field.column for part in form.parts for field in part.fields}
    kept = {new: old for old, new in zip(frame.columns, names, strict=True) if new in used}
    frame = frame.select(pl.col(old).alias(new) for new, old in kept.items())
    numbered = frame.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
    return form, numbered, ragged


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
        raise _NotOursError(_unknown(["(a Parquet file with other columns)"]))
    return pl.read_parquet(io.BytesIO(data))


def _csv(body: bytes) -> pl.DataFrame:
    return pl.read_csv(body, infer_schema=False, encoding="utf8-lossy", raise_if_empty=True)


def _csv_slowly(body: bytes) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Read line by line where some lines have too many cells, and return those lines apart."""
    lines = body.decode("utf-8", errors="replace").splitlines()
    header = next(csv.reader(lines[:1]))
    good: list[list[str]] = []
    bad: list[tuple[int, str]] = []
    for number, line in enumerate(lines[1:], 1):
        cells = next(csv.reader([line]), [])
        if len(cells) > len(header):
            bad.append((number, line))
        elif cells:
            good.append([*cells, *[""] * (len(header) - len(cells))])
    unique = [name if header.index(name) == i else f"{name}_{i}" for i, name in enumerate(header)]
    columns = {name: [row[i] for row in good] for i, name in enumerate(unique)}
    return pl.DataFrame(columns, schema=dict.fromkeys(unique, pl.String)), bad


def _form_name(form: Form, text: pl.DataFrame) -> tuple[str, str]:
    """Return the name of the form, and why the file is not ours after all."""
    if form.name not in UDIFF_NAMES.values():
        return form.name, ""
    segments = text["Sgmt"].drop_nulls().unique().sort().to_list()
    sources = text["Src"].drop_nulls().unique().sort().to_list()
    if segments != ["CM"]:
        return form.name, f"UDiFF of segment {', '.join(segments)}: only CM is read"
    if len(sources) != 1 or sources[0] not in UDIFF_NAMES:
        return form.name, f"UDiFF of {', '.join(sources)}: only one of NSE, BSE is read"
    return UDIFF_NAMES[sources[0]], ""


def _part(
    part: Part, text: pl.DataFrame, *, form_name: str, file: str, day: date | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    chosen = text if part.keep is None else text.filter(part.keep())
    have = [field for field in part.fields if field.column in text.columns]
    used = [ROW, *dict.fromkeys(field.column for field in have)]

    def finish(frame: pl.DataFrame) -> pl.DataFrame:
        done = part.finish(frame).with_columns(pl.lit(form_name).alias("source"))
        return done if day is None else done.with_columns(pl.lit(day).alias("date"))

    checked = check(
        chosen.select(used), have, dataset=part.dataset, form=form_name, file=file,
        schema=DATASETS[part.dataset], finish=finish,
    )  # fmt: skip
    return checked.rows, checked.rejects


def _on_sessions(
    rows: pl.DataFrame, dataset: str, form: str, file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse rows of days on which the exchange was closed: one reject a day."""
    closed = [(day, why) for day in rows["date"].unique().sort() if (why := no_session(day))]
    rejects = [reject_file(file, f"{why}: {rows.filter(date=day).height} rows", form=form,
                           dataset=dataset).with_columns(pl.lit(day).alias("date"))
               for day, why in closed]  # fmt: skip
    kept = rows.filter(~pl.col("date").is_in([day for day, _ in closed])) if closed else rows
    return kept, pl.concat([reject_file(file, "").clear(), *rejects])


def _stale(rows: pl.DataFrame, named: date | None) -> list[str]:
    """Note a file that is named for one day and holds another: the rows rule."""
    days = rows["date"].unique().to_list()
    if named is None or len(days) != 1 or days[0] == named:
        return []
    return [f"named {named}, holds {days[0]}: a copy of that session"]


def _ragged(file: str, form: str, dataset: str, lines: Sequence[tuple[int, str]]) -> pl.DataFrame:
    frames = [
        reject_file(file, "more cells than the header names", form=form, dataset=dataset)
        .with_columns(pl.lit(number, pl.Int64).alias("row"), pl.lit(line[:500]).alias("raw"))
        for number, line in lines
    ]  # fmt: skip
    return pl.concat(frames)


def _unknown(columns: Sequence[str]) -> str:
    shown = ", ".join(columns)[:120]
    known = "; ".join(form.title for form in FORMS)
    return f"unknown header: {shown}. Known forms: {known}"
