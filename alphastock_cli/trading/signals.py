"""Which signals are heard: each once, not after its time, not again too soon.

Small state and no I/O; after a restart the ledger's signals are given back with `remember`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alphastock_cli.domain.trading import Signal

_KEPT = 100_000  # signal ids remembered: far more than a day has


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRules:
    """How long a strategy keeps quiet about an instrument after a signal was admitted."""

    cool_down: timedelta = timedelta(minutes=10)


class SignalManager:
    """Admits signals one by one; `refused` counts the others by the rule that stopped them."""

    def __init__(self, rules: SignalRules | None = None) -> None:
        self.rules = rules or SignalRules()
        self.admitted = 0
        self.refused: Counter[str] = Counter()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._last: dict[tuple[str, str, str], datetime] = {}

    def remember(self, signals: Iterable[tuple[Signal, datetime]]) -> None:
        """Take in signals admitted before, with the moments, oldest first."""
        for signal, at in signals:
            self._keep(signal, at)

    def admit(self, signal: Signal, now: datetime) -> bool:
        """Return whether the signal is to be acted on at `now`; True at most once for each."""
        why = self.why_not(signal, now)
        if why:
            self.refused[why] += 1
            return False
        self._keep(signal, now)
        self.admitted += 1
        return True

    def why_not(self, signal: Signal, now: datetime) -> str:
        """Return the rule that stops the signal: duplicate, expired, cool_down; "" for none."""
        if signal.signal_id in self._seen:
            return "duplicate"
        if now > signal.valid_until:
            return "expired"
        last = self._last.get(_voice(signal))
        if last is not None and now - last < self.rules.cool_down:
            return "cool_down"
        return ""

    def _keep(self, signal: Signal, at: datetime) -> None:
        self._seen[signal.signal_id] = None
        self._last[_voice(signal)] = at
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)


def _voice(signal: Signal) -> tuple[str, str, str]:
    # the other side is news: a strategy that turns round is heard at once
    return signal.strategy, signal.instrument.key, signal.side.value
