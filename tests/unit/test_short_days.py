"""Which holes in candles are none for want of trades: against trades drawn by chance."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta

import polars as pl
import pytest

from alphastock_cli.actions.history_doubts import short_days
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.exchange.calendar import Segment
from tests.conftest import IST
from tests.unit.seam_world import SESSIONS


def minutes(seed: int, rate: float, days: int, lost: float = 0.0) -> pl.DataFrame:
    """Return candles of trades that come by chance, `rate` a minute; some are lost."""
    dice, rows = random.Random(seed), []
    for day in SESSIONS[:days]:
        for number in range(375):
            left, trades = dice.expovariate(1.0), 0
            while left < rate:
                trades, left = trades + 1, left + dice.expovariate(1.0)
            if not trades or dice.random() < lost:
                continue
            prices = [round(500 + dice.gauss(0, 1), 2) for _ in range(trades)]
            at = datetime.combine(day, time(9, 15), IST) + timedelta(minutes=number)
            rows.append((at, prices[0], max(prices), min(prices), prices[-1]))
    return pl.DataFrame(rows, schema=["time", "open", "high", "low", "close"], orient="row")


@pytest.mark.parametrize("rate", [0.3, 1.0, 2.0, 3.0, 4.5, 6.0])
@pytest.mark.parametrize("days", [2, 8, 20])
def test_a_share_that_is_seldom_traded_is_in_no_doubt(rate: float, days: int) -> None:
    for seed in range(3):
        frame = minutes(seed, rate, days)
        found = short_days(frame, SESSIONS[:days], Segment.EQUITY, Interval.MINUTE, index=False)
        assert found == {}


@pytest.mark.parametrize("rate", [8.0, 20.0])
@pytest.mark.parametrize("lost", [0.05, 0.1, 0.3])
def test_a_share_that_is_traded_too_often_for_its_holes(rate: float, lost: float) -> None:
    frame = minutes(3, rate, 8, lost)
    found = short_days(frame, SESSIONS[:8], Segment.EQUITY, Interval.MINUTE, index=False)
    assert sorted(found) == list(SESSIONS[:8])


def test_a_session_alone_is_looked_at_between_its_candles() -> None:
    frame = minutes(1, 20.0, 1)
    day = SESSIONS[0]

    def short(rows: pl.DataFrame) -> list[date]:
        return sorted(short_days(rows, [day], Segment.EQUITY, Interval.MINUTE, index=True))

    assert short(frame) == []
    assert short(frame[:200]) == [], "where it ends nobody can say"
    assert short(pl.concat([frame[:200], frame[210:]])) == [day]
    assert short(frame.clear()) == []
