"""Pictures, colours and terminals of `chain`, as a user meets them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from alphastock_cli.cli.app import main
from tests.e2e.conftest import Cli

ON = ("--as-of", "2026-11-19T11:00")


def test_plot_draws_every_strike_and_the_table_shows_the_middle(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = cli("chain", "NIFTY", "--plot", "smile.html", *ON)
    assert done.code == 0
    assert "drawn to smile.html" in done.err
    text = (tmp_path / "smile.html").read_text("utf-8")
    assert "Simulated data, not a market." in text
    assert "SIMULATED" in done.out
    strikes = set(re.findall(r"<tr><td>([\d,]+)</td><td>(?:CE|PE)</td>", text))
    shown = re.findall(r"▸? +([\d,]+) ?◂? ", done.out.split("PUTS (PE)")[1])
    assert len(strikes) > 40
    assert "42 of" in done.out, "ten strikes each side of the money, both sides"
    assert shown


def test_plot_beside_machine_formats(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = cli("chain", "NIFTY", "--plot", "a.svg", "--json", *ON)
    assert done.code == 0
    assert len(done.json["data"]) == done.json["summary"]["rows"]
    assert done.json["summary"]["smile"]["points"] > 5
    assert (tmp_path / "a.svg").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--plot", "a.gif"), "a picture ends in .png, .svg or .html"),
        (("--plot", "a.png", "--vs", "2026-11-18"), "--plot draws one chain, --vs shows two"),
        (("--plot", "a.png", "--columns", "strike"), "--plot needs strike, option_type and iv"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = cli("chain", "NIFTY", *words, *ON)
    assert done.code == 2
    assert told in done.err
    assert not list(tmp_path.glob("a.*"))


def test_a_condition_on_iv_says_it_is_a_fraction(cli: Cli) -> None:
    done = cli("chain", "NIFTY", "--where", "iv > 0.15 and option_type = 'CE'", *ON)
    assert "iv is a fraction, 0.15 for 15 %" in done.out
    assert "iv > 0.15 is above 15 %" in cli("chain", "--help").out
    empty = cli("chain", "NIFTY", "--where", "iv > 15", *ON).out
    assert "nothing found" in empty
    assert "iv is a fraction, 0.15 for 15 %" in empty


def test_a_flag_beats_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = cli("chain", "NIFTY", "--greeks", *ON).out
    assert "\x1b[" in coloured
    plain = cli("chain", "NIFTY", "--greeks", "--no-color", *ON).out
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain, "colour adds no word"


@pytest.mark.parametrize("words", [("chain", "NIFTY", "--greeks"), ("payoff", "NIFTY -atmCE")])
def test_a_terminal_of_ascii_gets_ascii(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli(*words, *ON).code == 0
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="ascii")) as out:
        assert main([*words, *ON]) == 0
        out.flush()
        text = out.buffer.getvalue().decode("ascii")
    assert "?" not in text
    assert text.startswith("SIMULATED DATA")


def test_a_narrow_and_a_wide_screen(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (80, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        for words in (("NIFTY", "--second-order"), ("BANKNIFTY", "--greeks")):
            done = cli("chain", *words, *ON)
            assert done.code == 0
            assert max(map(len, done.out.splitlines())) <= width


def test_iv_rank_is_on_the_screen_without_greeks(cli: Cli) -> None:
    done = cli("chain", "NIFTY", "--iv-rank", "--strikes", "0", *ON)
    assert done.code == 0
    assert re.search(r"IV 30 days ahead [\d.]+ %  rank [\d.]+  percentile", done.out)
    assert "IV 30 days" not in cli("chain", "NIFTY", "--strikes", "0", *ON).out


def test_a_scan_that_finds_nothing_shows_where_the_underlyings_stand(cli: Cli) -> None:
    done = cli("scan", "options", "--symbols", "NIFTY", "--where", "iv_percentile > 100", *ON)
    assert done.code == 0
    assert "nothing found" in done.out
    assert re.search(r"NIFTY +2026-11-\d\d", done.out)
    assert "pctile" in done.out
