"""Styled lines and a table of fixed columns that Rich prints on a terminal, and we into a pipe.

Loading Rich takes longer than all the work of a chain. Where there is nothing to colour, these
write the same characters without it; what they cannot fit in a line is left to Rich. What a screen
says belongs to its own module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_WORD = re.compile(r"\s*\S+\s*")
_SIGNS = "₹·–▸◂±→…█▌▐✓✗─"  # ours beyond ASCII, each one character wide
_NO_SIGNS = str.maketrans("", "", _SIGNS)
_USUAL_WIDTH = 80
_STREAMS = (0, 1, 2)
Part = tuple[str, str]  # text and style, as Rich names styles; "" is none


class Words:
    """Text of which parts have a style; it may have several lines."""

    def __init__(self, *parts: str | Part) -> None:
        self.parts: list[Part] = [(p, "") if isinstance(p, str) else p for p in parts]

    def __str__(self) -> str:
        return "".join(text for text, _ in self.parts)

    def __bool__(self) -> bool:
        return any(text for text, _ in self.parts)

    def __rich__(self) -> Text:
        """Return it for Rich."""
        from rich.text import Text

        return Text.assemble(*self.parts)

    def written(self, width: int) -> str | None:
        """Return its lines as Rich would without colours, None where it must say how."""
        lines: list[str] = []
        for line in str(self).split("\n"):
            if not _narrow(line):
                return None
            folded = [line] if len(line) <= width else _folded(line, width)
            if folded is None:
                return None
            lines += folded
        return "\n".join(lines) + "\n"


class Column(NamedTuple):
    """A column of a `Grid`: its head, its side and how many characters it takes."""

    head: str
    justify: Literal["left", "right", "center"]
    width: int


class Grid:
    """A table whose cells fit their columns; a blank between those, and `gap` more before each."""

    def __init__(self, columns: Sequence[Column], *, gap: int = 0) -> None:
        self.columns, self.gap = columns, gap
        self.rows: list[tuple[Sequence[Part], str]] = []  # the cells of a row, and its style

    def __rich__(self) -> Table:
        """Return it for Rich."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        made = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, self.gap)
        )
        for column in self.columns:
            made.add_column(
                Text(column.head), justify=column.justify, no_wrap=True, width=column.width
            )
        for cells, style in self.rows:
            made.add_row(*(Text(text, style=look) for text, look in cells), style=style)
        return made

    def written(self, width: int) -> str | None:
        """Return its lines as Rich would without colours, None where it must say how."""
        total = sum(c.width for c in self.columns) + (1 + self.gap) * (len(self.columns) - 1)
        texts = [[c.head for c in self.columns], *([t for t, _ in cells] for cells, _ in self.rows)]
        fits = all(
            len(text) <= column.width and _narrow(text)
            for row in texts
            for text, column in zip(row, self.columns, strict=True)
        )
        if total > width or not fits:
            return None
        between = " " * (1 + self.gap)
        lines = [between.join(map(_padded, row, self.columns)) for row in texts]
        return "\n".join([lines[0], "─" * total, *lines[1:]]) + "\n"


def written(parts: Iterable[object], width: int) -> str | None:
    """Return a screen as text without colours, None if a part of it needs Rich."""
    texts: list[str] = []
    for part in parts:
        text = part.written(width) if isinstance(part, Words | Grid) else None
        if text is None:
            return None
        texts.append(text)
    return "".join(texts)


def screen_width() -> int:
    """Return the width Rich would take: what COLUMNS says, else the terminal's, else 80."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit():
        return int(asked) or _USUAL_WIDTH
    for stream in _STREAMS:
        with suppress(OSError, ValueError):
            return os.get_terminal_size(stream).columns or _USUAL_WIDTH
    return _USUAL_WIDTH


def _narrow(text: str) -> bool:
    """Tell whether every character of a line is known to be one wide."""
    return text.isprintable() and (text.isascii() or text.translate(_NO_SIGNS).isascii())


def _folded(line: str, width: int) -> list[str] | None:
    """Return a line broken before words that do not fit; None where a word alone does not."""
    lines = [""]
    for word in _WORD.findall(line):
        if len(word.rstrip()) > width:
            return None
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [text[:width] if text[width:].isspace() else text for text in lines]


def _padded(text: str, column: Column) -> str:
    if column.justify == "left":
        return text.ljust(column.width)
    text = text.rstrip()
    right = (column.width - len(text) + 1) // 2 if column.justify == "center" else 0
    return (text + " " * right).rjust(column.width)
