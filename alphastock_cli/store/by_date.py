"""A copy by date of the newest year of a dataset, for questions about a few sessions.

The newest days are asked for all day long, and a year file holds each scattered over a seventh of
it (`tiles.py`). The year files are the truth; this is derived from them, may be deleted at any
time, and is believed only while its index names the very year file that lies there and the very
bytes of the copy. Who may write: `lake.py`.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from alphastock_cli.domain.frames import DATASETS
from alphastock_cli.errors import StorageError
from alphastock_cli.store import atomic
from alphastock_cli.store.files import damaged, read_whole, write_parquet
from alphastock_cli.store.layout import KEYS, VERSION
from alphastock_cli.store.seal import Seal

FOLDER = ".by_date"
YEARS = 1  # of ten it costs a tenth of the bytes; older days are soon found in their tiles
_LONGEST = timedelta(days=15)  # for more the year files are as fast
_SECOND = 16  # the day on which the second half of a month begins
_ROW_GROUP = 4_096  # two days of 2,000 shares; smaller ones cost bytes, larger ones time


class Part(NamedTuple):
    """Size and checksum of the copy of half a month; both 0 where it has no rows."""

    size: int
    content: int


class ByDate:
    """The copy of one dataset: a file half a month, and an index a year that seals both sides.

    Parameters
    ----------
    root : Path
        The lake's folder.
    """

    def __init__(self, root: Path, dataset: str) -> None:
        self.folder = root / FOLDER / dataset
        self.dataset = dataset

    # -- reading ------------------------------------------------------------------------------

    def scan(
        self, years: Sequence[Path], start: date | None, end: date | None
    ) -> pl.LazyFrame | None:
        """Return the rows from `start` to `end`; the days of a symbol ascend.

        Parameters
        ----------
        years : sequence of Path
            The year files that the span touches.

        Returns
        -------
        LazyFrame or None
            None where the span is open or long, or the copy is missing, damaged or not of these
            files: then they are to be read themselves. The bytes are in memory and checked when
            this returns, so that collecting cannot meet damage.
        """
        if start is None or end is None or not timedelta() <= end - start <= _LONGEST:
            return None
        schema = DATASETS[self.dataset]
        frames = []
        for year in years:
            index = self._index(year)
            days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
            asked = sorted({_half(day) for day in days if f"{day:%Y}" == year.stem})
            found = [data for name in asked if (data := self._read(index, name)) is not None]
            if len(found) < len(asked):
                return None
            if held := [data for data in found if data]:
                rows = pl.scan_parquet(held, schema=schema)
                if start == end:  # the rows of one day are in order already
                    return rows.filter(pl.col("date") == start)
                rows = rows.filter(pl.col("date") >= start, pl.col("date") <= end)
                frames.append(rows.sort(KEYS[self.dataset]))
        return pl.concat(frames) if frames else pl.LazyFrame(schema=schema)

    def _index(self, year: Path) -> dict[str, Part]:
        """Return the parts whose copy is of this very year file; empty where that is not sure."""
        try:
            text = self._place(year).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return {}
        head, _, body = text.partition("\n")
        if head != _head(body):
            return {}
        source, *parts = body.splitlines()
        if not Seal(*map(int, source.split())).fits(year):
            return {}
        words = (line.split() for line in parts)
        return {name: Part(int(size), int(content)) for name, size, content in words}

    def _read(self, index: Mapping[str, Part], name: str) -> bytes | None:
        """Return the checked bytes of a part, none where it has no rows; None: not to be had."""
        part = index.get(name)
        if part is None or part.size == 0:
            return None if part is None else b""
        try:
            with self._file(name).open("rb") as file:
                data = file.read(part.size + 1)
        except OSError:
            return None
        return data if Part(len(data), zlib.crc32(data)) == part else None

    # -- writing, by who holds the lake's lock --------------------------------------------------

    def replace(self, year: Path, frame: pl.DataFrame, *, changed: pl.Series) -> None:
        """Write a year file, then renew its copy.

        The index goes first and comes last: whatever ends the run, nothing stale is believed.

        Parameters
        ----------
        frame : DataFrame
            All rows of the year.
        changed : Series of Date
            The days whose rows may differ from those stored; other parts are kept where sound.

        Raises
        ------
        StorageError
            The disk says no; each file is the old one or the new one, whole.
        """
        keep = {n: part for n, part in self._index(year).items() if self._is_there(n, part)}
        for day in changed.unique():
            keep.pop(_half(day), None)
        _unlink(self._place(year))
        seals: list[Seal] = []
        write_parquet(year, frame, self.dataset, inspect=lambda file: seals.append(Seal.of(file)))
        try:
            self._renew(year, frame, seals[0], keep=keep)
        except StorageError as error:
            safe = f"The rows of {year.name} are stored; only their copy by date is not."
            raise StorageError(error.what, safe=safe, hint=error.hint) from error

    def mend(self, year: Path) -> bool:
        """Make the copy of a year anew if it is not what its file holds; tell whether it was.

        Raises
        ------
        DamagedData, StorageError
            The year file cannot be read; the disk says no.
        """
        try:
            source = Seal.of(year)  # before the rows: of a file that comes between it is no seal
        except OSError as error:
            raise damaged(year, str(error)) from error
        frame = read_whole(year, self.dataset)
        if self._holds(year, frame):
            return False
        self._renew(year, frame, source, keep={})
        return True

    def prune(self, years: Collection[str]) -> None:
        """Remove the copies of other years, and what killed runs left."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.iterdir()):
            if path.name[:4] not in years and not path.is_dir():
                _unlink(path)

    def _renew(
        self, year: Path, frame: pl.DataFrame, source: Seal, *, keep: Mapping[str, Part]
    ) -> None:
        """Copy the parts that are not in `keep`, then seal the index."""
        lines = [" ".join(map(str, source))]
        filled = {_half(day) for day in frame["date"].drop_nulls().unique()}
        for name, first, last in _halves(year.stem):
            if name in keep:
                part = keep[name]
            elif name in filled:
                part = self._copy(name, self._rows(frame, first, last))
            else:
                part = self._empty(name)
            lines.append(f"{name} {part.size} {part.content}")
        body = "\n".join(lines) + "\n"
        _write(self._place(year), f"{_head(body)}\n{body}".encode("ascii"))

    def _copy(self, name: str, rows: pl.DataFrame) -> Part:
        held = io.BytesIO()
        rows.write_parquet(held, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
        data = held.getvalue()
        _write(self._file(name), data)
        return Part(len(data), zlib.crc32(data))

    def _empty(self, name: str) -> Part:
        _unlink(self._file(name))
        return Part(0, 0)

    def _holds(self, year: Path, frame: pl.DataFrame) -> bool:
        """Tell whether the copy holds exactly the rows of `frame`, by reading all of it."""
        index = self._index(year)
        for name, first, last in _halves(year.stem):
            data = self._read(index, name)
            if data is None:
                return False
            rows = self._rows(frame, first, last)
            if not (pl.read_parquet(data).equals(rows) if data else rows.is_empty()):
                return False
        return True

    def _rows(self, frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
        rows = frame.filter(pl.col("date").is_between(first, last))
        return rows.sort("date", *(key for key in KEYS[self.dataset] if key != "date"))

    def _is_there(self, name: str, part: Part) -> bool:
        try:
            return part.size == 0 or self._file(name).stat().st_size == part.size
        except OSError:
            return False

    def _place(self, year: Path) -> Path:
        return self.folder / f"{year.stem}.index"

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"


def _half(day: date) -> str:
    """Return the name of the part a day belongs to: its first day."""
    return f"{day:%Y-%m}-{'01' if day.day < _SECOND else _SECOND}"


def _halves(year: str) -> list[tuple[str, date, date]]:
    """Return name, first and last day of each part of a year."""
    firsts = [date(int(year), month, day) for month in range(1, 13) for day in (1, _SECOND)]
    ends = [*firsts[1:], date(int(year) + 1, 1, 1)]
    return [(_half(a), a, b - timedelta(days=1)) for a, b in zip(firsts, ends, strict=True)]


def _head(body: str) -> str:
    """Return the first line of an index: what it is, of which schema, and its checksum."""
    return f"alphastock by date 1, schema {VERSION}, {zlib.crc32(body.encode()):08x}"


def _write(path: Path, data: bytes) -> None:
    # a new file, wherever a link led; not synced: what a power failure leaves of it does not meet
    # its checksum
    _unlink(path)
    atomic.write_bytes(path, data, mode=0o600, sync=False)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise atomic.storage_error(path, error) from error
