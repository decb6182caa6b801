"""Every file in `examples/` runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_csv_folder_is_a_provider_in_one_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSV_FOLDER", str(EXAMPLES / "prices"))
    plugin = ("--plugin", EXAMPLES / "csv_folder.py", "--provider", "csv_folder")
    done = cli("scan", "equities", *plugin, "--as-of", "2026-11-20T10:00", "--json")
    assert done.code == 0, done.err
    assert [row["symbol"] for row in done.json["data"]] == ["ALPHA", "BETA"]
    assert done.json["as_of"].startswith("2026-11-19")


def test_the_configuration_loads_and_its_scan_runs(cli: Cli) -> None:
    config = ("--config", EXAMPLES / "alphastock.toml")
    shown = cli("config", "show", "--origin", *config, "--json")
    assert shown.code == 0, shown.err
    done = cli(
        "scan", "equities", *config, "--provider", "sim", "--as-of", "2026-08-14T18:00",
        "--preset", "quiet_strength", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err


def test_the_script_speaks_in_exit_codes(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "ALPHASTOCK_DATA_DIR": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        [EXAMPLES / "oversold.sh", "--provider", "sim", "--as-of", "2026-08-14T18:00"],
        capture_output=True, text=True, check=False, env=env,
    )  # fmt: skip
    assert done.returncode in {0, 3}, done.stderr
    assert all(len(line.split("\t")) == 3 for line in done.stdout.splitlines())
    assert bool(done.stdout) == (done.returncode == 0)


def test_a_strategy_in_one_file_gives_signals(cli: Cli) -> None:
    plugin = ("--plugin", EXAMPLES / "my_strategy.py", "--strategy", "gap_fade")
    moment = ("--provider", "sim", "--as-of", "2026-11-20T18:00")
    done = cli("signal", *plugin, *moment, "--symbols", "nifty50", "--json")
    assert done.code == 0, done.err
    assert done.json["data"]
    for row in done.json["data"]:
        sign = 1 if row["side"] == "BUY" else -1
        assert sign * row["stop_loss"] < sign * row["price"] < sign * row["target"]


def test_the_simulated_day_gives_the_same_ledger_twice(tmp_path: Path) -> None:
    def run(name: str, *words: str) -> tuple[bytes, str]:
        ledger = tmp_path / name / "demo.ledger"
        done = subprocess.run(
            [sys.executable, EXAMPLES / "simulated_day.py", "--minutes", "45", "--shares", "30",
             "--ledger", ledger, *words],
            capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return ledger.read_bytes(), done.stdout

    first, told = run("one")
    second, _ = run("two")
    other, _ = run("three", "--seed", "7")
    assert first == second
    assert first != other
    assert "is whole" in told
    assert "NIFTY" in told
    assert " 0 fills" not in told
