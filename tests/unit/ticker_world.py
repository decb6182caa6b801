"""A ticker without a network and without waiting: simulated time, a scripted server, packets."""

from __future__ import annotations

import asyncio
import json
import random
import selectors
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alphastock_cli.providers.kite.stream.client import Ticker
from alphastock_cli.providers.kite.stream.dialling import Login, Lost
from alphastock_cli.providers.kite.stream.mailbox import Mailbox
from alphastock_cli.providers.kite.stream.orders import OrderUpdates

IST = ZoneInfo("Asia/Kolkata")
OPEN = datetime(2026, 8, 14, 11, 30, tzinfo=IST)  # a Friday, in the middle of trading
SBIN, NIFTY = 779521, 256265  # a share of NSE, an index


class _Selector(selectors.SelectSelector):
    """Never waits: time jumps to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for nobody"
            self.now += max(0.0, timeout)
        return ready


class SimLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes as fast as the machine can."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)
        # one step must be able to move the time on: the resolution of a real clock is too coarse
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._clock.now


class LoopClock:
    """The wall clock of a simulated loop; `jump` is NTP, a suspended machine, a person."""

    def __init__(self, start: datetime = OPEN) -> None:
        self.start, self.off = start, timedelta()

    def now(self) -> datetime:
        return self.start + self.off + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody may block the loop for {seconds} s")

    def jump(self, seconds: float) -> None:
        self.off += timedelta(seconds=seconds)


class Wire:
    """One connection of the scripted server."""

    def __init__(self, server: Server) -> None:
        self.server, self.modes = server, {}
        self.inbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.asked: list[dict[str, Any]] = []
        self.closed = False

    async def recv(self) -> str | bytes:
        message = await self.inbox.get()
        if message is None:
            raise Lost("no close frame received or sent")
        return message

    async def send(self, text: str) -> None:
        if self.closed:
            raise Lost("closed")
        message = json.loads(text)
        self.asked.append(message)
        action, value = message["a"], message["v"]
        if action == "subscribe":
            self.modes.update({token: self.modes.get(token, "quote") for token in value})
        elif action == "unsubscribe":
            for token in value:
                self.modes.pop(token, None)
        else:
            self.modes.update(dict.fromkeys(value[1], value[0]))

    async def close(self) -> None:
        self.closed = True

    def push(self, message: str | bytes) -> None:
        self.inbox.put_nowait(message)

    def drop(self) -> None:
        self.inbox.put_nowait(None)


class Server:
    """What `dial` reaches; `answers` are exceptions of the next attempts, None opens."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.times: list[float] = []
        self.tokens: list[str] = []
        self.answers: Callable[[Login], Exception | None] = lambda _: None
        self.behave: Callable[[Wire], Awaitable[None]] | None = None
        self._tasks: list[asyncio.Future[None]] = []

    async def dial(self, login: Login) -> Wire:
        self.times.append(asyncio.get_running_loop().time())
        self.tokens.append(login.access_token)
        refusal = self.answers(login)
        if refusal is not None:
            raise refusal
        wire = Wire(self)
        self.wires.append(wire)
        if self.behave is not None:
            self._tasks.append(asyncio.ensure_future(self.behave(wire)))
        return wire

    @property
    def wire(self) -> Wire:
        return self.wires[-1]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Desk:
    """A ticker before a scripted server, with everything it was given."""

    def __init__(self, seed: int = 1, *, clock: LoopClock | None = None, **more: Any) -> None:
        self.server, self.counts = Server(), Counter[str]()
        self.clock = clock or LoopClock()
        self.mailbox = Mailbox(self.counts)
        self.token = "token-of-today"
        given: dict[str, Any] = {
            "login": lambda: Login("key", self.token), "dial": self.server.dial,
            "mailbox": self.mailbox, "updates": OrderUpdates(), "counts": self.counts,
            "clock": self.clock, "dice": random.Random(seed), "hours": lambda *_: True,
        }  # fmt: skip
        self.ticker = Ticker(**{**given, **more})

    async def run(self, story: Callable[[Desk], Awaitable[None]], *, seconds: float) -> None:
        """Let the ticker run while a story is told; end both."""
        running = asyncio.ensure_future(self.ticker.run())
        telling = asyncio.ensure_future(story(self))
        try:
            await asyncio.wait({running, telling}, timeout=seconds, return_when="FIRST_COMPLETED")
            for task in (running, telling):
                if task.done():
                    task.result()
        finally:
            for task in (running, telling):
                task.cancel()
            await asyncio.gather(running, telling, return_exceptions=True)
            await self.server.end()


def simulated(main: Awaitable[Any]) -> Any:
    """Run a coroutine in simulated time."""
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        return runner.run(main)


# -- packets ------------------------------------------------------------------------------------

STAMP = int(OPEN.timestamp())


def full(token: int = SBIN, last: int = 80_000, volume: int = 1000, stamp: int = STAMP) -> bytes:
    """Return the body of a full packet that contradicts itself nowhere."""
    head = (token, last, 5, last, volume, 100, 100, last, last + 50, last - 50, last - 10,
            stamp, 0, 0, 0, stamp)  # fmt: skip
    levels = [v for n in range(10) for v in (10 + n, last + (n if n >= 5 else -n - 1), 1)]
    return struct.pack(">16I" + "2IH2x" * 10, *head, *levels)


def quote(token: int = SBIN, last: int = 80_000, volume: int = 1000) -> bytes:
    return full(token, last, volume)[:44]


def index(token: int = NIFTY, last: int = 2_400_000, stamp: int = STAMP) -> bytes:
    return struct.pack(">6IiI", token, last, last + 5, last - 5, last, last - 9, 9, stamp)


def ltp(token: int = SBIN, last: int = 80_000) -> bytes:
    return struct.pack(">2I", token, last)


def frame(bodies: Iterable[bytes]) -> bytes:
    held = list(bodies)
    parts = [struct.pack(">H", len(held))]
    parts += [struct.pack(">H", len(body)) + body for body in held]
    return b"".join(parts)


def order(
    order_id: str = "240814000000001", status: str = "OPEN", filled: int = 0, **more: Any
) -> str:
    row = {"order_id": order_id, "status": status, "filled_quantity": filled, "quantity": 10}
    return json.dumps({"type": "order", "data": {**row, **more}})
