"""A bounded memory for what is dear to make and the same whenever it is made.

Only for pure results: what falls out is made again. Safe where several threads ask.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """At most `size` values by key; the oldest goes first."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, Lock()
        self._held: dict[Hashable, Value] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made by `make` unless it is held."""
        with self._lock:
            if key in self._held:
                return self._held[key]
        value = make()
        with self._lock:
            self._held[key] = value
            while len(self._held) > self._size:
                del self._held[next(iter(self._held))]
        return value
