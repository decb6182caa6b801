"""The ticker's socket: what one connection is sent, in time and in which broken manner.

What a connection subscribed to is `stream.py`; here are heartbeats, silence, drops and the order
in which texts and ticks leave.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from alphastock_cli.sandbox import spoil
from alphastock_cli.sandbox.faults import Faults
from alphastock_cli.sandbox.packets import HEARTBEAT
from alphastock_cli.sandbox.stream import Subscriber

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

_MOST_WAITING = 64  # messages of ticks for a slow reader; the oldest give way, orders never do


class Connection:
    """One open socket of the ticker."""

    def __init__(
        self, socket: WebSocket, subscriber: Subscriber, faults: Faults,
        transport: asyncio.Transport | None, *, heartbeat: float,
    ) -> None:  # fmt: skip
        self.subscriber = subscriber
        self._socket, self._faults, self._transport = socket, faults, transport
        self._seconds = heartbeat
        self._due: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._held: list[bytes] = []  # waits for its successor: out of order
        self._updates: list[str] = []  # the same, of order updates
        self._wake = asyncio.Event()
        self._silent_until = 0.0

    def push(self, frames: list[bytes]) -> None:
        """Take binary messages for the reader, spoilt as asked."""
        if self._faults.roll("heartbeat-only"):
            frames = []
        if frames and self._faults.roll("forget-tokens"):
            self.subscriber.modes.clear()
        frames = spoil.frames(self._faults, frames)
        if frames and self._faults.roll("out-of-order"):
            frames, self._held = self._held, frames
        elif frames and self._held:
            frames, self._held = [*frames, *self._held], []
        self._due.extend(frames)
        self._wake.set()

    def nudge(self) -> None:
        """Let waiting texts leave."""
        if self.subscriber.outbox:
            self._wake.set()

    async def run(self, hear: Callable[[str], Awaitable[None]]) -> None:
        """Serve the socket until either side ends it."""
        tasks = [asyncio.ensure_future(part) for part in (self._listen(hear), self._speak())]
        if (drop := self._faults.on("drop")) is not None:
            tasks.append(asyncio.ensure_future(self._drop(drop.lasts)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, hear: Callable[[str], Awaitable[None]]) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is not None:  # Kite's clients send no binary messages
                await hear(text)
                self._wake.set()

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds)
            self._wake.clear()
            await self._stay_silent()
            sent = False
            waiting = [self.subscriber.outbox.popleft() for _ in range(len(self.subscriber.outbox))]
            for text in spoil.texts(self._faults, self._turned(waiting)):
                await self._socket.send_text(text)
                sent = True
            frames = [self._due.popleft() for _ in range(len(self._due))]
            for frame in frames:
                await self._socket.send_bytes(frame)
                sent = True
            if frames and (flood := self._faults.roll("flood")):
                await self._flood(frames, loop.time() + flood.lasts)
            if not sent:
                await self._socket.send_bytes(HEARTBEAT)

    def _turned(self, due: list[str]) -> list[str]:
        """Hold updates back until there are two, and send the later one first."""
        if self._faults.on("order-update-shuffled") is None:
            due, self._updates = [*self._updates, *due], []
            return due
        self._updates += due
        if len(self._updates) < 2 or not self._faults.roll("order-update-shuffled"):  # noqa: PLR2004 - a pair
            return []
        due, self._updates = self._updates[::-1], []
        return due

    async def _stay_silent(self) -> None:
        """Play a stall: no byte, not even an answer to a ping."""
        stall = self._faults.roll("stall")
        if stall is None:
            return
        if self._transport is not None:
            self._transport.pause_reading()
        await asyncio.sleep(stall.lasts)
        self._due.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    async def _flood(self, frames: list[bytes], until: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            for frame in frames:
                await self._socket.send_bytes(frame)
            await asyncio.sleep(0)

    async def _drop(self, most: float) -> None:
        await asyncio.sleep(self._faults.dice("drop").uniform(0, most))
        self._faults.played["drop"] = self._faults.played.get("drop", 0) + 1
        if self._transport is not None:
            self._transport.abort()
