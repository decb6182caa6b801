"""Recursions over a whole panel at once, as arrays, for `panels`; which ones: `recursions`.

Series lie end to end in flat arrays with a length each. Some dozens of them at a time, as many as
stay in the cache, become rows of a matrix, and their averages are matrix products (`decays`, which
says what that means for the last digit). Missing is NaN in arrays, and only there: `panels` makes
it null. Windows: `windows` and `sums`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.analytics import decays
from alphastock_cli.analytics.decays import BLOCK
from alphastock_cli.analytics.recursions import Inputs, Recursion
from alphastock_cli.analytics.scratch import Scratch, Shelf

Floats: TypeAlias = NDArray[np.float64]
Lengths: TypeAlias = NDArray[np.int64]
Task: TypeAlias = Callable[[], None]

_LANES = 1024
_VALUES = 100_000  # of one column worked on at once: long enough a call, and it stays in the cache
_PARTS = 16  # tasks, so that threads end at about the same time


def run(
    columns: Mapping[str, Floats], lengths: Lengths, wanted: Sequence[Recursion]
) -> list[Floats]:
    """Return each recursion over each series, flat as the columns.

    NaN before the first result of a series and where an input is NaN; such rows are passed over.
    """
    made, tasks = plan(columns, lengths, wanted, Shelf())
    for task in tasks:
        task()
    return made


def plan(
    columns: Mapping[str, Floats], lengths: Lengths, wanted: Sequence[Recursion], shelf: Shelf
) -> tuple[list[Floats], list[Task]]:
    """Return the arrays of `run`, not filled yet, and tasks that fill them in any order."""
    made = [np.empty(int(lengths.sum())) for _ in wanted]
    todo = list(_batches(lengths)) if wanted else []
    each = max(1, -(-len(todo) // _PARTS))
    bench = _Bench(columns, lengths, wanted, made)
    starts = range(0, len(todo), each)
    return made, [partial(bench.fill, todo[start : start + each], shelf) for start in starts]


def blank(x: Floats, lengths: Lengths, *, count: int) -> Floats:
    """Set the first `count` values of each series to NaN, in place, and return `x`."""
    blank_lanes(x, np.cumsum(lengths) - lengths, lengths, count)
    return x


def blank_lanes(x: Floats, starts: Lengths, lengths: Lengths, count: int) -> None:
    """Set the first `count` values of the series that begin at `starts` to NaN, in place."""
    places = np.arange(count)
    x[(starts[:, None] + places)[places < lengths[:, None]]] = np.nan


def groups(lengths: Lengths) -> Iterator[Lengths]:
    """Yield the numbers of the series that run together: in order, or longest first if ragged."""
    order = _order(lengths)
    for start in range(0, order.size, _LANES):
        yield order[start : start + _LANES]


def matrix(x: Floats, starts: Lengths, sizes: Lengths) -> Floats:
    """Return series as rows, padded with zeros to the longest; a view where they allow it."""
    if _even(starts, sizes):
        return _view(x, starts, sizes)
    return _gather(x, starts, sizes, np.empty((sizes.size, int(sizes.max()))))


def _order(lengths: Lengths) -> Lengths:
    if lengths.size == 0 or (lengths == lengths[0]).all():
        return np.arange(lengths.size)
    return np.argsort(-lengths, kind="stable")


def _batches(lengths: Lengths) -> Iterator[Lengths]:
    """Yield the numbers of series of about equal length, as many as stay in the cache."""
    order, start = _order(lengths), 0
    order = order[lengths[order] > 0]
    while start < order.size:
        size = max(1, _VALUES // int(lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _even(starts: Lengths, sizes: Lengths) -> bool:
    """Return whether the series are of one length and lie end to end."""
    return bool((sizes == sizes[0]).all() and (np.diff(starts) == sizes[0]).all())


def _view(x: Floats, starts: Lengths, sizes: Lengths) -> Floats:
    return x[starts[0] : starts[0] + sizes.size * sizes[0]].reshape(sizes.size, -1)


def _gather(x: Floats, starts: Lengths, sizes: Lengths, into: Floats) -> Floats:
    for row, start, size in zip(into, starts.tolist(), sizes.tolist(), strict=True):
        row[:size] = x[start : start + size]
        row[size:] = 0.0
    return into


class _Bench:
    """Recursions over a panel, batch after batch."""

    def __init__(
        self,
        columns: Mapping[str, Floats],
        lengths: Lengths,
        wanted: Sequence[Recursion],
        made: Sequence[Floats],
    ) -> None:
        self.columns, self.lengths = columns, lengths
        self.offsets = np.cumsum(lengths) - lengths
        self.wanted = list(zip(wanted, made, strict=True))
        self.names = list(dict.fromkeys(name for one in wanted for name in one.inputs))

    def fill(self, batches: Sequence[Lengths], shelf: Shelf) -> None:
        """Fill the series of `batches` of all outputs."""
        # nothing moved: 0/0; lanes that have ended run on
        with shelf.borrow() as scratch, np.errstate(all="ignore"):
            for lanes in batches:
                self._run(self.offsets[lanes], self.lengths[lanes], scratch)

    def _run(self, starts: Lengths, sizes: Lengths, scratch: Scratch) -> None:
        shape = sizes.size, int(sizes.max())
        even = _even(starts, sizes)
        inputs = {
            name: _view(self.columns[name], starts, sizes)
            if even
            else _gather(self.columns[name], starts, sizes, scratch.take(name, shape))
            for name in self.names
        }
        # no average may need a value of the first or the last row, but it has to be there
        edges = np.concatenate([starts, starts + sizes - 1])
        whole = {
            name: np.isfinite(self.columns[name][edges]).reshape(2, -1).all(axis=0)
            for name in self.names
        }
        for one, out in self.wanted:
            result = _view(out, starts, sizes) if even else scratch.take(" result", shape)
            finite = _averages(one, inputs, result, scratch)
            result[:, : one.seeded] = np.nan
            if not even:
                for row, start, size in zip(result, starts.tolist(), sizes.tolist(), strict=True):
                    out[start : start + size] = row[:size]
            for name in one.inputs:
                finite &= whole[name]
            lost = np.flatnonzero(~finite)
            if lost.size:
                _otherwise(self.columns, starts[lost], sizes[lost], one, out)


def _averages(
    one: Recursion, inputs: Inputs, result: Floats, scratch: Scratch
) -> NDArray[np.bool_]:
    """Write the results of a batch; return which series were finite."""
    series, steps = result.shape
    finite = np.ones(series, dtype=np.bool_)
    if steps <= one.seeded:
        return finite
    width, blocks = one.width, decays.blocks(steps)
    work = scratch.take(" work", (width, series, blocks * BLOCK))
    work[:, :, steps:] = 0.0
    one.derive(inputs, work[:, :, :steps], scratch.take(" spare", (series, steps)))
    seeds = np.add.reduce(work[:, :, one.first : one.seeded + 1], axis=2)
    work[:, :, : one.seeded] = 0.0
    work[:, :, one.seeded] = seeds / (one.span * one.alpha)
    out = result
    if one.finish is not None:
        out = scratch.take(" averages", (width * series, steps))
    rows = work.reshape(width * series, blocks, BLOCK)
    found = decays.sweep(rows, keep=1.0 - one.alpha, weight=one.alpha, out=out)
    if one.finish is not None:
        one.finish(out.reshape(width, series, steps), result)
    finite &= found.reshape(width, series).all(axis=0)
    return finite


def _otherwise(
    columns: Mapping[str, Floats], starts: Lengths, sizes: Lengths, one: Recursion, out: Floats
) -> None:
    """Fill series that have gaps, as though those rows were absent, or infinite values."""
    places = np.concatenate(
        [np.arange(a, a + n) for a, n in zip(starts.tolist(), sizes.tolist(), strict=True)]
    )
    found = {name: columns[name][places] for name in one.inputs}
    known = ~np.logical_or.reduce([np.isnan(x) for x in found.values()])
    out[places] = np.nan
    if not known.all():
        seen = np.concatenate(([0], np.cumsum(known)))
        ends = np.cumsum(sizes)
        left = seen[ends] - seen[ends - sizes]
        kept = {name: x[known] for name, x in found.items()}
        out[places[known]] = run(kept, left, [one])[0]
        return
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        row = {name: columns[name][None, start : start + size] for name in one.inputs}
        out[start : start + size] = _step_by_step(row, one, size)


def _step_by_step(inputs: Inputs, one: Recursion, size: int) -> Floats:
    """Return one series by the definition: what is infinite stays where it is and after it."""
    result = np.full((1, size), np.nan)
    if size > one.seeded:
        work = np.empty((one.width, 1, size))
        one.derive(inputs, work, np.empty((1, size)))
        for x in work[:, 0]:
            x[one.seeded] = x[one.first : one.seeded + 1].mean()
            for step in range(one.seeded + 1, size):
                x[step] = (1.0 - one.alpha) * x[step - 1] + one.alpha * x[step]
        if one.finish is None:
            np.copyto(result, work[0])
        else:
            one.finish(work, result)
        result[:, : one.seeded] = np.nan
    row: Floats = result[0]
    return row
