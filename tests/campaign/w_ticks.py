"""Rows W-4, W-5, W-6, W-9 and W-10 of the fault matrix: what comes over the wire."""

from __future__ import annotations

import asyncio
import random
import struct
from collections import Counter
from typing import Any

from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.gate import Gate
from alphastock_cli.providers.kite.stream.mailbox import Mailbox
from tests.campaign.counts import Counts
from tests.campaign.w_tools import (
    broken_frame,
    candles_of,
    desk_of,
    read_packet,
    resident_pages,
    steady_beat,
    wait_until,
)
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    STAMP,
    Desk,
    frame,
    full,
    index,
    order,
    quote,
    simulated,
)


def w4(repeats: int, seed: int) -> Counts:
    """Broken frames: none raises, none drops the connection, good packets beside them are used."""
    found, dice = Counts("W-4", seed), random.Random(seed)
    seen: set[int | None] = set()

    class Noting(Mailbox):
        def put_ticks(self, rows: Any, received: Any) -> None:
            seen.update(packets.stamp_of(row) for row in rows if row[0] == NIFTY)
            super().put_ticks(rows, received)

    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full", NIFTY: "full"})
        await wait_until(lambda: bool(desk.server.wires) and bool(desk.server.wire.modes))
        for turn in range(repeats):
            wire = desk.server.wire
            desk.clock.jump(1.0)  # a second a turn, as the stamps
            wire.push(broken_frame(dice, turn))
            # the volume takes it to be news, whatever the broken one before it held
            wire.push(
                frame([b"", b"\x01" * 57, index(last=2_400_000 + turn % 5, stamp=STAMP + turn)])
            )
            await asyncio.sleep(0)
            if turn % 100 == 99:
                await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        kept = len(desk.server.wires) == 1 and not desk.server.wire.closed
        found.tried = repeats
        found.good = len(seen & {STAMP + turn for turn in range(repeats)}) if kept else 0
        found.notes.update(desk.counts)

    counts: Counter[str] = Counter()
    desk = desk_of(seed, mailbox=Noting(counts), counts=counts)
    desk.counts = counts
    simulated(desk.run(story, seconds=1e7))
    return found


def w5(repeats: int, seed: int) -> Counts:
    """Ticks twice, out of order and old: the candles are those of the clean stream."""
    found, dice = Counts("W-5", seed), random.Random(seed)
    counts: Counter[str] = Counter()
    gate, clean, believed, sent = Gate(counts), [], [], []
    volume = 0
    for turn in range(repeats):
        volume += dice.randint(0, 50)
        body = full(last=80_000 + dice.randint(-40, 40), volume=volume, stamp=STAMP + turn)
        clean.append(body)
        sent.append(body)
        kind = dice.randrange(3)
        if kind == 0:
            sent.append(body)
        elif kind == 1 and turn > 3:
            sent.append(clean[-dice.randint(2, 4)])  # after its successor
        else:
            sent.append(full(last=10_000, volume=volume, stamp=STAMP + turn - 3600))
    for body in sent:
        packet = read_packet(body)
        if gate.admit(packet, STAMP + repeats):
            believed.append(packet)
    found.tried = repeats
    found.good = (
        repeats if candles_of(believed) == candles_of([read_packet(b) for b in clean]) else 0
    )
    found.good = found.good if len(believed) <= repeats else 0
    found.notes.update(counts)
    return found


def w6(repeats: int, seed: int) -> Counts:
    """Prices of 0, -1 and ten times the last, volumes that fall: none of them is believed."""
    found, dice = Counts("W-6", seed), random.Random(seed)
    counts: Counter[str] = Counter()
    gate, volume = Gate(counts), 10_000
    for turn in range(repeats):
        stamp, volume, last = STAMP + turn, volume + 10, 80_000 + dice.randint(-40, 40)
        good = full(last=last, volume=volume, stamp=stamp)
        bad = bytearray(good[: dice.choice([44, 184])])
        kind = dice.randrange(4)
        if kind < 3:
            struct.pack_into(">I", bad, 4, (0, 2**32 - 1, last * 10)[kind])
        else:
            struct.pack_into(">I", bad, 16, volume // 2)
        admitted = [
            gate.admit(packet, stamp)
            for body in (good, bytes(bad))
            for packet in packets.decode(frame([body]), counts)
        ]
        found.judge(good=admitted[0] and not any(admitted[1:]))
    found.notes.update(counts)
    return found


def w9(repeats: int, seed: int) -> Counts:
    """Flood, a repetition being a second of 3,000 × 4 ticks, and nobody reads: memory is flat."""
    found, dice = Counts("W-9", seed), random.Random(seed)
    tokens = [(n + 1) << 8 | 1 for n in range(3000)]
    steps, orders = repeats * 4, 0

    async def story(desk: Desk) -> None:
        nonlocal orders
        desk.ticker.want(dict.fromkeys(tokens, "quote"))
        await wait_until(lambda: bool(desk.server.wires) and len(desk.server.wire.modes) == 3000)
        settled = 0
        for step in range(steps):
            desk.server.wire.push(
                frame([quote(t, 80_000 + step % 40, 1000 + step) for t in tokens])
            )
            if dice.random() < 0.5:
                desk.server.wire.push(order(str(10**14 + orders)))
                orders += 1
            await asyncio.sleep(0.25)
            assert desk.mailbox.waiting[0] <= 3000
            if step == steps // 4:
                settled = resident_pages()
        found.worst["growth of memory, per cent"] = 100 * (resident_pages() / max(settled, 1) - 1)
        batch = desk.mailbox.take()
        newest = {tick.packet[packets.VOLUME] for tick in batch.ticks.values()}
        merged = desk.counts["merged"] == 3000 * (steps - 1)
        good = newest == {1000 + steps - 1} and len(batch.orders) == orders and merged
        found.tried, found.good = repeats, repeats if good else 0
        found.notes.update({"ticks": 3000 * steps, "merged": desk.counts["merged"]})

    simulated(desk_of(seed).run(story, seconds=repeats + 100.0))
    if found.worst["growth of memory, per cent"] > 10:
        found.good = 0
    found.notes["orders"] = orders
    return found


def w10(repeats: int, seed: int) -> Counts:
    """Error texts, and updates twice, shuffled or broken: each order ends as it ended, once."""
    found, dice = Counts("W-10", seed), random.Random(seed)
    life = [("OPEN PENDING", 0), ("OPEN", 0), ("OPEN", 4), ("COMPLETE", 10)]

    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        await wait_until(lambda: bool(desk.server.wires))
        for turn in range(repeats):
            steps = life * 2
            dice.shuffle(steps)
            wire = desk.server.wire
            for status, filled in steps:
                if dice.random() < 0.2:
                    wire.push(
                        dice.choice(['{"type":"error","data":"no"}', "null", '{"type": "ord'])
                    )
                wire.push(order(str(10**14 + turn), status, filled))
            await asyncio.sleep(0.01)
            rows = desk.mailbox.take().orders
            told = [(row["filled_quantity"], row["status"]) for row in rows]
            good = len(set(told)) == len(told) and told[-1] == (10, "COMPLETE")
            good = good and [f for f, _ in told] == sorted(f for f, _ in told)
            found.judge(good=good and len(desk.server.wires) == 1)
        found.notes.update(desk.counts)

    simulated(desk_of(seed, behave=steady_beat).run(story, seconds=1e6))
    return found
