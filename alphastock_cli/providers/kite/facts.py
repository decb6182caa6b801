"""The dated numbers of Kite's protocol and of the broker: limits, spans, rates. Rows, no rules.

Our own choices (how often to try again, how long to wait) are not facts and do not belong here.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache, lru_cache
from pathlib import Path

from alphastock_cli.domain.instrument import Interval
from alphastock_cli.errors import DamagedData, OutOfRange
from alphastock_cli.exchange.tables import valid_on

_DATA = Path(__file__).with_name("data")
DAY = 0.0  # the window of a calendar day
_INDEX = "index_token."


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in any `seconds`; `DAY` is a calendar day in India."""

    calls: int
    seconds: float


def limits(on: date) -> dict[str, tuple[Limit, ...]]:
    """Return the limits of each class of endpoint in force on a day."""
    found: dict[str, tuple[Limit, ...]] = {}
    for row in _rows("limits"):
        if valid_on(row, on):
            seconds = DAY if row["window"] == "day" else float(row["window"])
            found[row["class"]] = (*found.get(row["class"], ()), Limit(int(row["calls"]), seconds))
    return found


def history_days(interval: Interval, on: date) -> int:
    """Return how many days one request for candles may span."""
    return int(_value(f"history.{interval.value}", on))


def quote_batch(on: date) -> int:
    """Return how many instruments one request for full quotes may name."""
    return int(_value("quotes.full", on))


def whole(name: str, on: date) -> int:
    """Return a number of `facts.csv` that is a count, such as ``order.changes``.

    Raises
    ------
    OutOfRange
        No row says it of that day.
    """
    return int(_value(name, on))


def share(name: str, on: date) -> float:
    """Return a number of `facts.csv` that is told in percent as a fraction, 20 as 0.2.

    Raises
    ------
    OutOfRange
        No row says it of that day.
    """
    return float(_value(name, on)) / 100


def index_tokens(on: date) -> dict[str, int]:
    """Return the instrument tokens of indices that programs have built in, by Kite's names."""
    names = [row["name"] for row in _rows("facts") if valid_on(row, on)]
    return {
        name.removeprefix(_INDEX): int(_value(name, on))
        for name in names
        if name.startswith(_INDEX)
    }


def token_ends(on: date) -> time:
    """Return the time of day, in India, at which a login of the day before ends."""
    return time.fromisoformat(_value("token.ends", on))


def dump_ready(on: date) -> time:
    """Return the time of day, in India, from which the list of instruments is the day's own."""
    return time.fromisoformat(_value("dump.ready", on))


@lru_cache(maxsize=1024)
def _value(name: str, on: date) -> str:
    for row in _rows("facts"):
        if row["name"] == name and valid_on(row, on):
            return row["value"]
    raise OutOfRange(f"no row of facts.csv says {name} on {on}", hint="Install a newer alphastock.")


@cache
def _rows(name: str) -> tuple[Mapping[str, str], ...]:
    path = _DATA / f"{name}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            kept = [line for line in file if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedData(
            f"the table {path.name} of this installation cannot be read: {error}",
            safe="Nothing was changed.",
            hint="Install alphastock again.",
        ) from error
    return tuple(csv.DictReader(kept, strict=True))
