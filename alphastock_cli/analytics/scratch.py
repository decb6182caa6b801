"""Buffers that are used again: fresh memory costs more than the sums that are made in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Scratch:
    """Arrays of one thread by name, as large as the largest that was asked for."""

    def __init__(self) -> None:
        self._held: dict[str, Floats] = {}

    def take(self, name: str, shape: tuple[int, ...]) -> Floats:
        """Return an array of this shape, of any content; it is that of the last call by `name`."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.size < size:
            held = self._held[name] = np.empty(size)
        return held[:size].reshape(shape)


class Shelf:
    """Scratch memory for tasks that follow one another in a few threads."""

    def __init__(self) -> None:
        self._free: list[Scratch] = []

    @contextmanager
    def borrow(self) -> Iterator[Scratch]:
        """Lend memory to a task: what another has given back, or new."""
        try:
            mine = self._free.pop()
        except IndexError:
            mine = Scratch()
        try:
            yield mine
        finally:
            self._free.append(mine)
