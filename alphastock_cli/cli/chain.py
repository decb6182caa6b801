"""`chain`: the option chain of an underlying, header and ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run
from alphastock_cli.errors import UsageError

if TYPE_CHECKING:
    from alphastock_cli.actions.result import Result

_ALL = 1_000_000  # strikes each side: more than any chain has
RATE = typer.Option(
    help="Discount rate a year: 0.065, 6.5%, 0; nse: Black-Scholes on spot at 10 %.", metavar="R"
)
MODEL = typer.Option(help="black76 (Greeks on the forward) or bsm (on the spot).", metavar="NAME")
DAYCOUNT = typer.Option(
    help="act365, or trading252: sessions left over 252, to the second.", metavar="NAME"
)


@shared(ROWS, SOURCE, CRON)
def chain(
    run: Run,
    *,
    underlying: Annotated[
        str,
        typer.Argument(
            help="e.g. NIFTY, BANKNIFTY, SENSEX, SBIN.", autocompletion=completion.optioned
        ),
    ],
    expiry: Annotated[
        str,
        typer.Option(
            help="A date, weekly, monthly, or next (the one after the nearest); default nearest.",
            metavar="DATE",
            autocompletion=completion.expiries,
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
    daycount: Annotated[str, DAYCOUNT] = "",
    forward: Annotated[
        float | None,
        typer.Option(help="Price for delivery at expiry, instead of the market's.", metavar="X"),
    ] = None,
    smile: Annotated[
        bool, typer.Option("--smile", help="Fit the smile (SVI): parameters, arbitrage check.")
    ] = False,
    term: Annotated[
        bool, typer.Option("--term", help="Forward, IV and straddle of every expiry as well.")
    ] = False,
    iv_rank: Annotated[
        bool,
        typer.Option("--iv-rank", help="Where the 30-day IV stands among earlier sessions."),
    ] = False,
    vs: Annotated[
        str,
        typer.Option(
            "--vs", help="Show what changed since a moment, or since a day's close.", metavar="WHEN"
        ),
    ] = "",
    plot: Annotated[
        Path | None,
        typer.Option(help="Also draw the smile: .png, .svg or .html.", metavar="FILE"),
    ] = None,
) -> None:
    """Show an option chain: spot, forward, ATM, PCR, max pain, expected move, ladder.

    In --where, as in --json, iv is a fraction: iv > 0.15 is above 15 %.

    Example: alphastock chain NIFTY --greeks --strikes 5
    """
    run.needs_product("chain")
    if plot is not None:
        _check_plot(plot, vs)
    from alphastock_cli.actions.chain import ChainRequest
    from alphastock_cli.actions.chain import chain as ask
    from alphastock_cli.cli.words import earlier_moment, measured

    since = earlier_moment(vs, option="--vs") if vs else None
    request = ChainRequest(
        underlying=underlying,
        expiry=expiry,
        strikes=_ALL if plot is not None and strikes is None else strikes,
        greeks=greeks or plot is not None,
        second_order=second_order,
        rate=measured(run, rate, model, daycount),
        forward=forward,
        smile=smile or plot is not None,
        term=term,
        iv_rank=iv_rank,
        where=run.get("where") or "",
        sort=run.get("sort") or "",
        top=run.top,
        columns=run.get("columns") or "",
        ladder=run.format == "table",
        max_age=run.seconds("max_age"),
    )
    if since:
        from alphastock_cli.actions.chain_vs import Since, chain_vs

        then = Since(moment=since[0], day=since[1], provider=run.wiring.provider_at)
        run.show(chain_vs(run.wiring.provider(), run.wiring.clock, request, then))
        return
    result = ask(run.wiring.provider(), run.wiring.clock, request)
    run.show(result if plot is None else _drawn(run, result, plot, narrow=strikes is None))


def _check_plot(plot: Path, vs: str) -> None:
    """Refuse what cannot be drawn before anything is asked for."""
    from alphastock_cli.views.pictures import checked

    checked(plot)
    if vs:
        raise UsageError("--plot draws one chain, --vs shows two", hint="Leave one of them away.")


def _drawn(run: Run, result: Result, plot: Path, *, narrow: bool) -> Result:
    """Draw the smile of every strike; return what a table shows, the strikes about the money."""
    from alphastock_cli.actions.chain import STRIKES, around
    from alphastock_cli.views import pictures, plots

    if not {"strike", "option_type", "iv"} <= set(result.columns()):
        raise UsageError(
            "--plot needs strike, option_type and iv among the columns",
            hint="Leave --columns away, or name them.",
        )
    plots.smile(list(result.records()), pictures.about(result), plot)
    run.note(f"drawn to {plot}")
    whole = result.rows
    if not narrow or run.format != "table" or result.rows_follow or isinstance(whole, Sequence):
        return result
    rows = around(whole, result.summary["atm_strike"], STRIKES)
    return replace(result, rows=rows, summary={**result.summary, "matched": len(rows)})
