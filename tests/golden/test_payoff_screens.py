"""Screens of `payoff`, compared byte for byte with files; the rows are written by hand.

After a change that is meant: `REGENERATE=1 pytest tests/golden/test_payoff_screens.py`; read the
diff.
"""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from alphastock_cli.actions.result import Result
from alphastock_cli.views.screens import render
from tests.conftest import IST
from tests.golden.test_screens import NOW, compare, drawn

AT = datetime(2026, 11, 20, 15, 40, tzinfo=IST)
EXPIRY = date(2026, 11, 24)


def leg(
    quantity: int, strike: float, kind: str, price: float | None, **more: Any
) -> dict[str, Any]:
    name = f"NIFTY26NOV{strike:g}{kind}"
    return {"leg": name, "tradingsymbol": name, "side": "BUY" if quantity > 0 else "SELL",
            "kind": kind, "quantity": quantity, "lot_size": 65, "strike": strike, "expiry": EXPIRY,
            "price": price, "price_source": "mid", "iv": 0.1234, "delta": 0.5, **more}  # fmt: skip


CONDOR = [leg(65, 23_800.0, "PE", 20.5), leg(-65, 24_000.0, "PE", 60.5),
          leg(-65, 24_200.0, "CE", 70.2), leg(65, 24_400.0, "CE", 25.0)]  # fmt: skip
FACTS: dict[str, Any] = {
    "underlying": "NIFTY", "strategy": "iron_condor", "spot": 24_080.0, "forward": 24_095.254,
    "expiry": EXPIRY, "days_to_expiry": 4, "max_profit": 5538.0, "max_loss": -7462.0,
    "max_profit_unbounded": False, "max_loss_unbounded": False,
    "breakevens": [23_914.8, 24_285.2], "approximate": False, "probability_of_profit": 0.5123,
    "probability_of_profit_smile": 0.498, "net_premium": 5538.0, "charges": Decimal("123.40"),
    "net_greeks": {"delta": -1.2, "gamma": -0.0123, "theta_per_day": 812.1,
                   "vega_per_pct": None, "rho_per_pct": 0.2},
    "margin": Decimal("62000.25"), "margin_source": "estimate: 16 scenarios",
    "margin_parts": {"span": Decimal("12000.25"), "exposure": Decimal(55_538), "premium":
                     Decimal(-5538)},
    "legs": CONDOR, "payoff_today_at": AT, "iv_shift": 0.0, "iv_flat": None,
}  # fmt: skip


def at_expiry(price: float) -> float:
    """Return what the condor pays: a table mountain."""
    fall = min(max(24_000 - price, price - 24_200, 0.0), 200.0)
    return 65 * (85.2 - fall)


def rows(*, today: bool = True) -> list[dict[str, Any]]:
    prices = [23_200.0 + 20 * step for step in range(86)]
    return [
        {"underlying_price": price, "payoff_expiry": at_expiry(price),
         "payoff_today": -900 - ((price - 24_090) / 900) ** 2 * 6000 if today else None}
        for price in prices
    ]  # fmt: skip


def payoff(**changes: Any) -> Result:
    made = Result(kind="payoff", rows=rows(), summary=FACTS, as_of=AT, source="lake",
                  rows_follow=False)  # fmt: skip
    return replace(made, **changes)


def results() -> dict[str, Result]:
    call = [{"underlying_price": 24_000.0 + 10 * step,
             "payoff_expiry": 65.0 * (max(10.0 * step - 100, 0) - 1_234_567.0 * (step == -1)),
             "payoff_today": None} for step in range(40)]  # fmt: skip
    bare = {
        **FACTS, "max_profit": None, "max_profit_unbounded": True, "breakevens": [],
        "probability_of_profit": None, "probability_of_profit_smile": None, "margin": None,
        "margin_source": "no estimate: NIFTY 24100 CE has no volatility", "charges": None,
        "margin_parts": {}, "legs": [leg(65, 24_100.0, "CE", None, iv=None, delta=None)],
        "strategy": None, "spot": None, "net_premium": None,
    }  # fmt: skip
    later = {
        **FACTS, "approximate": True, "iv_shift": -0.02,
        "payoff_today_at": datetime(2026, 11, 23, 15, 40, tzinfo=IST),
    }  # fmt: skip
    return {
        "payoff": payoff(),
        "payoff_simulated": payoff(simulated=True, source="sim"),
        "payoff_bare": payoff(rows=call, summary=bare),
        "payoff_later": payoff(summary=later),
        "payoff_rows": payoff(rows=rows()[:3], rows_follow=True),
        "payoff_unknown": payoff(rows=[], summary={"underlying": "NIFTY"}),
    }


@pytest.mark.parametrize("width", [60, 80, 120, 160])
@pytest.mark.parametrize("name", sorted(results()))
def test_screen(name: str, width: int) -> None:
    text = drawn(results()[name], width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    compare(f"{name}_{width}.txt", text)


def test_a_terminal_without_braille_gets_ascii() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    console = Console(file=file, width=80, no_color=True, highlight=False)
    parts = list(render(payoff(), now=NOW, width=80))
    console.print(parts[-1])
    file.seek(0)
    text = file.read()
    assert "?" not in text
    compare("payoff_ascii_80.txt", text)
