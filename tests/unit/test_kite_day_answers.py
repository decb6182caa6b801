"""Answers for days that are wrong, or not whole: asked once more, believed or left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from alphastock_cli.providers.kite.days import Days
from alphastock_cli.store.lake import Lake
from tests.conftest import IST
from tests.unit.days_world import SESSIONS, Rows, Spoil, World, walk

OVER = [day for day in SESSIONS if str(day) <= "2026-08-12"]
EVENING = datetime(2026, 8, 13, 18, 0, tzinfo=IST)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World({name: walk(name, SESSIONS) for name in ("SBIN", "TCS", "INFY")}, tmp_path)


def once(change: Callable[[Rows], Rows], name: str = "SBIN", times: int = 1) -> Spoil:
    """Spoil the first answers about one share."""
    left = [times]

    def spoil(asked: str, rows: Rows) -> Rows:
        if asked != name or not left[0]:
            return rows
        left[0] -= 1
        return change([list(row) for row in rows])

    return spoil


def high_low(rows: Rows) -> Rows:
    rows[7][2], rows[7][3] = rows[7][3], rows[7][2]
    return rows


def negative(rows: Rows) -> Rows:
    rows[9][5] = -5
    return rows


def hundredfold(rows: Rows) -> Rows:
    rows[20][1:5] = [100 * price for price in rows[20][1:5]]
    return rows


def two_closes(rows: Rows) -> Rows:
    return [*rows, [*rows[12][:4], rows[12][4] - 0.05, rows[12][5]]]


def hole(rows: Rows) -> Rows:
    return rows[:15] + rows[16:]


def cut(rows: Rows) -> Rows:
    """Without the last session, and the one under way."""
    return rows[:-2]


def doubled_before(rows: Rows) -> Rows:
    """As before a split that is known already."""
    return [[row[0], *(2 * price for price in row[1:5]), row[5]] for row in rows]


REFUSED: dict[Callable[[Rows], Rows], str] = {
    high_low: "low, open, close and high contradict each other",
    negative: "the volume is no whole number from 0",
    hundredfold: "ten times off the prices beside it",
    two_closes: "contradicts another row of the same day",
}


@pytest.mark.parametrize("change", REFUSED)
def test_a_refused_row_has_a_reason_is_told_and_asked_for_once_more(
    world: World, change: Callable[[Rows], Rows]
) -> None:
    world.spoil = once(change)
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY")
    assert sorted(asked) == ["INFY", "SBIN", "SBIN", "TCS"]
    count = 2 if change is two_closes else 1  # of two that contradict both are refused
    assert world.said[:2] == [
        f"{count} day rows refused ({REFUSED[change]}): SBIN",
        "`alphastock lake rejects` lists every refused row with its reason",
    ]
    assert world.rejects.select("symbol", "reason").unique().rows() == [("SBIN", REFUSED[change])]
    assert world.scan() == (found, [])
    assert world.said == []


@pytest.mark.parametrize("change", [hole, cut, doubled_before])
def test_what_leaves_no_row_to_refuse_is_found_out_all_the_same(
    world: World, change: Callable[[Rows], Rows]
) -> None:
    world.spoil = once(change)
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY")
    assert sorted(asked) == ["INFY", "SBIN", "SBIN", "TCS"]
    assert world.scan() == (found, [])


def test_the_answer_of_another_share_is_never_kept(world: World) -> None:
    def another(name: str, rows: Rows) -> Rows:
        return world.told("TCS") if name == "SBIN" else rows

    world.spoil = another
    for _ in range(2):  # it does not become right by being told often
        found, asked = world.scan()
        assert found == world.truth("TCS", "INFY")
        assert asked.count("SBIN") == 2
        told = next(text for text in world.said if text.startswith("left out"))
        assert "NSE:SBIN" in told
        assert "its quote says" in told
    reasons = world.rejects["reason"].unique().to_list()
    assert reasons == ["another close before than its quote tells"]
    assert set(world.rejects["symbol"]) == {"SBIN"}
    world.spoil = lambda _, rows: rows
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY")
    assert asked == ["SBIN"]
    assert world.scan() == (found, [])


def test_another_share_after_the_session_is_seen_by_its_range(world: World) -> None:
    world.clock._now = EVENING
    world.spoil = lambda name, rows: world.told("TCS") if name == "SBIN" else rows
    found, _ = world.scan()
    assert found == world.truth("TCS", "INFY")
    assert "another session than its quote tells" in set(world.rejects["reason"])


def test_another_share_with_a_close_inside_the_range_is_seen_by_its_open(world: World) -> None:
    """One figure may be told otherwise; the first price of the day under way is the second."""
    world.spoil = lambda name, rows: (
        [[row[0], *(price * 1.001 for price in row[1:5]), row[5]] for row in rows]
        if name == "SBIN" else rows
    )  # fmt: skip
    found, _ = world.scan()
    assert found == world.truth("TCS", "INFY")
    assert set(world.rejects["reason"]) == {"another close before than its quote tells"}


def test_holes_that_change_from_answer_to_answer_are_not_kept(world: World) -> None:
    turn = iter(range(100))

    def spoil(name: str, rows: Rows) -> Rows:
        gone = 10 + next(turn)
        return rows[:gone] + rows[gone + 1 :] if name == "SBIN" else rows

    world.spoil = spoil
    for _ in range(2):
        found, asked = world.scan()
        assert found == world.truth("TCS", "INFY")
        assert asked.count("SBIN") == 2
        assert any("lacks 1 sessions" in text and "NSE:SBIN" in text for text in world.said)
    world.spoil = lambda _, rows: rows
    assert world.scan()[0] == world.truth("SBIN", "TCS", "INFY")


def test_who_rarely_trades_is_asked_twice_and_then_no_more(world: World) -> None:
    rare = [day for number, day in enumerate(OVER) if number % 3 == 0]
    world.shares["RARE"] = walk("RARE", rare)
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY", "RARE")
    assert asked.count("RARE") == 2
    assert any("told twice: NSE:RARE" in text for text in world.said)
    assert world.scan() == (found, [])
    # a session was missed: all are asked anew, and the holes that are kept are known
    world.clock._now = datetime(2026, 8, 17, 11, 30, tzinfo=IST)
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY", "RARE")
    assert sorted(asked) == ["INFY", "RARE", "SBIN", "TCS"]


def test_who_never_traded_is_asked_once(world: World) -> None:
    world.shares["NEW"] = {day: row for day, row in walk("NEW", SESSIONS).items()
                           if str(day) >= "2026-08-13"}  # fmt: skip
    found, asked = world.scan()
    assert found["NEW"] == {}
    assert asked.count("NEW") == 1
    assert world.scan() == (found, [])
    world.clock._now = EVENING  # of its first day
    found, asked = world.scan()
    assert list(found["NEW"]) == [EVENING.date()]
    assert asked == ["NEW"]
    assert world.scan() == (found, [])


def test_a_row_that_is_wrong_for_good_is_told_twice_and_done_without(world: World) -> None:
    world.spoil = once(high_low, times=99)
    found, asked = world.scan()
    assert found["SBIN"] == {day: row for day, row in world.truth("SBIN")["SBIN"].items()
                             if day != OVER[7]}  # fmt: skip
    assert asked.count("SBIN") == 2
    assert world.rejects.height == 1
    assert world.scan() == (found, [])


def test_days_that_were_kept_speak_against_another_share_where_no_quote_does(world: World) -> None:
    found, _ = world.scan()
    assert set(found) == {"SBIN", "TCS", "INFY"}
    world.clock._now, world.quoted = datetime(2026, 8, 17, 11, 30, tzinfo=IST), False
    world.spoil = lambda name, rows: world.told("TCS") if name == "SBIN" else rows
    later, asked = world.scan()
    assert later == world.truth("TCS", "INFY")
    assert asked.count("SBIN") == 2
    assert set(world.rejects["reason"]) == {"not the days that are kept"}
    world.spoil = lambda _, rows: rows
    assert world.scan()[0] == world.truth("SBIN", "TCS", "INFY")


def test_a_kept_history_that_is_wrong_gives_way_to_one_the_quote_agrees_with(world: World) -> None:
    world.quoted = False  # nothing speaks against the first answer
    world.spoil = lambda name, rows: world.told("TCS") if name == "SBIN" else rows
    assert world.scan()[0]["SBIN"] == world.truth("TCS")["TCS"]
    world.quoted, world.spoil = True, lambda _, rows: rows
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY")
    assert asked == ["SBIN", "SBIN"]


def test_damage_in_the_middle_of_days_that_are_kept_is_seen_beside_them(world: World) -> None:
    world.scan()
    world.clock._now = datetime(2026, 8, 17, 11, 30, tzinfo=IST)

    def halved(rows: Rows) -> Rows:
        rows[30][1:5] = [price / 2 for price in rows[30][1:5]]
        return rows

    world.spoil = once(halved)
    found, asked = world.scan()
    assert found == world.truth("SBIN", "TCS", "INFY")
    assert asked.count("SBIN") == 2


def test_a_split_costs_one_call(world: World) -> None:
    world.scan()
    world.clock._now = datetime(2026, 8, 14, 11, 30, tzinfo=IST)
    world.scan()
    world.shares["SBIN"] = {day: [round(price / 2, 2) for price in row[:4]] + [2 * row[4]]
                            for day, row in world.shares["SBIN"].items()}  # fmt: skip
    found, asked = world.scan()
    assert asked == ["SBIN"]
    assert found == world.truth("SBIN", "TCS", "INFY")


def test_the_official_close_is_told_twice_and_taken(world: World) -> None:
    def last_trade(rows: Rows) -> Rows:
        rows[-2][4] = round(rows[-2][4] * 0.999, 2)
        return rows

    world.spoil = once(last_trade, times=99)
    found, asked = world.scan()
    assert asked.count("SBIN") == 2
    assert found == world.truth("SBIN", "TCS", "INFY")
    assert world.scan() == (found, [])


def test_a_session_of_which_kite_has_nothing_is_no_hole(tmp_path: Path) -> None:
    world = World({f"S{n}": walk(f"S{n}", SESSIONS) for n in range(40)}, tmp_path)
    world.spoil = lambda _, rows: [row for row in rows if not row[0].startswith(str(OVER[30]))]
    found, asked = world.scan()
    assert len(found) == 40
    assert len(asked) == 60, "twenty histories show it, and then nobody is asked twice"
    assert world.scan() == (found, [])


def test_all_left_out_is_an_error_and_asked_for_again(world: World) -> None:
    for name in ("TCS", "INFY"):
        del world.shares[name]
    world.spoil = lambda _, rows: doubled_before(rows)
    assert world.scan()[0] == {}
    assert world.asked == ["SBIN"] * 2, "no third call in the same run"
    world.spoil = lambda _, rows: rows
    assert world.scan() == (world.truth("SBIN"), ["SBIN"])


# -- where refused rows are put -------------------------------------------------------------------


class Aside(Days):
    """Days that only set refused rows aside."""

    def __init__(self, lake: Lake) -> None:
        super().__init__()
        self.said: list[str] = []
        self._lake, self.tell = lake, self.said.append


def test_refused_rows_are_among_those_of_the_lake(world: World, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    world.spoil = once(hundredfold)
    world.scan()
    aside = Aside(lake)  # type: ignore[abstract]
    for _ in range(2):
        aside.set_aside(world.rejects)
    row = lake.scan("rejects").collect().row(0, named=True)
    assert (row["symbol"], row["file"], row["date"]) == ("SBIN", "kite:NSE:SBIN", OVER[20])
    assert lake.scan("rejects").collect().height == 1
    blocked = Aside(Lake(lake.root))  # type: ignore[abstract]
    with lake.writing():
        blocked.set_aside(world.rejects)
    assert "could not be set aside" in blocked.said[0]
    assert blocked.warned == [blocked.said[0].removeprefix("warning: ")]


def test_an_official_close_beside_the_last_trade_costs_no_second_question(world: World) -> None:
    world.clock._now = EVENING

    def official(rows: Rows) -> Rows:
        low, close = rows[-1][3], rows[-1][4]
        rows[-1][4] = round(max(low, close * 0.997), 2)  # as the mean of the last half hour is
        return rows

    world.spoil = lambda _, rows: official([list(row) for row in rows])
    first, asked = world.scan()
    assert sorted(asked) == ["INFY", "SBIN", "TCS"]
    assert set(first) == set(asked)
