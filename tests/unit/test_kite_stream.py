"""The synchronous face of the ticker, its thread and its connections, without a network."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from alphastock_cli.errors import AuthError, UsageError
from alphastock_cli.providers.kite.stream.dialling import (
    Login,
    NotLoggedIn,
    Unreachable,
    dialler,
)
from alphastock_cli.providers.kite.stream.state import Patience
from alphastock_cli.providers.kite.stream.stream import Stream
from tests.unit.ticker_world import (
    NIFTY,
    OPEN,
    SBIN,
    STAMP,
    Desk,
    Server,
    Wire,
    frame,
    full,
    index,
    order,
    quote,
    simulated,
)


class Standing:
    """A clock that stands."""

    def now(self) -> datetime:
        return OPEN

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Least(random.Random):
    """Draws the shortest pause each time."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


@contextmanager
def streaming(**more: Any) -> Iterator[tuple[Stream, Server]]:
    server = Server()
    given: dict[str, Any] = {"login": lambda: Login("key", "token-of-today"), "dial": server.dial}
    with Stream(clock=Standing(), **{**given, **more}) as stream:
        yield stream, server


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def push(stream: Stream, wire: Wire, message: str | bytes) -> None:
    assert stream._loop is not None
    stream._loop.call_soon_threadsafe(wire.push, message)


def test_as_many_connections_as_needed_and_no_more() -> None:
    tokens = [n << 8 | 1 for n in range(1, 3002)]
    with streaming() as (stream, server):
        until(lambda: len(server.wires) == 1)  # of order updates alone
        stream.follow(dict.fromkeys(tokens[:10], "ltp"))
        until(lambda: len(server.wires[0].modes) == 10)
        stream.follow(dict.fromkeys(tokens, "ltp"))
        until(lambda: len(server.wires) == 2)
        until(lambda: sorted(len(wire.modes) for wire in server.wires) == [1500, 1501])
        assert max(len(each["v"]) for each in server.wires[0].asked if each["a"] != "mode") <= 500
        left = len(server.wires[0].modes)
        stream.leave(server.wires[1].modes)
        until(lambda: server.wires[1].closed)
        assert len(stream.health().connections) == 1
        with pytest.raises(UsageError, match="9,000"):
            stream.follow(dict.fromkeys(range(10_000, 18_000), "ltp"))
        with pytest.raises(UsageError, match="mode 'fast'"):
            stream.follow({SBIN: "fast"})
        assert stream.health().following == left  # what was refused changed nothing


def test_quotes_leave_order_updates_to_those_who_take_them() -> None:
    with streaming() as (stream, server):
        stream.follow({SBIN: "full"})
        until(lambda: server.wires and server.wire.modes)
        push(stream, server.wire, order())
        push(stream, server.wire, frame([full()]))
        until(lambda: stream.health().waiting_ticks)
        found = stream.quotes({"NSE:SBIN": SBIN, "NSE:NIFTY 50": NIFTY})
        assert found.keys() == {"NSE:SBIN"}
        assert found["NSE:SBIN"].last_price == 800.0
        assert stream.quotes({"NSE:SBIN": SBIN}) == found
        assert [row["order_id"] for row in stream.take().orders] == ["240814000000001"]
        stream.leave([SBIN])
        assert stream.quotes({"NSE:SBIN": SBIN}) == {}


def test_a_packet_of_a_token_nobody_follows_is_counted() -> None:
    with streaming() as (stream, server):
        stream.follow({SBIN: "full"})
        until(lambda: server.wires and server.wire.modes)
        push(stream, server.wire, frame([full(token=SBIN + 256)]))
        until(lambda: stream.health().counts.get("not_subscribed") == 1)
        assert not stream.take()


def test_an_order_update_that_cannot_be_read_asks_for_the_book() -> None:
    gaps: list[Any] = []
    with streaming(fill=gaps.append) as (stream, server):
        until(lambda: server.wires)
        push(stream, server.wire, order().replace('"240814000000001"', "NaN"))
        until(lambda: stream.take(0.05) or gaps)
        assert gaps[0].reasons == ("an unreadable order update",)
        assert stream.health().counts["bad_order"] == 1


def test_no_login_is_told_to_whoever_takes() -> None:
    def login() -> Login:
        raise AuthError("nobody is logged in to Kite: login needed")

    with streaming(login=login) as (stream, server):
        with pytest.raises(AuthError, match="login needed"):
            stream.take(5.0)
        with pytest.raises(AuthError):
            stream.take(0.0)  # and again
        assert server.wires == []
        assert stream.health().connections == ()
        assert not stream.health().is_current


def test_a_defect_is_not_swallowed() -> None:
    async def dial(_: Login) -> Wire:
        raise ZeroDivisionError

    with streaming(dial=dial) as (stream, _), pytest.raises(ZeroDivisionError):
        stream.take(5.0)


def test_the_end_of_one_connection_is_the_end_of_all() -> None:
    tokens = {n << 8 | 1: "ltp" for n in range(1, 3002)}
    with streaming() as (stream, server):
        stream.follow(tokens)
        until(lambda: len(server.wires) == 2)
        server.answers = lambda _: NotLoggedIn("refused with HTTP 403")
        assert stream._loop is not None
        stream._loop.call_soon_threadsafe(server.wires[1].drop)
        with pytest.raises(AuthError, match="login needed"):
            until(lambda: stream.take(0.2) is None)
        until(lambda: all(wire.closed for wire in server.wires))


def test_a_server_that_takes_no_requests_is_left() -> None:
    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        await asyncio.sleep(0.1)
        first = desk.server.wire
        first.send = lambda _: asyncio.sleep(3600)  # type: ignore[method-assign]
        desk.ticker.want({SBIN: "quote"})
        for _ in range(7):
            first.push(b"\x00")
            await asyncio.sleep(1)
        assert first.closed
        assert desk.ticker.state().last_error == "takes no requests"

    desk = Desk()
    simulated(desk.run(story, seconds=100.0))


def test_a_mode_that_changes_is_asked_for_alone() -> None:
    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full", NIFTY: "full"})
        await asyncio.sleep(1)
        asked = len(desk.server.wire.asked)
        desk.ticker.want({SBIN: "full", NIFTY: "ltp"})
        desk.server.wire.push(frame([full(stamp=STAMP)]))
        await asyncio.sleep(1)
        assert desk.server.wire.asked[asked:] == [{"a": "mode", "v": ["ltp", [NIFTY]]}]
        assert desk.ticker.state().name == "up"
        assert desk.ticker.state().tick_age == pytest.approx(1.0)

    simulated(Desk().run(story, seconds=100.0))


def test_pauses_grow_to_thirty_seconds_and_no_further() -> None:
    desk = Desk()
    desk.server.answers = lambda _: Unreachable("refused")

    async def story(_: Desk) -> None:
        await asyncio.sleep(3600)

    simulated(desk.run(story, seconds=4000.0))
    pauses = [b - a for a, b in zip(desk.server.times, desk.server.times[1:], strict=False)]
    assert max(pauses) <= 30
    assert max(pauses[:2]) <= 2
    assert sum(pauses[10:]) / len(pauses[10:]) == pytest.approx(15, abs=3)  # full jitter


@pytest.mark.parametrize(
    "root", ["ws://127.0.0.1:1", "ws://[::1]:1", "http://127.0.0.1:1", "nonsense"]
)
def test_what_cannot_be_reached_says_so_without_the_token(root: str) -> None:
    dial = dialler(root, seconds=2.0)
    with pytest.raises(Unreachable) as caught:
        asyncio.run(dial(Login("key", "canary-of-a-token")))
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert str(caught.value)


def test_it_can_be_closed_from_any_thread_and_twice() -> None:
    with streaming() as (stream, _):
        other = threading.Thread(target=stream.close)
        other.start()
        other.join(5)
        assert not other.is_alive()
        stream.close()
        assert not stream.take(0.1)


def test_current_is_what_the_connection_that_stands_has_brought() -> None:
    keys = {"NSE:SBIN": SBIN, "NSE:NIFTY 50": NIFTY}
    with streaming(dice=Least(), patience=Patience(look=0.01)) as (stream, server):
        stream.follow({SBIN: "full", NIFTY: "full"})
        until(lambda: server.wires and server.wire.modes)
        push(stream, server.wire, frame([full(), index()]))
        until(lambda: stream.current(keys).keys() == keys.keys())
        server.answers = lambda _: Unreachable("no route")
        first = server.wire
        assert stream._loop is not None
        stream._loop.call_soon_threadsafe(first.drop)
        until(stream.troubles)
        assert stream.troubles() == {0: "not connected (no route)"}
        assert stream.current(keys) == {}
        assert stream.quotes(keys).keys() == keys.keys()  # they are as old as they say
        server.answers = lambda _: None
        until(lambda: server.wire is not first and server.wire.modes and not stream.troubles())
        assert stream.current(keys) == {}  # what came before the loss is no tick of now
        push(stream, server.wire, frame([full()]))
        until(lambda: stream.current(keys).keys() == {"NSE:SBIN"})


def test_current_waits_for_the_mode_that_is_followed() -> None:
    with streaming() as (stream, server):
        stream.follow({SBIN: "full"})
        until(lambda: server.wires and server.wire.modes)
        push(stream, server.wire, frame([quote()]))  # has no time of its own
        until(lambda: stream.quotes({"NSE:SBIN": SBIN}))
        assert stream.current({"NSE:SBIN": SBIN}) == {}
        push(stream, server.wire, frame([full()]))
        until(lambda: stream.current({"NSE:SBIN": SBIN}))


def test_a_connection_that_is_silent_has_nothing_current() -> None:
    with streaming() as (stream, server):
        stream.follow({SBIN: "full"})
        until(lambda: server.wires and server.wire.modes)
        push(stream, server.wire, frame([full()]))
        until(lambda: stream.current({"NSE:SBIN": SBIN}))
        ticker, _ = stream._tickers[0]
        assert ticker._heard is not None
        ticker._heard -= 6.0
        assert stream.current({"NSE:SBIN": SBIN}) == {}
        push(stream, server.wire, b"\x00")
        until(lambda: stream.current({"NSE:SBIN": SBIN}))
