"""Whether kept days still hold, by what a quote says of the session before. Values in, values out.

Kite adjusts its days for splits and bonuses: the close that a quote gives for the session before
then no longer is the one that was kept, and the history has to be asked for anew. What the answer
is worth is the business of `day_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from alphastock_cli.providers.kite.kept_days import Held
from alphastock_cli.providers.kite.quoting import moment

ROUNDED = 1e-6  # rupees: a price that went through a file
# until the next day Kite may tell the last trade where the exchange's close comes later; a larger
# step than this is no such difference
_OFFICIAL = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a quote says of two sessions; prices in rupees, None where it does not say.

    Attributes
    ----------
    before : float or None
        The close of the session before.
    day : date or None
        The day of the last trade; of an index, of the quote itself.
    of : date or None
        The day of the quote.
    """

    before: float | None
    day: date | None
    of: date | None
    open: float | None
    high: float | None
    low: float | None
    last: float | None
    average: float | None
    volume: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done: ask anew, or else what changes of the state and which days do."""

    ask: bool = False
    held: Held | None = None
    rows: Sequence[Mapping[str, Any]] = ()


ASK, KEEP = Verdict(ask=True), Verdict()


def told_of(row: Mapping[str, Any], *, index: bool) -> Told:
    """Return what a full quote of Kite says."""
    prices = row.get("ohlc") or {}
    stamp, traded = moment(row.get("timestamp")), moment(row.get("last_trade_time"))
    day = stamp if index else traded
    volume = row.get("volume")
    return Told(
        before=_price(prices.get("close")), day=day.date() if day else None,
        of=stamp.date() if stamp else None, open=_price(prices.get("open")),
        high=_price(prices.get("high")), low=_price(prices.get("low")),
        last=_price(row.get("last_price")), average=_price(row.get("average_price")),
        volume=None if index or volume is None else int(volume),
    )  # fmt: skip


def judge(
    held: Held,
    tail: Sequence[Mapping[str, Any]],
    told: Told | None,
    *,
    tick: float,
    last: date,
    before: date | None,
    begun: date | None,
    now: datetime,
    index: bool = False,
) -> Verdict:
    """Return what is to be done about one instrument.

    Parameters
    ----------
    tail : sequence of mapping
        The last two kept days, ascending; fewer where there are fewer.
    tick : float
        Rupees by which two tellings of one price may differ.
    last, before, begun : date
        The last session that is over, the one before it, and the last one that has opened; None
        where the calendar does not know, and then nothing is made of a quote.
    """
    if told is None or told.before is None:
        return KEEP if held.through >= last else ASK
    mended = _agrees(held, tail, told, tick=tick, begun=begun, last=last)
    if mended is None:
        return ASK
    if held.through >= last:
        return KEEP if not mended else Verdict(held=replace(held, asked=now), rows=mended)
    known = before is not None and held.through >= before and begun == last
    # an index's stamp may go on after its session; a share's last trade does not
    day = min(told.day, last) if told.day and index else told.day
    if not known or day is None or day > last:
        return ASK
    if day < last:  # it did not trade, if the quote itself is not older than that
        quiet = told.of is not None and told.of >= last and not index
        state = replace(held, through=last, asked=now)
        return Verdict(held=state, rows=mended) if quiet else ASK
    row = _day(told, last, index=index)
    state = replace(held, through=last, asked=now)
    return ASK if row is None else Verdict(held=state, rows=[*mended, row])


def _agrees(
    held: Held,
    tail: Sequence[Mapping[str, Any]],
    told: Told,
    *,
    tick: float,
    begun: date | None,
    last: date,
) -> list[Mapping[str, Any]] | None:
    """Return the days to mend, [] for none; None where the quote speaks of another history."""
    before = told.before
    assert before is not None
    if not tail:
        return [] if _never_traded(held, told, last) else None
    newest = tail[-1]
    if abs(before - newest["close"]) <= tick + ROUNDED:
        return []
    day = newest["date"]
    if (told.day is not None and told.day <= day) or (begun is not None and begun <= day):
        # still of the session that was kept last: the close before it is that of the day before
        if len(tail) == 1:
            return []  # its first day: there is none
        same = abs(before - tail[-2]["close"]) <= tick + ROUNDED
        return [] if same else None
    early = held.asked.date() <= day  # its close was told on its own evening
    if early and begun is not None and is_official(before, newest):
        return [{**newest, "close": before}]
    return None


def _never_traded(held: Held, told: Told, last: date) -> bool:
    """Tell whether a quote agrees that there was no trade on any day that was answered for."""
    return told.day is None or told.day < held.first or told.day > max(last, held.through)


def is_official(price: float, day: Mapping[str, Any]) -> bool:
    """Tell whether a price can be the official close of a day whose last trade is known."""
    near = abs(price / day["close"] - 1.0) <= _OFFICIAL
    return bool(near and day["low"] <= price <= day["high"])


def _day(told: Told, day: date, *, index: bool) -> dict[str, Any] | None:
    """Return the day that a quote tells of, None where it does not tell all of it."""
    opened, high, low, last = told.open, told.high, told.low, told.last
    if opened is None or high is None or low is None or last is None:
        return None
    if not index and not told.volume:
        return None
    if not low <= min(opened, last) <= max(opened, last) <= high:
        return None
    return {"date": day, "open": opened, "high": high, "low": low, "close": last,
            "average": told.average, "volume": told.volume}  # fmt: skip


def _price(value: float | None) -> float | None:
    return float(value) if value is not None and value > 0 else None
