"""For which session an order is, when it trades in it, and when MIS positions are closed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.exchange.rules import (
    expires_at,
    is_trading,
    session_close,
    session_of,
    square_off_time,
)

TICK = timedelta(microseconds=1)


def make(exchange: str, **more: object) -> Instrument:
    kind = "equity" if exchange in {"NSE", "BSE"} else "futures"
    return Instrument(
        exchange=Exchange(exchange), tradingsymbol="TEST",
        asset_type=AssetType(kind), **more,
    )  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


SHARE, FUTURE, CRUDE = make("NSE", has_derivatives=False), make("NFO"), make("MCX")
WITH, UNKNOWN = make("NSE", has_derivatives=True), make("NSE")
USD_LAST_DAY = make("CDS", expiry=date(2026, 11, 26))


@pytest.mark.parametrize(
    ("instrument", "has_derivatives", "day", "closes"),
    [
        (SHARE, False, "2026-07-31", "15:30"),
        (SHARE, True, "2026-07-31", "15:30"),
        (SHARE, False, "2026-08-03", "15:30"),
        (SHARE, True, "2026-08-03", "15:15"),
        (FUTURE, False, "2026-07-31", "15:30"),
        (FUTURE, False, "2026-08-03", "15:40"),
        (make("BFO"), False, "2026-08-03", "15:40"),
        (make("CDS"), False, "2026-11-26", "17:00"),
        (USD_LAST_DAY, False, "2026-11-25", "17:00"),
        (USD_LAST_DAY, False, "2026-11-26", "12:30"),
        (CRUDE, False, "2026-10-30", "23:30"),
        (CRUDE, False, "2026-11-02", "23:55"),
    ],
)
def test_an_order_is_for_today_until_the_close(instrument, has_derivatives, day, closes):
    end = at(f"{day} {closes}")
    today = end.date()
    assert session_close(instrument, today, has_derivatives=has_derivatives) == end
    before = session_of(instrument, end - TICK, has_derivatives=has_derivatives)
    assert before[0] == today
    assert before[2] == end
    after = session_of(instrument, end, has_derivatives=has_derivatives)
    assert after[0] > today
    assert is_trading(instrument, end - TICK, has_derivatives=has_derivatives)
    assert not is_trading(instrument, end, has_derivatives=has_derivatives)


@pytest.mark.parametrize(
    ("now", "session"),
    [
        ("2026-11-20 08:00", "2026-11-20"),  # before the opening: an after-market order for today
        ("2026-11-20 15:30", "2026-11-23"),  # Friday evening: Monday
        ("2026-11-21 12:00", "2026-11-23"),
        ("2026-11-23 16:00", "2026-11-25"),  # the 24th is a holiday
        ("2026-11-08 12:00", "2026-11-08"),  # a Sunday with a muhurat in the evening
    ],
)
def test_the_session_an_order_is_for(now, session):
    assert session_of(SHARE, at(now))[0] == date.fromisoformat(session)


def test_the_moment_may_come_in_any_zone() -> None:
    utc = datetime.fromisoformat("2026-11-20T10:00:00+00:00")  # 15:30 in India
    assert session_of(SHARE, utc)[0] == date(2026, 11, 23)
    with pytest.raises(ValueError, match="naive"):
        session_of(SHARE, at("2026-11-20").replace(tzinfo=None))
    with pytest.raises(ValueError, match="naive"):
        is_trading(SHARE, at("2026-11-20").replace(tzinfo=None))


@pytest.mark.parametrize(
    ("now", "trading"),
    [
        ("2026-11-20 09:14:59", False),
        ("2026-11-20 09:15", True),
        ("2026-11-20 15:16", True),
        ("2026-11-21 12:00", False),
        ("2026-11-24 12:00", False),
    ],
)
def test_continuous_trading(now, trading):
    assert is_trading(SHARE, at(now)) is trading


def test_the_closing_auction_is_not_continuous_trading() -> None:
    assert not is_trading(SHARE, at("2026-11-20 15:16"), has_derivatives=True)


@pytest.mark.parametrize(
    ("instrument", "day", "closes", "squared"),
    [
        (SHARE, "2026-07-31", "15:30", "15:20"),
        (WITH, "2026-07-31", "15:30", "15:20"),
        (UNKNOWN, "2026-07-31", "15:30", "15:20"),
        (SHARE, "2026-08-03", "15:30", "15:20"),
        (WITH, "2026-08-03", "15:15", "15:10"),
        (UNKNOWN, "2026-08-03", "15:15", "15:10"),  # nobody knows: the earlier close
        (make("BSE", has_derivatives=True), "2026-08-03", "15:15", "15:10"),
    ],
)
def test_a_share_says_itself_when_it_closes(instrument, day, closes, squared):
    end = at(f"{day} {closes}")
    assert session_close(instrument, end.date()) == end
    assert session_of(instrument, end - TICK)[2] == end
    assert is_trading(instrument, end - TICK)
    assert not is_trading(instrument, end)
    assert square_off_time(instrument, end.date()) == at(f"{day} {squared}")


def test_who_asks_beats_what_the_instrument_says() -> None:
    assert session_close(WITH, date(2026, 8, 3), has_derivatives=False) == at("2026-08-03 15:30")


def test_it_makes_no_other_instrument_of_a_share() -> None:
    assert WITH == UNKNOWN == SHARE
    assert hash(WITH) == hash(SHARE)


def test_a_halt_is_between_two_stretches() -> None:
    assert is_trading(SHARE, at("2021-02-24 11:00"))
    assert not is_trading(SHARE, at("2021-02-24 13:00"))
    assert is_trading(SHARE, at("2021-02-24 16:00"))
    assert session_of(SHARE, at("2021-02-24 13:00"))[0] == date(2021, 2, 24)


def test_an_expired_contract_does_not_trade() -> None:
    last = make("NFO", expiry=date(2026, 11, 20))
    assert expires_at(last) == at("2026-11-20 15:40")
    assert is_trading(last, at("2026-11-20 15:39"))
    assert not is_trading(last, at("2026-11-23 10:00"))
    assert expires_at(SHARE) is None


def test_days_without_hours() -> None:
    old = at("2009-06-01 11:00")
    assert session_of(SHARE, old) == (date(2009, 6, 1), None, None)
    assert session_close(SHARE, date(2009, 6, 1)) is None
    assert session_close(SHARE, date(2026, 11, 24)) is None
    with pytest.raises(OutOfRange, match="hours"):
        is_trading(SHARE, old)
    with pytest.raises(OutOfRange, match="2026-12-31"):
        session_of(SHARE, at("2026-12-31 16:00"))


# -- square-off ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument", "has_derivatives", "day", "clock"),
    [
        (SHARE, False, "2026-07-31", "15:20"),
        (SHARE, True, "2026-07-31", "15:20"),
        (SHARE, False, "2026-08-03", "15:20"),
        (SHARE, True, "2026-08-03", "15:10"),
        (FUTURE, False, "2026-07-31", "15:25"),
        (FUTURE, False, "2026-08-03", "15:25"),
        (make("CDS"), False, "2026-11-20", "16:45"),
        (CRUDE, False, "2026-10-30", "23:05"),
        (CRUDE, False, "2026-11-02", "23:30"),
        (SHARE, False, "2026-11-08", "18:50"),  # the muhurat ends at 19:00
    ],
)
def test_square_off(instrument, has_derivatives, day, clock):
    found = square_off_time(instrument, date.fromisoformat(day), has_derivatives=has_derivatives)
    assert found == at(f"{day} {clock}")


def test_square_off_of_days_nobody_knows() -> None:
    assert square_off_time(SHARE, date(2026, 11, 24)) is None
    with pytest.raises(OutOfRange, match="not known"):
        square_off_time(SHARE, date(2023, 12, 29))


def test_a_last_day_without_known_hours_lasts_until_midnight() -> None:
    gold = make("MCX", expiry=date(2027, 2, 5))
    assert expires_at(gold) == at("2027-02-05 23:59:59.999999")
