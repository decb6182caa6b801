"""Screens of `chain` and `greeks` with every hard value, compared byte for byte with files.

After a change that is meant: `REGENERATE=1 pytest tests/golden/test_chain_screens.py`; read the
diff. The rows are written by hand: a screen must show them whatever the mathematics say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.result import Result
from alphastock_cli.views import serialise
from tests.conftest import IST
from tests.golden.test_screens import NOW, compare, drawn

AT = datetime(2026, 11, 20, 15, 40, tzinfo=IST)
EXPIRY = date(2026, 11, 24)
TYPES = {
    "tradingsymbol": pl.String, "underlying": pl.String, "expiry": pl.Date, "strike": pl.Float64,
    "option_type": pl.String, "last_price": pl.Float64, "bid": pl.Float64, "ask": pl.Float64,
    "volume": pl.Int64, "open_interest": pl.Int64, "oi_change": pl.Int64, "moneyness": pl.String,
    "intrinsic": pl.Float64, "time_value": pl.Float64, "iv": pl.Float64, "iv_status": pl.String,
    "delta": pl.Float64, "gamma": pl.Float64, "theta_per_day": pl.Float64,
    "vega_per_pct": pl.Float64, "rho_per_pct": pl.Float64,
}  # fmt: skip
GREEKS = list(TYPES)[-7:]
FACTS: dict[str, Any] = {
    "underlying": "NIFTY", "spot": None, "forward": 24_080.254, "future": 24_081.0,
    "expiry": EXPIRY, "years": 4 / 365, "days_to_expiry": 4, "atm_strike": 24_100.0,
    "atm_iv": 0.12345, "put_call_ratio_oi": 1.4265, "put_call_ratio_volume": None,
    "max_pain": 24_050.5, "open_interest_ce": 1_234_567_890, "open_interest_pe": 0,
    "oi_change_ce": -1_550_000, "oi_change_pe": None, "expected_move": 311.2, "straddle": 288.5,
    "lot_size": 65, "model": "black76", "rate": 0.065, "rate_source": "default",
    "forward_source": "parity", "forward_pairs": 5, "forward_quoted": True,
    "expires_at": datetime(2026, 11, 24, 15, 40, tzinfo=IST), "rows": 162, "matched": 7,
}  # fmt: skip


def row(strike: float, kind: str, status: str = "ok", **figures: Any) -> dict[str, Any]:
    name = f"NIFTY26NOV{strike:g}{kind}"
    fixed = {"tradingsymbol": name, "underlying": "NIFTY", "expiry": EXPIRY, "strike": strike,
             "option_type": kind, "iv_status": status}  # fmt: skip
    return {**dict.fromkeys(TYPES), **fixed, **figures}


MORE: dict[str, Any] = {
    "expiry_kind": "monthly", "expiry_regular": date(2026, 11, 26), "expiry_shifted": True,
    "risk_reversal_25d": -0.0177, "butterfly_25d": None, "iv_30d": 0.1024, "iv_rank": None,
    "iv_percentile": 13.49, "iv_sessions": 1, "gex_net": -42_577_475_732.9,
    "smile": {"a": -0.000_171_69, "b": 0.007_963, "rho": 0.1853, "m": 0.015_71, "sigma": 0.030_23,
              "years": 4 / 365, "rms_error": 0.0017, "points": 81, "butterfly_free": False},
    "term": [
        {"expiry": EXPIRY, "days_to_expiry": 4, "forward": 24_080.254, "atm_strike": 24_100.0,
         "atm_iv": 0.12345, "straddle": 288.5, "forward_vol": None,
         "negative_calendar_variance": None},
        {"expiry": date(2026, 12, 29), "days_to_expiry": 39, "forward": 24_489.12,
         "atm_strike": None, "atm_iv": 0.03, "straddle": None, "forward_vol": None,
         "negative_calendar_variance": True},
    ],
}  # fmt: skip
ROWS = [
    # a strike with paise, a huge open interest, a price below intrinsic
    row(24_000.5, "CE", "below_intrinsic", last_price=60.0, bid=60.0, ask=60.1, volume=9_750,
        open_interest=1_234_567_890, oi_change=12_345_678, moneyness="ITM", intrinsic=79.7,
        time_value=-19.7),
    row(24_000.5, "PE", last_price=95.5, bid=95.45, ask=95.55, volume=99_999,
        open_interest=100_000, oi_change=-100_000, moneyness="OTM", intrinsic=0.0,
        time_value=95.5, iv=0.1301, delta=-0.4004, gamma=0.000_81, theta_per_day=-14.2,
        vega_per_pct=9.7, rho_per_pct=-0.011),
    # no bid: one side, nothing known but the ask
    row(24_100.0, "CE", "one_sided", ask=150.0, open_interest=0, oi_change=0, moneyness="ATM",
        intrinsic=0.0),
    row(24_100.0, "PE", last_price=160.05, bid=160.0, ask=160.1, volume=65, open_interest=65,
        oi_change=65, moneyness="ATM", intrinsic=19.7, time_value=140.35, iv=0.12345,
        delta=-0.5187, gamma=0.001_102, theta_per_day=-17.13, vega_per_pct=10.28,
        rho_per_pct=-0.0177),
    row(24_200.0, "CE", "no_time_value", last_price=0.05, volume=0, open_interest=None,
        moneyness="OTM", intrinsic=0.0, delta=0.0, gamma=0.0, theta_per_day=0.0,
        vega_per_pct=0.0, rho_per_pct=0.0),
    row(24_200.0, "PE", "no_price", moneyness="ITM", intrinsic=119.6),
    # a strike of which the source lists one side alone
    row(24_300.0, "CE", "wide", bid=1.0, ask=99.0, moneyness="OTM", intrinsic=0.0),
]  # fmt: skip


def chain(*, greeks: bool, **changes: Any) -> Result:
    frame = pl.DataFrame(ROWS, schema=TYPES)
    return replace(
        Result(
            kind="chain", rows=frame if greeks else frame.drop(GREEKS), summary=FACTS, as_of=AT,
            source="lake", selected=True, rows_follow=False,
        ),
        **changes,
    )  # fmt: skip


def expired() -> Result:
    facts = {
        **FACTS, "years": -5 / 365, "days_to_expiry": -5, "forward": None, "forward_source": None,
        "forward_pairs": 0, "atm_strike": None, "atm_iv": None, "expected_move": None,
        "straddle": None, "lot_size": None, "expires_at": None, "max_pain": None,
    }  # fmt: skip
    rows = [{**held, **dict.fromkeys(GREEKS), "iv_status": "expired"} for held in ROWS[:4]]
    return chain(greeks=True, rows=pl.DataFrame(rows, schema=TYPES), summary=facts)


def one_contract(held: dict[str, Any], **facts: Any) -> Result:
    names = ["price", "iv", "iv_status", *GREEKS[2:]]
    inputs = {"tradingsymbol": held["tradingsymbol"], "underlying": "NIFTY", "forward": 24_080.254,
              "spot": None, "strike": held["strike"], "expiry": EXPIRY,
              "option_type": held["option_type"], "years": 4 / 365, "rate": 0.065,
              "model": "black76"}  # fmt: skip
    numbers = {**held, "price": held["last_price"]}
    return Result(
        kind="greeks", rows=[inputs | {name: numbers[name] for name in names}], as_of=AT,
        source="lake", summary={**FACTS, "price_source": "mid", **facts},
    )  # fmt: skip


def results() -> dict[str, Result]:
    typed = one_contract(ROWS[1], forward_source="given", price_source=None)
    record = {k: v for k, v in dict(next(typed.records())).items()
              if k not in {"tradingsymbol", "underlying"}}  # fmt: skip
    return {
        "chain": chain(greeks=False),
        "chain_greeks": chain(greeks=True),
        "chain_simulated": chain(greeks=True, simulated=True, source="sim"),
        "chain_rows": chain(greeks=True, rows_follow=True, highlight=("time_value",)),
        "chain_more": chain(greeks=True, summary=FACTS | MORE),
        "chain_where_iv": chain(greeks=True, rows_follow=True, highlight=("iv",)),
        "chain_unfitted": chain(greeks=False, summary={**FACTS, "smile": None}),
        "chain_empty": chain(greeks=True, rows=pl.DataFrame(schema=TYPES), rows_follow=True),
        "chain_expired": expired(),
        "greeks_listed": one_contract(ROWS[3]),
        "greeks_no_price": one_contract(ROWS[5], price_source=None),
        "greeks_typed": replace(typed, rows=[record], source="typed in"),
        "greeks_columns": replace(typed, rows=[{"iv": 0.12345, "delta": None}]),
    }


@pytest.mark.parametrize("width", [60, 80, 120, 140])
@pytest.mark.parametrize("name", sorted(results()))
def test_screen(name: str, width: int) -> None:
    text = drawn(results()[name], width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    compare(f"{name}_{width}.txt", text)


@pytest.mark.parametrize("name", ["chain_greeks", "chain_empty", "greeks_no_price"])
def test_machine_formats(name: str) -> None:
    result = results()[name]
    compare(f"{name}.json", "".join(serialise.to_json(result, generated_at=NOW)))
    compare(f"{name}.csv", "".join(serialise.to_csv(result)))
    compare(f"{name}.ndjson", "".join(serialise.to_ndjson(result)))
