"""Days made of the members of one index alone are those of the whole market, to the last digit."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim.spot import Spot
from alphastock_cli.providers.sim.universe import VIX, shares

DAYS = 400
SESSIONS = calendar.sessions(calendar.Segment.EQUITY, date(2025, 4, 1), date(2026, 11, 20))[:DAYS]


def spot(seed: int) -> Spot:
    return Spot(seed, shares(120))


@pytest.mark.parametrize("seed", [7, 42])
@pytest.mark.parametrize("name", ["NIFTY 50", "NIFTY BANK", VIX])
def test_an_index_alone_is_the_one_of_the_whole_market(seed: int, name: str) -> None:
    alone, whole = spot(seed), spot(seed)
    whole.days(DAYS)
    mine, other = alone.index_rows(name, DAYS), whole.index_rows(name, DAYS)
    assert alone._made is None, "all shares were made for one index"
    for column, values in other.items():
        assert np.array_equal(mine[column], values, equal_nan=True), column
    number = DAYS - 1
    here, there = (each.index_minutes(name, number, SESSIONS) for each in (alone, whole))
    assert here is not None
    assert there is not None
    for column in ("open", "high", "low", "close"):
        assert np.array_equal(getattr(here, column), getattr(there, column))


def test_shares_are_the_same_before_and_after_all_are_made() -> None:
    alone, whole = spot(42), spot(42)
    alone.index_rows("NIFTY 50", DAYS)
    lanes = [lane for lane, share in enumerate(alone.shares) if "NIFTY 50" in share.indices]
    rows = [alone.row(lane, 300, DAYS) for lane in lanes]
    assert alone._made is None
    outside = next(lane for lane in range(120) if lane not in lanes)
    assert alone.row(outside, 300, DAYS) == whole.row(outside, 300, DAYS)
    assert rows == [whole.row(lane, 300, DAYS) for lane in lanes]
    assert rows == [alone.row(lane, 300, DAYS) for lane in lanes]


def test_many_indices_are_made_of_all_shares_at_once() -> None:
    one = spot(42)
    names = sorted({name for share in one.shares for name in share.indices})
    assert len(names) > 4
    for name in names:
        one.index_rows(name, DAYS)
    assert one._made is not None
    assert len(one._parts) <= 3
