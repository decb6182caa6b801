"""The ledger of one account: SQLite, one writer, one transaction a fill, nothing ever lost.

Write-ahead log with full synchronisation: what was committed survives kill -9 and power loss.
Positions are derived and can be rebuilt; `journal_verify.py` proves it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar

from alphastock_cli.domain.decisions import RiskState
from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.domain.trading import Fill, OrderState, Signal
from alphastock_cli.errors import DamagedData, Locked, StorageError
from alphastock_cli.store import journal_rows as rows
from alphastock_cli.store.atomic import replace_with, storage_error
from alphastock_cli.store.book import MONEY, Book
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lock import lock

SUFFIX = ".ledger"
T = TypeVar("T")
# what a row that was tampered with, or hit, makes of our own readers
UNREADABLE = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError)


class Journal:
    """A ledger open for reading, or for writing under its lock. Use `write` or `read`.

    `source` says on which data the orders to come are given; the first of them writes it down.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.db = connection
        self.source = ""
        self._instruments: dict[str, Instrument] = {}

    @classmethod
    @contextlib.contextmanager
    def write(
        cls, path: Path, *, account: str, opening_cash: Decimal, at: datetime, wait: float = 0.0
    ) -> Iterator[Self]:
        """Open a ledger as its one writer, making it with `opening_cash` rupees if it is new.

        Raises
        ------
        Locked
            Another process writes to it; which one and since when is said.
        DamagedData, StorageError
            It is no ledger of ours or broken; the disk says no.
        """
        make_private(path.parent)
        held = lock(path.with_suffix(".lock"), wait=wait, what=f"the ledger {account!r}")
        with held, _translated(path):
            if not path.exists():
                _create(path, account, opening_cash, at)
            with contextlib.closing(_connect(path)) as db:
                found = cls(path, db)
                found._check()
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                yield found
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @classmethod
    @contextlib.contextmanager
    def read(cls, path: Path) -> Iterator[Self]:
        """Open a ledger for reading; its writer goes on undisturbed.

        Raises
        ------
        StorageError
            There is none.
        DamagedData
            It is no ledger of ours, or broken.
        """
        if not path.exists():
            raise StorageError(
                f"there is no ledger {path.stem!r} yet",
                hint="It is made by the first `alphastock trade --paper`.",
            )
        with _translated(path), contextlib.closing(_connect(path, readonly=True)) as db:
            found = cls(path, db)
            found._check()
            yield found

    # -- reading ------------------------------------------------------------------------------

    def meta(self, key: str) -> str:
        """Return a fact of the ledger: account, schema_version, created_at, source; else ""."""
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return "" if row is None else str(row["value"])

    def opening_cash(self) -> Decimal:
        """Return the rupees the account began with."""
        try:
            return rows.rupees(int(self.meta("opening_cash")))
        except ValueError as error:
            raise self._unreadable("meta", 0, error) from error

    def orders(self) -> list[OrderState]:
        """Return every order in the order of writing."""
        found = self.db.execute("SELECT * FROM orders ORDER BY number")
        return self._values("orders", found, rows.state_of)

    def fills(self) -> list[Fill]:
        """Return every fill in the order of writing."""
        found = self.db.execute("SELECT * FROM fills ORDER BY number")
        return self._values("fills", found, rows.fill_of)

    def signals(self) -> list[tuple[Signal, datetime]]:
        """Return every signal and when it was admitted, oldest first."""
        found = self.db.execute("SELECT * FROM signals ORDER BY number")

        def value(row: Mapping[str, Any], instrument: Instrument) -> tuple[Signal, datetime]:
            return rows.signal_of(row["body"], instrument), datetime.fromisoformat(row["at"])

        return self._values("signals", found, value)

    def decisions(self) -> list[dict[str, Any]]:
        """Return every decision: signal_id, at, approved, quantity, at_risk (rupees), reasons."""
        found = self.db.execute("SELECT * FROM decisions ORDER BY at, signal_id")
        return [
            dict(row) | {"approved": bool(row["approved"]), "at_risk": rows.rupees(row["at_risk"]),
                         "reasons": json.loads(row["reasons"])}
            for row in found
        ]  # fmt: skip

    def risk_state(self) -> RiskState:
        """Return what the risk engine remembered last."""
        raw: dict[str, Any] = {
            row["key"]: json.loads(row["value"]) for row in self.db.execute("SELECT * FROM risk")
        }
        if not raw:
            return RiskState()
        try:
            raw |= {name: Decimal(raw[name]) for name in MONEY}
            raw["day"] = None if raw["day"] is None else date.fromisoformat(raw["day"])
            return RiskState(**raw)
        except UNREADABLE as error:
            raise self._unreadable("risk", 0, error) from error

    def last_moment(self) -> datetime | None:
        """Return the latest moment written: of an order, an event or a signal."""
        row = self.db.execute(
            "SELECT max(at) AS at FROM (SELECT max(at) AS at FROM order_events"
            " UNION ALL SELECT max(at) FROM signals)"
        ).fetchone()
        return None if row["at"] is None else datetime.fromisoformat(row["at"])

    # -- writing ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Book]:
        """Open a transaction; leaving the block commits it, an exception undoes all of it."""
        with _translated(self.path):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield Book(self.db, self.source)
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:  # a full disk has undone it already
                    self.db.execute("ROLLBACK")
                raise

    def _values(
        self,
        table: str,
        found: Iterable[Mapping[str, Any]],
        value: Callable[[Mapping[str, Any], Instrument], T],
    ) -> list[T]:
        """Return the values of rows; one that cannot be read is named."""
        made: list[T] = []
        for row in found:
            try:
                made.append(value(row, self._instrument(row["key"])))
            except UNREADABLE as error:
                raise self._unreadable(table, row["number"], error) from error
        return made

    def _unreadable(self, table: str, number: int, error: Exception) -> DamagedData:
        return DamagedData(
            f"the ledger {self.path} is damaged: row {number} of {table} cannot be read: {error!r}",
            safe="Nothing was changed.",
            hint="Keep the file, and go on with a copy or another --account.",
        )

    def _instrument(self, key: str) -> Instrument:
        if key not in self._instruments:
            row = self.db.execute("SELECT body FROM instruments WHERE key = ?", (key,)).fetchone()
            self._instruments[key] = rows.instrument_of(row["body"])
        return self._instruments[key]

    def _check(self) -> None:
        version = self.meta("schema_version")
        if version != str(rows.SCHEMA_VERSION):
            raise DamagedData(
                f"the ledger {self.path} has schema version {version or 'none'},"
                f" this alphastock knows {rows.SCHEMA_VERSION}",
                safe="Nothing was changed.",
                hint="Use the version of alphastock that wrote it.",
            )


def set_aside(path: Path, account: str, *, at: datetime, wait: float = 0.0) -> Path:
    """Rename a ledger that nobody writes to, and return where it lies now, whole.

    Raises
    ------
    Locked
        Another process writes to it.
    StorageError
        There is none, or the disk says no.
    """
    if not path.exists():
        raise StorageError(f"there is no ledger {account!r} to put aside")
    with lock(path.with_suffix(".lock"), wait=wait, what=f"the ledger {account!r}"):
        with _translated(path), contextlib.closing(_connect(path)) as db:
            db.execute("PRAGMA journal_mode = DELETE")  # what the log holds comes into the file
        kept, count = path.with_name(f"{path.stem}-{at:%Y%m%dT%H%M%S}.old"), 1
        while kept.exists():
            count += 1
            kept = path.with_name(f"{path.stem}-{at:%Y%m%dT%H%M%S}-{count}.old")
        try:
            path.rename(kept)
        except OSError as error:
            raise storage_error(path, error) from error
    return kept


def _connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    mode = "ro" if readonly else "rwc"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=5.0
    )
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    return db


def _create(path: Path, account: str, opening_cash: Decimal, at: datetime) -> None:
    """Make the tables and the first posting in a file of its own, which then takes the name.

    So a ledger is there whole or not at all, and an empty file is never taken for a new one.
    """
    log = path.with_name(path.name + "-wal")
    if log.exists():  # SQLite would replay it into the new file
        raise DamagedData(
            f"the ledger {path} is gone and its log {log.name} is still there",
            safe="Nothing was changed.",
            hint="Put the ledger back, or move the log away too.",
        )
    cash = rows.paise(opening_cash)
    facts = {
        "account": account, "created_at": rows.moment(at), "opening_cash": str(cash),
        "schema_version": str(rows.SCHEMA_VERSION),
    }  # fmt: skip

    def fill(temporary: Path) -> None:
        with contextlib.closing(_connect(temporary)) as db:
            db.execute("PRAGMA journal_mode = MEMORY")
            db.execute("BEGIN IMMEDIATE")
            for statement in rows.SCHEMA.split(";"):
                if statement.strip():
                    db.execute(statement)
            db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
            book = Book(db)
            book.entry("opening", "cash", cash)
            book.entry("opening", "capital", -cash)
            db.execute("COMMIT")

    replace_with(path, fill, mode=0o600)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what SQLite says into what a person should read."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorname", "") or ""
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Locked(
                f"another program holds the ledger {path}: {error}",
                safe="What was acknowledged before is on the disk.",
                hint="Close what has opened the file, then start again.",
            ) from error
        if code.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
            raise StorageError(
                f"the ledger {path} cannot be written: {error}",
                safe="What was acknowledged before is on the disk.",
                hint="Free some space or check the permissions, then start again.",
            ) from error
        raise DamagedData(
            f"the ledger {path} is damaged or not ours: {error}",
            safe="Nothing was changed.",
            hint="Keep the file, and go on with a copy or another --account.",
        ) from error
