"""The use case behind `greeks`: typed-in numbers, and one listed contract."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest

from alphastock_cli.actions.greeks import Typed, contract, find, typed
from alphastock_cli.actions.option_words import Rate, parse_rate
from alphastock_cli.domain.instrument import Exchange, OptionType
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import DamagedData, NotOffered, UnknownName, UsageError
from tests.conftest import IST, ManualClock
from tests.unit.chain_market import FAR, MOMENT, NEAR, FakeMarket, black76, exact_chain

NOW = datetime(2026, 11, 20, 15, 40, tzinfo=IST)
EXPIRY = date(2026, 12, 29)
YEARS = 39 / 365
CE, PE = OptionType.CE, OptionType.PE


def valued(rate: Rate | None = None, *, now: datetime = NOW, second_order: bool = False, **given):
    given = {"strike": 24_500.0, "expiry": EXPIRY, "option_type": CE, **given}
    return typed(Typed(**given), rate or Rate(), now=now, second_order=second_order)


@pytest.mark.parametrize("kind", [CE, PE])
def test_a_price_gives_back_its_volatility_and_a_volatility_its_price(kind: OptionType) -> None:
    price = black76(24_000.0, 24_500.0, YEARS, 0.128, 0.065, kind.value)
    by_price = valued(forward=24_000.0, price=price, option_type=kind).rows[0]
    by_vol = valued(forward=24_000.0, vol=0.128, option_type=kind).rows[0]
    assert by_price["iv"] == pytest.approx(0.128, rel=1e-10)
    assert by_vol["price"] == pytest.approx(price, rel=1e-10)
    assert by_price["iv_status"] == by_vol["iv_status"] == "ok"
    for name in ("delta", "gamma", "theta_per_day", "vega_per_pct", "rho_per_pct"):
        assert by_price[name] == pytest.approx(by_vol[name], rel=1e-9)
    assert by_vol["years"] == YEARS
    assert list(by_vol)[-8:] == ["price", "iv", "iv_status", "delta", "gamma", "theta_per_day",
                                 "vega_per_pct", "rho_per_pct"]  # fmt: skip


def test_the_two_models_agree_on_price_and_differ_in_greeks() -> None:
    # forward 24,880, strike 25,000, six days, 12.8 %, 6.5 %: published values of both models
    now = datetime(2026, 12, 23, 15, 40, tzinfo=IST)
    given = {"strike": 25_000.0, "vol": 0.128, "forward": 24_880.0}
    black = valued(now=now, **given).rows[0]
    bsm = valued(parse_rate("", "bsm"), now=now, **given).rows[0]
    assert black["price"] == pytest.approx(bsm["price"], rel=1e-12)
    assert black["delta"] == pytest.approx(0.38741, abs=5e-6)
    assert bsm["delta"] == pytest.approx(0.38783, abs=5e-6)
    assert black["theta_per_day"] == pytest.approx(-13.0006, abs=5e-5)
    assert bsm["theta_per_day"] == pytest.approx(-14.72, abs=5e-3)
    assert black["vega_per_pct"] == pytest.approx(12.2065, abs=5e-5)
    assert black["rho_per_pct"] == pytest.approx(-0.0181, abs=5e-5)
    assert bsm["rho_per_pct"] == pytest.approx(1.566, abs=5e-4)
    assert black["spot"] is None
    assert bsm["spot"] == pytest.approx(24_880.0 * math.exp(-0.065 * 6 / 365), rel=1e-14)


def test_a_spot_is_carried_to_expiry() -> None:
    row = valued(parse_rate("nse"), spot=24_000.0, vol=0.15).rows[0]
    assert row["forward"] == pytest.approx(24_000.0 * math.exp(0.10 * YEARS), rel=1e-14)
    assert (row["spot"], row["model"], row["rate"]) == (24_000.0, "bsm", 0.10)


@pytest.mark.parametrize(("price", "word"), [(30_000.0, "above_bound"), (1.0, "below_intrinsic")])
def test_a_price_without_a_volatility_says_why(price: float, word: str) -> None:
    row = valued(forward=26_000.0, price=price).rows[0]
    assert (row["iv"], row["iv_status"], row["price"]) == (None, word, price)
    assert row["delta"] is row["theta_per_day"] is None


def test_no_time_value_has_the_greeks_of_the_limit() -> None:
    row = valued(Rate(value=0.0), forward=26_000.0, price=1_500.0).rows[0]
    assert (row["iv"], row["iv_status"]) == (None, "no_time_value")
    assert (row["delta"], row["gamma"], row["vega_per_pct"]) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("given", [{"price": 10.0}, {"vol": 0.2}])
def test_an_expired_contract_has_neither(given: dict[str, float]) -> None:
    result = valued(forward=24_000.0, expiry=date(2026, 11, 20), **given)
    row = result.rows[0]
    assert (row["years"], row["iv"], row["iv_status"], row["delta"]) == (0.0, None, "expired", None)
    assert "ended at 2026-11-20 15:40" in result.warnings[0]


def test_the_last_day_has_the_hours_of_the_exchange() -> None:
    day = date(2026, 12, 24)
    ends = {
        exchange: valued(
            forward=90.0, strike=90.0, vol=0.05, expiry=day, exchange=exchange
        ).summary["expires_at"]
        for exchange in (Exchange.NFO, Exchange.CDS, Exchange.MCX)
    }
    assert [f"{at:%H:%M}" for at in ends.values()] == ["15:40", "12:30", "23:55"]


def test_an_expiry_on_a_holiday_is_told() -> None:
    result = valued(forward=24_000.0, vol=0.2, expiry=date(2026, 12, 25))
    assert "no session of NFO" in result.warnings[0]
    assert valued(forward=24_000.0, vol=0.2).warnings == ()


def test_second_order_only_when_asked() -> None:
    assert "vanna" not in valued(forward=24_000.0, vol=0.2).rows[0]
    row = valued(forward=24_000.0, vol=0.2, second_order=True).rows[0]
    assert all(isinstance(row[n], float) for n in ("vanna", "volga", "charm", "speed", "color"))


@pytest.mark.parametrize(
    "given",
    [
        {"vol": 0.2},
        {"vol": 0.2, "forward": 1.0, "spot": 1.0},
        {"forward": 1.0},
        {"forward": 1.0, "vol": 0.2, "price": 1.0},
        {"forward": -1.0, "vol": 0.2},
        {"forward": math.nan, "vol": 0.2},
        {"spot": math.inf, "vol": 0.2},
        {"forward": 1.0, "price": 0.0},
        {"forward": 1.0, "vol": 15.0},
        {"forward": 1.0, "vol": 0.0},
        {"forward": 1.0, "vol": 0.2, "strike": 0.0},
    ],
)
def test_numbers_no_market_has_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        valued(**given)


# -- listed -----------------------------------------------------------------------------------


def test_a_listed_contract_is_its_row_of_the_chain(clock: ManualClock) -> None:
    market = FakeMarket({("NIFTY", NEAR): exact_chain(), ("NIFTY", FAR): exact_chain(expiry=FAR)})
    result = contract(market, clock, "nse:nifty26nov24000pe", Rate())
    row = result.rows[0]
    assert (row["underlying"], row["strike"], row["option_type"]) == ("NIFTY", 24_000.0, "PE")
    assert row["forward"] == pytest.approx(24_080.0, rel=1e-9)
    assert row["iv"] == pytest.approx(0.14, rel=1e-6)
    assert result.as_of == MOMENT
    assert result.summary["price_source"] == "mid"
    assert (
        "vanna" in contract(market, clock, "NIFTY26NOV24000PE", Rate(), second_order=True).rows[0]
    )


def test_without_lists_the_chains_of_fitting_names_are_walked() -> None:
    class Unlisted(FakeMarket):
        capabilities = frozenset({Capability.CHAIN})

    both = {("NIFTY", NEAR): exact_chain(), ("NIFTY", FAR): exact_chain(expiry=FAR)}
    market = Unlisted(both)
    assert find(market, "NIFTY26DEC24000CE") == ("NIFTY", FAR)
    with pytest.raises(UnknownName) as error:
        find(market, "NIFTY26DEC24010CE")
    assert "NIFTY26DEC24000CE" in error.value.hint
    with pytest.raises(UnknownName, match="FOO"):
        find(market, "FOO")


def test_a_contract_of_another_provider_or_too_old(clock: ManualClock) -> None:
    class Bare(FakeMarket):
        capabilities = frozenset({Capability.QUOTES})

    with pytest.raises(NotOffered):
        contract(Bare(), clock, "NIFTY26NOV24000PE", Rate())
    with pytest.raises(DamagedData):
        contract(FakeMarket(), clock, "NIFTY26NOV24000PE", Rate(), max_age=60.0)
