"""Pictures in files: the right kind of bytes, the same every time, whole or not at all."""

from __future__ import annotations

import math
import re
import sys
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from alphastock_cli.actions.result import Result
from alphastock_cli.errors import ConfigError, StorageError, UsageError
from alphastock_cli.views import pictures, plots
from tests.conftest import IST

pytest.importorskip("matplotlib")

SUMMARY: dict[str, Any] = {
    "underlying": "NIFTY", "strategy": "iron_condor", "spot": 24_080.0, "forward": 24_095.25,
    "breakevens": [23_914.8, 24_285.2], "max_profit": 5538.0, "max_loss": None,
    "max_loss_unbounded": True, "margin": 62_000.25, "margin_source": "estimate: <b>16</b>",
    "probability_of_profit": 0.5123, "net_premium": None, "years": 4 / 365, "atm_iv": 0.12,
    "expiry": date(2026, 11, 24),
    "as_of": datetime(2026, 11, 20, 15, 40, tzinfo=IST), "source": "lake", "simulated": False,
}  # fmt: skip
CURVE = [
    {"underlying_price": 23_000.0 + 25 * step, "payoff_expiry": 65.0 * (20 - abs(step - 40)),
     "payoff_today": None if step < 5 else 10.0 * step}
    for step in range(81)
]  # fmt: skip
CHAIN = [
    {"strike": strike, "option_type": side, "iv": 0.12 + 0.5 * math.log(strike / 24_095) ** 2}
    for strike in range(23_000, 25_200, 100)
    for side in ("CE", "PE")
] + [{"strike": 30_000.0, "option_type": "CE", "iv": None}]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("ending", ["png", "svg", "html", "PNG"])
@pytest.mark.parametrize("draw", [plots.payoff, plots.smile])
def test_the_same_figures_make_the_same_bytes(tmp_path: Path, ending: str, draw: Any) -> None:
    rows = CURVE if draw is plots.payoff else CHAIN
    files = [tmp_path / f"{turn}.{ending}" for turn in "ab"]
    for file in files:
        draw(rows, SUMMARY, file)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    starts = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "html": b"<!doctype html>"}
    assert first.startswith(starts[ending.lower()])
    assert sorted(tmp_path.iterdir()) == sorted(files), "nothing else is left"


def test_a_picture_does_not_say_when_it_was_drawn(tmp_path: Path) -> None:
    plots.payoff(CURVE, SUMMARY, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert "<dc:date>" not in text
    ET.fromstring(text)


def test_changed_figures_change_the_picture(tmp_path: Path) -> None:
    plots.payoff(CURVE, SUMMARY, tmp_path / "a.svg")
    plots.payoff(CURVE, {**SUMMARY, "breakevens": [23_500.0]}, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()


def test_the_fitted_curve_is_that_of_the_parameters() -> None:
    smile = {"a": 0.0001, "b": 0.01, "rho": -0.3, "m": 0.01, "sigma": 0.05}
    facts = {"smile": smile, "forward": 24_000.0, "years": 0.02}
    curve = plots.fitted(23_000.0, 25_000.0, facts)
    assert (curve[0][0], curve[-1][0]) == (23_000.0, 25_000.0)
    k = math.log(curve[77][0] / 24_000.0)
    w = 0.0001 + 0.01 * (-0.3 * (k - 0.01) + math.sqrt((k - 0.01) ** 2 + 0.05**2))
    assert curve[77][1] == pytest.approx(math.sqrt(w / 0.02), rel=1e-12)
    assert plots.fitted(1.0, 2.0, {**facts, "smile": None}) == []
    assert plots.fitted(1.0, 2.0, {**facts, "smile": "not fitted"}) == []
    assert plots.fitted(1.0, 2.0, {**facts, "forward": None}) == []


class Reader(HTMLParser):
    """Collect the tags, the addresses and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.cells: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag in {"td", "th", "h1", "p"}
        self.addresses += [v or "" for k, v in attrs if k in {"src", "href", "xlink:href"}]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells.append(data.strip())


def page_of(path: Path, rows: Any, summary: Any, draw: Any = plots.payoff) -> Reader:
    draw(rows, summary, path)
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    return reader


def test_a_page_stands_alone_and_has_the_figures(tmp_path: Path) -> None:
    page = page_of(tmp_path / "a.html", CURVE, SUMMARY)
    assert "svg" in page.tags
    assert not {"script", "link", "img", "iframe", "b"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses), "nothing from elsewhere"
    for text in ("unbounded", "5,538.00", "23,914.80, 24,285.20", "51.2 %", "62,000.25",
                 "estimate: <b>16</b>", "23,000.00", "–"):  # fmt: skip
        assert text in page.cells, text
    assert page.cells.count("23,025.00") == 1


def test_names_are_text_and_never_markup_or_formulas(tmp_path: Path) -> None:
    evil = {**SUMMARY, "underlying": "<script>x</script>$\\frac{1}$", "source": "a\x1b[2J&lt;"}
    page = page_of(tmp_path / "a.html", CURVE, evil)
    assert "script" not in page.tags
    assert "\x1b" not in (tmp_path / "a.html").read_text("utf-8")


def test_simulated_data_say_so(tmp_path: Path) -> None:
    page = page_of(tmp_path / "a.html", CURVE, {**SUMMARY, "simulated": True})
    assert "Simulated data, not a market." in page.cells
    plain = page_of(tmp_path / "b.html", CURVE, SUMMARY)
    assert "Simulated data, not a market." not in plain.cells
    size = [(tmp_path / name).stat().st_size for name in ("a.html", "b.html")]
    assert size[0] > size[1] + 1000, "the watermark is drawn"


def test_about_carries_where_figures_are_from() -> None:
    held = Result(kind="payoff", rows=[], summary={"a": 1}, source="sim", simulated=True)
    assert pictures.about(held) == {"a": 1, "as_of": None, "source": "sim", "simulated": True}
    sheet = pictures.Sheet(title="", summary=SUMMARY, rows=[], figures={})
    assert sheet.caption == "as of Fri 20 Nov 2026 15:40 IST · source lake"


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="ends in"):
        plots.payoff(CURVE, SUMMARY, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no payoff to draw"):
        plots.payoff([], SUMMARY, tmp_path / "a.png")
    with pytest.raises(UsageError, match="no row has a volatility"):
        plots.smile(CHAIN[-1:], SUMMARY, tmp_path / "a.png")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        plots.payoff(CURVE, SUMMARY, tmp_path / "none" / "a.png")


def test_without_the_library_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError) as told:
        plots.payoff(CURVE, SUMMARY, tmp_path / "a.png")
    assert told.value.hint == 'pip install "alphastock[plot]"'
    assert told.value.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_page_has_one_heading(tmp_path: Path) -> None:
    page_of(tmp_path / "s.html", CHAIN, SUMMARY, plots.smile)
    text = (tmp_path / "s.html").read_text("utf-8")
    assert re.findall("<h1>(.*?)</h1>", text) == ["NIFTY implied volatility, expiry 2026-11-24"]
    assert "12.08 %" in text
