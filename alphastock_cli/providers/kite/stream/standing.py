"""What each running stream is doing, in a small private file of its own, for `doctor` to read.

Written every two seconds by a thread of its own, so it costs no tick anything and may hang or fail
alone. The kernel's lock on the file says that its stream lives; a killed one leaves a file without
it, which the next stream removes. No secret and no instrument is ever in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import logging
import os
import threading
import zlib
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphastock_cli.domain.ports import Clock
from alphastock_cli.errors import AlphaStockError
from alphastock_cli.providers.kite.credentials import read_private
from alphastock_cli.safety import redacted, safe_text
from alphastock_cli.store.files import make_private
from alphastock_cli.store.lock import holder

if TYPE_CHECKING:
    from alphastock_cli.providers.kite.stream.state import Health

log = logging.getLogger("alphastock.kite.stream")

SECONDS = 2.0  # from one writing to the next
_SIZE = (
    4096  # bytes: one page, all of it taken at the beginning, so that a full disk changes nothing
)
_FILES = "stream-*.json"
_MOST = 20  # streams that are shown
_OLD = 60.0  # seconds without a writing before a file that nobody holds is removed
_JOIN = 1.0
_numbers = itertools.count(1)


class Report:
    """Writes what one stream is doing, from `begin` to `end`.

    Parameters
    ----------
    folder : Path
        Kite's folder of the data directory.
    who : str
        The command, as a person knows it.
    """

    def __init__(
        self, folder: Path, clock: Clock, *, who: str = "stream", seconds: float = SECONDS
    ) -> None:
        self.path = folder / f"stream-{os.getpid()}-{next(_numbers)}.json"
        self._clock, self._who, self._seconds = clock, who, seconds
        self._handle: int | None = None
        self._since = ""
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, health: Callable[[], Health], following: Callable[[], Collection[int]]) -> None:
        """Begin to write; `health` is what `Stream.health` says, `following` the tokens."""
        self._since = self._clock.now().isoformat(timespec="seconds")
        self._thread = threading.Thread(
            target=self._work, args=(health, following), name="kite-stream-state", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """Stop, and remove the file; what hangs is left behind."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_JOIN)

    def _work(self, health: Callable[[], Health], following: Callable[[], Collection[int]]) -> None:
        told = False
        while not self._over.is_set():
            try:
                if self._handle is None:
                    self._open()
                self._write(health(), following())
            except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on
                if not told:
                    words = safe_text(redacted(f"{type(error).__name__}: {error}"))
                    log.info("ticker: its state could not be kept: %s", words)
                told = True
            self._over.wait(self._seconds)
        self._remove()

    def _open(self) -> None:
        folder = self.path.parent
        make_private(folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # a reader tries it too, for a moment
            os.fchmod(handle, 0o600)  # whatever the umask is
            os.pwrite(handle, b" " * _SIZE, 0)
            _sweep(folder, os.fstat(handle).st_mtime - _OLD)
        except OSError:
            os.close(handle)
            self.path.unlink(missing_ok=True)
            raise
        self._handle = handle

    def _write(self, health: Health, following: Collection[int]) -> None:
        assert self._handle is not None
        body = {
            "pid": os.getpid(), "who": self._who, "since": self._since,
            "at": self._clock.now().isoformat(timespec="milliseconds"),
            "following": health.following, "segments": sorted({t & 0xFF for t in following}),
            "connections": [
                {
                    "name": each.name, "message_age": _rounded(each.message_age),
                    "tick_age": _rounded(each.tick_age), "opened": each.connections,
                    "error": safe_text(redacted(each.last_error), limit=120),
                }
                for each in health.connections
            ],
        }  # fmt: skip
        text = json.dumps(body).encode()
        line = b"%08x %s" % (zlib.crc32(text), text)
        if len(line) <= _SIZE:
            os.pwrite(self._handle, line.ljust(_SIZE), 0)

    def _remove(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            os.close(self._handle)  # closing releases the lock
            self._handle = None


def running(folder: Path) -> list[dict[str, Any]]:
    """Return what the streams that live now wrote last; of one that only begins, nothing yet."""
    found = []
    for path in sorted(folder.glob(_FILES))[:_MOST]:
        if holder(path) is None:
            continue
        body = _read(path)
        if body is not None:
            found.append(body)
    return found


def _read(path: Path) -> dict[str, Any] | None:
    for _ in range(3):  # a writing may be under way
        try:
            line = read_private(path).rstrip()
        except (OSError, AlphaStockError):
            return None
        head, _, text = line.partition(b" ")
        if head == b"%08x" % zlib.crc32(text):
            return _sound(text)
    return None


def _sound(text: bytes) -> dict[str, Any] | None:
    """Return what was written with its moments as such; None where another hand wrote it."""
    try:
        body = json.loads(text)
        for name in ("since", "at"):
            body[name] = datetime.fromisoformat(body[name])
            if body[name].tzinfo is None:
                return None
        body["who"] = safe_text(str(body["who"]), limit=20)
        whole = [body["pid"], body["following"], *body["segments"]]
        for each in body["connections"]:
            whole.append(each["opened"])
            each["error"], each["name"] = (
                safe_text(str(each[name]), limit=120) for name in ("error", "name")
            )
            for name in ("message_age", "tick_age"):
                each[name] = None if each[name] is None else float(each[name])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return body if all(type(number) is int for number in whole) else None


def _sweep(folder: Path, before: float) -> None:
    """Remove the files of streams that were killed."""
    for path in folder.glob(_FILES):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < before and holder(path) is None:
                path.unlink()


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 2)
