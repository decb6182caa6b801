"""Futures at rest and simulated: what is listed, their days, and days joined."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.domain.frames import CANDLES, DATASETS, conform
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval
from alphastock_cli.errors import NotOffered, UnknownName
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.replay import Replay
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.sandbox import history
from alphastock_cli.sandbox.listing import Listing
from alphastock_cli.sandbox.replies import CallError
from alphastock_cli.store.futures import future_name
from alphastock_cli.store.lake import Lake
from tests.conftest import IST, ManualClock

D = date
AUG, SEP = D(2026, 8, 25), D(2026, 9, 29)
DAY, JULY = D(2026, 8, 14), D(2026, 7, 1)
NOON = datetime(2026, 8, 14, 12, 0, tzinfo=IST)
VALUES = ["time", "open", "high", "low", "close", "volume", "open_interest"]


def row(day: date, expiry: date, close: float, **more: Any) -> dict[str, Any]:
    return {"date": day, "exchange": "NFO", "symbol": "NIFTY", "expiry": expiry, "open": close,
            "high": close + 5, "low": close - 5, "close": close, "contracts": 100,
            "open_interest": 6500, "kind": "index"} | more  # fmt: skip


def put(lake: Lake, dataset: str, *rows: dict[str, Any]) -> None:
    frame = pl.DataFrame(list(rows), infer_schema_length=None)
    lake.upsert(dataset, conform(frame, DATASETS[dataset], what="test"))


@pytest.fixture
def market(tmp_path: Path) -> Replay:
    lake = Lake(tmp_path / "lake")
    minute = {"time": NOON.replace(hour=9, minute=15), "exchange": "NSE", "symbol": "SBIN",
              "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}  # fmt: skip
    put(lake, "candles_minute", minute)
    put(
        lake, "futures_day",
        row(D(2026, 7, 28), D(2026, 7, 28), 90.0), row(D(2026, 7, 28), AUG, 91.0),
        row(D(2026, 8, 12), AUG, 100.0), row(D(2026, 8, 12), SEP, 101.0),
        row(D(2026, 8, 13), AUG, 102.0), row(D(2026, 8, 13), SEP, 103.0),
        row(D(2026, 8, 13), AUG, 50.0, symbol="NOBODY", kind="stock"),
        row(DAY, AUG, 104.0),  # of the replayed day: nobody knows it yet
        row(D(2026, 8, 11), AUG, 9.0, open=None, high=None, low=None, contracts=0),
        row(D(2026, 8, 10), AUG, 9.0, high=8.0, low=7.0),
    )  # fmt: skip
    return Replay(lake, ManualClock(NOON), DAY)


def future(name: str, expiry: date, underlying: str = "NIFTY") -> Instrument:
    return Instrument(exchange=Exchange.NFO, tradingsymbol=name, asset_type=AssetType.FUTURES,
                      underlying=underlying, expiry=expiry)  # fmt: skip


def days(market: Any, item: Instrument, since: date = JULY) -> pl.DataFrame:
    start = datetime(since.year, since.month, since.day, tzinfo=IST)
    found: pl.DataFrame = market.candles(item, Interval.DAY, start, NOON)
    return found


def test_names_are_those_of_brokers() -> None:
    assert future_name("M&M", D(2021, 3, 25)) == "M&M21MARFUT"


def test_a_replay_lists_the_live_futures_of_the_session_before(market: Replay) -> None:
    listed = market.listed_futures(Exchange.NFO)
    assert listed["tradingsymbol"].to_list() == ["NIFTY26AUGFUT", "NIFTY26SEPFUT", "NOBODY26AUGFUT"]
    lots = dict(listed.select("tradingsymbol", "lot_size").iter_rows())
    assert lots == {"NIFTY26AUGFUT": 65, "NIFTY26SEPFUT": 65, "NOBODY26AUGFUT": None}
    assert market.listed_futures(Exchange.MCX).is_empty()
    listing = Listing(market)
    item = listing.by_key["NFO:NIFTY26SEPFUT"]
    assert (item.kind, item.segment) == ("FUT", "NFO-FUT")
    assert listing.nearest_future(item).key == "NFO:NIFTY26AUGFUT"


def test_days_of_a_stored_contract(market: Replay) -> None:
    """Without the replayed day, a day without a trade, and one settled outside its range."""
    found = days(market, future("NIFTY26AUGFUT", AUG))
    assert found.schema == CANDLES
    assert [(time.date(), close) for time, close in found.select("time", "close").iter_rows()] == [
        (D(2026, 7, 28), 91.0), (D(2026, 8, 12), 100.0), (D(2026, 8, 13), 102.0)
    ]  # fmt: skip
    assert found["volume"].to_list() == [6500] * 3
    assert found["open_interest"].to_list() == [6500] * 3
    unknown = days(market, future("NOBODY26AUGFUT", AUG, "NOBODY"))
    assert unknown["volume"].to_list() == [None], "no table knows its lot"


def test_stored_days_joined(market: Replay) -> None:
    item = future("NIFTY26SEPFUT", SEP)
    start = datetime(2026, 7, 1, tzinfo=IST)
    found = market.joined_days(item, start, NOON)
    assert found["close"].to_list() == [90.0, 100.0, 102.0], "the one that ends next, each day"
    assert set(found["symbol"]) == {"NIFTY"}


def test_the_sandbox_sends_null_where_nobody_knows_the_volume(market: Replay) -> None:
    item = Listing(market).by_key["NFO:NOBODY26AUGFUT"]
    start = datetime(2026, 8, 1, tzinfo=IST)
    rows = history.candles(market, item, Interval.DAY, start, NOON, oi=True, continuous=False,
                           now=NOON)  # fmt: skip
    assert rows == [["2026-08-13T00:00:00+0530", 50.0, 55.0, 45.0, 50.0, None, 6500]]


# -- the simulated exchange ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sim() -> SimExchange:
    return SimExchange(ManualClock(NOON), universe=12)


def listed(sim: SimExchange, symbol: str) -> Instrument:
    return Listing(sim).by_key[f"NFO:{symbol}"].instrument


@pytest.mark.parametrize("underlying", ["NIFTY", "SBIN"])
def test_simulated_days_are_joined_out_of_contracts(sim: SimExchange, underlying: str) -> None:
    aug = days(sim, listed(sim, f"{underlying}26AUGFUT"))
    assert aug["time"].dt.date().max() == D(2026, 8, 13)
    assert ((aug["low"] <= aug["open"]) & (aug["open"] <= aug["high"])).all()
    assert ((aug["low"] <= aug["close"]) & (aug["close"] <= aug["high"])).all()
    assert (aug["volume"] > 0).all()
    assert (aug["open_interest"] > 0).all()
    item = listed(sim, f"{underlying}26SEPFUT")
    joined = sim.joined_days(item, datetime(2026, 7, 1, tzinfo=IST), NOON)
    sessions = calendar.sessions(calendar.Segment.FNO, D(2026, 7, 1), D(2026, 8, 13))
    assert joined["time"].dt.date().to_list() == list(sessions)
    late = pl.col("time").dt.date() > D(2026, 7, 28)
    assert joined.filter(late).select(VALUES).equals(aug.filter(late).select(VALUES))
    # the contract before, as the exchange told its days while it lived
    then = SimExchange(ManualClock(datetime(2026, 7, 28, 18, 0, tzinfo=IST)), universe=12)
    july = days(then, listed(then, f"{underlying}26JULFUT")).select(VALUES)
    assert joined.filter(~late).select(VALUES).equals(july)


def test_a_simulated_day_does_not_depend_on_what_else_is_asked(sim: SimExchange) -> None:
    item = listed(sim, "NIFTY26AUGFUT")
    other = SimExchange(ManualClock(NOON + timedelta(days=3, hours=6)), universe=12)
    later, whole = days(other, item, D(2026, 8, 12)), days(sim, item)
    assert later["time"].dt.date()[-1] == DAY
    assert later.head(2).equals(whole.tail(2))


def test_the_day_is_final_when_the_futures_have_closed() -> None:
    for minute, last in ((39, D(2026, 8, 13)), (40, DAY)):
        clock = ManualClock(datetime(2026, 8, 14, 15, minute, 30, tzinfo=IST))
        made = SimExchange(clock, universe=12)
        start = datetime(2026, 8, 10, tzinfo=IST)
        found = made.candles(listed(made, "NIFTY26AUGFUT"), Interval.DAY, start, clock.now())
        assert found["time"].dt.date().max() == last


def test_what_no_table_knows_is_not_invented(sim: SimExchange) -> None:
    item = listed(sim, "NIFTY26AUGFUT")
    early = sim.joined_days(
        item, datetime(2023, 8, 1, tzinfo=IST), datetime(2023, 9, 5, tzinfo=IST)
    )
    assert early["time"].dt.date().to_list()[0] == D(2023, 9, 1)
    gone = future("NIFTY26JULFUT", D(2026, 7, 28))
    assert days(sim, gone)["time"].dt.date().max() == D(2026, 7, 28)
    with pytest.raises(NotOffered):
        sim.candles(item, Interval.MINUTE, NOON - timedelta(days=1), NOON)
    with pytest.raises(UnknownName):
        sim.joined_days(future("X26AUGFUT", AUG, "X"), NOON - timedelta(days=9), NOON)


def test_only_days_of_futures_are_joined(sim: SimExchange) -> None:
    listing = Listing(sim)
    option = next(each for each in listing.by_key.values() if each.kind == "CE")
    for item, interval in (
        (option, Interval.DAY), (listing.by_key["NSE:SBIN"], Interval.DAY),
        (listing.by_key["NFO:NIFTY26AUGFUT"], Interval.MINUTE_60),
    ):  # fmt: skip
        with pytest.raises(CallError, match="continuous"):
            history.candles(sim, item, interval, NOON - timedelta(days=9), NOON, oi=False,
                            continuous=True, now=NOON)  # fmt: skip
