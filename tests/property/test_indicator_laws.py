"""Laws of every indicator: nothing looks ahead, the short way equals the long one, null not NaN."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics import indicators
from alphastock_cli.analytics.indicators import INDICATORS

NAMES = list(INDICATORS)
FIRST = date(2024, 1, 1)
SCHEMA = {
    "symbol": pl.String, "date": pl.Date, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Int64,
}  # fmt: skip
INPUTS = ("high", "low", "close", "volume")
# A recursion is a sum of products in which what comes later has the factor 0: no part of the value,
# but how many rows there are may decide the order of the additions, and so the last digit.
ROUNDING = 1e-13
EXACT = [name for name in NAMES if not INDICATORS[name].fades]
IN_RUPEES = {
    "sma_20", "sma_50", "sma_200", "ema_9", "ema_21", "atr", "bollinger_upper", "bollinger_lower",
    "support", "resistance", "sma_50_prev", "sma_200_prev", "high_52w", "low_52w",
}  # fmt: skip


def history(
    symbol: str, length: int, *, seed: int, gaps: float = 0.0, step: float = 0.02
) -> pl.DataFrame:
    """Return a walk in paise; `gaps` is the share of single values that are missing."""
    rng = random.Random(seed)
    price, found = rng.choice([0.9, 55.0, 2_400.0, 140_000.0]), []
    for number in range(length):
        price = max(0.05, price * math.exp(rng.gauss(0.0, step)))
        values = [
            round(price * (1 + rng.random() / 50), 2), round(price * (1 - rng.random() / 50), 2),
            round(price, 2), rng.choice([0, rng.randrange(10**7)]),
        ]  # fmt: skip
        kept = [None if rng.random() < gaps else value for value in values]
        found.append((symbol, FIRST + timedelta(days=number), *kept))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


lengths = st.one_of(st.integers(1, 70), st.integers(190, 270))
seeds = st.integers(0, 2**32)
gaps = st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.5])


@st.composite
def markets(draw: st.DrawFn) -> pl.DataFrame:
    count = draw(st.integers(1, 4))
    return pl.concat(
        history(
            f"S{number}", draw(lengths), seed=draw(seeds), gaps=draw(gaps),
            step=draw(st.sampled_from([0.0, 0.01, 0.05])),
        )
        for number in range(count)
    )  # fmt: skip


def differing(got: pl.DataFrame, expected: pl.DataFrame, *, relative: float) -> list[str]:
    """Return the indicators that differ: in what is null, or by more than `relative`.

    Values are measured against the price where that is larger: a band may lie next to zero.
    """
    assert got.shape == expected.shape
    assert got.select("symbol", "date").equals(expected.select("symbol", "date"))
    found = []
    for name in NAMES:
        size = pl.col("b").abs()
        if name in IN_RUPEES:
            size = pl.max_horizontal(size, "close")
        pairs = pl.DataFrame({"a": got[name], "b": expected[name], "close": expected["close"]})
        far = pairs.filter(
            (pl.col("a").is_null() != pl.col("b").is_null())
            | ((pl.col("a") - pl.col("b")).abs() > relative * size + 1e-12)
        )
        if far.height:
            found.append(f"{name}: {far.row(0)[:2]}")
    return found


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 270), st.integers(1, 270), gaps)
def test_nothing_looks_ahead(seed: int, seen: int, more: int, missing: float) -> None:
    """What is known after `seen` sessions stays as it is, whatever comes later."""
    whole = history("A", min(seen + more, 300), seed=seed, gaps=missing)
    now = indicators.panel(whole.head(seen), NAMES)
    made = indicators.panel(whole, NAMES).head(seen)
    assert made.select(EXACT).equals(now.select(EXACT))
    assert differing(made, now, relative=ROUNDING) == []


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(62, 270))
def test_another_future_changes_nothing(seed: int, seen: int) -> None:
    past = history("A", seen, seed=seed)
    wild = history("A", 40, seed=seed + 1, step=0.3).with_columns(
        pl.col("date") + pl.duration(days=seen)
    )
    made = indicators.panel(pl.concat([past, wild]), NAMES).head(seen)
    now = indicators.panel(past, NAMES)
    assert made.select(EXACT).equals(now.select(EXACT))
    assert differing(made, now, relative=ROUNDING) == []


@settings(max_examples=50, deadline=None)
@given(markets())
def test_latest_is_the_last_row_of_the_panel(rows: pl.DataFrame) -> None:
    panel = indicators.panel(rows, NAMES)
    last = panel.group_by("symbol", maintain_order=True).last().select(panel.columns)
    got = indicators.latest(rows, NAMES)
    assert got.columns == panel.columns
    assert got.schema == panel.schema
    assert differing(got, last, relative=1e-9) == []


@pytest.fixture(scope="module")
def holed() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return last rows of the panel and `latest` of histories with one value missing each."""
    whole, found = history("A", 300, seed=7), []
    for column in INPUTS:
        for ago in (0, 1, 5, 30, 100, 259, 299):
            hole = pl.when(pl.int_range(pl.len()) != 299 - ago).then(pl.col(column))
            key = pl.lit(f"{column} missing {ago} ago").alias("symbol")
            found.append(whole.with_columns(key, hole.alias(column)))
    rows = pl.concat(found).sort("symbol", "date")
    panel = indicators.panel(rows, NAMES)
    last = panel.group_by("symbol", maintain_order=True).last().select(panel.columns)
    return last, indicators.latest(rows, NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_latest_with_one_value_missing(name: str, holed: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    last, got = holed
    expected = dict(last.select("symbol", name).rows())
    for symbol, value in got.select("symbol", name).rows():
        known = expected[symbol]
        assert value == (None if known is None else pytest.approx(known, rel=1e-9)), symbol


@settings(max_examples=25, deadline=None)
@given(markets())
def test_missing_is_null_never_nan_or_infinite(rows: pl.DataFrame) -> None:
    for frame in (indicators.panel(rows, NAMES), indicators.latest(rows, NAMES)):
        bad = frame.select(
            [(pl.col(name).is_nan() | pl.col(name).is_infinite()).any() for name in NAMES]
        )
        assert not any(bad.row(0)), bad


@settings(max_examples=25, deadline=None)
@given(seeds, lengths, st.sampled_from([0.5, 4.0, 1024.0]))
def test_another_unit_of_money_scales_rupees_and_leaves_ratios(
    seed: int, length: int, scale: float
) -> None:
    """Powers of two scale floats exactly; a split of a whole history is nothing else."""
    rows = history("A", length, seed=seed)
    plain = indicators.panel(rows, NAMES)
    scaled = indicators.panel(
        rows.with_columns(pl.col("high", "low", "close") * scale), NAMES
    ).with_columns(pl.col(name) / scale for name in (*IN_RUPEES, "high", "low", "close"))
    assert differing(scaled, plain, relative=1e-9) == []


@settings(max_examples=20, deadline=None)
@given(seeds, lengths, st.sampled_from([2, 1_000]))
def test_volumes_in_another_unit_leave_their_ratio(seed: int, length: int, scale: int) -> None:
    rows = history("A", length, seed=seed)
    more = rows.with_columns(pl.col("volume") * scale)
    plain, scaled = (indicators.panel(frame, NAMES) for frame in (rows, more))
    assert differing(scaled, plain, relative=1e-9) == []


@settings(max_examples=20, deadline=None)
@given(markets(), seeds)
def test_the_order_of_rows_and_other_symbols_do_not_matter(rows: pl.DataFrame, seed: int) -> None:
    whole = indicators.panel(rows.sample(fraction=1.0, shuffle=True, seed=seed % 1000), NAMES)
    alone = pl.concat(
        indicators.panel(part, NAMES) for part in rows.partition_by("symbol", maintain_order=True)
    )
    assert differing(whole, alone, relative=1e-12) == []


@settings(max_examples=25, deadline=None)
@given(markets())
def test_values_lie_where_they_must(rows: pl.DataFrame) -> None:
    made = indicators.panel(rows, NAMES)
    slack = 1.0 + 1e-9
    laws = {
        "rsi in 0..100": pl.col("rsi").is_between(0.0, 100.0 * slack),
        "atr": pl.col("atr") >= 0.0,
        "volatility": pl.col("volatility") >= 0.0,
        "volume ratio": pl.col("volume_ratio") >= 0.0,
        "bands": pl.col("bollinger_lower") <= pl.col("bollinger_upper") * slack,
        "extremes": (pl.col("low_52w") <= pl.col("high_52w")),
    }
    for law, holds in laws.items():
        assert made.filter(~holds).height == 0, law
