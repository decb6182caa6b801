"""Instrument masters from the command line: a file in; `contract`, `lake status` and `sql` out."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Cli
from tests.unit.master_texts import CALL, FUTURE, INDEX, ROWS, contract, write


def test_a_master_goes_in_and_answers(cli: Cli, tmp_path: Path) -> None:
    load = ("fetch", "instruments", "--from-file", write(tmp_path, *ROWS, name="m.csv.gz"))
    refused = cli(*load)
    assert refused.code == 2
    assert "--on 2026-08-25" in refused.err
    assert refused.out == ""
    done = cli(*load, "--on", "2026-08-18", "--json")
    assert (done.code, done.json["schema"]) == (0, "alphastock.fetch_instruments/1")
    assert done.json["summary"]["rows_added"] == 8
    again = cli(*load, "--on", "2026-08-18")
    assert "nothing new: all 8 instruments were stored already" in again.err

    answer = cli("contract", "NIFTY", "--on", "2026-08-18", "--json").json
    assert [row["expiry"] for row in answer["data"]] == ["2026-08-25"]
    assert answer["data"][0]["source"].startswith("instrument master of 2026-08-18 (NFO)")
    assert answer["summary"]["master"] == "2026-08-18"
    assert answer["data"][0]["tick_size"] == 0.05

    different = cli("contract", "nifty 50", "--on", "2026-08-18", "--diff", "--json").json
    assert different["schema"] == "alphastock.contract_diff/1"
    assert {row["what"] for row in different["data"]} == {"expiry"}, "the small file lists one"

    status = cli("lake", "status", "--json").json
    assert {row["exchange"]: row["rows"] for row in status["data"]} == {
        "CDS": 1, "MCX": 1, "NFO": 3, "NSE": 3,
    }  # fmt: skip
    assert any("instruments NFO 2026-08-18: our tables differ" in w for w in status["warnings"])
    query = "select tradingsymbol, lot_size from instruments where asset_type = 'index'"
    assert cli("sql", query, "--json").json["data"] == [
        {"tradingsymbol": "NIFTY 50", "lot_size": None}
    ]
    early = cli("sql", query, "--json", "--on", "2026-08-17").json["data"]
    assert early == [], "not known the day before"


def test_a_bad_master_ends_with_five_and_leaves_the_lake(cli: Cli, tmp_path: Path) -> None:
    good = write(tmp_path, CALL, FUTURE, INDEX, name="2026-08-18.csv")
    assert cli("fetch", "instruments", "--from-file", good).code == 0
    rows = [contract(number, lot=0 if number < 5 else 65) for number in range(1, 100)]
    bad = cli("fetch", "instruments", "--from-file", write(tmp_path, *rows, name="2026-08-19.csv"))
    assert bad.code == 5
    assert "refused whole: 4 of 99 rows are bad" in bad.err
    kept = cli("sql", "select distinct date from instruments", "--json").json["data"]
    assert kept == [{"date": "2026-08-18"}]
    refused = cli("lake", "rejects", "--json").json
    assert refused["summary"]["refused"] == 5, "the file and its four rows"


def test_one_exchange_of_a_master_at_a_time(cli: Cli, tmp_path: Path) -> None:
    load = ("fetch", "instruments", "--from-file", write(tmp_path, *ROWS, name="m.csv"), "--on",
            "2026-08-18")  # fmt: skip
    done = cli(*load, "--exchange", "nfo", "--json").json
    assert {row["exchange"] for row in done["data"]} == {"NFO"}
    assert done["summary"]["rows_added"] == 3
    stored = "select exchange, count(*) as rows from instruments group by exchange"
    assert cli("sql", stored, "--json").json["data"] == [{"exchange": "NFO", "rows": 3}]
    # the rest is not there, so it does not count as loaded
    assert cli(*load, "--if-stale", "1d", "--json").json["summary"]["rows_added"] == 5
    assert cli(*load, "--if-stale", "1d").out == ""
    wrong = cli(*load, "--exchange", "BFO")
    assert wrong.code == 2
    assert "CDS, MCX, NFO, NSE" in wrong.err
    assert cli(*load, "--exchange", "XYZ").code == 2
