"""Where the calls of an api key are counted: one folder for all that its user runs on this machine.

Limits are the key's, whatever data directory a process uses; so the counts lie outside of it. How
they are counted is the business of `budget.py`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from alphastock_cli.errors import AlphaStockError
from alphastock_cli.store.files import make_private

VARIABLE = "ALPHASTOCK_STATE_DIR"
_API = "https://api.kite.trade"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """A folder for the counts; `remark` says to a person why it is not the common one, else ""."""

    folder: Path
    remark: str = ""


def find(env: Mapping[str, str], fallback: Path) -> Place:
    """Return the folder of the counts, made if need be: the user's own, else `fallback`.

    `ALPHASTOCK_STATE_DIR` in `env` names another folder than the platform's for such files.
    """
    given = env.get(VARIABLE, "").strip()
    folder = (Path(given) if given else _usual()) / "kite"
    why = _refusal(folder, own=not given)
    if not why:
        return Place(folder)
    return Place(
        fallback,
        f"calls of Kite are counted for this data directory alone: {folder} {why};"
        " what uses the same api key elsewhere is not counted",
    )


def host_of(root: str) -> str:
    """Return host and port of an address of the API; "" is Kite's own.

    >>> host_of(""), host_of("http://localhost:8765")
    ('api.kite.trade:443', '127.0.0.1:8765')
    """
    parts = urlsplit(root or _API)
    name = (parts.hostname or "").lower()
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return f"{'127.0.0.1' if name in _LOOPBACK else name}:{port}"


def _usual() -> Path:
    from platformdirs import user_state_path

    try:
        return user_state_path("alphastock", appauthor=False)
    except RuntimeError:  # nobody knows the home folder
        return Path("~")


def _refusal(folder: Path, *, own: bool) -> str:
    """Make the folder; return why it cannot be used, "" where it can."""
    if not folder.is_absolute():
        return "is no whole path"
    try:
        standing = next(each for each in (folder, *folder.parents) if each.exists())
        if own and not _is_ours(standing.stat()):  # `sudo` with another's home: leave it alone
            return f"would lie in a folder of another user ({standing})"
        make_private(folder)
        facts = folder.stat()
    except AlphaStockError as error:
        return f"cannot be made ({error.what})"
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if not _is_ours(facts):
        return "belongs to another user"
    if stat.S_IMODE(facts.st_mode) & 0o022:
        return "may be written by others"
    return "" if os.access(folder, os.W_OK | os.X_OK) else "cannot be written"


def _is_ours(facts: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or facts.st_uid == os.getuid()
