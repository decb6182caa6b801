"""What silence means: a dead connection, subscriptions that were lost, or a closed market.

Pure: moments are seconds of a clock that never goes back, given as arguments. What is done about a
verdict is `client.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

_LIVELY = 2.0  # seconds between two ticks, on average, of what counts as liquid
_ENOUGH = 10  # ticks before an average means something
_SHARE = 0.2  # of the newest gap in the average
_GRACE = 6.0  # seconds given to a new subscription before the connection is given up
_LONGEST = 32  # times the first patience, after alarms that changed nothing


@dataclass(slots=True)
class _Pulse:
    last: float
    gap: float = 0.0
    ticks: int = 0
    due: float = 0.0  # no second alarm before
    patience: float = 1.0
    here: bool = False  # ticked over the present connection


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done: ask again for these tokens, or begin a new connection."""

    ask: tuple[int, ...] = ()
    reconnect: bool = False


class Watchdog:
    """The ages of messages and ticks of one connection.

    Parameters
    ----------
    tick_seconds : float
        No tick at all of tokens that should move, for that long, means that they were lost.
    token_seconds : float
        The same for a single token that is liquid, or did not even answer its subscription.
    liquid : collection of int
        Tokens known to be liquid; others are found out by their ticks.
    """

    def __init__(
        self, *, tick_seconds: float, token_seconds: float, liquid: Collection[int] = ()
    ) -> None:
        self._tick_seconds, self._token_seconds = tick_seconds, token_seconds
        self._liquid = frozenset(liquid)
        self._pulses: dict[int, _Pulse] = {}
        self._moving: dict[int, float] = {}  # by segment, since when
        self._asked_at: float | None = None
        self._patience = 1.0
        self.newest: float | None = None

    def subscribed(self, tokens: Iterable[int], now: float) -> None:
        """Begin to watch tokens, or begin anew."""
        for token in tokens:
            self._pulses[token] = _Pulse(now)

    def unsubscribed(self, tokens: Iterable[int]) -> None:
        """Watch tokens no longer."""
        for token in tokens:
            self._pulses.pop(token, None)

    def connected(self, now: float) -> None:
        """Begin to wait anew after a new connection."""
        self._asked_at = None
        for pulse in self._pulses.values():
            pulse.last, pulse.here = now, False

    def ticked(self, token: int, now: float) -> None:
        """Take note of a tick that is believed, or that says the same again."""
        pulse = self._pulses.get(token)
        if pulse is None:
            return
        gap = now - pulse.last
        pulse.gap = gap if pulse.ticks < 2 else pulse.gap + _SHARE * (gap - pulse.gap)  # noqa: PLR2004 - the first gap is that to the subscription
        pulse.last, pulse.ticks, pulse.patience, pulse.here = now, pulse.ticks + 1, 1.0, True
        self.newest, self._asked_at, self._patience = now, None, 1.0

    def has_ticked(self, token: int) -> bool:
        """Tell whether a token ticked since it was subscribed, over the present connection."""
        pulse = self._pulses.get(token)
        return pulse is not None and pulse.here

    def judge(self, moving: Collection[int], now: float) -> Verdict:
        """Return what silence calls for.

        Parameters
        ----------
        moving : collection of int
            Segments, by the last byte of a token, in continuous trading now.
        """
        self._moving = {code: self._moving.get(code, now) for code in moving}
        ages = {
            token: now - max(pulse.last, self._moving[token & 0xFF])
            for token, pulse in self._pulses.items()
            if token & 0xFF in self._moving
        }
        if not ages:
            self._asked_at = None
            return Verdict()
        youngest = min(ages.values())
        if self._asked_at is not None:
            if now - self._asked_at < _GRACE:
                return Verdict()
            self._asked_at = None
            return Verdict(reconnect=True)
        if youngest >= self._tick_seconds * self._patience:
            self._asked_at = now
            self._patience = min(self._patience * 2, _LONGEST)
            return Verdict(ask=tuple(ages))
        return Verdict(ask=tuple(t for t, age in ages.items() if self._is_lost(t, age, now)))

    def _is_lost(self, token: int, age: float, now: float) -> bool:
        pulse = self._pulses[token]
        # a subscription is answered by a tick at once: none at all is as telling as many
        often = pulse.ticks == 0 or (pulse.ticks >= _ENOUGH and pulse.gap <= _LIVELY)
        known = often or token in self._liquid
        if not known or age < self._token_seconds or now < pulse.due:
            return False
        pulse.due = now + self._token_seconds * pulse.patience
        pulse.patience = min(pulse.patience * 2, _LONGEST)
        return True
