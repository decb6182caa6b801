"""What Kite said of itself lately, kept for `doctor`: clock skew, entitlement, the last refusal.

One small private file; its loss costs nothing but the memory. No secret is ever in it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.providers.kite.credentials import read_private, write_private
from alphastock_cli.safety import redacted, safe_text

FILE = "notes.json"
_FRESH = timedelta(minutes=10)
_MOVED = 1.0  # seconds of skew that are worth writing again
ENDED = "the login has ended"
# what a refusal means, by its words; the first that fits
_REASONS = (
    (re.compile(r"(?i)\bip\b|static ip|whitelist"),
     "orders are taken only from the IP address registered in the developer profile"),
    (re.compile(r"(?i)market.?protection"),
     "MARKET and SL-M orders need a market protection since 2026-04-01"),
    (re.compile(r"(?i)permission|subscri"),
     "the plan of the api key lacks it: quotes and candles need the paid one"),
    (re.compile(r"(?i)too many|rate.?limit"), "more calls than Kite allows"),
    (re.compile(r"(?i)token|session"), ENDED),
)  # fmt: skip


class Notes:
    """The file of what Kite said last."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / FILE
        self._clock = clock

    def read(self) -> dict[str, Any]:
        """Return what is known: ``skew, skew_at, refusal, entitled, entitled_at``; may be empty."""
        try:
            body = json.loads(read_private(self._path))
        except (OSError, ValueError, RecursionError, AlphaStockError):
            return {}
        return body if isinstance(body, dict) else {}

    def skew(self, seconds: float) -> None:
        """Remember how far Kite's clock is ahead of ours (negative: behind)."""
        held = self.read()
        if _is_near(held, seconds, self._clock.now()):
            return
        self._write({**held, "skew": round(seconds, 1), "skew_at": self._now()})

    def entitled(self, *, yes: bool) -> None:
        """Remember whether the api key may ask for market data."""
        held = self.read()
        if held.get("entitled") is not yes:
            self._write({**held, "entitled": yes, "entitled_at": self._now()})

    def refused(self, status: int, kind: str, message: str) -> None:
        """Remember the last refusal and what it means."""
        refusal = {
            "at": self._now(), "status": status, "type": safe_text(kind, limit=40),
            "message": safe_text(redacted(message), limit=200), "reason": reason(message),
        }  # fmt: skip
        self._write({**self.read(), "refusal": refusal})

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")

    def _write(self, body: dict[str, Any]) -> None:
        write_private(self._path, json.dumps(body).encode())


def reason(message: str) -> str:
    """Return what a refusal means in plain words, "" where nobody knows."""
    return next((words for form, words in _REASONS if form.search(message)), "")


def _is_near(held: dict[str, Any], seconds: float, now: datetime) -> bool:
    try:
        age = now - datetime.fromisoformat(held["skew_at"])
        return abs(float(held["skew"]) - seconds) < _MOVED and timedelta() <= age < _FRESH
    except (KeyError, TypeError, ValueError):
        return False
