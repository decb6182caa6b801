"""A fetch that compares its answers with what is known: stored candles, other answers, days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.actions.fetch_candles import fetch_candles
from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.domain.frames import EQUITIES_DAY, conform
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.errors import DamagedData, PartlyDone, TransientError
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock
from tests.unit.seam_world import (
    DATASET,
    FIRST,
    HALF,
    LAST,
    NEXT,
    NOW,
    SESSIONS,
    Broker,
    Row,
    asked,
    half,
    instead,
    reasons,
    stored,
    truth,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def broker(clock: ManualClock) -> Broker:
    return Broker(clock)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


# -- the same ------------------------------------------------------------------------------------


def test_a_call_overlaps_one_stored_session_and_counts_it_nowhere(
    broker: Broker, lake: Lake
) -> None:
    half(broker, lake)
    done = fetch_history(broker, lake, broker.clock, asked())
    assert broker.calls == [("SBIN", (HALF, LAST))]
    new = truth(broker, "SBIN", (NEXT, LAST))
    assert done.summary["added"] == len(new) == done.rows[0]["rows"]
    assert done.summary["changed"] == done.summary["unchanged"] == 0
    assert stored(lake) == truth(broker, "SBIN")


def test_a_hole_overlaps_on_both_sides_and_costs_no_call(broker: Broker, lake: Lake) -> None:
    fetch_history(broker, lake, broker.clock, asked(last=SESSIONS[4]))
    fetch_history(broker, lake, broker.clock, asked(first=SESSIONS[10]))
    broker.calls.clear()
    plan = show_plan(broker, lake, asked())
    assert plan.summary["calls"] == 1
    fetch_history(broker, lake, broker.clock, asked())
    assert broker.calls == [("SBIN", (SESSIONS[4], SESSIONS[10]))]
    assert stored(lake) == truth(broker, "SBIN")


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 8, 13])
def test_no_call_spans_more_than_it_may_and_none_is_added(
    clock: ManualClock, lake: Lake, longest: int
) -> None:
    broker = Broker(clock, longest=longest)
    for last in (SESSIONS[2], SESSIONS[9], LAST):
        calls = show_plan(broker, lake, asked(last=last)).summary["calls"]
        broker.calls.clear()
        fetch_history(broker, lake, clock, asked(last=last))
        assert len(broker.calls) == calls
        assert all((b - a).days < longest for _, (a, b) in broker.calls)
    assert stored(lake) == truth(broker, "SBIN")


@pytest.mark.parametrize("longest", [8, 10, 13])
def test_where_room_is_scarce_the_call_beside_what_is_stored_has_it(
    clock: ManualClock, lake: Lake, longest: int
) -> None:
    broker = Broker(clock, longest=longest)
    fetch_history(broker, lake, clock, asked(last=SESSIONS[3]))
    broker.calls.clear()
    calls = show_plan(broker, lake, asked()).summary["calls"]
    fetch_history(broker, lake, clock, asked())
    assert len(broker.calls) == calls
    assert broker.calls[0][1][0] == SESSIONS[3]


def test_what_was_revised_of_the_overlap_is_replaced_and_told(broker: Broker, lake: Lake) -> None:
    half(broker, lake)

    def revised(_: str, rows: list[Row]) -> list[Row]:
        last = [row for row in rows if row[0][:10] == str(HALF)][-3:]
        for row in last:
            row[4], row[5] = row[3], row[5] + 7
        return rows

    broker.spoil = revised
    done = fetch_history(broker, lake, broker.clock, asked())
    assert done.summary["changed"] == 3
    assert any("3 stored candles were revised" in text for text in done.warnings)
    true = truth(broker, "SBIN")
    assert sum(row != true[key] for key, row in stored(lake).items()) == 3


def test_a_file_laid_over_answers_is_no_witness(broker: Broker, lake: Lake, tmp_path: Path) -> None:
    """Another vendor's candles differ in nearly every value, and so they may."""
    half(broker, lake)
    file = tmp_path / "SBIN.csv"
    rows = [f"{key[1]:%Y-%m-%d %H:%M:%S},{o + .3},{h + .35},{low - .3},{c + .3},{v}"
            for key, (o, h, low, c, v) in truth(broker, "SBIN").items()
            if SESSIONS[7] <= key[1].date() <= HALF]  # fmt: skip
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    fetch_candles(lake, broker.clock, file, symbol="SBIN", interval="15minute")
    fetch_history(broker, lake, broker.clock, asked())
    assert broker.calls == [("SBIN", (SESSIONS[6], LAST))]  # the last session that is Kite's own
    new = truth(broker, "SBIN", (NEXT, LAST))
    assert {key: row for key, row in stored(lake).items() if key[1].date() >= NEXT} == new


# -- another share's -----------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["INFY", "TCS", "IDEA"])
def test_another_shares_answer_is_set_aside_whole_and_the_others_go_on(
    broker: Broker, lake: Lake, other: str
) -> None:
    before = half(broker, lake, "TCS", "SBIN", "INFY")
    broker.teller = instead("SBIN", other)
    with pytest.raises(PartlyDone, match="SBIN: not the candles of SBIN that are stored") as caught:
        fetch_history(broker, lake, broker.clock, asked("TCS", "SBIN", "INFY"))
    assert caught.value.exit_code == 75
    assert "those of 2 of 3 calls are" in caught.value.safe
    assert "--refetch" in caught.value.hint
    kept = {key: row for key, row in before.items() if key[0] == "SBIN"}
    assert stored(lake) == kept | truth(broker, "TCS") | truth(broker, "INFY")
    wrong = len(truth(broker, other, (HALF, LAST)))
    assert reasons(lake) == {"not the candles of SBIN that are stored": wrong}
    broker.teller = lambda symbol, _: symbol
    broker.calls.clear()
    done = fetch_history(broker, lake, broker.clock, asked("TCS", "SBIN", "INFY"))
    assert [symbol for symbol, _ in broker.calls] == ["SBIN"]
    assert done.summary["added"] == len(truth(broker, "SBIN", (NEXT, LAST)))


def test_a_wrong_part_of_a_first_fetch_takes_the_other_with_it(
    clock: ManualClock, lake: Lake
) -> None:
    """Nobody can say which of the two is right."""
    broker = Broker(clock, longest=21)
    broker.teller = instead("SBIN", "INFY", lambda number: number == 2)
    with pytest.raises(PartlyDone, match="contradicts another answer of the same fetch"):
        fetch_history(broker, lake, clock, asked())
    (_, one), (_, two) = broker.calls
    assert one[1] >= two[0]
    assert not lake.files(DATASET)
    broker.teller = lambda symbol, _: symbol
    fetch_history(broker, lake, clock, asked())
    assert stored(lake) == truth(broker, "SBIN")


def test_other_trouble_does_not_hide_what_was_refused(broker: Broker, lake: Lake) -> None:
    half(broker, lake, "SBIN", "INFY")
    broker.teller, broker.stop_at = instead("SBIN", "INFY"), 1
    with pytest.raises(TransientError, match=r"does not answer; SBIN: not the candles"):
        fetch_history(broker, lake, broker.clock, asked("SBIN", "INFY"))
    assert reasons(lake)


# -- another scale -------------------------------------------------------------------------------


def test_after_a_split_nothing_is_mixed_until_all_is_asked_for_anew(
    broker: Broker, lake: Lake
) -> None:
    before = half(broker, lake, "SBIN", "INFY")
    broker.split["SBIN"] = (NEXT, 0.2)
    with pytest.raises(
        DamagedData, match=r"prices are now 0\.2 times those stored: a split"
    ) as told:
        fetch_history(broker, lake, broker.clock, asked("SBIN", "INFY"))
    assert "fetch candles SBIN --interval 15minute --from DATE --refetch" in told.value.hint
    kept = {key: row for key, row in before.items() if key[0] == "SBIN"}
    assert stored(lake) == kept | truth(broker, "INFY")
    assert reasons(lake) == {}  # nothing is wrong with them
    plan = show_plan(broker, lake, asked(first=NEXT, refetch=True))
    assert plan.rows[0]["first"] == FIRST  # days stored before --from belong to it
    fetch_history(broker, lake, broker.clock, asked(first=NEXT, refetch=True))
    assert stored(lake) == truth(broker, "SBIN") | truth(broker, "INFY")
    assert fetch_history(broker, lake, broker.clock, asked("SBIN")).summary["calls"] == 0


def test_a_refetch_that_breaks_off_is_ended_by_the_same_command_without_it(
    clock: ManualClock, lake: Lake
) -> None:
    broker = Broker(clock, longest=6)
    fetch_history(broker, lake, clock, asked())
    broker.split["SBIN"] = (LAST + timedelta(days=1), 0.5)
    calls = show_plan(broker, lake, asked(refetch=True)).summary["calls"]
    broker.calls.clear()
    broker.stop_at = 2
    with pytest.raises(PartlyDone):
        fetch_history(broker, lake, clock, asked(refetch=True))
    broker.stop_at = None
    fetch_history(broker, lake, clock, asked(first=LAST))
    assert len(broker.calls) == calls
    assert stored(lake) == truth(broker, "SBIN")
    assert show_plan(broker, lake, asked()).summary["calls"] == 0


def test_a_refetch_leaves_no_candle_of_the_old_scale(broker: Broker, lake: Lake) -> None:
    fetch_history(broker, lake, broker.clock, asked("SBIN", "INFY"))
    broker.split["SBIN"] = (LAST + timedelta(days=1), 0.5)
    broker.spoil = lambda _, rows: [row for row in rows if row[0][11:16] not in {"10:15", "15:15"}]
    fetch_history(broker, lake, broker.clock, asked("SBIN", refetch=True))
    whole = {key: row for key, row in truth(broker, "SBIN").items()
             if key[1].time() not in {time(10, 15), time(15, 15)}}  # fmt: skip
    held = stored(lake)
    # what lies after the last candle of the answer could be newer than it
    late = {key: row for key, row in held.items() if key[0] == "SBIN" and key not in whole}
    assert {key[1].time() for key in late} <= {time(15, 15)}
    assert {key: row for key, row in held.items() if key not in late} == (
        whole | truth(broker, "INFY")
    )


def test_revised_overlaps_of_a_refetch_take_no_candle_away(clock: ManualClock, lake: Lake) -> None:
    broker = Broker(clock, longest=9)
    fetch_history(broker, lake, clock, asked())
    broker.calls.clear()

    def revised(_: str, rows: list[Row]) -> list[Row]:
        for row in rows:
            row[5] += len(broker.calls)
        return rows

    broker.spoil = revised
    done = fetch_history(broker, lake, clock, asked(refetch=True))
    assert len(broker.calls) > 2
    assert done.summary["changed"] > 0
    assert {key: row[:4] for key, row in stored(lake).items()} == {
        key: row[:4] for key, row in truth(broker, "SBIN").items()
    }


def test_older_days_of_another_scale_are_known_before_one_of_them_is_stored(
    clock: ManualClock, lake: Lake
) -> None:
    """The call that borders on the stored days comes first, though it is of the latest ones."""
    broker = Broker(clock, longest=10)
    fetch_history(broker, lake, clock, asked(first=SESSIONS[14]))
    before = stored(lake)
    broker.split["SBIN"] = (LAST + timedelta(days=1), 0.5)
    broker.calls.clear()
    with pytest.raises(DamagedData, match="a split or bonus since"):
        fetch_history(broker, lake, clock, asked())
    assert len(broker.calls) == 1
    assert stored(lake) == before
    broker.split.clear()
    fetch_history(broker, lake, clock, asked())
    assert stored(lake) == truth(broker, "SBIN")


# -- the first answer ----------------------------------------------------------------------------


def eod(broker: Broker, lake: Lake, symbol: str, *, until: date = LAST) -> None:
    """Store the days of a share as the exchange publishes them: not adjusted, a little wider."""
    split, broker.split = broker.split, {}
    rows = []
    for day in [each for each in SESSIONS if each <= until]:
        held = [tuple(row[1:]) for row in broker.rows(symbol, (day, day), Interval("15minute"))]
        ex_date, factor = split.get(symbol, (LAST, 1.0))
        opens = held[0][0]
        rows.append({
            "date": day, "exchange": "NSE", "symbol": symbol, "series": "EQ", "open": opens,
            "previous_close": opens / factor if day == ex_date else opens, "close": held[-1][3],
            "high": max(row[1] for row in held) + 0.1, "low": min(row[2] for row in held) - 0.1,
        })  # fmt: skip
    broker.split = split
    frame = pl.DataFrame(rows)
    lake.upsert("equities_day", conform(frame, EQUITIES_DAY, what="days"))


@pytest.mark.parametrize("first", [FIRST, LAST])
def test_a_first_answer_of_another_share_is_known_by_the_end_of_day_rows(
    broker: Broker, lake: Lake, first: date
) -> None:
    eod(broker, lake, "SBIN")
    broker.teller = instead("SBIN", "INFY")
    with pytest.raises(PartlyDone, match="not the prices of SBIN in the end-of-day rows"):
        fetch_history(broker, lake, broker.clock, asked(first=first))
    assert not lake.files(DATASET)
    assert sum(reasons(lake).values()) == len(truth(broker, "INFY", (first, LAST)))
    broker.teller = lambda symbol, _: symbol
    fetch_history(broker, lake, broker.clock, asked(first=first))
    assert stored(lake) == truth(broker, "SBIN", (first, LAST))


LATER = LAST + timedelta(days=3)


@pytest.mark.parametrize("factor", [0.5, 0.1, 10.0, 0.8])
@pytest.mark.parametrize(
    ("split", "until"),
    [(SESSIONS[7], LAST), (SESSIONS[7], SESSIONS[-2]), (SESSIONS[7], SESSIONS[3]), (LAST, LAST),
     (LAST, SESSIONS[-2]), (LATER, SESSIONS[-2])],
)  # fmt: skip
def test_a_split_the_end_of_day_rows_do_not_know_refuses_nothing(
    broker: Broker, lake: Lake, until: date, factor: float, split: date
) -> None:
    """Rows are as published; minutes of Kite are adjusted as of today."""
    broker.split["SBIN"] = (split, factor)
    eod(broker, lake, "SBIN", until=until)
    fetch_history(broker, lake, broker.clock, asked())
    assert stored(lake) == truth(broker, "SBIN")


def closes(lake: Lake) -> dict[str, list[float]]:
    rows = lake.scan("candles_day").sort("date").collect()
    return {name: rows.filter(symbol=name)["close"].to_list() for name in rows["symbol"].unique()}


def test_days_of_another_share_do_not_take_the_place_of_the_stored_ones(
    broker: Broker, lake: Lake
) -> None:
    days = HistoryRequest(symbols=("SBIN", "INFY"), interval="day", first=FIRST, last=HALF)
    fetch_history(broker, lake, broker.clock, days)
    before = closes(lake)
    broker.teller = instead("SBIN", "TCS")
    with pytest.raises(PartlyDone, match="not the candles of SBIN that are stored"):
        fetch_history(broker, lake, broker.clock, replace(days, last=LAST))
    held = closes(lake)
    assert held["SBIN"] == before["SBIN"]
    assert len(held["INFY"]) == len(SESSIONS)
    broker.teller = lambda symbol, _: symbol
    broker.split["SBIN"] = (LAST, 0.1)  # days are renewed whole, so a split is no obstacle
    fetch_history(broker, lake, broker.clock, replace(days, last=LAST))
    assert closes(lake)["SBIN"] == [row[4] for row in broker.rows("SBIN", (FIRST, LAST),
                                                                  Interval.DAY)]  # fmt: skip


def test_stored_days_of_another_share_are_mended_by_a_refetch(broker: Broker, lake: Lake) -> None:
    days = HistoryRequest(symbols=("SBIN",), interval="day", first=FIRST, last=HALF)
    broker.teller = instead("SBIN", "INFY")
    fetch_history(broker, lake, broker.clock, days)
    broker.teller = lambda symbol, _: symbol
    with pytest.raises(PartlyDone):
        fetch_history(broker, lake, broker.clock, replace(days, last=LAST))
    fetch_history(broker, lake, broker.clock, replace(days, last=LAST, refetch=True))
    assert closes(lake)["SBIN"] == [row[4] for row in broker.rows("SBIN", (FIRST, LAST),
                                                                  Interval.DAY)]  # fmt: skip


def test_a_refetch_of_what_is_right_changes_nothing(broker: Broker, lake: Lake) -> None:
    fetch_history(broker, lake, broker.clock, asked("SBIN", "INFY"))
    again = asked("SBIN", "INFY", refetch=True)
    done = fetch_history(broker, lake, broker.clock, again)
    assert done.summary["unchanged"] == len(stored(lake))
    assert done.summary["changed"] == done.summary["added"] == 0
