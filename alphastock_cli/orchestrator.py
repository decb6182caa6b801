"""The straight way, from market data to a fill in the ledger.

`step` is the flow and nothing else; starting, stopping and reporting stand around it. One thread
calls `step`: strategies, risk, broker and portfolio never meet concurrency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from alphastock_cli.domain.data import Candle, Quote, Snapshot
from alphastock_cli.domain.ports import Broker, Capability, Clock, MarketData
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import ProviderError
from alphastock_cli.runners.base import BaseRunner, RunnerStatus
from alphastock_cli.runners.manager import RunnerManager
from alphastock_cli.strategies.base import Judge
from alphastock_cli.trading.desk import Desk
from alphastock_cli.trading.signals import SignalManager

_WAIT_SECONDS = 0.5
_TEND_SECONDS = 1.0
_KEPT = 1000  # opportunities remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorStatus:
    """How the whole is doing at a moment; counts since it was made."""

    state: str
    uptime_seconds: float
    turns: int
    snapshots: int
    signals: int
    refused: Mapping[str, int]
    orders: int
    fills: int
    queue_depth: int
    last_error: str


class Orchestrator:
    """Runners, strategies and the desk, tied together.

    Parameters
    ----------
    runners : mapping of str to BaseRunner
        By registered name; also attributes: ``equities_runner``, ``options_runner``, ...
    strategies : sequence of Judge
        Asked in this order about each snapshot of a kind they support.
    """

    def __init__(
        self,
        *,
        provider: MarketData,
        clock: Clock,
        runners: Mapping[str, BaseRunner],
        strategies: Sequence[Judge],
        broker: Broker,
        desk: Desk,
        signals: SignalManager | None = None,
    ) -> None:
        self.provider, self.clock, self.broker, self.desk = provider, clock, broker, desk
        self.manager = RunnerManager(runners)
        self.strategies = tuple(strategies)
        self.signals = signals or SignalManager()
        self.last_error = ""
        self._opportunities: dict[str, Signal] = {}
        self._state, self._began = "new", clock.monotonic()
        self._turns = self._snapshots = 0
        self._settled, self._seen = float("-inf"), set[str]()

    def __getattr__(self, name: str) -> BaseRunner:
        """Return a runner as an attribute: ``equities_runner``."""
        runners = self.__dict__["manager"].runners if "manager" in self.__dict__ else {}
        if name.removesuffix("_runner") in runners and name.endswith("_runner"):
            found: BaseRunner = runners[name.removesuffix("_runner")]
            return found
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    # -- the straight way ---------------------------------------------------------------------

    def step(self, snapshot: Snapshot) -> None:
        """Let waiting orders meet the market, then carry the snapshot from strategy to order."""
        self._snapshots += 1
        if snapshot.market is not None:
            self.desk.advance(snapshot.market)  # fills, triggers: one commit each
        for strategy in self.strategies:
            signal = strategy.judge(snapshot)
            if signal is None:
                continue
            self._keep(signal)
            if not self.signals.admit(signal, self.clock.now()):
                continue
            _, order = self.desk.decide(signal, snapshot)  # signal, decision, intent: one commit
            if order is not None:
                self.desk.place(order)

    # -- one look -----------------------------------------------------------------------------

    def initialize(self) -> None:
        """Take over from the ledger what was held, waiting and said; once, before anything else."""
        self.desk.open()
        self.signals.remember(self.desk.journal.signals())
        self._state = "ready"

    def turn(self) -> None:
        """Let every runner look once, step through what they saw, and do what the time demands."""
        try:
            looked = self.manager.run_once()
        except ProviderError as error:
            if not self._turns:  # it never worked: a person should know at once
                raise
            self.last_error, looked = error.what, {}
        self._turns += 1
        for snapshots in looked.values():
            self._seen.update(snapshot.instrument.key for snapshot in snapshots.values())
        while (snapshot := self.manager.take()) is not None:
            self.step(snapshot)
        self._tend()

    def run(self, *, every_seconds: float, until: datetime | None = None) -> None:
        """Turn again and again until a moment, or until `stop`; the clock waits in between."""
        self._state = "running"
        while self._state == "running" and (until is None or self.clock.now() < until):
            self.turn()
            if self._state == "running":
                self.clock.sleep(every_seconds)
        self._state = "stopped"

    # -- with threads -------------------------------------------------------------------------

    def start(self) -> None:
        """Start a thread a runner; `work` then takes what they put into the queue."""
        self.manager.start()
        self._state = "running"

    def work(self, *, until: datetime | None = None) -> None:
        """Take snapshots out of the queue and step, until a moment or until `stop`."""
        while self._state == "running" and (until is None or self.clock.now() < until):
            snapshot = self.manager.take(timeout=_WAIT_SECONDS)
            if snapshot is not None:
                self._seen.add(snapshot.instrument.key)
                self.step(snapshot)
            # also while snapshots come faster than they are taken
            if self.clock.monotonic() - self._settled >= _TEND_SECONDS:
                self._tend()

    def stop(self) -> bool:
        """Stop the runners and the loop; twice is harmless. Return whether the threads are gone."""
        self._state = "stopped"
        return self.manager.stop()

    # -- what it says -------------------------------------------------------------------------

    def get_status(self) -> OrchestratorStatus:
        """Return the health of the whole."""
        return OrchestratorStatus(
            state=self._state,
            uptime_seconds=self.clock.monotonic() - self._began,
            turns=self._turns,
            snapshots=self._snapshots,
            signals=self.signals.admitted,
            refused=MappingProxyType(dict(self.signals.refused)),
            orders=self.desk.placed,
            fills=self.desk.filled,
            queue_depth=self.manager.queue_depth,
            last_error=self.last_error,
        )

    def get_runner_status(self) -> list[RunnerStatus]:
        """Return the health of each runner."""
        return self.manager.status()

    def get_comprehensive_market_data(self) -> dict[str, dict[str, Any]]:
        """Return by runner what its latest snapshots say, by symbol, as plain values."""
        return {
            name: {symbol: dict(snapshot.facts) for symbol, snapshot in
                   sorted(runner.get_latest_data().items())}
            for name, runner in self.manager.runners.items()
        }  # fmt: skip

    def get_trading_opportunities(self) -> list[Signal]:
        """Return the signals that are still valid, the strongest first."""
        now = self.clock.now()
        valid = [s for s in self._opportunities.values() if now <= s.valid_until]
        return sorted(valid, key=lambda s: (-s.strength, s.signal_id))

    def _keep(self, signal: Signal) -> None:
        self._opportunities[signal.signal_id] = signal
        while len(self._opportunities) > _KEPT:
            del self._opportunities[next(iter(self._opportunities))]

    def _tend(self) -> None:
        """Look after what no runner has looked at, then do what the time demands.

        A source that cannot answer is no reason to leave a position alone; a ledger that cannot be
        written is.
        """
        try:
            self._look_after(self._seen)
        except ProviderError as error:
            self.last_error = error.what
        self._seen.clear()
        self.desk.settle()
        self._settled = self.clock.monotonic()

    def _look_after(self, seen: set[str]) -> None:
        """Bring the market to what is held or waits and no runner has looked at."""
        held = {p.instrument.key for p in self.desk.portfolio.open_positions}
        held |= {state.order.instrument.key for state in self.broker.waiting()}
        missing = sorted(held - seen)
        for market in markets(self.provider, missing).values() if missing else ():
            self.desk.advance(market)


def markets(provider: MarketData, keys: Sequence[str]) -> dict[str, Quote | Candle]:
    """Return what orders in these instruments would meet now: the last candle, else the quote."""
    if Capability.CANDLE_MARKET in provider.capabilities:
        candle = provider.candle  # type: ignore[attr-defined]  # comes with the capability
        found = {key: candle(key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}
    if Capability.QUOTES in provider.capabilities:
        return dict(provider.quotes(keys))
    return {}
