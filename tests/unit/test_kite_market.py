"""What Kite's answers become: quotes, candles, lists; recorded replies where they are at hand."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from alphastock_cli.actions.fetch_history import gathered
from alphastock_cli.domain.frames import CANDLES
from alphastock_cli.domain.instrument import Exchange, Interval
from alphastock_cli.errors import BadReply, TransientError, UnknownName
from alphastock_cli.exchange import calendar, contracts
from alphastock_cli.providers.kite import history, listing, quoting, replies
from alphastock_cli.providers.kite.dump import Dump
from alphastock_cli.providers.kite.facts import history_days
from tests.conftest import IST, ManualClock

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 19)
NOW = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
HEAD = ("instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
        "lot_size,instrument_type,segment,exchange")  # fmt: skip
LIST = f"""{HEAD}
256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE
408065,1594,INFY,INFOSYS,0,,0,0.1,1,EQ,NSE,NSE
779521,3045,SBIN,STATE BANK OF INDIA,0,,0,0.05,1,EQ,NSE,NSE
3813889,14898,CENTRALBK-BE,CENTRAL BANK,0,,0,0.01,1,EQ,NSE,NSE
15001,58,NIFTY26NOVFUT,NIFTY,0,2026-11-24,0,0.1,65,FUT,NFO-FUT,NFO
15002,59,NIFTY26NOV26000CE,NIFTY,0,2026-11-24,26000,0.05,65,CE,NFO-OPT,NFO
15003,60,NIFTY26NOV26000PE,NIFTY,0,2026-11-24,26000,0.05,65,PE,NFO-OPT,NFO
16001,61,GOLD26DECFUT,GOLD,0,2026-12-04,0,1,1,FUT,MCX-FUT,MCX
99999,62,GIFTNIFTY,GIFT,0,,0,0.05,1,EQ,NSEIX,NSEIX
""".encode()


def minute(n: int, **more: Any) -> list[Any]:
    at = datetime(2026, 11, 19, 9, 15, tzinfo=IST) + timedelta(minutes=n)
    row = {"t": at.strftime("%Y-%m-%dT%H:%M:%S+0530"), "o": 100.0, "h": 101.0, "l": 99.0,
           "c": 100.5, "v": 10} | more  # fmt: skip
    return list(row.values())


def checked(rows: list[list[Any]], now: datetime = NOW, **more: Any) -> Any:
    asked = {"symbol": "SBIN", "exchange": Exchange.NSE, "interval": Interval.MINUTE,
             "span": (DAY, DAY), "steady": True} | more  # fmt: skip
    return history.checked(rows, now=now, **asked)


# -- quotes --------------------------------------------------------------------------------------


def test_the_recorded_quote_becomes_ours(shared_data: Path) -> None:
    body = json.loads((shared_data / "kiteconnect-mocks" / "quote.json").read_text())
    rows = replies.quotes(body["data"], "quote")
    quote = quoting.quote_of("NSE:INFY", rows["NSE:INFY"], NOW)
    assert quote.time == datetime(2021, 6, 8, 15, 45, 56, tzinfo=IST)
    assert quote.last_trade_time == datetime(2021, 6, 8, 15, 45, 52, tzinfo=IST)
    assert (quote.last_price, quote.open, quote.previous_close) == (1412.95, 1396.0, 1389.65)
    assert (quote.bid, quote.ask, quote.ask_quantity) == (None, 1412.95, 5191)
    assert (quote.volume, quote.open_interest) == (7360198, None)
    assert (quote.lower_circuit, quote.upper_circuit) == (1250.7, 1528.6)


def test_absent_is_none_and_never_zero() -> None:
    row = {"last_price": 0, "ohlc": {"open": 0, "high": 0, "low": 0, "close": 12.5}, "volume": 0,
           "oi": 0, "timestamp": None, "last_trade_time": "1970-01-01 05:30:00"}  # fmt: skip
    quote = quoting.quote_of("NFO:X", row, NOW)
    assert (quote.last_price, quote.open, quote.bid, quote.previous_close) == (None,) * 3 + (12.5,)
    assert (quote.volume, quote.open_interest) == (0, 0)
    assert quote.time == NOW
    assert quote.last_trade_time is None
    assert quote.depth is None


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_times_do_not_depend_on_the_machines_zone(zone: str) -> None:
    code = (
        "from alphastock_cli.providers.kite import quoting, history\n"
        "print(quoting.moment('2021-06-08 15:45:56').isoformat())\n"
        "t = history.table_of([['2026-11-19T09:15:00+0530', 1, 1, 1, 1, 1]], 'x')\n"
        "print(t.rows['timestamp'][0].isoformat())"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TZ": zone}, cwd=ROOT,
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.split() == ["2021-06-08T15:45:56+05:30", "2026-11-19T09:15:00+05:30"]


# -- candles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "width"), [("historical_minute", 6), ("historical_oi", 7)])
def test_recorded_candles_are_read_whole(shared_data: Path, name: str, width: int) -> None:
    body = json.loads((shared_data / "kiteconnect-mocks" / f"{name}.json").read_text())
    rows = replies.candles(body["data"], "candles")
    assert {len(row) for row in rows} == {width}
    day = date.fromisoformat(rows[0][0][:10])
    found = checked(rows, span=(day, day))
    assert found.candles.schema == CANDLES
    assert found.candles.height + found.rejects.height + found.repeated == len(rows)
    assert found.candles.height > 0.9 * len(rows)
    kept = found.candles.row(0, named=True)
    source = next(row for row in rows if row[0] == kept["time"].strftime("%Y-%m-%dT%H:%M:%S+0530"))
    assert [kept[n] for n in ("open", "high", "low", "close", "volume")] == source[1:6]
    assert kept["open_interest"] == (source[6] if width == 7 else None)


def test_r_10_what_is_wrong_is_set_aside_with_its_reason() -> None:
    good = [minute(n) for n in range(30)]
    wrong = {
        "low, open, close and high contradict each other": minute(40, h=98.0),
        "the volume is no whole number from 0": minute(41, v=-5),
        "ten times off the prices beside it": minute(42, o=10000.0, h=10100.0, l=9900.0, c=10050.0),
        "outside the days asked for": minute(43, t="2026-11-18T10:00:00+0530"),
        "a price is not positive": minute(44, l=-1.0),
        "no time that can be read": minute(45, t="19-11-2026 10:00"),
        "a price is missing or no number": minute(46, c=None),
        "outside the trading hours of that day": minute(47, t="2026-11-19T18:00:00+0530"),
    }
    rows = [*good, *wrong.values(), minute(3)]  # and one repeated exactly
    random.Random(5).shuffle(rows)  # out of order, overlapping
    found = checked(rows)
    assert found.candles.height == 30
    assert found.repeated == 1
    assert found.candles["time"].is_sorted()
    assert set(found.rejects["reason"]) == set(wrong)
    assert found.rejects.filter(symbol="SBIN").height == len(wrong)


def test_two_candles_of_one_moment_that_differ_are_both_refused() -> None:
    found = checked([minute(0), minute(1), minute(1, c=100.7)])
    assert found.candles.height == 1
    assert set(found.rejects["reason"]) == {"contradicts another row of the same time"}


def test_r_11_the_candle_under_way_is_no_candle_yet() -> None:
    rows = [minute(n) for n in range(5)]
    for seconds, count in ((0, 0), (59, 0), (60, 1), (61, 1), (299, 4), (300, 5)):
        now = datetime(2026, 11, 19, 9, 15, tzinfo=IST) + timedelta(seconds=seconds)
        found = checked(rows, now)
        assert found.candles.height == count
        assert found.rejects.is_empty()  # not wrong, only early


def test_a_contract_that_trades_once_a_day_is_read() -> None:
    days = calendar.sessions(calendar.segment_of(Exchange.NFO), date(2026, 11, 9), DAY)
    rows = [minute(0, t=f"{day}T10:07:00+0530", v=75) for day in days]
    found = checked(rows, symbol="NIFTY26NOV26000CE", exchange=Exchange.NFO, steady=False,
                    span=(days[0], days[-1]))  # fmt: skip
    assert found.candles.height == len(days) > 5


def test_days_are_of_sessions_that_are_over() -> None:
    rows = [minute(0, t=f"{day}T00:00:00+0530") for day in
            ("2026-11-14", "2026-11-18", "2026-11-19", "2026-11-20")]  # fmt: skip
    frame = history.days_of(rows, symbol="SBIN", exchange=Exchange.NSE, index=False,
                            span=(date(2026, 11, 1), date(2026, 11, 30)), now=NOW)  # fmt: skip
    assert frame["time"].dt.date().to_list() == [date(2026, 11, 18), DAY]  # no Saturday, no today


def test_spans_fit_the_limits_and_leave_nothing_out() -> None:
    for interval in Interval:
        longest = history_days(interval, DAY)
        made = history.spans(date(2020, 1, 1), DAY, longest)
        assert all((last - first).days < longest for first, last in made)
        days = [
            first + timedelta(n) for first, last in made for n in range((last - first).days + 1)
        ]
        assert days == [
            date(2020, 1, 1) + timedelta(n) for n in range((DAY - date(2020, 1, 1)).days + 1)
        ]
    holes = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 6, 1)]
    assert gathered(holes, 60) == [(holes[0], holes[1]), (holes[2], holes[2])]
    assert gathered([], 60) == []


def test_fuzzed_candles_never_raise_anything_foreign() -> None:
    """R-7: five hundred answers of nonsense."""
    chance = random.Random(11)
    bits = [None, True, "x", "2026-11-19T09:15:00+0530", -1, 0, 1.5, 10**17, [], {}, "NaN", 1e308]
    for _ in range(500):
        rows = [[chance.choice(bits) for _ in range(chance.choice([5, 6, 7, 8]))]
                for _ in range(chance.randrange(4))]  # fmt: skip
        data = chance.choice([{"candles": rows}, rows, None, {"candles": None}])
        try:
            found = checked(replies.candles(data, "fuzz"))
        except BadReply:
            continue
        assert found.candles.schema == CANDLES


# -- the list ------------------------------------------------------------------------------------


def dump(folder: Path, clock: ManualClock, body: bytes = LIST) -> tuple[Dump, list[int]]:
    calls: list[int] = []

    def fetch() -> bytes:
        calls.append(1)
        return body

    return Dump(folder, clock, fetch), calls


def test_the_list_is_fetched_once_a_day_and_kept_whole(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    made, calls = dump(tmp_path, clock)
    assert made.frame().height == 8
    dump(tmp_path, clock)[0].frame()
    path, day = made.file()
    assert day == NOW.date()
    assert len(calls) == 1
    assert any("NSEIX" in text for text in made.warnings)  # a code we do not know is reported
    import gzip

    assert gzip.decompress(path.read_bytes()) == LIST  # and its rows are kept all the same
    clock.advance(timedelta(hours=20))  # seven in the morning: Kite has not made the next one
    made.frame()
    assert len(calls) == 1
    clock.advance(timedelta(hours=2))
    made.frame()
    assert len(calls) == 2


def test_a_list_that_is_half_wrong_leaves_yesterdays(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    dump(tmp_path, clock)[0].frame()
    clock.advance(timedelta(days=1))
    for body in (HEAD.encode(), LIST.replace(b",0.05,", b",x,"), b"<html>", b""):
        made, _ = dump(tmp_path, clock, body)
        assert made.file()[1] == NOW.date()
        assert made.frame().height == 8
        assert any("is of 2026-11-20" in text for text in made.warnings)
    clock.advance(timedelta(days=30))
    with pytest.raises(BadReply):
        dump(tmp_path, clock, b"<html>")[0].frame()


def test_a_list_of_an_earlier_day_is_not_to_be_waited_for(tmp_path: Path) -> None:
    made, _ = dump(tmp_path, ManualClock(NOW + timedelta(days=400)))
    with pytest.raises(BadReply, match="expired before the day") as caught:
        made.frame()
    assert "--replay" in caught.value.hint
    with pytest.raises(BadReply) as other:
        dump(tmp_path, ManualClock(NOW), LIST.replace(b",0.05,", b",x,"))[0].frame()
    assert other.value.hint == "Try again later."


def test_a_damaged_copy_is_fetched_again(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    dump(tmp_path, clock)[0].frame()
    next(tmp_path.glob("*.parquet")).write_bytes(b"PAR1 no more")
    made, calls = dump(tmp_path, clock)
    assert made.frame().height == 8
    assert len(calls) == 1


def test_names_are_found_in_any_spelling_and_near_ones_told(tmp_path: Path) -> None:
    made, _ = dump(tmp_path, ManualClock(NOW))
    for name in ("NIFTY 50", "Nifty 50", "nifty", "NIFTY50"):
        assert made.find(Exchange.NSE, name)["instrument_token"] == 256265
    assert made.find(Exchange.NSE, "infy")["tradingsymbol"] == "INFY"
    with pytest.raises(UnknownName) as caught:
        made.find(Exchange.NSE, "INFYY")
    assert "INFY" in caught.value.hint


def test_instruments_have_series_and_lots_in_units(tmp_path: Path) -> None:
    made, _ = dump(tmp_path, ManualClock(NOW))
    shares = listing.instruments(made.of(Exchange.NSE), Exchange.NSE, NOW.date())
    assert dict(shares["tradingsymbol", "series"].rows()) == {
        "INFY": "EQ", "SBIN": "EQ", "CENTRALBK-BE": "BE",
    }  # fmt: skip
    futures = listing.instruments(made.of(Exchange.NFO), Exchange.NFO, NOW.date())
    assert futures["lot_size"].to_list() == [65, 65, 65]
    gold = listing.instruments(made.of(Exchange.MCX), Exchange.MCX, NOW.date())
    ours = contracts.lot_size("GOLD", date(2026, 12, 4), NOW.date())
    assert gold["lot_size"].to_list() == [ours]  # Kite's 1 counts lots, ours units
    assert listing.options(made, "NIFTY")["option_type"].to_list() == ["CE", "PE"]
    with pytest.raises(UnknownName):
        listing.options(made, "NIFTI")
    with pytest.raises(UnknownName, match="end on"):
        listing.options(made, "NIFTY", date(2026, 11, 25))


def test_a_contract_without_a_quote_keeps_its_row(tmp_path: Path) -> None:
    made, _ = dump(tmp_path, ManualClock(NOW))
    rows = listing.options(made, "NIFTY", date(2026, 11, 24))
    quote = quoting.quote_of("NFO:NIFTY26NOV26000CE", {"last_price": 5.0, "oi": 650}, NOW)
    frame = quoting.chain_of(rows, {quote.key: quote}, underlying="NIFTY",
                             expiry=date(2026, 11, 24))  # fmt: skip
    assert frame["last_price"].to_list() == [5.0, None]
    assert frame["open_interest"].to_list() == [650, None]
    assert frame["oi_change"].is_null().all()


def test_a_list_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise TransientError("down")

    with pytest.raises(TransientError):
        Dump(tmp_path, ManualClock(NOW), fail).frame()


def test_a_real_list_passes(shared_data: Path, tmp_path: Path) -> None:
    import gzip

    path = shared_data / "instruments" / "kite_instruments_nfo_bfo_2026-08-18.csv.gz"
    if not path.is_file():
        pytest.skip("no real list here")
    clock = ManualClock(datetime(2026, 8, 18, 9, 0, tzinfo=IST))
    made, _ = dump(tmp_path, clock, gzip.decompress(path.read_bytes()))
    frame = made.frame()
    assert frame.height > 10_000
    chosen = listing.options(made, "NIFTY")
    assert chosen.group_by("expiry", "strike").len()["len"].max() == 2
    assert pl.Series(listing.keys(chosen)).is_unique().all()
