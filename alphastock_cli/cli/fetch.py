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
    """Load end-of-day files of shares, indices, futures and options into the lake.

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


@app.command()
@shared(ROWS, CRON)
def candles(
    run: Run,
    *,
    from_file: Annotated[
        Path,
        typer.Option("--from-file", help="CSV (also .gz) or Parquet of candles.", metavar="FILE"),
    ],
    symbol: Annotated[
        str, typer.Option("--symbol", help="Whose candles they are.", metavar="SYMBOL")
    ],
    interval: Annotated[
        str, typer.Option("--interval", help="minute, 5minute, 15minute, ...", metavar="INTERVAL")
    ],
    exchange: Annotated[
        str, typer.Option("--exchange", help="Where it is quoted.", metavar="CODE")
    ] = "NSE",
    columns_of: Annotated[
        str,
        typer.Option(
            "--map",
            help="Columns whose names do not tell: timestamp, open, close, volume, ...",
            metavar="FIELD=COLUMN,...",
        ),
    ] = "",
) -> None:
    """Load the candles of one symbol from a file into the lake.

    A candle is stamped with its start; a time without a zone is Indian. What breaks a rule is set
    aside with its reason (`lake rejects`); a second load changes nothing.
    """
    from alphastock_cli.actions.fetch_candles import fetch_candles, parse_interval

    wiring = run.wiring
    if not run.is_stale(wiring.lake.last_load(f"candles_{parse_interval(interval)}")):
        return
    run.show(
        fetch_candles(
            wiring.lake, wiring.clock, from_file,
            symbol=symbol, interval=interval, exchange=exchange, columns=columns_of,
        )
    )  # fmt: skip
