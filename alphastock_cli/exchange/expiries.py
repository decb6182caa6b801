"""Which expiries of a symbol are listed on a day, by the rules and holidays announced until then.

Weekdays, counts, changes of regime and the days of announcement are rows of `expiry_rules.csv` and
`announced.csv`. A rule counts from its announcement, so an expiry is the day on which the contract
will end; a master may carry the older date until the exchange moves the contract. Where a master
is at hand its expiries rule; this is for days without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.tables import parse_date, read_table

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_QUARTERS = frozenset({3, 6, 9, 12})
_HALVES = frozenset({6, 12})
_MONTHS = frozenset(range(1, 13))
_DAY = timedelta(days=1)
_SATURDAY = 5
_DAYS_AHEAD = 140
_YEARS_AHEAD = 8
_SYMBOLIC = "muhurat"  # an hour of trading on a holiday: contracts end on the session before
_BEFORE_LAST = "last-"  # a rule that counts sessions back from the month's last one


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """One listed expiry: its date, its kind, and which rule says so.

    `regular` is the date the rule alone gives; `day` is earlier where a holiday moves it.
    """

    day: date
    regular: date
    kind: str
    source: str
    holidays_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRule:
    """One row of the table: for expiries from `first` to `last`, as announced on `known`.

    `weekday` counts from Monday 0 and is None for a rule that counts `back` sessions from the last
    one of the month; `count` is how many expiries of the kind are listed at a time.
    """

    kind: str
    weekday: int | None
    back: int
    count: int
    first: date
    last: date
    known: date
    segment: calendar.Segment
    source: str


def has_rules(symbol: str) -> bool:
    """Return whether the table knows expiries of `symbol`."""
    return bool(_rules(symbol))


def expiry_rules(symbol: str, on: date) -> tuple[ExpiryRule, ...]:
    """Return every rule of `symbol` that was announced by `on`, old ones too, in file order."""
    return tuple(rule for rule in _rules(symbol) if rule.known <= on)


def listed_expiries(symbol: str, on: date) -> tuple[Expiry, ...]:
    """Return the expiries of `symbol` listed on a day, ascending, each once.

    The expiry of `on` itself is still listed. Holidays announced after `on` do not move anything.

    Raises
    ------
    UnknownName
        The table holds no rule of `symbol` at all.
    OutOfRange
        The rules or the calendar do not reach that day.
    """
    if not has_rules(symbol):
        raise UnknownName.of(
            "symbol", symbol, _symbols(), hint="Its expiries are in an instrument master only."
        )
    rules = expiry_rules(symbol, on)
    _, end = calendar.reach(_rules(symbol)[0].segment)
    if not rules or on > end:
        first = min(rule.known for rule in _rules(symbol))
        raise OutOfRange(
            f"the expiries of {symbol} are known from {first} to {end}, not on {on}",
            hint="Load an instrument master of that day.",
        )
    listing = _Listing(rules, on)
    near = listing.serial("monthly", on)
    found = near + listing.weeklies()
    last = near[-1].day if near else on
    for kind, months in (("quarterly", _QUARTERS), ("half_yearly", _HALVES)):
        far = listing.serial(kind, last, months=months, after=last)
        found += far
        last = far[-1].day if far else last
    return tuple(sorted(found, key=lambda item: item.day))


@dataclass(frozen=True, slots=True)
class _Listing:
    """What can be listed of one symbol by the rules and holidays known on `on`."""

    rules: tuple[ExpiryRule, ...]
    on: date

    def serial(
        self,
        kind: str,
        start: date,
        *,
        months: frozenset[int] = _MONTHS,
        after: date | None = None,
    ) -> list[Expiry]:
        """Return the next expiries of a kind in the given months, at most the rule's count."""
        found: list[Expiry] = []
        for year, month in _following(start):
            if month not in months or (after and (year, month) <= (after.year, after.month)):
                continue
            rule = self._rule(kind, _month_end(year, month))
            if rule is None:
                continue
            expiry = self._in_month(rule, year, month)
            if expiry.day >= start:
                found.append(expiry)
            if len(found) >= rule.count:
                break
        return found

    def weeklies(self) -> list[Expiry]:
        """Return the weekly expiries; the week of a month's last expiry has none of its own."""
        found: list[Expiry] = []
        for step in range(_DAYS_AHEAD):
            day = self.on + step * _DAY
            rule = self._rule("weekly", day)
            if rule is None or day.weekday() != rule.weekday:
                continue
            if day.isocalendar()[:2] == self._monthly_week(day):
                continue
            expiry = self._moved(day, rule)
            if expiry.day >= self.on:
                found.append(expiry)
            if len(found) >= rule.count:
                break
        return found

    def _monthly_week(self, day: date) -> tuple[int, int] | None:
        """Return the week in which the month of `day` has its last expiry."""
        rule = self._rule("monthly", _month_end(day.year, day.month))
        if rule is None:
            return None
        return self._in_month(rule, day.year, day.month).regular.isocalendar()[:2]

    def _in_month(self, rule: ExpiryRule, year: int, month: int) -> Expiry:
        """Return the expiry of a month: its last such weekday, or sessions counted back."""
        last = _month_end(year, month)
        if rule.weekday is not None:
            return self._moved(last - timedelta(days=(last.weekday() - rule.weekday) % 7), rule)
        day, left = last, rule.back
        while left or not self._open(day, rule.segment):
            left -= self._open(day, rule.segment)
            day -= _DAY
        return self._expiry(day, day, rule)

    def _moved(self, day: date, rule: ExpiryRule) -> Expiry:
        """Move `day` to the session before where the exchange is known to be closed."""
        actual = day
        while not self._open(actual, rule.segment):
            actual -= _DAY
        return self._expiry(actual, day, rule)

    def _expiry(self, actual: date, regular: date, rule: ExpiryRule) -> Expiry:
        known = self._list_is_out(regular, rule.segment)
        return Expiry(
            day=actual, regular=regular, kind=rule.kind, source=rule.source, holidays_known=known
        )

    def _open(self, day: date, segment: calendar.Segment) -> bool:
        """Tell whether `day` was a session as far as one knew on `on`."""
        ordinary = day.weekday() < _SATURDAY
        if not self._list_is_out(day, segment):
            return ordinary and f"{day:%m-%d}" not in _fixed()
        if ordinary and _announced(day) > self.on:
            return True  # a holiday added to the list later on
        held = calendar.session(segment, day)
        return held is not None and held.kind != _SYMBOLIC

    def _list_is_out(self, day: date, segment: calendar.Segment) -> bool:
        """Tell whether the holiday list of the year of `day` is in our tables and was known."""
        first, end = calendar.reach(segment)
        return first <= day <= end and _announced(date(day.year, 1, 1)) <= self.on

    def _rule(self, kind: str, day: date) -> ExpiryRule | None:
        """Return the rule of a kind for expiries about `day`: the one that was known last."""
        fitting = [r for r in self.rules if r.kind == kind and r.first <= day <= r.last]
        return max(fitting, key=lambda rule: (rule.known, rule.first), default=None)


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - _DAY


def _following(start: date) -> Iterator[tuple[int, int]]:
    for step in range(12 * _YEARS_AHEAD):
        month = start.month - 1 + step
        yield start.year + month // 12, month % 12 + 1


@cache
def _announced(day: date) -> date:
    """Return since when it was known whether `day` is a holiday; the last fitting row says so."""
    found = date.max
    for row in read_table("announced"):
        if (parse_date(row["first"]) or date.min) <= day <= (parse_date(row["last"]) or date.max):
            found = parse_date(row["announced"]) or date.min
    return found


@cache
def _rules(symbol: str) -> tuple[ExpiryRule, ...]:
    return tuple(_rule(row) for row in read_table("expiry_rules") if row["symbol"] == symbol)


def _rule(row: Mapping[str, str]) -> ExpiryRule:
    counted = row["day"].startswith(_BEFORE_LAST)
    return ExpiryRule(
        kind=row["kind"],
        weekday=None if counted else _WEEKDAYS.index(row["day"]),
        back=int(row["day"].removeprefix(_BEFORE_LAST)) if counted else 0,
        count=int(row["count"]),
        first=parse_date(row["expiry_from"]) or date.min,
        last=parse_date(row["expiry_to"]) or date.max,
        known=parse_date(row["valid_from"]) or date.min,
        segment=calendar.segment_of(Exchange(row["segment"])),
        source=row["source"],
    )


@cache
def _symbols() -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["symbol"] for row in read_table("expiry_rules")))


@cache
def _fixed() -> frozenset[str]:
    return frozenset(row["month_day"] for row in read_table("fixed_holidays"))
