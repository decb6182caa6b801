"""What the simulated exchange lists: shares, their sectors and weights, and its indices.

Symbols and sectors are real, levels and weights are invented. The first shares stay the same when
more are asked for.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DATA = Path(__file__).with_name("data") / "universe.csv"
_BASES = _DATA.with_name("index_bases.csv")
_INVENTED_LEVELS = (45.0, 85.0, 140.0, 260.0, 410.0, 690.0)
_INVENTED_WEIGHT = 1.0
VIX = "INDIA VIX"


@dataclass(frozen=True, slots=True)
class Share:
    """One share: `number` names its random stream; `level` is rupees on the first day."""

    number: int
    symbol: str
    sector: str
    level: float
    weight: float
    indices: tuple[str, ...]


@cache
def shares(count: int) -> tuple[Share, ...]:
    """Return the first `count` shares: the typed-in ones, then ``SIM0001`` and on."""
    listed = _listed()
    sectors = sorted({share.sector for share in listed})
    invented = (
        Share(
            number=len(listed) + i,
            symbol=f"SIM{i + 1:04d}",
            sector=sectors[i % len(sectors)],
            level=_INVENTED_LEVELS[i % len(_INVENTED_LEVELS)],
            weight=_INVENTED_WEIGHT,
            indices=(),
        )
        for i in range(max(0, count - len(listed)))
    )
    return (*listed[:count], *invented)


def is_invented(share: Share) -> bool:
    """Tell whether a share is one of those beyond the typed-in ones: nothing is derived from it."""
    return share.number >= len(_listed())


@cache
def members(index: str, count: int) -> tuple[Share, ...]:
    """Return the shares of an index among the first `count`; empty for an unknown index."""
    return tuple(share for share in shares(count) if index in share.indices)


@cache
def index_names(count: int) -> tuple[str, ...]:
    """Return the indices that have members among the first `count` shares, and the VIX."""
    found = dict.fromkeys(name for share in shares(count) for name in share.indices)
    return (*found, VIX)


@cache
def index_base(name: str) -> float:
    """Return the points an index starts at on the first day."""
    bases = {row["index"]: float(row["base"]) for row in _rows(_BASES)}
    return bases.get(name, bases["*"])


@cache
def _listed() -> tuple[Share, ...]:
    rows = _rows(_DATA)
    return tuple(
        Share(
            number=number,
            symbol=row["symbol"],
            sector=row["sector"],
            level=float(row["level"]),
            weight=float(row["weight"]),
            indices=tuple(name for name in (row["broad_index"], row["sector_index"]) if name),
        )
        for number, row in enumerate(rows)
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))
