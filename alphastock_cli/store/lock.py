"""One writer at a time: an advisory lock that the kernel releases when its holder dies.

The file also says who holds it, and since when, for a person to read. A stale lock cannot be: the
text in the file proves nothing, the kernel's lock does.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from alphastock_cli.errors import Locked
from alphastock_cli.store.atomic import storage_error

_POLL = 0.05
_LONG = 30.0
_INDIA = ZoneInfo("Asia/Kolkata")


@contextmanager
def lock(
    path: Path,
    *,
    wait: float = 0.0,
    what: str = "the lake",
    told: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Hold the lock file `path` for the length of a ``with`` block.

    Parameters
    ----------
    wait : float
        Seconds to wait for another holder; 0 does not wait.
    told : callable
        Is told once, in words for a person, that there is one to wait for.

    Raises
    ------
    Locked
        Another process holds it still; its process id and start are named.
    StorageError
        The file cannot be made.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        _acquire(handle, path, wait, what, told)
        _sign(handle, path)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)  # closing releases the lock


def holder(path: Path) -> int | None:
    """Return the process id that holds the lock now, or None; nothing is changed.

    0 where somebody holds it who has not signed yet.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pid, _ = _signature(handle)
        return int(pid) if pid.isdigit() else 0
    finally:
        os.close(handle)
    return None


def _sign(handle: int, path: Path) -> None:
    """Write who holds the lock and since when; the moment is the file system's own stamp."""
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        since = datetime.fromtimestamp(os.fstat(handle).st_mtime, tz=_INDIA)
        os.pwrite(handle, f"{os.getpid()} {since.isoformat(timespec='seconds')}\n".encode(), 0)
    except OSError as error:
        raise storage_error(path, error) from error


def _signature(handle: int) -> tuple[str, str]:
    """Return process id and moment as signed; empty where they are not there."""
    pid, _, since = os.pread(handle, 64, 0).decode(errors="replace").strip().partition(" ")
    return pid, since


def _acquire(handle: int, path: Path, wait: float, what: str, told: Callable[[str], None]) -> None:
    end, silent = time.monotonic() + wait, wait > 0
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            left = end - time.monotonic()
            if left <= 0:
                raise _locked(handle, path, wait, what) from None
            if silent:
                pid, _ = _signature(handle)
                told(f"waiting for {_who(pid)}, which is writing to {what}")
                silent = False
            time.sleep(min(_POLL, left))  # noqa: TID251 - the kernel's lock knows no clock of ours
        else:
            return


def _locked(handle: int, path: Path, wait: float, what: str) -> Locked:
    pid, since = _signature(handle)
    began = f" since {since.replace('T', ' ')}" if since else ""
    waited = f"; waited {wait:g} s for it" if wait else ""
    return Locked(
        f"{_who(pid)} is writing to {what} ({path}){began}{waited}",
        safe="Nothing was changed.",
        hint=f"Wait for it, or give --lock-wait {'30s' if wait < _LONG else '10m'}.",
    )


def _who(pid: str) -> str:
    return f"process {pid}" if pid else "another process"
