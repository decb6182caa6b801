"""Several runners as one: started, stopped, asked and emptied together through one bounded queue.

Many runners put, one loop takes: strategies, risk and portfolio never meet concurrency. What is
done with a snapshot is the taker's business.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from alphastock_cli.domain.data import Snapshot
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.runners._queue import SnapshotQueue
from alphastock_cli.runners.base import BaseRunner, RunnerStatus

log = logging.getLogger(__name__)


class RunnerManager:
    """Runners by name behind one queue; safe to use from many threads.

    Parameters
    ----------
    runners : mapping of str to BaseRunner
        Not started yet; each puts into the common queue from now on.
    queue_size : int
        Most snapshots waiting, over all runners.
    """

    def __init__(self, runners: Mapping[str, BaseRunner], *, queue_size: int = 4096) -> None:
        self.runners: Mapping[str, BaseRunner] = MappingProxyType(dict(runners))
        self._queue = SnapshotQueue(queue_size)
        for name, runner in self.runners.items():
            runner.share_queue(self._queue, name)

    def start(self) -> None:
        """Start every runner's thread; those that run already are left alone."""
        self._queue.open()
        for runner in self.runners.values():
            runner.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Stop every thread; stopping twice is harmless. Return whether all are gone.

        All are told first, then waited for, `timeout` seconds each at most; a waiting `take`
        returns. What is queued can still be taken.
        """
        self._queue.close()
        for runner in self.runners.values():
            runner.stop(0.0)
        gone = [runner.stop(timeout) for runner in self.runners.values()]
        return all(gone)

    def run_once(self) -> dict[str, dict[str, Snapshot]]:
        """Let every runner fetch and enrich once; return the snapshots by runner and symbol.

        A runner whose provider fails is left out and counts the error in its status; the others
        are unharmed.

        Raises
        ------
        AlphaStockError
            Every runner failed: the first one's error.
        """
        found: dict[str, dict[str, Snapshot]] = {}
        failures: list[AlphaStockError] = []
        for name, runner in self.runners.items():
            try:
                found[name] = runner.run_once()
            except AlphaStockError as error:
                log.warning("runner %s: %s", name, error.what)
                failures.append(error)
        if failures and not found:
            raise failures[0]
        return found

    def take(self, timeout: float | None = 0.0) -> Snapshot | None:
        """Return the next snapshot, runners and their instruments taking turns; None if none came.

        Waits up to `timeout` seconds; None means until one comes or `stop` is called.
        """
        return self._queue.take(timeout)

    def status(self) -> list[RunnerStatus]:
        """Return the health of each runner, under the name it has here."""
        return [replace(runner.get_status(), runner=name) for name, runner in self.runners.items()]

    @property
    def queue_depth(self) -> int:
        """How many snapshots wait, over all runners."""
        return self._queue.depth()
