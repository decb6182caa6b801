"""Fetch candles from a broker into the lake: plan what is missing, ask, store, resume.

A day counts as done when a call answered for it after it was final and the lake still holds it;
which days were answered empty is remembered beside the candles. How a broker is asked is its own
business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Protocol

from alphastock_cli.actions.fetch_candles import parse_exchange, parse_interval
from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import (
    AlphaStockError,
    AuthError,
    NotOffered,
    PartlyDone,
    ProviderError,
    UsageError,
)
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.candle_names import stored_name
from alphastock_cli.store.lake import Lake

_FLUSH_ROWS, _FLUSH_SECONDS = 200_000, 15.0
_FIRST = date(2000, 1, 1)
Span = tuple[date, date]


class Source(Protocol):
    """A broker's history."""

    name: ClassVar[str]

    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        """Return what is listed under a name, or raise UnknownName with the nearest."""

    def longest(self, interval: Interval) -> int:
        """Return the days one call may span."""

    def final_before(self) -> datetime:
        """Return the moment before which a candle has to be over to be final."""

    def checked(
        self, row: dict[str, Any], interval: Interval, span: Span, *, oi: bool = False
    ) -> CandleFile:
        """Return the good candles of one call, and the others with reasons."""

    def pace(self) -> tuple[int, float]:
        """Return how many calls are taken in how many seconds."""

    def use(self) -> dict[str, Any]:
        """Return what others use of that now."""

    def remarks(self) -> list[str]:
        """Return what a person should know of the answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRequest:
    """What a person asked for."""

    symbols: Sequence[str]
    interval: str
    first: date
    last: date | None = None
    exchange: str = "NSE"
    oi: bool = False


@dataclass(slots=True)
class _Job:
    """One symbol: its row of the list, its name in the lake, and the calls it needs."""

    row: dict[str, Any]
    symbol: str
    sessions: int
    missing: list[date]
    spans: list[Span]
    asked: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def show_plan(source: Source, lake: Lake, request: HistoryRequest) -> Result:
    """Return the calls, seconds and budget of a fetch; no candle is asked for.

    Raises
    ------
    UnknownName, UsageError, NotOffered
        As in `fetch_history`.
    """
    interval, jobs, last = _jobs(source, lake, request)
    calls, seconds = source.pace()
    rows = [
        {
            "symbol": job.symbol, "calls": len(job.spans),
            "seconds": _seconds(len(job.spans), calls, seconds),
            "sessions": job.sessions, "stored": job.sessions - len(job.missing),
            "first": job.missing[0] if job.missing else None,
            "last": job.missing[-1] if job.missing else None,
            "interval": interval.value, "exchange": job.row["exchange"],
        }
        for job in jobs
    ]  # fmt: skip
    total = sum(len(job.spans) for job in jobs)
    summary = {
        "from": request.first, "to": last, "calls": total,
        "seconds": _seconds(total, calls, seconds), "budget_calls": calls,
        "budget_seconds": seconds, **source.use(),
    }  # fmt: skip
    notes = tuple(source.remarks())
    return Result(kind="fetch_plan", rows=rows, summary=summary, source=source.name, warnings=notes)


def fetch_history(
    source: Source,
    lake: Lake,
    clock: Clock,
    request: HistoryRequest,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """Ask for the days that are missing and store them; what was stored stays whatever happens.

    Raises
    ------
    UsageError, UnknownName, NotOffered
        A word makes no sense, a symbol is not listed, or the interval is a day.
    AuthError
        The login ended on the way; what was answered before is stored.
    PartlyDone
        The source failed after some of it was stored: the same command goes on.
    """
    interval, jobs, _ = _jobs(source, lake, request)
    load = _Load(lake, clock, interval, source.final_before)
    total = sum(len(job.spans) for job in jobs)
    trouble: AlphaStockError | None = None
    try:
        for job, span in [(each, span) for each in jobs for span in each.spans]:
            asked = sum(each.asked for each in jobs)
            progress(f"{job.symbol} {span[0]} to {span[1]}: call {asked + 1} of {total}")
            load.take(job, span, source.checked(job.row, interval, span, oi=request.oi))
            job.asked += 1
    except AlphaStockError as error:
        trouble = error
    finally:
        load.flush()
    asked = sum(job.asked for job in jobs)
    if trouble is not None:
        raise _told(trouble, asked, total)
    lake.touch(f"candles_{interval.value}")
    return _result(source, jobs, load, interval)


# -- what is missing ------------------------------------------------------------------------------


def _jobs(source: Source, lake: Lake, request: HistoryRequest) -> tuple[Interval, list[_Job], date]:
    """Return the calls that each symbol needs."""
    interval, exchange = parse_interval(request.interval), parse_exchange(request.exchange)
    if not interval.is_intraday:
        raise NotOffered(
            f"days of {source.name} are adjusted, those of the lake are as published: not stored",
            hint="`alphastock fetch eod --from DATE` loads days; `scan` reads them from"
            f" --provider {source.name} directly.",
        )
    now = source.final_before()
    last = min(request.last or now.date(), now.date())
    if request.first > last:
        raise UsageError(f"--from {request.first} lies after {last}", hint="Give an earlier day.")
    first = max(request.first, _FIRST)
    segment = calendar.segment_of(exchange)
    reach = calendar.reach(segment)
    days = calendar.sessions(segment, max(first, reach[0]), min(last, reach[1]))
    jobs = []
    for symbol in dict.fromkeys(request.symbols):
        row = source.listed(exchange, symbol)
        name = stored_name(row["tradingsymbol"], exchange)
        done = Done(lake, interval).days(exchange, name, days)
        missing = [day for day in days if day not in done]
        jobs.append(
            _Job(row, name, len(days), missing, gathered(missing, source.longest(interval)))
        )
    return interval, jobs, last


def gathered(days: Sequence[date], longest: int) -> list[Span]:
    """Return the fewest spans of at most `longest` days that hold these ascending days.

    >>> gathered([date(2026, 1, 1), date(2026, 1, 3), date(2026, 2, 9)], 5)[0]
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 3))
    """
    spans: list[Span] = []
    for day in days:
        if spans and day - spans[-1][0] < timedelta(days=longest):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _seconds(count: int, calls: int, seconds: float) -> float:
    """Return how long so many calls take at least, at a pace."""
    return round(max(0, math.ceil(count / calls) - 1) * seconds, 1)


# -- storing --------------------------------------------------------------------------------------


class _Load:
    """Gathers answers and stores them now and then: a file of the lake is rewritten each time."""

    def __init__(
        self, lake: Lake, clock: Clock, interval: Interval, final: Callable[[], datetime]
    ) -> None:
        self._lake, self._clock, self._final = lake, clock, final
        self._done = Done(lake, interval)
        self._waiting: list[tuple[_Job, Span, CandleFile, datetime]] = []
        self._since = clock.monotonic()
        self.rejected: dict[str, int] = {}

    def take(self, job: _Job, span: Span, found: CandleFile) -> None:
        """Keep one answer; store what has gathered when it is much, or old."""
        self._waiting.append((job, span, found, self._final()))
        rows = sum(each.candles.height for _, _, each, _ in self._waiting)
        if rows >= _FLUSH_ROWS or self._clock.monotonic() - self._since >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Store what has gathered: candles first, then that their days are done."""
        waiting, self._waiting = self._waiting, []
        self._since = self._clock.monotonic()
        if not waiting:
            return
        with self._lake.writing():
            for job in {id(each[0]): each[0] for each in waiting}.values():
                self._store(job, [each for each in waiting if each[0] is job])

    def _store(self, job: _Job, answers: Sequence[tuple[_Job, Span, CandleFile, datetime]]) -> None:
        import polars as pl

        files = [found for _, _, found, _ in answers]
        report = self._lake.upsert(files[0].dataset, pl.concat([each.candles for each in files]))
        rejects = pl.concat([each.rejects for each in files])
        self._lake.upsert("rejects", rejects)
        for reason, count in rejects["reason"].value_counts().iter_rows():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        for name, count in (
            ("added", report.added), ("changed", report.changed), ("unchanged", report.unchanged),
            ("rejected", rejects.height), ("rows", sum(each.rows for each in files)),
        ):  # fmt: skip
            job.counts[name] = job.counts.get(name, 0) + count
        for _, span, found, final in answers:
            held = set(found.candles["time"].dt.date())
            self._done.add(Exchange(job.row["exchange"]), job.symbol, span, held, final)


# -- telling --------------------------------------------------------------------------------------


def _told(error: AlphaStockError, asked: int, total: int) -> AlphaStockError:
    """Return the error that says what is kept, and how to go on."""
    kept = f"The answers of {asked} of {total} calls are stored."
    if isinstance(error, AuthError):
        hint = "Run `alphastock login`, then the same command: it goes on from there."
        return AuthError(error.what, safe=kept, hint=hint)
    if not asked or not isinstance(error, ProviderError):
        error.safe = kept if asked else error.safe
        return error
    return PartlyDone(error.what, safe=kept, hint="Run the same command again: it goes on.")


def _result(source: Source, jobs: Sequence[_Job], load: _Load, interval: Interval) -> Result:
    rows = [
        {
            "symbol": job.symbol, "calls": job.asked,
            **{name: job.counts.get(name, 0)
               for name in ("added", "changed", "unchanged", "rejected", "rows")},
            "sessions": job.sessions, "asked": len(job.missing),
            "first": job.missing[0] if job.missing else None,
            "last": job.missing[-1] if job.missing else None,
            "dataset": f"candles_{interval.value}", "exchange": job.row["exchange"],
        }
        for job in jobs
    ]  # fmt: skip
    total = {
        name: sum(int(row[name]) for row in rows)
        for name in ("calls", "added", "changed", "unchanged", "rejected")
    }
    notes = source.remarks()
    if not total["calls"]:
        notes.insert(0, "nothing to ask for: every session is stored already")
    if total["changed"]:
        notes.append(f"{total['changed']} stored candles were revised by {source.name}")
    notes += [f"{count} × {reason}" for reason, count in sorted(load.rejected.items())]
    if load.rejected:
        notes.append("`alphastock lake rejects` lists every refused row with its reason")
    return Result(
        kind="fetch_candles", rows=rows, summary=total, source=source.name, warnings=tuple(notes)
    )
