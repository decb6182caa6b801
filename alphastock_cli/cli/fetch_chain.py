"""`fetch chain`: snapshots of option chains into the lake, from Kite or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run
from alphastock_cli.errors import UsageError


@shared(ROWS, CRON, {"provider": SOURCE["provider"]})
def chain(
    run: Run,
    *,
    underlyings: Annotated[
        list[str] | None,
        typer.Argument(
            help="Whose chains, from --provider kite, now.", autocompletion=completion.optioned
        ),
    ] = None,
    expiry: Annotated[
        str,
        typer.Option(
            "--expiry",
            help="A date, weekly, monthly, next, or all; default nearest.",
            metavar="DATE",
        ),
    ] = "",
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from-file",
            help="CSV, Parquet, JSON (also .gz) or zip of option chains.",
            metavar="FILE",
        ),
    ] = None,
    underlying: Annotated[
        str,
        typer.Option(
            "--underlying",
            help="Only the chains of this one, e.g. NIFTY; default all.",
            metavar="SYMBOL",
        ),
    ] = "",
    columns_of: Annotated[
        str,
        typer.Option(
            "--map",
            help="Columns whose names do not tell: timestamp, strike, open_interest, ...",
            metavar="FIELD=COLUMN,...",
        ),
    ] = "",
) -> None:
    """Load snapshots of option chains into the lake: of Kite as they are now, or from a file.

    From Kite what `chain` shows is stored, every strike. A file's form is recognised by its columns
    and says what its figures count; --map tells of others. Quantities are stored in units; what
    breaks a rule is set aside with its reason (`lake rejects`); a second load changes nothing.
    Then: alphastock chain NIFTY --provider lake --as-of 2026-08-19T11:30
    """
    wiring = run.wiring
    if from_file is None:
        clash = [name for name, value in (("--underlying", underlying), ("--map", columns_of))
                 if value]  # fmt: skip
        if clash:
            raise UsageError(f"{clash[0]} is for --from-file FILE", hint="Name the file.")
        if not underlyings:
            raise UsageError(
                "nothing says which chains",
                hint="e.g. alphastock fetch chain NIFTY, or --from-file FILE.",
            )
        if run.is_stale(wiring.lake.last_load("chains")):
            from alphastock_cli.actions.fetch_chain_now import fetch_chain_now

            source = wiring.provider(None if run.get("provider") else "kite")
            run.show(fetch_chain_now(source, wiring.lake, wiring.clock, underlyings, expiry=expiry))
        return
    asked = {"UNDERLYINGS": underlyings, "--provider": run.get("provider"), "--expiry": expiry}
    clash = [name for name, value in asked.items() if value]
    if clash:
        raise UsageError(
            f"{clash[0]} and --from-file are two ways",
            hint="Of a file: --underlying NAME takes one of its chains.",
        )
    from alphastock_cli.actions.fetch_chain import fetch_chain

    if run.is_stale(wiring.lake.last_load("chains")):
        run.show(
            fetch_chain(
                wiring.lake, wiring.clock, from_file, underlying=underlying, columns=columns_of
            )
        )
