"""The lake: market data at rest, as Parquet files that any other program can read too.

One file a year (a month, or one file) a dataset, sorted by its key, symbol and date first, or in
the order of `tiles.py`. A load rewrites only the files it changes. One file and its checks:
`files.py`; names: `layout.py`; the copy that answers a day of the newest year: `by_date.py`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from alphastock_cli.domain.frames import DATASETS, conform
from alphastock_cli.errors import BadReply, StorageError, UnknownName
from alphastock_cli.store import atomic
from alphastock_cli.store.by_date import YEARS, ByDate
from alphastock_cli.store.files import (
    NewerData,
    check_footer,
    make_private,
    read_whole,
    write_parquet,
)
from alphastock_cli.store.layout import (
    COPIED,
    DAILY,
    DATED,
    KEYS,
    MONTHLY,
    SERIES,
    WHOLE,
    day_column,
    is_ours,
    name_column,
    overlaps,
)
from alphastock_cli.store.lock import lock
from alphastock_cli.store.merge import merge

INDIA = ZoneInfo("Asia/Kolkata")
_STAMP = ".loaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertReport:
    """What an upsert did to the incoming rows, and which files it rewrote."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    files: tuple[str, ...] = ()


class Lake:
    """Datasets below one folder.

    Parameters
    ----------
    root : Path
        Folder of the datasets; made by the first write, never by a read.
    lock_wait : float
        Seconds a write waits for another process that is writing.
    copied_years : int
        The newest years kept by date as well.
    """

    def __init__(self, root: Path, *, lock_wait: float = 0.0, copied_years: int = YEARS) -> None:
        self.root = root
        self.lock_wait = lock_wait
        self.copied_years = copied_years
        self._depth = 0  # how many `writing` blocks of this object are open
        self._told: Callable[[str], None] = lambda _: None

    # -- reading ------------------------------------------------------------------------------

    def datasets(self) -> list[str]:
        """Return the names of the datasets that have a file, in the order of `DATASETS`."""
        return [name for name in DATASETS if self.files(name)]

    def files(self, dataset: str) -> list[Path]:
        """Return the files of a dataset, oldest year first; a file of another name is not ours."""
        folder = self.root / known(dataset)
        try:  # a glob costs twice as much, and this is asked before every question
            names = sorted(name for name in os.listdir(folder) if name.endswith(".parquet"))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [path for name in names if is_ours(path := folder / name, dataset)]

    def strangers(self, dataset: str) -> list[Path]:
        """Return the Parquet files that lie among those of a dataset and are not read."""
        folder = self.root / known(dataset)
        return sorted(path for path in folder.glob("*.parquet") if not is_ours(path, dataset))

    def scan(
        self,
        dataset: str,
        *,
        start: date | None = None,
        end: date | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """Return the rows of a dataset lazily, opening only the years between `start` and `end`.

        Both ends are inclusive. The days of a symbol ascend; its rows need not lie together
        (`tiles.py`), and those of other years follow.
        Empty, with the dataset's columns, where nothing is stored. A few sessions of the newest
        years come from the copy by date, where there is a sound one: the same rows, sooner.

        Raises
        ------
        DamagedData
            A file cannot be read, or was written with another schema.
        """
        schema = DATASETS[known(dataset)]
        names = list(schema) if columns is None else list(columns)
        chosen = [path for path in self.files(dataset) if overlaps(path.stem, start, end)]
        if not chosen:
            return pl.LazyFrame(schema=schema).select(names)
        if dataset in COPIED:
            copied = ByDate(self.root, dataset).scan(chosen, start, end)
            if copied is not None:
                return copied.select(names)
        for path in chosen:
            check_footer(path, dataset)
        rows = pl.scan_parquet(chosen, glob=False, schema=schema)
        if dataset in DATED:
            when = pl.col(day_column(dataset))
            if start is not None and start == end and dataset in DAILY:
                return rows.filter(when == start).select(names)
            if start is not None:
                rows = rows.filter(when >= _first_moment(dataset, start))
            if end is not None:
                rows = rows.filter(when < _first_moment(dataset, end + timedelta(days=1)))
        return rows.select(names)

    def last_load(self, dataset: str) -> datetime | None:
        """Return when a load of the dataset last succeeded, in Indian time; None if never."""
        try:
            stamp = (self.root / known(dataset) / _STAMP).stat().st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(stamp, tz=INDIA)

    # -- writing ------------------------------------------------------------------------------

    def upsert(self, dataset: str, frame: pl.DataFrame) -> UpsertReport:
        """Lay `frame` over what is stored; the same frame twice changes nothing the second time.

        A value given wins over the stored one, a null given keeps it. Files that do not change
        are not written.

        Raises
        ------
        BadReply
            `frame` breaks the dataset's schema, or a row has no symbol, exchange or date where
            the dataset is divided by year.
        DamagedData, Locked, StorageError
            A stored file is damaged; another process writes; the disk says no.
        """
        rows = conform(frame, DATASETS[known(dataset)], what=dataset)
        _refuse_nameless(rows, dataset)
        if rows.is_empty():
            return UpsertReport()
        folder = self._folder(dataset)
        added = changed = unchanged = 0
        written = []
        with self.writing():
            atomic.sweep(folder)
            parts = dict(_parts(dataset, rows))
            newest = self._newest(dataset, coming=parts)
            for name, part in parts.items():
                path = folder / f"{name}.parquet"
                stored = self._stored(path, dataset)
                result = merge(stored, part, KEYS[dataset])
                if result.added or result.changed:
                    self._refuse_outside(path)
                    if name in newest:
                        self._copy(dataset).replace(path, result.frame, changed=part["date"])
                    else:
                        write_parquet(path, result.frame, dataset)
                    written.append(f"{dataset}/{path.name}")
                added += result.added
                changed += result.changed
                unchanged += result.unchanged
            if newest:
                ByDate(self.root, dataset).prune(newest)
        return UpsertReport(added=added, changed=changed, unchanged=unchanged, files=tuple(written))

    def replace(
        self, dataset: str, frame: pl.DataFrame, series: Iterable[tuple[str, str]]
    ) -> tuple[str, ...]:
        """Let `frame` be all that is stored of `series`, pairs of exchange and symbol.

        Days of theirs that `frame` lacks are gone; rows of others stay. Only of a dataset of whole
        series (`layout.SERIES`). Returns the files that were rewritten: those that changed.

        Raises
        ------
        BadReply, DamagedData, Locked, StorageError
            As `upsert`.
        """
        assert dataset in SERIES, f"{dataset} is not made of series"
        rows = conform(frame, DATASETS[dataset], what=dataset)
        _refuse_nameless(rows, dataset)
        folder, names = self._folder(dataset), pl.DataFrame(
            list(series), schema={"exchange": pl.String, "symbol": pl.String}, orient="row"
        )  # fmt: skip
        written = []
        with self.writing():
            atomic.sweep(folder)
            parts = dict(_parts(dataset, rows))
            held = {path.stem for path in self.files(dataset)}
            for name in sorted(held | parts.keys()):
                path = folder / f"{name}.parquet"
                stored = self._stored(path, dataset)
                others = stored.join(names, on=["exchange", "symbol"], how="anti")
                mine = parts.get(name, rows.clear())
                whole = pl.concat([others, mine]).sort(KEYS[dataset])
                if not whole.equals(stored):
                    self._refuse_outside(path)
                    write_parquet(path, whole, dataset)
                    written.append(f"{dataset}/{path.name}")
        return tuple(written)

    def mend_copy(self, dataset: str) -> list[Path]:
        """Make the copy by date anew of the year files it is not of, and return those.

        A file of a newer alphastock is left to that. Raises what `upsert` raises.
        """
        made: list[Path] = []
        if not self._newest(dataset):
            return made
        with self.writing():
            copy, newest = self._copy(dataset), self._newest(dataset)
            copy.prune(newest)
            for path in self.files(dataset)[-len(newest) :]:
                with contextlib.suppress(NewerData):
                    made += [path] if copy.mend(path) else []
        return made

    def touch(self, dataset: str) -> None:
        """Remember that a load of the dataset succeeded just now."""
        stamp = self._folder(dataset) / _STAMP
        try:
            stamp.touch(mode=0o600)
        except OSError as error:
            raise atomic.storage_error(stamp, error) from error

    @property
    def lock_path(self) -> Path:
        """The file whose lock a writer holds."""
        return self.root / ".lock"

    @contextlib.contextmanager
    def patient(self, seconds: float, told: Callable[[str], None]) -> Iterator[None]:
        """Let writes in this block wait so long at least for another process, telling that.

        For what would cost more to get again than to wait for a neighbour's short write.
        """
        before = self.lock_wait, self._told
        self.lock_wait, self._told = max(self.lock_wait, seconds), told
        try:
            yield
        finally:
            self.lock_wait, self._told = before

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of writers: around one upsert, or by a load around all of its own."""
        if self._depth == 0:
            make_private(self.root)
            held: contextlib.AbstractContextManager[None] = lock(
                self.lock_path, wait=self.lock_wait, told=self._told
            )
        else:
            held = contextlib.nullcontext()
        with held:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    def _folder(self, dataset: str) -> Path:
        """Make the dataset's folder, private and inside the root."""
        folder = self.root / known(dataset)
        make_private(folder)
        self._refuse_outside(folder)
        return folder

    def _refuse_outside(self, path: Path) -> None:
        """Refuse to follow a link out of the lake when writing."""
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise StorageError(
                f"{path} leads outside the lake",
                safe="Nothing was written there.",
                hint="Replace the link by what it stands for.",
            )

    def _newest(self, dataset: str, coming: Iterable[str] = ()) -> list[str]:
        """Return the years kept by date as well, given the files that are to come."""
        if dataset not in COPIED:
            return []
        return sorted({*coming, *(path.stem for path in self.files(dataset))})[-self.copied_years :]

    def _copy(self, dataset: str) -> ByDate:
        """Return the copy by date to write to: its folder is made, private and inside the root."""
        copy = ByDate(self.root, dataset)
        make_private(copy.folder)
        self._refuse_outside(copy.folder)
        return copy

    def _stored(self, path: Path, dataset: str) -> pl.DataFrame:
        if not path.exists():
            return pl.DataFrame(schema=DATASETS[dataset])
        check_footer(path, dataset)
        return read_whole(path, dataset)


def known(dataset: str) -> str:
    """Return `dataset`, or raise UnknownName with the nearest."""
    if dataset not in DATASETS:
        raise UnknownName.of("dataset", dataset, DATASETS, hint=f"Known: {', '.join(DATASETS)}.")
    return dataset


def _refuse_nameless(rows: pl.DataFrame, dataset: str) -> None:
    """Refuse rows without date, which belong to no file, or without name."""
    if dataset not in DATED:
        return
    when, name = day_column(dataset), name_column(dataset)
    nameless = rows.filter(pl.any_horizontal(pl.col(when, name, "exchange").is_null()))
    if nameless.height:
        raise BadReply(
            f"{dataset}: {nameless.height} of {rows.height} rows lack {when}, {name} or exchange"
            f", the first of them: {nameless.row(0, named=True)}"[:500],
            safe="Nothing was stored.",
        )


def _parts(dataset: str, rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    if dataset not in DATED:
        return [(WHOLE, rows)]
    stem = _day(dataset).dt.to_string("%Y-%m" if dataset in MONTHLY else "%Y")
    named = rows.with_columns(__file=stem)
    stems = named["__file"].unique().sort()
    return [(name, named.filter(__file=name).drop("__file")) for name in stems]


def _day(dataset: str) -> pl.Expr:
    """Return the calendar day, in India, that a row belongs to."""
    column = pl.col(day_column(dataset))
    return column.dt.date() if day_column(dataset) == "time" else column


def _first_moment(dataset: str, day: date) -> date:
    """Return a day as the dataset counts: itself, or its midnight in India."""
    return datetime.combine(day, time(), INDIA) if day_column(dataset) == "time" else day
