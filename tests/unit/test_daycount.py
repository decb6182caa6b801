"""Trading time counted by hand: across a weekend, a holiday, a session under way, a last day."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.closes import contract_close, years_between
from alphastock_cli.exchange.daycount import sessions_left, years_left
from tests.conftest import IST

FNO = calendar.Segment.FNO


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


# The F&O segment trades 9:15 to 15:40, 385 minutes; 21 and 22 November 2026 are a weekend and
# 24 November is Guru Nanak's day.
@pytest.mark.parametrize(
    ("now", "close", "sessions"),
    [
        ("2026-11-20T15:40", "2026-11-23T15:40", 1.0),  # a weekend counts nothing
        ("2026-11-23T15:40", "2026-11-25T15:40", 1.0),  # nor does a holiday
        ("2026-11-20T12:40", "2026-11-25T15:40", 180 / 385 + 2),
        ("2026-11-20T08:00", "2026-11-20T15:40", 1.0),  # before the opening a whole session
        ("2026-11-20T15:39:30", "2026-11-20T15:40", 30 / (385 * 60)),  # to the second, no floor
        ("2026-11-21T12:00", "2026-11-23T09:15", 0.0),  # nothing is traded in between
        ("2026-11-21T12:00", "2026-11-23T10:15", 60 / 385),
        ("2026-07-31T15:00", "2026-08-03T15:40", 30 / 375 + 1),  # until then the close was 15:30
    ],
)
def test_sessions_by_hand(now: str, close: str, sessions: float) -> None:
    assert sessions_left(FNO, at(now), at(close)) == pytest.approx(sessions, rel=1e-12)
    years = years_left(Exchange.NFO, at(now), at(close), "trading252")
    assert years == pytest.approx(sessions / 252, rel=1e-12)


def test_every_second_of_trading_counts_once() -> None:
    begin, close = at("2026-11-20T09:15"), at("2026-11-25T15:40")
    steps = [begin + timedelta(minutes=37 * n) for n in range(200)]
    inside = [moment for moment in steps if moment < close]
    left = [sessions_left(FNO, moment, close) for moment in inside]
    assert left[0] == 3.0
    assert left == sorted(left, reverse=True)
    for first, second in pairwise(inside):
        part = sessions_left(FNO, first, second)
        whole = sessions_left(FNO, first, close) - sessions_left(FNO, second, close)
        assert part == pytest.approx(whole, abs=1e-12)


def test_a_currency_contract_ends_inside_its_last_session() -> None:
    close = contract_close(Exchange.CDS, at("2026-11-26").date())
    held = calendar.session(calendar.Segment.CURRENCY, close.date())
    assert held is not None
    assert held.opens is not None
    assert held.closes is not None
    assert close < held.closes
    morning = close.replace(hour=8, minute=0)
    part = (close - held.opens) / (held.closes - held.opens)
    got = sessions_left(calendar.Segment.CURRENCY, morning, close)
    assert got == pytest.approx(part, rel=1e-12)


def test_calendar_time_is_the_default_and_the_past_is_negative() -> None:
    now, close = at("2026-11-20T11:00"), at("2026-11-25T15:40")
    assert years_left(Exchange.NFO, now, close) == years_between(now, close)
    for daycount in ("act365", "trading252"):
        assert years_left(Exchange.NFO, close, now, daycount) < 0
        assert years_left(Exchange.NFO, close, close, daycount) == 0


def test_beyond_the_calendar_nobody_can_count_sessions() -> None:
    last = calendar.reach(FNO)[1]
    beyond = datetime(last.year + 1, 6, 1, 15, 40, tzinfo=IST)
    with pytest.raises(OutOfRange) as told:
        years_left(Exchange.NFO, at("2026-11-20T11:00"), beyond, "trading252")
    assert "act365" in told.value.hint
    assert years_left(Exchange.NFO, at("2026-11-20T11:00"), beyond) > 0
