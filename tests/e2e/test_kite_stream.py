"""The ticker against the sandbox: a real socket, the exchange's texts and packets, its faults."""

# ruff: noqa: F811 - a fixture is an argument by name

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.errors import AuthError, TransientError
from alphastock_cli.providers.kite.stream.dialling import Login, dialler
from alphastock_cli.providers.kite.stream.forms import mode_of, quote_of
from alphastock_cli.providers.kite.stream.mailbox import Batch, Gap
from alphastock_cli.providers.kite.stream.state import Patience
from alphastock_cli.providers.kite.stream.stream import Stream
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures

QUICK = Patience(
    message=1.2, tick=2.5, token=4.0, look=0.1, send=1.0, close=0.5, first=0.2, longest=0.5,
    busy=0.5, settled=0.5,
)  # fmt: skip
KEYS = ("NSE:INFY", "NSE:NIFTY 50", "NSE:SBIN")


def tokens(held: Running) -> dict[str, int]:
    found = {key: held.state.item(key) for key in KEYS}
    return {key: item.token for key, item in found.items() if item is not None}


@contextmanager
def following(held: Running, modes: dict[str, str], **more: Any) -> Iterator[Stream]:
    """Follow by key, in a market that moves on by a second at each of its ten looks a second."""
    given: dict[str, Any] = {"patience": QUICK, "token": held.token(), **more}
    token = given.pop("token")
    login = token if callable(token) else lambda: Login(held.api_key, token)
    by_key, over = tokens(held), threading.Event()

    def hurry() -> None:
        while not over.wait(0.1):
            held.clock.advance(0.9)

    pace = threading.Thread(target=hurry)
    with Stream(
        login=login, clock=held.clock, dial=dialler(held.ws_root, seconds=5), **given
    ) as stream:
        stream.follow({by_key[key]: mode for key, mode in modes.items()})
        pace.start()
        try:
            yield stream
        finally:
            over.set()
            pace.join()


def subscribed(held: Running) -> dict[int, str]:
    """Return what the server has noted, by token."""
    return {t: mode for each in held.state.subscribers for t, mode in dict(each.modes).items()}


def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def gathered(stream: Stream, enough: Callable[[list[Batch]], Any]) -> list[Batch]:
    """Take batches until there are enough."""
    held: list[Batch] = []
    deadline = time.monotonic() + 10
    while not enough(held):
        assert time.monotonic() < deadline, stream.health()
        batch = stream.take(0.2)
        if batch:
            held.append(batch)
    return held


def ticked(held: list[Batch]) -> dict[int, str]:
    return {t: mode_of(tick.packet) for each in held for t, tick in each.ticks.items()}


ALL = {"NSE:INFY": "full", "NSE:NIFTY 50": "full", "NSE:SBIN": "ltp"}


def test_ticks_come_in_their_modes_and_equal_what_the_exchange_says(sandbox: Running) -> None:
    by_key = tokens(sandbox)
    with following(sandbox, ALL) as stream:
        gathered(stream, lambda held: len(ticked(held)) == 3)
        health = stream.health()
        assert health.is_current
        assert len(health.connections) == 1
        wanted = {by_key[key]: mode for key, mode in ALL.items()}
        gathered(stream, lambda held: ticked(held) == wanted)
        quotes = stream.quotes({"NSE:INFY": by_key["NSE:INFY"]})
        theirs = sandbox.state.quotes(["NSE:INFY"])["NSE:INFY"]
        assert quotes["NSE:INFY"].previous_close == theirs.previous_close
        assert quotes["NSE:INFY"].open == theirs.open
        assert abs((quotes["NSE:INFY"].time - theirs.time).total_seconds()) < 5
        stream.follow({by_key["NSE:SBIN"]: "quote"})
        gathered(stream, lambda held: ticked(held).get(by_key["NSE:SBIN"]) == "quote")
        stream.leave([by_key["NSE:SBIN"]])
        until(lambda: by_key["NSE:SBIN"] not in subscribed(sandbox))
        stream.take()
        assert by_key["NSE:SBIN"] not in ticked(gathered(stream, lambda held: len(held) > 4))
        left_out = dict(stream.health().counts)
        # nothing the sandbox says in health is disbelieved
        assert set(left_out) <= {"merged", "duplicate", "not_subscribed"}, left_out


def test_an_order_update_arrives_once(sandbox: Running) -> None:
    sandbox.fault("order-update-twice")
    token = sandbox.token()
    with following(sandbox, {"NSE:INFY": "full"}, token=token) as stream:
        gathered(stream, ticked)
        reply = place(sandbox, token)
        updates = gathered(stream, lambda held: any(each.orders for each in held))
        rows = [row for each in updates for row in each.orders]
        assert {row["order_id"] for row in rows} == {reply}
        steps = [(row["status"], row["filled_quantity"]) for row in rows]
        assert len(steps) == len(set(steps))
        until(lambda: stream.health().counts.get("order_known", 0) >= 1)


def place(held: Running, token: str) -> str:
    reply = requests.post(
        f"{held.root}/orders/regular",
        headers={"Authorization": f"token {held.api_key}:{token}", "X-Kite-Version": "3"},
        data={
            "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "quantity": 1,
            "product": "CNC", "order_type": "LIMIT", "price": "1", "validity": "DAY",
        },
        timeout=10,
    )  # fmt: skip
    return str(reply.json()["data"]["order_id"])


def test_w2_w8_a_stalled_server_is_left_and_the_login_of_then_is_used(sandbox: Running) -> None:
    gaps: list[Gap] = []
    current = [sandbox.token()]
    with following(
        sandbox,
        {"NSE:INFY": "full"},
        fill=gaps.append,
        token=lambda: Login(sandbox.api_key, current[0]),
    ) as stream:
        gathered(stream, ticked)
        sandbox.expire()
        current[0] = sandbox.token()
        sandbox.fault("stall:4s:x1")
        began = time.monotonic()
        until(lambda: stream.health().connections[0].connections == 2)
        assert time.monotonic() - began < QUICK.message + QUICK.first + 1.5
        gathered(stream, ticked)
        assert [gap.reasons for gap in gaps] == [("no message",)]
        assert gaps[0].start < gaps[0].end


def test_w1_a_dropped_connection_comes_back_with_all_tokens_and_modes(sandbox: Running) -> None:
    asked: list[Gap] = []

    def fill(gap: Gap) -> None:
        asked.append(gap)
        if len(asked) == 1:
            raise TransientError("the book of orders did not answer")

    sandbox.fault("drop:1s")  # of connections that open from now on
    with following(sandbox, ALL, fill=fill) as stream:
        until(lambda: sandbox.played("drop"))
        sandbox.fault("")
        until(lambda: stream.health().connections[0].connections >= 2)
        with pytest.raises(TransientError):
            until(lambda: stream.take(0.1) and False)
        batch = next(batch for _ in range(100) if (batch := stream.take(0.1)))
        assert batch.gap is not None
        assert len(asked) >= 2  # again, before anything newer was handed out
        wanted = {tokens(sandbox)[key]: mode for key, mode in ALL.items()}
        gathered(stream, lambda held: ticked(held) == wanted)


def test_w3_forgotten_tokens_are_asked_for_again(sandbox: Running) -> None:
    with following(sandbox, ALL, hours=lambda *_: True) as stream:
        gathered(stream, lambda held: len(ticked(held)) == 3)
        until(lambda: subscribed(sandbox) == {tokens(sandbox)[k]: mode for k, mode in ALL.items()})
        sandbox.fault("forget-tokens:x1")
        until(lambda: sandbox.played("forget-tokens"))
        until(lambda: stream.health().connections[0].asked_again, QUICK.tick + 3)
        stream.take()
        assert len(ticked(gathered(stream, lambda held: len(ticked(held)) == 3))) == 3
        assert stream.health().connections[0].connections == 1


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ("garbage-packet", {"truncated", "unknown_length", "zero_length", "trailing"}),
        ("truncated-packet", {"truncated"}),
        ("count-lie", {"truncated"}),
        ("zero-length", {"zero_length"}),
        ("unknown-length", {"unknown_length"}),
        ("big-frame:x1", {"oversize"}),
        ("bad-text", {"bad_text"}),
        ("zero-price:0.5", {"zero_price"}),
        ("negative-price:0.5", {"negative_price"}),
        ("x10-price:0.5", {"outside_day", "jump"}),
        ("volume-down:0.5", {"volume_down"}),
        ("older-ticks:0.5", {"older"}),
        ("duplicate-ticks", {"duplicate"}),
        ("ws-error", {"error_text"}),
    ],
)
def test_w4_w5_w6_what_is_broken_is_counted_and_the_rest_used(
    sandbox: Running, fault: str, reasons: set[str]
) -> None:
    by_key = tokens(sandbox)
    low_high: list[tuple[float, float, float]] = []
    with following(sandbox, {"NSE:INFY": "full", "NSE:NIFTY 50": "full"}) as stream:
        gathered(stream, lambda held: len(ticked(held)) == 2)
        sandbox.fault(fault)
        until(lambda: reasons & set(stream.health().counts), 5)
        sandbox.fault("")
        for batch in gathered(stream, lambda held: by_key["NSE:INFY"] in ticked(held[1:])):
            for token, tick in batch.ticks.items():
                if token == by_key["NSE:INFY"]:
                    seen = quote_of(tick.packet, "NSE:INFY", tick.received)
                    assert seen.low is not None
                    assert seen.high is not None
                    assert seen.last_price is not None
                    low_high.append((seen.low, seen.last_price, seen.high))
        assert all(low <= last <= high for low, last, high in low_high)
        assert stream.health().connections[0].connections == 1


def test_w8_an_old_token_stops_the_stream_in_words_without_saying_it(
    sandbox: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []
    token = sandbox.token()

    def login() -> Login:
        asked.append(token)
        return Login(sandbox.api_key, token)

    with following(sandbox, {"NSE:INFY": "full"}, token=login) as stream:
        gathered(stream, ticked)
        sandbox.expire()
        sandbox.fault("stall:3s:x1")
        with pytest.raises(AuthError, match="login needed") as caught:
            until(lambda: stream.take(0.1) is None)
        assert caught.value.exit_code == 4
        assert stream.health().connections == ()  # nobody is left who could ask again
        assert len(asked) == 3  # at first, after the loss, and the second look
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("uvicorn")]
    assert any("refused" in line for line in ours)
    assert token not in " ".join(ours) + str(caught.value) + repr(stream) + repr(login())


def test_w8_too_many_connections_wait(sandbox: Running) -> None:
    sandbox.fault("ws-429:x2")
    with following(sandbox, {"NSE:INFY": "full"}) as stream:
        began = time.monotonic()
        gathered(stream, ticked)
        assert time.monotonic() - began >= 2 * QUICK.busy
        assert stream.health().connections[0].attempts == 3


def test_w9_a_consumer_that_stands_still_costs_no_memory(sandbox: Running) -> None:
    with following(sandbox, ALL) as stream:
        sandbox.fault("flood:1s")
        until(
            lambda: (
                stream.health().counts.get("merged", 0) + stream.health().counts.get("duplicate", 0)
                > 300
            )
        )
        health = stream.health()
        assert health.waiting_ticks <= 3
        sandbox.fault("")
        assert set(stream.take().ticks) == set(tokens(sandbox).values())


def test_it_closes_cleanly_and_at_once(sandbox: Running) -> None:
    with following(sandbox, ALL) as stream:
        gathered(stream, ticked)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert not any(thread.name == "kite-stream" for thread in threading.enumerate())
    assert stream.health().connections == ()
    stream.close()
