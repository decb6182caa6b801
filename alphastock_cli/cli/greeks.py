"""`greeks`: volatility and Greeks of one contract, listed or typed in, or of a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.chain import DAYCOUNT, MODEL, RATE
from alphastock_cli.cli.options import CRON, ROWS, SOURCE, shared
from alphastock_cli.cli.run import Run, parse_day
from alphastock_cli.domain.instrument import OptionType
from alphastock_cli.errors import UsageError

SPAN = "LOW:HIGH:STEP"
_TYPED = "--forward or --spot, --strike, --expiry, --type, and --price or --vol"


@shared(ROWS, SOURCE, CRON)
def greeks(
    run: Run,
    *,
    symbol: Annotated[
        str,
        typer.Argument(
            help="A listed contract, e.g. NIFTY26DEC24000CE.",
            show_default=False,
            autocompletion=completion.contracts,
        ),
    ] = "",
    forward: Annotated[
        float | None, typer.Option(help="Price for delivery at expiry.", metavar="F")
    ] = None,
    spot: Annotated[float | None, typer.Option(help="Price now.", metavar="S")] = None,
    strike: Annotated[float | None, typer.Option(help="Exercise price.", metavar="K")] = None,
    expiry: Annotated[str, typer.Option(help="Day the contract ends.", metavar="DATE")] = "",
    kind: Annotated[str, typer.Option("--type", help="CE or PE.", metavar="CE|PE")] = "",
    price: Annotated[
        float | None, typer.Option(help="Price of the option: finds its volatility.", metavar="P")
    ] = None,
    vol: Annotated[str, typer.Option(help="Volatility: 0.15 or 15%.", metavar="V")] = "",
    exchange: Annotated[
        str, typer.Option(help="Whose hours the last day has: NFO, BFO, MCX, CDS; default NFO.")
    ] = "",
    second_order: Annotated[
        bool,
        typer.Option("--second-order", help="Also vanna, volga, charm, speed and color."),
    ] = False,
    rate: Annotated[str, RATE] = "",
    model: Annotated[str, MODEL] = "",
    daycount: Annotated[str, DAYCOUNT] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Positions, one a row: CSV, Parquet or JSON lines.", metavar="FILE"),
    ] = None,
    spot_range: Annotated[
        str, typer.Option(help="Scenarios of a file: % of the spot; default 5.", metavar=SPAN)
    ] = "",
    iv_range: Annotated[
        str, typer.Option(help="Scenarios of a file: points of IV; default 5.", metavar=SPAN)
    ] = "",
    days: Annotated[
        str,
        typer.Option(help="Scenarios of a file: days ahead; default 0,1,5,expiry.", metavar="N,N"),
    ] = "",
) -> None:
    """Show volatility and Greeks of a listed contract, of typed-in numbers, or of a file.

    Example: alphastock greeks --forward 24000 --strike 24500 --expiry 2026-12-29 --type CE
    --price 120
    """
    run.needs_product("greeks")
    values = {"forward": forward, "spot": spot, "strike": strike, "expiry": expiry or None,
              "type": kind or None, "price": price, "vol": vol or None,
              "exchange": exchange or None}  # fmt: skip
    given = [f"--{name}" for name, value in values.items() if value is not None]
    grid = {"--spot-range": spot_range, "--iv-range": iv_range, "--days": days}
    if file is not None:
        others = [*(["a contract"] if symbol else []), *given,
                  *(["--second-order"] if second_order else [])]  # fmt: skip
        if others:
            raise UsageError(f"--file and {', '.join(others)}: give one or the other")
        _of_file(run, file, grid, (rate, model, daycount))
        return
    useless = [name for name, text in grid.items() if text]
    if useless:
        raise UsageError(f"{', '.join(useless)}: scenarios are made of a --file of positions")
    if symbol and given:
        raise UsageError(f"a listed contract and {', '.join(given)}: give one or the other")
    if not symbol and not given:
        hint = f"Give a listed contract, --file FILE, or {_TYPED}."
        raise UsageError("nothing to value", hint=hint)
    from alphastock_cli.actions import greeks as action
    from alphastock_cli.actions.option_words import fraction
    from alphastock_cli.cli.words import measured

    chosen = measured(run, rate, model, daycount)
    if symbol:
        run.show(
            action.contract(
                run.wiring.provider(), run.wiring.clock, symbol, chosen,
                second_order=second_order, max_age=run.seconds("max_age"),
            )
        )  # fmt: skip
        return
    refused = [f"--{name}" for name in ("provider", "max-age") if run.get(name.replace("-", "_"))]
    if refused:
        raise UsageError(f"{', '.join(refused)}: typed-in numbers come from no provider")
    missing = [name for name in ("strike", "expiry", "type") if values[name] is None]
    if missing or strike is None:
        raise UsageError(f"--{missing[0]} is missing", hint=f"Typed-in numbers are {_TYPED}.")
    from alphastock_cli.cli.words import exchange_named

    asked = action.Typed(
        forward=forward, spot=spot, strike=strike, price=price,
        expiry=parse_day(expiry, option="--expiry"), option_type=_type(kind),
        vol=fraction(vol, option="--vol") if vol else None,
        exchange=exchange_named(exchange or "NFO", "NFO", "BFO", "MCX", "CDS"),
    )  # fmt: skip
    now = run.as_of or run.wiring.clock.now()
    run.show(action.typed(asked, chosen, now=now, second_order=second_order))


def _type(text: str) -> OptionType:
    word = text.strip().upper()
    if word not in {item.value for item in OptionType}:
        raise UsageError(f"--type {text}: CE (a call) or PE (a put)")
    return OptionType(word)


def _of_file(run: Run, file: Path, grid: dict[str, str], terms: tuple[str, str, str]) -> None:
    """Value the positions of a file and show them."""
    from alphastock_cli.actions.greeks_file import greeks_file
    from alphastock_cli.actions.grid_words import parse_grid
    from alphastock_cli.cli.words import measured

    chosen = parse_grid(grid["--spot-range"], grid["--iv-range"], grid["--days"])
    run.show(
        greeks_file(
            run.wiring.provider(), run.wiring.clock, file, measured(run, *terms), chosen,
            max_age=run.seconds("max_age"),
        )
    )  # fmt: skip
