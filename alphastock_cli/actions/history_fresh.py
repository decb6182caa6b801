"""When a fetch of candles was last done whole, symbol by symbol as asked for: for `--if-stale`.

By the words of the request, so that nobody need be asked what they mean. Losing the file costs a
run, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from alphastock_cli.actions.fetch_candles import parse_exchange, parse_interval
from alphastock_cli.actions.history_jobs import HistoryRequest
from alphastock_cli.domain.ports import Clock
from alphastock_cli.store.atomic import write_bytes
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lake import Lake

_FILE = ".fetched.json"


def remember_fetch(lake: Lake, clock: Clock, request: HistoryRequest) -> None:
    """Remember that all of a request was done just now.

    Raises
    ------
    Locked, StorageError
        Another process writes; the disk says no.
    """
    path = lake.root / f"candles_{parse_interval(request.interval).value}" / _FILE
    told = {"at": clock.now().isoformat(), "first": str(request.first), "oi": request.oi,
            "last": None if request.last is None else str(request.last)}  # fmt: skip
    with lake.writing():
        make_private(path.parent)
        body = _read(lake, request) | dict.fromkeys(_names(request), told)
        write_bytes(path, json.dumps(body).encode(), mode=0o600)


def last_fetch(lake: Lake, request: HistoryRequest) -> datetime | None:
    """Return when all that is asked for was last fetched: of its symbols the longest ago.

    None where one of them never was, or fewer days of it, or without the open interest; a request
    to fetch anew is never done.
    """
    if request.refetch:
        return None
    body = _read(lake, request)
    found = [_moment(body.get(name), request) for name in _names(request)]
    known = [each for each in found if each is not None]
    return min(known) if known and len(known) == len(found) else None


def _moment(told: Any, request: HistoryRequest) -> datetime | None:  # noqa: ANN401 - as read
    try:
        last = None if told["last"] is None else date.fromisoformat(told["last"])
        reaches = last is None or (request.last is not None and request.last <= last)
        covers = date.fromisoformat(told["first"]) <= request.first and reaches
        at = datetime.fromisoformat(told["at"])
        return at if covers and at.tzinfo and (told["oi"] is True or not request.oi) else None
    except (KeyError, TypeError, ValueError):
        return None


def _names(request: HistoryRequest) -> Iterable[str]:
    kind = " continuous" if request.continuous else ""
    exchange = parse_exchange(request.exchange).value
    return [f"{exchange}:{' '.join(name.upper().split())}{kind}" for name in request.symbols]


def _read(lake: Lake, request: HistoryRequest) -> dict[str, Any]:
    path = lake.root / f"candles_{parse_interval(request.interval).value}" / _FILE
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
