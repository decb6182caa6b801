"""`fetch chain` and ticks from the command line: a file in; `chain`, `sql`, `lake status` out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli

HEAD = "timestamp,symbol,expiry,strike,option_type,spot,ltp,volume,oi,oi_chg,iv\n"


def snapshot(stamp: str, base: float) -> str:
    """Return three strikes of NIFTY whose parity gives a forward of 24,100 + base."""
    return "".join(
        f"{stamp},NIFTY50,25-Aug-2026,{strike},{kind},{24_050 + base},"
        f"{120 + sign * (24_100 + base - strike) / 2},7,{9 + n},1,{iv}\n"
        for n, strike in enumerate((24_050, 24_100, 24_150))
        for kind, sign, iv in (("CE", 1, 10.5), ("PE", -1, 0.1))
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "chain.csv"
    path.write_text(HEAD + snapshot("202608191129", 0) + snapshot("202608191130", 8))
    return path


def test_a_chain_goes_in_and_comes_out_at_its_moment(cli: Cli, file: Path) -> None:
    done = cli("fetch", "chain", "--from-file", file, "--underlying", "NIFTY", "--json")
    assert (done.code, done.json["schema"]) == (0, "alphastock.fetch_chain/1")
    (row,) = done.json["data"]
    assert (row["underlying"], row["snapshots"], row["added"], row["form"]) == (
        "NIFTY", 2, 12, "chain_collector",
    )  # fmt: skip
    again = cli("fetch", "chain", "--from-file", file)
    assert "nothing new: all 12 rows were stored already" in again.err
    for provider in ("lake", "replay:2026-08-19"):
        shown = cli("chain", "NIFTY", "--greeks", "--provider", provider, "--as-of",
                    "2026-08-19T11:30:20", "--json")  # fmt: skip
        assert shown.code == 0, shown.err
        assert shown.json["as_of"] == "2026-08-19T11:30:00+05:30"
        summary = shown.json["summary"]
        assert (summary["spot"], summary["lot_size"], summary["forward_source"]) == (
            24_058.0, 65, "parity",
        )  # fmt: skip
        assert summary["forward"] == pytest.approx(24_108.0, abs=0.1)
        first = shown.json["data"][0]
        assert (first["tradingsymbol"], first["open_interest"]) == ("NIFTY26AUG24050CE", 9 * 65)
        assert 0.05 < first["iv"] < 0.3
    early = cli("chain", "NIFTY", "--provider", "replay:2026-08-19", "--as-of", "2026-08-19T11:00")
    assert early.code == 5
    assert "The first snapshot of 2026-08-19 is of 11:29:00" in early.err


def test_sql_and_status_show_chains(cli: Cli, file: Path) -> None:
    cli("fetch", "chain", "--from-file", file)
    query = "select count(*) as n, count(iv) as solved, max(time) as last from chains"
    whole = cli("sql", query, "--json").json
    assert whole["data"] == [{"n": 12, "solved": 6, "last": "2026-08-19T11:30:00+05:30"}]
    assert whole["as_of"] == "2026-08-19T11:30:00+05:30"
    earlier = cli("sql", query, "--as-of", "2026-08-19T11:29:30", "--json").json
    assert (earlier["data"][0]["n"], earlier["as_of"]) == (6, "2026-08-19T11:29:00+05:30")
    (row,) = cli("lake", "status", "--json").json["data"]
    assert (row["dataset"], row["exchange"], row["rows"], row["symbols"], row["first"]) == (
        "chains", "NFO", 12, 1, "2026-08-19",
    )  # fmt: skip


def test_no_chain_ends_with_five_and_no_file_with_two(cli: Cli, file: Path) -> None:
    file.write_text("name,age\nx,1\n")
    other = cli("fetch", "chain", "--from-file", file)
    assert other.code == 5
    assert "no form of an option chain we know" in other.err
    assert cli("fetch", "chain", "--from-file", file.with_name("no")).code == 2


def test_ticks_of_a_zip_become_minutes(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "ticks.zip"
    text = "timestamp,ltp,volume\n2021-06-11 09:15:52,100,10\n2021-06-11 09:15:53,101,30\n"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("SBIN_2021-06-11_.csv", text + "1970-01-01 05:30:00,1,0\n")
        made.writestr("ITC_2021-06-11_.csv", text)
    load = ("fetch", "candles", "--from-file", path, "--interval", "minute", "--symbol")
    done = cli(*load, "SBIN", "--json")
    (row,) = done.json["data"]
    assert (row["added"], row["rejected"], row["file"]) == (1, 1, "ticks.zip!SBIN_2021-06-11_.csv")
    assert any("2 ticks made 1 minutes" in note for note in done.json["warnings"])
    assert cli(*load, "INFY").code == 2
    assert cli(*load, "INFY", "--member", "ITC_2021-06-11_.csv").code == 0
    stored = cli("sql", "select symbol, high, volume from candles_minute order by 1", "--json")
    assert stored.json["data"] == [
        {"symbol": "INFY", "high": 101.0, "volume": 20},
        {"symbol": "SBIN", "high": 101.0, "volume": 20},
    ]
