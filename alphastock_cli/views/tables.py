"""Tables for people: the generic one for rows of any kind, and the screen of `doctor`.

Every function returns Rich renderables and prints nothing. Foreign text is wrapped as literal
text, numbers are right-aligned, and no meaning hangs on colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from alphastock_cli.actions.result import Result
from alphastock_cli.views import numbers

_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}
# what a narrow screen must not lose, by kind of result
_FIRST: Mapping[str, tuple[str, ...]] = {
    "signal": (
        "symbol",
        "side",
        "price",
        "stop_loss",
        "target",
        "strength",
        "candle_time",
        "reason",
        "strategy",
    ),
    "orders": (
        "order_id",
        "symbol",
        "side",
        "quantity",
        "filled_quantity",
        "average_price",
        "status",
        "order_type",
        "price",
        "trigger_price",
        "status_message",
    ),
    "positions": (
        "symbol",
        "product",
        "quantity",
        "average_price",
        "last_price",
        "pnl_unrealised",
        "value",
    ),
    "pnl": ("symbol", "fills", "quantity", "pnl_gross", "charges", "pnl_net"),
    "audit": ("verdict", "account", "orders", "fills"),
    "strategies": ("strategy", "description", "parameters"),
    "scan_explain": ("holds", "value", "clause"),
    "lake_rejects": ("reason", "file", "row", "symbol"),
    "lake_status": ("dataset", "exchange", "rows", "first", "last", "gaps", "state"),
    "lake_repair": ("file", "done", "next", "why"),
    "fetch_chain": ("underlying", "snapshots", "rows", "added", "rejected", "first", "last"),
    "fetch_reference": ("file", "rows", "added", "rejected", "note"),
    "fetch_eod": ("form", "dataset", "rows", "sessions", "added", "rejected", "last"),
}


def rows(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield the screen of a result that has none of its own: a table of its rows, and its facts."""
    if len(result) == 0:
        yield Text("nothing found", style="dim")
        return
    have = result.columns()
    first = [name for name in _FIRST.get(result.kind, ()) if name in have]
    order = [*first, *(name for name in have if name not in first)]
    yield table(list(result.records()), order, width=width)
    yield from _facts(result.summary)


def doctor(result: Result, width: int) -> Iterator[RenderableType]:
    """Yield a line a check, and below it what mends it."""
    marks = {"ok": "✓", "warn": "!", "fail": "✗"}
    grid = Table.grid(padding=(0, 1))
    grid.width = width
    for _ in range(3):
        grid.add_column(overflow="fold")
    for row in result.records():
        status, fix = str(row["status"]), str(row["fix"])
        grid.add_row(
            Text(f"{marks.get(status, '')} {status}", style=_STYLES.get(status, "")),
            Text(str(row["check"])),
            Text(numbers.cell("detail", row["detail"])),
        )
        if fix:
            grid.add_row("", "", Text(f"→ {numbers.cell('fix', fix)}", style="dim"))
    yield grid


def table(
    records: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    width: int,
    title: str = "",
    names: Mapping[str, str] | None = None,
) -> Table:
    """Return a table of `columns`; those that do not fit `width` are named in the caption.

    Only whole columns are left out, from the right, never half a number.
    """
    cells = {c: [numbers.cell(c, row.get(c)) for row in records] for c in columns}
    heads = {c: (names or {}).get(c, c) for c in columns}
    fitting, left_out = _fit(columns, cells, heads, width)
    grid = Table(
        title=title or None, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left",
        title_style="bold", caption_justify="left", padding=(0, 1),
    )  # fmt: skip
    if left_out:
        grid.caption = f"not shown: {', '.join(left_out)} (--columns, --json)"
    for name in fitting:
        # a column of which nothing is known is aligned like the numbers it would hold
        right = all(row.get(name) is None or _is_number(row.get(name)) for row in records)
        grid.add_column(
            Text(heads[name]), justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    for index, row in enumerate(records):
        grid.add_row(*(_styled(name, row.get(name), cells[name][index]) for name in fitting))
    return grid


def _fit(
    columns: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    heads: Mapping[str, str],
    width: int,
) -> tuple[list[str], list[str]]:
    """Split the columns into those that fit and those that do not; two at least are shown."""
    used = 0
    fitting: list[str] = []
    for name in columns:
        need = max([len(heads[name]), *(min(len(text), 40) for text in cells[name])]) + 3
        if used + need > width and len(fitting) > 1:
            break
        fitting.append(name)
        used += need
    return fitting, [name for name in columns if name not in fitting]


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any cell
    return not isinstance(value, bool | str | None) and numbers.is_number(value)


def _styled(name: str, value: Any, text: str) -> Text:  # noqa: ANN401 - any cell
    if name == "status":
        return Text(text, style=_STYLES.get(text, ""))
    if "change" in name and isinstance(value, float):
        return Text(text, style="green" if value > 0 else "red" if value < 0 else "")
    return Text(text)


def _facts(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield one line a simple fact of the summary."""
    simple = {k: v for k, v in summary.items() if not isinstance(v, list | dict)}
    if simple:
        words = [f"{k.replace('_', ' ')} {numbers.cell(k, v)}" for k, v in simple.items()]
        yield Text(" · ".join(words), style="dim")
