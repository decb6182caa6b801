"""Analytics of the stored chains of 2026-08-19, each figure recomputed in plain Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphastock_cli.actions.fetch_chain import fetch_chain
from alphastock_cli.analytics import smile as smiles
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.runners.options import ChainOptions, OptionsRunner
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

AT = datetime(2026, 8, 19, 11, 30, tzinfo=IST)
EXPIRIES = [date(2026, 8, 25), date(2026, 9, 1), date(2026, 9, 8), date(2026, 9, 15)]


@pytest.fixture(scope="module")
def facts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    path = shared_data / "options" / "option_chain_20260819.parquet"
    if not path.is_file():
        pytest.skip("no collected chains")
    lake = Lake(tmp_path_factory.mktemp("analytics") / "lake")
    clock = ManualClock(datetime(2026, 11, 20, 18, tzinfo=IST))
    fetch_chain(lake, clock, path)
    source = LakeProvider(lake, clock, as_of=AT)
    options = ChainOptions(every_expiry=True, iv_history=True)
    return (
        OptionsRunner(source, clock=clock, symbols=("NIFTY",), options=options)
        .run_once()["NIFTY"]
        .facts
    )


@pytest.mark.parametrize("expiry", EXPIRIES)
def test_the_summary_is_what_the_rows_add_up_to(facts: Mapping[str, Any], expiry: date) -> None:
    held = facts["by_expiry"][expiry]
    rows = held["chain"].to_dicts()
    side = {kind: [row for row in rows if row["option_type"] == kind] for kind in ("CE", "PE")}
    for kind, name in (("CE", "ce"), ("PE", "pe")):
        most = max(row["open_interest"] for row in side[kind])
        at = min(row["strike"] for row in side[kind] if row["open_interest"] == most)
        assert held[f"top_oi_strike_{name}"] == at
        gain = max(row["oi_change"] for row in side[kind])
        grown = min(row["strike"] for row in side[kind] if row["oi_change"] == gain)
        assert held[f"top_oi_gain_strike_{name}"] == grown
    puts, calls = (sum(row["open_interest"] for row in side[kind]) for kind in ("PE", "CE"))
    assert held["put_call_ratio_oi"] == puts / calls
    money = {row["option_type"]: row for row in rows if row["strike"] == held["atm_strike"]}
    both = money["CE"]["price"] + money["PE"]["price"]
    assert held["straddle"] == pytest.approx(both, rel=1e-14)
    vol = (money["CE"]["iv"] + money["PE"]["iv"]) / 2
    assert held["atm_iv"] == pytest.approx(vol, rel=1e-14)
    sigma = held["forward"] * vol * math.sqrt(held["years"])
    assert held["expected_move_sigma"] == pytest.approx(sigma, rel=1e-14)
    assert held["expected_move_straddle"] / sigma == pytest.approx(math.sqrt(2 / math.pi), abs=0.02)
    net = math.fsum(
        (1 if row["option_type"] == "CE" else -1)
        * row["gamma"] * row["open_interest"] * held["forward"] ** 2 / 100
        for row in rows if row["gamma"] is not None
    )  # fmt: skip
    assert held["gex_net"] == pytest.approx(net, rel=1e-9)
    # index falls are feared more than rises
    assert held["risk_reversal_25d"] < 0 < held["butterfly_25d"]


def test_the_term_structure_is_that_of_the_expiries(facts: Mapping[str, Any]) -> None:
    assert [row["expiry"] for row in facts["term"]] == EXPIRIES
    before = None
    for row in facts["term"]:
        own = facts["by_expiry"][row["expiry"]]
        assert (row["forward"], row["atm_iv"]) == (own["forward"], own["atm_iv"])
        w = own["atm_iv"] ** 2 * own["years"]
        if before is not None:
            between = math.sqrt((w - before[1]) / (own["years"] - before[0]))
            assert row["forward_vol"] == pytest.approx(between, rel=1e-12)
            assert row["negative_calendar_variance"] is False
        before = (own["years"], w)


@pytest.mark.parametrize("expiry", EXPIRIES)
def test_the_smile_fits_and_has_a_distribution(facts: Mapping[str, Any], expiry: date) -> None:
    held = facts["by_expiry"][expiry]
    made = smiles.from_chain(held["chain"], years=held["years"])
    assert made is not None
    assert made.points > 30
    assert made.rms_error < 0.0025
    assert made.butterfly_free
    k = np.linspace(-1.5, 1.5, 300_001)
    density = made.density(k)
    assert density.min() >= 0
    assert np.trapezoid(density, k) == pytest.approx(1.0, abs=1e-6)
    assert np.trapezoid(density * np.exp(k), k) == pytest.approx(1.0, abs=1e-6), "the forward"
    # the market's own digital options: an out-of-the-money put spread of 100 rupees
    puts = {
        row["strike"]: row["price"]
        for row in held["chain"].to_dicts()
        if row["option_type"] == "PE" and row["price"] is not None
    }
    low = round(held["forward"] * 0.99 / 100) * 100.0
    spread = (puts[low + 50] - puts[low - 50]) / 100 if expiry == EXPIRIES[0] else None
    if spread is not None:
        assert float(made.cdf(math.log(low / held["forward"]))) == pytest.approx(spread, abs=0.02)


def test_one_day_of_history_is_too_little_for_a_rank(facts: Mapping[str, Any]) -> None:
    assert (facts["iv_rank"], facts["iv_percentile"], facts["iv_sessions"]) == (None, None, 0)
    near, far = (facts["by_expiry"][day] for day in EXPIRIES[-2:])
    assert facts["iv_30d"] == pytest.approx(far["atm_iv"], rel=1e-6)
    assert near["atm_iv"] != far["atm_iv"]
