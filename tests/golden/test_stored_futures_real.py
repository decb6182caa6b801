"""Real days of futures out of the lake as an exchange would tell them: contracts, joined ones.

The expected figures are read here with the csv module; nothing of ours takes part.
"""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from alphastock_cli.actions.fetch_eod import fetch_eod
from alphastock_cli.domain.frames import CANDLES, conform
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.providers.kite import history as kite_history
from alphastock_cli.providers.nse import NseFiles
from alphastock_cli.providers.replay import Replay
from alphastock_cli.sandbox import history
from alphastock_cli.sandbox.listing import Listing
from alphastock_cli.store.lake import Lake
from tests.conftest import ManualClock

IST = ZoneInfo("Asia/Kolkata")
GOLD_DAY, FO_DAY = date(2021, 7, 15), date(2021, 3, 19)
Figures = tuple[float, float, float, float, int, int]


def replay(lake: Lake, day: date) -> Replay:
    """Return a replay of a day: one candle of it makes it one that can be lived again."""
    start = datetime(day.year, day.month, day.day, 9, 15, tzinfo=IST)
    row = {"time": start, "exchange": "NSE", "symbol": "SBIN", "open": 1.0, "high": 1.0,
           "low": 1.0, "close": 1.0}  # fmt: skip
    lake.upsert("candles_minute", conform(pl.DataFrame([row]), CANDLES, what="test"))
    return Replay(lake, ManualClock(start.replace(hour=12)), day)


@pytest.fixture(scope="module")
def gold(shared_data: Path) -> dict[tuple[date, date], Figures]:
    """Return the traded days by day and expiry."""
    found: dict[tuple[date, date], Figures] = {}
    with zipfile.ZipFile(shared_data / "mcx/mcx_gold_bhavcopy_by_contract_2014_2026.zip") as held:
        for name in held.namelist():
            for row in csv.DictReader(io.StringIO(held.read(name).decode("utf-8-sig"))):
                expiry = datetime.strptime(row["ExpiryDate"].title(), "%d%b%Y").date()  # noqa: DTZ007 - a date
                prices = tuple(float(row[name]) for name in ("Open", "High", "Low", "Close"))
                figures = (*prices, int(row["Volume"]), int(row["OpenInterest"]))
                if int(row["Volume"]):
                    found[date.fromisoformat(row["Date"]), expiry] = figures  # type: ignore[assignment]
    return found


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("futures") / "lake")
    for name in ("mcx", "nse_fo_bhavcopy_old"):
        fetch_eod(NseFiles(), made, shared_data / name)
    return made


def asked(
    market: Replay, symbol: str, first: date, *, continuous: bool
) -> dict[date, Figures]:  # fmt: skip
    """Return what our Kite reader makes of what the sandbox answers."""
    item = Listing(market).by_key[symbol]
    start, end = datetime(first.year, first.month, first.day, tzinfo=IST), market.as_of()
    rows = history.candles(market, item, Interval.DAY, start, end, oi=True, continuous=continuous,
                           now=end)  # fmt: skip
    found = kite_history.checked_days(
        rows, symbol=item.instrument.tradingsymbol, exchange=item.instrument.exchange,
        span=(first, end.date()), now=end, index=False, steady=True,
    )  # fmt: skip
    assert found.rejects.is_empty()
    names = ("time", "open", "high", "low", "close", "volume", "open_interest")
    return {time.date(): tuple(rest) for time, *rest in found.candles.select(names).iter_rows()}


def test_days_of_gold_contract_by_contract(
    lake: Lake, gold: dict[tuple[date, date], Figures]
) -> None:
    market = replay(lake, GOLD_DAY)
    listed = market.listed_futures(Exchange.MCX)
    before = max(day for day, _ in gold if day < GOLD_DAY)
    alive = sorted(expiry for day, expiry in gold if day == before and expiry >= GOLD_DAY)
    assert set(alive) <= set(listed["expiry"])
    for expiry in alive:
        name = f"MCX:GOLD{expiry:%y%b}FUT".upper()
        wanted = {day: f for (day, e), f in gold.items() if e == expiry and day < GOLD_DAY}
        assert asked(market, name, date(2020, 1, 1), continuous=False) == wanted


def test_gold_joined_by_the_next_expiry(lake: Lake, gold: dict[tuple[date, date], Figures]) -> None:
    market = replay(lake, GOLD_DAY)
    name = next(iter(market.listed_futures(Exchange.MCX).sort("expiry")["tradingsymbol"]))
    first = date(2016, 6, 1)
    found = asked(market, f"MCX:{name}", first, continuous=True)
    everything = lake.scan("futures_day").filter(exchange="MCX").collect()
    ends: dict[date, date] = {}  # of every contract that was listed, traded that day or not
    for day, expiry in everything.select("date", "expiry").iter_rows():
        if expiry >= day:
            ends[day] = min(expiry, ends.get(day, date.max))
    wanted = {
        day: gold[day, expiry] for day, expiry in ends.items()
        if first <= day < GOLD_DAY and (day, expiry) in gold
    }  # fmt: skip
    settled = {day for day, (_, high, low, close, *_) in wanted.items() if not low <= close <= high}
    assert len(settled) == 13
    last = {max(day for day, e in ends.items() if e == expiry) for expiry in ends.values()}
    assert settled <= last, "the last session of a contract: its due price"
    assert found == {day: figures for day, figures in wanted.items() if day not in settled}
    assert len(found) == 1283


def test_a_day_of_nse_futures_without_a_known_lot_has_no_volume(
    lake: Lake, shared_data: Path
) -> None:
    with zipfile.ZipFile(shared_data / "nse_fo_bhavcopy_old/fo18MAR2021bhav.csv.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    lines = [row for row in csv.DictReader(io.StringIO(text)) if row["INSTRUMENT"] == "FUTIDX"]
    line = next(
        row for row in lines if row["SYMBOL"] == "NIFTY" and "MAR" in row["EXPIRY_DT"].upper()
    )
    market = replay(lake, FO_DAY)
    assert market.listed_futures(Exchange.NFO).height > 450
    found = asked(market, "NFO:NIFTY21MARFUT", date(2021, 3, 1), continuous=True)
    assert found == {
        date(2021, 3, 18): (
            *(float(line[name]) for name in ("OPEN", "HIGH", "LOW", "CLOSE")),
            None, int(line["OPEN_INT"]),
        )
    }  # fmt: skip


def test_nothing_of_the_replayed_day_or_later_is_told(lake: Lake) -> None:
    market = replay(lake, date(2021, 3, 18))
    assert market.listed_futures(Exchange.NFO).is_empty()
    assert not [key for key in Listing(market).by_key if key.startswith("NFO:")]
