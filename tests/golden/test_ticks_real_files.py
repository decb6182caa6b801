"""Real recordings of ticks: every row accounted for, minutes against other readers."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pytest

from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.store.candle_checks import CandleFile
from alphastock_cli.store.tick_checks import read_prices
from tests.conftest import IST

PRICES = ("open", "high", "low", "close")
NOW = datetime(2026, 11, 20, 18, tzinfo=IST)
STOCKS = "nse_stock_ltp_volume_ticks_2021-06-11.zip"
KITE = "kite_ltp_ticks_nifty_and_options_2025-10-08.zip"
REPEATED = "kite_1min_nifty_and_two_options_2025-10-07.zip"
SHUT, UNSET = "the exchange was closed that day", "a time stamp of 1970"
OUTSIDE = "outside the trading hours of that day"
# archive, member, symbol, exchange, rows, minutes, repeats, refused
TICKS: list[tuple[str, str, str, str, int, int, int, dict[str, int]]] = [
    (STOCKS, "RELIANCE_2021-06-11_.csv", "RELIANCE", "NSE", 21_660, 330, 403,
     {UNSET: 1085, SHUT: 835, OUTSIDE: 1028}),
    (STOCKS, "TCS_2021-06-11_.csv", "TCS", "NSE", 21_300, 330, 683,
     {UNSET: 1071, SHUT: 841, OUTSIDE: 933}),
    (STOCKS, "HDFCBANK_2021-06-11_.csv", "HDFCBANK", "NSE", 21_560, 330, 833,
     {UNSET: 1095, SHUT: 850, OUTSIDE: 927}),
    (STOCKS, "SBIN_2021-06-11_.csv", "SBIN", "NSE", 21_780, 330, 457,
     {UNSET: 1099, SHUT: 827, OUTSIDE: 1161}),
    (STOCKS, "ITC_2021-06-11_.csv", "ITC", "NSE", 17_680, 330, 126,
     {UNSET: 1070, SHUT: 847, OUTSIDE: 1321}),
    (STOCKS, "Nifty_2021-06-11_.csv", "NIFTY 50", "NSE", 64_740, 330, 1,
     {SHUT: 31_237, OUTSIDE: 15_790}),
    (STOCKS, "Nifty_Bank_2021-06-11_.csv", "NIFTY BANK", "NSE", 64_575, 330, 4,
     {SHUT: 31_445, OUTSIDE: 15_668}),
    (KITE, "ticks_NIFTY50_256265_20251008.csv", "NIFTY 50", "NSE", 42_483, 329, 0,
     {OUTSIDE: 1624}),
    (KITE, "ticks_CALL_10924290_10924290_20251008.csv", "NIFTY25O1425000CE", "NFO", 33_961, 278, 0,
     {}),
    (KITE, "ticks_PUT_10932226_10932226_20251008.csv", "NIFTY25O1425400PE", "NFO", 26_868, 278, 0,
     {}),
]  # fmt: skip
REAL_MINUTES = [
    ("candles_1min_NIFTY50_256265_20251007.csv", "NIFTY", "NSE", 4275, 331, 3898, 46),
    ("candles_1min_NIFTY25O0725000CE_9827074_20251007.csv", "NIFTY25O0725000CE", "NFO", 3891, 299,
     3541, 51),
    ("candles_1min_NIFTY25O0725400PE_9832962_20251007.csv", "NIFTY25O0725400PE", "NFO", 3891, 304,
     3546, 41),
]  # fmt: skip


def archive(folder: Path, name: str) -> Path:
    path = folder / "ticks" / name
    if not path.is_file():
        pytest.skip(f"no {name}")
    return path


def read(path: Path, symbol: str, exchange: str, member: str = "", side: str = "") -> CandleFile:
    mapping = {price: f"{side}_{price}" for price in PRICES} if side else {}
    return read_prices(path, symbol=symbol, exchange=Exchange(exchange), interval=Interval.MINUTE,
                       now=NOW, member=member, mapping=mapping)  # fmt: skip


def rows_of(path: Path, member: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(path) as held:
        return list(csv.DictReader(io.StringIO(held.read(member).decode())))


@pytest.mark.parametrize("case", TICKS, ids=lambda case: case[1][:18])
def test_a_recording_against_the_standard_library(
    shared_data: Path, case: tuple[str, str, str, str, int, int, int, dict[str, int]]
) -> None:
    name, member, symbol, exchange, rows, minutes, repeated, refused = case
    path = archive(shared_data, name)
    found = read(path, symbol, exchange, member if name == KITE else "")
    assert (found.file, found.symbol) == (f"{name}!{member}", symbol)
    assert (found.rows, found.candles.height, found.repeated) == (rows, minutes, repeated)
    assert Counter(found.rejects["reason"]) == refused
    day = "2021-06-11" if name == STOCKS else "2025-10-08"
    ticks = {
        (row["timestamp"], int(row.get("volume", 0)), float(row["ltp"])): None
        for row in rows_of(path, member)
        if row["timestamp"].startswith(day) and "09:15" <= row["timestamp"][11:16] < "15:30"
    }
    assert len(ticks) == rows - repeated - sum(refused.values())
    # by time, then by volume; those without one as they came
    held = sorted(ticks, key=lambda tick: tick[:2])
    truth: dict[str, list[tuple[str, int, float]]] = {}
    for tick in held:
        truth.setdefault(tick[0][:16], []).append(tick)
    volume: dict[str, int | None] = {}
    before: str | None = None
    for minute, inside in truth.items():
        begin = inside[0][1]
        if before is not None:
            gap = datetime.fromisoformat(minute) - datetime.fromisoformat(before)
            begin = begin if gap.seconds > 300 else truth[before][-1][1]
        volume[minute] = inside[-1][1] - begin if inside[-1][1] else None
        before = minute
    for row in found.candles.iter_rows(named=True):
        minute = f"{row['time']:%Y-%m-%d %H:%M}"
        prices = [price for _, _, price in truth.pop(minute)]
        assert (row["open"], row["high"], row["low"], row["close"], row["volume"]) == (
            prices[0], max(prices), min(prices), prices[-1], volume[minute],
        )  # fmt: skip
    assert not truth


def test_the_interruption_of_the_stocks(shared_data: Path) -> None:
    found = read(archive(shared_data, STOCKS), "RELIANCE", "NSE")
    gaps = [
        (before, after) for before, after in pairwise(found.candles["time"])
        if (after - before).seconds > 60
    ]  # fmt: skip
    assert [(f"{a:%H:%M}", f"{b:%H:%M}") for a, b in gaps] == [("14:26", "15:12")]
    # units traded by the last tick, less those before the first one and in the interruptions
    assert found.candles["volume"].sum() == 5_549_670
    lost = "799907 units traded before the first tick or in a gap are in no candle"
    assert lost in found.notes[1]


def test_the_options_of_the_recording_lie_around_their_parity(shared_data: Path) -> None:
    """Two options of different strikes and the index move as call and put of one expiry do."""
    path = archive(shared_data, KITE)
    spot = read(path, "NIFTY", "NSE").candles
    call = read(path, "NIFTY25O1425000CE", "NFO", TICKS[8][1]).candles
    put = read(path, "NIFTY25O1425400PE", "NFO", TICKS[9][1]).candles
    both = call.join(put, on="time", suffix="_put").join(spot, on="time", suffix="_spot")
    assert both.height == 278
    moved = both.select(pl.col("close", "close_put", "close_spot").diff()).drop_nulls()
    assert moved.select(pl.corr("close", "close_spot")).item() > 0.8
    assert moved.select(pl.corr("close_put", "close_spot")).item() < -0.8


@pytest.mark.parametrize("case", REAL_MINUTES, ids=lambda case: case[1])
def test_a_file_that_repeats_its_day_against_duckdb(
    shared_data: Path, tmp_path: Path, case: tuple[str, str, str, int, int, int, int]
) -> None:
    member, symbol, exchange, rows, minutes, repeated, refused = case
    path = archive(shared_data, REPEATED)
    found = read(path, symbol, exchange)
    assert (found.rows, found.repeated, found.rejects.height) == (rows, repeated, refused)
    assert set(found.rejects["reason"]) == {"contradicts another row of the same time"}
    (tmp_path / "x.csv").write_text("\n".join(",".join(r.values()) for r in rows_of(path, member)))
    query = """
        with single as (select distinct * from read_csv(?, header=false, names=
            ['moment', 'token', 'open', 'high', 'low', 'close'])),
        once as (select * from single where moment in
            (select moment from single group by moment having count(*) = 1))
        select (select count(*) from single), count(*), sum(open), sum(close) from once"""
    single, once, opens, closes = (
        duckdb.connect().execute(query, [str(tmp_path / "x.csv")]).fetchone() or ()
    )
    assert (single, once) == (rows - repeated, minutes) == (rows - repeated, found.candles.height)
    assert found.candles["open"].sum() == pytest.approx(opens)
    assert found.candles["close"].sum() == pytest.approx(closes)


@pytest.mark.parametrize(("day", "count"), [("03", 375), ("06", 375), ("07", 181)])
def test_instruments_side_by_side_load_with_a_mapping(
    shared_data: Path, day: str, count: int
) -> None:
    path = archive(shared_data, REPEATED)
    member = f"historical_2025_10_{day}.csv"
    truth = rows_of(path, member)
    for side, symbol, exchange in (
        ("nifty", "NIFTY", "NSE"), ("call", "NIFTY25O0725000CE", "NFO"),
        ("put", "NIFTY25O0725400PE", "NFO"),
    ):  # fmt: skip
        found = read(path, symbol, exchange, member, side)
        assert (found.rows, found.candles.height, found.rejects.height) == (count, count, 0)
        assert found.candles["close"].to_list() == [float(r[f"{side}_close"]) for r in truth]


def test_both_collections_of_one_day_agree(shared_data: Path) -> None:
    """The collector's own minutes are those the broker's history gave, but where it wrote two."""
    path = archive(shared_data, REPEATED)
    history = read(path, "NIFTY", "NSE", "historical_2025_10_07.csv", "nifty").candles
    own = read(path, "NIFTY", "NSE").candles
    both = own.join(history, on=["time", "open", "high", "low", "close"])
    shared = own.join(history, on="time")
    assert (shared.height, both.height) == (181, 180)
