"""The session of one segment on one day, put together from the dated tables of `exchange/data`.

Here rows become values: which days are traded, with which phases, and on whose word. Questions
about moments and neighbours (next, latest, open now) belong to `calendar.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from enum import StrEnum
from functools import cache, lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

IST = ZoneInfo("Asia/Kolkata")
ALL, WITH_DERIVATIVES, WITHOUT_DERIVATIVES = "all", "with_derivatives", "without_derivatives"

_CONTINUOUS = "continuous"
_TRADING = frozenset({_CONTINUOUS, "closing_auction"})  # phases in which the segment counts as open
_MARKS = "DLMSCU"  # confidence, best first; a session is as sure as the weakest row behind it
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FILE = "exchange/data/coverage.csv"


class Segment(StrEnum):
    """A market with a calendar of its own; NSE and BSE share one."""

    EQUITY = "equity"
    FNO = "fno"
    CURRENCY = "currency"
    COMMODITY = "commodity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of a session, ``[opens, closes)``, aware, Asia/Kolkata.

    `stocks` says whom it is for: ``all``, ``with_derivatives`` or ``without_derivatives``.
    """

    name: str
    opens: datetime
    closes: datetime
    stocks: str = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One traded day of one segment.

    Attributes
    ----------
    kind : str
        ``full``, ``muhurat``, ``special``, ``evening``, ``morning``, or ``unknown_hours`` for an
        ordinary day of years whose hours no source gave.
    opens, closes : datetime or None
        First opening and last closing of continuous trading, aware, Asia/Kolkata. None where no
        source gives the hours; there may be a break between them (see `phases`).
    source, confidence : str
        Who says so; the confidence is that of the weakest row (marks in the tables).
    phases : tuple of Phase
        Ascending by opening; empty where the hours are not known.
    """

    segment: Segment
    day: date
    kind: str
    opens: datetime | None
    closes: datetime | None
    source: str
    confidence: str
    phases: tuple[Phase, ...]

    def phases_for(self, *, has_derivatives: bool) -> tuple[Phase, ...]:
        """Return the phases that apply to stocks with, or without, derivatives."""
        whom = (ALL, WITH_DERIVATIVES if has_derivatives else WITHOUT_DERIVATIVES)
        return tuple(phase for phase in self.phases if phase.stocks in whom)

    def closes_for(self, *, has_derivatives: bool) -> datetime | None:
        """Return when continuous trading of such a stock ends, before any closing auction.

        None where the hours are not known. Outside the cash segment both answers are the same.
        """
        phases = self.phases_for(has_derivatives=has_derivatives)
        return max((p.closes for p in phases if p.name == _CONTINUOUS), default=None)

    @property
    def trading_phases(self) -> tuple[Phase, ...]:
        """The phases in which the segment is open: continuous trading and the closing auction."""
        return tuple(phase for phase in self.phases if phase.name in _TRADING)

    @property
    def final_at(self) -> datetime | None:
        """When the last continuous or auction phase ends; None where the hours are not known.

        No end-of-day file of the session can exist earlier.
        """
        return max((phase.closes for phase in self.trading_phases), default=None)


@dataclass(frozen=True, slots=True)
class _Days:
    """The rows of one segment, looked up by day."""

    first: date
    last: date
    weekdays: frozenset[int]
    coverage: tuple[dict[str, str], ...]
    listed: MappingProxyType[date, dict[str, str]]  # holidays and half days
    special: MappingProxyType[date, tuple[dict[str, str], ...]]
    hours: tuple[dict[str, str], ...]


def reach(segment: Segment) -> tuple[date, date]:
    """Return the first and the last day the tables of `segment` speak about, both inclusive."""
    days = _days(segment)
    return days.first, days.last


def is_session(segment: Segment, day: date) -> bool:
    """Tell whether `segment` trades on `day`, be it for an hour.

    Raises
    ------
    OutOfRange
        The tables do not reach `day`.
    """
    days = _days(segment)
    _within(days, segment, day)
    if day in days.special:
        return True
    row = days.listed.get(day)
    return row["kind"] != "closed" if row else day.weekday() in days.weekdays


def days_between(segment: Segment, start: date, end: date) -> list[date]:
    """Return the days `segment` trades from `start` to `end`, both inclusive, ascending.

    Raises
    ------
    OutOfRange
        The tables do not reach `start` or `end`.
    """
    if start > end:
        return []
    days = _days(segment)
    for day in (start, end):
        _within(days, segment, day)
    numbers = range(start.toordinal(), end.toordinal() + 1)
    # the first of January of the year 1, ordinal 1, was a Monday
    usual = [date.fromordinal(n) for n in numbers if (n - 1) % 7 in days.weekdays]
    named = days.listed.keys() | days.special.keys()
    found = [day for day in usual if day not in named]
    found += [day for day in named if start <= day <= end and is_session(segment, day)]
    return sorted(found)


@lru_cache(maxsize=4096)
def session(segment: Segment, day: date) -> Session | None:
    """Return the session of `segment` on `day`, None when it is closed.

    Raises
    ------
    OutOfRange
        The tables do not reach `day`; the message says from when to when they do.
    """
    if not is_session(segment, day):
        return None
    days = _days(segment)
    if day in days.special:
        rows = days.special[day]
        kind, phase = rows[0]["kind"], rows[0]["phase"]
        if phase == "regular":
            return _build(segment, day, kind, rows, _regular(days, "full", day))
        return _build(segment, day, kind, rows, () if phase == "unknown" else rows)
    row = days.listed.get(day) or next(row for row in days.coverage if valid_on(row, day))
    kind = row.get("kind", "full")
    hours = _regular(days, kind, day)
    return _build(segment, day, kind if hours else "unknown_hours", (row,), hours)


def holidays(segment: Segment, year: int) -> list[tuple[date, str, str]]:
    """Return the days of `year` on the exchange's holiday list: day, description, source.

    The list is the exchange's own: it names weekends where that does, and days with a muhurat or
    with one half traded, of which the description says so. Ask `is_session` whether a day trades.

    Raises
    ------
    OutOfRange
        The tables reach no day of `year`.
    """
    days = _days(segment)
    if not days.first.year <= year <= days.last.year:
        _within(days, segment, date(year, 1, 1))
    listed = sorted(day for day in days.listed if day.year == year)
    return [(day, _described(days, day), days.listed[day]["source"]) for day in listed]


def _described(days: _Days, day: date) -> str:
    """Return the name of a listed day and what is traded on it nevertheless."""
    row = days.listed[day]
    if day in days.special:
        return f"{row['description']} ({days.special[day][0]['kind']} session held)"
    if row["kind"] != "closed":
        return f"{row['description']} ({row['kind']} session held)"
    return row["description"]


def _within(days: _Days, segment: Segment, day: date) -> None:
    """Refuse a day the tables do not reach, and a datetime, which would match no row."""
    if isinstance(day, datetime):
        raise TypeError(f"the calendar takes dates, got the datetime {day}")
    if days.first <= day <= days.last:
        return
    hint = (
        "The exchanges publish the next year in December: add it to holidays.csv and coverage.csv."
        if day > days.last
        else "Choose a later date."
    )
    raise OutOfRange(
        f"the {segment} calendar reaches from {days.first} to {days.last} ({_FILE}),"
        f" {day} is outside",
        hint=hint,
    )


def _regular(days: _Days, kind: str, day: date) -> tuple[dict[str, str], ...]:
    """Return the rows of `hours.csv` for that kind of session on `day`; empty when none reaches."""
    rows = tuple(row for row in days.hours if row["kind"] == kind and valid_on(row, day))
    return rows if any(row["phase"] == _CONTINUOUS for row in rows) else ()


def _build(
    segment: Segment,
    day: date,
    kind: str,
    rows: Sequence[dict[str, str]],
    hours: Sequence[dict[str, str]],
) -> Session:
    """Make the session of `day` from the rows that declare it and the rows of its phases."""
    phases = sorted((_phase(day, row) for row in hours), key=lambda p: (p.opens, p.closes))
    continuous = [phase for phase in phases if phase.name == _CONTINUOUS]
    trading = [row for row in hours if row["phase"] in _TRADING]
    source, timed = _sources(rows), _sources(trading)
    return Session(
        segment=segment,
        day=day,
        kind=kind,
        opens=min((phase.opens for phase in continuous), default=None),
        closes=max((phase.closes for phase in continuous), default=None),
        source=source if timed in ("", source) else f"{source}; hours: {timed}",
        confidence=max((row["confidence"] for row in (*rows, *trading)), key=_MARKS.index),
        phases=tuple(phases),
    )


def _sources(rows: Iterable[dict[str, str]]) -> str:
    return ", ".join(dict.fromkeys(row["source"] for row in rows))


def _phase(day: date, row: dict[str, str]) -> Phase:
    def at(text: str) -> datetime:
        return datetime.combine(day, time.fromisoformat(text), IST)

    return Phase(
        name=row["phase"],
        opens=at(row["opens"]),
        closes=at(row["closes"]),
        stocks=row.get("stocks", ALL),
    )


@cache
def _days(segment: Segment) -> _Days:
    """Read the tables of one segment into look-ups, once."""
    coverage = tuple(row for row in read_table("coverage") if row["segment"] == segment)
    special: dict[date, list[dict[str, str]]] = {}
    for row in _of(segment, "special_sessions"):
        special.setdefault(date.fromisoformat(row["day"]), []).append(row)
    listed = {date.fromisoformat(row["day"]): row for row in _of(segment, "holidays")}
    for row in _of(segment, "equity_closed_early"):
        listed |= {day: early for day, early in _early(row) if valid_on(_span(coverage), day)}
    span = _span(coverage)
    first, last = parse_date(span["valid_from"]), parse_date(span["valid_to"])
    assert first is not None
    assert last is not None
    return _Days(
        first=first,
        last=last,
        weekdays=frozenset(_WEEKDAYS.index(name) for name in coverage[0]["weekdays"].split()),
        coverage=coverage,
        listed=MappingProxyType(listed),
        special=MappingProxyType({day: tuple(rows) for day, rows in special.items()}),
        hours=tuple(row for row in read_table("hours") if row["segment"] == segment),
    )


def _span(coverage: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return first and last day over the coverage rows, which stand in order."""
    return {"valid_from": coverage[0]["valid_from"], "valid_to": coverage[-1]["valid_to"]}


def _of(segment: Segment, table: str) -> Iterable[dict[str, str]]:
    """Yield the rows of a table whose column ``segments`` names `segment`."""
    return (row for row in read_table(table) if segment.value in row["segments"].split())


def _early(row: dict[str, str]) -> Iterable[tuple[date, dict[str, str]]]:
    """Yield the closed weekdays of one year of the early table as holiday rows."""
    closed = {
        "kind": "closed",
        "description": "weekday without a session, not named by the source",
        "source": row["source"],
        "confidence": row["confidence"],
    }
    return ((date.fromisoformat(f"{row['year']}-{text}"), closed) for text in row["days"].split())
