"""Screens of the live view with every hard value, compared byte for byte with files.

After a change that is meant: `REGENERATE=1 pytest tests/golden/test_watch_screens.py`; read the
diff.
"""

from __future__ import annotations

import io
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from alphastock_cli.actions.watch_list import Breadth
from alphastock_cli.views import ndjson, plain
from alphastock_cli.views.model import Header, IndexRow, Model, PositionRow, SymbolRow, changed
from tests.conftest import IST

FOLDER = Path(__file__).parent / "data" / "screens"
NOW = datetime(2026, 11, 20, 11, 0, 5, tzinfo=IST)


def header(**more) -> Header:
    facts = {"source": "kite", "simulated": False, "generated_at": NOW, "as_of": NOW,
             "age_seconds": 0.0, "stale": False, "state": "open",
             "next_open": datetime(2026, 11, 23, 9, 15, tzinfo=IST)}  # fmt: skip
    return Header(**(facts | more))


def index(name: str, last: float | None, change: float | None, age: float | None, *,
          stale: bool = False) -> IndexRow:  # fmt: skip
    return IndexRow(index=name, last=last, change_pct=change, age_seconds=age, stale=stale)


def symbol(name: str, last: float | None, **more) -> SymbolRow:
    facts = {"exchange": "NSE", "change_pct": None, "bid": None, "ask": None, "volume": None,
             "age_seconds": None, "stale": False}  # fmt: skip
    return SymbolRow(symbol=name, last_price=last, **(facts | more))


def position(name: str, quantity: int, **more) -> PositionRow:
    facts = {"exchange": "NSE", "product": "MIS", "average_price": None, "last_price": None,
             "pnl": None, "age_seconds": None, "stale": False}  # fmt: skip
    return PositionRow(symbol=name, quantity=quantity, **(facts | more))


INDICES = (
    index("NIFTY 50", 24_512.3, 0.534, 2.0),
    index("NIFTY BANK", 1_23_456.7, -12.345, 93_784.0, stale=True),
    index("INDIA VIX", None, None, None),
)
SYMBOLS = (
    symbol("SBIN", 801.5, change_pct=1.4556, bid=801.45, ask=801.5, volume=1_23_45_678,
           age_seconds=0.4),
    symbol("BAJAJ-AUTO", 1_23_456.7, change_pct=-0.004, bid=1_23_456.65, ask=1_23_456.75,
           volume=98_76_54_321, age_seconds=245.0, stale=True),
    symbol("NOSUCH", None),
    symbol("INFY", 0.05, exchange="BSE", change_pct=-99.9, bid=0.05, volume=0, age_seconds=2.0),
    symbol("\x1b[2JEVIL[/x]\u202e", 1.0, age_seconds=1.0),
    symbol("NIFTY26DEC24000CEWEEKLY", 120.25, change_pct=0.0, age_seconds=3.0),
)  # fmt: skip
POSITIONS = (
    position("SBIN", 750, average_price=Decimal("795.1234"), last_price=801.5,
             pnl=Decimal("4782.45"), age_seconds=1.0),
    position("RELIANCE", -25, product="NRML", average_price=Decimal("2890.5"), last_price=2901.0,
             pnl=Decimal("-262.50"), age_seconds=61.0, stale=True),
    position("TCS", 0, product="CNC", pnl=Decimal("-53.10")),
    position("UNQUOTED", 10, average_price=Decimal(100)),
)  # fmt: skip
BREADTH = Breadth(of="NIFTY 50", advances=31, declines=18, unchanged=0, unknown=1)


def models() -> dict[str, Model]:
    whole = Model(header=header(), indices=INDICES, breadth=BREADTH, symbols=SYMBOLS,
                  positions=POSITIONS, pnl=None)  # fmt: skip
    simulated = Model(
        header=header(source="sim", simulated=True, state="closed", age_seconds=93_784.0),
        indices=INDICES[:1], breadth=BREADTH, symbols=SYMBOLS[:1], positions=POSITIONS[:1],
        pnl=Decimal("4782.45"),
    )  # fmt: skip
    failing = Model(
        header=header(age_seconds=61.0, stale=True), symbols=SYMBOLS[1:3], positions=None,
        warnings=("kite: the line is down " + "and stays down " * 6, "positions: \x1b[31mlocked"),
    )  # fmt: skip
    silent = Model(
        header=header(as_of=None, age_seconds=None, state="unknown", next_open=None),
        symbols=(symbol("SBIN", None),), warnings=("kite: the line is down",),
    )  # fmt: skip
    return {"whole": whole, "simulated": simulated, "failing": failing, "silent": silent}


def compare(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("REGENERATE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
    assert text == path.read_bytes().decode(), f"{name} looks different"


@pytest.mark.parametrize("width", [80, 48])
@pytest.mark.parametrize("name", sorted(models()))
def test_screen(name: str, width: int) -> None:
    text = plain.block(models()[name], width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert all(char.isprintable() or char == "\n" for char in text), (
        "control characters got through"
    )
    assert text.endswith("\n\n")
    compare(f"watch_{name}_{width}.txt", text)


@pytest.mark.parametrize("name", sorted(models()))
def test_lines_for_programs(name: str) -> None:
    compare(f"watch_{name}.ndjson", ndjson.line(models()[name]))


def test_stale_and_simulated_are_said_in_words() -> None:
    text = plain.block(models()["whole"], width=80)
    assert [line for line in text.splitlines() if "stale 1 d" in line]
    assert "P&L – (a price is stale or missing)" in text
    assert text.count("stale") == 4
    assert plain.block(models()["simulated"], width=80).startswith("SIMULATED DATA market closed")
    assert "SIMULATED" not in text


def drawn(model: Model, *, height: int | None = None, before: Model | None = None) -> str:
    console = Console(file=io.StringIO(), width=80, color_system="standard", force_terminal=True,
                      highlight=False, markup=False, emoji=False, legacy_windows=False)  # fmt: skip
    for part in plain.render(model, width=80, height=height, new=changed(before, model)):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("height", [24, 40])
def test_it_fits_the_height_and_says_what_it_leaves_out(height: int) -> None:
    many = tuple(symbol(f"S{number}", 1.0) for number in range(60))
    model = Model(header=header(), indices=INDICES, breadth=BREADTH, symbols=many,
                  positions=POSITIONS)  # fmt: skip
    text = drawn(model, height=height)
    lines = text.splitlines()
    assert len(lines) <= height
    assert len(lines) >= height - 3, "room is wasted"
    shown = sum(line.startswith("S") and "1.00" in line for line in lines)
    assert f"… {60 - shown} more symbols" in lines[-1]
    assert "more symbols" not in drawn(model, height=200)


def test_only_what_changed_is_bold() -> None:
    before = Model(header=header(), symbols=(symbol("SBIN", 801.5), symbol("INFY", 600.0)))
    after = Model(header=header(), symbols=(symbol("SBIN", 802.0), symbol("INFY", 600.0)))
    assert "\x1b[1m802.00" in drawn(after, before=before)
    assert "\x1b[1m600.00" not in drawn(after, before=before)
    assert "\x1b[1m802.00" not in drawn(after)
