"""Screens with every hard value, compared byte for byte with files.

After a change that is meant: `REGENERATE=1 pytest tests/golden/test_screens.py`; read the diff.
"""

from __future__ import annotations

import io
import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from alphastock_cli.actions.result import Result
from alphastock_cli.views import serialise
from alphastock_cli.views.screens import render
from tests.conftest import IST

FOLDER = Path(__file__).parent / "data" / "screens"
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=IST)
CLOSE = datetime(2026, 11, 20, 15, 35, tzinfo=IST)

MOVER = {"symbol": "M&M", "close": 3030.5, "change_pct": 4.756, "volume_ratio": 2.5,
         "turnover": 2_727_450_000.0}  # fmt: skip
LOSER = {"symbol": "BAJAJ-AUTO", "close": 123456.7, "change_pct": -0.004, "volume_ratio": None,
         "turnover": 12_345.0}  # fmt: skip
SUMMARY: dict[str, Any] = {
    "advances": 1054, "declines": 0, "unchanged": 30, "advance_decline_ratio": None,
    "above_sma_50_pct": 53.4, "above_sma_200_pct": None, "new_highs": 12, "new_lows": None,
    "sentiment": -26.7, "sentiment_word": "bearish", "turnover_floor": 10_000_000.0,
    "sectors": [
        {"sector": "Automobile and Auto Components", "symbols": 12, "advances": 10, "declines": 2,
         "mean_change_pct": 1.234, "weighted_change_pct": None, "turnover": 98_765_432_100.0,
         "top_symbol": "M&M"},
        {"sector": "Unclassified", "symbols": 2713, "advances": 0, "declines": 2713,
         "mean_change_pct": -0.001, "weighted_change_pct": -12.5, "turnover": 0.0,
         "top_symbol": None},
    ],
    "gainers": [MOVER], "losers": [LOSER], "volume_leaders": [MOVER, LOSER],
    "universe": 2725, "matched": 2, "known_sma_50": 2600, "known_sma_200": 0, "known_52w": 63,
}  # fmt: skip
ROWS = [
    {"symbol": "M&M", "sector": "Automobile and Auto Components", "close": 3030.5,
     "change_pct": 4.756, "volume": 12_345_678, "rsi": 71.23456, "sma_200": None,
     "turnover": 2_727_450_000.0},
    {"symbol": "\x1b[2JEVIL[/x]\u202e", "sector": None, "close": 0.05, "change_pct": -99.9,
     "volume": 0, "rsi": None, "sma_200": 1_23_45_678.9, "turnover": None},
]  # fmt: skip


def results() -> dict[str, Result]:
    scan = {"kind": "scan_equities", "as_of": CLOSE, "source": "lake", "summary": SUMMARY}
    return {
        "scan_summary": Result(rows=ROWS, rows_follow=False, **scan),
        "scan_rows": Result(rows=ROWS, highlight=("rsi",), **scan),
        "scan_empty": Result(rows=[], **scan),
        "scan_simulated": Result(rows=ROWS, rows_follow=False, **(scan | {"source": "sim"}),
                                 simulated=True),
        "contract": Result(
            kind="contract", source="exchange tables",
            summary={"symbol": "NIFTY", "on": NOW.date()},
            rows=[{"symbol": "NIFTY", "expiry": date(2025, 12, 30), "lot_size": 75,
                   "tick_size": Decimal("0.05"), "multiplier": 1, "freeze_quantity": None,
                   "session_open": CLOSE - timedelta(hours=6), "source": "NSE FAOP70616"}],
        ),
        "doctor": Result(
            kind="doctor", source="this machine",
            rows=[{"check": "disk", "status": "ok", "detail": "78.8 GiB free", "fix": ""},
                  {"check": "lake", "status": "warn", "detail": "nothing is stored yet",
                   "fix": "alphastock fetch eod --from-dir FOLDER"},
                  {"check": "data folder", "status": "fail", "detail": "~/data may not be written",
                   "fix": "chmod u+rwx ~/data"}],
        ),
        "sql": Result(kind="sql", source="lake", rows=[{"reason": "no closing price", "n": 13}]),
    }  # fmt: skip


def drawn(result: Result, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False, markup=False,
                      emoji=False, force_terminal=False, legacy_windows=False)  # fmt: skip
    for part in render(result, now=NOW, width=width):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def compare(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("REGENERATE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
    assert text == path.read_bytes().decode(), f"{name} looks different"


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", sorted(results()))
def test_screen(name: str, width: int) -> None:
    text = drawn(results()[name], width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    compare(f"{name}_{width}.txt", text)


@pytest.mark.parametrize("name", ["scan_rows", "contract", "scan_empty"])
def test_machine_formats(name: str) -> None:
    result = results()[name]
    compare(f"{name}.json", "".join(serialise.to_json(result, generated_at=NOW)))
    compare(f"{name}.csv", "".join(serialise.to_csv(result)))
    compare(f"{name}.ndjson", "".join(serialise.to_ndjson(result)))
