"""A whole simulated day: three runners, signals, paper orders, and what came of it.

    python examples/simulated_day.py                       # 375 minutes, 50 shares, two chains
    python examples/simulated_day.py --date 2026-08-14 --seed 7 --minutes 60

Nothing here touches a network. The same seed and date give the same ledger, byte for byte.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from alphastock_cli.actions import strategies
from alphastock_cli.bootstrap import SteppingClock
from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import Fill, OrderEvent
from alphastock_cli.exchange import calendar
from alphastock_cli.orchestrator import Orchestrator
from alphastock_cli.providers.sim import SimExchange
from alphastock_cli.runners.base import BaseRunner, RunnerPolicy
from alphastock_cli.runners.indices import IndexRunner
from alphastock_cli.runners.options import OptionsRunner
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_verify import findings
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker
from alphastock_cli.trading.portfolio import Portfolio
from alphastock_cli.views.numbers import group, signed

CAPITAL = Decimal(1_000_000)
UNDERLYINGS = ("NIFTY", "BANKNIFTY")
# a snapshot a minute is asked for afresh: nothing of the minute before may be served again
FRESH = RunnerPolicy(cache_seconds=1.0, every_seconds=60.0)


def main() -> None:
    """Run the day and show the summary."""
    asked = arguments()
    console = Console()
    session = calendar.session(calendar.Segment.EQUITY, asked.date)
    if session is None or session.opens is None:
        raise SystemExit(f"{asked.date} is no session: take a weekday that is no holiday")
    began = time.perf_counter()
    clock = SteppingClock(session.opens)
    with Journal.write(ledger(asked), account="demo", opening_cash=CAPITAL, at=clock.now()) as book:
        day = Day(clock, book, seed=asked.seed, shares=asked.shares)
        curve = day.live(asked.minutes, console)
        console.print(*day.summary(curve), sep="\n")
        whole = findings(book, Portfolio.of(CAPITAL))
    spent = time.perf_counter() - began
    console.print(
        f"\n{asked.minutes} minutes in {spent:.1f} s · ledger {book.path} "
        + ("is whole" if not whole else f"is NOT whole: {whole}")
    )


class Day:
    """The parts of the day, put together by hand so that they can be seen."""

    def __init__(self, clock: SteppingClock, book: Journal, *, seed: int, shares: int) -> None:
        self.clock, self.book = clock, book
        self.market = SimExchange(clock, seed=seed, universe=shares)
        symbols = ",".join(share.symbol for share in self.market.shares)
        chosen = strategies.choose(self.market, {}, symbols=symbols, interval="5minute")
        runners: dict[str, BaseRunner] = {
            "equities": strategies.runner(self.market, clock, chosen, policy=FRESH),
            "options": OptionsRunner(self.market, clock=clock, symbols=UNDERLYINGS, policy=FRESH),
            "indices": IndexRunner(self.market, clock=clock, policy=FRESH),
        }
        broker = PaperBroker()
        desk = Desk(
            broker=broker, journal=book, clock=clock, heard=self.hear,
            policy=DeskPolicy(limits=RiskLimits()),
        )  # fmt: skip
        self.trader = Orchestrator(
            provider=self.market, clock=clock, runners=runners, strategies=chosen.strategies,
            broker=broker, desk=desk,
        )  # fmt: skip
        self.trader.initialize()
        self.fills: list[Fill] = []

    def hear(self, event: OrderEvent) -> None:
        """Keep what was filled; by now it is in the ledger."""
        if event.fill is not None:
            self.fills.append(event.fill)

    def live(self, minutes: int, console: Console) -> list[Decimal]:
        """Go through the minutes; return the equity after each."""
        curve = []
        with console.status("the market opens") as status:
            for minute in range(1, minutes + 1):
                self.clock.sleep(60.0)  # of the market's time: nobody waits
                self.trader.turn()
                curve.append(self.trader.desk.portfolio.equity)
                if minute % 15 == 0:
                    status.update(
                        f"{self.clock.now():%H:%M}  equity ₹{group(curve[-1])}  "
                        f"fills {len(self.fills)}"
                    )
        return curve

    def summary(self, curve: list[Decimal]) -> list[Any]:
        """Return what a person reads at the end."""
        folio, status = self.trader.desk.portfolio, self.trader.get_status()
        net = folio.equity - CAPITAL
        head = Text(f"SIMULATED DAY {self.clock.now():%A %d %B %Y}", style="bold magenta")
        money = Text.assemble(
            "equity ", (f"₹{group(folio.equity)}", "bold"), "   net ",
            (f"₹{signed(float(net))}", "green" if net > 0 else "red"),
            f" ({net / CAPITAL * 100:+.2f} %)   charges ₹{group(folio.charges)}   "
            f"deepest fall ₹{group(deepest(curve))}",
        )  # fmt: skip
        decisions = self.book.decisions()
        yes = sum(row["approved"] for row in decisions)
        counts = Text(
            f"{status.snapshots} snapshots → {len(decisions)} signals → {yes} approved → "
            f"{status.orders} orders → {len(self.fills)} fills"
        )
        return ["", head, money, spark(curve), counts, self.chains(), self.trades(),
                self.refusals(decisions)]  # fmt: skip

    def chains(self) -> Table:
        """Return the last look at the option chains."""
        table = grid("Options", "underlying", "expiry", "spot", "forward", "ATM", "IV %", "PCR",
                     "max pain")  # fmt: skip
        for name, seen in self.trader.options_runner.get_latest_data().items():
            facts = seen.facts
            iv = facts["atm_iv"]
            table.add_row(
                name, str(facts["expiry"]), shown(facts["spot"]), shown(facts["forward"]),
                shown(facts["atm_strike"]), shown(None if iv is None else 100 * iv),
                shown(facts["put_call_ratio_oi"]), shown(facts["max_pain"]),
            )  # fmt: skip
        return table

    def trades(self) -> Table:
        """Return profit by share, the five best and the five worst."""
        held = sorted(
            self.trader.desk.portfolio.positions.values(),
            key=lambda p: p.charges - p.pnl_realised,
        )
        picked = held if len(held) <= 10 else [*held[:5], *held[-5:]]  # noqa: PLR2004 - two fives
        table = grid("Best and worst", "share", "fills", "bought", "gross", "charges", "net")
        count = Counter(fill.instrument.tradingsymbol for fill in self.fills)
        for position in picked:
            name = position.instrument.tradingsymbol
            bought = sum(f.value for f in self.fills
                         if f.side is Side.BUY and f.instrument.tradingsymbol == name)  # fmt: skip
            net = position.pnl_realised - position.charges
            table.add_row(
                name, str(count[name]), group(bought), signed(float(position.pnl_realised)),
                group(position.charges),
                Text(signed(float(net)), style="green" if net > 0 else "red"),
            )  # fmt: skip
        return table

    def refusals(self, decisions: list[dict[str, Any]]) -> Text:
        """Return why signals were not followed."""
        why = Counter(
            reason["rule"] for row in decisions if not row["approved"] for reason in row["reasons"]
        )
        told = ", ".join(f"{rule} {count}" for rule, count in why.most_common()) or "none"
        return Text(f"refused by rule: {told}", style="dim")


def deepest(curve: list[Decimal]) -> Decimal:
    """Return the largest fall from a peak, in rupees."""
    peak, worst = CAPITAL, Decimal(0)
    for value in curve:
        peak = max(peak, value)
        worst = max(worst, peak - value)
    return worst


def spark(curve: list[Decimal], width: int = 60) -> Text:
    """Return the equity as a line of blocks."""
    picked = curve[:: max(1, len(curve) // width)]
    low, high = min(picked), max(picked)
    span = high - low or Decimal(1)
    line = "".join("▁▂▃▄▅▆▇█"[int((value - low) / span * 7)] for value in picked)
    return Text(f"{line}  ₹{group(low, 0)} to ₹{group(high, 0)}", style="cyan")


def grid(title: str, *names: str) -> Table:
    """Return a quiet table whose numbers stand to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    for index, name in enumerate(names):
        table.add_column(name, justify="left" if index == 0 else "right")
    return table


def shown(value: float | None) -> str:
    """Return a number, or a dash where nothing is known."""
    return "–" if value is None else group(value)


def ledger(asked: argparse.Namespace) -> Path:
    """Return where the ledger is to lie: a new place, or the one asked for."""
    if asked.ledger is not None:
        return asked.ledger
    return Path(tempfile.mkdtemp(prefix="alphastock-")) / "demo.ledger"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--date", type=date.fromisoformat, default=date(2026, 8, 14))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--minutes", type=int, default=375)
    parser.add_argument("--shares", type=int, default=50)
    parser.add_argument("--ledger", type=Path, help="a file that does not exist yet")
    return parser.parse_args()


if __name__ == "__main__":
    main()
