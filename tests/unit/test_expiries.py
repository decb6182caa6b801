"""Which expiries are listed on a day: changes of weekday, holidays, what was announced by then."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import calendar, contracts
from alphastock_cli.exchange.expiries import expiry_rules, listed_expiries

D = date.fromisoformat


def days(symbol: str, on: str, kind: str = "") -> list[str]:
    found = listed_expiries(symbol, D(on))
    return [item.day.isoformat() for item in found if kind in {"", item.kind}]


@pytest.mark.parametrize(
    ("symbol", "on", "expected"),
    [
        ("NIFTY", "2025-08-25", ["2025-09-02", "2025-09-09", "2025-09-16", "2025-09-23"]),
        ("BANKNIFTY", "2024-11-05", ["2024-11-06", "2024-11-13"]),
        ("BANKNIFTY", "2024-11-14", []),
        ("FINNIFTY", "2024-11-18", ["2024-11-19"]),
        ("MIDCPNIFTY", "2024-11-18", ["2024-11-18"]),
        ("BANKEX", "2024-11-19", []),
        # the weekly of 2025-01-03 kept its Friday; the ones after it moved to Tuesday
        ("SENSEX", "2025-01-02", ["2025-01-03", "2025-01-07", "2025-01-14", "2025-01-21",
                                  "2025-02-04"]),
    ],
)  # fmt: skip
def test_weeklies_over_changes_of_regime(symbol: str, on: str, expected: list[str]) -> None:
    assert days(symbol, on, "weekly") == expected


@pytest.mark.parametrize(
    ("symbol", "on", "month_ends"),
    [
        ("BANKNIFTY", "2024-01-02", ["2024-01-25", "2024-02-29", "2024-03-27"]),
        ("BANKNIFTY", "2025-01-02", ["2025-01-30", "2025-02-27", "2025-03-27"]),
        ("FINNIFTY", "2024-12-02", ["2024-12-31", "2025-01-30", "2025-02-27"]),
        ("MIDCPNIFTY", "2024-12-02", ["2024-12-30", "2025-01-30", "2025-02-27"]),
        ("NIFTYNXT50", "2025-08-28", ["2025-08-28", "2025-09-30", "2025-10-28"]),
        ("SENSEX", "2025-08-20", ["2025-08-26", "2025-09-25", "2025-10-30"]),
        ("BANKEX", "2025-12-26", ["2026-01-29", "2026-02-26", "2026-03-25"]),
        ("NSE STOCKS", "2026-11-02", ["2026-11-23", "2026-12-29", "2027-01-25"]),
    ],
)
def test_monthlies_over_changes_of_regime(symbol: str, on: str, month_ends: list[str]) -> None:
    assert days(symbol, on, "monthly") == month_ends


def test_the_list_of_sensex_is_that_of_a_broker_on_2023_09_22() -> None:
    """Eight dates as another broker's programming interface answered on that day."""
    assert days("SENSEX", "2023-09-22") == [
        "2023-09-22", "2023-09-29", "2023-10-06", "2023-10-13", "2023-10-20", "2023-10-27",
        "2023-11-03", "2023-11-24",
    ]  # fmt: skip


def test_a_new_weekday_counts_from_its_announcement() -> None:
    assert "2025-09-30" not in days("NIFTY", "2025-06-24")
    assert "2025-09-30" in days("NIFTY", "2025-06-25", "quarterly")


def test_a_holiday_moves_an_expiry_only_once_it_is_announced() -> None:
    assert "2026-01-15" in days("SENSEX", "2026-01-11")
    assert "2026-01-14" in days("SENSEX", "2026-01-12")
    assert "2026-03-31" in days("NIFTY", "2025-12-15")
    assert "2026-03-30" in days("NIFTY", "2025-12-26")


def test_the_day_of_expiry_is_still_listed_and_the_next_day_is_not() -> None:
    assert days("NIFTY", "2026-11-23")[0] == "2026-11-23"
    assert days("NIFTY", "2026-11-24")[0] == "2026-12-01"


@pytest.mark.parametrize(
    ("on", "expected"),
    [("2026-03-02", "2026-03-25"), ("2026-05-04", "2026-05-26"), ("2026-06-01", "2026-06-25")],
)
def test_currency_ends_two_sessions_before_the_last(on: str, expected: str) -> None:
    """The three dates the exchange revised in 2026 for holidays."""
    found = days("USDINR", on)
    assert found[0] == expected
    assert len(found) == 12


def test_expiries_beyond_the_published_holidays_say_so() -> None:
    last = listed_expiries("NIFTY", D("2026-11-20"))[-1]
    assert (last.day.isoformat(), last.holidays_known) == ("2031-06-24", False)
    row = contracts.contract_rows("NIFTY", D("2026-11-20"))[-1]
    assert "holidays of 2031 not published" in row.source


def test_every_session_of_the_years_has_sound_expiries() -> None:
    """Ascending, not past, once each, sessions where the calendar is known, one weekly a week."""
    first, last = D("2023-10-16"), D("2026-12-31")
    for symbol in ("NIFTY", "BANKNIFTY", "MIDCPNIFTY", "SENSEX", "BANKEX", "NSE STOCKS"):
        for step in range(0, (last - first).days + 1, 9):
            on = first + timedelta(days=step)
            found = listed_expiries(symbol, on)
            dates = [item.day for item in found]
            assert dates == sorted(set(dates)), (symbol, on)
            assert dates[0] >= on
            weeks = [item.regular.isocalendar()[:2] for item in found]
            assert len(set(weeks)) == len(weeks), (symbol, on)
            for item in found:
                # what was announced later can still close a day: then the expiry moves later
                late = {D("2024-01-22"), D("2024-05-20"), D("2024-11-20"), D("2026-01-15")}
                if item.holidays_known and item.day not in late:
                    assert calendar.is_session(calendar.Segment.FNO, item.day), (symbol, on, item)


def test_rules_are_those_announced_by_then() -> None:
    before, after = (expiry_rules("NIFTY", D(day)) for day in ("2025-06-24", "2025-06-25"))
    assert set(before) < set(after)
    assert {rule.weekday for rule in set(after) - set(before)} == {1}


def test_outside_the_rules_is_out_of_range() -> None:
    with pytest.raises(OutOfRange, match="known from 2023-09-01 to 2026-12-31"):
        listed_expiries("NIFTY", D("2027-01-04"))
    with pytest.raises(OutOfRange):
        contracts.contract_rows("NIFTY", D("2023-08-31"))
    with pytest.raises(OutOfRange, match="NIFTYNXT50 is known from 2024-04-24"):
        contracts.contract_rows("NIFTYNXT50", D("2024-04-23"))
    with pytest.raises(UnknownName):
        listed_expiries("GOLD", D("2026-01-05"))
