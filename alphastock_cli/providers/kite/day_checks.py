"""Whether an answer for the days of an instrument can be believed. Values in, a doubt out.

Kite's answer names no instrument and does not say what it lacks. So it is held against what is
independent of it: the quote of the same run, the days that were kept before, the calendar. Who is
asked, and how often, is not decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from alphastock_cli.analytics import seams
from alphastock_cli.analytics.seams import Verdict
from alphastock_cli.providers.kite.day_rules import ROUNDED, Told
from alphastock_cli.providers.kite.kept_days import ROWS, Held

VALUES = ("date", "open", "high", "low", "close", "volume")
_PRICES = ("open", "high", "low", "close")
_FAR = 0.01  # of a price: what an exchange's own figures of one session may differ by, told twice
_LATE = 3  # kept days that may have been revised since


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question brought.

    Attributes
    ----------
    days : DataFrame
        The good rows, in the schema `kept_days.ROWS`, ascending, each date once.
    refused : DataFrame
        The others with their reasons, in the `REJECTS` schema.
    opened : float or None
        The first price of the day under way, in rupees, which is among neither.
    """

    days: pl.DataFrame
    refused: pl.DataFrame
    opened: float | None = None

    def says_what(self, other: Answer) -> bool:
        """Tell whether two answers have the same good rows."""
        return self.days.select(VALUES).equals(other.days.select(VALUES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an instrument besides an answer.

    Attributes
    ----------
    first, last : date
        The days that were asked for; `last` is the last session that is over.
    begun : date or None
        The last session that has opened.
    sessions : sequence of date
        Sessions of the span, ascending, as far as the calendar reaches.
    tick : float
        Rupees by which two tellings of one price may differ.
    told : Told or None
        What its quote says.
    held : Held or None
        What is kept of this very instrument, with its days in `kept`.
    """

    first: date
    last: date
    begun: date | None
    sessions: Sequence[date]
    tick: float
    index: bool
    told: Told | None = None
    held: Held | None = None
    kept: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ROWS))

    @property
    def day(self) -> date | None:
        """The session that the quote speaks of, where that is over; it was traded then."""
        told = self.told
        if told is None or told.day is None or not (self.index or told.volume):
            return None
        return told.day if self.first <= told.day <= self.last else None


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against an answer.

    Attributes
    ----------
    why, detail : str
        In words, the same for every instrument; and with the figures.
    wrong : bool
        It contradicts what is known, and is not believed however often it is told. Otherwise the
        same answer twice is believed.
    """

    why: str
    detail: str
    wrong: bool


def doubt(answer: Answer, known: Known) -> Doubt | None:
    """Return the first thing that speaks against an answer, None where nothing does."""
    against, speaks = _by_quote(answer, known)
    if against is not None and against.wrong:
        return against
    return _by_kept(answer.days, known, quote_agrees=speaks) or against or _by_gaps(answer, known)


def mended(days: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Return the days with the official close that the quote tells, where theirs is another."""
    found = _close_before(days, known)
    if found is None or found[1] or known.told is None:
        return days
    at = pl.col("date") == found[0]["date"]
    return days.with_columns(
        pl.when(at).then(pl.lit(known.told.before)).otherwise("close").alias("close")
    )


def missing(answer: Answer, known: Known) -> list[date]:
    """Return the sessions an answer should have and lacks.

    Those from its first row, or the first one that was refused or kept, to the last session, or
    the day of the last trade. Sessions that the kept answer lacked as well are known to be none.
    """
    have, kept = set(answer.days["date"]), set(known.kept["date"])
    held = known.held
    begin = {*have, *kept, *answer.refused["date"].drop_nulls()} & set(known.sessions)
    if not begin:
        return []
    told, last = known.told, known.last
    if told is not None and told.day is not None and not known.index:
        last = min(last, told.day)
    return [
        day for day in known.sessions
        if max(known.first, min(begin)) <= day <= last and day not in have
        and not (held is not None and held.first <= day <= held.through and day not in kept)
    ]  # fmt: skip


# -- the quote ------------------------------------------------------------------------------------


def _by_quote(answer: Answer, known: Known) -> tuple[Doubt | None, bool]:
    """Return what the quote says against an answer, and whether it speaks for it.

    One figure may be told otherwise; where two are, it is of another instrument.
    """
    told, day, days = known.told, known.day, answer.days
    if told is None:
        return None, False
    at = days.filter(pl.col("date") == pl.lit(day, pl.Date))
    own = next(at.iter_rows(named=True), None)
    if day is not None and own is None:
        detail = f"the answer lacks {day}, on which its quote tells trades"
        return Doubt("lacks a day of its quote", detail, wrong=True), False
    found = _close_before(days, known)
    doubts = [] if own is None else _session(own, told, known.tick)
    if found is not None and not found[1] and told.before is not None:
        doubts.append(_close(found[0], told.before, known.tick, "another close before"))
    if told.day is not None and told.day > known.last and known.begun == told.day:
        far = 0.0 if doubts else _FAR  # beside a doubt nothing more may differ
        doubts += _figure("open", told.day, answer.opened, told.open, known.tick, far)
    wrong = [each for each in doubts if each.wrong]
    if len(doubts) > 1 and not wrong:
        wrong = [replace(doubts[0], wrong=True)]
    return next(iter(wrong or doubts), None), not doubts and (found is not None or own is not None)


def _session(own: dict[str, Any], told: Told, tick: float) -> list[Doubt]:
    """Return what the quote of a session that is over says against its row.

    Its last price may be that of the last trade where the row has the exchange's close: near each
    other in a session that is the same otherwise they cost no second question.
    """
    found = []
    for name, price in (("high", told.high), ("low", told.low), ("open", told.open)):
        found += _figure(name, own["date"], own[name], price, tick)
    if told.last is not None and abs(told.last - own["close"]) > tick + ROUNDED:
        against = _close(own, told.last, tick, "another close")
        near = abs(told.last - own["close"]) <= _FAR * told.last
        if found or against.wrong or not near:
            found.append(against)
    return found


def _figure(  # noqa: PLR0917 - one price and all that it is compared with
    name: str, day: date, price: float | None, quoted: float | None, tick: float, far: float = _FAR
) -> list[Doubt]:
    """Return the doubt about a price of a session that its quote tells otherwise, if it does."""
    if price is None or quoted is None or abs(quoted - price) <= max(tick, far * quoted) + ROUNDED:
        return []
    detail = f"the {name} of {day} is {price:g}, its quote says {quoted:g}"
    return [Doubt("another session than its quote tells", detail, wrong=name != "open")]


def _close(row: dict[str, Any], price: float, tick: float, what: str) -> Doubt:
    """Return the doubt about a close that is told otherwise.

    The exchange's official one and that of the last trade are both of the day's range.
    """
    inside = row["low"] - tick - ROUNDED <= price <= row["high"] + tick + ROUNDED
    detail = f"the close of {row['date']} is {row['close']:g}, its quote says {price:g}"
    return Doubt(f"{what} than its quote tells", detail, wrong=not inside)


def _close_before(days: pl.DataFrame, known: Known) -> tuple[dict[str, Any], bool] | None:
    """Return the row whose close the quote tells, and whether it is the same; None: no such row.

    It is the newest one, or the one before while the quote is still of the newest one's session.
    """
    told = known.told
    if told is None or told.before is None or days.is_empty():
        return None
    rows = days.tail(2).to_dicts()[::-1]
    newest = rows[0]["date"]
    of_it = told.day is not None and told.day <= newest
    may_be_both = of_it or (known.begun is not None and known.begun <= newest)
    for row in rows if may_be_both else rows[:1]:
        if abs(told.before - row["close"]) <= known.tick + ROUNDED:
            return row, True
    if not may_be_both or (known.begun is not None and known.begun > newest):
        return rows[0], False
    # of its first day what the close before was is not among the days
    return (rows[1], False) if len(rows) > 1 else None


# -- what was kept --------------------------------------------------------------------------------


def _by_kept(days: pl.DataFrame, known: Known, *, quote_agrees: bool) -> Doubt | None:
    """Return what the kept days say against an answer; where the quote agrees, that counts more."""
    if known.kept.is_empty() or days.is_empty():
        return None
    old, new = (frame.with_columns(time="date") for frame in (known.kept, days))
    found = seams.candles(old, new, tick=known.tick, daily=True)
    if found.verdict is Verdict.OTHER:
        return Doubt("not the days that are kept", "its prices are not those that are kept",
                     wrong=not quote_agrees)  # fmt: skip
    if found.verdict is Verdict.SCALED and not quote_agrees:
        detail = f"its prices are {found.ratio:.4g} times those that are kept"
        return Doubt("other prices than those kept", detail, wrong=False)
    if found.verdict is not Verdict.SAME:
        return None
    both = old.head(max(0, old.height - _LATE)).join(new, on="date", suffix="_new")
    differs = pl.any_horizontal(
        (pl.col(name) - pl.col(f"{name}_new")).abs() > known.tick + ROUNDED for name in _PRICES
    )
    count = both.filter(differs).height
    detail = f"{count} of its days differ from those that are kept"
    return Doubt("other prices than those kept", detail, wrong=False) if count else None


# -- the calendar ---------------------------------------------------------------------------------


def _by_gaps(answer: Answer, known: Known) -> Doubt | None:
    gone = missing(answer, known)
    if not gone:
        return None
    detail = f"the answer lacks {len(gone)} sessions from {gone[0]} on"
    return Doubt("lacks sessions", detail, wrong=False)
