"""Real daily files of two indices: every row accounted for, against DuckDB and the calendar."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from alphastock_cli.actions.fetch_candles import fetch_candles
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.exchange import calendar
from alphastock_cli.store.daily_checks import read_days
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

NOW = datetime(2026, 11, 20, 18, tzinfo=IST)
CLOSED, CLASH = "the exchange was closed that day", "contradicts another row of the same day"
TWICE = [date(2015, 6, 29), date(2015, 7, 2), date(2015, 8, 10), date(2015, 11, 11)]
# file, stored name, rows, good days, refusals, flat days
CASES = [
    ("NIFTY", "NIFTY 50", 8_621, 8_621, {}, 1_125),
    ("BANKNIFTY", "NIFTY BANK", 6_450, 6_441, {CLASH: 8, CLOSED: 1}, 1_367),
]
# the Indian day by arithmetic, so that no time zone of the session has a say
DAYS = """
    select cast(make_timestamp(epoch_us(cast("date" as timestamptz)) + 19800000000) as date) as day,
           open, high, low, close, volume from read_parquet(?)"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_every_row_is_stored_or_refused(
    shared_data: Path, tmp_path: Path, case: tuple[str, str, int, int, dict[str, int], int]
) -> None:
    typed, name, rows, good, refused, flat = case
    path = shared_data / "intraday" / f"{typed}_index_day_full.parquet"
    base = duckdb.connect()
    held = base.execute(f"select * from ({DAYS}) order by day", [str(path)]).fetchall()
    twice = [day for day, count in Counter(row[0] for row in held).items() if count > 1]
    assert len(held) == rows
    assert twice == (TWICE if typed == "BANKNIFTY" else [])
    single = [row for row in held if row[0] not in twice and row[0] != date(2000, 1, 1)]

    found = read_days(path, symbol=typed, exchange=Exchange.NSE, now=NOW)
    assert (found.symbol, found.rows, found.repeated) == (name, rows, 0)
    assert found.days.select("date", "open", "high", "low", "close").rows() == [
        row[:5] for row in single
    ]
    assert found.days.height == good
    assert {row[5] for row in held} == {0}
    assert found.days["volume"].null_count() == good
    assert Counter(found.rejects["reason"]) == refused
    assert set(found.rejects["date"]) == ({*TWICE, date(2000, 1, 1)} if refused else set())
    assert sum(len(set(row[1:5])) == 1 for row in single) == flat
    assert any(note.startswith(f"{flat} days have one price") for note in found.notes)

    lake, clock = Lake(tmp_path / "lake"), ManualClock(NOW)
    first = fetch_candles(lake, clock, path, symbol=typed, interval="day")
    again = fetch_candles(lake, clock, path, symbol=typed, interval="day")
    assert (first.summary["rows_added"], first.summary["rows_changed"]) == (good, 0)
    assert (again.summary["rows_added"], again.summary["rows_unchanged"]) == (0, good)
    assert lake.scan("indices_day").collect().height == good


LACKING = {
    "NIFTY": [],
    "BANKNIFTY": [
        date(2006, 11, 6),
        *(date(2009, 2, day) for day in (16, 17, 18, 19, 20, 24, 25, 26)),
        *(date(2009, 12, day) for day in (7, 8, 9, 10, 11)),
    ],
}


@pytest.mark.parametrize("typed", LACKING)
def test_the_days_are_sessions_of_the_calendar_but_for_a_few(shared_data: Path, typed: str) -> None:
    path = shared_data / f"intraday/{typed}_index_day_full.parquet"
    days = read_days(path, symbol=typed, exchange=Exchange.NSE, now=NOW).days["date"].to_list()
    known = [day for day in days if day >= date(1999, 1, 1)]
    assert len(days) - len(known) == (1_908 if typed == "NIFTY" else 0)
    traded = set(calendar.sessions(calendar.Segment.EQUITY, known[0], known[-1]))
    refused = set(TWICE) if typed == "BANKNIFTY" else set()
    assert set(known) <= traded
    assert sorted(traded - set(known) - refused) == LACKING[typed]
