"""Candles as Kite sends them: the running one included, in at most so many days a call."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import NotOffered, OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.facts import history_days
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import bad

if TYPE_CHECKING:
    import polars as pl

_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")
_DERIVED = frozenset({"NFO", "MCX"})
_FIRST, _LAST = 1900, 2199  # years somebody could mean
_SECOND = timedelta(seconds=1)
Row = list[Any]


def span(interval: str, query: dict[str, str], today: date) -> tuple[Interval, datetime, datetime]:
    """Return interval, first and last moment asked for, both inclusive.

    Raises
    ------
    CallError
        No such interval, unreadable dates, or more days than the interval allows today.
    """
    try:
        length = Interval(interval)
    except ValueError:
        raise bad("invalid interval") from None
    start, end = _moment(query, "from", late=False), _moment(query, "to", late=True)
    if end < start:
        raise bad("invalid from date: it lies after the to date")
    most = history_days(length, today)
    if end - start > timedelta(days=most):  # a day named as the last one counts whole
        raise bad(f"interval exceeds max limit: {most} days")
    return length, start, end


def candles(
    market: MarketData, item: Listed, interval: Interval, start: datetime, end: datetime,
    *, oi: bool, continuous: bool, now: datetime,
) -> list[Row]:  # fmt: skip
    """Return rows ``[stamp, open, high, low, close, volume]``, with `oi` a seventh element.

    The candle that is under way is the last row, and changes until it is over. An instrument whose
    candles the market does not keep has none. `continuous` is of the nearest future: its days, and
    those of the ones that ended before it.

    Raises
    ------
    CallError
        `continuous` for anything but the days of a future.
    """
    if continuous and not (joins(item) and interval is Interval.DAY):
        raise bad("continuous data is of futures of NFO and MCX, day candles only")
    try:
        frame = _frame(market, item, interval, start, end + _SECOND, continuous=continuous)
    except NotOffered:
        return []
    # of an index and a share Kite tells 0; of a contract whose figure nobody stored we do not
    none = None if item.kind != "EQ" else 0
    rows = [
        _row(time, (o, h, low, c), none if volume is None else volume,
             none if interest is None else interest, oi=oi)
        for time, o, h, low, c, volume, interest in frame.select(
            "time", "open", "high", "low", "close", "volume", "open_interest"
        ).iter_rows()
    ]  # fmt: skip
    running = _running(market, item, interval, now)
    if running is not None and start <= running[0] <= end:
        begun, prices, volume, interest = running
        made = _row(begun, prices, volume, interest, oi=oi)
        if not rows or rows[-1][0] != made[0]:
            rows.append(made)
    return rows


def joins(item: Listed) -> bool:
    """Tell whether Kite joins the contracts of its kind."""
    return item.instrument.exchange.value in _DERIVED and item.kind == "FUT"


def _frame(
    market: MarketData, item: Listed, interval: Interval, start: datetime, end: datetime,
    *, continuous: bool,
) -> pl.DataFrame:  # fmt: skip
    """Return the market's candles, or the days it can join; none where it keeps no contracts."""
    if not continuous:
        return market.candles(item.instrument, interval, start, end)
    joined = getattr(market, "joined_days", None)
    if joined is None:
        raise NotOffered(f"{market.name} joins no contracts")
    found: pl.DataFrame = joined(item.instrument, start, end)
    return found


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
    begun = _begun(item, quote, interval, now)
    minutes = market.candles(item.instrument, Interval.MINUTE, begun, now)
    if minutes.is_empty():
        return begun, (last, last, last, last), 0, interest
    high, low = max(minutes["high"].max(), last), min(minutes["low"].min(), last)  # type: ignore[type-var]
    prices = (minutes["open"][0], high, low, last)
    return begun, prices, int(minutes["volume"].sum()), interest  # type: ignore[return-value]


def _opening(item: Listed, at: datetime) -> datetime:
    """Return when the session opened; midnight where no table holds its hours."""
    try:
        held = calendar.session(calendar.segment_of(item.instrument.exchange), at.date())
    except OutOfRange:
        held = None
    if held is None or held.opens is None:
        return at.replace(hour=0, minute=0, second=0, microsecond=0)
    return held.opens


def _begun(item: Listed, quote: Quote, interval: Interval, now: datetime) -> datetime:
    """Return when the running bucket began: buckets count from the opening of the session."""
    opening = _opening(item, quote.time.astimezone(IST))
    passed = max(timedelta(0), now - opening)
    return opening + passed // interval.length * interval.length


def _row(
    time: datetime, prices: tuple[float, ...], volume: int | None, interest: int | None, *, oi: bool
) -> Row:
    text = time.astimezone(IST).strftime("%Y-%m-%dT%H:%M:%S%z")
    return [text, *prices, volume, interest] if oi else [text, *prices, volume]


def _moment(query: dict[str, str], name: str, *, late: bool) -> datetime:
    text = query.get(name, "").strip()
    for form in _FORMS if text.isascii() else ():
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=IST)
        except ValueError:
            continue
        if not _FIRST <= moment.year <= _LAST:
            break
        whole_day = form == "%Y-%m-%d" and late
        return moment + timedelta(days=1, seconds=-1) if whole_day else moment
    raise bad(f"invalid {name} date")
