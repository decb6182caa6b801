"""`chain` and `greeks` as a user meets them, on the simulated exchange."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.conftest import Cli

ON = ("--as-of", "2026-11-19T11:00")
NAMES = [
    "tradingsymbol", "underlying", "expiry", "strike", "option_type", "last_price", "bid", "ask",
    "volume", "open_interest", "oi_change", "moneyness", "intrinsic", "time_value", "iv",
    "iv_status", "delta", "gamma", "theta_per_day", "vega_per_pct", "rho_per_pct",
]  # fmt: skip
ADDED = ["build_up", "liquidity"]  # after those of the contract


def test_the_first_screen(cli: Cli) -> None:
    done = cli("chain", "NIFTY", *ON)
    assert done.code == 0
    assert done.out.startswith("SIMULATED DATA chain · as of Thu 19 Nov 2026 11:00 IST")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    assert sum("▸" in line for line in done.out.splitlines()) == 1
    for word in (
        "spot",
        "forward",
        "by parity",
        "ATM",
        "PCR OI",
        "max pain",
        "expected move",
        "lot",
    ):
        assert word in done.out


def test_json_holds_the_whole_chain_in_the_contract_s_names(cli: Cli) -> None:
    done = cli("chain", "NIFTY", "--greeks", "--json", *ON)
    body = done.json
    assert (body["schema"], body["simulated"]) == ("alphastock.chain/1", True)
    assert list(body["data"][0]) == [*NAMES, *ADDED]
    facts = body["summary"]
    assert len(body["data"]) == facts["rows"] > 100
    ok = [row for row in body["data"] if row["iv_status"] == "ok"]
    assert len(ok) > 50
    assert all((row["iv"] is None) == (row["iv_status"] != "ok") for row in body["data"])
    # second routes over what was printed
    strikes = {row["strike"] for row in body["data"]}
    assert facts["atm_strike"] == min(strikes, key=lambda k: (abs(k - facts["forward"]), k))
    assert abs(facts["forward"] / facts["future"] - 1) < 0.002
    sums = {
        kind: sum(r["open_interest"] or 0 for r in body["data"] if r["option_type"] == kind)
        for kind in ("CE", "PE")
    }
    assert facts["put_call_ratio_oi"] == pytest.approx(sums["PE"] / sums["CE"], rel=1e-12)
    pairs = {(r["strike"], r["option_type"]): r for r in ok}
    for (strike, kind), row in pairs.items():
        if kind == "CE" and (strike, "PE") in pairs:
            apart = row["delta"] - pairs[strike, "PE"]["delta"]
            assert apart == pytest.approx(1.0, abs=0.02)


def test_everything_a_chain_can_say_in_one_call(cli: Cli) -> None:
    done = cli("chain", "NIFTY", "--json", "--greeks", "--smile", "--term", "--iv-rank", *ON)
    facts = done.json["summary"]
    known = {row["build_up"] for row in done.json["data"]}
    assert {"long_build_up", "short_build_up", "long_unwinding", "short_covering"} & known
    assert {row["liquidity"] for row in done.json["data"]} >= {"ok"}
    assert facts["expected_move_sigma"] == facts["expected_move"]
    assert 0.7 < facts["expected_move_straddle"] / facts["expected_move_sigma"] < 0.9
    assert facts["risk_reversal_25d"] == pytest.approx(
        facts["call_iv_25d"] - facts["put_iv_25d"], rel=1e-12
    )
    assert "short the puts" in facts["gex_convention"]
    assert facts["smile"]["points"] > 20
    assert [row["expiry"] for row in facts["term"]] == sorted(
        row["expiry"] for row in facts["term"]
    )
    assert facts["iv_sessions"] >= 20
    assert 0 <= facts["iv_rank"] <= 100
    assert 0 <= facts["iv_percentile"] <= 100
    assert facts["roll_date"] < facts["expiry"]


def test_csv_ndjson_and_parquet_agree(cli: Cli, tmp_path: Path) -> None:
    words = ("chain", "NIFTY", "--greeks", *ON)
    rows = cli(*words, "--json").json["data"]
    assert [json.loads(line) for line in cli(*words, "--format", "ndjson").out.splitlines()] == rows
    held = list(csv.DictReader(io.StringIO(cli(*words, "--csv").out)))
    assert list(held[0]) == [*NAMES, *ADDED]
    assert [row["iv"] for row in held] == ["" if r["iv"] is None else str(r["iv"]) for r in rows]
    target = tmp_path / "chain.parquet"
    assert cli(*words, "--format", "parquet", "-o", target).code == 0
    frame = pl.read_parquet(target)
    assert frame["strike"].to_list() == [row["strike"] for row in rows]
    assert frame["iv"].is_nan().sum() == 0


def test_conditions_order_and_columns(cli: Cli) -> None:
    done = cli("chain", "NIFTY", "--json", "--where", "option_type = 'CE' and moneyness = 'OTM'",
               "--sort", "open_interest:desc", "--top", "3", "--columns", "strike,open_interest",
               *ON)  # fmt: skip
    rows = done.json["data"]
    assert len(rows) == 3
    assert list(rows[0]) == ["strike", "open_interest"]
    assert rows == sorted(rows, key=lambda row: -row["open_interest"])
    assert all(row["strike"] > done.json["summary"]["forward"] for row in rows)


def test_expiries_rates_and_models(cli: Cli) -> None:
    near = cli("chain", "NIFTY", "--json", *ON).json["summary"]
    month = cli("chain", "NIFTY", "--json", "--expiry", "next", *ON).json["summary"]
    assert month["expiry"] > near["expiry"]
    nse = cli("chain", "NIFTY", "--json", "--rate", "nse", *ON).json["summary"]
    assert (nse["model"], nse["rate"], nse["forward_source"]) == ("bsm", 0.1, "spot")
    zero = cli("chain", "NIFTY", "--json", "--rate", "0", *ON).json["summary"]
    assert (zero["rate"], zero["rate_source"]) == (0.0, "--rate")
    # with a forward by parity the rate hardly moves the volatility
    assert zero["atm_iv"] == pytest.approx(near["atm_iv"], rel=0.01)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("chain", "NFTY"), 2, "Did you mean NIFTY"),
        (("chain", "NIFTY", "--expiry", "weakly"), 2, "Did you mean weekly?"),
        (("chain", "NIFTY", "--expiry", "2026-11-22"), 2, "Listed: 2026-11-2"),
        (("chain", "NIFTY", "--where", "ivv > 1"), 2, "Did you mean iv"),
        (("chain", "NIFTY", "--rate", "7"), 2, "6.5%"),
        (("chain", "NIFTY", "--strikes", "-1"), 2, "--strikes -1"),
        (("chain", "NIFTY", "--provider", "nse"), 5, "--provider sim"),
        (("chain", "NIFTY", "--provider", "lake"), 5, "holds no options"),
        (("greeks",), 2, "Give a listed contract"),
        (("greeks", "NIFTY26NOV1CE"), 2, "unknown contract"),
        (("greeks", "NIFTY", "--strike", "5"), 2, "give one or the other"),
        (("greeks", "--forward", "5"), 2, "--strike is missing"),
    ],
)
def test_errors_say_what_to_do(words: tuple[str, ...], code: int, text: str, cli: Cli) -> None:
    moment = () if words[0] == "greeks" and "--forward" in words else ON
    done = cli(*words, *moment)
    assert done.code == code
    assert done.out == ""
    assert text in done.err


def test_typed_in_greeks(cli: Cli) -> None:
    words = ("greeks", "--forward", "24000", "--strike", "24500", "--expiry", "2026-12-29",
             "--type", "CE", "--as-of", "2026-11-20T15:40")  # fmt: skip
    row = cli(*words, "--price", "120", "--json").json["data"][0]
    assert row["iv_status"] == "ok"
    back = cli(*words, "--vol", str(row["iv"]), "--json").json["data"][0]
    assert back["price"] == pytest.approx(120.0, rel=1e-12)
    screen = cli(*words, "--vol", "15%")
    assert "delta" in screen.out
    assert "SIMULATED" not in screen.out
    assert cli(*words, "--vol", "15%", "--provider", "sim").code == 2


def test_a_listed_contract_equals_its_row_of_the_chain(cli: Cli) -> None:
    body = cli("chain", "NIFTY", "--greeks", "--json", "--strikes", "1", *ON).json
    row = body["data"][0]
    held = cli("greeks", row["tradingsymbol"], "--json", *ON).json
    got = held["data"][0]
    for name in ("strike", "iv", "iv_status", "delta", "gamma", "theta_per_day", "rho_per_pct"):
        assert got[name] == row[name]
    assert got["forward"] == body["summary"]["forward"]
    shown = cli("greeks", row["tradingsymbol"], *ON)
    assert shown.code == 0
    assert shown.out.startswith("SIMULATED DATA greeks")


def test_a_stored_day(cli: Cli, shared_data: Path) -> None:
    folder = shared_data / "nse_fo_bhavcopy_old"
    if not folder.is_dir():
        pytest.skip("no F&O file")
    assert cli("fetch", "eod", "--from-dir", folder).code in {0, 75}
    body = cli(
        "chain", "NIFTY", "--provider", "lake", "--on", "2021-03-18", "--greeks", "--json"
    ).json
    facts = body["summary"]
    assert (body["as_of"][:16], body["simulated"]) == ("2021-03-18T15:30", False)
    assert facts["spot"] is None
    assert facts["forward_source"] == "parity"
    assert abs(facts["forward"] - facts["future"]) < 3
    assert facts["expiry"] == "2021-03-25"
    assert 0.2 < facts["atm_iv"] < 0.27
