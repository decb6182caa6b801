"""The queue between runners and their taker: bounds, turns, counts, threads."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.runners._queue import SnapshotQueue
from tests.conftest import IST

START = datetime(2026, 11, 20, 10, 0, tzinfo=IST)


def snapshot(lane: str, key: str, number: int) -> Snapshot:
    """Return the `number`-th snapshot; its source names the lane, its moment the number."""
    instrument = Instrument(exchange=Exchange.NSE, tradingsymbol=key, asset_type=AssetType.EQUITY)
    at = START + timedelta(seconds=number)
    return Snapshot(instrument=instrument, as_of=at, source=lane, simulated=True)


def name(taken: Snapshot | None) -> tuple[str, str, int] | None:
    if taken is None:
        return None
    number = int((taken.as_of - START).total_seconds())
    return taken.source, taken.instrument.tradingsymbol, number


def filled(size: int, *items: tuple[str, str]) -> SnapshotQueue:
    queue = SnapshotQueue(size)
    for number, (lane, key) in enumerate(items):
        queue.put(lane, key, snapshot(lane, key, number))
    return queue


def drained(queue: SnapshotQueue) -> list[tuple[str, str, int]]:
    found = []
    while (taken := queue.take()) is not None:
        found.append(name(taken))
    return found


def test_lanes_take_turns() -> None:
    items = [("eq", "A"), ("eq", "B"), ("eq", "C"), ("ix", "N"), ("ix", "M")]
    assert [(lane, key) for lane, key, _ in drained(filled(9, *items))] == [
        ("eq", "A"), ("ix", "N"), ("eq", "B"), ("ix", "M"), ("eq", "C"),
    ]  # fmt: skip


def test_instruments_of_a_lane_take_turns_and_keep_their_own_order() -> None:
    queue = filled(9, ("eq", "A"), ("eq", "A"), ("eq", "A"), ("eq", "B"))
    assert drained(queue) == [("eq", "A", 0), ("eq", "B", 3), ("eq", "A", 1), ("eq", "A", 2)]


def test_nothing_is_dropped_before_it_is_full() -> None:
    queue = filled(3, ("eq", "A"), ("eq", "A"), ("eq", "A"))
    assert (queue.depth(), queue.dropped("eq")) == (3, 0)


def test_when_full_the_oldest_of_the_same_instrument_makes_room() -> None:
    queue = filled(3, ("eq", "A"), ("eq", "B"), ("ix", "N"), ("eq", "B"))
    assert (queue.depth(), queue.dropped("eq"), queue.dropped("ix")) == (3, 1, 0)
    assert drained(queue) == [("eq", "A", 0), ("ix", "N", 2), ("eq", "B", 3)]


def test_when_full_and_new_the_oldest_of_the_fullest_lane_makes_room() -> None:
    """A burst of one runner does not push out the few snapshots of another."""
    queue = filled(4, ("ix", "N"), *(("eq", f"S{n}") for n in range(20)))
    assert queue.dropped("ix") == 0
    assert queue.dropped("eq") == 17
    assert {item[:2] for item in drained(queue)} == {
        ("ix", "N"), ("eq", "S17"), ("eq", "S18"), ("eq", "S19")
    }  # fmt: skip


def test_the_same_name_in_another_lane_is_another_instrument() -> None:
    queue = filled(3, ("a", "X"), ("b", "Y"), ("b", "X"), ("c", "X"))
    # lane b is the fullest: its oldest goes, though c's newcomer is called X
    assert sorted(drained(queue)) == [("a", "X", 0), ("b", "X", 2), ("c", "X", 3)]


def test_an_instrument_renewed_all_the_time_starves_no_other() -> None:
    queue = filled(2, ("eq", "A"), ("eq", "B"))
    taken = []
    for number in range(2, 20, 2):
        taken.append(queue.take().instrument.tradingsymbol)
        queue.put("eq", "A", snapshot("eq", "A", number))
        queue.put("eq", "B", snapshot("eq", "B", number + 1))
    assert taken.count("A") in {4, 5}
    assert taken.count("B") in {4, 5}


def test_a_queue_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="holds none"):
        SnapshotQueue(0)


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("XYZ")) | st.none(), max_size=60),
)
def test_nothing_is_lost_or_made_up(size: int, steps: list[tuple[str, str] | None]) -> None:
    """Put = taken + dropped + waiting; never too full; an instrument's snapshots never overtake."""
    queue, put, taken = SnapshotQueue(size), 0, []
    for number, step in enumerate(steps):
        if step is None:
            got = queue.take()
            taken += [] if got is None else [name(got)]
        else:
            queue.put(*step, snapshot(*step, number))
            put += 1
        assert queue.depth() <= size
        assert queue.depth() == queue.depth("a") + queue.depth("b")
    waiting = queue.depth()
    dropped = queue.dropped("a") + queue.dropped("b")
    assert put == len(taken) + dropped + waiting
    taken += drained(queue)
    order = defaultdict(list)
    for lane, key, number in taken:
        order[lane, key].append(number)
    assert all(numbers == sorted(numbers) for numbers in order.values())


def test_take_waits_for_a_snapshot_and_no_longer() -> None:
    queue, got = SnapshotQueue(4), []
    waiter = threading.Thread(target=lambda: got.append(queue.take(10.0)))
    waiter.start()
    queue.put("eq", "A", snapshot("eq", "A", 1))
    waiter.join(5)
    assert name(got[0]) == ("eq", "A", 1)
    assert queue.take(0.01) is None


def test_close_lets_waiters_go_and_open_lets_them_wait_again() -> None:
    queue, got = SnapshotQueue(4), []
    waiter = threading.Thread(target=lambda: got.append(queue.take(None)))
    waiter.start()
    queue.close()
    waiter.join(5)
    assert got == [None]
    queue.put("eq", "A", snapshot("eq", "A", 1))
    assert name(queue.take(None)) == ("eq", "A", 1)  # what is queued can still be taken
    assert queue.take(None) is None
    queue.open()
    later = threading.Thread(target=lambda: got.append(queue.take(10.0)))
    later.start()
    queue.put("eq", "B", snapshot("eq", "B", 2))
    later.join(5)
    assert name(got[1]) == ("eq", "B", 2)


def test_many_threads_lose_nothing() -> None:
    queue, each, lanes = SnapshotQueue(10_000), 500, ("a", "b", "c")
    taken: list[tuple[str, str, int]] = []

    def put(lane: str) -> None:
        for number in range(each):
            queue.put(lane, f"S{number % 7}", snapshot(lane, f"S{number % 7}", number))

    def take() -> None:
        while (got := queue.take(5.0)) is not None:
            taken.append(name(got))

    threads = [threading.Thread(target=put, args=(lane,)) for lane in lanes]
    takers = [threading.Thread(target=take) for _ in range(2)]
    for thread in (*takers, *threads):
        thread.start()
    for thread in threads:
        thread.join(10)
    queue.close()
    for thread in takers:
        thread.join(10)
    assert len(taken) == len(set(taken)) == each * len(lanes)
    assert queue.depth() == 0
