"""The old F&O bhavcopy: units, what is missing, what is refused, how it loads."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.frames import FUTURES_DAY, OPTIONS_DAY
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.errors import NotOffered
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.providers.nse.source import read_file
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit import nse_texts as texts

DAY = date(2021, 3, 18)
NAME = "fo18MAR2021bhav.csv"


def read(data: bytes = texts.FO.encode()) -> EodBatch:
    return read_file(NAME, data)


def refusals(*rows: str) -> list[str]:
    batch = read(texts.fo_file(*rows))
    assert batch.rejects is not None
    return batch.rejects["reason"].to_list()


# -- columns ----------------------------------------------------------------------------------


def test_one_file_feeds_futures_and_options() -> None:
    batch = read()
    assert batch.form == "nse_fo_bhavcopy_old"
    assert batch.rejects is not None
    assert batch.rejects.is_empty()
    assert batch.notes == ()
    futures, options = batch.frames["futures_day"], batch.frames["options_day"]
    assert (futures.schema, options.schema) == (FUTURES_DAY, OPTIONS_DAY)
    assert (futures.height, options.height) == (3, 8)
    assert futures.row(0, named=True) == {
        "date": DAY, "exchange": "NFO", "symbol": "NIFTY", "expiry": date(2021, 3, 25),
        "open": 15000.0, "high": 15100.0, "low": 14900.0, "close": 15050.0, "settlement": 15050.0,
        "contracts": 100, "turnover": 112_500_000.0, "open_interest": 75_000, "oi_change": -1500,
        "kind": "index", "source": "nse_fo_bhavcopy_old",
    }  # fmt: skip
    alpha = options.filter(symbol="ALPHA", strike=122.5).row(0, named=True)
    assert alpha == {
        "date": DAY, "exchange": "NFO", "symbol": "ALPHA", "expiry": date(2021, 3, 25),
        "strike": 122.5, "option_type": "PE", "open": 2.0, "high": 2.5, "low": 1.5, "close": 2.2,
        "settlement": 0.0, "contracts": 4, "turnover": 496_000.0, "open_interest": 12_000,
        "oi_change": -1000, "kind": "stock", "source": "nse_fo_bhavcopy_old",
    }  # fmt: skip


def test_a_contract_nobody_traded_has_no_range_and_keeps_its_settlement() -> None:
    frames = read().frames
    untraded = frames["options_day"].filter(contracts=0)
    assert untraded.height == 4
    assert untraded.select("open", "high", "low").null_count().row(0) == (4, 4, 4)
    close = dict(zip(untraded["strike"], untraded["close"], strict=True))
    assert close[125.0] is None, "0 stands for none"
    assert close[15100.0] == 310.5, "kept as published"
    assert untraded["settlement"].to_list() == [0.0, 295.0, 611.5, 1.75]
    future = frames["futures_day"].filter(contracts=0).row(0, named=True)
    assert (future["open"], future["close"], future["settlement"]) == (None, 15200.0, 15120.5)


def test_turnover_comes_out_in_whole_thousands_of_rupees() -> None:
    row = texts.fo_row(VAL_INLAKH="2059559.31")
    assert read(texts.fo_file(row)).frames["options_day"]["turnover"].item() == 205_955_931_000.0


def test_futures_on_the_volatility_index_are_futures_of_an_index() -> None:
    row = texts.fo_row(INSTRUMENT="FUTIVX", SYMBOL="INDIAVIX", STRIKE_PR="0", OPTION_TYP="XX")
    assert read(texts.fo_file(row)).frames["futures_day"]["kind"].to_list() == ["index"]


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"OPEN": "-1"}, "open is negative"),
        ({"SETTLE_PR": "-0.05"}, "settlement is negative"),
        ({"STRIKE_PR": "-15000"}, "strike is negative"),
        ({"CONTRACTS": "-1"}, "contracts is negative"),
        ({"OPEN_INT": "-75"}, "open_interest is negative"),
        ({"VAL_INLAKH": "-2"}, "turnover is negative"),
        ({"LOW": "300"}, "high is below low"),
        ({"CLOSE": "261"}, "close is above high"),
        ({"CLOSE": "0"}, "no closing price"),
        ({"OPTION_TYP": "XX"}, "an option that is neither CE nor PE"),
        ({"OPTION_TYP": "CA"}, "an option that is neither CE nor PE"),
        ({"OPTION_TYP": ""}, "an option that is neither CE nor PE"),
        ({"STRIKE_PR": "0"}, "an option without a strike"),
        ({"STRIKE_PR": ""}, "an option without a strike"),
        ({"INSTRUMENT": "OPTFUT"}, "INSTRUMENT is neither a future nor an option we know"),
        ({"INSTRUMENT": ""}, "INSTRUMENT is neither a future nor an option we know"),
        ({"INSTRUMENT": "FUTINT"}, "INSTRUMENT is no future we know, or OPTION_TYP"),
        ({"INSTRUMENT": "FUTIDX"}, "INSTRUMENT is no future we know, or OPTION_TYP"),
        ({"EXPIRY_DT": "25-Foo-2021"}, "EXPIRY_DT is not a date: 25-Foo-2021"),
        ({"EXPIRY_DT": ""}, "no expiry"),
        ({"EXPIRY_DT": "17-Mar-2021"}, "the contract had expired by then"),
        ({"TIMESTAMP": "tomorrow"}, "TIMESTAMP is not a date: tomorrow"),
        ({"TIMESTAMP": ""}, "no date"),
        ({"CONTRACTS": ""}, "no number of contracts"),
        ({"CONTRACTS": "1.5"}, "CONTRACTS is not a whole number: 1.5"),
        ({"CLOSE": "n/a"}, "CLOSE is not a number: n/a"),
        ({"SYMBOL": ""}, "no symbol"),
        ({"SYMBOL": "../NIFTY"}, "the symbol is no exchange's symbol"),
    ],
)
def test_a_row_no_market_made_is_set_apart(changed: dict[str, str], reason: str) -> None:
    good = texts.fo_row(STRIKE_PR="14000")
    batch = read(texts.fo_file(good, texts.fo_row(**changed)))
    assert batch.frames["options_day"]["strike"].to_list() == [14000.0], "the neighbour stays"
    assert "futures_day" not in batch.frames
    assert batch.rejects is not None
    told = batch.rejects.row(0, named=True)
    assert told["reason"].startswith(reason)
    assert (batch.rejects.height, told["row"], told["file"]) == (1, 2, NAME)
    assert told["dataset"] in {"futures_day", "options_day"}


def test_a_contract_twice() -> None:
    row = texts.fo_row()
    other = texts.fo_row(CONTRACTS="11")
    reasons = refusals(row, row, other, texts.fo_row(OPTION_TYP="PE"))
    assert reasons == ["a second row for this contract, with other figures"]
    batch = read(texts.fo_file(row, row))
    assert batch.frames["options_day"].height == 1
    assert batch.notes == ("a file that repeats rows: 1",)
    apart = [texts.fo_row(EXPIRY_DT="01-Apr-2021"), texts.fo_row(STRIKE_PR="15000.5"), row]
    assert refusals(*apart) == []


def test_a_day_without_derivatives_trading_is_refused() -> None:
    batch = read(texts.fo_file(texts.fo_row(TIMESTAMP="14-MAR-2021")))
    assert batch.frames == {}
    assert batch.rejects is not None
    assert batch.rejects["reason"].to_list() == [
        "not a trading day of the calendar: 2021-03-14, 1 rows"
    ]


def test_a_copy_of_another_session_is_told_once() -> None:
    batch = read_file("fo19MAR2021bhav.csv", texts.FO.encode())
    assert batch.notes == ("a copy of another session: named 2021-03-19, holds 2021-03-18",)


def test_a_day_to_come_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(texts.FO)
    early = NseFiles(ManualClock(datetime(2021, 3, 17, 20, tzinfo=IST)))
    batch = next(early.read_folder(tmp_path))
    assert batch.frames == {}


def test_udiff_derivatives_do_not_end_up_among_the_shares() -> None:
    share = texts.udiff(segment="FO")
    batch = read_file("x.csv", share.encode())
    assert (batch.form, batch.frames) == ("nse_udiff_fo", {})
    mixed = texts.udiff() + share.partition("\n")[2]
    assert read_file("x.csv", mixed.encode()).frames == {}


def test_the_reader_of_files_has_no_chain() -> None:
    with pytest.raises(NotOffered, match="has no expiries of NIFTY"):
        NseFiles().expiries("NIFTY")
    with pytest.raises(NotOffered, match="has no chain of NIFTY 2021-03-18"):
        NseFiles().option_chain("NIFTY", DAY)


# -- loading ----------------------------------------------------------------------------------


def load(lake: Lake, folder: Path, files: dict[str, str]) -> Result:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return fetch_eod(NseFiles(), lake, folder).result()


def test_a_load_is_counted_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    files = {NAME: texts.FO, "shares.csv": texts.SEC, "fo17MAR2021bhav.csv":
             texts.fo_day("17-MAR-2021")}  # fmt: skip
    first = load(lake, tmp_path / "in", files)
    assert [(r["form"], r["dataset"], r["files"], r["rows"], r["sessions"], r["added"])
            for r in first.records()] == [
        ("nse_fo_bhavcopy_old", "futures_day", 2, 6, 2, 6),
        ("nse_fo_bhavcopy_old", "options_day", 2, 16, 2, 16),
        ("nse_sec_bhavdata_full", "equities_day", 1, 2, 1, 2),
    ]  # fmt: skip
    assert (first.summary["files"], first.summary["rows_added"]) == (3, 24)
    assert [path.name for path in lake.files("options_day")] == ["2021-03.parquet"]
    assert [path.name for path in lake.files("futures_day")] == ["2021.parquet"]
    for dataset in ("futures_day", "options_day", "equities_day"):
        assert lake.last_load(dataset) is not None
    before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")}
    again = load(lake, tmp_path / "in", {})
    assert again.summary["rows_unchanged"] == 24
    assert again.warnings == ("nothing new: all 24 rows were stored already",)
    assert [(r["added"], r["changed"], r["unchanged"]) for r in again.records()] == [
        (0, 0, 6), (0, 0, 16), (0, 0, 2)
    ]  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in lake.root.rglob("*.parquet")} == before


def test_a_corrected_file_changes_its_rows_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    load(lake, tmp_path / "in", {NAME: texts.FO})
    corrected = texts.FO.replace(",10,114,3000,", ",10,114,3075,")
    facts = load(lake, tmp_path / "in", {NAME: corrected}).summary
    assert (facts["rows_added"], facts["rows_changed"], facts["rows_unchanged"]) == (0, 1, 10)
    call = lake.scan("options_day").filter(strike=15000.0, option_type="CE", contracts=10)
    assert call.collect()["open_interest"].to_list() == [3075]


def test_two_files_of_a_day_that_contradict_are_told_by_contract(tmp_path: Path) -> None:
    other = texts.FO.replace("180,240,240,10,", "180,241,240,10,")
    result = load(Lake(tmp_path / "lake"), tmp_path / "in", {"a.csv": texts.FO, "b.csv": other})
    assert result.summary["differences"] == 1
    assert result.summary["conflicts"][0].startswith(
        "NIFTY 2021-03-25 15000 CE 2021-03-18 close: 241.0 (nse_fo_bhavcopy_old) against 240.0"
    )


def test_a_file_of_bad_rows_alone_is_told_and_stores_nothing(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    bad = f"{texts.FO_HEADER},\n{texts.fo_row(LOW='300')}\n"
    result = load(lake, tmp_path / "in", {"bad.csv": bad, NAME: texts.FO})
    assert (result.summary["rows_rejected"], result.summary["rows_added"]) == (1, 11)
    reasons = lake.scan("rejects").select("file", "reason", "symbol", "date").collect().rows()
    assert reasons == [("bad.csv", "high is below low", "NIFTY", DAY)]
    assert lake.scan("options_day").select(pl.len()).collect().item() == 8
