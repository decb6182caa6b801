"""`scan`: enrich a class of instruments, filter and rank it."""

from __future__ import annotations

from typing import Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.chain import DAYCOUNT, MODEL, RATE
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, group_options, shared
from alphastock_cli.cli.run import Run

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
@group_options
def scan(ctx: typer.Context) -> None:
    """Enrich, filter and rank instruments."""


@app.command()
@shared(ROWS, SOURCE, CRON)
def equities(
    run: Run,
    *,
    universe: Annotated[
        str,
        typer.Option(
            help="all, watchlist, an index (nifty50), sector:NAME, a file, or SYMBOL,SYMBOL.",
            metavar="WORD",
        ),
    ] = "",
    symbols: Annotated[
        str,
        typer.Option(help="Only these symbols.", metavar="A,B", autocompletion=completion.lists),
    ] = "",
    preset: Annotated[
        str, typer.Option(help="A saved condition, e.g. oversold.", metavar="NAME")
    ] = "",
    explain: Annotated[
        str,
        typer.Option(
            help="Show each clause with this symbol's values.",
            metavar="SYMBOL",
            autocompletion=completion.symbols,
        ),
    ] = "",
    exchange: Annotated[str, typer.Option(help="NSE or BSE.")] = "NSE",
    series: Annotated[
        str, typer.Option(help="Series that count; default EQ,BE.", metavar="A,B")
    ] = "",
    interval: Annotated[
        str, typer.Option(help="day, or candles of a few symbols: 15minute, ...", metavar="NAME")
    ] = "day",
    raw: Annotated[
        bool, typer.Option("--raw", help="Do not adjust for splits and bonuses.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="As much history as changes a digit, not the look-back.")
    ] = False,
) -> None:
    """Scan equities: breadth, sectors, movers, volume leaders, indicators.

    Example: alphastock scan equities --where "rsi < 30 and close > sma_200"
    """
    run.needs_product("scan equities")
    from alphastock_cli.actions.presets import Preset
    from alphastock_cli.actions.scan_equities import ScanRequest, scan
    from alphastock_cli.cli.words import exchange_named, interval_named
    from alphastock_cli.runners.equities import EquityOptions

    settings = run.settings
    kept = tuple(part.strip().upper() for part in series.split(",") if part.strip())
    own = {
        name: Preset(where=saved.where, sort=saved.sort, top=saved.top)
        for name, saved in settings.scan.presets.items()
    }
    request = ScanRequest(
        universe=universe or ("all" if symbols else settings.scan.universe),
        symbols=symbols,
        preset=preset,
        where=run.get("where") or "",
        sort=run.get("sort") or "",
        top=run.top,
        columns=run.get("columns") or "",
        explain=explain,
        every_column=run.format != "table",
        options=EquityOptions(
            exchange=exchange_named(exchange, "NSE", "BSE"),
            series=kept or tuple(settings.scan.series),
            turnover_floor=settings.scan.turnover_floor,
            raw=raw,
            exact=exact,
            interval=interval_named(interval),
        ),
        own_presets=own,
        watchlist=settings.symbols.equities,
        max_age=run.seconds("max_age"),
    )
    run.show(scan(run.wiring.provider(), run.wiring.clock, request))


@app.command()
@shared(ROWS, SOURCE, CRON)
def options(
    run: Run,
    *,
    symbols: Annotated[
        str,
        typer.Option(
            help="Underlyings; default symbols.options, else indices.",
            metavar="A,B",
            autocompletion=completion.optioned_lists,
        ),
    ] = "",
    expiry: Annotated[
        str,
        typer.Option(help="nearest, next, weekly, monthly, all, or a date.", metavar="DATE"),
    ] = "nearest",
    preset: Annotated[
        str, typer.Option(help="A saved condition, e.g. rich_premium.", metavar="NAME")
    ] = "",
    rate: Annotated[str, RATE] = "",
    model: Annotated[str, MODEL] = "",
    daycount: Annotated[str, DAYCOUNT] = "",
) -> None:
    """Scan options: chains of several underlyings with Greeks, IV rank and percentile, liquidity.

    Example: alphastock scan options --where "iv_percentile > 80 and abs(delta) between 0.15
    and 0.30" --top 20
    """
    run.needs_product("scan options")
    from alphastock_cli.actions.presets import Preset
    from alphastock_cli.actions.scan_options import OptionScanRequest, scan_options
    from alphastock_cli.cli.words import measured

    own = {
        name: Preset(where=saved.where, sort=saved.sort, top=saved.top)
        for name, saved in run.settings.scan.presets.items()
    }
    request = OptionScanRequest(
        rate=measured(run, rate, model, daycount),
        symbols=symbols,
        configured=run.settings.symbols.options,
        expiry=expiry,
        preset=preset,
        where=run.get("where") or "",
        sort=run.get("sort") or "",
        top=run.top,
        columns=run.get("columns") or "",
        every_column=run.format != "table",
        own_presets=own,
        max_age=run.seconds("max_age"),
    )
    run.show(scan_options(run.wiring.provider(), run.wiring.clock, request))
