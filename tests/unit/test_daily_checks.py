"""Daily files of indices: which days are good, and that they never replace what is stored."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.eod_merge import fold
from alphastock_cli.actions.fetch_candles import fetch_candles, last_load
from alphastock_cli.actions.lake_status import rejects
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import INDICES_DAY, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.daily_checks import DailyFile, beside, read_days
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

HEAD = "date,open,high,low,close,volume\n"
MON, TUE, WED, THU, FRI = (date(2024, 8, day) for day in (19, 20, 21, 22, 23))
NOW = datetime(2024, 8, 23, 15, 0, tzinfo=IST)


def line(day: date | str, cells: str = "10,12,9,11,0", clock: str = "00:00:00") -> str:
    return f"{day} {clock}+05:30,{cells}\n"


def put(tmp_path: Path, *lines: str, name: str = "days.csv") -> Path:
    path = tmp_path / name
    path.write_text(HEAD + "".join(lines))
    return path


def read(path: Path, symbol: str = "NIFTY 50", now: datetime = NOW) -> DailyFile:
    return read_days(path, symbol=symbol, exchange=Exchange.NSE, now=now)


def reasons(found: DailyFile) -> list[tuple[int, str]]:
    return found.rejects.select("row", "reason").rows()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def load(lake: Lake, clock: ManualClock, file: Path, **words: str) -> Result:
    return fetch_candles(lake, clock, file, **{"symbol": "nifty", "interval": "day"} | words)


def official(*days: date, **values: float | None) -> pl.DataFrame:
    """Return rows as the exchange's own file would bring them."""
    prices = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0} | values
    rows = [
        {"date": day, "exchange": "NSE", "symbol": "NIFTY 50", "name": "Nifty 50",
         "previous_close": 10.5, "volume": 7, "source": "nse_ind_close_all", **prices}
        for day in days
    ]  # fmt: skip
    return conform(pl.DataFrame(rows), INDICES_DAY, what="test")


# -- reading --------------------------------------------------------------------------------------


def test_a_day_is_a_row_of_the_index(tmp_path: Path) -> None:
    found = read(put(tmp_path, line(TUE, "11,13,10,12,0"), line(MON)), "BankNifty")
    assert found.days.schema == INDICES_DAY
    assert (found.rows, found.repeated, found.rejects.height) == (2, 0, 0)
    assert found.days.row(0, named=True) == {
        "date": MON, "exchange": "NSE", "symbol": "NIFTY BANK", "name": "BankNifty",
        "previous_close": None, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0,
        "volume": None, "turnover": None, "pe": None, "pb": None, "dividend_yield": None,
        "source": "daily_file",
    }  # fmt: skip
    assert found.days["date"].to_list() == [MON, TUE]


def test_parquet_with_midnights_in_greenwich_are_indian_days(tmp_path: Path) -> None:
    path = tmp_path / "days.parquet"
    moments = [datetime(2024, 8, day, tzinfo=IST) for day in (19, 20)]
    pl.DataFrame(
        {"date": moments, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": [0, 5]}
    ).with_columns(pl.col("date").dt.convert_time_zone("UTC")).write_parquet(path)
    found = read(path)
    assert found.days["date"].to_list() == [MON, TUE]
    assert found.days["volume"].to_list() == [None, 5]


def test_days_that_are_no_session_are_refused_where_the_calendar_knows(tmp_path: Path) -> None:
    sunday, independence = date(2024, 8, 18), date(2024, 8, 15)
    old_sunday = date(1995, 8, 20)  # before the calendar begins: nobody can say
    found = read(put(tmp_path, *map(line, (old_sunday, independence, sunday, MON))))
    assert found.days["date"].to_list() == [old_sunday, MON]
    closed = "the exchange was closed that day"
    assert reasons(found) == [(2, closed), (3, closed)]
    assert "1 days lie before 1999-01-01, where the calendar begins: not checked" in found.notes


def test_rows_of_one_day_that_differ_are_all_refused(tmp_path: Path) -> None:
    twice = (line(TUE, clock="08:59:23"), line(TUE, "10,12,9,11.5,0", "11:54:10"))
    found = read(put(tmp_path, line(MON), *twice, line(WED), line(WED, "10,9,12,11,0")))
    assert found.days["date"].to_list() == [MON]
    other = "contradicts another row of the same day"
    assert reasons(found) == [
        (2, other), (3, other), (4, other), (5, "low, open, close and high contradict each other"),
    ]  # fmt: skip


def test_identical_rows_of_a_day_count_once_whatever_their_clock(tmp_path: Path) -> None:
    found = read(put(tmp_path, line(MON), line(MON, clock="09:01:00"), line(TUE)))
    assert (found.days.height, found.repeated, found.rejects.height) == (2, 1, 0)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("10,12,11,11,0", "low, open, close and high contradict each other"),
        ("10,10.5,9,11,0", "low, open, close and high contradict each other"),
        ("10,12,9,,0", "a price is missing or no number"),
        ("10,12,0,11,0", "a price is not positive"),
        ("10,12,9,11,-1", "the volume is no whole number from 0"),
    ],
)
def test_bad_figures_are_refused(tmp_path: Path, cells: str, reason: str) -> None:
    found = read(put(tmp_path, line(MON), line(TUE, cells)))
    assert (found.days["date"].to_list(), reasons(found)) == ([MON], [(2, reason)])


def test_a_day_that_is_not_over_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, line(THU), line(FRI))
    assert reasons(read(path)) == [(2, "not over yet")]
    assert read(path, now=NOW.replace(hour=18)).days.height == 2


def test_flat_days_are_told(tmp_path: Path) -> None:
    found = read(put(tmp_path, line(MON, "10,10,10,10,0"), line(TUE)))
    assert found.notes == (
        "1 days have one price for open, high, low and close: stored as the file has it",
    )


def test_shares_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SBIN is no index we know") as caught:
        read(put(tmp_path, line(MON)), "SBIN")
    assert "adjusted for splits and bonuses" in caught.value.hint
    assert "fetch eod" in caught.value.hint


def test_other_rows_than_days_are_refused(tmp_path: Path) -> None:
    inside = [line(MON, clock=f"09:{minute}:00") for minute in (15, 16, 17)]
    with pytest.raises(UsageError, match="inside the day"):
        read(put(tmp_path, *inside))
    weeks = [line(date(2024, 7, day)) for day in (1, 8, 15, 22, 29)]
    with pytest.raises(UsageError, match="lie 7 days apart"):
        read(put(tmp_path, *weeks))
    ticks = tmp_path / "ticks.csv"
    ticks.write_text("timestamp,ltp\n2024-08-19 09:15:00,10\n")
    with pytest.raises(UsageError, match="holds ticks"):
        read(ticks)
    with pytest.raises(UsageError, match="no zip archive"):
        read_days(put(tmp_path, line(MON)), symbol="NIFTY", exchange=Exchange.NSE, now=NOW,
                  member="x.csv")  # fmt: skip


# -- beside what is stored ------------------------------------------------------------------------


def test_a_difference_is_counted_and_left_alone(tmp_path: Path) -> None:
    days = read(put(tmp_path, line(MON), line(TUE), line(WED))).days
    stored = pl.concat([official(MON, close=11.004), official(TUE, close=11.01, high=None)])
    added = beside(days, stored)
    assert (added.known, added.differing, added.first_differing) == (2, 1, TUE)
    assert added.frame["date"].to_list() == [MON, WED]
    assert added.frame["close"].to_list() == [None, 11.0]


def test_what_the_exchange_said_stays(lake: Lake, clock: ManualClock, tmp_path: Path) -> None:
    said = pl.concat(
        [official(MON), official(TUE, close=11.5), official(WED, open=None, high=None, low=None)]
    )
    lake.upsert("indices_day", said)
    result = load(lake, clock, put(tmp_path, *map(line, (MON, TUE, WED, THU))))
    row = next(result.records())
    assert (row["added"], row["changed"], row["unchanged"], row["differing"]) == (1, 1, 2, 1)
    assert result.warnings == (
        "1 days differ from those stored, the first of them 2024-08-20: what is stored was kept",
        "1 stored days had prices missing, which this file filled in",
    )
    stored = lake.scan("indices_day").collect().sort("date")
    assert stored.filter(pl.col("date") <= TUE).equals(said.filter(pl.col("date") <= TUE))
    assert stored.filter(date=WED).equals(official(WED))  # filled; its name and source stay
    assert stored["source"].to_list() == ["nse_ind_close_all"] * 3 + ["daily_file"]


def test_the_exchange_file_that_comes_later_wins(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    load(lake, clock, put(tmp_path, line(MON)))
    stored = lake.scan("indices_day").collect()
    later = official(MON, close=11.5)
    assert fold([later], stored, dataset="indices_day").frame.equals(later)  # as `fetch eod` does
    lake.upsert("indices_day", later)
    result = load(lake, clock, put(tmp_path, line(MON)))
    assert result.summary["rows_differing"] == 1
    assert lake.scan("indices_day").collect().equals(official(MON, close=11.5))


def test_a_second_load_writes_nothing(lake: Lake, clock: ManualClock, tmp_path: Path) -> None:
    path = put(tmp_path, line(MON), line(TUE), line(date(2024, 8, 18)))
    load(lake, clock, path)
    before = {f: (f.stat().st_mtime_ns, f.stat().st_ino) for f in lake.root.rglob("*.parquet")}
    result = load(lake, clock, path)
    assert result.warnings[0] == "nothing new: all 2 days were stored already"
    assert (result.summary["rows_added"], result.summary["rows_unchanged"]) == (0, 2)
    assert rejects(lake).summary["refused"] == 1
    assert before == {
        f: (f.stat().st_mtime_ns, f.stat().st_ino) for f in lake.root.rglob("*.parquet")
    }


def test_a_load_of_days_does_not_make_the_archive_look_fresh(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    file = put(tmp_path, line(MON))
    load(lake, clock, file)
    assert lake.last_load("indices_day") is None
    assert last_load(lake, file, symbol="NIFTY 50", interval="day") is None


def test_a_file_without_a_good_day_says_why(lake: Lake, clock: ManualClock, tmp_path: Path) -> None:
    with pytest.raises(BadReply, match="1 × the exchange was closed that day"):
        load(lake, clock, put(tmp_path, line(date(2024, 8, 18))))
    assert lake.scan("indices_day").collect().is_empty()
    assert rejects(lake).summary["refused"] == 1
