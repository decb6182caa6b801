"""A question aside: whoever waits for its answer is not held up by it."""

from __future__ import annotations

import threading
import time

import pytest

from alphastock_cli.errors import AuthError, TransientError
from alphastock_cli.providers.kite.stream.aside import Aside
from tests.conftest import IST, ManualClock
from tests.unit.ticker_world import OPEN


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(OPEN.astimezone(IST))


def test_an_answer_in_time_is_returned_and_what_it_raises_raised(clock: ManualClock) -> None:
    aside: Aside[int] = Aside(clock, what="a call")
    assert aside.ask(lambda: 1, seconds=5) == 1

    def refused() -> int:
        raise AuthError("login needed")

    with pytest.raises(AuthError, match="login needed"):
        aside.ask(refused, seconds=5)
    assert aside.ask(lambda: 2, seconds=5) == 2


def test_what_takes_long_is_waited_for_once_and_asked_once(clock: ManualClock) -> None:
    aside: Aside[int] = Aside(clock, what="a call for quotes")
    over, begun = threading.Event(), []

    def slow() -> int:
        begun.append(1)
        over.wait(10)
        return len(begun)

    with pytest.raises(TransientError, match="no answer to a call for quotes for 0 s"):
        aside.ask(slow, seconds=0.05)
    clock.sleep(4.0)
    began = time.monotonic()
    with pytest.raises(TransientError, match="for 4 s"):
        aside.ask(slow, seconds=30.0)  # not waited for again
    assert time.monotonic() - began < 1
    over.set()
    deadline = time.monotonic() + 5
    while True:
        try:
            found = aside.ask(lambda: 99, seconds=5)
            break
        except TransientError:
            assert time.monotonic() < deadline
    assert (found, begun) == (1, [1])  # the answer to the first question
    assert aside.ask(lambda: 99, seconds=5) == 99
