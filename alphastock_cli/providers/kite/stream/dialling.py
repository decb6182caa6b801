"""Open one WebSocket: a few failures told apart, and no secret in any of their texts.

The only module that knows `websockets`. Addresses carry the token, so no exception and no log line
of that library gets out of here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from alphastock_cli.errors import AuthError
from alphastock_cli.safety import conceal, redacted, safe_text

HOST = "wss://ws.kite.trade"
LONGEST = 16 * 1024**2  # bytes of a message that may be read; a longer one ends the connection
_WAITING = 64  # messages read ahead; then the sender has to wait
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FORBIDDEN, _TOO_MANY = 403, 429


@dataclass(frozen=True, slots=True)
class Login:
    """With what a connection is opened."""

    api_key: str
    access_token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Keep the token out of every text of this process."""
        conceal(self.access_token)


class Socket(Protocol):
    """An open connection."""

    async def recv(self) -> str | bytes:
        """Return the next message; raises `Lost` once there is none."""
        ...

    async def send(self, text: str) -> None:
        """Send one message; raises `Lost`."""
        ...

    async def close(self) -> None:
        """End the connection, politely if it answers."""
        ...


class Lost(Exception):
    """An open connection has ended."""


class Unreachable(Exception):
    """A connection could not be opened; time may mend it."""


class NotLoggedIn(Unreachable):
    """The token was refused."""


class LoginRefused(AuthError):
    """The token was refused, and there is no other: nothing more is tried with this one."""

    def __init__(self, login: Login) -> None:
        super().__init__(
            "Kite's ticker refused the login: login needed",
            safe="Nothing more is tried with this token.",
            hint="Run `alphastock login`.",
        )
        self.login = login


class TooMany(Unreachable):
    """Kite says that there are too many connections or attempts."""


Dial = Callable[[Login], Awaitable[Socket]]


def dialler(root: str = "", *, seconds: float = 10.0) -> Dial:
    """Return what opens connections to `root`; "" is Kite's own host.

    Parameters
    ----------
    seconds : float
        For the whole of connecting.
    """
    address = (root or HOST).rstrip("/")

    async def dial(login: Login) -> Socket:
        return await _dial(address, login, seconds)

    return dial


class _Open:
    """A connection of `websockets`, its exceptions translated."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - the type moves between versions
        self._connection = connection

    async def recv(self) -> str | bytes:
        from websockets.exceptions import ConnectionClosed

        try:
            message: str | bytes = await self._connection.recv()
        except ConnectionClosed as error:
            raise Lost(_text(error)) from None
        return message

    async def send(self, text: str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise Lost(_text(error)) from None

    async def close(self) -> None:
        try:
            await self._connection.close()
        finally:  # whoever does not answer, or is not waited for, keeps no socket open
            self._connection.transport.abort()


async def _dial(address: str, login: Login, seconds: float) -> Socket:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    class Once(connect):
        """Follows no redirect: the address carries the token."""

        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    log = logging.getLogger("alphastock.kite.stream.websocket")
    log.setLevel(logging.WARNING)  # below that the library writes addresses and headers
    words = urlencode({"api_key": login.api_key, "access_token": login.access_token})
    more: dict[str, Any] = {}
    if urlsplit(address).hostname in _LOOPBACK:
        more["proxy"] = None
    try:
        opened = await Once(
            f"{address}/?{words}", open_timeout=seconds, close_timeout=1.0, ping_interval=None,
            max_size=LONGEST, max_queue=_WAITING, compression=None, logger=log,
            additional_headers={"X-Kite-Version": "3"}, **more,
        )  # fmt: skip
    except InvalidStatus as error:
        status = error.response.status_code
        kind = {_FORBIDDEN: NotLoggedIn, _TOO_MANY: TooMany}.get(status, Unreachable)
        raise kind(f"refused with HTTP {status}") from None
    except ConnectionRefusedError:
        raise Unreachable("the connection was refused") from None
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Unreachable(_text(error)) from None
    return _Open(opened)


def _text(error: BaseException) -> str:
    words = redacted(str(error)) or type(error).__name__
    return safe_text(words.splitlines()[0] if words else words, limit=120)
