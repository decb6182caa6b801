"""`fetch`: bring data into the lake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.endings import ends_politely
from alphastock_cli.cli.fetch_chain import chain
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, group_options, shared
from alphastock_cli.cli.run import Run, parse_day
from alphastock_cli.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from alphastock_cli.providers.kite import Kite

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

KINDS = "equities,delivery,indices,fo"

PROVIDER = {"provider": SOURCE["provider"]}
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
        Path | None,
        typer.Option(
            "--from-dir", help="Folder of files as the exchanges publish them.", metavar="FOLDER"
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="First day to ask the exchanges for.", metavar="DATE"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", help="Last day; default the last one that is over.", metavar="DATE"),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help=f"Of equities,delivery,indices,fo,bse; default {KINDS}.", metavar="A,B"
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be asked for; ask and write nothing.")
    ] = False,
) -> None:
    """Load end-of-day files of shares, indices, futures and options into the lake.

    Either from a folder (--from-dir) or from the exchanges' archives (--from), once a second and
    never twice. Files are recognised by their header; a second load changes nothing.
    """
    if from_dir is not None:
        given = {"--from": since, "--to": until, "--kind": kind, "--plan": plan or None}
        clash = [name for name, value in given.items() if value is not None]
        if clash:
            raise UsageError(
                f"{clash[0]} and --from-dir are two ways", hint="Give --from DATE or --from-dir."
            )
        _from_folder(run, from_dir)
    elif since is None:
        raise UsageError(
            "nothing says where the files are",
            hint="Give --from DATE to download them, or --from-dir FOLDER to read a folder.",
        )
    elif run.on is not None:
        raise UsageError("--on is for files of a folder", hint="Give --from DATE and --to DATE.")
    else:
        first = parse_day(since, option="--from")
        last = None if until is None else parse_day(until, option="--to")
        kinds = (KINDS if kind is None else kind).lower().split(",")
        _from_archive(run, [word.strip() for word in kinds if word.strip()], first, last, plan=plan)


def _from_folder(run: Run, folder: Path) -> None:
    from alphastock_cli.actions.fetch_eod import fetch_eod, last_load

    wiring = run.wiring
    if not run.is_stale(last_load(wiring.lake, folder, on=run.on)):
        return
    result = fetch_eod(wiring.eod_files(), wiring.lake, folder, on=run.on, progress=run.progress)
    run.show(result.result())


def _from_archive(
    run: Run, kinds: Sequence[str], first: date, last: date | None, *, plan: bool
) -> None:
    from alphastock_cli.actions.fetch_archive import fetch_archive, last_fetch, show_plan

    wiring = run.wiring
    if plan:
        run.show(show_plan(wiring.eod_archive(), wiring.lake, kinds, first, last))
        return
    if not run.is_stale(last_fetch(wiring.lake, kinds, first, last)):
        return
    report = fetch_archive(
        wiring.eod_archive(), wiring.lake, kinds, first, last, progress=run.progress
    )
    trouble = report.trouble()
    result = report.result()
    if report.load.files or (trouble is None and _asks_for_rows(run)):
        run.show(result)
    elif trouble is None:  # an empty table would say "nothing found", which is something else
        for text in result.warnings:
            run.note(text)
    if trouble is not None:
        raise trouble


def _asks_for_rows(run: Run) -> bool:
    return run.format != "table" or bool(run.get("output") or run.get("fail_empty"))


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
@shared(ROWS, CRON, PROVIDER)
def candles(
    run: Run,
    *,
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            help="Whose candles, from --provider kite.", autocompletion=completion.symbols
        ),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from-file",
            help="CSV (also .gz), Parquet or zip of candles or ticks.",
            metavar="FILE",
        ),
    ] = None,
    symbol: Annotated[
        str, typer.Option("--symbol", help="Whose candles a file holds.", metavar="SYMBOL")
    ] = "",
    interval: Annotated[
        str, typer.Option("--interval", help="minute, 5minute, ..., or day.", metavar="INTERVAL")
    ],
    exchange: Annotated[
        str, typer.Option("--exchange", help="Where it is quoted.", metavar="CODE")
    ] = "NSE",
    columns_of: Annotated[
        str,
        typer.Option(
            "--map",
            help="Columns whose names do not tell: timestamp, open, price, volume, ...",
            metavar="FIELD=COLUMN,...",
        ),
    ] = "",
    member: Annotated[
        str,
        typer.Option(
            "--member",
            help="Which file of a zip; default the one named after the symbol.",
            metavar="NAME",
        ),
    ] = "",
    since: Annotated[
        str | None, typer.Option("--from", help="First day to ask Kite for.", metavar="DATE")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Last day; default today.", metavar="DATE")
    ] = None,
    oi: Annotated[bool, typer.Option("--oi", help="Open interest as well, of contracts.")] = False,
    continuous: Annotated[
        bool,
        typer.Option(
            "--continuous", help="Days of an underlying's futures joined, expired ones as well."
        ),
    ] = False,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Also days stored already: all of each symbol, anew."),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show calls, seconds and budget; fetch nothing.")
    ] = False,
) -> None:
    """Load candles into the lake: of symbols from Kite, or of one symbol from a file.

    A candle is stamped with its start; a time without a zone is Indian. From Kite only final ones
    come, only of days not stored yet, or stored with rows refused or missing: run it again to go
    on. Days (--interval day) are of shares, indices and contracts; those of shares are adjusted for
    splits as of the day they were asked for, so a share with a day missing is asked for whole. From
    a file ticks become minutes, and days are those of an index. What breaks a rule is set aside
    with its reason (`lake rejects`); a second load changes nothing.
    """
    asked = {"--from": since, "--to": until, "--oi": oi or None, "--plan": plan or None,
             "--continuous": continuous or None, "--refetch": refetch or None,
             "--provider": run.get("provider"), "SYMBOLS": symbols or None}  # fmt: skip
    if from_file is None:
        file_only = {"--symbol": symbol, "--map": columns_of, "--member": member}
        clash = [name for name, value in file_only.items() if value]
        if clash:
            raise UsageError(f"{clash[0]} is for --from-file FILE", hint="Name the file.")
        _from_broker(run, symbols or [], interval, exchange=exchange, since=since, until=until,
                     oi=oi, continuous=continuous, refetch=refetch, plan=plan)  # fmt: skip
        return
    clash = [name for name, value in asked.items() if value is not None]
    if clash or not symbol:
        what = f"{clash[0]} and --from-file are two ways" if clash else "whose candles are they?"
        raise UsageError(what, hint="A file takes --symbol NAME and --interval.")
    from alphastock_cli.actions.fetch_candles import fetch_candles, last_load

    wiring = run.wiring
    words = {"symbol": symbol, "interval": interval, "exchange": exchange,
             "columns": columns_of, "member": member}  # fmt: skip
    if run.is_stale(last_load(wiring.lake, from_file, **words)):
        run.show(fetch_candles(wiring.lake, wiring.clock, from_file, **words))


def _from_broker(
    run: Run,
    symbols: Sequence[str],
    interval: str,
    *,
    exchange: str,
    since: str | None,
    until: str | None,
    oi: bool,
    continuous: bool,
    refetch: bool,
    plan: bool,
) -> None:
    if not symbols or since is None:
        raise UsageError(
            "nothing says which candles" if not symbols else "nothing says from when on",
            hint="e.g. alphastock fetch candles SBIN --interval minute --from 2026-01-01, or"
            " --from-file FILE --symbol SBIN.",
        )
    from alphastock_cli.actions.fetch_history import (
        HistoryRequest,
        fetch_history,
        last_fetch,
        show_plan,
    )

    request = HistoryRequest(
        symbols=symbols, interval=interval, exchange=exchange, oi=oi, continuous=continuous,
        refetch=refetch, first=parse_day(since, option="--from"),
        last=None if until is None else parse_day(until, option="--to"),
    )  # fmt: skip
    wiring = run.wiring
    source = _broker(run)
    if plan:
        run.show(show_plan(source, wiring.lake, request))
    elif run.is_stale(last_fetch(wiring.lake, request)):
        with ends_politely():
            found = fetch_history(source, wiring.lake, wiring.clock, request, progress=run.progress)
        run.show(found)


def _broker(run: Run) -> Kite:
    """Return the one provider whose answers are worth storing; simulated ones never are."""
    name = run.get("provider") or "kite"
    if name != "kite":
        from alphastock_cli.registry import PROVIDERS

        known = PROVIDERS.names()
        if name.partition(":")[0] not in {*known, "replay"}:
            raise UnknownName.of("provider", name, known, hint=f"Known: {', '.join(known)}.")
        raise UsageError(
            f"nothing is fetched from `{name}` into the lake",
            hint="Leave --provider out for kite, or name a file: --from-file FILE.",
        )
    from alphastock_cli.providers.kite import Kite

    source = run.wiring.provider("kite")
    assert isinstance(source, Kite)
    return source


app.command()(chain)


@app.command()
@shared(ROWS, CRON, ON, PROVIDER)
def instruments(
    run: Run,
    *,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from-file", help="A broker's instrument master, .csv or .csv.gz.", metavar="FILE"
        ),
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option("--exchange", help="Only what is listed there, e.g. NFO.", metavar="CODE"),
    ] = None,
) -> None:
    """Load an instrument master into the lake, as the snapshot of one day.

    Of Kite (the default) it is today's list, asked for once a day. Of a file the day is --on, or
    the date in its name; it is never guessed. What breaks a rule is set aside with its reason
    (`lake rejects`); more than 1 bad row in 100 refuse the master whole.
    """
    from alphastock_cli.actions.fetch_instruments import fetch_instruments

    if from_file is not None and run.get("provider"):
        raise UsageError("--provider and --from-file are two ways", hint="Give one of them.")
    if from_file is None and run.on is not None:
        raise UsageError("--on is for a file: Kite has today's list alone")
    from alphastock_cli.actions.fetch_candles import parse_exchange

    only = None if exchange is None else parse_exchange(exchange)
    wiring = run.wiring
    if not run.is_stale(wiring.lake.last_load("instruments")):
        return
    if from_file is not None:
        run.show(fetch_instruments(wiring.lake, wiring.clock, from_file, on=run.on, exchange=only))
        return
    source = _broker(run)
    path, day = source.dump.file()
    result = fetch_instruments(wiring.lake, wiring.clock, path, on=day, exchange=only)
    told = {*result.warnings}
    more = tuple(text for text in source.remarks() if text not in told)
    summary = {**result.summary, "dated_by": "kite"}
    run.show(
        replace(
            result, source=source.name, summary=summary, warnings=(*more, *result.warnings)
        )
    )  # fmt: skip
