"""Fetch candles from a broker into the lake: plan what is missing, ask, store, resume.

A day counts as done when a call answered for it after it was final and the lake still holds it;
which days were answered empty is remembered beside the candles. Of days a series is asked for whole
or not at all (`history_jobs`). How a broker is asked is its own business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from alphastock_cli.actions.history_fresh import last_fetch, remember_fetch
from alphastock_cli.actions.history_jobs import HistoryRequest, Job, Source, gathered, jobs_of
from alphastock_cli.actions.history_load import DayLoad, Load, MinuteLoad
from alphastock_cli.actions.history_seams import Seams
from alphastock_cli.actions.history_told import failed, lost, nothing_asked, remarks
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.store.lake import Lake

__all__ = ["HistoryRequest", "Source", "fetch_history", "gathered", "last_fetch", "show_plan"]

PATIENCE = 30.0  # seconds an answer waits for another process that writes: it cost a call


def show_plan(source: Source, lake: Lake, request: HistoryRequest) -> Result:
    """Return the calls, seconds and budget of a fetch; no candle is asked for.

    Raises
    ------
    UnknownName, UsageError, NotOffered
        As in `fetch_history`.
    """
    interval, jobs, last = jobs_of(source, lake, request)
    calls, seconds = source.pace()
    rows = [
        {
            "symbol": job.symbol, "calls": len(job.spans),
            "seconds": _seconds(len(job.spans), calls, seconds),
            "sessions": job.sessions, "stored": job.sessions - len(job.missing) - job.empty,
            "first": job.missing[0] if job.missing else None,
            "last": job.missing[-1] if job.missing else None,
            "interval": interval.value, "exchange": job.row["exchange"], "empty": job.empty,
        }
        for job in jobs
    ]  # fmt: skip
    total = sum(len(job.spans) for job in jobs)
    summary = {
        "from": request.first, "to": last, "calls": total,
        "seconds": _seconds(total, calls, seconds), "budget_calls": calls,
        "budget_seconds": seconds, **source.use(),
    }  # fmt: skip
    notes = [*(note for job in jobs for note in job.notes), *source.remarks()]
    return Result(
        kind="fetch_plan", rows=rows, summary=summary, source=source.name, warnings=tuple(notes)
    )


def fetch_history(
    source: Source,
    lake: Lake,
    clock: Clock,
    request: HistoryRequest,
    *,
    progress: Callable[[str], None] = lambda _: None,
    patience: float = PATIENCE,
) -> Result:
    """Ask for the days that are missing and store them; what was stored stays whatever happens.

    Parameters
    ----------
    patience : float
        Seconds to wait for another process that writes, if the lake does not wait longer.

    Raises
    ------
    UsageError, UnknownName, NotOffered
        A word makes no sense, a symbol is not listed, or has no such candles.
    AuthError
        The login ended on the way; what was answered before is stored.
    PartlyDone
        The source failed after some of it was stored: the same command goes on.
    Locked, StorageError, DamagedData
        Another process writes on and on, or the disk says no: nothing was asked for, or the message
        says how much of it is stored.
    """
    with lake.patient(patience, progress):
        return _fetched(source, lake, clock, request, progress)


def _fetched(
    source: Source, lake: Lake, clock: Clock, request: HistoryRequest,
    progress: Callable[[str], None],
) -> Result:  # fmt: skip
    interval, jobs, _ = jobs_of(source, lake, request)
    load = (MinuteLoad if interval.is_intraday else DayLoad)(
        lake, clock, interval, source.final_before
    )
    seams = Seams(
        lake, interval, source.longest(interval), clock.now().date(),
        quoted=lambda: source.last_ranges([job.row for job in jobs if job.spans]),
    )  # fmt: skip
    total = sum(len(job.spans) for job in jobs)
    trouble: AlphaStockError | None = None
    if total:
        with lake.writing():
            """Nothing is asked for that cannot be stored: who writes on and on is told now."""
    try:
        seams.begin(jobs)
        _ask(source, jobs, load, seams, progress)
    except AlphaStockError as error:
        trouble = error
    except BaseException:  # Ctrl-C, or a polite end from outside
        with _telling(load, jobs, None):
            load.save()
        raise
    with _telling(load, jobs, trouble):
        load.save()
        seams.end([job for job in jobs if job.asked == len(job.spans)])
        if trouble is None and not seams.refusals:
            lake.touch(f"candles_{interval.value}")
            remember_fetch(lake, clock, request)
    if trouble is not None:
        if seams.refusals:
            trouble.what = f"{trouble.what}; {seams.told()}"
            trouble.args = (trouble.what,)
        raise failed(trouble, load.stored, total)
    if seams.refusals:
        raise seams.trouble(load.stored, total)
    return _result(source, jobs, load, interval)


def _ask(
    source: Source, jobs: Sequence[Job], load: Load, seams: Seams,
    progress: Callable[[str], None],
) -> None:  # fmt: skip
    total = sum(len(job.spans) for job in jobs)
    for job, span in [(each, span) for each in jobs for span in each.spans]:
        if job.key in seams.refusals:
            continue
        asked = sum(each.asked for each in jobs)
        progress(f"{job.symbol} {span[0]} to {span[1]}: call {asked + 1} of {total}")
        ask = seams.ask(job, span)
        answer = partial(
            source.checked, job.row, load.interval, ask.wide, oi=job.oi,
            continuous=job.kind == "continuous",
        )  # fmt: skip
        found = seams.judged(job, ask, answer(), answer)
        if job.key in seams.refusals:
            load.put_aside(job, span, found, all_of_it=not seams.is_proven(job))
        else:
            load.take(job, span, found)


@contextmanager
def _telling(load: Load, jobs: Sequence[Job], trouble: AlphaStockError | None) -> Iterator[None]:
    """Let an error of the lake say how many answers it has."""
    try:
        yield
    except AlphaStockError as error:
        asked, total = sum(job.asked for job in jobs), sum(len(job.spans) for job in jobs)
        raise lost(error, trouble, stored=load.stored, asked=asked, total=total) from None


def _seconds(count: int, calls: int, seconds: float) -> float:
    """Return how long so many calls take at least, at a pace."""
    return round(max(0, math.ceil(count / calls) - 1) * seconds, 1)


# -- telling --------------------------------------------------------------------------------------


def _result(source: Source, jobs: Sequence[Job], load: Load, interval: Interval) -> Result:
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
    notes = [*(note for job in jobs for note in job.notes), *source.remarks()]
    if not total["calls"]:
        notes.insert(0, nothing_asked(jobs))
    filled = sum(job.counts.get("changed", 0) for job in jobs if job.adds_interest)
    if filled:
        notes.append(f"{filled} stored candles have their open interest now, or were revised")
    if total["changed"] > filled:
        notes.append(f"{total['changed'] - filled} stored candles were revised by {source.name}")
    notes += [text for job in jobs for text in remarks(job, source.name)]
    notes += [f"{count} × {reason}" for reason, count in sorted(load.rejected.items())]
    if load.rejected:
        notes.append("`alphastock lake rejects` lists every refused row with its reason")
    notes += load.remarks(jobs)
    return Result(
        kind="fetch_candles", rows=rows, summary=total, source=source.name, warnings=tuple(notes)
    )
