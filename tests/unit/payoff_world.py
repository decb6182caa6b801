"""A market with two expiries and futures, and a short way to ask for a payoff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.payoff import payoff
from alphastock_cli.actions.payoff_made import PayoffRequest
from alphastock_cli.actions.result import Result
from alphastock_cli.exchange import closes
from tests.conftest import IST, ManualClock
from tests.unit.chain_market import FAR, MOMENT, NEAR, YEARS, FakeMarket, black76, exact_chain

FAR_YEARS = closes.years_between(MOMENT, datetime(2026, 12, 29, 15, 40, tzinfo=IST))
RATE, VOL = 0.065, 0.14  # of every chain made here
NEAR_FORWARD, FAR_FORWARD = 24_080.0, 24_240.0
FUTURES = pl.DataFrame(
    {
        "tradingsymbol": ["NIFTY26NOVFUT", "NIFTY26DECFUT"], "expiry": [NEAR, FAR],
        "last_price": [24_081.0, 24_239.0], "bid": [24_080.0, None], "ask": [24_081.5, None],
        "lot_size": [65, 65],
    }
)  # fmt: skip


def two_expiries(**near: Any) -> dict:
    """Return chains of NIFTY; `near` goes to the nearer one."""
    far = exact_chain(forward=FAR_FORWARD, years=FAR_YEARS, expiry=FAR)
    return {("NIFTY", NEAR): exact_chain(**near), ("NIFTY", FAR): far}


def market(**near: Any) -> FakeMarket:
    """Return a market of two expiries and two futures."""
    return FakeMarket(two_expiries(**near), future=FUTURES)


def asked(text: str, held: FakeMarket | None = None, /, **words: Any) -> Result:
    """Return the payoff of legs on a market."""
    words.setdefault("rate", Rate())
    clock = ManualClock(MOMENT)
    return payoff(held or market(), clock, PayoffRequest(text=text, **words))


def without(kind: str, strike: float, held: FakeMarket | None = None) -> FakeMarket:
    """Return the market with nobody quoting or trading one contract of the nearer expiry."""
    found = held or market()
    for row in found.chains["NIFTY", NEAR]:
        if (row["option_type"], row["strike"]) == (kind, strike):
            row |= {"bid": None, "ask": None, "last_price": None, "volume": 0}
    return found


def worth(strike: float, kind: str = "CE") -> float:
    """Price an option of the nearer expiry by the book."""
    return black76(NEAR_FORWARD, strike, YEARS, VOL, RATE, kind)
