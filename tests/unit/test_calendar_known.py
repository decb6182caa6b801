"""When a day's figures are known: never before the session is over."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from alphastock_cli.exchange.calendar import IST, Segment, known_from, last_known

DAY = date(2026, 8, 14)


def test_a_session_is_known_at_the_end_of_its_last_phase() -> None:
    assert known_from(Segment.EQUITY, DAY) == datetime(2026, 8, 14, 15, 35, tzinfo=IST)
    assert known_from(Segment.EQUITY, date(2026, 7, 31)).time().isoformat() == "15:30:00"


@pytest.mark.parametrize("day", [date(2026, 8, 15), date(2020, 11, 14), date(1980, 1, 2)])
def test_without_hours_a_day_is_known_at_its_end(day: date) -> None:
    assert known_from(Segment.EQUITY, day) == datetime(
        day.year, day.month, day.day, 23, 59, 59, tzinfo=IST
    )


def test_the_last_known_day_turns_with_the_close() -> None:
    before = datetime(2026, 8, 14, 15, 34, 59, tzinfo=IST)
    assert last_known(Segment.EQUITY, before) == date(2026, 8, 13)
    assert last_known(Segment.EQUITY, datetime(2026, 8, 14, 15, 35, tzinfo=IST)) == DAY
