"""The ticker's rows of the fault matrix; how often and with which seed: `w_rows.py`."""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.campaign import w_rows
from tests.campaign.counts import Counts

SEED = int(os.environ.get("ALPHASTOCK_CAMPAIGN_SEED", "1"))


def run(row: Callable[[int, int], Counts]) -> Counts:
    asked = os.environ.get("ALPHASTOCK_CAMPAIGN", "")
    times = w_rows.RELEASE[row] if asked == "release" else w_rows.QUICK[row] * int(asked or 1)
    found = row(times, SEED)
    print(found)  # noqa: T201 - the table of a campaign, shown by -s and with failures
    assert found.tried == times
    assert found.failed == 0, found
    return found


def test_w1_drops_are_followed_by_all_tokens_and_a_gap() -> None:
    found = run(w_rows.w1)
    assert found.notes["distinct pauses"] > found.tried / 2  # jitter


def test_w2_a_stall_is_noticed_within_ten_seconds() -> None:
    assert run(w_rows.w2).worst["seconds until noticed"] <= 10


def test_w3_lost_tokens_are_asked_for_again_and_closed_markets_are_not() -> None:
    assert run(w_rows.w3).worst["seconds until asked again"] <= 30


def test_w4_broken_frames_do_no_harm() -> None:
    found = run(w_rows.w4)
    assert found.notes["truncated"]
    assert found.notes["oversize"]


def test_w5_repeated_and_late_ticks_move_no_candle() -> None:
    found = run(w_rows.w5)
    assert found.notes["duplicate"]
    assert found.notes["older"]


def test_w6_impossible_prices_are_not_believed() -> None:
    found = run(w_rows.w6)
    assert {"zero_price", "negative_price", "outside_day", "volume_down"} <= set(found.notes)


def test_w7_jumps_of_the_wall_clock_move_no_timer() -> None:
    run(w_rows.w7)


def test_w8_a_refused_token_is_not_tried_twice_and_429_is_obeyed() -> None:
    run(w_rows.w8)


def test_w9_a_flood_is_bounded_and_no_order_is_lost() -> None:
    assert run(w_rows.w9).worst["growth of memory, per cent"] <= 10


def test_w10_each_step_of_an_order_once() -> None:
    run(w_rows.w10)


def test_every_row_has_its_repetitions() -> None:
    assert set(w_rows.QUICK) == set(w_rows.RELEASE)
    assert len(w_rows.QUICK) == 10
