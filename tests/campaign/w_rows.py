"""Rows W-1 to W-10 of the fault matrix, in simulated time against a scripted server.

Each is a plain function of repetitions and seed. `QUICK` are the repetitions of `make test`,
`RELEASE` those of a campaign: `ALPHASTOCK_CAMPAIGN=release pytest tests/campaign`, or a number that
multiplies the quick ones; `ALPHASTOCK_CAMPAIGN_SEED` is another seed.
"""

from __future__ import annotations

import asyncio
import random
import resource
import struct
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

from alphastock_cli.errors import AuthError
from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.dialling import Login, NotLoggedIn, TooMany, Unreachable
from alphastock_cli.providers.kite.stream.gate import Gate
from alphastock_cli.providers.kite.stream.hours import moves
from alphastock_cli.providers.kite.stream.mailbox import Mailbox
from tests.campaign.counts import Counts
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    STAMP,
    Desk,
    LoopClock,
    Wire,
    frame,
    full,
    index,
    order,
    quote,
    simulated,
)

MODES = {SBIN: "full", NIFTY: "quote", (7 << 8) | 2: "ltp"}
HEARTBEAT = b"\x00"


def w1(repeats: int, seed: int) -> Counts:
    """Drops every 1 to 60 s: back within 30 s and a bit, tokens and modes restored, gap asked."""
    found, dice = Counts("W-1", seed), random.Random(seed)

    async def beat(wire: Wire) -> None:
        while True:
            wire.push(HEARTBEAT)
            await asyncio.sleep(1.0)

    async def story(desk: Desk) -> None:
        desk.ticker.want(MODES)
        await _until(lambda: bool(desk.server.wires))
        pauses = []
        for _ in range(repeats):
            await asyncio.sleep(dice.uniform(1, 60))
            wire, loop = desk.server.wire, asyncio.get_running_loop()
            if dice.random() < 0.3:  # and the server is away for a while
                misses = iter([Unreachable("refused")] * dice.randint(1, 3))
                desk.server.answers = lambda _, misses=misses: next(misses, None)
            wire.drop()
            dropped = loop.time()
            await _until(lambda wire=wire: desk.server.wire is not wire)
            pauses.append(desk.server.times[-1] - dropped)
            found.most("seconds until back", pauses[-1])
            await asyncio.sleep(0.5)
            gap = desk.mailbox.gap()
            found.judge(
                good=desk.server.wire.modes == MODES and gap is not None and not desk.mailbox.take()
            )
            desk.mailbox.filled(gap)
        found.notes["distinct pauses"] = len(set(pauses))

    desk = _desk(seed, behave=beat)
    simulated(desk.run(story, seconds=repeats * 300.0))
    return found


def w2(repeats: int, seed: int) -> Counts:
    """A stall, socket open and silent: noticed within 10 s, a new connection follows."""
    found, dice = Counts("W-2", seed), random.Random(seed)

    async def stall(wire: Wire) -> None:
        for _ in range(dice.randint(0, 20)):
            wire.push(HEARTBEAT)
            await asyncio.sleep(dice.uniform(0.2, 3.0))
        wire.last = asyncio.get_running_loop().time()  # type: ignore[attr-defined]
        wire.push(HEARTBEAT)

    async def story(desk: Desk) -> None:
        desk.ticker.want(MODES)
        for number in range(repeats):
            await _until(lambda number=number: len(desk.server.wires) > number)
            wire = desk.server.wires[number]
            await _until(lambda wire=wire: wire.closed)
            took = asyncio.get_running_loop().time() - wire.last
            found.most("seconds until noticed", took)
            found.judge(good=took <= 10.0)

    simulated(_desk(seed, behave=stall).run(story, seconds=repeats * 300.0))
    return found


def w3(repeats: int, seed: int) -> Counts:
    """Heartbeats only: tokens asked for again within 30 s, but not where nothing should move."""
    found = Counts("W-3", seed)
    for turn in range(repeats):
        _one_w3(
            found, random.Random(seed * 1000 + turn), closed=turn % 4 == 3, frozen=turn % 4 == 2
        )
    return found


def _one_w3(found: Counts, dice: random.Random, *, closed: bool, frozen: bool) -> None:
    lost_at = dice.uniform(5, 60)

    async def forget(wire: Wire) -> None:
        loop, lost, last = asyncio.get_running_loop(), False, 80_000
        while True:
            if loop.time() >= lost_at and not lost:
                lost = True
                wire.modes.clear()
            last += 1
            held = [_packet(token, last) for token in wire.modes]
            wire.push(frame(held) if held else HEARTBEAT)
            await asyncio.sleep(0.5)

    start = LoopClock().start
    if closed:
        start += timedelta(days=1)  # a Saturday
    elif frozen:
        start = start.replace(hour=15, minute=16)  # cash and indices stand still
    desk = Desk(dice.randrange(10**6), clock=LoopClock(start), hours=moves)
    desk.server.behave = forget
    seen: dict[str, float] = {}

    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full", NIFTY: "full"})
        await asyncio.sleep(lost_at + 1)
        asked = len(desk.server.wire.asked)
        late = lost_at + 60
        await _until(lambda: len(desk.server.wire.asked) > asked or desk.clock.monotonic() > late)
        seen["after"] = desk.clock.monotonic() - lost_at
        seen["asked"] = len(desk.server.wire.asked) - asked
        await asyncio.sleep(2)
        seen["modes"] = desk.server.wire.modes == {SBIN: "full", NIFTY: "full"}
        seen["connections"] = len(desk.server.wires)

    simulated(desk.run(story, seconds=600.0))
    if closed or frozen:
        found.judge(good=not seen["asked"] and seen["connections"] == 1, why="false alarm")
    else:
        found.most("seconds until asked again", seen["after"])
        found.judge(good=bool(seen["after"] <= 30 and seen["modes"]))


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
        await _until(lambda: bool(desk.server.wires) and bool(desk.server.wire.modes))
        for turn in range(repeats):
            wire = desk.server.wire
            wire.push(_broken(dice, turn))
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
    desk = _desk(seed, mailbox=Noting(counts), counts=counts)
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
        packet = _read(body)
        if gate.admit(packet, STAMP + repeats):
            believed.append(packet)
    found.tried = repeats
    found.good = repeats if _candles(believed) == _candles([_read(b) for b in clean]) else 0
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


def w7(repeats: int, seed: int) -> Counts:
    """The wall clock jumps by a second to a day: no false loss, and a stall is noticed in time."""
    found, dice = Counts("W-7", seed), random.Random(seed)
    for _ in range(repeats):
        jump = dice.choice([-1, 1]) * dice.choice([1, 60, 3600, 86_400])
        beats = dice.randint(20, 60)
        seen: dict[str, Any] = {}

        async def beat(wire: Wire, beats: int = beats, seen: dict[str, Any] = seen) -> None:
            for number in range(beats):
                wire.push(frame([full(volume=1000 + number, stamp=STAMP + number)]))
                seen["last"] = asyncio.get_running_loop().time()
                await asyncio.sleep(0.5)

        async def story(desk: Desk, jump: int = jump, seen: dict[str, Any] = seen) -> None:
            desk.ticker.want({SBIN: "full"})
            await asyncio.sleep(5)
            desk.clock.jump(jump)
            await _until(lambda: desk.server.wire.closed)
            seen["took"] = asyncio.get_running_loop().time() - seen["last"]
            await _until(lambda: desk.mailbox.gap() is not None)
            seen["gap"] = desk.mailbox.gap()

        desk = _desk(dice.randrange(10**6), behave=beat, hours=moves)
        simulated(desk.run(story, seconds=500.0))
        found.most("seconds until noticed", seen["took"])
        found.judge(good=0 < seen["took"] <= 10 and seen["gap"].start <= seen["gap"].end)
    return found


def w8(repeats: int, seed: int) -> Counts:
    """403: the token is read again, once; 429: at least a minute of rest."""
    found, dice = Counts("W-8", seed), random.Random(seed)
    for turn in range(repeats):
        kind = ("stops", "renewed", "busy")[turn % 3]
        desk = _desk(dice.randrange(10**6), behave=_beat)
        seen: dict[str, Any] = {"error": None}

        async def story(desk: Desk, kind: str = kind) -> None:
            desk.ticker.want({SBIN: "full"})
            await _until(lambda: bool(desk.server.wires))
            old = desk.token
            if kind == "busy":
                misses = iter([TooMany("refused with HTTP 429")] * dice.randint(1, 3))
                desk.server.answers = lambda _: next(misses, None)
            else:

                def answer(login: Login) -> Exception | None:
                    if login.access_token != old:
                        return None
                    if kind == "renewed":  # somebody logs in meanwhile
                        desk.token = "token-of-tomorrow"
                    return NotLoggedIn("refused with HTTP 403")

                desk.server.answers = answer
            desk.server.wire.drop()
            await asyncio.sleep(3600)

        try:
            simulated(desk.run(story, seconds=4000.0))
        except AuthError as error:
            seen["error"] = error
        times, tokens = desk.server.times, desk.server.tokens
        if kind == "stops":
            good = seen["error"] is not None and len(times) == 2
        elif kind == "renewed":
            good = seen["error"] is None and tokens[1:3] == ["token-of-today", "token-of-tomorrow"]
        else:
            rests = [after - before for before, after in pairwise(times[1:])]
            good = bool(rests) and min(rests) >= 60
        found.judge(good=good, why=kind)
    return found


def w9(repeats: int, seed: int) -> Counts:
    """Flood, a repetition being a second of 3,000 × 4 ticks, and nobody reads: memory is flat."""
    found, dice = Counts("W-9", seed), random.Random(seed)
    tokens = [(n + 1) << 8 | 1 for n in range(3000)]
    steps, orders = repeats * 4, 0

    async def story(desk: Desk) -> None:
        nonlocal orders
        desk.ticker.want(dict.fromkeys(tokens, "quote"))
        await _until(lambda: bool(desk.server.wires) and len(desk.server.wire.modes) == 3000)
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
                settled = _resident()
        found.worst["growth of memory, per cent"] = 100 * (_resident() / max(settled, 1) - 1)
        batch = desk.mailbox.take()
        newest = {tick.packet[packets.VOLUME] for tick in batch.ticks.values()}
        merged = desk.counts["merged"] == 3000 * (steps - 1)
        good = newest == {1000 + steps - 1} and len(batch.orders) == orders and merged
        found.tried, found.good = repeats, repeats if good else 0
        found.notes.update({"ticks": 3000 * steps, "merged": desk.counts["merged"]})

    simulated(_desk(seed).run(story, seconds=repeats + 100.0))
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
        await _until(lambda: bool(desk.server.wires))
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

    simulated(_desk(seed, behave=_beat).run(story, seconds=1e6))
    return found


QUICK = {w1: 20, w2: 10, w3: 10, w4: 2000, w5: 500, w6: 100, w7: 20, w8: 10, w9: 5, w10: 100}
RELEASE = {
    w1: 500, w2: 200, w3: 100, w4: 1_000_000, w5: 20_000, w6: 2000, w7: 500, w8: 50, w9: 600,
    w10: 5000,
}  # fmt: skip


# -- beneath ------------------------------------------------------------------------------------


def _desk(seed: int, behave: Any = None, **more: Any) -> Desk:
    desk = Desk(seed, **{"hours": lambda *_: False, **more})
    desk.server.behave = behave
    return desk


async def _beat(wire: Wire) -> None:
    while True:
        wire.push(HEARTBEAT)
        await asyncio.sleep(1.0)


async def _until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - time is simulated, looking again costs nothing
        await asyncio.sleep(0.01)


def _packet(token: int, last: int) -> bytes:
    return full(token, last, volume=last) if token != NIFTY else index(token, last)


def _read(body: bytes) -> packets.Packet:
    (packet,) = packets.decode(frame([body]), Counter())
    return packet


def _candles(ticks: list[packets.Packet]) -> dict[int, list[int]]:
    """Return minute candles: open, high, low, close, and the volume at its end."""
    made: dict[int, list[int]] = {}
    for packet in ticks:
        last, volume = packet[packets.LAST], packet[packets.VOLUME]
        bar = made.setdefault(packet[packets.STAMP] // 60, [last, last, last, last, volume])
        bar[1:] = [max(bar[1], last), min(bar[2], last), last, volume]
    return made


def _broken(dice: random.Random, turn: int) -> bytes:
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


def _resident() -> int:
    """Return the pages in memory now; the peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - a file of the system
            return int(file.read().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
