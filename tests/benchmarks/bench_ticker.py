"""Kite's full packets: our decoders against the SDK's, all fields and depth, interleaved.

Small messages become tuples of raw integers, large ones columns. The SDK makes dictionaries of
floats; ours makes those on demand, and what that costs is a row of its own. Every packet is checked
on the way, and both sides are compared before they are timed.
"""

from __future__ import annotations

import random
import struct
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC
from statistics import median

from kiteconnect import KiteTicker

from alphastock_cli.providers.kite.stream import columns, packets
from alphastock_cli.providers.kite.stream.forms import as_dict
from alphastock_cli.providers.kite.stream.gate import Gate
from tests.benchmarks.timing import Row

TURNS = 60
_STAMP = 1_786_687_200
MUSTS = {1: 15, 50: 0, 500: 100}


def run() -> list[Row]:
    """Return a row for each number of packets a message."""
    sdk = KiteTicker("key", "token")
    rows = []
    for number, must in MUSTS.items():
        message, counts = _message(number), Counter[str]()
        decode = packets.decode if number == 1 else columns.decode
        _same(sdk, message)
        ours, theirs = _race(
            lambda m=message, c=counts, d=decode: d(m, c),
            lambda m=message: sdk._parse_binary(m),
            each=max(20, 400 // number),
        )
        form = "tuples" if number == 1 else "columns"
        rows.append(_row(f"full packets, {number} a message, {form}", ours, theirs, must))
        if number == 1:
            ours, theirs = _race(
                lambda m=message, c=counts: [as_dict(p) for p in packets.decode(m, c)],
                lambda m=message: sdk._parse_binary(m),
                each=400,
            )
            rows.append(_row("the same, as the SDK's dictionary", ours, theirs, 0))
        else:
            ours, theirs = _race(
                lambda m=message, c=counts: packets.decode(m, c),
                lambda m=message: sdk._parse_binary(m),
                each=max(20, 400 // number),
            )
            rows.append(_row(f"full packets, {number} a message, tuples", ours, theirs, 0))
    rows.append(_believed(sdk))
    return rows


def _believed(sdk: KiteTicker) -> Row:
    """Time what a connection does with a message: decoding and the gate."""
    stream = [_message(300, turn) for turn in range(20)]

    def ours() -> None:
        counts: Counter[str] = Counter()
        gate = Gate(counts)
        for message in stream:
            for packet in packets.decode(message, counts):
                gate.admit(packet, _STAMP + len(stream))
        if counts:
            raise RuntimeError(f"the benchmark's packets are not believed: {counts}")

    def theirs() -> None:
        for message in stream:
            sdk._parse_binary(message)

    ours_s, theirs_s = _race(ours, theirs, each=1, turns=7)
    return _row("6,000 full packets, decoded and believed or not", ours_s, theirs_s, 0)


def _race(
    ours: Callable[[], object], theirs: Callable[[], object], *, each: int, turns: int = TURNS
) -> tuple[float, float]:
    """Return the median seconds of one call of each, in turn: a busy moment hurts both alike."""
    took: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for side, work in zip(took, (ours, theirs), strict=True):
            began = time.perf_counter()
            for _ in range(each):
                work()
            if turn:
                side.append((time.perf_counter() - began) / each)
    return median(took[0]), median(took[1])


def _row(name: str, ours: float, theirs: float, must: int) -> Row:
    ratio = theirs / ours
    return {
        "name": name, "ours_s": ours, "reference_s": theirs, "ratio": ours / theirs,
        "must": f"<= 1/{must}" if must else "",
        "note": f"kiteconnect `_parse_binary`: {ratio:.1f} times as fast",
    }  # fmt: skip


def _same(sdk: KiteTicker, message: bytes) -> None:
    """Compare every field before anything is timed."""
    ticks = sdk._parse_binary(message)
    for tick in ticks:
        for name in ("last_trade_time", "exchange_timestamp"):
            tick[name] = tick[name].astimezone(UTC)
    counts: Counter[str] = Counter()
    rows = packets.decode(message, counts)
    held = [row for batch in columns.decode(message, counts) for row in batch.rows()]
    if [as_dict(row) for row in rows] != ticks or held != rows or counts:
        raise RuntimeError("the decoders differ")


def _message(number: int, turn: int = 0) -> bytes:
    dice = random.Random(number * 1000 + turn)
    parts = [struct.pack(">H", number)]
    for at in range(number):
        last = dice.randint(100_000, 900_000)
        head = [(at + 1) << 8 | 1, last, dice.randint(1, 500), last - 7]
        head += [10**6 + 1000 * turn, dice.randint(1, 10**6), dice.randint(1, 10**6)]
        head += [
            last - 50,
            last + 500,
            last - 900,
            last - 20,
            _STAMP + turn,
            0,
            0,
            0,
            _STAMP + turn,
        ]
        levels = [v for n in range(10) for v in (dice.randint(1, 9999), last + 5 * n - 25, n + 1)]
        parts += [struct.pack(">H", 184), struct.pack(">16I" + "2IH2x" * 10, *head, *levels)]
    return b"".join(parts)
