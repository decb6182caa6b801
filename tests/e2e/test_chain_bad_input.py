"""Rows, quotes and files that are wrong: each says why, and what is right beside them stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli, Done

HEAD = "timestamp,underlying,expiry,strike,option_type,spot,last_price,bid,ask"
AT = "2026-08-13T11:30"
GOOD = (
    "NIFTY,2026-08-25,24050,CE,24050,265,264,266", "NIFTY,2026-08-25,24050,PE,24050,215,214,216",
    "NIFTY,2026-08-25,24100,CE,24050,240,239,241", "NIFTY,2026-08-25,24100,PE,24050,240,239,241",
    "NIFTY,2026-08-25,24150,CE,24050,215,214,216", "NIFTY,2026-08-25,24150,PE,24050,265,264,266",
)  # fmt: skip


def load(cli: Cli, folder: Path, rows: Sequence[str], *words: object) -> Done:
    path = folder / "own.csv"
    lines = [row if row[:2] == "20" else f"2026-08-13 11:30:00,{row}" for row in rows]
    path.write_text("\n".join([HEAD, *lines]) + "\n")
    return cli("fetch", "chain", "--from-file", path, *(str(word) for word in words), "--json")


def chain(cli: Cli, *words: str) -> Done:
    return cli("chain", "NIFTY", "--greeks", "--provider", "lake", "--as-of", AT, "--json", *words)


def alone(cli: Cli, folder: Path) -> dict[tuple[float, str], float]:
    """Return the volatilities of the good rows when nothing else is there."""
    load(cli, folder, GOOD)
    return {(row["strike"], row["option_type"]): row["iv"] for row in chain(cli).json["data"]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("NIFTY,2026-08-25,24200,CE,24050,-5,,", "a figure is negative"),
        ("NIFTY,2026-08-25,24200,CE,24050,190,-189,191", "a figure is negative"),
        ("NIFTY,2026-08-25,24200,CE,24050,dear,,", "a figure is no number"),
        ("NIFTY,2026-08-25,0,CE,24050,190,,", "the strike is not positive"),
        ("NIFTY,2026-08-11,24200,CE,24050,190,,", "it had expired before that day"),
        ("NIFTY,25/08/26,24200,CE,24050,190,,", "no expiry that can be read"),
        ("NIFTY,2026-08-25,24200,XX,24050,190,,", "neither CE nor PE"),
        (",2026-08-25,24200,CE,24050,190,,", "no underlying"),
        ("2026-08-13,NIFTY,2026-08-25,24200,CE,24050,190,,", "no time that can be read"),
        ("2026-08-15 11:30:00,NIFTY,2026-08-25,24200,CE,24050,190,,",
         "the exchange was closed that day"),
        ("2099-08-13 11:30:00,NIFTY,2099-08-25,24200,CE,24050,190,,", "it is still to come"),
        ("NIFTY,2026-08-25,24200,CE", "more or fewer cells than the header"),
    ],
)  # fmt: skip
def test_a_row_is_set_aside_with_its_reason(
    row: str, reason: str, cli: Cli, tmp_path: Path
) -> None:
    want = alone(cli, tmp_path)
    done = load(cli, tmp_path, [*GOOD, row])
    assert done.code == 0, done.err
    assert done.json["summary"]["reasons"] == [{"reason": reason, "rows": 1}]
    (held,) = cli("lake", "rejects", "--json").json["data"]
    assert (held["dataset"], held["reason"], held["row"]) == ("chains", reason, 7)
    shown = chain(cli).json["data"]
    assert {(each["strike"], each["option_type"]): each["iv"] for each in shown} == want


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        ("190,189,191", "ok"),
        ("0,0,0", None),  # nothing is known of it: it is in nobody's list
        (",189,", "one_sided"), (",,191", "one_sided"), (",150,230", "wide"),
        (",191,189", "bad_input"), (",190,190", "bad_input"),
        ("25000,,", "above_bound"),
    ],
)  # fmt: skip
def test_a_quote_that_is_no_price_has_no_volatility(
    figures: str, status: str | None, cli: Cli, tmp_path: Path
) -> None:
    want = alone(cli, tmp_path)
    assert load(cli, tmp_path, [*GOOD, f"NIFTY,2026-08-25,24200,CE,24050,{figures}"]).code == 0
    rows = {(row["strike"], row["option_type"]): row for row in chain(cli).json["data"]}
    assert {key: rows.pop(key)["iv"] for key in want} == want
    mine = rows.get((24_200.0, "CE"))
    assert (None if mine is None else mine["iv_status"]) == status
    if mine is not None:
        assert (mine["iv"] is not None) is (status == "ok")
        assert (mine["delta"] is not None) is (status == "ok")
    assert set(rows) <= {(24_200.0, "CE")}, "the other side of the strike is nobody's"


def test_a_price_below_intrinsic_value(cli: Cli, tmp_path: Path) -> None:
    want = alone(cli, tmp_path)
    deep = "NIFTY,2026-08-25,23000,CE,24050,1000,999,1001"  # worth 1,097 at least
    load(cli, tmp_path, [*GOOD, deep])
    rows = {(row["strike"], row["option_type"]): row for row in chain(cli).json["data"]}
    assert (rows[23_000.0, "CE"]["iv_status"], rows[23_000.0, "CE"]["iv"]) == (
        "below_intrinsic", None,
    )  # fmt: skip
    assert {key: rows[key]["iv"] for key in want} == want


def test_one_strike_is_a_chain(cli: Cli, tmp_path: Path) -> None:
    load(cli, tmp_path, GOOD[2:4])
    done = chain(cli)
    facts = done.json["summary"]
    assert (facts["atm_strike"], facts["forward_pairs"]) == (24_100.0, 1)
    assert facts["forward"] == pytest.approx(24_100.0)
    assert any("stands on 1 strike" in note for note in done.json["warnings"])
    assert all(row["iv"] is not None for row in done.json["data"])
    assert cli("payoff", "NIFTY +atmCE +atmPE", "--provider", "lake", "--as-of", AT).code == 0


def test_sides_missing_everywhere_fall_back_to_the_spot(cli: Cli, tmp_path: Path) -> None:
    load(cli, tmp_path, GOOD[::2])
    done = chain(cli)
    facts = done.json["summary"]
    assert (facts["forward_source"], facts["put_call_ratio_oi"]) == ("spot", None)
    assert facts["straddle"] is None
    assert {row["option_type"] for row in done.json["data"]} == {"CE"}
    assert all(row["iv"] is not None for row in done.json["data"])
    table = cli("chain", "NIFTY", "--greeks", "--provider", "lake", "--as-of", AT)
    assert table.code == 0
    assert "24,100" in table.out


def test_a_contract_that_has_ended_has_no_greeks(cli: Cli, tmp_path: Path) -> None:
    late = [f"2026-08-25 15:45:00,{row}" for row in GOOD]
    load(cli, tmp_path, late)
    done = cli("chain", "NIFTY", "--greeks", "--provider", "lake", "--as-of", "2026-08-25T15:45",
               "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert {row["iv_status"] for row in done.json["data"]} == {"expired"}
    assert {row["delta"] for row in done.json["data"]} == {None}
    assert done.json["summary"]["expired"] is True


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("chain", "NIFTI"), 2, "NIFTY"),
        (("chain", "INFY"), 2, "NIFTY"),
        (("greeks", "NIFTY26AUG24110CE"), 2, "NIFTY26AUG24100CE"),
        (("payoff", "NIFTI +atmCE"), 2, "NIFTY"),
        (("chain", "NIFTY", "--expiry", "2026-09-29"), 2, "2026-08-25"),
    ],
)
def test_unknown_names_tell_the_nearest(
    words: tuple[str, ...], code: int, said: str, cli: Cli, tmp_path: Path
) -> None:
    load(cli, tmp_path, GOOD)
    done = cli(*words, "--provider", "lake", "--as-of", AT)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 5, "has no column for expiry"),
        (("--map", "expiry=Ends"), 0, ""),
        (("--map", "Ends=expiry"), 0, ""),
        (("--map", "expiry=End"), 2, "Did you mean Ends?"),
        (("--map", "expires=Ends"), 2, "Did you mean expiry?"),
        (("--map", "expiry"), 2, "is not FIELD=COLUMN"),
        (("--map", "expiry=Ends,volume=spot,oi_change_contracts=bid"), 2, "one unit"),
        (("--map", "expiry=Ends,iv=bid,iv_pct=ask"), 2, "iv and iv_pct"),
        (("--map", "expiry=Ends", "--underlying", "BANKNIFTY"), 2, "it holds NIFTY"),
    ],
)
def test_wrong_columns(
    words: tuple[str, ...], code: int, said: str, cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "own.csv"
    lines = [f"2026-08-13 11:30:00,{row}" for row in GOOD]
    path.write_text("\n".join([HEAD.replace("expiry", "Ends"), *lines]) + "\n")
    done = cli("fetch", "chain", "--from-file", path, *words)
    assert done.code == code, done.err
    assert said in done.err
    stored = cli("sql", "select count(*) as n from chains", "--json")
    assert (stored.json["data"][0]["n"] if stored.code == 0 else 0) == (0 if code else 6)


def test_a_day_alone_is_no_moment(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("\n".join([HEAD.replace("timestamp", "date"), f"2026-08-13,{GOOD[0]}"]) + "\n")
    done = cli("fetch", "chain", "--from-file", path)
    assert done.code == 5
    assert "has no column for timestamp" in done.err


def test_quantities_are_stored_only_where_somebody_says_what_they_count(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "own.csv"
    lines = [f"2026-08-13 11:30:00,{row},{100 + n}" for n, row in enumerate(GOOD)]
    path.write_text("\n".join([f"{HEAD},oi", *lines]) + "\n")
    query = ("sql", "select sum(open_interest) as held from chains", "--json")
    quiet = cli("fetch", "chain", "--from-file", path)
    assert "nobody says what they count" in quiet.err
    assert cli(*query).json["data"] == [{"held": None}]
    units = cli("fetch", "chain", "--from-file", path, "--map", "open_interest=oi")
    assert "no whole lots of 65" in units.err
    assert cli(*query).json["data"] == [{"held": None}]
    assert (
        cli("fetch", "chain", "--from-file", path, "--map", "open_interest_contracts=oi").code == 0
    )
    assert cli(*query).json["data"] == [{"held": 65 * 615}]


def test_a_map_is_not_for_json(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"records": {}}')
    done = cli("fetch", "chain", "--from-file", tmp_path / "x.json", "--map", "strike=K")
    assert done.code == 2
    assert "--map is for tables" in done.err
