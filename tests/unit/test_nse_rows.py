"""Bad rows are set apart with a reason; their neighbours go on."""

from __future__ import annotations

import io
from datetime import date

import polars as pl
import pytest

from alphastock_cli.domain.frames import REJECTS
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.providers.nse.source import read_file
from tests.unit import nse_texts as texts

GOOD = texts.sec_row(SYMBOL="GOOD")


def reasons(batch: EodBatch) -> list[str]:
    assert batch.rejects is not None
    assert batch.rejects.schema == REJECTS
    return batch.rejects["reason"].to_list()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"SYMBOL": ""}, "no symbol"),
        ({"SYMBOL": "../../etc/passwd"}, "the symbol is no exchange's symbol"),
        ({"SYMBOL": "a/b"}, "the symbol is no exchange's symbol"),
        ({"SYMBOL": "."}, "the symbol is no exchange's symbol"),
        ({"SYMBOL": "=1+1"}, "the symbol is no exchange's symbol"),
        ({"SYMBOL": "A" * 51}, "the symbol is no exchange's symbol"),
        ({"SYMBOL": "AL\x1b[31mPHA"}, "the symbol is no exchange's symbol"),
        ({"SYMBOL": "ALPH\u0410"}, "the symbol is no exchange's symbol"),
        ({"SERIES": "EQ\x07"}, "the series is no exchange's series"),
        ({"DATE1": "31-Feb-2026"}, "DATE1 is not a date: 31-Feb-2026"),
        ({"DATE1": "-"}, "no date"),
        ({"CLOSE_PRICE": "abc"}, "CLOSE_PRICE is not a number: abc"),
        ({"CLOSE_PRICE": "nan"}, "CLOSE_PRICE is not a number: nan"),
        ({"CLOSE_PRICE": "1e999"}, "CLOSE_PRICE is not a number: 1e999"),
        ({"CLOSE_PRICE": "0.00"}, "no closing price"),
        ({"CLOSE_PRICE": "-"}, "no closing price"),
        ({"PREV_CLOSE": "-5"}, "previous_close is negative"),
        ({"TTL_TRD_QNTY": "-1"}, "volume is negative"),
        ({"TTL_TRD_QNTY": "1.5"}, "TTL_TRD_QNTY is not a whole number: 1.5"),
        ({"TTL_TRD_QNTY": "1e30"}, "TTL_TRD_QNTY is not a whole number: 1e30"),
        ({"HIGH_PRICE": "94.00"}, "high is below low"),
        ({"OPEN_PRICE": "110.02"}, "open is above high"),
        ({"OPEN_PRICE": "94.98"}, "open is below low"),
        ({"CLOSE_PRICE": "111.00"}, "close is above high"),
        ({"CLOSE_PRICE": "94.00"}, "close is below low"),
        ({"LAST_PRICE": "94.00"}, "last is below low"),
    ],
)  # fmt: skip
def test_a_bad_row_is_set_apart(changed: dict[str, str], reason: str) -> None:
    batch = read_file("x.csv", texts.sec_file(GOOD, texts.sec_row(**changed), GOOD))
    assert batch.frames["equities_day"]["symbol"].to_list() == ["GOOD"]
    assert reasons(batch) == [reason]
    assert batch.rejects is not None
    row = batch.rejects.to_dicts()[0]
    assert (row["row"], row["dataset"], row["file"]) == (2, "equities_day", "x.csv")
    assert row["source"] == "nse_sec_bhavdata_full"
    assert "\x1b" not in str(row)
    assert "\x07" not in str(row)


@pytest.mark.parametrize("symbol", ["M&M", "BAJAJ-AUTO", "360ONE", "NAM-INDIA", "A B", "J&KBANK"])
def test_real_symbols_pass(symbol: str) -> None:
    batch = read_file("x.csv", texts.sec_file(texts.sec_row(SYMBOL=symbol)))
    assert batch.frames["equities_day"]["symbol"].to_list() == [symbol]


def test_the_close_of_same_day_settlement_is_the_ordinary_one() -> None:
    same_day = texts.sec_row(SERIES="T0", CLOSE_PRICE="111.00")
    batch = read_file("x.csv", texts.sec_file(same_day))
    assert batch.frames["equities_day"]["close"].to_list() == [111.0]


def test_zero_prices_of_untraded_shares_are_missing() -> None:
    zeros = dict.fromkeys(
        ("OPEN_PRICE", "HIGH_PRICE", "LOW_PRICE", "LAST_PRICE", "AVG_PRICE", "TTL_TRD_QNTY",
         "TURNOVER_LACS", "NO_OF_TRADES"), "0",
    )  # fmt: skip
    found = (
        read_file("x.csv", texts.sec_file(texts.sec_row(**zeros)))
        .frames["equities_day"]
        .to_dicts()[0]
    )
    assert [found[name] for name in ("open", "high", "low", "last", "average_price")] == [None] * 5
    assert (found["volume"], found["trades"], found["turnover"], found["close"]) == (0, 0, 0, 105.0)


def test_repeats_are_dropped_contradictions_refused() -> None:
    other = texts.sec_row(CLOSE_PRICE="106.00")
    batch = read_file("x.csv", texts.sec_file(texts.SEC_ROW, GOOD, texts.SEC_ROW, other))
    assert batch.frames["equities_day"].filter(symbol="ALPHA")["close"].to_list() == [105.0]
    assert reasons(batch) == ["a second row for this symbol, with other figures"]
    assert batch.rejects is not None
    assert batch.rejects["row"].to_list() == [4]
    assert batch.notes == ("a file that repeats rows: 1",)


def test_a_bad_row_does_not_push_out_a_good_one_of_the_same_symbol() -> None:
    bad = texts.sec_row(CLOSE_PRICE="abc")
    batch = read_file("x.csv", texts.sec_file(bad, texts.SEC_ROW))
    assert batch.frames["equities_day"].height == 1
    assert reasons(batch) == ["CLOSE_PRICE is not a number: abc"]


def test_a_day_the_exchange_was_closed_is_refused() -> None:
    holiday = texts.sec_row(DATE1="15-Aug-2026")
    batch = read_file("x.csv", texts.sec_file(GOOD, holiday))
    assert batch.frames["equities_day"]["date"].unique().to_list() == [date(2026, 8, 13)]
    assert reasons(batch) == ["not a trading day of the calendar: 2026-08-15, 1 rows"]
    batch = read_file("EQ150821.CSV", texts.BSE.encode())
    assert reasons(batch) == ["not a trading day of the calendar: 2021-08-15"]
    assert batch.frames == {}


def test_a_year_the_calendar_does_not_reach_is_taken() -> None:
    batch = read_file("x.csv", texts.sec_file(texts.sec_row(DATE1="15-Aug-1995")))
    assert batch.frames["equities_day"]["date"].to_list() == [date(1995, 8, 15)]


def test_lines_of_another_length() -> None:
    cut = texts.SEC_ROW.rpartition(", 500")[0]
    long = f"{texts.SEC_ROW}, surplus"
    padded = f"{texts.sec_row(SYMBOL='PADDED')}, ,"
    batch = read_file("x.csv", texts.sec_file(GOOD, cut, "", long, padded))
    assert batch.frames["equities_day"]["symbol"].to_list() == ["GOOD", "PADDED"]
    assert batch.rejects is not None
    assert batch.rejects.select("row", "reason").rows() == [
        (2, "fewer cells than the header names"),
        (4, "more cells than the header names"),
    ]


def test_a_stray_quote_swallows_no_neighbour() -> None:
    stray = texts.sec_row(SYMBOL='"ALPHA')
    rows = [stray, *(texts.sec_row(SYMBOL=f"G{i}") for i in range(5))]
    batch = read_file("x.csv", texts.sec_file(*rows))
    assert batch.frames["equities_day"].height == 5
    assert reasons(batch) == ["fewer cells than the header names"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a table: it is empty"),
        (b"\n\n", "not a table: it is empty"),
        (b"\x00\x01\x02", "not a table: it is not text"),
        (b"<!DOCTYPE html><html>404</html>", "unknown header: <!DOCTYPE html>"),
        (b"time,open,high\n1,2,3\n", "unknown header: time, open, high. Known forms: "),
        (texts.SEC_HEADER.encode(), "no row below the header"),
        (f"{texts.SEC_HEADER}, SYMBOL\n{texts.SEC_ROW}, X".encode(), "names SYMBOL twice"),
        (b"PAR1 but no more", "not a table: the Parquet file is truncated"),
    ],
)
def test_files_that_are_no_tables_of_ours(data: bytes, reason: str) -> None:
    batch = read_file("x.csv", data)
    assert batch.frames == {}
    assert not batch.undated
    assert reason in reasons(batch)[0]
    assert batch.rejects is not None
    assert batch.rejects["row"].to_list() == [None]


def parquet(**changed: object) -> bytes:
    names = [name.strip() for name in texts.SEC_HEADER.split(",")]
    cells = dict(zip(names, (cell.strip() for cell in texts.SEC_ROW.split(",")), strict=True))
    columns: dict[str, object] = {name: [cell] for name, cell in cells.items()}
    buffer = io.BytesIO()
    pl.DataFrame({**columns, "FILE_DATE": ["x"], **changed}).write_parquet(buffer)
    return buffer.getvalue()


def test_parquet_with_odd_types() -> None:
    assert read_file("x.parquet", parquet()).frames["equities_day"].height == 1
    batch = read_file("x.parquet", parquet(CLOSE_PRICE=[float("nan")]))
    assert reasons(batch) == ["CLOSE_PRICE is not a number: NaN"]
    batch = read_file("x.parquet", parquet(CLOSE_PRICE=[[1.0]]))
    assert batch.frames == {}
    assert reasons(batch)[0].startswith("not a table: ")


def test_damaged_parquet_is_refused() -> None:
    whole = parquet()
    for cut in (8, len(whole) // 2, len(whole) - 4):
        assert read_file("x.parquet", whole[:cut]).frames == {}


def test_a_cell_of_absurd_length_costs_its_line_only() -> None:
    huge = texts.sec_row(SYMBOL='"' + "A" * 200_000 + '"')
    batch = read_file("x.csv", texts.sec_file(huge, GOOD))
    assert batch.frames["equities_day"]["symbol"].to_list() == ["GOOD"]
    assert reasons(batch)[0].startswith("not a line of a table")
    assert batch.rejects is not None
    assert len(batch.rejects["raw"][0]) == 500
