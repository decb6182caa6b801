"""MCX's bhavcopy, the report of futures and a third party's series: columns, units, refusals."""

from __future__ import annotations

from datetime import date

import pytest

from alphastock_cli.domain.frames import FUTURES_DAY, RATES_DAY
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.providers.nse.rates import of_name
from alphastock_cli.providers.nse.source import read_file
from tests.unit import derivative_texts as texts

D = date
REPORT = "fo_lookup_report_2024-07-19.csv"
USD_INR = "USD_INR_spot.csv"


def reasons(batch: EodBatch) -> list[str]:
    assert batch.rejects is not None
    return batch.rejects["reason"].to_list()


def mcx(*changes: tuple[str, str]) -> EodBatch:
    """Return the file of gold with some text replaced in its newest row."""
    first, *others = texts.MCX_ROWS
    for old, new in changes:
        assert old in first, old
        first = first.replace(old, new)
    return read_file("02APR2026.csv", texts.mcx(first, *others))


# -- MCX --------------------------------------------------------------------------------------


def test_gold_of_mcx_is_a_future_on_a_commodity() -> None:
    batch = mcx()
    assert (batch.form, reasons(batch)) == ("mcx_bhavcopy", [])
    rows = batch.frames["futures_day"]
    assert rows.schema == FUTURES_DAY
    assert rows["date"].to_list() == [D(2026, 3, 11), D(2026, 3, 10), D(2026, 3, 9)]
    assert rows.row(0, named=True) == {
        "date": D(2026, 3, 11), "exchange": "MCX", "symbol": "GOLD", "expiry": D(2026, 4, 2),
        "open": 160100.0, "high": 161000.0, "low": 159900.0, "close": 160500.0,
        "settlement": 160500.0, "contracts": 20, "turnover": 320_900_000.0, "open_interest": 7552,
        "oi_change": None, "kind": "commodity", "source": "mcx_bhavcopy",
    }  # fmt: skip
    untraded = rows.row(2, named=True)
    assert (untraded["open"], untraded["high"], untraded["low"]) == (None, None, None)
    assert (untraded["close"], untraded["contracts"], untraded["turnover"]) == (158000.0, 0, 0.0)


def test_the_units_are_shown_by_the_file_and_told() -> None:
    (note,) = mcx().notes
    assert note == (
        "Volume counts lots and Value lakhs: GOLD has Value x 100,000 / (price x Volume) of 100, "
        "its multiplier is 100: in 2 of 2 traded rows"
    )


def test_the_expiry_in_a_name_is_no_session() -> None:
    assert len(read_file("02APR2026.csv", texts.mcx(texts.MCX_ROWS[0])).notes) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (",3209.00,", ",3.209,", "in 1 of 2 traded rows"),  # thousands of lakhs
        (",20,20.000 GRMS ,", ",20000,20.000 GRMS ,", "in 1 of 2 traded rows"),  # grams
    ],
)
def test_another_unit_refuses_every_row_of_the_symbol(old: str, new: str, told: str) -> None:
    batch = mcx((old, new))
    assert batch.frames == {}
    assert [reason.startswith("Volume or Value is in another unit: GOLD has") for reason in
            reasons(batch)] == [True] * 3  # fmt: skip
    assert told in reasons(batch)[0]


def test_a_symbol_no_table_knows_is_not_guessed_at() -> None:
    batch = mcx(("GOLD         ", "CARDAMOM     "))
    assert batch.frames["futures_day"]["symbol"].unique().to_list() == ["GOLD"]
    (reason,) = reasons(batch)
    assert reason.startswith("Volume or Value is in another unit: CARDAMOM has ")
    assert reason.endswith(" of 100, and no table holds its multiplier")


def test_a_close_outside_the_range_is_the_exchange_s_settlement() -> None:
    assert reasons(mcx((",160500.0,160000.0,", ",162500.0,160000.0,"))) == []
    assert reasons(mcx((",160500.0,160000.0,", ",169500.0,160000.0,"))) == ["close is above high"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("FUTCOM", "OPTFUT", "InstrumentName is not FUTCOM, a future on a commodity"),
        ("02APR2026", "10MAR2026", "the contract had expired by then"),
        ("02APR2026", "someday", "ExpiryDate is not a date: someday"),
        ("2026-03-11", "2026-03-08", "not a trading day of the calendar: 2026-03-08, 1 rows"),
        ("2026-03-11", "11/03/2026", "Date is not a date: 11/03/2026"),
        (",7552,", ",-7552,", "open_interest is negative"),
        (",161000.0,", ",159000.0,", "high is below low"),
    ],
)
def test_a_row_mcx_did_not_print_is_set_apart(old: str, new: str, reason: str) -> None:
    batch = mcx((old, new))
    assert reasons(batch) == [reason]
    assert batch.frames["futures_day"].height == 2


# -- the report of futures ------------------------------------------------------------------------


def test_descriptions_are_taken_apart() -> None:
    batch = read_file(REPORT, texts.report())
    assert (batch.form, reasons(batch)) == ("nse_fo_report", [])
    rows = batch.frames["futures_day"]
    assert rows.schema == FUTURES_DAY
    assert rows.select("symbol", "kind", "expiry").rows() == [
        ("ALPHA", "stock", D(2024, 9, 26)), ("B&B-AUTO", "stock", D(2024, 8, 29)),
        ("NIFTYNXT50", "index", D(2024, 7, 26)), ("ALPHA", "stock", D(2024, 10, 31)),
        ("GAMMA", "stock", D(2024, 9, 26)),
    ]  # fmt: skip
    assert rows.row(0, named=True) == {
        "date": D(2024, 7, 19), "exchange": "NFO", "symbol": "ALPHA", "expiry": D(2024, 9, 26),
        "open": 101.0, "high": 104.0, "low": 99.0, "close": 103.0, "settlement": 103.05,
        "contracts": 11, "turnover": 167_475.0, "open_interest": 28 * 150, "oi_change": None,
        "kind": "stock", "source": "nse_fo_report",
    }  # fmt: skip


def test_an_open_interest_without_a_lot_is_not_known() -> None:
    batch = read_file(REPORT, texts.report())
    rows = batch.frames["futures_day"].filter(contracts=0)
    assert rows.select("close", "settlement", "open_interest").rows() == [
        (None, 104.0, None), (None, 9.5, 0),
    ]  # fmt: skip
    (note,) = batch.notes
    assert note == (
        "TRD_NO_CON counts contracts: 3 of 3 traded rows have a whole lot; "
        "open interest not known in units: 1 contracts without a trade"
    )


def test_the_day_is_the_name_s_or_the_person_s() -> None:
    assert reasons(read_file("report.csv", texts.report())) == [
        "no date in the rows or the name: give --on DATE"
    ]
    on = read_file("report.csv", texts.report(), on=D(2024, 7, 18))
    assert set(on.frames["futures_day"]["date"]) == {D(2024, 7, 18)}
    named = read_file(REPORT, texts.report(), on=D(2024, 7, 18))
    assert set(named.frames["futures_day"]["date"]) == {D(2024, 7, 19)}, "the name first"
    sunday = read_file("report.csv", texts.report(), on=D(2024, 7, 21))
    assert reasons(sunday) == ["not a trading day of the calendar: 2024-07-21"]


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("OPTSTKALPHA26-SEP-2024CE100", "CONTRACT_D describes no future we know"),
        ("FUTSTK26-SEP-2024", "CONTRACT_D describes no future we know"),
        ("FUTSTKALPHA", "CONTRACT_D describes no future we know"),
        ("", "CONTRACT_D describes no future we know"),
        ("FUTSTKALPHA26-FOO-2024", "expiry in CONTRACT_D is not a date: 26-FOO-2024"),
        ("FUTSTKALPHA26-JUN-2024", "the contract had expired by then"),
        ("FUTSTK../ALPHA26-SEP-2024", "the symbol is no exchange's symbol"),
    ],
)
def test_other_descriptions_are_refused(description: str, reason: str) -> None:
    odd = texts.REPORT_ROWS[3].replace("FUTSTKALPHA31-OCT-2024", description)
    batch = read_file(REPORT, texts.report(*texts.REPORT_ROWS[:3], odd))
    assert reasons(batch) == [reason]
    assert batch.frames["futures_day"].height == 3


def test_a_report_in_other_units_is_refused_with_its_numbers() -> None:
    rows = [row.replace(",1650.0,11.0,", ",1650.0,1649.0,") for row in texts.REPORT_ROWS]
    (reason,) = reasons(read_file(REPORT, texts.report(*rows)))
    assert reason == (
        "unclear what TRD_NO_CON counts: TRADED_QUA is a whole multiple of it in 2 of 3 traded "
        "rows; 0 of 3 names have more than one lot"
    )
    rows = [row.replace("167475.0", "1.67475") for row in texts.REPORT_ROWS]
    (reason,) = reasons(read_file(REPORT, texts.report(*rows)))
    assert reason == (
        "unclear what TRADED_VAL counts: TRADED_VAL / TRADED_QUA lies within the day's range in "
        "2 of 3 traded rows"
    )


# -- a third party's series -----------------------------------------------------------------------


def test_a_rate_is_no_index() -> None:
    batch = read_file(USD_INR, texts.USD_INR)
    assert (batch.form, reasons(batch)) == ("investing_daily", [])
    rows = batch.frames["rates_day"]
    assert rows.schema == RATES_DAY
    assert rows.rows() == [
        (D(2018, 12, 17), "OTC", "USDINR", "spot", 71.92, 71.921, 71.497, 71.59, "investing_daily"),
        (D(2018, 12, 16), "OTC", "USDINR", "spot", 71.92, 71.92, 71.92, 71.92, "investing_daily"),
    ]  # a Sunday is kept: no exchange's calendar speaks of it
    assert batch.notes == ("a series of a third party: USDINR, spot, by the file's name",)


def test_joined_contracts_are_no_contract() -> None:
    rows = read_file("goldm_investing_2015_2021.txt", texts.GOLDM).frames["rates_day"]
    assert rows.select("exchange", "symbol", "kind", "open", "high", "low", "close").row(0) == (
        "MCX", "GOLDM", "continuous", 46808.0, 47097.0, 46511.0, 47022.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("USD_INR Historical Data.csv", ("USDINR", "OTC", "spot")),
        ("usdinr.csv", ("USDINR", "OTC", "spot")),
        ("all.zip!EUR-INR.csv", ("EURINR", "OTC", "spot")),
        ("mcx-gold-2015.txt", ("GOLD", "MCX", "continuous")),
        ("goldm_2015.txt", ("GOLDM", "MCX", "continuous")),
        ("gold_2015.txt", None),  # may be in dollars
        ("Copper Futures Historical Data.csv", None),
        ("NIFTY 50 Historical Data.csv", None),
        ("RELIANCE.csv", None),
        ("rate_of_USD_INR.csv", None),
        (".csv", None),
    ],
)
def test_what_a_series_is_is_in_the_name(name: str, series: tuple[str, str, str] | None) -> None:
    assert of_name(name) == series
    (told,) = reasons(read_file(name, texts.USD_INR)) or ("",)
    assert told.startswith("the rows do not say what they are a series of") is (series is None)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"46,808", b"46,8,08", "Open is not a number: 46,8,08"),
        (b"46,808", b"48,808", "open is above high"),
        (b"Apr 16, 2021", b"04/16/2021", "Date is not a date: 04/16/2021"),
        (b"47,022", b"0", "no closing price"),
        (b"\t0.30%", b"", "fewer cells than the header names"),
    ],
)
def test_a_rate_that_is_none_is_set_apart(old: bytes, new: bytes, reason: str) -> None:
    batch = read_file("goldm.txt", texts.GOLDM.replace(old, new))
    assert reasons(batch) == [reason]
    assert batch.frames["rates_day"]["date"].to_list() == [D(2021, 4, 15)]
