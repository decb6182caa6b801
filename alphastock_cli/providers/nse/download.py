"""The archives of NSE and BSE behind a cache: what is there and sound is not asked for again.

What an address is stands in `eras.py`, how one asks in `asking.py`, what makes an answer the file
in `answers.py`; nothing that fails there gets into the cache.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from alphastock_cli.domain.eod_archive import Arrival, Outcome, Plan, Wanted
from alphastock_cli.domain.ports import Clock, EodBatch
from alphastock_cli.providers.nse import eras
from alphastock_cli.providers.nse.answers import wrong
from alphastock_cli.providers.nse.asking import (
    DEADLINE,
    MOST_BYTES,
    Asker,
    Get,
    NotTheFileError,
    site,
)
from alphastock_cli.providers.nse.source import read_file, refused
from alphastock_cli.providers.nse.transport import Transport
from alphastock_cli.providers.nse.walk import open_file
from alphastock_cli.store import atomic
from alphastock_cli.store.files import make_private

_ABSENT = 10  # sessions in a row without a right file of a kind: the rest is not asked for


class Downloader:
    """Files of the exchanges, by day and kind.

    Parameters
    ----------
    cache : Path
        Folder of the files; made by the first one that comes.
    bases : mapping, optional
        What stands for the host of an exchange, by its code; without one, its own host.
    seconds_between, deadline, most, jitter
        See `Asker`.
    """

    def __init__(
        self,
        cache: Path,
        clock: Clock,
        transport: Transport,
        *,
        bases: Mapping[str, str] | None = None,
        seconds_between: float = 1.0,
        deadline: float = DEADLINE,
        most: int = MOST_BYTES,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.cache = cache
        self._clock = clock
        self._bases = {code: url for code, url in (bases or {}).items() if url}
        self._between = seconds_between
        self._asker = Asker(
            clock, transport,
            {self._bases.get(era.exchange, era.host) for era in eras.eras()},
            seconds_between=seconds_between, deadline=deadline, most=most, jitter=jitter,
        )  # fmt: skip
        self._absent: Counter[str] = Counter()  # by kind, in a row

    @property
    def requests(self) -> int:
        """How many were sent so far, repeated and redirected ones included."""
        return self._asker.requests

    def plan(self, kinds: Sequence[str], first: date, last: date | None) -> Plan:
        """Return the files of every session from `first` to `last` that is over by now."""
        return eras.plan(kinds, first, last, self._clock.now(), self._bases)

    def has(self, wanted: Wanted) -> bool:
        """Tell whether the cache holds the file: only verified ones get there."""
        return self._path(wanted).is_file()

    def seconds(self, wanted: Sequence[Wanted]) -> float:
        """Return how long asking for these takes: hosts wait each for itself."""
        calls = Counter(site(item.url) for item in wanted)
        return max(calls.values(), default=0) * self._between

    def read(self, wanted: Wanted) -> list[EodBatch]:
        """Return what a file of the cache holds, its rows checked by the reader of all files."""
        return [
            refused(found.name, found.refused)
            if found.refused
            else read_file(found.name, found.data, on=wanted.day)
            for found in open_file(self._path(wanted), wanted.place)
        ]

    def sweep(self) -> None:
        """Remove the unfinished files of killed runs; only while holding the lake's lock."""
        for folder in self.cache.glob("*/*/"):
            atomic.sweep(folder)

    def fetch(self, wanted: Wanted) -> Arrival:
        """Bring the file into the cache unless it is there; nothing unverified gets in.

        Raises
        ------
        ProviderError
            The host refuses us (401, 403, time-outs in a row), cannot be reached or verified, or
            gave no whole answer for three files in a row: no further request makes sense.
        StorageError
            The disk says no.
        """
        path = self._path(wanted)
        if self._sound(path, wanted):
            return Arrival(wanted=wanted, outcome=Outcome.CACHED)
        if self._absent[wanted.kind] >= _ABSENT:
            why = f"not asked for: {_ABSENT} sessions in a row had no such file; try a later --from"
            return Arrival(wanted=wanted, outcome=Outcome.NOT_ASKED, reason=why)
        make_private(path.parent)
        era = _era(wanted)
        try:
            self._asker.ask(
                wanted.url, referer=era.referer, keep=lambda get: self._keep(wanted, path, get)
            )
        except NotTheFileError as error:
            self._absent[wanted.kind] += 1
            return Arrival(wanted=wanted, outcome=error.outcome, reason=str(error))
        self._absent[wanted.kind] = 0
        return Arrival(wanted=wanted, outcome=Outcome.FETCHED)

    def _path(self, wanted: Wanted) -> Path:
        return self.cache / wanted.place

    def _sound(self, path: Path, wanted: Wanted) -> bool:
        """Tell whether the cache has the file still as it was; a damaged one is removed."""
        if not path.is_file():
            return False
        if not _wrong(path, wanted):
            return True
        try:
            path.unlink()
        except OSError as error:
            raise atomic.storage_error(path, error) from error
        return False

    def _keep(self, wanted: Wanted, path: Path, get: Get) -> None:
        """Put the answer into its place, whole and verified, or leave nothing behind."""
        content_type = ""

        def fill(temporary: Path) -> None:
            nonlocal content_type
            with temporary.open("wb") as file:
                content_type = get(file.write).headers.get("content-type", "")

        def verify(temporary: Path) -> None:
            why = _wrong(temporary, wanted, content_type)
            if why:
                raise NotTheFileError(Outcome.WRONG, why)

        atomic.replace_with(path, fill, verify=verify)


def _era(wanted: Wanted) -> eras.Era:
    era = eras.era_of(wanted.kind, wanted.day)
    assert era is not None, f"no era of {wanted.kind} on {wanted.day} was ever planned"
    return era


def _wrong(path: Path, wanted: Wanted, content_type: str = "") -> str:
    """Return why the bytes at `path` are not the wanted file, or "" where they are."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise atomic.storage_error(path, error) from error
    return wrong(data, wanted.name, wanted.day, _era(wanted), content_type=content_type)
