"""A payoff drawn in characters: Braille where the terminal has it, plain ASCII where it has not.

What lies at expiry, today, at the spot and at the breakevens is told by the shape of its mark, and
by a legend; colours repeat it. Which figures are drawn is the caller's business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from alphastock_cli.views import numbers, option_cells

_WIDEST: Final = 120
_NARROW: Final = 100  # from here on the picture is taller
_HEIGHTS: Final = (13, 17)
_AXIS: Final = 2  # a blank and the axis
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_DEEP, _BROAD = len(_DOTS), len(_DOTS[0])
_HEADROOM: Final = 0.06
_LAKH: Final = 100_000
_LEAST_WIDTH: Final = 16

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Marks:
    """The characters of a picture."""

    today: str
    zero: str
    spot: str
    root: str
    axis: str
    tick: str
    corner: str
    floor: str
    expiry: str  # in the legend; and in the picture where Braille cannot be written


_UNICODE = Marks("•", "─", "┊", "◆", "│", "┤", "└", "─", "⠒⠒")
_ASCII = Marks("o", "-", ":", "X", "|", "+", "+", "-", "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The curves of a payoff, drawn to the width of the console.

    Attributes
    ----------
    expiry, today : sequence of (float, float)
        Price of the underlying and payoff in rupees, ascending; `today` may be empty.
    centre : tuple of str and float or None
        Name and price of the underlying now.
    breakevens : sequence of float
        Where the payoff at expiry is zero.
    then, now : str
        How the curves are called in the legend.
    """

    expiry: Points
    today: Points
    centre: tuple[str, float | None]
    breakevens: Sequence[float]
    then: str = "at expiry"
    now: str = "today"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a line of text a row of the picture."""
        if len(self.expiry) > 1:
            marks = _ASCII if options.ascii_only else _UNICODE
            width = min(options.max_width, _WIDEST)
            yield from _drawn(self, marks, width, exact=not options.ascii_only)


@dataclass(slots=True, kw_only=True)
class _Canvas:
    """A grid of characters with their styles, and the scales of its axes."""

    columns: int
    rows: int
    left: float
    right: float
    low: float
    high: float
    cells: list[list[tuple[str, str]]]

    def column(self, price: float) -> float:
        """Return where a price lies, in columns from the left."""
        return (price - self.left) / (self.right - self.left) * (self.columns - 1)

    def row(self, rupees: float, *, of: int | None = None) -> int:
        """Return the row of an amount, from the top; `of` rows instead of the canvas's own."""
        rows = self.rows if of is None else of
        part = (self.high - rupees) / (self.high - self.low)
        return min(max(round(part * rows - 0.5), 0), rows - 1)

    def put(self, row: int, column: int, char: str, style: str) -> None:
        self.cells[row][column] = (char, style)


def _drawn(picture: Picture, marks: Marks, width: int, *, exact: bool) -> Iterator[Text]:
    heights = [y for _, y in (*picture.expiry, *picture.today)] + [0.0]
    bottom, top = min(heights), max(heights)
    margin = (top - bottom or 1.0) * _HEADROOM
    low, high = bottom - margin, top + margin
    rows = _HEIGHTS[width >= _NARROW]
    # where two fall on one row the earlier is written
    names = {value: _rupees(value) for value in (0.0, top, bottom, top / 2, bottom / 2)}
    label = max(map(len, names.values()))
    columns = max(width - label - _AXIS, _LEAST_WIDTH)
    canvas = _Canvas(
        columns=columns, rows=rows, left=picture.expiry[0][0], right=picture.expiry[-1][0],
        low=low, high=high, cells=[[(" ", "")] * columns for _ in range(rows)],
    )  # fmt: skip
    _fill(canvas, picture, marks, exact=exact)
    at: dict[int, str] = {}
    for value, name in names.items():
        at.setdefault(canvas.row(value), name)
    yield Text(f"{'rupees':>{label}}", style="dim")
    for index, cells in enumerate(canvas.cells):
        name = at.get(index, "")
        line = Text(f"{name:>{label}} {marks.tick if name else marks.axis}", style="dim")
        for char, style in cells:
            line.append(char, style or "not dim")
        yield _stripped(line)
    yield from _foot(canvas, picture, marks, label)


def _fill(canvas: _Canvas, picture: Picture, marks: Marks, *, exact: bool) -> None:
    """Draw from the back to the front: zero line, spot, today, expiry, breakevens."""
    zero = canvas.row(0.0)
    for column in range(canvas.columns):
        canvas.put(zero, column, marks.zero, "dim")
    spot = picture.centre[1]
    if spot is not None and _seen(canvas, spot):
        column = round(canvas.column(spot))
        for row in range(canvas.rows):
            canvas.put(row, column, marks.spot, "bold")
    for column, row in _steps(canvas, picture.today, 1, canvas.rows):
        if exact or column % 2 == 0:
            canvas.put(row, column, marks.today, "yellow")
    if exact:
        _braille(canvas, picture.expiry)
    else:
        for column, row in _steps(canvas, picture.expiry, 1, canvas.rows):
            canvas.put(row, column, marks.expiry, _gain(canvas, row))
    for root in picture.breakevens:
        if _seen(canvas, root):
            canvas.put(zero, round(canvas.column(root)), marks.root, "bold")


def _braille(canvas: _Canvas, points: Points) -> None:
    bits: dict[tuple[int, int], int] = {}
    for column, row in _steps(canvas, points, _BROAD, canvas.rows * _DEEP):
        key = (row // _DEEP, column // _BROAD)
        bits[key] = bits.get(key, 0) | _DOTS[row % _DEEP][column % _BROAD]
    for (row, column), dots in bits.items():
        canvas.put(row, column, chr(0x2800 + dots), _gain(canvas, row))


def _gain(canvas: _Canvas, row: int) -> str:
    """Return the colour of a row: above the zero line, on it or below."""
    zero = canvas.row(0.0)
    return "green" if row < zero else "red" if row > zero else ""


def _steps(canvas: _Canvas, points: Points, fine: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield the cells of an unbroken line through the points, `fine` of them a column."""
    before: int | None = None
    for step in range(canvas.columns * fine):
        price = canvas.left + (canvas.right - canvas.left) * step / (canvas.columns * fine - 1)
        rupees = _between(points, price)
        if rupees is None:
            before = None
            continue
        row = canvas.row(rupees, of=rows)
        start = row if before is None or before == row else before + (1 if row > before else -1)
        for each in range(min(start, row), max(start, row) + 1):
            yield step, each
        before = row


def _between(points: Points, price: float) -> float | None:
    """Return the payoff at a price by a straight line; None outside the points."""
    if not points or not points[0][0] <= price <= points[-1][0]:
        return None
    index = min(max(bisect_right(points, price, key=itemgetter(0)), 1), len(points) - 1)
    (x, y), (to, there) = points[index - 1], points[index]
    return y if to == x else y + (there - y) * (price - x) / (to - x)


def _foot(canvas: _Canvas, picture: Picture, marks: Marks, label: int) -> Iterator[Text]:
    """Yield the axis, the prices on it and the legend; prices that do not fit stand lower."""
    indent = " " * (label + 1)
    axis = [marks.floor] * canvas.columns
    first, second = [" "] * canvas.columns, [" "] * canvas.columns
    inside = [p for p in picture.breakevens if canvas.left <= p <= canvas.right]
    called, spot = picture.centre
    spot = spot if _seen(canvas, spot) else None
    named = [(price, marks.root) for price in inside]
    named += [] if spot is None else [(spot, marks.spot)]
    for price, mark in (*named, (canvas.left, marks.floor), (canvas.right, marks.floor)):
        at = round(canvas.column(price))
        axis[at] = mark
        name = option_cells.strike(round(price))
        _ = _written(first, name, at) or _written(second, name, at)
    yield Text(f"{indent}{marks.corner}{''.join(axis)}", style="dim")
    yield _stripped(Text(f"{indent} {''.join(first)}"))
    if "".join(second).strip():
        yield _stripped(Text(f"{indent} {''.join(second)}"))
    parts = [f"{marks.expiry} {picture.then}"]
    parts += [f"{marks.today} {picture.now}"] if picture.today else []
    parts += [f"{marks.spot} {called}"] if spot is not None else []
    parts += [f"{marks.root} breakeven"] if inside else []
    yield Text(f"{indent} {'   '.join(parts)}", style="dim")


def _seen(canvas: _Canvas, price: float | None) -> bool:
    return price is not None and canvas.left <= price <= canvas.right


def _written(line: list[str], name: str, at: int) -> bool:
    """Write a name about a column of the line, and tell whether there was room."""
    start = min(max(at - len(name) // 2, 0), len(line) - len(name))
    if start < 0 or "".join(line[max(start - 2, 0) : start + len(name) + 2]).strip():
        return False
    line[start : start + len(name)] = name
    return True


def _stripped(line: Text) -> Text:
    line.rstrip()
    return line


def _rupees(value: float) -> str:
    """Write an amount on the axis, with its sign: short, lakhs and crores where it is large."""
    if abs(value) >= _LAKH:
        return option_cells.compact(value, sign=True)
    return numbers.signed(value, 0)
