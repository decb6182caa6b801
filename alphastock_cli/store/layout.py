"""Where the rows of a dataset rest and what makes two rows the same row.

Facts only; the work is in `lake.py` and `merge.py`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from pathlib import Path
from types import MappingProxyType

from alphastock_cli.domain.instrument import Interval

VERSION = 1
WHOLE = "all"  # the one file of a dataset that is not divided

CANDLES = tuple(f"candles_{interval.value}" for interval in Interval if interval.is_intraday)
SERIES = frozenset({"candles_day"})  # a broker's days: loaded symbol by symbol, each one whole
# datasets divided by the year, or by the month, of their date
YEARLY = frozenset({"equities_day", "indices_day", "futures_day", "rates_day", *CANDLES, *SERIES})
SNAPSHOTS = frozenset({"instruments"})  # a whole list of the day on which somebody loaded one
MONTHLY = frozenset({"options_day", "chains", *SNAPSHOTS})  # fifty thousand rows a day, and more
DATED = YEARLY | MONTHLY
# datasets whose files hold all of a session
DAILY = DATED - frozenset({*CANDLES, *SERIES, "chains"}) - SNAPSHOTS
TILED = frozenset({"equities_day"})  # yearly ones asked for one symbol as often as for one day
COPIED = frozenset({"equities_day"})  # yearly ones whose newest year is kept by date as well

_CANDLE_KEY = ("symbol", "time", "exchange")
KEYS = MappingProxyType(
    {
        "equities_day": ("symbol", "date", "exchange", "series"),
        "indices_day": ("symbol", "date", "exchange"),
        "futures_day": ("symbol", "date", "exchange", "expiry"),
        "options_day": ("symbol", "date", "exchange", "expiry", "strike", "option_type"),
        "rates_day": ("symbol", "date", "exchange"),
        **dict.fromkeys(CANDLES, _CANDLE_KEY),
        **dict.fromkeys(SERIES, ("symbol", "date", "exchange")),
        "instruments": ("date", "exchange", "tradingsymbol"),
        "chains": ("underlying", "time", "expiry", "strike", "option_type"),
        "rejects": ("dataset", "source", "file", "row", "reason", "raw"),
        "adjustments": ("exchange", "symbol", "ex_date", "source"),
        "membership": ("index", "symbol", "valid_from"),
        "symbol_changes": ("old", "new", "effective_date"),
        "freeze_quantities": ("symbol", "valid_from"),
        "lots": ("symbol", "contract_month", "valid_from"),
    }
)

_YEAR = re.compile(r"[0-9]{4}")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def is_ours(path: Path, dataset: str) -> bool:
    """Tell whether a file has a name that a dataset's files have: ``2026.parquet``."""
    stem = path.stem
    if dataset in YEARLY:
        return _YEAR.fullmatch(stem) is not None
    if dataset in MONTHLY:
        return _MONTH.fullmatch(stem) is not None
    return stem == WHOLE


def day_column(dataset: str) -> str:
    """Return the column that says which file a row of a divided dataset belongs to."""
    return "time" if dataset in CANDLES or dataset == "chains" else "date"


def name_column(dataset: str) -> str:
    """Return the column that names what a row of a divided dataset is about."""
    if dataset == "chains":
        return "underlying"
    return "tradingsymbol" if dataset in SNAPSHOTS else "symbol"


def span(stem: str) -> tuple[date, date]:
    """Return the first and the last day of the rows of a file, by its name.

    >>> span("2026-02")
    (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28))
    """
    year, _, month = stem.partition("-")
    if not month:
        return date(int(year), 1, 1), date(int(year), 12, 31)
    last = monthrange(int(year), int(month))[1]
    return date(int(year), int(month), 1), date(int(year), int(month), last)


def overlaps(stem: str, start: date | None, end: date | None) -> bool:
    """Tell whether a file may hold rows from `start` to `end`, by its name; None is open."""
    if stem == WHOLE:
        return True
    first, last = span(stem)
    return (start is None or last >= start) and (end is None or first <= end)
