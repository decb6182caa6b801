"""The use case behind `payoff`: words in; rows and figures out, by second routes."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pytest

from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.payoff import parse_vols
from alphastock_cli.actions.payoff_grid import Span
from alphastock_cli.analytics.structure_values import Vols
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.errors import UnknownName, UsageError
from alphastock_cli.exchange.charges import order_charges
from tests.unit.chain_market import FAR, MOMENT, NEAR, YEARS, black76
from tests.unit.payoff_world import (
    FAR_FORWARD,
    FAR_YEARS,
    NEAR_FORWARD,
    RATE,
    VOL,
    asked,
    worth,
)

N = NormalDist().cdf
CONTRACT = ("max_profit", "max_loss", "breakevens", "probability_of_profit", "net_premium",
            "margin", "margin_source", "net_greeks")  # fmt: skip


def test_a_bull_call_spread_in_the_contract_s_names() -> None:
    held = asked("NIFTY +24000CE -24200CE")
    assert held.columns() == ["underlying_price", "payoff_expiry", "payoff_today"]
    assert (held.kind, held.source, held.simulated, held.as_of) == ("payoff", "fake", True, MOMENT)
    facts = held.summary
    assert set(CONTRACT) <= set(facts)
    paid = worth(24_000.0) - worth(24_200.0)
    assert facts["net_premium"] == pytest.approx(-65 * paid)
    assert facts["max_profit"] == pytest.approx(65 * (200 - paid))
    assert facts["max_loss"] == pytest.approx(-65 * paid)
    assert (facts["max_profit_unbounded"], facts["max_loss_unbounded"]) == (False, False)
    assert facts["breakevens"] == [pytest.approx(24_000 + paid)]
    assert not facts["approximate"]
    d2 = math.log(NEAR_FORWARD / (24_000 + paid)) / (VOL * math.sqrt(YEARS))
    d2 -= VOL * math.sqrt(YEARS) / 2
    assert facts["probability_of_profit"] == pytest.approx(N(d2), abs=1e-6)
    # a flat smile is the lognormal
    assert facts["probability_of_profit_smile"] == pytest.approx(N(d2), abs=1e-3)
    assert facts["smile"].startswith("SVI of")
    assert [(leg["price_source"], leg["iv_source"]) for leg in facts["legs"]] == [
        ("mid", "market")
    ] * 2
    assert held.warnings == ()


def test_net_greeks_and_charges_by_a_second_route() -> None:
    facts = asked("NIFTY +24000CE -24200CE", lots=3).summary
    bought, sold = facts["legs"]
    assert (bought["quantity"], sold["quantity"], facts["lots"]) == (195, -195, 3)
    for name in ("delta", "gamma", "theta_per_day", "vega_per_pct", "rho_per_pct"):
        assert facts["net_greeks"][name] == pytest.approx(195 * (bought[name] - sold[name]))
    total = Decimal(0)
    for leg in (bought, sold):
        contract = Instrument(
            exchange=Exchange.NFO, tradingsymbol=leg["tradingsymbol"], underlying="NIFTY",
            asset_type=AssetType.OPTIONS, strike=Decimal(24_000), option_type=OptionType.CE,
        )  # fmt: skip
        premium = Decimal(repr(leg["price"])) * 195
        for side in Side:
            total += order_charges(contract, Product.NRML, side, premium, MOMENT.date()).paise
    assert facts["charges"] == total
    assert facts["margin"] is not None
    assert facts["margin_source"].startswith("estimate")


def test_today_nothing_is_won_at_the_price_now_and_expiry_pays_the_strikes() -> None:
    held = asked("NIFTY +24000CE -24200CE", span=Span(low=23_050.0, high=25_050.0), points=201)
    rows = {row["underlying_price"]: row for row in held.records()}
    assert rows[24_050.0]["payoff_today"] == pytest.approx(0.0, abs=1e-6)
    assert rows[24_200.0]["payoff_expiry"] == pytest.approx(held.summary["max_profit"])
    for x, row in rows.items():
        brute = sum(
            leg["quantity"] * (max(x - leg["strike"], 0.0) - leg["price"])
            for leg in held.summary["legs"]
        )
        assert row["payoff_expiry"] == pytest.approx(brute, abs=1e-6)
        ahead = x * NEAR_FORWARD / 24_050.0
        today = sum(
            leg["quantity"] * (black76(ahead, leg["strike"], YEARS, VOL, RATE, "CE") - leg["price"])
            for leg in held.summary["legs"]
        )
        assert row["payoff_today"] == pytest.approx(today, abs=1e-3)


def test_a_naked_call_says_that_it_is_unbounded() -> None:
    facts = asked("NIFTY -24500CE").summary
    assert (facts["max_loss"], facts["max_loss_unbounded"]) == (None, True)
    assert facts["max_profit_unbounded"] is False


def test_expiries_of_the_whole_and_of_a_leg() -> None:
    assert asked("NIFTY +24000CE @2026-12-29").summary["expiry"] == FAR
    assert asked("NIFTY +24000CE", expiry="next").summary["expiry"] == FAR
    assert asked("NIFTY +24000CE @nearest").summary["expiry"] == NEAR
    legs = asked("NIFTY -24000CE +24000CE@next").summary["legs"]
    assert [leg["expiry"] for leg in legs] == [NEAR, FAR]
    with pytest.raises(UsageError, match="give the expiry of the whole once"):
        asked("NIFTY +24000CE @next", expiry="weekly")
    with pytest.raises(UnknownName, match="has no expiry 2026-12-01"):
        asked("NIFTY +24000CE @2026-12-01")


def test_a_calendar_is_valued_at_the_nearer_expiry_by_a_second_route() -> None:
    held = asked("NIFTY -24100CE +24100CE@next", points=61)
    facts = held.summary
    assert facts["approximate"]
    assert (facts["expiry"], facts["max_profit_unbounded"]) == (NEAR, False)
    near, far = facts["legs"]

    def brute(x: float) -> float:
        later = black76(
            x * FAR_FORWARD / NEAR_FORWARD, 24_100.0, FAR_YEARS - YEARS, VOL, RATE, "CE"
        )
        return 65 * (later - far["price"]) - 65 * (max(x - 24_100.0, 0.0) - near["price"])

    for row in held.records():
        assert row["payoff_expiry"] == pytest.approx(brute(row["underlying_price"]), abs=1e-3)
    dense = np.linspace(20_000.0, 30_000.0, 20_001)
    paid = np.array([brute(float(x)) for x in dense])
    assert facts["max_profit"] == pytest.approx(paid.max(), rel=1e-4)
    assert all(abs(brute(root)) < 1e-3 for root in facts["breakevens"])
    assert len(facts["breakevens"]) == np.count_nonzero(paid[:-1] * paid[1:] < 0)
    spread = VOL * math.sqrt(YEARS)
    ends = NEAR_FORWARD * np.exp(
        spread * np.random.default_rng(3).standard_normal(20_000) - spread**2 / 2
    )
    won = np.interp(ends, dense, paid) > 0
    assert facts["probability_of_profit"] == pytest.approx(won.mean(), abs=0.015)
    assert any("approximate" in text for text in held.warnings)


def test_the_grid_has_as_many_points_as_asked_and_every_strike() -> None:
    for points in (2, 7, 50, 101):
        held = asked("NIFTY +23900PE -24000PE -24200CE +24300CE", points=points)
        prices = held.rows["underlying_price"].to_list()
        assert len(prices) == points
        assert prices == sorted(set(prices))
    assert {23_900.0, 24_000.0, 24_200.0, 24_300.0} <= set(prices)
    around = asked("NIFTY +24000CE", span=Span.parse("1%"), points=3).rows["underlying_price"]
    assert around.to_list() == pytest.approx([24_050 * 0.99, 24_000, 24_050 * 1.01])
    assert asked("NIFTY +24000CE", span=Span.parse("0:30000")).rows["underlying_price"][0] == 0.0


@pytest.mark.parametrize("text", ["x", "1:2:3", "5:4", "-5:9", "0%", "120%", "%", "nan:5", "1:inf"])
def test_a_range_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="--range"):
        Span.parse(text)


def test_the_day_and_the_volatility_of_today() -> None:
    text, span = "NIFTY -24100CE -24100PE", Span(low=24_000.0, high=24_100.0)
    now, late, ends = (
        asked(text, span=span, points=2, on=day).rows["payoff_today"].to_list()
        for day in (None, date(2026, 11, 23), NEAR)
    )
    assert now[1] < late[1] < ends[1]
    assert ends == pytest.approx(asked(text, span=span, points=2).rows["payoff_expiry"].to_list())
    more, flat = (
        asked(text, span=span, points=2, vols=vols).rows["payoff_today"].to_list()
        for vols in (Vols(shift=0.02), Vols(flat=0.16))
    )
    assert more == pytest.approx(flat, abs=1e-2)
    assert more[1] < now[1]
    for day in (MOMENT.date() - timedelta(days=1), NEAR + timedelta(days=1)):
        with pytest.raises(UsageError, match="--date"):
            asked(text, on=day)
    with pytest.raises(UsageError, match="leaves none"):
        asked(text, vols=Vols(shift=-0.2))


def test_words_of_volatility() -> None:
    assert parse_vols("") == Vols()
    assert parse_vols("+2%") == Vols(shift=0.02)
    assert parse_vols("-0.02") == Vols(shift=-0.02)
    assert parse_vols("15%") == Vols(flat=0.15)
    for text in ("0", "x", "+2000%", "nan"):
        with pytest.raises(UsageError, match="--iv"):
            parse_vols(text)


def test_rate_and_model_are_those_asked_for() -> None:
    rate = Rate(value=0.1, source="nse", model="bsm")
    facts = asked("NIFTY +24000CE -24200CE", rate=rate).summary
    assert (facts["model"], facts["rate"], facts["rate_source"]) == ("bsm", 0.1, "nse")
    assert facts["forward"] == pytest.approx(24_050.0 * math.exp(0.1 * YEARS))
