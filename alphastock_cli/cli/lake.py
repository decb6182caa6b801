"""`lake`: what is stored, what is missing, what was refused, what is damaged."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli.options import CRON, ROWS, group_options, shared
from alphastock_cli.cli.run import Run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
@group_options
def lake(ctx: typer.Context) -> None:
    """Inspect and mend the stored data."""


@app.command()
@shared(ROWS, CRON)
def status(run: Run) -> None:
    """Show each dataset: rows, files, first and last session, gaps, age."""
    from alphastock_cli.actions import lake_status

    run.show(lake_status.status(run.wiring.lake, run.wiring.clock))


@app.command()
@shared(ROWS, CRON)
def gaps(
    run: Run,
    *,
    dataset: Annotated[str, typer.Option(help="Dataset to check.")] = "equities_day",
    exchange: Annotated[
        str | None,
        typer.Option(help="NSE, BSE, NFO, ...; NSE, or NFO for futures and options."),
    ] = None,
) -> None:
    """List the sessions of the calendar that are not stored."""
    from alphastock_cli.actions import lake_status
    from alphastock_cli.cli.words import exchange_named
    from alphastock_cli.domain.instrument import Exchange

    usual = "NFO" if dataset in {"futures_day", "options_day"} else "NSE"
    code = exchange_named(exchange or usual, *Exchange)
    run.show(lake_status.gaps(run.wiring.lake, dataset=dataset, exchange=code))


@app.command()
@shared(ROWS, CRON)
def rejects(run: Run) -> None:
    """List the rows that were refused, each with its reason."""
    from alphastock_cli.actions import lake_status

    run.show(lake_status.rejects(run.wiring.lake))


@app.command()
@shared(ROWS, CRON)
def repair(run: Run) -> None:
    """Set damaged files aside and say which years to load again."""
    from alphastock_cli.actions import lake_status

    run.show(lake_status.repair(run.wiring.lake, run.wiring.clock))
