"""The exchange's own lists against the csv module, and the multipliers against real prices."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_reference import fetch_reference
from alphastock_cli.exchange import indices
from alphastock_cli.providers.nse.reference import ReferenceBatch, ReferenceFiles
from alphastock_cli.store.lake import Lake

REFUSED = {
    "fovolt_2016-06-22.csv": "unknown header",
    "nse_holidays_2026.json": "not a .csv or .xls list",
}


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    found = shared_data / "reference_lists"
    if not found.is_dir():
        pytest.skip("no reference lists")
    return found


@pytest.fixture(scope="module")
def batches(folder: Path) -> dict[str, ReferenceBatch]:
    return {batch.file: batch for batch in ReferenceFiles().read_folder(folder)}


def records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    header = [cell.strip() for cell in rows[0]]
    return [
        dict(zip(header, (c.strip() for c in row), strict=False)) for row in rows[1:] if any(row)
    ]


def day_of(text: str, style: str) -> date:
    return datetime.strptime(text, style).date()  # noqa: DTZ007 - a date


def test_every_file_loads_or_is_refused_with_a_reason(
    folder: Path, batches: dict[str, ReferenceBatch]
) -> None:
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(batches) == files
    for name, batch in batches.items():
        if name in REFUSED:
            assert batch.frames == {}
            assert batch.rejects["reason"][0].startswith(REFUSED[name])
        else:
            assert batch.frames, f"{name}: {batch.rejects['reason'].to_list()}"


def test_constituents_are_those_of_the_file_without_the_place_holders(
    folder: Path, batches: dict[str, ReferenceBatch]
) -> None:
    lists = [name for name, batch in batches.items() if "membership" in batch.frames]
    assert len(lists) == 18
    seen = set()
    for name in lists:
        frame = batches[name].frames["membership"]
        rows = records(folder / name)
        shares = {r["Symbol"]: r for r in rows if not r["Symbol"].startswith("DUMMY")}
        assert set(frame["symbol"]) == set(shares), name
        assert batches[name].rejects["symbol"].to_list() == [
            r["Symbol"] for r in rows if r["Symbol"].startswith("DUMMY")
        ]
        for row in frame.iter_rows(named=True):
            source = shares[row["symbol"]]
            assert (row["isin"], row["name"]) == (source["ISIN Code"], source["Company Name"])
            assert row["sector"].casefold() == source["Industry"].casefold()
        (index,) = frame["index"].unique()
        assert index in indices.index_names()
        assert index not in seen, f"{name}: a second list of {index}"
        seen.add(index)
    heights = {f["index"][0]: f.height for f in (batches[n].frames["membership"] for n in lists)}
    assert heights["NIFTY 50"] == 50
    assert heights["NIFTY 500"] == 500
    assert heights["NIFTY TOTAL MKT"] == 750
    assert heights["NIFTY BANK"] == 12


def test_the_nifty_50_is_part_of_the_nifty_500_of_the_same_day(
    batches: dict[str, ReferenceBatch],
) -> None:
    fifty = batches["ind_nifty50list_2025-02.csv"].frames["membership"]
    more = batches["ind_nifty500list_2025-02.csv"].frames["membership"]
    both = fifty.join(more, on=["symbol", "isin", "sector", "valid_from"], how="inner")
    assert both.height == 50


@pytest.mark.parametrize("name", ["fo_mktlots_2016-06.csv", "fo_mktlots_2021.csv"])
def test_lots_are_those_of_the_file(
    folder: Path, batches: dict[str, ReferenceBatch], name: str
) -> None:
    expected = {}
    for row in records(folder / name):
        for column, text in row.items():
            if column[3:4] == "-" and text.isdigit():
                month = day_of(f"01-{column}", "%d-%b-%y")
                expected[row["SYMBOL"], month] = int(text)
    frame = batches[name].frames["lots"]
    held = {(s, m): n for s, m, n in frame.select("symbol", "contract_month", "lot_size").rows()}
    assert held == expected
    assert batches[name].rejects.height == 0
    nearest = min(month for _, month in held)
    assert frame["valid_from"].unique().to_list() == [nearest]


def test_lots_known_from_circulars(batches: dict[str, ReferenceBatch]) -> None:
    frame = batches["fo_mktlots_2021.csv"].frames["lots"]
    near = frame.filter(contract_month=date(2021, 10, 1))
    lots = dict(zip(near["symbol"], near["lot_size"], strict=True))
    assert (lots["NIFTY"], lots["BANKNIFTY"], lots["FINNIFTY"]) == (50, 25, 40)


@pytest.mark.parametrize(
    ("name", "count", "day"),
    [("qtyfreeze_2022-01.xls", 201, (2022, 1)), ("qtyfreeze_2024-02.xls", 193, (2024, 2))],
)
def test_freeze_quantities(
    batches: dict[str, ReferenceBatch], name: str, count: int, day: tuple[int, int]
) -> None:
    frame = batches[name].frames["freeze_quantities"]
    assert (frame.height, batches[name].rejects.height) == (count, 0)
    assert frame["valid_from"].unique().to_list() == [date(*day, 1)]
    assert frame["freeze_quantity"].min() > 0  # type: ignore[operator]
    assert {"NIFTY", "BANKNIFTY", "M&M", "BAJAJ-AUTO"} <= set(frame["symbol"])


def test_symbol_changes(folder: Path, batches: dict[str, ReferenceBatch]) -> None:
    frame = batches["symbol_change.csv"].frames["symbol_changes"]
    expected = {(r["Old"], r["New"]) for r in records(folder / "symbol_change.csv")}
    assert set(frame.select("old", "new").rows()) == expected
    assert frame["effective_date"].null_count() == frame.height == 751
    assert ("INFOSYSTCH", "INFY") in expected


def test_multipliers_mean_shares_after_for_one_before(
    shared_data: Path, batches: dict[str, ReferenceBatch]
) -> None:
    """Of 29 multipliers with a price on their day 26 agree; three are bonuses misread."""
    frame = batches["multipliers.csv"].frames["adjustments"]
    assert frame.height == 1681
    history = shared_data / "nse_eq_daily_history" / "nifty50_names_daily_2016_2026.parquet"
    rows = pl.read_parquet(history, columns=["SYMBOL", "DATE1", "PREV_CLOSE", "OPEN_PRICE"])
    opens = {
        (symbol, day_of(day.title(), "%d-%b-%Y")): first / before
        for symbol, day, before, first in rows.iter_rows()
    }
    found = {
        (symbol, day): (factor, opens[symbol, day])
        for symbol, day, factor in frame.select("symbol", "ex_date", "factor").iter_rows()
        if (symbol, day) in opens
    }
    wrong = {key for key, (factor, seen) in found.items() if abs(seen / factor - 1) > 0.06}
    assert len(found) == 29
    assert wrong == {
        ("WIPRO", date(2019, 3, 6)),  # one for three, listed as four for one
        ("NTPC", date(2019, 3, 19)),  # one for five
        ("UPL", date(2019, 7, 2)),  # one for two
    }


def test_the_whole_folder_loads_once(folder: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    first = fetch_reference(ReferenceFiles(), lake, folder)
    assert first.summary["files_refused"] == len(REFUSED)
    assert first.summary["rows_changed"] == 0
    assert first.summary["rows_added"] == sum(row["added"] for row in first.records())
    assert first.summary["rows_rejected"] == len(REFUSED) + 3  # and a DUMMY in each of three lists
    second = fetch_reference(ReferenceFiles(), lake, folder)
    assert (second.summary["rows_added"], second.summary["rows_changed"]) == (0, 0)
    assert second.summary["rows_unchanged"] == first.summary["rows_added"]
    assert lake.scan("rejects").collect().height == first.summary["rows_rejected"]
