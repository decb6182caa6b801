"""Kite's list of instruments: fetched once a day, kept dated, searched by name.

The file keeps every row as Kite wrote it; the frame beside it holds what passed the checks of the
masters. Prices are not here.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from alphastock_cli.domain.frames import INSTRUMENTS_DAY
from alphastock_cli.domain.instrument import AssetType, Exchange
from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import BadReply, TransientError, UnknownName
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.exchange.indices import canonical_index
from alphastock_cli.providers.kite.facts import dump_ready
from alphastock_cli.store.atomic import replace_with, write_bytes
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lock import lock
from alphastock_cli.store.master_checks import EXPIRED, Checked, check_master
from alphastock_cli.store.masters import read_master
from alphastock_cli.store.names import write as write_names

_GOOD_SHARE = 0.99
_OLDEST = timedelta(days=7)  # an older list does not stand in where today's cannot be had
_KEPT = 10
_WAIT = 120.0  # seconds for another process that fetches it
_MANY = 3_000  # names among which one looks for a near one before the first letters narrow it


class Dump:
    """The list of instruments of a day.

    Parameters
    ----------
    folder : Path
        Where the lists are kept.
    fetch : callable
        Asks Kite for today's.
    """

    def __init__(self, folder: Path, clock: Clock, fetch: Callable[[], bytes]) -> None:
        self._folder, self._clock, self._fetch = folder, clock, fetch
        self._held: tuple[date, pl.DataFrame] | None = None
        self.warnings: list[str] = []

    def day(self) -> date:
        """Return the day of the list that is in force now: Kite makes one each morning."""
        now = self._clock.now().astimezone(IST)
        ready = datetime.combine(now.date(), dump_ready(now.date()), IST)
        return now.date() if now >= ready else now.date() - timedelta(days=1)

    def file(self) -> tuple[Path, date]:
        """Return the file as Kite wrote it, and its day; it is fetched where it is missing."""
        frame_day = self._load()[0]
        return self._path(frame_day, ".csv.gz"), frame_day

    def frame(self) -> pl.DataFrame:
        """Return the instruments in the `INSTRUMENTS_DAY` schema."""
        return self._load()[1]

    def of(self, exchange: Exchange) -> pl.DataFrame:
        """Return those of one exchange."""
        return self.frame().filter(pl.col("exchange") == exchange.value)

    def cached(self) -> pl.DataFrame | None:
        """Return the newest list on this disk without asking anybody; None where there is none."""
        for path in sorted(self._folder.glob("instruments-*.parquet"), reverse=True):
            frame = _stored(path)
            if frame is not None:
                return frame
        return None

    def find(self, exchange: Exchange, symbol: str) -> dict[str, Any]:
        """Return the row of an instrument; an index by any of its names.

        Raises
        ------
        UnknownName
            It is not listed there; the nearest names are told.
        """
        rows = self.of(exchange)
        names = [symbol, symbol.upper()]
        if exchange in {Exchange.NSE, Exchange.BSE}:
            names.append(canonical_index(symbol))
        for name in dict.fromkeys(names):
            found = rows.filter(pl.col("tradingsymbol") == name)
            if found.height:
                return found.row(0, named=True)
        if len(names) == 3:  # noqa: PLR2004 - an index that Kite spells in its own way
            for row in rows.filter(asset_type=AssetType.INDEX.value).iter_rows(named=True):
                if canonical_index(row["tradingsymbol"]) == names[-1]:
                    return row
        raise UnknownName.of(
            f"{exchange} symbol", symbol[:60], near(rows["tradingsymbol"], symbol),
            hint="The list of today does not have it: expired, delisted, or on another exchange?",
        )  # fmt: skip

    # -- keeping ------------------------------------------------------------------------------

    def _load(self) -> tuple[date, pl.DataFrame]:
        day = self.day()
        if self._held is not None and self._held[0] == day:
            return self._held
        frame = _stored(self._path(day, ".parquet"))
        if frame is None or not self._path(day, ".csv.gz").is_file():
            try:
                frame = self._get(day)
            except (TransientError, BadReply) as error:
                return self._older(day, error)
        self._held = (day, frame)
        return self._held

    def _get(self, day: date) -> pl.DataFrame:
        make_private(self._folder)
        with lock(self._folder / "instruments.lock", wait=_WAIT, what="Kite's list of instruments"):
            frame = _stored(self._path(day, ".parquet"))  # another process may have got it by now
            if frame is not None and self._path(day, ".csv.gz").is_file():
                return frame
            return self._fetched(day)

    def _fetched(self, day: date) -> pl.DataFrame:
        body = self._fetch()
        incoming = self._folder / f"incoming-{day}.csv.gz"
        write_bytes(incoming, gzip.compress(body, 3), mode=0o600, sync=False)
        try:
            checked = check_master(read_master(incoming), day)
            _refuse_half(checked, day)
            write_frame(self._path(day, ".parquet"), checked.frame)
            write_names(self._folder, checked.frame)
            incoming.replace(self._path(day, ".csv.gz"))
        finally:
            incoming.unlink(missing_ok=True)
        if checked.rejects.height:
            self.warnings.append(f"{checked.rejects.height} rows of Kite's list were refused")
        self.warnings += [f"{count} instruments of {code} are kept unread: no exchange we know"
                          for code, count in checked.elsewhere.items()]  # fmt: skip
        for old in sorted(self._folder.glob("instruments-*"))[: -2 * _KEPT]:
            old.unlink(missing_ok=True)
        return checked.frame

    def _older(self, day: date, error: TransientError | BadReply) -> tuple[date, pl.DataFrame]:
        """Return the last list that is not too old, and say so, or give up."""
        for back in range(1, _OLDEST.days + 1):
            then = day - timedelta(days=back)
            frame = _stored(self._path(then, ".parquet"))
            if frame is not None and self._path(then, ".csv.gz").is_file():
                self.warnings.append(f"the list of instruments is of {then}: {error.what}")
                self._held = (day, frame)
                return then, frame
        raise error

    def _path(self, day: date, ending: str) -> Path:
        return self._folder / f"instruments-{day}{ending}"


def near(names: pl.Series, symbol: str) -> list[str]:
    """Return the names worth comparing with a misspelt one: among very many the first letters."""
    if names.len() > _MANY:
        head = symbol.strip().upper()[:2]
        names = names.filter(names.str.starts_with(head))
    return names.head(_MANY).to_list()


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame whole or not at all."""
    replace_with(path, lambda file: frame.write_parquet(file, compression="zstd"), mode=0o600,
                 sync=False)  # fmt: skip


def _stored(path: Path) -> pl.DataFrame | None:
    """Return a kept frame; what is damaged counts as missing and is fetched again."""
    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    same = list(frame.schema.items()) == list(INSTRUMENTS_DAY.items())
    return frame if same and frame.height else None


def _refuse_half(checked: Checked, day: date) -> None:
    rows = checked.rows - checked.repeated
    if checked.frame.is_empty() or checked.frame.height < _GOOD_SHARE * rows:
        bad = checked.rejects["reason"].value_counts(sort=True).head(3).rows()
        words = "; ".join(f"{count} × {text}" for text, count in bad) or "it lists nothing"
        past = bool(bad) and bad[0][0] == EXPIRED  # a later try brings the same
        raise BadReply(
            f"Kite's list of instruments of {day} is refused: {words}",
            safe="The lists of the days before stay.",
            hint="It is of an earlier day: that of a sandbox with --replay, or this machine's clock"
            " is ahead (`alphastock doctor`)."
            if past
            else "Try again later.",
        )
