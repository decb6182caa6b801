"""One process of row R-2: calls as fast as the shared budget lets it, in every class at once.

python -m tests.campaign.caller ROOT DATA_DIR CLASS=COUNT ...

Each has a data directory of its own; the counts are shared as those of any command are.
"""

from __future__ import annotations

import http.client
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from alphastock_cli.bootstrap import SystemClock
from alphastock_cli.config.settings import KiteSettings
from alphastock_cli.domain.instrument import Interval
from alphastock_cli.providers.kite.budget import Budget
from alphastock_cli.providers.kite.connection import Connection
from alphastock_cli.providers.kite.credentials import KEY_VARIABLE, SECRET_VARIABLE
from tests.unit.kite_host import KEY, SECRET


def main(words: list[str]) -> None:
    root, folder = words[0], Path(words[1])
    threads = [
        threading.Thread(target=_call, args=(root, folder, name, int(count)))
        for name, _, count in (word.partition("=") for word in words[2:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _call(root: str, folder: Path, name: str, count: int) -> None:
    clock = SystemClock()
    env = {**os.environ, KEY_VARIABLE: KEY, SECRET_VARIABLE: SECRET}
    connection = Connection(folder, KiteSettings(root=root), clock, env=env)
    rest, budget, now = connection.rest, connection.budget, clock.now()
    ways: dict[str, Callable[[], object]] = {
        "quote": lambda: rest.quotes(["NSE:SBIN"]),
        "historical": lambda: rest.candles(779521, Interval.MINUTE, now, now),
        "other": rest.profile,
        "orders": lambda: _order(budget, root),
    }
    for _ in range(count):
        ways[name]()
    connection.close()


def _order(budget: Budget, root: str) -> None:
    """Stand in for an order: the client has no route for one, its budget has a class."""
    with budget.call("orders"):
        asked = http.client.HTTPConnection(urlsplit(root).netloc, timeout=10)
        asked.request("GET", "/orders")
        asked.getresponse().read()
        asked.close()


if __name__ == "__main__":
    main(sys.argv[1:])
