"""How often an app may call: windows that slide, one per class of call and app.

Every call is counted, the refused ones too, so that a test can ask what a client did. Time comes
from outside as seconds that never go back.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from alphastock_cli.sandbox.replies import CallError

SECOND, MINUTE, DAY = 1.0, 60.0, 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Calls allowed per window; the defaults are Kite's of 2026."""

    quote: int = 1
    historical: int = 3
    orders: int = 10
    other: int = 10
    orders_minute: int = 400
    orders_day: int = 5000
    on: bool = True


def class_of(method: str, path: str) -> str:
    """Return which window a call counts in: quote, historical, orders or other."""
    if path == "/quote" or path.startswith("/quote/"):
        return "quote"
    if path.startswith("/instruments/historical/"):
        return "historical"
    if path.startswith("/orders/") and method in {"POST", "PUT", "DELETE"}:
        return "orders"
    return "other"


@dataclass
class Limiter:
    """The calls of every app in their windows, and how many were too many."""

    rates: Rates = field(default_factory=Rates)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    refused: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _log: defaultdict[tuple[str, str], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def admit(self, app: str, method: str, path: str, now: float) -> None:
        """Count one call.

        Raises
        ------
        CallError
            429, the window is full; the call does not count in it.
        """
        name = class_of(method, path)
        self.counts[name] += 1
        windows = [(name, getattr(self.rates, name), SECOND)]
        if name == "orders" and method == "POST":
            windows += [
                ("orders_minute", self.rates.orders_minute, MINUTE),
                ("orders_day", self.rates.orders_day, DAY),
            ]
        for key, most, seconds in windows:
            log = self._log[app, key]
            while log and log[0] <= now - seconds:
                log.popleft()
            if len(log) >= most:
                self.refused[key] += 1
                if self.rates.on:
                    raise CallError(429, "NetworkException", "Too many requests")
        for key, _, _ in windows:
            self._log[app, key].append(now)
