"""Files of option chains: their forms, what their figures count, and the rows that are refused."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.fetch_chain import fetch_chain
from alphastock_cli.domain.frames import CHAINS, REJECTS
from alphastock_cli.errors import BadReply, UsageError
from alphastock_cli.store.chain_checks import ChainFile, read_chains
from alphastock_cli.store.chain_forms import underlying_of
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
NOW = datetime(2026, 11, 20, 18, tzinfo=IST)
AT = datetime(2026, 8, 19, 11, 30, tzinfo=IST)
COLLECTOR = "timestamp,symbol,expiry,strike,option_type,spot,ltp,volume,oi,oi_chg,iv,delta\n"
KITE = "Stock,Expiry,Strike,CE_LTP,CE_OI,CE_Volume,PE_LTP,PE_OI,PE_Volume,Stock_LTP,timestamp\n"


def row(**cells: object) -> str:
    base: dict[str, object] = {
        "timestamp": "202608191130", "symbol": "NIFTY50", "expiry": "25-Aug-2026",
        "strike": 24100.0, "option_type": "CE", "spot": 24054.150390625, "ltp": 127.7,
        "volume": 3.0, "oi": 153.0, "oi_chg": -2.0, "iv": 10.92, "delta": 0.5,
    }  # fmt: skip
    return ",".join(str(value) for value in (base | cells).values()) + "\n"


def read(
    folder: Path, text: str, *, name: str = "x.csv", underlying: str = "", now: datetime = NOW
) -> ChainFile:
    path = folder / name
    path.write_text(text)
    (found,) = read_chains(path, now=now, underlying=underlying)
    return found


def only(found: ChainFile) -> dict[str, Any]:
    assert found.rejects.is_empty()
    (made,) = found.snapshots.to_dicts()
    return made


# -- forms --------------------------------------------------------------------------------------


def test_a_collector_counts_contracts_and_percents(tmp_path: Path) -> None:
    found = read(tmp_path, COLLECTOR + row())
    assert found.snapshots.schema == CHAINS
    assert only(found) == {
        "time": AT, "exchange": "NFO", "underlying": "NIFTY", "expiry": D(2026, 8, 25),
        "strike": 24100.0, "option_type": "CE", "spot": 24054.15, "last_price": 127.7, "bid": None,
        "ask": None, "volume": 3 * 65, "open_interest": 153 * 65, "oi_change": -2 * 65,
        "iv": pytest.approx(0.1092), "source": "chain_collector",
    }  # fmt: skip
    assert (found.form, found.rows, found.repeated, found.notes) == ("chain_collector", 1, 0, ())


def test_the_lot_is_that_of_the_expiry_and_day(tmp_path: Path) -> None:
    text = COLLECTOR + "".join(
        row(timestamp="202512191130", expiry=day) for day in ("30-Dec-2025", "06-Jan-2026")
    )
    found = read(tmp_path, text)
    assert found.snapshots["open_interest"].to_list() == [153 * 75, 153 * 65]


def test_without_a_lot_contracts_are_not_stored(tmp_path: Path) -> None:
    found = read(tmp_path, COLLECTOR + row(symbol="SBIN", strike=800))
    made = only(found)
    assert (made["volume"], made["open_interest"], made["oi_change"]) == (None, None, None)
    assert made["last_price"] == 127.7
    assert found.notes == (
        "SBIN: its lot is not known, so volume and open interest are not stored (1 expiry)",
    )


def test_contracts_that_are_all_whole_lots_are_doubted(tmp_path: Path) -> None:
    text = COLLECTOR + "".join(row(strike=24000 + 50 * n, oi=65 * (n + 1)) for n in range(20))
    found = read(tmp_path, text)
    assert found.snapshots["open_interest"].null_count() == 20
    assert "contracts or units?" in found.notes[0]
    fewer = read(tmp_path, "".join(text.splitlines(keepends=True)[:-1]))
    assert fewer.snapshots["open_interest"].null_count() == 0


def test_a_volatility_not_found_is_null(tmp_path: Path) -> None:
    found = read(tmp_path, COLLECTOR + row(iv=0.1) + row(option_type="PE", iv=0.11))
    assert found.snapshots["iv"].to_list() == [None, pytest.approx(0.0011)]
    assert found.notes == ("1 volatilities the source could not find: stored as not known",)


def test_two_sides_a_row_count_units(tmp_path: Path) -> None:
    text = KITE + "SBIN,2026-02-24,800.0,0.0,750.0,0.0,2.05,20000.0,3000.0,801.5,2026-02-03 09:59\n"
    found = read(tmp_path, text + text.splitlines()[1].replace("09:59", "12:02:51") + "\n")
    call, put, later, _ = found.snapshots.sort("time", "option_type").to_dicts()
    assert (call["last_price"], call["volume"], call["open_interest"]) == (None, 0, 750)
    assert (put["last_price"], put["volume"], put["open_interest"]) == (2.05, 3000, 20000)
    assert (put["spot"], put["iv"], put["oi_change"]) == (801.5, None, None)
    assert call["time"] == datetime(2026, 2, 3, 9, 59, tzinfo=IST)
    assert later["time"] == datetime(2026, 2, 3, 12, 2, 51, tzinfo=IST)
    assert found.rows == 4


def side(**values: object) -> dict[str, object]:
    return {
        "underlying": "BANKNIFTY", "lastPrice": 215.0, "bidprice": 214.5, "askPrice": 0,
        "impliedVolatility": 16.2, "totalTradedVolume": 10, "openInterest": 4,
        "changeinOpenInterest": -1, "underlyingValue": 43312.7, "bidQty": 25, "askQty": 50,
        "totalBuyQuantity": 1175, "totalSellQuantity": 925,
    } | values  # fmt: skip


def site(*strikes: int, **values: object) -> str:
    records = [
        {"strikePrice": k, "expiryDate": "04-May-2023", "CE": side(**values), "PE": side(bidQty=75)}
        for k in strikes
    ]
    held = {"timestamp": "03-May-2023 15:30:00", "data": records, "underlyingValue": 43312.7}
    return json.dumps({"records": held, "filtered": {"data": records[:1]}})


def test_the_exchange_s_site_and_the_lot_in_its_order_book(tmp_path: Path) -> None:
    found = read(tmp_path, site(43200, 43300, impliedVolatility=0), name="chain.json")
    assert (found.form, found.rows, found.repeated) == ("nse_option_chain_json", 4, 0)
    call, put = found.snapshots.filter(strike=43200.0).to_dicts()
    assert call == {
        "time": datetime(2023, 5, 3, 15, 30, tzinfo=IST), "exchange": "NFO",
        "underlying": "BANKNIFTY", "expiry": D(2023, 5, 4), "strike": 43200.0,
        "option_type": "CE", "spot": 43312.7, "last_price": 215.0, "bid": 214.5, "ask": None,
        "volume": 250, "open_interest": 100, "oi_change": -25, "iv": None,
        "source": "nse_option_chain_json",
    }  # fmt: skip
    assert put["iv"] == pytest.approx(0.162)
    assert found.notes == (
        "BANKNIFTY: a lot of 25 by the quantities of the order book (1 expiry)",
        "2 volatilities the source could not find: stored as not known",
    )


def test_a_book_without_the_smallest_order_shows_no_lot(tmp_path: Path) -> None:
    many = {"bidQty": 50, "askQty": 75, "totalBuyQuantity": 1175}
    text = site(43200, 43300, 43400, **many).replace('"bidQty": 75', '"bidQty": 50')
    lots = read(tmp_path, text.replace('"askQty": 50', '"askQty": 75'), name="c.json")
    assert lots.snapshots["open_interest"].null_count() == 6
    short = read(tmp_path, site(43200), name="short.json")
    assert short.snapshots["open_interest"].null_count() == 2, "eight quantities are too few"


def test_packed_files_and_every_table_of_a_zip(tmp_path: Path) -> None:
    packed = tmp_path / "x.json.gz"
    packed.write_bytes(gzip.compress(site(43200).encode()))
    assert next(read_chains(packed, now=NOW)).snapshots.height == 2
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("b.csv", COLLECTOR + row())
        made.writestr("a.json", site(43200))
    assert [each.file for each in read_chains(path, now=NOW)] == ["x.zip!a.json", "x.zip!b.csv"]
    frame = pl.read_csv((COLLECTOR + row()).encode(), schema_overrides={"timestamp": pl.String})
    frame.write_parquet(tmp_path / "x.parquet")
    (found,) = read_chains(tmp_path / "x.parquet", now=NOW)
    assert only(found)["time"] == AT


ATM = (
    ",Date,OptionPrice,StrikePrice,OptionSymbol,ExpiryDate,FuturePrice,OptionType,tte,IV\n"
    "1,2023-04-27 14:49:00,0.3,565,SBIN27APR23565CE,2023-04-27,563.65,c,0.1,0.3\n"
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,age\nx,1\n", "no form of an option chain we know"),
        (ATM, "neither a chain nor candles"),
        ('{"records": 1}', "no option chain of the exchange's site"),
        ('{"records": {"timestamp": "x", "data": [3]}}', "it lists no contract"),
        ("{" * 100_000, "no option chain of the exchange's site"),
    ],
)  # fmt: skip
def test_what_is_no_chain_is_refused_whole(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadReply, match=says):
        read(tmp_path, text)


# -- rows ---------------------------------------------------------------------------------------


def test_every_bad_row_has_its_reason(tmp_path: Path) -> None:
    bad: list[tuple[dict[str, object], str]] = [
        ({"timestamp": "soon"}, "no time that can be read"),
        ({"timestamp": "197001010530"}, "a time stamp of 1970"),
        ({"symbol": ""}, "no underlying"),
        ({"symbol": "A B"}, "no underlying"),
        ({"expiry": "never"}, "no expiry that can be read"),
        ({"expiry": "18-Aug-2026"}, "it had expired before that day"),
        ({"option_type": "XX"}, "neither CE nor PE"),
        ({"ltp": "x"}, "a figure is no number"),
        ({"oi": "inf"}, "a figure is no number"),
        ({"strike": 0}, "the strike is not positive"),
        ({"strike": ""}, "the strike is not positive"),
        ({"ltp": -1}, "a figure is negative"),
        ({"oi": -1}, "a figure is negative"),
        ({"oi": 1.5}, "a quantity is no whole number"),
        ({"timestamp": "202608161130"}, "the exchange was closed that day"),
        ({"timestamp": "202611201801", "expiry": "24-Nov-2026"}, "it is still to come"),
    ]
    text = COLLECTOR + "".join(row(**cells) for cells, _ in bad) + row() + "1,2\n"
    found = read(tmp_path, text)
    assert found.rejects.schema == REJECTS
    assert found.rejects["reason"].to_list() == [
        *(reason for _, reason in bad), "more or fewer cells than the header"
    ]  # fmt: skip
    assert found.snapshots.height == 1
    assert found.rows == len(bad) + 2
    assert found.rejects["symbol"].to_list() == [
        *(underlying_of(str(cells.get("symbol", "NIFTY"))) for cells, _ in bad), ""
    ]  # fmt: skip


def test_repeats_count_once_and_contradictions_are_all_refused(tmp_path: Path) -> None:
    text = COLLECTOR + row() + row() + row(option_type="PE") + row(option_type="PE", ltp=1)
    found = read(tmp_path, text)
    assert (found.snapshots.height, found.repeated) == (1, 1)
    assert found.rejects["reason"].to_list() == [
        "contradicts another row of the same contract and time"
    ] * 2  # fmt: skip


def test_one_underlying_out_of_many(tmp_path: Path) -> None:
    text = COLLECTOR + row() + row(symbol="NIFTYBANK", strike=50_000)
    assert set(read(tmp_path, text).snapshots["underlying"]) == {"NIFTY", "BANKNIFTY"}
    found = read(tmp_path, text, underlying="nifty bank")
    assert found.snapshots["underlying"].to_list() == ["BANKNIFTY"]
    assert found.rows == 1
    with pytest.raises(UsageError, match="no chain of SBIN; it holds BANKNIFTY, NIFTY"):
        read(tmp_path, text, underlying="SBIN")


def test_underlyings_in_any_spelling() -> None:
    words = ("NIFTY50", "Nifty 50", "nifty", "BANKNIFTY", "sbin ", "M&M")
    assert [underlying_of(word) for word in words] == [
        "NIFTY", "NIFTY", "NIFTY", "BANKNIFTY", "SBIN", "M&M"
    ]  # fmt: skip


# -- the load -----------------------------------------------------------------------------------


def test_a_load_reports_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    lake, clock = Lake(tmp_path / "lake"), ManualClock(NOW)
    path = tmp_path / "x.csv"
    path.write_text(COLLECTOR + row() + row(option_type="PE", iv=0.1) + row(ltp=-1, strike=1))
    result = fetch_chain(lake, clock, path)
    assert isinstance(result.rows, list)
    (made,) = result.rows
    assert (made["underlying"], made["snapshots"], made["added"]) == ("NIFTY", 1, 2)
    assert (made["rejected"], made["first"], made["last"]) == (1, AT, AT)
    assert "1 × a figure is negative" in result.warnings
    files = [path.name for path in lake.files("chains")]
    assert files == ["2026-08.parquet"]
    again = fetch_chain(lake, clock, path)
    assert again.warnings[0] == "nothing new: all 2 rows were stored already"
    assert lake.last_load("chains") is not None


def test_a_load_of_nothing_good_says_why(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(COLLECTOR + row(ltp=-1))
    lake = Lake(tmp_path / "lake")
    with pytest.raises(BadReply, match="1 × a figure is negative"):
        fetch_chain(lake, ManualClock(NOW), path)
    assert lake.last_load("chains") is None
    assert lake.scan("rejects").collect().height == 1
