"""Between the connections' thread and whoever decides: bounded however slow that one is.

Of ticks the latest of each instrument waits, and what it replaced is counted; order updates all
wait. A gap waits until it was filled, and nothing is handed out before that.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alphastock_cli.providers.kite.stream.packets import TOKEN, Packet


@dataclass(frozen=True, slots=True)
class Tick:
    """One packet and when it came, aware."""

    packet: Packet
    received: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which messages may have been lost: ask for orders, trades and candles of it.

    `start` is the last moment a message came, `end` when the connection stood again, both aware;
    `reasons` say what was wrong, as words.
    """

    start: datetime
    end: datetime
    reasons: tuple[str, ...]

    def joined(self, other: Gap) -> Gap:
        """Return one gap that covers both."""
        reasons = tuple(dict.fromkeys([*self.reasons, *other.reasons]))
        return Gap(min(self.start, other.start), max(self.end, other.end), reasons)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came since the last one.

    Attributes
    ----------
    ticks : mapping of int to Tick
        The latest by token.
    orders : tuple of mapping
        Rows of orders as Kite sends them, oldest first, each step once.
    gap : Gap or None
        Was filled before this batch was handed out.
    """

    ticks: Mapping[int, Tick] = field(default_factory=dict)
    orders: tuple[Mapping[str, Any], ...] = ()
    gap: Gap | None = None

    def __bool__(self) -> bool:
        """Tell whether there is anything in it."""
        return bool(self.ticks or self.orders or self.gap)


class Mailbox:
    """Ticks, order updates and gaps on their way to one consumer."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._changed = threading.Condition()
        self._ticks: dict[int, Tick] = {}
        self._orders: list[Mapping[str, Any]] = []
        self._gap: Gap | None = None
        self._end: BaseException | None = None
        self._closed = False

    # -- the side of the connections ------------------------------------------------------------

    def put_ticks(self, packets: Iterable[Packet], received: datetime) -> None:
        """Let packets wait, each in the place of the one before of its instrument."""
        with self._changed:
            merged = 0
            for packet in packets:
                token = packet[TOKEN]
                merged += token in self._ticks
                self._ticks[token] = Tick(packet, received)
            self._counts["merged"] += merged
            self._changed.notify_all()

    def put_order(self, row: Mapping[str, Any]) -> None:
        """Let an order update wait, behind those before it."""
        with self._changed:
            self._orders.append(row)
            self._changed.notify_all()

    def put_gap(self, gap: Gap) -> None:
        """Let nothing more out before the gap is filled."""
        with self._changed:
            self._gap = gap if self._gap is None else self._gap.joined(gap)
            self._changed.notify_all()

    def forget(self, tokens: Iterable[int]) -> None:
        """Take back what waits of tokens nobody follows any more."""
        with self._changed:
            for token in tokens:
                self._ticks.pop(token, None)

    def end(self, error: BaseException | None) -> None:
        """Say that nothing more comes, and why."""
        with self._changed:
            self._closed = True
            self._end = self._end or error
            self._changed.notify_all()

    # -- the side of the consumer ---------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Wait until something is there, or the end, or the time is over."""
        with self._changed:
            self._changed.wait_for(self._something, seconds)

    def gap(self) -> Gap | None:
        """Return the gap that waits to be filled."""
        with self._changed:
            return self._gap

    def filled(self, gap: Gap) -> None:
        """Take note that `gap` is filled; one that came meanwhile stays."""
        with self._changed:
            if self._gap is gap:
                self._gap = None

    def take(self, gap: Gap | None = None, *, orders: bool = True) -> Batch:
        """Return what waits, and wait no longer with it; nothing while a gap is open.

        `gap` is the one that was filled for it; without `orders` those wait on.

        Raises
        ------
        BaseException
            What ended the connections, once nothing waits any more.
        """
        with self._changed:
            if self._gap is not None:
                return Batch()
            batch = Batch(self._ticks, tuple(self._orders) if orders else (), gap)
            self._ticks = {}
            if orders:
                self._orders = []
            if not batch and self._end is not None:
                raise self._end
            return batch

    @property
    def waiting(self) -> tuple[int, int]:
        """How many instruments and how many order updates wait."""
        with self._changed:
            return len(self._ticks), len(self._orders)

    @property
    def closed(self) -> bool:
        """Whether nothing more comes."""
        return self._closed

    def _something(self) -> bool:
        return bool(self._ticks or self._orders or self._gap or self._closed)
