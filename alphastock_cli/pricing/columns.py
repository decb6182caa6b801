"""Arguments of any shape as flat columns to be worked on block by block.

A number stays a number instead of becoming an array of copies: a chain has one forward and one
time for four hundred strikes. No mathematics in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Column: TypeAlias = NDArray[np.float64] | np.float64
Flags: TypeAlias = NDArray[np.bool_] | np.bool_
_Scalar = TypeVar("_Scalar", bound=np.generic)


def columns(
    numbers: tuple[ArrayLike, ...], is_call: ArrayLike
) -> tuple[tuple[int, ...], int, list[Column], Flags]:
    """Return the common shape, its number of rows, each number and the flags as a flat column.

    Raises
    ------
    ValueError
        The shapes do not broadcast together, or a value is no number at all.
    """
    arrays = [np.asarray(each, dtype=np.float64) for each in numbers]
    flags = np.asarray(is_call, dtype=np.bool_)
    shape = np.broadcast(*arrays, flags).shape
    rows = 1
    for extent in shape:
        rows *= extent
    return shape, rows, [_flat(each, shape) for each in arrays], _flat(flags, shape)


def cut(column: NDArray[_Scalar] | _Scalar, start: int, stop: int) -> NDArray[_Scalar] | _Scalar:
    """Return the rows of a block, or the number that stands for all of them."""
    return column[start:stop] if isinstance(column, np.ndarray) else column


def blocks(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each block of at most `size` rows."""
    for start in range(0, rows, size):
        yield start, min(start + size, rows)


def full(column: Column, rows: int) -> NDArray[np.float64]:
    """Return the column with a value for each row."""
    return column if isinstance(column, np.ndarray) else np.full(rows, column)


def _flat(array: NDArray[_Scalar], shape: tuple[int, ...]) -> NDArray[_Scalar] | _Scalar:
    if array.size == 1:
        number: _Scalar = array.reshape(-1)[0]
        return number
    return (array if array.shape == shape else np.broadcast_to(array, shape)).reshape(-1)
