"""A stream from what a data directory knows: its key, its login read anew, its address."""

from __future__ import annotations

from collections.abc import Callable, Collection

from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.stream.dialling import Login, dialler
from alphastock_cli.providers.kite.stream.mailbox import Gap
from alphastock_cli.providers.kite.stream.stream import Stream, nothing_to_fill


def open_stream(
    connection: Connection,
    *,
    fill: Callable[[Gap], None] = nothing_to_fill,
    liquid: Collection[int] = (),
) -> Stream:
    """Return a stream that is not started yet.

    Raises
    ------
    AuthError
        Nobody is logged in, or there is no api key: said now, not in a thread later.
    """
    key = connection.credentials.api_key

    def login() -> Login:
        return Login(key, connection.sessions.alive(key).access_token)

    login()
    return Stream(
        login=login, clock=connection.clock, dial=dialler(connection.settings.ws_root),
        fill=fill, liquid=liquid,
    )  # fmt: skip
