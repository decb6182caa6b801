"""What went wrong on the wire, in words; and that all tries of a read end within a minute (R-1)."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from pathlib import Path

import pytest

from alphastock_cli.errors import TransientError
from tests.conftest import ManualClock
from tests.unit.kite_host import NOW, Answer, Host, bad, client, hosting, raw, reply

HALF = gzip.compress(b'{"status":"success","data":{"user_id":"A","exchanges":[]}}\n' * 9)[:-9]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def reset(held: socket.socket) -> None:
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    held.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [(raw(b"", close=True), "the connection was closed without an answer"),
     (reset, "the connection broke off"),
     (raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
          close=True), "the answer broke off"),
     (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", close=True),
      "the answer (broke off|is damaged)"),
     (reply(b"not gzip at all", Content_Encoding="gzip"), "the packed answer is damaged"),
     (reply(HALF, Content_Encoding="gzip"), "the packed answer broke off"),
     (raw(b"\x00\xff garbage\r\n\r\n", close=True), "what answered does not speak HTTP")],
)  # fmt: skip
def test_the_cause_is_told_in_words(
    tmp_path: Path, clock: ManualClock, answer: Answer, words: str
) -> None:
    """Also where the call is made while another error is dealt with: that one is no cause."""
    with hosting(answer) as host:
        made = client(tmp_path, host.root, clock)
        try:
            _ = {}["another"]
        except KeyError:
            with pytest.raises(TransientError, match=f"asked \\(GET /user/profile\\): {words}$"):
                made.profile()
        made.close()
    assert len(host.heads) == 5


def test_a_refused_connection_and_an_unknown_name_are_told(
    tmp_path: Path, clock: ManualClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        root = f"http://127.0.0.1:{free.getsockname()[1]}"
    nameless = "http://" + ".".join(["a" * 50] * 6) + ":80"  # longer than a name may be
    for where, words in ((root, "the connection was refused"), (nameless, "host's name")):
        made = client(tmp_path, where, clock)
        with pytest.raises(TransientError, match=words):
            made.profile()


def test_all_tries_together_end_within_a_minute(tmp_path: Path, clock: ManualClock) -> None:
    """R-1: the last try has what is left of the minute, not a deadline of its own."""
    begun = time.monotonic()

    class Slow(Host):
        def answer(self, _: str) -> Answer:
            if len(self.heads) == 1:
                clock.sleep(58.9)
                return bad(503, "GeneralException")
            return lambda _: time.sleep(3)

    host = Slow()
    made = client(tmp_path, host.root, clock)
    with pytest.raises(TransientError, match="no whole answer within 1 s"):
        made.profile()
    assert len(host.heads) == 2
    assert time.monotonic() - begun < 2.5
    made.close()
    host.close()
