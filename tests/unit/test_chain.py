"""What a chain says, each figure by a second route."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from alphastock_cli.analytics import chain as chains
from alphastock_cli.analytics import chain_interest
from alphastock_cli.domain.frames import CHAIN
from tests.conftest import IST

EXPIRY = date(2026, 11, 24)
SESSION = date(2026, 11, 20)


def row(strike: float, kind: str, **figures: object) -> dict[str, object]:
    return {
        "tradingsymbol": f"NIFTY26NOV{strike:g}{kind}", "underlying": "NIFTY", "expiry": EXPIRY,
        "strike": strike, "option_type": kind, "lot_size": 65, **figures,
    }  # fmt: skip


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=CHAIN)


def priced(**figures: object) -> dict[str, object]:
    made = chains.with_prices(frame(row(24000, "CE", **figures)), session=SESSION, tick=0.05)
    return made.row(0, named=True)


@pytest.mark.parametrize(
    ("figures", "price", "source", "status"),
    [
        ({"bid": 100.0, "ask": 101.0, "last_price": 90.0, "volume": 5}, 100.5, "mid", None),
        # a spread of five ticks is narrow however cheap the option is
        ({"bid": 0.05, "ask": 0.30}, 0.175, "mid", None),
        ({"bid": 0.05, "ask": 0.35}, None, None, "wide"),
        ({"bid": 10.0, "ask": 15.0}, None, None, "wide"),
        # beside a poor book a trade of unknown age is not believed
        ({"bid": 10.0, "ask": 15.0, "last_price": 12.0, "volume": 5}, None, None, "wide"),
        ({"bid": 10.0, "ask": 15.0, "last_price": 9.0, "volume": 5}, None, None, "wide"),
        ({"bid": 10.0, "ask": 15.0, "last_price": 16.0, "volume": 5}, None, None, "wide"),
        ({"bid": 10.0, "last_price": 12.0, "volume": 5}, None, None, "one_sided"),
        ({"bid": 10.0, "last_price": 9.0, "volume": 5}, None, None, "one_sided"),
        ({"ask": 10.0}, None, None, "one_sided"),
        ({"bid": 0.0, "ask": 10.0}, None, None, "one_sided"),
        ({"bid": 11.0, "ask": 10.0}, None, None, "bad_input"),
        ({"bid": 10.0, "ask": 10.0}, None, None, "bad_input"),
        ({"bid": 10.0, "ask": 10.0, "last_price": 10.0, "volume": 5}, None, None, "bad_input"),
        ({"last_price": 12.0, "volume": 0}, None, None, "no_trade_today"),
        ({"volume": 0}, None, None, "no_trade_today"),
        ({"bid": 100.0, "ask": 101.0, "volume": 0}, 100.5, "mid", None),  # quoted all the same
        ({"last_price": 12.0}, 12.0, "last", None),  # a source that says neither
        ({"last_price": 0.0, "volume": 5}, None, None, "no_price"),
        ({}, None, None, "no_price"),
    ],
)
def test_price_its_source_and_why_it_is_missing(figures, price, source, status) -> None:
    got = priced(**figures)
    assert got["price"] == (None if price is None else pytest.approx(price, rel=1e-15))
    assert (got["price_source"], got["price_status"]) == (source, status)


AT = datetime(2026, 11, 20, 11, 0, tzinfo=IST)


@pytest.mark.parametrize(
    ("book", "seconds", "status"),
    [
        # beside a book that is no price itself, a trade known to be young and inside it
        ({"bid": 10.0, "ask": 15.0}, 299, None),
        ({"bid": 10.0, "ask": 15.0}, 301, "wide"),
        ({"bid": 10.0}, 299, None),
        ({"ask": 11.0}, 299, "one_sided"),  # traded at 12, offered at 11
        ({"bid": 10.0}, 301, "one_sided"),
        ({"bid": 12.0, "ask": 12.0}, 10, None),
        # and where nobody quotes, one known to be old is stale
        ({}, 299, None),
        ({}, 301, "stale"),
        ({}, None, None),
        ({"bid": 10.0}, None, "one_sided"),
    ],
)
def test_the_age_of_a_trade_counts_where_it_is_known(book, seconds, status) -> None:
    moment = None if seconds is None else AT - timedelta(seconds=seconds)
    one = frame(row(24000, "CE", last_price=12.0, volume=5, last_trade_time=moment, **book))
    got = chains.with_prices(one, session=SESSION, tick=0.05, at=AT).row(0, named=True)
    assert got["price_status"] == status
    assert got["price"] == (12.0 if status is None else None)
    assert got["liquidity"] == (status or "ok")


def test_the_limits_are_the_caller_s() -> None:
    one = frame(row(24000, "CE", bid=10.0, ask=15.0))
    held = chains.with_prices(
        one, session=SESSION, tick=0.05, limits=chains.Limits(spread_pct=40.0)
    )
    assert held["price"].to_list() == [12.5]
    held = chains.with_prices(
        one, session=SESSION, tick=0.05, limits=chains.Limits(spread_ticks=100.0)
    )
    assert held["price"].to_list() == [12.5]
    tight = frame(row(24000, "CE", bid=10.0, ask=11.0))
    held = chains.with_prices(
        tight, session=SESSION, tick=0.05, limits=chains.Limits(spread_pct=5.0)
    )
    assert held["liquidity"].to_list() == ["wide"]


def test_a_forward_beyond_the_strikes_is_told() -> None:
    held = frame(row(100, "CE"), row(120, "PE"))
    told = [chains.outside(held, level) for level in (99.9, 100.0, 120.0, 120.1, None)]
    assert told == [True, False, False, True, False]
    assert not chains.outside(held.head(0), 100.0)


@pytest.mark.parametrize(("day", "status"), [(SESSION, None), (date(2026, 11, 19), "stale")])
def test_a_trade_of_another_session_is_stale(day: date, status: str | None) -> None:
    moment = datetime(day.year, day.month, day.day, 15, 0, tzinfo=IST)
    got = priced(last_price=12.0, volume=5, last_trade_time=moment)
    assert got["price_status"] == status


def test_without_a_tick_only_the_relative_limit_counts() -> None:
    one = frame(row(24000, "CE", bid=0.05, ask=0.10), row(24000, "PE", bid=9.0, ask=10.0))
    made = chains.with_prices(one, session=SESSION, tick=None)
    assert made["price_status"].to_list() == ["wide", None]


def test_atm_is_nearest_to_the_forward_the_lower_of_two() -> None:
    held = frame(*(row(k, "CE") for k in (23900.0, 24000.0, 24100.0)))
    assert chains.atm_strike(held, 24049.9) == 24000
    assert chains.atm_strike(held, 24050.0) == 24000
    assert chains.atm_strike(held, 24050.1) == 24100
    assert chains.atm_strike(held, 1.0) == 23900
    assert chains.atm_strike(held, None) is None
    assert chains.atm_strike(frame(), 24000.0) is None


def test_moneyness_intrinsic_and_time_value() -> None:
    held = chains.with_prices(
        frame(*(row(k, t, last_price=150.0, volume=1) for k in (23900.0, 24000.0, 24100.0)
                for t in ("CE", "PE"))),
        session=SESSION, tick=0.05,
    )  # fmt: skip
    made = chains.with_moneyness(held, forward=24010.0, atm=24000.0, discount=0.5)
    assert made["moneyness"].to_list() == ["ITM", "OTM", "ATM", "ATM", "OTM", "ITM"]
    assert made["intrinsic"].to_list() == [55.0, 0.0, 5.0, 0.0, 0.0, 45.0]
    assert made["time_value"].to_list() == [95.0, 150.0, 145.0, 150.0, 150.0, 105.0]
    assert made["log_moneyness"][0] == pytest.approx(-0.0045919513, rel=1e-8)


def test_without_a_forward_nothing_is_invented() -> None:
    held = chains.with_prices(frame(row(24000, "CE", last_price=1.0)), session=SESSION, tick=0.05)
    made = chains.with_moneyness(held, forward=None, atm=None, discount=1.0)
    names = ["moneyness", "log_moneyness", "intrinsic", "time_value"]
    assert made.select(names).row(0) == (None, None, None, None)


def test_ratios_are_plain_sums() -> None:
    rows = [row(100.0 * k, t, open_interest=7 * k + (t == "PE"), volume=k) for k in range(1, 6)
            for t in ("CE", "PE")]  # fmt: skip
    held = frame(*rows)
    ce = sum(r["open_interest"] for r in rows if r["option_type"] == "CE")
    pe = sum(r["open_interest"] for r in rows if r["option_type"] == "PE")
    assert chain_interest.put_call_ratio(held, "open_interest") == pe / ce
    assert chain_interest.put_call_ratio(held, "volume") == 1.0


@pytest.mark.parametrize(
    ("calls", "puts", "ratio"),
    [(0, 5, None), (None, 5, None), (5, None, None), (5, 0, 0.0), (None, None, None)],
)
def test_a_ratio_to_nothing_or_of_the_unknown_is_not_known(calls, puts, ratio) -> None:
    held = frame(row(100, "CE", open_interest=calls), row(100, "PE", open_interest=puts))
    assert chain_interest.put_call_ratio(held, "open_interest") == ratio


def test_max_pain_of_a_chain_made_by_hand() -> None:
    held = frame(
        row(100, "CE", open_interest=10), row(100, "PE", open_interest=0),
        row(110, "CE", open_interest=5), row(110, "PE", open_interest=5),
        row(120, "CE", open_interest=0), row(120, "PE", open_interest=30),
    )  # fmt: skip
    # at 100 writers pay 5·10 + 30·20 = 650, at 110: 10·10 + 30·10 = 400, at 120: 10·20 + 5·10 = 250
    assert chain_interest.max_pain(held) == 120


def test_max_pain_ties_go_to_the_lower_strike_and_need_open_interest() -> None:
    flat = frame(row(100, "CE", open_interest=1), row(110, "PE", open_interest=1))
    assert chain_interest.max_pain(flat) == 100
    assert chain_interest.max_pain(frame(row(100, "CE", open_interest=0), row(110, "PE"))) is None


def test_totals_name_what_is_not_known() -> None:
    held = frame(row(100, "CE", oi_change=-5), row(100, "PE"), row(110, "CE", oi_change=9))
    assert chain_interest.totals(held) == {
        "put_call_ratio_oi": None, "put_call_ratio_volume": None, "max_pain": None,
        "open_interest_ce": None, "open_interest_pe": None, "oi_change_ce": 4,
        "oi_change_pe": None,
    }  # fmt: skip


def test_open_interest_extremes_are_those_of_each_side() -> None:
    held = frame(
        row(100, "CE", open_interest=10, oi_change=-5), row(110, "CE", open_interest=30),
        row(120, "CE", open_interest=30, oi_change=2), row(100, "PE", open_interest=None),
        row(110, "PE", open_interest=0, oi_change=7), row(120, "PE", oi_change=7),
    )  # fmt: skip
    assert chain_interest.oi_extremes(held) == {
        "top_oi_strike_ce": 110.0, "top_oi_gain_strike_ce": 120.0,
        "top_oi_strike_pe": None, "top_oi_gain_strike_pe": 110.0,
    }  # fmt: skip
    assert set(chain_interest.oi_extremes(held.head(0)).values()) == {None}


def test_pairs_of_quotes_count_alone_where_there_are_a_few() -> None:
    def pairs(quoted: set[float]) -> tuple[list[float], bool]:
        rows = [
            row(strike, kind, last_price=20.0, volume=1, lot_size=1,
                **({"bid": 19.95, "ask": 20.05} if strike in quoted else {}))
            for strike in (90.0, 100.0, 110.0, 120.0) for kind in ("CE", "PE")
        ]  # fmt: skip
        priced = chains.with_prices(frame(*rows, row(130.0, "CE", last_price=1.0, volume=1)),
                                    session=SESSION, tick=0.05)  # fmt: skip
        made, all_quoted = chains.price_pairs(priced)
        assert made.columns == ["strike", "ce", "pe"]
        return made["strike"].to_list(), all_quoted

    assert pairs({90.0, 100.0, 110.0}) == ([90.0, 100.0, 110.0], True)
    assert pairs({90.0, 100.0}) == ([90.0, 100.0, 110.0, 120.0], False)
    assert pairs(set()) == ([90.0, 100.0, 110.0, 120.0], False)
    empty, quoted = chains.price_pairs(chains.with_prices(frame(), session=SESSION, tick=None))
    assert empty.is_empty()
    assert not quoted


def test_straddle_iv_and_move() -> None:
    held = frame(row(100, "CE"), row(100, "PE")).with_columns(
        price=pl.Series([3.0, 4.0]), iv=pl.Series([0.2, None])
    )
    assert chains.straddle(held, 100.0) == 7.0
    assert chains.straddle(held, 110.0) is None
    assert chains.atm_iv(held, 100.0) == 0.2
    assert chains.atm_iv(held.with_columns(iv=pl.Series([0.2, 0.4])), 100.0) == pytest.approx(0.3)
    assert chains.atm_iv(held, None) is None
    assert chains.expected_move(100.0, 0.2, 0.25) == pytest.approx(10.0)
    assert chains.expected_move(100.0, 0.2, 0.0) is None
    assert chains.expected_move(100.0, None, 0.25) is None
    assert chains.straddle_move(7.0, 0.98) == pytest.approx(7.0 / 0.98)
    assert chains.straddle_move(None, 0.98) is None
