"""The library's columns against loops in plain Python, and what a scan may rely on."""

from __future__ import annotations

import polars as pl
import pytest

from alphastock_cli.analytics import indicators, library, oscillators, sweeps
from tests.unit.library_loops import LOOPS, ROWS, supertrend
from tests.unit.library_makers import NAMES, differing, history

FIRST_BAR = {
    **dict.fromkeys(("macd", "macd_signal", "macd_histogram"), 34),
    "adx": 28, "plus_di": 15, "minus_di": 15, "supertrend": 11, "supertrend_direction": 11,
    "vwap": 1, "vwap_20": 20, "stochastic_k": 18, "stochastic_d": 18, "cci": 20, "obv": 1,
    "mfi": 15, "donchian_upper": 21, "donchian_lower": 21, "keltner_upper": 20,
    "keltner_lower": 20, "tenkan": 9, "kijun": 26, "senkou_a": 52, "senkou_b": 78,
    **dict.fromkeys(("ha_open", "ha_high", "ha_low", "ha_close", *library.PIVOTS), 1),
    "relative_strength": 61, "zscore_20": 20, "beta_250": 251,
}  # fmt: skip


@pytest.mark.parametrize("kind", LOOPS)
def test_a_plain_loop_says_the_same(kind: str) -> None:
    expected = LOOPS[kind]()
    made = indicators.panel(ROWS, list(expected))
    loop = ROWS.with_columns(pl.Series(n, v, dtype=pl.Float64) for n, v in expected.items())
    assert differing(made, loop, relative_to=1e-9, names=list(expected)) == []


def test_the_supertrend_of_the_test_turns() -> None:
    sides = supertrend()["supertrend_direction"]
    assert sides.count(1.0) > 50
    assert sides.count(-1.0) > 50


def test_pivots_by_hand() -> None:
    bar = ROWS.head(1).with_columns(high=pl.lit(110.0), low=pl.lit(100.0), close=pl.lit(105.0))
    row = indicators.latest(bar, list(library.PIVOTS)).row(0, named=True)
    assert [row[f"camarilla_r{n}"] for n in (1, 2, 3, 4)] == pytest.approx(
        [105 + 11 / 12, 105 + 11 / 6, 107.75, 110.5]
    )
    assert [row[f"camarilla_s{n}"] for n in (1, 2, 3, 4)] == pytest.approx(
        [105 - 11 / 12, 105 - 11 / 6, 102.25, 99.5]
    )
    assert [row[f"fibonacci_r{n}"] for n in (1, 2, 3)] == pytest.approx([108.82, 111.18, 115.0])
    assert [row[f"fibonacci_s{n}"] for n in (1, 2, 3)] == pytest.approx([101.18, 98.82, 95.0])
    assert (row["pivot"], row["r1"], row["s3"]) == pytest.approx((105.0, 110.0, 90.0))


def test_the_lists_of_names_agree() -> None:
    assert list(library.LIBRARY) == NAMES
    assert sorted(name for job in sweeps.JOBS for name in job) == sorted(NAMES)
    assert set(FIRST_BAR) == set(NAMES)
    assert not set(NAMES) & set(indicators.INDICATORS)


@pytest.mark.parametrize("name", NAMES)
def test_every_column_begins_at_its_own_bar(name: str) -> None:
    need = FIRST_BAR[name]
    rows = history("A", need, seed=5).with_columns(volume=pl.int_range(1, need + 1) + 7)
    full = indicators.panel(rows, [name])[name]
    assert full[-1] is not None
    assert full[:-1].null_count() == need - 1
    assert indicators.latest(rows, [name])[name].to_list() == pytest.approx([full[-1]])
    one = indicators.indicator(name)
    assert one.bars == need + 300 * one.fades
    if need > 1:
        assert indicators.latest(rows.tail(need - 1), [name])[name].to_list() == [None]


@pytest.mark.parametrize("name", [name for name in NAMES if indicators.indicator(name).fades])
def test_the_look_back_forgets_what_was_before(name: str) -> None:
    """The last value of the look-back is that of ten times as many rows, to the bound we state."""
    whole = pl.concat([history(f"S{n}", 3_000, seed=n) for n in range(20)])
    tail = whole.group_by("symbol", maintain_order=True).tail(indicators.lookback([name]))
    exact, short = (indicators.latest(frame, [name]) for frame in (whole, tail))
    assert differing(short, exact, relative_to=1e-8, names=[name]) == []
    tail = whole.group_by("symbol", maintain_order=True).tail(indicators.exact_rows([name]))
    kept = indicators.latest(tail, [name])
    assert differing(kept, exact, relative_to=1e-14, names=[name]) == []


def test_only_a_sum_over_all_history_grows() -> None:
    assert indicators.growing(NAMES) == ["obv"]


def test_a_price_that_never_moves() -> None:
    flat = history("A", 300, seed=1).with_columns(
        *(pl.lit(98_765.4321).alias(name) for name in ("open", "high", "low", "close"))
    )
    row = indicators.latest(flat, NAMES).row(0, named=True)
    zeros = ("macd", "adx", "plus_di", "minus_di", "stochastic_k", "cci", "mfi")
    assert [row[name] for name in zeros] == pytest.approx([0.0] * len(zeros), abs=1e-9)
    assert row["zscore_20"] is None
    assert row["beta_250"] == pytest.approx(0.0, abs=1e-12)
    assert row["supertrend"] == pytest.approx(98_765.4321)


def test_an_index_that_never_moves_has_no_beta() -> None:
    still = ROWS.with_columns(index_close=pl.lit(24_000.0))
    assert indicators.latest(still, ["beta_250"])["beta_250"].to_list() == [None]
    assert indicators.panel(still, ["beta_250"])["beta_250"].null_count() == ROWS.height


def test_a_window_without_volume_has_no_vwap_and_no_flow() -> None:
    idle = ROWS.with_columns(volume=pl.lit(0, pl.Int64))
    row = indicators.latest(idle, ["vwap_20", "vwap", "mfi", "obv"]).row(0, named=True)
    assert (row["vwap_20"], row["vwap"], row["mfi"], row["obv"]) == (None, None, 0.0, 0.0)


def test_typical_prices_that_differ_by_rounding_do_not_move_money() -> None:
    """Both bars have the same sum of prices; as floats their thirds differ in the last digit."""
    rows = history("A", 16, seed=1).with_columns(volume=pl.lit(1_000, pl.Int64))
    pair = [(1031.77, 1024.14, 1028.74), (1036.34, 1020.1, 1028.21)]
    prices = pl.DataFrame(pair * 8, schema=["high", "low", "close"], orient="row")
    tied = rows.drop("high", "low", "close").hstack(prices)
    assert tied.select(oscillators.typical(*map(pl.col, prices.columns)).n_unique()).item() == 2
    assert indicators.latest(tied, ["mfi"])["mfi"].to_list() == [0.0]
