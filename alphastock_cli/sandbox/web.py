"""HTTP and WebSocket round the sandbox's state: a Starlette app, and the manners of its replies.

One worker thread touches the state, so that a slow question does not silence the heartbeats. What
is said is decided in `exchange.py`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from alphastock_cli.sandbox.call import Call
from alphastock_cli.sandbox.exchange import Sandbox
from alphastock_cli.sandbox.replies import CallError, Reply, failure
from alphastock_cli.sandbox.safely import tell
from alphastock_cli.sandbox.ticker import Connection

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

T = TypeVar("T")
_METHODS = ["GET", "POST", "PUT", "DELETE"]
_ENDLESS = 2 * 1024**3
_CHUNK = b"0" * 65536
_STEP = 0.5  # seconds between two bytes of a slow reply


class Web:
    """The two protocols of one sandbox.

    Parameters
    ----------
    beat : float
        Seconds between two looks at the market.
    heartbeat : float
        Seconds without another message after which the ticker sends its one byte.
    """

    def __init__(self, sandbox: Sandbox, *, beat: float, heartbeat: float) -> None:
        self.sandbox, self._seconds, self._heartbeat = sandbox, beat, heartbeat
        self.transports: dict[Any, asyncio.Transport] = {}  # by the caller's address and port
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        self._connections: list[Connection] = []

    def app(self) -> Starlette:
        """Return the app that uvicorn runs."""
        from starlette.applications import Starlette
        from starlette.routing import Route, WebSocketRoute

        return Starlette(
            routes=[
                WebSocketRoute("/", self._ticker),
                Route("/{path:path}", self._rest, methods=_METHODS),
            ],
            lifespan=self._lifespan,
        )

    async def ask(self, question: Callable[[], T]) -> T:
        """Ask the state something, in its one thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, question)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        beating = asyncio.ensure_future(self._beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            self._worker.shutdown(wait=True, cancel_futures=True)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                frames = await self.ask(self.sandbox.beat)
            except Exception as error:  # noqa: BLE001 - told, and the ticker lives on
                tell("the market could not be looked at; the next turn tries again", error)
                continue
            for connection in self._connections:
                connection.push(frames.get(id(connection.subscriber), []))
                connection.nudge()

    # -- REST ---------------------------------------------------------------------------------

    async def _rest(self, request: Request) -> Response:
        call = Call.of(
            request.method, request.url.path, request.url.query, await request.body(),
            dict(request.headers),
        )  # fmt: skip
        reply = await self.ask(lambda: self.sandbox.answer(call))
        for connection in self._connections:
            connection.nudge()
        if reply.delay:
            await asyncio.sleep(reply.delay)
        return await self._play(request, reply)

    async def _play(self, request: Request, reply: Reply) -> Response:
        """Let a reply arrive in its manner."""
        from starlette.responses import Response, StreamingResponse

        headers = self._headers(reply)
        if reply.manner == "whole":
            return Response(reply.body, reply.status, headers)
        if reply.manner == "slow":
            headers["content-length"] = str(len(reply.body))
            return StreamingResponse(_drip(reply), reply.status, headers)
        if reply.manner == "endless":
            return StreamingResponse(_endless(request), reply.status, headers)
        transport = self.transports.get(request.scope["client"])
        if transport is not None:
            if reply.manner == "hang":
                await _gone_or(reply.seconds, request)
            elif reply.manner == "half":
                transport.write(_half(reply, headers))
            elif reply.manner == "reset":
                linger = struct.pack("ii", 1, 0)
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
                transport.abort()
            transport.close()
        while not await request.is_disconnected():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
        return Response()  # to nobody

    def _headers(self, reply: Reply) -> dict[str, str]:
        headers = {name: value for name, value in reply.headers.items() if value}
        ahead = float(headers.pop("x-date-offset", "0"))
        moment = self.sandbox.wall.now().astimezone(UTC) + timedelta(seconds=ahead)
        headers["date"] = format_datetime(moment, usegmt=True)
        if reply.kind:
            headers["content-type"] = reply.kind
        return headers

    # -- the ticker ---------------------------------------------------------------------------

    async def _ticker(self, ws: WebSocket) -> None:
        from starlette.responses import Response

        query = dict(ws.query_params)
        try:
            subscriber = await self.ask(lambda: self.sandbox.connect(query))
        except CallError as error:
            reply = failure(error)
            headers = self._headers(reply)
            await ws.send_denial_response(Response(reply.body, reply.status, headers))
            return
        transport = self.transports.get(ws.scope["client"])
        connection = Connection(
            ws, subscriber, self.sandbox.faults, transport, heartbeat=self._heartbeat
        )

        async def hear(text: str) -> None:
            frames = await self.ask(lambda: self.sandbox.hear(subscriber, text))
            connection.push(frames)

        try:
            await ws.accept()
            self._connections.append(connection)
            await connection.run(hear)
        finally:
            if connection in self._connections:
                self._connections.remove(connection)
            await self.ask(lambda: self.sandbox.disconnect(subscriber))


async def _drip(reply: Reply) -> AsyncIterator[bytes]:
    """Yield a body byte by byte for as long as it is to last, then the rest at once."""
    steps = min(len(reply.body), int(reply.seconds / _STEP))
    for at in range(steps):
        yield reply.body[at : at + 1]
        await asyncio.sleep(_STEP)
    yield reply.body[steps:]


async def _endless(request: Request) -> AsyncIterator[bytes]:
    yield b'{"status":"success","data":"'
    for _ in range(_ENDLESS // len(_CHUNK)):
        yield _CHUNK
        if await request.is_disconnected():
            return


async def _gone_or(seconds: float, request: Request) -> None:
    """Wait that long, or until the caller has gone."""
    for _ in range(max(1, int(seconds / 0.1))):
        if await request.is_disconnected():
            return
        await asyncio.sleep(0.1)


def _half(reply: Reply, headers: dict[str, str]) -> bytes:
    """Return the bytes of a reply that promises more than it brings."""
    more = int(headers.pop("x-more-length", "0"))
    body = reply.body if more else reply.body[: len(reply.body) // 2]
    headers["content-length"] = str(len(reply.body) + more)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} OK\r\n{lines}\r\n".encode() + body
