"""Faults that only a socket shows: how replies arrive, and how the ticker goes wrong."""

# ruff: noqa: F811 - a fixture is an argument by name

from __future__ import annotations

import asyncio
import email.utils
import json
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from alphastock_cli.errors import UsageError
from alphastock_cli.sandbox.server import at, listen
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures

Until = Callable[[list[bytes | str]], bool]


def get(it: Running, path: str = "/user/profile", **more: Any) -> requests.Response:
    heads = {"Authorization": f"token {it.api_key}:{it.token()}"}
    with requests.Session() as session:
        return session.get(it.root + path, headers=heads, timeout=5, **more)


# -- how replies arrive -----------------------------------------------------------------------


def test_a_reply_is_whole_without_faults(sandbox: Running) -> None:
    reply = get(sandbox)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json()["data"]["user_id"] == sandbox.user_id
    sent = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert abs(sent - time.time()) < 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", requests.ConnectionError),
        ("close", requests.ConnectionError),
        ("lost-reply", requests.ConnectionError),
        ("truncate", requests.exceptions.ChunkedEncodingError),
        ("wrong-length", requests.exceptions.ChunkedEncodingError),
        ("bad-gzip", requests.exceptions.ContentDecodingError),
        ("timeout:600ms", requests.ConnectionError),
        ("huge-headers", requests.exceptions.ConnectionError),
    ],
)
def test_replies_that_do_not_arrive(sandbox: Running, fault: str, error: type[Exception]) -> None:
    sandbox.fault(f"{fault}:x1")
    with pytest.raises(error):
        get(sandbox)
    assert sandbox.played(fault.partition(":")[0]) == 1
    assert get(sandbox).status_code == 200  # the server lives on


def test_a_lost_reply_leaves_its_order_behind(sandbox: Running) -> None:
    heads = {"Authorization": f"token {sandbox.api_key}:{sandbox.token()}"}
    form = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 1,
        "product": "CNC", "order_type": "MARKET", "market_protection": -1, "tag": "lost",
    }  # fmt: skip
    for fault, there in (("lost-reply", 1), ("reset", 1), ("close", 1)):
        sandbox.fault(f"{fault}:x1@/orders/")
        with requests.Session() as session, pytest.raises(requests.ConnectionError):
            session.post(sandbox.root + "/orders/regular", form, headers=heads, timeout=5)
        assert len(get(sandbox, "/orders").json()["data"]) == there


def test_a_slow_reply_drips(sandbox: Running) -> None:
    sandbox.fault("slow:500ms")
    began = time.monotonic()
    assert get(sandbox).json()["status"] == "success"
    assert 0.45 < time.monotonic() - began < 3


def test_a_slow_reply_does_not_silence_others(sandbox: Running) -> None:
    sandbox.fault("slow:1s:x1")
    heads = {"Authorization": f"token {sandbox.api_key}:{sandbox.token()}"}
    with requests.Session() as session:
        slow = session.get(sandbox.root + "/user/profile", headers=heads, timeout=5, stream=True)
        began = time.monotonic()
        assert get(sandbox).status_code == 200
        assert time.monotonic() - began < 0.5
        assert slow.json()["status"] == "success"


def test_a_body_without_end_can_be_left(sandbox: Running) -> None:
    sandbox.fault("huge:x1")
    with requests.Session() as session:
        heads = {"Authorization": f"token {sandbox.api_key}:{sandbox.token()}"}
        reply = session.get(sandbox.root + "/user/profile", headers=heads, timeout=5, stream=True)
        seen = 0
        for chunk in reply.iter_content(1 << 16):
            seen += len(chunk)
            if seen > 5_000_000:
                break
        reply.close()
    assert seen > 5_000_000
    assert get(sandbox).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("html-429", 429, "text/html"),
        ("502", 502, "text/html"),
        ("504", 504, "text/html"),
        ("429", 429, "application/json"),
        ("no-type", 200, None),
    ],
)
def test_codes_and_types(sandbox: Running, fault: str, status: int, kind: str | None) -> None:
    sandbox.fault(fault)
    reply = get(sandbox)
    told = reply.headers.get("Content-Type")
    assert reply.status_code == status
    assert told is None if kind is None else str(told).startswith(kind)


def test_a_redirect_leads_who_follows_it_astray(sandbox: Running) -> None:
    sandbox.fault("redirect")
    assert get(sandbox, allow_redirects=False).status_code == 302
    assert get(sandbox).json()["data"]["order_id"] == "1000000000000000001"


@pytest.mark.parametrize(("fault", "seconds"), [("clock-skew:1h", 3600), ("clock-behind", -1800)])
def test_the_servers_clock_may_be_wrong(sandbox: Running, fault: str, seconds: int) -> None:
    sandbox.fault(fault)
    sent = email.utils.parsedate_to_datetime(get(sandbox).headers["Date"]).timestamp()
    assert abs(sent - time.time() - seconds) < 3


def test_the_short_way_over_http(sandbox: Running) -> None:
    with requests.Session() as session:
        token = session.post(sandbox.root + "/sandbox/login", timeout=5).json()["data"]
        told = session.put(sandbox.root + "/sandbox/faults", {"faults": "429:x1"}, timeout=5)
        assert told.json()["data"]["faults"] == "429:x1"
        heads = {"Authorization": f"token {sandbox.api_key}:{token['access_token']}"}
        codes = [
            session.get(sandbox.root + "/user/profile", headers=heads, timeout=5).status_code
            for _ in range(2)
        ]
    assert codes == [429, 200]


# -- the ticker -------------------------------------------------------------------------------


def address(it: Running, token: str = "") -> str:
    return f"{it.ws_root}/?api_key={it.api_key}&access_token={token or it.token()}"


def never(_: list[bytes | str]) -> bool:
    return False


async def heard(ws: ClientConnection, seconds: float, until: Until = never) -> list[bytes | str]:
    """Return what comes within so many seconds, or until it is enough."""
    found: list[bytes | str] = []
    end = asyncio.get_running_loop().time() + seconds
    while not until(found) and (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            found.append(await asyncio.wait_for(ws.recv(), left))
        except TimeoutError:
            break
    return found


def session(it: Running, seconds: float, until: Until = never) -> list[bytes | str]:
    """Return what a connection hears that subscribed to INFY."""
    token = it.state.item("NSE:INFY")
    assert token is not None

    async def run() -> list[bytes | str]:
        async with connect(address(it), max_size=None, close_timeout=0.2) as ws:
            await ws.send(json.dumps({"a": "mode", "v": ["full", [token.token]]}))
            return await heard(ws, seconds, until)

    return asyncio.run(run())


def lasts(messages: list[bytes | str]) -> list[int]:
    """Return the last price of the first packet of every binary message of ticks."""
    return [
        struct.unpack_from(">I", message, 8)[0]
        for message in messages
        if isinstance(message, bytes) and len(message) > 12
    ]


def test_ticks_and_heartbeats(sandbox: Running) -> None:
    ticks = session(sandbox, 0.5)
    assert len(lasts(ticks)) >= 3
    assert {len(message) for message in ticks if len(message) > 1} == {2 + 2 + 184}
    sandbox.fault("heartbeat-only")
    assert set(session(sandbox, 0.9)) == {b"\x00"}
    sandbox.fault("forget-tokens:x1")
    told = session(sandbox, 0.9)
    assert told[-1] == b"\x00"
    assert len(lasts(told)) <= 1  # the snapshot, and no more


def test_a_stall_is_silent_and_ends(sandbox: Running) -> None:
    sandbox.fault("stall:1500ms:x1")
    began = time.monotonic()
    told = session(sandbox, 0.9)
    assert told == []
    assert session(sandbox, 0.6) != []
    assert time.monotonic() - began < 6


def test_a_drop_ends_the_connection(sandbox: Running) -> None:
    sandbox.fault("drop:500ms")
    with pytest.raises(ConnectionClosed) as caught:
        session(sandbox, 3)
    assert caught.value.rcvd is None  # without a word: 1006
    assert sandbox.played("drop") == 1


@pytest.mark.parametrize(("fault", "status"), [("ws-403", 403), ("ws-429", 429)])
def test_the_handshake_is_refused(sandbox: Running, fault: str, status: int) -> None:
    sandbox.fault(f"{fault}:x1")
    with pytest.raises(InvalidStatus) as caught:
        session(sandbox, 1)
    assert caught.value.response.status_code == status
    assert session(sandbox, 0.5)


def test_a_dead_token_and_a_fourth_connection_are_refused(sandbox: Running) -> None:
    async def run() -> list[int]:
        codes = []
        async with connect(address(sandbox)), connect(address(sandbox)), connect(address(sandbox)):
            for url in (address(sandbox), address(sandbox, "dead")):
                try:
                    async with connect(url):
                        codes.append(101)
                except InvalidStatus as error:
                    codes.append(error.response.status_code)
        return codes

    assert asyncio.run(run()) == [429, 403]
    assert session(sandbox, 0.5)  # the places are free again


@pytest.mark.parametrize(
    "fault", ["garbage-packet", "truncated-packet", "count-lie", "zero-length", "unknown-length",
              "duplicate-ticks", "negative-price", "zero-price", "older-ticks", "out-of-order"],
)  # fmt: skip
def test_wrong_ticks_come_and_the_connection_stays(sandbox: Running, fault: str) -> None:
    sandbox.fault(fault)
    told = session(sandbox, 3, lambda heard: len([one for one in heard if len(one) > 1]) > 3)
    assert sandbox.played(fault) >= 1
    assert len(told) > 3
    if fault == "negative-price":
        assert set(lasts(told)) == {0xFFFFFFFF}


def test_a_big_frame_and_a_flood(sandbox: Running) -> None:
    sandbox.fault("flood:300ms")
    assert len(session(sandbox, 0.6)) > 300
    sandbox.fault("big-frame:x1")
    assert max(len(message) for message in session(sandbox, 0.6)) == 10 * 1024 * 1024


def test_texts_that_are_wrong(sandbox: Running) -> None:
    sandbox.fault("ws-error,bad-text")
    texts = [message for message in session(sandbox, 0.5) if isinstance(message, str)]
    assert '{"type": "error", "data": "the sandbox was asked for an error"}' in texts
    assert len(set(texts)) > 1


def test_messages_that_cannot_be_obeyed_are_answered(sandbox: Running) -> None:
    async def run() -> list[bytes | str]:
        async with connect(address(sandbox)) as ws:
            many = {"a": "subscribe", "v": list(range(3001))}
            wrong = [{"a": "subscribe", "v": ["x"]}, {"a": "mode", "v": ["no", [1]]}, many]
            for text in ("nonsense", "[]", *map(json.dumps, wrong)):
                await ws.send(text)
            await ws.send(b"binary")
            return await heard(ws, 0.5)

    told = [json.loads(text) for text in asyncio.run(run()) if isinstance(text, str)]
    assert [one["type"] for one in told] == ["error"] * 5
    assert "3000" in told[-1]["data"]


def updates(it: Running, count: int) -> list[str]:
    """Return the statuses of the first updates of an order; 0 waits in vain."""

    def enough(found: list[bytes | str]) -> bool:
        return count > 0 and sum(isinstance(one, str) for one in found) >= count

    async def run() -> list[bytes | str]:
        async with connect(address(it), close_timeout=0.2) as ws:
            await asyncio.to_thread(place, it)
            return await heard(ws, 3 if count else 0.6, enough)

    texts = [json.loads(text) for text in asyncio.run(run()) if isinstance(text, str)]
    return [one["data"]["status"] for one in texts]


def place(it: Running) -> float:
    """Place a market order; return how long the call took."""
    heads = {"Authorization": f"token {it.api_key}:{it.token()}"}
    form = {
        "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 1,
        "product": "CNC", "order_type": "MARKET", "market_protection": -1,
    }  # fmt: skip
    began = time.monotonic()
    with requests.Session() as http:
        http.post(it.root + "/orders/regular", form, headers=heads, timeout=5).raise_for_status()
    return time.monotonic() - began


def test_order_updates_come_once_twice_or_never(sandbox: Running) -> None:
    assert updates(sandbox, 2) == ["OPEN", "COMPLETE"]
    sandbox.fault("order-update-twice")
    assert updates(sandbox, 4) == ["OPEN", "OPEN", "COMPLETE", "COMPLETE"]
    sandbox.fault("order-update-shuffled")
    assert updates(sandbox, 2) == ["COMPLETE", "OPEN"]
    sandbox.fault("no-order-updates")
    assert updates(sandbox, 0) == []


def test_an_update_may_come_before_the_reply(sandbox: Running) -> None:
    sandbox.fault("order-update-first:700ms")

    async def run() -> tuple[float, float]:
        async with connect(address(sandbox)) as ws:
            began = time.monotonic()
            call = asyncio.create_task(asyncio.to_thread(place, sandbox))
            while not isinstance(await ws.recv(), str):
                pass
            return time.monotonic() - began, await call

    update, reply = asyncio.run(run())
    assert update < 0.6
    assert reply >= 0.7


# -- the address ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.com", "::", ""])
def test_other_machines_cannot_reach_it(host: str) -> None:
    with pytest.raises(UsageError):
        listen(host, 0)


def test_a_port_that_is_taken_or_none_is_refused(sandbox: Running) -> None:
    for port in (sandbox.port, 70_000):
        with pytest.raises(UsageError, match="cannot be used"):
            listen("127.0.0.1", port)
    assert (at("::1", 1), at("127.0.0.1", 1)) == ("[::1]:1", "127.0.0.1:1")
