"""End-of-day rows as witnesses of candles, what a refetch takes away, and what is remembered."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.history_done import Done
from alphastock_cli.actions.history_ranges import ranges
from alphastock_cli.domain.frames import (
    ADJUSTMENTS,
    CANDLES,
    EQUITIES_DAY,
    FUTURES_DAY,
    INDICES_DAY,
    OPTIONS_DAY,
    conform,
)
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.store.lake import Lake
from alphastock_cli.store.trimmed import trim
from tests.conftest import IST

DAYS = [date(2026, 6, day) for day in (15, 16, 17, 18, 19)]  # a week of sessions
SHARE = {"exchange": "NSE", "expiry": None, "underlying": None, "option_type": None}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def shares(lake: Lake, days: list[date], *, opens: float = 100.0, series: str = "EQ") -> None:
    frame = pl.DataFrame({
        "date": days, "exchange": "NSE", "symbol": "SBIN", "series": series,
        "previous_close": 100.0, "open": opens, "high": 105.0 + len(series), "low": 99.0,
        "close": 101.0,
    })  # fmt: skip
    lake.upsert("equities_day", conform(frame, EQUITIES_DAY, what="days"))


def settled(lake: Lake, today: date = DAYS[-1], first: date = DAYS[0]) -> list[date]:
    found = ranges(lake, SHARE, "SBIN", first, today)
    return found.filter("settled")["date"].to_list()


def test_nothing_held_is_no_witness(lake: Lake) -> None:
    assert ranges(lake, SHARE, "SBIN", DAYS[0], DAYS[-1]).is_empty()
    shares(lake, DAYS)
    assert ranges(lake, SHARE, "INFY", DAYS[0], DAYS[-1]).is_empty()


def test_days_are_settled_while_every_session_since_is_held(lake: Lake) -> None:
    shares(lake, DAYS)
    assert settled(lake) == DAYS
    assert settled(lake, DAYS[-1] + timedelta(days=2)) == DAYS  # a week-end
    assert settled(lake, DAYS[-1] + timedelta(days=3)) == []  # Monday may be an ex-date
    assert settled(lake, date(2035, 1, 1)) == []  # beyond the calendar nobody knows


def test_a_day_that_is_missing_may_have_been_an_ex_date(lake: Lake) -> None:
    shares(lake, [DAYS[0], DAYS[1], DAYS[3], DAYS[4]])
    assert settled(lake) == DAYS[3:]


def test_no_day_before_a_break_or_a_known_split_is_settled(lake: Lake) -> None:
    shares(lake, DAYS)
    shares(lake, [DAYS[1]], opens=50.0)
    assert settled(lake) == DAYS[1:]
    told = pl.DataFrame({"exchange": ["NSE"], "symbol": ["SBIN"], "ex_date": [DAYS[3]],
                         "factor": [0.8], "kind": ["imported"], "source": ["list"]})  # fmt: skip
    lake.upsert("adjustments", conform(told, ADJUSTMENTS, what="list"))
    assert settled(lake) == DAYS[3:]


def test_of_two_series_of_a_day_the_wider_range_counts(lake: Lake) -> None:
    shares(lake, DAYS)
    shares(lake, DAYS, series="T0 ")
    assert ranges(lake, SHARE, "SBIN", DAYS[0], DAYS[-1])["high"].to_list() == [108.0] * 5


def test_indices_never_split(lake: Lake) -> None:
    frame = pl.DataFrame({"date": DAYS[:2], "exchange": "NSE", "symbol": "NIFTY 50",
                          "high": 24_100.0, "low": 24_000.0})  # fmt: skip
    lake.upsert("indices_day", conform(frame, INDICES_DAY, what="days"))
    found = ranges(lake, SHARE, "NIFTY 50", DAYS[0], DAYS[-1])
    assert found["settled"].to_list() == [True, True]


@pytest.mark.parametrize(("underlying", "steady"), [("NIFTY", True), ("SBIN", False)])
@pytest.mark.parametrize("option", [True, False])
def test_contracts_are_found_by_their_terms(
    lake: Lake, underlying: str, steady: bool, option: bool  # noqa: FBT001 - of the table
) -> None:  # fmt: skip
    terms: dict[str, Any] = {"strike": 100.0, "option_type": "CE"} if option else {}
    schema = OPTIONS_DAY if option else FUTURES_DAY
    held = {"date": DAYS[0], "exchange": "NFO", "symbol": underlying, "expiry": DAYS[-1],
            "high": 12.0, "low": 10.0, **terms}  # fmt: skip
    others = [{**held, "expiry": DAYS[-2]}, {**held, "symbol": "INFY"}]
    others += [{**held, "option_type": "PE"}, {**held, "strike": 110.0}] if option else []
    rows = pl.DataFrame([held, *others]).with_columns(high=pl.Series([12.0, *[99.0] * len(others)]))
    lake.upsert("options_day" if option else "futures_day", conform(rows, schema, what="days"))
    row = {"exchange": "NFO", "underlying": underlying, "expiry": DAYS[-1], "strike": None,
           "option_type": None, **terms}  # fmt: skip
    found = ranges(lake, row, "ANY", DAYS[0], DAYS[-1])
    assert found.rows() == [(DAYS[0], 12.0, 10.0, steady)]


# -- what a refetch takes away -------------------------------------------------------------------


def candles(symbol: str, moments: list[datetime], price: float = 100.0) -> pl.DataFrame:
    frame = pl.DataFrame({"time": moments}).with_columns(
        exchange=pl.lit("NSE"), symbol=pl.lit(symbol),
        **dict.fromkeys(("open", "high", "low", "close"), pl.lit(price)),
    )  # fmt: skip
    return conform(frame, CANDLES, what="candles")


def test_only_days_of_the_answer_are_trimmed_and_only_up_to_its_end(lake: Lake) -> None:
    def at(day: int, minute: int) -> datetime:
        return datetime(2026, 6, day, 10, minute, tzinfo=IST)

    moments = [at(day, minute) for day in (15, 16, 17) for minute in range(4)]
    for symbol in ("SBIN", "INFY"):
        lake.upsert("candles_minute", candles(symbol, moments))
    same = candles("SBIN", [at(15, 1), at(15, 3), at(17, 2)])
    assert trim(lake, "candles_minute", same) == 0  # holes: what is stored of the day holds
    prices = ("open", "high", "low", "close")
    answer = same.with_columns(*(pl.col(name) / 2 for name in prices))
    assert trim(lake, "candles_minute", answer) == 2 + 2
    held = lake.scan("candles_minute").sort("symbol", "time").collect()
    assert held.filter(symbol="INFY")["time"].to_list() == moments
    left = [at(15, 1), at(15, 3), *(at(16, minute) for minute in range(4)), at(17, 2), at(17, 3)]
    assert held.filter(symbol="SBIN")["time"].to_list() == left
    assert trim(lake, "candles_minute", answer) == 0
    assert trim(lake, "candles_minute", answer.clear()) == 0


# -- what is remembered --------------------------------------------------------------------------


def test_what_is_asked_for_anew_is_remembered_until_its_end(lake: Lake) -> None:
    done, key = Done(lake, Interval.MINUTE), (Exchange.NSE, "SBIN")
    final = datetime(2026, 6, 20, tzinfo=IST)
    done.add(*key, (DAYS[0], DAYS[-1]), DAYS[1:], final)
    done.foreign(*key, [DAYS[1]])
    done.foreign(Exchange.NSE, "INFY", DAYS)  # nothing was answered of it: nothing to remember
    assert done.answered(*key, DAYS) == {*DAYS[2:]}
    done.add(*key, (DAYS[1], DAYS[1]), [DAYS[1]], final)
    assert done.answered(*key, DAYS) == {*DAYS[1:]}
    done.begin_anew(*key, (DAYS[0], DAYS[-1]))
    assert done.answered(*key, DAYS) == set()
    assert done.anew(*key) == (DAYS[0], DAYS[-1])
    done.add(*key, (DAYS[0], DAYS[1]), DAYS[:2], final)
    assert done.anew(*key) == (DAYS[0], DAYS[-1])
    done.end_anew([key])
    assert done.anew(*key) is None
    assert done.answered(*key, DAYS) == {*DAYS[:2]}


def test_a_memory_of_another_hand_is_forgotten(lake: Lake) -> None:
    done, key = Done(lake, Interval.MINUTE), (Exchange.NSE, "SBIN")
    done.begin_anew(*key, (DAYS[0], DAYS[-1]))
    path = lake.root / "candles_minute" / ".answered.json"
    for text in ('{"NSE:SBIN": {"anew": ["x", "y"]}}', '{"NSE:SBIN": {"foreign": ["x"]}}',
                 '{"NSE:SBIN": {"anew": 3}}', '{"NSE:SBIN": []}'):  # fmt: skip
        path.write_text(text)
        assert done.anew(*key) is None
        assert done.answered(*key, DAYS) == set()
