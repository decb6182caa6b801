"""Read the dated tables of `exchange/data`, once each: rows of text, and which rows hold on a day.

No fact lives here and no table is interpreted: what a column means is the business of the module
that asks for it. Standard library only, because `--help` and the small commands come through here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TextIO

from alphastock_cli.errors import DamagedData

_DATA = Path(__file__).with_name("data")


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of ``exchange/data/<name>.csv`` as dictionaries of stripped text.

    Lines starting with ``#`` and blank lines are skipped, wherever they stand. The file is read
    once per process; the rows are shared, so treat them as read-only.

    Parameters
    ----------
    name : str
        File name without folder and without ``.csv``.

    Returns
    -------
    tuple of dict of str to str
        One dictionary per row, in the order of the file; an empty cell is ``""``.

    Raises
    ------
    DamagedData
        The file is missing, or a row has more or fewer cells than the header.
    """
    path = _DATA / f"{name}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_rows(name, file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DamagedData(
            f"the table {name}.csv of this installation cannot be read: {error}",
            safe="Nothing was changed.",
            hint="Install alphastock again.",
        ) from error


def _rows(name: str, file: TextIO) -> Iterator[dict[str, str]]:
    """Yield the rows below the header, each checked for its number of cells."""
    kept = (line for line in file if line.strip() and not line.startswith("#"))
    reader = csv.reader(kept, strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    for cells in reader:
        if len(cells) != len(header):
            raise DamagedData(
                f"{name}.csv: a row has {len(cells)} cells, the header {len(header)}: {cells}",
                safe="Nothing was changed.",
                hint="Install alphastock again.",
            )
        yield {column: cell.strip() for column, cell in zip(header, cells, strict=True)}


def parse_date(text: str) -> date | None:
    """Return the date of ``YYYY-MM-DD``; ``""`` is None, the mark of an open end.

    Raises
    ------
    ValueError
        The text is neither empty nor an ISO date.
    """
    return date.fromisoformat(text) if text else None


def valid_on(row: Mapping[str, str], day: date) -> bool:
    """Tell whether `day` is in ``valid_from..valid_to`` of `row`, both inclusive, empty is open."""
    begin, end = parse_date(row["valid_from"]), parse_date(row["valid_to"])
    return (begin is None or begin <= day) and (end is None or day <= end)
