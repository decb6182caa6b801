"""What a fetch of candles has to ask for: a request in a person's words becomes calls.

Nothing is asked for and nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Protocol

import polars as pl

from alphastock_cli.actions.fetch_candles import parse_exchange, parse_interval
from alphastock_cli.actions.history_done import Done
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import calendar
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.candle_names import continuous_name, stored_name
from alphastock_cli.store.lake import Lake

_FIRST = date(2000, 1, 1)
_DAY = timedelta(days=1)
_ROOM = (7, 4, 1)  # days: three sessions, or one, and a weekend; none
Span = tuple[date, date]


class Source(Protocol):
    """A broker's history."""

    name: ClassVar[str]

    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        """Return what is listed under a name, or raise UnknownName with the nearest."""

    def joined(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        """Return the live future with which an underlying's expired ones are joined."""

    def longest(self, interval: Interval) -> int:
        """Return the days one call may span."""

    def final_before(self) -> datetime:
        """Return the moment before which a candle has to be over to be final."""

    def checked(
        self,
        row: dict[str, Any],
        interval: Interval,
        span: Span,
        *,
        oi: bool = False,
        continuous: bool = False,
    ) -> CandleFile:
        """Return the good candles of one call, and the others with reasons."""

    def last_ranges(self, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
        """Return ``exchange, symbol, date, high, low`` of the last session of rows of the list.

        Empty where that cannot be had; it is a witness of candles, nothing more.
        """

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
    continuous: bool = False
    refetch: bool = False


@dataclass(slots=True)
class Job:
    """One symbol: its row of the list, its name in the lake, and the calls it needs.

    Of days `kind` says what it is, and `oi` whether open interest is asked for; see `_days_of`.
    `anew` are the days of which nothing that is stored counts, `begins` where that begins now.
    `held` are sessions with stored candles, `empty` how many were answered without one. Of the
    sessions answered in this run `again` are those that the next one asks for again, `short` those
    with too few candles, `told` those in doubt that are settled now.
    """

    row: dict[str, Any]
    symbol: str
    sessions: int
    missing: list[date]
    spans: list[Span]
    kind: str = ""
    oi: bool = False
    anew: Span | None = None
    begins: bool = False
    asked: int = 0
    held: set[date] = field(default_factory=set)
    empty: int = 0
    settled: int = 0
    adds_interest: bool = False
    over: list[date] = field(default_factory=list)
    again: set[date] = field(default_factory=set)
    short: set[date] = field(default_factory=set)
    told: set[date] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def exchange(self) -> Exchange:
        """Where it is listed."""
        return Exchange(self.row["exchange"])

    @property
    def key(self) -> tuple[Exchange, str]:
        """Exchange and name in the lake."""
        return self.exchange, self.symbol


def jobs_of(
    source: Source, lake: Lake, request: HistoryRequest
) -> tuple[Interval, list[Job], date]:
    """Return the interval, the calls that each symbol needs, and the last day that is meant.

    Raises
    ------
    UsageError, UnknownName, NotOffered
        A word makes no sense, a symbol is not listed, or has nothing of the kind.
    """
    interval, exchange = parse_interval(request.interval), parse_exchange(request.exchange)
    if request.continuous and interval.is_intraday:
        raise UsageError(
            f"{source.name.capitalize()} joins contracts into days only, not into {interval.value}"
            " candles",
            safe="Nothing was asked for.", hint="Give --interval day.",
        )  # fmt: skip
    now = source.final_before()
    last = min(request.last or now.date(), now.date())
    if request.first > last:
        raise UsageError(f"--from {request.first} lies after {last}", hint="Give an earlier day.")
    segment = calendar.segment_of(exchange)
    reach = calendar.reach(segment)
    first = max(request.first, _FIRST, reach[0])
    days = calendar.sessions(segment, first, max(first, min(last, reach[1])))
    names = dict.fromkeys(request.symbols)
    if interval.is_intraday:
        rows = [source.listed(exchange, name) for name in names]
        single = {(row["exchange"], row["tradingsymbol"]): row for row in rows}
        return interval, [_minutes(source, lake, row, days, request)
                          for row in single.values()], last  # fmt: skip
    final = [day for day in days if day <= last and calendar.known_from(segment, day) <= now]
    found: dict[tuple[Exchange, str], Job] = {}
    for name in names:  # two contracts of an underlying are one continuous series
        job = _days_of(source, lake, name, final, request)
        found.setdefault(job.key, job)
    return interval, list(found.values()), last


def _minutes(
    source: Source,
    lake: Lake,
    row: dict[str, Any],
    days: Sequence[date],
    request: HistoryRequest,
) -> Job:
    exchange, interval = Exchange(row["exchange"]), parse_interval(request.interval)
    name = stored_name(row["tradingsymbol"], exchange)
    done = Done(lake, interval)
    anew = done.anew(exchange, name)  # a run before this one began it, and did not get to its end
    begins = request.refetch and anew is None and bool(days)
    hull = done.hull(exchange, name)
    if begins:
        first, last = hull or (days[0], days[-1])
        anew = min(days[0], first), max(days[-1], last)
    if anew is not None and days:
        first, last = min(days[0], anew[0]), max(days[-1], anew[1])
        days = calendar.sessions(calendar.segment_of(exchange), first, last)
    contract = _kind(row) not in {"share", "index"}
    oi = request.oi and contract
    held = set() if begins else done.days(exchange, name, days, interest=oi)
    missing = [day for day in days if day not in held]
    before = bool(missing) and hull is not None and hull[0] < missing[0]
    spans = roomy(missing, source.longest(interval), before=before)
    empty = held & done.empty(exchange, name)
    job = Job(row, name, len(days), missing, spans, kind=_kind(row), oi=oi, anew=anew,
              begins=begins, held=held - empty, empty=len(empty))  # fmt: skip
    job.settled = len(held & done.settled(exchange, name))
    job.over = [day for day in missing if calendar.known_from(
        calendar.segment_of(exchange), day) <= source.final_before()]  # fmt: skip
    job.adds_interest = oi and not begins and bool(
        done.days(exchange, name, job.missing) - empty)  # fmt: skip
    if request.oi and not contract:
        job.notes.append(f"{name} is no contract: it has no open interest")
    return job


def _days_of(
    source: Source, lake: Lake, symbol: str, days: Sequence[date], request: HistoryRequest
) -> Job:
    """Return what has to be asked for of days: nothing, or the series whole, as far as it reaches.

    A split changes every day before it, and two answers of different days must not stand side by
    side. One call holds years, so the whole costs hardly more than the day that is missing.
    """
    exchange = parse_exchange(request.exchange)
    row = source.joined(exchange, symbol) if request.continuous else source.listed(exchange, symbol)
    kind = "continuous" if request.continuous else _kind(row)
    plain = row["underlying"] if request.continuous else row["tradingsymbol"]
    name = continuous_name(plain) if request.continuous else stored_name(plain, exchange)
    done = Done(lake, Interval.DAY)
    known = done.days(exchange, name, days)
    contract = kind not in {"share", "index"}
    held = done.has_interest(exchange, name)
    wanted = contract and (request.oi or held)  # what is stored with it stays with it
    whole = request.refetch or (wanted and not held)
    missing = list(days) if whole else [day for day in days if day not in known]
    spans: list[Span] = []
    if missing:
        hull = done.hull(exchange, name) or (days[0], days[-1])
        spans = pieces(min(days[0], hull[0]), max(days[-1], hull[1]), source.longest(Interval.DAY))
    empty = known & done.empty(exchange, name)
    job = Job(row, name, len(days), missing, spans, kind=kind, oi=wanted, over=missing,
              held=known - empty, empty=len(empty.difference(missing)))  # fmt: skip
    job.settled = len(known & done.settled(exchange, name))
    job.adds_interest = wanted and not held and not request.refetch
    if request.refetch and spans:
        job.anew = spans[0][0], spans[-1][1]
    if request.oi and not contract:
        job.notes.append(f"{name} is no contract: it has no open interest")
    if request.continuous and symbol.strip().upper() not in {row["tradingsymbol"], plain}:
        job.notes.append(f"{name} is asked for with {row['tradingsymbol']}, the nearest future")
    return job


def _kind(row: dict[str, Any]) -> str:
    """Return what a row of the list is, by the words of `CANDLES_DAY`."""
    if row["option_type"] is not None:
        return "option"
    if row["expiry"] is not None:
        return "future"
    return "index" if row["asset_type"] == AssetType.INDEX else "share"


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


def roomy(days: Sequence[date], longest: int, *, before: bool = False) -> list[Span]:
    """Return as many spans as `gathered`, with room for a few days more where that costs no call.

    Where there is not enough for all of them, the last one has it, or the first one: `before`.

    >>> [span[0].day for span in roomy([date(2026, 1, day) for day in range(1, 13)], 9)]
    [1, 6]
    """
    fewest = gathered(days, longest)
    for room in _ROOM:
        spans = gathered(days, longest - room) if longest > room else []
        if len(spans) == len(fewest):
            return spans
    return _from_the_end(days, longest) if before else fewest


def _from_the_end(days: Sequence[date], longest: int) -> list[Span]:
    spans: list[Span] = []
    for day in reversed(days):
        if spans and spans[-1][1] - day < timedelta(days=longest):
            spans[-1] = (day, spans[-1][1])
        else:
            spans.append((day, day))
    return spans[::-1]


def pieces(first: date, last: date, longest: int) -> list[Span]:
    """Return the days from `first` to `last`, both inclusive, in spans of at most `longest` days.

    >>> pieces(date(2026, 1, 1), date(2026, 1, 5), 3)[-1]
    (datetime.date(2026, 1, 4), datetime.date(2026, 1, 5))
    """
    spans: list[Span] = []
    while first <= last:
        end = min(last, first + timedelta(days=longest - 1))
        spans.append((first, end))
        first = end + _DAY
    return spans
