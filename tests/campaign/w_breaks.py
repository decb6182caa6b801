"""Row W-1 of the fault matrix: a connection that breaks again and again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt

from alphastock_cli.errors import TransientError
from alphastock_cli.providers.kite.stream.dialling import Unreachable
from alphastock_cli.providers.kite.stream.mailbox import Batch, Gap
from tests.campaign.counts import Counts
from tests.campaign.w_tools import (
    HEARTBEAT,
    MODES,
    Here,
    TurnClock,
    packet_of,
)
from tests.unit.ticker_world import NIFTY, Wire, frame, full, ltp, order, simulated

# the rules as they are documented, not as the code has them
SETTLED, LONGEST = 10.0, 30.0  # seconds a connection has to stand, and the longest pause


def longest(attempt: int) -> float:
    """Return the most seconds before the n-th attempt in a row: 1, 2, 4, 8, 16, 30, 30, ..."""
    return min(LONGEST, 2.0 ** min(attempt - 1, 10))


def w1(repeats: int, seed: int) -> Counts:
    """Drops every 1 to 60 s: full jitter growing to 30 s, all modes back, the gap read again."""
    found, dice = Counts("W-1", seed), random.Random(seed)
    shares: list[tuple[int, float]] = []  # attempt in a row, its pause as a share of the longest

    async def story() -> None:
        reader = _Reader(TurnClock(), seed, dice)
        reader.stream.server.behave = reader.beat
        attempt = 0
        await reader.stream.stands(MODES)
        for turn in range(repeats):
            # ten in a row that stand for less than is needed for the count to begin anew, then any
            await reader.read(dice.uniform(0.2, 8 if turn % 20 < 10 else 59))
            misses = dice.randint(1, 3) if dice.random() < 0.3 else 0
            seen = await reader.lose(misses)
            attempt = 1 if seen.stood >= SETTLED else attempt + 1
            most = 0.0
            for pause in seen.pauses:
                shares.append((attempt, pause / longest(attempt)))
                most += longest(attempt)
                attempt += 1
            attempt -= 1
            found.most("seconds until back", seen.back)
            found.most("of the seconds that were allowed", seen.back / most)
            found.notes["the gap had to be read again"] += seen.refused
            good = len(seen.pauses) == misses + 1 and seen.back <= most + 0.1
            good = good and all(0 <= share <= 1.001 for _, share in shares[-len(seen.pauses) :])
            found.judge(good=good and seen.whole, why="late" if seen.whole else "not whole")
        await reader.stream.end()

    simulated(story())
    late = [share for attempt, share in shares if attempt >= 4]
    found.notes["pauses"], found.notes["pauses of 8 s and more allowed"] = len(shares), len(late)
    if not (late and is_even([share for _, share in shares]) and is_even(late)):
        found.good = 0
        found.notes["no full jitter"] += 1
    return found


def is_even(shares: Sequence[float]) -> bool:
    """Tell whether shares look drawn from 0 to 1 evenly: Kolmogorov-Smirnov, 7 in 10,000 do not."""
    ordered, count = sorted(shares), len(shares)
    off = max(
        max(abs(share - at / count), abs(share - (at + 1) / count))
        for at, share in enumerate(ordered)
    )
    return off < 2 / sqrt(count)


@dataclass
class _Seen:
    """What came of one loss."""

    stood: float
    pauses: list[float]
    back: float
    refused: int
    whole: bool


class _Reader:
    """Reads the product's stream as a strategy would, and fills its gaps."""

    def __init__(self, clock: TurnClock, seed: int, dice: random.Random) -> None:
        self.clock, self.dice = clock, dice
        self.stream = Here(clock, seed, fill=self.fill).start()
        self.batches: list[tuple[Batch, int]] = []  # each with the number of gaps filled before it
        self.asked: list[Gap] = []
        self.filled = self.refuse = self.orders = 0
        self.frozen = 0  # the exchange's second while its prices stand still

    def fill(self, gap: Gap) -> None:
        """Read again what may have been lost; the call may fail."""
        self.asked.append(gap)
        if self.refuse:
            self.refuse -= 1
            raise TransientError("the book of orders did not answer")
        self.filled += 1

    async def beat(self, wire: Wire) -> None:
        while not wire.closed:
            stamp = self.frozen or int(self.clock.now().timestamp())
            made = [_packet(t, mode, stamp) for t, mode in wire.modes.items()]
            wire.push(frame(made) if made else HEARTBEAT)
            await asyncio.sleep(0.2)

    async def read(self, seconds: float, step: float = 0.25) -> None:
        """Take what comes for some seconds."""
        end = asyncio.get_running_loop().time() + seconds
        while (left := end - asyncio.get_running_loop().time()) > 0:
            self.take()
            await asyncio.sleep(min(step, left))

    def take(self) -> None:
        with suppress(TransientError):
            if batch := self.stream.take():
                self.batches.append((batch, self.filled))

    async def lose(self, misses: int) -> _Seen:
        """Break the connection, the server being away for some attempts, until it stands again.

        Prices stand still meanwhile: what the new connection begins with equals what was before.
        """
        self.frozen = int(self.clock.now().timestamp())
        await self.read(0.25)
        server, loop = self.stream.server, asyncio.get_running_loop()
        wire, dropped, before = server.wire, loop.time(), len(server.times)
        stood = dropped - server.times[-1]
        away = iter([Unreachable("refused")] * misses)
        server.answers = lambda _: next(away, None)
        self.batches, self.asked, self.filled = [], [], 0
        self.refuse = refused = self.dice.choice([0, 0, 1, 2])
        lost_at = self.clock.now()
        self.orders += 1
        wire.drop()
        while server.wire is wire:
            self.take()
            await asyncio.sleep(0.1)
        again = server.wire
        again.push(order(str(10**14 + self.orders)))
        await asyncio.sleep(0.02)
        modes = dict(again.modes)
        back = server.times[-1] - dropped
        await self.read(0.5, 0.1)
        self.frozen = 0
        times = [dropped, *server.times[before:]]
        return _Seen(
            stood, [b - a for a, b in pairwise(times)], back, refused,
            whole=modes == MODES and self._whole(lost_at, refused),
        )  # fmt: skip

    def _whole(self, lost_at: datetime, refused: int) -> bool:
        """Tell whether the gap was read before anything newer was handed out, and all came then."""
        gaps = {(gap.start, gap.end) for gap in self.asked}
        if len(self.asked) != refused + 1 or len(gaps) != 1 or self.filled != 1:
            return False
        (gap,) = {gap.end: gap for gap in self.asked}.values()
        early = [
            tick
            for batch, filled in self.batches
            for tick in batch.ticks.values()
            if not filled and tick.received >= gap.end
        ]
        after = [batch for batch, filled in self.batches if filled]
        orders = [row for batch in after for row in batch.orders]
        covered = gap.start <= lost_at + timedelta(milliseconds=1) and lost_at <= gap.end
        came = {token for batch in after for token in batch.ticks} == MODES.keys()
        return covered and not early and came and len(orders) == 1 and after[0].gap is not None


def _packet(token: int, mode: str, stamp: int) -> bytes:
    if mode == "ltp":
        return ltp(token, 80_000 + stamp % 7)
    return packet_of(token, 80_000 + stamp % 40_000) if token == NIFTY else full(
        token, volume=stamp % 10**6, stamp=stamp
    )  # fmt: skip
