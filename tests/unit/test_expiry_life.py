"""Days, kind, holiday shift and roll of an expiry, against the calendar by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from alphastock_cli.exchange.expiry_life import expiry_life
from tests.conftest import IST

D = date


def at(day: date, hour: int = 11, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST)


def test_an_expiry_a_holiday_has_moved() -> None:
    # Tuesday 2026-03-31 is Mahavir Jayanti: the month ends on Monday
    held = expiry_life("NIFTY", D(2026, 3, 30), at=at(D(2026, 3, 24)), listed=[])
    assert (held.kind, held.regular, held.shifted) == ("monthly", D(2026, 3, 31), True)
    assert held.days == 6
    # Tue 24, Wed 25, Fri 27 (Thursday is Ram Navami), Mon 30
    assert held.sessions == 4
    assert (held.roll, held.roll_due, held.expired) == (D(2026, 3, 27), False, False)


def test_a_weekly_expiry_on_its_regular_day() -> None:
    held = expiry_life("NIFTY", D(2026, 8, 18), at=at(D(2026, 8, 12)), listed=[])
    assert (held.kind, held.regular, held.shifted) == ("weekly", D(2026, 8, 18), False)


@pytest.mark.parametrize(
    ("sessions", "roll"),
    [(0, D(2026, 3, 30)), (1, D(2026, 3, 27)), (2, D(2026, 3, 25)), (3, D(2026, 3, 24))],
)
def test_the_roll_counts_sessions_back(sessions: int, roll: date) -> None:
    def due(day: date) -> bool | None:
        held = expiry_life("NIFTY", D(2026, 3, 30), at=at(day), listed=[], roll_sessions=sessions)
        assert held.roll == roll
        return held.roll_due

    assert due(roll) is True
    assert due(roll - timedelta(days=1)) is False


def test_the_last_day_is_live_until_the_close_of_the_contract() -> None:
    day = D(2026, 8, 25)
    for minute, over in ((39, False), (40, True)):
        held = expiry_life("NIFTY", day, at=at(day, 15, minute), listed=[])
        assert (held.days, held.expired) == (0, over)
    before = D(2026, 7, 28)  # the hours of then: 15:30
    assert expiry_life("NIFTY", before, at=at(before, 15, 30), listed=[]).expired


def test_without_rules_the_list_says_what_ends_a_month() -> None:
    listed = [D(2023, 5, 18), D(2023, 5, 25), D(2023, 6, 29)]
    kinds = {
        day: expiry_life("NIFTY", day, at=at(D(2023, 5, 15)), listed=listed).kind for day in listed
    }
    assert list(kinds.values()) == ["weekly", "monthly", "monthly"]
    held = expiry_life("NIFTY", listed[0], at=at(D(2023, 5, 15)), listed=listed)
    assert held.regular is held.shifted is None


def test_beyond_the_calendar_nothing_is_counted() -> None:
    held = expiry_life("NIFTY", D(2030, 6, 25), at=at(D(2026, 8, 12)), listed=[])
    assert held.sessions is held.roll is held.roll_due is None
    assert held.days == 1413
    assert not held.expired
