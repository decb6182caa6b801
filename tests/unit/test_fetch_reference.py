"""Reference lists on their way into the lake: spans, corrections, factors, a second load."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_reference import fetch_reference, withdraw_contradicted
from alphastock_cli.domain.frames import EQUITIES_DAY, conform
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.providers.nse.reference import (
    ReferenceFiles,
)
from alphastock_cli.store.lake import Lake
from tests.unit.test_reference import LOTS, members

FIRST = {"ind_niftyitlist_2021-10.csv": members("INFY", "TCS", "OLDIT")}
SECOND = {"ind_niftyitlist_2023-04.csv": members("INFY", "TCS", "NEWIT")}
THIRD = {"ind_niftyitlist_2025-02.csv": members("INFY", "NEWIT", "OLDIT")}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def fetch(lake: Lake, files: dict[str, str], name: str = "lists") -> dict[str, object]:
    folder = lake.root.parent / name
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for file, text in files.items():
        (folder / file).write_text(text)
    result = fetch_reference(ReferenceFiles(), lake, folder)
    return {**result.summary, "rows": list(result.records()), "warnings": result.warnings}


def on_day(lake: Lake, day: date, index: str = "NIFTY IT") -> set[str]:
    rows = lake.scan("membership").collect().filter(
        (pl.col("index") == index) & (pl.col("valid_from") <= day)
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    )  # fmt: skip
    return set(rows["symbol"])


def test_a_second_load_changes_nothing_and_says_so(lake: Lake) -> None:
    files = {**FIRST, "symbol_change.csv": "Old,New\nA,B\n", "fo_mktlots_2021.csv": LOTS}
    first = fetch(lake, files)
    assert (first["rows_added"], first["rows_changed"]) == (3 + 1 + 5, 0)
    before = {d: lake.scan(d).collect() for d in lake.datasets()}
    stamps = {p: p.stat().st_mtime_ns for p in lake.root.rglob("*.parquet")}
    second = fetch(lake, files, name="elsewhere")
    assert (second["rows_added"], second["rows_changed"], second["rows_unchanged"]) == (0, 0, 9)
    assert second["warnings"] == ("nothing new: every row was stored already",)
    assert {p: p.stat().st_mtime_ns for p in lake.root.rglob("*.parquet")} == stamps
    for dataset, frame in before.items():
        assert lake.scan(dataset).collect().equals(frame)
    assert lake.last_load("membership") is not None


@pytest.mark.parametrize("order", list(permutations([FIRST, SECOND, THIRD])))
def test_a_newer_list_closes_the_older_in_any_order(
    lake: Lake, order: tuple[dict[str, str], ...]
) -> None:
    for files in order:
        fetch(lake, files)
    assert on_day(lake, date(2021, 9, 30)) == set()
    assert on_day(lake, date(2021, 10, 1)) == {"INFY", "TCS", "OLDIT"}
    assert on_day(lake, date(2023, 3, 31)) == {"INFY", "TCS", "OLDIT"}
    assert on_day(lake, date(2023, 4, 1)) == {"INFY", "TCS", "NEWIT"}
    assert on_day(lake, date(2025, 1, 31)) == {"INFY", "TCS", "NEWIT"}
    assert on_day(lake, date(2026, 1, 1)) == {"INFY", "NEWIT", "OLDIT"}
    again = fetch(lake, {**FIRST, **SECOND, **THIRD})
    assert (again["rows_added"], again["rows_changed"]) == (0, 0)


def test_lists_of_other_indices_are_left_alone(lake: Lake) -> None:
    fetch(lake, {"ind_nifty50list_2021-10.csv": members("SBIN"), **FIRST})
    fetch(lake, SECOND)
    assert on_day(lake, date(2026, 1, 1), "NIFTY 50") == {"SBIN"}


def test_a_list_that_contradicts_the_stored_one_is_refused(lake: Lake) -> None:
    fetch(lake, FIRST)
    other = {"ind_niftyitlist_01102021.csv": members("INFY", "WIPRO")}
    with pytest.raises(BadReply) as caught:
        fetch(lake, other)
    assert "the stored list of NIFTY IT from 2021-10-01 on" in caught.value.what
    assert on_day(lake, date(2021, 10, 1)) == {"INFY", "TCS", "OLDIT"}
    told = fetch(lake, {**other, **SECOND})
    assert (told["files_refused"], told["rows_rejected"]) == (1, 1)
    more = {"ind_niftyitlist_01102021.csv": members("INFY", "TCS", "OLDIT", "LATE")}
    assert fetch(lake, more)["rows_added"] == 1


def test_rows_and_reasons_are_told_by_file(lake: Lake) -> None:
    dummy = "Dummy Ltd.,Power,DUMMYX,EQ,DUM154A01025\n"
    files = {
        "ind_niftyitlist_2021-10.csv": members("INFY") + dummy,
        "ind_nifty50list.csv": members("SBIN"),
        "x.csv": "a,b\n1,2\n",
    }
    done = fetch(lake, files)
    rows = {row["file"]: row for row in done["rows"]}  # type: ignore[attr-defined]
    kept = rows["ind_niftyitlist_2021-10.csv"]
    assert (kept["form"], kept["dataset"], kept["rows"]) == ("nse_constituents", "membership", 1)
    assert (kept["added"], kept["rejected"], kept["valid_from"]) == (1, 1, date(2021, 10, 1))
    assert rows["ind_nifty50list.csv"]["note"] == "no date in the name: give --on DATE"
    assert rows["x.csv"]["note"].startswith("unknown header")
    assert (done["files"], done["files_refused"], done["rows_rejected"]) == (3, 2, 3)
    assert lake.scan("rejects").collect().height == 3


def test_nothing_usable_is_an_error_and_stores_nothing(lake: Lake) -> None:
    with pytest.raises(BadReply, match=r"x\.csv: unknown header"):
        fetch(lake, {"x.csv": "a,b\n1,2\n"})
    assert lake.datasets() == []
    with pytest.raises(UsageError, match="holds no file"):
        fetch(lake, {})


# -- multipliers against prices -------------------------------------------------------------------

SPLITS = {
    "multipliers.csv": "Symbol,Date,Multiplier\n"
    "GOOD,20190919,2\nWRONG,20190919,4\nUNSEEN,20190919,5\n"
}


def prices() -> pl.DataFrame:
    day = {"date": date(2019, 9, 19), "exchange": "NSE"}
    rows = [
        {**day, "symbol": "GOOD", "series": "EQ", "previous_close": 1000.0, "open": 505.0},
        {**day, "symbol": "GOOD", "series": "BL", "previous_close": 1000.0, "open": 990.0},
        {**day, "symbol": "WRONG", "series": "EQ", "previous_close": 1000.0, "open": 751.0},
        {**day, "symbol": "UNSEEN", "series": "EQ", "previous_close": 0.0, "open": 751.0},
    ]
    return conform(pl.DataFrame(rows), EQUITIES_DAY, what="test")


def factors(lake: Lake) -> dict[str, float]:
    frame = lake.scan("adjustments").collect()
    return dict(zip(frame["symbol"], frame["factor"], strict=True))


def test_a_multiplier_the_prices_contradict_is_void(lake: Lake) -> None:
    lake.upsert("equities_day", prices())
    done = fetch(lake, SPLITS)
    assert factors(lake) == {"GOOD": 0.5, "WRONG": 1.0, "UNSEEN": 0.2}
    assert done["rows_rejected"] == 1
    (reason,) = lake.scan("rejects").collect()["reason"]
    assert reason == "the stored prices of 2019-09-19 contradict the factor 0.25"
    again = fetch(lake, SPLITS)
    assert (again["rows_added"], again["rows_changed"]) == (0, 0)


def test_prices_that_come_later_void_it_too(lake: Lake) -> None:
    fetch(lake, SPLITS)
    assert factors(lake)["WRONG"] == 0.25
    lake.upsert("equities_day", prices())
    day = date(2019, 9, 19)
    assert withdraw_contradicted(lake, start=date(2020, 1, 1), end=date(2020, 1, 9)) == 0
    assert withdraw_contradicted(lake, start=day, end=day) == 1
    assert factors(lake) == {"GOOD": 0.5, "WRONG": 1.0, "UNSEEN": 0.2}
    assert withdraw_contradicted(lake, start=day, end=day) == 0
    again = fetch(lake, SPLITS)
    assert (again["rows_added"], again["rows_changed"]) == (0, 0)
