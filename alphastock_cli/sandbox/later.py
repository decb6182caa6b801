"""What is to be done at a later moment of the caller's time, one thing after the other."""

from __future__ import annotations

from collections.abc import Callable

from alphastock_cli.domain.ports import Clock
from alphastock_cli.sandbox.safely import safely


class Later:
    """Things that wait for their time."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._waiting: list[tuple[float, Callable[[], None]]] = []

    def add(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        self._waiting.append((self._wall.monotonic() + seconds, what))

    def catch_up(self) -> None:
        """Do what was to be done by now; what fails is told, and the rest goes on."""
        now = self._wall.monotonic()
        due = [what for at, what in self._waiting if at <= now]
        self._waiting = [(at, what) for at, what in self._waiting if at > now]
        for what in due:
            safely("what was to be done later", what)
