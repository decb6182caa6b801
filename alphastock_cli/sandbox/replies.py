"""How Kite says things: envelopes, errors with their types and codes, times as text.

What is said is decided elsewhere; which bytes of it arrive is the business of `web.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from alphastock_cli.exchange.calendar import IST

JSON = "application/json"
Manner = Literal["whole", "slow", "half", "hang", "reset", "close", "endless"]


class CallError(Exception):
    """A call that is answered with an error of Kite's own shape.

    Parameters
    ----------
    status : int
        HTTP code.
    kind : str
        Kite's `error_type`, e.g. ``InputException``.
    message : str
        What the caller reads.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, and in which manner it is to arrive.

    `seconds` is how long the manner lasts: between first and last byte, or until it is cut.
    """

    status: int = 200
    body: bytes = b""
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = "whole"
    seconds: float = 0.0
    delay: float = 0.0  # before the first byte

    def but(self, **changes: Any) -> Reply:  # noqa: ANN401 - fields of any type
        """Return the reply with some fields changed."""
        return replace(self, **changes)


def success(data: Any) -> Reply:  # noqa: ANN401 - whatever the call answers
    """Return the envelope of a call that went well."""
    return Reply(body=encode({"status": "success", "data": data}))


def failure(error: CallError) -> Reply:
    """Return the envelope of a call that did not."""
    body = {
        "status": "error",
        "message": error.message,
        "data": None,
        "error_type": error.kind,
    }
    return Reply(status=error.status, body=encode(body))


def encode(data: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return JSON as the server sends it: compact, no NaN."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).encode()


def stamp(moment: datetime) -> str:
    """Return ``YYYY-MM-DD HH:MM:SS`` in Indian time."""
    return moment.astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def bad(message: str) -> CallError:
    """Return the error of a missing or unusable parameter."""
    return CallError(400, "InputException", message)
