"""Candles as Kite sends them: the running one included, in at most so many days a call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import NotOffered
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import bad

# as Zerodha's staff gave them: most days of one call
MOST_DAYS = {
    "minute": 60, "3minute": 100, "5minute": 100, "10minute": 100, "15minute": 200,
    "30minute": 200, "60minute": 400, "day": 2000,
}  # fmt: skip
_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")
_DERIVED = frozenset({"NFO", "MCX"})
Row = list[Any]


def span(interval: str, query: dict[str, str]) -> tuple[Interval, datetime, datetime]:
    """Return interval, first and last moment asked for, both inclusive.

    Raises
    ------
    CallError
        No such interval, unreadable dates, or more days than the interval allows.
    """
    if interval not in MOST_DAYS:
        raise bad("invalid interval")
    start, end = _moment(query, "from", late=False), _moment(query, "to", late=True)
    if end < start:
        raise bad("invalid from date: it lies after the to date")
    if end - start > timedelta(days=MOST_DAYS[interval] + 1):
        raise bad(f"interval exceeds max limit: {MOST_DAYS[interval]} days")
    return Interval(interval), start, end


def candles(
    market: MarketData, item: Listed, interval: Interval, start: datetime, end: datetime,
    *, oi: bool, continuous: bool, now: datetime,
) -> list[Row]:  # fmt: skip
    """Return rows ``[stamp, open, high, low, close, volume]``, with `oi` a seventh element.

    The candle that is under way is the last row, and changes until it is over. An instrument whose
    candles the market does not keep has none.

    Raises
    ------
    CallError
        `continuous` for anything but the days of a future.
    """
    derived = item.instrument.exchange.value in _DERIVED and item.kind == "FUT"
    if continuous and not (derived and interval is Interval.DAY):
        raise bad("continuous data is of futures of NFO and MCX, day candles only")
    try:
        frame = market.candles(item.instrument, interval, start, end + timedelta(seconds=1))
    except NotOffered:
        return []
    rows = [
        _row(time, (o, h, low, c), volume or 0, interest or 0, oi=oi)
        for time, o, h, low, c, volume, interest in frame.select(
            "time", "open", "high", "low", "close", "volume", "open_interest"
        ).iter_rows()
    ]
    running = _running(market, item, interval, now)
    if running is not None and start <= running[0] <= end:
        begun, prices, volume, interest = running
        made = _row(begun, prices, volume, interest, oi=oi)
        if not rows or rows[-1][0] != made[0]:
            rows.append(made)
    return rows


def _running(
    market: MarketData, item: Listed, interval: Interval, now: datetime
) -> tuple[datetime, tuple[float, float, float, float], int, int] | None:
    """Return the candle under way: what is over of it in minutes, and the last price."""
    quote = market.quotes([item.key]).get(item.key)
    now = now.astimezone(IST)
    if quote is None or quote.last_price is None or quote.time < now - timedelta(seconds=90):
        return None  # the session is not under way
    last, interest = quote.last_price, quote.open_interest or 0
    if interval is Interval.DAY:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if quote.open is None or quote.high is None or quote.low is None:
            return None
        return midnight, (quote.open, quote.high, quote.low, last), quote.volume or 0, interest
    begun = _begun(quote, interval, now)
    minutes = market.candles(item.instrument, Interval.MINUTE, begun, now)
    if minutes.is_empty():
        return begun, (last, last, last, last), 0, interest
    high, low = max(minutes["high"].max(), last), min(minutes["low"].min(), last)  # type: ignore[type-var]
    prices = (minutes["open"][0], high, low, last)
    return begun, prices, int(minutes["volume"].sum()), interest  # type: ignore[return-value]


def _begun(quote: Quote, interval: Interval, now: datetime) -> datetime:
    """Return when the running bucket began: buckets count from the opening, 09:15."""
    opening = quote.time.astimezone(IST).replace(hour=9, minute=15, second=0, microsecond=0)
    passed = max(timedelta(0), now - opening)
    return opening + passed // interval.length * interval.length


def _row(time: datetime, prices: tuple[float, ...], volume: int, interest: int, *, oi: bool) -> Row:
    text = time.astimezone(IST).strftime("%Y-%m-%dT%H:%M:%S%z")
    return [text, *prices, volume, interest] if oi else [text, *prices, volume]


def _moment(query: dict[str, str], name: str, *, late: bool) -> datetime:
    text = query.get(name, "").strip()
    for form in _FORMS:
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=IST)
        except ValueError:
            continue
        whole_day = form == "%Y-%m-%d" and late
        return moment + timedelta(days=1, seconds=-1) if whole_day else moment
    raise bad(f"invalid {name} date")
