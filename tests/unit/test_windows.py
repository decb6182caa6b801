"""Array kernels against the same sums in plain Python: every span, any series, any gap."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastock_cli.analytics import kernels, recursions, sums, windows
from alphastock_cli.analytics.scratch import Scratch

prices = st.floats(0.01, 1e6, allow_nan=False)
gappy = st.lists(st.one_of(prices, st.just(math.nan)), min_size=1, max_size=60)


def slices(x: list[float], span: int) -> list[list[float] | None]:
    """Return the window that ends at each place, None where it is not full or lacks a value."""
    found: list[list[float] | None] = []
    for end in range(1, len(x) + 1):
        part = x[max(0, end - span) : end]
        full = len(part) == span and not any(math.isnan(value) for value in part)
        found.append(part if full else None)
    return found


def check(got: np.ndarray, expected: list[float | None], *, scale: float = 0.0) -> None:
    assert len(got) == len(expected)
    for value, wanted in zip(got.tolist(), expected, strict=True):
        if wanted is None:
            assert math.isnan(value)
        else:
            assert value == pytest.approx(wanted, rel=1e-12, abs=1e-12 * scale)


@given(gappy, st.integers(1, 24))
def test_means(x: list[float], span: int) -> None:
    expected = [None if part is None else math.fsum(part) / span for part in slices(x, span)]
    check(windows.mean(np.array(x), span=span), expected)


@given(gappy, st.integers(2, 24), st.sampled_from([0, 1]))
def test_deviations(x: list[float], span: int, ddof: int) -> None:
    spread = statistics.stdev if ddof else statistics.pstdev
    expected = [None if part is None else spread(part) for part in slices(x, span)]
    got = windows.deviation(np.array(x), span=span, ddof=ddof)
    size = max((value for value in x if not math.isnan(value)), default=0.0)
    check(got, expected, scale=size)


@given(st.floats(0.01, 1e9), st.integers(2, 64))
def test_a_price_that_never_moves_has_no_deviation_at_all(price: float, span: int) -> None:
    got = windows.deviation(np.full(80, price), span=span, ddof=0)
    assert got[span - 1 :].max() <= 1e-15 * price


@given(gappy, st.integers(1, 24), st.booleans())
def test_extremes(x: list[float], span: int, highest: bool) -> None:  # noqa: FBT001 - drawn
    pick = max if highest else min
    expected = [None if part is None else pick(part) for part in slices(x, span)]
    check(windows.extreme(np.array(x), span=span, highest=highest), expected)


@given(gappy, st.integers(1, 12), prices)
def test_nearest_levels(levels: list[float], count: int, price: float) -> None:
    x = np.full(len(levels), price)
    below = windows.nearest(np.array(levels), x, count=count, below=True)
    above = windows.nearest(np.array(levels), x, count=count, below=False)
    for end in range(count, len(levels) + 1):
        part = levels[end - count : end]
        low = [level for level in part if level <= price]
        high = [level for level in part if level >= price]
        check(below[end - 1 : end], [max(low, default=None)])
        check(above[end - 1 : end], [min(high, default=None)])


def test_long_arrays_are_cut_into_pieces_without_a_seam() -> None:
    x = np.random.default_rng(4).normal(100.0, 1.0, 3 * (1 << 14) + 7)
    got = windows.mean(x, span=50)
    assert np.isnan(got[:49]).all()
    expected = np.lib.stride_tricks.sliding_window_view(x, 50).mean(axis=1)
    np.testing.assert_allclose(got[49:], expected, rtol=1e-13)
    view = np.lib.stride_tricks.sliding_window_view(x, 252)
    np.testing.assert_array_equal(windows.extreme(x, span=252, highest=True)[251:], view.max(1))


def test_one_value_leaves_no_trace_beyond_its_windows() -> None:
    """A rolling sum would carry the rounding of 1e12 on for ever."""
    x = np.concatenate([np.full(30, 1e12), np.full(30, 0.1)])
    assert windows.mean(x, span=20)[49:].tolist() == pytest.approx([0.1] * 11, rel=1e-15)
    assert windows.deviation(x, span=20, ddof=0)[49:].max() < 1e-15


def plain_ema(x: list[float], span: int) -> list[float | None]:
    """Return the average written as a loop; values that are missing are passed over."""
    out: list[float | None] = []
    seen: list[float] = []
    state = 0.0
    for value in x:
        if math.isnan(value):
            out.append(None)
            continue
        seen.append(value)
        if len(seen) == span:
            state = math.fsum(seen) / span
        elif len(seen) > span:
            state += (value - state) * 2.0 / (span + 1)
        out.append(state if len(seen) >= span else None)
    return out


@settings(max_examples=60)
@given(st.lists(gappy, min_size=1, max_size=6), st.integers(1, 12))
def test_recursions_of_ragged_series(series: list[list[float]], span: int) -> None:
    flat = np.array([value for x in series for value in x])
    lengths = np.array([len(x) for x in series])
    (got,) = kernels.run({"close": flat}, lengths, [recursions.ema(span)])
    size = np.nanmax(flat) if not np.isnan(flat).all() else 0.0
    check(got, [value for x in series for value in plain_ema(x, span)], scale=size)


def test_more_series_than_lanes_and_more_steps_than_a_tile() -> None:
    rng = np.random.default_rng(9)
    lengths = rng.integers(0, 80, 5_000)
    flat = rng.uniform(1.0, 100.0, lengths.sum())
    (got,) = kernels.run({"close": flat}, lengths, [recursions.ema(9)])
    ends = np.cumsum(lengths)
    for number in (0, 17, 2_047, 2_048, 4_999):
        part = slice(ends[number] - lengths[number], ends[number])
        check(got[part], plain_ema(flat[part].tolist(), 9))


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_nothing_makes_nothing(lengths: list[int]) -> None:
    none, sizes = np.empty(0), np.array(lengths, dtype=np.int64)
    columns = dict.fromkeys(("high", "low", "close"), none)
    every = [recursions.ema(9), recursions.rsi(), recursions.atr()]
    assert [made.size for made in kernels.run(columns, sizes, every)] == [0, 0, 0]
    assert windows.mean(none, span=3).size == 0


def test_an_input_is_never_written_to() -> None:
    close = np.random.default_rng(2).uniform(1.0, 2.0, 600)
    kept, lengths = close.copy(), np.array([300, 300])
    close.setflags(write=False)
    columns = dict.fromkeys(("high", "low", "close"), close)
    kernels.run(columns, lengths, [recursions.ema(9), recursions.rsi(), recursions.atr()])
    windows.deviation(close, span=20, ddof=0)
    wide = sums.Bands(span=20, width=2.0, upper=np.empty(600), lower=np.empty(600))
    sums.Sums(Scratch()).fill(close, {1: np.empty(600), 20: np.empty(600)}, wide)
    windows.mean(close, span=1)
    assert (close == kept).all()
