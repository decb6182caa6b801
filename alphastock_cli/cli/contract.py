"""`contract`: lot, tick, expiry, freeze and hours of a symbol on a date, and who says so."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli.options import CRON, ROWS, shared
from alphastock_cli.cli.run import Run

ON = {
    "on": Annotated[
        str | None,
        typer.Option("--on", help="The day asked about; today when left out.", metavar="DATE"),
    ]
}


@shared(ROWS, CRON, ON)
def contract(
    run: Run,
    *,
    symbol: Annotated[str, typer.Argument(help="e.g. NIFTY, SENSEX, GOLD, USDINR, SBIN.")],
) -> None:
    """Show what the exchange's rules say of a symbol, one row a listed expiry."""
    day = run.on  # a bad date is told before anything is loaded
    from alphastock_cli.actions.contract import contract as facts

    run.show(facts(symbol, day or run.wiring.clock.now().date(), lake=run.wiring.lake))
