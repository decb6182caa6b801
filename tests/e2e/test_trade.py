"""`trade` and `signal` as a user meets them, on the simulated exchange."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli, Done

DAY = ("--provider", "replay:sim:2026-08-14")
FEW = ("--symbols", "ITC,SBIN,INFY,TCS,WIPRO,TITAN,INDIGO,HINDALCO")


class Shell:
    """The command in a process and a home of its own."""

    def __init__(self, folder: Path) -> None:
        kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder)}
        self.env = kept | {"ALPHASTOCK_DATA_DIR": str(folder / "data"), "COLUMNS": "80"}

    def __call__(self, *words: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "alphastock_cli", *words],
            env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the ledger of one simulated morning."""
    folder = tmp_path_factory.mktemp("traded")
    done = Shell(folder)("trade", "--paper", *DAY, *FEW, "--for", "2h", "--json")
    assert done.code == 0, done.err
    assert any(row["filled_quantity"] for row in done.json["data"])
    return folder


def test_a_morning_leaves_a_ledger_that_agrees_with_itself(traded: Path) -> None:
    cli = Shell(traded)
    assert cli("trade", "audit", *DAY).code == 0
    orders = cli("trade", "orders", *DAY, "--json").json["data"]
    assert len({row["order_id"] for row in orders}) == len(orders)
    held = cli("trade", "positions", *DAY, "--json").json
    summary = held["summary"]
    value = sum(row["value"] for row in held["data"])
    assert summary["equity"] == pytest.approx(summary["cash"] + value, abs=0.005)
    profit = cli("trade", "pnl", *DAY, "--json").json
    net = sum(row["pnl_net"] for row in profit["data"])
    assert net == pytest.approx(summary["equity"] - 1_000_000, abs=0.005)
    assert profit["summary"]["charges"] == pytest.approx(summary["charges"])
    assert held["simulated"] is True


def test_the_same_morning_twice_is_the_same_ledger(traded: Path, tmp_path: Path) -> None:
    Shell(tmp_path)("trade", "--paper", *DAY, *FEW, "--for", "2h", "--json")
    name = Path("ledgers") / "sim-42-2026-08-14.ledger"
    assert (tmp_path / "data" / name).read_bytes() == (traded / "data" / name).read_bytes()


def test_time_does_not_run_backwards_in_a_ledger(traded: Path) -> None:
    done = Shell(traded)("trade", "--paper", "--once", *DAY, *FEW, "--account", "sim-42-2026-08-14")
    assert done.code == 2
    assert "two times would mix" in done.err
    assert "trade reset" in done.err


def test_reset_keeps_the_old_ledger(cli: Cli) -> None:
    words = ("--provider", "sim", "--as-of", "2026-08-14T11:00")
    assert cli("trade", "buy", "ITC", "1", *words).code == 0
    done = cli("trade", "reset", *words, "--json")
    assert done.code == 0, done.err
    assert Path(done.json["data"][0]["kept_as"]).exists()
    none = cli("trade", "orders", *words, "--json")
    assert none.code == 0
    assert none.json["data"] == []
    assert "no ledger 'sim-42'" in none.err
    assert cli("trade", "buy", "ITC", "1", *words).code == 0


def test_an_order_of_a_person_rests_until_the_market_moves_on(cli: Cli) -> None:
    words = ("--provider", "replay:sim:2026-08-14")
    early = (*words, "--as-of", "2026-08-14T11:00")
    placed = cli("trade", "--paper", "buy", "ITC", "10", "--product", "MIS", *early, "--json")
    assert placed.code == 0, placed.err
    assert [row["status"] for row in placed.json["data"]] == ["OPEN"]
    assert placed.json["data"][0]["filled_quantity"] == 0
    assert "--wait" in placed.err
    later = cli("trade", "buy", "SBIN", "1", "--wait", "2m", *words,
                "--as-of", "2026-08-14T11:02", "--json")  # fmt: skip
    assert later.json["data"][0]["status"] == "COMPLETE"
    once = cli("trade", "--paper", "--once", *words, "--as-of", "2026-08-14T11:06", *FEW)
    assert once.code == 0, once.err
    states = {
        r["symbol"]: r["status"] for r in cli("trade", "orders", *words, "--json").json["data"]
    }
    assert states["ITC"] == "COMPLETE"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("buy", "ITC", "10", "--limit", "1.00"), 6, "below the lower circuit limit"),
        (("buy", "ITC", "10", "--limit", "400.03"), 6, "not a multiple of the tick"),
        (("sell", "ITC", "10"), 6, "holdings"),
        (("buy", "ITC", "10000000"), 6, "insufficient funds"),
        (("buy", "ITCC", "10"), 2, "ITC"),
        (("buy", "ITC", "0"), 2, "0"),
        (("buy", "ITC", "1", "--limit", "nan"), 2, "not a price"),
        (("buy", "ITC", "1", "--product", "XYZ"), 2, "CNC, MIS, NRML"),
        (("buy", "NIFTY26AUG24000CE", "7"), 6, "lot"),
        (("cancel",), 2, "--all"),
        (("orders", "--account", "../x"), 2, "not a name"),
        (("cancel", "--all", "--account", "nobody"), 2, "no ledger 'nobody'"),
        (("halt", "--account", "nobody"), 2, "no ledger 'nobody'"),
        (("resume", "--account", "nobody"), 2, "begins one"),
        (("audit", "--account", "nobody"), 2, "begins one"),
        (("reset", "--account", "nobody"), 2, "begins one"),
    ],
)
def test_what_cannot_be_says_why(cli: Cli, words: tuple[str, ...], code: int, told: str) -> None:
    done = cli("trade", *words, "--provider", "sim", "--as-of", "2026-08-14T11:00")
    assert done.code == code, done.err
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_halt_stops_entries_and_resume_lets_them_pass(cli: Cli) -> None:
    words = ("--provider", "sim", "--as-of", "2026-08-14T11:00")
    assert cli("trade", "buy", "ITC", "1", *words).code == 0
    assert cli("trade", "halt", "--why", "lunch", *words).code == 0
    done = cli("trade", "buy", "ITC", "1", *words)
    assert done.code == 6
    assert "lunch" in done.err
    assert cli("trade", "resume", *words).code == 0
    assert cli("trade", "buy", "ITC", "1", *words).code == 0
    gone = cli("trade", "cancel", "--all", *words, "--json").json["data"]
    assert [row["status"] for row in gone] == ["CANCELLED"] * 2


def test_the_second_trader_is_told_who_trades(tmp_path: Path) -> None:
    env = Shell(tmp_path).env
    loop = [sys.executable, "-m", "alphastock_cli", "trade", "--paper", *FEW,
            "--provider", "replay:sim:2026-08-14"]  # fmt: skip
    first = subprocess.Popen([*loop, "--speed", "1"], env=env, stderr=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        lock = tmp_path / "data" / "ledgers" / "sim-42-2026-08-14.lock"
        end = time.monotonic() + 20
        while not (lock.exists() and lock.read_text().strip()) and time.monotonic() < end:
            time.sleep(0.05)
        second = subprocess.run([*loop, "--json"], env=env, capture_output=True, text=True,
                                check=False)  # fmt: skip
    finally:
        first.kill()
        first.wait()
    assert second.returncode == 11
    told = json.loads(second.stderr.splitlines()[-1])
    assert str(first.pid) in told["error"]
    third = subprocess.run([*loop, "--once"], env=env, capture_output=True, text=True, check=False)
    assert third.returncode == 0, third.stderr  # a dead holder holds nothing


def test_an_order_of_a_past_moment_is_dated_then(cli: Cli) -> None:
    words = ("--provider", "sim", "--as-of", "2026-08-14T11:00")
    done = cli("trade", "buy", "ITC", "1", "--wait", "2m", *words, "--json")
    row = done.json["data"][0]
    assert row["status"] == "COMPLETE"
    assert row["placed_at"].startswith("2026-08-14T11:00")


def test_no_entry_follows_a_signal_that_ends_before_the_market_opens(tmp_path: Path) -> None:
    words = ("--provider", "replay:sim:2026-08-14", "--as-of", "2026-08-14T15:28")
    shell = Shell(tmp_path)
    assert shell("trade", "--paper", *words).code == 0
    rows = shell("trade", "orders", *words, "--json").json["data"]
    assert not [row for row in rows if row["status"].startswith("AMO")]


def test_simulated_fills_never_enter_paper(traded: Path) -> None:
    assert not (traded / "data" / "ledgers" / "paper.ledger").exists()
    done = Shell(traded)("trade", "orders", "--account", "paper")
    assert done.code == 0
    assert "no ledger 'paper'" in done.err


def test_signals_are_json_rows_with_every_column(cli: Cli) -> None:
    moment = ("--provider", "sim", "--as-of", "2026-08-14T14:02")
    done = cli("signal", "--symbols", "nifty50", "--interval", "5minute", *moment, "--json")
    assert done.code == 0, done.err
    wanted = ["signal_id", "strategy", "symbol", "asset_type", "side", "price", "stop_loss",
              "target", "strength", "reason", "candle_time", "valid_until"]  # fmt: skip
    assert done.json["summary"]["judged"] == 50
    for row in done.json["data"]:
        assert list(row) == wanted
        assert row["candle_time"] < "2026-08-14T14:00"
    assert cli("signal", "--strategy", "ma_crosover").code == 2
    assert "ma_crossover" in cli("signal", "--strategy", "ma_crosover").err
    listed = cli("signal", "--list", "--json").json["data"]
    assert "ma_crossover" in [row["strategy"] for row in listed]
