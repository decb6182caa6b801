"""How patient a connection is, and what it is doing: values, no doing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


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
        Seconds since the last message and the last tick; None where there was none.
    """

    name: str = "connecting"
    connections: int = 0
    attempts: int = 0
    asked_again: int = 0
    last_error: str = ""
    message_age: float | None = None
    tick_age: float | None = None
    losses: Counter[str] = field(default_factory=Counter)
