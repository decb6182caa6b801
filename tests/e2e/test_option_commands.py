"""`chain --vs`, `greeks --file`, `scan options` and `[options]` as a user meets them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli

AT, THEN = "2026-11-19T11:00", "2026-11-18T14:30"
ON = ("--as-of", AT)
BOOK = """tradingsymbol,quantity,price
NIFTY26NOV24300CE,-65,120
NIFTY26NOV24300PE,65,80
NIFTY26DEC24500CE,130,
NIFTY26NOVFUT,65,24300
SBIN,100,5100
NOSUCH26NOV1CE,5,1
"""


def test_vs_is_two_runs_subtracted(cli: Cli) -> None:
    words = ("chain", "NIFTY", "--json", "--expiry", "2026-11-23")
    shown = ("--columns", "tradingsymbol,price,open_interest,iv")
    now = cli(*words, *shown, *ON).json
    then = cli(*words, *shown, "--as-of", THEN).json
    both = cli(*words, "--vs", THEN, *ON).json
    assert both["schema"] == "alphastock.chain_vs/1"
    old = {row["tradingsymbol"]: row for row in then["data"]}
    new = {row["tradingsymbol"]: row for row in now["data"]}
    assert len(both["data"]) == len(old.keys() | new.keys()) > 100
    moved = 0
    for row in both["data"]:
        for name in ("price", "open_interest", "iv"):
            first = old.get(row["tradingsymbol"], {}).get(name)
            last = new.get(row["tradingsymbol"], {}).get(name)
            assert (row[f"{name}_before"], row[name]) == (first, last)
            change = None if first is None or last is None else last - first
            assert row[f"{name}_change"] == change
            moved += bool(change)
    assert moved > 200
    facts = both["summary"]
    assert (facts["as_of"], facts["vs"]) == (now["as_of"], then["as_of"])
    for name in ("spot", "forward", "atm_iv", "straddle", "put_call_ratio_oi", "max_pain"):
        assert facts["change"][name] == now["summary"][name] - then["summary"][name]


def test_vs_a_day_is_its_close_and_the_screen_says_both_moments(cli: Cli) -> None:
    done = cli("chain", "NIFTY", "--vs", "2026-11-18", "--strikes", "3", *ON)
    assert done.code == 0
    assert "now Thu 19 Nov 2026 11:00:00, before Wed 18 Nov 2026 15:40:00" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())
    rows = cli("chain", "NIFTY", "--vs", "2026-11-18", *ON, "--csv", "--top", "4",
               "--where", "build_up = 'long_build_up'", "--sort", "price_change:desc")  # fmt: skip
    found = list(csv.DictReader(io.StringIO(rows.out)))
    assert {row["build_up"] for row in found} == {"long_build_up"}
    prices = [float(row["price_change"]) for row in found]
    assert prices == sorted(prices, reverse=True)
    assert min(prices) > 0


def test_a_book(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    body = cli("greeks", "--file", path, "--json", *ON).json
    assert body["schema"] == "alphastock.greeks_file/1"
    legs = [row for row in body["data"] if row["status"] == "ok"]
    assert [row["line"] for row in legs] == [2, 3, 4, 5, 6]
    net = body["summary"]["net"]
    for name in ("theta_per_day", "vega_per_pct", "rho_per_pct"):
        wanted = sum(row[name] * row["quantity"] for row in legs)
        assert net[name] == pytest.approx(wanted, rel=1e-12)
    assert len(body["summary"]["scenarios"]) == 11 * 11 * 4
    assert any("line 7 is left out" in text for text in body["warnings"])
    chain = cli("chain", "NIFTY", "--greeks", "--json", "--expiry", "2026-11-23", *ON).json
    rows = {row["tradingsymbol"]: row for row in chain["data"]}
    for name in ("iv", "delta", "gamma", "theta_per_day", "vega_per_pct"):
        assert legs[0][name] == rows["NIFTY26NOV24300CE"][name]
    screen = cli("greeks", "--file", path, *ON)
    assert screen.code == 0
    assert "Net of 5 of 6 legs" in screen.out
    assert all(len(line) <= 80 for line in screen.out.splitlines())
    small = cli("greeks", "--file", path, "--json", "--spot-range=-2:2:1", "--iv-range", "0",
                "--days", "0,expiry", *ON).json  # fmt: skip
    assert len(small["summary"]["scenarios"]) == 5 * 2
    some = cli("greeks", "--file", path, "--json", "--where", "status = 'ok' and abs(delta) < 0.9",
               "--columns", "tradingsymbol,delta", *ON).json  # fmt: skip
    assert [list(row) for row in some["data"]] == [["tradingsymbol", "delta"]] * 3


def test_scan_options(cli: Cli) -> None:
    where = "iv_percentile > 1 and abs(delta) between 0.15 and 0.30 and liquidity = 'ok'"
    body = cli("scan", "options", "--where", where, "--top", "5", "--json", *ON).json
    assert body["schema"] == "alphastock.scan_options/1"
    assert 0 < len(body["data"]) <= 5
    for row in body["data"]:
        assert 0.15 <= abs(row["delta"]) <= 0.30
        assert row["iv_percentile"] > 1
        assert row["iv_sessions"] == 252
    chain = cli("chain", "NIFTY", "--greeks", "--json", *ON).json
    rows = {row["tradingsymbol"]: row for row in chain["data"]}
    mine = [row for row in body["data"] if row["underlying"] == "NIFTY"]
    assert mine
    for row in mine:
        assert row["iv"] == rows[row["tradingsymbol"]]["iv"]
    for words in ((), ("--preset", "most_active", "--top", "3"), ("--expiry", "all", "--top", "2")):
        screen = cli("scan", "options", "--symbols", "NIFTY", *words, *ON)
        assert screen.code == 0
        assert "SIMULATED" in screen.out
        assert all(len(line) <= 80 for line in screen.out.splitlines())
    ndjson = cli("scan", "options", "--symbols", "SBIN", "--format", "ndjson", *ON)
    assert {json.loads(line)["underlying"] for line in ndjson.out.splitlines()} == {"SBIN"}


def test_trading_time_and_a_forward_of_one_s_own(cli: Cli) -> None:
    words = ("chain", "NIFTY", "--json", "--expiry", "2026-11-23", *ON)
    usual = cli(*words).json["summary"]
    counted = cli(*words, "--daycount", "trading252").json["summary"]
    assert (usual["daycount"], counted["daycount"]) == ("act365", "trading252")
    # Thursday 11:00 of 9:15 to 15:40, Friday, and Monday whole; a weekend between
    assert counted["years"] == pytest.approx((280 / 385 + 2) / 252, rel=1e-12)
    ratio = (usual["years"] / counted["years"]) ** 0.5
    assert counted["atm_iv"] == pytest.approx(usual["atm_iv"] * ratio, rel=1e-3)
    given = cli(*words, "--forward", "24000").json["summary"]
    assert (given["forward"], given["forward_source"]) == (24_000.0, "given")
    typed = ("greeks", "--forward", "24000", "--strike", "24500", "--expiry", "2026-11-23",
             "--type", "CE", "--vol", "15%", "--json", *ON)  # fmt: skip
    row = cli(*typed, "--daycount", "trading252").json["data"][0]
    assert row["years"] == counted["years"]


def test_trading_time_ends_with_the_calendar(cli: Cli) -> None:
    late = ("--daycount", "trading252", "--as-of", "2026-12-10T11:00", "--json")
    near = cli("scan", "options", "--symbols", "NIFTY", *late).json
    (part,) = near["summary"]["underlyings"]
    assert part["iv_sessions"] == 252
    every = cli("scan", "options", "--symbols", "NIFTY", "--expiry", "all", *late).json
    days = {row["expiry"] for row in every["data"]}
    assert min(days) == part["expiry"]
    assert max(days) < "2027"
    assert any("beyond the calendar" in text for text in every["warnings"])


def test_the_configuration_says_how_options_are_measured(cli: Cli, tmp_path: Path) -> None:
    words = ("chain", "NIFTY", "--json", "--strikes", "0", *ON)
    (tmp_path / "alphastock.toml").write_text(
        '[options]\nrate = 0.07\nmodel = "bsm"\ndaycount = "trading252"\n'
    )
    facts = cli(*words).json["summary"]
    assert (facts["rate"], facts["rate_source"]) == (0.07, "configuration")
    assert (facts["model"], facts["daycount"]) == ("bsm", "trading252")
    flags = cli(*words, "--rate", "5%", "--model", "black76", "--daycount", "act365").json[
        "summary"
    ]
    assert (flags["rate"], flags["rate_source"]) == (0.05, "--rate")
    assert (flags["model"], flags["daycount"]) == ("black76", "act365")
    shown = cli("config", "show", "--json").json["data"]
    assert next(row for row in shown if row["key"] == "options.rate")["value"] == 0.07
    for text in ("rate = 7\n", 'model = "heston"\n', 'daycount = "act360"\n', "rat = 1\n"):
        (tmp_path / "alphastock.toml").write_text(f"[options]\n{text}")
        done = cli(*words)
        assert done.code == 2
        assert "options." in done.err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("chain", "NIFTY", "--vs", "2026-11-19T11:30"), 2, "is not before the chain of NIFTY"),
        (("chain", "NIFTY", "--vs", "2026-11-19"), 2, "is not before"),
        (("chain", "NIFTY", "--vs", "2026-11-15"), 5, "has no chain of NIFTY of 2026-11-15"),
        (("chain", "NIFTY", "--vs", "1999-01-01"), 5, "to compare with"),
        (("chain", "NIFTY", "--vs", "yesterday"), 2, "not a timestamp"),
        (("chain", "NIFTY", "--vs", "2026-11-18", "--forward", "1"), 2, "leave one out"),
        (("chain", "NIFTY", "--forward", "-1"), 2, "above 0"),
        (("chain", "NIFTY", "--daycount", "act360"), 2, "act365"),
        (("chain", "NIFTY", "--expiry", "2028-06-27", "--daycount", "trading252"), 2, "act365"),
        (("greeks", "--file", "none.csv"), 2, "no such file"),
        (("greeks", "--file", "none.csv", "NIFTY26NOV24300CE"), 2, "give one or the other"),
        (("greeks", "--file", "none.csv", "--strike", "5"), 2, "give one or the other"),
        (("greeks", "NIFTY26NOV24300CE", "--days", "1"), 2, "--file of positions"),
        (("greeks", "--file", "none.csv", "--days", "soon"), 2, "--days soon"),
        (("scan", "options", "--where", "abs(delta) betwen 1 and 2"), 2, "betwen"),
        (("scan", "options", "--where", "rsi < 30"), 2, "unknown column"),
        (("scan", "options", "--preset", "rich_premum"), 2, "Did you mean rich_premium"),
        (("scan", "options", "--expiry", "2026-11-22"), 2, "Listed: 2026-11-23"),
        (("scan", "options", "--symbols", "NFTY"), 2, "Did you mean NIFTY"),
        (("scan", "options", "--provider", "nse"), 5, "--provider sim"),
        (("scan", "options", "--provider", "lake"), 5, "holds no options"),
        (("scan", "options", "--symbols", "NIFTY", "--where", "iv > 99", "--fail-empty"), 3, ""),
    ],
)
def test_errors_say_what_to_do(words: tuple[str, ...], code: int, text: str, cli: Cli) -> None:
    done = cli(*words, *ON)
    assert done.code == code, done.err
    assert text in done.err


def test_a_file_with_wrong_columns_says_what_is_needed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "book.csv").write_text("a,b\n1,2\n")
    done = cli("greeks", "--file", "book.csv", *ON)
    assert (done.code, done.out) == (2, "")
    assert "has the columns a, b" in done.err
    assert "tradingsymbol (or underlying, expiry, strike, option_type)" in done.err
