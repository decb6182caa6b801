"""Indicators against sums done by hand and in plain Python; what is missing is null."""

from __future__ import annotations

import math
import statistics
from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest

from alphastock_cli.analytics import indicators
from alphastock_cli.analytics.indicators import INDICATORS

Values = list[float | None]


def made(expr: pl.Expr, **columns: Values) -> Values:
    types = dict.fromkeys(columns, pl.Float64)
    return pl.DataFrame(columns, schema=types).select(value=expr)["value"].to_list()


def of(expr: pl.Expr, x: Values) -> Values:
    return made(expr, x=x)


X = pl.col("x")
# they read 300 sessions more than their first value needs: the seed has faded then
RECURSIONS = {"rsi", "atr", "ema_9", "ema_21"}


def rows(symbol: str, closes: Values, *, first: date = date(2026, 1, 1)) -> pl.DataFrame:
    """Return daily rows around `closes`: highs a rupee above, lows a rupee below."""
    return pl.DataFrame(
        {
            "symbol": [symbol] * len(closes),
            "date": [first + timedelta(days=n) for n in range(len(closes))],
            "high": [None if c is None else c + 1.0 for c in closes],
            "low": [None if c is None else c - 1.0 for c in closes],
            "close": closes,
            "volume": [100 + 10 * (n % 7) for n in range(len(closes))],
        },
        schema={
            "symbol": pl.String, "date": pl.Date, "high": pl.Float64, "low": pl.Float64,
            "close": pl.Float64, "volume": pl.Int64,
        },
    )  # fmt: skip


def test_sma_by_hand() -> None:
    assert of(indicators.sma(X, span=3), [1, 2, 3, 7]) == [None, None, 2.0, 4.0]


def test_sma_is_null_while_a_null_is_in_its_window() -> None:
    got = of(indicators.sma(X, span=2), [1, 2, None, 4, 6])
    assert got == [None, 1.5, None, None, 5.0]


def test_ema_by_hand() -> None:
    # weight 2/(3+1): seed (1+2+3)/3 = 2, then 2 + (6-2)/2 = 4, then 4 + (0-4)/2 = 2
    assert of(indicators.ema(X, span=3), [1, 2, 3, 6, 0]) == [None, None, 2.0, 4.0, 2.0]


def test_wilder_by_hand_from_a_later_first() -> None:
    # first=1 leaves 99 out: seed (2+4)/2 = 3, then 3 + (5-3)/2 = 4
    assert of(indicators.wilder(X, span=2, first=1), [99, 2, 4, 5]) == [None, None, 3.0, 4.0]


def test_rsi_by_hand() -> None:
    # moves +1 -1 +2: up seed 1/2, down 1/2 -> 50; then up (0.5+2)/2, down 0.25 -> 83.33
    got = of(indicators.rsi(X, span=2), [10, 11, 10, 12])
    assert got[:2] == [None, None]
    assert got[2:] == pytest.approx([50.0, 100.0 * 1.25 / 1.5])


@pytest.mark.parametrize(
    ("closes", "value"), [([1, 2, 3, 4], 100.0), ([4, 3, 2, 1], 0.0), ([5, 5, 5, 5], 0.0)]
)
def test_rsi_of_one_way_and_no_way(closes: Values, value: float) -> None:
    assert of(indicators.rsi(X, span=3), closes) == [None, None, None, value]


def test_true_range_takes_gaps_into_account() -> None:
    got = made(
        indicators.true_range(pl.col("high"), pl.col("low"), pl.col("close")),
        high=[10, 15, 9, 11], low=[8, 14, 8, None], close=[9, 14.5, 8.5, 10],
    )  # fmt: skip
    # no close before; gap up 15-9; gap down 14.5-8; no low
    assert got == [None, 6.0, 6.5, None]


def test_atr_by_hand() -> None:
    got = made(
        indicators.atr(pl.col("high"), pl.col("low"), pl.col("close"), span=2),
        high=[10, 12, 13, 20], low=[8, 10, 11, 14], close=[9, 11, 12, 15],
    )  # fmt: skip
    # true ranges 3, 2, 8: seed 2.5, then (2.5 + 8)/2
    assert got == [None, None, 2.5, 5.25]


def test_bollinger_uses_the_population_deviation() -> None:
    xs = [2.0, 4.0, 9.0, 4.0]
    got = of(indicators.bollinger(X, span=3, width=2.0), xs)
    expected = [
        statistics.mean(xs[n - 2 : n + 1]) + 2.0 * statistics.pstdev(xs[n - 2 : n + 1])
        for n in (2, 3)
    ]
    assert got[:2] == [None, None]
    assert got[2:] == pytest.approx(expected)


def test_bollinger_of_a_price_that_never_moves_is_the_price() -> None:
    got = of(indicators.bollinger(X, span=3), [98_765.4321] * 5)
    assert got[2:] == pytest.approx([98_765.4321] * 3, rel=1e-12)


def test_volume_ratio_leaves_its_own_day_out() -> None:
    got = of(indicators.volume_ratio(X, span=2), [10, 30, 40, 70])
    assert got == [None, None, 2.0, 2.0]


def test_volume_ratio_over_no_volume_is_null() -> None:
    assert of(indicators.volume_ratio(X, span=2), [0, 0, 40]) == [None, None, None]


def test_volume_ratio_of_whole_numbers() -> None:
    frame = pl.DataFrame({"v": [1, 2, 3]}, schema={"v": pl.Int64})
    assert frame.select(r=indicators.volume_ratio(pl.col("v"), span=2))["r"].to_list() == [
        None, None, 2.0,
    ]  # fmt: skip


def test_change_pct() -> None:
    got = made(
        indicators.change_pct(pl.col("x"), pl.col("b")), x=[110, 90, 5, 5, None],
        b=[100, 100, 0, None, 5],
    )  # fmt: skip
    assert got == [10.0, -10.0, None, None, None]


def test_extremes_leave_their_own_day_out() -> None:
    xs = [3.0, 5.0, 4.0, 9.0]
    assert of(indicators.highest_before(X, span=2), xs) == [None, None, 5.0, 5.0]
    assert of(indicators.lowest_before(X, span=2), xs) == [None, None, 3.0, 4.0]


def test_volatility_is_the_sample_deviation_a_year() -> None:
    xs = [100.0, 103.0, 101.0, 104.0]
    returns = [math.log(b / a) for a, b in pairwise(xs)]
    got = of(indicators.volatility(X, span=3), xs)
    assert got[:3] == [None] * 3
    assert got[3] == pytest.approx(100.0 * math.sqrt(252) * statistics.stdev(returns))


@pytest.mark.parametrize("bad", [0.0, -1.0, None])
def test_volatility_without_a_positive_price_is_null_not_nan(bad: float | None) -> None:
    got = of(indicators.volatility(X, span=2), [100, 101, bad, 102, 103, 104])
    assert got[:2] == [None, None]
    assert got[2:5] == [None, None, None]
    assert got[5] is not None


@pytest.mark.parametrize("name", INDICATORS)
def test_every_indicator_begins_at_its_own_bar(name: str) -> None:
    """A symbol of exactly enough bars has a value, one bar less has none."""
    need = indicators.lookback([name]) - (300 if name in RECURSIONS else 0)
    closes: Values = [100.0 + 7.0 * math.sin(n) + 0.1 * n for n in range(need)]
    full = indicators.panel(rows("A", closes), [name])[name]
    assert full[-1] is not None
    assert full[:-1].null_count() == need - 1
    assert indicators.latest(rows("A", closes), [name])[name].to_list() == pytest.approx([full[-1]])
    assert indicators.latest(rows("A", closes[1:]), [name])[name].to_list() == [None]


def test_previous_averages_are_the_averages_of_the_day_before() -> None:
    closes: Values = [100.0 + n % 13 for n in range(230)]
    names = ["sma_50", "sma_50_prev", "sma_200", "sma_200_prev"]
    made_ = indicators.panel(rows("A", closes), names)
    for name in ("sma_50", "sma_200"):
        assert made_[f"{name}_prev"][1:].to_list() == made_[name][:-1].to_list()


def test_momentum_against_the_close_twenty_sessions_ago() -> None:
    closes: Values = [float(n) for n in range(1, 31)]
    got = indicators.panel(rows("A", closes), ["momentum_20_pct"])["momentum_20_pct"]
    assert got[20] == pytest.approx(100.0 * (21.0 - 1.0) / 1.0)
    assert got[29] == pytest.approx(100.0 * (30.0 - 10.0) / 10.0)


def test_columns_needed_each_once() -> None:
    assert indicators.columns_needed(["atr", "rsi", "support"]) == ["high", "low", "close"]
    assert indicators.columns_needed([]) == []


def test_lookback_is_the_longest() -> None:
    assert indicators.lookback([]) == 1
    assert indicators.lookback(["sma_20", "sma_200_prev"]) == 201
    assert indicators.lookback(["high_52w"]) == 253
    # 300 more sessions let the seed of Wilder's average fade below 1e-9 of itself
    assert (13 / 14) ** (indicators.lookback(["rsi"]) - 15) < 1e-9


def test_panel_sorts_and_keeps_symbols_apart() -> None:
    frame = pl.concat([rows("B", [1.0] * 25), rows("A", [2.0] * 25)]).reverse()
    got = indicators.panel(frame, ["sma_20"])
    assert got["symbol"].to_list() == ["A"] * 25 + ["B"] * 25
    assert got["date"][:25].is_sorted()
    assert got["sma_20"].to_list() == ([None] * 19 + [2.0] * 6) + ([None] * 19 + [1.0] * 6)


def test_latest_has_one_row_a_symbol_in_the_order_of_columns() -> None:
    frame = pl.concat([rows("B", [1.0] * 25), rows("A", [2.0] * 3)]).reverse()
    got = indicators.latest(frame, ["sma_20", "rsi"])
    assert got.columns == [*frame.columns, "sma_20", "rsi"]
    assert got["symbol"].to_list() == ["A", "B"]
    assert got["date"].to_list() == [date(2026, 1, 3), date(2026, 1, 25)]
    assert got["sma_20"].to_list() == [None, 1.0]
    assert got["rsi"].to_list() == [None, 0.0]


def test_no_rows_give_no_rows() -> None:
    empty = rows("A", [])
    names = list(INDICATORS)
    assert indicators.panel(empty, names).shape == (0, 6 + len(names))
    assert indicators.latest(empty, names).shape == (0, 6 + len(names))


def test_no_names_change_nothing() -> None:
    frame = rows("A", [1.0, 2.0])
    assert indicators.panel(frame, []).equals(frame)
    assert indicators.latest(frame, []).equals(frame.tail(1))


def test_symbols_may_be_an_enum() -> None:
    frame = pl.concat([rows("B", [1.0] * 25), rows("A", [2.0] * 25)])
    kind = pl.Enum(["A", "B"])
    got = indicators.latest(frame.with_columns(pl.col("symbol").cast(kind)), ["sma_20"])
    assert got.schema["symbol"] == kind
    assert got["sma_20"].to_list() == [2.0, 1.0]
