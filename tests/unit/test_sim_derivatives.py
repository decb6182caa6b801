"""Futures and options of the simulated exchange: listing, prices, volume, open interest."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import CHAIN, INSTRUMENTS
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import OutOfRange, UnknownName
from alphastock_cli.exchange import calendar, contracts
from alphastock_cli.exchange.closes import contract_close, years_between
from alphastock_cli.exchange.expiries import listed_expiries
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.providers.sim.chain import RATE
from alphastock_cli.providers.sim.contracts import strike_text
from alphastock_cli.providers.sim.derivatives import FUTURES
from tests.conftest import IST, ManualClock

FRIDAY = date(2026, 11, 20)
NEAR, WEEK, MONTH = date(2026, 11, 23), date(2026, 12, 1), date(2026, 12, 29)
NEAREST = date(2026, 10, 27)  # the month before


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=IST)


def sim(moment: datetime, *, seed: int = 42, universe: int = 60) -> SimExchange:
    return SimExchange(ManualClock(moment), seed=seed, universe=universe)


@pytest.fixture(scope="module")
def midday() -> SimExchange:
    return sim(at(2026, 11, 20, 11, 7, 30))


@pytest.fixture(scope="module")
def evening() -> SimExchange:
    return sim(at(2026, 11, 20, 18))


def one(source: SimExchange, key: str) -> Quote:
    return source.quotes([key])[key]


# -- what is listed ------------------------------------------------------------------------------


def test_it_offers_chains(midday: SimExchange) -> None:
    assert Capability.CHAIN in midday.capabilities


@pytest.mark.parametrize("symbol", ["NIFTY", "BANKNIFTY"])
@pytest.mark.parametrize(
    "moment",
    [at(2023, 9, 4, 12), at(2024, 11, 12, 8), at(2025, 7, 5, 12), at(2026, 11, 20, 18)],
)
def test_expiries_are_those_of_the_tables(symbol: str, moment: datetime) -> None:
    told = sim(moment, universe=2).expiries(symbol)
    assert told == tuple(item.day for item in listed_expiries(symbol, moment.date()))


def test_shares_have_the_three_near_months(midday: SimExchange) -> None:
    assert midday.expiries("SBIN") == (NEAR, MONTH, date(2027, 1, 25))
    assert midday.expiries("nifty bank") == midday.expiries("BANKNIFTY")


def test_symbols_are_written_as_kite_writes_them(midday: SimExchange) -> None:
    whole = midday.instruments(Exchange.NFO)
    names = set(whole["tradingsymbol"])
    spot = round(midday.indices_day(symbols=["NIFTY 50"]).collect()["close"][-1] / 50) * 50
    for name in (
        f"NIFTY26NOV{spot}CE",  # the last expiry of November, moved to a Monday
        f"NIFTY26D01{spot}PE",  # a weekly one: year, month, day
        f"NIFTY26D22{spot}PE",
        f"NIFTY26DEC{spot}PE",
        "NIFTY26NOVFUT",
        "M&M26DECFUT",
        "BAJAJ-AUTO27JANFUT",
    ):
        assert name in names, name
    assert not any(name.startswith("NIFTY26N23") for name in names)
    assert [strike_text(x) for x in (8.5, 0.1 * 3, 100.0, 2487.5)] == [
        "8.5",
        "0.3",
        "100",
        "2487.5",
    ]


def test_weekly_symbols_of_the_last_quarter_use_letters() -> None:
    names = sim(at(2025, 9, 29, 12), universe=2).instruments(Exchange.NFO)["tradingsymbol"]
    assert any(name.startswith("NIFTY25O07") for name in names)
    assert any(name.startswith("NIFTY25N04") for name in names)


def test_the_listing_is_in_schema_with_lots_and_ticks_of_the_tables(midday: SimExchange) -> None:
    whole = midday.instruments(Exchange.NFO)
    assert whole.schema == INSTRUMENTS
    assert whole["tradingsymbol"].is_unique().all()
    assert set(whole["exchange"]) == {"NFO"}
    filled = ("underlying", "expiry", "lot_size", "tick_size")
    assert [whole[name].null_count() for name in filled] == [0, 0, 0, 0]
    options = whole.filter(asset_type="options")
    assert options["strike"].null_count() == options["option_type"].null_count() == 0
    futures = whole.filter(asset_type="futures")
    assert futures["strike"].null_count() == futures["option_type"].null_count() == futures.height
    for symbol in ("NIFTY", "BANKNIFTY"):
        of = whole.filter(underlying=symbol)
        for expiry, lot in of.select("expiry", "lot_size").unique().rows():
            assert lot == contracts.lot_size(symbol, expiry, FRIDAY)
        for kind in ("option", "future"):
            tick = float(contracts.tick_size(symbol, FRIDAY, f"{kind}_"))
            assert set(of.filter(asset_type=f"{kind}s")["tick_size"]) == {tick}
        strikes = of.filter(asset_type="options").group_by("expiry").len()["len"]
        assert set(strikes) == {2 * 81}
        assert of.filter(asset_type="futures").height == 3
    assert set(options.filter(underlying="SBIN").group_by("expiry").len()["len"]) == {2 * 31}


def test_the_cash_listing_knows_nothing_of_contracts(midday: SimExchange) -> None:
    frame = midday.instruments(Exchange.NSE)
    for name in ("underlying", "expiry", "strike", "option_type"):
        assert frame[name].null_count() == frame.height == 60


def test_nothing_is_derived_from_invented_shares() -> None:
    source = sim(at(2026, 11, 20, 11), universe=203)
    assert source.shares[-1].symbol == "SIM0003"
    with pytest.raises(UnknownName):
        source.expiries("SIM0003")


def test_lots_of_shares_are_worth_seven_lakh_and_stay(midday: SimExchange) -> None:
    futures = midday.instruments(Exchange.NFO).filter(asset_type="futures")
    days = midday.equities_day(end=date(2026, 7, 31)).collect()
    before = days.filter(pl.col("date") == days["date"].max())  # settles November
    factors = midday.adjustments(Exchange.NSE).filter(pl.col("ex_date") > date(2026, 7, 31))
    price = dict(before.select("symbol", "close").rows())
    checked = 0
    for symbol, lot in futures.filter(expiry=NEAR).select("underlying", "lot_size").rows():
        if symbol in price and symbol not in set(factors["symbol"]):
            assert lot % 25 == 0
            if price[symbol] < 20_000:
                assert 500_000 <= lot * price[symbol] <= 1_000_000, symbol
                checked += 1
    assert checked > 40


def test_a_split_multiplies_the_lot_and_divides_the_strikes() -> None:
    whole = sim(at(2026, 11, 20, 18), universe=200)
    split = whole.adjustments(Exchange.NSE).filter(
        pl.col("ex_date").is_between(date(2023, 10, 1), date(2026, 11, 1))
    )
    symbol, day, factor = split.select("symbol", "ex_date", "factor").row(0)
    before = calendar.previous_session(calendar.Segment.FNO, day)
    then, now = (sim(datetime.combine(d, datetime.min.time(), IST) + timedelta(hours=12),
                     universe=200) for d in (before, day))  # fmt: skip
    expiry = now.expiries(symbol)[-1]
    lots = [s.option_chain(symbol, expiry)["lot_size"][0] for s in (then, now)]
    assert lots[1] == round(lots[0] / factor)
    middles = [s.option_chain(symbol, expiry)["strike"].median() for s in (then, now)]
    assert middles[1] == pytest.approx(middles[0] * factor, rel=0.25)
    key = "NFO:" + now.futures(symbol)["tradingsymbol"][0]
    quotes = [one(s, key) for s in (then, now)]
    assert quotes[1].previous_close == pytest.approx(quotes[0].last_price * factor, rel=0.25)


@pytest.mark.parametrize("name", ["FINNIFTY", "NOSUCH", "INDIA VIX", "", "SENSEX"])
def test_unknown_underlyings_are_refused(midday: SimExchange, name: str) -> None:
    for ask in (midday.expiries, midday.futures, midday.chain_as_of):
        with pytest.raises(UnknownName):
            ask(name)


def test_an_expiry_that_is_not_listed_is_refused(midday: SimExchange) -> None:
    with pytest.raises(UnknownName) as caught:
        midday.option_chain("NIFTY", date(2026, 11, 24))  # a holiday moved it
    assert "2026-11-23" in str(caught.value.hint)


def test_before_the_tables_there_are_no_contracts() -> None:
    source = sim(at(2023, 8, 31, 12), universe=2)
    with pytest.raises(OutOfRange):
        source.expiries("NIFTY")
    with pytest.raises(OutOfRange):
        source.instruments(Exchange.NFO)
    assert source.quotes(["NFO:NIFTY23SEPFUT"]) == {}
    first = sim(at(2023, 9, 1, 12), universe=2)  # no session before it had contracts
    chain = first.option_chain("NIFTY", first.expiries("NIFTY")[0])
    assert (chain["open_interest"] == chain["oi_change"]).all()
    assert one(first, "NFO:NIFTY23SEPFUT").previous_close is None


# -- prices --------------------------------------------------------------------------------------


def test_futures_carry_the_spot_and_agree_with_their_quotes(midday: SimExchange) -> None:
    frame = midday.futures("NIFTY")
    assert frame.schema == FUTURES
    assert frame["expiry"].to_list() == [NEAR, MONTH, date(2027, 1, 25)]
    spot, moment = one(midday, "NSE:NIFTY 50").last_price, midday.chain_as_of("NIFTY")
    assert moment == at(2026, 11, 20, 11, 7)
    carries = []
    for row in frame.to_dicts():
        years = years_between(moment, contract_close(Exchange.NFO, row["expiry"]))
        carries.append(math.log(row["last_price"] / spot) / years)
        quote = one(midday, f"NFO:{row['tradingsymbol']}")
        told = (quote.last_price, quote.bid, quote.ask, quote.volume, quote.open_interest)
        names = ("last_price", "bid", "ask", "volume", "open_interest")
        assert told == tuple(row[name] for name in names)
    assert carries[1] == pytest.approx(carries[2], abs=1e-3)  # a tick at either
    assert 0.03 < carries[1] < 0.10


def book(forward: float, strike: float, years: float, vol: float, kind: str) -> float:
    """Price by the formula of the book."""
    normal, s = NormalDist().cdf, vol * math.sqrt(years)
    d1 = math.log(forward / strike) / s + s / 2
    sign = 1 if kind == "CE" else -1
    worth = forward * normal(sign * d1) - strike * normal(sign * (d1 - s))
    return math.exp(-RATE * years) * sign * worth


def test_at_the_money_the_chain_is_black_at_a_little_less_than_vix(midday: SimExchange) -> None:
    chain, moment = midday.option_chain("NIFTY", MONTH), midday.chain_as_of("NIFTY")
    years = years_between(moment, contract_close(Exchange.NFO, MONTH))
    forward = midday.futures("NIFTY").filter(expiry=MONTH)["last_price"][0]
    strike = min(chain["strike"].unique(), key=lambda k: abs(k - forward))
    vix = one(midday, "NSE:INDIA VIX").last_price / 100
    for kind in ("CE", "PE"):
        last = chain.filter(strike=strike, option_type=kind)["last_price"][0]
        low, high = (book(forward, strike, years, part * vix, kind) for part in (0.85, 1.05))
        assert low < last < high


@pytest.mark.parametrize("seed", [1, 2, 42])
def test_vix_comes_out_of_the_chain_again(seed: int) -> None:
    """Second route: the sum over out-of-the-money prices by which exchanges compute the index."""
    source = sim(at(2026, 11, 30, 12), seed=seed)
    variance = {}
    for expiry in (date(2026, 12, 22), MONTH, date(2027, 1, 25)):
        years = years_between(source.chain_as_of("NIFTY"), contract_close(Exchange.NFO, expiry))
        pairs = source.option_chain("NIFTY", expiry).pivot(
            on="option_type", index="strike", values="last_price"
        )
        near = pairs.sort((pl.col("CE") - pl.col("PE")).abs()).row(0, named=True)
        forward = near["strike"] + math.exp(RATE * years) * (near["CE"] - near["PE"])
        strikes = pairs["strike"].to_numpy()
        call, put = pairs["CE"].to_numpy(), pairs["PE"].to_numpy()
        out = np.where(strikes > forward, call, put)
        step = strikes[1] - strikes[0]
        out = np.where(out > 0.05, out, 0.0)  # the least price is no price
        total = 2 * math.exp(RATE * years) * float((out * step / strikes**2).sum())
        variance[years] = total
    month = 30 / 365
    spread = np.interp(month, list(variance), list(variance.values())) / month
    vix = one(source, "NSE:INDIA VIX").last_price
    assert 100 * math.sqrt(spread) == pytest.approx(vix, rel=0.05)


def test_a_closed_market_has_last_prices_and_nobody_bids(evening: SimExchange) -> None:
    chain = evening.option_chain("NIFTY", WEEK)
    assert chain.schema == CHAIN
    for name in ("bid", "ask", "bid_quantity", "ask_quantity"):
        assert chain[name].null_count() == chain.height
    for name in ("last_price", "volume", "open_interest", "oi_change", "lot_size"):
        assert chain[name].null_count() == 0
    assert evening.chain_as_of("NIFTY") == at(2026, 11, 20, 15, 40)
    row = chain.row(81, named=True)
    quote = one(evening, f"NFO:{row['tradingsymbol']}")
    assert (quote.last_price, quote.volume) == (row["last_price"], row["volume"])
    assert (quote.bid, quote.ask, quote.depth, quote.bid_quantity) == (None, None, None, None)
    assert quote.time == at(2026, 11, 20, 15, 40)
    assert evening.futures("NIFTY")["bid"].null_count() == 3


def test_contracts_trade_on_when_the_shares_have_closed() -> None:
    early, late = (sim(at(2026, 11, 20, 15, minute, 30)) for minute in (31, 38))
    spots = [one(s, "NSE:NIFTY 50").last_price for s in (early, late)]
    assert spots[0] == spots[1]
    moments = [s.chain_as_of("NIFTY") for s in (early, late)]
    assert moments == [at(2026, 11, 20, 15, 31), at(2026, 11, 20, 15, 38)]
    chains = [s.option_chain("NIFTY", NEAR) for s in (early, late)]
    assert chains[1]["volume"].sum() > chains[0]["volume"].sum()
    assert chains[1]["ask"].null_count() == 0
    time_value = [c.filter(pl.col("last_price") < 20)["last_price"].sum() for c in chains]
    assert time_value[1] <= time_value[0]


def test_on_its_last_evening_a_contract_is_worth_what_it_pays() -> None:
    source = sim(at(2026, 11, 23, 18))
    assert source.expiries("NIFTY")[0] == NEAR  # listed to the end of the day
    spot = one(source, "NSE:NIFTY 50").last_price
    for row in source.option_chain("NIFTY", NEAR).to_dicts():
        sign = 1 if row["option_type"] == "CE" else -1
        pays = max(sign * (spot - row["strike"]), 0.05)
        assert row["last_price"] == pytest.approx(pays, abs=0.026)
    assert sim(at(2026, 11, 25, 8)).expiries("NIFTY")[0] == WEEK


def test_a_contract_of_tomorrow_is_listed_without_prices() -> None:
    source = sim(at(2026, 11, 25, 8))  # before the first session after the expiry of the 23rd
    new = set(source.expiries("NIFTY")) - set(sim(at(2026, 11, 23, 18)).expiries("NIFTY"))
    assert new == {date(2027, 2, 23)}  # the third month from now
    expiry = min(new)
    chain = source.option_chain("NIFTY", expiry)
    for name in ("last_price", "bid", "volume", "open_interest", "last_trade_time"):
        assert chain[name].null_count() == chain.height == 162
    assert one(source, f"NFO:{chain['tradingsymbol'][0]}").last_price is None
    assert source.futures("NIFTY")["last_price"].null_count() == 1


# -- volume and open interest --------------------------------------------------------------------


def test_open_interest_builds_up_and_unwinds() -> None:
    total, volume = {}, {}
    for day in calendar.sessions(calendar.Segment.FNO, date(2026, 9, 30), NEAREST):
        source = sim(datetime.combine(day, datetime.min.time(), IST) + timedelta(hours=18))
        chain = source.option_chain("NIFTY", NEAREST)
        total[day], volume[day] = chain["open_interest"].sum(), chain["volume"].sum()
        last = source.futures("NIFTY").row(0, named=True)
    held = list(total.values())
    assert max(held) == max(held[-5:])
    assert held[-3] > 1.5 * held[0]
    assert held[-1] < 0.7 * max(held)
    assert volume[NEAREST] > 5 * volume[date(2026, 9, 30)]
    assert last["oi_change"] < 0


def test_round_strikes_near_the_money_hold_most(evening: SimExchange) -> None:
    chain = evening.option_chain("NIFTY", MONTH)
    strikes = chain.group_by("strike").agg(pl.col("open_interest").sum()).sort("strike")
    middle = strikes.slice(20, 41)
    round_ = middle.filter(pl.col("strike") % 500 == 0)["open_interest"].mean()
    assert round_ > 1.5 * middle.filter(pl.col("strike") % 250 != 0)["open_interest"].mean()
    outer = pl.concat([strikes.head(10), strikes.tail(10)])
    assert middle["open_interest"].sum() > 2 * outer["open_interest"].sum()
    calls, puts = (chain.filter(option_type=kind) for kind in ("CE", "PE"))
    weighted = [
        (c["strike"] * c["open_interest"]).sum() / c["open_interest"].sum() for c in (calls, puts)
    ]
    assert weighted[0] > weighted[1]  # calls above the market, puts below


def test_changes_count_from_the_session_before() -> None:
    before, now = sim(at(2026, 11, 19, 18)), sim(at(2026, 11, 20, 13, 30))
    held = dict(before.option_chain("NIFTY", WEEK).select("tradingsymbol", "open_interest").rows())
    shared = 0
    for row in now.option_chain("NIFTY", WEEK).to_dicts():
        if row["tradingsymbol"] in held:
            assert row["open_interest"] - row["oi_change"] == held[row["tradingsymbol"]]
            shared += 1
    assert shared > 140
    previous = before.futures("NIFTY")["open_interest"]
    frame = now.futures("NIFTY")
    assert (frame["open_interest"] - frame["oi_change"]).to_list() == previous.to_list()
    key = f"NFO:{now.option_chain('NIFTY', WEEK)['tradingsymbol'][81]}"
    assert one(now, key).previous_close == one(before, key).last_price
