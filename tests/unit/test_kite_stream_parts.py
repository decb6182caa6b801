"""The small parts of the ticker: gate, order updates, hours, watchdog, mailbox."""

from __future__ import annotations

import struct
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from alphastock_cli.errors import AuthError
from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.gate import Gate
from alphastock_cli.providers.kite.stream.hours import moves
from alphastock_cli.providers.kite.stream.mailbox import Gap, Mailbox
from alphastock_cli.providers.kite.stream.orders import OrderUpdates
from alphastock_cli.providers.kite.stream.watchdog import Watchdog
from tests.unit.ticker_world import IST, NIFTY, OPEN, SBIN, STAMP, frame, full, index, ltp, quote

NOW = STAMP + 1


def packet(body: bytes) -> packets.Packet:
    (found,) = packets.decode(frame([body]), Counter())
    return found


def judged(*bodies: bytes) -> tuple[list[bool], dict[str, int]]:
    counts: Counter[str] = Counter()
    gate = Gate(counts)
    return [gate.admit(packet(body), NOW) for body in bodies], dict(counts)


@pytest.mark.parametrize(
    ("bodies", "admitted", "reason"),
    [
        ([full(), full()], [True, False], "duplicate"),
        ([full(), full(stamp=STAMP - 1, volume=2000)], [True, False], "older"),
        ([index(), index(stamp=STAMP - 3600)], [True, False], "older"),
        ([full(), full(volume=999, stamp=STAMP + 1)], [True, False], "volume_down"),
        ([quote(), quote(volume=999)], [True, False], "volume_down"),
        ([full(stamp=STAMP + 27 * 3600)], [False], "future"),
        ([ltp(last=100), ltp(last=1000), ltp(last=101)], [True, False, True], "jump"),
        ([ltp(last=100), ltp(last=10), ltp(last=99)], [True, False, True], "jump"),
    ],
)
def test_what_is_not_believed(bodies: list[bytes], admitted: list[bool], reason: str) -> None:
    assert judged(*bodies) == (admitted, {reason: 1})


@pytest.mark.parametrize("made", [full, quote, index])
def test_ten_times_the_price_lies_outside_its_day(made: Any) -> None:
    body = bytearray(made())
    (last,) = struct.unpack_from(">I", body, 4)
    struct.pack_into(">I", body, 4, last * 10)
    assert judged(bytes(body)) == ([False], {"outside_day": 1})


def test_the_same_again_without_a_time_says_that_it_still_is_so() -> None:
    assert judged(ltp(), ltp(), quote(), quote()) == ([True] * 4, {})


def test_a_price_of_minus_one_in_the_book_is_not_believed() -> None:
    body = bytearray(full())
    struct.pack_into(">I", body, 64 + 4, 2**32 - 1)
    assert judged(bytes(body)) == ([False], {"bad_price": 1})


def test_a_jump_that_stays_is_the_price() -> None:
    held = [ltp(last=5), *[ltp(last=60 + n) for n in range(4)]]
    assert judged(*held) == ([True, False, False, True, True], {"jump": 2})


def test_a_new_day_begins_with_its_own_volume() -> None:
    tomorrow = STAMP + 3 * 86400
    assert judged(full(volume=10**6), full(volume=5, stamp=tomorrow))[0] == [True, False]  # future
    gate = Gate(Counter())
    assert gate.admit(packet(full(volume=10**6)), NOW)
    assert gate.admit(packet(full(volume=5, stamp=tomorrow)), tomorrow)


# -- order updates --------------------------------------------------------------------------------


def row(status: str, filled: int = 0, **more: Any) -> dict[str, Any]:
    return {"order_id": "240814000000001", "status": status, "filled_quantity": filled, **more}


def test_a_changed_order_is_news_and_its_repetition_is_not() -> None:
    book = OrderUpdates()
    told = [
        row("OPEN", price=100, order_timestamp="2026-08-14 10:00:00"),
        row("MODIFY PENDING", price=100, order_timestamp="2026-08-14 10:00:05"),
        row("OPEN", price=101, order_timestamp="2026-08-14 10:00:06"),
        row("OPEN", price=101, order_timestamp="2026-08-14 10:00:06"),
        row("OPEN", price=100, order_timestamp="2026-08-14 10:00:00"),
    ]
    assert [book.news(each) for each in told] == [True, True, True, False, False]


def test_a_trigger_can_be_changed_and_waits_on() -> None:
    book = OrderUpdates()
    told = [
        row("TRIGGER PENDING", trigger_price=90),
        row("MODIFY PENDING", trigger_price=90),
        row("TRIGGER PENDING", trigger_price=91),
        row("OPEN", trigger_price=91),
        row("TRIGGER PENDING", trigger_price=91),
    ]
    assert [book.news(each) for each in told] == [True, True, True, True, False]


def test_a_fill_after_the_end_is_still_news() -> None:
    book = OrderUpdates()
    assert book.news(row("CANCELLED", 5))
    assert not book.news(row("OPEN", 5))
    assert book.news(row("COMPLETE", 10))


@pytest.mark.parametrize(
    "bad",
    [{}, row("OPEN") | {"order_id": 7}, row("OPEN") | {"filled_quantity": "1"},
     row("OPEN", -1), row("OPEN") | {"status": None}, row("OPEN") | {"order_id": "x" * 10}],
)  # fmt: skip
def test_what_is_no_order_is_said(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="order"):
        OrderUpdates().news(bad)


# -- hours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "at", "expected"),
    [
        (1, datetime(2026, 8, 14, 11, 0, tzinfo=IST), True),
        (1, datetime(2026, 8, 14, 9, 5, tzinfo=IST), False),  # pre-open
        (1, datetime(2026, 8, 14, 15, 20, tzinfo=IST), False),  # frozen by the closing auction
        (9, datetime(2026, 8, 14, 15, 20, tzinfo=IST), False),
        (2, datetime(2026, 8, 14, 15, 20, tzinfo=IST), True),  # contracts trade on
        (2, datetime(2026, 8, 14, 15, 45, tzinfo=IST), False),
        (7, datetime(2026, 8, 14, 20, 0, tzinfo=IST), True),
        (1, datetime(2026, 8, 15, 11, 0, tzinfo=IST), False),  # a Saturday, and a holiday
        (1, datetime(1990, 1, 1, 11, 0, tzinfo=IST), False),  # beyond the tables
        (10, datetime(2026, 8, 14, 11, 0, tzinfo=IST), False),  # nobody knows the segment
    ],
)
def test_when_a_price_can_be_expected_to_move(code: int, at: datetime, *, expected: bool) -> None:
    assert moves(code, at) is expected


# -- the watchdog ---------------------------------------------------------------------------------


def watchdog() -> Watchdog:
    return Watchdog(tick_seconds=20, token_seconds=25)


def test_all_silent_are_asked_for_again_then_the_connection_is_given_up() -> None:
    dog = watchdog()
    dog.subscribed([SBIN, NIFTY], 0.0)
    dog.judge({1, 9}, 0.0)
    assert dog.judge({1, 9}, 19.0).ask == ()
    assert dog.judge({1, 9}, 20.0).ask == (SBIN, NIFTY)
    assert not dog.judge({1, 9}, 23.0).reconnect
    assert dog.judge({1, 9}, 26.0).reconnect


def test_a_tick_after_the_second_asking_ends_the_alarm() -> None:
    dog = watchdog()
    dog.subscribed([SBIN], 0.0)
    dog.judge({1}, 0.0)
    assert dog.judge({1}, 20.0).ask
    dog.ticked(SBIN, 21.0)
    assert not dog.judge({1}, 40.9).ask
    assert dog.judge({1}, 41.0).ask


def test_a_closed_market_is_silent_without_fault() -> None:
    dog = watchdog()
    dog.subscribed([SBIN], 0.0)
    assert dog.judge(set(), 5000.0) == dog.judge(set(), 9000.0)
    assert not dog.judge({1}, 9001.0).ask  # it has just opened
    assert not dog.judge({1}, 9020.0).ask
    assert dog.judge({1}, 9021.5).ask


def test_one_liquid_token_is_missed_and_an_illiquid_one_is_not() -> None:
    dog = watchdog()
    slow = (7 << 8) | 1
    dog.subscribed([SBIN, NIFTY, slow], 0.0)
    dog.ticked(slow, 0.0)
    for second in range(1, 30):
        dog.ticked(SBIN, second)
        dog.ticked(NIFTY, second)
        assert not dog.judge({1, 9}, float(second)).ask
    for second in range(30, 60):
        dog.ticked(NIFTY, second)
        asked = dog.judge({1, 9}, float(second)).ask
        assert asked == ((SBIN,) if second == 54 else ())


def test_a_subscription_that_was_never_answered_is_repeated() -> None:
    dog = watchdog()
    mute = (7 << 8) | 1
    dog.subscribed([SBIN, mute], 0.0)
    asked = []
    for second in range(100):
        dog.ticked(SBIN, float(second))
        asked += [(second, token) for token in dog.judge({1}, float(second)).ask]
    assert asked == [(25, mute), (50, mute)]


def test_alarms_that_change_nothing_become_rarer() -> None:
    dog = watchdog()
    dog.subscribed([SBIN], 0.0)
    dog.ticked(SBIN, 0.0)
    alarms = []
    for second in range(2000):
        verdict = dog.judge({1}, float(second))
        if verdict.ask:
            alarms.append(second)
        if verdict.reconnect:
            dog.connected(float(second))
    assert len(alarms) <= 7
    assert alarms[0] == 20


# -- the mailbox ----------------------------------------------------------------------------------


def test_nothing_is_handed_out_before_the_gap_is_filled() -> None:
    box = Mailbox(Counter())
    box.put_ticks([(SBIN, 1)], OPEN)
    first = Gap(OPEN, OPEN + timedelta(seconds=5), ("closed",))
    box.put_gap(first)
    assert not box.take()
    box.put_gap(Gap(OPEN, OPEN + timedelta(seconds=9), ("no message",)))
    box.filled(first)  # another came meanwhile: it is not filled
    assert not box.take()
    joined = box.gap()
    assert joined is not None
    assert joined.reasons == ("closed", "no message")
    assert joined.end == OPEN + timedelta(seconds=9)
    box.filled(joined)
    assert box.take(joined).ticks.keys() == {SBIN}


def test_the_end_is_told_after_what_waits() -> None:
    box = Mailbox(Counter())
    box.put_order({"order_id": "1"})
    box.end(AuthError("login needed"))
    assert box.take().orders
    with pytest.raises(AuthError):
        box.take()
