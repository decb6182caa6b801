"""The sandbox on a port of this machine, and nowhere else.

uvicorn is imported here and only when a server is made: it belongs to the extra ``[sandbox]``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from typing import TYPE_CHECKING, Any

from alphastock_cli.errors import ConfigError, UsageError
from alphastock_cli.sandbox.exchange import Sandbox

if TYPE_CHECKING:
    import uvicorn

_REFUSED = "ASGI callable returned without completing handshake."
_BACKLOG = 128
_HEADERS = 256 * 1024  # bytes of a request's line and headers: a thousand instruments in a query


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on loopback; port 0 takes a free one.

    Raises
    ------
    UsageError
        An address other machines can reach, or a port that is taken.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError(f"--host {host}: not an address", hint="Use 127.0.0.1 or ::1.") from None
    if not address.is_loopback:
        raise UsageError(
            f"--host {host}: the sandbox listens on this machine only",
            safe="Nothing was opened.", hint="Use 127.0.0.1 or ::1.",
        )  # fmt: skip
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((str(address), port))
    except (OSError, OverflowError) as error:
        made.close()
        raise UsageError(
            f"port {port} of {address} cannot be used: {getattr(error, 'strerror', error)}",
            hint="Choose another one with --port; 0 takes a free one.",
        ) from error
    made.listen(_BACKLOG)
    made.setblocking(False)  # noqa: FBT003 - the name is the method's
    return made


def at(host: str, port: int) -> str:
    """Return host and port as they stand in an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def server(sandbox: Sandbox, *, beat: float = 1.0, heartbeat: float = 1.0) -> uvicorn.Server:
    """Return a server that is run with ``run(sockets=[listen(...)])``.

    Parameters
    ----------
    beat, heartbeat : float
        Seconds between two looks at the market, and between two heartbeats of the ticker.

    Raises
    ------
    ConfigError
        The extra is not installed.
    """
    try:
        import starlette  # noqa: F401 - asked for here, used in `web.py`
        import uvicorn
    except ImportError as error:
        raise ConfigError(
            f"the sandbox needs {error.name}, which is not installed",
            hint='Run: pip install "alphastock[sandbox]"',
        ) from error
    from alphastock_cli.sandbox.web import Web

    logging.getLogger("uvicorn.error").addFilter(_worth_telling)
    web = Web(sandbox, beat=beat, heartbeat=heartbeat)
    return uvicorn.Server(
        uvicorn.Config(
            web.app(), http=_protocol(web.transports), ws="websockets-sansio", lifespan="on",
            log_config=None, access_log=False, server_header=False, date_header=False,
            ws_ping_interval=None, ws_per_message_deflate=False, timeout_keep_alive=75,
            timeout_graceful_shutdown=1, h11_max_incomplete_event_size=_HEADERS,
        )
    )  # fmt: skip


def _worth_telling(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn says of every handshake that is refused with an answer of its own."""
    return record.getMessage() != _REFUSED


def _protocol(transports: dict[Any, asyncio.Transport]) -> Any:  # noqa: ANN401 - uvicorn's class
    """Return uvicorn's protocol, which also tells by whom a socket is held."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        """Remembers the transport of each caller, so that faults can break it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if self.client is not None:
                transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                transports.pop(self.client, None)
            super().connection_lost(exc)

    return Protocol
