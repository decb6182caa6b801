"""`fetch`: bring data into the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alphastock_cli.cli.options import CRON, ROWS, group_options, shared
from alphastock_cli.cli.run import Run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ON = {
    "on": Annotated[
        str | None,
        typer.Option("--on", help="Date of files that carry none.", metavar="DATE"),
    ]
}


@app.callback()
@group_options
def fetch(ctx: typer.Context) -> None:
    """Bring market data into the lake."""


@app.command()
@shared(ROWS, CRON, ON)
def eod(
    run: Run,
    *,
    from_dir: Annotated[
        Path,
        typer.Option(
            "--from-dir", help="Folder of files as the exchanges publish them.", metavar="FOLDER"
        ),
    ],
) -> None:
    """Load end-of-day equity and index files of NSE and BSE into the lake.

    Files are recognised by their header; a second load changes nothing.
    """
    from alphastock_cli.actions.fetch_eod import fetch_eod

    wiring = run.wiring
    if not run.is_stale(wiring.lake.last_load("equities_day")):
        return
    result = fetch_eod(wiring.eod_files(), wiring.lake, from_dir, on=run.on, progress=run.progress)
    run.show(result.result())


@app.command()
@shared(ROWS, CRON, ON)
def reference(
    run: Run,
    *,
    from_dir: Annotated[
        Path,
        typer.Option(
            "--from-dir",
            help="Folder of constituent lists, symbol changes, multipliers, lots, freezes.",
            metavar="FOLDER",
        ),
    ],
) -> None:
    """Load reference lists into the lake, each with the date from which it is valid."""
    from alphastock_cli.actions.fetch_reference import fetch_reference

    wiring = run.wiring
    if not run.is_stale(wiring.lake.last_load("membership")):
        return
    run.show(fetch_reference(wiring.reference_files(), wiring.lake, from_dir, on=run.on))
