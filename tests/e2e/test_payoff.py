"""`payoff` as a user meets it: legs with and without quotes, options between them, screens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Cli

AT = ("--as-of", "2026-11-20T11:00")
CONTRACT = {"max_profit", "max_loss", "breakevens", "probability_of_profit", "net_premium",
            "margin", "margin_source", "net_greeks"}  # fmt: skip


def legs_of(cli: Cli, *words: str) -> list[tuple[str, int]]:
    done = cli("payoff", *words, *AT, "--json")
    assert done.code == 0, done.err
    return [(leg["leg"], leg["quantity"]) for leg in done.json["summary"]["legs"]]


@pytest.mark.parametrize("columns", [80, 120])
def test_the_screen_fits(cli: Cli, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = cli("payoff", "--strategy", "iron_condor", "NIFTY", "--width", "200", *AT)
    assert done.code == 0
    assert done.out.startswith("SIMULATED DATA payoff · as of Fri 20 Nov 2026 11:00 IST")
    assert all(len(line) <= columns for line in done.out.splitlines())
    for word in ("iron_condor", "max profit", "max loss", "breakevens", "probability of profit",
                 "margin", "estimate", "at expiry", "today"):  # fmt: skip
        assert word in done.out, word


def test_json_has_the_contract_s_names(cli: Cli) -> None:
    done = cli("payoff", "NIFTY +atmCE -atm+200CE @weekly", *AT, "--json", "--points", "11")
    body = done.json
    assert (body["schema"], body["simulated"], body["source"]) == (
        "alphastock.payoff/1",
        True,
        "sim",
    )
    assert set(body["summary"]) >= CONTRACT
    assert len(body["data"]) == 11
    assert list(body["data"][0]) == ["underlying_price", "payoff_expiry", "payoff_today"]
    facts = body["summary"]
    width = facts["legs"][1]["strike"] - facts["legs"][0]["strike"]
    units = facts["legs"][0]["quantity"]
    assert facts["max_profit"] - facts["max_loss"] == pytest.approx(width * units)
    assert facts["max_loss"] == pytest.approx(facts["net_premium"])
    assert 0 < facts["probability_of_profit"] < 1
    assert facts["margin_source"].startswith("estimate")


def test_quotes_make_no_difference(cli: Cli) -> None:
    quoted = legs_of(cli, "NIFTY -2xatm+200CE +atmPE @monthly")
    assert quoted == legs_of(cli, "NIFTY", "-2xatm+200CE", "+atmPE", "@monthly")
    assert [text for text, _ in quoted] == ["-2xatm+200CE", "+atmPE"]


def test_a_sold_leg_is_no_option_and_options_may_stand_between(cli: Cli) -> None:
    # letters of real short options (q, o, v, h) inside the legs; values that look like legs
    words = ("NIFTY", "-atmCE@monthly", "--lots", "2", "-fut", "--iv", "-1%", "-25dPE", "-q")
    found = legs_of(cli, *words)
    assert [text for text, _ in found] == ["-atmCE@monthly", "-fut", "-25dPE"]
    assert {quantity for _, quantity in found} == {-130}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["NIFTY", "-24300XE"], "expected CE (a call) or PE (a put), at character 13"),
        (["NIFTY", "+24000CE", "--widht", "5"], "No such option: --widht"),
        (["NIFTY", "--strategy", "iron_condro"], "Did you mean iron_condor"),
        (["NIFTZ", "+24000CE"], "Did you mean NIFTY"),
        (["NIFTY", "+atmCE", "--plot", "x.pdf"], "a picture ends in"),
        (["NIFTY", "+atmCE", "--if-stale", "5m"], "rests nowhere"),
        (["--strategy", "list", "NIFTY"], "leave the underlying away"),
        ([], "nothing to value"),
    ],
)
def test_mistakes_are_exit_2(words: list[str], said: str, cli: Cli) -> None:
    done = cli("payoff", *words, *AT)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_the_place_of_a_mistake_has_a_caret(cli: Cli) -> None:
    done = cli("payoff", "NIFTY", "+24000CE", "-24200CE", "@weekley", *AT)
    assert done.err.splitlines()[1:] == [
        "  NIFTY +24000CE -24200CE @weekley", " " * 27 + "^", "Did you mean weekly?",
    ]  # fmt: skip


def test_the_rows_are_chosen_as_everywhere(cli: Cli) -> None:
    words = ("NIFTY", "+atmCE", "-atm+2sCE", "--where", "payoff_expiry > 0", "--top", "3")
    done = cli("payoff", *words, *AT, "--csv")
    head, *rows = done.out.splitlines()
    assert head == "underlying_price,payoff_expiry,payoff_today"
    assert len(rows) == 3
    assert all(float(row.split(",")[1]) > 0 for row in rows)


def test_a_picture_is_drawn(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "condor.svg"
    done = cli("payoff", "--strategy", "iron_condor", "NIFTY", "--plot", path, *AT)
    assert done.code == 0
    assert path.read_text().lstrip().startswith("<?xml")
    assert f"drawn to {path}" in done.err


def test_strategies_are_listed(cli: Cli) -> None:
    body = cli("payoff", "--strategy", "list", "--json").json
    assert body["schema"] == "alphastock.payoff_strategies/1"
    assert "iron_condor" in {row["strategy"] for row in body["data"]}
