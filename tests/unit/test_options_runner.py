"""Forward, volatilities and Greeks of a chain, against exact prices and against other routes."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.ports import Capability
from alphastock_cli.runners._underlying import spot_key
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from tests.conftest import ManualClock
from tests.unit.chain_market import (
    CLOSE,
    MOMENT,
    NEAR,
    YEARS,
    FakeMarket,
    black76,
    exact_chain,
)

KEY = ("NIFTY", NEAR)


def seen(
    market: FakeMarket, clock: ManualClock, **options: Any
) -> tuple[pl.DataFrame, dict[str, Any]]:
    runner = OptionsRunner(market, clock=clock, symbols=("NIFTY",), options=ChainOptions(**options))
    facts = dict(runner.run_once()["NIFTY"].facts)
    return facts.pop("chain"), facts


def test_an_exact_chain_gives_back_what_it_was_made_of(clock: ManualClock) -> None:
    frame, facts = seen(FakeMarket(), clock)
    assert facts["forward"] == pytest.approx(24_080.0, rel=1e-12)
    assert (facts["forward_source"], facts["forward_pairs"]) == ("parity", 5)
    assert facts["years"] == YEARS
    assert facts["expires_at"] == CLOSE
    assert facts["days_to_expiry"] == 4
    assert facts["atm_strike"] == 24_100
    assert facts["atm_iv"] == pytest.approx(0.14, rel=1e-9)
    assert facts["expected_move"] == pytest.approx(24_080 * 0.14 * math.sqrt(YEARS), rel=1e-9)
    straddle = sum(black76(24_080.0, 24_100, YEARS, 0.14, 0.065, kind) for kind in ("CE", "PE"))
    assert facts["straddle"] == pytest.approx(straddle, rel=1e-12)
    assert facts["spot"] == 24_050.0
    assert facts["future"] is None
    assert facts["lot_size"] == 65
    near = frame.filter((pl.col("strike") - 24_100).abs() <= 500)
    assert near["iv_status"].to_list() == ["ok"] * near.height
    assert near["iv"].to_list() == pytest.approx([0.14] * near.height, rel=1e-6)


@pytest.mark.parametrize("kind", ["CE", "PE"])
def test_greeks_are_the_differences_of_the_price(kind: str, clock: ManualClock) -> None:
    frame, _ = seen(FakeMarket(), clock)
    row = frame.filter(strike=24_200.0, option_type=kind).row(0, named=True)
    f, k, t, v, r = 24_080.0, 24_200.0, YEARS, row["iv"], 0.065

    def price(df=0.0, dt=0.0, dv=0.0, dr=0.0) -> float:
        return black76(f + df, k, t + dt, v + dv, r + dr, kind)

    assert row["delta"] == pytest.approx((price(df=1) - price(df=-1)) / 2, rel=1e-4)
    assert row["gamma"] == pytest.approx((price(df=5) - 2 * price() + price(df=-5)) / 25, rel=1e-3)
    second = 1 / 31_536_000
    theta = (price(dt=-600 * second) - price(dt=600 * second)) / 1200 * 86_400
    assert row["theta_per_day"] == pytest.approx(theta, rel=1e-4)
    assert row["vega_per_pct"] == pytest.approx((price(dv=1e-4) - price(dv=-1e-4)) * 50, rel=1e-5)
    assert row["rho_per_pct"] == pytest.approx((price(dr=1e-4) - price(dr=-1e-4)) * 50, rel=1e-5)


def test_bsm_speaks_of_the_spot(clock: ManualClock) -> None:
    spot, rate = 24_050.0, 0.10
    forward = spot * math.exp(rate * YEARS)
    market = FakeMarket(
        {KEY: exact_chain(forward=forward, rate=rate)}, spots={"NSE:NIFTY 50": spot}
    )
    frame, facts = seen(market, clock, rate=rate, model="bsm", rate_source="nse")
    assert facts["forward"] == pytest.approx(forward, rel=1e-14)
    assert facts["forward_source"] == "spot"
    assert facts["atm_iv"] == pytest.approx(0.14, rel=1e-9)
    row = frame.filter(strike=24_100.0, option_type="CE").row(0, named=True)

    def price(ds: float = 0.0, dt: float = 0.0, dr: float = 0.0) -> float:
        t, r = YEARS + dt, rate + dr
        return black76((spot + ds) * math.exp(r * t), 24_100, t, 0.14, r, "CE")

    assert row["delta"] == pytest.approx((price(ds=1) - price(ds=-1)) / 2, rel=1e-6)
    day = 1 / 365
    theta = (price(dt=-day / 144) - price(dt=day / 144)) * 72
    assert row["theta_per_day"] == pytest.approx(theta, rel=1e-4)
    assert row["rho_per_pct"] == pytest.approx((price(dr=1e-4) - price(dr=-1e-4)) * 50, rel=1e-5)


def test_second_order_comes_only_when_asked_for(clock: ManualClock) -> None:
    plain, _ = seen(FakeMarket(), clock)
    assert "vanna" not in plain.columns
    frame, _ = seen(FakeMarket(), clock, second_order=True)
    row = frame.filter(strike=24_100.0, option_type="PE").row(0, named=True)
    assert all(row[name] is not None for name in ("vanna", "volga", "charm", "speed", "color"))


def without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{**row, **dict.fromkeys(names)} for row in rows]


def test_without_pairs_the_traded_future_then_the_spot_then_nothing(clock: ManualClock) -> None:
    calls = [row for row in exact_chain() if row["option_type"] == "CE"]
    future = pl.DataFrame({"expiry": [NEAR], "close": [24_090.0], "settlement": [1.0]})
    _, facts = seen(FakeMarket({KEY: calls}, future=future), clock)
    assert (facts["forward"], facts["forward_source"]) == (24_090.0, "future")
    _, facts = seen(FakeMarket({KEY: calls}), clock)
    assert facts["forward"] == pytest.approx(24_050 * math.exp(0.065 * YEARS), rel=1e-14)
    assert facts["forward_source"] == "spot"
    frame, facts = seen(FakeMarket({KEY: calls}, spots={}), clock)
    assert (facts["forward"], facts["forward_source"], facts["atm_strike"]) == (None, None, None)
    assert facts["atm_iv"] is facts["expected_move"] is facts["straddle"] is None
    assert set(frame["iv_status"]) == {"bad_input"}
    assert frame["delta"].null_count() == frame.height


def test_a_future_of_another_expiry_or_only_computed_is_not_the_forward(
    clock: ManualClock,
) -> None:
    calls = [row for row in exact_chain() if row["option_type"] == "CE"]
    future = pl.DataFrame(
        {
            "expiry": [NEAR, NEAR + timedelta(30)],
            "close": [None, 24_200.0],
            "settlement": [9.0, 9.0],
        }
    )
    _, facts = seen(FakeMarket({KEY: calls}, future=future), clock)
    assert facts["future"] is None
    assert facts["forward_source"] == "spot"


def test_one_wild_price_does_not_move_the_forward(clock: ManualClock) -> None:
    rows = exact_chain()
    for row in rows:
        if (row["strike"], row["option_type"]) == (24_100.0, "CE"):
            row |= {"bid": row["bid"] + 40, "ask": row["ask"] + 40}
    _, facts = seen(FakeMarket({KEY: rows}), clock)
    assert facts["forward"] == pytest.approx(24_080.0, rel=1e-9)


def test_last_trades_are_used_where_nobody_quotes(clock: ManualClock) -> None:
    rows = without(exact_chain(), "bid", "ask", "bid_quantity", "ask_quantity")
    frame, facts = seen(FakeMarket({KEY: rows}, spots={}), clock)
    assert facts["spot"] is None
    assert facts["forward"] == pytest.approx(24_080.0, rel=1e-9)
    assert facts["forward_quoted"] is False
    assert set(frame["price_source"]) == {"last"}


def test_hard_rows_keep_null_and_say_why(clock: ManualClock) -> None:
    rows = exact_chain()
    hard = {
        (23_500.0, "PE"): {"bid": None, "last_price": None},
        (23_600.0, "PE"): {"bid": 1.0, "ask": 90.0, "last_price": None},
        (23_700.0, "PE"): {"bid": None, "ask": None, "volume": 0},
        (23_800.0, "PE"): {"bid": None, "ask": None, "last_price": None},
        # 24,080 - 23,400 is worth about 679: below that no volatility gives the price
        (23_400.0, "CE"): {"bid": 600.0, "ask": 600.1, "last_price": None},
        (24_500.0, "CE"): {"bid": 30_000.0, "ask": 30_000.1, "last_price": None},
    }
    for row in rows:
        row.update(hard.get((row["strike"], row["option_type"]), {}))
    frame, facts = seen(FakeMarket({KEY: rows}), clock)
    assert facts["forward"] == pytest.approx(24_080.0, rel=1e-9)
    got = {(k, t): frame.filter(strike=k, option_type=t).row(0, named=True) for k, t in hard}
    words = ["one_sided", "wide", "no_trade_today", "no_price", "below_intrinsic", "above_bound"]
    assert [row["iv_status"] for row in got.values()] == words
    for row in got.values():
        assert row["iv"] is None
        assert row["delta"] is row["theta_per_day"] is None
    marks = ["one_sided", "wide", "no_trade_today", "no_price", "ok", "ok"]
    assert [row["liquidity"] for row in got.values()] == marks
    assert facts["liquidity"] == {
        "no_price": 1, "no_trade_today": 1, "ok": 38, "one_sided": 1, "wide": 1,
    }  # fmt: skip
    assert got[23_400.0, "CE"]["time_value"] < 0
    assert got[23_700.0, "PE"]["price"] is None


def test_an_expired_chain_has_no_volatility(clock: ManualClock) -> None:
    for late in (timedelta(0), timedelta(minutes=5)):
        market = FakeMarket(moment=CLOSE + late)
        frame, facts = seen(market, clock, expiry=NEAR)
        assert facts["years"] <= 0
        assert set(frame["iv_status"]) == {"expired"}
        assert facts["atm_iv"] is facts["expected_move"] is None
        assert (facts["forward"], facts["forward_source"]) == (24_050.0, "spot")


def test_ten_minutes_before_the_close_are_ten_minutes(clock: ManualClock) -> None:
    years = 600 / 31_536_000
    rows = exact_chain(years=years, strikes=[24_000.0, 24_050.0, 24_100.0], spread=0.02)
    market = FakeMarket({KEY: rows}, moment=CLOSE - timedelta(minutes=10))
    _, facts = seen(market, clock)
    assert facts["years"] == years
    assert facts["atm_iv"] == pytest.approx(0.14, rel=1e-6)


def test_a_spot_of_another_day_is_not_the_spot(clock: ManualClock) -> None:
    class Old(FakeMarket):
        def quotes(self, keys):
            return {
                key: type(quote)(key=key, time=MOMENT - timedelta(1), last_price=quote.last_price)
                for key, quote in super().quotes(keys).items()
            }

    _, facts = seen(Old(), clock)
    assert facts["spot"] is None


def test_an_index_s_own_day_stands_in_for_a_quote(clock: ManualClock) -> None:
    class Daily(FakeMarket):
        capabilities = FakeMarket.capabilities | {Capability.INDICES_DAY}

        def indices_day(self, *, symbols, start, end):
            held = pl.LazyFrame(
                {"symbol": ["NIFTY 50"], "date": [MOMENT.date()], "close": [24_055.0]}
            )
            return held.filter(
                pl.col("symbol").is_in(symbols) & pl.col("date").is_between(start, end)
            )

    _, facts = seen(Daily(spots={}), clock)
    assert facts["spot"] == 24_055.0


def test_the_store_s_own_moment_of_a_chain_counts(clock: ManualClock) -> None:
    class Store(FakeMarket):
        def as_of(self):
            raise AssertionError("the store knows better")

        def chain_as_of(self, underlying):
            assert underlying == "NIFTY"
            return MOMENT

    frame, facts = seen(Store(), clock)
    assert facts["years"] == YEARS
    assert frame.height == 42


def test_keys_of_the_spot() -> None:
    assert spot_key("NIFTY") == "NSE:NIFTY 50"
    assert spot_key("BANKNIFTY") == "NSE:NIFTY BANK"
    assert spot_key("SENSEX") == "BSE:SENSEX"
    assert spot_key("SBIN") == "NSE:SBIN"
    assert spot_key("GOLD") is None
    assert spot_key("USDINR") is None
