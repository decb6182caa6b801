"""What the rows of the ticker share: a desk, its beats, packets, broken frames."""

from __future__ import annotations

import asyncio
import random
import resource
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

from alphastock_cli.providers.kite.stream import packets
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    Desk,
    Wire,
    frame,
    full,
    index,
    quote,
)

MODES = {SBIN: "full", NIFTY: "quote", (7 << 8) | 2: "ltp"}
HEARTBEAT = b"\x00"


def desk_of(seed: int, behave: Any = None, **more: Any) -> Desk:
    desk = Desk(seed, **{"hours": lambda *_: False, **more})
    desk.server.behave = behave
    return desk


async def steady_beat(wire: Wire) -> None:
    while True:
        wire.push(HEARTBEAT)
        await asyncio.sleep(1.0)


async def wait_until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - time is simulated, looking again costs nothing
        await asyncio.sleep(0.01)


def packet_of(token: int, last: int) -> bytes:
    return full(token, last, volume=last) if token != NIFTY else index(token, last)


def read_packet(body: bytes) -> packets.Packet:
    (packet,) = packets.decode(frame([body]), Counter())
    return packet


def candles_of(ticks: list[packets.Packet]) -> dict[int, list[int]]:
    """Return minute candles: open, high, low, close, and the volume at its end."""
    made: dict[int, list[int]] = {}
    for packet in ticks:
        last, volume = packet[packets.LAST], packet[packets.VOLUME]
        bar = made.setdefault(packet[packets.STAMP] // 60, [last, last, last, last, volume])
        bar[1:] = [max(bar[1], last), min(bar[2], last), last, volume]
    return made


def broken_frame(dice: random.Random, turn: int) -> bytes:
    if turn % 1000 == 500:
        return dice.randbytes(10 * 1024**2)
    body = bytearray(frame([full(volume=10**6), quote(), index(stamp=1)]))
    kind = dice.randrange(5)
    if kind == 0:
        return dice.randbytes(dice.randint(2, 400))
    if kind == 1:
        return bytes(body[: dice.randrange(2, len(body))])
    if kind == 2:
        body[:2] = struct.pack(">H", dice.randint(4, 65535))
    elif kind == 3:
        at = dice.choice([2, 188])
        body[at : at + 2] = struct.pack(">H", dice.choice([0, 57, 183, 65535]))
    else:
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(2, len(body))
            body[at] = dice.randrange(256)
        body[-4:] = struct.pack(">I", 1)  # not from the future: that would be the last word
    return bytes(body)


def resident_pages() -> int:
    """Return the pages in memory now; the peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - a file of the system
            return int(file.read().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
