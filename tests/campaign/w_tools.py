"""What the rows of the ticker share: a desk, the product's stream, beats, broken frames."""

from __future__ import annotations

import asyncio
import random
import resource
import struct
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Self

from alphastock_cli.providers.kite.stream.dialling import Login
from alphastock_cli.providers.kite.stream.state import State
from alphastock_cli.providers.kite.stream.stream import Stream
from tests.unit.ticker_world import (
    NIFTY,
    SBIN,
    Desk,
    LoopClock,
    Server,
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
    while not wire.closed:
        wire.push(HEARTBEAT)
        await asyncio.sleep(1.0)


async def wait_until(true: Callable[[], bool], step: float = 0.01) -> None:
    while not true():  # noqa: ASYNC110 - time is simulated, looking again costs nothing
        await asyncio.sleep(step)


class TurnClock(LoopClock):
    """A clock for code that sleeps or has threads: what it waits for has passed at its turn."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()

    def monotonic(self) -> float:
        return self._loop.time()

    def sleep(self, seconds: float) -> None:
        assert seconds < 1e-6, seconds


class Here(Stream):
    """The product's stream in the loop of its caller, not in a thread: time is simulated.

    `server` is what it dials; everything between a frame and `take` or `quotes` is the product's.
    """

    def __init__(self, clock: LoopClock, seed: int, **more: Any) -> None:
        self.server, self.token = Server(), "token-of-today"
        given: dict[str, Any] = {"hours": lambda *_: False, **more}
        super().__init__(
            login=lambda: Login("key", self.token), dial=self.server.dial, clock=clock,
            dice=random.Random(seed), **given,
        )  # fmt: skip

    def start(self) -> Self:
        self._here = asyncio.ensure_future(self._main())
        self._here.add_done_callback(self._over)
        return self

    def _over(self, task: asyncio.Future[None]) -> None:
        self._mailbox.end(None if task.cancelled() else task.exception())

    def _states(self) -> dict[int, State]:
        return {number: ticker.state() for number, (ticker, _) in self._tickers.items()}

    async def end(self) -> None:
        assert self._stop is not None
        self._stop.set()
        await asyncio.gather(self._here, return_exceptions=True)
        await self.server.end()

    async def stands(self, modes: Mapping[int, str]) -> Wire:
        """Follow, wait until all was asked for, and return the connection."""
        self.follow(modes)
        await wait_until(
            lambda: bool(self.server.wires) and self.server.wire.modes.keys() >= modes.keys()
        )
        return self.server.wire


def seconds_after(clock: LoopClock, moment: Any) -> float:
    return float((clock.now() - moment) / timedelta(seconds=1))


def packet_of(token: int, last: int) -> bytes:
    return full(token, last, volume=last) if token != NIFTY else index(token, last)


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
