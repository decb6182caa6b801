"""The simulated exchange at chosen moments: what is known then, and what the market looks like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from alphastock_cli.domain.frames import EQUITIES_DAY, SYMBOL_CHANGES
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import ConfigError, NotOffered, OutOfRange, UnknownName, UsageError
from alphastock_cli.exchange import calendar, indices
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.providers.sim.days import grid, limits, stream
from alphastock_cli.providers.sim.universe import shares
from alphastock_cli.registry import PROVIDERS
from tests.conftest import IST, ManualClock

FRIDAY = date(2026, 11, 20)
INFY = Instrument(exchange=Exchange.NSE, tradingsymbol="INFY", asset_type=AssetType.EQUITY)
NIFTY = Instrument(exchange=Exchange.NSE, tradingsymbol="NIFTY 50", asset_type=AssetType.INDEX)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=IST)


def sim(moment: datetime, *, seed: int = 42, universe: int = 8) -> SimExchange:
    return SimExchange(ManualClock(moment), seed=seed, universe=universe)


def candles(
    source: SimExchange, interval: Interval, day: date = FRIDAY, *, days: int = 1
) -> pl.DataFrame:
    start = datetime.combine(day, datetime.min.time(), IST)
    return source.candles(INFY, interval, start, start + timedelta(days=days))


def rows(source: SimExchange, symbols: Sequence[str] = ("INFY",), **span: date) -> pl.DataFrame:
    return source.equities_day(symbols=symbols, **span).collect()


@pytest.fixture(scope="module")
def whole() -> SimExchange:
    """Return the default market after the close of Friday 2026-11-20."""
    return sim(at(2026, 11, 20, 18), universe=200)


# -- what it is ----------------------------------------------------------------------------------


def test_it_is_the_provider_sim() -> None:
    assert PROVIDERS.get("sim") is SimExchange
    assert SimExchange.simulated is True


def test_two_hundred_real_symbols_agree_with_the_sector_table() -> None:
    listed = shares(200)
    assert len({share.symbol for share in listed}) == 200
    assert not any(share.symbol.startswith("SIM0") for share in listed)
    known = indices.sectors()
    told = {s.symbol: s.sector for s in listed if s.symbol in known}
    assert len(told) > 40
    assert told == {symbol: known[symbol] for symbol in told}


def test_a_larger_universe_adds_invented_shares_over_all_sectors() -> None:
    small, large = shares(200), shares(260)
    assert large[:200] == small
    assert [s.symbol for s in large[200:202]] == ["SIM0001", "SIM0002"]
    assert {s.sector for s in large[200:]} == {s.sector for s in small}
    assert len({s.number for s in large}) == 260


def test_a_smaller_universe_takes_the_heaviest() -> None:
    weights = [share.weight for share in shares(200)]
    assert weights == sorted(weights, reverse=True)
    assert shares(5) == shares(200)[:5]


def test_instruments_carry_sector_lot_and_tick(whole: SimExchange) -> None:
    frame = whole.instruments(Exchange.NSE)
    assert frame.height == 200
    assert frame["sector"].null_count() == 0
    assert set(frame["lot_size"]) == {1}
    assert set(frame["tick_size"]) == {0.05}
    assert whole.instruments(Exchange.BSE).is_empty()


@pytest.mark.parametrize(("seed", "universe"), [(-1, 8), (2**63, 8), (1, 0), (1, -3)])
def test_no_such_market(seed: int, universe: int) -> None:
    with pytest.raises(ConfigError):
        sim(at(2026, 11, 20, 18), seed=seed, universe=universe)


def test_another_seed_is_another_market() -> None:
    one, other = (rows(sim(at(2016, 6, 1, 18), seed=s))["close"] for s in (1, 2))
    assert (one != other).mean() > 0.9


# -- what is known when --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "as_of", "last_row"),
    [
        (at(2026, 11, 20, 8), at(2026, 11, 19, 15, 35), date(2026, 11, 19)),  # before the open
        (at(2026, 11, 20, 11, 7), at(2026, 11, 20, 11, 7), date(2026, 11, 19)),
        (at(2026, 11, 20, 15, 31), at(2026, 11, 20, 15, 31), date(2026, 11, 19)),  # the auction
        (at(2026, 11, 20, 15, 35), at(2026, 11, 20, 15, 35), FRIDAY),
        (at(2026, 11, 22, 12), at(2026, 11, 20, 15, 35), FRIDAY),  # Sunday
        # a break inside the session of a Saturday: it is under way all the same
        (at(2024, 3, 2, 10, 30), at(2024, 3, 2, 10, 30), date(2024, 3, 1)),
        # nobody knows the hours of this muhurat: it counts from the midnight after it
        (at(2020, 11, 14, 12), at(2020, 11, 13, 15, 30), date(2020, 11, 13)),
        (at(2020, 11, 15, 12), at(2020, 11, 14, 23, 59, 59), date(2020, 11, 14)),
    ],
)
def test_a_row_is_known_when_its_session_is_over(
    moment: datetime, as_of: datetime, last_row: date
) -> None:
    source = sim(moment, universe=4)
    assert source.as_of() == as_of
    assert rows(source)["date"].max() == last_row
    assert source.indices_day().collect()["date"].max() == last_row
    assert source.quotes(["NSE:INFY"])["NSE:INFY"].time == as_of
    assert candles(source, Interval.DAY, moment.date()).height == (last_row == moment.date())


def test_the_market_moves_on_with_the_clock() -> None:
    clock = ManualClock(at(2026, 11, 20, 11, 0))
    source = SimExchange(clock, universe=4)
    assert candles(source, Interval.MINUTE).height == 105
    clock.sleep(60)
    assert candles(source, Interval.MINUTE).height == 106
    assert source.as_of() == at(2026, 11, 20, 11, 1)
    clock.advance(timedelta(days=3))  # Monday: another session has begun
    assert rows(source)["date"].max() == FRIDAY
    assert candles(source, Interval.MINUTE, date(2026, 11, 23)).height == 106


def test_a_moment_asked_for_stands_still_whatever_its_zone() -> None:
    clock = ManualClock(at(2026, 11, 20, 18))
    source = SimExchange(clock, universe=4, as_of=datetime(2026, 11, 20, 5, 37, tzinfo=UTC))
    clock.sleep(3600)
    assert source.as_of() == at(2026, 11, 20, 11, 7)
    assert candles(source, Interval.MINUTE).height == 112


def test_beyond_the_calendar_it_stands_still_and_says_so() -> None:
    source = sim(at(2199, 6, 1, 12))
    _, last = calendar.reach(calendar.Segment.EQUITY)
    assert len(source.warnings) == 1
    assert str(last) in source.warnings[0]
    assert (
        source.as_of()
        == calendar.last_final_session(
            calendar.Segment.EQUITY, datetime(last.year, last.month, last.day, 23, 59, tzinfo=IST)
        ).final_at
    )
    assert sim(at(2026, 11, 20, 18)).warnings == ()


@pytest.mark.parametrize("moment", [at(2015, 12, 31, 18), at(2016, 1, 1, 8), at(1990, 1, 1, 8)])
def test_before_its_first_session_there_is_nothing(moment: datetime) -> None:
    with pytest.raises(OutOfRange):
        sim(moment).as_of()
    with pytest.raises(OutOfRange):
        sim(moment).equities_day()


def test_on_its_first_day_it_has_a_row_and_no_previous_vix() -> None:
    source = sim(at(2016, 1, 1, 18))
    assert rows(source).height == 1
    vix = source.indices_day(symbols=["India VIX"]).collect()
    assert vix["previous_close"].to_list() == [None]
    nifty = source.indices_day(symbols=["Nifty 50"]).collect()
    assert nifty["previous_close"].to_list() == [14_000.0]


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        sim(datetime(2026, 11, 20, 18))  # noqa: DTZ001 - that is the point


# -- daily rows ----------------------------------------------------------------------------------


def test_ten_years_of_every_session(whole: SimExchange) -> None:
    frame = whole.equities_day(columns=["symbol", "date"]).collect()
    held = calendar.sessions(calendar.Segment.EQUITY, date(2016, 1, 1), FRIDAY)
    assert frame.height == 200 * len(held)
    assert frame.filter(symbol="M&M")["date"].to_list() == held


def test_filters_and_columns(whole: SimExchange) -> None:
    every = whole.equities_day(start=date(2026, 11, 1)).collect()
    assert every.schema == EQUITIES_DAY
    assert set(every["source"]) == {"sim"}
    cut = whole.equities_day(symbols=["TCS", "SBIN", "NOSUCH"], start=FRIDAY, columns=["symbol"])
    assert cut.collect()["symbol"].to_list() == ["SBIN", "TCS"]
    assert whole.equities_day(series=["BE"]).collect().schema == EQUITIES_DAY
    assert whole.equities_day(exchange=Exchange.BSE).collect().is_empty()
    assert whole.equities_day(start=date(2026, 11, 21)).collect().is_empty()
    with pytest.raises(UnknownName) as caught:
        whole.equities_day(columns=["clsoe"])
    assert caught.value.hint == "Did you mean close?"


def test_a_split_is_known_from_its_own_session_on(whole: SimExchange) -> None:
    split = whole.adjustments(Exchange.NSE).sort("ex_date").row(3, named=True)
    day = split["ex_date"]

    def known(hour: int) -> bool:
        source = sim(at(day.year, day.month, day.day, hour), universe=200)
        return split["symbol"] in source.adjustments(Exchange.NSE).filter(ex_date=day)["symbol"]

    assert not known(8)
    assert known(12)


def test_side_frames(whole: SimExchange) -> None:
    assert whole.symbol_changes().schema == SYMBOL_CHANGES
    assert whole.symbol_changes().is_empty()
    assert whole.adjustments(Exchange.BSE).is_empty()


# -- inside the day ------------------------------------------------------------------------------


def test_minutes_fill_the_hours_of_the_session(whole: SimExchange) -> None:
    frame = candles(whole, Interval.MINUTE)
    assert frame.height == 375
    assert frame["time"][0] == at(2026, 11, 20, 9, 15)
    assert frame["time"][-1] == at(2026, 11, 20, 15, 29)
    assert candles(whole, Interval.MINUTE, date(2026, 11, 21)).is_empty()


@pytest.mark.parametrize(
    ("day", "first", "last", "count"),
    [
        (date(2024, 11, 1), (18, 0), (18, 59), 60),  # muhurat
        (date(2024, 3, 2), (9, 15), (12, 29), 105),  # two parts with a break
        (date(2021, 2, 24), (9, 15), (16, 59), None),  # a halt, and longer hours
    ],
)
def test_minutes_of_unusual_sessions(
    whole: SimExchange, day: date, first: tuple[int, int], last: tuple[int, int], count: int | None
) -> None:
    frame = candles(whole, Interval.MINUTE, day)
    ends = [(time.hour, time.minute) for time in (frame["time"][0], frame["time"][-1])]
    assert ends == [first, last]
    assert count in {None, frame.height}
    assert frame["volume"].sum() == rows(whole, start=day, end=day)["volume"][0]


def test_a_session_without_known_hours_has_a_day_and_no_minutes(whole: SimExchange) -> None:
    day = date(2020, 11, 14)
    assert rows(whole, start=day, end=day).height == 1
    assert candles(whole, Interval.DAY, day).height == 1
    assert candles(whole, Interval.MINUTE, day).is_empty()


def test_longer_candles_are_gathered_from_minutes_and_shown_when_over() -> None:
    source = sim(at(2026, 11, 20, 11, 7))
    minutes, quarter = candles(source, Interval.MINUTE), candles(source, Interval.MINUTE_15)
    assert minutes.height == 112
    assert quarter.height == 7  # 11:00 to 11:15 is still running
    second = minutes.filter(
        pl.col("time").is_between(at(2026, 11, 20, 9, 30), at(2026, 11, 20, 9, 44))
    )
    assert quarter.row(1, named=True) == {
        "time": at(2026, 11, 20, 9, 30), "exchange": "NSE", "symbol": "INFY",
        "open": second["open"][0], "high": second["high"].max(), "low": second["low"].min(),
        "close": second["close"][-1], "volume": second["volume"].sum(), "open_interest": None,
    }  # fmt: skip


def test_the_last_hour_is_a_short_candle(whole: SimExchange) -> None:
    frame = candles(whole, Interval.MINUTE_60)
    assert frame.height == 7
    assert frame["time"][-1] == at(2026, 11, 20, 15, 15)


def test_candles_need_aware_times_and_a_listed_share(whole: SimExchange) -> None:
    naive = datetime(2026, 11, 20)  # noqa: DTZ001 - that is the point
    with pytest.raises(UsageError):
        whole.candles(INFY, Interval.DAY, naive, naive)
    for other in (
        Instrument(exchange=Exchange.BSE, tradingsymbol="INFY", asset_type=AssetType.EQUITY),
        Instrument(exchange=Exchange.NSE, tradingsymbol="INFYX", asset_type=AssetType.EQUITY),
        Instrument(exchange=Exchange.NSE, tradingsymbol="NO INDEX", asset_type=AssetType.INDEX),
    ):
        with pytest.raises(NotOffered):
            whole.candles(other, Interval.DAY, at(2026, 11, 20), at(2026, 11, 21))


def test_a_quote_is_the_sum_of_the_minutes_so_far() -> None:
    source = sim(at(2026, 11, 20, 11, 7, 30))
    quote, minutes = source.quotes(["NSE:INFY"])["NSE:INFY"], candles(source, Interval.MINUTE)
    assert (quote.open, quote.last_price) == (minutes["open"][0], minutes["close"][-1])
    assert (quote.high, quote.low) == (minutes["high"].max(), minutes["low"].min())
    assert quote.volume == minutes["volume"].sum()
    assert quote.bid == pytest.approx(quote.last_price - 0.05)
    assert quote.ask == pytest.approx(quote.last_price + 0.05)
    assert quote.lower_circuit < quote.low <= quote.high < quote.upper_circuit


def test_the_first_quote_of_the_day_is_the_opening_price() -> None:
    quote = sim(at(2026, 11, 20, 9, 15, 20)).quotes(["NSE:INFY"])["NSE:INFY"]
    assert quote.last_price == quote.open == quote.high == quote.low
    assert quote.volume == 0


@pytest.mark.parametrize(
    "moment", [at(2026, 11, 20, 18), at(2026, 11, 22, 12), at(2020, 11, 15, 1)]
)
def test_a_quote_of_a_closed_market_is_the_last_row(moment: datetime) -> None:
    source = sim(moment)
    quote, row = source.quotes(["NSE:INFY"])["NSE:INFY"], rows(source).row(-1, named=True)
    told = (quote.open, quote.high, quote.low, quote.last_price, quote.volume)
    assert told == tuple(row[name] for name in ("open", "high", "low", "close", "volume"))
    assert (quote.bid, quote.ask) == (None, None)


def test_at_a_limit_nobody_stands_on_the_far_side(whole: SimExchange) -> None:
    # since August 2026 a session lasts five minutes longer than the trading of these shares
    quotes = whole.quotes([f"NSE:{share.symbol}" for share in whole.shares]).values()
    narrow = [
        q.key.removeprefix("NSE:") for q in quotes if q.upper_circuit < 1.06 * q.previous_close
    ]
    up = pl.col("close") / pl.col("previous_close") > 1.0495
    for row in rows(whole, narrow, start=date(2026, 8, 3)).filter(up).to_dicts():
        day, key = row["date"], f"NSE:{row['symbol']}"
        moment = at(day.year, day.month, day.day, 15, 31)
        quote = SimExchange(ManualClock(moment), as_of=moment).quotes([key])[key]
        if quote.last_price == quote.upper_circuit:
            break
    assert quote.last_price == quote.upper_circuit
    assert quote.ask is None
    assert quote.bid == pytest.approx(quote.last_price - 0.05)


# -- arithmetic ----------------------------------------------------------------------------------


def test_grid_and_limits_by_hand() -> None:
    assert grid(np.array([100.024, 100.026, 0.001])).tolist() == [100.0, 100.05, 0.05]
    # 5 % about 103.35 is 98.1825 to 108.5175: the grid prices inside
    low, high = limits(np.array([103.35, 100.0]), np.array([0.05, 0.20]))
    assert low.tolist() == [98.20, 80.0]
    assert high.tolist() == [108.50, 120.0]


def test_every_purpose_share_and_kind_has_a_stream_of_its_own() -> None:
    keys = [
        (seed, purpose, number, kind)
        for seed in (0, 42, 2**63 - 1)
        for purpose in (1, 5)
        for number in (0, 1, 255, 2**32 - 1)
        for kind in (0, 1, 7, 740_000)
    ]
    firsts = {stream(*key).random() for key in keys}
    assert len(firsts) == len(keys)
    draws = np.array([stream(42, 3, 7, kind).standard_normal(4000) for kind in range(8)])
    assert np.abs(np.corrcoef(draws)[~np.eye(8, dtype=bool)]).max() < 0.06
