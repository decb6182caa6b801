"""One wrong time or volume must not silence an instrument: rows W-5 and W-6 of the fault matrix."""

from __future__ import annotations

from collections import Counter

import pytest

from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.gate import Gate
from alphastock_cli.providers.kite.stream.words import disbelieved
from tests.unit.ticker_world import STAMP, frame, full, index, quote


def read(body: bytes) -> packets.Packet:
    (found,) = packets.decode(frame([body]), Counter())
    return found


def reasons(*steps: tuple[bytes, int]) -> list[str | None]:
    gate = Gate(Counter())
    return [gate.judge(read(body), now) for body, now in steps]


@pytest.mark.parametrize("made", [full, index])
@pytest.mark.parametrize(("ahead", "reason"), [(5, None), (6, "future"), (25 * 3600, "future")])
def test_a_time_ahead_of_now_is_believed_for_seconds(made, ahead: int, reason: str | None) -> None:
    assert reasons((made(stamp=STAMP + ahead), STAMP)) == [reason]


def test_one_time_ahead_silences_nothing() -> None:
    later = [(full(stamp=STAMP + n, volume=1000 + n), STAMP + n) for n in range(1, 4)]
    assert reasons((full(stamp=STAMP + 90_000), STAMP), *later) == ["future", None, None, None]


def volumes(*told: int) -> list[str | None]:
    return reasons(
        *((full(stamp=STAMP + n, volume=volume), STAMP + n) for n, volume in enumerate(told))
    )


def test_a_volume_that_the_next_ones_do_not_reach_is_taken_back() -> None:
    down = "volume_down"
    assert volumes(1000, 2**32 - 1, 1000, 1010, 1010, 1020) == [None, None, down, down, None, None]
    # three that agree, one after the other: nothing less
    assert volumes(1000, 5000, 1020, 1010, 1015, 1020) == [None, None, down, down, down, None]
    assert volumes(1000, 5000, 1010, 6000, 1010, 1020) == [None, None, down, None, down, down]
    # from then on it counts
    assert volumes(1000, 5000, 1000, 1000, 1010, 1005)[-1] == down


def test_less_than_what_was_believed_before_is_never_believed() -> None:
    assert set(volumes(1000, 1010, *[999] * 20)[2:]) == {"volume_down"}
    assert set(reasons(*[(quote(volume=v), STAMP) for v in (1000, 1010, 500, 500, 500)])[2:]) == {
        "volume_down"
    }


def test_what_was_believed_is_forgotten_with_the_connection_or_the_token() -> None:
    for forget in (Gate.reconnected, lambda gate: gate.forget(read(full())[0])):
        gate = Gate(Counter())
        assert gate.admit(read(full(stamp=STAMP + 4, volume=2**32 - 1)), STAMP)
        assert gate.judge(read(full(volume=1000)), STAMP) == "older"
        forget(gate)
        assert gate.judge(read(full(volume=1000)), STAMP) is None


def test_every_reason_has_its_words() -> None:
    gate = Gate(counts := Counter())
    bodies = [full(), full(), full(stamp=STAMP - 1), full(stamp=STAMP + 99), full(volume=9)]
    assert [gate.admit(read(body), STAMP) for body in bodies] == [True] + [False] * 4
    assert disbelieved(counts) == (
        "3 ticks not used (1 a time ahead of now, 1 an earlier time, 1 a volume that fell)"
    )
    assert disbelieved({"duplicate": 7, "merged": 9}) == ""
    assert disbelieved({"oversize": 1, "outside_day": -3}) == "1 tick not used (too large)"
