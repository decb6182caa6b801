"""Arguments of any shape as flat columns to be worked on block by block.

A number stays a number instead of becoming an array of copies: a chain has one forward and one
time for four hundred strikes. No mathematics in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

# flat, or without an axis where one number stands for all rows
Column: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
_Scalar = TypeVar("_Scalar", bound=np.generic)

# The C library of Linux hands memory back to the system as soon as more is free than twice the
# largest array freed so far, and asks for it again: for each block anew, at more than the price of
# all its arithmetic. So an array of 8 MB is freed once, untouched; elsewhere nothing happens.
np.empty(1 << 20)


class Columns(NamedTuple):
    """The arguments, the shape they broadcast to, and the number of rows that is."""

    shape: tuple[int, ...]
    rows: int
    numbers: list[Column]
    is_call: Flags

    def block(self, start: int, stop: int) -> tuple[list[Column], Flags]:
        """Return the numbers and the flags of some rows."""
        if stop - start == self.rows:
            return self.numbers, self.is_call
        return [_cut(each, start, stop) for each in self.numbers], _cut(self.is_call, start, stop)


def columns(numbers: tuple[ArrayLike, ...], is_call: ArrayLike) -> Columns:
    """Return the arguments as flat columns of one length.

    Raises
    ------
    ValueError
        The shapes do not broadcast together, or a value is no number at all.
    """
    arrays = [np.asarray(each, dtype=np.float64) for each in numbers]
    flags = np.asarray(is_call, dtype=np.bool_)
    shape = _common((*arrays, flags))
    if len(shape) == 1 and shape != (1,):  # a chain: numbers and flat arrays, or there is work
        flat = [x if not x.ndim or x.shape == shape else _flat(x, shape) for x in arrays]
        return Columns(shape, shape[0], flat, _flat(flags, shape))
    rows = 1
    for extent in shape:
        rows *= extent
    return Columns(shape, rows, [_flat(each, shape) for each in arrays], _flat(flags, shape))


def blocks(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each block of at most `size` rows."""
    for start in range(0, rows, size):
        yield start, min(start + size, rows)


def zero(column: Column) -> bool:
    """Return whether one number stands for all rows, and is zero."""
    return not column.ndim and not column


def _cut(column: NDArray[_Scalar], start: int, stop: int) -> NDArray[_Scalar]:
    """Return the rows of a block, or the number that stands for all of them."""
    return column[start:stop] if column.ndim else column


def _common(arrays: tuple[NDArray[Any], ...]) -> tuple[int, ...]:
    """Return the shape that the arrays broadcast to."""
    shape: tuple[int, ...] = ()
    for each in arrays:
        if each.ndim and each.shape != shape:
            if shape:
                return np.broadcast(*arrays).shape
            shape = each.shape
    return shape


def _flat(array: NDArray[_Scalar], shape: tuple[int, ...]) -> NDArray[_Scalar]:
    if array.size == 1:
        return array.reshape(())
    if array.ndim == 1 and array.shape == shape:
        return array
    return (array if array.shape == shape else np.broadcast_to(array, shape)).reshape(-1)
