"""The words of an archive of end-of-day files: what is wanted, what came of it, who keeps it.

Values and one port, no I/O: a provider fetches, an action decides what to do with what arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from alphastock_cli.domain.ports import EodBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file of one session.

    Attributes
    ----------
    kind : str
        What it holds: equities, delivery, indices, fo, bse.
    name : str
        The file's own name; with the kind and the year it is also its place in the cache.
    """

    day: date
    kind: str
    url: str
    name: str

    @property
    def place(self) -> str:
        """Where the file rests below the cache: ``equities/2026/NAME``."""
        return f"{self.kind}/{self.day.year}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The files of a span, by day, and in words what was left out of it."""

    wanted: tuple[Wanted, ...]
    notes: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What came of asking for a file."""

    CACHED = "cached"  # it was there already, and sound
    FETCHED = "fetched"
    MISSING = "missing"  # the host has none of that name
    WRONG = "wrong"  # an answer came that is not the file of that day
    FAILED = "failed"  # no whole answer, however often it was asked
    NOT_ASKED = "not asked"  # too many of its kind were missing in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What came of one wanted file; `reason` is empty where it is in the cache now."""

    wanted: Wanted
    outcome: Outcome
    reason: str = ""


class EodArchive(Protocol):
    """Keeps verified files of the exchanges, and asks for those it lacks, politely."""

    @property
    def requests(self) -> int:
        """How many were sent so far, repeated and redirected ones included."""
        ...

    def plan(self, kinds: Sequence[str], first: date, last: date | None) -> Plan:
        """Return the files of every session from `first` to `last` that is over by now."""
        ...

    def has(self, wanted: Wanted) -> bool:
        """Tell whether the cache holds the file."""
        ...

    def fetch(self, wanted: Wanted) -> Arrival:
        """Bring the file into the cache unless it is there; nothing unverified gets in.

        Raises
        ------
        ProviderError
            It makes no sense to go on: the host refuses us, or cannot be reached.
        """
        ...

    def read(self, wanted: Wanted) -> list[EodBatch]:
        """Return what a file of the cache holds, its rows checked."""
        ...

    def seconds(self, wanted: Sequence[Wanted]) -> float:
        """Return how long asking for these takes at the pace that is kept."""
        ...

    def sweep(self) -> None:
        """Remove what killed runs left behind; only while holding the lake's lock."""
        ...
