"""Laws of the library: no look-ahead, three ways to one value, null not NaN, units of money."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics import indicators
from tests.unit.library_makers import INPUTS, NAMES, by_expressions, differing, history

PURE = {
    "adx", "plus_di", "minus_di", "supertrend_direction", "stochastic_k", "stochastic_d", "cci",
    "obv", "mfi", "relative_strength", "zscore_20", "beta_250",
}  # fmt: skip
IN_RUPEES = [name for name in NAMES if name not in PURE]
# 0 below one rupee of flow, whatever the unit: TA-Lib's rule
SCALING = [name for name in NAMES if name != "mfi"]
# made of averages that are matrix products: the last digit may depend on how many rows there are
PRODUCTS = ["keltner_upper", "keltner_lower"]
EXACT = [name for name in NAMES if name not in PRODUCTS]
ROUNDING = 1e-13

lengths = st.one_of(st.integers(1, 90), st.integers(240, 290))
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


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 290), st.integers(1, 60), gaps)
def test_nothing_looks_ahead(seed: int, seen: int, more: int, missing: float) -> None:
    """What is known after `seen` sessions stays as it is, whatever comes later."""
    whole = history("A", seen + more, seed=seed, gaps=missing)
    now = indicators.panel(whole.head(seen), NAMES)
    made = indicators.panel(whole, NAMES).head(seen)
    assert differing(made, now, relative_to=0.0, names=EXACT) == []
    assert differing(made, now, relative_to=ROUNDING, names=PRODUCTS) == []


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(62, 270))
def test_another_future_changes_nothing(seed: int, seen: int) -> None:
    past = history("A", seen, seed=seed)
    wild = history("A", 40, seed=seed + 1, step=0.3).with_columns(
        pl.col("date", "session") + pl.duration(days=seen)
    )
    made = indicators.panel(pl.concat([past, wild]), NAMES).head(seen)
    now = indicators.panel(past, NAMES)
    assert differing(made, now, relative_to=0.0, names=EXACT) == []
    assert differing(made, now, relative_to=ROUNDING, names=PRODUCTS) == []


@settings(max_examples=30, deadline=None)
@given(markets())
def test_latest_is_the_last_row_of_the_panel(rows: pl.DataFrame) -> None:
    panel = indicators.panel(rows, NAMES)
    last = panel.group_by("symbol", maintain_order=True).last().select(panel.columns)
    got = indicators.latest(rows, NAMES)
    assert got.schema == panel.schema
    assert differing(got, last, relative_to=1e-9) == []


@settings(max_examples=15, deadline=None)
@given(markets())
def test_expressions_are_the_panel(rows: pl.DataFrame) -> None:
    assert differing(by_expressions(rows), indicators.panel(rows, NAMES), relative_to=1e-9) == []


@pytest.fixture(scope="module")
def holed() -> pl.DataFrame:
    """Return histories with one value missing each."""
    whole, found = history("A", 300, seed=7), []
    for column in INPUTS:
        for ago in (0, 1, 5, 30, 100, 259, 299):
            hole = pl.when(pl.int_range(pl.len()) != 299 - ago).then(pl.col(column))
            key = pl.lit(f"{column} missing {ago} ago").alias("symbol")
            found.append(whole.with_columns(key, hole.alias(column)))
    return pl.concat(found).sort("symbol", "date")


def test_three_ways_with_one_value_missing(holed: pl.DataFrame) -> None:
    panel = indicators.panel(holed, NAMES)
    last = panel.group_by("symbol", maintain_order=True).last().select(panel.columns)
    assert differing(indicators.latest(holed, NAMES), last, relative_to=1e-9) == []
    assert differing(by_expressions(holed), panel, relative_to=1e-9) == []


def test_a_row_that_lacks_a_price_is_passed_over_by_recursions(holed: pl.DataFrame) -> None:
    """As though the row were absent: the rows around it are those of a history without it."""
    names = ["macd", "macd_signal", "adx", "plus_di", "supertrend", "ha_open", "obv"]
    lacking = holed.filter(pl.col("symbol") == "close missing 30 ago")
    panel = indicators.panel(lacking, names)
    whole = panel.filter(pl.col("close").is_not_null())
    without = indicators.panel(lacking.filter(pl.col("close").is_not_null()), names)
    assert differing(whole, without, relative_to=0.0, names=names) == []
    assert panel.filter(pl.col("close").is_null()).select(names).row(0) == (None,) * len(names)


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
    prices = ("open", "high", "low", "close")
    plain = indicators.panel(rows, SCALING)
    scaled = indicators.panel(rows.with_columns(pl.col(*prices) * scale), SCALING)
    back = scaled.with_columns(pl.col(name) / scale for name in (*IN_RUPEES, *prices))
    assert differing(back, plain, relative_to=1e-9, names=SCALING) == []


@settings(max_examples=15, deadline=None)
@given(markets(), seeds)
def test_the_order_of_rows_and_other_symbols_do_not_matter(rows: pl.DataFrame, seed: int) -> None:
    whole = indicators.panel(rows.sample(fraction=1.0, shuffle=True, seed=seed % 1000), NAMES)
    alone = pl.concat(
        indicators.panel(part, NAMES) for part in rows.partition_by("symbol", maintain_order=True)
    )
    assert differing(whole, alone, relative_to=1e-12) == []


@settings(max_examples=25, deadline=None)
@given(markets())
def test_values_lie_where_they_must(rows: pl.DataFrame) -> None:
    made = indicators.panel(rows, NAMES)
    slack, up = 1e-7, pl.col("supertrend_direction") > 0
    hundred = ("adx", "plus_di", "minus_di", "stochastic_k", "stochastic_d", "mfi")
    laws = {
        **{name: pl.col(name).is_between(-slack, 100.0 + slack) for name in hundred},
        "direction": pl.col("supertrend_direction").is_in([1.0, -1.0]),
        "the line is below an up trend, above a down trend": pl.when(up)
        .then(pl.col("supertrend") <= pl.col("close"))
        .otherwise(pl.col("supertrend") >= pl.col("close")),
        "keltner": pl.col("keltner_lower") <= pl.col("keltner_upper"),
        "candle": pl.col("ha_high") >= pl.max_horizontal("ha_open", "ha_close"),
        "z-score": pl.col("zscore_20").abs() <= 20**0.5,
        "histogram": (
            pl.col("macd") - pl.col("macd_signal") - pl.col("macd_histogram")
        ).abs() <= slack * pl.col("close"),
        "pivots": pl.col("s1") <= pl.col("r1"),
    }  # fmt: skip
    for law, holds in laws.items():
        assert made.filter(~holds).height == 0, law
