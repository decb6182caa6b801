"""The dated numbers of Kite's protocol: limits, spans, the hour a login ends. Rows, no rules."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from pathlib import Path

from alphastock_cli.domain.instrument import Interval
from alphastock_cli.errors import DamagedData, OutOfRange
from alphastock_cli.exchange.tables import valid_on

_DATA = Path(__file__).with_name("data")
DAY = 0.0  # the window of a calendar day


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


def token_ends(on: date) -> time:
    """Return the time of day, in India, at which a login of the day before ends."""
    return time.fromisoformat(_value("token.ends", on))


def dump_ready(on: date) -> time:
    """Return the time of day, in India, from which the list of instruments is the day's own."""
    return time.fromisoformat(_value("dump.ready", on))


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
