"""One connection: what it believes, how long it waits, what it says of itself; simulated time."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from alphastock_cli.providers.kite.stream.dialling import LoginRefused, NotLoggedIn, TooMany
from alphastock_cli.providers.kite.stream.state import State, trouble
from tests.unit.ticker_world import NIFTY, SBIN, STAMP, Desk, Wire, frame, full, index, simulated


class Highest(random.Random):
    """Draws the longest pause each time, and the least of other chances."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)

    def random(self) -> float:
        return 0.0


async def hold(desk: Desk, seconds: int) -> None:
    """Let heartbeats come, one a second."""
    for _ in range(seconds):
        await asyncio.sleep(1)
        desk.server.wire.push(b"\x00")


def test_the_snapshot_after_a_reconnect_is_used_though_it_says_the_same() -> None:
    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        for turn in range(2):
            await asyncio.sleep(5)
            desk.server.wire.push(frame([full(stamp=STAMP - turn, volume=1000 - turn)]))
            await asyncio.sleep(0.1)
            gap = desk.mailbox.gap()
            if gap is not None:
                desk.mailbox.filled(gap)
            assert desk.mailbox.take().ticks.keys() == {SBIN}, turn
            desk.server.wire.drop()
        assert desk.counts["duplicate"] == desk.counts["older"] == 0

    simulated(Desk().run(story, seconds=100.0))


def test_connections_that_end_at_once_are_tried_ever_more_seldom() -> None:
    desk = Desk(dice=Highest())

    async def refuse(wire: Wire) -> None:
        wire.drop()

    desk.server.behave = refuse

    async def story(_: Desk) -> None:
        await asyncio.sleep(3600)

    simulated(desk.run(story, seconds=200.0))
    pauses = [round(b - a) for a, b in pairwise(desk.server.times)]
    assert pauses[:7] == [1, 2, 4, 8, 16, 30, 30]


def test_one_that_stood_begins_anew() -> None:
    desk = Desk(dice=Highest())

    async def stay(wire: Wire) -> None:
        for _ in range(11):
            wire.push(b"\x00")
            await asyncio.sleep(1)
        wire.drop()

    desk.server.behave = stay

    async def story(_: Desk) -> None:
        await asyncio.sleep(3600)

    simulated(desk.run(story, seconds=100.0))
    assert {round(b - a) for a, b in pairwise(desk.server.times)} == {12}


def test_too_many_connections_rest_for_a_minute_at_least() -> None:
    desk = Desk(dice=Highest())
    desk.server.answers = lambda _: TooMany("refused with HTTP 429")

    async def story(_: Desk) -> None:
        await asyncio.sleep(3600)

    simulated(desk.run(story, seconds=250.0))
    assert [round(b - a) for a, b in pairwise(desk.server.times)] == [60, 60, 60, 60]


def test_a_message_too_large_is_left_out_whole_and_the_next_one_used() -> None:
    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        await asyncio.sleep(1)
        one = frame([full()])[2:]
        times = 2 * 1024**2 // len(one) + 1
        desk.server.wire.push(times.to_bytes(2, "big") + one * times)
        await asyncio.sleep(0.1)
        assert desk.counts["oversize"] == 1
        assert desk.mailbox.waiting == (0, 0)
        desk.server.wire.push(frame([full()]))
        await asyncio.sleep(0.1)
        assert desk.mailbox.waiting == (1, 0)

    simulated(Desk().run(story, seconds=100.0))


def test_a_packet_that_is_not_believed_is_no_tick_and_the_same_again_is_one() -> None:
    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        await asyncio.sleep(1)
        desk.server.wire.push(frame([full()]))
        for second in range(1, 20):
            await asyncio.sleep(1)
            desk.server.wire.push(frame([full(stamp=STAMP - second)]))
        await asyncio.sleep(0.5)
        assert desk.counts["older"] == 19
        assert desk.ticker.state().tick_age == pytest.approx(19.5)
        assert "without a price for 20 s" in trouble(desk.ticker.state(), moving=True)
        assert desk.ticker.state().asked_again == 0
        await asyncio.sleep(1.5)
        assert desk.ticker.state().asked_again == 1  # and what was believed is forgotten
        desk.server.wire.push(frame([full(stamp=STAMP - 30)]))
        await asyncio.sleep(0.1)
        assert desk.ticker.state().tick_age == pytest.approx(0.1)
        await asyncio.sleep(3)
        desk.server.wire.push(frame([full(stamp=STAMP - 30)]))
        await asyncio.sleep(0.1)
        assert desk.counts["duplicate"] == 1
        assert desk.ticker.state().tick_age == pytest.approx(0.1)

    simulated(Desk().run(story, seconds=100.0))


def test_a_clock_known_to_be_behind_believes_what_is_ahead_of_it() -> None:
    for behind, believed in ((0.0, 0), (60.0, 1), (-60.0, 0)):

        async def story(desk: Desk, believed: int = believed) -> None:
            desk.ticker.want({NIFTY: "full"})
            await asyncio.sleep(1)
            desk.server.wire.push(frame([index(stamp=STAMP + 60)]))
            desk.server.wire.push(frame([full()]))
            await asyncio.sleep(0.1)
            assert desk.mailbox.waiting[0] == believed
            assert desk.counts["future"] == 1 - believed

        simulated(Desk(behind=lambda b=behind: b).run(story, seconds=10.0))


def test_the_refused_login_is_named_to_whoever_handles_it() -> None:
    desk = Desk()
    desk.server.answers = lambda _: NotLoggedIn("refused with HTTP 403")

    async def story(_: Desk) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(LoginRefused) as caught:
        simulated(desk.run(story, seconds=10.0))
    assert caught.value.login.access_token == desk.token
    assert desk.token not in str(caught.value) + repr(caught.value.login)
    assert caught.value.hint == "Run `alphastock login`."


def test_a_connection_tells_how_long_it_stands_and_what_it_brought() -> None:
    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        await hold(desk, 3)
        assert desk.ticker.state().stood == pytest.approx(3.0)
        assert not desk.ticker.has_ticked(SBIN)
        desk.server.wire.push(frame([full()]))
        await asyncio.sleep(0.1)
        assert desk.ticker.has_ticked(SBIN)
        desk.server.wire.drop()
        await asyncio.sleep(0.001)
        assert not desk.ticker.has_ticked(SBIN)
        await asyncio.sleep(2)
        assert desk.ticker.state().name == "up"
        assert desk.ticker.state().stood == pytest.approx(1.0, abs=1.0)
        assert not desk.ticker.has_ticked(SBIN)  # what the one before brought does not count

    simulated(Desk().run(story, seconds=10.0))


@pytest.mark.parametrize(
    ("state", "moving", "words"),
    [
        (State(), True, "not connected"),
        (State(name="waiting", last_error="no message"), True, "not connected (no message)"),
        (State(name="up", stood=1.0, message_age=0.1), True, ""),
        (State(name="up", stood=30.0, message_age=5.0, tick_age=5.0), True, "silent for 5 s"),
        (State(name="up", stood=7.0, message_age=0.1), True, "without a price for 7 s"),
        (State(name="up", stood=90.0, message_age=0.1, tick_age=6.0), True,
         "without a price for 6 s"),
        (State(name="up", stood=90.0, message_age=0.1, tick_age=60.0), False, ""),
        # the last tick was of the connection before
        (State(name="up", stood=2.0, message_age=0.1, tick_age=60.0), True, ""),
    ],
)  # fmt: skip
def test_what_is_called_trouble(state: State, words: str, *, moving: bool) -> None:
    assert trouble(state, moving=moving) == words
