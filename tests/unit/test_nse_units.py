"""UDiFF files of futures and options: what their columns count, by evidence."""

from __future__ import annotations

import io
from datetime import date

import polars as pl
import pytest

from alphastock_cli.domain.frames import FUTURES_DAY, OPTIONS_DAY
from alphastock_cli.domain.ports import EodBatch
from alphastock_cli.providers.nse.source import read_file
from tests.unit import derivative_texts as texts

DAY = date(2026, 8, 13)
Row = dict[str, str]


def read(*rows: Row) -> EodBatch:
    return read_file("x.csv", texts.udiff_fo(*rows))


def refusals(*rows: Row) -> list[str]:
    batch = read(*rows)
    assert batch.rejects is not None
    return batch.rejects["reason"].to_list()


def in_units(row: Row) -> Row:
    """Return the row as a file prints it that counts traded units."""
    return row | {"TtlTradgVol": str(int(row["TtlTradgVol"]) * int(row["NewBrdLotQty"]))}


def interest_in_contracts(row: Row) -> Row:
    return row | {
        name: str(int(row[name]) // int(row["NewBrdLotQty"]))
        for name in ("OpnIntrst", "ChngInOpnIntrst")
    }


def premium_only(row: Row) -> Row:
    strike, units = float(row["StrkPric"] or 0), int(row["TtlTradgVol"]) * int(row["NewBrdLotQty"])
    return row | {"TtlTrfVal": f"{float(row['TtlTrfVal']) - strike * units:.2f}"}


# -- columns ----------------------------------------------------------------------------------


def test_a_file_feeds_futures_and_options() -> None:
    batch = read(*texts.UDIFF_FO)
    assert batch.form == "nse_udiff_fo"
    assert refusals(*texts.UDIFF_FO) == []
    futures, options = batch.frames["futures_day"], batch.frames["options_day"]
    assert (futures.schema, options.schema) == (FUTURES_DAY, OPTIONS_DAY)
    assert (futures.height, options.height) == (3, 3)
    assert futures.row(0, named=True) == {
        "date": DAY, "exchange": "NFO", "symbol": "NIFTY", "expiry": date(2026, 8, 25),
        "open": 24000.0, "high": 24200.0, "low": 23900.0, "close": 24100.0, "settlement": 24101.5,
        "contracts": 100, "turnover": 24050.0 * 7500, "open_interest": 78_000, "oi_change": -1500,
        "kind": "index", "source": "nse_udiff_fo",
    }  # fmt: skip
    assert options.row(1, named=True) == {
        "date": DAY, "exchange": "NFO", "symbol": "NIFTY", "expiry": date(2026, 8, 25),
        "strike": 23500.0, "option_type": "PE", "open": 200.0, "high": 260.0, "low": 180.0,
        "close": 240.0, "settlement": 240.0, "contracts": 3, "turnover": 23720.0 * 225,
        "open_interest": 78_000, "oi_change": -1500, "kind": "index", "source": "nse_udiff_fo",
    }  # fmt: skip
    assert futures["kind"].to_list() == ["index", "stock", "index"]
    untraded = options.row(2, named=True)
    assert (untraded["open"], untraded["close"], untraded["contracts"]) == (None, 310.5, 0)


def test_the_evidence_is_told() -> None:
    volume, interest = read(*texts.UDIFF_FO).notes
    assert volume == (
        "TtlTradgVol counts contracts: 4 of 4 rows say so; futures have "
        "TtlTrfVal / (ClsPric x TtlTradgVol) of 537.4 and a lot of 537.5 (medians)"
    )
    assert interest == "OpnIntrst counts units: 4 of 4 are multiples of NewBrdLotQty"


def test_bse_has_an_exchange_of_its_own() -> None:
    batch = read(*(row | {"Src": "BSE"} for row in texts.UDIFF_FO))
    assert batch.form == "bse_udiff_fo"
    assert {*batch.frames["futures_day"]["exchange"]} == {"BFO"}
    assert {*batch.frames["options_day"]["source"]} == {"bse_udiff_fo"}


def test_the_last_day_of_trading_is_the_expiry() -> None:
    moved = texts.future(XpryDt="2026-11-24", FininstrmActlXpryDt="2026-11-23")
    batch = read(*texts.UDIFF_FO, moved)
    assert batch.frames["futures_day"]["expiry"][-1] == date(2026, 11, 23)
    assert batch.notes[-1] == "an expiry was moved: 1 rows, FininstrmActlXpryDt is kept"
    bare = texts.future(XpryDt="2026-11-24", FininstrmActlXpryDt="")
    assert read(*texts.UDIFF_FO, bare).frames["futures_day"]["expiry"][-1] == date(2026, 11, 24)


def test_a_typed_copy_says_the_same() -> None:
    text = pl.read_csv(io.BytesIO(texts.udiff_fo(*texts.UDIFF_FO)), try_parse_dates=True)
    assert text.schema["TtlTrfVal"] == pl.Float64
    assert text.schema["XpryDt"] == pl.Date
    copy = io.BytesIO()
    text.write_parquet(copy)
    batch, usual = read_file("x.parquet", copy.getvalue()), read(*texts.UDIFF_FO)
    assert batch.notes == usual.notes
    for dataset in ("futures_day", "options_day"):
        assert batch.frames[dataset].equals(usual.frames[dataset]), dataset


# -- every convention gives the same rows -------------------------------------------------------


@pytest.mark.parametrize("premium", [False, True])
@pytest.mark.parametrize("interest", [False, True])
@pytest.mark.parametrize("units", [False, True])
def test_whatever_a_file_counts_the_rows_are_the_same(
    *, units: bool, interest: bool, premium: bool
) -> None:
    rows = list(texts.UDIFF_FO)
    if premium:
        rows = [premium_only(row) for row in rows]
    if interest:
        rows = [interest_in_contracts(row) for row in rows]
    if units:
        rows = [in_units(row) for row in rows]
    batch, usual = read(*rows), read(*texts.UDIFF_FO)
    for dataset in ("futures_day", "options_day"):
        assert batch.frames[dataset].equals(usual.frames[dataset]), dataset
    told = " ".join(batch.notes)
    assert f"TtlTradgVol counts {'units' if units else 'contracts'}" in told
    assert f"OpnIntrst counts {'contracts' if interest else 'units'}" in told
    assert ("the premium: 2 of 2 rows say so; strike x units was added" in told) is premium


# -- refusals ---------------------------------------------------------------------------------


def test_rows_that_contradict_each_other_refuse_the_file_with_their_numbers() -> None:
    half = [texts.future(), in_units(texts.future("ALPHA"))]
    told = (
        "unclear whether TtlTradgVol counts contracts or units: of 2 traded rows 1 say contracts, "
        "1 units, 0 both, 0 neither; futures have TtlTrfVal / (ClsPric x TtlTradgVol) of 37.92 "
        "and a lot of 75 (medians)"
    )
    assert refusals(*half) == [told]
    assert read(*half).frames == {}
    assert read(*half).form == "nse_udiff_fo"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (texts.future(TtlTrfVal="1.00"), "0 say contracts, 0 units, 0 both, 1 neither"),
        (texts.future(NewBrdLotQty=""), "0 say contracts, 0 units, 0 both, 1 neither"),
        (texts.future(TtlTrfVal="0"), "1 traded rows, none with TtlTrfVal and a range of prices"),
        (texts.option(24000, TtlTrfVal="1.00"), "0 both, 1 neither"),
    ],
)
def test_no_evidence_is_no_answer(row: Row, told: str) -> None:
    (reason,) = refusals(row)
    assert told in reason


def test_a_few_odd_rows_do_not_hide_the_answer() -> None:
    rows = [texts.option(20000 + 100 * step) for step in range(20)]
    batch = read(*rows, texts.option(30000, TtlTrfVal="5.00"))
    assert batch.frames["options_day"].height == 21
    assert batch.notes[0].startswith("TtlTradgVol counts contracts: 20 of 21 rows say so")


def test_open_interest_needs_more_than_chance() -> None:
    assert refusals(texts.future()) == [
        "unclear whether OpnIntrst counts contracts or units: 1 of 1 are multiples of NewBrdLotQty"
    ]
    odd = [texts.option(20000 + 100 * step, OpnIntrst=str(75 * 9 + step % 2)) for step in range(8)]
    assert "4 of 8 are multiples" in refusals(*odd)[0]


def test_premium_and_notional_mixed_refuse_the_file() -> None:
    rows = [texts.future(), texts.option(), premium_only(texts.option(23500))]
    (reason,) = refusals(*rows)
    assert reason.startswith("unclear whether TtlTrfVal of options holds the strike: ")
    assert reason.endswith("1 rows say premium only, 1 strike and premium")


def test_a_lot_of_one_leaves_nothing_to_decide() -> None:
    rows = [texts.future(lot=1), texts.future("ALPHA", lot=1)]
    batch = read(*rows)
    assert batch.notes == ()
    assert batch.frames["futures_day"]["contracts"].to_list() == [100, 100]
    assert batch.frames["futures_day"]["open_interest"].to_list() == [1040, 1040]


def test_a_day_without_a_trade_needs_no_evidence() -> None:
    batch = read(texts.option(30000) | texts.UNTRADED)
    assert batch.notes == ()
    assert batch.frames["options_day"]["contracts"].to_list() == [0]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"FinInstrmTp": "STK"}, "FinInstrmTp is neither a future nor an option we know"),
        ({"FinInstrmTp": "IDF"}, "FinInstrmTp is no future we know, or OptnTp contradicts it"),
        ({"OptnTp": "XX"}, "an option that is neither CE nor PE"),
        ({"StrkPric": ""}, "an option without a strike"),
        ({"XpryDt": "", "FininstrmActlXpryDt": ""}, "no expiry"),
        ({"XpryDt": "2026-08-11", "FininstrmActlXpryDt": "2026-08-11"}, "the contract had expired"),
        ({"TtlTradgVol": "n/a"}, "TtlTradgVol in contracts is not a whole number: n/a"),
        ({"TtlTradgVol": "1.5"}, "TtlTradgVol in contracts is not a whole number: 1.5"),
        ({"TtlTradgVol": ""}, "no number of contracts"),
        ({"OpnIntrst": "much"}, "open interest in units is not a whole number: much"),
        ({"OpnIntrst": "-75"}, "open_interest is negative"),
        ({"TtlTrfVal": "?"}, "TtlTrfVal of notional value is not a number: ?"),
        ({"ClsPric": "280"}, "close is above high"),
        ({"TradDt": "2026-08-15"}, "not a trading day of the calendar: 2026-08-15, 1 rows"),
    ],
)
def test_a_row_no_market_made_is_set_apart(changed: dict[str, str], reason: str) -> None:
    rows = [texts.option(20000 + 100 * step) for step in range(12)]
    found = refusals(*rows, texts.option() | changed)
    assert len(found) == 1
    assert found[0].startswith(reason)


def test_units_that_are_no_whole_lots_are_refused() -> None:
    rows = [in_units(texts.option(20000 + 100 * step)) for step in range(12)]
    odd = texts.option(TtlTradgVol="3001", TtlTrfVal=f"{24220.0 * 3001:.2f}")
    assert refusals(*rows, odd)[0].startswith(
        "TtlTradgVol in contracts is not a whole number: 40.0"
    )
    assert refusals(*rows, in_units(texts.option()) | {"NewBrdLotQty": ""}) == [
        "no number of contracts"
    ]


def test_other_segments_and_mixtures_are_refused() -> None:
    currency = tuple(row | {"Sgmt": "CD"} for row in texts.UDIFF_FO)
    assert refusals(*currency) == [
        "UDiFF of NSE, segment CD: only one of CM and FO of one of NSE and BSE is read"
    ]
    mixed = (*texts.UDIFF_FO, texts.future() | {"Sgmt": "CM"})
    assert "segment CM and FO" in refusals(*mixed)[0]


def test_a_header_without_the_columns_of_contracts_is_refused() -> None:
    text = texts.udiff_fo(*texts.UDIFF_FO).replace(b"NewBrdLotQty", b"Other")
    batch = read_file("x.csv", text)
    assert batch.rejects is not None
    assert batch.rejects["reason"].to_list() == ["the header lacks NewBrdLotQty"]
