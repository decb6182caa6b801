"""Rows W-4 and W-9 of the fault matrix: frames that are broken, and more than can be read."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.mailbox import Mailbox
from alphastock_cli.providers.kite.stream.standing import Report
from alphastock_cli.providers.kite.stream.state import Health
from tests.campaign.counts import Counts
from tests.campaign.w_tools import broken_frame, desk_of, resident_pages, wait_until
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    STAMP,
    Desk,
    frame,
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
        large = 0
        for turn in range(repeats):
            wire = desk.server.wire
            desk.clock.jump(1.0)  # a second a turn, as the stamps
            broken = broken_frame(dice, turn)
            large += len(broken) > 10**7
            wire.push(broken)
            # the volume takes it to be news, whatever the broken one before it held
            wire.push(
                frame([b"", b"\x01" * 57, index(last=2_400_000 + turn % 5, stamp=STAMP + turn)])
            )
            await asyncio.sleep(0)
            if turn % 100 == 99:
                await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        kept = len(desk.server.wires) == 1 and not desk.server.wire.closed
        kept = kept and desk.counts["oversize"] == large  # not even looked at
        found.tried = repeats
        found.good = len(seen & {STAMP + turn for turn in range(repeats)}) if kept else 0
        found.notes.update(desk.counts)

    counts: Counter[str] = Counter()
    desk = desk_of(seed, mailbox=Noting(counts), counts=counts)
    desk.counts = counts
    simulated(desk.run(story, seconds=1e7))
    return found


class SlowDisk(Report):
    """The one file the stream writes, on a disk that takes seconds for a page."""

    writings = 0

    def _write(self, *given: Any) -> None:
        self.writings += 1
        time.sleep(0.5)
        super()._write(*given)


def w9(repeats: int, seed: int) -> Counts:
    """Flood, seconds of 3,000 × 4 ticks, nobody reads, the disk is slow: memory is flat."""
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
        good = good and len(desk.server.wires) == 1  # not even one loss
        found.tried, found.good = repeats, repeats if good else 0
        found.notes.update({"ticks": 3000 * steps, "merged": desk.counts["merged"]})

    desk = desk_of(seed)
    with tempfile.TemporaryDirectory() as text:
        clock = SystemClock()  # its thread is no part of the simulated time
        disk = SlowDisk(Path(text), clock, who="flood", seconds=0.01)
        waits = Health(
            connections=(), counts=desk.counts, following=3000, waiting_ticks=0, waiting_orders=0
        )
        disk.begin(lambda: waits, lambda: tokens)
        simulated(desk.run(story, seconds=repeats + 100.0))
        begun = clock.monotonic()
        disk.end()
        ended = clock.monotonic() - begun
    found.notes.update({"orders": orders, "writings of half a second": disk.writings})
    if found.worst["growth of memory, per cent"] > 10 or not disk.writings or ended > 2.0:
        found.good = 0
    return found
