"""A clock that began at another moment and runs on with real time: a market lives by it.

Real time comes from the clock it is given; nothing is read here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alphastock_cli.domain.ports import Clock


class RunningClock:
    """Begins at `start` and runs `speed` times as fast as the real clock; 0 stands still."""

    def __init__(self, start: datetime, real: Clock, *, speed: float = 1.0) -> None:
        self._start, self._real, self._speed = start, real, speed
        self._began = real.monotonic()

    def now(self) -> datetime:
        """Return the moment that has been reached."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the seconds of this clock that have passed."""
        return (self._real.monotonic() - self._began) * self._speed

    def sleep(self, seconds: float) -> None:
        """Wait until so many seconds of this clock have passed."""
        if self._speed > 0:
            self._real.sleep(seconds / self._speed)
