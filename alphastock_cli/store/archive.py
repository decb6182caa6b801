"""Open archives, trusting nothing an archive says of itself.

Bytes are counted while they are read; nothing is ever written to disk. What a file holds is not
known here.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alphastock_cli.safety import safe_text

MAX_BYTES = 256 << 20  # of one file, unpacked; the largest real one is 15 MB
MAX_MEMBERS = 5_000
MAX_TOTAL = 2 << 30  # of one archive, unpacked
MAX_DEPTH = 2  # a zip inside a zip is published, deeper is not
MAX_RATIO = 250  # real tables pack 3 to 20 times; deflate reaches 1,032 on nothing but zeros
NAME = 4_096  # characters; the end of a name says what a file is
TABLES = frozenset({".csv", ".txt", ".parquet", ".xls"})
PACKED = frozenset({".zip", ".gz"})
_RATIO_FROM = 16 << 20  # below this size a ratio harms nobody
_CHUNK = 1 << 20


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


def unpack(
    name: str, data: bytes, budget: Budget, *, depth: int, wanted: frozenset[str] = TABLES
) -> Iterator[Found]:
    """Yield the tables inside `data`; the first bytes decide what it is, not the name.

    Members of a zip count by the suffixes in `wanted`.
    """
    if data[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        yield from _zip(name, data, budget, depth=depth, wanted=wanted)
    elif data[:2] == b"\x1f\x8b":
        yield from _gzip(name, data, budget, depth=depth, wanted=wanted)
    elif Path(name).suffix.lower() in PACKED:
        yield Found(name=name, refused="not a readable archive: truncated or of another kind")
    else:
        yield Found(name=name, data=data)


def _gzip(
    name: str, data: bytes, budget: Budget, *, depth: int, wanted: frozenset[str]
) -> Iterator[Found]:
    if depth >= MAX_DEPTH:
        yield Found(name=name, refused="archives nested too deeply")
        return
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        found = _read(name, stream.read, budget, packed=len(data))
    if found.refused:
        yield found
    else:
        inner = Path(name.rsplit("!", 1)[-1]).stem
        yield from unpack(f"{name}!{inner}", found.data, budget, depth=depth + 1, wanted=wanted)


def _zip(
    name: str, data: bytes, budget: Budget, *, depth: int, wanted: frozenset[str]
) -> Iterator[Found]:
    if depth >= MAX_DEPTH:
        yield Found(name=name, refused="archives nested too deeply")
        return
    listed = _listed(name, data, wanted)
    if isinstance(listed, Found):
        yield listed
        return
    archive, members = listed
    for inner, member in members:
        yield from _member(archive, f"{name}!{inner}", member, budget, depth=depth, wanted=wanted)


def member_names(name: str, data: bytes, *, wanted: frozenset[str] = TABLES) -> list[str]:
    """Return the names of the tables in a zip, sorted; nothing is unpacked.

    Raises
    ------
    ValueError
        It is no readable archive, or holds too many members.
    """
    listed = _listed(name, data, wanted)
    if isinstance(listed, Found):
        raise ValueError(listed.refused)  # noqa: TRY004 - what is wrong is in the file
    return [inner for inner, _ in listed[1]]


def read_member(name: str, data: bytes, wanted_name: str, *, wanted: frozenset[str]) -> Found:
    """Return the one table of that name in a zip, unpacked under the caps, or why it is refused."""
    listed = _listed(name, data, wanted)
    if isinstance(listed, Found):
        return listed
    archive, members = listed
    same = [member for inner, member in members if inner == wanted_name]
    if len(same) != 1:
        return Found(name=name, refused=f"{len(same)} members are called {wanted_name}")
    inner = f"{name}!{wanted_name}"
    found = list(_member(archive, inner, same[0], Budget(), depth=0, wanted=wanted))
    return found[0] if len(found) == 1 else Found(name=inner, refused="it holds several tables")


def _listed(
    name: str, data: bytes, wanted: frozenset[str]
) -> Found | tuple[zipfile.ZipFile, list[tuple[str, zipfile.ZipInfo]]]:
    """Return the archive and its members with their names, or why it cannot be read."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = sorted(archive.infolist(), key=lambda item: item.filename)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        return Found(name=name, refused=f"not a readable archive: {_words(error)}")
    if len(members) > MAX_MEMBERS:
        return Found(name=name, refused=f"more than {MAX_MEMBERS} files inside")
    found = []
    for member in members:
        # the member's folder is of no use and may be hostile: only its last part names it
        inner = safe_text(Path(member.filename.replace("\\", "/")).name, limit=NAME)
        if not member.is_dir() and Path(inner).suffix.lower() in wanted | PACKED:
            found.append((inner, member))
    return archive, found


def _member(
    archive: zipfile.ZipFile,
    name: str,
    member: zipfile.ZipInfo,
    budget: Budget,
    *,
    depth: int,
    wanted: frozenset[str],
) -> Iterator[Found]:
    """Yield what one member of a zip holds."""
    try:
        with archive.open(member) as stream:
            found = _read(name, stream.read, budget, packed=max(1, member.compress_size))
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError) as error:
        found = Found(name=name, refused=f"cannot be unpacked: {_words(error)}")
    if found.refused:
        yield found
    else:
        yield from unpack(name, found.data, budget, depth=depth + 1, wanted=wanted)


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
