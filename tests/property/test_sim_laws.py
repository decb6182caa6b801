"""Laws of the simulated exchange, for any seed, moment, universe and order of questions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.providers.sim import days as simulated
from alphastock_cli.providers.sim.minutes import Row, generate
from alphastock_cli.providers.sim.universe import shares
from tests.conftest import IST, ManualClock

EQUITY = calendar.Segment.EQUITY
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
SEEDS = st.integers(0, 2**63 - 1)
MOMENTS = st.datetimes(
    datetime(2016, 1, 4, 18),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2026, 11, 20, 18),  # noqa: DTZ001
    timezones=st.just(IST),
)
UNIVERSES = st.integers(1, 12)
HELD = calendar.sessions(EQUITY, date(2016, 1, 1), date(2026, 11, 20))


def sim(moment: datetime = NOW, *, seed: int = 42, universe: int = 6) -> SimExchange:
    return SimExchange(ManualClock(moment), seed=seed, universe=universe)


@lru_cache(maxsize=4)
def whole(seed: int = 42, universe: int = 12) -> SimExchange:
    return sim(seed=seed, universe=universe)


def share(lane: int) -> Instrument:
    return Instrument(
        exchange=Exchange.NSE, tradingsymbol=shares(12)[lane].symbol, asset_type=AssetType.EQUITY
    )


def on_grid(values: pl.Series) -> bool:
    return bool(((values * 20 - (values * 20).round()).abs() < 1e-6).all())


def in_order(frame: pl.DataFrame) -> bool:
    return bool(
        frame.select(
            (
                (pl.col("low") <= pl.min_horizontal("open", "close"))
                & (pl.col("high") >= pl.max_horizontal("open", "close"))
                & (pl.col("low") > 0)
            ).all()
        ).item()
    )


# -- one market, however it is asked -------------------------------------------------------------

QUESTIONS: list[Callable[[SimExchange], object]] = [
    lambda s: s.equities_day().collect(),
    lambda s: s.equities_day(symbols=["INFY"], columns=["date", "close"]).collect(),
    lambda s: s.indices_day().collect(),
    lambda s: s.adjustments(Exchange.NSE),
    lambda s: s.quotes(["NSE:INFY", "NSE:HDFCBANK"]),
    lambda s: s.candles(share(0), Interval.MINUTE, NOW - timedelta(days=3), NOW),
    lambda s: s.candles(share(3), Interval.MINUTE_15, NOW - timedelta(days=3), NOW),
    lambda s: s.candles(share(1), Interval.DAY, NOW - timedelta(days=30), NOW),
]


def same(one: object, other: object) -> bool:
    return one.equals(other) if isinstance(one, pl.DataFrame) else one == other


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(len(QUESTIONS))), SEEDS)
def test_the_order_of_questions_changes_no_answer(order: list[int], seed: int) -> None:
    first, second = sim(seed=seed, universe=4), sim(seed=seed, universe=4)
    straight = [ask(first) for ask in QUESTIONS]
    for number in order:
        assert same(QUESTIONS[number](second), straight[number])


@settings(max_examples=25, deadline=None)
@given(MOMENTS, MOMENTS, UNIVERSES, SEEDS)
def test_a_longer_history_changes_no_earlier_day(
    one: datetime, other: datetime, universe: int, seed: int
) -> None:
    early, late = (sim(m, seed=seed, universe=universe) for m in sorted([one, other]))
    last = early.equities_day().collect()["date"].max()
    assert datetime.combine(last, time(), IST) <= early.as_of()
    for ask in (lambda s: s.equities_day().collect(), lambda s: s.indices_day().collect()):
        assert ask(early).equals(ask(late).filter(pl.col("date") <= last))
    known = early.adjustments(Exchange.NSE)
    seen = pl.col("ex_date") <= max(last, early.as_of().date())
    assert known.equals(late.adjustments(Exchange.NSE).filter(seen))


@settings(max_examples=15, deadline=None)
@given(UNIVERSES, UNIVERSES, SEEDS)
def test_a_larger_universe_changes_no_share(one: int, other: int, seed: int) -> None:
    moment = datetime(2021, 6, 1, 11, 30, tzinfo=IST)
    small, large = (sim(moment, seed=seed, universe=n) for n in sorted([one, other]))
    told = small.equities_day().collect()
    assert told.equals(large.equities_day(symbols=[s.symbol for s in small.shares]).collect())
    keys = [f"NSE:{s.symbol}" for s in small.shares]
    assert small.quotes(keys) == large.quotes(keys)


def test_invented_shares_change_neither_the_real_ones_nor_the_indices() -> None:
    moment = datetime(2018, 6, 1, 18, tzinfo=IST)
    small, large = (sim(moment, universe=n) for n in (200, 240))
    assert large.equities_day().collect()["symbol"].n_unique() == 240
    real = [s.symbol for s in small.shares]
    assert small.equities_day().collect().equals(large.equities_day(symbols=real).collect())
    assert small.indices_day().collect().equals(large.indices_day().collect())


@settings(max_examples=25, deadline=None)
@given(
    st.dates(date(2015, 6, 1), date(2027, 6, 1)),
    st.dates(date(2015, 6, 1), date(2027, 6, 1)),
    st.sets(st.integers(0, 11)),
    st.lists(
        st.sampled_from(["close", "date", "symbol", "turnover", "isin"]), unique=True, min_size=1
    ),
)
def test_a_part_is_the_part_of_the_whole(
    start: date, end: date, lanes: set[int], columns: list[str]
) -> None:
    source = whole()
    symbols = [share(lane).tradingsymbol for lane in lanes]
    part = source.equities_day(symbols=symbols, start=start, end=end, columns=columns).collect()
    inside = pl.col("date").is_between(start, end) & pl.col("symbol").is_in(symbols)
    assert part.equals(source.equities_day().collect().filter(inside).select(columns))
    days = source.indices_day(start=start, end=end).collect()
    within = pl.col("date").is_between(start, end)
    assert days.equals(source.indices_day().collect().filter(within))


# -- what the exchange guarantees ----------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_rows_keep_the_rules_of_the_exchange(seed: int) -> None:
    source = sim(seed=seed, universe=8)
    frame = source.equities_day().collect()
    assert in_order(frame)
    for name in ("open", "high", "low", "close", "last", "previous_close"):
        assert on_grid(frame[name]), name
    assert frame["average_price"].is_between(frame["low"], frame["high"]).all()
    assert (frame["volume"] > 0).all()
    assert (frame["trades"] > 0).all()
    assert frame["delivery_quantity"].is_between(0, frame["volume"]).all()
    assert frame["delivery_pct"].is_between(0, 100).all()
    before = frame.select(pl.col("close").shift().over("symbol"), "previous_close").drop_nulls()
    assert (before["close"] == before["previous_close"]).all()


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_no_price_leaves_its_band(seed: int) -> None:
    """Second route: the base from the published rows and factors, the band from the quote."""
    source = sim(seed=seed, universe=60)
    frame = source.equities_day(symbols=[s.symbol for s in source.shares[48:]]).collect()
    factors = source.adjustments(Exchange.NSE).select("symbol", "factor", date="ex_date")
    for symbol, days in frame.join(factors, on=["symbol", "date"], how="left").group_by("symbol"):
        quote = source.quotes([f"NSE:{symbol[0]}"])[f"NSE:{symbol[0]}"]
        wide = (quote.upper_circuit / quote.previous_close) - 1
        band = min((0.05, 0.10, 0.20), key=lambda b: abs(b - wide))
        base = (days["previous_close"] * days["factor"].fill_null(1.0) * 20).round() / 20
        base = pl.select(pl.max_horizontal(base, pl.lit(0.05))).to_series()
        assert (days["high"] <= base * (1 + band) + 1e-6).all(), (symbol, band)
        assert (days["low"] >= base * (1 - band) - 1e-6).all(), (symbol, band)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_indices_keep_their_order(seed: int) -> None:
    frame = sim(seed=seed, universe=12).indices_day().collect()
    assert in_order(frame)
    later = frame.select(pl.col("close").shift().over("symbol"), "previous_close").drop_nulls()
    assert (later["close"] == later["previous_close"]).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(HELD), st.integers(0, 11), st.sampled_from(list(Interval)))
def test_candles_of_a_day_make_its_row(day: date, lane: int, interval: Interval) -> None:
    source, start = whole(), datetime.combine(day, time(), IST)
    frame = source.candles(share(lane), interval, start, start + timedelta(days=1))
    session = calendar.session(EQUITY, day)
    if session.opens is None and interval is not Interval.DAY:
        assert frame.is_empty()
        return
    row = source.equities_day(symbols=[share(lane).tradingsymbol], start=day, end=day)
    whole_day = row.collect().row(0, named=True)
    assert in_order(frame)
    assert (frame["volume"] >= 0).all()
    assert all(on_grid(frame[name]) for name in ("open", "high", "low", "close"))
    told = {
        "open": frame["open"][0], "high": frame["high"].max(), "low": frame["low"].min(),
        "close": frame["close"][-1], "volume": frame["volume"].sum(),
    }  # fmt: skip
    assert told == {name: whole_day[name] for name in told}
    if interval is not Interval.DAY:
        phases = [p for p in session.phases_for(has_derivatives=False) if p.name == "continuous"]
        assert all(any(p.opens <= t < p.closes for p in phases) for t in frame["time"])


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(HELD[-400:]), st.integers(0, 23_400), st.integers(0, 23_400),
    st.sampled_from([Interval.MINUTE, Interval.MINUTE_5, Interval.MINUTE_60]),
)  # fmt: skip
def test_what_is_seen_of_a_day_only_grows(
    day: date, one: int, other: int, interval: Interval
) -> None:
    start = datetime.combine(day, time(9, 0), IST)
    ends = sorted([start + timedelta(seconds=one), start + timedelta(seconds=other)])
    early, late = (sim(m, universe=2) for m in ends)
    until = start + timedelta(days=1)
    seen, told = (s.candles(share(1), interval, start, until) for s in (early, late))
    assert seen.equals(told.head(seen.height))
    assert seen.filter(pl.col("time") + timedelta(minutes=1) > ends[0]).is_empty()
    first, second = (
        s.quotes([f"NSE:{share(1).tradingsymbol}"]).popitem()[1] for s in (early, late)
    )
    if early.as_of().date() == late.as_of().date() and first.time >= start:
        assert first.open == second.open
        assert first.high <= second.high
        assert first.low >= second.low
        assert first.volume <= second.volume
        assert first.lower_circuit == second.lower_circuit


# -- the parts against a slower way --------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.05, 0.10, 0.20]), st.floats(0.05, 50.0))
def test_closes_in_one_go_are_the_closes_day_by_day(seed: int, band: float, level: float) -> None:
    """Cheap shares and wild moves, so that limits push prices about day after day."""
    rng = np.random.default_rng(seed)
    wanted = simulated.grid(level * np.exp(np.cumsum(0.2 * rng.standard_normal((3, 40)), axis=1)))
    factor = np.where(rng.random((3, 40)) < 0.05, 0.5, 1.0)
    bands, first = np.full(3, band), simulated.grid(np.full(3, level))
    close, previous, base = simulated._closes(wanted, factor, band=bands, first=first)
    for lane in range(3):
        last = first[lane]
        for day in range(40):
            assert previous[lane, day] == last
            from_ = simulated.grid(np.array(last * factor[lane, day]))
            assert base[lane, day] == from_
            low, high = simulated.limits(from_, np.array(band))
            last = min(max(wanted[lane, day], low), high)
            assert close[lane, day] == last


PRICES = st.tuples(*[st.integers(0, 3000)] * 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20_000), PRICES, st.integers(1, 10**9), st.integers(1, 400), SEEDS)
def test_any_row_divides_into_minutes(
    low: int, more: tuple[int, int, int], volume: int, count: int, seed: int
) -> None:
    first, second, wick = more
    opened, closed = low + first, low + second
    high = max(opened, closed) + wick // 30
    row = Row(opened / 20, high / 20, low / 20, closed / 20, volume)
    made = generate(row, seed=seed, number=3, ordinal=736_000, count=count)
    assert (made.open[0], made.close[-1]) == (row.open, row.close)
    assert (made.high.max(), made.low.min()) == (row.high, row.low)
    assert made.volume.sum() == volume
    assert (made.volume >= 0).all()
    assert (made.open[1:] == made.close[:-1]).all()
    assert (made.low <= np.minimum(made.open, made.close)).all()
    assert (made.high >= np.maximum(made.open, made.close)).all()
