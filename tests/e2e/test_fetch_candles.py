"""`fetch candles` from the command line: a file in, `lake status` and `sql` out."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Cli

TEXT = (
    "Instrument,Date,Time,Open,High,Low,Close\n"
    "NIFTY,20240822,09:15,24866.25,24866.25,24822.95,24830.10\n"
    "NIFTY,20240822,09:16,24828.50,24834.90,24828.50,24832.90\n"
    "NIFTY,20240822,15:30,24810.00,24810.00,24810.00,24810.00\n"
)


def test_candles_go_in_and_come_out(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "nifty.csv"
    file.write_text(TEXT)
    load = ("fetch", "candles", "--from-file", file, "--symbol", "Nifty 50", "--interval", "minute")
    done = cli(*load, "--json")
    assert (done.code, done.json["schema"]) == (0, "alphastock.fetch_candles/1")
    row = done.json["data"][0]
    assert (row["symbol"], row["added"], row["rejected"]) == ("NIFTY 50", 2, 1)
    assert row["first"] == "2024-08-22T09:15:00+05:30"
    again = cli(*load)
    assert again.code == 0
    assert "nothing new: all 2 candles were stored already" in again.err
    stored = cli("sql", "select close, volume from candles_minute", "--json").json["data"]
    assert stored == [{"close": 24830.1, "volume": None}, {"close": 24832.9, "volume": None}]
    shown = cli("lake", "status", "--json").json["data"]
    assert [(r["dataset"], r["rows"], r["symbols"], r["first"]) for r in shown] == [
        ("candles_minute", 2, 1, "2024-08-22"), ("rejects", 1, None, None),
    ]  # fmt: skip
    refused = cli("lake", "rejects", "--json").json["data"]
    assert refused[0]["reason"] == "outside the trading hours of that day"


def test_days_of_an_index_go_in_and_come_out(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("date,open,high,low,close,volume\n2024-08-22,10,12,9,11,0\n")
    load = ("fetch", "candles", "--from-file", file, "--symbol", "nifty", "--interval", "day")
    assert cli(*load, "--json").json["summary"]["rows_added"] == 1
    assert "nothing new" in cli(*load, "--if-stale", "1d").err  # the stamp is the archive's
    stored = cli("sql", "select symbol, close, volume, source from indices_day", "--json")
    assert stored.json["data"] == [
        {"symbol": "NIFTY 50", "close": 11.0, "volume": None, "source": "daily_file"}
    ]


def test_wrong_words_end_with_two_and_say_what_to_do(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "nifty.csv"
    file.write_text(TEXT)
    load = ("fetch", "candles", "--from-file", file, "--symbol", "NIFTY")
    daily = cli(*load, "--interval", "day")
    assert daily.code == 2
    assert "inside the day" in daily.err
    share = cli(*load[:-1], "SBIN", "--interval", "day")
    assert share.code == 2
    assert "fetch eod" in share.err
    unknown = cli(*load, "--interval", "5m")
    assert unknown.code == 2
    assert "5minute" in unknown.err
    missing = cli("fetch", "candles", "--from-file", tmp_path / "no", "--symbol", "A", "--interval",
                  "minute")  # fmt: skip
    assert missing.code == 2
    assert "does not exist" in missing.err
    file.write_text("name,age\nx,1\n")
    other = cli(*load, "--interval", "minute")
    assert other.code == 5
    assert "--map timestamp=COLUMN" in other.err
