"""A scan of Kite while its candles are wrong: told, set aside, right again with the next one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from alphastock_cli.actions.result import Result
from alphastock_cli.actions.scan_equities import ScanRequest, scan
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import BadReply
from tests.e2e.test_kite_days import EVENING, Market, hosted, market, sandbox, spent
from tests.sandbox_server import Running

__all__ = ["hosted", "market", "sandbox"]  # fixtures

ROWS = {
    "candle-high-low": "low, open, close and high contradict each other",
    "candle-volume": "the volume is no whole number from 0",
    "candle-x100": "ten times off the prices beside it",
}
HARMLESS = ("candle-duplicate", "candle-shuffle", "candle-overlap", "candle-future")


def scanned(market: Market, symbols: str = "SBIN,TCS") -> Result:
    return scan(market.kite(), market.sandbox.clock, ScanRequest(symbols=symbols))


def told(result: Result) -> list[dict[str, object]]:
    return [dict(row) for row in result.records()]


@pytest.fixture
def clean(market: Market, tmp_path: Path) -> list[dict[str, object]]:
    """Return what a scan without faults tells, of a data directory of its own."""
    other = Market(market.sandbox, tmp_path / "clean")
    other.log_in()
    return told(scanned(other))


@pytest.mark.parametrize("fault", ["candle-wrong", "candle-gap", *ROWS])
def test_a_fault_of_one_answer_is_mended_in_the_same_scan(
    market: Market, sandbox: Running, clean: list[dict[str, object]], fault: str
) -> None:
    sandbox.fault(f"{fault}:x1")
    before = market.calls
    result = scanned(market)
    assert sandbox.played(fault) == 1
    assert spent(market, before)[0] == 3  # one of the two shares twice
    assert told(result) == clean
    rejects = market.wiring().lake.scan("rejects").collect()
    if fault == "candle-gap":
        assert rejects.is_empty()
        assert not [text for text in result.warnings if "refused" in text]
        return
    (reason,) = set(rejects["reason"])
    assert reason == ROWS.get(fault, "another close before than its quote tells")
    (name,) = set(rejects["symbol"])
    assert f"{rejects.height} day rows refused ({reason}): {name}" in result.warnings


@pytest.mark.parametrize("fault", ["candle-wrong", "candle-gap", *ROWS])
def test_a_fault_that_stays_is_not_kept(
    market: Market, sandbox: Running, clean: list[dict[str, object]], fault: str
) -> None:
    sandbox.fault(fault)
    before = market.calls
    with pytest.raises(BadReply, match=r"^(SBIN|TCS): "):
        scanned(market)
    assert spent(market, before)[0] == 4
    assert bool(market.wiring().lake.files("rejects")) is (fault != "candle-gap")
    sandbox.fault("")
    assert told(scanned(market)) == clean
    before = market.calls
    again = scanned(market)
    assert told(again) == clean
    assert not [text for text in again.warnings if "refused" in text or "left out" in text]
    assert spent(market, before)[0] == 0


@pytest.mark.parametrize("fault", HARMLESS)
def test_rows_too_many_change_nothing(
    market: Market, sandbox: Running, clean: list[dict[str, object]], fault: str
) -> None:
    sandbox.fault(fault)
    before = market.calls
    assert told(scanned(market)) == clean
    assert spent(market, before)[0] == 2
    sandbox.fault("")
    assert told(scanned(market)) == clean


def test_who_is_not_believed_is_left_out_and_named(
    market: Market, sandbox: Running, clean: list[dict[str, object]]
) -> None:
    source = market.kite()
    answer = source.answer

    def another(row: dict[str, object], *words: object, **more: object) -> list[list[object]]:
        other = source.dump.find(Exchange.NSE, "TCS")
        return answer(other if row["tradingsymbol"] == "SBIN" else row, *words, **more)  # type: ignore[arg-type]

    source.answer = another  # type: ignore[method-assign]
    result = scan(source, sandbox.clock, ScanRequest(symbols="SBIN,TCS"))
    assert [row["symbol"] for row in told(result)] == ["TCS"]
    (left,) = [text for text in result.warnings if text.startswith("left out")]
    assert "NSE:SBIN (SBIN: the close of " in left
    assert f"warning: {left}" in market.said
    assert told(scanned(market)) == clean


def test_a_revision_of_the_last_session_is_found_by_its_quote(
    market: Market, sandbox: Running, tmp_path: Path
) -> None:
    market.at(EVENING)
    sandbox.fault("candle-revised:x1")
    rows = told(scanned(market))
    sandbox.fault("")
    other = Market(sandbox, tmp_path / "clean")
    other.log_in()
    assert rows == told(scanned(other))


def test_a_fault_after_a_session_that_was_missed_leaves_the_kept_days_alone(
    market: Market, sandbox: Running
) -> None:
    scanned(market)
    market.at(EVENING + timedelta(days=1))
    sandbox.fault("candle-wrong")
    with pytest.raises(BadReply):
        scanned(market)
    sandbox.fault("")
    other = Market(sandbox, market.folder.with_name("clean"))
    other.log_in()
    assert told(scanned(market)) == told(scanned(other))
