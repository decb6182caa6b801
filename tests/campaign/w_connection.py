"""Rows W-3 and W-8 of the fault matrix: the connection itself."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

from alphastock_cli.errors import AuthError
from alphastock_cli.providers.kite.stream.dialling import Login, NotLoggedIn, TooMany
from alphastock_cli.providers.kite.stream.hours import moves
from tests.campaign.counts import Counts
from tests.campaign.w_tools import (
    HEARTBEAT,
    desk_of,
    packet_of,
    steady_beat,
    wait_until,
)
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    Desk,
    LoopClock,
    Wire,
    frame,
    simulated,
)


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
