"""How commands ask Kite: one layer tries again (R-1), and all tell what is odd (R-12)."""

# ruff: noqa: F811

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alphastock_cli.actions.chain import ChainRequest, chain
from alphastock_cli.actions.option_words import parse_rate
from alphastock_cli.actions.scan_equities import ScanRequest, scan
from alphastock_cli.actions.watch import WatchRequest, watch
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.errors import TransientError
from alphastock_cli.providers.kite import Kite
from alphastock_cli.providers.kite.budget import Budget
from tests.e2e.conftest import Cli
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures
from tests.unit import kite_host as host

NIFTY = ChainRequest(underlying="NIFTY", rate=parse_rate(""))
PLUGIN = """
from alphastock_cli.providers.sim.exchange import SimExchange
from alphastock_cli.registry import PROVIDERS


@PROVIDERS.register("remarking")
class Remarking(SimExchange):
    name = "remarking"

    def remarks(self):
        return ["the moon is full"]
"""


@pytest.fixture
def wiring(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    """Return the wiring of a data directory that is logged in to the sandbox and has its list."""
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    kite = KiteSettings(root=sandbox.root, login_root=sandbox.root, timeout=5.0)
    settings = Settings(data_dir=tmp_path / "data", provider="kite", kite=kite)
    made = Wiring(settings, clock=sandbox.clock)
    made.kite().rest.begin_session(sandbox.request_token())
    opened(made).expiries("NIFTY")
    return made


def opened(wiring: Wiring) -> Kite:
    made = wiring.provider("kite")
    assert isinstance(made, Kite)
    connection = made.connection
    connection.__dict__["budget"] = Budget(
        connection.folder, "free", wiring.clock, windows=host.FREE
    )
    connection.rest._chance = lambda: 0.0
    return made


@pytest.mark.parametrize(
    ("fault", "words"),
    [("close", "closed without an answer"), ("429", "asked too often"), ("503", "refused GET")],
)
def test_a_chain_asks_five_times_in_all(
    fault: str, words: str, wiring: Wiring, sandbox: Running
) -> None:
    source = opened(wiring)
    sandbox.fault(fault)
    with pytest.raises(TransientError, match=words):
        chain(source, wiring.clock, NIFTY)
    assert sandbox.played(fault) == 5


def test_a_scan_asks_five_times_in_all(wiring: Wiring, sandbox: Running) -> None:
    source = opened(wiring)
    sandbox.fault("close")
    with pytest.raises(TransientError, match="closed without an answer"):
        scan(source, wiring.clock, ScanRequest(symbols="SBIN"))
    assert sandbox.played("close") == 5


@pytest.mark.parametrize("command", ["chain", "scan", "watch"])
def test_a_clock_that_is_off_is_told_by_whoever_asked(command: str, wiring: Wiring) -> None:
    """The sandbox tells the time of the machine, ours is that of a day in August."""
    source = opened(wiring)
    assert source.remarks() == []
    if command == "chain":
        chain(source, wiring.clock, NIFTY)
    elif command == "scan":
        scan(source, wiring.clock, ScanRequest(symbols="SBIN"))
    else:
        asked = WatchRequest(symbols=("NSE:SBIN",), every=0.1, count=1)
        (seen,) = watch(source, wiring.clock, asked)
        assert any("this machine's clock is" in text for text in seen.warnings)
    assert [text[:23] for text in source.remarks()] == ["this machine's clock is"]
    assert set(source.remarks()) <= set(wiring.remarks())


@pytest.mark.parametrize(
    "words",
    [("scan", "equities", "--top", "1"), ("chain", "NIFTY"), ("signal", "--symbols", "nifty50")],
)
def test_every_command_tells_its_provider_s_remarks(
    words: tuple[str, ...], cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "remarking.py").write_text(PLUGIN)
    plugin = ("--plugin", tmp_path / "remarking.py", "--provider", "remarking")
    done = cli(*words, *plugin, "--as-of", "2026-11-20T10:00", "--json")
    assert done.code == 0, done.err
    assert done.json["warnings"].count("the moon is full") == 1
    assert done.err.count("the moon is full") == 1


def test_a_watch_tells_them_each_turn(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "remarking.py").write_text(PLUGIN)
    plugin = ("--plugin", tmp_path / "remarking.py", "--provider", "remarking")
    done = cli("watch", *plugin, "--as-of", "2026-11-20T10:00", "--ndjson", "--count", "2",
               "--every", "100ms")  # fmt: skip
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert len(lines) == 2, done.err
    assert all(line["warnings"] == ["the moon is full"] for line in lines)
