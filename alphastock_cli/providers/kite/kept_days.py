"""Day candles of Kite that were answered once, kept below the data directory: a file an exchange.

Only sessions that are over are kept, with the range that was answered for. Whoever writes takes in
what other processes wrote meanwhile; what cannot be read is set aside. No asking here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from alphastock_cli.domain.frames import TIME
from alphastock_cli.store.atomic import replace_with, storage_error, sweep
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lock import lock

ROWS = pl.Schema(
    {
        "token": pl.Int64,  # Kite's number of the instrument
        "date": pl.Date,
        "open": pl.Float64,
        "high": pl.Float64,
        "low": pl.Float64,
        "close": pl.Float64,
        "average": pl.Float64,  # of the session's trades; null: the quote of that evening told it
        "volume": pl.Int64,
    }
)
_STATE = pl.Schema(
    {
        "token": pl.Int64(),
        "key": pl.String(),  # exchange:tradingsymbol
        "first": pl.Date(),
        "through": pl.Date(),
        "asked": TIME,
    }
)
_SCHEMA = pl.Schema([*_STATE.items(), *list(ROWS.items())[1:]])
_LOCK_WAIT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is kept of one instrument.

    Attributes
    ----------
    key : str
        ``exchange:tradingsymbol``: a number that Kite gives to another share is not that share.
    first, through : date
        The days that were answered for, both inclusive; `through` was a session that was over.
    asked : datetime
        When the last of it was answered.
    """

    key: str
    first: date
    through: date
    asked: datetime


class KeptDays:
    """The kept days of one exchange, in memory and in their file.

    Parameters
    ----------
    path : Path
        The file; it and its folder are made when there is something to keep.
    tell : callable
        Takes a line for a person: a damaged file was set aside.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None) -> None:
        self._path, self._tell = path, tell
        self._stamp: tuple[int, int, int] | None = None
        self._changed: set[int] = set()
        self._new: dict[int, pl.DataFrame] = {}
        self.held: dict[int, Held] = {}
        self._rows = pl.DataFrame(schema=ROWS)
        self._take_in()

    @property
    def rows(self) -> pl.DataFrame:
        """Every kept day in the schema `ROWS`, sorted by token and date."""
        if self._new:
            rest = self._rows.filter(~pl.col("token").is_in(list(self._new)))
            self._rows = pl.concat([rest, *self._new.values()]).sort("token", "date")
            self._new = {}
        return self._rows

    def put(self, token: int, held: Held, days: pl.DataFrame) -> None:
        """Keep the whole history of an instrument instead of what was kept of it."""
        self.held[token] = held
        self._changed.add(token)
        self._new[token] = days.select(ROWS.names()).cast(ROWS)

    def amend(self, changes: Iterable[tuple[int, Held]], rows: pl.DataFrame) -> None:
        """Put days beside those that are kept, or in their place; say so of their instruments."""
        for token, held in changes:
            self.held[token] = held
            self._changed.add(token)
        if rows.height:
            both = [self.rows, rows.select(ROWS.names()).cast(ROWS)]
            one = pl.concat(both).unique(["token", "date"], keep="last", maintain_order=True)
            self._rows = one.sort("token", "date")

    def save(self) -> None:
        """Write what is new beside what others wrote; of two answers the later one stays.

        Raises
        ------
        StorageError, Locked
            It could not be written; the file is as it was.
        """
        if not self._changed:
            return
        make_private(self._path.parent)
        with lock(self._path.with_name("days.lock"), wait=_LOCK_WAIT, what="Kite's kept days"):
            sweep(self._path.parent)
            self._take_in()
            state = pl.DataFrame(
                [(token, held.key, held.first, held.through, held.asked)
                 for token, held in self.held.items()],
                schema=_STATE, orient="row",
            )  # fmt: skip
            frame = state.join(self.rows, on="token", how="left").select(_SCHEMA.names())
            whole = frame.sort("token", "date")
            replace_with(
                self._path,
                lambda file: whole.write_parquet(file, compression="zstd", compression_level=1),
                mode=0o600, sync=False,
            )  # fmt: skip
            self._stamp = _stamp(self._path)
        self._changed.clear()

    def _take_in(self) -> None:
        """Take what the file has that is later than what we have."""
        stamp = _stamp(self._path)
        if stamp is None or stamp == self._stamp:
            return
        frame = self._read()
        self._stamp = stamp
        if frame is None:
            return
        later = []
        for token, key, first, through, asked in (
            frame.select(_STATE.names()).unique("token").iter_rows()
        ):
            ours = self.held.get(token)
            if ours is None or asked > ours.asked:
                self.held[token] = Held(key=key, first=first, through=through, asked=asked)
                later.append(token)
        theirs = frame.filter(pl.col("token").is_in(later) & pl.col("date").is_not_null())
        rest = self.rows.filter(~pl.col("token").is_in(later))
        self._rows = pl.concat([rest, theirs.select(ROWS.names())]).sort("token", "date")

    def _read(self) -> pl.DataFrame | None:
        """Return the rows of the file; a damaged one is set aside and is None."""
        try:
            frame = pl.read_parquet(self._path, glob=False)
            if frame.schema != _SCHEMA:
                raise ValueError("its columns are others")  # noqa: TRY301 - damage of another kind
            bad = pl.any_horizontal(pl.col(list(_STATE)).is_null())
            if frame.select(bad.any()).item():
                raise ValueError("it lacks what it must tell")  # noqa: TRY301
        except (ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            self._set_aside(error)
            return None
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise storage_error(self._path, error, safe="") from error
        except OSError as error:  # polars gives a file that breaks off as one
            self._set_aside(error)
            return None
        return frame

    def _set_aside(self, error: Exception) -> None:
        aside = self._path.with_suffix(".damaged")
        try:
            self._path.replace(aside)
        except FileNotFoundError:
            return
        except OSError as why:
            raise storage_error(self._path, why) from error
        what = "damaged or of another version"
        self._tell(f"warning: Kite's kept days were {what}, and are asked anew; see {aside}")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
