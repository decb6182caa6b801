"""Find the files below a folder, following no link out of it.

Archives are opened by `store/archive.py`; what a file holds is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from alphastock_cli.errors import StorageError, UsageError
from alphastock_cli.safety import safe_text
from alphastock_cli.store.archive import MAX_BYTES, NAME, PACKED, TABLES, Budget, Found, unpack


def files(folder: Path) -> list[Path]:
    """Return every file below `folder` that may hold a table, sorted; no link leads out of it.

    Raises
    ------
    UsageError
        There is no such folder.
    StorageError
        It may not be read.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"--from-dir {folder}: {what}", hint="Name a folder of downloaded files.")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise StorageError(
            f"{folder} may not be read: permission denied",
            safe="Nothing was changed.",
            hint=f"Allow reading: `chmod u+rx {folder}`.",
        )
    root = folder.resolve()
    found: list[Path] = []
    # what may not be listed is kept by name: opening it then says why
    for place, _, names in os.walk(folder, onerror=lambda e: found.append(Path(e.filename))):
        for name in names:
            path = Path(place, name)
            if path.suffix.lower() in TABLES | PACKED and _inside(path, root):
                found.append(path)
    return sorted(found)


def _inside(path: Path, root: Path) -> bool:
    """Tell whether a path is an ordinary file whose every link stays below `root`."""
    try:
        return path.is_file() and path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        return False


def open_file(path: Path, name: str) -> Iterator[Found]:
    """Yield the tables of one file: itself, or the members of an archive by name."""
    name = safe_text(name, limit=NAME)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            yield Found(name=name, refused=f"larger than {MAX_BYTES >> 20} MiB")
            return
        data = path.read_bytes()
    except OSError as error:
        yield Found(name=name, refused=f"cannot be read: {error.strerror}")
        return
    yield from unpack(name, data, Budget(), depth=0)
