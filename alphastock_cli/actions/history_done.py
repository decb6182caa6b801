"""Which days of which symbol a broker has answered for, for good: remembered beside the candles.

A day counts only while the lake still holds candles of it, unless it was answered empty. So a lost
or damaged file is asked for again, and a day without a trade is not. A day in doubt
(`history_doubts`) counts once it is settled.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from alphastock_cli.actions.history_doubts import grown, settled
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.store.atomic import write_bytes
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.layout import day_column

_FILE = ".answered.json"
_DAY = timedelta(days=1)
_SETTLES = timedelta(hours=1)  # after a session, until its last candles are revised no more
_RECENT = timedelta(days=20)  # longer than any time without a session


class Whole(NamedTuple):
    """A series that was answered whole: its days, those with a candle, and as of when."""

    exchange: Exchange
    symbol: str
    span: tuple[date, date]
    held: Collection[date]
    final: datetime
    oi: bool
    doubts: Mapping[date, str] = {}
    before: Mapping[str, Sequence[str]] = {}  # what was in doubt until now


class Done:
    """The days answered of one interval; written under the lake's lock."""

    def __init__(self, lake: Lake, interval: Interval) -> None:
        self._lake, self._dataset = lake, f"candles_{interval.value}"
        self._path = lake.root / self._dataset / _FILE

    def days(
        self,
        exchange: Exchange,
        symbol: str,
        sessions: Sequence[date],
        *,
        interest: bool = False,
    ) -> set[date]:
        """Return those of `sessions` that need not be asked for again.

        With `interest` those alone that were asked for with the open interest: not of days.
        """
        entry = self._seen().get(f"{exchange}:{symbol}")
        if not entry or not sessions:
            return set()
        answered = _days(entry.get("interest" if interest else "spans", ()), set(sessions))
        empty = {date.fromisoformat(text) for text in entry.get("empty", ())}
        held = self._held(exchange, symbol, sessions[0], sessions[-1])
        return (answered & (empty | held)) - self.doubtful(exchange, symbol)

    def empty(self, exchange: Exchange, symbol: str) -> set[date]:
        """Return the sessions that were answered without a candle."""
        entry = self._seen().get(f"{exchange}:{symbol}", {})
        return {date.fromisoformat(text) for text in entry.get("empty", ())}

    def doubts(self, exchange: Exchange, symbol: str) -> dict[str, list[str]]:
        """Return what was told of days in doubt, settled or not; see `history_doubts`."""
        told: dict[str, list[str]] = self._seen().get(f"{exchange}:{symbol}", {}).get("doubts", {})
        return told

    def doubtful(self, exchange: Exchange, symbol: str) -> set[date]:
        """Return the days in doubt that are to be asked for again."""
        told = self.doubts(exchange, symbol)
        return {date.fromisoformat(day) for day, marks in told.items() if not settled(marks)}

    def settled(self, exchange: Exchange, symbol: str) -> set[date]:
        """Return the days whose doubts were told so often that they are left as they are."""
        told = self.doubts(exchange, symbol)
        return {date.fromisoformat(day) for day, marks in told.items() if settled(marks)}

    def answered(self, exchange: Exchange, symbol: str, sessions: Sequence[date]) -> set[date]:
        """Return those of `sessions` whose stored candles, if they are still there, are answers."""
        entry = self._seen().get(f"{exchange}:{symbol}", {})
        without = {date.fromisoformat(text) for name in ("empty", "foreign")
                   for text in entry.get(name, ())}  # fmt: skip
        return _days(entry.get("spans", ()), set(sessions)) - without

    def foreign(self, exchange: Exchange, symbol: str, days: Iterable[date]) -> None:
        """Remember that candles of somebody else were laid over those of some days."""
        body = self._read()
        entry = body.get(f"{exchange}:{symbol}")
        if entry is not None:
            entry["foreign"] = sorted({*entry.get("foreign", ()), *map(str, days)})
            self._write(body)

    def anew(self, exchange: Exchange, symbol: str) -> tuple[date, date] | None:
        """Return the days that are being asked for anew, as long as some of them are missing."""
        pair = self._seen().get(f"{exchange}:{symbol}", {}).get("anew")
        return None if pair is None else (date.fromisoformat(pair[0]), date.fromisoformat(pair[1]))

    def begin_anew(self, exchange: Exchange, symbol: str, span: tuple[date, date]) -> None:
        """Let all days of a symbol be asked for again, also by the runs to come."""
        body = self._read()
        body[f"{exchange}:{symbol}"] = {"anew": [str(span[0]), str(span[1])]}
        self._write(body)

    def end_anew(self, names: Iterable[tuple[Exchange, str]]) -> None:
        """Let symbols be as others again: all was answered, or it was given up."""
        keys, body = {f"{exchange}:{symbol}" for exchange, symbol in names}, self._read()
        if any(body.get(key, {}).pop("anew", None) for key in keys):
            self._write(body)

    def hull(self, exchange: Exchange, symbol: str) -> tuple[date, date] | None:
        """Return the first and the last day answered, None where none is."""
        spans = self._seen().get(f"{exchange}:{symbol}", {}).get("spans", ())
        ends = [date.fromisoformat(day) for span in spans for day in span]
        return (min(ends), max(ends)) if ends else None

    def has_interest(self, exchange: Exchange, symbol: str) -> bool:
        """Tell whether it was asked for with open interest; known of days alone."""
        return self._seen().get(f"{exchange}:{symbol}", {}).get("oi") is True

    def put(self, series: Iterable[Whole]) -> None:
        """Remember one span of each of these instead of all that was remembered of it."""
        body = self._read()
        for one in series:
            days = _for_good(one.exchange, one.span, one.held, one.final)
            doubts = grown(one.before, {day: one.doubts[day] for day in days if day in one.doubts})
            body.pop(f"{one.exchange}:{one.symbol}", None)
            if not days:
                continue
            body[f"{one.exchange}:{one.symbol}"] = {
                "spans": [[str(days[0]), str(days[-1])]],
                "empty": [str(day) for day in days if day not in one.held],
                **({"oi": True} if one.oi else {}),
                **({"doubts": doubts} if doubts else {}),
            }
        self._write(body)

    def forget(self, names: Iterable[tuple[Exchange, str]]) -> None:
        """Let symbols be asked for again, whatever is stored of them."""
        keys, body = {f"{exchange}:{symbol}" for exchange, symbol in names}, self._read()
        if keys & body.keys():
            self._write({key: entry for key, entry in body.items() if key not in keys})

    def add(
        self,
        exchange: Exchange,
        symbol: str,
        span: tuple[date, date],
        held: Collection[date],
        final: datetime,
        *,
        doubts: Mapping[date, str] = {},
        interest: bool = False,
    ) -> None:
        """Remember a span that was answered, as far as its days are answered for good by `final`.

        Parameters
        ----------
        held : collection of date
            The days that have a candle.
        doubts : mapping of date to str
            The days in doubt, with what speaks against them.
        interest : bool
            Whether it was asked for with the open interest.
        """
        days = _for_good(exchange, span, held, final)
        if not days:
            return
        body = self._read()
        entry = body.setdefault(f"{exchange}:{symbol}", {})
        for name in ("spans", *(["interest"] if interest else [])):
            entry[name] = _merged([*entry.get(name, ()), [str(days[0]), str(days[-1])]])
        told, answered = entry.pop("doubts", {}), {str(day) for day in days}
        told = {day: marks for day, marks in told.items() if day not in answered} | grown(
            told, {day: doubts[day] for day in days if day in doubts}
        )
        if told:
            entry["doubts"] = told
        empty = set(entry.get("empty", ())) | {str(day) for day in days if day not in held}
        entry["empty"] = sorted(empty - {str(day) for day in held})
        if "foreign" in entry:
            entry["foreign"] = sorted({*entry["foreign"]} - {str(day) for day in days})
        self._write(body)

    def _held(self, exchange: Exchange, symbol: str, first: date, last: date) -> set[date]:
        when = day_column(self._dataset)
        rows = self._lake.scan(
            self._dataset, start=first, end=last, columns=["exchange", "symbol", when]
        )
        mine = rows.filter(exchange=exchange.value, symbol=symbol)
        day = pl.col(when).dt.date() if when == "time" else pl.col(when)
        days = collect(mine.select(day.unique()), what=self._dataset)
        return set(days.to_series())

    def _write(self, body: dict[str, Any]) -> None:
        make_private(self._path.parent)
        write_bytes(self._path, json.dumps(body).encode(), mode=0o600)

    def _seen(self) -> dict[str, Any]:
        """Return what is remembered, to be read only: parsed once while the file is the same."""
        try:
            facts = self._path.stat()
        except OSError:
            return {}
        return _parsed(self._path, (facts.st_ino, facts.st_mtime_ns, facts.st_size))

    def _read(self) -> dict[str, Any]:
        """Return what is remembered, to be changed and written."""
        return _body(self._path)


@lru_cache(maxsize=4)
def _parsed(path: Path, stamp: tuple[int, int, int]) -> dict[str, Any]:
    del stamp  # a file is replaced, never changed: another one has another
    return _body(path)


def _body(path: Path) -> dict[str, Any]:
    """Return what a file holds; what cannot be read is forgotten and asked for again."""
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    sound = isinstance(body, dict) and all(_is_sound(entry) for entry in body.values())
    return body if sound else {}


def _for_good(
    exchange: Exchange, span: tuple[date, date], held: Collection[date], final: datetime
) -> list[date]:
    """Return the sessions of a span of which an answer is the last word.

    Not those that ended just now, whose last candles may be revised, nor the newest that is over
    if it had no candle: perhaps it had not come yet.
    """
    segment = calendar.segment_of(exchange)
    days = [day for day in calendar.sessions(segment, *span)
            if calendar.known_from(segment, day) + _SETTLES <= final]  # fmt: skip
    if days and days[-1] not in held and days[-1] == newest(exchange, final):
        days.pop()
    return days


def newest(exchange: Exchange, final: datetime) -> date | None:
    """Return the last session that was over at a moment; None beyond the tables."""
    segment = calendar.segment_of(exchange)
    first, last = calendar.reach(segment)
    today = final.astimezone(calendar.IST).date()
    span = max(first, today - _RECENT), min(last, today)
    days = calendar.sessions(segment, *span) if span[0] <= span[1] else []
    return max((day for day in days if calendar.known_from(segment, day) <= final), default=None)


def _days(spans: Iterable[Sequence[str]], among: Collection[date]) -> set[date]:
    pairs = [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in spans]
    return {day for day in among if any(first <= day <= last for first, last in pairs)}


def _merged(spans: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return spans in order, those that touch or overlap joined; gaps without a session do not."""
    found: list[list[date]] = []
    pairs = sorted((date.fromisoformat(first), date.fromisoformat(last)) for first, last in spans)
    for first, last in pairs:
        if found and first <= found[-1][1] + _DAY:
            found[-1][1] = max(found[-1][1], last)
        else:
            found.append([first, last])
    return [[str(first), str(last)] for first, last in found]


def _is_sound(entry: Any) -> bool:  # noqa: ANN401 - as read
    try:
        _merged([*entry.get("spans", ()), *([entry["anew"]] if "anew" in entry else [])])
        _merged(entry.get("interest", ()))
        for day, marks in entry.get("doubts", {}).items():
            date.fromisoformat(day)
            if not all(isinstance(mark, str) for mark in [*marks, *([] if marks else [0])]):
                return False
        return all(date.fromisoformat(text) for name in ("empty", "foreign")
                   for text in entry.get(name, ()))  # fmt: skip
    except (AttributeError, TypeError, ValueError):
        return False
