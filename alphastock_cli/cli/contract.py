"""`contract`: lot, tick, expiry, freeze and hours of a symbol on a date, and who says so."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli import completion
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
    symbol: Annotated[
        str,
        typer.Argument(
            help="e.g. NIFTY, SENSEX, GOLD, USDINR, SBIN.", autocompletion=completion.underlyings
        ),
    ],
    diff: Annotated[
        bool,
        typer.Option(
            "--diff", help="Where the nearest instrument master and our tables differ instead."
        ),
    ] = False,
) -> None:
    """Show lot, tick and expiries of a symbol, one row a listed expiry, and who says so.

    The nearest instrument master that was known on the day decides, where one is loaded
    (`fetch instruments`), else the tables; freeze quantity and hours come from the tables.
    """
    day = run.on  # a bad date is told before anything is loaded
    from alphastock_cli.actions.contract import contract as facts
    from alphastock_cli.actions.contract import derivative
    from alphastock_cli.actions.master_diff import contract_diff

    on, lake = day or run.wiring.clock.now().date(), run.wiring.lake
    if diff:
        run.show(contract_diff(derivative(symbol), on, lake=lake))
    else:
        run.show(facts(symbol, on, lake=lake))
