"""Programs over a whole panel: recursions of several steps that one weighted average cannot say.

Series are lanes of arrays turned time-major, a tile of a few steps at a time in reused buffers, as
in `kernels`; a program keeps its state from tile to tile. What the programs are: `programs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alphastock_cli.analytics import kernels
from alphastock_cli.analytics.kernels import Floats, Lengths

TILE = 32  # time steps worked on at once
Flags: TypeAlias = NDArray[np.bool_]


class Work(Protocol):
    """One group of lanes under way: state and buffers of a program."""

    def __call__(self, tiles: Mapping[str, Floats], start: int, into: Sequence[Floats]) -> None:
        """Write the outputs of the steps from `start` on, one array (steps, lanes) each.

        Tiles have one row more, of the step before `start`; at the very start it repeats the first.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is read, how many outputs there are and the index at which each is first known."""

    inputs: tuple[str, ...]
    firsts: tuple[int, ...]
    begin: Callable[[int], Work]


def run(columns: Mapping[str, Floats], lengths: Lengths, program: Program) -> list[Floats]:
    """Return the outputs of `program`, flat as the columns.

    NaN before the first value of a series and where an input is NaN: such rows are passed over.
    """
    inputs = {name: columns[name] for name in program.inputs}
    size = int(lengths.sum())
    made = [np.empty(size) for _ in program.firsts]
    missing = np.zeros(size, dtype=np.bool_)
    for x in inputs.values():
        missing |= np.isnan(x)
    if not missing.any():
        _fill(inputs, lengths, program, made)
        return made
    known = ~missing
    seen = np.concatenate(([0], np.cumsum(known)))
    ends = np.cumsum(lengths)
    kept = {name: x[known] for name, x in inputs.items()}
    found = run(kept, seen[ends] - seen[ends - lengths], program)
    for out, values in zip(made, found, strict=True):
        out.fill(np.nan)
        out[known] = values
    return made


def of_series(frame: pl.DataFrame, program: Program) -> list[pl.Series]:
    """Return the outputs of `program` over one series, null where they are not known."""
    columns = {
        name: frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in program.inputs
    }
    made = run(columns, np.array([frame.height], dtype=np.int64), program)
    return [pl.Series(values).fill_nan(None) for values in made]


def _fill(
    columns: Mapping[str, Floats], lengths: Lengths, program: Program, made: Sequence[Floats]
) -> None:
    """Fill the flat arrays `made` from inputs without gaps."""
    offsets = np.cumsum(lengths) - lengths
    for lanes in kernels.groups(lengths):
        starts, sizes = offsets[lanes], lengths[lanes]
        if not sizes.max():
            continue
        inputs = {name: kernels.matrix(x, starts, sizes) for name, x in columns.items()}
        results = [kernels.matrix(out, starts, sizes) for out in made]
        with np.errstate(all="ignore"):  # lanes that have ended go on over zeros
            _steps(inputs, program.begin(lanes.size), results)
        for first, out, result in zip(program.firsts, made, results, strict=True):
            if not np.shares_memory(result, out):
                for row, start, size in zip(result, starts.tolist(), sizes.tolist(), strict=True):
                    out[start : start + size] = row[:size]
            kernels.blank_lanes(out, starts, sizes, first)


def _steps(inputs: Mapping[str, Floats], work: Work, results: Sequence[Floats]) -> None:
    """Run `work` over matrices (lanes, time), a tile at a time."""
    lanes, count = results[0].shape
    tiles = {name: np.zeros((TILE + 1, lanes)) for name in inputs}
    done = [np.empty((TILE, lanes)) for _ in results]
    for start in range(0, count, TILE):
        size = min(TILE, count - start)
        for name, x in inputs.items():
            tile = tiles[name]
            tile[0] = x[:, start - 1] if start else x[:, 0]
            np.copyto(tile[1 : size + 1], x[:, start : start + size].T)
        into = [buffer[:size] for buffer in done]
        work({name: tile[: size + 1] for name, tile in tiles.items()}, start, into)
        for result, buffer in zip(results, into, strict=True):
            np.copyto(result[:, start : start + size], buffer.T)


class Average:
    """A recursive average of lanes, weight `alpha`, in place, with its seed and its state.

    Seeded with `weight` times the mean of `span` values from index `first`.
    """

    def __init__(
        self, width: int, *, alpha: float, first: int, span: int, weight: float = 1.0
    ) -> None:
        self.alpha, self.first, self.seeded = alpha, first, first + span - 1
        self._scale = weight / span
        self._state, self._held = np.zeros(width), np.empty(width)
        self._seed = np.zeros(width)

    def advance(self, work: Floats, start: int, skip: Flags | None = None) -> None:
        """Replace the values of the steps from `start` on by their averages.

        Where `skip` is true a value counts as 0 in a seed, and later the average stays as it was.
        """
        if start <= self.seeded:
            part = work[max(0, self.first - start) : self.seeded + 1 - start]
            self._seed += part.sum(axis=0)
        work *= self.alpha
        last, held, kept = self._state, self._held, 1.0 - self.alpha
        for step, row in enumerate(work):
            np.multiply(last, kept, out=held)
            np.add(row, held, out=row)
            if skip is not None:
                np.copyto(row, last, where=skip[step])
            if start + step == self.seeded:
                np.multiply(self._seed, self._scale, out=row)
            last = row
        np.copyto(self._state, last)
