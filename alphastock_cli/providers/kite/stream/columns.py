"""Many packets at once: a binary message as columns, for replays and large messages.

Below some twenty packets `packets.decode` is faster. The same packets are good or bad in both, and
for the same reasons.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.packets import Packet

Words = NDArray[np.uint32]

_HEAD = 2
_LEVELS = 5
_FIELDS = {
    8: ("token", "last"),
    28: ("token", "last", "high", "low", "open", "close", "change"),
    32: ("token", "last", "high", "low", "open", "close", "change", "stamp"),
    44: (
        "token", "last", "last_quantity", "average", "volume", "buys", "sells",
        "open", "high", "low", "close",
    ),
    184: (
        "token", "last", "last_quantity", "average", "volume", "buys", "sells",
        "open", "high", "low", "close", "traded_at", "interest", "interest_high", "interest_low",
        "stamp",
    ),
}  # fmt: skip
_DEPTH_AT = 16  # in words of four bytes
_MOST = np.zeros(256, dtype=np.uint32)
_UNITS = np.zeros(256)
for _code, _unit in packets.DIVISORS.items():
    _MOST[_code], _UNITS[_code] = packets.highest(_code), _unit


@dataclass(frozen=True, slots=True)
class Columns:
    """The good packets of one layout, in the order of the message.

    Attributes
    ----------
    length : int
        Bytes of a packet: 8, 28, 32, 44 or 184.
    words : ndarray of uint32, fields × packets
        Raw integers; a row is one field of all packets, contiguous.
    """

    length: int
    words: Words = field(repr=False)
    names: ClassVar[dict[int, tuple[str, ...]]] = _FIELDS

    def __len__(self) -> int:
        """Return the number of packets."""
        return int(self.words.shape[1])

    def __getitem__(self, name: str) -> Words:
        """Return a raw column by name, e.g. ``volume``; KeyError where the layout lacks it."""
        try:
            row: Words = self.words[_FIELDS[self.length].index(name)]
        except ValueError:
            raise KeyError(name) from None
        return row

    @property
    def divisor(self) -> NDArray[np.float64]:
        """Raw price units a rupee, by packet."""
        return np.asarray(_UNITS[self.words[0] & 0xFF])

    def price(self, name: str) -> NDArray[np.float64]:
        """Return a column of prices in rupees; where none was made it is NaN, never 0."""
        raw = self[name]
        return np.where(raw == 0, np.nan, raw / self.divisor)

    @property
    def quantities(self) -> Words:
        """Units on offer, 10 × packets: five bids, then five asks, best first; full layout only."""
        return self.words[_DEPTH_AT::3]

    @property
    def depth_prices(self) -> Words:
        """Raw prices of the ten levels, 10 × packets; full layout only."""
        return self.words[_DEPTH_AT + 1 :: 3]

    @property
    def orders(self) -> Words:
        """Numbers of orders of the ten levels, 10 × packets; full layout only."""
        return np.right_shift(self.words[_DEPTH_AT + 2 :: 3], np.uint32(16))

    def rows(self) -> list[Packet]:
        """Return the packets as `packets.decode` would."""
        words = self.words
        if self.length == 184:  # noqa: PLR2004 - the full layout
            words = words.copy()
            words[_DEPTH_AT + 2 :: 3] >>= 16
        rows: Any = words.T.tolist()
        if self.length in {28, 32}:  # a change has a sign
            at = packets.INDEX_CHANGE
            changes = self.words[at].view(np.int32).tolist()
            for row, change in zip(rows, changes, strict=True):
                row[at] = change
        return [tuple(row) for row in rows]


def decode(frame: bytes, counts: Counter[str]) -> list[Columns]:
    """Return the good packets of one binary message by layout, those of 184 bytes last.

    Parameters
    ----------
    frame, counts
        As of `packets.decode`.
    """
    if len(frame) <= 1:
        return []
    total = frame[0] << 8 | frame[1]
    alike = _alike(frame, total)
    if alike is not None:
        return _good(alike, _words(frame, alike, total), counts)
    return _mixed(frame, total, counts)


def _alike(frame: bytes, total: int) -> int | None:
    """Return the length of all packets where it is one of ours and the message is exactly them."""
    if total == 0 or len(frame) < 2 * _HEAD:
        return None
    length = frame[2] << 8 | frame[3]
    step = length + _HEAD
    if length not in _FIELDS or len(frame) != _HEAD + total * step:
        return None
    # both bytes of every length, compared as bytes
    return (
        length
        if frame[2::step] == frame[2:3] * total and frame[3::step] == frame[3:4] * total
        else None
    )


def _words(frame: bytes, length: int, total: int) -> Words:
    shape, strides = (length // 4, total), (4, length + _HEAD)
    found = np.ndarray(shape, dtype=">u4", buffer=frame, offset=2 * _HEAD, strides=strides)
    return found.astype(np.uint32, order="C")


def _mixed(frame: bytes, total: int, counts: Counter[str]) -> list[Columns]:
    bodies: dict[int, list[bytes]] = {length: [] for length in _FIELDS}
    at, size = _HEAD, len(frame)
    for _ in range(total):
        if at + _HEAD > size:
            counts["truncated"] += 1
            break
        (length,) = struct.unpack_from(">H", frame, at)
        at += _HEAD
        if length not in bodies:
            counts["unknown_length" if length else "zero_length"] += 1
        elif at + length > size:
            counts["truncated"] += 1
            break
        else:
            bodies[length].append(frame[at : at + length])
        at += length
    else:
        if at != size:
            counts["truncated" if at > size else "trailing"] += 1
    found = []
    for length, held in bodies.items():
        if held:
            raw = np.frombuffer(b"".join(held), dtype=">u4").reshape(len(held), length // 4)
            found += _good(length, raw.T.astype(np.uint32, order="C"), counts)
    return found


def _good(length: int, words: Words, counts: Counter[str]) -> list[Columns]:
    """Leave out what `packets.fault` finds fault with."""
    tokens, last = words[0], words[1]
    # of zero this makes the largest number there is: one comparison for both borders
    good = last - np.uint32(1) < _MOST[tokens & 0xFF]
    if good.all():
        return [Columns(length, words)]
    rows = Columns(length, words).rows()
    for at in np.flatnonzero(~good).tolist():
        reason = packets.fault(rows[at])
        if reason is None:
            good[at] = True
        else:
            counts[reason] += 1
    kept = np.ascontiguousarray(words[:, good])
    return [Columns(length, kept)] if kept.shape[1] else []
