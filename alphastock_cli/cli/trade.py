"""`trade`: the paper trade loop, a person's own orders, and what the ledger says."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphastock_cli.cli import completion
from alphastock_cli.cli.accounts import (
    existing,
    goes_on,
    marked,
    missing,
    name_of,
    own,
    ready,
)
from alphastock_cli.cli.options import CRON, LEDGER, ROWS, SOURCE, group_options, merge, shared
from alphastock_cli.cli.run import Run, parse_duration
from alphastock_cli.errors import UsageError

if TYPE_CHECKING:
    from alphastock_cli.domain.decisions import RiskLimits
    from alphastock_cli.domain.trading import OrderEvent

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)

PRICE = typer.Option(help="Limit price in rupees; without one a market order.", metavar="PRICE")
TRIGGER = typer.Option(help="Price that sets off a stop order.", metavar="PRICE")
PRODUCT = typer.Option(help="CNC, MIS or NRML; default CNC for shares, NRML else.")
WAIT = typer.Option(help="Let that much of the market pass before it ends.", metavar="DURATION")
SYMBOL = typer.Argument(
    help="SBIN, BSE:INFY, NIFTY26DEC24000CE", metavar="SYMBOL", autocompletion=completion.traded
)
QUANTITY = typer.Argument(help="Units, whole lots.", min=1, metavar="QUANTITY")


@app.callback()
@group_options
def trade(
    ctx: typer.Context,
    *,
    paper: Annotated[
        bool, typer.Option("--paper", help="On paper: the default, and all there is.")
    ] = True,
    once: Annotated[bool, typer.Option("--once", help="One look, then end.")] = False,
    strategy: Annotated[
        str, typer.Option(help="Strategies to follow; default those configured.", metavar="A,B")
    ] = "",
    symbols: Annotated[
        str,
        typer.Option(
            help="SBIN,INFY, an index such as nifty50, or a file.",
            metavar="WORD",
            autocompletion=completion.lists,
        ),
    ] = "",
    interval: Annotated[str, typer.Option(help="Candles to judge.", metavar="NAME")] = "",
    speed: Annotated[
        float, typer.Option(help="Of a replay: 60 is a minute a second, 0 no wait.", min=0.0)
    ] = 0.0,
    every: Annotated[str, typer.Option(help="Time between looks.", metavar="DURATION")] = "1m",
    for_: Annotated[
        str, typer.Option("--for", help="Stop after so much time.", metavar="DURATION")
    ] = "",
) -> None:
    """Trade on paper: without a command the loop from market to fill.

    Example: alphastock trade --paper --once
    """
    del paper  # said for clarity: nothing else exists
    if ctx.invoked_subcommand is not None:
        return
    run = merge(ctx, {})
    if not run.begin(ctx.command_path):
        return
    _loop(run, once=once, strategy=strategy, symbols=symbols, interval=interval, speed=speed,
          every=parse_duration(every, option="--every"),
          length=parse_duration(for_, option="--for") if for_ else None)  # fmt: skip


def _loop(
    run: Run, *, once: bool, strategy: str, symbols: str, interval: str, speed: float,
    every: float, length: float | None,
) -> None:  # fmt: skip
    from datetime import timedelta

    from alphastock_cli.actions import strategies
    from alphastock_cli.actions.trade import LoopRequest, closed, loop

    wiring, settings = run.wiring, run.settings
    wiring.stand_at_asked()
    wiring.begin_replay(speed)
    provider, clock = wiring.provider(), wiring.clock
    names = [part.strip() for part in strategy.split(",") if part.strip()]
    chosen = strategies.choose(
        provider, settings.strategies, names=names, symbols=symbols,
        interval=interval or settings.trading.interval,
        default_universe=settings.trading.universe, watchlist=settings.symbols.equities,
    )  # fmt: skip
    until = None if length is None else clock.now() + timedelta(seconds=length)
    if wiring.replayed is not None:
        end = wiring.replayed.closes + timedelta(minutes=1)
        until = end if until is None else min(until, end)
    request = LoopRequest(
        chosen=chosen, limits=_limits(run), once=once, until=until, every_seconds=every
    )
    account = own(run)
    for text in () if once or wiring.replayed is not None else closed(clock):
        run.note(f"waiting: {text}")
    with wiring.ledger(account) as journal:
        ready(run, journal)
        run.show(loop(provider, clock, journal, request, _teller(run)))


@app.command()
@shared(ROWS, SOURCE, CRON, LEDGER)
def buy(
    run: Run,
    *,
    symbol: Annotated[str, SYMBOL],
    quantity: Annotated[int, QUANTITY],
    limit: Annotated[str, PRICE] = "",
    trigger: Annotated[str, TRIGGER] = "",
    product: Annotated[str, PRODUCT] = "",
    wait: Annotated[str, WAIT] = "0s",
) -> None:
    """Buy on paper.

    Example: alphastock trade --paper buy SBIN 10 --limit 801.50
    """
    _order(run, "BUY", symbol, quantity, limit=limit, trigger=trigger, product=product, wait=wait)


@app.command()
@shared(ROWS, SOURCE, CRON, LEDGER)
def sell(
    run: Run,
    *,
    symbol: Annotated[str, SYMBOL],
    quantity: Annotated[int, QUANTITY],
    limit: Annotated[str, PRICE] = "",
    trigger: Annotated[str, TRIGGER] = "",
    product: Annotated[str, PRODUCT] = "",
    wait: Annotated[str, WAIT] = "0s",
) -> None:
    """Sell on paper: what is held, or short within the day with --product MIS."""
    _order(run, "SELL", symbol, quantity, limit=limit, trigger=trigger, product=product, wait=wait)


def _order(
    run: Run, side: str, symbol: str, quantity: int, *, limit: str, trigger: str, product: str,
    wait: str,
) -> None:  # fmt: skip
    from alphastock_cli.actions.trade import find_instrument, submit
    from alphastock_cli.domain.instrument import AssetType, Side
    from alphastock_cli.domain.trading import Product
    from alphastock_cli.trading.manual import Ticket

    wiring = run.wiring
    wiring.stand_at_asked()
    provider = wiring.provider()
    instrument = find_instrument(provider, symbol)
    default = "CNC" if instrument.asset_type is AssetType.EQUITY else "NRML"
    word = (product or default).upper()
    if word not in Product.__members__:
        raise UsageError(f"--product {product}: not one of CNC, MIS, NRML")
    ticket = Ticket(
        instrument=instrument, side=Side(side), quantity=quantity, product=Product(word),
        price=_price(limit, "--limit"), trigger_price=_price(trigger, "--trigger"),
    )  # fmt: skip
    with wiring.ledger(own(run)) as journal:
        ready(run, journal)
        run.show(
            submit(
                provider, wiring.clock, journal, ticket, limits=_limits(run),
                wait=parse_duration(wait, option="--wait"), heard=_teller(run),
                goes_on=goes_on(run),
            )
        )  # fmt: skip


@app.command()
@shared(ROWS, SOURCE, CRON, LEDGER)
def cancel(
    run: Run,
    *,
    order_ids: Annotated[list[str] | None, typer.Argument(metavar="[ORDER_ID]...")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every order that waits.")] = False,
) -> None:
    """Cancel orders that wait."""
    if bool(order_ids) == all_:
        raise UsageError("name the orders to cancel, or give --all")
    from alphastock_cli.actions.trade import cancel as act

    wiring = run.wiring
    wiring.stand_at_asked()
    with wiring.ledger(existing(run)) as journal:
        run.show(marked(run, act(wiring.clock, journal, order_ids or []), journal))


@app.command()
@shared(ROWS, SOURCE, LEDGER)
def orders(
    run: Run,
    *,
    open_: Annotated[bool, typer.Option("--open", help="Only those that wait.")] = False,
) -> None:
    """Show the orders of the ledger, oldest first."""
    from alphastock_cli.actions.ledger import order_list

    if missing(run, "orders"):
        return
    with run.wiring.read_ledger(name_of(run)) as journal:
        run.show(marked(run, order_list(journal, only_open=open_), journal))


@app.command()
@shared(ROWS, SOURCE, LEDGER)
def positions(run: Run) -> None:
    """Show what is held, what it is worth, and the figures of the account."""
    from alphastock_cli.actions.ledger import positions as act

    wiring = run.wiring
    if missing(run, "positions"):
        return
    with wiring.read_ledger(name_of(run)) as journal:
        run.show(marked(run, act(journal, wiring.provider(), wiring.clock), journal))


@app.command()
@shared(ROWS, SOURCE, LEDGER)
def pnl(run: Run) -> None:
    """Show profit and loss by instrument, gross, charges and net."""
    from alphastock_cli.actions.ledger import profit

    if missing(run, "pnl"):
        return
    with run.wiring.read_ledger(name_of(run)) as journal:
        run.show(marked(run, profit(journal, run.wiring.provider()), journal))


@app.command()
@shared(ROWS, SOURCE, CRON, LEDGER)
def halt(
    run: Run,
    *,
    why: Annotated[str, typer.Option(help="Reason, for the record.")] = "halted by a person",
) -> None:
    """Stop new entries until `trade resume`; exits go on."""
    _risk(run, why)


@app.command()
@shared(ROWS, SOURCE, CRON, LEDGER)
def resume(run: Run) -> None:
    """Let entries pass again after a halt."""
    _risk(run, "")


def _risk(run: Run, why: str) -> None:
    from alphastock_cli.actions.trade import halt as act

    with run.wiring.ledger(existing(run)) as journal:
        run.show(marked(run, act(journal, why), journal))


@app.command()
@shared(ROWS, SOURCE, LEDGER)
def audit(run: Run) -> None:
    """Prove that the ledger agrees with itself: sums, positions, orders, history."""
    from alphastock_cli.actions.ledger import audit as act
    from alphastock_cli.store.journal_verify import findings

    with run.wiring.read_ledger(existing(run)) as journal:
        run.show(marked(run, act(journal, findings), journal))


@app.command()
@shared(ROWS, SOURCE, CRON, LEDGER)
def reset(run: Run) -> None:
    """Put the ledger aside, whole, and begin a new one with the next trade."""
    from alphastock_cli.actions.result import Result
    from alphastock_cli.store.journal import set_aside

    wiring = run.wiring
    account = existing(run)
    kept = set_aside(wiring.ledger_path(account), account, at=wiring.clock.now(),
                     wait=wiring.lock_wait)  # fmt: skip
    row = {"account": account, "kept_as": str(kept)}
    run.show(Result(kind="reset", rows=[row], source=f"ledger {account}"))


def _price(text: str, option: str) -> Decimal | None:
    if not text:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal(0)
    if not price.is_finite() or price <= 0:
        raise UsageError(f"{option} {text}: not a price", hint="e.g. 801.50")
    return price


def _limits(run: Run) -> RiskLimits:
    """Return the configured limits as money."""
    from dataclasses import fields

    from alphastock_cli.domain.decisions import RiskLimits

    given: dict[str, Any] = {}
    for item in fields(run.settings.risk):
        value = getattr(run.settings.risk, item.name)
        given[item.name] = Decimal(repr(value)) if isinstance(value, float) else value
    return RiskLimits(**given)


def _teller(run: Run) -> Any:  # noqa: ANN401 - a callable
    """Return what prints an order event, after it is committed, on standard error."""

    def tell(event: OrderEvent) -> None:
        order, fill, at = event.state.order, event.fill, event.state.updated_at
        name = f"{order.side} {order.instrument.tradingsymbol}"
        if fill is not None:
            run.note(
                f"{at:%H:%M:%S} filled {name} {fill.quantity} at {fill.price}"
                f" ({order.role}, order {order.order_id}, charges {fill.charges})"
            )
        else:
            why = f": {event.state.status_message}" if event.state.status_message else ""
            run.detail(f"{at:%H:%M:%S} {event.state.status.lower()} {name} {order.quantity}"
                       f" ({order.role}, order {order.order_id}){why}")  # fmt: skip

    return tell
