"""Files of candles in the forms people keep them, and the rows that are refused."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import duckdb
import polars as pl
import pytest

from alphastock_cli.domain.frames import CANDLES, REJECTS
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import BadReply, UnknownName, UsageError
from alphastock_cli.store.candle_checks import CandleFile, read_candles
from alphastock_cli.store.candle_files import read_table
from tests.conftest import IST

NOW = datetime(2024, 8, 23, 18, tzinfo=IST)
HEAD = "Date,open,high,low,close,volume\n"


def at(clock: str, day: date = date(2024, 8, 22)) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), IST)


def put(tmp_path: Path, text: str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def read(
    path: Path,
    symbol: str = "SBIN",
    interval: Interval = Interval.MINUTE,
    mapping: dict[str, str] | None = None,
    now: datetime = NOW,
) -> CandleFile:
    return read_candles(
        path, symbol=symbol, exchange=Exchange.NSE, interval=interval, now=now, mapping=mapping
    )


def line(clock: str, cells: str = "10,12,9,11,5", day: str = "2024-08-22") -> str:
    return f"{day} {clock}:00+05:30,{cells}\n"


GOOD = (at("09:15"), "NSE", "SBIN", 10.0, 12.0, 9.0, 11.0, 5, None)

FORMS = {
    "offset": HEAD + "2024-08-22 09:15:00+05:30,10,12,9,11,5\n",
    "kite": HEAD + "2024-08-22T09:15:00+0530,10,12,9,11,5\n",
    "utc": HEAD + "2024-08-22T03:45:00Z,10,12,9,11,5\n",
    "naive": HEAD + "2024-08-22 09:15,10,12,9,11,5\n",
    "index column": ",date,open,high,low,close,volume\n0,2024-08-22 09:15:00,10,12,9,11,5\n",
    "two columns": "Instrument,Date,Time,Open,High,Low,Close,Volume\n"
    "SBIN,20240822,09:15,10,12,9,11,5\n",
    "seconds": "date,time,open,high,low,close,volume\n2024-08-22,9:15:00,10,12,9,11,5\n",
    "timestamp": "symbol,timestamp,open,high,low,close,volume\n"
    "SBIN-EQ,2024-08-22 09:15:00+05:30,10,12,9,11,5\n",
    "semicolons": "timestamp;open;high;low;close;volume\n2024-08-22 09:15;10;12;9;11;5\n",
    "quoted": 'Date,open,high,low,close,volume\n"2024-08-22 09:15","10",12,9,11,5\n',
    "bom and crlf": "\ufeff" + HEAD.replace("\n", "\r\n") + "2024-08-22 09:15,10,12,9,11,5\r\n",
    "a volume as a float": HEAD + "2024-08-22 09:15,10,12,9,11,5.0\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_forms_are_recognised_by_their_columns(tmp_path: Path, text: str) -> None:
    found = read(put(tmp_path, text))
    assert found.candles.schema == CANDLES
    assert found.candles.rows() == [GOOD]
    assert (found.rows, found.repeated, found.rejects.height) == (1, 0, 0)


def test_gzip_is_unpacked_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress((HEAD + line("09:15")).encode()))
    assert read(path).candles.rows() == [GOOD]


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Kolkata"])
def test_parquet_of_any_zone(tmp_path: Path, zone: str | None) -> None:
    moment = at("09:15").replace(tzinfo=None) if zone is None else at("09:15")
    frame = pl.DataFrame({"date": [moment], "open": [10.0], "high": [12.0], "low": [9.0],
                          "close": [11.0], "volume": [5]})  # fmt: skip
    if zone is not None:
        frame = frame.with_columns(pl.col("date").dt.convert_time_zone(zone))
    path = tmp_path / "x.parquet"
    frame.write_parquet(path)
    assert read(path).candles.rows() == [GOOD]


def test_parquet_with_a_fixed_offset_as_zone(tmp_path: Path) -> None:
    # the name of the zone stands in the Arrow schema beside the file's own: six letters for six
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"date": [at("09:15")], "open": [10.0], "high": [12.0], "low": [9.0],
                          "close": [11.0], "volume": [5]})  # fmt: skip
    frame.with_columns(pl.col("date").dt.convert_time_zone("Turkey")).write_parquet(path)
    import base64
    import re

    data = path.read_bytes()
    found = re.search(rb"ARROW:schema.*?([A-Za-z0-9+/=]{100,})", data, re.DOTALL)
    assert found is not None
    schema = base64.b64decode(found[1])
    assert b"Turkey" in schema
    offset = base64.b64encode(schema.replace(b"Turkey", b"+05:30"))
    path.write_bytes(data.replace(found[1], offset))
    assert read(path).candles.rows() == [GOOD]


def test_duckdb_parquet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    duckdb.connect().sql(
        "copy (select timestamp '2024-08-22 09:15:00' as datetime, 10.0::double as open,"
        " 12::integer as high, 9.0 as low, 11.0 as close, 5 as volume) "
        f"to '{path}' (format parquet)"
    )
    assert read(path).candles.rows() == [GOOD]


# -- mapping --------------------------------------------------------------------------------------


def test_a_mapping_names_columns_that_do_not_tell(tmp_path: Path) -> None:
    path = put(tmp_path, "when,o,h,l,c,qty\n2024-08-22 09:15,10,12,9,11,5\n")
    mapping = {"timestamp": "when", "open": "o", "high": "h", "low": "l", "close": "c"}
    assert read(path, mapping=mapping | {"volume": "qty"}).candles.rows() == [GOOD]
    assert read(path, mapping=mapping).candles["volume"].to_list() == [None]


def test_a_mapping_beats_the_names(tmp_path: Path) -> None:
    path = put(tmp_path, "date,open,high,low,close,ltp\n2024-08-22 09:15,10,12,9,11,9.5\n")
    assert read(path, mapping={"close": "ltp"}).candles["close"].to_list() == [9.5]


@pytest.mark.parametrize("mapping", [{"date": "timestamp"}, {"timestamp": "timestamp"}])
def test_field_first_column_second(tmp_path: Path, mapping: dict[str, str]) -> None:
    path = put(tmp_path, "timestamp,open,high,low,close,volume\n2024-08-22 09:15,10,12,9,11,5\n")
    assert read(path, mapping=mapping).candles.rows() == [GOOD]


def test_a_mapping_the_other_way_round_is_understood(tmp_path: Path) -> None:
    path = put(tmp_path, HEAD.replace("Date", "date") + line("09:15"))
    assert read(path, mapping={"date": "timestamp"}).candles.rows() == [GOOD]


def test_a_mapping_of_nothing_names_the_nearest(tmp_path: Path) -> None:
    path = put(tmp_path, HEAD + line("09:15"))
    with pytest.raises(UnknownName, match="field of --map 'opne'") as caught:
        read(path, mapping={"opne": "open"})
    assert "open" in caught.value.hint
    with pytest.raises(UnknownName, match="column of --map 'cloze'") as caught:
        read(path, mapping={"close": "cloze"})
    assert "close" in caught.value.hint


# -- rows that are refused ------------------------------------------------------------------------

REFUSED = {
    "no price": ("10:00", "10,,9,11,5", "a price is missing or no number"),
    "not a number": ("10:00", "NaN,12,9,11,5", "a price is missing or no number"),
    "infinite": ("10:00", "10,inf,9,11,5", "a price is missing or no number"),
    "words": ("10:00", "ten,12,9,11,5", "a price is missing or no number"),
    "zero": ("10:00", "10,12,0,11,5", "a price is not positive"),
    "negative": ("10:00", "-10,12,-11,11,5", "a price is not positive"),
    "low above close": ("10:00", "11,12,10.5,10,5", "low, open, close and high contradict"),
    "high below open": ("10:00", "13,12,9,11,5", "low, open, close and high contradict"),
    "volume below 0": ("10:00", "10,12,9,11,-1", "the volume is no whole number"),
    "half a share": ("10:00", "10,12,9,11,1.5", "the volume is no whole number"),
    "volume in words": ("10:00", "10,12,9,11,many", "the volume is no whole number"),
    "the bar at the close": ("15:30", "10,12,9,11,5", "outside the trading hours"),
    "before the opening": ("09:14", "10,12,9,11,5", "outside the trading hours"),
    "too few cells": ("10:00", "10,12,9", "more or fewer cells than the header"),
    "too many cells": ("10:00", "10,12,9,11,5,6", "more or fewer cells than the header"),
}


@pytest.mark.parametrize(("clock", "cells", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_row_that_breaks_a_rule_is_set_aside(
    tmp_path: Path, clock: str, cells: str, reason: str
) -> None:
    found = read(put(tmp_path, HEAD + line("09:15") + line(clock, cells) + line("09:16")))
    assert found.candles["time"].to_list() == [at("09:15"), at("09:16")]
    assert found.rejects.schema == REJECTS
    row = found.rejects.row(0, named=True)
    assert row["reason"].startswith(reason)
    assert (row["dataset"], row["source"], row["file"]) == (
        "candles_minute", "candles_csv", "x.csv",
    )  # fmt: skip
    assert (row["row"], row["symbol"]) == (2, "SBIN")
    assert cells in row["raw"]
    assert found.rows == 3


DAYS = {
    "a holiday": ("2024-08-15 10:00:00+05:30", date(2024, 8, 15), "the exchange was closed"),
    "a Sunday": ("2024-08-18 10:00:00+05:30", date(2024, 8, 18), "the exchange was closed"),
    "1970": ("1970-01-01 05:30:00+05:30", date(1970, 1, 1), "a time stamp of 1970"),
    "no time": ("soon", None, "no time that can be read"),
    "no such day": ("2024-02-30 10:00:00", None, "no time that can be read"),
    "seconds": ("2024-08-22 10:00:30+05:30", date(2024, 8, 22), "no minute candle begins then"),
    "a part of one": ("2024-08-22 10:00:00.5", date(2024, 8, 22), "no minute candle begins then"),
    "to come": ("2024-08-26 10:00:00", date(2024, 8, 26), "not over yet"),
}


@pytest.mark.parametrize(("stamp", "day", "reason"), DAYS.values(), ids=DAYS)
def test_a_moment_that_cannot_be_is_set_aside(
    tmp_path: Path, stamp: str, day: date | None, reason: str
) -> None:
    text = HEAD + line("09:15") + f"{stamp},10,12,9,11,5\n"
    found = read(put(tmp_path, text))
    assert found.candles.rows() == [GOOD]
    assert found.rejects["reason"][0].startswith(reason)
    assert found.rejects["date"].to_list() == [day]


def test_a_candle_under_way_is_not_stored(tmp_path: Path) -> None:
    path = put(tmp_path, HEAD + line("09:15") + line("09:16"))
    assert read(path, now=at("09:16")).candles.height == 1
    assert read(path, now=at("09:17")).candles.height == 2


def test_a_day_whose_hours_nobody_knows_is_kept(tmp_path: Path) -> None:
    text = HEAD + line("18:15", day="2016-10-30") + line("18:16", day="2016-10-30")
    assert read(put(tmp_path, text)).candles.height == 2


def test_exact_repeats_are_counted_and_contradictions_refused(tmp_path: Path) -> None:
    text = HEAD + line("09:15") * 3 + line("09:16") + line("09:16", "10,12,9,10,5") + line("09:17")
    found = read(put(tmp_path, text))
    assert found.candles["time"].to_list() == [at("09:15"), at("09:17")]
    assert found.repeated == 2
    assert found.rejects["row"].to_list() == [4, 5]
    assert set(found.rejects["reason"]) == {"contradicts another row of the same time"}
    assert found.rows == found.candles.height + found.repeated + found.rejects.height


def test_an_index_has_no_volume(tmp_path: Path) -> None:
    text = HEAD + line("09:15", "10,12,9,11,0") + line("09:16", "10,12,9,11,0")
    index = read(put(tmp_path, text), "Nifty Bank")
    assert index.symbol == "NIFTY BANK"
    assert index.candles["volume"].to_list() == [None, None]
    assert index.notes == ()
    share = read(put(tmp_path, text))
    assert share.candles["volume"].to_list() == [None, None]
    assert share.notes == ("every volume is 0: stored as not known",)
    traded = read(put(tmp_path, text + line("09:17")))
    assert traded.candles["volume"].to_list() == [0, 0, 5]


# -- whole files that are refused -----------------------------------------------------------------


def session(step: int, count: int = 40) -> str:
    start = at("09:15")
    return HEAD + "".join(
        line(f"{start + timedelta(minutes=step * n):%H:%M}") for n in range(count)
    )


@pytest.mark.parametrize(
    ("step", "interval", "right"),
    [
        (1, Interval.MINUTE_5, "minute"),
        (5, Interval.MINUTE, "5minute"),
        (3, Interval.MINUTE, "3minute"),
        (5, Interval.MINUTE_15, "5minute"),
    ],
)
def test_candles_of_another_interval_are_refused(
    tmp_path: Path, step: int, interval: Interval, right: str
) -> None:
    with pytest.raises(UsageError, match=f"lie {step} min apart") as caught:
        read(put(tmp_path, session(step)), interval=interval)
    assert caught.value.hint == f"Give --interval {right}."


def test_thin_trading_is_no_other_interval(tmp_path: Path) -> None:
    clocks = ["09:15", "09:20", "09:31", "09:33", "10:05"]
    assert read(put(tmp_path, HEAD + "".join(map(line, clocks)))).candles.height == 5


def test_daily_rows_are_refused(tmp_path: Path) -> None:
    days = [f"2024-08-{n:02}" for n in (19, 20, 21, 22, 23)]
    for stamp in ("00:00", "15:30"):
        text = HEAD + "".join(line(stamp, day=day) for day in days)
        with pytest.raises(UsageError, match="daily rows") as caught:
            read(put(tmp_path, text))
        assert "fetch eod" in caught.value.hint
        with pytest.raises(UsageError, match="daily rows") as caught:
            read(put(tmp_path, text), "NIFTY")
        assert caught.value.hint == "Give --interval day."


def test_the_file_may_call_it_otherwise_but_not_hold_others(tmp_path: Path) -> None:
    head = "symbol,timestamp,open,high,low,close\n"
    rows = ["2024-08-22 09:15,10,12,9,11\n", "2024-08-22 09:16,10,12,9,11\n"]
    one = read(put(tmp_path, head + "".join(f"NIFTY,{row}" for row in rows)), "NIFTY BANK")
    assert one.notes == ("the file calls it NIFTY, stored as NIFTY BANK",)
    mixed = put(tmp_path, head + f"SBIN-EQ,{rows[0]}INFY,{rows[1]}")
    found = read(mixed)
    assert found.candles["time"].to_list() == [at("09:15")]
    assert found.notes == ("1 rows of other symbols were left out",)
    with pytest.raises(UsageError, match="it holds SBIN-EQ, INFY"):
        read(mixed, "TCS")


BROKEN = {
    "empty": (b"", "not text with a header"),
    "a header alone": (HEAD.encode(), "holds no row"),
    "a zip": (b"PK\x03\x04rest", "not a readable archive"),
    "cut gzip": (gzip.compress(HEAD.encode() * 50)[:40], "damaged inside"),
    "cut parquet": (b"PAR1" + b"x" * 40, "truncated"),
    "a lie of a parquet": (b"PAR1" + b"x" * 40 + b"\x10\x00\x00\x00PAR1", "cannot be used"),
    "binary": (b"\x00\x01\x02\n\x03", "not text with a header"),
    "other columns": (b"name,age\nx,1\n", "no column for timestamp, open, high, low, close"),
}


@pytest.mark.parametrize(("data", "why"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_table_of_candles_is_refused(
    tmp_path: Path, data: bytes, why: str
) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    with pytest.raises(BadReply, match=why) as caught:
        read(path)
    assert caught.value.safe == "Nothing was stored."


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read(tmp_path)


def test_zones_become_indian_time(tmp_path: Path) -> None:
    west = datetime(2024, 8, 21, 23, 45, tzinfo=timezone(-timedelta(hours=4)))
    text = HEAD + f"{west.isoformat(sep=' ')},10,12,9,11,5\n"
    table = read_table(put(tmp_path, text), {})
    assert table.rows["timestamp"].to_list() == [west.astimezone(UTC).astimezone(IST)]
    assert read(put(tmp_path, text)).candles.rows() == [GOOD]


def test_numbers_of_rows_count_blank_lines_too(tmp_path: Path) -> None:
    found = read(put(tmp_path, HEAD + line("09:15") + "\n,,,,,\n" + line("08:00")))
    assert found.rejects["row"].to_list() == [4]
    assert found.rows == 2
