"""Support and resistance against a plain search through the window."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from alphastock_cli.analytics import indicators, levels

WINDOW = 60
NAMES = ["support", "resistance"]
Row = tuple[float, float, float]  # high, low, close


def bars(count: int, *, seed: int) -> list[Row]:
    rng = random.Random(seed)
    price, found = 100.0, []
    for _ in range(count):
        price = max(5.0, price + rng.choice([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]))
        # halves on purpose: ties with neighbours are no swings
        found.append((price + rng.choice([0.5, 1.0]), price - rng.choice([0.5, 1.0]), price))
    return found


def plain(window: list[Row], *, below: bool) -> float:
    """Return the level as a person would find it on a chart of these sixty sessions."""
    series = [row[1] if below else row[0] for row in window]
    close = window[-1][2]
    swings = []
    for n in range(2, len(series) - 2):
        sides = [*series[n - 2 : n], *series[n + 1 : n + 3]]
        if below and series[n] < min(sides) and series[n] <= close:
            swings.append(series[n])
        if not below and series[n] > max(sides) and series[n] >= close:
            swings.append(series[n])
    if below:
        return max(swings, default=min(series))
    return min(swings, default=max(series))


def frame(rows: list[Row]) -> pl.DataFrame:
    schema = {"high": pl.Float64, "low": pl.Float64, "close": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def both(rows: list[Row]) -> tuple[list[float | None], list[float | None]]:
    got = frame(rows).select(
        support=levels.support(pl.col("low"), pl.col("close")),
        resistance=levels.resistance(pl.col("high"), pl.col("close")),
    )
    return got["support"].to_list(), got["resistance"].to_list()


def last(rows: list[Row]) -> tuple[float | None, float | None]:
    day = pl.date(2026, 1, 1) + pl.duration(days=pl.int_range(pl.len()))
    held = frame(rows).with_columns(symbol=pl.lit("A"), date=day)
    return indicators.latest(held, NAMES).select(NAMES).row(0)


@pytest.mark.parametrize("seed", range(4))
def test_every_session_equals_the_plain_search(seed: int) -> None:
    rows = bars(150, seed=seed)
    support, resistance = both(rows)
    assert support[: WINDOW - 1] == [None] * (WINDOW - 1)
    assert resistance[: WINDOW - 1] == [None] * (WINDOW - 1)
    for end in range(WINDOW, len(rows) + 1, 3):
        window = rows[end - WINDOW : end]
        expected = plain(window, below=True), plain(window, below=False)
        assert (support[end - 1], resistance[end - 1]) == expected, end
        assert last(rows[:end]) == expected, end


def hill(dip: int, *, depth: float, length: int = WINDOW) -> list[Row]:
    """Return a steady rise of the lows with one dip."""
    lows = [100.0 + n for n in range(length)]
    lows[dip] -= depth
    return [(low + 2.0, low, low + 1.0) for low in lows]


def test_the_nearest_swing_below_the_close_not_the_lowest() -> None:
    rows = hill(20, depth=10.0)
    rows[40] = (rows[40][0], rows[40][1] - 10.0, rows[40][2])
    support, _ = both(rows)
    assert support[-1] == 130.0


def test_a_swing_is_known_two_sessions_later_and_not_before() -> None:
    rows = hill(70, depth=10.0, length=80)
    support, _ = both(rows)
    assert support[70:72] == [rows[70 - 59][1], rows[71 - 59][1]], "lowest low of the window"
    assert support[72] == 160.0


def test_a_swing_leaves_with_the_window() -> None:
    rows = hill(10, depth=5.0, length=80)
    support, _ = both(rows)
    # it needs its two neighbours inside the sixty sessions too
    assert support[10 - 2 + 59] == 105.0
    assert support[10 - 2 + 60] == 105.0, "still the lowest low, though no swing any more"
    assert support[10 + 60] == rows[11][1]


def test_equal_lows_side_by_side_are_no_swing() -> None:
    rows = hill(20, depth=10.0)
    rows[21] = (rows[21][0], rows[20][1], rows[21][2])
    support, _ = both(rows)
    assert support[-1] == rows[0][1]


def test_a_swing_exactly_at_the_close_counts() -> None:
    rows = hill(20, depth=10.0)
    high, low, _ = rows[-1]
    rows[-1] = (high, low, rows[20][1])
    assert both(rows)[0][-1] == 110.0
    assert last(rows)[0] == 110.0


def test_a_swing_above_the_close_is_no_support() -> None:
    rows = hill(20, depth=10.0)
    high, low, _ = rows[-1]
    rows[-1] = (high, low, 109.0)
    assert both(rows)[0][-1] == 100.0
    assert last(rows)[0] == 100.0


def test_a_mirrored_market_swaps_the_two() -> None:
    rows = bars(100, seed=9)
    mirrored = [(1_000.0 - low, 1_000.0 - high, 1_000.0 - close) for high, low, close in rows]
    support, resistance = both(rows)
    flipped_support, flipped_resistance = both(mirrored)
    turned = [None if x is None else 1_000.0 - x for x in flipped_resistance]
    assert support == pytest.approx(turned, nan_ok=False)
    turned = [None if x is None else 1_000.0 - x for x in flipped_support]
    assert resistance == pytest.approx(turned, nan_ok=False)


def test_a_missing_low_leaves_no_window_of_sixty() -> None:
    rows: list = bars(130, seed=2)
    high, _, close = rows[40]
    rows[40] = (high, None, close)
    support, resistance = both(rows)
    assert support[59:100] == [None] * 41
    assert support[100] is not None
    assert resistance[59] is not None


def test_levels_are_never_nan() -> None:
    support, resistance = both(bars(120, seed=4))
    assert not any(x is not None and math.isnan(x) for x in [*support, *resistance])
