"""The ticker's binary messages as tuples of raw integers, one a packet; nothing here raises.

What is broken is counted by reason and left out, what is whole beside it is used. A tuple has the
fields of its layout in the order of the bytes; what they mean in rupees and times is `forms.py`,
whether a price is believed is `gate.py`, and many packets at once are `columns.py`.

References
----------
Kite Connect 3, WebSocket streaming: https://kite.trade/docs/connect/v3/websocket
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

Packet = tuple[int, ...]
"""Raw integers: token first, last price second; the layout is told by the number of fields."""

LTP, INDEX_QUOTE, INDEX_FULL, QUOTE, FULL = 2, 7, 8, 11, 46  # fields of each layout
LENGTHS = MappingProxyType({8: LTP, 28: INDEX_QUOTE, 32: INDEX_FULL, 44: QUOTE, 184: FULL})
TOKEN, LAST = 0, 1
# layouts of 44 and 184 bytes
LAST_QUANTITY, AVERAGE, VOLUME, BUYS, SELLS, OPEN, HIGH, LOW, CLOSE = range(2, 11)
# 184 bytes alone; from DEPTH on ten times quantity, price, orders: five bids, then five asks
TRADED_AT, INTEREST, INTEREST_HIGH, INTEREST_LOW, STAMP, DEPTH = range(11, 17)
# layouts of 28 and 32 bytes: the order of the four prices differs
INDEX_HIGH, INDEX_LOW, INDEX_OPEN, INDEX_CLOSE, INDEX_CHANGE, INDEX_STAMP = range(2, 8)

INDICES = 9
DIVISORS: Mapping[int, int] = MappingProxyType(
    {1: 100, 2: 100, 3: 10_000_000, 4: 100, 5: 100, 6: 10_000, 7: 100, 8: 100, 9: 100, 12: 10_000}
)
"""Raw units a rupee, by the last byte of the token; a segment that is not here is unknown."""

_SIGN = 1 << 31  # a negative price, read without its sign
# nothing costs ten million rupees a unit; elsewhere only the sign tells
_MOST = {code: (1 << 30) - 1 if unit == 100 else _SIGN - 1 for code, unit in DIVISORS.items()}  # noqa: PLR2004 - paise
_UNPACK = {
    8: struct.Struct(">2I").unpack_from,
    28: struct.Struct(">6Ii").unpack_from,
    32: struct.Struct(">6IiI").unpack_from,
    44: struct.Struct(">11I").unpack_from,
    184: struct.Struct(">16I" + "2IH2x" * 10).unpack_from,
}
_HEAD = 2
_ONE_FULL, _ONE_FULL_SIZE = b"\x00\x01\x00\xb8", 188  # the head of the commonest message, alone
_FULL_PACKET = _UNPACK[184]


def decode(frame: bytes, counts: Counter[str]) -> list[Packet]:
    """Return the good packets of one binary message, in their order.

    Parameters
    ----------
    frame : bytes
        As it came; one byte is a heartbeat and holds nothing.
    counts : Counter
        Gains one under the reason of whatever was left out: ``truncated``, ``zero_length``,
        ``unknown_length``, ``unknown_segment``, ``zero_price``, ``negative_price``, ``huge_price``,
        ``trailing``.

    Returns
    -------
    list of tuple of int
        A packet of a contract that nobody traded yet keeps its last price of 0: no trade is no
        price (`forms.quote_of` makes it None).
    """
    size = len(frame)
    if size == _ONE_FULL_SIZE and frame.startswith(_ONE_FULL):
        packet = _FULL_PACKET(frame, 4)
        if 0 < packet[1] <= _MOST.get(packet[0] & 0xFF, 0):
            return [packet]
    if size <= 1:
        return []
    found = []
    at = _HEAD
    try:
        for _ in range(frame[0] << 8 | frame[1]):
            length = frame[at] << 8 | frame[at + 1]
            at += _HEAD
            unpack = _UNPACK.get(length)
            if unpack is None:
                counts["unknown_length" if length else "zero_length"] += 1
                at += length
                continue
            packet = unpack(frame, at)
            at += length
            # `fault` would say the same, four times as slowly
            good = 0 < packet[1] <= _MOST.get(packet[0] & 0xFF, 0)
            reason = None if good else fault(packet)
            if reason is None:
                found.append(packet)
            else:
                counts[reason] += 1
    except (IndexError, struct.error):  # the message ends before it should
        counts["truncated"] += 1
        return found
    if at != size:
        counts["truncated" if at > size else "trailing"] += 1
    return found


def fault(packet: Packet) -> str | None:
    """Return why a last price or its segment cannot be used; None where it can."""
    most = _MOST.get(packet[TOKEN] & 0xFF)
    if most is None:
        return "unknown_segment"
    last = packet[LAST]
    if last >= _SIGN:
        return "negative_price"
    if last > most:
        return "huge_price"
    if last == 0 and not is_untraded(packet):
        return "zero_price"
    return None


def is_untraded(packet: Packet) -> bool:
    """Tell whether a packet says of itself that nothing was traded: no volume, no last price."""
    return len(packet) in {QUOTE, FULL} and packet[VOLUME] == 0 and packet[LAST] == 0


def highest(token: int) -> int:
    """Return the largest raw price believed of a token; 0 of an unknown segment."""
    return _MOST.get(token & 0xFF, 0)


def stamp_of(packet: Packet) -> int | None:
    """Return the exchange's time in seconds since 1970; None in layouts without one, and for 0."""
    size = len(packet)
    if size == FULL:
        return packet[STAMP] or None
    return packet[INDEX_STAMP] or None if size == INDEX_FULL else None
