"""`signal`: what the strategies say of the latest final candles."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run

STRATEGY = typer.Option(help="Strategies to ask; default those configured.", metavar="A,B")
SYMBOLS = typer.Option(
    help="SBIN,INFY or an index such as nifty50, or a file.",
    metavar="WORD",
    autocompletion=completion.lists,
)


@shared(ROWS, SOURCE, CRON)
def signal(
    run: Run,
    *,
    strategy: Annotated[str, STRATEGY] = "",
    symbols: Annotated[str, SYMBOLS] = "",
    interval: Annotated[
        str, typer.Option(help="Candles to judge: day, 5minute, 15minute, ...", metavar="NAME")
    ] = "day",
    list_: Annotated[bool, typer.Option("--list", help="Name the strategies.")] = False,
) -> None:
    """Ask the strategies about the latest final candles; nothing is ordered.

    Example: alphastock signal --strategy ma_crossover --symbols SBIN,RELIANCE
    """
    from alphastock_cli.actions import strategies
    from alphastock_cli.actions.signal import signals

    run.needs_product("signal")
    settings = run.settings  # read first: plug-ins are loaded with it, and listed
    if list_:
        run.show(strategies.listing())
        return
    provider, clock = run.wiring.provider(), run.wiring.clock
    chosen = strategies.choose(
        provider, settings.strategies, names=_words(strategy), symbols=symbols, interval=interval,
        default_universe=settings.trading.universe, watchlist=settings.symbols.equities,
    )  # fmt: skip
    run.show(signals(provider, clock, chosen, max_age=run.seconds("max_age")))


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
