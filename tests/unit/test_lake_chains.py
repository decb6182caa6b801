"""The chain of the lake: which session, which names, which prices count as traded, which lot."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.chain import ChainRequest
from alphastock_cli.actions.chain import chain as chain_of
from alphastock_cli.actions.option_words import parse_rate
from alphastock_cli.domain.frames import CHAIN, DATASETS, FUTURES_DAY, OPTIONS_DAY, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import DamagedData, ProviderError, UnknownName
from alphastock_cli.exchange import contracts
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.nse.source import read_file
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit import nse_texts as texts

D = date
THU, FRI = D(2021, 3, 18), D(2021, 3, 19)
NEAR, MONTHLY, FAR = D(2021, 3, 18), D(2021, 3, 25), D(2021, 6, 24)


def at(day: date, hour: int = 18, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST)


def load(lake: Lake, text: str) -> None:
    for dataset, rows in read_file("x.csv", text.encode()).frames.items():
        lake.upsert(dataset, rows)


def put(lake: Lake, *rows: dict[str, Any]) -> None:
    base = {"exchange": "NFO", "symbol": "NIFTY", "expiry": MONTHLY, "option_type": "CE",
            "strike": 15000.0, "date": THU}  # fmt: skip
    frame = pl.DataFrame([base | row for row in rows], infer_schema_length=None)
    lake.upsert("options_day", conform(frame, DATASETS["options_day"], what="test"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    load(lake, texts.FO)
    return lake


def provider(lake: Lake, moment: datetime | None = None) -> LakeProvider:
    return LakeProvider(lake, ManualClock(at(D(2026, 11, 20))), as_of=moment)


# -- the chain --------------------------------------------------------------------------------


def test_the_expiries_of_the_last_session(lake: Lake) -> None:
    source = provider(lake)
    assert source.expiries("NIFTY") == (NEAR, MONTHLY, FAR)
    assert source.expiries("ALPHA") == (MONTHLY,)
    assert source.chain_as_of("NIFTY") == at(THU, 15, 30)


def test_a_chain_pairs_call_and_put_at_each_strike(lake: Lake) -> None:
    chain = provider(lake).option_chain("NIFTY", MONTHLY)
    assert chain.schema == CHAIN
    assert chain.select("strike", "option_type").rows() == [
        (15000.0, "CE"), (15000.0, "PE"), (15100.0, "CE"), (15100.0, "PE")
    ]  # fmt: skip
    call, put_, absent, untraded = chain.to_dicts()
    assert call == {
        "tradingsymbol": "NIFTY21MAR15000CE", "underlying": "NIFTY", "expiry": MONTHLY,
        "strike": 15000.0, "option_type": "CE", "last_price": 240.0, "bid": None, "ask": None,
        "bid_quantity": None, "ask_quantity": None, "volume": 750, "open_interest": 3000,
        "oi_change": -750, "last_trade_time": None, "lot_size": 75,
    }  # fmt: skip
    assert (put_["last_price"], put_["volume"]) == (185.0, 300)
    assert untraded["last_price"] is None, "neither the old close 310.5 nor the settlement 295"
    assert (untraded["volume"], untraded["open_interest"]) == (0, 750)
    assert absent["tradingsymbol"] == "NIFTY21MAR15100CE"
    assert (absent["last_price"], absent["volume"], absent["open_interest"]) == (None, None, None)


def test_a_side_that_is_not_listed_is_no_row_of_the_command(lake: Lake) -> None:
    request = ChainRequest(underlying="NIFTY", expiry=str(MONTHLY), rate=parse_rate(""))
    made = chain_of(provider(lake), ManualClock(at(THU)), request)
    assert [row["tradingsymbol"] for row in made.records()] == [
        "NIFTY21MAR15000CE", "NIFTY21MAR15000PE", "NIFTY21MAR15100PE"
    ]  # fmt: skip
    assert (made.summary["rows"], made.summary["matched"]) == (3, 3)


def test_names_are_those_of_the_broker(lake: Lake) -> None:
    source = provider(lake)
    weekly = source.option_chain("NIFTY", NEAR)["tradingsymbol"].to_list()
    assert weekly == ["NIFTY2131815000CE", "NIFTY2131815000PE"]
    assert source.option_chain("NIFTY", FAR)["tradingsymbol"][0] == "NIFTY21JUN15000CE"
    alpha = source.option_chain("ALPHA", MONTHLY)["tradingsymbol"].to_list()
    assert alpha == ["ALPHA21MAR122.5CE", "ALPHA21MAR122.5PE", "ALPHA21MAR125CE", "ALPHA21MAR125PE"]


@pytest.mark.parametrize(
    ("expiry", "listed", "name"),
    [
        (D(2025, 8, 7), [D(2025, 8, 7), D(2025, 8, 28)], "NIFTY2580724400CE"),
        (D(2026, 9, 22), [D(2026, 9, 22), D(2026, 9, 29)], "NIFTY2692224400CE"),
        (D(2024, 10, 3), [D(2024, 10, 3), D(2024, 10, 31)], "NIFTY24O0324400CE"),
        (D(2024, 11, 7), [D(2024, 11, 7), D(2024, 11, 28)], "NIFTY24N0724400CE"),
        (D(2024, 12, 5), [D(2024, 12, 5), D(2024, 12, 26)], "NIFTY24D0524400CE"),
        (D(2024, 12, 26), [D(2024, 12, 5), D(2024, 12, 26)], "NIFTY24DEC24400CE"),
        (D(2024, 12, 26), [D(2024, 12, 26), D(2025, 12, 24)], "NIFTY24DEC24400CE"),
    ],
)
def test_weekly_and_monthly_forms(
    tmp_path: Path, expiry: date, listed: list[date], name: str
) -> None:
    lake = Lake(tmp_path / "lake")
    put(lake, *({"expiry": day, "strike": 24400.0, "contracts": 0} for day in listed))
    assert provider(lake).option_chain("NIFTY", expiry)["tradingsymbol"][0] == name


def test_futures_of_the_session_never_pass_a_settlement_off_as_a_trade(lake: Lake) -> None:
    assert provider(lake).futures("NIFTY").to_dicts() == [
        {"expiry": MONTHLY, "close": 15050.0, "settlement": 15050.0, "open_interest": 75_000},
        {"expiry": D(2021, 5, 27), "close": None, "settlement": 15120.5, "open_interest": 0},
    ]


# -- lots -------------------------------------------------------------------------------------


def test_the_lot_is_proven_by_the_day_or_not_known(lake: Lake) -> None:
    assert contracts.lot_size("NIFTY", MONTHLY, THU) is None, "no table reaches 2021"
    source = provider(lake)
    chains = {day: source.option_chain("NIFTY", day) for day in source.expiries("NIFTY")}
    assert {day: set(chain["lot_size"]) for day, chain in chains.items()} == {
        NEAR: {75}, MONTHLY: {75}, FAR: {None},
    }  # fmt: skip
    assert chains[FAR]["volume"].to_list() == [0, None], "none traded, and a contract not listed"
    assert set(source.option_chain("ALPHA", MONTHLY)["lot_size"]) == {1000}


def test_without_a_lot_the_volume_is_not_known(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    row = {"contracts": 4, "close": 185.0, "high": 190.0, "low": 140.0, "turnover": 4_548_000.0}
    put(lake, row | {"open_interest": None})
    (call, _) = provider(lake).option_chain("NIFTY", MONTHLY).to_dicts()
    assert (call["lot_size"], call["volume"], call["last_price"]) == (None, None, 185.0)


def test_where_a_table_knows_the_lot_it_counts(tmp_path: Path) -> None:
    lake, day, expiry = Lake(tmp_path / "lake"), D(2025, 12, 15), D(2026, 1, 27)
    put(lake, {"date": day, "expiry": expiry, "contracts": 3, "close": 100.0})
    (call, _) = provider(lake, at(day)).option_chain("NIFTY", expiry).to_dicts()
    assert (call["lot_size"], call["volume"]) == (65, 195)


# -- the moment -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        (at(THU, 15, 30), THU), (at(FRI, 9), THU), (at(FRI, 15, 29), THU),
        (at(FRI, 15, 30), FRI), (at(D(2021, 3, 21)), FRI), (None, FRI),
    ],
)  # fmt: skip
def test_a_session_is_known_once_it_is_over(
    lake: Lake, moment: datetime | None, session: date
) -> None:
    load(lake, texts.fo_day("19-MAR-2021").replace(",185,185,", ",186,186,"))
    source = provider(lake, moment)
    assert source.chain_as_of("NIFTY").date() == session
    assert source.chain_as_of("NIFTY") <= (moment or at(D(2026, 11, 20)))
    price = source.option_chain("NIFTY", MONTHLY)["last_price"][1]
    assert price == (186.0 if session == FRI else 185.0)
    assert (NEAR in source.expiries("NIFTY")) is (session == THU), "what has expired is not listed"
    for rows in (source.futures_day(), source.options_day()):
        assert rows.select(pl.col("date").max()).collect().item() == session


def test_the_session_is_that_of_the_month_before_where_the_new_one_has_none(lake: Lake) -> None:
    later = D(2021, 4, 1)
    put(lake, {"date": later, "symbol": "BETA", "expiry": D(2021, 4, 29), "contracts": 0})
    source = provider(lake)
    assert source.chain_as_of("NIFTY") == at(THU, 15, 30)
    assert source.chain_as_of("BETA") == at(later, 15, 30)
    before = provider(lake, at(later, 15))
    with pytest.raises(UnknownName, match="unknown underlying 'BETA'"):
        before.chain_as_of("BETA")


def test_two_exchanges_are_not_mixed(lake: Lake) -> None:
    put(lake, {"exchange": "BFO", "strike": 1.0, "contracts": 0},
        {"exchange": "BFO", "strike": 1.0, "date": FRI, "expiry": FRI, "contracts": 0})  # fmt: skip
    assert provider(lake, at(THU)).expiries("NIFTY") == (NEAR, MONTHLY, FAR)
    assert provider(lake, at(FRI)).expiries("NIFTY") == (FRI,)
    assert 1.0 not in provider(lake, at(THU)).option_chain("NIFTY", MONTHLY)["strike"]


def test_an_underlying_with_futures_only(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    vix = texts.fo_row(INSTRUMENT="FUTIVX", SYMBOL="INDIAVIX", STRIKE_PR="0", OPTION_TYP="XX")
    load(lake, texts.fo_file(vix).decode())
    source = provider(lake)
    assert source.expiries("INDIAVIX") == ()
    assert source.futures("INDIAVIX")["expiry"].to_list() == [MONTHLY]
    with pytest.raises(UnknownName, match="no options expiring 2021-03-25") as caught:
        source.option_chain("INDIAVIX", MONTHLY)
    assert caught.value.hint == "It had futures only."


# -- the days themselves ----------------------------------------------------------------------


def test_days_are_sorted_and_cut(lake: Lake) -> None:
    load(lake, texts.fo_day("17-MAR-2021"))
    source = provider(lake)
    options, futures = source.options_day().collect(), source.futures_day().collect()
    assert (options.schema, futures.schema) == (OPTIONS_DAY, FUTURES_DAY)
    assert (options.height, futures.height) == (16, 6)
    assert options.equals(options.sort("symbol", "date", "expiry", "strike", "option_type"))
    assert futures.equals(futures.sort("symbol", "date", "expiry"))
    cut = source.options_day(symbols=["ALPHA"], start=THU, end=THU).collect()
    assert cut.equals(options.filter(symbol="ALPHA", date=THU))
    assert source.futures_day(symbols=[]).collect().is_empty()
    assert source.futures_day(exchange=Exchange.BFO).collect().is_empty()


# -- what goes wrong --------------------------------------------------------------------------


def test_an_empty_lake_says_how_to_fill_it(tmp_path: Path) -> None:
    source = provider(Lake(tmp_path / "lake"))
    for ask in (source.expiries, source.futures, source.chain_as_of):
        with pytest.raises(ProviderError, match="holds no options up to 2026-11-20") as caught:
            ask("NIFTY")
        assert "fetch eod" in caught.value.hint
    assert source.options_day().collect().is_empty()
    assert not (tmp_path / "lake").exists()


def test_before_the_first_session_nothing_is_known(lake: Lake) -> None:
    with pytest.raises(ProviderError, match="2021-03-18 15:29"):
        provider(lake, at(THU, 15, 29)).expiries("NIFTY")


def test_unknown_names_and_expiries_are_answered_with_the_nearest(lake: Lake) -> None:
    source = provider(lake)
    with pytest.raises(UnknownName, match="unknown underlying 'NIFTI'") as caught:
        source.expiries("NIFTI")
    assert "NIFTY" in caught.value.hint
    with pytest.raises(UnknownName, match="no options expiring 2021-03-26 on 2021-03-18") as caught:
        source.option_chain("NIFTY", D(2021, 3, 26))
    assert "2021-03-25" in caught.value.hint


def test_damage_is_told(lake: Lake) -> None:
    path = lake.files("options_day")[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedData):
        provider(lake).expiries("NIFTY")
