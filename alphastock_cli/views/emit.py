"""Show a result: choose rows, choose the format, write it to a file or to standard output.

Data go to standard output and nothing else does; warnings go to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alphastock_cli.actions.result import Result
from alphastock_cli.errors import NothingFound, UsageError

if TYPE_CHECKING:
    import polars as pl


_SIGNS = str.maketrans(
    {
        "₹": "Rs ", "·": "-", "–": "-", "▸": ">", "◂": "<", "±": "+-", "→": ">", "…": "~",
        "█": "#", "▌": "#", "▐": "#", "✓": "+", "✗": "x",
    }
)  # fmt: skip


class Asked(Protocol):
    """What the person asked of the output; the command line's run object is one."""

    @property
    def format(self) -> str:
        """One of table, json, ndjson, csv, parquet."""
        ...

    @property
    def top(self) -> int | None:
        """Most rows to show."""
        ...

    @property
    def wiring(self) -> Any:  # noqa: ANN401 - only its clock is used
        """Where the clock is."""
        ...

    def get(self, name: str) -> Any:  # noqa: ANN401 - options are of any type
        """Return an option or None."""
        ...

    def note(self, text: str) -> None:
        """Print a line for a person."""
        ...


def emit(result: Result, asked: Asked) -> None:
    """Write `result` as asked.

    Raises
    ------
    NothingFound
        There are no rows and ``--fail-empty`` was given; the empty result is printed first.
    """
    chosen = _choose(result, asked)
    for text in chosen.warnings:
        asked.note(f"warning: {text}")
    output: Path | None = asked.get("output")
    if str(output) == "-":
        output = None
    kind = asked.format
    if kind == "parquet":
        _parquet(chosen, output)
    elif kind == "table":
        _table(chosen, asked, output)
    else:
        _text(_serialised(chosen, kind, asked.wiring.clock.now()), output)
    if asked.get("fail_empty") and len(chosen) == 0:
        raise NothingFound("nothing found", hint="Loosen --where, or drop --fail-empty.")


def _choose(result: Result, asked: Asked) -> Result:
    """Apply the row options an action did not apply itself."""
    names = ("columns",) if result.selected else ("where", "sort", "columns")
    texts = {name: asked.get(name) for name in names}
    top = None if result.selected else asked.top
    nothing_to_choose = isinstance(result.rows, Sequence) and not result.rows
    if nothing_to_choose or (top is None and not any(texts.values())):
        return result
    import polars as pl

    from alphastock_cli.views.serialise import frame_of

    rows = result.rows
    frame = rows if isinstance(rows, pl.DataFrame) else frame_of(list(rows))
    return replace(result, rows=_select(frame, texts, top), rows_follow=True)


def _select(frame: pl.DataFrame, texts: dict[str, str | None], top: int | None) -> pl.DataFrame:
    from alphastock_cli.analytics import expression

    if texts.get("where"):
        frame = frame.filter(expression.parse(str(texts["where"]), frame.schema).expr)
    if texts.get("sort"):
        keys = expression.parse_sort(str(texts["sort"]), frame.columns)
        frame = frame.sort(
            [name for name, _ in keys],
            descending=[down for _, down in keys],
            nulls_last=True,
            maintain_order=True,
        )
    if top is not None:
        frame = frame.head(top)
    if texts.get("columns"):
        frame = frame.select(expression.parse_columns(str(texts["columns"]), frame.columns))
    return frame


def _serialised(result: Result, kind: str, now: datetime) -> Iterable[str]:
    from alphastock_cli.views import serialise

    if kind == "json":
        return serialise.to_json(result, generated_at=now)
    return serialise.to_ndjson(result) if kind == "ndjson" else serialise.to_csv(result)


def _text(parts: Iterable[str], output: Path | None) -> None:
    if output is None:
        for part in parts:
            sys.stdout.write(part)
        return
    _write(output, "".join(parts).encode())


def _parquet(result: Result, output: Path | None) -> None:
    if output is None:
        raise UsageError("--format parquet needs --output FILE", hint="Parquet is not text.")
    from alphastock_cli.views.serialise import to_parquet

    _write(output, to_parquet(result))


def _table(result: Result, asked: Asked, output: Path | None) -> None:
    from alphastock_cli.views.screens import render
    from alphastock_cli.views.sheet import screen_width, written

    now = asked.wiring.clock.now()
    if _colourless():
        width = screen_width()
        text = written(render(result, now=now, width=width), width)
        if text is not None:
            _text([text], output)
            return
    from rich.console import Console

    class Pipe(Console):
        """A console that lets a broken pipe be told: Rich's own ends the process with 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    # a flag of this command beats what the environment asks for, FORCE_COLOR too
    plain = bool(asked.get("no_color") or output)
    console = Pipe(
        color_system=None if plain else "auto",
        no_color=True if plain else None,
        file=sys.stdout,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    parts = render(result, now=now, width=console.width)
    narrow = console.options.ascii_only  # a terminal of an encoding that lacks our signs
    if output is None and not narrow:
        for part in parts:
            console.print(part)
        return
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    if output is None:
        sys.stdout.write(_within(capture.get(), console.encoding))
    else:
        _write(output, capture.get().encode())


def _colourless() -> bool:
    """Tell whether Rich would write plain text in our signs: no terminal, nor asked to be one."""
    forced = any(os.environ.get(name) for name in ("FORCE_COLOR", "TTY_COMPATIBLE"))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return not forced and not sys.stdout.isatty() and encoding.lower().startswith("utf")


def _within(text: str, encoding: str) -> str:
    """Return text `encoding` can write: our own signs in ASCII, what else it lacks as ``?``."""
    return text.translate(_SIGNS).encode(encoding, "replace").decode(encoding)


def _write(path: Path, data: bytes) -> None:
    from alphastock_cli.store.atomic import write_bytes

    write_bytes(path, data)
