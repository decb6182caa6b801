"""Each form of file, read from a few lines written by hand: columns, units, what is missing."""

from __future__ import annotations

import io
from datetime import date

import polars as pl
import pytest

from alphastock_cli.domain.frames import EQUITIES_DAY, INDICES_DAY
from alphastock_cli.errors import NotOffered
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.providers.nse.days import date_in_name
from alphastock_cli.providers.nse.source import read_file
from tests.unit import nse_texts as texts

DAY = date(2026, 8, 13)


def only(text: str, dataset: str = "equities_day", *, name: str = "x.csv") -> list[dict]:
    batch = read_file(name, text.encode())
    assert batch.rejects is not None
    assert batch.rejects.is_empty(), batch.rejects["reason"].to_list()
    frame = batch.frames[dataset]
    assert frame.schema == (EQUITIES_DAY if dataset == "equities_day" else INDICES_DAY)
    return frame.to_dicts()


def test_sec_bhavdata_full() -> None:
    first, second = only(texts.SEC)
    assert first == {
        "date": DAY, "exchange": "NSE", "symbol": "ALPHA", "series": "EQ", "name": None,
        "isin": None, "previous_close": 99.0, "open": 100.0, "high": 110.0, "low": 95.0,
        "close": 105.0, "last": 104.0, "average_price": 103.5, "volume": 2000,
        "turnover": pytest.approx(207_000.0), "trades": 40, "delivery_quantity": 500,
        "delivery_pct": 25.0, "source": "nse_sec_bhavdata_full",
    }  # fmt: skip
    assert (second["delivery_quantity"], second["delivery_pct"]) == (None, None), "- is missing"


def history(**columns: list) -> bytes:
    values = {
        "SYMBOL": ["ALPHA"], "SERIES": ["EQ"], "DATE1": ["01-JAN-2016"], "PREV_CLOSE": [99.0],
        "OPEN_PRICE": [100.0], "HIGH_PRICE": [110.0], "LOW_PRICE": [95.0], "LAST_PRICE": [104.0],
        "CLOSE_PRICE": [105.0], "AVG_PRICE": [0.0], "TTL_TRD_QNTY": [2000],
        "TURNOVER_LACS": [207_012.5], "NO_OF_TRADES": [0], "DELIV_QTY": [0], "DELIV_PER": [0.0],
        "FILE_DATE": [date(2016, 1, 1)], **columns,
    }  # fmt: skip
    buffer = io.BytesIO()
    pl.DataFrame(values).write_parquet(buffer)
    return buffer.getvalue()


def test_history_before_2021_has_rupees_and_zeros_for_missing() -> None:
    row = read_file("h.parquet", history()).frames["equities_day"].to_dicts()[0]
    assert row["turnover"] == 207_012.5, "rupees in a column named after lakhs"
    assert row["date"] == date(2016, 1, 1)
    assert row["source"] == "nse_sec_bhavdata_history"
    missing = ("average_price", "trades", "delivery_quantity", "delivery_pct")
    assert [row[name] for name in missing] == [None] * 4


def test_history_after_2021_has_lakhs_and_real_zeros_stay() -> None:
    data = history(TURNOVER_LACS=[2.07], NO_OF_TRADES=[40], AVG_PRICE=[103.5])
    row = read_file("h.parquet", data).frames["equities_day"].to_dicts()[0]
    assert row["turnover"] == pytest.approx(207_000.0)
    assert (row["trades"], row["delivery_quantity"], row["delivery_pct"]) == (40, 0, 0.0)


def test_history_drops_stale_copies_and_keeps_the_fuller_row() -> None:
    twice = {name: values * 2 for name, values in pl.read_parquet(history()).to_dict(
        as_series=False).items()}  # fmt: skip
    data = history(**{**twice, "NO_OF_TRADES": [0, 40], "AVG_PRICE": [0.0, 103.5],
                      "FILE_DATE": [date(2016, 1, 1), date(2016, 1, 4)]})  # fmt: skip
    batch = read_file("h.parquet", data)
    assert batch.frames["equities_day"]["trades"].to_list() == [40]
    assert batch.notes == ("a file that repeats rows: 1",)
    assert batch.rejects is not None
    assert batch.rejects.is_empty()


def test_old_bhavcopy_with_its_trailing_comma() -> None:
    first, second = only(texts.OLD)
    assert (first["date"], first["turnover"], first["isin"]) == (
        date(2019, 9, 3), 207_000.5, "INE000A01011",
    )  # fmt: skip
    assert first["delivery_quantity"] is None
    assert (second["symbol"], second["last"]) == ("M&M", None), "a last price of 0 is none"


def test_a_column_under_a_dollar_sign_is_no_trouble() -> None:
    assert len(only(texts.OLD.replace("ISIN,\n", "ISIN,$\n").replace(",\n", ",$\n"))) == 2


def test_udiff_of_both_exchanges() -> None:
    row = only(texts.udiff())[0]
    assert (row["exchange"], row["source"], row["symbol"]) == ("NSE", "nse_udiff_cm", "ALPHA")
    assert (row["name"], row["turnover"]) == ("ALPHA LIMITED", 207_012.5)
    row = only(texts.udiff(source="BSE", series="A"))[0]
    assert (row["exchange"], row["source"], row["series"]) == ("BSE", "bse_udiff_cm", "A")
    assert only(texts.udiff(series=""))[0]["series"] == "", "no series is empty text, not null"


@pytest.mark.parametrize(("source", "segment"), [("NSE", "CD"), ("MCX", "CM"), ("MCX", "FO")])
def test_udiff_of_other_markets_is_refused(source: str, segment: str) -> None:
    batch = read_file("x.csv", texts.udiff(source=source, segment=segment).encode())
    assert batch.frames == {}
    assert batch.rejects is not None
    assert "UDiFF of" in batch.rejects["reason"][0]


def test_pd_report_holds_equities_and_indices() -> None:
    name = "all.zip!pd_2026-08-13.csv"
    rows = only(texts.PD, name=name)
    assert [(row["symbol"], row["date"], row["turnover"]) for row in rows] == [
        ("ALPHA", DAY, 207_012.5)
    ]
    nifty, vix = only(texts.PD, "indices_day", name=name)
    assert (nifty["symbol"], nifty["name"], nifty["close"]) == ("NIFTY 50", "Nifty 50", 24050.25)
    assert (nifty["volume"], nifty["turnover"]) == (None, None), "the whole market's, not its own"
    assert (vix["symbol"], vix["close"]) == ("INDIA VIX", 12.7525)


def test_ind_close_all() -> None:
    nifty, bank = only(texts.IND, "indices_day")
    assert (nifty["symbol"], nifty["date"], nifty["pe"], nifty["pb"]) == (
        "NIFTY 50", DAY, 22.1, 3.5,
    )  # fmt: skip
    assert nifty["previous_close"] == pytest.approx(24000.10)
    assert nifty["turnover"] == pytest.approx(21000.5e7), "crores to rupees"
    assert nifty["dividend_yield"] == 1.2
    assert (bank["symbol"], bank["open"], bank["volume"], bank["pe"]) == (
        "NIFTY BANK", None, None, None,
    )  # fmt: skip
    assert bank["previous_close"] == 50100.0


def test_bse_takes_its_date_from_the_name_then_from_the_person() -> None:
    row, new = only(texts.BSE, name="EQ010421.CSV")
    assert (row["exchange"], row["symbol"], row["series"], row["name"]) == (
        "BSE", "500001", "A", "ALPHA LTD.",
    )  # fmt: skip
    assert row["date"] == date(2021, 4, 1)
    assert new["previous_close"] is None, "0 for a share on its first day"
    batch = read_file("x.csv", texts.BSE.encode(), on=date(2021, 4, 5))
    assert batch.frames["equities_day"]["date"].unique().to_list() == [date(2021, 4, 5)]
    assert not batch.undated


def test_bse_without_any_date_is_undated() -> None:
    batch = read_file("x.csv", texts.BSE.encode())
    assert batch.undated
    assert batch.frames["equities_day"]["date"].null_count() == 2


def test_bse_form_that_carries_its_date() -> None:
    rows = only(texts.BSE_DATED, name="EQ_ISINCODE_040123.CSV")
    assert (rows[0]["date"], rows[0]["isin"]) == (date(2023, 1, 3), "INE000A01011")


def test_the_rows_rule_over_the_name() -> None:
    batch = read_file("sec_bhavdata_full_14082026.csv", texts.SEC.encode())
    assert batch.frames["equities_day"]["date"].unique().to_list() == [DAY]
    assert batch.notes == ("a copy of another session: named 2026-08-14, holds 2026-08-13",)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("cm01NOV2019bhav.csv", date(2019, 11, 1)),
        ("a.zip!sec_bhavdata_full_13082026.csv", DAY),
        ("BhavCopy_NSE_CM_0_0_0_20260813_F_0000.csv", DAY),
        ("pd_2026-08-13.csv", DAY),
        ("PD130826.csv", DAY),
        ("2026-08-13/latest.csv", None),
        ("export_130826.csv", None),
        ("EQ320421.CSV", None),
        ("bse_2021-02_undated.csv", None),
    ],
)
def test_date_in_name(name: str, day: date | None) -> None:
    assert date_in_name(name) == day


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_marks_and_quotes_make_no_difference(ending: str) -> None:
    plain = read_file("x.csv", texts.SEC.encode()).frames["equities_day"]
    changed = "\ufeff" + texts.SEC.replace("\n", ending)
    assert read_file("x.csv", changed.encode()).frames["equities_day"].equals(plain)
    quoted = "\n".join(
        ",".join(f'"{cell.strip()}"' for cell in line.split(",")) for line in texts.SEC.splitlines()
    )
    assert read_file("x.csv", quoted.encode()).frames["equities_day"].equals(plain)


def test_other_questions_are_not_offered() -> None:
    with pytest.raises(NotOffered) as error:
        NseFiles().quotes(["NSE:ALPHA"])
    assert "--provider lake" in error.value.hint
