"""Where the rows of a dataset rest and what makes two rows the same row.

Facts only; the work is in `lake.py` and `merge.py`.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

VERSION = 1
_YEAR_DIGITS = 4
WHOLE = "all"  # the one file of a dataset that is not divided by year

# datasets divided by the year of their `date`
YEARLY = frozenset({"equities_day", "indices_day"})

KEYS = MappingProxyType(
    {
        "equities_day": ("symbol", "date", "exchange", "series"),
        "indices_day": ("symbol", "date", "exchange"),
        "rejects": ("dataset", "source", "file", "row", "reason", "raw"),
        "adjustments": ("exchange", "symbol", "ex_date", "source"),
        "membership": ("index", "symbol", "valid_from"),
        "symbol_changes": ("old", "new", "effective_date"),
        "freeze_quantities": ("symbol", "valid_from"),
        "lots": ("symbol", "contract_month", "valid_from"),
    }
)


def is_ours(path: Path, dataset: str) -> bool:
    """Tell whether a file has a name that a dataset's files have: ``2026.parquet``."""
    stem = path.stem
    if dataset in YEARLY:
        return len(stem) == _YEAR_DIGITS and stem.isascii() and stem.isdigit()
    return stem == WHOLE
