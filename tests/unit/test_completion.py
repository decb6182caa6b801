"""What a shell is offered: names of the last list here, cheaply; nothing where a thing is off."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from alphastock_cli.domain.frames import INSTRUMENTS_DAY
from alphastock_cli.providers.kite.dump import Dump
from alphastock_cli.store import names
from tests.conftest import ManualClock
from tests.unit.test_kite_market import LIST
from tests.unit.test_kite_market import NOW as LISTED

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import sys
from alphastock_cli.cli.app import main
try:
    main([])
finally:
    print("LOADED", [m for m in ("polars", "numpy", "kiteconnect") if m in sys.modules],
          file=sys.stderr)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    Dump(tmp_path / "cache" / "kite", ManualClock(LISTED), lambda: LIST).frame()
    return tmp_path


def offered(data: Path, words: str, shell: str = "bash") -> list[str]:
    """Return what a shell is told, as its own script would ask."""
    typed = f"alphastock {words}"
    asked = {
        "bash": {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": typed},
    }[shell]
    env = {**os.environ, **asked, "_ALPHASTOCK_COMPLETE": f"complete_{shell}",
           "ALPHASTOCK_DATA_DIR": str(data)}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, capture_output=True, text=True,
                          check=False, cwd=ROOT)  # fmt: skip
    assert done.stderr == "LOADED []\n", done.stderr
    return [line for line in done.stdout.split("\n") if line]


def test_symbols_underlyings_and_expiries_are_offered(data: Path) -> None:
    assert offered(data, "chain N") == ["NIFTY"]
    assert offered(data, "chain GO") == []  # it has futures, but no options here
    assert offered(data, "contract GO") == ["GOLD"]
    assert offered(data, "fetch candles S") == ["SBIN"]
    assert offered(data, "fetch candles SBIN IN") == ["INFY"]
    assert offered(data, "fetch candles --exchange NFO NIFTY26NOV26") == [
        "NIFTY26NOV26000CE", "NIFTY26NOV26000PE",
    ]  # fmt: skip
    assert offered(data, "chain NIFTY --expiry 2026") == ["2026-11-24"]
    assert offered(data, "chain SBIN --expiry n") == ["next"]
    assert offered(data, "cha") == ["chain"]
    assert any("NIFTY" in line for line in offered(data, "chain N", shell="zsh"))


def test_what_is_traded_and_lists_are_offered(data: Path) -> None:
    assert offered(data, "trade buy S") == ["SBIN"]
    assert "NIFTY26NOV26000CE" in offered(data, "trade sell NIFTY26NOV26")
    assert offered(data, "trade buy NSE:IN") == ["NSE:INFY"]
    assert offered(data, "greeks NIFTY26NOV26") == ["NIFTY26NOV26000CE", "NIFTY26NOV26000PE"]
    assert offered(data, "greeks SB") == []
    for command in ("scan equities", "signal", "watch", "trade"):
        assert offered(data, f"{command} --symbols S") == ["SBIN"], command
        assert offered(data, f"{command} --symbols SBIN,IN") == ["SBIN,INFY"], command
    assert offered(data, "scan equities --explain S") == ["SBIN"]
    assert offered(data, "scan options --symbols N") == ["NIFTY"]
    assert offered(data, "fetch chain N") == ["NIFTY"]


def test_another_data_directory_is_heard(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert offered(other, f"chain --data-dir {data} N") == ["NIFTY"]
    assert offered(other, f"--data-dir {data} chain N") == ["NIFTY"]


@pytest.mark.parametrize("fault", ["none", "folder", "bytes", "config"])
def test_whatever_is_wrong_it_is_silent(data: Path, fault: str) -> None:
    path = data / "cache" / "kite" / "names-underlyings.txt"
    path.unlink()
    if fault == "folder":
        path.mkdir()
    elif fault == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    elif fault == "config":
        data = Path("relative/of/no/config")
    assert offered(data, "chain N") == []


def test_a_name_that_a_terminal_would_obey_is_not_kept(tmp_path: Path) -> None:
    row = {"date": date(2026, 11, 20), "exchange": "NSE", "tradingsymbol": "A\x1b[2J"}
    import polars as pl

    frame = pl.DataFrame([row, {**row, "tradingsymbol": "B"}], schema=INSTRUMENTS_DAY)
    tmp_path.chmod(0o700)
    names.write(tmp_path, frame)
    assert names.symbols(tmp_path, "NSE") == ["B"]
    assert names.symbols(tmp_path, "../NSE") == []
    assert names.underlyings(tmp_path) == {}
