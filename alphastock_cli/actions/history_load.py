"""Store the answers of a fetch of candles: minutes as they come, days a whole series at a time.

What is asked for is decided in `history_jobs`; how the answers are checked is the source's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import ClassVar, NamedTuple

import polars as pl

from alphastock_cli.actions.history_done import Done, Whole
from alphastock_cli.actions.history_doubts import marks, short_days
from alphastock_cli.actions.history_jobs import Job, Span
from alphastock_cli.domain.frames import CANDLES_DAY, collect, conform
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError, PartlyDone
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.trimmed import trim

DAYS = "candles_day"
_FLUSH_ROWS, _FLUSH_SECONDS = 200_000, 15.0
_KEY = ["exchange", "symbol", "date"]
_TOLD = ["open", "high", "low", "close", "volume", "open_interest"]


class Answer(NamedTuple):
    """One answer, before which moment its candles had to be over, and when it came."""

    job: Job
    span: Span
    found: CandleFile
    final: datetime
    at: datetime


class Load(ABC):
    """Gathers answers and stores them now and then: a file of the lake is rewritten each time.

    Attributes
    ----------
    stored : int
        How many answers are stored.
    rejected : dict of str to int
        Refused rows by their reason.
    failure : AlphaStockError or None
        Why the answers that wait could not be stored.
    """

    together: ClassVar[bool]  # whether symbols are stored in one go, not one after the other

    def __init__(
        self, lake: Lake, clock: Clock, interval: Interval, final: Callable[[], datetime]
    ) -> None:
        self.lake, self.clock, self._final = lake, clock, final
        self.interval, self.done = interval, Done(lake, interval)
        self.waiting: list[Answer] = []
        self._since = clock.monotonic()
        self.stored = 0
        self.failure: AlphaStockError | None = None
        self.rejected: dict[str, int] = {}

    def take(self, job: Job, span: Span, found: CandleFile) -> None:
        """Keep one answer; store what has gathered when it is much, or old."""
        self.waiting.append(Answer(job, span, found, self._final(), self.clock.now()))
        job.asked += 1
        rows = sum(each.found.candles.height for each in self.waiting)
        if rows >= _FLUSH_ROWS or self.clock.monotonic() - self._since >= _FLUSH_SECONDS:
            self.flush()

    def put_aside(self, job: Job, span: Span, found: CandleFile, *, all_of_it: bool) -> None:
        """Store nothing of an answer but its refused rows; `all_of_it`: nor what waits of a job."""
        if all_of_it:
            self.waiting = [each for each in self.waiting if each.job is not job]
        self.refuse(job, [Answer(job, span, found, self._final(), self.clock.now())])

    def flush(self) -> None:
        """Store what can be stored of what has gathered; what was not stored waits on."""
        ready = self.ready()
        self._since = self.clock.monotonic()
        if not ready:
            return
        by_job = {id(each.job): each.job for each in ready}
        parts = [(job, [each for each in ready if each.job is job]) for job in by_job.values()]
        try:
            with self.lake.writing():
                for batch in [parts] if self.together else [[part] for part in parts]:
                    self.store(batch)
                    gone = {id(each) for _, own in batch for each in own}
                    self.waiting = [each for each in self.waiting if id(each) not in gone]
                    self.stored += len(gone)
        except PartlyDone:
            raise  # a deadline in the midst of it: what is left is stored yet
        except AlphaStockError as error:
            self.failure = error
            raise

    def save(self) -> None:
        """Store what is left; if storing failed before, that stands."""
        if self.failure is not None:
            raise self.failure
        self.flush()

    @abstractmethod
    def ready(self) -> list[Answer]:
        """Return the answers that may be stored now."""

    @abstractmethod
    def store(self, answers: Sequence[tuple[Job, list[Answer]]]) -> None:
        """Store candles first, then that their days are done."""

    def remarks(self, jobs: Sequence[Job]) -> list[str]:
        """Return what else a person should know of what is stored now."""
        del jobs
        return []

    def refuse(self, job: Job, answers: Sequence[Answer]) -> None:
        """Set the refused rows of answers aside, and count all of them."""
        rejects = pl.concat([each.found.rejects for each in answers])
        self.lake.upsert("rejects", rejects)
        for reason, count in rejects["reason"].value_counts().iter_rows():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        counted(job, rejected=rejects.height, rows=sum(each.found.rows for each in answers))

    def doubts(
        self, job: Job, span: Span, final: datetime, rejects: pl.DataFrame,
        short: Callable[[Sequence[date]], Mapping[date, str]],
    ) -> dict[date, str]:  # fmt: skip
        """Return the sessions of a span that an answer leaves in doubt; see `history_doubts`."""
        segment = calendar.segment_of(job.exchange)
        days = [day for day in calendar.sessions(segment, *span)
                if calendar.known_from(segment, day) <= final]  # fmt: skip
        few = short(days)
        refused: set[date] = set(rejects["date"])  # of these the rows are told
        job.short = job.short.difference(days).union(few) - refused
        return marks(rejects, set(days), few)

    def judge(self, job: Job, doubts: Collection[date]) -> None:
        """Take note of which doubts are settled, and which are not."""
        job.again = job.again.union(doubts) & self.done.doubtful(*job.key)
        job.told = job.told.union(doubts) - job.again


class MinuteLoad(Load):
    """Candles inside the day: what is final never changes, so every answer is stored at once."""

    together = False

    def ready(self) -> list[Answer]:
        """Return all of them."""
        return list(self.waiting)

    def store(self, answers: Sequence[tuple[Job, list[Answer]]]) -> None:
        """Lay the candles over what is stored."""
        for job, own in answers:
            frames = pl.concat([each.found.candles for each in own])
            if job.anew is not None:
                if job.begins:  # not before there is an answer: until then all is as it was
                    self.done.begin_anew(*job.key, job.anew)
                    job.begins = False
                day = pl.col("time").dt.date()
                told = pl.concat([e.found.candles.filter(day.is_between(*e.span)) for e in own])
                counted(job, gone=trim(self.lake, own[0].found.dataset, told))
            report = self.lake.upsert(own[0].found.dataset, frames)
            counted(job, added=report.added, changed=report.changed, unchanged=report.unchanged)
            self.refuse(job, own)
            for each in own:
                self._answered(job, each)

    def _answered(self, job: Job, each: Answer) -> None:
        day = pl.col("time").dt.date()
        held = set(each.found.candles["time"].dt.date())
        doubts = self.doubts(
            job, each.span, each.final, each.found.rejects, lambda days: short_days(
                each.found.candles.filter(day.is_between(*each.span)), days,
                calendar.segment_of(job.exchange), self.interval, index=job.kind == "index",
            ))  # fmt: skip
        self.done.add(*job.key, each.span, held, each.final, doubts=doubts, interest=job.oi)
        job.held |= held
        self.judge(job, doubts)


class DayLoad(Load):
    """Days: a series takes the place of the stored one when the last of its answers is there.

    Until then it counts as not answered, so a run that is killed in between asks for it again.
    """

    together = True

    def ready(self) -> list[Answer]:
        """Return the answers of series that are complete."""
        return [each for each in self.waiting if each.job.asked == len(each.job.spans)]

    def store(self, answers: Sequence[tuple[Job, list[Answer]]]) -> None:
        """Put the new series in the place of the old ones."""
        jobs = [job for job, _ in answers]
        told = pl.concat([days_of(job, own) for job, own in answers])
        stored = self._stored([job.symbol for job in jobs])
        whole = pl.concat([_beside(job, told, stored) for job in jobs])
        before = {job.key: {} if job.anew else self.done.doubts(*job.key) for job in jobs}
        self.done.forget([job.key for job in jobs])
        self.lake.replace(DAYS, whole, [(job.exchange.value, job.symbol) for job in jobs])
        for job, own in answers:
            self.refuse(job, own)
        done = [self._whole(job, own, whole, before[job.key]) for job, own in answers]
        self.done.put(done)
        for job, one in zip(jobs, done, strict=True):
            self.judge(job, one.doubts)

    def _whole(
        self, job: Job, own: Sequence[Answer], whole: pl.DataFrame,
        before: Mapping[str, Sequence[str]],
    ) -> Whole:  # fmt: skip
        """Return what is remembered of a series; of a share or an index no session is missing."""
        held: set[date] = set(whole.filter(_is(job))["date"])
        span, final = (own[0].span[0], own[-1].span[1]), min(each.final for each in own)
        gapless = held and job.kind in {"share", "index"}
        doubts = self.doubts(
            job, span, final, pl.concat([each.found.rejects for each in own]), lambda days: {
                day: "no candle" for day in days if gapless and min(held) < day not in held
            } )  # fmt: skip
        job.held |= held
        return Whole(*job.key, span, held, final, job.oi, doubts, before)

    def remarks(self, jobs: Sequence[Job]) -> list[str]:
        """Tell as of when the prices of shares are adjusted that were not asked for."""
        names = [job.symbol for job in jobs if job.kind == "share" and not job.spans]
        oldest = self._stored(names)["adjusted_as_of"].min() if names else None
        if not isinstance(oldest, date):
            return []
        return [f"stored shares are adjusted as of {oldest} or later: a missing day renews them"]

    def _stored(self, symbols: Sequence[str]) -> pl.DataFrame:
        rows = self.lake.scan(DAYS).filter(pl.col("symbol").is_in(list(symbols)))
        return collect(rows, what=DAYS)


def days_of(job: Job, answers: Sequence[Answer]) -> pl.DataFrame:
    """Return the days of a series in the schema `CANDLES_DAY`.

    Prices of shares are adjusted up to the day of the first answer.
    """
    asked = min(each.at for each in answers).date()
    frame = pl.concat([each.found.candles for each in answers])
    contract = job.kind not in {"share", "index"}
    interest = "open_interest" if contract and job.oi else pl.lit(None, pl.Int64)
    made = frame.with_columns(
        date=pl.col("time").dt.date(), symbol=pl.lit(job.symbol), kind=pl.lit(job.kind),
        open_interest=interest, source=pl.lit(answers[0].found.form),
        adjusted_as_of=pl.lit(asked if job.kind == "share" else None, pl.Date),
    ).drop("time")  # fmt: skip
    return conform(made, CANDLES_DAY, what="days")


def _beside(job: Job, told: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Return the series as it is to be stored, counting what is new about it.

    Stored days that were not told again stay while no other day differs: an answer with a hole in
    it loses nothing. Where one differs they are of another adjustment, and go. The newest stored
    day may differ: its close was perhaps told on its own evening.
    """
    new, old = told.filter(_is(job)), stored.filter(_is(job))
    both = new.join(old, on=_KEY, how="inner", suffix="_old")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_old")) for name in _TOLD)
    prices = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_old") for name in _TOLD[:4])
    changed = both.filter(differs).height
    counted(job, added=new.height - both.height, changed=changed, unchanged=both.height - changed)
    lost = old.join(new, on=_KEY, how="anti")
    if lost.is_empty():
        return new
    if both.filter(prices & (pl.col("date") < old["date"].max())).is_empty():
        job.notes.append(f"{lost.height} stored days of {job.symbol} were not told again: kept")
        return pl.concat([new, lost])
    job.notes.append(
        f"{lost.height} stored days of {job.symbol} were not told again and are gone:"
        " the days beside them have other prices now"
    )
    return new


def _is(job: Job) -> pl.Expr:
    return (pl.col("exchange") == job.exchange.value) & (pl.col("symbol") == job.symbol)


def counted(job: Job, **counts: int) -> None:
    """Add to the counts of a job."""
    for name, count in counts.items():
        job.counts[name] = job.counts.get(name, 0) + count
