"""The ticker's rows of the fault matrix; how often and with which seed: `w_rows.py`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from tests.campaign import w_rows
from tests.campaign.counts import Counts
from tests.campaign.w_breaks import is_even
from tests.campaign.w_prices import MODES, kinds

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
    assert found.notes["the gap had to be read again"]
    assert found.notes["pauses of 8 s and more allowed"] >= 7
    assert 0.25 < found.worst["of the seconds that were allowed"] <= 1


def test_pauses_without_jitter_or_growth_would_be_seen() -> None:
    dice = random.Random(SEED)
    even = [dice.random() for _ in range(26)]
    assert is_even(even)
    assert not is_even([1.0] * 7)  # always the longest
    assert not is_even([share / 8 for share in even[:7]])  # never more than a second
    assert not is_even([0.5 + share / 2 for share in even])  # half of it is no chance


def test_w2_a_stall_is_noticed_within_ten_seconds_and_nothing_is_bought_on_it() -> None:
    found = run(w_rows.w2)
    assert found.worst["seconds until noticed"] <= 10
    for seen in ("shown as stale", "entries refused as stale", "filled by a later price"):
        assert found.notes[seen], seen


def test_w3_lost_tokens_are_asked_for_again_and_closed_markets_are_not() -> None:
    assert run(w_rows.w3).worst["seconds until asked again"] <= 30


def test_w4_broken_frames_do_no_harm() -> None:
    found = run(w_rows.w4)
    assert found.notes["truncated"]
    assert found.notes["oversize"]


def test_w5_repeated_and_late_ticks_move_no_candle_no_queue_and_no_fill() -> None:
    found = run(w_rows.w5)
    for seen in ("duplicate", "older", "units filled"):
        assert found.notes[seen], seen


def test_w6_impossible_prices_set_nothing_off_and_are_logged() -> None:
    found = run(w_rows.w6)
    wanted = {"zero_price", "negative_price", "outside_day", "volume_down", "jump"}
    assert wanted <= set(found.notes)
    assert found.notes["lines of the log"] > 1
    assert {f"{mode}: {kind}" for mode in MODES for kind in kinds(mode)} <= set(found.notes)


def test_w7_jumps_of_the_wall_clock_move_no_timer_and_sell_nothing_twice() -> None:
    assert run(w_rows.w7).worst["orders that closed the position"] == 1


def test_w8_a_refused_token_is_not_tried_twice_and_429_is_obeyed() -> None:
    run(w_rows.w8)


def test_w9_a_flood_is_bounded_and_no_order_is_lost() -> None:
    found = run(w_rows.w9)
    assert found.worst["growth of memory, per cent"] <= 10
    assert found.notes["writings of half a second"]


def test_w10_each_step_of_an_order_once() -> None:
    pytest.importorskip("starlette")
    assert run(w_rows.w10).notes["updates before their reply"]


def test_every_row_has_its_repetitions() -> None:
    assert set(w_rows.QUICK) == set(w_rows.RELEASE)
    assert len(w_rows.QUICK) == 10
