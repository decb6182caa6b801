"""Which expiries of a symbol are listed on a day, as the rules were known that day.

Weekdays, counts and changes of regime are rows of `expiry_rules.csv`. Where an instrument master is
at hand its expiries rule; this is for days without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.tables import parse_date, read_table

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_QUARTERS = frozenset({3, 6, 9, 12})
_HALVES = frozenset({6, 12})
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_YEARS_AHEAD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """One listed expiry: its date, its kind, and which rule says so."""

    day: date
    kind: str
    source: str
    holidays_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    kind: str
    weekday: int
    count: int
    first: date
    last: date
    known: date
    source: str


def has_rules(symbol: str) -> bool:
    """Return whether the table knows expiries of `symbol`."""
    return any(row["symbol"] == symbol for row in read_table("expiry_rules"))


def listed_expiries(symbol: str, on: date) -> tuple[Expiry, ...]:
    """Return the expiries of `symbol` listed on a day, ascending, each once.

    Raises
    ------
    OutOfRange
        The rules or the calendar do not reach that day.
    """
    rules = [rule for rule in _rules(symbol) if rule.known <= on]
    _, end = calendar.reach(calendar.Segment.FNO)
    if not rules or on > end:
        first = min((rule.known for rule in _rules(symbol)), default=None)
        raise OutOfRange(
            f"the expiries of {symbol} are known from {first} to {end}, not on {on}",
            hint="Load an instrument master of that day.",
        )
    near = _serial(rules, on, "monthly", range(1, 13))
    found = list(near)
    found += _weeklies(rules, on, near)
    last = near[-1].day if near else on
    quarters = _serial(rules, last, "quarterly", _QUARTERS, after=last)
    found += quarters
    last = quarters[-1].day if quarters else last
    found += _serial(rules, last, "half_yearly", _HALVES, after=last)
    return tuple(sorted(found, key=lambda item: item.day))


def _serial(
    rules: list[_Rule],
    on: date,
    kind: str,
    months: range | frozenset[int],
    *,
    after: date | None = None,
) -> list[Expiry]:
    """Return the next expiries of a kind in the given months, at most the rule's count."""
    found: list[Expiry] = []
    for year, month in _months(on):
        if month not in months or (after and (year, month) <= (after.year, after.month)):
            continue
        expiry = _monthly(rules, year, month, kind)
        if expiry is None:
            continue
        if expiry.day >= on:
            found.append(expiry)
        count = _rule_for(rules, kind, expiry.day)
        if count is not None and len(found) >= count.count:
            break
    return found


def _weeklies(rules: list[_Rule], on: date, near: list[Expiry]) -> list[Expiry]:
    """Return the weekly expiries that are not the month's last one."""
    taken = {item.day.isocalendar()[:2] for item in near}
    found: list[Expiry] = []
    day = on
    while day < on + 20 * _WEEK:
        rule = _rule_for(rules, "weekly", day)
        if rule is not None and day.weekday() == rule.weekday:
            expiry = _moved(day, rule)
            months = _monthly(rules, day.year, day.month, "monthly")
            own = expiry.day.isocalendar()[:2]
            is_monthly = own in taken or (
                months is not None and own == months.day.isocalendar()[:2]
            )
            if expiry.day >= on and not is_monthly:
                found.append(expiry)
                if len(found) >= rule.count:
                    break
        day += _DAY
    return found


def _monthly(rules: list[_Rule], year: int, month: int, kind: str) -> Expiry | None:
    """Return the last expiry of a month: the last such weekday, moved before a holiday."""
    last = date(year + month // 12, month % 12 + 1, 1) - _DAY
    rule = _rule_for(rules, kind, last)
    if rule is None:
        return None
    day = last - timedelta(days=(last.weekday() - rule.weekday) % 7)
    return _moved(day, rule)


def _moved(day: date, rule: _Rule) -> Expiry:
    """Move `day` to the session before where the exchange is closed."""
    first, end = calendar.reach(calendar.Segment.FNO)
    known = first <= day <= end
    actual = day
    while not _open(actual, known=known):
        actual -= _DAY
    return Expiry(day=actual, kind=rule.kind, source=rule.source, holidays_known=known)


def _open(day: date, *, known: bool) -> bool:
    if known:
        return calendar.is_session(calendar.Segment.FNO, day)
    saturday = 5
    return day.weekday() < saturday and f"{day:%m-%d}" not in _fixed()


def _rule_for(rules: list[_Rule], kind: str, day: date) -> _Rule | None:
    """Return the rule of a kind for expiries about `day`: the one that was known last."""
    fitting = [r for r in rules if r.kind == kind and r.first <= day <= r.last]
    return max(fitting, key=lambda rule: (rule.known, rule.first), default=None)


def _months(on: date) -> Iterator[tuple[int, int]]:
    for step in range(12 * _YEARS_AHEAD):
        month = on.month - 1 + step
        yield on.year + month // 12, month % 12 + 1


@cache
def _rules(symbol: str) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(
            kind=row["kind"],
            weekday=_WEEKDAYS.index(row["weekday"]),
            count=int(row["count"]),
            first=parse_date(row["expiry_from"]) or date.min,
            last=parse_date(row["expiry_to"]) or date.max,
            known=parse_date(row["valid_from"]) or date.min,
            source=row["source"],
        )
        for row in read_table("expiry_rules")
        if row["symbol"] == symbol
    )


@cache
def _fixed() -> frozenset[str]:
    return frozenset(row["month_day"] for row in read_table("fixed_holidays"))
