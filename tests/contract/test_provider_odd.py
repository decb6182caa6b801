"""Odd questions to every provider, and nothing that looks ahead: the cards after PV-07."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    SYMBOL_CHANGES,
)
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import AlphaStockError
from tests.conftest import IST
from tests.contract.provider_world import (
    MIDDAY,
    NOW,
    Build,
    all_candles,
    needs,
)

FAR = [date(1990, 1, 1), date(2026, 11, 15), date(2199, 12, 31)]


def odd_questions(provider: MarketData) -> Iterator[Callable[[], object]]:
    """Yield questions nobody should ask, and a few that are only rare."""
    shares = [
        Instrument(exchange=exchange, tradingsymbol=name, asset_type=kind)
        for exchange in Exchange
        for name in ("SBIN", "NIFTY 50", "नमस्ते'; --")
        for kind in (AssetType.EQUITY, AssetType.INDEX, AssetType.OPTIONS)
    ]
    for share in shares:
        for interval in (Interval.DAY, Interval.MINUTE_15):
            yield lambda s=share, i=interval: provider.candles(s, i, NOW - timedelta(days=5), NOW)
    for exchange in Exchange:
        yield lambda e=exchange: provider.instruments(e)
        yield lambda e=exchange: provider.equities_day(exchange=e).collect()
        yield lambda e=exchange: provider.adjustments(e)
    for start in FAR:
        for end in FAR:
            yield lambda a=start, b=end: provider.equities_day(start=a, end=b).collect()
            yield lambda a=start, b=end: provider.indices_day(start=a, end=b).collect()
            yield lambda a=start, b=end: provider.candles(
                shares[0], Interval.DAY, NOW.replace(year=a.year), NOW.replace(year=b.year)
            )
    for day in FAR:
        yield lambda d=day: provider.members("NIFTY 50", d)
        yield lambda d=day: provider.members("no such index", d)
    yield lambda: provider.indices_day(symbols=["no such index"]).collect()
    yield lambda: provider.indices_day(symbols=[]).collect()
    yield lambda: provider.equities_day(symbols=["", "no such share"], columns=["close"]).collect()
    yield lambda: provider.quotes([":", "NSE:", "::", "NSE:\n"])
    yield lambda: provider.quotes(["NFO:", "NFO:NIFTY", "NFO:NIFTY26NOV٣CE", "NFO:NIFTY26NOVFUT"])
    if Capability.CHAIN in provider.capabilities:
        for name in ("NIFTY", "SBIN", "", "NIFTY 50", "no such", "नमस्ते'; --"):
            yield lambda n=name: provider.expiries(n)
            for day in FAR:
                yield lambda n=name, d=day: provider.option_chain(n, d)
    yield provider.symbol_changes
    yield provider.as_of


@pytest.mark.parametrize(
    "moment",
    [NOW, MIDDAY, datetime(1990, 1, 1, tzinfo=IST), datetime(2199, 12, 31, 23, 59, tzinfo=IST)],
    ids=["now", "midday", "long ago", "far ahead"],
)
def test_pv_08_lets_no_foreign_exception_through(build: Build, moment: datetime) -> None:
    try:
        made = build(moment)
    except AlphaStockError:
        return  # refused with words: that is an answer
    answered = 0
    for ask in odd_questions(made):
        with contextlib.suppress(AlphaStockError):  # refused with words: that is an answer
            ask()
        answered += 1
    assert answered > 100


# -- nothing looks ahead -------------------------------------------------------------------------


def test_what_was_known_earlier_is_what_is_told_later(build: Build) -> None:
    earlier, later = build(MIDDAY), build(NOW)
    needs(later, Capability.EQUITIES_DAY)
    then, now = (made.equities_day().collect() for made in (earlier, later))
    assert then["date"].max() < MIDDAY.date()  # a day under way has no row
    assert then.equals(now.filter(pl.col("date") <= then["date"].max()))
    if Capability.CANDLES in later.capabilities:
        start = NOW - timedelta(days=5)
        known, told = all_candles(earlier, start, NOW), all_candles(later, start, NOW)
        for (key, interval), frame in known.items():
            early = frame.filter(pl.col("time") + interval.length > MIDDAY)
            assert early.is_empty(), (key, interval)
            assert frame.equals(told[key, interval].head(frame.height))


def test_side_frames_are_in_schema(provider: MarketData) -> None:
    needs(provider, Capability.EQUITIES_DAY)
    factors = provider.adjustments(Exchange.NSE)
    assert factors.schema == ADJUSTMENTS
    assert factors.filter(pl.col("ex_date") > NOW.date()).is_empty()
    assert factors.filter(pl.col("factor") <= 0).is_empty()
    assert provider.symbol_changes().schema == SYMBOL_CHANGES
    found = provider.members("NIFTY 50", NOW.date())
    assert found is None or list(found) == sorted(set(found))
