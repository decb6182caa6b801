"""A running sandbox for tests: a local Kite on a free port of loopback, in a thread.

    from tests.sandbox_server import sandbox, sandbox_process  # noqa: F401 - fixtures

    def test_something(sandbox):
        kite = KiteConnect("sandboxkey", access_token=sandbox.token(), root=sandbox.root)
        sandbox.fault("429:x2")          # faults are cleared before every test

A file that uses it says ``# ruff: noqa: F811`` at its top: a fixture is an argument by name.

`sandbox` stands at Friday 2026-08-14, 11:30 in India, market open; its market clock runs on with
real time, and `sandbox.clock.advance(seconds)` moves it on. Ticks come ten times a second,
heartbeats after 0.4 s of silence. Rate limits are counted but not enforced;
`sandbox.limits(on=True)` enforces them until the test ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.sandbox.exchange import Sandbox
from alphastock_cli.sandbox.faults import Faults, parse
from alphastock_cli.sandbox.limits import Limiter, Rates
from alphastock_cli.sandbox.server import listen, server

IST = ZoneInfo("Asia/Kolkata")
OPEN = datetime(2026, 8, 14, 11, 30, 5, tzinfo=IST)


class RunningClock:
    """Begins at a moment and runs on with real time; `advance` moves it on besides."""

    def __init__(self, start: datetime = OPEN) -> None:
        self._start, self._real = start, time.monotonic()
        self._ahead = timedelta()

    def now(self) -> datetime:
        return self._start + self._ahead + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return time.monotonic() - self._real

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        self._ahead = timedelta()
        self._start, self._real = moment, time.monotonic()


class Running:
    """A sandbox on a port."""

    def __init__(self, state: Sandbox, clock: RunningClock, port: int) -> None:
        self.state, self.clock, self.port = state, clock, port
        self.root = self.login_root = f"http://127.0.0.1:{port}"
        self.ws_root = f"ws://127.0.0.1:{port}"
        self.api_key = state.sessions.app.api_key
        self.api_secret = state.sessions.app.api_secret
        self.user_id = state.sessions.app.user_id

    def token(self) -> str:
        """Return the access token of a new session, without page and checksum."""
        return str(self.state.sessions.begin()["access_token"])

    def request_token(self) -> str:
        """Return what the login page would hand over, once."""
        address = self.state.sessions.login({"api_key": self.api_key, "v": "3"})
        return address.rpartition("request_token=")[2]

    def fault(self, words: str, *, seed: int = 1) -> None:
        """Let other faults be in force; "" is none."""
        self.state.faults.set(parse(words), seed=seed)

    def played(self, name: str) -> int:
        """Return how often a fault was played."""
        return self.state.faults.played.get(name, 0)

    def limits(self, on: bool) -> Limiter:  # noqa: FBT001 - reads as a switch
        """Enforce the documented limits or only count them; returns a fresh limiter."""
        self.state.limiter = Limiter(Rates(on=on))
        return self.state.limiter

    def expire(self) -> None:
        """End every session, as six in the morning does."""
        self.state.sessions.end_all()

    def reset(self) -> None:
        """Forget orders, sessions, faults and counts."""
        self.fault("")
        self.limits(on=False)
        self.expire()
        self.state.forget()


@contextmanager
def running(start: datetime = OPEN, *, universe: int = 12, beat: float = 0.1, **more: Any):
    """Start a sandbox on a free port and wait until it answers; end it afterwards."""
    clock = RunningClock(start)
    state = Sandbox(
        SimExchange(clock, universe=universe), clock=clock, wall=SystemClock(),
        rates=Rates(on=False), faults=Faults(seed=1), **more,
    )  # fmt: skip
    held = listen("127.0.0.1", 0)
    web = server(state, beat=beat, heartbeat=0.4)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [held]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not web.started:
        assert thread.is_alive(), "the sandbox ended at once"
        assert time.monotonic() < deadline, "the sandbox did not start"
        time.sleep(0.01)
    try:
        yield Running(state, clock, held.getsockname()[1])
    finally:
        web.should_exit = True
        thread.join(10)
        held.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Running]:
    """Return one sandbox for the whole session; take `sandbox`, which begins afresh."""
    with running() as it:
        yield it


@pytest.fixture
def sandbox(sandbox_process: Running) -> Running:
    """Return the running sandbox: market open, no orders, no faults, limits only counted."""
    sandbox_process.clock.set(OPEN)
    sandbox_process.reset()
    return sandbox_process
