"""A stream from what a data directory knows: its key, its login read anew, its address.

While it runs it leaves there what it is doing, for `doctor`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Self

from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.stream.dialling import Login, dialler
from alphastock_cli.providers.kite.stream.mailbox import Gap
from alphastock_cli.providers.kite.stream.standing import Report
from alphastock_cli.providers.kite.stream.stream import Stream, nothing_to_fill


class ToldStream(Stream):
    """A stream that keeps a `Report` of itself, from its start to its close."""

    def __init__(self, report: Report, **more: Any) -> None:  # noqa: ANN401 - those of `Stream`
        super().__init__(**more)
        self._report = report

    def start(self) -> Self:
        """Begin, and begin to tell."""
        super().start()
        self._report.begin(self.health, self.tokens)
        return self

    def close(self) -> None:
        """End, and take the report away."""
        self._report.end()
        super().close()

    def tokens(self) -> Collection[int]:
        """Return what is followed."""
        return self._following


class _Behind:
    """By how much our clock is behind Kite's: as its last answer said, else as was noted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        noted = connection.notes.read().get("skew")
        self._noted = float(noted) if isinstance(noted, int | float) else 0.0

    def seconds(self) -> float:
        skew = self._connection.skew
        return self._noted if skew is None else skew


def open_stream(
    connection: Connection,
    *,
    fill: Callable[[Gap], None] = nothing_to_fill,
    liquid: Collection[int] = (),
    who: str = "stream",
) -> Stream:
    """Return a stream that is not started yet; `who` is the command that uses it.

    Raises
    ------
    AuthError
        Nobody is logged in, or there is no api key: said now, not in a thread later.
    """
    key = connection.credentials.api_key

    def login() -> Login:
        return Login(key, connection.sessions.alive(key).access_token)

    login()
    return ToldStream(
        Report(connection.folder, connection.clock, who=who),
        login=login, clock=connection.clock, dial=dialler(connection.settings.ws_root),
        fill=fill, liquid=liquid, behind=_Behind(connection).seconds,
    )  # fmt: skip
