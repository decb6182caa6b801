"""A deadline over a whole call: it cuts what it holds, also where bytes trickle on."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from alphastock_cli.deadlines import Watch
from alphastock_cli.providers.kite import sockets

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_bytes_that_trickle_do_not_prolong_it(pair: Pair) -> None:
    ours, theirs = pair
    ours.settimeout(5.0)
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.02):
            try:
                theirs.sendall(b"x")
            except OSError:  # cut: the reader's end is gone
                return

    sender = threading.Thread(target=trickle)
    sender.start()
    began, got = time.monotonic(), 0
    with Watch(0.2) as watch:
        watch.hold(ours)
        while part := ours.recv(64):
            got += len(part)
    over.set()
    sender.join()
    assert got > 2  # the socket's own time-out had no reason to end it
    assert 0.15 < time.monotonic() - began < 2.0
    assert watch.rang
    with pytest.raises(TimeoutError):
        watch.check()


def test_a_connection_that_comes_too_late_is_cut_at_once(pair: Pair) -> None:
    with Watch(0.01) as watch:
        watch.hold(None)  # a pool that has none yet
        deadline = time.monotonic() + 5
        while not watch.rang and time.monotonic() < deadline:
            time.sleep(0.005)
        watch.hold(pair[0])
    pair[0].settimeout(5.0)
    assert pair[0].recv(1) == b""


def test_what_ends_in_time_is_left_alone(pair: Pair) -> None:
    ours, theirs = pair
    with Watch(0.05) as watch:
        watch.hold(ours)
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
    time.sleep(0.1)  # beyond the time it had
    watch.check()
    theirs.sendall(b"y")
    assert ours.recv(1) == b"y"


def test_a_connection_that_is_gone_is_no_error(pair: Pair) -> None:
    with Watch(0.01) as watch:
        watch.hold(pair[0])
        pair[0].close()
        time.sleep(0.05)
    assert watch.rang


def test_kites_watches_belong_to_their_threads(pair: Pair) -> None:
    ours, theirs = pair
    with sockets.Watch(30.0) as outer:
        sockets._hold(ours)
        assert outer._socket is ours

        def elsewhere() -> None:
            sockets._hold(theirs)  # nobody watches there
            with sockets.Watch(30.0) as inner:
                sockets._hold(theirs)
                assert inner._socket is theirs
            found.append("done")

        found: list[str] = []
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert found == ["done"]
        assert outer._socket is ours
    sockets._hold(theirs)
    assert outer._socket is ours  # over: it takes nothing any more


def test_it_loads_no_more_than_sockets_and_threads() -> None:
    code = (
        "import sys; import alphastock_cli.deadlines;"
        " print([m for m in sys.modules if m.partition('.')[0] in {'ssl', 'http', 'urllib',"
        " 'urllib3', 'requests'} or m.startswith('alphastock_cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['alphastock_cli.deadlines']"
