"""One writer at a time: an advisory lock that the kernel releases when its holder dies.

The file also says who holds it and since when, for a person to read. No stale lock is possible.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alphastock_cli.errors import Locked
from alphastock_cli.store.atomic import storage_error

_POLL = 0.05


@contextmanager
def lock(path: Path, *, wait: float = 0.0, what: str = "the lake") -> Iterator[None]:
    """Hold the lock file `path` for the length of a ``with`` block.

    Parameters
    ----------
    wait : float
        Seconds to wait for another holder; 0 does not wait.

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
        _acquire(handle, path, wait, what)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)  # closing releases the lock


def holder(path: Path) -> int | None:
    """Return the process id that holds the lock now, or None; nothing is changed."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        text = os.pread(handle, 64, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(handle)
    return None


def _acquire(handle: int, path: Path, wait: float, what: str) -> None:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            left = end - time.monotonic()
            if left <= 0:
                raise _locked(handle, path, wait, what) from None
            time.sleep(min(_POLL, left))  # noqa: TID251 - the kernel's lock knows no clock of ours
        else:
            return


def _locked(handle: int, path: Path, wait: float, what: str) -> Locked:
    pid = os.pread(handle, 64, 0).decode(errors="replace").strip() or "unknown"
    waited = f" after waiting {wait:g} s" if wait else ""
    return Locked(
        f"process {pid} is writing to {what} ({path}){waited}",
        safe="Nothing was changed.",
        hint="Wait for it, or give --lock-wait 30s.",
    )
