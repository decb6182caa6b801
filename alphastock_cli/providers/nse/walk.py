"""Find the files below a folder and open archives, trusting nothing an archive says of itself.

Bytes are counted while they are read; nothing is ever written to disk. What a file holds is not
known here.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alphastock_cli.errors import StorageError, UsageError
from alphastock_cli.safety import safe_text

MAX_BYTES = 256 << 20  # of one file, unpacked; the largest real one is 15 MB
MAX_MEMBERS = 5_000
MAX_TOTAL = 2 << 30  # of one archive, unpacked
MAX_DEPTH = 2  # a zip inside a zip is published, deeper is not
MAX_RATIO = 250  # real tables pack 3 to 20 times; deflate reaches 1,032 on nothing but zeros
_RATIO_FROM = 16 << 20  # below this size a ratio harms nobody
_CHUNK = 1 << 20
_NAME = 4_096  # characters; the end of a name says what a file is
_TABLES = frozenset({".csv", ".txt", ".parquet", ".xls"})
_PACKED = frozenset({".zip", ".gz"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file: its name (``archive.zip!member``), its bytes, or why it cannot be read."""

    name: str
    data: bytes = b""
    refused: str = ""


class Budget:
    """What an archive may still unpack to."""

    def __init__(self, total: int = MAX_TOTAL) -> None:
        self.left = total


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
            if path.suffix.lower() in _TABLES | _PACKED and _inside(path, root):
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
    name = safe_text(name, limit=_NAME)
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


def unpack(name: str, data: bytes, budget: Budget, *, depth: int) -> Iterator[Found]:
    """Yield the tables inside `data`; the first bytes decide what it is, not the name."""
    if data[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        yield from _zip(name, data, budget, depth=depth)
    elif data[:2] == b"\x1f\x8b":
        yield from _gzip(name, data, budget, depth=depth)
    elif Path(name).suffix.lower() in _PACKED:
        yield Found(name=name, refused="not a readable archive: truncated or of another kind")
    else:
        yield Found(name=name, data=data)


def _gzip(name: str, data: bytes, budget: Budget, *, depth: int) -> Iterator[Found]:
    if depth >= MAX_DEPTH:
        yield Found(name=name, refused="archives nested too deeply")
        return
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        found = _read(name, stream.read, budget, packed=len(data))
    if found.refused:
        yield found
    else:
        inner = Path(name.rsplit("!", 1)[-1]).stem
        yield from unpack(f"{name}!{inner}", found.data, budget, depth=depth + 1)


def _zip(name: str, data: bytes, budget: Budget, *, depth: int) -> Iterator[Found]:
    if depth >= MAX_DEPTH:
        yield Found(name=name, refused="archives nested too deeply")
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = sorted(archive.infolist(), key=lambda item: item.filename)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        yield Found(name=name, refused=f"not a readable archive: {_words(error)}")
        return
    if len(members) > MAX_MEMBERS:
        yield Found(name=name, refused=f"more than {MAX_MEMBERS} files inside")
        return
    for member in members:
        if member.is_dir():
            continue
        # the member's folder is of no use and may be hostile: only its last part names it
        last = Path(member.filename.replace("\\", "/")).name
        inner = safe_text(f"{name}!{last}", limit=_NAME)
        if Path(inner).suffix.lower() not in _TABLES | _PACKED:
            continue
        try:
            with archive.open(member) as stream:
                found = _read(inner, stream.read, budget, packed=max(1, member.compress_size))
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError) as error:
            found = Found(name=inner, refused=f"cannot be unpacked: {_words(error)}")
        if found.refused:
            yield found
        else:
            yield from unpack(inner, found.data, budget, depth=depth + 1)


def _read(name: str, read: Callable[[int], bytes], budget: Budget, *, packed: int) -> Found:
    """Read to the end or to a cap, whichever comes first; `packed` is its size inside."""
    parts: list[bytes] = []
    size = 0
    try:
        while chunk := read(_CHUNK):
            size += len(chunk)
            budget.left -= len(chunk)
            if why := _too_much(size, packed, budget):
                return Found(name=name, refused=why)
            parts.append(chunk)
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError) as error:
        return Found(name=name, refused=f"damaged inside: {_words(error)}")
    return Found(name=name, data=b"".join(parts))


def _too_much(size: int, packed: int, budget: Budget) -> str:
    """Return why no more is read, or ""."""
    if size > MAX_BYTES:
        return f"unpacks to more than {MAX_BYTES >> 20} MiB"
    if size > _RATIO_FROM and size > MAX_RATIO * packed:
        return f"unpacks to more than {MAX_RATIO} times its size"
    return "" if budget.left >= 0 else "the archive unpacks to too much altogether"


def _words(error: Exception) -> str:
    text = str(error)
    with contextlib.suppress(IndexError):
        text = text.splitlines()[0]
    return text or type(error).__name__
