"""The options every command shares, before it or after it, the later one winning.

One decorator adds them to root, groups and leaves and carries their values in `ctx.obj`; without
it an option given before the leaf would be lost without a word. What a leaf cannot honour is
refused, never ignored. No work happens here: the leaf receives a `Run`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from alphastock_cli.cli.run import PipeClosedError, Run
from alphastock_cli.errors import UsageError

Command = Callable[..., Any]


_FLAGS: set[str] = set()  # the shared options that stand alone, and those that take a value
_VALUED: set[str] = set()


def _option(kind: Any, *names: str, text: str, metavar: str | None = None) -> Any:  # noqa: ANN401
    (_FLAGS if kind is bool else _VALUED).update(names)
    return Annotated[kind | None, typer.Option(*names, help=text, metavar=metavar)]


HOUSE: dict[str, Any] = {
    "data_dir": _option(Path, "--data-dir", text="Where data lie.", metavar="FOLDER"),
    "config": _option(Path, "--config", text="Configuration file.", metavar="FILE"),
    "plugin": _option(
        list[Path], "--plugin", text="Python file that registers a plug-in.", metavar="FILE"
    ),
    "quiet": _option(bool, "--quiet", "-q", text="No notes or warnings on standard error."),
    "verbose": _option(bool, "--verbose", "-v", text="Say what is read and how long it took."),
    "no_color": _option(bool, "--no-color", text="No colours."),
    "no_input": _option(bool, "--no-input", text="Never ask a question."),
    "debug": _option(bool, "--debug", text="Show the traceback of an error."),
}

ROWS: dict[str, Any] = {
    "format": _option(
        str, "--format", text="table, json, ndjson, csv or parquet.", metavar="FORMAT"
    ),
    "json": _option(bool, "--json", text="Same as --format json."),
    "csv": _option(bool, "--csv", text="Same as --format csv."),
    "output": _option(
        Path, "--output", "-o", text="Write to a file, whole or not at all.", metavar="FILE"
    ),
    "columns": _option(str, "--columns", text="Columns to show, in this order.", metavar="A,B"),
    "where": _option(str, "--where", text="Condition a row must meet.", metavar="SQL"),
    "sort": _option(str, "--sort", text="Column to sort by.", metavar="COL[:desc]"),
    "top": _option(int, "--top", text="Show the first N rows.", metavar="N"),
    "fail_empty": _option(bool, "--fail-empty", text="Exit 3 when nothing is found."),
}

SOURCE: dict[str, Any] = {
    "provider": _option(str, "--provider", text="Source of the data.", metavar="NAME"),
    "on": _option(str, "--on", text="Compute on what was known that day.", metavar="DATE"),
    "as_of": _option(
        str, "--as-of", text="Compute on what was known at a moment.", metavar="TIMESTAMP"
    ),
    "max_age": _option(
        str, "--max-age", text="Exit 8 when stored data are older.", metavar="DURATION"
    ),
}

CRON: dict[str, Any] = {
    "if_stale": _option(
        str, "--if-stale", text="Do nothing while the result is younger.", metavar="DURATION"
    ),
    "if_open": _option(
        str, "--if-open", text="Do nothing while a segment is closed.", metavar="SEGMENT"
    ),
    "lock_wait": _option(
        str, "--lock-wait", text="Wait that long for another run.", metavar="DURATION"
    ),
    "deadline": _option(
        str, "--deadline", text="Do nothing after, and stop at, this time.", metavar="HH:MM"
    ),
}

LEDGER: dict[str, Any] = {
    "account": _option(
        str, "--account", text="Ledger; default paper, or the data's own.", metavar="NAME"
    ),
}

EVERYTHING: dict[str, Any] = {**HOUSE, **ROWS, **SOURCE, **CRON, **LEDGER}


def positionals(words: Sequence[str]) -> tuple[list[str], str]:
    """Return the words that are commands or arguments, as far as the shared options tell.

    They end where an option stands that is none of those, which is returned beside them (empty
    where there is none): nobody can say here whether the word after it is its value.

    >>> positionals(["--provider", "lake", "-q", "scan", "equities", "--exact", "x"])
    (['scan', 'equities'], '--exact')
    """
    found: list[str] = []
    coming = iter(words)
    for word in coming:
        if not word.startswith("-"):
            found.append(word)
        elif word in _VALUED:
            next(coming, None)
        elif word not in _FLAGS and word.partition("=")[0] not in _VALUED:
            return found, word
    return found, ""


def shared(*groups: dict[str, Any]) -> Callable[[Command], Command]:
    """Return a decorator for a leaf: its first parameter becomes the `Run`, the groups its options.

    Parameters
    ----------
    *groups : dict
        Any of `ROWS`, `SOURCE`, `CRON`, `LEDGER`; `HOUSE` is always there.
    """
    options = dict(HOUSE)
    for group in groups:
        options.update(group)

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        own = [p for name, p in inspect.signature(command).parameters.items() if name != "run"]

        @wraps(command)
        def leaf(ctx: typer.Context, **values: Any) -> Any:  # noqa: ANN401
            run = merge(ctx, {name: values.pop(name) for name in options})
            refused = sorted(set(run.given) - set(options))
            if refused:
                names = ", ".join("--" + name.replace("_", "-") for name in refused)
                raise UsageError(f"{names} does not apply to `{ctx.command_path}`")
            try:
                return command(run, **values) if run.begin(ctx.command_path) else None
            except BrokenPipeError as error:  # the parser below would turn it into exit 1
                raise PipeClosedError from error

        return _sign(leaf, own, hints, options)

    return decorate


def group_options(callback: Command) -> Command:
    """Give a group (or the root) every shared option; their values wait for the leaf."""
    own = [p for name, p in inspect.signature(callback).parameters.items() if name != "ctx"]
    hints = get_type_hints(callback, include_extras=True)

    @wraps(callback)
    def group(ctx: typer.Context, **values: Any) -> Any:  # noqa: ANN401
        merge(ctx, {name: values.pop(name) for name in EVERYTHING})
        return callback(ctx, **values)

    return _sign(group, own, hints, EVERYTHING)


def merge(ctx: typer.Context, values: dict[str, Any]) -> Run:
    """Lay the values given at this level over those given before it."""
    run: Run = ctx.obj if isinstance(ctx.obj, Run) else Run()
    given = {k: v for k, v in values.items() if v is not None and v != []}
    # --json before and --csv after the command: the later one wins, whichever way it was spelt
    if given.keys() & {"json", "csv", "format"}:
        for name in ("json", "csv", "format"):
            run.given.pop(name, None)
    run.given.update(given)
    ctx.obj = run
    return run


def _sign(
    wrapper: Command, own: list[inspect.Parameter], hints: dict[str, Any], extra: dict[str, Any]
) -> Command:
    """Set the signature and the annotations Typer reads: it looks at both."""
    empty = inspect.Parameter.empty
    keyword = inspect.Parameter.KEYWORD_ONLY
    params = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    ]
    for param in own:
        kind = hints.get(param.name, param.annotation)
        params.append(param.replace(annotation=kind, kind=keyword))
    for name, kind in extra.items():
        params.append(inspect.Parameter(name, keyword, default=None, annotation=kind))
    wrapper.__signature__ = inspect.Signature(params)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in params if p.annotation is not empty}
    del wrapper.__wrapped__  # type: ignore[attr-defined]  # Typer would read the inner hints
    return wrapper
