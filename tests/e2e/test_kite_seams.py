"""What is known speaks for or against new answers, and a stream tells `doctor`: at the sandbox."""

# ruff: noqa: F811 - a fixture is an argument by name

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.fetch_history import HistoryRequest, fetch_history
from alphastock_cli.bootstrap import Wiring
from alphastock_cli.config import Settings
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.errors import PartlyDone
from alphastock_cli.providers.kite import health
from alphastock_cli.providers.kite.stream.standing import running
from tests.e2e.test_kite import kite, log_in, wiring  # noqa: F401 - fixtures
from tests.sandbox_server import Running, sandbox, sandbox_process  # noqa: F401 - fixtures


def test_another_instruments_answer_after_a_stored_fetch_is_refused(
    wiring: Wiring, sandbox: Running
) -> None:
    """R-10: the fault that nothing in the answer itself betrays."""
    source = kite(wiring)

    def fetched(last: date, *, refetch: bool = False) -> dict[str, int]:
        done = fetch_history(source, wiring.lake, wiring.clock, HistoryRequest(
            symbols=("SBIN", "INFY"), interval="15minute", first=date(2026, 6, 1), last=last,
            refetch=refetch,
        ))  # fmt: skip
        return {name: done.summary[name] for name in ("calls", "added", "changed", "unchanged")}

    first = fetched(date(2026, 6, 20))
    sandbox.fault("candle-wrong:x1")
    with pytest.raises(PartlyDone, match="SBIN: not the candles of SBIN that are stored") as caught:
        fetched(date(2026, 7, 10))
    assert sandbox.played("candle-wrong") == 1
    assert caught.value.exit_code == 75
    rejects = wiring.lake.scan("rejects").collect()
    assert set(rejects.select("symbol", "reason").rows()) == {
        ("SBIN", "not the candles of SBIN that are stored")
    }
    held = wiring.lake.scan("candles_15minute").collect()
    assert held.filter(symbol="SBIN").height * 2 == first["added"]
    again = fetched(date(2026, 7, 10))
    assert again["calls"] == 1
    assert again["changed"] == again["unchanged"] == 0
    whole = wiring.lake.scan("candles_15minute").collect()
    assert whole.filter(symbol="SBIN").height == whole.filter(symbol="INFY").height
    anew = fetched(date(2026, 7, 10), refetch=True)
    assert anew == {"calls": 2, "added": 0, "changed": 0, "unchanged": whole.height}


@pytest.mark.parametrize("fault", ["candle-gap", "candle-duplicate", "candle-shuffle",
                                   "candle-revised", "candle-x100", "candle-high-low"])  # fmt: skip
def test_other_faults_of_candles_refuse_no_answer_whole(
    wiring: Wiring, sandbox: Running, fault: str
) -> None:
    source = kite(wiring)
    sandbox.fault(fault)
    for last in (date(2026, 6, 12), date(2026, 6, 30), date(2026, 7, 3), None):
        for interval in ("15minute", "60minute"):
            fetch_history(source, wiring.lake, wiring.clock, HistoryRequest(
                symbols=("SBIN", "NIFTY 50"), interval=interval, first=date(2026, 6, 1), last=last
            ))  # fmt: skip
    assert sandbox.played(fault) == 16


def test_a_first_answer_of_another_instrument_is_refused_by_its_quote(
    wiring: Wiring, sandbox: Running
) -> None:
    asked = HistoryRequest(symbols=("SBIN", "NIFTY 50"), interval="minute", first=date(2026, 8, 3))
    sandbox.fault("candle-wrong")
    with pytest.raises(PartlyDone, match="SBIN: not the prices of SBIN in its quote"):
        fetch_history(kite(wiring), wiring.lake, wiring.clock, asked)
    assert not wiring.lake.files("candles_minute")
    sandbox.fault("")
    done = fetch_history(kite(wiring), wiring.lake, wiring.clock, asked)
    assert done.summary["added"] > 0
    assert sandbox.state.limiter.counts["quote"] == 2  # one look a fetch, for all of them


def test_days_of_another_instrument_are_refused(wiring: Wiring, sandbox: Running) -> None:
    source = kite(wiring)
    days = {"symbols": ("SBIN",), "interval": "day", "first": date(2026, 5, 1)}
    fetch_history(source, wiring.lake, wiring.clock, HistoryRequest(**days, last=date(2026, 6, 30)))  # type: ignore[arg-type]
    before = wiring.lake.scan("candles_day").collect()
    sandbox.fault("candle-wrong:x1")
    with pytest.raises(PartlyDone):
        fetch_history(source, wiring.lake, wiring.clock, HistoryRequest(**days))  # type: ignore[arg-type]
    assert wiring.lake.scan("candles_day").collect().equals(before)
    done = fetch_history(source, wiring.lake, wiring.clock, HistoryRequest(**days))  # type: ignore[arg-type]
    assert done.summary["unchanged"] == before.height


def test_doctor_shows_the_stream_of_a_view_while_it_lives(
    sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHASTOCK_KITE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("ALPHASTOCK_KITE_API_SECRET", sandbox.api_secret)
    asked = KiteSettings(root=sandbox.root, login_root=sandbox.root, ws_root=sandbox.ws_root)
    made = Wiring(Settings(data_dir=tmp_path, provider="kite", kite=asked), clock=sandbox.clock)
    log_in(made, sandbox)

    def row() -> health.Row:
        rows = health.rows(made.kite(), asked=True)
        return next(each for each in rows if each.name == "kite stream")

    assert row().detail == "none is running"
    with made.live() as provider:
        deadline = time.monotonic() + 10
        while not [each for each in running(tmp_path / "kite") if each["following"] == 2]:
            provider.quotes(["NSE:SBIN", "NSE:NIFTY 50"])
            assert time.monotonic() < deadline
            time.sleep(0.05)
        seen = row()
        assert seen.status == "ok"
        assert seen.detail.startswith("watch (pid ")
        assert "1 connection, 2 instruments, last message 0." in seen.detail
    assert row().detail == "none is running"
    assert not list((tmp_path / "kite").glob("stream-*"))
