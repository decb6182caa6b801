"""Laws of the simulated derivatives, for any seed, session, minute and order of questions."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.frames import CHAIN
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.exchange.closes import contract_close, years_between
from alphastock_cli.exchange.indices import underlying_index
from alphastock_cli.providers.sim import SimExchange, chain, smile
from alphastock_cli.providers.sim.books import Books, now
from alphastock_cli.providers.sim.days import Array
from alphastock_cli.providers.sim.moments import look
from alphastock_cli.providers.sim.spot import Spot, _inside
from alphastock_cli.providers.sim.universe import shares
from tests.conftest import IST, ManualClock

FNO = calendar.Segment.FNO
HELD = calendar.sessions(FNO, date(2023, 9, 1), date(2026, 11, 20))
SEEDS = st.integers(0, 2**63 - 1)
DAYS = st.sampled_from(HELD)
SECONDS = st.integers(0, 24_600)  # from a quarter past nine to five past four
UNDERLYINGS = st.sampled_from(["NIFTY", "BANKNIFTY", "HDFCBANK", "RELIANCE", "M&M"])
WHICH = st.integers(0, 30)  # of the expiries


def moment(day: date, seconds: int) -> datetime:
    return datetime.combine(day, time(9, 15), IST) + timedelta(seconds=seconds)


def sim(at: datetime, *, seed: int = 42, universe: int = 10) -> SimExchange:
    return SimExchange(ManualClock(at), seed=seed, universe=universe)


def chosen(source: SimExchange, name: str, which: int) -> tuple[date, pl.DataFrame]:
    listed = source.expiries(name)
    expiry = listed[which % len(listed)]
    return expiry, source.option_chain(name, expiry)


def tick_of(source: SimExchange, name: str) -> float:
    rows = source.instruments(Exchange.NFO).filter(underlying=name, asset_type="options")
    return float(rows["tick_size"][0])


# -- no arbitrage --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(SEEDS, DAYS, SECONDS, UNDERLYINGS, WHICH)
def test_a_chain_has_no_arbitrage_beyond_its_ticks(
    seed: int, day: date, seconds: int, name: str, which: int
) -> None:
    source = sim(moment(day, seconds), seed=seed)
    expiry, frame = chosen(source, name, which)
    if frame["last_price"].null_count():
        return  # listed for the next session
    assert frame.schema == CHAIN
    tick = tick_of(source, name)
    years = years_between(source.chain_as_of(name), contract_close(Exchange.NFO, expiry))
    discount = math.exp(-chain.RATE * max(years, 0.0))
    wide = frame.pivot(on="option_type", index="strike", values="last_price")
    strikes, call, put = (wide[c].to_numpy() for c in ("strike", "CE", "PE"))
    steps, small = np.diff(strikes), tick * 1e-3
    assert (steps > 0).all()
    # a price is at most half a tick from its worth, or below half a tick and shown as one
    assert np.abs(np.diff(call - put) + discount * steps).max() <= 3 * tick + small
    assert (np.diff(call) <= tick + small).all()
    assert (np.diff(put) >= -tick - small).all()
    assert (np.diff(call) >= -discount * steps - 1.5 * tick - small).all()
    assert (np.diff(put) <= discount * steps + 1.5 * tick + small).all()
    for side in (call, put):
        assert (side >= tick - small).all()
        # a butterfly: one, minus two, one
        assert (side[:-2] - 2 * side[1:-1] + side[2:] >= -2.5 * tick - small).all()


@settings(max_examples=40, deadline=None)
@given(SEEDS, DAYS, SECONDS, UNDERLYINGS)
def test_futures_and_options_have_one_forward(
    seed: int, day: date, seconds: int, name: str
) -> None:
    source = sim(moment(day, seconds), seed=seed)
    listing = source.instruments(Exchange.NFO).filter(underlying=name)
    coarse = listing["tick_size"].max()
    for row in source.futures(name).drop_nulls("last_price").to_dicts():
        frame = source.option_chain(name, row["expiry"])
        years = years_between(source.chain_as_of(name), contract_close(Exchange.NFO, row["expiry"]))
        wide = frame.pivot(on="option_type", index="strike", values="last_price")
        at = wide.with_columns(gap=(pl.col("strike") - row["last_price"]).abs()).sort("gap")
        strike, call, put = at.select("strike", "CE", "PE").row(0)
        implied = strike + math.exp(chain.RATE * max(years, 0.0)) * (call - put)
        assert abs(implied - row["last_price"]) <= 2.5 * coarse


@settings(max_examples=60, deadline=None)
@given(
    st.floats(3.0, 90.0), st.floats(0.7, 4.0), st.floats(-0.5, 0.5),
    st.floats(1e-6, 5.0), st.floats(1e-6, 5.0),
)  # fmt: skip
def test_the_surface_grows_with_time_and_its_density_is_positive(
    vix: float, ratio: float, skew: float, one: float, other: float
) -> None:
    early, late = sorted([one, other])
    level = np.asarray(vix)
    money = [smile.money_variance(np.asarray(t), level, ratio) for t in (early, late)]
    assert money[0] <= money[1]
    k = np.linspace(-3.0, 3.0, 601)
    total = [smile.total_variance(k, m, skew) for m in money]
    assert (total[0] <= total[1] * (1 + 1e-12)).all()
    assert (total[0] > 0).all()
    # Gatheral and Jacquier, lemma 2.2: the density is positive where g is; derivatives by the book
    theta = float(money[0])
    phi = smile.CURVATURE / math.sqrt(theta * (1 + theta))
    root = np.sqrt((phi * k + skew) ** 2 + 1 - skew**2)
    first = 0.5 * theta * phi * (skew + (phi * k + skew) / root)
    second = 0.5 * theta * phi**2 * (1 - skew**2) / root**3
    w = total[0]
    g = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + second / 2
    assert g.min() >= -1e-9


@settings(max_examples=30, deadline=None)
@given(SEEDS, DAYS, SECONDS, UNDERLYINGS)
def test_later_expiries_are_dearer_at_the_same_moneyness(
    seed: int, day: date, seconds: int, name: str
) -> None:
    """As prices: an out-of-the-money option over discounted forward never falls with expiry."""
    spot = Spot(seed, shares(10))
    books, at = Books(spot), now(look(moment(day, seconds)))
    of = books.underlying(name)
    market, parts = books.market(of, at), np.linspace(0.8, 1.25, 31)
    before = np.zeros(31)
    for item in books.expiries(of, at):
        terms = books.terms(of, item, at)
        ahead = float(chain.forward(terms, market, at.state))
        worth = chain.values(terms, market, parts * ahead, at.state).min(axis=1)
        left = float(chain.years(terms, market, at.state))
        made = worth / ahead * math.exp(chain.RATE * left)
        assert (made >= before - 1e-12).all()
        before = made


# -- quotes --------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(SEEDS, DAYS, SECONDS, UNDERLYINGS, WHICH)
def test_chains_keep_the_rules_of_the_exchange(
    seed: int, day: date, seconds: int, name: str, which: int
) -> None:
    source = sim(moment(day, seconds), seed=seed)
    expiry, frame = chosen(source, name, which)
    assert frame["expiry"].unique().to_list() == [expiry]
    assert frame["option_type"].to_list() == ["CE", "PE"] * (frame.height // 2)
    assert frame["strike"].is_sorted()
    if frame["last_price"].null_count():
        assert frame["open_interest"].null_count() == frame.height
        return
    tick, lot = tick_of(source, name), frame["lot_size"]
    asked = frame.drop_nulls("ask")
    assert asked.height in {0, frame.height}
    assert (asked["bid"].drop_nulls() < asked.drop_nulls("bid")["ask"]).all()
    assert (asked["last_price"] <= asked["ask"]).all()
    assert (asked["last_price"] >= asked["bid"].fill_null(0.0)).all()
    for column in ("last_price", "bid", "ask"):
        ticks = frame[column].drop_nulls() / tick
        assert ((ticks - ticks.round()).abs() < 1e-6).all()
        assert (ticks > 0.999).all()
    for column in ("volume", "open_interest", "oi_change", "bid_quantity", "ask_quantity"):
        assert (frame[column].drop_nulls() % lot[0] == 0).all(), column
    assert (frame["volume"] >= 0).all()
    assert (frame["open_interest"] >= 0).all()
    assert (frame["bid_quantity"].is_null() == frame["bid"].is_null()).all()
    assert (asked["ask_quantity"] > 0).all()
    assert (frame["last_trade_time"].is_null() == (frame["volume"] == 0)).all()
    assert frame.filter(pl.col("last_trade_time") > source.chain_as_of(name)).is_empty()


@settings(max_examples=40, deadline=None)
@given(SEEDS, DAYS, SECONDS, st.integers(0, 200))
def test_depth_is_sorted_on_the_grid_and_inside_the_limits(
    seed: int, day: date, seconds: int, row: int
) -> None:
    source = sim(moment(day, seconds), seed=seed, universe=55)
    expiry = source.expiries("NIFTY")[0]
    names = source.option_chain("NIFTY", expiry)["tradingsymbol"]
    keys = [f"NSE:{s.symbol}" for s in source.shares]
    keys += [f"NFO:{names[row % len(names)]}", f"NFO:{source.futures('NIFTY')[0, 0]}"]
    for key, quote in source.quotes(keys).items():
        if quote.depth is None:
            assert (quote.bid, quote.ask, quote.bid_quantity) == (None, None, None)
            continue
        for side, best, units in (
            (quote.depth.buy, quote.bid, quote.bid_quantity),
            (quote.depth.sell, quote.ask, quote.ask_quantity),
        ):
            assert (best is None) == (not side) == (units is None)
            assert len(side) <= 5
            if side:
                assert (side[0].price, side[0].quantity) == (best, units)
            sign = 1 if side is quote.depth.sell else -1
            assert all(sign * (b.price - a.price) > 0 for a, b in pairwise(side))
            for level in side:
                assert level.quantity > 0
                steps = level.price / 0.05
                assert abs(steps - round(steps)) < 1e-6
                if key.startswith("NSE:"):
                    assert quote.lower_circuit <= level.price <= quote.upper_circuit
        if quote.bid is not None and quote.ask is not None:
            assert quote.bid < quote.ask


# -- one market, and nothing ahead ---------------------------------------------------------------

NIFTY = Instrument(exchange=Exchange.NSE, tradingsymbol="NIFTY 50", asset_type=AssetType.INDEX)
QUESTIONS = [
    lambda s: s.option_chain("NIFTY", s.expiries("NIFTY")[0]),
    lambda s: s.option_chain("HDFCBANK", s.expiries("HDFCBANK")[1]),
    lambda s: s.futures("BANKNIFTY"),
    lambda s: s.instruments(Exchange.NFO),
    lambda s: s.quotes(["NSE:HDFCBANK", "NFO:HDFCBANK26JULFUT", "NSE:NIFTY 50"]),
    lambda s: s.quotes([f"NFO:{n}" for n in
                        s.option_chain("NIFTY", s.expiries("NIFTY")[1])["tradingsymbol"][60:70]]),
    lambda s: s.candles(NIFTY, Interval.MINUTE, s.as_of() - timedelta(days=3), s.as_of()),
    lambda s: s.equities_day(symbols=["HDFCBANK"]).collect(),
]  # fmt: skip


def same(one: object, other: object) -> bool:
    return one.equals(other) if isinstance(one, pl.DataFrame) else one == other


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(len(QUESTIONS))), SEEDS)
def test_the_order_of_questions_changes_no_answer(order: list[int], seed: int) -> None:
    at = datetime(2026, 7, 15, 13, 20, tzinfo=IST)
    first, second = sim(at, seed=seed), sim(at, seed=seed)
    straight = [ask(first) for ask in QUESTIONS]
    for number in order:
        assert same(QUESTIONS[number](second), straight[number])


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.builds(moment, DAYS, SECONDS), st.integers(1, 200_000), UNDERLYINGS, WHICH)
def test_a_moment_is_the_same_whatever_came_before_it(
    seed: int, at: datetime, earlier: int, name: str, which: int
) -> None:
    """One source moves with the clock and has answered before; the other is asked for once."""
    start = max(at - timedelta(seconds=earlier), datetime(2023, 9, 1, 9, 15, tzinfo=IST))
    clock = ManualClock(start)
    moving, fresh = SimExchange(clock, seed=seed, universe=10), sim(at, seed=seed)
    chosen(moving, name, which)
    moving.quotes(["NSE:NIFTY 50", "NSE:HDFCBANK"])
    clock.advance(at - start)
    assert chosen(moving, name, which)[1].equals(chosen(fresh, name, which)[1])
    keys = ["NSE:NIFTY 50", "NSE:HDFCBANK", "NSE:INDIA VIX"]
    assert moving.quotes(keys) == fresh.quotes(keys)
    assert moving.futures(name).equals(fresh.futures(name))


@settings(max_examples=15, deadline=None)
@given(SEEDS, DAYS, SECONDS, SECONDS)
def test_what_is_seen_of_a_day_only_grows(seed: int, day: date, one: int, other: int) -> None:
    early, late = (sim(moment(day, s), seed=seed) for s in sorted([one, other]))
    expiry = early.expiries("NIFTY")[0]
    if early.as_of().date() != late.as_of().date():
        return
    first, second = (s.option_chain("NIFTY", expiry) for s in (early, late))
    assert first["tradingsymbol"].equals(second["tradingsymbol"])
    assert (first["volume"] <= second["volume"]).all()
    keys = ["NSE:NIFTY 50", "NSE:INDIA VIX", f"NFO:{first['tradingsymbol'][80]}",
            f"NFO:{early.futures('NIFTY')[0, 0]}"]  # fmt: skip
    told, more = early.quotes(keys), late.quotes(keys)
    for key in keys:
        assert told[key].open == more[key].open
        assert told[key].high <= more[key].high
        assert told[key].low >= more[key].low
        assert told[key].previous_close == more[key].previous_close
        assert told[key].time <= more[key].time


@settings(max_examples=10, deadline=None)
@given(SEEDS, DAYS, UNDERLYINGS)
def test_a_session_that_is_over_is_the_last_state_of_its_minutes(
    seed: int, day: date, name: str
) -> None:
    spot, sessions = Spot(seed, shares(10)), look(moment(day, 3600)).sessions
    of = Books(spot).underlying(name)
    states = chain.market(spot, of, sessions, len(sessions) - 1)
    over = chain.market_over(spot, of, sessions, len(sessions) - 1)
    for part in ("spot", "vix", "times", "done"):
        assert getattr(over, part).tolist() == getattr(states, part)[-1:].tolist()
    assert (over.carry, over.skew, over.ratio) == (states.carry, states.skew, states.ratio)


@settings(max_examples=25, deadline=None)
@given(DAYS, SECONDS, UNDERLYINGS)
def test_the_spot_of_a_chain_is_what_its_quote_says(day: date, seconds: int, name: str) -> None:
    market = sim(moment(day, seconds))
    key = f"NSE:{underlying_index(name) or name}"
    quote = market.quotes([key])[key]
    assert market.chain_spot(name) == quote.last_price
    assert quote.time.date() == market.chain_as_of(name).date()


@settings(max_examples=12, deadline=None)
@given(SEEDS, DAYS, UNDERLYINGS, st.floats(0.85, 1.15))
def test_what_is_known_before_the_open_uses_no_price_of_the_day(
    seed: int, day: date, name: str, shock: float
) -> None:
    """Another day with the same past: listing, interest and the level of risk stay as they are."""
    at, straight = now(look(moment(day, 3600))), Spot(seed, shares(10))
    other = Spot(seed, shares(10))
    made = straight.days(len(at.sessions))

    def shocked(values: Array) -> Array:
        changed = values.copy()
        changed[..., -1] = (changed[..., -1] * shock).astype(changed.dtype)
        return changed

    ranges = (shocked(made.open), shocked(made.high), shocked(made.low))
    trading = (shocked(made.volume), made.delivery_quantity, made.trades)
    other._made = replace(
        made, close=shocked(made.close), vix=shocked(made.vix),
        ranges=lambda: ranges, trading=lambda: trading,
    )  # fmt: skip
    assert (other._made.high[..., -1] != made.high[..., -1]).any() or shock == 1.0
    found = []
    for spot in (straight, other):
        books = Books(spot)
        of = books.underlying(name)
        for item in books.expiries(of, at)[:3]:
            terms = books.terms(of, item, at)
            held, market = books.held(terms, at), books.market(of, at)
            flow = held.flow
            parts = [flow.before, flow.after, flow.volume, held.strikes, market.done, terms.lot,
                     terms.first, terms.last, terms.option_tick, market.carry, market.skew,
                     market.ratio, *books.future_flow(terms, at)]  # fmt: skip
            found.append([np.asarray(part).tolist() for part in parts])
    half = len(found) // 2
    assert found[:half] == found[half:]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.tuples(*[st.floats(0.0, 0.05)] * 4))
def test_any_path_is_bent_into_the_row(
    seed: int, count: int, parts: tuple[float, float, float, float]
) -> None:
    up, down, above, below = parts
    opened, close = round(1000 * (1 + up), 2), round(1000 * (1 - down), 2)
    high, low = round(opened * (1 + above), 2), round(close * (1 - below), 2)
    path = 1000 * np.exp(np.cumsum(0.002 * np.random.default_rng(seed).standard_normal(count)))
    made = _inside(path, opened, high, low, close)
    assert (made.open[0], made.close[-1]) == (opened, close)
    assert (made.high.max(), made.low.min()) == (high, low)
    assert (made.open[1:] == made.close[:-1]).all()
    assert (made.low <= np.minimum(made.open, made.close)).all()
    assert (made.high >= np.maximum(made.open, made.close)).all()
