"""Stored snapshots of chains: which one answers at a moment, from the lake and in a replay."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.lake_status import status
from alphastock_cli.domain.frames import CANDLES, CHAIN, CHAINS, DATASETS, conform
from alphastock_cli.domain.ports import Capability
from alphastock_cli.errors import NotOffered, ProviderError, UnknownName
from alphastock_cli.providers.lake import LakeProvider
from alphastock_cli.providers.replay import Replay
from alphastock_cli.runners.options import OptionsRunner
from alphastock_cli.store import chains
from alphastock_cli.store.contract_names import is_monthly
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
TUE, WED, THU = D(2026, 8, 18), D(2026, 8, 19), D(2026, 8, 20)
NEAR, NEXT = D(2026, 8, 25), D(2026, 9, 1)


def at(clock: str, day: date = WED) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def rows(moment: datetime, base: float = 100.0, **values: Any) -> list[dict[str, Any]]:
    """Return both sides of three strikes of two expiries; the highest put is not listed."""
    return [
        {
            "time": moment, "exchange": "NFO", "underlying": "NIFTY", "expiry": expiry,
            "strike": strike, "option_type": kind, "spot": 24_000.0 + base,
            "last_price": base + sign * (strike - 24_100.0) / 2.0, "volume": 650,
            "open_interest": 1300, "oi_change": 65, "source": "test",
        } | values
        for expiry in (NEAR, NEXT)
        for strike in (24_050.0, 24_100.0, 24_150.0)
        for kind, sign in (("CE", -1.0), ("PE", 1.0))
        if (strike, kind) != (24_150.0, "PE")
    ]  # fmt: skip


def put(lake: Lake, *held: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame([row for part in held for row in part], infer_schema_length=None)
    lake.upsert("chains", conform(frame, CHAINS, what="test"))


def put_day(lake: Lake, day: date) -> None:
    base = {"exchange": "NFO", "symbol": "NIFTY", "expiry": NEAR, "option_type": "CE",
            "strike": 24_000.0, "date": day, "close": 77.0, "contracts": 3}  # fmt: skip
    lake.upsert("options_day", conform(pl.DataFrame([base]), DATASETS["options_day"], what="test"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    put(lake, rows(at("11:27")), rows(at("11:30"), 101.0), rows(at("13:08"), 105.0))
    put(lake, rows(at("14:00", THU), 110.0))
    return lake


def provider(lake: Lake, moment: datetime) -> LakeProvider:
    return LakeProvider(lake, ManualClock(at("18:00", D(2026, 11, 20))), as_of=moment)


# -- the lake -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("11:27:00", "11:27"), ("11:29:59", "11:27"), ("11:30:00", "11:30"), ("13:07:59", "11:30"),
     ("23:00:00", "13:08")],
)  # fmt: skip
def test_the_newest_snapshot_that_is_not_later_answers(
    lake: Lake, moment: str, expected: str
) -> None:
    source = provider(lake, at(moment))
    assert source.chain_as_of("NIFTY") == at(expected)
    assert source.expiries("NIFTY") == (NEAR, NEXT)
    truth = {"11:27": 100.0, "11:30": 101.0, "13:08": 105.0}[expected]
    chain = source.option_chain("NIFTY", NEAR)
    assert chain.filter(strike=24_100.0)["last_price"].to_list() == [truth, truth]
    assert source.chain_spot("NIFTY") == 24_000.0 + truth


def test_a_chain_of_a_snapshot(lake: Lake) -> None:
    chain = provider(lake, at("11:30")).option_chain("NIFTY", NEXT)
    assert chain.schema == CHAIN
    assert chain.row(0, named=True) == {
        "tradingsymbol": "NIFTY2690124050CE", "underlying": "NIFTY", "expiry": NEXT,
        "strike": 24_050.0, "option_type": "CE", "last_price": 126.0, "bid": None, "ask": None,
        "bid_quantity": None, "ask_quantity": None, "volume": 650, "open_interest": 1300,
        "oi_change": 65, "last_trade_time": None, "lot_size": 65,
    }  # fmt: skip
    absent = chain.row(5, named=True)
    assert (absent["tradingsymbol"], absent["last_price"]) == ("NIFTY2690124150PE", None)
    near = provider(lake, at("11:30")).option_chain("NIFTY", NEAR)
    assert near["tradingsymbol"][0] == "NIFTY26AUG24050CE"
    with pytest.raises(UnknownName, match="at 2026-08-19 11:30:00 has no 2026-09-08"):
        provider(lake, at("11:30")).option_chain("NIFTY", D(2026, 9, 8))


def test_before_the_first_snapshot_there_is_no_chain(lake: Lake) -> None:
    with pytest.raises(ProviderError, match="no options up to 2026-08-19 11:26"):
        provider(lake, at("11:26")).expiries("NIFTY")
    with pytest.raises(UnknownName, match="unknown underlying 'NIFTTY'") as caught:
        provider(lake, at("11:27")).expiries("NIFTTY")
    assert "NIFTY" in (caught.value.hint or "")


def test_the_newer_of_snapshot_and_session_answers(lake: Lake) -> None:
    put_day(lake, TUE)
    source = provider(lake, at("11:00"))
    assert source.chain_as_of("NIFTY") == at("15:40", TUE)
    assert source.chain_spot("NIFTY") is None
    assert provider(lake, at("12:00")).chain_as_of("NIFTY") == at("11:30")
    put_day(lake, WED)
    assert provider(lake, at("15:39:59")).chain_as_of("NIFTY") == at("13:08")
    evening = provider(lake, at("15:40"))
    assert evening.chain_as_of("NIFTY") == at("15:40")
    assert evening.option_chain("NIFTY", NEAR)["last_price"].to_list() == [77.0, None]
    assert provider(lake, at("14:30", THU)).chain_as_of("NIFTY") == at("14:00", THU)


def test_futures_of_another_session_are_no_price_of_a_snapshot(lake: Lake) -> None:
    base = {"exchange": "NFO", "symbol": "NIFTY", "expiry": NEAR, "date": TUE, "close": 23_000.0,
            "contracts": 9}  # fmt: skip
    lake.upsert("futures_day", conform(pl.DataFrame([base]), DATASETS["futures_day"], what="test"))
    assert provider(lake, at("11:00")).futures("NIFTY").height == 1
    assert provider(lake, at("11:30")).futures("NIFTY").is_empty()


def test_the_runner_takes_the_spot_of_the_snapshot(lake: Lake) -> None:
    moment = at("11:30")
    runner = OptionsRunner(provider(lake, moment), clock=ManualClock(moment), symbols=("NIFTY",))
    made = runner.run_once()["NIFTY"]
    assert (made.facts["spot"], made.as_of, made.facts["future"]) == (24_101.0, moment, None)
    assert made.facts["forward_source"] == "parity"
    assert made.quote is not None
    assert (made.quote.time, made.quote.last_price) == (moment, 24_101.0)


def test_what_comes_later_changes_nothing(tmp_path: Path) -> None:
    """The prefix law: an answer at a moment is the same whatever is stored of later ones."""
    moments = ["11:27", "11:30", "13:08", "15:00"]
    whole = Lake(tmp_path / "whole")
    put(whole, *(rows(at(clock), 100.0 + n) for n, clock in enumerate(moments)))
    part = Lake(tmp_path / "part")
    for number, clock in enumerate(moments):
        put(part, rows(at(clock), 100.0 + number))
        for late in (clock, clock + ":59"):
            for expiry in (NEAR, NEXT):
                asked = [provider(each, at(late)) for each in (part, whole)]
                known, later = (each.option_chain("NIFTY", expiry) for each in asked)
                assert known.equals(later)
                again = [Replay(each, ManualClock(at(late)), WED) for each in (part, whole)]
                assert all(known.equals(each.option_chain("NIFTY", expiry)) for each in again)


# -- a replay -----------------------------------------------------------------------------------


def test_a_day_with_snapshots_alone_is_replayed(lake: Lake) -> None:
    clock = ManualClock(at("11:26:59"))
    made = Replay(lake, clock, WED)
    assert Capability.CHAIN in made.capabilities
    assert Capability.CHAIN not in Replay.capabilities
    assert (made.symbols(), made.session) == ((), (at("09:15"), at("15:35")))
    with pytest.raises(ProviderError, match="at 11:26:59 no chain of NIFTY is known yet") as caught:
        made.expiries("NIFTY")
    assert caught.value.hint == "The first snapshot of 2026-08-19 is of 11:27:00."
    for now, known in (("11:27", "11:27"), ("11:31", "11:30"), ("15:00", "13:08")):
        clock._now = at(now)
        assert made.chain_as_of("NIFTY") == at(known)
        assert made.option_chain("NIFTY", NEAR).height == 6
    assert made.chain_spot("NIFTY") == 24_105.0
    with pytest.raises(UnknownName, match="unknown underlying 'SBIN'"):
        made.option_chain("SBIN", NEAR)
    assert made.quotes(["NSE:NIFTY 50"]) == {}


def test_a_day_without_snapshots_has_no_chain_and_says_so(lake: Lake) -> None:
    row = {"time": at("09:15", TUE), "exchange": "NSE", "symbol": "SBIN", "open": 1.0, "high": 1.0,
           "low": 1.0, "close": 1.0}  # fmt: skip
    lake.upsert("candles_minute", conform(pl.DataFrame([row]), CANDLES, what="test"))
    made = Replay(lake, ManualClock(at("12:00", TUE)), TUE)
    assert Capability.CHAIN not in made.capabilities
    with pytest.raises(NotOffered, match="the replay of 2026-08-18 has no chain of NIFTY"):
        made.option_chain("NIFTY", NEAR)
    with pytest.raises(ProviderError, match="cannot be replayed: nothing is stored") as caught:
        Replay(lake, ManualClock(at("12:00", D(2026, 8, 21))), D(2026, 8, 21))
    assert caught.value.hint == (
        "Candles or chains are stored of 2026-08-18, 2026-08-19, 2026-08-20."
    )


# -- the rest -----------------------------------------------------------------------------------


def test_underlyings_days_and_status(lake: Lake) -> None:
    put(lake, rows(at("15:00", D(2026, 9, 2)), underlying="BANKNIFTY"))
    assert [path.stem for path in lake.files("chains")] == ["2026-08", "2026-09"]
    assert chains.underlyings(lake, at("11:27")) == ["NIFTY"]
    assert chains.underlyings(lake, at("11:26")) == []
    assert chains.days_held(lake, around=WED) == [WED, THU, D(2026, 9, 2)]
    newest = chains.newest(lake, "NIFTY", at("18:00", D(2026, 9, 3)))
    assert newest is not None
    assert newest.time == at("14:00", THU)
    assert chains.newest(lake, "NIFTY", at("18:00", THU), day=TUE) is None
    shown = status(lake, ManualClock(at("18:00", D(2026, 9, 2)))).rows
    assert isinstance(shown, list)
    (row,) = shown
    assert (row["dataset"], row["exchange"], row["rows"], row["symbols"], row["sessions"]) == (
        "chains", "NFO", 50, 2, 3,
    )  # fmt: skip
    assert (row["gaps"], row["age_days"], row["state"]) == (None, 0, "ok")


def test_a_weekly_expiry_is_not_monthly_because_the_list_ends_there() -> None:
    listed = [D(2026, 8, 25), D(2026, 9, 1), D(2026, 9, 15)]
    found = [is_monthly("NIFTY", day, listed, WED) for day in listed]
    assert found == [True, False, False]
    assert is_monthly("SBIN", D(2026, 9, 29), [D(2026, 9, 29)], WED)
    old = [D(2010, 3, 18), D(2010, 3, 25)]
    assert [is_monthly("NIFTY", day, old, D(2010, 3, 17)) for day in old] == [False, True]
