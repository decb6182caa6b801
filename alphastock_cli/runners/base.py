"""What every runner shares: fetch with retries, enrich, cache, thread, callbacks, health.

A runner implements three methods; the rest is given. Only `fetch_market_data` may touch the
provider, `process_data` is pure. A runner owns at most one thread, which puts snapshots into one
bounded queue, its own or one given to it.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from alphastock_cli.domain.data import Candle, Quote, Snapshot
from alphastock_cli.domain.instrument import AssetType
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import AlphaStockError, TransientError
from alphastock_cli.runners._queue import SnapshotQueue

if TYPE_CHECKING:
    import polars as pl

Callback = Callable[[Mapping[str, Snapshot]], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawData:
    """What a fetch brought back, untouched.

    Attributes
    ----------
    frames : mapping of str to DataFrame
        Frames by role, e.g. ``rows``, ``adjustments``.
    quotes : mapping of str to Quote
        The latest quotes by key, where the runner asks for them.
    candles : mapping of str to Candle
        The last final candle by key, of a source whose finest truth it is.
    failures : mapping of str to str
        Symbols that could not be fetched, and why; the others are unharmed.
    """

    as_of: datetime
    source: str
    simulated: bool
    frames: Mapping[str, pl.DataFrame] = field(default_factory=lambda: MappingProxyType({}))
    quotes: Mapping[str, Quote] = field(default_factory=lambda: MappingProxyType({}))
    candles: Mapping[str, Candle] = field(default_factory=lambda: MappingProxyType({}))
    failures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerPolicy:
    """The bounds of a runner: how often, how long, how many."""

    every_seconds: float = 60.0
    cache_seconds: float = 30.0
    cache_entries: int = 64
    attempts: int = 4
    retry_seconds: float = 30.0
    queue_size: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerStatus:
    """Health of a runner at a moment; counts since it was built."""

    runner: str
    state: str
    last_success: datetime | None
    age_seconds: float | None
    latency_ms: float | None
    runs: int
    errors: int
    last_error: str
    cache_hit_pct: float | None
    api_calls: int
    callback_errors: int
    queue_depth: int
    dropped: int


@dataclass(slots=True)
class _Counts:
    """What a runner has done so far."""

    runs: int = 0
    errors: int = 0
    api_calls: int = 0
    cache_hits: int = 0
    asked: int = 0
    callback_errors: int = 0
    last_error: str = ""
    last_success: datetime | None = None
    latency_ms: float | None = None


class BaseRunner(ABC):
    """Gathers and enriches the data of one asset class.

    Parameters
    ----------
    provider : MarketData
        The only way to market data.
    clock : Clock
        The only way to time.
    symbols : sequence of str
        What the thread follows; empty means everything the runner knows.
    """

    def __init__(
        self,
        provider: MarketData,
        *,
        clock: Clock,
        symbols: Sequence[str] = (),
        policy: RunnerPolicy | None = None,
    ) -> None:
        from cachetools import TTLCache

        self.provider = provider
        self.clock = clock
        self.symbols = tuple(symbols)
        self.policy = policy or RunnerPolicy()
        self._cache: TTLCache[tuple[str, ...], RawData] = TTLCache(
            self.policy.cache_entries, self.policy.cache_seconds, timer=clock.monotonic
        )
        self._latest: dict[str, Snapshot] = {}
        self._callbacks: list[Callback] = []
        self._queue = SnapshotQueue(self.policy.queue_size)
        self._lane = ""
        self._counts = _Counts()
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # -- to implement -------------------------------------------------------------------------

    @abstractmethod
    def get_asset_type(self) -> AssetType:
        """Return the one asset type this runner handles."""

    @abstractmethod
    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:
        """Ask the provider; the only method that may. Empty `symbols` means all."""

    @abstractmethod
    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        """Enrich, purely: the same raw data give the same snapshots."""

    # -- given --------------------------------------------------------------------------------

    def fetch(self, symbols: Sequence[str]) -> RawData:
        """Return raw data from the cache while it is fresh, else fetch, retrying what may pass.

        A provider that says `asks_again` has tried as often as helps: nothing is retried then.
        """
        key = tuple(symbols)
        with self._lock:
            self._counts.asked += 1
            if key in self._cache:
                self._counts.cache_hits += 1
                held: RawData = self._cache[key]
                return held
        raw = self._fetch_with_retries(symbols)
        with self._lock:
            self._cache[key] = raw
        return raw

    def run_once(self, symbols: Sequence[str] | None = None) -> dict[str, Snapshot]:
        """Fetch and enrich once; remember the snapshots, queue them, tell the callbacks."""
        asked = self.symbols if symbols is None else tuple(symbols)
        began = self.clock.monotonic()
        try:
            raw = self.fetch(asked)
            snapshots = self.process_data(raw)
        except AlphaStockError as error:
            with self._lock:
                self._counts.errors += 1
                self._counts.last_error = error.what
            raise
        with self._lock:
            self._counts.runs += 1
            self._counts.errors += len(raw.failures)
            self._counts.last_error = next(iter(raw.failures.values()), "")
            self._counts.last_success = self.clock.now()
            self._counts.latency_ms = (self.clock.monotonic() - began) * 1000.0
            self._latest.update(snapshots)
            for key, snapshot in snapshots.items():
                self._queue.put(self._lane, key, snapshot)
            callbacks = list(self._callbacks)
        for callback in callbacks:
            self._tell(callback, snapshots)
        return snapshots

    def start(self) -> None:
        """Start the thread; starting twice is one start."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            if running and not self._stop.is_set():
                return
            # an event a thread: one that was told to stop and is not gone yet still goes
            self._stop = threading.Event()
            name = f"runner-{self.get_asset_type()}"
            self._thread = threading.Thread(
                target=self._loop, args=(self._stop,), name=name, daemon=True
            )
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Stop the thread and wait; stopping twice is harmless. Return whether it is gone."""
        with self._lock:
            self._stop.set()
            thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def get_latest_data(self, symbol: str | None = None) -> dict[str, Snapshot]:
        """Return the latest snapshots by symbol; only `symbol`'s when given and known."""
        with self._lock:
            if symbol is None:
                return dict(self._latest)
            found = self._latest.get(symbol)
            return {} if found is None else {symbol: found}

    def add_callback(self, callback: Callback) -> None:
        """Call `callback` with the snapshots of each run; one that fails is counted, not fatal."""
        with self._lock:
            self._callbacks.append(callback)

    def take(self) -> Snapshot | None:
        """Take the oldest queued snapshot of this runner, or None."""
        return self._queue.take(lane=self._lane)

    def share_queue(self, queue: SnapshotQueue, lane: str) -> None:
        """Put snapshots into the lane of a common queue from now on; call it before `start`."""
        with self._lock:
            self._queue, self._lane = queue, lane

    def get_status(self) -> RunnerStatus:
        """Return health and statistics as of now."""
        with self._lock:
            counts = self._counts
            last = counts.last_success
            age = None if last is None else (self.clock.now() - last).total_seconds()
            running = self._thread is not None and self._thread.is_alive()
            hits = None if not counts.asked else 100.0 * counts.cache_hits / counts.asked
            return RunnerStatus(
                runner=str(self.get_asset_type()),
                state="running" if running else "stopped",
                last_success=last,
                age_seconds=age,
                latency_ms=counts.latency_ms,
                runs=counts.runs,
                errors=counts.errors,
                last_error=counts.last_error,
                cache_hit_pct=hits,
                api_calls=counts.api_calls,
                callback_errors=counts.callback_errors,
                queue_depth=self._queue.depth(self._lane),
                dropped=self._queue.dropped(self._lane),
            )

    # -- inside -------------------------------------------------------------------------------

    def _fetch_with_retries(self, symbols: Sequence[str]) -> RawData:
        try:
            return self._call(symbols)
        except TransientError as first:
            again = getattr(self.provider, "asks_again", False)  # then one layer does, not two
            if again or self.policy.attempts < 2:  # noqa: PLR2004 - one attempt is no retry
                raise
            return self._retry(symbols, first)

    def _retry(self, symbols: Sequence[str], first: TransientError) -> RawData:
        """Try again with full jitter, bounded in tries and in seconds."""
        from tenacity import (  # slow to import and rarely needed
            Retrying,
            retry_if_exception_type,
            stop_after_attempt,
            stop_after_delay,
            wait_random_exponential,
        )

        log.info("runner %s: %s; trying again", self.get_asset_type(), first.what)
        wait = wait_random_exponential(multiplier=0.5, max=8.0)
        self.clock.sleep(min(0.5, self.policy.retry_seconds))
        again = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(self.policy.attempts - 1)
            | stop_after_delay(self.policy.retry_seconds),
            wait=wait,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return again(self._call, symbols)

    def _call(self, symbols: Sequence[str]) -> RawData:
        with self._lock:
            self._counts.api_calls += 1
        return self.fetch_market_data(symbols)

    def _tell(self, callback: Callback, snapshots: Mapping[str, Snapshot]) -> None:
        try:
            callback(MappingProxyType(dict(snapshots)))
        except Exception:
            log.exception("runner %s: a callback failed", self.get_asset_type())
            with self._lock:
                self._counts.callback_errors += 1

    def _loop(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.run_once()
            except AlphaStockError as error:
                log.warning("runner %s: %s", self.get_asset_type(), error.what)
            except Exception:  # a defect must not end the thread in silence
                log.exception("runner %s: unexpected failure", self.get_asset_type())
                with self._lock:
                    self._counts.errors += 1
            stop.wait(self.policy.every_seconds)
