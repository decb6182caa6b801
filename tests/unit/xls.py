"""Write a small .xls file by hand: one BIFF5 sheet in an OLE container, enough for a reader."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _cell(row: int, column: int, value: str | float) -> bytes:
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(value, str):
        text = value.encode("latin-1")
        return _record(0x0204, place + struct.pack("<H", len(text)) + text)
    return _record(0x0203, place + struct.pack("<d", value))


def _workbook(rows: Sequence[Sequence[str | float]]) -> bytes:
    cells = b"".join(
        _cell(i, j, value) for i, row in enumerate(rows) for j, value in enumerate(row)
    )
    end = _record(0x000A, b"")
    sheet = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0010, 0, 0)) + cells + end
    head = _record(0x0809, struct.pack("<HHHH", 0x0500, 0x0005, 0, 0))
    head += _record(0x0042, struct.pack("<H", 1252))
    name = b"Sheet1"
    offset = len(head) + 4 + 7 + len(name) + len(end)
    bound = _record(0x0085, struct.pack("<IHB", offset, 0, len(name)) + name)
    return head + bound + end + sheet


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le") if name else b""
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(text), kind, 1, _FREE, _FREE, child)
        + bytes(36)
        + struct.pack("<III", start, size, 0)
    )


def xls(rows: Sequence[Sequence[str | float]]) -> bytes:
    """Return the bytes of an .xls file with one sheet."""
    book = _workbook(rows)
    size = max(4096, -(-len(book) // _SECTOR) * _SECTOR)  # smaller streams lie elsewhere
    book = book.ljust(size, b"\0")
    count = size // _SECTOR
    fat = [_FAT, _END, *range(3, 2 + count), _END]
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
        + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
        + struct.pack("<I", 0)
    )
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(_SECTOR, b"\xff")
    folder = _entry("Root Entry", 5, 1, _END, 0) + _entry("Book", 2, _FREE, 2, size)
    return header.ljust(_SECTOR, b"\xff") + table + folder.ljust(_SECTOR, b"\0") + book
