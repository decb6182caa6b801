"""The options of every command: before or after it, the later one winning."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli
from tests.e2e.eod_files import write_days

SIM = ("--provider", "sim", "--as-of", "2026-08-14T18:00")


def test_options_may_stand_before_or_after(cli: Cli) -> None:
    before = cli("--json", *SIM[2:], "scan", "--provider", "sim", "equities", "--top", "2")
    after = cli("scan", "equities", *SIM, "--top", "2", "--json")
    assert before.code == after.code == 0, before.err + after.err
    assert before.json["data"] == after.json["data"]


def test_the_later_one_wins(cli: Cli) -> None:
    done = cli("--json", "contract", "NIFTY", "--on", "2025-12-15", "--csv")
    assert done.out.startswith("symbol,expiry,lot_size")


def test_an_option_that_does_not_apply_is_refused(cli: Cli) -> None:
    done = cli("--max-age", "1d", "contract", "NIFTY")
    assert done.code == 2
    assert "--max-age does not apply" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("scan", "equities", "--top", "0"), "--top 0"),
        (("scan", "equities", "--format", "xml"), "--format xml"),
        (("scan", "equities", "--format", "parquet"), "--output"),
        (("scan", "equities", "--on", "x"), "not a date"),
        (("scan", "equities", "--on", "2026-08-14", "--as-of", "2026-08-14"), "two moments"),
        (("scan", "equities", "--provider", "simm"), "sim"),
        (("scan", "equities", "--preset", "oversoldd"), "oversold"),
        (("scan", "equities", "--where", "rssi < 30"), "rsi"),
        (("scan", "equities", "--universe", "nifty5"), "NIFTY 50"),
        (("scan", "equities", "--if-stale", "5m"), "--output"),
        (("scan", "equities", "--if-open", "moon"), "equity"),
        (("scan", "equities", "--deadline", "noon"), "15:38"),
        (("scan", "equities", "--explain", "SBIN"), "--where or --preset"),
        (("scann",), "scan"),
        (("fetch", "eod", "--from-dir", "nowhere"), "nowhere"),
        (("lake", "gaps", "--dataset", "equitys_day"), "equities_day"),
    ],
)
def test_usage_errors_exit_2_and_name_the_nearest(
    cli: Cli, words: tuple[str, ...], told: str
) -> None:
    done = cli(*words)
    assert done.code == 2, done.err
    assert told in done.err
    assert done.out == ""
    assert "Traceback" not in done.err


def test_errors_under_json_are_one_object(cli: Cli) -> None:
    done = cli("scan", "equities", "--where", "rssi < 30", "--json")
    body = json.loads(done.err)
    assert (body["code"], body["retryable"]) == (2, False)
    assert "rsi" in body["hint"]


def test_fail_empty_prints_the_empty_result_first(cli: Cli) -> None:
    done = cli("scan", "equities", *SIM, "--where", "close < 0", "--json", "--fail-empty")
    assert done.code == 3
    assert done.json["data"] == []
    without = cli("scan", "equities", *SIM, "--where", "close < 0", "--json")
    assert without.code == 0


def test_if_stale_does_nothing_while_the_result_is_young(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    words = ("scan", "equities", *SIM, "--json", "-o", target, "--if-stale", "5m")
    assert cli(*words).code == 0
    written = target.stat().st_mtime_ns
    second = cli(*words)
    assert second.code == 0
    assert "nothing to do" in second.err
    assert target.stat().st_mtime_ns == written
    os.utime(target, (time.time() - 3600, time.time() - 3600))
    assert cli(*words).code == 0
    assert target.stat().st_mtime_ns > written - 10**12


def test_if_stale_of_a_load_is_the_age_of_the_lake(cli: Cli, tmp_path: Path) -> None:
    folder = write_days(tmp_path / "eod")
    assert cli("fetch", "eod", "--from-dir", folder, "--if-stale", "1h").code == 0
    second = cli("fetch", "eod", "--from-dir", folder, "--if-stale", "1h")
    assert second.code == 0
    assert "nothing to do" in second.err


def test_if_stale_of_a_load_asks_about_this_folder_not_about_shares(
    cli: Cli, tmp_path: Path
) -> None:
    first, other = write_days(tmp_path / "eod"), tmp_path / "other"
    other.mkdir()
    moved = min(first.iterdir())
    moved = moved.rename(other / moved.name)
    young = ("--if-stale", "1h")
    assert cli("fetch", "eod", "--from-dir", first, *young).code == 0
    loaded = cli("fetch", "eod", "--from-dir", other, *young, "--json")
    assert loaded.json["summary"]["rows_added"] > 0  # young shares are no reason to skip these
    assert "nothing to do" in cli("fetch", "eod", "--from-dir", other, *young).err
    (other / "new").mkdir()
    moved.rename(other / "new" / moved.name)
    assert "nothing to do" not in cli("fetch", "eod", "--from-dir", other, *young).err


def test_a_deadline_that_has_passed_is_nothing_to_do(cli: Cli) -> None:
    done = cli("scan", "equities", *SIM, "--deadline", "00:00")
    assert (done.code, done.out) == (0, "")
    assert "nothing to do" in done.err


def test_quiet_keeps_notes_off(cli: Cli) -> None:
    done = cli("scan", "equities", *SIM, "--deadline", "00:00", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def _spawn(tmp_path: Path, *words: str, stdout: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "ALPHASTOCK_DATA_DIR": str(tmp_path), "HOME": str(tmp_path)}
    return subprocess.Popen(
        [sys.executable, "-m", "alphastock_cli", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=env,
    )


def test_a_broken_pipe_is_silent(tmp_path: Path) -> None:
    process = _spawn(
        tmp_path, "scan", "equities", *SIM, "--format", "ndjson", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == b""


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    process = _spawn(tmp_path, "scan", "equities", *SIM, stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    # before our handler is there the signal itself ends it: a shell shows 130 for both
    assert process.returncode in {130, -signal.SIGINT}
    assert b"Traceback" not in err


def _into_head(tmp_path: Path, *words: str) -> tuple[int, bytes]:
    process = _spawn(tmp_path, *words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("words", [("contract", "NIFTY"), ("scan", "equities", *SIM, "-q")])
def test_a_table_into_head_is_no_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert _into_head(tmp_path, *words) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [SIM, (*SIM, "--json")])
def test_a_full_standard_output_exits_9(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = _spawn(tmp_path, "scan", "equities", *words, stdout=full.fileno())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 9
    assert b"standard output" in err


@pytest.mark.parametrize("words", [(), ("scan",), ("lake",)])
def test_without_a_command_the_help_is_shown(cli: Cli, words: tuple[str, ...]) -> None:
    done = cli(*words)
    assert done.code == 2
    assert done.err.startswith("Usage: alphastock")


@pytest.mark.parametrize("name", ["where", "sort", "columns"])
def test_an_empty_text_is_refused(cli: Cli, name: str) -> None:
    done = cli("scan", "equities", *SIM, f"--{name}", " ")
    assert done.code == 2
    assert f"--{name} is empty" in done.err


def test_rows_of_mixed_types_can_be_chosen_and_written(cli: Cli, tmp_path: Path) -> None:
    chosen = cli("config", "show", "--where", "key = 'provider'", "--csv", "--columns", "key,value")
    assert chosen.out == "key,value\nprovider,sim\n"
    target = tmp_path / "settings.parquet"
    assert cli("config", "show", "--format", "parquet", "-o", target).code == 0


def test_row_options_on_an_empty_result(cli: Cli) -> None:
    for words in (("--columns", "dataset"), ("--where", "rows > 1"), ("--sort", "rows")):
        assert cli("lake", "status", *words).code == 0


def test_a_dash_is_standard_output(cli: Cli, tmp_path: Path) -> None:
    done = cli("contract", "NIFTY", "--on", "2025-12-15", "--csv", "-o", "-")
    assert done.out.startswith("symbol,")
    assert not (tmp_path / "-").exists()
