"""The days of one exchange: what is kept, brought up to date by quotes where they tell, else asked.

What a quote proves is the business of `day_rules`, how long one asks that of `asking`, which
answers are believed that of `day_answers`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import polars as pl

from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import OutOfRange, ProviderError
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite.asking import Asking
from alphastock_cli.providers.kite.day_answers import Answers, named
from alphastock_cli.providers.kite.day_checks import Known
from alphastock_cli.providers.kite.day_rules import Told, judge, told_of
from alphastock_cli.providers.kite.facts import history_days
from alphastock_cli.providers.kite.history import spans
from alphastock_cli.providers.kite.kept_days import ROWS, Held, KeptDays

_LOOKBACK = 600  # days asked for at once: the look-back of every indicator of a scan is one call
_TICK = 0.05
_TOLD = 3  # reasons of those that are left out
_NONE = pl.DataFrame(schema=ROWS)
_ENOUGH = 20  # histories without a session: Kite has nothing of it
_Mark = tuple[date, date, date | None]  # today, the last session that is over, and that opened


class Source(Protocol):
    """Kite, as far as days need it."""

    grace: timedelta
    tell: Callable[[str], None]
    progress: Callable[[str], None]

    def is_now(self) -> bool:
        """Tell whether the moment is the present one, of which there are quotes."""

    def pace(self) -> tuple[int, float]:
        """Return how many calls for candles Kite takes in how many seconds."""

    def full_quotes(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return Kite's own full quotes of listed keys."""

    def answer(
        self, row: dict[str, Any], interval: Interval, span: tuple[date, date]
    ) -> list[list[Any]]:
        """Return the rows of one call, as Kite tells them."""

    def warn(self, text: str) -> None:
        """Tell a person of what could be taken for granted, once."""

    def set_aside(self, rejects: pl.DataFrame) -> None:
        """Put refused rows, in the `REJECTS` schema, where a person finds them."""


class DayBook:
    """Day candles of one exchange.

    Parameters
    ----------
    kept : KeptDays
        What was answered once.
    source : Source
        Who is asked for the rest.
    """

    def __init__(self, exchange: Exchange, kept: KeptDays, source: Source, clock: Clock) -> None:
        self._exchange, self._kept, self._source, self._clock = exchange, kept, source, clock
        self._asking = Asking(
            kept, clock, source.pace(), tell=source.tell, progress=source.progress
        )
        self._told: dict[str, Told | None] = {}
        self._told_at: _Mark | None = None
        self._sound: dict[int, _Mark] = {}  # by token: when what is kept was checked last
        self._failed: dict[str, tuple[_Mark, ProviderError]] = {}  # by key: it alone, and when
        self._seen: set[date] = set()  # sessions of which any history has a day

    @property
    def rows(self) -> pl.DataFrame:
        """Every kept day in the schema `kept_days.ROWS`, sorted by token and date."""
        return self._kept.rows

    def ensure(self, rows: Sequence[dict[str, Any]], early: date, final: date) -> set[int]:
        """Let what is kept of `rows` of the list reach from `early` to `final` and still hold.

        Returns the tokens of which nothing could be had: a failure of their own, which is told.

        Raises
        ------
        AuthError, ProviderError
            As `Asking.run`.
        """
        now = self._clock.now()
        mark = (now.date(), final, _begun(self._exchange, now))
        rest = [row for row in rows if self._failure(row, mark) is None]
        missing, doubtful = self._unproven(rest, early, mark)
        asked = [*missing, *doubtful] if self._source.is_now() else []
        told = self._quoted(asked, mark) if asked else {}
        missing += self._judged(doubtful, told, mark) if doubtful else []
        self._kept.save()
        failed = self._ask(missing, early, mark, told, len(rows)) if missing else {}
        self._failed |= {key: (mark, error) for key, error in failed.items()}
        errors = {row["instrument_token"]: error for row in rows
                  if (error := self._failure(row, mark)) is not None}  # fmt: skip
        if errors and len(errors) == len(rows):
            raise next(iter(errors.values()))
        if failed:
            self._source.warn(_words(failed))
        self._sound |= {row["instrument_token"]: mark for row in rest}
        return set(errors)

    def _failure(self, row: dict[str, Any], mark: _Mark) -> ProviderError | None:
        """Return why the days of a row of the list could not be had at that mark, if so."""
        when, error = self._failed.get(_key(row), (None, None))
        return error if when == mark else None

    def _unproven(
        self, rows: Sequence[dict[str, Any]], early: date, mark: _Mark
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what has to be asked for, and what the quotes have to be asked about."""
        now = self._source.is_now()
        missing, doubtful = [], []
        for row in rows:
            token = row["instrument_token"]
            held = self._kept.held.get(token)
            if held is None or held.key != _key(row) or held.first > early:
                missing.append(row)
            elif self._sound.get(token) != mark and (now or held.through < mark[1]):
                doubtful.append(row)
        return missing, doubtful

    def _ask(
        self,
        rows: Sequence[dict[str, Any]],
        early: date,
        mark: _Mark,
        told: Mapping[str, Told | None],
        total: int,
    ) -> dict[str, ProviderError]:
        """Ask for whole histories up to now; return who failed alone."""
        now = self._clock.now()
        first = min(early, now.date() - timedelta(days=_LOOKBACK))
        pieces = spans(first, now.date(), history_days(Interval.DAY, now.date()))
        final = now - self._source.grace
        through = last_final(self._exchange, final)
        facts = self._facts(rows, told, first, through, mark)
        answers = Answers(
            self._exchange, lambda row, span: self._source.answer(row, Interval.DAY, span)
        )

        def ask(row: dict[str, Any]) -> pl.DataFrame:
            known = facts(row)
            days = answers.believed(row, known, pieces, final)
            self._seen.update(days["date"])
            average = known.told.average if known.told else None
            at = pl.col("date") == pl.lit(known.day, pl.Date)  # of a day under way it still moves
            return days.with_columns(average=pl.when(at).then(pl.lit(average, pl.Float64)))

        try:
            return self._asking.run(
                rows, ask, first=first, through=through, calls_each=len(pieces),
                sound=total - len(rows),
            )  # fmt: skip
        finally:
            if answers.refused:
                self._source.set_aside(pl.concat(answers.refused))
            for text in answers.told():
                self._source.warn(text)

    def _facts(
        self,
        rows: Sequence[dict[str, Any]],
        told: Mapping[str, Told | None],
        first: date,
        through: date,
        mark: _Mark,
    ) -> Callable[[dict[str, Any]], Known]:
        """Return what tells of a row of the list what its answer is held against."""
        tokens = [row["instrument_token"] for row in rows]
        kept = self.rows.filter(pl.col("token").is_in(tokens)).partition_by("token", as_dict=True)
        sessions = _sessions(self._exchange, first, through)
        self._seen.update(self.rows["date"].unique())

        def facts(row: dict[str, Any]) -> Known:
            token, held = row["instrument_token"], self._kept.held.get(row["instrument_token"])
            held = held if held is not None and held.key == _key(row) else None
            return Known(
                first=first, last=through, begun=mark[2], tick=row["tick_size"] or _TICK,
                sessions=self._had(sessions),
                index=row["asset_type"] == AssetType.INDEX, told=told.get(_key(row)), held=held,
                kept=kept.get((token,), _NONE) if held else _NONE,
            )  # fmt: skip

        return facts

    def _had(self, sessions: Sequence[date]) -> list[date]:
        """Return the sessions but for those of which Kite has nothing, as many histories show."""
        every = self._kept.held.values()
        firsts = heapq.nsmallest(_ENOUGH, (each.first for each in every))
        lasts = heapq.nlargest(_ENOUGH, (each.through for each in every))
        if len(firsts) < _ENOUGH:
            return list(sessions)
        return [day for day in sessions
                if day in self._seen or not firsts[-1] <= day <= lasts[-1]]  # fmt: skip

    def _judged(
        self, rows: Sequence[dict[str, Any]], told: Mapping[str, Told | None], mark: _Mark
    ) -> list[dict[str, Any]]:
        """Complete what the quotes complete; return what has to be asked for anew."""
        _, final, begun = mark
        now, before = self._clock.now(), _before(self._exchange, final)
        tokens = [row["instrument_token"] for row in rows]
        tails: dict[int, list[dict[str, Any]]] = {}
        newest = self.rows.filter(pl.col("token").is_in(tokens)).group_by("token").tail(2)
        for day in newest.sort("token", "date").iter_rows(named=True):
            tails.setdefault(day["token"], []).append(day)
        ask: list[dict[str, Any]] = []
        states: list[tuple[int, Held]] = []
        days: list[dict[str, Any]] = []
        for row in rows:
            token = row["instrument_token"]
            verdict = judge(
                self._kept.held[token], tails.get(token, []), told.get(_key(row)),
                tick=row["tick_size"] or _TICK, last=final, before=before, begun=begun, now=now,
                index=row["asset_type"] == AssetType.INDEX,
            )  # fmt: skip
            if verdict.ask:
                ask.append(row)
            elif verdict.held is not None:
                states.append((token, verdict.held))
                days += [{**day, "token": token} for day in verdict.rows]
        self._kept.amend(states, pl.DataFrame(days, schema=ROWS))
        return ask

    def _quoted(self, rows: Sequence[dict[str, Any]], mark: _Mark) -> dict[str, Told | None]:
        """Return what the quotes say, asked for once while day and sessions are the same."""
        if self._told_at != mark:
            self._told, self._told_at = {}, mark
        kinds = {_key(row): row["asset_type"] == AssetType.INDEX for row in rows}
        wanted = [key for key in kinds if key not in self._told]
        if wanted:
            found = self._source.full_quotes(wanted)
            for key in wanted:
                quote = found.get(key)
                self._told[key] = None if quote is None else told_of(quote, index=kinds[key])
        return self._told


def last_final(exchange: Exchange, moment: datetime) -> date:
    """Return the last session that is over; beyond the calendar's tables the day before."""
    try:
        return calendar.last_final_session(calendar.segment_of(exchange), moment).day
    except OutOfRange:
        return moment.astimezone(calendar.IST).date() - timedelta(days=1)


def _sessions(exchange: Exchange, first: date, last: date) -> list[date]:
    """Return the sessions from one day to another, as far as the tables reach."""
    segment = calendar.segment_of(exchange)
    begin, end = calendar.reach(segment)
    return calendar.sessions(segment, max(first, begin), min(last, end))


def _words(failed: Mapping[str, ProviderError]) -> str:
    """Say whose days could not be had, and why of the first."""
    return (
        f"left out, Kite's days of them are refused or not believed: {named(failed)}"
        f" ({'; '.join(error.what for error in list(failed.values())[:_TOLD])})"
    )


def _key(row: Mapping[str, Any]) -> str:
    return f"{row['exchange']}:{row['tradingsymbol']}"


def _before(exchange: Exchange, day: date) -> date | None:
    try:
        return calendar.previous_session(calendar.segment_of(exchange), day)
    except OutOfRange:
        return None


def _begun(exchange: Exchange, moment: datetime) -> date | None:
    try:
        return calendar.latest_session(calendar.segment_of(exchange), moment).day
    except OutOfRange:
        return None
