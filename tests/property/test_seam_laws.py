"""Laws of the comparison of answers: no good one is refused, and a wrong one does not pass."""

from __future__ import annotations

import random
import tempfile
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history
from alphastock_cli.actions.history_jobs import gathered, roomy
from alphastock_cli.analytics import seams
from alphastock_cli.analytics.seams import Verdict
from alphastock_cli.domain.frames import TIME
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit.seam_world import FIRST, LAST, NOW, SESSIONS, Broker, Row, ticks, walk

SEEDS = st.integers(0, 10**9)
LEVELS = st.sampled_from([0.35, 2.0, 9.0, 60.0, 800.0, 24_000.0])
MINUTES = st.sampled_from([1, 5, 15, 60])
Candle = tuple[datetime, float, float, float, float]


def series(seed: object, level: float, minutes: int, days: int = 1) -> list[Candle]:
    found = []
    for day in SESSIONS[:days]:
        many = -(-375 // minutes)
        begin = datetime.combine(day, time(9, 15), IST)
        found += [(begin + timedelta(minutes=minutes * n), *prices)
                  for n, prices in enumerate(walk(f"{seed} {day}", level, many))]  # fmt: skip
    return found


def frame(rows: list[Candle]) -> pl.DataFrame:
    names = ("open", "high", "low", "close")
    schema = pl.Schema([("time", TIME), *((name, pl.Float64()) for name in names)])
    return pl.DataFrame(rows, schema=schema, orient="row")


def scaled(rows: list[Candle], factor: float) -> list[Candle]:
    return [(at, *(ticks(price * factor) for price in prices)) for at, *prices in rows]  # type: ignore[misc]


def spoilt_in_good_faith(rows: list[Candle], dice: random.Random) -> list[Candle]:
    """Revise the last three candles of each session and the first price, and leave some out."""
    by_day: dict[date, list[Candle]] = {}
    for row in rows:
        by_day.setdefault(row[0].date(), []).append(row)
    found: list[Candle] = []
    for held in by_day.values():
        at, *prices = held[0]
        held[0] = (at, ticks(prices[0] * dice.uniform(0.97, 1.03)), *prices[1:])  # type: ignore[assignment]
        for number in range(max(0, len(held) - 3), len(held)):
            at, *prices = held[number]
            held[number] = (at, *(ticks(p * dice.uniform(0.9, 1.1)) for p in prices))  # type: ignore[assignment]
        gaps = dice.choice([0.0, 0.1, 0.5, 0.9])
        found += [row for row in held if dice.random() >= gaps]
    return found


@given(SEEDS, LEVELS, MINUTES, st.integers(1, 3))
def test_revised_ends_missing_minutes_and_auctions_never_refuse(
    seed: int, level: float, minutes: int, days: int
) -> None:
    dice = random.Random(seed)
    held = series(seed, level, minutes, days)
    left = [row for row in held if dice.random() >= dice.choice([0.0, 0.3])]
    new = spoilt_in_good_faith(held, dice)
    for one, two in ((left, new), (new, held)):
        found = seams.candles(frame(one), frame(two), tick=0.05)
        assert found.verdict in {Verdict.SAME, Verdict.UNKNOWN}


@given(SEEDS, LEVELS, MINUTES)
def test_an_answer_is_the_same_as_itself(seed: int, level: float, minutes: int) -> None:
    rows = frame(series(seed, level, minutes))
    assert seams.candles(rows, rows).verdict is Verdict.SAME


@given(SEEDS, st.sampled_from([60.0, 800.0, 24_000.0]), st.sampled_from([5, 15, 1]),
       st.sampled_from([0.1, 0.2, 0.5, 2 / 3, 0.8, 0.95, 2.0, 10.0]))  # fmt: skip
def test_one_ratio_is_another_scale(seed: int, level: float, minutes: int, factor: float) -> None:
    held = series(seed, level, minutes)
    new = scaled(held, factor)
    found = seams.candles(frame(held), frame(new), tick=0.05)
    assert found.verdict is not Verdict.SAME
    if level * factor >= 40.0:  # below, a session moves by hardly more than its ticks
        assert found.verdict is Verdict.SCALED
        assert found.ratio is not None
        assert abs(found.ratio / factor - 1) < 0.002


@given(SEEDS, st.sampled_from([0.1, 0.5, 0.8, 10.0]), st.integers(4, 17), st.data())
def test_a_split_that_is_adjusted_late_is_no_other_share(
    seed: int, factor: float, days: int, data: st.DataObject
) -> None:
    """The days before the ex-date are on another scale, those since then as they were."""
    rows = [(held[0][0], held[0][1], max(r[2] for r in held), min(r[3] for r in held), held[-1][4])
            for held in ([row for row in series(seed, 800.0, 15, days) if row[0].date() == day]
                         for day in SESSIONS[:days])]  # fmt: skip
    at = data.draw(st.integers(1, days))
    new = [*scaled(rows[:at], factor), *rows[at:]]
    found = seams.candles(frame(rows), frame(new), tick=0.05, daily=True)
    assert found.verdict is not Verdict.OTHER
    if found.verdict is Verdict.SCALED:
        assert found.ratio is not None
        assert abs(found.ratio / factor - 1) < 0.01


@given(SEEDS, st.sampled_from([60.0, 800.0, 24_000.0]), st.floats(0.5, 2.0), MINUTES)
def test_another_share_is_neither_the_same_nor_on_another_scale(
    seed: int, level: float, ratio: float, minutes: int
) -> None:
    held = series(seed, level, minutes, days=3)
    new = series(seed + 1, ticks(level * ratio), minutes, days=3)
    assert seams.candles(frame(held), frame(new), tick=0.05).verdict is Verdict.OTHER


@given(SEEDS, LEVELS, st.integers(1, 18), st.floats(0.1, 1.0), st.data())
def test_ranges_of_the_exchange_never_refuse_its_own_candles(
    seed: int, level: float, days: int, part: float, data: st.DataObject
) -> None:
    """Whatever is missing, and though the scale changes at a split or two that nobody told."""
    dice = random.Random(seed)
    rows = series(seed, level, 15, days)
    published = (
        frame(rows).group_by(date=pl.col("time").dt.date())
        .agg(pl.col("high").max(), pl.col("low").min())
        .with_columns(settled=pl.lit(value=False))
    )  # fmt: skip
    kept = [row for row in rows if dice.random() < part]
    for _ in range(data.draw(st.integers(0, 2))):
        ex_date = data.draw(st.sampled_from(SESSIONS[:days]))
        factor = data.draw(st.sampled_from([0.1, 0.5, 0.8, 10.0]))
        kept = [row if row[0].date() >= ex_date else scaled([row], factor)[0] for row in kept]
    found = seams.days(frame(kept), published, tick=0.05)
    assert found.verdict in {Verdict.SAME, Verdict.UNKNOWN}
    if not data.draw(st.booleans()):
        settled = published.with_columns(settled=pl.lit(value=True))
        whole = [row for row in rows if dice.random() < part]
        assert seams.days(frame(whole), settled, tick=0.05).verdict is not Verdict.OTHER


@given(st.sets(st.integers(0, 400), min_size=1), st.integers(1, 70), st.booleans())
def test_room_for_an_overlap_costs_no_call_and_loses_no_day(
    days: set[int], longest: int, before: bool  # noqa: FBT001 - generated
) -> None:  # fmt: skip
    wanted = [date(2025, 1, 1) + timedelta(days=n) for n in sorted(days)]
    spans = roomy(wanted, longest, before=before)
    assert len(spans) == len(gathered(wanted, longest))
    assert all((last - first).days < longest for first, last in spans)
    assert all(sum(first <= day <= last for first, last in spans) == 1 for day in wanted)


@settings(max_examples=25)
@given(SEEDS, st.sampled_from(["15minute", "60minute"]), st.integers(1, 20),
       st.lists(st.integers(0, len(SESSIONS) - 1), min_size=1, max_size=4))  # fmt: skip
def test_fetches_in_any_pieces_with_good_answers_store_what_one_fetch_stores(
    seed: int, interval: str, longest: int, ends: list[int]
) -> None:
    """Each answer lacks candles at random and revises the last: none is refused for that."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as text:
        clock = ManualClock(NOW)
        broker, lake = Broker(clock, longest=longest), Lake(Path(text))

        def spoil(_: str, rows: list[Row]) -> list[Row]:
            kept = [row for row in rows if dice.random() > 0.2]
            for row in kept[-3:]:
                row[4], row[5] = row[dice.choice([2, 3])], row[5] + 1
            return kept

        broker.spoil = spoil
        for end in [*ends, len(SESSIONS) - 1]:
            fetch_history(broker, lake, clock, HistoryRequest(
                symbols=("SBIN",), interval=interval, first=FIRST, last=SESSIONS[end]
            ))  # fmt: skip
        held = lake.scan(f"candles_{interval}").collect()
        true = {row[0]: row[1:] for row in broker.rows("SBIN", (FIRST, LAST), Interval(interval))}
        for at, opens in held.select("time", "open").iter_rows():
            assert opens == true[f"{at:%Y-%m-%dT%H:%M:%S%z}"][0]
        assert lake.scan("rejects").collect().is_empty()
