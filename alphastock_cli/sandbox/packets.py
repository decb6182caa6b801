"""Quotes as the ticker's binary packets: 8, 28, 32, 44 or 184 bytes, all big-endian.

What a connection subscribed to is the business of `stream.py`; here only layouts and divisors.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from alphastock_cli.domain.data import Level, Quote
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.quoting import LEVELS, average, sides

HEARTBEAT = b"\x00"
MODES = ("ltp", "quote", "full")
_DIVISORS = {3: 10_000_000, 6: 10_000, 12: 10_000}  # CDS, BCD, NCO; all others count paise
_TOP = 0xFFFFFFFF


def packet(item: Listed, quote: Quote, mode: str) -> bytes:
    """Return the body of one packet, without its length."""
    unit = _DIVISORS.get(item.token & 0xFF, 100)

    def price(value: float | None) -> int:
        return _clip(round((value or 0) * unit))

    last = price(quote.last_price)
    if mode == "ltp":
        return struct.pack(">II", item.token, last)
    opened, high, low = price(quote.open), price(quote.high), price(quote.low)
    close, now = price(quote.previous_close), int(quote.time.timestamp())
    if item.is_index:
        change = last - close
        body = struct.pack(">IIIIIIi", item.token, last, high, low, opened, close, change)
        return body if mode == "quote" else body + struct.pack(">I", now)
    bids, asks = sides(quote)
    body = struct.pack(
        ">11I", item.token, last, 0, price(average(quote)), _clip(quote.volume or 0),
        _clip(sum(lv.quantity for lv in bids)), _clip(sum(lv.quantity for lv in asks)),
        opened, high, low, close,
    )  # fmt: skip
    if mode == "quote":
        return body
    interest = _clip(quote.open_interest or 0)
    traded = 0 if quote.last_trade_time is None else int(quote.last_trade_time.timestamp())
    if not traded and quote.volume:
        traded = now
    body += struct.pack(">IIIII", traded, interest, interest, interest, now)
    for side in (bids, asks):
        body += b"".join(_entry(level, unit) for level in _padded(side))
    return body


def frame(packets: Sequence[bytes]) -> bytes:
    """Return one message: how many packets, and each behind its length."""
    parts = [struct.pack(">H", len(packets))]
    for body in packets:
        parts += [struct.pack(">H", len(body)), body]
    return b"".join(parts)


def _padded(levels: tuple[Level, ...]) -> list[Level]:
    shown = list(levels[:LEVELS])
    return shown + [Level(0.0, 0, 0)] * (LEVELS - len(shown))


def _entry(level: Level, unit: int) -> bytes:
    orders = min(level.orders, 0xFFFF)
    return struct.pack(">IIHxx", _clip(level.quantity), _clip(round(level.price * unit)), orders)


def _clip(value: int) -> int:
    return max(0, min(value, _TOP))
