"""Laws of ticks: nothing is lost on the way to minutes, nothing appears outside the hours."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics.hours import MINUTE
from alphastock_cli.analytics.ticks import (
    far_from,
    minute_candles,
    not_falling,
    ordered,
    reverting_jumps,
)
from alphastock_cli.domain.frames import TIME
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.store.tick_checks import read_prices
from tests.conftest import IST

NOW = datetime(2024, 8, 25, 18, tzinfo=IST)
WED = date(2024, 8, 21)
Tick = tuple[datetime, float, int]


@st.composite
def recordings(draw: st.DrawFn) -> list[Tick]:
    """Return ticks of one session in order: gaps of seconds and minutes, a volume that rises."""
    steps = st.one_of(st.integers(0, 5), st.integers(20, 200))
    moment = datetime(2024, 8, 22, 9, 15, draw(st.integers(0, 59)), tzinfo=IST)
    volume, found = draw(st.integers(0, 10_000)), []
    for _ in range(draw(st.integers(1, 60))):
        found.append((moment, draw(st.integers(95, 110)) / 1.0, volume))
        moment += timedelta(seconds=draw(steps))
        volume += draw(st.integers(0, 500))
    return found


def frame(ticks: list[Tick]) -> pl.DataFrame:
    schema = pl.Schema({"timestamp": TIME, "price": pl.Float64(), "volume": pl.Int64()})
    return ordered(pl.DataFrame(ticks, schema=schema, orient="row"))


@given(recordings())
def test_extremes_ends_and_volume_survive(ticks: list[Tick]) -> None:
    made = minute_candles(frame(ticks))
    held = sorted(ticks, key=lambda tick: (tick[0], tick[2]))
    prices = [price for _, price, _ in held]
    assert (made["high"].max(), made["low"].min()) == (max(prices), min(prices))
    assert (made["open"][0], made["close"][-1]) == (prices[0], prices[-1])
    minutes = {moment.replace(second=0) for moment, _, _ in held}
    assert made["time"].to_list() == sorted(minutes)
    inside = (made["low"] <= made["open"]) & (made["open"] <= made["high"])
    assert inside.all()
    # what was traded before the first tick, or while nothing was recorded, is in no candle
    dense = 2 * len(minutes) > (max(minutes) - min(minutes)).total_seconds() / 60 + 1
    lost = sum(
        after[2] - before[2] for before, after in pairwise(held)
        if dense and after[0].replace(second=0) - before[0].replace(second=0) > timedelta(minutes=5)
    )  # fmt: skip
    assert made["volume"].sum() == held[-1][2] - held[0][2] - lost
    assert (made["volume"] >= 0).all()


@given(st.lists(st.integers(0, 6), max_size=9))
def test_the_fewest_values_are_left_out_by_brute_force(values: list[int]) -> None:
    kept = not_falling(np.array(values, dtype=np.int64))
    left = [value for value, keep in zip(values, kept, strict=True) if keep]
    assert left == sorted(left)
    best = max(
        (mask.bit_count() for mask in range(2 ** len(values))
         if (chosen := [v for n, v in enumerate(values) if mask >> n & 1]) == sorted(chosen)),
        default=0,
    )  # fmt: skip
    assert len(left) == best


def by_the_rule(seconds: list[int], prices: list[float]) -> list[bool]:
    """Return the refused ticks as the rule says it, one tick after another."""
    refused, place = [False] * len(prices), 1
    while place < len(prices):
        last = prices[place - 1]
        if abs(prices[place] - last) <= 0.2 * last:
            place += 1
            continue
        later = [
            n for n in range(place, len(prices))
            if seconds[n] - seconds[place] <= 300 and abs(prices[n] - last) <= 0.2 * last
        ]  # fmt: skip
        back = later[0] if later else place
        refused[place:back] = [True] * (back - place)
        place = back + 1
    return refused


@given(st.lists(st.tuples(st.integers(0, 120), st.sampled_from([80.0, 99.0, 100.0, 121.0, 160.0])),
                min_size=1, max_size=25))  # fmt: skip
def test_jumps_are_those_of_the_rule(steps: list[tuple[int, float]]) -> None:
    seconds = list(accumulate(step for step, _ in steps))
    prices = [price for _, price in steps]
    times = np.array(seconds, dtype=np.int64) * (MINUTE // 60)
    found = reverting_jumps(times, np.array(prices), far_from)
    assert found.tolist() == by_the_rule(seconds, prices)


moments = st.datetimes(datetime(2024, 8, 20), datetime(2024, 8, 26)) | st.just(datetime(1970, 1, 1))  # noqa: DTZ001 - as files write them


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(moments, st.integers(-5, 200), st.integers(0, 50)), min_size=1,
                max_size=40))  # fmt: skip
def test_never_a_candle_outside_the_hours_and_every_row_accounted_for(
    rows: list[tuple[datetime, int, int]],
) -> None:
    text = "timestamp,ltp,volume\n" + "".join(f"{m},{p},{v}\n" for m, p, v in rows)
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_text(text)
        found = read_prices(
            path, symbol="SBIN", exchange=Exchange.NSE, interval=Interval.MINUTE, now=NOW
        )
    for start in found.candles["time"]:
        clock = start.hour * 60 + start.minute
        assert 9 * 60 + 15 <= clock < 15 * 60 + 30
        assert start.weekday() < 5
    good = sum(int(note.split()[0]) for note in found.notes if " ticks made " in note)
    assert good + found.repeated + found.rejects.height == found.rows == len(rows)
    assert found.candles["time"].is_sorted()
    assert found.candles["time"].is_unique().all()
