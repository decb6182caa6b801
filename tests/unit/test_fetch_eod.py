"""Loading a folder: dating, joining, counting, telling; the second load changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.eod_merge import date_by_closes
from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import EQUITIES_DAY, REJECTS, conform
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.store.lake import Lake
from tests.unit import nse_texts as texts

DAY = date(2026, 8, 13)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def load(lake: Lake, folder: Path, files: dict[str, str], on: date | None = None) -> Result:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return fetch_eod(NseFiles(), lake, folder, on=on).result()


def stored(lake: Lake, dataset: str = "equities_day") -> list[dict]:
    return lake.scan(dataset).sort("symbol", "date").collect().to_dicts()


def test_a_load_and_the_second_one(lake: Lake, tmp_path: Path) -> None:
    files = {"sec.csv": texts.SEC, "ind.csv": texts.IND, "notes.csv": "a,b\n1,2\n"}
    first = load(lake, tmp_path / "in", files)
    assert first.kind == "fetch_eod"
    assert [(r["form"], r["dataset"], r["files"], r["rows"], r["added"]) for r in first.rows] == [
        ("nse_ind_close_all", "indices_day", 1, 2, 2),
        ("nse_sec_bhavdata_full", "equities_day", 1, 2, 2),
    ]
    facts = first.summary
    assert (facts["files"], facts["files_refused"], facts["rows_added"]) == (3, 1, 4)
    assert facts["reasons"] == {"unknown header": 1}
    assert lake.last_load("equities_day") is not None
    assert lake.last_load("indices_day") is not None
    again = load(lake, tmp_path / "in", {})
    facts = again.summary
    assert (facts["rows_added"], facts["rows_changed"], facts["rows_unchanged"]) == (0, 0, 4)
    assert "nothing new: all 4 rows were stored already" in again.warnings
    assert [(r["added"], r["changed"], r["unchanged"]) for r in again.rows] == [(0, 0, 2)] * 2


def test_the_reject_rows_are_kept_with_what_was_found(lake: Lake, tmp_path: Path) -> None:
    bad = texts.sec_file(texts.SEC_ROW, texts.sec_row(SYMBOL="X", CLOSE_PRICE="abc")).decode()
    result = load(lake, tmp_path / "in", {"a.csv": bad, "b.csv": "time,price\n1,2\n"})
    assert result.summary["rows_rejected"] == 1
    assert result.summary["reasons"] == {"CLOSE_PRICE is not a number": 1, "unknown header": 1}
    assert result.rows[0]["rejected"] == 1
    kept = {row["file"]: row for row in lake.scan("rejects").collect().to_dicts()}
    assert (kept["a.csv"]["row"], kept["a.csv"]["symbol"]) == (2, "X")
    assert "abc" in kept["a.csv"]["raw"]
    assert kept["b.csv"]["row"] is None
    assert "time, price" in kept["b.csv"]["reason"]
    assert "NSE ind_close_all" in kept["b.csv"]["reason"]


def test_sources_fill_each_other_column_by_column(lake: Lake, tmp_path: Path) -> None:
    result = load(lake, tmp_path / "in", {"u.csv": texts.udiff(), "s.csv": texts.SEC})
    row = stored(lake)[0]
    assert (row["source"], row["turnover"]) == ("nse_sec_bhavdata_full", pytest.approx(207_000.0))
    assert (row["name"], row["isin"]) == ("ALPHA LIMITED", "INE000A01011"), "from the UDiFF file"
    assert row["delivery_quantity"] == 500
    assert result.summary["differences"] == 0, "12.50 rupees are below what lakhs can print"


@pytest.mark.parametrize("order", [("s.csv", "u.csv"), ("u.csv", "s.csv")])
def test_a_worse_source_never_replaces_a_better_one(
    lake: Lake, tmp_path: Path, order: tuple[str, str]
) -> None:
    files = {"u.csv": texts.udiff().replace(",105.00,104.00,", ",106.00,104.00,"),
             "s.csv": texts.SEC}  # fmt: skip
    results = [load(lake, tmp_path / name, {name: files[name]}) for name in order]
    assert stored(lake)[0]["close"] == 105.0
    assert stored(lake)[0]["isin"] == "INE000A01011"
    assert results[1].summary["differences"] == 1
    assert results[1].summary["conflicts"] == [
        "ALPHA 2026-08-13 close: 105.0 (nse_sec_bhavdata_full) against 106.0 (nse_udiff_cm)"
    ]
    assert any("1 figure differs" in text for text in results[1].warnings)


def test_a_file_loaded_again_corrects_what_it_said(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path / "in", {"s.csv": texts.SEC})
    corrected = texts.SEC.replace(" 105.00, 103.50", " 106.00, 103.50")
    result = load(lake, tmp_path / "in", {"s.csv": corrected})
    assert (result.summary["rows_changed"], result.summary["rows_unchanged"]) == (1, 1)
    assert stored(lake)[0]["close"] == 106.0


def test_two_files_of_one_form_that_contradict_are_told(lake: Lake, tmp_path: Path) -> None:
    other = texts.SEC.replace(" 105.00, 103.50", " 106.00, 103.50")
    result = load(lake, tmp_path / "in", {"a.csv": texts.SEC, "b.csv": other})
    assert result.summary["differences"] == 1
    assert stored(lake)[0]["close"] == 106.0, "the later name counts"


def test_a_stale_copy_neither_makes_nor_changes_a_session(lake: Lake, tmp_path: Path) -> None:
    files = {"sec_bhavdata_full_13082026.csv": texts.SEC,
             "sec_bhavdata_full_15082026.csv": texts.SEC}  # fmt: skip
    result = load(lake, tmp_path / "in", files)
    assert result.summary["stale_copies"] == 1
    assert result.rows[0]["sessions"] == 1
    assert result.summary["rows_added"] == 2
    assert any("named 2026-08-15, holds 2026-08-13" in text for text in result.warnings)


def many(day: date, shift: float = 0.0) -> str:
    closes = {f"S{n}": f"{100 + n / 10 + shift:.2f}" for n in range(60)}
    rows = [
        texts.sec_row(SYMBOL=symbol, DATE1=f"{day:%d-%b-%Y}", CLOSE_PRICE=close)
        for symbol, close in closes.items()
    ]
    return texts.sec_file(*rows).decode()


def pd_of(shift: float, count: int = 60) -> str:
    rows = [
        f"N,EQ,S{n},NAME,99,100,110,95,{100 + n / 10 + shift:.2f},207012.5,2000,Y, ,40,150,80"
        for n in range(count)
    ]
    return "\n".join([*texts.PD.splitlines()[:2], *rows, ""])


def test_an_undated_file_takes_the_day_whose_closes_it_has(lake: Lake, tmp_path: Path) -> None:
    files = {"a.csv": many(date(2026, 8, 12)), "b.csv": many(DAY, 0.5), "p.csv": pd_of(0.5)}
    result = load(lake, tmp_path / "in", files)
    assert result.summary["reasons"] == {}
    index = stored(lake, "indices_day")
    assert [row["date"] for row in index] == [DAY], "the indices of the file too"
    assert any("they are those of 2026-08-13" in text for text in result.warnings)


def test_an_undated_file_is_dated_by_the_lake_in_a_later_load(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path / "one", {"b.csv": many(DAY)})
    result = load(lake, tmp_path / "two", {"p.csv": pd_of(0.0)})
    assert stored(lake, "indices_day")[0]["date"] == DAY
    assert result.summary["files_refused"] == 0


@pytest.mark.parametrize("count", [49, 60])
def test_what_cannot_be_dated_is_refused_whole(lake: Lake, tmp_path: Path, count: int) -> None:
    shift = 0.0 if count == 49 else 0.3  # too few symbols; enough, but other closes
    result = load(lake, tmp_path / "in", {"b.csv": many(DAY), "p.csv": pd_of(shift, count)})
    assert result.summary["files_refused"] == 1
    rejects = lake.scan("rejects").collect().to_dicts()
    assert [(row["file"], row["row"]) for row in rejects] == [("p.csv", None)]
    assert "give --on DATE" in rejects[0]["reason"]
    again = load(lake, tmp_path / "in", {}, on=DAY)
    assert again.summary["files_refused"] == 0, "the person's date helps"


@pytest.mark.parametrize("together", [True, False])
def test_a_report_named_for_one_session_that_holds_the_one_before_is_refused(
    lake: Lake, tmp_path: Path, *, together: bool
) -> None:
    first, copy = {"Pd120826.csv": pd_of(0.0)}, {"Pd130826.csv": pd_of(0.0)}
    if together:
        result = load(lake, tmp_path / "in", first | copy)
    else:
        load(lake, tmp_path / "one", first)
        with pytest.raises(BadReply, match="its name says 2026-08-13, its closes"):
            load(lake, tmp_path / "two", copy)
        result = load(lake, tmp_path / "two", {"Pd140826.csv": pd_of(0.7)})
    assert result.summary["files_refused"] == 1
    assert result.summary["stale_copies"] == 1
    refused = lake.scan("rejects").collect().to_dicts()
    assert [(row["file"], row["date"], row["row"]) for row in refused] == [
        ("Pd130826.csv", DAY, None)
    ]
    assert "closes and volumes are those of 2026-08-12" in refused[0]["reason"]
    days = {row["date"] for dataset in ("equities_day", "indices_day")
            for row in stored(lake, dataset)}  # fmt: skip
    assert days == {date(2026, 8, 12)} | (set() if together else {date(2026, 8, 14)})


def test_reports_that_may_repeat_are_believed(lake: Lake, tmp_path: Path) -> None:
    # too few symbols to tell; other volumes; and the same file of the same day twice
    files = {
        "Pd100826.csv": pd_of(0.0, 49),
        "Pd110826.csv": pd_of(0.0, 49),
        "Pd120826.csv": pd_of(0.5),
        "Pd130826.csv": pd_of(0.5).replace(",2000,", ",2001,"),
    }
    for _ in range(2):
        assert load(lake, tmp_path / "in", files).summary["files_refused"] == 0


def test_another_source_of_the_day_clears_a_report(lake: Lake, tmp_path: Path) -> None:
    files = {"a.csv": many(date(2026, 8, 12)), "b.csv": many(DAY), "Pd130826.csv": pd_of(0.0)}
    assert load(lake, tmp_path / "in", files).summary["files_refused"] == 0


def test_two_days_with_the_same_closes_date_nothing() -> None:
    rows = pl.DataFrame({"symbol": [f"S{n}" for n in range(60)], "close": 1.0}).with_columns(
        exchange=pl.lit("NSE"), series=pl.lit("EQ"), date=pl.lit(DAY)
    )
    other = rows.with_columns(date=pl.lit(date(2026, 8, 12)))
    assert date_by_closes(rows.drop("date"), rows) == DAY
    assert date_by_closes(rows.drop("date"), pl.concat([rows, other])) is None
    assert date_by_closes(rows.drop("date"), rows.clear()) is None


def test_folders_with_nothing_to_load(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no"):
        load(lake, tmp_path / "in", {"notes.md": "x"})
    with pytest.raises(BadReply, match="unknown header: a, b"):
        load(lake, tmp_path / "in", {"x.csv": "a,b\n1,2\n"})
    assert lake.last_load("equities_day") is None
    assert lake.datasets() == ["rejects"], "what was refused is told, nothing else is stored"


class Strange:
    """A plug-in's source: its form is unknown here, so it ranks last."""

    def read_folder(self, folder: Path, *, on: date | None = None) -> Iterator[EodBatch]:
        row = {"date": on, "exchange": "NSE", "symbol": "ALPHA", "series": "EQ", "close": 1.0,
               "name": folder.name, "source": "strange"}  # fmt: skip
        frame = conform(pl.DataFrame([row]), EQUITIES_DAY, what="strange")
        yield EodBatch(file="x", form="strange", frames={"equities_day": frame},
                       rejects=pl.DataFrame(schema=REJECTS))  # fmt: skip


def test_a_strange_source_fills_gaps_only(lake: Lake, tmp_path: Path) -> None:
    load(lake, tmp_path / "in", {"s.csv": texts.SEC})
    fetch_eod(Strange(), lake, tmp_path / "in", on=DAY)
    row = stored(lake)[0]
    assert (row["close"], row["name"], row["source"]) == (105.0, "in", "nse_sec_bhavdata_full")
