"""From files to the scan, as the README tells it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from alphastock_cli.store.lake import Lake
from tests.e2e.conftest import Cli
from tests.e2e.eod_files import write_days


@pytest.fixture
def loaded(cli: Cli, tmp_path: Path) -> Cli:
    done = cli("fetch", "eod", "--from-dir", write_days(tmp_path / "eod"), "--json")
    assert done.code == 0, done.err
    assert done.json["summary"]["rows_added"] == 18
    return cli


def test_a_second_load_changes_nothing_and_says_so(loaded: Cli, tmp_path: Path) -> None:
    stored = {p: p.read_bytes() for p in (tmp_path / "data").rglob("*.parquet")}
    again = loaded("fetch", "eod", "--from-dir", tmp_path / "eod", "--json")
    assert again.code == 0
    assert again.json["summary"]["rows_added"] == 0
    assert again.json["summary"]["rows_changed"] == 0
    assert "nothing new" in again.out + again.err
    assert {p: p.read_bytes() for p in (tmp_path / "data").rglob("*.parquet")} == stored


def test_zipped_files_give_the_same_lake(cli: Cli, tmp_path: Path) -> None:
    folder = write_days(tmp_path / "zipped", zipped=True)
    done = cli("fetch", "eod", "--from-dir", folder, "--json")
    assert done.json["summary"]["rows_added"] == 18


def test_scan_reads_the_last_session(loaded: Cli) -> None:
    done = loaded("scan", "equities", "--provider", "lake", "--json")
    assert done.code == 0, done.err
    body = done.json
    assert body["schema"] == "alphastock.scan_equities/1"
    assert body["as_of"].startswith("2026-08-14")
    assert (body["source"], body["simulated"]) == ("lake", False)
    found = {row["symbol"]: row for row in body["data"]}
    assert set(found) == {"SBIN", "INFY", "M&M", "BAJAJ-AUTO", "TINY"}
    assert found["SBIN"]["change"] == pytest.approx(12.0)
    assert found["SBIN"]["change_pct"] == pytest.approx(100 * 12 / 804)
    assert found["SBIN"]["delivery_pct"] == 55.0
    assert found["SBIN"]["rsi"] is None, "three sessions are too few: null, never zero"
    facts = body["summary"]
    assert (facts["advances"], facts["declines"], facts["unchanged"]) == (3, 1, 1)
    assert [row["symbol"] for row in facts["gainers"]] == ["BAJAJ-AUTO", "SBIN"], "TINY is too thin"
    assert [row["symbol"] for row in facts["losers"]] == ["INFY"]


def test_on_a_day_only_that_day_is_known(loaded: Cli) -> None:
    body = loaded("scan", "equities", "--provider", "lake", "--on", "2026-08-13", "--json").json
    assert body["as_of"].startswith("2026-08-13")
    assert {r["symbol"]: r["close"] for r in body["data"]}["SBIN"] == 804.0
    early = loaded(
        "scan", "equities", "--provider", "lake", "--as-of", "2026-08-13T11:00", "--json"
    ).json
    assert early["as_of"].startswith("2026-08-12"), "at 11:00 the day's close is not known yet"


def test_where_sort_top_columns(loaded: Cli) -> None:
    done = loaded(
        "scan", "equities", "--provider", "lake", "--where", "close > 100 and change_pct < 5",
        "--sort", "close:desc", "--top", "2", "--columns", "symbol,close", "--csv",
    )  # fmt: skip
    rows = list(csv.reader(io.StringIO(done.out)))
    assert rows == [["symbol", "close"], ["BAJAJ-AUTO", "9180.0"], ["M&M", "3030.0"]]


def test_every_format_agrees_cell_for_cell(loaded: Cli, tmp_path: Path) -> None:
    words = ("scan", "equities", "--provider", "lake", "--columns", "symbol,close,rsi,volume")
    as_json = loaded(*words, "--json").json["data"]
    lines = loaded(*words, "--format", "ndjson").out.splitlines()
    as_csv = list(csv.DictReader(io.StringIO(loaded(*words, "--csv").out)))
    target = tmp_path / "scan.parquet"
    assert loaded(*words, "--format", "parquet", "-o", target).code == 0
    as_parquet = pl.read_parquet(target).to_dicts()
    assert as_parquet == as_json
    assert len(lines) == len(as_json) == len(as_csv)
    assert [row["rsi"] for row in as_csv] == [""] * len(as_csv)
    assert [float(row["close"]) for row in as_csv] == [row["close"] for row in as_json]


def test_explain_shows_each_clause(loaded: Cli) -> None:
    done = loaded(
        "scan", "equities", "--provider", "lake", "--where", "close > 100 and rsi < 30",
        "--explain", "SBIN", "--json",
    )  # fmt: skip
    first, second = done.json["data"]
    assert (first["clause"], first["holds"]) == ("close > 100", True)
    assert second["holds"] is None


def test_sql_names_the_datasets(loaded: Cli) -> None:
    query = (
        "select symbol, close from equities_day where date = '2026-08-14' "
        "order by turnover desc limit 2"
    )
    assert loaded("sql", query, "--json").json["data"] == [
        {"symbol": "SBIN", "close": 816.0},
        {"symbol": "INFY", "close": 1470.0},
    ]


def test_lake_status_and_gaps(loaded: Cli) -> None:
    rows = loaded("lake", "status", "--json").json["data"]
    day = next(row for row in rows if row["dataset"] == "equities_day")
    assert (day["rows"], day["first"], day["last"]) == (18, "2026-08-12", "2026-08-14")
    assert loaded("lake", "gaps", "--json").json["data"] == []


def test_max_age_refuses_old_data(loaded: Cli) -> None:
    done = loaded("scan", "equities", "--provider", "lake", "--max-age", "1d")
    assert done.code == 8
    assert "days old" in done.err


def test_universe_and_sector(loaded: Cli, tmp_path: Path) -> None:
    done = loaded("scan", "equities", "--provider", "lake", "--universe", "nifty50", "--json")
    assert {row["symbol"] for row in done.json["data"]} <= {"SBIN", "INFY", "M&M", "BAJAJ-AUTO"}
    assert done.json["warnings"], "the members without a row are named"
    listed = tmp_path / "mine.txt"
    listed.write_text("SBIN  # bank\nM&M\n")
    done = loaded("scan", "equities", "--provider", "lake", "--universe", listed, "--json")
    assert [row["symbol"] for row in done.json["data"]] == ["M&M", "SBIN"]
    done = loaded("scan", "equities", "--provider", "lake", "--universe", "sector:IT", "--json")
    assert [row["symbol"] for row in done.json["data"]] == ["INFY"]


def test_empty_lake_says_what_to_do(cli: Cli) -> None:
    done = cli("scan", "equities", "--provider", "lake")
    assert done.code == 5
    assert "fetch eod --from-dir" in done.err
    assert done.out == ""


BSE = (
    "SC_CODE,SC_NAME,SC_GROUP,SC_TYPE,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,NO_TRADES,NO_OF_SHRS,"
    "NET_TURNOV,TDCLOINDI\n500112,STATE BANK,A ,Q,800,810,790,805,805,800,100,5000,4000000,\n"
)


def test_the_moment_is_that_of_the_rows_shown(loaded: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "bse"
    folder.mkdir()
    (folder / "EQ010421.CSV").write_text(BSE)
    assert loaded("fetch", "eod", "--from-dir", folder).code == 0
    words = ("scan", "equities", "--provider", "lake", "--exchange", "BSE", "--json")
    done = loaded(*words)
    assert done.json["as_of"].startswith("2021-04-01"), "not that of NSE's last session"
    assert [row["symbol"] for row in done.json["data"]] == ["500112"]
    assert loaded(*words, "--max-age", "9000d").code == 0
    assert loaded(*words, "--max-age", "200d").code == 8


def test_a_share_without_a_row_in_the_last_session_is_told(loaded: Cli) -> None:
    done = loaded("scan", "equities", "--provider", "lake", "--symbols", "SBINN")
    assert done.code == 2
    assert "Did you mean SBIN?" in done.err


def test_a_condition_few_can_meet_says_so(loaded: Cli) -> None:
    done = loaded("scan", "equities", "--provider", "lake", "--where", "rsi < 30")
    assert "`rsi` is not known for 5 of 5 symbols" in done.err


def test_a_day_to_come_is_refused(cli: Cli, tmp_path: Path) -> None:
    folder = write_days(tmp_path / "eod")
    late = folder / "sec_bhavdata_full_14082026.csv"
    late.write_text(late.read_text().replace("14-Aug-2026", "14-Aug-2029"))
    done = cli("fetch", "eod", "--from-dir", folder, "--json")
    assert done.json["summary"]["rows_added"] == 12
    rejected = cli("lake", "rejects", "--json").json["data"]
    assert any("2029-08-14" in row["reason"] for row in rejected)


def test_refusals_are_kept_though_nothing_survives(cli: Cli, tmp_path: Path) -> None:
    folder = write_days(tmp_path / "eod")
    for path in folder.iterdir():
        path.write_text(path.read_text().replace("SYMBOL, SERIES", "TICKER, SERIES"))
    done = cli("fetch", "eod", "--from-dir", folder)
    assert done.code == 5
    assert "2 more refusals" in done.err
    assert len(cli("lake", "rejects", "--json").json["data"]) == 3


def test_one_writer_for_a_whole_load(loaded: Cli, tmp_path: Path) -> None:
    with Lake(tmp_path / "data" / "lake").writing():
        done = loaded("fetch", "eod", "--from-dir", tmp_path / "eod")
    assert done.code == 11
    assert "Nothing was changed" in done.err


def test_sql_refuses_old_data_too(loaded: Cli) -> None:
    query = "select max(close) from equities_day"
    assert loaded("sql", query, "--max-age", "1d").code == 8
    assert loaded("sql", query, "--max-age", "3650d").code == 0
