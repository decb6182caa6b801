"""Kite for the cards of providers: the sandbox at their moment, with a login and no waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.providers.kite import Kite
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.credentials import Credentials
from tests.contract.provider_world import NOW
from tests.unit.kite_host import FREE


@contextmanager
def sandbox_at_now() -> Iterator[Any]:
    """Run a sandbox that stands at `NOW`; skip where the extra is not installed."""
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    from tests.sandbox_server import running

    with running(NOW, universe=3) as held:
        yield held


def at(settings: Settings, held: Any) -> Settings:  # the sandbox's own class needs the extra
    """Return settings that lead to the sandbox."""
    return replace(settings, kite=KiteSettings(root=held.root))


def logged_in(wiring: Wiring, held: Any) -> MarketData:
    """Return the provider as the program builds it, logged in, its budget counted but free."""
    made = wiring.provider("kite")
    assert isinstance(made, Kite)
    connection = made.connection
    connection.__dict__["credentials"] = Credentials(held.api_key, held.api_secret, "test")
    connection.__dict__["budget"] = Budget(
        connection.folder, "free", wiring.clock, windows=FREE
    )  # fmt: skip
    if connection.sessions.peek() is None:
        connection.rest.begin_session(held.request_token())
    return made
