"""Ticks: what a minute makes of them, which are refused, and which table of a zip is meant."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from alphastock_cli.analytics import ticks as gathering
from alphastock_cli.domain.frames import CANDLES, REJECTS, TIME
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import BadReply, UnknownName, UsageError
from alphastock_cli.store import archive
from alphastock_cli.store.candle_checks import CandleFile, read_candles
from alphastock_cli.store.candle_names import member_of
from alphastock_cli.store.tick_checks import FALLING, JUMPING, JUMPING_OPTION, read_prices
from tests.conftest import IST

DAY = date(2021, 6, 11)
NOW = datetime(2021, 6, 13, 18, tzinfo=IST)
HEAD = "timestamp,ltp,volume\n"


def at(clock: str, day: date = DAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def put(folder: Path, *rows: str, head: str = HEAD, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_text(head + "".join(f"2021-06-11 {row}\n" for row in rows))
    return path


def read(
    path: Path, symbol: str = "SBIN", *, exchange: Exchange = Exchange.NSE, now: datetime = NOW,
    member: str = "", interval: Interval = Interval.MINUTE, **mapping: str,
) -> CandleFile:  # fmt: skip
    return read_prices(path, symbol=symbol, exchange=exchange, interval=interval, now=now,
                       mapping=mapping, member=member)  # fmt: skip


def reasons(found: CandleFile) -> list[tuple[int, str]]:
    return found.rejects.select("row", "reason").rows()


# -- candles ----------------------------------------------------------------------------------


def test_a_minute_is_first_highest_lowest_last_and_the_rise_of_the_volume(tmp_path: Path) -> None:
    found = read(put(
        tmp_path, "09:15:52,100,1000", "09:15:53,102,1300", "09:15:59,101,1400",
        "09:16:00,99,1450", "09:16:59.999999,98.5,1500", "09:18:01,100,1600",
    ))  # fmt: skip
    assert found.candles.schema == CANDLES
    assert found.candles.rows() == [
        (at("09:15"), "NSE", "SBIN", 100.0, 102.0, 100.0, 101.0, 400, None),
        (at("09:16"), "NSE", "SBIN", 99.0, 99.0, 98.5, 98.5, 100, None),
        (at("09:18"), "NSE", "SBIN", 100.0, 100.0, 100.0, 100.0, 100, None),
    ]
    assert (found.form, found.rows, found.repeated, found.dataset) == (
        "ticks_csv", 6, 0, "candles_minute",
    )  # fmt: skip
    counts, span = found.notes
    assert counts == "6 ticks made 3 minutes; ticks are not stored themselves"
    assert span == (
        "2021-06-11: recorded from 09:15:52 to 09:18:01, no tick in 1 of the minutes between;"
        " 1000 units traded before the first tick or in a gap are in no candle"
    )


def test_after_an_interruption_a_minute_counts_from_its_own_first_tick(tmp_path: Path) -> None:
    rows = [f"09:{15 + n}:00,100,{1000 + n}" for n in range(10)]
    later = [f"09:{32 + n}:00,100,{9000 + 10 * n}" for n in range(10)]
    volumes = read(put(tmp_path, *rows, "09:32:00,100,8900", *later)).candles["volume"].to_list()
    assert volumes == [0, *[1] * 9, 100, *[10] * 9]
    quiet = read(put(tmp_path, "09:15:00,100,10", "09:40:00,100,20", "10:30:00,101,50"))
    assert quiet.candles["volume"].to_list() == [0, 10, 30], "seldom traded: nothing is missing"


def test_rows_out_of_order_are_sorted_and_of_one_second_by_their_volume(tmp_path: Path) -> None:
    found = read(put(tmp_path, "09:15:20,103,300", "09:15:19,101,200", "09:15:19,102,100"))
    row = found.candles.row(0, named=True)
    assert (row["open"], row["close"], row["volume"]) == (102.0, 103.0, 200)
    assert found.rejects.is_empty()


def test_an_index_and_a_silent_volume_have_none(tmp_path: Path) -> None:
    path = put(tmp_path, "09:15:01,100,5", "09:15:02,101,9")
    assert read(path, "NIFTY").candles["volume"].to_list() == [None]
    silent = read(put(tmp_path, "09:15:01,100,0", "09:15:02,101,0"))
    assert silent.candles["volume"].to_list() == [None]
    assert "every volume is 0: stored as not known" in silent.notes
    plain = read(put(tmp_path, "09:15:01,7,100", head="timestamp,token,ltp\n"))
    assert plain.candles.row(0)[3:8] == (100.0, 100.0, 100.0, 100.0, None)


def test_prices_of_any_name_and_ticks_in_parquet(tmp_path: Path) -> None:
    named = put(tmp_path, "09:15:01,100", head="when,p\n")
    assert read(named, timestamp="when", price="p").candles.height == 1
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {"datetime": [at("09:15:01"), at("09:15:02")], "last_price": [1.0, 2.0]}
    ).write_parquet(path)
    found = read(path)
    assert (found.form, found.candles["high"].to_list()) == ("ticks_parquet", [2.0])


def test_candles_of_a_file_with_a_price_column_stay_candles(tmp_path: Path) -> None:
    path = put(tmp_path, "09:15:00,1,2,1,2,9", head="timestamp,open,high,low,close,price\n")
    assert read(path).form == "candles_csv"
    assert read(path, price="price").form == "ticks_csv"


# -- what is refused ----------------------------------------------------------------------------


def test_every_bad_tick_has_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        HEAD + "2021-06-11 09:15:01,100,10\n1970-01-01 05:30:00,107,0\n"
        "2021-06-12 20:17:12,100,10\n2021-06-11 15:30:00,100,20\n2021-06-11 09:14:59,100,5\n"
        "2021-06-11 09:15:02,0,11\n2021-06-11 09:15:03,-1,11\n2021-06-11 09:15:04,x,11\n"
        "2021-06-11 09:15:05,100,1.5\nyesterday,100,10\n2021-06-11 09:15:01,100,10\n1,2\n"
    )
    found = read(path)
    assert found.rejects.schema == REJECTS
    assert reasons(found) == [
        (2, "a time stamp of 1970"),
        (3, "the exchange was closed that day"),
        (4, "outside the trading hours of that day"),
        (5, "outside the trading hours of that day"),
        (6, "a price is not positive"),
        (7, "a price is not positive"),
        (8, "a price is missing or no number"),
        (9, "the volume is no whole number from 0"),
        (10, "no time that can be read"),
        (12, "more or fewer cells than the header"),
    ]
    assert (found.rows, found.repeated, found.candles.height) == (12, 1, 1)
    assert set(found.rejects["source"]) == {"ticks_csv"}


def test_a_minute_that_is_not_over_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "09:15:59,100,1", "09:16:00,100,2")
    found = read(path, now=at("09:16:59"))
    assert reasons(found) == [(2, "its minute is not over yet")]
    assert read(path, now=at("09:17")).candles.height == 2


def test_a_volume_that_falls_costs_the_fewest_ticks(tmp_path: Path) -> None:
    low = read(put(tmp_path, "09:15:01,100,10", "09:15:02,100,3", "09:15:03,100,11"))
    assert reasons(low) == [(2, FALLING)]
    high = read(put(tmp_path, "09:15:01,100,10", "09:15:02,100,9999", "09:15:03,100,11",
                    "09:15:04,100,12"))  # fmt: skip
    assert reasons(high) == [(2, FALLING)]
    assert high.candles["volume"].to_list() == [2]


def test_a_jump_that_comes_back_is_refused_and_one_that_stays_is_not(tmp_path: Path) -> None:
    spike = read(put(tmp_path, "09:15:01,100,1", "09:15:02,121,2", "09:15:03,122,3",
                     "09:20:02,101,4"))  # fmt: skip
    assert reasons(spike) == [(2, JUMPING), (3, JUMPING)]
    level = read(put(tmp_path, "09:15:01,100,1", "09:15:02,121,2", "09:20:03,101,3"))
    assert level.rejects.is_empty(), "back after more than five minutes: a level of its own"
    edge = read(put(tmp_path, "09:15:01,100,1", "09:15:02,120,2", "09:15:03,80,3",
                    "09:15:04,100,4"))  # fmt: skip
    assert reasons(edge) == [(3, JUMPING)], "20 % itself is no jump, from 120 to 80 is"
    last = read(put(tmp_path, "09:15:01,100,1", "09:15:02,900,2"))
    assert last.rejects.is_empty(), "nothing follows that would undo it"


def test_an_option_may_double_but_not_be_ten_times_as_dear(tmp_path: Path) -> None:
    path = put(tmp_path, "09:15:01,10,1", "09:15:02,20,2", "09:15:03,100,3", "09:15:04,11,4")
    found = read(path, "NIFTY21JUN15800CE", exchange=Exchange.NFO)
    assert reasons(found) == [(3, JUMPING_OPTION)]
    cheap = put(tmp_path, "09:15:01,0.05,1", "09:15:02,0.5,2", "09:15:03,0.05,3", name="cheap.csv")
    assert read(cheap, "NIFTY21JUN15800CE", exchange=Exchange.NFO).rejects.is_empty()
    assert reasons(read(path, "PRINCE")) == [(2, JUMPING), (3, JUMPING)], "a share of that name"


def test_ticks_of_several_days_are_weighed_day_by_day(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(HEAD + "2021-06-10 15:29:59,100,900\n2021-06-11 09:15:00,50,10\n"
                    "2021-06-11 09:15:01,50,15\n")  # fmt: skip
    found = read(path)
    assert found.rejects.is_empty()
    assert found.candles["volume"].to_list() == [0, 5]


def test_ticks_make_minutes_only_and_no_candles_by_themselves(tmp_path: Path) -> None:
    path = put(tmp_path, "09:15:01,100,1")
    with pytest.raises(UsageError, match="stored as minutes, not as 5minute"):
        read(path, interval=Interval.MINUTE_5)
    with pytest.raises(UsageError, match="holds ticks"):
        read_candles(path, symbol="SBIN", exchange=Exchange.NSE, interval=Interval.MINUTE, now=NOW)
    with pytest.raises(UsageError, match="no zip archive"):
        read(path, member="x.csv")


# -- arrays -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kept"),
    [([], []), ([1, 1, 2], [1, 1, 1]), ([5, 1, 2, 3], [0, 1, 1, 1]), ([3, 2, 1], [1, 0, 0]),
     ([1, 9, 2, 3, 8, 4], [1, 0, 1, 1, 1, 0])],
)  # fmt: skip
def test_the_fewest_values_are_left_out(values: list[int], kept: list[int]) -> None:
    assert gathering.not_falling(np.array(values, dtype=np.int64)).tolist() == list(map(bool, kept))


def test_no_tick_makes_no_candle() -> None:
    empty = pl.DataFrame(schema={"timestamp": TIME, "price": pl.Float64, "volume": pl.Int64})
    assert gathering.minute_candles(empty).is_empty()


# -- archives -----------------------------------------------------------------------------------

NAMES = ["Nifty_2021-06-11_.csv", "Nifty_Bank_2021-06-11_.csv", "SBIN_2021-06-11_.csv",
         "candles_1min_NIFTY25O0725000CE_9827074_20251007.csv"]  # fmt: skip


@pytest.mark.parametrize(
    ("symbol", "number"), [("nifty 50", 0), ("BANKNIFTY", 1), ("sbin", 2), ("NIFTY25O0725000CE", 3)]
)
def test_the_table_of_a_symbol_is_found_by_its_name(symbol: str, number: int) -> None:
    assert member_of(NAMES, symbol=symbol, exchange=Exchange.NSE) == NAMES[number]


def test_a_table_is_named_or_refused() -> None:
    assert member_of(NAMES, symbol="INFY", exchange=Exchange.NSE, member=NAMES[2]) == NAMES[2]
    assert member_of(NAMES[:1], symbol="INFY", exchange=Exchange.NSE) == NAMES[0]
    with pytest.raises(UnknownName, match="unknown member"):
        member_of(NAMES, symbol="INFY", exchange=Exchange.NSE, member="SBIN.csv")
    with pytest.raises(UsageError, match="no table named after INFY"):
        member_of(NAMES, symbol="INFY", exchange=Exchange.NSE)
    with pytest.raises(UsageError, match="2 tables of SBIN"):
        member_of(["a_SBIN.csv", "b_SBIN.csv"], symbol="SBIN", exchange=Exchange.NSE)


def zipped(folder: Path, files: dict[str, str]) -> Path:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    path = folder / "x.zip"
    path.write_bytes(held.getvalue())
    return path


def test_one_member_of_a_zip_is_read(tmp_path: Path) -> None:
    text = HEAD + "2021-06-11 09:15:01,100,1\n"
    files = {"a/SBIN_2021-06-11.csv": text, "../ITC.csv": text + text, "note.md": "x"}
    path = zipped(tmp_path, files)
    assert read(path).file == "x.zip!SBIN_2021-06-11.csv"
    other = read(path, member="ITC.csv")
    assert (other.file, other.symbol) == ("x.zip!ITC.csv", "SBIN")
    with pytest.raises(BadReply, match="no table"):
        read(zipped(tmp_path, {"note.md": "x"}))


def test_a_bomb_in_a_zip_ends_at_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path, {"SBIN.csv": HEAD + "0" * (40 << 20)})
    with pytest.raises(BadReply, match="unpacks to more than 250 times its size"):
        read(path)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(BadReply, match="more than 1 files inside"):
        read(zipped(tmp_path, {"a.csv": HEAD, "SBIN.csv": HEAD}))
    path.write_bytes(b"PK\x03\x04" + b"\x00" * 50)
    with pytest.raises(BadReply, match="not a readable archive"):
        read(path)


def test_a_bomb_in_gzip_ends_at_the_cap(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress((HEAD + "0" * (40 << 20)).encode()))
    with pytest.raises(BadReply, match="unpacks to more than 250 times its size"):
        read(path)


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a/SBIN.csv": HEAD, "b/SBIN.csv": HEAD})
    with pytest.raises(BadReply, match="2 members are called SBIN"):
        read(path, member="SBIN.csv")


def test_columns_side_by_side_get_a_ready_mapping(tmp_path: Path) -> None:
    sides = ",".join(
        f"{w}_{p}" for w in ("nifty", "call") for p in ("open", "high", "low", "close")
    )
    path = put(tmp_path, "09:15:00,1,2,1,2,5,6,5,6", head=f"datetime,{sides}\n")
    with pytest.raises(BadReply) as caught:
        read(path)
    assert caught.value.hint == (
        "It holds call, nifty side by side:"
        " --map open=call_open,high=call_high,low=call_low,close=call_close"
    )
    named = {"open": "nifty_open", "high": "nifty_high", "low": "nifty_low"}
    found = read_prices(path, symbol="NIFTY", exchange=Exchange.NSE, interval=Interval.MINUTE,
                        now=NOW, mapping=named | {"close": "nifty_close"})  # fmt: skip
    assert found.candles.row(0)[3:7] == (1.0, 2.0, 1.0, 2.0)


def test_times_keep_their_microseconds(tmp_path: Path) -> None:
    found = read(put(tmp_path, "09:15:00.984597,100,2", "09:15:00.984596,101,1"))
    assert found.candles.row(0)[3] == 101.0
    assert found.candles["time"].to_list() == [at("09:15")]
