"""The Typer app and the one place where an error becomes words and an exit code.

The app runs non-standalone so that usage errors obey `--json` and a broken pipe is silent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from copy import copy
from importlib import import_module
from typing import Annotated, Any

import typer

from alphastock_cli import __version__
from alphastock_cli.cli.options import group_options, positionals
from alphastock_cli.cli.run import PipeClosedError
from alphastock_cli.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    AlphaStockError,
    StorageError,
    UnknownName,
    nearest,
)

_USAGE = 2
_UNEXPECTED = 1

# the commands, as `--help` lists them; each lives in the module of its name
_GROUPS = ("fetch", "scan", "trade", "lake", "config")
_LEAVES = (
    "chain",
    "greeks",
    "payoff",
    "sandbox",
    "signal",
    "sql",
    "contract",
    "doctor",
    "watch",
    "login",
    "logout",
)
COMMANDS = (*_GROUPS, *_LEAVES)


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer's callback shape
    if asked:
        typer.echo(f"alphastock {__version__}")
        raise typer.Exit


@group_options
def root(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Fetch, scan and judge the Indian markets from a terminal or a script."""


def build(names: Sequence[str] = COMMANDS, leaf: str = "") -> typer.Typer:
    """Return the app with the commands `names`; their modules import the core only when run.

    Of a group only the command `leaf` is built, if it has one of that name: each costs time.
    """
    app = _root()
    for name in names:
        module = import_module(f"alphastock_cli.cli.{name}")
        if name in _GROUPS:
            app.add_typer(_only(module.app, leaf), name=name)
        else:
            # one whose words the parser would misread brings its own kind of command
            app.command(name, cls=getattr(module, "COMMAND", None))(getattr(module, name))
    return app


def _listing() -> typer.Typer:
    """Return an app that knows its commands by name and first words alone, and runs none."""
    app = _root()
    for name in (*_LEAVES, *_GROUPS):  # the order of Typer's own help

        def stub() -> None:
            raise AssertionError("only help and mistakes come here")

        stub.__doc__ = getattr(import_module(f"alphastock_cli.cli.{name}"), name).__doc__
        app.command(name)(stub)
    return app


def _root() -> typer.Typer:
    app = typer.Typer(
        name="alphastock",
        help="Fetch, scan and judge the Indian markets from a terminal or a script.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    return app


def _only(group: typer.Typer, leaf: str) -> typer.Typer:
    """Return the group with the one command, or as it is where it has none of that name."""
    named = [
        info
        for info in group.registered_commands
        if info.callback and leaf == (info.name or info.callback.__name__).replace("_", "-")
    ]
    if not named:
        return group
    small = copy(group)
    small.registered_commands = named
    return small


def _app_for(words: Sequence[str]) -> typer.Typer:
    """Build no more than these words need: the one command they mean."""
    if "_ALPHASTOCK_COMPLETE" in os.environ:  # the words to complete are not the process's own
        typed = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
        words = typed.split()[1:]
    meant, end = positionals(words)
    if meant:
        return build([meant[0]], *meant[1:2]) if meant[0] in COMMANDS else _listing()
    if end in {"", "-h", "--help"}:
        return _listing()
    # after `-ofile` or `--` a command may follow; `--version` and `--nosuch` are the end
    return _root() if end.startswith("--") and end != "--" else build()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; the console script exits with it."""
    words = list(sys.argv[1:] if argv is None else argv)
    _decide_colours()
    try:
        code = _app_for(words)(words, standalone_mode=False, prog_name="alphastock")
        sys.stdout.flush()
    except AlphaStockError as error:
        return _report(error, words)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except (BrokenPipeError, PipeClosedError):
        _drop_stdout()
        return EXIT_OK
    except OSError as error:  # standard output is the one thing written without a net
        _drop_stdout()
        what = f"standard output cannot be written: {error.strerror or error}"
        return _report(StorageError(what, hint="Free some space, or use --output."), words)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last net: a person gets words, not a traceback
        return _unexpected(error, words)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # Polars', which is no Exception
            raise
        return _unexpected(error, words)
    return code if isinstance(code, int) else EXIT_OK


def _decide_colours() -> None:
    """Let NO_COLOR win over FORCE_COLOR where both are set (no-color.org); Rich heeds both."""
    if os.environ.get("NO_COLOR"):
        os.environ.pop("FORCE_COLOR", None)


def _report(error: AlphaStockError, words: Sequence[str]) -> int:
    if "--debug" in words:
        _traceback()
    _say(
        words,
        what=error.what,
        code=error.exit_code,
        safe=error.safe,
        hint=error.hint,
        retryable=error.retryable,
    )
    return error.exit_code


def _unexpected(error: BaseException, words: Sequence[str]) -> int:
    """Usage errors of the option parser are exit 2; anything else is a defect of ours."""
    if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command shows its help
        print(getattr(error, "message", error), file=sys.stderr)  # noqa: T201 - the rim
        return _USAGE
    format_message = getattr(error, "format_message", None)
    if callable(format_message):
        what = str(format_message())
        ctx = getattr(error, "ctx", None)
        path = ctx.command_path if ctx is not None else "alphastock"
        hint = f"See `{path} --help`."
        if ctx is not None and what.startswith("No such command") and "Did you mean" not in what:
            hint = _near_command(ctx, what) or hint
        _say(words, what=what.rstrip("."), code=_USAGE, hint=hint)
        return _USAGE
    if "--debug" in words:
        _traceback()
    what = f"unexpected {type(error).__name__}: {error}"
    hint = "This is a defect: run it again with --debug and report what it prints."
    _say(words, what=what, code=_UNEXPECTED, hint=hint)
    return _UNEXPECTED


def _near_command(ctx: Any, what: str) -> str:  # noqa: ANN401 - the parser's own context class
    commands = getattr(ctx.command, "commands", {})
    near = nearest(what.split("'")[1] if "'" in what else "", commands)
    return UnknownName.of("command", near[0], near).hint if near else ""


def _say(
    words: Sequence[str],
    *,
    what: str,
    code: int,
    safe: str = "",
    hint: str = "",
    retryable: bool = False,
) -> None:
    """Print one error on standard error: three short lines, or one JSON object under --json."""
    from alphastock_cli.safety import redacted, safe_text

    what, safe, hint = redacted(what), redacted(safe), redacted(hint)
    if _wants_json(words):
        body = {"error": what, "code": code, "hint": hint, "retryable": retryable}
        if safe:
            body["safe"] = safe
        print(json.dumps(body, ensure_ascii=True), file=sys.stderr)  # noqa: T201 - the rim
        return
    lines = [f"error: {what}", *([f"safe:  {safe}"] if safe else []), *([hint] if hint else [])]
    for line in lines:
        for part in line.split("\n"):
            print(safe_text(part, limit=2000), file=sys.stderr)  # noqa: T201 - the rim


def _wants_json(words: Sequence[str]) -> bool:
    pairs = zip(words, [*words[1:], ""][: len(words)], strict=True)
    return any(
        a in {"--json", "--ndjson"}
        or a in {"--format=json", "--format=ndjson"}
        or (a == "--format" and b in {"json", "ndjson"})
        for a, b in pairs
    )


def _traceback() -> None:
    import traceback

    from alphastock_cli.safety import redacted, safe_text

    for line in redacted(traceback.format_exc()).splitlines():
        print(safe_text(line, limit=2000), file=sys.stderr)  # noqa: T201 - the rim


def _drop_stdout() -> None:
    """Point standard output at nowhere, so that the interpreter's last flush stays silent too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def entry() -> None:
    """Console-script entry point."""
    sys.exit(main())
