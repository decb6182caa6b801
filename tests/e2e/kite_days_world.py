"""A data directory that is logged in to the sandbox, and requests for days: for tests of both."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.fetch_history import HistoryRequest
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.providers.kite import Kite
from alphastock_cli.providers.kite.budget import Budget
from tests.sandbox_server import Running
from tests.unit import kite_host as host


@pytest.fixture
def wiring(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wiring:
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    kite = KiteSettings(root=sandbox.root, login_root=sandbox.root, timeout=9.0)
    made = Wiring(
        Settings(data_dir=tmp_path / "data", provider="kite", kite=kite), clock=sandbox.clock
    )
    log_in(made, sandbox)
    return made


def log_in(wiring: Wiring, sandbox: Running) -> None:
    connection = wiring.kite()
    connection.rest.begin_session(sandbox.request_token())
    connection.close()


def kite(wiring: Wiring) -> Kite:
    made = wiring.provider("kite")
    assert isinstance(made, Kite)
    made.connection.__dict__["budget"] = Budget(
        made.connection.folder, "free", wiring.clock, windows=host.FREE
    )
    return made


def days(*symbols: str, since: date, **words: object) -> HistoryRequest:
    return HistoryRequest(symbols=symbols, interval="day", first=since, **words)  # type: ignore[arg-type]


def contract(*symbols: str, since: date = date(2026, 6, 1), **words: object) -> HistoryRequest:
    return days(*symbols, since=since, exchange="NFO", **words)


def stored(wiring: Wiring, symbol: str) -> pl.DataFrame:
    return wiring.lake.scan("candles_day").filter(symbol=symbol).sort("date").collect()
