"""The counts of Kite's calls as a file holds them: calls, tickets and pauses of each class.

Times are seconds of the machine's monotonic clock. After a restart of the machine, a clock that
went back, or damage, everything is taken to be as recent as it can be: never is too much let
through. No waiting and no locking here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from alphastock_cli.providers.kite.facts import DAY, Limit

_VERSION = 1
_GONE = 5.0  # a ticket nobody signed for so long is of a process that is gone
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(slots=True)
class Window:
    """One class: calls are ``[number, begun, ended or None]``, tickets ``[number, pid, beat]``."""

    state: State
    calls: list[list[Any]] = field(default_factory=list)
    queue: list[list[Any]] = field(default_factory=list)
    paused: float = 0.0

    def tidy(self, now: float, longest: float, life: float) -> None:
        """Forget calls that no window reaches and tickets of processes that are gone."""
        calls = [call for call in self.calls if _latest(call, now, life) > now - longest]
        queue = [each for each in self.queue if now - each[2] <= _GONE and _alive(each[1])]
        if len(calls) != len(self.calls) or len(queue) != len(self.queue):
            self.calls, self.queue = calls, queue
            self.state.changed = True

    def waits(self, ticket: int) -> bool:
        """Tell whether a ticket stands in the queue."""
        return any(each[0] == ticket for each in self.queue)

    def place(self, ticket: int) -> int:
        """Return how many tickets stand before it."""
        return [each[0] for each in self.queue].index(ticket)

    def join(self, ticket: int, now: float) -> None:
        """Stand at the end of the queue."""
        self.queue.append([ticket, os.getpid(), now])
        self.state.changed = True

    def beat(self, ticket: int, now: float, often: float) -> None:
        """Say that the process behind the ticket still waits."""
        for each in self.queue:
            if each[0] == ticket and now - each[2] >= often:
                each[2] = now
                self.state.changed = True

    def leave(self, ticket: int) -> None:
        """Take the ticket out of the queue."""
        left = [each for each in self.queue if each[0] != ticket]
        if len(left) != len(self.queue):
            self.queue = left
            self.state.changed = True

    def begin(self, ticket: int, now: float) -> None:
        """Count a call that begins."""
        self.calls.append([ticket, now, None])
        self.state.changed = True

    def end(self, ticket: int, now: float) -> None:
        """Note that a call is over: it reached Kite at the latest now."""
        for call in self.calls:
            if call[0] == ticket:
                call[2] = now
                self.state.changed = True

    def pause(self, until: float) -> None:
        """Let nobody through until a moment; a longer pause stays."""
        if until > self.paused:
            self.paused = until
            self.state.changed = True

    def held(self, now: float, seconds: float, life: float) -> int:
        """Return how many calls may lie in the window that ends now."""
        return sum(_latest(call, now, life) > now - seconds for call in self.calls)

    def wait(self, place: int, now: float, limits: Sequence[Limit], life: float) -> float:
        """Return the seconds until the ticket at `place` may go, as far as can be foreseen."""
        wait = self.paused - now
        for limit in limits:
            if limit.seconds == DAY:
                continue
            latest = sorted(_latest(call, now, life) for call in self.calls)
            inside = [moment for moment in latest if moment > now - limit.seconds]
            over = len(inside) + place - limit.calls
            if over >= len(inside):  # more wait before us than a window holds
                wait = max(wait, limit.seconds)
            elif over >= 0:
                wait = max(wait, inside[over] + limit.seconds - now)
        return wait


@dataclass(slots=True)
class State:
    """Everything in the file."""

    windows: dict[str, Window] = field(default_factory=dict)
    days: dict[str, list[Any]] = field(default_factory=dict)
    last: int = 0
    changed: bool = False

    def of(self, name: str) -> Window:
        """Return a class."""
        if name not in self.windows:
            self.windows[name] = Window(self)
        return self.windows[name]

    def ticket(self) -> int:
        """Return the next number."""
        self.last += 1
        return self.last

    def count_day(self, name: str, day: date) -> None:
        """Count a call of a calendar day."""
        self.days[name] = [day.isoformat(), self.used_day(name, day) + 1]
        self.changed = True

    def used_day(self, name: str, day: date) -> int:
        """Return the calls of a calendar day so far."""
        held, count = self.days.get(name, ["", 0])
        return int(count) if held == day.isoformat() else 0

    def dump(self, now: float) -> bytes:
        """Return the file's bytes."""
        body = {
            "version": _VERSION, "boot": _boot(), "seen": now, "last": self.last,
            "days": self.days,
            "windows": {
                name: {"calls": w.calls, "queue": w.queue, "paused": w.paused}
                for name, w in self.windows.items()
            },
        }  # fmt: skip
        return json.dumps(body).encode()


def load(path: Path, now: float, limits: Mapping[str, Sequence[Limit]]) -> State:
    """Return what the file holds, brought to this clock; a damaged one counts as full."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return State()
    except OSError:
        return _full(now, limits)
    try:
        body = json.loads(text)
        state = _read(body)
        seen, boot = float(body["seen"]), str(body["boot"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _full(now, limits)
    if boot != _boot() or now < seen:
        _shift(state, now - seen)
    return state


def _read(body: dict[str, Any]) -> State:
    if body["version"] != _VERSION:
        raise ValueError("another version")
    state = State(last=int(body["last"]))
    for name, (day, count) in body["days"].items():
        state.days[str(name)] = [str(day), int(count)]
    for name, held in body["windows"].items():
        state.windows[str(name)] = Window(
            state,
            [[int(n), float(a), None if b is None else float(b)] for n, a, b in held["calls"]],
            [[int(n), int(pid), float(beat)] for n, pid, beat in held["queue"]],
            float(held["paused"]),
        )
    return state


def _shift(state: State, by: float) -> None:
    """Move every time: what was last seen then is taken to have been seen now."""
    for window in state.windows.values():
        window.calls = [[n, a + by, None if b is None else b + by] for n, a, b in window.calls]
        window.queue = [[n, pid, beat + by] for n, pid, beat in window.queue]
        window.paused += by
    state.changed = True


def _full(now: float, limits: Mapping[str, Sequence[Limit]]) -> State:
    """Return a state in which every window is full: nobody knows what was called."""
    state = State(last=int(now * 1000), changed=True)
    for name, held in limits.items():
        state.of(name).pause(now + max((limit.seconds for limit in held), default=0.0))
    return state


def _latest(call: list[Any], now: float, life: float) -> float:
    """Return the latest moment at which a call can have reached Kite, as far as is known now."""
    number, begun, ended = call
    del number
    return float(ended) if ended is not None else float(min(now, begun + life))


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
