"""Bring the exchanges' end-of-day files of a span into the lake: ask, verify, load day by day.

What was fetched is loaded before the next day is asked for, so a run that ends early leaves whole
days and the next one goes on. How one asks is the archive's business, how rows are stored that of
`fetch_eod.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from alphastock_cli.actions.archive_report import ArchiveReport, planned
from alphastock_cli.actions.fetch_eod import load
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.eod_archive import EodArchive, Outcome, Plan, Wanted
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.errors import ProviderError
from alphastock_cli.store import loaded
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.loaded import Fed, LoadedFiles

_BUNDLE = 10  # days whose files were all in the cache are stored together: fewer writes
_WIDTH = 20

Progress = Callable[[str], None]


def last_fetch(lake: Lake, kinds: Sequence[str], first: date, last: date | None) -> datetime | None:
    """Return when all files of these kinds and days were last there; None where one never was.

    Of several kinds the one that was asked for longest ago counts.
    """
    moments = [loaded.last(lake, _name(kind), _span(first, last)) for kind in kinds]
    known = [moment for moment in moments if moment is not None]
    return min(known) if known and len(known) == len(moments) else None


def _name(kind: str) -> str:
    return f"archive {kind}"


def _span(first: date, last: date | None) -> str:
    return f"{first} {last or ''}"


def show_plan(
    archive: EodArchive, lake: Lake, kinds: Sequence[str], first: date, last: date | None
) -> Result:
    """Return what a fetch would ask for and how long it would take; nothing is asked or written.

    Raises
    ------
    UnknownName, UsageError, OutOfRange
        See `fetch_archive`.
    """
    plan = archive.plan(kinds, first, last)
    return planned(plan, _states(archive, lake, plan), archive)


def fetch_archive(
    archive: EodArchive,
    lake: Lake,
    kinds: Sequence[str],
    first: date,
    last: date | None,
    *,
    progress: Progress = lambda _: None,
) -> ArchiveReport:
    """Fetch and load every file of the sessions from `first` to `last` that the lake lacks.

    Parameters
    ----------
    last : date, optional
        None means up to the last session that is over.

    Returns
    -------
    ArchiveReport
        Also where the run had to stop early: `trouble()` says so.

    Raises
    ------
    UnknownName, UsageError, OutOfRange
        A kind nobody knows; a span turned round; days without calendar or archive.
    StorageError, Locked, DamagedData
        The lake or the cache could not be written; what was stored is unharmed.
    """
    plan = archive.plan(kinds, first, last)
    report = ArchiveReport(plan=plan)
    if not plan.wanted:
        return report
    with lake.writing():  # also: no second run asks the same host at the same time
        archive.sweep()
        marks = LoadedFiles(lake, plan.wanted[0].day, plan.wanted[-1].day)
        todo = [w for w in plan.wanted if not (archive.has(w) and marks.holds(w.place, w.day))]
        report.known = len(plan.wanted) - len(todo)
        _Run(archive, lake, marks, report, progress).go(todo)
        if report.trouble() is None:
            for kind in kinds:
                loaded.remember(lake, _name(kind), _span(first, last))
    report.requests = archive.requests
    return report


class _Run:
    """One run over the files that are not loaded yet."""

    def __init__(
        self,
        archive: EodArchive,
        lake: Lake,
        marks: LoadedFiles,
        report: ArchiveReport,
        progress: Progress,
    ) -> None:
        self._archive = archive
        self._lake = lake
        self._marks = marks
        self._report = report
        self._progress = progress
        self._waiting: list[Wanted] = []
        self._done = self._missing = 0

    def go(self, todo: Sequence[Wanted]) -> None:
        """Fetch and load, a day after the other; stop where the archive says it makes no sense."""
        calls = [wanted for wanted in todo if not self._archive.has(wanted)]
        pace = self._archive.seconds(calls) / max(1, len(todo))
        days = 0
        for _, files in groupby(todo, key=lambda wanted: wanted.day):
            asked = False
            for wanted in files:
                self._progress(self._bar(len(todo), pace))
                try:
                    asked |= self._take(wanted)
                except ProviderError as error:
                    self._report.stopped = error
                    self._report.not_reached = len(todo) - self._done
                    self._load()
                    return
                self._done += 1
            days += 1
            if asked or days >= _BUNDLE:
                self._load()
                days = 0
        self._load()

    def _take(self, wanted: Wanted) -> bool:
        """Fetch one file; return whether it came from the network."""
        arrival = self._archive.fetch(wanted)
        self._report.arrivals.append(arrival)
        if arrival.reason:
            self._missing += 1
        else:
            self._waiting.append(wanted)
        return arrival.outcome is Outcome.FETCHED

    def _load(self) -> None:
        """Store what waits, and remember which files that were."""
        if not self._waiting:
            return
        fed: dict[str, set[Fed]] = {}
        load(self._batches(fed), self._lake, self._report.load)
        for wanted in self._waiting:
            if fed.get(wanted.place):
                self._marks.add(wanted.place, fed[wanted.place])
        self._marks.write()
        self._waiting = []

    def _batches(self, fed: dict[str, set[Fed]]) -> Iterator[EodBatch]:
        for wanted in self._waiting:
            for batch in self._archive.read(wanted):
                fed.setdefault(wanted.place, set()).update(
                    (dataset, str(exchange))
                    for dataset, rows in batch.frames.items()
                    for exchange in rows["exchange"].unique()
                )
                yield batch

    def _bar(self, total: int, pace: float) -> str:
        """Return the line of progress: how far, how much longer, what was missing."""
        full = _WIDTH * self._done // total
        seconds = pace * (total - self._done)
        rest = f", about {seconds:.0f} s left at the pace kept" if seconds else ""
        missing = f", {self._missing} missing" if self._missing else ""
        bar = "#" * full + "." * (_WIDTH - full)
        return f"[{bar}] {self._done}/{total} files{rest}{missing}"


def _states(archive: EodArchive, lake: Lake, plan: Plan) -> list[str]:
    """Return for each file whether it is stored, in the cache, or to be fetched."""
    if not plan.wanted:
        return []
    marks = LoadedFiles(lake, plan.wanted[0].day, plan.wanted[-1].day)
    return [
        ("stored" if marks.holds(w.place, w.day) else "cached") if archive.has(w) else "to fetch"
        for w in plan.wanted
    ]
