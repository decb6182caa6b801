"""When contracts end: by the session, by an hour of their own, beyond the calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import closes
from tests.conftest import IST


@pytest.mark.parametrize(
    ("exchange", "day", "text"),
    [
        (Exchange.NFO, date(2021, 3, 18), "15:30"),
        (Exchange.NFO, date(2026, 7, 28), "15:30"),
        (Exchange.NFO, date(2026, 11, 24), "15:40"),
        (Exchange.BFO, date(2026, 11, 26), "15:40"),
        (Exchange.CDS, date(2026, 5, 26), "12:30"),
        (Exchange.MCX, date(2026, 11, 27), "23:55"),
        (Exchange.NFO, date(2027, 3, 30), "15:40"),  # the hours reach further than the holidays
        (Exchange.NFO, date(2026, 11, 22), "15:40"),  # a Sunday: regular hours
    ],
)
def test_the_close_of_the_last_day(exchange: Exchange, day: date, text: str) -> None:
    end = closes.contract_close(exchange, day)
    assert end.isoformat() == f"{day}T{text}:00+05:30"


def test_where_no_hours_are_known_nothing_is_guessed() -> None:
    with pytest.raises(OutOfRange, match="no trading hours"):
        closes.contract_close(Exchange.NFO, date(2005, 1, 27))


def test_years_are_actual_365_to_the_second() -> None:
    end = datetime(2026, 11, 24, 15, 40, tzinfo=IST)
    assert closes.years_between(end - timedelta(days=365), end) == 1.0
    assert closes.years_between(end - timedelta(seconds=1), end) == 1 / 31_536_000
    assert closes.years_between(end + timedelta(days=1), end) == -1 / 365


def test_where_contracts_are_listed() -> None:
    assert closes.derivative_exchange("NIFTY") is Exchange.NFO
    assert closes.derivative_exchange("SENSEX") is Exchange.BFO
    assert closes.derivative_exchange("USDINR") is Exchange.CDS
    assert closes.derivative_exchange("GOLD") is Exchange.MCX
    assert closes.derivative_exchange("SBIN") is Exchange.NFO
