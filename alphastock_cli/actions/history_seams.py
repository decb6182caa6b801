"""Whether an answer is that of the symbol asked for: compared where it overlaps what is known.

A broker's answer does not name its instrument. So a call that has room asks for a few sessions
more, of which the candles are stored, or came with the call before. Of a first answer the lake's
end-of-day rows are the witness. What is compared with what is decided here; how, in
`analytics.seams`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.history_jobs import Job, Span
from alphastock_cli.actions.history_ranges import ranges
from alphastock_cli.analytics import seams
from alphastock_cli.analytics.seams import Finding, Verdict
from alphastock_cli.domain.frames import CANDLES, TIME, collect
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import AlphaStockError, DamagedData, OutOfRange, PartlyDone
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_checks import REASON, CandleFile, refused
from alphastock_cli.store.candles import stored
from alphastock_cli.store.cells import RAW, ROW
from alphastock_cli.store.lake import Lake

_PRICES = ("open", "high", "low", "close")
_VALUES = (*_PRICES, "volume", "open_interest")
_SESSIONS = 3  # on a side at most
_LAST = 3  # candles of a session that may be revised yet
_ENOUGH = 8  # candles besides those, and no further session is needed
_CONTRADICTS = "contradicts another answer of the same fetch"
_TOLD = 3  # symbols in one message
_DAY = timedelta(days=1)
_QUOTED = timedelta(days=20)  # longer than any time without a session
_NONE = pl.DataFrame(schema=CANDLES)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: the days that are missing, those it asks for, and what is known of the others."""

    span: Span
    wide: Span
    known: tuple[pl.DataFrame, ...] = ()
    days: frozenset[date] = frozenset()  # overlapped: asked for to be compared


@dataclass(slots=True)
class Refusal:
    """Why an answer is not stored, and whether its rows are wrong, not only on another scale."""

    why: str
    hint: str
    wrong: bool = True


@dataclass(slots=True)
class _Part:
    """The first and last sessions of the answers before, in the same fetch."""

    candles: pl.DataFrame = field(default_factory=lambda: _NONE)
    proven: bool = False


class Seams:
    """The comparisons of one fetch.

    Parameters
    ----------
    longest : int
        Days one call may span: an overlap never costs a call, nor goes beyond.
    today : date
        The day of the answers, in India.
    quoted : callable
        Returns ``exchange, symbol, date, high, low`` of the last session of what is fetched; called
        once, if at all.
    """

    def __init__(
        self, lake: Lake, interval: Interval, longest: int, today: date,
        quoted: Callable[[], pl.DataFrame],
    ) -> None:  # fmt: skip
        self._lake, self._interval, self._longest, self._today = lake, interval, longest, today
        self._ask_quotes = quoted
        self._quotes: pl.DataFrame | None = None
        self._done = Done(lake, interval)
        self._parts: dict[tuple[Exchange, str], _Part] = {}
        self.refusals: dict[tuple[Exchange, str], Refusal] = {}

    # -- fetches that begin anew --------------------------------------------------------------

    def begin(self, jobs: Sequence[Job]) -> None:
        """Put the calls in order: the one that borders on what is stored comes first.

        The rest can lean on its answer: what is on another scale is known before anything of it is
        stored.
        """
        for job in jobs:
            hull = self._done.hull(*job.key) if len(job.spans) > 1 else None
            if hull is not None and self._interval.is_intraday and hull[0] > job.spans[0][0]:
                job.spans.sort(reverse=True)

    def end(self, complete: Sequence[Job]) -> None:
        """Take note of symbols of which every day was answered anew."""
        keys = [job.key for job in complete if job.anew is not None]
        if keys and self._interval.is_intraday:
            with self._lake.writing():
                self._done.end_anew(keys)

    def told(self) -> str:
        """Say which symbols were not stored, and why; "" where all were."""
        told = [f"{name}: {refusal.why}" for (_, name), refusal in self.refusals.items()]
        more = f"; and {len(told) - _TOLD} symbols more" if len(told) > _TOLD else ""
        return "; ".join(told[:_TOLD]) + more

    def trouble(self, stored: int, total: int) -> AlphaStockError:
        """Return the error for symbols that were not stored.

        Wrong answers may be right the next time; stored candles on an old scale wait for a person.
        """
        again = any(refusal.wrong for refusal in self.refusals.values())
        made = PartlyDone if again else DamagedData
        return made(
            self.told(),
            safe=f"Nothing of these answers is stored; those of {stored} of {total} calls are.",
            hint=next(iter(self.refusals.values())).hint,
        )

    # -- asking -------------------------------------------------------------------------------

    def ask(self, job: Job, span: Span) -> Ask:
        """Return a call for `span` that overlaps, where it has room, what is known beside it."""
        if not self._interval.is_intraday:
            return Ask(span, span, self._series(job, span))
        room = self._longest - (span[1] - span[0]).days - 1
        before = self._beside(job, span[0] - room * _DAY, span[0] - _DAY, late=True)
        first = min([span[0], *_days(before)])
        room -= (span[0] - first).days
        after = self._beside(job, span[1] + _DAY, span[1] + room * _DAY, late=False)
        last = max([span[1], *_days(after)])
        known = tuple(each for each in (before, after) if each.height)
        return Ask(span, (first, last), known, frozenset(_days(before) | _days(after)))

    def _beside(self, job: Job, first: date, last: date, *, late: bool) -> pl.DataFrame:
        """Return the known candles of the nearest sessions in some days; late ones, or early."""
        part = self._parts.get(job.key)
        if part is not None:
            day = pl.col("time").dt.date()
            known = part.candles.filter(day.is_between(first, last))
            if known.height:
                return _nearest(known, sorted(_days(known), reverse=late))
        if job.begins:  # what is stored is what is to be replaced
            return _NONE
        try:
            reach = calendar.reach(calendar.segment_of(job.exchange))
            sessions = calendar.sessions(
                calendar.segment_of(job.exchange), max(first, reach[0]), min(last, reach[1])
            )
        except OutOfRange:
            return _NONE
        answered = self._done.answered(*job.key, sessions)
        near = sorted(answered, reverse=late)[:_SESSIONS]
        if not near:
            return _NONE
        known = stored(self._lake, self._interval, exchange=job.exchange.value, symbol=job.symbol,
                       start=min(near), end=max(near))  # fmt: skip
        return _nearest(known, near)

    def _series(self, job: Job, span: Span) -> tuple[pl.DataFrame, ...]:
        """Return the stored days of a span; which contracts are joined may change, so not those."""
        if job.kind == "continuous" or job.anew is not None:
            return ()
        known = self._stored_days(job, span)
        return (known,) if known.height else ()

    def _stored_days(self, job: Job, span: Span) -> pl.DataFrame:
        rows = self._lake.scan("candles_day", start=span[0], end=span[1]).filter(
            exchange=job.exchange.value, symbol=job.symbol
        )
        time = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Kolkata")
        return collect(rows.select(time.cast(TIME).alias("time"), *_PRICES), what="candles_day")

    # -- judging ------------------------------------------------------------------------------

    def judged(
        self, job: Job, ask: Ask, found: CandleFile, again: Callable[[], CandleFile]
    ) -> CandleFile:
        """Return what is to be stored of an answer; `refusals` gains a line where that is nothing.

        Of sessions that were asked for only to be compared that is what was revised since. An
        answer that is to replace candles of something else is asked for `again`: the same twice is
        believed.
        """
        refusal, proven = self._verdict(job, ask, found.candles)
        if refusal is None and not proven:
            refusal, proven = self._replaced(job, ask, found.candles, again)
        if refusal is not None:
            self.refusals[job.key] = refusal
            return set_aside(found, refusal)
        day, days = pl.col("time").dt.date(), sorted(_days(found.candles))
        before = self._parts.get(job.key, _Part())
        ends = found.candles.filter(day.is_in({*days[:_SESSIONS], *days[-_SESSIONS:]}))
        both = pl.concat([before.candles, ends]).unique("time", keep="last").sort("time")
        self._parts[job.key] = _Part(both, proven or before.proven)
        return _own(ask, found)

    def is_proven(self, job: Job) -> bool:
        """Tell whether something spoke for the answers so far."""
        return self._parts.get(job.key, _Part()).proven

    def _verdict(self, job: Job, ask: Ask, candles: pl.DataFrame) -> tuple[Refusal | None, bool]:
        """Return why an answer is refused, and whether something speaks for it."""
        tick, daily = job.row.get("tick_size"), not self._interval.is_intraday
        seen = [(known, seams.candles(known, candles, tick=tick, daily=daily))
                for known in ask.known]  # fmt: skip
        for known, finding in seen:
            own = self._is_own(job, known)
            if finding.verdict is Verdict.SCALED and not daily and not own:
                return _scaled(job, self._interval, finding), False
            if finding.verdict is Verdict.OTHER or (finding.verdict is Verdict.SCALED and own):
                stored = f"not the candles of {job.symbol} that are stored"
                return _other(_CONTRADICTS if own else stored), False
        if any(finding.verdict is not Verdict.UNKNOWN for _, finding in seen):
            return None, True
        if job.kind == "continuous" or candles.is_empty():
            return None, False
        published = ranges(self._lake, job.row, job.symbol, ask.wide[0], self._today)
        finding = seams.days(candles, published, tick=tick)
        if finding.verdict is Verdict.OTHER:
            return _other(f"not the prices of {job.symbol} in the end-of-day rows"), False
        if finding.verdict is not Verdict.SAME and self._contradicts_quote(job, candles):
            return _other(f"not the prices of {job.symbol} in its quote"), False
        return None, finding.verdict is Verdict.SAME

    def _contradicts_quote(self, job: Job, candles: pl.DataFrame) -> bool:
        """Tell whether the quote of a symbol speaks of other prices in the newest session."""
        newest = candles["time"].dt.date().max()
        if not isinstance(newest, date) or newest < self._today - _QUOTED:
            return False  # no quote is of that day
        if self._quotes is None:
            self._quotes = self._ask_quotes()
        own = self._quotes.filter(exchange=job.exchange.value, symbol=job.row["tradingsymbol"])
        return any(
            seams.session(candles, day, high, low).verdict is Verdict.OTHER
            for day, high, low in own.select("date", "high", "low").iter_rows()
        )

    def _replaced(
        self, job: Job, ask: Ask, candles: pl.DataFrame, again: Callable[[], CandleFile]
    ) -> tuple[Refusal | None, bool]:
        """Return as `_verdict`, of a symbol asked for anew, by what the answer is to replace.

        Another scale is what one asks anew for; candles of something else have to be told twice.
        """
        if job.anew is None or job.kind == "continuous":
            return None, False
        daily = not self._interval.is_intraday
        held = self._stored_days(job, ask.span) if daily else stored(
            self._lake, self._interval, exchange=job.exchange.value, symbol=job.symbol,
            start=ask.span[0], end=ask.span[1],
        )  # fmt: skip
        if held.is_empty() or candles.is_empty():
            return None, False
        verdict = seams.candles(held, candles, tick=job.row.get("tick_size"), daily=daily).verdict
        if verdict in {Verdict.SAME, Verdict.SCALED}:
            return None, True
        if not again().candles.select("time", *_PRICES).equals(candles.select("time", *_PRICES)):
            return _other(f"not the candles of {job.symbol} that are stored, nor told twice"), False
        if verdict is Verdict.OTHER:
            job.notes.append(f"candles of {job.symbol} from {ask.span[0]} to {ask.span[1]} were"
                             " others than those stored, told twice: replaced")  # fmt: skip
        return None, True

    def _is_own(self, job: Job, known: pl.DataFrame) -> bool:
        """Tell whether candles came in this fetch, and nothing spoke for them yet."""
        part = self._parts.get(job.key)
        return part is not None and not part.proven and _days(known) <= _days(part.candles)


def _days(candles: pl.DataFrame) -> set[date]:
    return set(candles["time"].dt.date())


def _nearest(known: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """Return the candles of the first of `days`, and of more of them while those are few."""
    taken, day = _NONE, pl.col("time").dt.date()
    for number in range(1, min(len(days), _SESSIONS) + 1):
        taken = known.filter(day.is_in(days[:number]))
        if taken.height - number * _LAST >= _ENOUGH:
            break
    return taken


def _own(ask: Ask, found: CandleFile) -> CandleFile:
    """Return an answer without what was asked for only to be compared, and is as it was."""
    if ask.wide == ask.span:
        return found
    day = pl.col("time").dt.date()
    own = found.candles.filter(day.is_between(*ask.span))
    over = found.candles.filter(~day.is_between(*ask.span) & day.is_in(sorted(ask.days)))
    known = pl.concat([each.select("time", *_VALUES) for each in ask.known])
    both = over.join(known, on="time", how="left", suffix="_known")
    same = pl.all_horizontal(
        pl.col(name).is_null() | pl.col(name).eq_missing(pl.col(f"{name}_known"))
        for name in _VALUES
    )
    news = both.filter(~same).select(over.columns)
    rejects = found.rejects.filter(
        pl.col("date").is_null() | pl.col("date").is_between(*ask.span)
        | ~pl.col("date").is_between(*ask.wide)
    )  # fmt: skip
    left = found.candles.height - own.height - news.height
    return replace(found, candles=pl.concat([own, news]).sort("time"), rejects=rejects,
                   rows=found.rows - left - (found.rejects.height - rejects.height))  # fmt: skip


def set_aside(found: CandleFile, refusal: Refusal) -> CandleFile:
    """Return an answer of which nothing is stored; if it is wrong, all its rows are refused."""
    nothing = found.candles.clear()
    if not refusal.wrong:
        return replace(found, candles=nothing, rejects=found.rejects.clear())
    raw = pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in ("time", *_VALUES)],
                        separator=",")  # fmt: skip
    rows = found.candles.with_row_index(ROW, offset=1).with_columns(
        pl.col(ROW).cast(pl.Int64), raw.alias(RAW), pl.lit(refusal.why).alias(REASON),
        timestamp="time",
    )  # fmt: skip
    what = {"dataset": found.dataset, "source": found.form, "file": found.file,
            "symbol": found.symbol}  # fmt: skip
    part = rows.select(ROW, RAW, "timestamp", REASON)
    return replace(
        found, candles=nothing, rejects=pl.concat([found.rejects, refused([part], what)])
    )


def _other(why: str) -> Refusal:
    return Refusal(
        why,
        "Run the same command again; if the stored candles are wrong, with --refetch."
        " `alphastock lake rejects` lists the rows.",
    )


def _scaled(job: Job, interval: Interval, finding: Finding) -> Refusal:
    return Refusal(
        f"prices are now {finding.ratio:.4g} times those stored: a split or bonus since",
        f"`alphastock fetch candles {job.symbol} --interval {interval.value} --from DATE"
        " --refetch` asks for all its stored days anew.",
        wrong=False,
    )
