"""Quotes and depth of simulated contracts and shares, and the minutes of indices."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import NotOffered
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.providers.sim.depth import depth, rupees
from alphastock_cli.providers.sim.kept import Kept
from alphastock_cli.providers.sim.universe import shares
from tests.conftest import IST, ManualClock

FRIDAY = date(2026, 11, 20)
NEAR = date(2026, 11, 23)
NIFTY = Instrument(exchange=Exchange.NSE, tradingsymbol="NIFTY 50", asset_type=AssetType.INDEX)
VIX = Instrument(exchange=Exchange.NSE, tradingsymbol="INDIA VIX", asset_type=AssetType.INDEX)


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


# -- quotes and depth ----------------------------------------------------------------------------


def test_a_quote_of_an_option_is_its_row_of_the_chain(midday: SimExchange) -> None:
    chain = midday.option_chain("NIFTY", NEAR)
    quotes = midday.quotes([f"NFO:{name}" for name in chain["tradingsymbol"]])
    assert len(quotes) == chain.height
    names = (
        "last_price", "bid", "ask", "bid_quantity", "ask_quantity", "volume", "open_interest",
        "last_trade_time",
    )  # fmt: skip
    for row in chain.to_dicts():
        quote = quotes[f"NFO:{row['tradingsymbol']}"]
        assert {name: getattr(quote, name) for name in names} == {n: row[n] for n in names}
        assert quote.low <= min(quote.open, quote.last_price)
        assert quote.high >= max(quote.open, quote.last_price)


def test_a_strike_the_market_has_left_is_still_quoted(midday: SimExchange) -> None:
    expiry = date(2027, 3, 30)
    listed = midday.option_chain("NIFTY", expiry)["tradingsymbol"]
    early = sim(at(2026, 10, 8, 12)).option_chain("NIFTY", expiry)["tradingsymbol"]
    left = [name for name in early if name not in set(listed)]
    assert left
    assert len(midday.quotes([f"NFO:{name}" for name in left])) == len(left)


@pytest.mark.parametrize(
    "key",
    ["NFO:NIFTY", "NFO:NIFTY26NOV", "NFO:NIFTY26NOV1741CE", "NFO:NIFTY26NOV99999CE", "NFO:",
     "NFO:NIFTY26NOV1740.0CE", "NFO:NIFTY26NOV01740CE", "NFO:NIFTY26D01FUT", "NFO:NIFTY26OCTFUT",
     "NFO:NIFTY26NOV1740XE", "BFO:NIFTY26NOVFUT", "NFO:NIFTY26NOV٣٤٥CE", "NSE:NIFTY26NOVFUT"],
)  # fmt: skip
def test_what_is_not_listed_has_no_quote(midday: SimExchange, key: str) -> None:
    assert midday.quotes([key]) == {}


def test_depth_has_five_sorted_levels_from_the_best(midday: SimExchange) -> None:
    option = midday.option_chain("NIFTY", NEAR)["tradingsymbol"][81]
    keys = ["NSE:SBIN", "NSE:INFY", f"NFO:{option}", "NFO:NIFTY26NOVFUT", "NFO:SBIN26NOVFUT"]
    for key, quote in midday.quotes(keys).items():
        book = quote.depth
        assert (len(book.buy), len(book.sell)) == (5, 5), key
        assert (book.buy[0].price, book.buy[0].quantity) == (quote.bid, quote.bid_quantity)
        assert (book.sell[0].price, book.sell[0].quantity) == (quote.ask, quote.ask_quantity)
        buys, sells = ([level.price for level in side] for side in (book.buy, book.sell))
        assert buys == sorted(set(buys), reverse=True)
        assert sells == sorted(set(sells))
        assert all(level.orders >= 1 for level in (*book.buy, *book.sell))
        assert all(level.orders <= level.quantity for level in (*book.buy, *book.sell))


def test_depth_by_hand() -> None:
    units = [[10, 20, 30, 40, 50]] * 2
    held = depth(2002, 2003, units, tick=0.05, lowest=2001, highest=2004)
    assert [level.price for level in held.buy] == [100.1, 100.05]
    assert [level.price for level in held.sell] == [100.15, 100.2]
    assert depth(None, 7, units, tick=0.05, gap=2).buy == ()
    assert [x.price for x in depth(None, 7, units, tick=0.05, gap=2).sell][:2] == [0.35, 0.45]
    assert (rupees(3, 0.1), rupees(7, 5.0), rupees(29, 0.01)) == (0.3, 35.0, 0.29)


def test_depth_moves_with_the_minute() -> None:
    clock = ManualClock(at(2026, 11, 20, 11, 7))
    source = SimExchange(clock, universe=4)
    first = one(source, "NSE:INFY")
    clock.sleep(20)
    assert one(source, "NSE:INFY").depth == first.depth
    clock.sleep(60)
    assert one(source, "NSE:INFY").bid_quantity != first.bid_quantity


# -- indices inside the day ----------------------------------------------------------------------


@pytest.mark.parametrize("instrument", [NIFTY, VIX], ids=["NIFTY", "VIX"])
@pytest.mark.parametrize("day", [FRIDAY, date(2024, 3, 2), date(2016, 1, 1), date(2024, 11, 1)])
def test_minutes_of_an_index_make_its_row(
    evening: SimExchange, instrument: Instrument, day: date
) -> None:
    start = datetime.combine(day, datetime.min.time(), IST)
    frame = evening.candles(instrument, Interval.MINUTE, start, start + timedelta(days=1))
    name = instrument.tradingsymbol
    row = evening.indices_day(symbols=[name], start=day, end=day).collect().row(0, named=True)
    told = (frame["open"][0], frame["high"].max(), frame["low"].min(), frame["close"][-1])
    assert told == tuple(row[part] for part in ("open", "high", "low", "close"))
    assert frame["volume"].null_count() == frame.height
    assert (frame["low"] <= frame["close"]).all()
    assert (frame["high"] >= frame["open"]).all()
    quarter = evening.candles(instrument, Interval.MINUTE_15, start, start + timedelta(days=1))
    assert quarter["volume"].null_count() == quarter.height
    assert quarter["high"].max() == row["high"]


def test_an_index_is_the_sum_of_its_members_inside_the_day(evening: SimExchange) -> None:
    """Second route: the units each member stands for, from published rows alone."""
    name, start = "NIFTY BANK", at(2026, 11, 20)
    members = [s for s in shares(60) if name in s.indices]
    whole = sum(s.weight for s in members)
    made = 0.0
    for share in members:
        days = evening.equities_day(symbols=[share.symbol]).collect()
        units = 40_000.0 * share.weight / whole / days["previous_close"][0]
        factors = evening.adjustments(Exchange.NSE).filter(symbol=share.symbol)["factor"]
        for factor in factors:
            units /= factor
        stock = Instrument(
            exchange=Exchange.NSE, tradingsymbol=share.symbol, asset_type=AssetType.EQUITY
        )
        minutes = evening.candles(stock, Interval.MINUTE, start, start + timedelta(days=1))
        made = made + units * minutes["close"].to_numpy()
    index = Instrument(exchange=Exchange.NSE, tradingsymbol=name, asset_type=AssetType.INDEX)
    told = evening.candles(index, Interval.MINUTE, start, start + timedelta(days=1))
    row = evening.indices_day(symbols=[name], start=FRIDAY).collect().row(0, named=True)
    inside = (made > min(row["open"], row["close"])) & (made < max(row["open"], row["close"]))
    assert inside.sum() > 20
    assert np.abs(told["close"].to_numpy() - made)[inside].max() < 0.0051
    assert np.corrcoef(told["close"].to_numpy(), made)[0, 1] > 0.97


def test_a_quote_of_an_index_moves_with_its_minutes(midday: SimExchange) -> None:
    quote = one(midday, "NSE:NIFTY 50")
    minutes = midday.candles(NIFTY, Interval.MINUTE, at(2026, 11, 20), at(2026, 11, 21))
    assert minutes.height == 112
    assert (quote.open, quote.last_price) == (minutes["open"][0], minutes["close"][-1])
    assert (quote.high, quote.low) == (minutes["high"].max(), minutes["low"].min())
    assert quote.volume is None
    assert (quote.bid, quote.ask, quote.depth) == (None, None, None)
    before = midday.indices_day(symbols=["NIFTY 50"]).collect()["close"][-1]
    assert quote.previous_close == before
    assert one(sim(at(2016, 1, 1, 12)), "NSE:INDIA VIX").previous_close is None
    opening = one(sim(at(2026, 11, 20, 9, 15, 20)), "NSE:NIFTY 50")
    assert opening.last_price == opening.open == opening.high == opening.low == quote.open


def test_contracts_have_no_candles(midday: SimExchange) -> None:
    future = Instrument(
        exchange=Exchange.NFO, tradingsymbol="NIFTY26NOVFUT", asset_type=AssetType.FUTURES
    )
    with pytest.raises(NotOffered):
        midday.candles(future, Interval.MINUTE, at(2026, 11, 20), at(2026, 11, 21))


# -- the memory ----------------------------------------------------------------------------------


def test_what_falls_out_of_the_memory_is_made_again() -> None:
    made: list[int] = []
    kept: Kept[int] = Kept(2)

    def ask(key: int) -> int:
        return kept.get(key, lambda: made.append(key) or 10 * key)

    assert [ask(key) for key in (1, 2, 1, 3, 2, 1)] == [10, 20, 10, 30, 20, 10]
    assert made == [1, 2, 3, 1]
