"""Laws of candles: gathering keeps what can be kept, a replay tells a growing beginning."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics.resample import END, finer, gathered, with_ends
from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.exchange.calendar import Segment
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.replay import Replay
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

DAY, BROKEN = date(2024, 8, 22), date(2024, 3, 2)
STRETCHES = {DAY: [("09:15", 375)], BROKEN: [("09:15", 45), ("11:30", 60)]}
COARSE = [each for each in Interval if each.is_intraday and each is not Interval.MINUTE]
SHARE = Instrument(exchange=Exchange.NSE, tradingsymbol="SBIN", asset_type=AssetType.EQUITY)


def moments(day: date) -> list[datetime]:
    return [
        datetime.combine(day, time.fromisoformat(clock), IST) + timedelta(minutes=n)
        for clock, count in STRETCHES[day]
        for n in range(count)
    ]


@st.composite
def minutes(draw: st.DrawFn, days: tuple[date, ...] = (DAY, BROKEN)) -> pl.DataFrame:
    """Draw minutes of a day, some missing, at prices that keep their order."""
    day = draw(st.sampled_from(days))
    kept = sorted(draw(st.sets(st.sampled_from(moments(day)), min_size=1, max_size=60)))
    price = st.integers(100, 900)
    rows = []
    for moment in kept:
        first, last = draw(price), draw(price)
        rows.append(
            {"time": moment, "exchange": "NSE", "symbol": "SBIN", "open": float(first),
             "close": float(last), "high": float(max(first, last) + draw(st.integers(0, 9))),
             "low": float(min(first, last) - draw(st.integers(0, 9))),
             "volume": draw(st.integers(0, 10**9))}
        )  # fmt: skip
    return conform(pl.DataFrame(rows), CANDLES, what="test")


@given(frame=minutes(), interval=st.sampled_from(COARSE))
def test_gathering_keeps_volume_extremes_and_ends(frame: pl.DataFrame, interval: Interval) -> None:
    made = gathered(frame, interval)
    assert made["volume"].sum() == frame["volume"].sum()
    assert made["high"].max() == frame["high"].max()
    assert made["low"].min() == frame["low"].min()
    assert made["open"][0] == frame["open"][0]
    assert made["close"][-1] == frame["close"][-1]
    assert made["time"].is_sorted()
    assert made["time"].is_unique().all()
    assert set(made["time"]) <= set(frame["time"])
    assert made.select(
        ((pl.col("low") <= pl.min_horizontal("open", "close"))
         & (pl.max_horizontal("open", "close") <= pl.col("high"))).all()
    ).item()  # fmt: skip


@given(frame=minutes(), interval=st.sampled_from(COARSE))
def test_a_block_holds_the_minutes_counted_from_the_opening(
    frame: pl.DataFrame, interval: Interval
) -> None:
    """The second route: a dictionary of blocks, filled minute by minute."""
    length = int(interval.length.total_seconds() // 60)
    opening = moments(frame["time"][0].date())[0]
    blocks: dict[int, list[dict[str, float]]] = {}
    for row in frame.iter_rows(named=True):
        blocks.setdefault((row["time"] - opening) // timedelta(minutes=length), []).append(row)
    expected = [
        (rows[0]["time"], rows[0]["open"], max(r["high"] for r in rows),
         min(r["low"] for r in rows), rows[-1]["close"], sum(r["volume"] for r in rows))
        for _, rows in sorted(blocks.items())
    ]  # fmt: skip
    made = gathered(frame, interval)
    assert made.select("time", "open", "high", "low", "close", "volume").rows() == expected


@given(frame=minutes(days=(DAY,)), interval=st.sampled_from(COARSE), data=st.data())
def test_gathering_in_two_steps_is_gathering_in_one(
    frame: pl.DataFrame, interval: Interval, data: st.DataObject
) -> None:
    between = data.draw(st.sampled_from(finer(interval)))
    steps = gathered(gathered(frame, between), interval, source=between)
    assert steps.equals(gathered(frame, interval))


@given(
    frame=minutes(),
    interval=st.sampled_from([Interval.MINUTE, *COARSE]),
    seconds=st.tuples(st.integers(0, 43_200), st.integers(0, 43_200)),
)
def test_what_is_known_later_begins_with_what_was_known_earlier(
    frame: pl.DataFrame, interval: Interval, seconds: tuple[int, int]
) -> None:
    midnight = datetime.combine(frame["time"][0].date(), time(), IST)
    early, late = sorted(midnight + timedelta(hours=8, seconds=n) for n in seconds)
    first, second = (gathered(frame, interval, moment) for moment in (early, late))
    assert first.equals(second.head(first.height))
    # a candle is told as if the future were not stored at all
    past = frame.filter(pl.col("time") + timedelta(minutes=1) <= early)
    assert gathered(past, interval, early).equals(first)


@given(frame=minutes(), interval=st.sampled_from([Interval.MINUTE, *COARSE]))
def test_a_candle_is_over_after_its_last_minute_and_within_its_length(
    frame: pl.DataFrame, interval: Interval
) -> None:
    ended = with_ends(gathered(frame, interval), interval, Segment.EQUITY)
    assert (ended[END] > ended["time"]).all()
    assert (ended[END] - ended["time"] <= interval.length).all()
    last = frame["time"][-1] + timedelta(minutes=1)
    assert ended[END].max() >= last  # type: ignore[operator]
    assert ended[END].max() <= moments(last.date())[-1] + timedelta(minutes=1)  # type: ignore[operator]


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    with tempfile.TemporaryDirectory() as folder:
        made = Lake(Path(folder) / "lake")
        for day in (DAY, DAY - timedelta(days=1)):
            STRETCHES.setdefault(day, STRETCHES[DAY])
            rows = [
                {"time": moment, "exchange": "NSE", "symbol": "SBIN", "open": 100.0 + n % 7,
                 "high": 109.0 + n % 11, "low": 90.0 - n % 5, "close": 100.0 + n % 3, "volume": n}
                for n, moment in enumerate(moments(day)) if n % 13
            ]  # fmt: skip
            made.upsert("candles_minute", conform(pl.DataFrame(rows), CANDLES, what="test"))
        yield made


@settings(max_examples=60)
@given(
    interval=st.sampled_from([Interval.MINUTE, *COARSE]),
    seconds=st.tuples(st.integers(0, 30_000), st.integers(0, 30_000)),
)
def test_a_replay_tells_a_growing_beginning_and_what_the_lake_told_then(
    lake: Lake, interval: Interval, seconds: tuple[int, int]
) -> None:
    opening = datetime.combine(DAY, time(9), IST)
    early, late = sorted(opening + timedelta(seconds=n) for n in seconds)
    clock = ManualClock(early)
    replay = Replay(lake, clock, DAY)
    start, end = opening - timedelta(days=2), opening + timedelta(days=1)
    known = replay.candles(SHARE, interval, start, end)
    ended = with_ends(known, interval, Segment.EQUITY)
    assert (ended[END] <= early).all()
    assert known.equals(LakeProvider(lake, clock, early).candles(SHARE, interval, start, end))
    quote, candle = replay.quotes([SHARE.key]).get(SHARE.key), replay.candle(SHARE.key)
    assert (quote is None) == (candle is None)
    if quote is not None and candle is not None:
        assert quote.time == candle.end <= early
        assert quote.last_price == candle.close
        told = replay.candles(SHARE, Interval.MINUTE, opening, end)
        assert (quote.open, quote.high, quote.low, quote.volume) == (
            told["open"][0], told["high"].max(), told["low"].min(), told["volume"].sum(),
        )  # fmt: skip
    clock.advance(late - early)
    later = replay.candles(SHARE, interval, start, end)
    assert known.equals(later.head(known.height))
