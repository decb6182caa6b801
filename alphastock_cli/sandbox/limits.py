"""How often an app may call: windows that slide, one per class of call and app.

Every call is counted, the refused ones too, so that a test can ask what a client did. Time comes
from outside as seconds that never go back.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from alphastock_cli.providers.kite import facts
from alphastock_cli.sandbox.replies import CallError

SECOND, MINUTE, DAY = 1.0, 60.0, 86_400.0
_NEWEST = date.max  # of the rows that have not ended


def _calls(name: str, seconds: float, on: date = _NEWEST) -> int | None:
    """Return the calls a window allows by the rows of a day; None where they know no such one."""
    found = [each.calls for each in facts.limits(on).get(name, ()) if each.seconds == seconds]
    return min(found, default=None)


def _newest(name: str, seconds: float) -> int | None:
    return field(default_factory=partial(_calls, name, seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Calls allowed per window, None where it is not limited.

    What is not given is Kite's, by the newest rows of `limits.csv`; `of` takes those of a day.
    """

    quote: int | None = _newest("quote", SECOND)
    historical: int | None = _newest("historical", SECOND)
    orders: int | None = _newest("orders", SECOND)
    other: int | None = _newest("other", SECOND)
    orders_minute: int | None = _newest("orders", MINUTE)
    orders_day: int | None = _newest("orders", facts.DAY)
    on: bool = True

    @classmethod
    def of(cls, day: date, *, on: bool = True) -> Rates:
        """Return what Kite allows on a day; `on` False counts calls but refuses none."""
        return cls(
            quote=_calls("quote", SECOND, day), historical=_calls("historical", SECOND, day),
            orders=_calls("orders", SECOND, day), other=_calls("other", SECOND, day),
            orders_minute=_calls("orders", MINUTE, day),
            orders_day=_calls("orders", facts.DAY, day), on=on,
        )  # fmt: skip


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
        asked = [(name, SECOND)]
        if name == "orders" and method == "POST":
            asked += [("orders_minute", MINUTE), ("orders_day", DAY)]
        windows = [(key, getattr(self.rates, key), seconds) for key, seconds in asked]
        limited = [window for window in windows if window[1] is not None]
        for key, most, seconds in limited:
            log = self._log[app, key]
            while log and log[0] <= now - seconds:
                log.popleft()
            if len(log) >= most:
                self.refused[key] += 1
                if self.rates.on:
                    raise CallError(429, "NetworkException", "Too many requests")
        for key, _, _ in limited:
            self._log[app, key].append(now)
