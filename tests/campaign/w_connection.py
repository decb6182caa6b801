"""Rows W-1, W-2, W-3, W-7 and W-8 of the fault matrix: the connection itself."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

from alphastock_cli.errors import AuthError
from alphastock_cli.providers.kite.stream.dialling import Login, NotLoggedIn, TooMany, Unreachable
from alphastock_cli.providers.kite.stream.hours import moves
from tests.campaign.counts import Counts
from tests.campaign.w_tools import (
    HEARTBEAT,
    MODES,
    desk_of,
    packet_of,
    steady_beat,
    wait_until,
)
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    STAMP,
    Desk,
    LoopClock,
    Wire,
    frame,
    full,
    simulated,
)


def w1(repeats: int, seed: int) -> Counts:
    """Drops every 1 to 60 s: back within 30 s and a bit, tokens and modes restored, gap asked."""
    found, dice = Counts("W-1", seed), random.Random(seed)

    async def beat(wire: Wire) -> None:
        while True:
            wire.push(HEARTBEAT)
            await asyncio.sleep(1.0)

    async def story(desk: Desk) -> None:
        desk.ticker.want(MODES)
        await wait_until(lambda: bool(desk.server.wires))
        pauses = []
        for _ in range(repeats):
            await asyncio.sleep(dice.uniform(1, 60))
            wire, loop = desk.server.wire, asyncio.get_running_loop()
            if dice.random() < 0.3:  # and the server is away for a while
                misses = iter([Unreachable("refused")] * dice.randint(1, 3))
                desk.server.answers = lambda _, misses=misses: next(misses, None)
            wire.drop()
            dropped = loop.time()
            await wait_until(lambda wire=wire: desk.server.wire is not wire)
            pauses.append(desk.server.times[-1] - dropped)
            found.most("seconds until back", pauses[-1])
            await asyncio.sleep(0.5)
            gap = desk.mailbox.gap()
            found.judge(
                good=desk.server.wire.modes == MODES and gap is not None and not desk.mailbox.take()
            )
            desk.mailbox.filled(gap)
        found.notes["distinct pauses"] = len(set(pauses))

    desk = desk_of(seed, behave=beat)
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
            await wait_until(lambda number=number: len(desk.server.wires) > number)
            wire = desk.server.wires[number]
            await wait_until(lambda wire=wire: wire.closed)
            took = asyncio.get_running_loop().time() - wire.last
            found.most("seconds until noticed", took)
            found.judge(good=took <= 10.0)

    simulated(desk_of(seed, behave=stall).run(story, seconds=repeats * 300.0))
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
            held = [packet_of(token, last) for token in wire.modes]
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
        await wait_until(
            lambda: len(desk.server.wire.asked) > asked or desk.clock.monotonic() > late
        )
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
            await wait_until(lambda: desk.server.wire.closed)
            seen["took"] = asyncio.get_running_loop().time() - seen["last"]
            await wait_until(lambda: desk.mailbox.gap() is not None)
            seen["gap"] = desk.mailbox.gap()

        desk = desk_of(dice.randrange(10**6), behave=beat, hours=moves)
        simulated(desk.run(story, seconds=500.0))
        found.most("seconds until noticed", seen["took"])
        found.judge(good=0 < seen["took"] <= 10 and seen["gap"].start <= seen["gap"].end)
    return found


def w8(repeats: int, seed: int) -> Counts:
    """403: the token is read again, once; 429: at least a minute of rest."""
    found, dice = Counts("W-8", seed), random.Random(seed)
    for turn in range(repeats):
        kind = ("stops", "renewed", "busy")[turn % 3]
        desk = desk_of(dice.randrange(10**6), behave=steady_beat)
        seen: dict[str, Any] = {"error": None}

        async def story(desk: Desk, kind: str = kind) -> None:
            desk.ticker.want({SBIN: "full"})
            await wait_until(lambda: bool(desk.server.wires))
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
