"""What a fetch of candles asks for again, keeps and waits for: the command at the sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history, show_plan
from alphastock_cli.actions.result import Result
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.store.lake import Lake
from tests.e2e.conftest import Cli
from tests.e2e.kite_days_world import kite, wiring
from tests.sandbox_server import Running, sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process", "wiring"]  # fixtures

FIRST, LAST = date(2026, 7, 1), date(2026, 7, 31)


def fetch(wiring: Wiring, *symbols: str, refetch: bool = False) -> Result:
    request = HistoryRequest(symbols=symbols, interval="minute", first=FIRST, last=LAST,
                             refetch=refetch)  # fmt: skip
    return fetch_history(kite(wiring), wiring.lake, wiring.clock, request)


def rows(wiring: Wiring, symbol: str) -> list[tuple[object, ...]]:
    return wiring.lake.scan("candles_minute").filter(symbol=symbol).collect().rows()


@pytest.fixture
def truth(wiring: Wiring, tmp_path: Path) -> list[tuple[object, ...]]:
    lake = Lake(tmp_path / "true")
    fetch_history(kite(wiring), lake, wiring.clock, HistoryRequest(
        symbols=("SBIN", "NIFTY 50"), interval="minute", first=FIRST, last=LAST))  # fmt: skip
    return lake.scan("candles_minute").collect().rows()


@pytest.mark.parametrize("fault", ["candle-high-low", "candle-volume", "candle-x100", "candle-gap"])
def test_a_spoilt_answer_is_mended_by_the_next_run(
    wiring: Wiring, sandbox: Running, truth: list[tuple[object, ...]], fault: str
) -> None:
    sandbox.fault(fault)
    first = fetch(wiring, "SBIN", "NIFTY 50")
    assert any("the next run asks again" in text for text in first.warnings)
    sandbox.fault("")
    fetch(wiring, "SBIN", "NIFTY 50")
    assert rows(wiring, "SBIN") + rows(wiring, "NIFTY 50") == [
        row for name in ("SBIN", "NIFTY 50") for row in truth if name in row
    ]
    assert fetch(wiring, "SBIN", "NIFTY 50").summary["calls"] == 0


def test_answers_that_stay_spoilt_are_asked_for_three_times_at_most(
    wiring: Wiring, sandbox: Running
) -> None:
    sandbox.fault("candle-high-low")
    calls = [fetch(wiring, "SBIN").summary["calls"] for _ in range(5)]
    assert calls == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("interval", ["minute", "day"])
def test_refetch_asks_for_what_is_stored(wiring: Wiring, sandbox: Running, interval: str) -> None:
    request = HistoryRequest(symbols=("SBIN",), interval=interval, first=FIRST, last=LAST)
    anew = HistoryRequest(symbols=("SBIN",), interval=interval, first=FIRST, last=LAST,
                          refetch=True)  # fmt: skip
    sandbox.fault("candle-revised")  # of days long ago: nothing tells that they are wrong
    fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    sandbox.fault("")
    assert show_plan(kite(wiring), wiring.lake, request).summary["calls"] == 0
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, anew)
    assert done.summary["changed"] == 3
    assert any("3 stored candles were revised by kite" in text for text in done.warnings)
    assert show_plan(kite(wiring), wiring.lake, request).summary["calls"] == 0


def test_refetch_is_in_the_help(cli: Cli) -> None:
    assert "--refetch" in cli("fetch", "candles", "--help").out


def test_contracts_without_minutes_are_not_called_stored(wiring: Wiring) -> None:
    request = HistoryRequest(symbols=("NIFTY26AUGFUT",), interval="minute", exchange="NFO",
                             first=date(2026, 8, 3), last=date(2026, 8, 12))  # fmt: skip
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, request)
    assert "Kite has no candles of NIFTY26AUGFUT from 2026-08-03 to 2026-08-12" in done.warnings
    plan = show_plan(kite(wiring), wiring.lake, request)
    assert (plan.rows[0]["stored"], plan.rows[0]["empty"]) == (0, 8)
    oi = HistoryRequest(symbols=("NIFTY26AUGFUT",), interval="minute", exchange="NFO", oi=True,
                        first=date(2026, 8, 3), last=date(2026, 8, 12))  # fmt: skip
    assert fetch_history(kite(wiring), wiring.lake, wiring.clock, oi).summary["calls"] == 1
    assert fetch_history(kite(wiring), wiring.lake, wiring.clock, oi).summary["calls"] == 0


# -- processes -----------------------------------------------------------------------------------


def command(wiring: Wiring, sandbox: Running, *words: str) -> subprocess.Popen[str]:
    """Begin a command in a process of its own, in the data directory that is logged in."""
    env = {
        **os.environ, "ALPHASTOCK_DATA_DIR": str(wiring.data_dir),
        **{f"ALPHASTOCK_KITE_{name}": sandbox.root for name in ("ROOT", "LOGIN_ROOT")},
        "ALPHASTOCK_KITE_API_KEY": sandbox.api_key,
        "ALPHASTOCK_KITE_API_SECRET": sandbox.api_secret,
    }  # fmt: skip
    run = "import sys; from alphastock_cli.cli.app import main; sys.exit(main())"
    return subprocess.Popen([sys.executable, "-c", run, *words], env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


@pytest.fixture
def now(sandbox: Running, wiring: Wiring) -> None:
    """Let the sandbox's session be one that the wall clock takes for today's."""
    from alphastock_cli.bootstrap import SystemClock
    from tests.e2e.kite_days_world import log_in

    sandbox.clock.set(SystemClock().now())
    log_in(wiring, sandbox)


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_polite_end_stores_what_was_answered(wiring: Wiring, sandbox: Running, name: str) -> None:
    before = sandbox.state.limiter.counts["historical"]
    words = ("SBIN", "INFY", "TCS", "--interval", "15minute", "--from", "2025-01-01")
    with command(wiring, sandbox, "fetch", "candles", *words) as process:
        deadline = time.monotonic() + 30
        while sandbox.state.limiter.counts["historical"] < before + 4:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(getattr(signal, name))
        process.communicate(timeout=30)
        assert process.returncode == 130
    assert len(rows_of(wiring)) > 2 * 25 * 60


@pytest.mark.usefixtures("now")
def test_a_stale_symbol_is_fetched_beside_a_fresh_one(wiring: Wiring, sandbox: Running) -> None:
    words = ("fetch", "candles", "--interval", "15minute", "--from", "2026-08-03", "--to",
             "2026-08-10", "--if-stale", "1h")  # fmt: skip
    told = []
    for symbols in (["SBIN"], ["INFY"], ["SBIN", "INFY"], ["SBIN", "TCS"], ["SBIN"]):
        with command(wiring, sandbox, *words, *symbols) as process:
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0
            told.append("nothing to do" in err)
    assert told == [False, False, True, False, True]
    assert {row[1] for row in rows_of(wiring)} == {"SBIN", "INFY", "TCS"}


@pytest.mark.usefixtures("now")
def test_three_commands_at_once_end_well(wiring: Wiring, sandbox: Running) -> None:
    words = ("--interval", "15minute", "--from", "2025-12-01")
    running = [command(wiring, sandbox, "fetch", "candles", name, *words)
               for name in ("SBIN", "INFY", "TCS")]  # fmt: skip
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert {row[1] for row in rows_of(wiring)} == {"SBIN", "INFY", "TCS"}


def rows_of(wiring: Wiring) -> list[tuple[object, ...]]:
    return wiring.lake.scan("candles_15minute").select("time", "symbol").collect().rows()
