"""How often Kite may still be called: one window per class of endpoint for the whole machine.

Every process that uses an api key shares one small file, see `budget_place.py`. A call counts
from the moment it is let through until a whole window after it ended: whenever in between it
reached Kite, no window there holds more than the limit. What a call asks is not the business of
this module.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import Locked, TransientError
from alphastock_cli.providers.kite.budget_state import State, Window, load
from alphastock_cli.providers.kite.facts import DAY, Limit, limits
from alphastock_cli.store.atomic import storage_error, write_bytes
from alphastock_cli.store.files import make_private

# shares of a second: how long one looks away from the queue, and from the lock
_LONGEST, _SHORTEST, _LOCK = 0.25, 0.005, 0.001
_LOCK_WAIT = 5.0
_BEAT = 0.5  # a waiting process signs its ticket anew that often
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How much of a class is used: calls inside the tightest window, who waits, until when."""

    name: str
    used: int
    calls: int
    seconds: float
    waiting: int
    paused: float


class Budget:
    """The calls of one api key, counted over all processes that share a folder.

    Parameters
    ----------
    folder : Path
        Where the file of counts lies.
    api_key : str
        Whose calls; only a fingerprint of it is written.
    host : str
        Who counts them on the other side: another host has counts of its own.
    windows : mapping, optional
        Windows by class; the dated table's where none are given.
    life : float
        Seconds after which a call nobody ended (its process was killed) is taken to have ended.
    """

    def __init__(
        self,
        folder: Path,
        api_key: str,
        clock: Clock,
        *,
        host: str = "",
        windows: Mapping[str, tuple[Limit, ...]] | None = None,
        life: float = 30.0,
    ) -> None:
        stem = "budget-" + hashlib.sha256(f"{host}\n{api_key}".encode()).hexdigest()[:16]
        self._folder = folder
        self._path, self._lock = folder / f"{stem}.json", folder / f"{stem}.lock"
        self._clock = clock
        self._windows = limits(clock.now().date()) if windows is None else dict(windows)
        self._life = life

    @contextlib.contextmanager
    def call(self, name: str, *, patience: float = _PATIENCE) -> Iterator[None]:
        """Wait for a turn in class `name`, and count what happens inside the block as one call.

        Turns are given in the order in which they were asked for, whoever asks.

        Raises
        ------
        TransientError
            No turn within `patience` seconds.
        StorageError, Locked
            The counts cannot be kept; then nothing may be called.
        """
        number = self._turn(name, patience)
        try:
            yield
        finally:
            with self._state() as state:
                state.of(name).end(number, self._clock.monotonic())

    def pause(self, name: str, seconds: float) -> None:
        """Let nobody through in class `name` for a while: Kite said that it was too much."""
        with self._state() as state:
            state.of(name).pause(self._clock.monotonic() + seconds)

    def usage(self) -> list[Usage]:
        """Return what is used of each class now; nothing is changed."""
        with self._state(write=False) as state:
            return [self._used(name, state.of(name)) for name in self._windows]

    def _used(self, name: str, window: Window) -> Usage:
        now = self._clock.monotonic()
        tightest = min(self._windows[name], key=lambda limit: limit.seconds or float("inf"))
        return Usage(
            name=name, used=window.held(now, tightest.seconds, self._life),
            calls=tightest.calls, seconds=tightest.seconds,
            waiting=len(window.queue), paused=max(0.0, window.paused - now),
        )  # fmt: skip

    # -- turns --------------------------------------------------------------------------------

    def _turn(self, name: str, patience: float) -> int:
        """Wait until it is our turn and return the number of the call."""
        begun = self._clock.monotonic()
        ticket = 0
        try:
            while True:
                with self._state() as state:
                    now = self._clock.monotonic()
                    ticket, wait = self._step(state, name, ticket, now)
                if wait <= 0.0:
                    return ticket
                _refuse_endless(name, now - begun, patience)
                self._clock.sleep(min(_LONGEST, max(_SHORTEST, wait)))
        except BaseException:
            with contextlib.suppress(Exception), self._state() as state:
                state.of(name).leave(ticket)
            raise

    def _step(self, state: State, name: str, ticket: int, now: float) -> tuple[int, float]:
        """Take or renew a ticket; return it, and the seconds until it may be its turn (0: now)."""
        window = state.of(name)
        window.tidy(now, max(each.seconds for each in self._windows[name]), self._life)
        if not window.waits(ticket):
            ticket = state.ticket()
            window.join(ticket, now)
        window.beat(ticket, now, _BEAT)
        place = window.place(ticket)
        wait = window.wait(place, now, self._windows[name], self._life)
        if any(limit.seconds == DAY for limit in self._windows[name]):
            self._check_day(state, name)
        if wait <= 0.0 and place == 0:
            window.leave(ticket)
            window.begin(ticket, now)
            state.count_day(name, self._clock.now().date())
        elif place:
            wait = max(wait, _SHORTEST)
        return ticket, wait

    def _check_day(self, state: State, name: str) -> None:
        used = state.used_day(name, self._clock.now().date())
        for limit in self._windows[name]:
            if limit.seconds == DAY and used >= limit.calls:
                raise TransientError(
                    f"{used} {name} calls today: Kite allows {limit.calls} a day",
                    safe="Nothing was asked.",
                    hint="The count begins anew tomorrow.",
                )

    # -- the file -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _state(self, *, write: bool = True) -> Iterator[State]:
        """Hold the file for the length of a block, and write it back where it changed."""
        make_private(self._folder)
        with self._held():
            now = self._clock.monotonic()
            state = load(self._path, now, self._windows)
            yield state
            if write and state.changed:
                write_bytes(self._path, state.dump(now), mode=0o600, sync=False)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the kernel's lock, which dies with its holder; never for longer than a write."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            handle = os.open(self._lock, flags, 0o600)
        except OSError as error:
            raise storage_error(self._lock, error) from error
        end = self._clock.monotonic() + _LOCK_WAIT
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if self._clock.monotonic() > end:
                        raise Locked(
                            f"another process holds the counts of Kite's calls ({self._lock})",
                            safe="Nothing was asked.",
                            hint="Is it stopped? End it, and run this again.",
                        ) from None
                    self._clock.sleep(_LOCK)
            yield
        finally:
            os.close(handle)


def _refuse_endless(name: str, waited: float, patience: float) -> None:
    if waited > patience:
        raise TransientError(
            f"no room for another {name} call of Kite within {patience:.0f} s",
            safe="Nothing was asked.",
            hint="Other processes use the same api key: try again later.",
        )
