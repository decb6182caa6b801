"""`fetch eod --from` as a user meets it, against a host on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alphastock_cli.providers.nse.eras import plan
from tests.conftest import IST
from tests.e2e.conftest import Cli
from tests.unit import archive_host as host_of
from tests.unit.archive_host import HTML, Host, file_of

FIRST, LAST = date(2024, 8, 12), date(2024, 8, 14)
SPAN = ("--from", "2024-08-12", "--to", "2024-08-14", "--kind", "equities,delivery,indices,bse")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    with host_of.running() as running:
        monkeypatch.setenv("ALPHASTOCK_NSE_ARCHIVE_BASE", running.base)
        monkeypatch.setenv("ALPHASTOCK_NSE_BSE_BASE", running.base)
        monkeypatch.setenv("ALPHASTOCK_NSE_SECONDS_BETWEEN", "0")
        fill(running)
        yield running


def fill(host: Host) -> None:
    from datetime import datetime

    kinds = ("equities", "delivery", "indices", "bse")
    now = datetime(2024, 9, 1, tzinfo=IST)
    for wanted in plan(kinds, FIRST, LAST, now, {"NSE": host.base, "BSE": host.base}).wanted:
        body = host_of.good(file_of(wanted.kind, wanted.day))
        host.on(wanted.url.removeprefix(host.base), body)


def counts(cli: Cli) -> list[tuple[str, str, int]]:
    query = (
        "select exchange, cast(date as text) as day, count(*) as n from equities_day"
        " group by exchange, date order by exchange, date"
    )
    return [tuple(row.values()) for row in cli("sql", query, "--json").json["data"]]  # type: ignore[misc]


def test_days_are_fetched_once_and_loaded(cli: Cli, host: Host, tmp_path: Path) -> None:
    done = cli("fetch", "eod", *SPAN, "--json")
    assert done.code == 0, done.err
    facts = done.json["summary"]
    assert (facts["planned"], facts["fetched"], facts["requests"], facts["missing"]) == (
        12,
        12,
        12,
        0,
    )
    assert len(host.asked) == 12
    assert counts(cli) == [
        *(("BSE", f"2024-08-{d}", 1) for d in (12, 13, 14)),
        *(("NSE", f"2024-08-{d}", 2) for d in (12, 13, 14)),
    ]  # fmt: skip
    again = cli("fetch", "eod", *SPAN)
    assert again.code == 0
    assert (again.out, again.err) == ("", "nothing new: all 12 files are stored already\n")
    same = cli("fetch", "eod", *SPAN, "--json")
    assert (same.code, same.json["data"], same.json["summary"]["known_before"]) == (0, [], 12)
    assert cli("fetch", "eod", *SPAN, "--fail-empty").code == 3
    assert len(host.asked) == 12
    assert cli("fetch", "eod", *SPAN, "--if-stale", "1h").code == 0
    cache = tmp_path / "data" / "cache" / "nse"
    assert (cache / "indices" / "2024" / "ind_close_all_14082024.csv").is_file()
    assert sum(path.is_file() for path in cache.rglob("*")) == 12
    for folder in (cache, cache / "indices" / "2024"):
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("host")
def test_the_cache_is_a_folder_like_any_other(cli: Cli, tmp_path: Path) -> None:
    cli("fetch", "eod", *SPAN)
    done = cli("fetch", "eod", "--from-dir", tmp_path / "data" / "cache" / "nse", "--json")
    assert done.code == 0
    assert done.json["summary"]["rows_added"] == 0


def test_the_plan_asks_nothing_and_writes_nothing(cli: Cli, host: Host, tmp_path: Path) -> None:
    done = cli("fetch", "eod", *SPAN, "--plan", "--json")
    assert done.code == 0
    assert done.json["schema"] == "alphastock.fetch_eod_plan/1"
    assert done.json["summary"] == {
        "sessions": 3, "files": 12, "stored": 0, "cached": 0, "calls": 12, "seconds": 0.0,
    }  # fmt: skip
    row = done.json["data"][0]
    assert (row["date"], row["kind"], row["state"]) == ("2024-08-12", "equities", "to fetch")
    assert row["url"].startswith(host.base + "/content/cm/BhavCopy_NSE_CM")
    assert (host.asked, (tmp_path / "data").exists()) == ([], False)


def test_the_plan_of_the_exchanges_own_hosts_is_one_a_second(cli: Cli) -> None:
    facts = cli("fetch", "eod", *SPAN, "--plan", "--json").json["summary"]
    assert (facts["calls"], facts["seconds"]) == (12, 9.0), "three of BSE go between the nine"


def test_missing_files_end_with_75_and_everything_else_is_stored(cli: Cli, host: Host) -> None:
    host.rules.pop("/content/indices/ind_close_all_13082024.csv")
    host.on("/download/BhavCopy/Equity/BhavCopy_BSE_CM_0_0_0_20240814_F_0000.CSV",
            host_of.good(HTML, "text/html"))  # fmt: skip
    done = cli("fetch", "eod", *SPAN, "--json")
    assert done.code == 75
    assert done.json["summary"]["fetched"] == 10
    error = json.loads(done.err.splitlines()[-1])
    assert (error["code"], error["retryable"]) == (75, True)
    assert error["error"] == (
        "2 of 12 files are missing: 2024-08-13 indices: not there: status 404; "
        "2024-08-14 bse: an HTML page instead of a file"
    )
    assert [day for exchange, day, _ in counts(cli) if exchange == "BSE"] == [
        "2024-08-12", "2024-08-13",
    ]  # fmt: skip
    fill(host)
    assert cli("fetch", "eod", *SPAN).code == 0
    assert len(host.asked) == 12 + 2


def test_a_refusal_is_5_with_nothing_gained_and_75_on_the_way(cli: Cli, host: Host) -> None:
    good = dict(host.rules)
    for path in good:
        host.on(path, host_of.status(403))
    done = cli("fetch", "eod", *SPAN)
    assert (done.code, len(host.asked)) == (5, 1)
    assert done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith("error: blocked: 127.0.0.1:")
    assert "answered 403; no further request was sent" in lines[0]
    assert lines[1] == "safe:  Nothing that was not verified was kept."
    assert "Leave it alone for an hour" in lines[2]
    assert "--from-dir FOLDER" in lines[2]
    for path in list(good)[:5]:
        host.rules[path] = good[path]
    done = cli("fetch", "eod", *SPAN)
    assert (done.code, len(host.asked)) == (75, 1 + 6)
    assert "(7 of 12 files not reached)" in done.err
    assert "5 files are stored whole" in done.err
    fill(host)
    assert cli("fetch", "eod", *SPAN).code == 0
    assert len(host.asked) == 7 + 7
    assert [n for _, _, n in counts(cli)] == [1, 1, 1, 2, 2, 2]


def test_kill_9_leaves_whole_days_and_the_next_run_goes_on(
    cli: Cli, host: Host, tmp_path: Path
) -> None:
    slow = "/products/content/sec_bhavdata_full_14082024.csv"
    host.on(slow, host_of.hang)
    words = [sys.executable, "-m", "alphastock_cli", "fetch", "eod", *SPAN]
    process = subprocess.Popen(
        words, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    end = time.monotonic() + 20
    while slow not in host.asked and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert host.asked[-1] == slow
    asked = len(host.asked)
    assert asked == 10, "two days, then one file of the third and the one that hangs"
    assert {day for _, day, _ in counts(cli)} == {"2024-08-12", "2024-08-13"}
    cache = tmp_path / "data" / "cache" / "nse"
    files = [p for p in cache.rglob("*") if p.is_file()]
    assert len(files) == 9 + 1, "and the temporary one of the killed run"
    fill(host)
    done = cli("fetch", "eod", *SPAN, "--json")
    assert done.code == 0
    facts = done.json["summary"]
    assert (facts["known_before"], facts["from_cache"], facts["fetched"]) == (8, 1, 3)
    assert len([p for p in cache.rglob("*") if p.is_file()]) == 12
    assert [n for _, _, n in counts(cli)] == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing says where the files are"),
        (("--to", "2024-08-14"), "nothing says where the files are"),
        (("--from", "2024-08-12", "--from-dir", "."), "--from and --from-dir are two ways"),
        (("--kind", "fo", "--from-dir", "."), "--kind and --from-dir are two ways"),
        (("--plan", "--from-dir", "."), "--plan and --from-dir are two ways"),
        (("--from", "2024-08-12", "--on", "2024-08-12"), "--on is for files of a folder"),
        (("--from", "12.8.2024"), "--from 12.8.2024: not a date"),
        (("--from", "2024-08-14", "--to", "2024-08-12"), "is after --to"),
        (("--from", "2024-08-12", "--kind", "cash"), "unknown kind 'cash'"),
        (("--from", "2024-08-12", "--kind", ","), "no kind of file is named"),
        (("--from", "2012-02-17", "--to", "2012-02-17", "--kind", "indices"),
         "published from 2012-02-21"),
    ],
)  # fmt: skip
def test_words_that_are_off(cli: Cli, host: Host, words: tuple[str, ...], said: str) -> None:
    done = cli("fetch", "eod", *words)
    assert done.code == 2
    assert said in done.err
    assert (host.asked, done.out) == ([], "")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ARCHIVE_BASE", "http://mirror.example", "http:// is for this machine alone"),
        ("ARCHIVE_BASE", "http://localhost.evil.example/", "http:// is for this machine alone"),
        ("ARCHIVE_BASE", "ftp://127.0.0.1/", "must be an address such as"),
        ("BSE_BASE", "file:///etc", "must be an address such as"),
        ("BSE_BASE", "https://me:secret@mirror.example", "without name, password"),
        ("BSE_BASE", "https://mirror.example:port", "must be an address"),
        ("SECONDS_BETWEEN", "-1", "from 0 up"),
    ],
)
def test_addresses_that_may_not_be_set(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"ALPHASTOCK_NSE_{name}", value)
    done = cli("fetch", "eod", *SPAN, "--plan")
    assert done.code == 2
    assert said in done.err
    assert "secret" not in done.err


def test_the_exchanges_own_hosts_are_never_asked_faster(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHASTOCK_NSE_SECONDS_BETWEEN", "0.5")
    done = cli("fetch", "eod", *SPAN, "--plan")
    assert done.code == 2
    assert "at most once a second" in done.err


def test_a_project_file_may_set_the_pace_but_not_whose_prices_are_believed(
    cli: Cli, tmp_path: Path
) -> None:
    project = tmp_path / "alphastock.toml"
    project.write_text("[nse]\nseconds_between = 2\n")
    facts = cli("fetch", "eod", *SPAN, "--plan", "--json").json["summary"]
    assert facts["seconds"] == 18.0
    project.write_text('[nse]\narchive_base = "https://mirror.example"\n')
    done = cli("fetch", "eod", *SPAN, "--plan")
    assert done.code == 2
    assert "alphastock.toml:2: `nse.archive_base` may not stand in a project file" in done.err
    assert "ALPHASTOCK_NSE_ARCHIVE_BASE" in done.err
    own = tmp_path / "own.toml"
    own.write_text(project.read_text())
    done = cli("fetch", "eod", *SPAN, "--plan", "--json", "--config", own)
    assert done.json["data"][0]["url"].startswith("https://mirror.example/content/cm/")
