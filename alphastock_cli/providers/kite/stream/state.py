"""How patient a connection is, what it is doing, and when that is trouble: values, no doing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

QUIET = 5.0  # seconds without a message after which what is shown is called stale
NO_TICK = 6.0  # the same without a price that is believed, in continuous trading


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what may take. All in seconds.

    `message` without any byte, heartbeats included, means a dead connection; `tick` and `token`
    without ticks in market hours mean lost subscriptions. A pause before the n-th attempt in a row
    is drawn from 0 to `first` · 2ⁿ, `longest` at most; after 429 it is `busy` and more. A
    connection that stood for `settled` makes the count begin anew.
    """

    message: float = 9.0
    tick: float = 20.0
    token: float = 25.0
    look: float = 1.0
    send: float = 5.0
    close: float = 2.0
    first: float = 1.0
    longest: float = 30.0
    busy: float = 60.0
    settled: float = 10.0


@dataclass(slots=True, kw_only=True)
class State:
    """What a connection is doing.

    Attributes
    ----------
    name : str
        ``connecting``, ``up``, ``waiting``, ``stopped``.
    message_age, tick_age : float or None
        Seconds since the last message and the last tick that was believed, or said again; None
        where there was none.
    stood : float or None
        Seconds since the newest connection was opened; None before the first.
    """

    name: str = "connecting"
    connections: int = 0
    attempts: int = 0
    asked_again: int = 0
    last_error: str = ""
    message_age: float | None = None
    tick_age: float | None = None
    stood: float | None = None
    losses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the stream is doing: its connections and what was counted, for `watch` and `doctor`."""

    connections: tuple[State, ...]
    counts: Mapping[str, int]
    following: int
    waiting_ticks: int
    waiting_orders: int

    @property
    def is_current(self) -> bool:
        """Whether every connection stands and was heard within the last seconds.

        A decision to enter rests on this being true; ages of single prices are the quotes' own.
        """
        return bool(self.connections) and all(
            each.name == "up" and each.message_age is not None and each.message_age < QUIET
            for each in self.connections
        )


def trouble(state: State, *, moving: bool) -> str:
    """Return in words why what a connection brought may be old; "" where nothing says so.

    `moving` tells whether an instrument that it carries is expected to tick.
    """
    if state.name != "up" or state.stood is None or state.message_age is None:
        return f"not connected ({state.last_error})" if state.last_error else "not connected"
    if state.message_age >= QUIET:
        return f"silent for {state.message_age:.0f} s"
    age = state.stood if state.tick_age is None else min(state.stood, state.tick_age)
    if moving and age >= NO_TICK:
        return f"without a price for {age:.0f} s"
    return ""
