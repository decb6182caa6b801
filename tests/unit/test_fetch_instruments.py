"""`fetch instruments`: of which day a master is, when it is refused whole, what a load says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from alphastock_cli.actions.fetch_instruments import fetch_instruments
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store import snapshots
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.unit.master_texts import CALL, FUTURE, PUT, ROWS, SHARE, contract, write

DAY = date(2026, 8, 18)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def stored(lake: Lake) -> list[tuple[date, str, str]]:
    rows = lake.scan("instruments", columns=["date", "exchange", "tradingsymbol"]).collect()
    return sorted(rows.iter_rows())


def test_a_load_is_one_snapshot_and_a_second_one_changes_nothing(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    path = write(tmp_path, *ROWS)
    first = fetch_instruments(lake, clock, path, on=DAY)
    assert first.summary["rows_added"] == len(stored(lake)) == 8
    assert {day for day, _, _ in stored(lake)} == {DAY}
    assert [path.name for path in lake.files("instruments")] == ["2026-08.parquet"]
    assert sum(row["rows"] for row in first.records()) == 8
    before = lake.files("instruments")[0].read_bytes()
    second = fetch_instruments(lake, clock, path, on=DAY)
    assert (second.summary["rows_added"], second.summary["rows_unchanged"]) == (0, 8)
    assert "nothing new: all 8 instruments" in second.warnings[0]
    assert lake.files("instruments")[0].read_bytes() == before
    assert lake.last_load("instruments") is not None


def test_snapshots_of_two_days_stand_beside_each_other(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    fetch_instruments(lake, clock, write(tmp_path, CALL), on=DAY)
    fetch_instruments(lake, clock, write(tmp_path, CALL, PUT), on=date(2026, 8, 19))
    assert [day.day for day, _, _ in stored(lake)] == [18, 19, 19]
    assert [day.day for _, day in snapshots.held(lake)] == [18, 19]


@pytest.mark.parametrize(
    ("name", "day"),
    [("m_2026-08-18.csv", DAY), ("20260818.csv.gz", DAY), ("m-2026_08_18-2026-08-18.csv", DAY),
     ("NSE_18-08-2026.csv", DAY)],
)  # fmt: skip
def test_a_date_in_the_name_is_the_day(
    lake: Lake, clock: ManualClock, tmp_path: Path, name: str, day: date
) -> None:
    result = fetch_instruments(lake, clock, write(tmp_path, CALL, name=name))
    assert (result.summary["date"], result.summary["dated_by"]) == (day, "file name")


@pytest.mark.parametrize(
    "name", ["instruments.csv", "nfo_2026-08.csv", "2026-13-45.csv", "1202608181.csv",
             "2026-08-18_2026-08-17.csv"],
)  # fmt: skip
def test_a_master_without_a_date_is_refused_with_the_bound(
    lake: Lake, clock: ManualClock, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="does not say of which day") as caught:
        fetch_instruments(lake, clock, write(tmp_path, CALL, SHARE, name=name))
    assert "on that day or before" in caught.value.hint
    assert "--on 2026-08-25" in caught.value.hint
    assert stored(lake) == []


def test_without_an_expiry_there_is_no_bound(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        fetch_instruments(lake, clock, write(tmp_path, SHARE))
    assert "lists no expiry either" in caught.value.hint


def test_a_name_that_the_expiries_contradict_is_not_believed(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="it lists an expiry of 2026-08-25"):
        fetch_instruments(lake, clock, write(tmp_path, CALL, name="2026-08-26.csv"))
    with pytest.raises(UsageError, match="today is 2026-11-20"):
        fetch_instruments(lake, clock, write(tmp_path, CALL), on=date(2026, 11, 21))


def test_an_odd_day_is_said(lake: Lake, clock: ManualClock, tmp_path: Path) -> None:
    path = write(tmp_path, CALL, name="m_2026-08-18.csv")
    result = fetch_instruments(lake, clock, path, on=date(2026, 5, 4))
    assert "its name says 2026-08-18; stored as of 2026-05-04, as asked for" in result.warnings
    assert any("113 days after 2026-05-04: is that its day?" in note for note in result.warnings)


def test_one_bad_row_in_a_hundred_is_set_aside_and_two_refuse_the_whole(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    good = [contract(number) for number in range(1, 100)]
    bad = [contract(number, lot=0) for number in (200, 201)]
    result = fetch_instruments(lake, clock, write(tmp_path, *good, bad[0]), on=DAY)
    assert (result.summary["rows"], result.summary["rows_rejected"]) == (100, 1)
    assert result.summary["reasons"] == [
        {"reason": "the lot is not a positive whole number", "rows": 1}
    ]
    assert len(stored(lake)) == 99
    worse = write(tmp_path, *good, *bad, name="worse.csv")
    with pytest.raises(BadReply, match="refused whole: 2 of 101 rows are bad") as caught:
        fetch_instruments(lake, clock, worse, on=date(2026, 8, 19))
    assert "snapshots before it stay" in caught.value.safe
    assert {day for day, _, _ in stored(lake)} == {DAY}, "yesterday's master is kept"
    rejects = lake.scan("rejects").filter(file="worse.csv").collect()
    assert rejects["row"].sort().to_list() == [None, 100, 101]


def test_a_master_of_the_wrong_day_is_refused(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    with pytest.raises(BadReply, match="expired before the day") as caught:
        fetch_instruments(lake, clock, write(tmp_path, *ROWS), on=date(2026, 10, 1))
    assert "not of 2026-10-01" in caught.value.hint


def test_what_another_master_of_the_day_listed_stays_and_is_said(
    lake: Lake, clock: ManualClock, tmp_path: Path
) -> None:
    fetch_instruments(lake, clock, write(tmp_path, CALL, FUTURE, SHARE), on=DAY)
    result = fetch_instruments(
        lake, clock, write(tmp_path, CALL.replace(",65,", ",60,"), SHARE), on=DAY
    )
    assert any("1 instruments of NFO" in note and "they stay" in note for note in result.warnings)
    assert "1 stored rows of that day were replaced by those of this file" in result.warnings
    assert len(stored(lake)) == 3
