"""What tells one file from every other, cheap to compare: for copies that must know their source.

A seal survives `cp` and a backup. It is no protection against somebody who forges a file.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

_CHUNK = 1 << 20


class Seal(NamedTuple):
    """Size, checksum of the Parquet footer, moment of the last change, checksum of every byte."""

    size: int
    footer: int
    changed: int
    content: int

    @classmethod
    def of(cls, path: Path) -> Seal:
        """Return the seal of a Parquet file; every byte is read.

        Raises
        ------
        OSError
            It cannot be read.
        """
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            footer = _footer(file, facts.st_size)
            return cls(facts.st_size, footer, facts.st_mtime_ns, _content(file))

    def fits(self, path: Path) -> bool:
        """Tell whether the file at `path` is the sealed one; False where nobody can say.

        The footer holds place, length and extremes of every page. With the moment of the change it
        is enough; where that differs (a copy, a restored backup) every byte is read.
        """
        try:
            with path.open("rb") as file:
                facts = os.fstat(file.fileno())
                if (facts.st_size, _footer(file, facts.st_size)) != (self.size, self.footer):
                    return False
                return facts.st_mtime_ns == self.changed or _content(file) == self.content
        except OSError:
            return False


def _footer(file: BinaryIO, size: int) -> int:
    """Return the checksum of the footer, whose length stands before the last four bytes."""
    file.seek(max(0, size - 8))
    length = int.from_bytes(file.read(8)[:4], "little") + 8
    file.seek(max(0, size - length))
    return zlib.crc32(file.read(length))


def _content(file: BinaryIO) -> int:
    file.seek(0)
    found = 0
    while chunk := file.read(_CHUNK):
        found = zlib.crc32(chunk, found)
    return found
