"""The calendar against days and counts by hand, against a library, and against real files."""

from __future__ import annotations

import csv
import io
import json
import warnings
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from alphastock_cli.exchange.calendar import IST, Segment, holidays, reach, session, sessions

DATA = Path(__file__).parent / "data"
EQUITY = Segment.EQUITY

# What XBOM does not know, 2024 to 2026; the sources stand in special_sessions.csv.
BEYOND_XBOM = {
    "2024-03-02": "special",  # disaster-recovery Saturday
    "2024-05-18": "special",  # disaster-recovery Saturday
    "2024-11-01": "muhurat",
    "2025-10-21": "muhurat",
    "2026-02-01": "full",  # Union Budget on a Sunday
    "2026-11-08": "muhurat",
}

# Declared by XBOM with sources, yet missing from its list of sessions under pandas 3.
NAMED_BY_XBOM = {"2024-01-20": "full", "2025-02-01": "full"}

# Weekdays of 1999 to 2023 that XBOM closes although the NSE index was computed on trades.
TRADED_ALTHOUGH_CLOSED_IN_XBOM = {
    "1999-01-01",
    "1999-03-18",
    "1999-03-25",
    "1999-04-30",
    "1999-11-10",
    "2001-01-01",
    "2004-01-01",
    "2013-11-14",
}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@pytest.mark.parametrize(
    "row", rows("calendar_counts"), ids=lambda r: f"{r['segment']}-{r['year']}"
)
def test_sessions_a_year(row):
    year = int(row["year"])
    found = sessions(Segment(row["segment"]), date(year, 1, 1), date(year, 12, 31))
    assert len(found) == int(row["sessions"])


@pytest.mark.parametrize("row", rows("calendar_days"), ids=lambda r: f"{r['segment']}-{r['day']}")
def test_day(row):
    found = session(Segment(row["segment"]), date.fromisoformat(row["day"]))
    if row["kind"] == "-":
        assert found is None
        return
    assert found is not None
    moments = (
        found.opens,
        found.closes,
        found.closes_for(has_derivatives=True),
        found.final_at,
    )
    expected = tuple(row[name] for name in ("opens", "closes", "with_derivatives", "final"))
    assert found.kind == row["kind"]
    assert tuple("" if at is None else f"{at:%H:%M}" for at in moments) == expected


def xbom(start: date, end: date) -> set[date]:
    library = pytest.importorskip("exchange_calendars")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pandas 3.1 warns its caller, not us
        calendar = library.get_calendar("XBOM", start=str(start), end=str(end))
    return {stamp.date() for stamp in calendar.sessions}


def test_differences_from_the_library_are_exactly_the_known_ones():
    start, end = date(2024, 1, 1), date(2026, 12, 31)
    theirs, ours = xbom(start, end), set(sessions(EQUITY, start, end))
    assert theirs - ours == set()
    beyond = {str(day): session(EQUITY, day).kind for day in ours - theirs}
    assert beyond in (BEYOND_XBOM, BEYOND_XBOM | NAMED_BY_XBOM)


def test_early_years_against_the_library():
    start, end = reach(EQUITY)[0], date(2023, 12, 31)
    theirs, ours = xbom(start, end), set(sessions(EQUITY, start, end))
    assert {str(day) for day in theirs - ours} == {"2013-11-15"}
    ordinary = {d for d in ours - theirs if session(EQUITY, d).kind in {"full", "unknown_hours"}}
    budget_saturdays = {"2015-02-28", "2020-02-01"}
    assert {str(day) for day in ordinary} == TRADED_ALTHOUGH_CLOSED_IN_XBOM | budget_saturdays
    others = {session(EQUITY, day).kind for day in (ours - theirs) - ordinary}
    assert others == {"muhurat", "special"}


# ---- real files; skipped where there are none -------------------------------------------------


def traded(shared_data: Path, file: str, column: str) -> set[date]:
    """Return the days inside a parquet file of candles."""
    duckdb = pytest.importorskip("duckdb")
    path = shared_data / "intraday" / file
    query = f"select distinct ({column} at time zone 'Asia/Kolkata')::date from '{path}'"
    return {day for (day,) in duckdb.sql(query).fetchall()}


def test_index_history_has_exactly_our_sessions(shared_data):
    days = traded(shared_data, "NIFTY_index_day_full.parquet", "date")
    start, end = reach(EQUITY)[0], max(days)
    assert {day for day in days if day >= start} == set(sessions(EQUITY, start, end))


def test_bank_index_history_is_inside_our_sessions(shared_data):
    days = traded(shared_data, "BANKNIFTY_index_day_full.parquet", "date")
    assert {d for d in days if session(EQUITY, d) is None} == {
        date(2000, 1, 1)
    }  # base of the index


def test_hours_agree_with_five_minute_bars(shared_data):
    duckdb = pytest.importorskip("duckdb")
    path = shared_data / "intraday" / "NIFTY_index_5minute_1825d.parquet"
    bars = duckdb.sql(
        "select moment::date, min(moment), max(moment), count(*) from"
        f" (select date at time zone 'Asia/Kolkata' as moment from '{path}') group by 1"
    ).fetchall()
    assert len(bars) == 1241
    for day, first, last, count in bars:
        found = session(EQUITY, day)
        assert found.opens.replace(tzinfo=None) == first, day
        assert found.closes.replace(tzinfo=None) == last + timedelta(minutes=5), day
        spans = [p.closes - p.opens for p in found.trading_phases]
        minutes = sum(spans, timedelta()) / timedelta(minutes=5)
        # On 2021-02-24 index values froze from 10:10, an hour and a half before NSE stopped.
        assert count == minutes - (18 if day == date(2021, 2, 24) else 0), day


def test_constituent_history_has_only_our_sessions(shared_data):
    duckdb = pytest.importorskip("duckdb")
    path = shared_data / "nse_eq_daily_history" / "nifty50_names_daily_2016_2026.parquet"
    texts = duckdb.sql(f"select distinct DATE1 from '{path}'").fetchall()
    days = {named_day(text, "%d-%b-%Y") for (text,) in texts}
    assert {day for day in days if session(EQUITY, day) is None} == set()


def named_day(text: str, form: str) -> date:
    return datetime.strptime(text.title(), form).replace(tzinfo=IST).date()


def dates_inside(lines: io.TextIOBase, column: str) -> set[date]:
    reader = csv.DictReader(lines, skipinitialspace=True)
    texts = {row[column].strip() for row in reader}
    return {named_day(text, "%d-%b-%Y") for text in texts}


def test_full_bhavcopies_cover_their_months_without_a_gap(shared_data):
    folder = shared_data / "nse_eq_sec_bhavdata_full"
    days: set[date] = set()
    stale = set()
    with zipfile.ZipFile(folder / "sec_bhavdata_full_2026-04-01_2026-08-14.zip") as archive:
        for name in archive.namelist():
            with archive.open(name) as raw:
                inside = dates_inside(io.TextIOWrapper(raw, "utf-8"), "DATE1")
            named = named_day(Path(name).stem[-8:], "%d%m%Y")
            stale |= {named} - inside
            days |= inside
    for path in folder.glob("gap_fill_*.csv"):
        with path.open(encoding="utf-8") as file:
            days |= dates_inside(file, "DATE1")
    assert days == set(sessions(EQUITY, date(2026, 4, 1), date(2026, 8, 14)))
    assert all(session(EQUITY, day) is None for day in stale)  # handed out on holidays
    assert len(stale) == 5


def test_old_bhavcopies_lack_only_the_muhurat_and_what_was_not_collected(shared_data):
    names = [path.name for path in (shared_data / "nse_eq_bhavcopy_old").glob("cm*bhav.csv.zip")]
    days = {named_day(name[2:11], "%d%b%Y") for name in names}
    expected = set(sessions(EQUITY, min(days), max(days)))
    assert days - expected == set()
    assert expected - days == {date(2019, 10, 27)}  # the muhurat, absent from that collection


def test_published_holiday_list_of_2026(shared_data):
    listed = json.loads((shared_data / "reference_lists" / "nse_holidays_2026.json").read_text())
    assert [str(day) for day, _, _ in holidays(EQUITY, 2026)] == listed["dates"]


def test_gold_bhavcopies_trade_on_our_commodity_sessions(shared_data):
    days: set[date] = set()
    archive = shared_data / "mcx" / "mcx_gold_bhavcopy_by_contract_2014_2026.zip"
    with zipfile.ZipFile(archive) as contracts:
        for name in contracts.namelist():
            with contracts.open(name) as raw:
                lines = csv.DictReader(io.TextIOWrapper(raw, "utf-8-sig"))
                days |= {date.fromisoformat(row["Date"]) for row in lines}
    start = reach(Segment.COMMODITY)[0]
    ours = set(sessions(Segment.COMMODITY, start, max(days)))
    assert {day for day in days if day >= start} == ours


def test_minute_bars_of_stocks_end_with_our_sessions(shared_data):
    duckdb = pytest.importorskip("duckdb")
    path = shared_data / "intraday" / "INFY-EQ_1min.parquet"
    bars = duckdb.sql(
        "select moment::date, min(moment)::time, max(moment)::time from"
        f" (select timestamp at time zone 'Asia/Kolkata' as moment from '{path}') group by 1"
    ).fetchall()
    cut_off = date(2025, 4, 21)  # the file ends in the morning of its last day
    for day, first, last in bars:
        found = session(EQUITY, day)
        assert found.opens.time() == first, day
        if day != cut_off:
            assert (found.closes - timedelta(minutes=1)).time() == last, day
    assert time(18, 0) in {first for _, first, _ in bars}  # the muhurat of 2024 is among them
