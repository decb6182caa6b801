"""Which days of an answer are in doubt: rows of them were refused, or candles of them are missing.

Such a day is asked for again by the next run. It is settled when the same is told twice, or a third
time something: nobody asks for ever. What is remembered of that is `history_done`'s.

A minute without a trade has no candle, so a missing one proves nothing by itself. It does of an
index, which has a value in every minute; of a symbol whose other days lack none; and of one that is
traded too often for it. Where trades fall by chance, and so often that a part p of the minutes
stays without one, -log(p) of them come in a minute (Poisson), and for each empty minute there are
-log(p) with a single trade: candles whose four prices are the same. Far fewer of those, and it was
not for want of trades that candles lack. Where ticks are coarse, flat candles are many, and a hole
stays unseen.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time

import numpy as np
import polars as pl

from alphastock_cli.analytics.hours import MINUTE, Hours, micros
from alphastock_cli.analytics.resample import minutes_of
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.exchange import calendar

_TIMES = 3  # answers with something against a day, after which it is left as it is
_FEWER = 0.01  # of a session's candles: more are missing than chance and rounding explain
_CLEARLY = 0.05  # the same, where nothing but the other days speaks for it
_WHOLE = 0.75  # of the days of an answer
_FEW = 3  # of them
_FLATS = 0.5  # of the candles of a single trade that the missing ones call for


def settled(told: Sequence[str]) -> bool:
    """Tell whether a day need not be asked for again, by what was told of it so far, oldest first.

    >>> settled(["a"]), settled(["a", "b"]), settled(["a", "b", "b"]), settled(["a", "b", "c"])
    (False, False, True, True)
    """
    return len(told) >= _TIMES or (len(told) > 1 and told[-1] == told[-2])


def grown(before: Mapping[str, Sequence[str]], told: Mapping[date, str]) -> dict[str, list[str]]:
    """Return what is remembered of days after one more answer for all of them.

    Of days that are not in `told` nothing is in doubt any more.
    """
    return {str(day): [*before.get(str(day), ()), mark][-_TIMES:] for day, mark in told.items()}


def marks(
    rejects: pl.DataFrame, days: Collection[date], short: Mapping[date, str]
) -> dict[date, str]:
    """Return the days in doubt, each with a digest of what is: the same again, the same digest.

    Parameters
    ----------
    rejects : DataFrame
        ``date, reason, raw`` of the refused rows; those without a date are against every day.
    days : collection of date
        The sessions that were answered.
    short : mapping of date to str
        Days with too few candles, and words for those that came.
    """
    rows = rejects.select("date", "reason", "raw").sort("date", "reason", "raw").rows()
    nowhere = [(reason, raw) for day, reason, raw in rows if day is None]
    against: dict[date, list[tuple[str, str]]] = {day: list(nowhere) for day in days if nowhere}
    for day, reason, raw in rows:
        if day in days:
            against.setdefault(day, list(nowhere)).append((reason, raw))
    found = {day: repr(told) for day, told in against.items()}
    for day, words in short.items():
        found[day] = found.get(day, "") + words
    return {day: hashlib.sha256(text.encode()).hexdigest()[:16] for day, text in found.items()}


def short_days(
    candles: pl.DataFrame,
    sessions: Sequence[date],
    segment: calendar.Segment,
    interval: Interval,
    *,
    index: bool,
) -> dict[date, str]:
    """Return the sessions with clearly fewer candles than they had, and words for those that came.

    A session is compared with those before and after it in the same answer: a candle is missing
    that both of them have, inside its hours. Where it stands alone, one between its first and last.
    Sessions before the first candle are not looked at.

    Parameters
    ----------
    candles : DataFrame
        ``time, open, high, low, close``, of those sessions.
    sessions : sequence of date
        Answered and over, ascending.
    index : bool
        Whether it has a value in every minute.
    """
    seen = _slots(candles)
    begun = [day for day in sessions if seen and day >= min(seen)]
    missing: dict[date, int] = {}
    expected: dict[date, int] = {}
    full = [day for day in begun if day in seen]
    for day in begun:
        slots = _open(segment, day, _beside(day, full, seen, minutes_of(interval)))
        expected[day] = len(slots)
        missing[day] = len(slots - seen.get(day, set()))
    thin = {day for day, count in missing.items() if count > _FEWER * expected[day]}
    if not thin or not (index or _is_liquid(candles, sum(missing.values()), expected)):
        most = sum(count == 0 for count in missing.values()) >= max(_WHOLE * len(begun), _FEW)
        thin = {day for day in thin if most and missing[day] > _CLEARLY * expected[day]}
    return {day: f" {sorted(seen.get(day, ()))}" for day in thin}


def _slots(candles: pl.DataFrame) -> dict[date, set[int]]:
    """Return the minutes of the day at which candles begin, by day."""
    at = pl.col("time").dt
    rows = candles.select(day=at.date(), at=at.hour().cast(pl.Int64) * 60 + at.minute())
    return {day: set(held) for day, held in rows.group_by("day").agg("at").iter_rows()}


def _beside(
    day: date, full: Sequence[date], seen: Mapping[date, set[int]], length: int
) -> set[int]:
    """Return the candles that the sessions beside one have, both where there are two."""
    before = max((each for each in full if each < day), default=None)
    after = min((each for each in full if each > day), default=None)
    beside = [seen[each] for each in (before, after) if each is not None]
    if beside:
        return set.intersection(*beside)
    own = seen[day]
    return set(range(min(own), max(own) + 1, length))


def _open(segment: calendar.Segment, day: date, slots: set[int]) -> set[int]:
    """Return those of some minutes of a day at which it is a session."""
    hours, ordered = Hours(segment, [day]), sorted(slots)
    midnight = micros(datetime.combine(day, time(), calendar.IST))
    times = midnight + np.array(ordered, dtype=np.int64) * MINUTE
    inside = hours.inside(times) | ~hours.known(times)
    return {slot for slot, yes in zip(ordered, inside, strict=True) if yes}


def _is_liquid(candles: pl.DataFrame, missing: int, expected: Mapping[date, int]) -> bool:
    """Tell whether there are too few candles of a single trade for minutes without one."""
    share = missing / max(1, sum(expected.values()))
    if not 0.0 < share < 1.0:
        return False
    flat = candles.select((pl.col("high") == pl.col("low")).sum()).item()
    trades = -math.log(share)  # a minute
    return float(flat) < _FLATS * trades * share / (1.0 - share) * candles.height
