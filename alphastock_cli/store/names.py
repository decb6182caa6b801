"""Names a shell may offer: symbols by exchange, underlyings with their expiries, as small texts.

Written beside a list of instruments, read by a process that has to answer while somebody types:
no frame and no Polars to read them. Nothing else trusts these files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alphastock_cli.store.atomic import write_bytes

if TYPE_CHECKING:
    import polars as pl

_UNDERLYINGS = "underlyings"


def write(folder: Path, frame: pl.DataFrame) -> None:
    """Write the names of an `INSTRUMENTS_DAY` frame: a file an exchange, one of underlyings."""
    import polars as pl

    by_exchange = frame.group_by("exchange").agg(pl.col("tradingsymbol").unique().sort())
    for exchange, symbols in by_exchange.iter_rows():
        _put(folder, exchange, symbols)
    contracts = frame.drop_nulls("underlying")
    ends = pl.col("expiry").filter(pl.col("option_type").is_not_null())
    rows = contracts.group_by("underlying").agg(ends.unique().sort()).sort("underlying")
    lines = [
        " ".join([name, *map(str, days)]) for name, days in rows.iter_rows() if " " not in name
    ]
    _put(folder, _UNDERLYINGS, lines)


def symbols(folder: Path, exchange: str) -> list[str]:
    """Return what is listed on an exchange, in order; nothing where no list is stored."""
    return _get(folder, exchange) if exchange.isalpha() else []


def underlyings(folder: Path) -> dict[str, list[str]]:
    """Return the underlyings of derivatives, each with the expiries of its options as ISO dates."""
    words = [line.split() for line in _get(folder, _UNDERLYINGS)]
    return {line[0]: line[1:] for line in words if line}


def _put(folder: Path, name: str, lines: list[str]) -> None:
    plain = [line for line in lines if line.isascii() and line.isprintable()]
    write_bytes(_path(folder, name), "\n".join(plain).encode(), mode=0o600, sync=False)


def _get(folder: Path, name: str) -> list[str]:
    try:
        return _path(folder, name).read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _path(folder: Path, name: str) -> Path:
    return folder / f"names-{name}.txt"
