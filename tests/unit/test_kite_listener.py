"""The login's listener among slow senders, a crowd and refusals: it ends when it has to (SEC-6)."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.errors import AlphaStockError, AuthError
from alphastock_cli.providers.kite.login import Listener, token_of

STATE = "a" * 32
GOOD = f"/back?request_token=canaryrequest44&state={STATE}&status=success"
DENIED = f"/back?status=error&message=The+user+said+no&state={STATE}"


class Waiting:
    """A listener at work in a thread, and what came of it."""

    def __init__(self, seconds: float, patience: float = 4.0) -> None:
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.port = int(held.getsockname()[1])
        self.listener = Listener(
            f"http://127.0.0.1:{self.port}/back", "http://127.0.0.1:1/", STATE, SystemClock(),
            patience=patience,
        )  # fmt: skip
        self.found: list[object] = []
        self.begun, self.seconds = time.monotonic(), seconds
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self) -> None:
        try:
            self.found.append(self.listener.wait(self.seconds))
        except AlphaStockError as error:
            self.found.append(error)

    def ask(self, target: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as link:
            link.request("GET", target)
            answer = link.getresponse()
            return answer.status, answer.read().decode()

    def dial(self, data: bytes = b"GET / HTTP/1.1\r\nX: ") -> socket.socket:
        held = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        held.sendall(data)
        return held

    def end(self) -> tuple[object, float]:
        """Return what came of it, and the seconds after which it did."""
        self.thread.join(10)
        assert not self.thread.is_alive(), "it listens on"
        return self.found[0], time.monotonic() - self.begun


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    made = Waiting(20.0)
    yield made
    made.listener.refusal = AuthError("over")
    made.thread.join(5)


def test_a_slow_sender_does_not_hold_up_the_browser(waiting: Waiting) -> None:
    with waiting.dial(), waiting.dial(b""):
        begun = time.monotonic()
        assert waiting.ask(GOOD)[0] == 200
        assert time.monotonic() - begun < 1.0
        found, _ = waiting.end()
    assert found == "canaryrequest44"


def test_the_end_comes_whoever_is_slow() -> None:
    waiting = Waiting(0.6)
    with waiting.dial() as held:
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.1):
                try:
                    held.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        found, took = waiting.end()
        stop.set()
        thread.join()
    assert isinstance(found, AuthError)
    assert "nobody came back" in found.what
    assert took < 1.5
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", waiting.port), timeout=1)


def test_one_byte_at_a_time_is_cut_off() -> None:
    waiting = Waiting(20.0, patience=0.4)
    begun = time.monotonic()
    with waiting.dial() as held, suppress(OSError):
        while time.monotonic() - begun < 5:
            held.sendall(b"x")
            time.sleep(0.05)
    assert time.monotonic() - begun < 2.0
    assert waiting.ask(GOOD)[0] == 200
    assert waiting.end()[0] == "canaryrequest44"


def test_a_crowd_does_not_shut_the_browser_out(waiting: Waiting) -> None:
    crowd = [waiting.dial() for _ in range(40)]
    assert waiting.ask(GOOD)[0] == 200
    assert waiting.end()[0] == "canaryrequest44"
    for each in crowd:
        each.close()


def test_a_refusal_with_the_right_state_ends_it_at_once(waiting: Waiting) -> None:
    assert waiting.ask(DENIED.replace(STATE, "b" * 32))[0] == 403
    assert waiting.ask("/back?status=error")[0] == 403
    assert waiting.found == []
    status, page = waiting.ask(DENIED)
    assert status == 401
    assert "Not logged in" in page
    found, took = waiting.end()
    assert isinstance(found, AuthError)
    assert found.exit_code == 4
    assert "refused: The user said no" in found.what
    assert took < 3.0


def test_of_two_answers_at_once_one_is_taken(waiting: Waiting) -> None:
    pages: list[int] = []

    def ask(number: int) -> None:
        try:
            pages.append(waiting.ask(GOOD.replace("44", f"{number:02}"))[0])
        except (OSError, http.client.HTTPException):  # too late: the listener has closed
            pages.append(0)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert pages.count(200) == 1
    assert str(waiting.end()[0]).startswith("canaryrequest")


def test_a_pasted_refusal_is_one() -> None:
    with pytest.raises(AuthError, match="refused: The user said no"):
        token_of(f"http://127.0.0.1:5000{DENIED}", STATE)
