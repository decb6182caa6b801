"""Skew, forward volatility and term structure, by hand and by a second route."""

from __future__ import annotations

import math

import polars as pl
import pytest

from alphastock_cli.analytics.skew import Skew, at_maturity, forward_vol, skew, term_structure

CALLS = [(24_100.0, 0.48, 0.130, "ATM"), (24_200.0, 0.35, 0.128, "OTM"),
         (24_300.0, 0.20, 0.127, "OTM"), (24_400.0, 0.10, 0.129, "OTM")]  # fmt: skip
PUTS = [(23_800.0, -0.15, 0.160, "OTM"), (23_900.0, -0.25, 0.150, "OTM"),
        (24_000.0, -0.40, 0.140, "OTM")]  # fmt: skip


def frame(calls=CALLS, puts=PUTS) -> pl.DataFrame:
    rows = [
        {"strike": k, "option_type": kind, "delta": delta, "iv": iv, "moneyness": money}
        for kind, side in (("CE", calls), ("PE", puts)) for k, delta, iv, money in side
    ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def test_the_25_delta_figures_by_hand() -> None:
    # between deltas 0.35 and 0.20 two thirds of the way, on the square of volatility
    call = math.sqrt(0.128**2 + (0.127**2 - 0.128**2) * 2 / 3)
    got = skew(frame(), atm_iv=0.131)
    assert got.call_iv == pytest.approx(call, rel=1e-14)
    assert got.put_iv == pytest.approx(0.150, rel=1e-14)
    assert got.risk_reversal == pytest.approx(call - 0.150, rel=1e-12)
    assert got.butterfly == pytest.approx((call + 0.150) / 2 - 0.131, rel=1e-10)


def test_nothing_beyond_the_contracts_that_are_there() -> None:
    assert skew(frame(calls=CALLS[:2]), atm_iv=0.131) == Skew(put_iv=pytest.approx(0.150))
    assert skew(frame(puts=PUTS[2:]), atm_iv=0.131).risk_reversal is None
    assert skew(frame().head(0), atm_iv=0.131) == Skew()
    assert skew(frame(), atm_iv=None).butterfly is None
    assert skew(frame(), atm_iv=None).risk_reversal is not None


def test_rows_without_a_volatility_or_in_the_money_do_not_count() -> None:
    blank = [(k, d, None if k == 24_300.0 else iv, m) for k, d, iv, m in CALLS]
    call = math.sqrt(0.128**2 + (0.129**2 - 0.128**2) * 0.10 / 0.25)
    assert skew(frame(calls=blank), atm_iv=None).call_iv == pytest.approx(call, rel=1e-14)
    inside = [(23_000.0, 0.24, 0.9, "ITM"), *CALLS]
    assert skew(frame(calls=inside), atm_iv=0.131) == skew(frame(), atm_iv=0.131)


def test_forward_volatility_takes_the_variance_between() -> None:
    vol, negative = forward_vol((0.1, 0.20), (0.3, 0.18))
    assert negative is False
    assert vol is not None
    assert 0.20**2 * 0.1 + vol**2 * 0.2 == pytest.approx(0.18**2 * 0.3, rel=1e-14)
    assert forward_vol((0.1, 0.20), (0.3, 0.05)) == (None, True)
    assert forward_vol((0.1, None), (0.3, 0.2)) == (None, None)
    assert forward_vol((0.1, 0.2), (0.3, None)) == (None, None)
    assert forward_vol((0.3, 0.2), (0.3, 0.2)) == (None, None)
    assert forward_vol((0.0, 0.2), (0.3, 0.2)) == (None, None)


def facts(expiry: int, years: float, iv: float | None, *, outside: bool = False) -> dict:
    return {"expiry": expiry, "days_to_expiry": round(years * 365), "years": years, "atm_iv": iv,
            "forward": 100.0, "atm_strike": 100.0, "straddle": 3.0, "atm_outside": outside,
            "max_pain": 1.0}  # fmt: skip


def test_the_term_structure_flags_negative_calendar_variance() -> None:
    rows = term_structure([
        facts(3, 0.3, 0.05), facts(1, 0.1, 0.2), facts(2, 0.2, None), facts(4, 0.4, 0.2),
        facts(5, 0.5, 0.2, outside=True),
    ])  # fmt: skip
    assert [row["expiry"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["negative_calendar_variance"] for row in rows] == [None, None, True, False, None]
    last = math.sqrt((0.2**2 * 0.4 - 0.05**2 * 0.3) / 0.1)
    assert [row["forward_vol"] for row in rows] == [None, None, None, pytest.approx(last), None]
    assert [row["atm_iv"] for row in rows] == [0.2, None, 0.05, 0.2, None]
    assert rows[4]["straddle"] is rows[4]["atm_strike"] is None
    assert "max_pain" not in rows[0]
    assert term_structure([]) == []


def test_volatility_at_one_time_ahead() -> None:
    points = [(0.2, 0.18), (0.05, 0.25), (0.1, None), (-0.01, 0.9)]
    got = at_maturity(points, 0.1)
    w = 0.25**2 * 0.05 + (0.18**2 * 0.2 - 0.25**2 * 0.05) / 3
    assert got == pytest.approx(math.sqrt(w / 0.1), rel=1e-14)
    assert at_maturity(points, 0.01) == 0.25
    assert at_maturity(points, 0.5) == 0.18
    assert at_maturity(points, 0.2) == 0.18
    assert at_maturity([(0.1, None)], 0.1) is None
    assert at_maturity([], 0.1) is None
