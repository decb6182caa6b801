"""Recursions over a whole panel at once, as arrays: EMA and Wilder's averages for `panels`.

Series lie end to end in one flat array with a length each. A recursion runs time-major with the
series as lanes, so one step is two vector operations for all of them, and tiles of it stay in the
cache. Missing is NaN in arrays, and only there: `panels` makes it null. Windows: `windows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Lengths: TypeAlias = NDArray[np.int64]
# tiles of inputs, each with one row of history above, and room → what is averaged, side by side
Derive: TypeAlias = Callable[[Sequence[Floats], Floats], Floats]
# averages, side by side, and room → the tile of results
Finish: TypeAlias = Callable[[Floats, Floats], Floats]

_TILE = 32  # time steps worked on at once: with 2,000 lanes half a megabyte
_LANES = 2048
_TINY = 1e-14  # what TA-Lib takes for zero when it divides


def ema(close: Floats, lengths: Lengths, *, span: int) -> Floats:
    """Return the exponential average of each series, weight ``2 / (span + 1)``.

    Flat float64 as `close`, NaN before index ``span - 1`` of a series and where `close` is NaN.
    """

    def derive(tiles: Sequence[Floats], _: Floats) -> Floats:
        return tiles[0][1:]

    return _recursion(
        [close], lengths, first=0, span=span, alpha=2.0 / (span + 1), width=1,
        derive=derive, finish=_same,
    )  # fmt: skip


def rsi(close: Floats, lengths: Lengths, *, span: int = 14) -> Floats:
    """Return Wilder's relative strength index of each series, 0 to 100, NaN before index `span`."""

    def derive(tiles: Sequence[Floats], into: Floats) -> Floats:
        lanes = tiles[0].shape[1]
        up, down = into[:, :lanes], into[:, lanes:]
        np.subtract(tiles[0][1:], tiles[0][:-1], out=up)
        np.negative(up, out=down)
        return np.maximum(into, 0.0, out=into)

    def finish(averages: Floats, into: Floats) -> Floats:
        lanes = into.shape[1]
        up, down = averages[:, :lanes], averages[:, lanes:]
        np.add(up, down, out=down)
        into.fill(0.0)  # where nothing moved, as TA-Lib says
        np.divide(up, down, out=into, where=down > _TINY)
        return np.multiply(into, 100.0, out=into)

    return _recursion(
        [close], lengths, first=1, span=span, alpha=1.0 / span, width=2,
        derive=derive, finish=finish,
    )  # fmt: skip


def atr(high: Floats, low: Floats, close: Floats, lengths: Lengths, *, span: int = 14) -> Floats:
    """Return Wilder's average true range of each series, in rupees, NaN before index `span`."""

    def derive(tiles: Sequence[Floats], into: Floats) -> Floats:
        highs, lows, closes = tiles
        before = closes[:-1]
        # the true range is the span of high, low and previous close
        np.maximum(highs[1:], before, out=into)
        np.minimum(lows[1:], before, out=before)
        return np.subtract(into, before, out=into)

    return _recursion(
        [high, low, close], lengths, first=1, span=span, alpha=1.0 / span, width=1,
        derive=derive, finish=_same,
    )  # fmt: skip


def blank(x: Floats, lengths: Lengths, *, count: int) -> Floats:
    """Set the first `count` values of each series to NaN, in place, and return `x`."""
    places = np.arange(count)
    inside = places < lengths[:, None]
    x[((np.cumsum(lengths) - lengths)[:, None] + places)[inside]] = np.nan
    return x


def _recursion(
    inputs: Sequence[Floats],
    lengths: Lengths,
    *,
    first: int,
    span: int,
    alpha: float,
    width: int,
    derive: Derive,
    finish: Finish,
) -> Floats:
    """Average what `derive` makes of the inputs; rows that lack an input are passed over."""
    known = ~np.isnan(inputs[0])
    for x in inputs[1:]:
        known &= ~np.isnan(x)
    if known.all():
        return _dense(
            inputs, lengths, first=first, span=span, alpha=alpha, width=width,
            derive=derive, finish=finish,
        )  # fmt: skip
    ends = np.cumsum(lengths)
    seen = np.concatenate(([0], np.cumsum(known)))
    left = seen[ends] - seen[ends - lengths]
    out = np.full(inputs[0].size, np.nan)
    out[known] = _dense(
        [x[known] for x in inputs], left, first=first, span=span, alpha=alpha, width=width,
        derive=derive, finish=finish,
    )  # fmt: skip
    return out


def _dense(
    inputs: Sequence[Floats],
    lengths: Lengths,
    *,
    first: int,
    span: int,
    alpha: float,
    width: int,
    derive: Derive,
    finish: Finish,
) -> Floats:
    out = np.empty(inputs[0].size)
    for lanes in _groups(lengths):
        held = [_matrix(x, lengths, lanes) for x in inputs]
        result, whole = _target(out, lengths, lanes)
        _steps(held, result, first=first, span=span, alpha=alpha, width=width,
               derive=derive, finish=finish)  # fmt: skip
        if not whole:
            _spread(result, out, lengths, lanes)
    return blank(out, lengths, count=first + span - 1)


def _steps(
    inputs: Sequence[Floats],
    result: Floats,
    *,
    first: int,
    span: int,
    alpha: float,
    width: int,
    derive: Derive,
    finish: Finish,
) -> None:
    """Run the recursion over matrices (lanes, time) in tiles of a few steps."""
    lanes, count = result.shape
    tiles = [np.zeros((_TILE + 1, lanes)) for _ in inputs]
    work, done = np.empty((_TILE, width * lanes)), np.empty((_TILE, lanes))
    state, held = np.zeros(width * lanes), np.empty(width * lanes)
    seeded = first + span - 1  # the step whose value is the mean of the first `span`
    for start in range(0, count, _TILE):
        stop = min(start + _TILE, count)
        size = stop - start
        for tile, x in zip(tiles, inputs, strict=True):
            tile[0] = x[:, start - 1] if start else x[:, 0]
            np.copyto(tile[1 : size + 1], x[:, start:stop].T)
        made = derive([tile[: size + 1] for tile in tiles], work[:size])
        for step in range(start, min(stop, seeded + 1)):
            if step >= first:
                np.add(state, made[step - start], out=state)
            if step == seeded:
                np.divide(state, span, out=state)
                made[step - start] = state
        begin = max(0, min(size, seeded + 1 - start))
        np.multiply(made[begin:], alpha, out=made[begin:])
        last = state
        for row in made[begin:]:
            np.multiply(last, 1.0 - alpha, out=held)
            np.add(row, held, out=row)
            last = row
        np.copyto(state, last)
        np.copyto(result[:, start:stop], finish(made, done[:size]).T)


def _same(averages: Floats, _: Floats) -> Floats:
    return averages


def _groups(lengths: Lengths) -> Iterator[Lengths]:
    """Yield the numbers of the series that run together: in order, or longest first if ragged."""
    if lengths.size == 0:
        return
    equal = bool((lengths == lengths[0]).all())
    order = np.arange(lengths.size) if equal else np.argsort(-lengths, kind="stable")
    for start in range(0, order.size, _LANES):
        yield order[start : start + _LANES]


def _matrix(x: Floats, lengths: Lengths, lanes: Lengths) -> Floats:
    """Return the series `lanes` as rows, padded with zeros to the longest; a view if possible."""
    starts = (np.cumsum(lengths) - lengths)[lanes]
    sizes = lengths[lanes]
    if (sizes == sizes[0]).all() and (np.diff(lanes) == 1).all():
        return x[starts[0] : starts[0] + lanes.size * sizes[0]].reshape(lanes.size, sizes[0])
    padded = np.zeros((lanes.size, int(sizes.max())))
    for row, start, size in zip(padded, starts.tolist(), sizes.tolist(), strict=True):
        row[:size] = x[start : start + size]
    return padded


def _target(out: Floats, lengths: Lengths, lanes: Lengths) -> tuple[Floats, bool]:
    """Return the matrix to write into, and whether it is a part of `out` itself."""
    matrix = _matrix(out, lengths, lanes)
    return matrix, bool(np.shares_memory(matrix, out))


def _spread(matrix: Floats, out: Floats, lengths: Lengths, lanes: Lengths) -> None:
    starts = (np.cumsum(lengths) - lengths)[lanes]
    for row, start, size in zip(matrix, starts.tolist(), lengths[lanes].tolist(), strict=True):
        out[start : start + size] = row[:size]
