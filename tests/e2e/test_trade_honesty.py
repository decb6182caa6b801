"""What a stranger met: whose fills enter a ledger, what is marked simulated, waits for nothing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alphastock_cli.actions.ledger import positions
from alphastock_cli.actions.trade import find_instrument, submit
from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Product
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.store.journal import Journal
from alphastock_cli.trading.manual import Ticket
from tests.conftest import IST, ManualClock
from tests.e2e.conftest import Cli

OPEN = ("--provider", "sim", "--as-of", "2026-08-14T11:00")
STRATEGY = Path(__file__).parents[2] / "examples" / "my_strategy.py"


@pytest.mark.parametrize(
    "words",
    [
        ("--paper", "--once", *OPEN, "--account", "paper"),
        ("--paper", "--once", *OPEN, "--account", "PAPER"),
        ("--paper", "--once", *OPEN, "--account", "replay-2025-04-16"),
        ("buy", "SBIN", "1", *OPEN, "--account", "paper"),
        ("buy", "SBIN", "1", "--provider", "replay:sim:2026-08-14", "--account", "paper"),
        ("buy", "SBIN", "1", "--provider", "replay:2025-04-16", "--account", "paper"),
        ("buy", "SBIN", "1", "--provider", "lake", "--account", "sim-42"),
    ],
)
def test_no_account_named_lets_strange_fills_into_a_ledger(
    cli: Cli, words: tuple[str, ...]
) -> None:
    done = cli("trade", *words)
    # where the provider has nothing to trade on, that may be said first
    assert done.code in {2, 5}, done.err
    read = cli("trade", "orders", "--account", words[-1])
    assert "no ledger" in read.err


def test_simulated_fills_are_told_which_ledger_they_may_not_enter(cli: Cli) -> None:
    done = cli("trade", "buy", "SBIN", "1", *OPEN, "--account", "paper")
    assert done.code == 2
    assert "never enter that ledger" in done.err
    assert cli("trade", "buy", "SBIN", "1", *OPEN, "--account", "mine").code == 0


def test_orders_of_a_simulated_ledger_say_so(cli: Cli) -> None:
    cli("trade", "buy", "SBIN", "1", *OPEN)
    for words in (("orders",), ("audit",), ("cancel", "--all"), ("halt",)):
        assert cli("trade", *words, *OPEN, "--json").json["simulated"] is True, words
    told = cli("trade", "orders", "--provider", "lake", "--account", "sim-42")
    assert "SIMULATED DATA" in told.out  # the fills are, whatever the provider of this run


@pytest.mark.parametrize(("hour", "status", "waited"), [(11, "COMPLETE", True), (18, "AMO", False)])
def test_nobody_waits_for_a_market_that_opens_later(
    tmp_path: Path, *, hour: int, status: str, waited: bool
) -> None:
    start = datetime(2026, 8, 14, hour, tzinfo=IST)
    clock = ManualClock(start)
    market = SimExchange(clock)
    ticket = Ticket(
        instrument=find_instrument(market, "SBIN"), side=Side.BUY, quantity=1, product=Product.CNC
    )
    with Journal.write(
        tmp_path / "x.ledger", account="x", opening_cash=Decimal(100_000), at=start
    ) as journal:
        told = submit(market, clock, journal, ticket, limits=RiskLimits(), wait=120.0)
        held = positions(journal, market, clock).summary
    assert str(told.rows[0]["status"]).startswith(status)
    assert (clock.now() > start) is waited
    assert not any("--wait" in text for text in told.warnings)
    assert held["drawdown_pct"] is None  # nobody has looked at the equity: no height is known


def test_the_loop_says_at_once_whether_the_market_is_closed(cli: Cli) -> None:
    shut = not calendar.is_open(calendar.Segment.EQUITY, SystemClock().now())
    done = cli("trade", "--paper", "--for", "0s", "--symbols", "SBIN", "--provider", "sim")
    assert done.code == 0, done.err
    assert done.err.startswith("waiting: the market is closed until") is shut


def test_a_strategy_of_a_plugin_is_listed(cli: Cli) -> None:
    listed = cli("signal", "--list", "--plugin", str(STRATEGY), "--json").json["data"]
    assert "gap_fade" in [row["strategy"] for row in listed]


def test_an_unknown_share_is_called_a_symbol_with_its_nearest(cli: Cli) -> None:
    done = cli("signal", "--symbols", "SBINN", *OPEN)
    assert done.code == 2
    assert "unknown symbol or index 'SBINN'" in done.err
    assert "SBIN" in done.err.split("\n", 1)[1]


@pytest.mark.parametrize(
    "words", [("signal",), ("scan", "equities"), ("trade", "--paper", "--once")]
)
def test_names_nobody_knows_are_told_and_end_a_command_that_has_no_other(
    cli: Cli, words: tuple[str, ...]
) -> None:
    partly = cli(*words, "--symbols", "ITC,SBINN", *OPEN)
    assert partly.code == 0, partly.err
    assert "SBINN (did you mean SBIN?)" in partly.err
    none = cli(*words, "--symbols", "SBINN,NOSUCHX", *OPEN)
    assert none.code == 2, none.err
    assert "unknown symbol 'NOSUCHX'" in none.err


def test_a_volatility_in_percent_without_its_sign_hears_the_bound(cli: Cli) -> None:
    done = cli("greeks", "--forward", "24000", "--strike", "24500", "--expiry", "2026-12-29",
               "--type", "CE", "--vol", "12")  # fmt: skip
    assert done.code == 2
    assert "at most 1000%" in done.err
    assert "15%" in done.err


def test_a_replay_that_was_cut_short_is_told_how_to_go_on(cli: Cli) -> None:
    day = ("--provider", "replay:sim:2026-08-14", "--account", "cut")
    buy = ("trade", "buy", "SBIN", "1", *day)
    assert cli(*buy, "--as-of", "2026-08-14T11:00", "--wait", "1m").code == 0
    done = cli(*buy, "--as-of", "2026-08-14T10:00")
    assert done.code == 2
    moment = done.err.split("--as-of ")[1].split("`")[0]
    assert moment.startswith("2026-08-14T11:0")
    assert cli(*buy, "--as-of", moment).code == 0
