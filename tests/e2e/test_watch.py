"""`watch` as a user meets it: pipes, a terminal, signals, errors."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Side
from alphastock_cli.domain.trading import (
    Fidelity,
    Fill,
    Order,
    OrderEvent,
    OrderState,
    OrderStatus,
    OrderType,
    Product,
)
from alphastock_cli.store.journal import Journal
from alphastock_cli.trading.portfolio import Portfolio
from tests.conftest import IST
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


def traded(path: Path) -> None:
    """Write a ledger that bought ten SBIN at 5,000 with charges of 7.50."""
    at = datetime(2026, 8, 14, 10, 0, tzinfo=IST)
    sbin = Instrument(exchange=Exchange.NSE, tradingsymbol="SBIN", asset_type=AssetType.EQUITY)
    order = Order(order_id="1", tag="t", instrument=sbin, side=Side.BUY, quantity=10, placed_at=at,
                  order_type=OrderType.MARKET, product=Product.MIS, session=at.date())  # fmt: skip
    fill = Fill(order_id="1", seq=1, instrument=sbin, side=Side.BUY, product=Product.MIS,
                quantity=10, price=Decimal(5000), time=at, charges=Decimal("7.50"),
                fidelity=Fidelity.L1, quote_time=at)  # fmt: skip
    done = OrderState(order=order, status=OrderStatus.COMPLETE, filled_quantity=10,
                      average_price=Decimal(5000), updated_at=at)  # fmt: skip
    cash = Decimal(1_000_000)
    with Journal.write(path, account="sim-42", at=at, opening_cash=cash) as journal:
        with journal.transaction() as book:
            book.intend(order)
        with journal.transaction() as book:
            book.post(OrderEvent(state=done, fill=fill), Portfolio.of(cash))


def test_open_positions_of_the_data_s_own_ledger_are_shown(cli: Cli, tmp_path: Path) -> None:
    words = ("watch", *AT, "--symbols", "INFY", "--count", "1")
    assert cli(*words, "--ndjson").json["positions"] == []
    traded(tmp_path / "data" / "ledgers" / "sim-42.ledger")
    body = cli(*words, "--ndjson").json
    (row,) = body["positions"]
    assert (row["symbol"], row["product"], row["quantity"]) == ("SBIN", "MIS", 10)
    assert row["average_price"] == 5000
    assert row["pnl"] == pytest.approx((row["last_price"] - 5000) * 10 - 7.5)
    assert body["pnl"] == row["pnl"]
    assert "SBIN    MIS" in cli(*words).out


def test_a_ledger_that_is_named_and_not_there_is_told(cli: Cli) -> None:
    body = cli("watch", *AT, "--account", "nosuch", "--count", "1", "--ndjson").json
    assert body["positions"] is None
    assert "nosuch" in body["warnings"][0]


def test_a_replay_moves_on_its_own_clock_and_ends_with_its_day(cli: Cli) -> None:
    words = ("watch", "--provider", "replay:sim:2026-08-14", "--speed", "0", "--symbols", "SBIN")
    done = cli(*words, "--every", "1h", "--ndjson")
    assert done.code == 0
    times = [json.loads(line)["as_of"][11:16] for line in done.out.splitlines()]
    assert times == ["09:15", "10:15", "11:15", "12:15", "13:15", "14:15", "15:15"]
    assert not any(json.loads(line)["symbols"][0]["stale"] for line in done.out.splitlines())


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

    def __init__(self, tmp_path: Path, *words: str, **more: str) -> None:
        self.ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "alphastock_cli", "watch", *AT, *FAST, *words]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True,
            env=environment(tmp_path) | more,
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


@pytest.mark.parametrize(
    ("words", "more", "styled", "coloured"),
    [
        ((), {}, True, True),
        ((), {"NO_COLOR": "1"}, True, False),  # no colour; bold is none
        (("--no-color",), {}, False, False),
        (("--no-color",), {"FORCE_COLOR": "1"}, False, False),
    ],
)
def test_no_color_leaves_no_style_whatever_the_environment_asks_for(
    tmp_path: Path, words: tuple[str, ...], more: dict[str, str], *, styled: bool, coloured: bool
) -> None:
    terminal = Terminal(tmp_path, "--count", "1", "--symbols", "SBIN", *words, **more)
    terminal.read(b"never", seconds=5.0 if terminal.process.poll() is None else 0.1)
    assert terminal.end() == (0, "")
    os.close(terminal.ours)
    styles = re.findall(rb"\x1b\[([0-9;]*)m", terminal.seen)
    assert bool(styles) is styled
    colours = {code for style in styles for code in style.split(b";") if code[:1] in b"34"
               and len(code) == 2}  # fmt: skip
    assert bool(colours) is coloured


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
