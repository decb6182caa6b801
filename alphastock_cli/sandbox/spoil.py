"""Ticks and candles made wrong on purpose, byte by byte and row by row."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from alphastock_cli.sandbox.fault_names import CANDLES
from alphastock_cli.sandbox.faults import Faults

_PRICE, _VOLUME = 4, 16  # offsets in a packet
_STAMPS = {32: (28,), 184: (44, 60)}
_BIG = 10 * 1024 * 1024
_ODD = 57  # a length no mode has
_TENTH = 10
_HOUR = 3600
_TOP = 0xFFFFFFFF


# -- ticks ------------------------------------------------------------------------------------


def frames(faults: Faults, made: list[bytes]) -> list[bytes]:
    """Return the binary messages of one turn with the faults in force."""
    if not made:
        return made
    for name, change in _PACKETS.items():
        if faults.roll(name):
            made = [_each(message, change) for message in made]
    for name, way in _MESSAGES.items():
        if faults.roll(name):
            made = [way(message) for message in made]
    if faults.roll("garbage-packet"):
        dice = faults.dice("garbage-packet")
        made = [dice.randbytes(dice.randint(2, 300)), *made]
    if faults.roll("big-frame"):
        made = [*made, faults.dice("big-frame").randbytes(_BIG)]
    if faults.roll("duplicate-ticks"):
        made = [message for message in made for _ in range(2)]
    return made


def texts(faults: Faults, due: list[str]) -> list[str]:
    """Return the texts of one turn with the faults in force."""
    orders = [text for text in due if '"type": "order"' in text]
    others = [text for text in due if '"type": "order"' not in text]
    if orders and faults.roll("no-order-updates"):
        orders = []
    if orders and faults.roll("order-update-twice"):
        orders = [text for text in orders for _ in range(2)]
    if faults.roll("ws-error"):
        others.append(json.dumps({"type": "error", "data": "the sandbox was asked for an error"}))
    if faults.roll("bad-text"):
        choice = ['{"type": "ord', "[]", "null", '{"data": 1}', "\u0000", '{"type": 7, "data": {}}']
        others.append(faults.dice("bad-text").choice(choice))
    return others + orders


def _each(message: bytes, change: Callable[[bytearray], None]) -> bytes:
    """Change every packet of a message in place."""
    out, at = bytearray(message[:2]), 2
    for _ in range(_count(message)):
        (length,) = struct.unpack_from(">H", message, at)
        body = bytearray(message[at + 2 : at + 2 + length])
        change(body)
        out += struct.pack(">H", length) + body
        at += 2 + length
    return bytes(out)


def _price(value: Callable[[int], int]) -> Callable[[bytearray], None]:
    def change(body: bytearray) -> None:
        (before,) = struct.unpack_from(">I", body, _PRICE)
        struct.pack_into(">I", body, _PRICE, value(before) & _TOP)

    return change


def _older(body: bytearray) -> None:
    for at in _STAMPS.get(len(body), ()):
        (before,) = struct.unpack_from(">I", body, at)
        struct.pack_into(">I", body, at, max(0, before - _HOUR))


def _less_volume(body: bytearray) -> None:
    if len(body) > _VOLUME + 4 and len(body) not in {28, 32}:
        (before,) = struct.unpack_from(">I", body, _VOLUME)
        struct.pack_into(">I", body, _VOLUME, before // 2)


_PACKETS: dict[str, Callable[[bytearray], None]] = {
    "zero-price": _price(lambda _: 0),
    "negative-price": _price(lambda _: -1),
    "x10-price": _price(lambda before: before * 10),
    "volume-down": _less_volume,
    "older-ticks": _older,
}


def _put(message: bytes, body: bytes) -> bytes:
    """Put one more packet before the others, and count it."""
    head = struct.pack(">HH", _count(message) + 1, len(body))
    return head + body + message[2:]


_MESSAGES: dict[str, Callable[[bytes], bytes]] = {
    "zero-length": lambda message: _put(message, b""),
    "unknown-length": lambda message: _put(message, b"\x01" * _ODD),
    "count-lie": lambda message: struct.pack(">H", _count(message) + 3) + message[2:],
    "truncated-packet": lambda message: message[: 2 + len(message) // 2],
}


def _count(message: bytes) -> int:
    (count,) = struct.unpack_from(">H", message)
    return int(count)


# -- candles ----------------------------------------------------------------------------------


def candles(faults: Faults, path: str, rows: list[list[Any]]) -> list[list[Any]]:
    """Return candle rows with the faults in force; `candle-wrong` is done by who fetches them."""
    for name in CANDLES:
        if name in _ROWS and rows and faults.roll(name, path):
            rows = _ROWS[name](faults.dice(name), [list(row) for row in rows])
    return rows


def _some(dice: random.Random, rows: list[list[Any]]) -> list[int]:
    return sorted(dice.sample(range(len(rows)), max(1, len(rows) // _TENTH)))


def _gap(dice: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
    gone = set(_some(dice, rows))
    return [row for number, row in enumerate(rows) if number not in gone]


def _duplicate(dice: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
    for number in reversed(_some(dice, rows)):
        rows.insert(number, list(rows[number]))
    return rows


def _shuffle(dice: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
    dice.shuffle(rows)
    return rows


def _change(what: Callable[[list[Any]], None]) -> Callable[..., list[list[Any]]]:
    def way(dice: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
        for number in _some(dice, rows):
            what(rows[number])
        return rows

    return way


def _turned(row: list[Any]) -> None:
    row[2], row[3] = row[3] - 1, row[2] + 1


def _negative(row: list[Any]) -> None:
    row[5] = -abs(row[5]) - 1


def _hundredfold(row: list[Any]) -> None:
    row[1:5] = [round(price * 100, 2) for price in row[1:5]]


def _moved(row: list[Any], by: timedelta) -> list[Any]:
    form = "%Y-%m-%dT%H:%M:%S%z"
    return [(datetime.fromisoformat(row[0]) + by).strftime(form), *row[1:]]


def _future(_: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
    return [*rows, _moved(rows[-1], timedelta(days=365))]


def _overlap(_: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
    return [_moved(rows[0], timedelta(days=-1)), *rows]


def _revised(dice: random.Random, rows: list[list[Any]]) -> list[list[Any]]:
    for row in rows[-3:]:
        row[4] = round(row[3] + (row[2] - row[3]) * dice.random(), 2)
        row[5] += dice.randint(1, 1000)
    return rows


_ROWS: dict[str, Callable[..., list[list[Any]]]] = {
    "candle-gap": _gap,
    "candle-duplicate": _duplicate,
    "candle-shuffle": _shuffle,
    "candle-overlap": _overlap,
    "candle-high-low": _change(_turned),
    "candle-volume": _change(_negative),
    "candle-x100": _change(_hundredfold),
    "candle-future": _future,
    "candle-revised": _revised,
}
