"""The exchange calendar: moments, neighbours, edges of the tables, and the tables themselves."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import DamagedData, OutOfRange
from alphastock_cli.exchange import tables
from alphastock_cli.exchange.calendar import (
    IST,
    Segment,
    holidays,
    is_open,
    is_session,
    last_final_session,
    latest_session,
    next_open,
    next_session,
    previous_session,
    reach,
    segment_of,
    session,
    sessions,
)

EQUITY, FNO, CURRENCY, COMMODITY = Segment


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=IST)


# ---- segments, days, neighbours ---------------------------------------------------------------


def test_every_exchange_has_a_segment():
    assert [segment_of(exchange) for exchange in Exchange] == [
        EQUITY,
        EQUITY,
        FNO,
        FNO,
        CURRENCY,
        CURRENCY,
        COMMODITY,
    ]


@pytest.mark.parametrize(
    ("segment", "day", "before", "after"),
    [
        (EQUITY, "2026-01-15", "2026-01-14", "2026-01-16"),  # a holiday
        (EQUITY, "2026-02-01", "2026-01-30", "2026-02-02"),  # the Budget Sunday itself
        (EQUITY, "2026-01-31", "2026-01-30", "2026-02-01"),  # the Saturday before it
        (FNO, "2026-03-31", "2026-03-30", "2026-04-01"),  # monthly expiry moves to 03-30
        (FNO, "2026-11-24", "2026-11-23", "2026-11-25"),
        (EQUITY, "2026-11-10", "2026-11-09", "2026-11-11"),
        (EQUITY, "2026-11-09", "2026-11-08", "2026-11-11"),  # the muhurat Sunday is a session
        (CURRENCY, "2026-03-19", "2026-03-18", "2026-03-20"),
        (COMMODITY, "2026-04-03", "2026-04-02", "2026-04-06"),
    ],
)
def test_neighbours(segment, day, before, after):
    here = date.fromisoformat(day)
    assert str(previous_session(segment, here)) == before
    assert str(next_session(segment, here)) == after


def test_sessions_include_both_ends_and_may_be_none():
    week = sessions(EQUITY, date(2026, 11, 16), date(2026, 11, 20))
    assert week == [date(2026, 11, day) for day in range(16, 21)]
    assert sessions(EQUITY, date(2026, 11, 21), date(2026, 11, 22)) == []
    assert sessions(EQUITY, date(2026, 11, 20), date(2026, 11, 16)) == []


# ---- phases -----------------------------------------------------------------------------------


def spans(found, *, has_derivatives):
    phases = found.phases_for(has_derivatives=has_derivatives)
    return {phase.name: f"{phase.opens:%H:%M}-{phase.closes:%H:%M}" for phase in phases}


def test_phases_change_on_the_days_of_the_circulars():
    before = spans(session(EQUITY, date(2026, 7, 31)), has_derivatives=True)
    auction = spans(session(EQUITY, date(2026, 8, 3)), has_derivatives=True)
    others = spans(session(EQUITY, date(2026, 8, 3)), has_derivatives=False)
    pre_open = spans(session(EQUITY, date(2026, 9, 7)), has_derivatives=True)
    assert before["continuous"] == "09:15-15:30"
    assert before["post_close"] == "15:40-16:00"
    assert "closing_auction" not in before
    assert auction["continuous"] == "09:15-15:15"
    assert auction["closing_auction"] == "15:15-15:35"
    assert auction["post_close"] == "15:50-16:00"
    assert auction["pre_open"] == "09:00-09:08"
    assert others["continuous"] == "09:15-15:30"
    assert "closing_auction" not in others
    assert pre_open["pre_open"] == "09:00-09:10"
    assert pre_open["pre_open_matching"] == "09:10-09:12"


def test_futures_have_a_pre_open_since_december_2025():
    assert "pre_open" not in spans(session(FNO, date(2025, 12, 5)), has_derivatives=True)
    assert spans(session(FNO, date(2025, 12, 8)), has_derivatives=True)["pre_open"] == "09:00-09:08"


def test_a_divided_session_keeps_its_break():
    divided = session(EQUITY, date(2024, 3, 2))
    parts = [(f"{p.opens:%H:%M}", f"{p.closes:%H:%M}") for p in divided.trading_phases]
    assert parts == [("09:15", "10:00"), ("11:30", "12:30")]
    assert not is_open(EQUITY, at("2024-03-02 10:30"))
    assert next_open(EQUITY, at("2024-03-02 09:30")) == at("2024-03-02 11:30")


# ---- moments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segment", "moment", "expected"),
    [
        (EQUITY, "2026-11-20 09:14:59", False),
        (EQUITY, "2026-11-20 09:15", True),
        (EQUITY, "2026-11-20 15:20", True),  # other stocks trade on, the rest are in their auction
        (EQUITY, "2026-11-20 15:34:59", True),
        (EQUITY, "2026-11-20 15:35", False),
        (EQUITY, "2026-07-31 15:30", False),
        (FNO, "2026-11-20 15:39", True),
        (FNO, "2026-11-20 15:40", False),
        (EQUITY, "2026-11-08 18:30", True),
        (EQUITY, "2026-11-08 12:00", False),
        (EQUITY, "2026-11-21 12:00", False),
        (COMMODITY, "2026-10-30 23:29", True),
        (COMMODITY, "2026-10-30 23:30", False),
        (COMMODITY, "2026-11-02 23:54", True),
        (COMMODITY, "2026-11-10 12:00", False),
        (COMMODITY, "2026-11-10 17:00", True),
        (COMMODITY, "2026-01-01 17:00", False),
        (CURRENCY, "2026-11-20 16:59", True),
    ],
)
def test_is_open(segment, moment, expected):
    assert is_open(segment, at(moment)) is expected


@pytest.mark.parametrize(
    ("segment", "moment", "latest", "final"),
    [
        (EQUITY, "2026-11-20 18:00", "2026-11-20", "2026-11-20"),
        (EQUITY, "2026-11-20 09:14", "2026-11-19", "2026-11-19"),
        (EQUITY, "2026-11-20 09:15", "2026-11-20", "2026-11-19"),
        (EQUITY, "2026-11-20 15:34", "2026-11-20", "2026-11-19"),
        (EQUITY, "2026-11-20 15:35", "2026-11-20", "2026-11-20"),
        (EQUITY, "2026-11-22 12:00", "2026-11-20", "2026-11-20"),
        (EQUITY, "2026-11-08 17:00", "2026-11-06", "2026-11-06"),
        (EQUITY, "2026-11-08 18:30", "2026-11-08", "2026-11-06"),
        (EQUITY, "2024-03-02 10:30", "2024-03-02", "2024-03-01"),  # in the break
        (
            COMMODITY,
            "2026-11-08 23:00",
            "2026-11-06",
            "2026-11-06",
        ),  # no hours: not before midnight
        (COMMODITY, "2026-11-09 00:00", "2026-11-08", "2026-11-08"),
        (EQUITY, "2005-06-15 20:00", "2005-06-14", "2005-06-14"),
    ],
)
def test_latest_and_final(segment, moment, latest, final):
    assert str(latest_session(segment, at(moment)).day) == latest
    assert str(last_final_session(segment, at(moment)).day) == final


@pytest.mark.parametrize(
    ("segment", "moment", "expected"),
    [
        (EQUITY, "2026-11-20 08:00", "2026-11-20 09:15"),
        (EQUITY, "2026-11-20 09:15", "2026-11-23 09:15"),
        (EQUITY, "2026-11-07 12:00", "2026-11-08 18:00"),
        (COMMODITY, "2026-11-09 23:59", "2026-11-10 17:00"),
    ],
)
def test_next_open(segment, moment, expected):
    assert next_open(segment, at(moment)) == at(expected)


def test_a_moment_of_another_zone_is_the_same_moment():
    new_york = datetime(2026, 11, 19, 22, 45, tzinfo=ZoneInfo("America/New_York"))  # 09:15 in India
    assert is_open(EQUITY, new_york)
    assert latest_session(EQUITY, new_york).day == date(2026, 11, 20)


# ---- what is not known ------------------------------------------------------------------------


@pytest.mark.parametrize("segment", Segment)
def test_outside_the_tables_the_answer_is_an_error_that_names_their_reach(segment):
    first, last = reach(segment)
    for outside in (first - timedelta(days=1), last + timedelta(days=1)):
        with pytest.raises(OutOfRange) as caught:
            session(segment, outside)
        for part in (str(first), str(last), str(outside), "coverage.csv"):
            assert part in caught.value.what
    for year in (first.year - 1, last.year + 1):
        with pytest.raises(OutOfRange):
            holidays(segment, year)
    with pytest.raises(OutOfRange):
        next_session(segment, sessions(segment, last - timedelta(days=9), last)[-1])
    with pytest.raises(OutOfRange):
        previous_session(segment, sessions(segment, first, first + timedelta(days=9))[0])


def test_a_session_without_hours_says_so():
    found = session(EQUITY, date(2005, 6, 15))
    assert (found.kind, found.opens, found.closes, found.final_at) == ("unknown_hours",) + (
        None,
    ) * 3
    assert found.closes_for(has_derivatives=True) is None
    with pytest.raises(OutOfRange, match="2005-06-15"):
        is_open(EQUITY, at("2005-06-15 12:00"))
    with pytest.raises(OutOfRange, match="2005-06-16"):
        next_open(EQUITY, at("2005-06-15 23:59") + timedelta(minutes=1))


def test_naive_moments_and_datetimes_for_days_are_refused():
    naive = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - the point of the test
    for ask in (is_open, next_open, latest_session, last_final_session):
        with pytest.raises(ValueError, match="aware"):
            ask(EQUITY, naive)
    with pytest.raises(TypeError, match="dates"):
        is_session(EQUITY, at("2026-11-20 10:00"))


def test_confidence_is_that_of_the_weakest_row():
    assert session(EQUITY, date(2026, 11, 20)).confidence == "D"
    assert session(EQUITY, date(2026, 11, 8)).confidence == "S"  # hour from derived data
    assert session(FNO, date(2015, 6, 15)).confidence == "U"
    assert session(COMMODITY, date(2025, 6, 16)).confidence == "C"  # hour by the daylight rule


# ---- holidays ---------------------------------------------------------------------------------


def test_holidays_name_the_session_that_is_held_nevertheless():
    equity = {str(day): text for day, text, _ in holidays(EQUITY, 2026)}
    assert equity["2026-11-08"] == "Diwali Laxmi Pujan (muhurat session held)"
    assert equity["2026-01-26"] == "Republic Day"
    commodity = {str(day): text for day, text, _ in holidays(COMMODITY, 2026)}
    assert commodity["2026-11-10"] == "Diwali Balipratipada (evening session held)"
    assert all(source for _, _, source in holidays(EQUITY, 2026))


def test_currency_of_2026_is_equity_and_four_more():
    equity = {day for day, _, _ in holidays(EQUITY, 2026) if day.weekday() < 5}
    currency = {day for day, _, _ in holidays(CURRENCY, 2026)}
    assert {f"{day:%m-%d}" for day in currency - equity} == {"02-19", "03-19", "04-01", "08-26"}
    assert equity < currency


# ---- the tables -------------------------------------------------------------------------------

OWN = ("coverage", "holidays", "equity_closed_early", "special_sessions", "hours")


@pytest.mark.parametrize("name", OWN)
def test_every_row_has_a_source_and_a_mark(name):
    rows = tables.read_table(name)
    assert rows
    for row in rows:
        assert row["source"], row
        assert row["confidence"] in set("DLMSCU"), row


def test_coverage_has_no_gap_and_no_overlap():
    for segment in Segment:
        rows = [row for row in tables.read_table("coverage") if row["segment"] == segment]
        assert len({row["weekdays"] for row in rows}) == 1
        for row, following in pairwise(rows):
            end, begin = (date.fromisoformat(t) for t in (row["valid_to"], following["valid_from"]))
            assert end + timedelta(days=1) == begin


def test_no_day_is_listed_twice():
    for table in ("holidays", "special_sessions"):
        seen = set()
        for row in tables.read_table(table):
            for segment in row["segments"].split():
                key = (segment, row["day"], row.get("phase"), row.get("opens"))
                assert key not in seen, key
                seen.add(key)


def test_every_special_row_lies_in_reach_and_all_rows_of_a_day_agree():
    kinds: dict[tuple[Segment, date], set[str]] = {}
    for row in tables.read_table("special_sessions"):
        for name in row["segments"].split():
            day = date.fromisoformat(row["day"])
            first, last = reach(Segment(name))
            assert first <= day <= last
            kinds.setdefault((Segment(name), day), set()).add(row["kind"])
            assert (row["opens"] == "") == (row["phase"] in {"regular", "unknown"})
    assert {len(found) for found in kinds.values()} == {1}


def test_ordinary_hours_overlap_in_no_phase():
    for day in (date(2024, 1, 2) + timedelta(days=n) for n in range(1094)):
        keys = [
            (row["segment"], row["kind"], row["phase"], row["stocks"])
            for row in tables.read_table("hours")
            if tables.valid_on(row, day)
        ]
        assert len(keys) == len(set(keys)), day


def test_commodity_close_follows_new_york():
    """The table against its rule: 23:55 while New York is on winter time, 23:30 otherwise."""
    new_york = ZoneInfo("America/New_York")
    for day in sessions(COMMODITY, *reach(COMMODITY)):
        found = session(COMMODITY, day)
        if found.kind in {"full", "evening"}:
            summer = datetime.combine(day, time(12), new_york).dst()
            assert f"{found.closes:%H:%M}" == ("23:30" if summer else "23:55"), day


# ---- the reader -------------------------------------------------------------------------------


def test_reader_skips_comments_strips_and_caches():
    rows = tables.read_table("coverage")
    assert rows is tables.read_table("coverage")
    assert set(rows[0]) == {
        "segment",
        "valid_from",
        "valid_to",
        "weekdays",
        "source",
        "confidence",
    }


def test_a_missing_table_is_damage_of_the_installation():
    with pytest.raises(DamagedData, match="no_such_table"):
        tables.read_table("no_such_table")


def test_a_row_of_the_wrong_width_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("# note\na,b\n1,2\n1,2,3\n")
    with path.open() as file, pytest.raises(DamagedData, match="3 cells"):
        list(tables._rows("t", file))


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "expected"),
    [
        ("", "", True),
        ("2026-11-20", "2026-11-20", True),
        ("2026-11-21", "", False),
        ("", "2026-11-19", False),
    ],
)
def test_validity_is_inclusive_and_open_where_empty(valid_from, valid_to, expected):
    row = {"valid_from": valid_from, "valid_to": valid_to}
    assert tables.valid_on(row, date(2026, 11, 20)) is expected


def test_dates_of_tables():
    assert tables.parse_date("") is None
    assert tables.parse_date("2026-11-20") == date(2026, 11, 20)
    with pytest.raises(ValueError, match="20/11/2026"):
        tables.parse_date("20/11/2026")


def test_the_calendar_needs_no_frames():
    code = (
        "import sys; from datetime import date;"
        "from alphastock_cli.exchange.calendar import Segment, is_session;"
        "assert is_session(Segment.EQUITY, date(2026, 11, 20));"
        "print([m for m in ('polars', 'numpy', 'pandas', 'rich', 'typer') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
