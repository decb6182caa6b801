"""What the options runner adds to a chain, each number recomputed in plain Python from its rows."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from alphastock_cli.errors import UnknownName
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from tests.conftest import ManualClock
from tests.unit.chain_market import CLOSE, FAR, MOMENT, NEAR, YEARS, FakeMarket, exact_chain

MIDDLE = date(2026, 12, 1)
FAR_YEARS = YEARS + (FAR - NEAR).days / 365
STRIKES = [23_000.0 + 100 * n for n in range(21)]


def smiling(strike: float) -> float:
    """Return a volatility that leans and bends."""
    k = math.log(strike / 24_080.0)
    return 0.14 - 0.4 * k + 4.0 * k * k


def leaning() -> list[dict[str, Any]]:
    """Return a chain with a smile and open interest that differs from strike to strike."""
    rows = []
    for n, strike in enumerate(STRIKES):
        rows += exact_chain(strikes=[strike], vol=smiling(strike))
        for at, row in enumerate(rows[-2:]):
            row["open_interest"] = 65 * (100 + 37 * n % 90 + 11 * at)
            row["oi_change"] = 65 * (n % 5 - 2)
    return rows


def market(**more: Any) -> FakeMarket:
    chains = {
        ("NIFTY", NEAR): leaning(),
        ("NIFTY", FAR): exact_chain(expiry=FAR, years=FAR_YEARS, forward=24_300.0, vol=0.15),
    }
    return FakeMarket(chains | more.pop("chains", {}), **more)  # fmt: skip


def seen(source: FakeMarket, **options: Any) -> dict[str, Any]:
    runner = OptionsRunner(
        source, clock=ManualClock(MOMENT), symbols=("NIFTY",), options=ChainOptions(**options)
    )
    made = runner.run_once()
    if "NIFTY" not in made:
        raise runner.refusals["NIFTY"]
    return dict(made["NIFTY"].facts)


def rows_of(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return facts["chain"].to_dicts()


# -- one expiry ---------------------------------------------------------------------------------


def test_both_expected_moves_have_their_names() -> None:
    facts = seen(market())
    sigma = facts["forward"] * facts["atm_iv"] * math.sqrt(YEARS)
    assert facts["expected_move_sigma"] == facts["expected_move"] == pytest.approx(sigma, rel=1e-14)
    pair = [row["price"] for row in rows_of(facts) if row["strike"] == facts["atm_strike"]]
    assert facts["straddle"] == pytest.approx(sum(pair), rel=1e-14)
    grown = sum(pair) * math.exp(0.065 * YEARS)
    assert facts["expected_move_straddle"] == pytest.approx(grown, rel=1e-14)
    # the mean distance of a normal law is √(2/π) of its deviation
    assert facts["expected_move_straddle"] == pytest.approx(
        sigma * math.sqrt(2 / math.pi), rel=0.02
    )


def test_skew_is_that_of_the_rows() -> None:
    facts = seen(market())
    found = {}
    for kind in ("CE", "PE"):
        points = sorted(
            (abs(row["delta"]), row["iv"] ** 2 * YEARS)
            for row in rows_of(facts)
            if row["option_type"] == kind and row["moneyness"] != "ITM" and row["iv"] is not None
        )
        low = max(point for point in points if point[0] <= 0.25)
        high = min(point for point in points if point[0] >= 0.25)
        w = low[1] + (high[1] - low[1]) * (0.25 - low[0]) / (high[0] - low[0])
        found[kind] = math.sqrt(w / YEARS)
    assert facts["call_iv_25d"] == pytest.approx(found["CE"], rel=1e-12)
    assert facts["put_iv_25d"] == pytest.approx(found["PE"], rel=1e-12)
    assert facts["risk_reversal_25d"] == pytest.approx(found["CE"] - found["PE"], rel=1e-12)
    assert facts["risk_reversal_25d"] < 0
    wings = (found["CE"] + found["PE"]) / 2
    assert facts["butterfly_25d"] == pytest.approx(wings - facts["atm_iv"], rel=1e-9)


def test_gamma_exposure_is_that_of_the_rows() -> None:
    facts = seen(market())
    net = sum(
        (1 if row["option_type"] == "CE" else -1)
        * row["gamma"] * row["open_interest"] * facts["forward"] ** 2 / 100
        for row in rows_of(facts) if row["gamma"] is not None
    )  # fmt: skip
    assert facts["gex_net"] == pytest.approx(net, rel=1e-12)
    whole = sum(row["open_interest"] for row in rows_of(facts))
    held = sum(row["open_interest"] for row in rows_of(facts) if row["gamma"] is not None)
    assert facts["gex_oi_share"] == pytest.approx(held / whole, rel=1e-14)
    assert "dealers long the calls and short the puts" in facts["gex_convention"]


def test_the_exposure_of_bsm_stands_on_the_spot() -> None:
    facts = seen(market(), model="bsm")
    net = sum(
        (1 if row["option_type"] == "CE" else -1)
        * row["gamma"] * row["open_interest"] * facts["spot"] ** 2 / 100
        for row in rows_of(facts) if row["gamma"] is not None
    )  # fmt: skip
    assert facts["gex_net"] == pytest.approx(net, rel=1e-12)


def test_the_smile_is_fitted_when_asked_for() -> None:
    assert "smile" not in seen(market())
    facts = seen(market(), smile=True)
    held = facts["smile"]
    assert held.butterfly_free
    assert held.rms_error < 0.001
    for row in rows_of(facts):
        if row["iv"] is not None and abs(row["log_moneyness"]) < 0.03:
            assert float(held.vol(row["log_moneyness"])) == pytest.approx(row["iv"], abs=0.002)
    few = market(chains={("NIFTY", NEAR): exact_chain(strikes=STRIKES[9:12])})
    assert seen(few, smile=True)["smile"] is None


def test_an_expiry_is_told_with_its_life() -> None:
    facts = seen(market())
    assert (facts["days_to_expiry"], facts["expired"]) == (4, False)
    # 24 November is a holiday in the calendar: the session before it is the roll date
    assert facts["roll_date"] == date(2026, 11, 23)
    assert facts["roll_due"] is False
    assert seen(market(), roll_sessions=2)["roll_due"] is True


def test_build_up_needs_a_provider_that_knows_the_closes_before() -> None:
    facts = seen(market(), build_up=True)
    assert facts["chain"]["build_up"].null_count() == facts["chain"].height

    class Knows(FakeMarket):
        def previous_closes(self, underlying: str, expiry: date) -> pl.DataFrame | None:
            rows = self.chains[underlying, expiry]
            return pl.DataFrame(
                [
                    {"strike": row["strike"], "option_type": row["option_type"],
                     "previous_close": row["last_price"] + (5.0 if n % 2 else -5.0)}
                    for n, row in enumerate(rows)
                ]
            )  # fmt: skip

    facts = seen(Knows({("NIFTY", NEAR): leaning()}), build_up=True)
    names = {(True, True): "long_build_up", (True, False): "short_covering",
             (False, True): "short_build_up", (False, False): "long_unwinding"}  # fmt: skip
    for row in rows_of(facts):
        up, moved = row["option_type"] == "CE", row["oi_change"]
        assert row["price_change"] == pytest.approx(5.0 if up else -5.0)
        assert row["build_up"] == (names[up, moved > 0] if moved else "unchanged")


# -- several expiries ---------------------------------------------------------------------------


def test_every_expiry_stands_beside_the_one_asked_for() -> None:
    facts = seen(market(), every_expiry=True)
    assert facts["expiry"] == NEAR
    assert list(facts["by_expiry"]) == [NEAR, FAR]
    alone = seen(market(), expiry=FAR)
    beside = dict(facts["by_expiry"][FAR])
    assert beside.pop("chain").equals(alone.pop("chain"))
    assert beside == alone
    near, far = facts["term"]
    assert (near["forward_vol"], near["negative_calendar_variance"]) == (None, None)
    w1, w2 = (row["atm_iv"] ** 2 * row["years"] for row in (near, far))
    between = math.sqrt((w2 - w1) / (far["years"] - near["years"]))
    assert far["forward_vol"] == pytest.approx(between, rel=1e-12)
    assert far["negative_calendar_variance"] is False
    for row, years in ((near, YEARS), (far, FAR_YEARS)):
        assert row["years"] == pytest.approx(years, rel=1e-12)
        assert row["forward"] == facts["by_expiry"][row["expiry"]]["forward"]


def test_variance_that_would_be_negative_is_flagged() -> None:
    flat = exact_chain(expiry=FAR, years=FAR_YEARS, vol=0.03)
    facts = seen(market(chains={("NIFTY", FAR): flat}), every_expiry=True)
    assert facts["term"][1]["forward_vol"] is None
    assert facts["term"][1]["negative_calendar_variance"] is True


def test_an_expiry_that_has_ended_is_not_served_as_one_more() -> None:
    source = market(moment=CLOSE + timedelta(minutes=1))
    facts = seen(source, every_expiry=True)
    assert facts["expiry"] == FAR
    assert "by_expiry" not in facts, "only one is left"
    facts = seen(source, expiry=NEAR, every_expiry=True)
    assert facts["expired"] is True
    assert facts["by_expiry"][NEAR]["years"] <= 0
    assert facts["term"][0]["atm_iv"] is None


def test_chosen_expiries_and_one_that_is_not_there() -> None:
    facts = seen(market(), others=(FAR,))
    assert list(facts["by_expiry"]) == [NEAR, FAR]
    with pytest.raises(UnknownName):
        seen(market(), others=(MIDDLE,))


def test_one_without_a_chain_is_left_out_of_all() -> None:
    class Hole(FakeMarket):
        def expiries(self, underlying: str) -> tuple[date, ...]:
            return tuple(sorted({*super().expiries(underlying), MIDDLE}))

    held = market().chains
    assert list(seen(Hole(held), every_expiry=True)["by_expiry"]) == [NEAR, FAR]


def test_a_given_forward_is_that_of_one_expiry_only() -> None:
    facts = seen(market(), every_expiry=True, forward=24_000.0)
    assert facts["forward"] == 24_000.0
    assert facts["by_expiry"][FAR]["forward"] == pytest.approx(24_300.0, rel=1e-9)


def test_a_forward_beyond_the_strikes_has_nothing_at_the_money() -> None:
    low = exact_chain(strikes=[23_000.0 + 100 * n for n in range(5)])
    facts = seen(market(chains={("NIFTY", NEAR): low}), every_expiry=True)
    assert facts["atm_outside"] is True
    assert facts["term"][0]["atm_iv"] is None
    assert facts["term"][0]["forward"] == facts["forward"]
    assert seen(market())["atm_outside"] is False


def test_without_a_history_no_rank_is_told() -> None:
    facts = seen(market(), iv_history=True)
    assert not [name for name in facts if name.startswith("iv_")]
    assert "by_expiry" not in facts


def test_the_summary_leaves_frames_out() -> None:
    runner = OptionsRunner(
        market(), clock=ManualClock(MOMENT), symbols=("NIFTY",),
        options=ChainOptions(every_expiry=True, smile=True),
    )  # fmt: skip
    runner.run_once()
    told = runner.get_options_chains_summary()["NIFTY"]
    assert not {"chain", "by_expiry"} & set(told)
    assert not [value for value in told.values() if isinstance(value, pl.DataFrame)]
