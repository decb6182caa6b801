"""`chain`: the option chain of an underlying, header and ladder."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run

RATE = typer.Option(
    help="Discount rate a year: 0.065, 6.5%, 0; nse: Black-Scholes on spot at 10 %.", metavar="R"
)
MODEL = typer.Option(help="black76 (Greeks on the forward) or bsm (on the spot).", metavar="NAME")


@shared(ROWS, SOURCE, CRON)
def chain(
    run: Run,
    *,
    underlying: Annotated[str, typer.Argument(help="e.g. NIFTY, BANKNIFTY, SENSEX, SBIN.")],
    expiry: Annotated[
        str,
        typer.Option(
            help="A date, weekly, monthly, or next (the one after the nearest); default nearest.",
            metavar="DATE",
        ),
    ] = "",
    strikes: Annotated[
        int | None,
        typer.Option(
            help="Strikes each side of the money; default 10 in a table, all elsewhere.",
            metavar="N",
        ),
    ] = None,
    greeks: Annotated[bool, typer.Option("--greeks", help="Volatilities and Greeks.")] = False,
    second_order: Annotated[
        bool,
        typer.Option("--second-order", help="Also vanna, volga, charm, speed and color."),
    ] = False,
    rate: Annotated[str, RATE] = "",
    model: Annotated[str, MODEL] = "",
) -> None:
    """Show an option chain: spot, forward, ATM, PCR, max pain, expected move, ladder.

    Example: alphastock chain NIFTY --greeks --strikes 5
    """
    run.needs_product("chain")
    from alphastock_cli.actions.chain import ChainRequest
    from alphastock_cli.actions.chain import chain as ask
    from alphastock_cli.actions.option_words import parse_rate

    request = ChainRequest(
        underlying=underlying,
        expiry=expiry,
        strikes=strikes,
        greeks=greeks,
        second_order=second_order,
        rate=parse_rate(rate, model),
        where=run.get("where") or "",
        sort=run.get("sort") or "",
        top=run.top,
        columns=run.get("columns") or "",
        ladder=run.format == "table",
        max_age=run.seconds("max_age"),
    )
    run.show(ask(run.wiring.provider(), run.wiring.clock, request))
