"""The live view in characters: tables that fit the width, on a terminal or one block a turn.

What is stale or simulated is said in words, never by colour alone. Which values those are is
decided in `model.py`; Rich is imported only when something is drawn.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

from alphastock_cli.actions.watch_list import Breadth
from alphastock_cli.safety import safe_text
from alphastock_cli.views import numbers
from alphastock_cli.views.model import Cell, Header, Model, Row, changed

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_GAP = 2
_NAME = 20  # characters of a symbol before it is cut
_LEAST = 3  # symbols shown on the smallest screen
_HEADS = {
    "last_price": "last", "change_pct": "chg %", "quantity": "qty", "average_price": "avg",
    "pnl": "P&L", "age_seconds": "age",
}  # fmt: skip
_COLUMNS = {
    "indices": ("index", "last", "change_pct", "age_seconds"),
    "symbols": ("symbol", "last_price", "change_pct", "bid", "ask", "volume", "age_seconds"),
    "positions": ("symbol", "product", "quantity", "average_price", "last_price", "pnl",
                  "age_seconds"),
}  # fmt: skip
# what a narrow screen can spare, the first to go first; never the name, and never the age, which
# says what is stale
_SPARE = (
    ("volume",), ("bid", "ask"), ("product",), ("average_price",), ("change_pct",), ("last_price",),
    ("last",), ("quantity",),
)  # fmt: skip
_TEXT = frozenset({"index", "symbol", "product"})
_SIGNED = frozenset({"change_pct", "pnl"})


def render(
    model: Model,
    *,
    width: int,
    height: int | None = None,
    new: frozenset[Cell] = frozenset(),
) -> Iterator[RenderableType]:
    """Yield the parts of one turn: headline, warnings, overview, positions, symbols.

    `new` are the cells to set off from the others; with `height` the symbols are cut to fit it and
    it is said how many are left out.
    """
    from rich.text import Text

    above = list(_above(model, width=width, new=new))
    yield from above
    if not model.symbols:
        return
    yield Text("")
    shown = model.symbols
    if height is not None:
        _, dropped = _fit(_COLUMNS["symbols"], shown, width)
        # an empty line, the head, and what is said of columns that are left out
        room = max(_LEAST, height - _height(above, width) - 2 - bool(dropped))
        shown = shown if len(shown) <= room else shown[: room - 1]
    yield from _table("symbols", shown, width=width, new=new)
    if len(shown) < len(model.symbols):
        yield Text(f"… {len(model.symbols) - len(shown)} more symbols: the screen is full")


def _above(model: Model, *, width: int, new: frozenset[Cell]) -> Iterator[RenderableType]:
    """Yield what stands above the symbols."""
    from rich.text import Text

    yield _headline(model.header)
    for text in model.warnings:
        yield Text(f"! {safe_text(text, limit=400)}", style="yellow", overflow="fold")
    if model.indices:
        yield Text("")
        yield from _table("indices", model.indices, width=width, new=new)
    if model.breadth is not None:
        yield _breadth(model.breadth)
    elif model.no_breadth:
        yield Text(f"no breadth: {model.no_breadth}", style="dim", overflow="fold")
    yield Text("")
    yield from _positions(model, width=width, new=new)


def _height(parts: Iterable[RenderableType], width: int) -> int:
    """Return how many lines the parts take at a width."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False)
    return sum(len(console.render_lines(part, pad=False)) for part in parts)


def block(model: Model, *, width: int) -> str:
    """Return one turn as text without escape codes, ended by an empty line."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, highlight=False,
        markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    for part in render(model, width=width):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    return "\n".join([*lines, "", ""])


def blocks(models: Iterable[Model], out: TextIO, *, width: int) -> None:
    """Write one block a turn, each at once."""
    for model in models:
        out.write(block(model, width=width))
        out.flush()


def live(models: Iterable[Model], *, no_color: bool = False) -> None:
    """Draw the turns over one another on the terminal's second screen; leave it as it was.

    After the last turn its state is printed, so that a counted view leaves something behind.

    Raises
    ------
    BrokenPipeError
        The terminal has gone.
    """
    from rich.console import Console, Group

    # the flag beats what the environment asks for, FORCE_COLOR too: not even bold is left
    console = Console(
        color_system=None if no_color else "auto", no_color=True if no_color else None,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    try:
        last = _draw(models, console)
        if last is not None:
            console.print(Group(*render(last, width=console.width)))
    except OSError as error:
        if error.errno == errno.EIO:  # what a terminal says that was closed
            raise BrokenPipeError from error
        raise


def _draw(models: Iterable[Model], console: Console) -> Model | None:
    """Draw until the models end and return the last one; the screen is restored in any case."""
    from rich.console import Group
    from rich.live import Live

    last: Model | None = None
    with Live(console=console, screen=True, auto_refresh=False) as screen:
        for model in models:
            size = console.size
            new = changed(last, model)
            parts = render(model, width=size.width, height=size.height, new=new)
            screen.update(Group(*parts), refresh=True)
            if not console.is_terminal:  # Rich draws nothing then, and says nothing
                raise BrokenPipeError
            last = model
    return last


def _headline(header: Header) -> Text:
    """Say what this is, whether shares trade, and of when the values are."""
    from rich.text import Text

    parts: list[str | tuple[str, str]] = []
    if header.simulated:
        parts.append(("SIMULATED DATA ", "bold magenta"))
    parts.append((f"market {header.state}", "bold"))
    if header.next_open is not None:
        word = "next session" if header.state == "open" else "opens"
        parts.append(f" · {word} {header.next_open:%a %d %b %H:%M}")
    parts.append(f" · source {safe_text(header.source, limit=40)}\n")
    if header.as_of is None or header.age_seconds is None:
        parts.append(("no answer yet", "bold yellow"))
        return Text.assemble(*parts)
    parts.append(f"as of {header.as_of:%a %d %b %Y %H:%M:%S} IST · ")
    parts.append(f"{numbers.age(header.age_seconds)} ago" if header.age_seconds >= 1.0 else "now")
    parts.append((" (stale)", "bold yellow") if header.stale else "")
    return Text.assemble(*parts)


def _breadth(of: Breadth) -> Text:
    from rich.text import Text

    unknown = f"  {numbers.group(of.unknown, 0)} not known" if of.unknown else ""
    return Text.assemble(
        f"{of.of}  ",
        (f"▲ {numbers.group(of.advances, 0)} up", "green"), "  ",
        (f"▼ {numbers.group(of.declines, 0)} down", "red"),
        f"  = {numbers.group(of.unchanged, 0)} unchanged{unknown}",
    )  # fmt: skip


def _positions(model: Model, *, width: int, new: frozenset[Cell]) -> Iterator[RenderableType]:
    from rich.text import Text

    if model.positions is None:
        yield Text("positions are not known", style="yellow")
    elif not model.positions:
        yield Text("no positions", style="dim")
    else:
        yield from _table("positions", model.positions, width=width, new=new)
        why = "" if model.pnl is not None else " (a price is stale or missing)"
        yield Text(f"P&L {_signed(model.pnl)}{why}", style="bold")


def _table(
    name: str, rows: Sequence[Row], *, width: int, new: frozenset[Cell]
) -> Iterator[RenderableType]:
    """Yield a table no wider than `width`, and which whole columns are left out for that."""
    from rich.table import Table
    from rich.text import Text

    columns, dropped = _fit(_COLUMNS[name], rows, width)
    grid = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        left = column in _TEXT
        head = Text(_HEADS.get(column, column))
        grid.add_column(head, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        grid.add_row(
            *(
                Text(_cell(row, column), style=_style(name, row, column, new=new))
                for column in columns
            )
        )
    yield grid
    if dropped:
        heads = ", ".join(_HEADS.get(column, column) for column in dropped)
        yield Text(f"no room for {heads}", style="dim")


def _fit(columns: Sequence[str], rows: Sequence[Row], width: int) -> tuple[list[str], list[str]]:
    """Return the columns that fit and those that do not, giving up the sparable ones first."""
    need = {
        name: max([len(_HEADS.get(name, name)), *(len(_cell(row, name)) for row in rows)])
        for name in columns
    }
    kept = list(columns)
    for names in _SPARE:
        if sum(need[name] for name in kept) + _GAP * (len(kept) - 1) <= width:
            break
        kept = [name for name in kept if name not in names]
    return kept, [name for name in columns if name not in kept]


def _cell(row: Row, column: str) -> str:
    """Write one value; missing is a dash, a stale age says so."""
    value: Any = getattr(row, column)
    if column == "age_seconds":
        return numbers.MISSING if value is None else _aged(value, stale=row.stale)
    if column == "symbol":
        exchange = getattr(row, "exchange", "NSE")
        return _short(value if exchange == "NSE" else f"{exchange}:{value}")
    if column in _TEXT:
        return _short(str(value))
    if column in _SIGNED:
        return _signed(value)
    if value is None:
        return numbers.MISSING
    return numbers.group(value, 0 if isinstance(value, int) else 2)


def _short(text: str) -> str:
    return safe_text(text, limit=_NAME)


def _signed(value: float | Decimal | None) -> str:
    return numbers.signed(None if value is None else float(value))


def _aged(seconds: float, *, stale: bool) -> str:
    """Write an age by its largest unit alone: a table is narrow."""
    text = " ".join(numbers.age(seconds).split()[:2]) if seconds >= 1.0 else "now"
    return f"stale {text}" if stale else text


def _style(table: str, row: Row, column: str, *, new: frozenset[Cell]) -> str:
    words: list[str] = []
    if row.stale:
        words.append("yellow" if column == "age_seconds" else "dim")
    elif column in _SIGNED:
        value = getattr(row, column)
        words += ["green"] if value and value > 0 else ["red"] if value and value < 0 else []
    if Cell(table, row.key, column) in new:
        words.append("bold")
    return " ".join(words)
