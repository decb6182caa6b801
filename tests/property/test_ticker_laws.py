"""Laws of the ticker: the SDK's values, coalescing, shards, order updates, the gate."""

from __future__ import annotations

import json
import random
import struct
from collections import Counter
from datetime import UTC, date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kiteconnect import KiteTicker

from alphastock_cli.errors import UsageError
from alphastock_cli.providers.kite.stream import columns, packets
from alphastock_cli.providers.kite.stream.forms import as_dict
from alphastock_cli.providers.kite.stream.gate import Gate
from alphastock_cli.providers.kite.stream.mailbox import Mailbox
from alphastock_cli.providers.kite.stream.orders import OrderUpdates
from alphastock_cli.providers.kite.stream.shards import Room, plan, room
from alphastock_cli.providers.kite.stream.texts import changes
from tests.unit.ticker_world import OPEN, frame

SDK = KiteTicker("key", "token")
SEGMENTS = sorted(packets.DIVISORS)


@pytest.mark.parametrize("length", list(packets.LENGTHS))
@pytest.mark.parametrize("segment", SEGMENTS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_field_is_the_sdks(length: int, segment: int, seed: int) -> None:
    # 10 messages of 50 packets: 500 of each layout in each segment
    dice = random.Random(seed)
    held = [_any_body(dice, length, segment) for _ in range(50)]
    message = frame(held)
    counts: Counter[str] = Counter()
    rows = packets.decode(message, counts)
    ticks = SDK._parse_binary(message)
    for tick in ticks:
        for name in ("last_trade_time", "exchange_timestamp"):
            if tick.get(name) is not None:
                tick[name] = tick[name].astimezone(UTC)
    assert [as_dict(row) for row in rows] == ticks
    assert not counts
    (batch,) = columns.decode(message, counts)
    assert batch.rows() == rows


def _any_body(dice: random.Random, length: int, segment: int) -> bytes:
    """Return a packet with any fields, a believable last price, and times that are set."""
    token = dice.randrange(2**24) << 8 | segment
    last = dice.choice([1, dice.randint(1, 10**6), packets.highest(token)])
    rest = bytes(length - 8) if dice.random() < 0.05 else dice.randbytes(length - 8)
    body = bytearray(struct.pack(">II", token, last) + rest)
    for at in {32: (28,), 184: (44, 60)}.get(length, ()):
        struct.pack_into(">I", body, at, dice.randint(1, 2**32 - 1))
    return bytes(body)


@given(st.binary(max_size=600))
def test_any_bytes_give_the_same_in_both_decoders(message: bytes) -> None:
    one: Counter[str] = Counter()
    other: Counter[str] = Counter()
    rows = packets.decode(message, one)
    held = [row for each in columns.decode(message, other) for row in each.rows()]
    assert sorted(rows) == sorted(held)
    assert one == other


# -- the mailbox ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 99), st.booleans()), max_size=60))
def test_coalescing_keeps_the_latest_and_counts_the_rest(steps: list[Any]) -> None:
    counts: Counter[str] = Counter()
    box = Mailbox(counts)
    waiting: dict[int, int] = {}
    seen = put = 0
    for token, price, taken in steps:
        box.put_ticks([(token, price)], OPEN)
        waiting[token] = price
        put += 1
        assert box.waiting[0] == len(waiting) <= 6
        if taken:
            ticks = box.take().ticks
            assert {t: tick.packet[1] for t, tick in ticks.items()} == waiting
            seen += len(ticks)
            waiting = {}
    assert put == seen + len(waiting) + counts["merged"]


@given(st.lists(st.integers(0, 9), max_size=50))
def test_order_updates_all_arrive_in_their_order(numbers: list[int]) -> None:
    box = Mailbox(Counter())
    for number in numbers:
        box.put_order({"n": number})
        box.put_ticks([(1, number + 1)], OPEN)
    assert [row["n"] for row in box.take().orders] == numbers


# -- shards ---------------------------------------------------------------------------------------

tokens = st.sets(st.integers(1, 60), max_size=24)
ROOM = Room(3, 8)


@given(tokens, tokens, st.randoms(use_true_random=False))
def test_laws_of_the_plan(first: set[int], second: set[int], dice: random.Random) -> None:
    shuffled = sorted(first)
    dice.shuffle(shuffled)
    held = plan(shuffled, within=ROOM)
    assert held == plan(sorted(first), within=ROOM)
    loads = Counter(held.values())
    assert set(held) == first
    assert len(loads) == -(-len(first) // 8)  # no more connections than needed
    assert not loads or max(loads.values()) - min(loads.values()) <= 1  # fair
    then = plan(second, held, within=ROOM)
    assert set(then) == second
    assert all(then[token] == held[token] for token in first & second)  # nothing moves
    assert all(n <= 8 for n in Counter(then.values()).values())
    assert plan(second, then, within=ROOM) == then


def test_more_than_9_000_are_refused_in_words() -> None:
    kites = room(date(2026, 11, 20))
    assert Counter(plan(range(9000), within=kites).values()) == {0: 3000, 1: 3000, 2: 3000}
    with pytest.raises(UsageError, match=r"9,001 instruments .* 9,000 in all") as caught:
        plan(range(9001), within=kites)
    assert caught.value.exit_code == 2


modes = st.dictionaries(st.integers(1, 12), st.sampled_from(["ltp", "quote", "full"]))


@given(modes, modes)
def test_requests_make_of_what_is_what_is_wanted(sent: Any, wanted: Any) -> None:
    server = dict(sent)
    for text in changes(sent, wanted):
        message = json.loads(text)
        if message["a"] == "subscribe":
            server.update({t: server.get(t, "quote") for t in message["v"]})
        elif message["a"] == "unsubscribe":
            for token in message["v"]:
                del server[token]
        else:
            server.update(dict.fromkeys(message["v"][1], message["v"][0]))
    assert server == wanted
    if sent == wanted:
        assert changes(sent, wanted) == []


# -- order updates --------------------------------------------------------------------------------

LIFE = [
    ("PUT ORDER REQ RECEIVED", 0), ("VALIDATION PENDING", 0), ("OPEN PENDING", 0), ("OPEN", 0),
    ("OPEN", 3), ("OPEN", 7), ("COMPLETE", 10),
]  # fmt: skip


@given(st.permutations(range(len(LIFE))), st.lists(st.integers(0, len(LIFE) - 1), max_size=10))
def test_updates_repeated_or_shuffled_end_the_same(order: list[int], again: list[int]) -> None:
    book = OrderUpdates()
    applied = []
    for at in [*order, *again]:
        status, filled = LIFE[at]
        row = {"order_id": "1", "status": status, "filled_quantity": filled}
        if book.news(row):
            applied.append(at)
    assert applied == sorted(set(applied))  # forward only, each once
    assert applied[-1] == len(LIFE) - 1
    if order == sorted(order):
        assert applied == list(range(len(LIFE)))


# -- the gate -------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40))
def test_believed_ticks_never_go_back(steps: list[tuple[int, int]]) -> None:
    """But a volume that three in a row do not reach, though they do the one before it."""
    gate, now = Gate(Counter()), int(OPEN.timestamp()) + 20
    before, earlier, fallen = (0, -1), 0, 0
    for second, volume in steps:
        row = [779521, 100, 1, 100, volume, 1, 1, 100, 110, 90, 95, 0, 0, 0, 0, now - 20 + second]
        reason = gate.judge(tuple(row + [0] * 30), now)
        fallen += reason == "volume_down"
        if reason is None:
            assert second >= before[0]
            assert (second, volume) != before
            if volume < before[1]:
                assert volume >= earlier
                assert fallen >= 2
            else:
                earlier = max(0, before[1])
            before, fallen = (second, volume), 0
