"""One bounded queue of snapshots between many runners and one taker; no runner itself.

Each runner has a lane. Lanes take turns, and so do the instruments of a lane, so that a runner with
thousands of snapshots keeps nobody waiting. Nothing blocks a runner: when the queue is full an old
snapshot makes room, and is counted.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from alphastock_cli.domain.data import Snapshot


class _Lane:
    """The waiting snapshots of one runner: each instrument's oldest first, and their age."""

    def __init__(self) -> None:
        self.turns: OrderedDict[str, deque[tuple[int, Snapshot]]] = OrderedDict()
        self.ages: OrderedDict[int, str] = OrderedDict()  # number of arrival to instrument
        self.dropped = 0

    def put(self, number: int, key: str, snapshot: Snapshot) -> None:
        self.turns.setdefault(key, deque()).append((number, snapshot))
        self.ages[number] = key

    def take(self) -> Snapshot:
        """Remove the oldest snapshot of the instrument whose turn it is."""
        key = next(iter(self.turns))
        snapshot = self._remove(key)
        if key in self.turns:
            self.turns.move_to_end(key)
        return snapshot

    def drop(self, key: str | None = None) -> None:
        """Drop the oldest snapshot of an instrument, or of the whole lane."""
        self._remove(next(iter(self.ages.values())) if key is None else key)
        self.dropped += 1

    def _remove(self, key: str) -> Snapshot:
        held = self.turns[key]
        number, snapshot = held.popleft()
        del self.ages[number]
        if not held:
            del self.turns[key]
        return snapshot


class SnapshotQueue:
    """A bounded queue with a lane a runner; safe to use from many threads.

    Parameters
    ----------
    size : int
        Most snapshots waiting, over all lanes; at least 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a queue of {size} snapshots holds none")
        self.size = size
        self._lanes: OrderedDict[str, _Lane] = OrderedDict()
        self._count = 0
        self._arrived = 0
        self._closed = False
        self._ready = threading.Condition()

    def put(self, lane: str, key: str, snapshot: Snapshot) -> None:
        """Add a snapshot and never wait.

        When the queue is full the oldest snapshot of the same instrument makes room; where it has
        none waiting, the oldest one of the fullest lane.
        """
        with self._ready:
            own, full = self._lane(lane), self._count >= self.size
            renewed = key in own.turns
            if full and not renewed:
                max(self._lanes.values(), key=lambda each: len(each.ages)).drop()
            self._arrived += 1
            own.put(self._arrived, key, snapshot)
            if full and renewed:  # only now, so that the instrument keeps its turn
                own.drop(key)
            self._count += not full
            self._ready.notify()

    def take(self, timeout: float | None = 0.0, *, lane: str | None = None) -> Snapshot | None:
        """Remove and return the snapshot whose turn it is, or None.

        Waits up to `timeout` seconds for one, None means until `close`; with `lane` only that
        lane's count, and nobody waits.
        """
        with self._ready:
            if lane is not None:
                return self._taken(lane) if self._lane(lane).ages else None
            self._ready.wait_for(lambda: self._count > 0 or self._closed, timeout)
            if not self._count:
                return None
            name = next(name for name, each in self._lanes.items() if each.ages)
            self._lanes.move_to_end(name)
            return self._taken(name)

    def close(self) -> None:
        """Let those who wait go; what is queued can still be taken."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def open(self) -> None:
        """Let takers wait again after a `close`."""
        with self._ready:
            self._closed = False

    def depth(self, lane: str | None = None) -> int:
        """Return how many snapshots wait, in all or in one lane."""
        with self._ready:
            return self._count if lane is None else len(self._lane(lane).ages)

    def dropped(self, lane: str) -> int:
        """Return how many snapshots of a lane made room for others since the queue was made."""
        with self._ready:
            return self._lane(lane).dropped

    def _lane(self, name: str) -> _Lane:
        return self._lanes.setdefault(name, _Lane())

    def _taken(self, name: str) -> Snapshot:
        self._count -= 1
        return self._lanes[name].take()
