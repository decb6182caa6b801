"""What was loaded before: the files of an archive, so that they need not be read again, and when.

A name alone proves nothing: a file counts only while the lake holds rows of its day, so rows that
were lost are loaded again. Losing the list costs time, nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import polars as pl

from alphastock_cli.store import atomic
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lake import INDIA, Lake
from alphastock_cli.store.layout import DAILY

Fed = tuple[str, str]  # a dataset, an exchange

_NAME = ".archive.csv"
_STAMPS = ".loads"
_MOST = 64 << 20  # bytes; a line is 80


class LoadedFiles:
    """The list, beside the lake's datasets, for the days from `first` to `last`."""

    def __init__(self, lake: Lake, first: date, last: date) -> None:
        self._lake = lake
        self._span = (first, last)
        self._path: Path = lake.root / _NAME
        self._fed = _read(self._path)
        self._days: dict[Fed, set[date]] = {}

    def holds(self, place: str, day: date) -> bool:
        """Tell whether the file's rows were stored and the lake still has rows of that day."""
        fed = self._fed.get(place, ())
        return bool(fed) and all(day in self._known(item) for item in fed)

    def add(self, place: str, fed: Iterable[Fed]) -> None:
        """Remember what a file has fed; `write` makes it last."""
        self._fed[place] = tuple(sorted(set(fed)))

    def write(self) -> None:
        """Write the list; only while holding the lake's lock.

        Raises
        ------
        StorageError
            The disk says no.
        """
        lines = [
            f"{place},{' '.join(f'{dataset}/{exchange}' for dataset, exchange in fed)}\n"
            for place, fed in sorted(self._fed.items())
        ]
        atomic.write_bytes(self._path, "".join(lines).encode(), mode=0o600)

    def _known(self, fed: Fed) -> set[date]:
        if fed not in self._days:
            dataset, exchange = fed
            rows = self._lake.scan(
                dataset, start=self._span[0], end=self._span[1], columns=("date", "exchange")
            )
            held = rows.filter(pl.col("exchange") == exchange).select(pl.col("date").unique())
            self._days[fed] = set(held.collect()["date"])
        return self._days[fed]


def remember(lake: Lake, what: str, asked: str = "") -> None:
    """Remember that `what` (a folder, a kind of file) was loaded whole just now, as `asked`.

    Raises
    ------
    StorageError
        The disk says no.
    """
    stamp = _stamp(lake, what)
    make_private(stamp.parent)
    atomic.write_bytes(stamp, asked.encode(), mode=0o600)


def last(lake: Lake, what: str, asked: str = "") -> datetime | None:
    """Return when `what` was last loaded, in Indian time; None if never, or not as `asked`."""
    stamp = _stamp(lake, what)
    try:
        if stamp.read_bytes() != asked.encode():
            return None
        return datetime.fromtimestamp(stamp.stat().st_mtime, tz=INDIA)
    except OSError:
        return None


def _stamp(lake: Lake, what: str) -> Path:
    # a folder's name may be longer than a name in it: its hash stands for it
    name = hashlib.sha256(what.encode(errors="surrogateescape")).hexdigest()[:32]
    return lake.root / _STAMPS / name


def _read(path: Path) -> dict[str, tuple[Fed, ...]]:
    """Return the list; what cannot be read counts as not loaded."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode()
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, tuple[Fed, ...]] = {}
    for line in text.splitlines():
        place, _, words = line.partition(",")
        pairs = [tuple(word.split("/")) for word in words.split()]
        if pairs and all(len(pair) == 2 and pair[0] in DAILY for pair in pairs):  # noqa: PLR2004
            found[place] = tuple((pair[0], pair[1]) for pair in pairs)
    return found
