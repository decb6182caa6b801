"""Recursions made by products and bands made by shared sums, against loops that add exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import talib

from alphastock_cli.analytics import decays, indicators, kernels, recursions, sums, windows
from alphastock_cli.analytics.decays import BLOCK
from alphastock_cli.analytics.scratch import Scratch, Shelf

Array = npt.NDArray[np.float64]
EVERY = [recursions.ema(9), recursions.ema(21), recursions.rsi(), recursions.atr()]
# around the seeds, one block, and the two blocks of blocks at which a scan calls itself again
LENGTHS = sorted(
    {1, 8, 9, 14, 15, 20, 21, 22}
    | {n + k for n in (BLOCK, 2 * BLOCK, 2 * BLOCK**2, 2 * BLOCK**2 + BLOCK) for k in (-1, 0, 1)}
)  # fmt: skip


def bars(length: int, *, seed: int, start: float = 100.0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    close = start * np.exp(rng.normal(0.0, 0.03, length).cumsum())
    high, low = close * (1.0 + 0.01 * rng.random(length)), close * (1.0 - 0.01 * rng.random(length))
    return {"high": high, "low": low, "close": close}


def joined(parts: list[dict[str, Array]]) -> tuple[dict[str, Array], npt.NDArray[np.int64]]:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return columns, np.array([part["close"].size for part in parts])


def expected(part: dict[str, Array]) -> list[Array]:
    high, low, close = (part[name] for name in ("high", "low", "close"))
    if close.size < 2:
        return [np.full(close.size, np.nan)] * 4
    made = talib.EMA(close, 9), talib.EMA(close, 21), talib.RSI(close, 14)
    return [*made, talib.ATR(high, low, close, 14)]


def check(parts: list[dict[str, Array]]) -> None:
    columns, lengths = joined(parts)
    got = kernels.run(columns, lengths, EVERY)
    ends = np.cumsum(lengths)
    for part, end in zip(parts, ends.tolist(), strict=True):
        for one, wanted in zip(got, expected(part), strict=True):
            mine = one[end - part["close"].size : end]
            np.testing.assert_allclose(mine, wanted, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("length", LENGTHS)
def test_series_that_end_around_a_seed_or_a_block(length: int) -> None:
    check([bars(length, seed=length + n) for n in range(3)])


def test_ragged_series_of_all_these_lengths_together() -> None:
    check([bars(length, seed=length) for length in [*LENGTHS, *reversed(LENGTHS)]])


@pytest.mark.parametrize("ragged", [0, 5])
def test_more_series_than_one_batch_holds(ragged: int) -> None:
    parts = [bars(60 + n % (ragged + 1), seed=n) for n in range(2_100)]
    columns, lengths = joined(parts)
    ends = np.cumsum(lengths)
    got = kernels.run(columns, lengths, EVERY)
    for number in (0, 1_598, 1_599, 1_600, 1_667, 2_099):
        place = slice(ends[number] - lengths[number], ends[number])
        for one, wanted in zip(got, expected(parts[number]), strict=True):
            np.testing.assert_allclose(one[place], wanted, rtol=1e-11)


def test_dear_and_cheap_series_side_by_side_keep_to_themselves() -> None:
    parts = [bars(300, seed=n, start=start) for n, start in enumerate((1e-3, 1e12, 0.05, 1.5e5))]
    check(parts)
    columns, lengths = joined(parts)
    alone = kernels.run({k: x[600:900] for k, x in columns.items()}, lengths[2:3], EVERY)
    for whole, one in zip(kernels.run(columns, lengths, EVERY), alone, strict=True):
        np.testing.assert_allclose(whole[600:900], one, rtol=1e-14)


def test_constant_prices_and_bars_without_a_range() -> None:
    flat = np.full(700, 98_765.4321)
    nine, slow, rsi, atr = kernels.run(
        dict.fromkeys(("high", "low", "close"), flat), np.array([700]), EVERY
    )
    np.testing.assert_allclose(nine[8:], 98_765.4321, rtol=1e-15)
    np.testing.assert_allclose(slow[20:], 98_765.4321, rtol=1e-15)
    assert (rsi[14:] == 0.0).all()
    assert (atr[14:] == 0.0).all()


def test_prices_that_only_rise_have_exactly_a_hundred() -> None:
    rising = np.cumsum(np.random.default_rng(1).uniform(0.1, 2.0, 3_000))
    (rsi,) = kernels.run({"close": rising}, np.array([3_000]), [recursions.rsi()])
    assert (rsi[14:] == 100.0).all()


@pytest.mark.parametrize("place", [0, 1, 8, 13, 14, 15, 16, 31, 32, 33, 150, 298, 299])
@pytest.mark.parametrize("column", ["high", "low", "close"])
def test_a_gap_is_passed_over_and_leaves_the_other_series_alone(place: int, column: str) -> None:
    parts = [bars(300, seed=n) for n in range(3)]
    columns, lengths = joined(parts)
    whole = kernels.run(columns, lengths, EVERY)
    columns[column] = columns[column].copy()
    columns[column][300 + place] = np.nan
    got = kernels.run(columns, lengths, EVERY)
    kept = np.delete(np.arange(300, 600), place)
    without = {name: x[kept] for name, x in columns.items()}
    for one, mine, before in zip(EVERY, got, whole, strict=True):
        np.testing.assert_array_equal(mine[:300], before[:300])
        np.testing.assert_array_equal(mine[600:], before[600:])
        if column in one.inputs:
            assert np.isnan(mine[300 + place])
            (alone,) = kernels.run(without, np.array([299]), [one])
            np.testing.assert_allclose(mine[kept], alone, rtol=1e-13)
        else:
            np.testing.assert_array_equal(mine, before)


def test_an_infinite_price_stays_behind_its_own_row_and_series() -> None:
    parts = [bars(100, seed=n) for n in range(2)]
    columns, lengths = joined(parts)
    whole = kernels.run({"close": columns["close"]}, lengths, [recursions.ema(9)])[0]
    spoiled = columns["close"].copy()
    spoiled[50] = np.inf
    (got,) = kernels.run({"close": spoiled}, lengths, [recursions.ema(9)])
    np.testing.assert_allclose(got[:50], whole[:50], rtol=1e-13)
    assert np.isinf(got[50:100]).all()
    np.testing.assert_array_equal(got[100:], whole[100:])


@pytest.mark.parametrize("steps", [1, BLOCK - 1, BLOCK, BLOCK + 1, 40 * BLOCK, 9_000])
def test_a_sweep_is_the_recursion_in_exact_arithmetic(steps: int) -> None:
    rng = np.random.default_rng(steps)
    x = rng.uniform(0.5, 2.0, (2, steps))
    work = np.zeros((2, decays.blocks(steps), BLOCK))
    work.reshape(2, -1)[:, :steps] = x
    out = np.empty((2, steps))
    assert decays.sweep(work, keep=0.75, weight=0.25, out=out).all()
    for row, got in zip(x.tolist(), out.tolist(), strict=True):
        state = Fraction(0)
        for number, (value, mine) in enumerate(zip(row, got, strict=True)):
            exact = state * 3 / 4 + Fraction(value) / 4
            state = Fraction(float(exact)) if number % 64 == 63 else exact
            assert mine == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_sweep_says_which_series_it_cannot_make(value: float) -> None:
    work = np.ones((3, 4, BLOCK))
    work[1, 2, 5] = value
    with np.errstate(all="ignore"):
        finite = decays.sweep(work, keep=0.9, weight=0.1, out=np.empty((3, 4 * BLOCK)))
    assert finite.tolist() == [True, False, True]


def made(
    x: Array, spans: list[int], *, width: float | None = 2.0, chunk: int = 50_000
) -> dict[str, Array]:
    """Return means and bands of 20 values by shared sums."""
    means = {span: np.full(x.size, np.nan) for span in spans}
    upper, lower = np.full(x.size, np.nan), np.full(x.size, np.nan)
    wide = None if width is None else sums.Bands(span=20, width=width, upper=upper, lower=lower)
    with np.errstate(invalid="raise"):
        sums.Sums(Scratch(), chunk=chunk).fill(x, means, wide)
    return {"upper": upper, "lower": lower, **{str(span): out for span, out in means.items()}}


@pytest.mark.parametrize(
    ("size", "chunk"),
    [*((n, c) for n in (0, 1, 19, 20, 21, 49, 50, 51, 130) for c in (1, 7, 64)), (4_099, 333)],
)
def test_shared_sums_are_the_windows(size: int, chunk: int) -> None:
    x = bars(size, seed=size)["close"]
    got = made(x, [1, 16, 20, 50], chunk=chunk)
    for span in (1, 16, 20, 50):
        np.testing.assert_array_equal(got[str(span)], windows.mean(x, span=span)[:size])
    middle, spread = got["20"], windows.deviation(x, span=20, ddof=0)[:size]
    np.testing.assert_allclose(got["upper"], middle + 2.0 * spread, rtol=1e-12)
    np.testing.assert_allclose(got["lower"], middle - 2.0 * spread, rtol=1e-12, atol=1e-10)
    for key, alone in made(x, [50], width=None, chunk=chunk).items():
        if key == "50":
            np.testing.assert_array_equal(alone, got["50"])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("step", [0.0, 1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3])
def test_bands_of_prices_that_hardly_move(step: float, scale: float) -> None:
    """The mean of squares keeps no digit of such a spread; the exact way takes over."""
    x = scale * (1.0 + step * np.random.default_rng(3).normal(size=400))
    got = made(x, [20])
    for end in (20, 21, 137, 400):
        values = [Fraction(value) for value in x[end - 20 : end].tolist()]
        mean = sum(values) / 20
        spread = math.sqrt(float(sum((value - mean) ** 2 for value in values) / 20))
        high = got["upper"][end - 1] - float(mean)
        assert high == pytest.approx(2.0 * spread, rel=1e-3, abs=2e-11 * scale)
        assert abs(high - 2.0 * spread) <= 3e-11 * scale


def test_one_enormous_value_leaves_no_trace_beyond_its_windows() -> None:
    x = np.concatenate([np.full(60, 1e12), np.full(60, 0.1)])
    got = made(x, [20, 50])
    np.testing.assert_allclose(got["upper"][79:], 0.1, rtol=1e-13)
    np.testing.assert_allclose(got["50"][109:], 0.1, rtol=1e-13)


def test_a_gap_blanks_its_windows_alone() -> None:
    x = bars(200, seed=4)["close"]
    whole = made(x, [20, 50])
    x[100] = np.nan
    for key, got in made(x, [20, 50]).items():
        span = 50 if key == "50" else 20
        assert np.isnan(got[100 : 100 + span]).all()
        np.testing.assert_array_equal(got[:100], whole[key][:100])
        np.testing.assert_array_equal(got[100 + span :], whole[key][100 + span :])


def test_scratch_lends_the_same_memory_again_and_grows() -> None:
    shelf = Shelf()
    with shelf.borrow() as mine, shelf.borrow() as other:
        first = mine.take("a", (2, 3))
        assert np.shares_memory(first, mine.take("a", (5,)))
        assert not np.shares_memory(first, mine.take("b", (5,)))
        assert not np.shares_memory(first, other.take("a", (5,)))
        assert mine.take("a", (7, 9)).shape == (7, 9)
    with shelf.borrow() as again:
        assert again in (mine, other)


@pytest.mark.parametrize("cut", range(1, 12))
def test_rows_are_told_to_be_in_order_wherever_the_symbols_change(cut: int) -> None:
    frame = pl.DataFrame(
        {"symbol": ["A"] * cut + ["B"] * (12 - cut), "close": [float(n) for n in range(12)]}
    ).with_columns(
        date=pl.date(2024, 1, 1) + pl.duration(days=pl.int_range(pl.len()).over("symbol"))
    )
    whole = frame.with_columns(ema_9=indicators.ema(pl.col("close"), span=9).over("symbol"))
    for rows in (frame, frame.reverse(), frame.sample(fraction=1.0, shuffle=True, seed=cut)):
        got = indicators.panel(rows, ["ema_9"])
        assert got.select("symbol", "date").equals(frame.select("symbol", "date"))
        assert got["ema_9"].is_null().equals(whole["ema_9"].is_null())
        np.testing.assert_allclose(got["ema_9"], whole["ema_9"], rtol=1e-13)


def test_frames_in_many_pieces_and_whole_ones_give_the_same() -> None:
    parts = [bars(40 + n, seed=n) for n in range(6)]
    frames = [
        pl.DataFrame({"symbol": f"S{n}", **part}).with_columns(
            date=pl.date(2024, 1, 1) + pl.duration(days=pl.int_range(pl.len()))
        )
        for n, part in enumerate(parts)
    ]
    names = ["rsi", "ema_9", "sma_20", "bollinger_upper", "atr"]
    pieces = pl.concat([frame[n : n + 13] for frame in frames for n in (0, 13, 26, 39)])
    assert indicators.panel(pieces, names).equals(indicators.panel(pl.concat(frames), names))
