"""Which ledger a command means: none there, one of other data, and how a waiting order goes on."""

from __future__ import annotations

import shlex
import sqlite3
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli

OPEN = ("--provider", "sim", "--as-of", "2026-08-14T11:00")
REPLAY = "replay:sim:2026-08-14"


@pytest.mark.parametrize("word", ["orders", "positions", "pnl"])
def test_who_reads_a_ledger_that_was_never_begun_gets_nothing_and_is_told(
    cli: Cli, tmp_path: Path, word: str
) -> None:
    done = cli("trade", word, *OPEN)
    assert done.code == 0, done.err
    assert "there is no ledger 'sim-42' yet" in done.err
    assert "`alphastock trade --paper --provider sim` begins one" in done.err
    as_json = cli("trade", word, *OPEN, "--json").json
    assert as_json["data"] == []
    assert as_json["summary"]["account"] == "sim-42"
    figures = {k: v for k, v in as_json["summary"].items() if k not in {"account", "open"}}
    assert not any(figures.values())
    assert 0 not in figures.values()  # nobody knows them: null, not zero
    assert cli("trade", word, *OPEN, "--fail-empty").code == 3
    assert not (tmp_path / "data").exists()


def test_the_figures_of_no_ledger_have_the_names_of_those_of_one(cli: Cli) -> None:
    before = {w: cli("trade", w, *OPEN, "--json").json["summary"] for w in ("positions", "pnl")}
    cli("trade", "buy", "SBIN", "1", *OPEN)
    for word, summary in before.items():
        assert list(cli("trade", word, *OPEN, "--json").json["summary"]) == list(summary)


@pytest.mark.parametrize("words", [("cancel", "--all"), ("halt",), ("resume",)])
def test_who_changes_a_ledger_never_makes_one(
    cli: Cli, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = cli("trade", *words, *OPEN)
    assert done.code == 2
    assert "Nothing was made or changed" in done.err
    assert not (tmp_path / "data").exists()


def test_a_mistyped_account_is_told_which_ones_there_are(cli: Cli) -> None:
    cli("trade", "buy", "SBIN", "1", *OPEN, "--account", "savings")
    assert "(there are: savings)" in cli("trade", "orders", *OPEN, "--account", "saving").err


def _next(err: str) -> list[str]:
    return shlex.split(err.split("the next `alphastock ")[1].split("`", maxsplit=1)[0])


def test_an_order_that_rests_on_a_replay_is_told_a_command_that_fills_it(cli: Cli) -> None:
    placed = cli("trade", "buy", "ITC", "1", "--provider", REPLAY, "--as-of", "2026-08-14T11:00",
                 "--json")  # fmt: skip
    assert placed.json["data"][0]["status"] == "OPEN"
    words = _next(placed.err.replace("\n", " "))
    assert REPLAY in words
    assert cli(*words, "--symbols", "SBIN").code == 0
    rows = cli("trade", "orders", "--provider", REPLAY, "--json").json["data"]
    assert [row["status"] for row in rows if row["symbol"] == "ITC"] == ["COMPLETE"]


def test_an_order_after_the_end_of_a_replay_goes_on_in_that_of_the_next_session(cli: Cli) -> None:
    placed = cli("trade", "buy", "ITC", "1", "--provider", REPLAY)
    words = _next(placed.err.replace("\n", " "))
    assert "replay:sim:2026-08-17" in words  # the 15th and 16th are a weekend
    assert cli(*words, "--symbols", "SBIN").code == 0
    rows = cli("trade", "orders", "--provider", REPLAY, "--json").json["data"]
    assert [row["status"] for row in rows if row["symbol"] == "ITC"] == ["COMPLETE"]


def test_a_ledger_of_any_name_keeps_to_the_data_of_its_first_order(
    cli: Cli, tmp_path: Path
) -> None:
    mine = ("--account", "mine")
    assert cli("trade", "buy", "SBIN", "1", *OPEN, *mine).code == 0
    for other in (
        ("--provider", "lake"),
        ("--provider", "replay:2025-04-16"),
        ("--provider", "sim", "--as-of", "2026-08-14T12:00", "--config", "seven.toml"),
    ):
        (tmp_path / "seven.toml").write_text("[sim]\nseed = 7\n")
        done = cli("trade", "buy", "SBIN", "1", *other, *mine)
        assert done.code in {2, 5}, done.err  # the lake has nothing to trade on: said first
    assert "seed 42" in done.err
    assert "seed 7" in done.err
    assert done.code == 2
    read = cli("trade", "orders", "--provider", "lake", *mine, "--json")
    assert len(read.json["data"]) == 1
    assert read.json["simulated"] is True
    assert cli("trade", "halt", "--provider", "lake", *mine).code == 0
    later = ("--provider", REPLAY, "--as-of", "2026-08-14T12:00")  # the same market
    assert cli("trade", "resume", *later, *mine).code == 0
    assert cli("trade", "buy", "SBIN", "1", *later, *mine).code == 0


def test_an_older_ledger_without_a_word_on_its_data_goes_on_with_a_warning(
    cli: Cli, tmp_path: Path
) -> None:
    mine = ("--account", "old")
    cli("trade", "buy", "SBIN", "1", *OPEN, *mine)
    path = tmp_path / "data" / "ledgers" / "old.ledger"
    with sqlite3.connect(path) as db:
        assert db.execute("DELETE FROM meta WHERE key = 'source'").rowcount == 1
    db.close()
    first = cli("trade", "buy", "SBIN", "1", *OPEN, *mine)
    assert first.code == 0
    assert "does not say on which data" in first.err
    assert "does not say" not in cli("trade", "buy", "SBIN", "1", *OPEN, *mine).err
    assert cli("trade", "audit", *OPEN, *mine).code == 0


def test_an_order_refused_before_it_is_written_says_nothing_of_the_data(
    cli: Cli, tmp_path: Path
) -> None:
    mine = ("--account", "new")
    assert cli("trade", "buy", "SBIN", "10000000", *OPEN, *mine).code == 6
    with sqlite3.connect(tmp_path / "data" / "ledgers" / "new.ledger") as db:
        assert not db.execute("SELECT * FROM meta WHERE key = 'source'").fetchall()
    db.close()


@pytest.mark.parametrize("account", ["sim-7", "replay-2025-04-16", "paper", "SIM-7"])
def test_names_that_say_what_the_data_are_take_those_alone(cli: Cli, account: str) -> None:
    done = cli("trade", "buy", "SBIN", "1", *OPEN, "--account", account)
    assert done.code == 2
    assert "never enter that ledger" in done.err


@pytest.mark.parametrize(
    ("symbol", "moment", "waits"),
    [
        ("ITC", "2026-07-31T15:20", False),  # before the closing auction began
        ("ITC", "2026-08-14T15:14", False),
        ("ITC", "2026-08-14T15:20", True),  # futures and options: continuous trading has ended
    ],
)
def test_an_order_in_the_closing_auction_waits_for_the_next_session(
    cli: Cli,
    symbol: str,
    moment: str,
    *,
    waits: bool,
) -> None:
    done = cli("trade", "buy", symbol, "1", "--provider", "sim", "--as-of", moment, "--json")
    assert done.code == 0, done.err
    assert done.json["data"][0]["status"].startswith("AMO") is waits
