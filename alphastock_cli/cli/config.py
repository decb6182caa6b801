"""`config`: what is set and who set it, where the files are, import of the old JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alphastock_cli.cli.options import ROWS, group_options, shared
from alphastock_cli.cli.run import Run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_PROVIDER = {
    "provider": Annotated[
        str | None, typer.Option("--provider", help="Source of the data.", metavar="NAME")
    ]
}


@app.callback()
@group_options
def config(ctx: typer.Context) -> None:
    """Show and import the configuration."""


@app.command()
@shared(ROWS, _PROVIDER)
def show(
    run: Run,
    *,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
) -> None:
    """Show every setting in force."""
    from alphastock_cli.actions.result import Result

    settings = run.settings
    rows = []
    for key, value in settings.flat().items():
        row: dict[str, object] = {"key": key, "value": value}
        if origin:
            row["origin"] = settings.origin(key)
        rows.append(row)
    run.show(Result(kind="config", rows=rows, source="configuration"))


@app.command()
@shared(ROWS)
def path(run: Run) -> None:
    """Show where the configuration and the data lie, and what exists."""
    from alphastock_cli import config as settings_module
    from alphastock_cli.actions.result import Result

    rows = settings_module.paths(run.settings)
    run.show(Result(kind="config_path", rows=rows, source="configuration"))


@app.command(name="import")
@shared()
def import_(
    run: Run,
    *,
    file: Annotated[Path, typer.Argument(help="The old production.json.", metavar="FILE")],
    to: Annotated[
        Path, typer.Option("--to", help="TOML file to write; must not exist.", metavar="FILE")
    ] = Path("alphastock.toml"),
) -> None:
    """Turn an old JSON configuration into TOML; every renamed or ignored key is told."""
    from alphastock_cli import config as settings_module
    from alphastock_cli.errors import UsageError
    from alphastock_cli.store.atomic import write_bytes

    report = settings_module.config_import(file)
    if to.exists():
        raise UsageError(f"{to} exists and is left as it is", hint="Choose another name with --to.")
    write_bytes(to, report.toml_text.encode())
    for old, new, why in report.renamed:
        run.note(f"{old} -> {new}: {why}")
    for key, why in report.ignored:
        run.note(f"not imported: {key}: {why}")
    run.note(f"wrote {to}")
