"""Read a file of positions: CSV, Parquet or JSON lines, one leg a row, its line number kept.

Only what a row says is checked here; whether such a contract is listed is asked elsewhere. A row
that cannot be used keeps its reason and disturbs no other.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alphastock_cli.actions.position_rows import MISFIT, Position, position
from alphastock_cli.errors import StorageError, UsageError
from alphastock_cli.safety import safe_text

COLUMNS = ("tradingsymbol", "underlying", "expiry", "strike", "option_type", "quantity", "lots",
           "price", "iv")  # fmt: skip
# the other headings that are understood; documented in docs/conventions.md
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "symbol": "tradingsymbol",
        "instrument": "tradingsymbol",
        "contract": "tradingsymbol",
        "expiry_date": "expiry",
        "strike_price": "strike",
        "type": "option_type",
        "instrument_type": "option_type",
        "qty": "quantity",
        "units": "quantity",
        "entry_price": "price",
        "average_price": "price",
        "avg": "price",
    }
)
_NEEDED = "tradingsymbol (or underlying, expiry, strike, option_type) and quantity (or lots)"
_MOST_BYTES, _MOST_ROWS = 16 << 20, 10_000


def read_positions(path: Path) -> list[Position]:
    """Return the rows of a file, in its order.

    Raises
    ------
    UsageError
        There is no such file, it is no table of positions (what was found and what is needed is
        said), or it is longer than anybody's book.
    StorageError
        It may not be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        rows = _parquet(path)
    else:
        text = _text(path)
        lines = suffix in {".jsonl", ".ndjson", ".json"}
        rows = list(_json_lines(text, path)) if lines else list(_csv(text, path))
    if not rows:
        raise UsageError(f"{path.name} holds no position", hint=f"It needs: {_NEEDED}.")
    if len(rows) > _MOST_ROWS:
        raise UsageError(f"{path.name} holds {len(rows):,} rows; {_MOST_ROWS:,} are the most")
    return [position(line, row) for line, row in rows]


# -- forms of files -----------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"--file {path}: no such file") from None
    except IsADirectoryError:
        raise UsageError(f"--file {path}: a folder, not a file") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path.name} is larger than 16 MiB: not a file of positions")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path.name} is not UTF-8 text (byte {error.start})",
            hint="Save it as CSV in UTF-8; Parquet files end in .parquet.",
        ) from None


def _csv(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and named cells; the separator is the one the heading uses."""
    heading = text.split("\n", 1)[0]
    mark = max((",", ";", "\t"), key=heading.count)
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        names = _named(next(reader, []), path)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            row: dict[str, Any] = dict(zip(names, cells, strict=False))
            if len(cells) != len(names):
                row[MISFIT] = f"{len(cells)} cells under {len(names)} headings"
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{path.name} line {reader.line_num}: {error}") from None


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and values of one JSON object a line."""
    for line, part in enumerate(text.split("\n"), 1):
        if not part.strip():
            continue
        try:
            held = json.loads(part)
        except (ValueError, RecursionError):
            held = None
        if not isinstance(held, dict):
            raise UsageError(
                f"{path.name} line {line}: not one JSON object a line",
                hint='e.g. {"tradingsymbol": "NIFTY26DEC24000CE", "quantity": -65}',
            )
        names = _named(list(held), path)
        yield line, dict(zip(names, held.values(), strict=True))


def _parquet(path: Path) -> list[tuple[int, dict[str, Any]]]:
    import polars as pl

    if not path.is_file():
        raise UsageError(f"--file {path}: no such file")
    if path.stat().st_size > _MOST_BYTES:
        raise UsageError(f"{path.name} is larger than 16 MiB: not a file of positions")
    try:
        frame = pl.read_parquet(path, n_rows=_MOST_ROWS + 1)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"{path.name} is no Parquet file: {safe_text(first)}") from None
    frame = frame.rename(dict(zip(frame.columns, _named(frame.columns, path), strict=True)))
    return list(enumerate(frame.iter_rows(named=True), 1))


def _named(headings: Sequence[str], path: Path) -> list[str]:
    """Return our names of the headings; others are kept out of the way, doubles refused."""
    names: list[str] = []
    for heading in headings:
        word = "_".join(heading.strip().strip(".").lower().split())
        name = SYNONYMS.get(word, word)
        if name in COLUMNS and name in names:
            raise UsageError(f"{path.name}: two columns are `{name}`")
        names.append(name)
    known = set(names)
    what = "tradingsymbol" in known or {"underlying", "option_type"} <= known
    if not what or not known & {"quantity", "lots"}:
        found = ", ".join(safe_text(heading, limit=30) for heading in headings[:12])
        raise UsageError(f"{path.name} has the columns {found or '(none)'}",
                         hint=f"Needed: {_NEEDED}; price and iv may be given.")  # fmt: skip
    return names
