"""A desk on a ledger of its own, with a broker, a clock, and new processes on demand."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.trading import OrderEvent
from alphastock_cli.store.journal import Journal
from alphastock_cli.store.journal_verify import findings
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker
from alphastock_cli.trading.portfolio import Portfolio
from tests.conftest import ManualClock
from tests.unit.trading_makers import (
    TEN,
    quote,
    signal,
    snapshot,
)

D = Decimal
LIMITS = RiskLimits(exposure_symbol_pct=D(100))
BOOK = {"buy": [(99.95, 5000)], "sell": [(100.05, 5000)]}
GUARDED = {"stop_loss": "98.00", "target": "104.00"}


class World:
    """A desk on its ledger; `again` is a new process on the same one."""

    def __init__(self, path: Path, policy: DeskPolicy | None = None) -> None:
        self.path, self.policy = path, policy or DeskPolicy(limits=LIMITS)
        self.clock = ManualClock(TEN)
        self.heard: list[OrderEvent] = []
        self._stack = contextlib.ExitStack()
        self.begin()

    def begin(self) -> None:
        self.journal = self._stack.enter_context(
            Journal.write(self.path, account="t", opening_cash=D(100_000), at=TEN)
        )
        self.broker = PaperBroker()
        self.desk = Desk(
            broker=self.broker, journal=self.journal, clock=self.clock, policy=self.policy,
            heard=self.heard.append,
        )  # fmt: skip
        self.desk.open()

    def again(self) -> None:
        self.close()
        self.begin()

    def close(self) -> None:
        self._stack.close()
        self._stack = contextlib.ExitStack()

    def show(self, last: float = 100.0, seconds: float = 1.0, **more: object) -> None:
        """Let a quote come, the clock with it."""
        book = {} if set(more) - {"key", "start"} else {
            "buy": [(round(last - 0.05, 2), 5000)], "sell": [(round(last + 0.05, 2), 5000)]
        }  # fmt: skip
        market = quote(last, seconds, **book, **more)
        self.until(market.time)
        self.desk.advance(market)

    def until(self, moment: datetime) -> None:
        self.clock.advance(max(timedelta(0), moment - self.clock.now()))

    def say(self, said=None, market: Quote | None = None):
        """Decide on a signal now, and place what comes of it."""
        said = said or signal(**GUARDED)
        market = market or quote(100.0, 0, start=self.clock.now(), key=said.instrument.key)
        decision, placed = self.desk.decide(said, snapshot(market, instrument=said.instrument))
        if placed is not None:
            self.desk.place(placed)
        return decision

    @property
    def held(self) -> int:
        return sum(p.quantity for p in self.desk.portfolio.open_positions)

    def waiting(self) -> list[tuple[str, int]]:
        return sorted((s.order.role.value, s.pending_quantity) for s in self.broker.waiting())

    def whole(self) -> None:
        """Check that ledger, broker and portfolio agree."""
        assert findings(self.journal, Portfolio.of(self.journal.opening_cash())) == []
        folded = Portfolio.of(self.journal.opening_cash(), self.journal.fills())
        mine = self.desk.portfolio
        assert (folded.cash, dict(folded.positions)) == (mine.cash, dict(mine.positions))
        told = {s.order.order_id: s for s in self.journal.orders()}
        assert {s.order.order_id: s for s in self.broker.orders()} == told


def delivering(tmp_path: Path) -> World:
    return World(tmp_path / "b.ledger", DeskPolicy(limits=LIMITS, intraday=False))
