"""Every fault by name: what a client sees of it, and which row of faults it stands for.

Only words and usual durations; what is done is in `wreck.py` (replies), `desk.py` (orders),
`spoil.py` (ticks and candles) and `web.py` (sockets).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class FaultName:
    """What a fault is: group, meaning, the row it stands for, its usual duration in seconds."""

    group: str
    meaning: str
    row: str
    seconds: float = 0.0


_REFUSED = {
    "429": FaultName("answer", "too many requests, as JSON; a duration becomes Retry-After", "R-1"),
    "html-429": FaultName("answer", "too many requests, as a page of HTML", "R-1"),
    "500": FaultName("answer", "GeneralException", "R-3"),
    "502": FaultName("answer", "a gateway's page of HTML", "R-3"),
    "503": FaultName("answer", "NetworkException: no connection to the order system", "R-3"),
    "504": FaultName("answer", "a gateway's time-out, as a page of HTML", "R-3"),
    "403": FaultName("answer", "TokenException at a random call", "R-9"),
    "permission": FaultName("answer", "PermissionException: the plan lacks it", "R-9"),
    "200-error": FaultName("answer", "an error's body with code 200", "R-1"),
    "redirect": FaultName("answer", "302 to an address that answers with an order id", "F-03"),
    "timeout": FaultName("socket", "no byte for that long, then the end", "R-5", 60.0),
    "close": FaultName("socket", "closed without a reply, nothing done", "R-4"),
    "reset": FaultName("socket", "reset without a reply, nothing done", "R-4"),
}
_BROKEN = {
    "lost-reply": FaultName("socket", "done, but the connection is reset before the reply", "O-1"),
    "late-reply": FaultName("socket", "done, but the reply comes that much later", "O-1", 15.0),
    "slow": FaultName("socket", "one byte every half second, that long", "R-5", 30.0),
    "truncate": FaultName("socket", "half of the body, then the end", "R-6"),
    "wrong-length": FaultName("answer", "a Content-Length beyond the body", "R-6"),
    "bad-gzip": FaultName("answer", "called gzip, and is none", "R-6"),
    "huge": FaultName("socket", "a body without end: up to 2 GB", "R-8"),
    "huge-headers": FaultName("answer", "128 headers of a kilobyte each", "R-5"),
    "bad-json": FaultName("answer", "JSON cut in the middle, with the right length", "R-7"),
    "not-dict": FaultName("answer", "a JSON list", "R-7"),
    "null": FaultName("answer", "JSON null", "R-7"),
    "missing-data": FaultName("answer", "an envelope without data", "R-7"),
    "missing-keys": FaultName("answer", "a field of every object is gone", "R-7"),
    "wrong-types": FaultName("answer", "numbers as words, words as numbers", "R-7"),
    "duplicate-keys": FaultName("answer", "every key twice, the second time with null", "R-7"),
    "nan": FaultName("answer", "a number is NaN", "R-7"),
    "infinity": FaultName("answer", "a number is Infinity", "R-7"),
    "1e400": FaultName("answer", "a number is 1e400", "R-7"),
    "long-number": FaultName("answer", "a number has 5,000 digits", "R-7"),
    "deep": FaultName("answer", "100,000 lists inside each other", "R-7"),
    "html": FaultName("answer", "a page of HTML with code 200", "R-7"),
    "no-type": FaultName("answer", "no Content-Type", "R-7"),
    "clock-skew": FaultName("answer", "the Date header is that far ahead", "R-12", 1800.0),
    "clock-behind": FaultName("answer", "the Date header is that far behind", "R-12", 1800.0),
}
_CANDLES = {
    "candle-gap": FaultName("candles", "one in ten is missing", "R-10"),
    "candle-duplicate": FaultName("candles", "one in ten comes twice", "R-10"),
    "candle-shuffle": FaultName("candles", "out of order", "R-10"),
    "candle-overlap": FaultName("candles", "some from before the first moment asked for", "R-10"),
    "candle-high-low": FaultName("candles", "one in ten has its high below its low", "R-10"),
    "candle-volume": FaultName("candles", "one in ten has a negative volume", "R-10"),
    "candle-x100": FaultName("candles", "one in ten has prices a hundred times as high", "R-10"),
    "candle-wrong": FaultName("candles", "those of another instrument", "R-10"),
    "candle-future": FaultName("candles", "one of next year", "R-10"),
    "candle-revised": FaultName("candles", "the last final ones differ at every call", "R-11"),
}
_ORDERS = {
    "order-timeout-but-placed": FaultName(
        "orders", "400 'Order request timed out', and it is in the book after that long", "O-1", 8.0
    ),
    "order-timeout-not-placed": FaultName("orders", "the same words, and it never is", "O-1"),
    "order-503-but-placed": FaultName("orders", "503, and it is in the book", "O-1"),
    "order-late": FaultName("orders", "an id, and it is in the book after that long", "O-1", 60.0),
    "order-stuck": FaultName("orders", "that long in PUT ORDER REQ RECEIVED", "F-02", 90.0),
    "order-rejected": FaultName("orders", "an id, and the exchange rejects it", "O-1"),
    "margin": FaultName("orders", "400 MarginException", "O-1"),
    "static-ip": FaultName("orders", "403: the address is not registered", "O-1"),
    "authorise": FaultName("orders", "428: holdings need authorisation", "O-1"),
    "missing-order-id": FaultName("orders", "placed, but data without an order id", "F-03"),
    "nan-order-id": FaultName("orders", "placed, but the order id is NaN", "F-03"),
    "bad-order-id": FaultName("orders", "placed, but the order id is words", "F-03"),
    "lost-tag": FaultName("orders", "the book shows no tags", "O-3"),
    "shuffle-orders": FaultName("orders", "the book is in no order", "O-3"),
    "square-off": FaultName("orders", "the broker closes MIS positions, once", "O-4"),
    "cancel-timeout": FaultName("orders", "cancelled or modified, and 504 says nothing", "O-5"),
    "cancel-ignored": FaultName("orders", "504, and it is neither cancelled nor modified", "O-5"),
}
_STREAM = {
    "ws-403": FaultName("stream", "the handshake is refused with 403", "W-8"),
    "ws-429": FaultName("stream", "the handshake is refused with 429", "W-8"),
    "drop": FaultName("stream", "each connection breaks after at most that long", "W-1", 20.0),
    "stall": FaultName("stream", "open, but silent for that long", "W-2", 30.0),
    "heartbeat-only": FaultName("stream", "heartbeats, but no ticks", "W-3"),
    "forget-tokens": FaultName("stream", "subscriptions are lost, heartbeats go on", "W-3"),
    "garbage-packet": FaultName("stream", "a message of random bytes among the ticks", "W-4"),
    "truncated-packet": FaultName("stream", "a message that ends too early", "W-4"),
    "count-lie": FaultName("stream", "more packets announced than there are", "W-4"),
    "zero-length": FaultName("stream", "a packet of no bytes before the others", "W-4"),
    "unknown-length": FaultName("stream", "a packet of 57 bytes before the others", "W-4"),
    "big-frame": FaultName("stream", "a message of 10 MB", "W-4"),
    "bad-text": FaultName("stream", "text that is no JSON, or JSON that is no message", "W-4"),
    "duplicate-ticks": FaultName("stream", "every message twice", "W-5"),
    "out-of-order": FaultName("stream", "a message after its successor", "W-5"),
    "older-ticks": FaultName("stream", "time stamps an hour ago", "W-5"),
    "zero-price": FaultName("stream", "a last price of 0", "W-6"),
    "negative-price": FaultName("stream", "a last price of -1", "W-6"),
    "x10-price": FaultName("stream", "ten times the last price", "W-6"),
    "volume-down": FaultName("stream", "a volume that falls", "W-6"),
    "flood": FaultName("stream", "every message again and again, for that long a turn", "W-9", 1.0),
    "ws-error": FaultName("stream", "an error as text", "W-10"),
    "order-update-twice": FaultName("stream", "order updates come twice", "W-10"),
    "order-update-shuffled": FaultName(
        "stream", "of two order updates the later one comes first", "W-10"
    ),
    "order-update-first": FaultName(
        "stream", "the update comes that long before the call's reply", "W-10", 1.0
    ),
    "no-order-updates": FaultName("stream", "order updates do not come", "W-10"),
}
_SESSION = {
    "expire-token-after": FaultName("session", "sessions last that long", "R-9", 20.0),
    "old-token": FaultName("session", "every session counts as yesterday's", "F-26"),
    "no-state": FaultName("session", "the login page does not hand back redirect_params", "SEC"),
    "login-denied": FaultName(
        "session", "the login page says status=error, without a token", "SEC"
    ),
}

FAULTS = MappingProxyType({**_REFUSED, **_BROKEN, **_CANDLES, **_ORDERS, **_STREAM, **_SESSION})
REFUSED, BROKEN, CANDLES = tuple(_REFUSED), tuple(_BROKEN), tuple(_CANDLES)
STREAM = tuple(_STREAM)
