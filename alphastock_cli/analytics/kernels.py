"""Recursions over a whole panel at once, as arrays: EMA and Wilder's averages for `panels`.

Series lie end to end in flat arrays with a length each. All recursions asked for run together and
time-major, with the series as lanes: one step is two vector operations for all of them, inputs are
turned into tiles that stay in the cache once. Missing is NaN in arrays, and only there: `panels`
makes it null. Windows: `windows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Lengths: TypeAlias = NDArray[np.int64]
Tiles: TypeAlias = Mapping[str, Floats]  # each with one row of history above
Task: TypeAlias = Callable[[], None]

_TILE = 32  # time steps worked on at once
_LANES = 1024
_TINY = 1e-14  # what TA-Lib takes for zero when it divides


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion:
    """An average with weight `alpha`, seeded with the mean of `span` values from index `first`.

    `derive` writes what is averaged times `alpha`, `width` values a lane side by side, from tiles
    of the inputs; `finish` writes the result from the averages.
    """

    inputs: tuple[str, ...]
    first: int
    span: int
    alpha: float
    derive: Callable[[Tiles, Floats], None]
    finish: Callable[[Floats, Floats], None] | None = None
    width: int = 1

    @property
    def seeded(self) -> int:
        """Return the index of the first result."""
        return self.first + self.span - 1


def ema(span: int, *, close: str = "close") -> Recursion:
    """Return the exponential average, weight ``2 / (span + 1)``."""
    alpha = 2.0 / (span + 1)

    def derive(tiles: Tiles, into: Floats) -> None:
        np.multiply(tiles[close][1:], alpha, out=into)

    return Recursion(inputs=(close,), first=0, span=span, alpha=alpha, derive=derive)


def rsi(span: int = 14, *, close: str = "close") -> Recursion:
    """Return Wilder's relative strength index, 0 to 100."""

    def derive(tiles: Tiles, into: Floats) -> None:
        lanes = into.shape[1] // 2
        rise, fall = into[:, :lanes], into[:, lanes:]
        np.subtract(tiles[close][1:], tiles[close][:-1], out=fall)
        np.maximum(fall, 0.0, out=rise)
        np.subtract(rise, fall, out=fall)

    def finish(averages: Floats, into: Floats) -> None:
        lanes = into.shape[1]
        up, total = averages[:, :lanes], averages[:, lanes:]
        np.add(up, total, out=total)
        into.fill(0.0)  # where nothing moved, as TA-Lib says
        # the averages are `span` times too large: `derive` leaves their weight out of a ratio
        np.divide(up, total, out=into, where=total > span * _TINY)
        np.multiply(into, 100.0, out=into)

    return Recursion(
        inputs=(close,), first=1, span=span, alpha=1.0 / span, width=2, derive=derive, finish=finish
    )


def atr(span: int = 14) -> Recursion:
    """Return Wilder's average true range, in rupees."""

    def derive(tiles: Tiles, into: Floats) -> None:
        # the true range is the span of high, low and previous close
        before = tiles["close"][:-1]
        np.maximum(tiles["high"][1:], before, out=into)
        np.subtract(into, np.minimum(tiles["low"][1:], before), out=into)
        np.multiply(into, 1.0 / span, out=into)

    return Recursion(
        inputs=("high", "low", "close"), first=1, span=span, alpha=1.0 / span, derive=derive
    )


def run(
    columns: Mapping[str, Floats], lengths: Lengths, wanted: Sequence[Recursion]
) -> list[Floats]:
    """Return each recursion over each series, flat as the columns.

    NaN before the first result of a series and where an input is NaN; such rows are passed over.
    """
    made, tasks = plan(columns, lengths, wanted)
    for task in tasks:
        task()
    return made


def plan(
    columns: Mapping[str, Floats], lengths: Lengths, wanted: Sequence[Recursion]
) -> tuple[list[Floats], list[Task]]:
    """Return the arrays of `run`, not filled yet, and tasks that fill them in any order."""
    gaps = {name: bool(np.isnan(x).any()) for name, x in columns.items()}
    made = [np.empty(int(lengths.sum())) for _ in wanted]
    whole, tasks = [], list[Task]()
    for one, out in zip(wanted, made, strict=True):
        if any(gaps[name] for name in one.inputs):
            tasks.append(partial(_over_gaps, columns, lengths, one, out))
        else:
            whole.append((one, out))
    if whole:
        tasks += [partial(_group, columns, lengths, whole, lanes) for lanes in groups(lengths)]
    return made, tasks


def blank(x: Floats, lengths: Lengths, *, count: int) -> Floats:
    """Set the first `count` values of each series to NaN, in place, and return `x`."""
    blank_lanes(x, np.cumsum(lengths) - lengths, lengths, count)
    return x


def blank_lanes(x: Floats, starts: Lengths, lengths: Lengths, count: int) -> None:
    """Set the first `count` values of the series that begin at `starts` to NaN, in place."""
    places = np.arange(count)
    x[(starts[:, None] + places)[places < lengths[:, None]]] = np.nan


def _over_gaps(
    columns: Mapping[str, Floats], lengths: Lengths, one: Recursion, out: Floats
) -> None:
    """Fill `out` for a recursion whose inputs have gaps: as though those rows were absent."""
    known = ~np.isnan(columns[one.inputs[0]])
    for name in one.inputs[1:]:
        known &= ~np.isnan(columns[name])
    seen = np.concatenate(([0], np.cumsum(known)))
    ends = np.cumsum(lengths)
    left = seen[ends] - seen[ends - lengths]
    out.fill(np.nan)
    out[known] = run({name: columns[name][known] for name in one.inputs}, left, [one])[0]


def groups(lengths: Lengths) -> Iterator[Lengths]:
    """Yield the numbers of the series that run together: in order, or longest first if ragged."""
    if lengths.size == 0:
        return
    equal = bool((lengths == lengths[0]).all())
    order = np.arange(lengths.size) if equal else np.argsort(-lengths, kind="stable")
    for start in range(0, order.size, _LANES):
        yield order[start : start + _LANES]


def _group(
    columns: Mapping[str, Floats],
    lengths: Lengths,
    wanted: Sequence[tuple[Recursion, Floats]],
    lanes: Lengths,
) -> None:
    """Fill the series `lanes` of all outputs."""
    starts, sizes = (np.cumsum(lengths) - lengths)[lanes], lengths[lanes]
    names = dict.fromkeys(name for one, _ in wanted for name in one.inputs)
    inputs = {name: matrix(columns[name], starts, sizes) for name in names}
    results = [matrix(out, starts, sizes) for _, out in wanted]
    _steps(inputs, [one for one, _ in wanted], results)
    for (one, out), result in zip(wanted, results, strict=True):
        if not np.shares_memory(result, out):
            for row, start, size in zip(result, starts.tolist(), sizes.tolist(), strict=True):
                out[start : start + size] = row[:size]
        blank_lanes(out, starts, sizes, one.seeded)


def matrix(x: Floats, starts: Lengths, sizes: Lengths) -> Floats:
    """Return series as rows, padded with zeros to the longest; a view where they allow it."""
    longest = int(sizes.max())
    if (sizes == longest).all() and (np.diff(starts) == longest).all():
        return x[starts[0] : starts[0] + sizes.size * longest].reshape(sizes.size, longest)
    padded = np.zeros((sizes.size, longest))
    for row, start, size in zip(padded, starts.tolist(), sizes.tolist(), strict=True):
        row[:size] = x[start : start + size]
    return padded


def _steps(inputs: Tiles, wanted: Sequence[Recursion], results: Sequence[Floats]) -> None:
    """Run the recursions over matrices (lanes, time), a tile of a few steps at a time."""
    lanes, count = results[0].shape
    bench = _Bench(wanted, inputs, lanes)
    for start in range(0, count, _TILE):
        size = min(_TILE, count - start)
        bench.advance(size, bench.derive(start, bench.load(start, size), size))
        bench.store(results, start, size)


class _Bench:
    """The buffers of one group of lanes, reused from tile to tile; recursions lie side by side."""

    def __init__(self, wanted: Sequence[Recursion], inputs: Tiles, lanes: int) -> None:
        edges = np.cumsum([0, *(one.width * lanes for one in wanted)]).tolist()
        self.wanted, self.inputs = wanted, inputs
        self.places = [slice(*pair) for pair in pairwise(edges)]
        self.tiles = {name: np.zeros((_TILE + 1, lanes)) for name in inputs}
        self.work, self.done = np.zeros((_TILE, edges[-1])), np.empty((_TILE, lanes))
        self.state, self.held = np.zeros(edges[-1]), np.empty(edges[-1])
        self.seeds = [np.zeros(one.width * lanes) for one in wanted]
        kept = [np.full(one.width * lanes, 1.0 - one.alpha) for one in wanted]
        self.kept = np.concatenate(kept)

    def load(self, start: int, size: int) -> Tiles:
        """Turn a piece of the inputs time-major, with the step before it as its first row."""
        for name, x in self.inputs.items():
            tile = self.tiles[name]
            tile[0] = x[:, start - 1] if start else x[:, 0]
            np.copyto(tile[1 : size + 1], x[:, start : start + size].T)
        return {name: tile[: size + 1] for name, tile in self.tiles.items()}

    def derive(self, start: int, tiles: Tiles, size: int) -> dict[int, list[int]]:
        """Write what is averaged; return which recursions get their seed at which row."""
        due: dict[int, list[int]] = {}
        for number, (one, place) in enumerate(zip(self.wanted, self.places, strict=True)):
            part = self.work[:size, place]
            one.derive(tiles, part)
            if start <= one.seeded:
                seed = part[max(0, one.first - start) : one.seeded + 1 - start]
                self.seeds[number] += seed.sum(axis=0)
                due.setdefault(one.seeded - start, []).append(number)
        return due

    def advance(self, size: int, due: dict[int, list[int]]) -> None:
        """Take the steps of a tile; before its seed a lane holds nothing of meaning."""
        last = self.state
        for step, row in enumerate(self.work[:size]):
            np.multiply(last, self.kept, out=self.held)
            np.add(row, self.held, out=row)
            for number in due.get(step, ()):
                one = self.wanted[number]
                row[self.places[number]] = self.seeds[number] / (one.alpha * one.span)
            last = row
        np.copyto(self.state, last)

    def store(self, results: Sequence[Floats], start: int, size: int) -> None:
        """Write the results of a tile where they belong."""
        for one, place, result in zip(self.wanted, self.places, results, strict=True):
            averages = self.work[:size, place]
            if one.finish is not None:
                one.finish(averages, self.done[:size])
                averages = self.done[:size]
            np.copyto(result[:, start : start + size], averages.T)
