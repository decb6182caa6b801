"""Which days of which symbol a broker has answered for, for good: remembered beside the candles.

A day counts only while the lake still holds candles of it, unless it was answered empty. So a lost
or damaged file is asked for again, and a day without a trade is not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.store.atomic import write_bytes
from alphastock_cli.store.lake import Lake

_FILE = ".answered.json"
_DAY = timedelta(days=1)


class Done:
    """The days answered of one interval; written under the lake's lock."""

    def __init__(self, lake: Lake, interval: Interval) -> None:
        self._lake, self._dataset = lake, f"candles_{interval.value}"
        self._path = lake.root / self._dataset / _FILE

    def days(self, exchange: Exchange, symbol: str, sessions: Sequence[date]) -> set[date]:
        """Return those of `sessions` that need not be asked for again."""
        entry = self._read().get(f"{exchange}:{symbol}")
        if not entry or not sessions:
            return set()
        answered = _days(entry.get("spans", ()), set(sessions))
        empty = {date.fromisoformat(text) for text in entry.get("empty", ())}
        return answered & (empty | self._held(exchange, symbol, sessions[0], sessions[-1]))

    def add(
        self,
        exchange: Exchange,
        symbol: str,
        span: tuple[date, date],
        held: Collection[date],
        final: datetime,
    ) -> None:
        """Remember a span that was answered, as far as its days were final by `final`."""
        segment = calendar.segment_of(exchange)
        days = [day for day in calendar.sessions(segment, *span)
                if calendar.known_from(segment, day) <= final]  # fmt: skip
        if not days:
            return
        body = self._read()
        entry = body.setdefault(f"{exchange}:{symbol}", {})
        entry["spans"] = _merged([*entry.get("spans", ()), [str(days[0]), str(days[-1])]])
        empty = set(entry.get("empty", ())) | {str(day) for day in days if day not in held}
        entry["empty"] = sorted(empty - {str(day) for day in held})
        write_bytes(self._path, json.dumps(body).encode(), mode=0o600)

    def _held(self, exchange: Exchange, symbol: str, first: date, last: date) -> set[date]:
        rows = self._lake.scan(
            self._dataset, start=first, end=last, columns=["exchange", "symbol", "time"]
        )
        mine = rows.filter(exchange=exchange.value, symbol=symbol)
        days = collect(mine.select(pl.col("time").dt.date().unique()), what=self._dataset)
        return set(days.to_series())

    def _read(self) -> dict[str, Any]:
        """Return what is remembered; what cannot be read is forgotten and asked for again."""
        try:
            body = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        sound = isinstance(body, dict) and all(_is_sound(entry) for entry in body.values())
        return body if sound else {}


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
        _merged(entry.get("spans", ()))
        return all(date.fromisoformat(text) for text in entry.get("empty", ()))
    except (AttributeError, TypeError, ValueError):
        return False
