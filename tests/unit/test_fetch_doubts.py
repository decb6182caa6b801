"""Which sessions a fetch of candles asks for again: refused, missing, empty, early ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions import lake_status
from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.providers.kite import history
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock
from tests.unit.seam_world import FIRST, LAST, NOW, SESSIONS, Broker, Row, Span

DAY = SESSIONS[4]
Spoil = Callable[[str, list[Row]], list[Row]]


class Wide(Broker):
    """Has an index and a future as well, whose open interest it tells when asked for it."""

    kinds: dict[str, dict[str, Any]] = {  # noqa: RUF012 - read only
        "TCS": {"asset_type": AssetType.INDEX},
        "IDEA": {"expiry": date(2026, 6, 30), "underlying": "IDEA", "asset_type": "future"},
    }
    born = date.min
    oi_asked: list[bool]

    def listed(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        return super().listed(exchange, symbol) | self.kinds.get(symbol, {})

    def rows(self, symbol: str, span: Span, interval: Interval) -> list[Row]:
        return super().rows(symbol, (max(span[0], self.born), span[1]), interval)

    def checked(
        self, row: dict[str, Any], interval: Interval, span: Span, **more: bool
    ) -> CandleFile:
        if not more.get("oi"):
            return super().checked(row, interval, span, **more)
        self.calls.append((row["tradingsymbol"], span))
        rows = [[*each, 4000] for each in self.rows(row["tradingsymbol"], span, interval)]
        return history.checked(
            rows, symbol=row["tradingsymbol"], exchange=Exchange(row["exchange"]),
            interval=interval, span=span, now=self.final_before(), steady=True,
        )  # fmt: skip


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def broker(clock: ManualClock) -> Wide:
    return Wide(clock)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def asked(*symbols: str, **more: Any) -> HistoryRequest:
    words: dict[str, Any] = {"interval": "15minute", "first": FIRST, "last": LAST} | more
    return HistoryRequest(symbols=symbols or ("SBIN",), **words)


def fetch(broker: Broker, lake: Lake, *symbols: str, **more: Any) -> Result:
    return fetch_history(broker, lake, broker.clock, asked(*symbols, **more))


def on(day: date, change: Callable[[list[Row]], list[Row]]) -> Spoil:
    """Let the rows of one day be others; those of the other days stay."""

    def spoil(_: str, rows: list[Row]) -> list[Row]:
        mine = [row for row in rows if row[0][:10] == str(day)]
        return [row for row in rows if row not in mine] + (change(mine) if mine else [])

    return spoil


def crossed(rows: list[Row]) -> list[Row]:
    rows[3][2], rows[3][3] = rows[3][3] - 1, rows[3][2] + 1
    return rows


def negative(rows: list[Row]) -> list[Row]:
    rows[7][5] = -5
    return rows


def clean(_: str, rows: list[Row]) -> list[Row]:
    return rows


def stored(lake: Lake, dataset: str = "candles_15minute", **names: Any) -> pl.DataFrame:
    return lake.scan(dataset).filter(**names).collect()


def told(done: Result) -> str:
    return "\n".join(done.warnings)


# -- refused rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [crossed, negative])
@pytest.mark.parametrize("interval", ["15minute", "5minute"])
def test_a_session_with_refused_rows_is_asked_for_again_until_it_is_whole(
    broker: Wide, lake: Lake, bad: Callable[[list[Row]], list[Row]], interval: str
) -> None:
    broker.spoil = on(DAY, bad)
    done = fetch(broker, lake, interval=interval)
    assert f"1 session of SBIN ({DAY}) had rows refused: the next run asks again" in told(done)
    plan = show_plan(broker, lake, asked(interval=interval))
    assert (plan.summary["calls"], plan.rows[0]["first"], plan.rows[0]["last"]) == (1, DAY, DAY)
    gaps = lake_status.gaps(lake, dataset=f"candles_{interval}", exchange="NSE")
    assert [(row["date"], row["symbol"]) for row in gaps.records()] == [(DAY, "SBIN")]
    broker.spoil = clean
    again = fetch(broker, lake, interval=interval)
    assert (again.summary["calls"], again.summary["added"]) == (1, 1)
    assert stored(lake, f"candles_{interval}").height == len(
        broker.rows("SBIN", (FIRST, LAST), Interval(interval))
    )
    last = fetch(broker, lake, interval=interval)
    assert last.warnings[0] == "nothing to ask for: every session is stored already"
    assert not lake_status.gaps(lake, dataset=f"candles_{interval}", exchange="NSE").rows


def test_the_same_rows_refused_twice_are_not_asked_for_any_more(broker: Wide, lake: Lake) -> None:
    broker.spoil = on(DAY, crossed)
    fetch(broker, lake)
    again = fetch(broker, lake)
    assert "came with refused or missing candles again: not asked for any more" in told(again)
    calls = len(broker.calls)
    assert fetch(broker, lake).summary["calls"] == 0
    assert len(broker.calls) == calls == 2
    broker.spoil = clean
    anew = fetch(broker, lake, refetch=True)  # whoever knows better can have it
    assert anew.summary["added"] == 1


def test_other_rows_each_time_are_asked_for_three_times(broker: Wide, lake: Lake) -> None:
    def another(rows: list[Row]) -> list[Row]:
        rows[len(broker.calls)][5] = -1
        return rows

    broker.spoil = on(DAY, another)
    for _ in range(6):
        fetch(broker, lake)
    assert len(broker.calls) == 3
    whole = len(broker.rows("SBIN", (FIRST, LAST), Interval("15minute")))
    assert stored(lake).height == whole, "what one answer lacked another had"


def test_a_session_of_which_every_row_was_refused_is_no_empty_one(broker: Wide, lake: Lake) -> None:
    broker.spoil = on(DAY, lambda rows: [[*row[:5], -1] for row in rows])
    fetch(broker, lake)
    broker.spoil = clean
    assert fetch(broker, lake).summary["added"] == 25


def test_rows_of_days_nobody_asked_for_are_nobodys_doubt(broker: Wide, lake: Lake) -> None:
    broker.spoil = lambda _, rows: [*rows, ["2027-06-01T09:15:00+0530", 1.0, 1.0, 1.0, 1.0, 1]]
    assert fetch(broker, lake).summary["rejected"] == 1
    assert fetch(broker, lake).summary["calls"] == 0


def test_a_day_that_was_refused_is_asked_for_again(broker: Wide, lake: Lake) -> None:
    broker.spoil = on(DAY, lambda rows: [[*row[:5], -1] for row in rows])
    done = fetch(broker, lake, interval="day")
    assert "had rows refused: the next run asks again" in told(done)
    broker.spoil = clean
    assert fetch(broker, lake, interval="day").summary["added"] == 1
    assert fetch(broker, lake, interval="day").summary["calls"] == 0


@pytest.mark.parametrize(
    "spoil", [on(DAY, lambda rows: [[*row[:5], -1] for row in rows]), on(DAY, lambda _: [])]
)
def test_a_day_that_is_refused_or_missing_twice_is_settled(
    broker: Wide, lake: Lake, spoil: Spoil
) -> None:
    broker.spoil = spoil
    for _ in range(4):
        fetch(broker, lake, interval="day")
    assert len(broker.calls) == 2
    assert str(DAY) not in stored(lake, "candles_day")["date"].cast(pl.String)


# -- holes ---------------------------------------------------------------------------------------


def gap(seed: int, share: float) -> Spoil:
    dice = random.Random(seed)
    return lambda _, rows: [row for row in rows if dice.random() >= share]


def test_holes_in_an_index_are_told_and_asked_for_once_more(broker: Wide, lake: Lake) -> None:
    broker.spoil = gap(1, 0.1)
    done = fetch(broker, lake, "TCS")
    assert "came with too few candles: the next run asks again" in told(done)
    broker.spoil = clean
    fetch(broker, lake, "TCS")
    whole = broker.rows("TCS", (FIRST, LAST), Interval("15minute"))
    assert stored(lake).height == len(whole)
    assert fetch(broker, lake, "TCS").summary["calls"] == 0


def test_a_share_whose_other_days_are_whole(broker: Wide, lake: Lake) -> None:
    broker.spoil = on(DAY, lambda rows: rows[:10])
    done = fetch(broker, lake)
    assert f"1 session of SBIN ({DAY}) came with too few candles" in told(done)
    fetch(broker, lake)
    assert fetch(broker, lake).summary["calls"] == 0, "the same twice: it was a halt"


def test_a_whole_session_between_others(broker: Wide, lake: Lake) -> None:
    broker.spoil = on(DAY, lambda _: [])
    assert f"({DAY}) came with too few candles" in told(fetch(broker, lake))
    broker.spoil = clean
    assert fetch(broker, lake).summary["added"] == 25


def test_a_new_share_is_not_short_before_its_first_day(broker: Wide, lake: Lake) -> None:
    broker.born = DAY
    done = fetch(broker, lake)
    assert told(done) == f"Kite has no candles of SBIN before {DAY}"
    again = fetch(broker, lake)
    held = len([day for day in SESSIONS if day >= DAY])
    empty = len(SESSIONS) - held
    assert again.warnings[0] == (
        f"nothing to ask for: {held} sessions are stored, {empty} were answered without a candle"
    )
    plan = show_plan(broker, lake, asked()).rows[0]
    assert (plan["stored"], plan["empty"], plan["sessions"]) == (held, empty, held + empty)


# -- empty and early answers ---------------------------------------------------------------------


@pytest.mark.parametrize("interval", ["15minute", "day"])
def test_an_empty_answer_is_told_and_its_newest_session_asked_for_again(
    broker: Wide, lake: Lake, interval: str
) -> None:
    broker.born = date(2027, 1, 1)
    done = fetch(broker, lake, interval=interval)
    assert f"Kite has no candles of SBIN from {FIRST} to {LAST}" in told(done)
    plan = show_plan(broker, lake, asked(interval=interval)).rows[0]
    assert (plan["stored"], plan["first"], plan["last"]) == (0, LAST, LAST)
    broker.clock.sleep(5 * 86400.0)
    fetch(broker, lake, interval=interval)  # a later session is over: this one was empty
    done = fetch(broker, lake, interval=interval)
    assert done.summary["calls"] == 0
    assert done.warnings[0] == "nothing to ask for: every session was answered without a candle"
    assert "stored already" not in told(done)


@pytest.mark.parametrize("interval", ["15minute", "day"])
def test_what_was_asked_for_soon_after_the_close_is_asked_for_again(
    lake: Lake, interval: str
) -> None:
    """F-22: the last candles may be revised yet; what is, is stored and told."""
    clock = ManualClock(datetime(2026, 6, 25, 16, 0, tzinfo=IST))
    broker = Wide(clock)

    def early(rows: list[Row]) -> list[Row]:
        for row in rows[-3:]:
            row[5] += 7
        return rows

    broker.spoil = on(LAST, early)
    fetch(broker, lake, interval=interval)
    broker.spoil = clean
    done = fetch(broker, lake, interval=interval)
    assert done.summary["changed"] == (3 if interval == "15minute" else 1)
    assert "revised by kite" in told(done)
    clock.sleep(3600.0)
    assert fetch(broker, lake, interval=interval).summary["calls"] == 1
    assert fetch(broker, lake, interval=interval).summary["calls"] == 0


# -- open interest -------------------------------------------------------------------------------


def test_open_interest_of_stored_sessions_is_asked_for(broker: Wide, lake: Lake) -> None:
    half = SESSIONS[9]
    fetch(broker, lake, "IDEA", last=half, oi=True)
    fetch(broker, lake, "IDEA")
    held = stored(lake)
    assert held.filter(pl.col("time").dt.date() <= half)["open_interest"].null_count() == 0
    late = held.filter(pl.col("time").dt.date() > half)
    assert late["open_interest"].null_count() == late.height
    plan = show_plan(broker, lake, asked("IDEA", oi=True))
    assert plan.rows[0]["first"] == SESSIONS[10]
    done = fetch(broker, lake, "IDEA", oi=True)
    assert f"{late.height} stored candles have their open interest now" in told(done)
    assert "revised by kite" not in told(done)
    assert stored(lake)["open_interest"].null_count() == 0
    assert fetch(broker, lake, "IDEA", oi=True).summary["calls"] == 0
    assert fetch(broker, lake, "IDEA").summary["calls"] == 0


def test_a_share_has_no_open_interest_to_ask_for(broker: Wide, lake: Lake) -> None:
    fetch(broker, lake)
    done = fetch(broker, lake, oi=True)
    assert done.summary["calls"] == 0
    assert "SBIN is no contract: it has no open interest" in told(done)


# -- what is remembered --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    ['{"doubts": {"x": ["a"]}}', '{"doubts": {"2026-06-01": 3}}', '{"doubts": {"2026-06-01": []}}',
     '{"doubts": {"2026-06-01": ["a", 1]}}', '{"doubts": 4}', '{"interest": 5}'],
)  # fmt: skip
def test_what_cannot_be_read_is_asked_for_again(broker: Wide, lake: Lake, entry: str) -> None:
    fetch(broker, lake)
    (lake.root / "candles_15minute" / ".answered.json").write_text(f'{{"NSE:SBIN": {entry}}}')
    assert fetch(broker, lake).summary["calls"] == 1
