"""Reference lists: recognised by header, dated or refused, and stored once in any order."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.domain.frames import DATASETS, REJECTS
from alphastock_cli.errors import UsageError
from alphastock_cli.providers.nse.reference import (
    ReferenceBatch,
    ReferenceFiles,
    day_in_name,
    read_list,
)
from tests.unit.xls import xls

MEMBERS = "Company Name,Industry,Symbol,Series,ISIN Code\n"
CHANGES = "SYMB_COMPANY_NAME, SM_KEY_SYMBOL, SM_NEW_SYMBOL, SM_APPLICABLE_FROM\n"
LOTS = (
    "UNDERLYING      ,SYMBOL    ,OCT-21     ,NOV-21     ,MAR-22     ,           \n"
    "NIFTY 50        ,NIFTY     ,50         ,50         ,           ,           \n"
    "Derivatives on Individual Securities,Symbol    ,OCT-21     ,NOV-21     ,           ,\n"
    "ACC LIMITED     ,ACC       ,500        ,250        ,250        ,           \n"
)
ONE = date(2025, 2, 1)


def members(*symbols: str, industry: str = "Power") -> str:
    rows = "".join(
        f"Company {s} Ltd.,{industry},{s},EQ,INE{n:06d}AA1\n" for n, s in enumerate(symbols)
    )
    return MEMBERS + rows


def read(name: str, text: str | bytes, *, on: date | None = None) -> ReferenceBatch:
    return read_list(name, text.encode() if isinstance(text, str) else text, on=on)


def reasons(batch: ReferenceBatch) -> list[str]:
    assert dict(batch.rejects.schema) == dict(REJECTS)
    return batch.rejects["reason"].to_list()


def stored(batch: ReferenceBatch, dataset: str) -> pl.DataFrame:
    frame = batch.frames[dataset]
    assert list(frame.schema.items()) == list(DATASETS[dataset].items())
    return frame


# -- the day of a list ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("ind_nifty50list_2025-02.csv", date(2025, 2, 1)),
        ("fovolt_2016-06-22.csv", date(2016, 6, 22)),
        ("list_20240229.csv", date(2024, 2, 29)),
        ("list_29022024.csv", date(2024, 2, 29)),
        ("list_20112012.csv", date(2012, 11, 20)),
        ("list_01-02-2026.csv", date(2026, 2, 1)),
        ("sector_lists_2021-10/ind_niftyitlist.csv", date(2021, 10, 1)),
        ("2020-01/list_2021-10.csv", date(2021, 10, 1)),
        ("list_2025-13.csv", None),
        ("list_30022024.csv", None),
        ("ind_nifty500list.csv", None),
        ("fo_mktlots_2021.csv", None),
        ("nifty200.csv", None),
    ],
)
def test_the_day_is_read_from_the_name(name: str, day: date | None) -> None:
    assert day_in_name(name) == day


def test_a_list_without_a_day_is_refused_and_says_what_to_give() -> None:
    batch = read("ind_nifty50list.csv", members("SBIN"))
    assert (batch.frames, batch.form) == ({}, "nse_constituents")
    assert reasons(batch) == ["no date in the name: give --on DATE"]
    dated = read("ind_nifty50list.csv", members("SBIN"), on=ONE)
    assert stored(dated, "membership")["valid_from"].to_list() == [ONE]


def test_a_name_with_a_day_wins_and_one_with_a_year_does_not() -> None:
    exact = read("ind_nifty50list_2025-02.csv", members("SBIN"), on=date(2026, 1, 5))
    assert exact.valid_from == ONE
    given_day = read("ind_nifty50list_2025.csv", members("SBIN"), on=date(2026, 1, 5))
    assert (given_day.valid_from, given_day.notes) == (date(2026, 1, 5), ())
    year = read("ind_nifty50list_2025.csv", members("SBIN"))
    assert year.valid_from == date(2025, 1, 1)
    assert "--on DATE says better" in year.notes[0]


# -- what each list holds -------------------------------------------------------------------------


def test_constituents() -> None:
    text = MEMBERS + (
        "Mahindra & Mahindra Ltd.,AUTOMOBILE AND AUTO COMPONENTS,M&M,EQ,INE101A01026\n"
        '"Quoted, Inc.",,BAJAJ-AUTO,BE,\n'
        "Dummy ITC Ltd.,Consumer Services,DUMMYITC,EQ,DUM154A01025\n"
        "Twice Ltd.,Power,M&M,EQ,INE101A01026\n"
        "Path Ltd.,Power,../../etc/passwd,EQ,INE101A01026\n"
        "Isin Ltd.,Power,ISINLTD,EQ,NOTANISIN\n"
        "Cut Ltd.,Power,CUTL\n"
        "\n"
        "Long Ltd.,Power,LONGL,EQ,INE101A01026,more\n"
    )
    batch = read("ind_nifty50list_2025-02.csv", text)
    frame = stored(batch, "membership")
    assert frame["symbol"].to_list() == ["M&M", "BAJAJ-AUTO"]
    assert frame["index"].unique().to_list() == ["NIFTY 50"]
    assert frame["sector"].to_list() == ["Automobile and Auto Components", None]
    assert frame["isin"].to_list() == ["INE101A01026", None]
    assert frame["name"].to_list() == ["Mahindra & Mahindra Ltd.", "Quoted, Inc."]
    assert frame["valid_to"].null_count() == 2
    assert dict(zip(batch.rejects["row"], reasons(batch), strict=True)) == {
        3: "a place-holder of a demerger, not a share",
        4: "listed twice",
        5: "no symbol of the exchange",
        6: "no ISIN: NOTANISIN",
        7: "3 cells where the header has 5",
        8: "6 cells where the header has 5",
    }
    assert batch.rejects["raw"][4] == "Cut Ltd.,Power,CUTL"


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("ind_nifty50list.csv", "NIFTY 50"),
        ("ind_niftyfinancelist.csv", "NIFTY FIN SERVICE"),
        ("ind_niftyfinancialservices25_50list.csv", "NIFTY FINSRV25 50"),
        ("ind_niftymidcap150list_2025-02-03.csv", "NIFTY MIDCAP 150"),
        ("ind_nifty_total_market_list.csv", "NIFTY TOTAL MKT"),
        ("ind_niftyoilgaslist.csv", "NIFTY OIL AND GAS"),
        ("ind_nifty50list (1).csv", "NIFTY 50"),
        ("niftyit_03022025.csv", "NIFTY IT"),
    ],
)
def test_the_index_is_read_from_the_name(name: str, index: str) -> None:
    batch = read(name, members("SBIN"), on=ONE)
    assert stored(batch, "membership")["index"].to_list() == [index]


def test_a_name_of_no_index_is_refused() -> None:
    batch = read("mylist_2025-02.csv", members("SBIN"))
    assert batch.frames == {}
    assert reasons(batch) == ["the name `mylist_2025-02.csv` does not say which index it lists"]


def test_symbol_changes_without_dates() -> None:
    text = "Old,New\nINFOSYSTCH,INFY\nSAME,SAME\n,NEW\nbad sym,X\n"
    batch = read("symbol_change.csv", text)
    frame = stored(batch, "symbol_changes")
    assert frame.select("old", "new", "effective_date").rows() == [("INFOSYSTCH", "INFY", None)]
    assert len(reasons(batch)) == 3


@pytest.mark.parametrize("header", [CHANGES, ""])
def test_the_exchanges_own_symbol_changes_with_and_without_header(header: str) -> None:
    text = header + "Zydus Lifesciences Ltd,CADILAHC,ZYDUSLIFE,07-MAR-2022\nA,B,C,31-FEB-2020\n"
    batch = read("symbolchange.csv", text)
    assert batch.form == "nse_symbolchange"
    frame = stored(batch, "symbol_changes")
    assert frame.select("old", "new", "effective_date").rows() == [
        ("CADILAHC", "ZYDUSLIFE", date(2022, 3, 7))
    ]
    assert reasons(batch) == ["no date: 31-FEB-2020"]
    assert batch.rejects.select("row", "raw").row(0) == (2, "A,B,C,31-FEB-2020")


def test_multipliers_are_shares_after_for_one_before() -> None:
    text = (
        "Symbol,Date,Multiplier\nINFY,20180904,2\nINFY,20180904,2\nINFY,20180904,3\n"
        "BAD,20181304,2\nBAD,20180904,nan\nBAD,20180904,0\n"
    )
    batch = read("multipliers.csv", text)
    frame = stored(batch, "adjustments")
    assert frame.select("exchange", "symbol", "ex_date", "factor", "kind").rows() == [
        ("NSE", "INFY", date(2018, 9, 4), 0.5, "imported")
    ]
    assert reasons(batch) == [
        "listed twice",
        "a second one of that day",
        "no date: 20181304",
        "no positive multiplier: nan",
        "no positive multiplier: 0",
    ]


def test_lots_by_contract_month() -> None:
    batch = read("fo_mktlots_2021.csv", LOTS + "X LTD,XLTD,12.5,none,0,\n")
    frame = stored(batch, "lots")
    october, november, march = date(2021, 10, 1), date(2021, 11, 1), date(2022, 3, 1)
    assert frame.select("symbol", "contract_month", "lot_size").rows() == [
        ("NIFTY", october, 50), ("NIFTY", november, 50),
        ("ACC", october, 500), ("ACC", november, 250), ("ACC", march, 250),
    ]  # fmt: skip
    assert frame["valid_from"].unique().to_list() == [october]
    assert reasons(batch) == ["MAR-22: no lot: 0", "NOV-21: no lot: none", "OCT-21: no lot: 12.5"]
    exact = read("fo_mktlots_15092021.csv", LOTS)
    assert exact.valid_from == date(2021, 9, 15)


def test_lots_without_a_month_are_refused() -> None:
    batch = read("fo_mktlots_2021.csv", "UNDERLYING,SYMBOL,LOT\nNIFTY 50,NIFTY,50\n")
    assert reasons(batch) == ["no column is a contract month such as OCT-21"]


def test_freeze_quantities_from_an_old_excel_file(capfd: pytest.CaptureFixture[str]) -> None:
    head = ["S.No.", "SYMBOL    ", "VOL_FRZ_QTY"]
    rows = [
        head,
        [1.0, "NIFTY     ", 1801.0],
        [2.0, "M&M", 0.5],
        [3.0, "NIFTY", 9.0],
        [4.0, "", 1.0],
    ]
    batch = read("qtyfreeze_2024-02.xls", xls(rows))
    frame = stored(batch, "freeze_quantities")
    assert frame.select("symbol", "freeze_quantity", "valid_from").rows() == [
        ("NIFTY", 1801, date(2024, 2, 1))
    ]
    assert reasons(batch) == [
        "no whole quantity: 0.5", "listed twice", "no symbol of the exchange"
    ]  # fmt: skip
    assert reasons(read("qtyfreeze.xls", xls(rows))) == ["no date in the name: give --on DATE"]
    assert capfd.readouterr() == ("", "")


# -- files that are no lists ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "unknown header"),
        (b"\n\n", "unknown header"),
        (b"a,b,c\n1,2,3\n", "unknown header: a, b, c. Known lists: constituents of an index;"),
        (b"\x00\x01\x02", "not a list: it is not text"),
        (b'Old,New\n"open,x\n', "not a list: unexpected end of data"),
        (b"Old,New\n" + b"x" * 200_000 + b",y\n", "not a list: field larger than field limit"),
        (b"\xd0\xcf\x11\xe0 and no more", "not a list: the Excel file cannot be read"),
        (xls([["SYMBOL", "VOL_FRZ_QTY"]])[:700], "not a list: the Excel file cannot be read"),
    ],
)
def test_what_is_no_list_is_refused_with_a_reason(data: bytes, told: str) -> None:
    batch = read("x_2025-02.csv", data)
    assert batch.frames == {}
    (reason,) = reasons(batch)
    assert reason.startswith(told)


def test_names_in_latin_1_are_read() -> None:
    batch = read("symbolchange.csv", CHANGES.encode() + b"Caf\xe9 Ltd,OLDC,NEWC,01-JAN-2020\n")
    assert stored(batch, "symbol_changes")["new"].to_list() == ["NEWC"]


def test_a_folder_is_read_whole_and_nothing_outside_it(tmp_path: Path) -> None:
    folder = tmp_path / "lists_2025-02"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "ind_niftyitlist.csv").write_text(members("INFY"))
    (folder / "ind_nifty50list.csv").write_text(members("SBIN"))
    (folder / "holidays.json").write_text("{}")
    (folder / ".hidden.csv").write_text(members("SBIN"))
    (tmp_path / "outside.csv").write_text("Old,New\nA,B\n")
    (folder / "link.csv").symlink_to(tmp_path / "outside.csv")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "big.csv").touch()
    os.truncate(folder / "big.csv", (32 << 20) + 1)
    batches = {batch.file: batch for batch in ReferenceFiles().read_folder(folder)}
    assert list(batches) == sorted(batches)
    assert set(batches) == {
        "below/ind_niftyitlist.csv", "big.csv", "holidays.json", "ind_nifty50list.csv", "link.csv",
    }  # fmt: skip
    assert batches["ind_nifty50list.csv"].valid_from == ONE  # from the folder's own name
    assert reasons(batches["holidays.json"]) == ["not a .csv or .xls list"]
    assert reasons(batches["link.csv"]) == ["a link that leads out of the folder"]
    assert reasons(batches["big.csv"]) == ["larger than 32 MiB"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        list(ReferenceFiles().read_folder(tmp_path / "no"))


@given(
    data=st.binary(max_size=200)
    | st.tuples(
        st.sampled_from([MEMBERS, CHANGES, LOTS, "Old,New\n", "Symbol,Date,Multiplier\n"]),
        st.text(max_size=100),
    ).map(lambda pair: "".join(pair).encode("utf-8", "surrogatepass"))
)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    batch = read_list("ind_nifty50list_2025-02.csv", data)
    assert dict(batch.rejects.schema) == dict(REJECTS)
    assert batch.form or batch.rejects.height == 1
    for dataset, frame in batch.frames.items():
        assert list(frame.schema.items()) == list(DATASETS[dataset].items())


_WORD = st.sampled_from(["SBIN", "M&M", "20200131", "2", "-1", "DUMMYX", "", "a b", "31-JAN-2020"])


@given(rows=st.lists(st.lists(_WORD, min_size=1, max_size=6), max_size=8))
@pytest.mark.parametrize(
    "header", [MEMBERS, "Symbol,Date,Multiplier\n", "S.No.,SYMBOL,VOL_FRZ_QTY\n", CHANGES]
)
def test_every_row_is_kept_or_refused(header: str, rows: list[list[str]]) -> None:
    text = header + "".join(",".join(row) + "\n" for row in rows)
    batch = read("ind_nifty50list_2025-02.csv", text)
    kept = sum(frame.height for frame in batch.frames.values())
    full = [row for row in rows if any(row)]
    assert kept + batch.rejects.height == len(full)


# -- storing --------------------------------------------------------------------------------------
