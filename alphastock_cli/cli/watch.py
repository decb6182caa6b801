"""`watch`: a live view of indices, symbols and positions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.options import CRON, LEDGER, SOURCE, shared
from alphastock_cli.cli.run import Run, parse_duration
from alphastock_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alphastock_cli.domain.trading import Position
    from alphastock_cli.views.model import Model

_LIMITS = {name: CRON[name] for name in ("if_open", "deadline")}
_FASTEST = 0.1  # seconds


@shared(SOURCE, _LIMITS, LEDGER)
def watch(
    run: Run,
    *,
    symbols: Annotated[
        str,
        typer.Option(
            help="Shares to follow, e.g. SBIN,BSE:INFY.",
            metavar="A,B",
            autocompletion=completion.lists,
        ),
    ] = "",
    plain: Annotated[
        bool, typer.Option("--plain", help="Tables; in a pipe one block a turn.")
    ] = False,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="One JSON object a turn, one a line.")
    ] = False,
    every: Annotated[str, typer.Option(help="Time between turns.", metavar="DURATION")] = "2s",
    count: Annotated[int | None, typer.Option(help="Stop after N turns.", metavar="N")] = None,
    speed: Annotated[
        float, typer.Option(help="Of a replay: 60 is a minute a second, 0 no wait.", min=0.0)
    ] = 1.0,
) -> None:
    """Watch indices, symbols and positions until stopped.

    Example: alphastock watch --symbols SBIN,INFY --every 5s
    """
    seconds = parse_duration(every, option="--every")
    if plain and ndjson:
        raise UsageError("--plain and --ndjson are two forms of one view; give one")
    if seconds < _FASTEST:
        raise UsageError(f"--every {every}: too fast", hint="From 100ms up.")
    if count is not None and count < 1:
        raise UsageError(f"--count {count}: give a number from 1 up")
    import os
    import shutil
    import sys

    from alphastock_cli.views import plain as view

    run.wiring.begin_replay(speed)
    models = _models(run, symbols, seconds, count)
    with _ends_on_signals():
        if ndjson:
            from alphastock_cli.views.ndjson import line

            for model in models:
                print(line(model), end="", flush=True)  # noqa: T201 - the rim
        elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}:
            view.live(models, no_color=bool(run.get("no_color")))
        else:
            view.blocks(models, sys.stdout, width=shutil.get_terminal_size().columns)


def _models(run: Run, symbols: str, seconds: float, count: int | None) -> Iterator[Model]:
    """Yield what the view shows, turn by turn."""
    from datetime import timedelta

    from alphastock_cli.actions import watch_list
    from alphastock_cli.actions.age import check_age
    from alphastock_cli.actions.watch import WatchRequest
    from alphastock_cli.actions.watch import watch as look
    from alphastock_cli.views.model import STALE_SECONDS, build

    wiring, chosen = run.wiring, run.settings.symbols
    clock, replayed = wiring.clock, wiring.replayed
    with wiring.live() as provider:
        keys = (
            watch_list.parse_keys(symbols)
            if symbols
            else watch_list.default_keys(provider, chosen.equities)
        )
        request = WatchRequest(
            symbols=keys,
            indices=chosen.indices,
            every=seconds,
            count=count,
            # a replay has a clock of its own that moves on, and an end
            until=replayed.closes + timedelta(minutes=1) if replayed else None,
            moment=None if replayed else run.as_of,
        )
        for turn, seen in enumerate(look(provider, clock, request, positions=_positions(run))):
            if turn == 0:
                check_age(seen.as_of, clock, run.seconds("max_age"))
            # a value may miss two turns before it is called stale
            yield build(seen, limit=max(STALE_SECONDS, 3 * seconds))


def _positions(run: Run) -> Callable[[], Sequence[Position]]:
    """Return what reads the open positions of the ledger; none where nobody has traded yet."""
    from alphastock_cli.trading.portfolio import Portfolio

    wiring, named = run.wiring, run.get("account") or ""
    account = wiring.account(named)

    def read() -> Sequence[Position]:
        if not named and not wiring.ledger_path(account).exists():
            return ()
        with wiring.read_ledger(account) as journal:
            return Portfolio.of(journal.opening_cash(), journal.fills()).open_positions

    return read


@contextmanager
def _ends_on_signals() -> Iterator[None]:
    """Let a polite end and a closed terminal take the way of Ctrl-C: the screen is restored."""
    import signal

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
