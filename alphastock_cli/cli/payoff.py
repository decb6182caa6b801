"""`payoff`: what an option structure gains at expiry and now, and what it risks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from alphastock_cli.cli.chain import DAYCOUNT, MODEL, RATE
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run, parse_day
from alphastock_cli.cli.words import measured
from alphastock_cli.errors import UsageError

_MINUS = "\N{MINUS SIGN}"  # the grammar of legs reads it as the hyphen
_SOLD = re.compile(r"-(?:[\d.]|atm|fut|eq|ce|pe)", re.IGNORECASE)


class LegsCommand(TyperCommand):
    """A command whose arguments may begin with a hyphen: ``-24200CE`` is a leg, no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - the parser's own
        """Hide the hyphen of sold legs from the parser; values of options stay as they are."""
        valued = {
            name
            for param in self.params
            if isinstance(param, TyperOption) and not param.is_flag
            for name in param.opts
        }
        kept, value = [], False
        for word in args:
            sold = not value and _SOLD.match(word)
            kept.append(_MINUS + word[1:] if sold else word)
            value = not value and word in valued
        return super().parse_args(ctx, kept)


COMMAND = LegsCommand


@shared(ROWS, SOURCE, CRON)
def payoff(
    run: Run,
    *,
    legs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Underlying and legs, e.g. NIFTY +24000CE -2xatm+200CE +25dPE=80 @weekly.",
            show_default=False,
        ),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="A structure by name, e.g. iron_condor; list shows all.")
    ] = "",
    width: Annotated[
        float | None,
        typer.Option(help="Rupees between strikes of a strategy; default 4 strikes.", metavar="W"),
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="Chooses the strikes of a strategy, e.g. 0.2.", metavar="D")
    ] = None,
    far: Annotated[
        str, typer.Option(help="Later expiry of a calendar or diagonal.", metavar="DATE")
    ] = "",
    expiry: Annotated[
        str, typer.Option(help="A date, weekly, monthly or next; default nearest.", metavar="DATE")
    ] = "",
    lots: Annotated[int, typer.Option(help="How many times it is held.", metavar="N")] = 1,
    span: Annotated[
        str,
        typer.Option("--range", help="Prices to show: 23000:25000, or 5%.", metavar="A:B"),
    ] = "",
    points: Annotated[int, typer.Option(help="How many prices.", metavar="N")] = 101,
    day: Annotated[
        str,
        typer.Option("--date", help="Day of payoff_today, at its close.", metavar="DATE"),
    ] = "",
    iv: Annotated[
        str,
        typer.Option(
            "--iv", help="Volatilities: +2% or -2% moves them, 15% sets them.", metavar="V"
        ),
    ] = "",
    plot: Annotated[
        Path | None, typer.Option(help="Also draw it: .png, .svg or .html.", metavar="FILE")
    ] = None,
    rate: Annotated[str, RATE] = "",
    model: Annotated[str, MODEL] = "",
    daycount: Annotated[str, DAYCOUNT] = "",
) -> None:
    """Show what an option structure gains at expiry and now, breakevens, odds and margin.

    A leg is + (buy) or - (sell), lots if not one (2x), a strike (24000, atm, atm+200, atm+2s,
    atm+1%, atm+1sd, 25d by delta, or rs80 by premium) with CE or PE, or FUT, or EQ; then @expiry
    and =price of its own. @weekly apart from the legs is the expiry of all.

    Example: alphastock payoff "NIFTY +24000CE -24200CE @weekly"
    """
    run.needs_product("payoff")
    if plot is not None:
        from alphastock_cli.views import pictures

        pictures.checked(plot)
    from alphastock_cli.actions import payoff as action
    from alphastock_cli.actions.payoff_grid import Span
    from alphastock_cli.actions.payoff_made import PayoffRequest
    from alphastock_cli.actions.payoff_templates import Measures

    text = " ".join(legs or [])
    if strategy.strip().lower() == "list":
        if text:
            raise UsageError("--strategy list shows all of them: leave the underlying away")
        run.show(action.strategies())
        return
    request = PayoffRequest(
        text=text, strategy=strategy, measures=Measures(width=width, delta=delta, far=far),
        expiry=expiry, lots=lots, span=Span.parse(span) if span else None, points=points,
        on=parse_day(day, option="--date") if day else None, vols=action.parse_vols(iv),
        rate=measured(run, rate, model, daycount), max_age=run.seconds("max_age"),
    )  # fmt: skip
    result = action.payoff(run.wiring.provider(), run.wiring.clock, request)
    if plot is not None:
        from alphastock_cli.views import plots

        plots.payoff(list(result.records()), pictures.about(result), plot)
        run.note(f"drawn to {plot}")
    run.show(result)
