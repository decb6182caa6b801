"""Closes of the session before, of the simulated exchange: what its chain showed then."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from alphastock_cli.errors import UnknownName
from alphastock_cli.providers.sim import SimExchange
from tests.conftest import IST, ManualClock

NEAR, WEEK = date(2026, 11, 23), date(2026, 12, 1)


def sim(*moment: int) -> SimExchange:
    return SimExchange(ManualClock(datetime(*moment, tzinfo=IST)), seed=42, universe=60)


@pytest.mark.parametrize("symbol", ["NIFTY", "SBIN"])
def test_they_are_the_last_prices_of_the_evening_before(symbol: str) -> None:
    rows = sim(2026, 11, 20, 11, 7).previous_closes(symbol, NEAR)
    assert rows is not None
    then = sim(2026, 11, 19, 18).option_chain(symbol, NEAR)
    both = rows.join(then, on=["strike", "option_type"])
    assert both.height > 40
    assert both["previous_close"].to_list() == both["last_price"].to_list()


def test_an_expiry_listed_since_then_has_none() -> None:
    new = sim(2026, 10, 28, 11)
    fresh = set(new.expiries("NIFTY")) - set(sim(2026, 10, 27, 11).expiries("NIFTY"))
    assert fresh == {date(2027, 1, 25)}
    assert new.previous_closes("NIFTY", fresh.pop()) is None
    assert new.previous_closes("NIFTY", NEAR) is not None
    with pytest.raises(UnknownName):
        new.previous_closes("NIFTY", date(2026, 11, 26))
