"""`watch` as a user meets it: pipes, a terminal, signals, errors."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli
from tests.e2e.eod_files import write_days

AT = ("--provider", "sim", "--as-of", "2026-08-14T11:00")
FAST = ("--every", "100ms")
HIDE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l"


def test_one_turn_for_programs(cli: Cli) -> None:
    done = cli("watch", *AT, "--symbols", "SBIN,INFY", "--count", "1", "--ndjson")
    assert (done.code, done.err) == (0, "")
    body = done.json
    assert body["schema"] == "alphastock.watch/1"
    assert body["as_of"] == "2026-08-14T11:00:00+05:30"
    assert (body["source"], body["simulated"]) == ("sim", True)
    assert body["market"]["state"] == "open"
    assert [row["symbol"] for row in body["symbols"]] == ["SBIN", "INFY"]
    assert all(row["last_price"] > 0 and not row["stale"] for row in body["symbols"])
    assert body["positions"] == []
    assert body["warnings"] == []


def test_every_turn_is_one_line(cli: Cli) -> None:
    done = cli("watch", *AT, *FAST, "--symbols", "SBIN", "--count", "3", "--ndjson")
    lines = done.out.splitlines()
    assert len(lines) == 3
    assert len({json.loads(line)["symbols"][0]["last_price"] for line in lines}) == 1


def test_a_pipe_gets_plain_blocks(cli: Cli) -> None:
    for words in ((), ("--plain",)):
        done = cli("watch", *AT, *FAST, "--symbols", "SBIN", "--count", "2", *words)
        assert done.code == 0
        assert "\x1b" not in done.out
        assert done.out.count("SIMULATED DATA market open") == 2
        assert all(len(line) <= 80 for line in done.out.splitlines())


def test_default_symbols_are_configured_ones_else_ten(cli: Cli, tmp_path: Path) -> None:
    ten = cli("watch", *AT, "--count", "1", "--ndjson")
    assert len(ten.json["symbols"]) == 10
    (tmp_path / "alphastock.toml").write_text(
        '[symbols]\nequities = ["TCS"]\nindices = ["NIFTY"]\n'
    )
    own = cli("watch", *AT, "--count", "1", "--ndjson").json
    assert [row["symbol"] for row in own["symbols"]] == ["TCS"]
    assert [row["index"] for row in own["market"]["indices"]] == ["NIFTY 50"]


def test_the_lake_shows_its_last_session_with_its_age(cli: Cli, tmp_path: Path) -> None:
    write_days(tmp_path / "files")
    assert cli("fetch", "eod", "--from-dir", tmp_path / "files").code == 0
    words = ("watch", "--provider", "lake", "--count", "1")
    body = cli(*words, "--ndjson").json
    assert body["symbols"]
    assert body["market"]["breadth"] is not None
    assert body["market"]["age_seconds"] > 0
    assert not body["simulated"]
    aged = cli(*words, "--max-age", "1s")
    assert aged.code == 8
    assert "--max-age" in aged.err


def test_positions_of_the_ledger_are_shown(cli: Cli) -> None:
    bought = cli("trade", "--paper", *AT, "buy", "SBIN", "10", "--wait", "5m")
    assert bought.code == 0, bought.err
    body = cli("watch", *AT, "--symbols", "INFY", "--count", "1", "--ndjson").json
    (row,) = body["positions"]
    assert (row["symbol"], row["quantity"]) == ("SBIN", 10)
    assert row["last_price"] > 0
    assert body["pnl"] == row["pnl"]
    other = cli("watch", *AT, "--account", "nosuch", "--count", "1", "--ndjson").json
    assert other["positions"] is None
    assert "nosuch" in other["warnings"][0]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--plain", "--ndjson"), 2, "two forms"),
        (("--every", "1ms"), 2, "too fast"),
        (("--every", "soon"), 2, "not a duration"),
        (("--count", "0"), 2, "--count 0"),
        (("--symbols", "SBINN"), 2, "SBIN"),
        (("--symbols", "MOON:SBIN"), 2, "MOON:SBIN"),
        (("--symbols", ","), 2, "names none"),
        (("--provider", "lake"), 5, "fetch eod"),
        (("--json",), 2, "No such option: --json"),
    ],
)
def test_errors_name_what_is_wrong(cli: Cli, words: tuple[str, ...], code: int, told: str) -> None:
    done = cli("watch", "--count", "1", *words)
    assert done.code == code
    assert told in done.err
    assert done.out == ""


def test_errors_are_json_where_the_output_is(cli: Cli) -> None:
    done = cli("watch", "--provider", "lake", "--ndjson")
    assert json.loads(done.err)["code"] == 5


def environment(tmp_path: Path) -> dict[str, str]:
    drop = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"}
    env = {k: v for k, v in os.environ.items() if k not in drop and not k.startswith("ALPHASTOCK")}
    return env | {"HOME": str(tmp_path), "ALPHASTOCK_DATA_DIR": str(tmp_path / "data"),
                  "TERM": "xterm-256color"}  # fmt: skip


class Terminal:
    """A pseudo terminal with `alphastock watch` in it."""

    def __init__(self, tmp_path: Path, *words: str) -> None:
        self.ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "alphastock_cli", "watch", *AT, *FAST, *words]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True,
            env=environment(tmp_path),
        )  # fmt: skip
        os.close(theirs)
        self.seen = b""

    def read(self, until: bytes, *, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while until not in self.seen and time.monotonic() < end:
            if select.select([self.ours], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.ours, 65536)
                except OSError:  # the other side has gone
                    return

    def end(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=10)
        return self.process.returncode, err.decode()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_with_130_and_the_screen_restored(tmp_path: Path, name: str) -> None:
    terminal = Terminal(tmp_path)
    terminal.read(b"NIFTY 50")
    assert HIDE in terminal.seen
    terminal.process.send_signal(getattr(signal, name))
    began = time.monotonic()
    terminal.read(SHOW)
    code, err = terminal.end()
    assert time.monotonic() - began < 3
    assert (code, err.strip()) == (130, "")
    assert SHOW in terminal.seen
    assert b"\x1b[?25h" in terminal.seen, "the cursor stays hidden"
    os.close(terminal.ours)


def test_a_terminal_that_was_closed_ends_it_without_a_word(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.read(b"NIFTY 50")
    os.close(terminal.ours)
    assert terminal.end() == (0, "")


def test_a_counted_view_leaves_its_last_state_behind(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "--count", "2", "--symbols", "SBIN")
    terminal.read(b"never", seconds=5.0 if terminal.process.poll() is None else 0.1)
    assert terminal.end() == (0, "")
    _, _, after = terminal.seen.partition(SHOW)
    assert b"SBIN" in after
    os.close(terminal.ours)


def test_a_broken_pipe_is_silent(tmp_path: Path) -> None:
    for form in ("--ndjson", "--plain"):
        words = [sys.executable, "-m", "alphastock_cli", "watch", *AT, *FAST, form]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path)
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.stderr.close()
        assert (process.wait(10), err) == (0, b"")
