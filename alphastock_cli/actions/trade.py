"""`trade`: the loop from market to fill on paper, and a person's own orders beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from alphastock_cli.actions.ledger import Named, order_row, positions
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.strategies import Chosen, runner
from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.instrument import (
    AssetType,
    Exchange,
    Instrument,
    OptionType,
    Side,
    exact,
)
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.trading import OrderEvent, OrderState, OrderStatus
from alphastock_cli.errors import ConfigError, ProviderError, Refused, UnknownName
from alphastock_cli.exchange import calendar, contracts, rules
from alphastock_cli.orchestrator import Orchestrator, markets
from alphastock_cli.runners._derivatives import CASH, early_close, has_derivatives, underlyings
from alphastock_cli.trading import manual, orders, risk
from alphastock_cli.trading.desk import Desk, DeskPolicy
from alphastock_cli.trading.paper import PaperBroker

if TYPE_CHECKING:
    import polars as pl

Heard = Callable[[OrderEvent], None]
GoesOn = Callable[[OrderState, datetime], str]  # the command that lets an order meet the market
_CASH = (Exchange.NSE, Exchange.BSE)
_DERIVATIVES = (Exchange.NFO, Exchange.BFO, Exchange.MCX, Exchange.CDS, Exchange.BCD)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRequest:
    """How long the loop goes on: once, until a moment, or until it is stopped."""

    chosen: Chosen
    limits: RiskLimits
    once: bool = False
    until: datetime | None = None
    every_seconds: float = 60.0


def orchestrator(
    provider: MarketData,
    clock: Clock,
    journal: Named,
    *,
    chosen: Chosen,
    limits: RiskLimits,
    heard: Heard = lambda _: None,
) -> Orchestrator:
    """Return the paper trader of a ledger: its runner, strategies, desk and broker, initialised.

    Raises
    ------
    ConfigError
        The ledger knows of a later moment than the clock does: two times would mix.
    """
    _refuse_the_past(journal, clock)
    broker = PaperBroker()
    policy = DeskPolicy(limits=limits, intraday=chosen.interval.is_intraday)
    desk = Desk(broker=broker, journal=journal, clock=clock, policy=policy, heard=heard)
    made = Orchestrator(
        provider=provider, clock=clock, runners={"equities": runner(provider, clock, chosen)},
        strategies=chosen.strategies, broker=broker, desk=desk,
    )  # fmt: skip
    made.initialize()
    return made


def loop(
    provider: MarketData, clock: Clock, journal: Named, request: LoopRequest, heard: Heard
) -> Result:
    """Trade on paper, then return the orders of this run and the account as it stands."""
    began = {state.order.order_id: state for state in journal.orders()}
    trader = orchestrator(
        provider, clock, journal, chosen=request.chosen, limits=request.limits, heard=heard
    )
    if request.once:
        trader.turn()
    else:
        trader.run(every_seconds=request.every_seconds, until=request.until)
    touched = [s for s in journal.orders() if began.get(s.order.order_id) != s]
    told = {early_close(s.order.instrument, s.order.placed_at) for s in touched} - {""}
    if len(told) > 1:
        told = {f"{min(told)}; {len(told) - 1} more shares likewise"}
    account = positions(journal, provider, clock)
    status = trader.get_status()
    return Result(
        kind="trade",
        rows=[order_row(state) for state in touched],
        summary={**account.summary, "signals": status.signals, "snapshots": status.snapshots},
        as_of=provider.as_of(),
        source=f"{provider.name}, ledger {journal.meta('account')}",
        simulated=provider.simulated,
        warnings=(*request.chosen.warnings, *closed(clock), *account.warnings, *told,
                  *_late(trader.desk)),
    )  # fmt: skip


def _late(desk: Desk) -> tuple[str, ...]:
    """Return a sentence about prices that came too late to be traded on."""
    if not desk.late:
        return ()
    most, one = desk.policy.limits.quote_age_seconds, desk.late == 1
    came = "1 price came" if one else f"{desk.late} prices came"
    return (f"{came} more than {most} s late: no waiting order met {'it' if one else 'them'}",)


def closed(clock: Clock) -> tuple[str, ...]:
    """Return a sentence for a person while the market is closed: orders wait, when it opens."""
    now = clock.now()
    if calendar.is_open(calendar.Segment.EQUITY, now):
        return ()
    opens = calendar.next_open(calendar.Segment.EQUITY, now)
    text = f"the market is closed until {opens:%a %d %b %H:%M}: orders wait for it"
    return (f"{text}; `--provider replay:sim:DATE` trades a day that is over",)


def submit(
    provider: MarketData,
    clock: Clock,
    journal: Named,
    ticket: manual.Ticket,
    *,
    limits: RiskLimits,
    wait: float = 0.0,
    heard: Heard = lambda _: None,
    goes_on: GoesOn | None = None,
) -> Result:
    """Place a person's order on paper; `wait` seconds of market are let past it.

    An order that waits is told with the command that goes on, in the words of `goes_on`.

    Raises
    ------
    Refused
        The risk engine, an exchange rule or the broker says no; every reason is named.
    """
    _refuse_the_past(journal, clock)
    broker = PaperBroker()
    desk = Desk(
        broker=broker, journal=journal, clock=clock, policy=DeskPolicy(limits=limits), heard=heard
    )
    desk.open()
    key = ticket.instrument.key
    _meet(desk, provider, key)
    at, mark = clock.now(), _last(provider, key)
    reasons = manual.weigh(
        ticket, desk.portfolio, state=desk.risk, last_price=mark,
        reserved=orders.reserved(broker.waiting(), desk.portfolio), at=at,
    )  # fmt: skip
    if reasons:
        raise Refused(
            "; ".join(reason.text for reason in reasons),
            safe="No order was written.",
            hint="See `alphastock trade positions`.",
        )
    session, opens, _ = rules.session_of(ticket.instrument, at)
    closing = manual.closes(ticket, desk.portfolio)
    group = orders.group_of(ticket.instrument, ticket.product, broker.orders())
    order = ticket.order(order_id=desk.numbers.next(session), at=at, closes=closing, group=group)
    state = desk.submit(order)
    if state.status is OrderStatus.REJECTED:
        raise Refused(
            f"order {order.order_id} was rejected: {state.status_message}",
            safe="It rests in the ledger as rejected; nothing was bought or sold.",
        )
    end = at + timedelta(seconds=wait)
    meets = opens is None or opens < end  # nothing can fill before the market opens
    while meets and not _state(broker, order.order_id).status.final and clock.now() < end:
        clock.sleep(min(1.0, wait))
        _meet(desk, provider, key)
    state = _state(broker, order.order_id)
    note = [text for text in (early_close(ticket.instrument, at), *_late(desk)) if text]
    if not state.status.final:
        usual = f"alphastock trade --paper --once --provider {provider.name}"
        note.append(_resting(state, goes_on(state, clock.now()) if goes_on else usual))
    return Result(
        kind="orders", rows=[order_row(state)], source=f"ledger {journal.meta('account')}",
        simulated=provider.simulated, warnings=tuple(note),
        summary={"account": journal.meta("account")},
    )  # fmt: skip


def cancel(clock: Clock, journal: Named, order_ids: Sequence[str]) -> Result:
    """Cancel orders by id, or every waiting one when none is named."""
    broker = PaperBroker()
    desk = Desk(broker=broker, journal=journal, clock=clock)
    desk.open()
    wanted = order_ids or [s.order.order_id for s in broker.waiting()]
    rows = [order_row(desk.cancel(order_id)) for order_id in wanted]
    return Result(kind="orders", rows=rows, source=f"ledger {journal.meta('account')}")


def halt(journal: Named, why: str) -> Result:
    """Stop new entries until a person resumes, or resume where `why` is empty."""
    state = journal.risk_state()
    after = replace(state, halted="person", why=why) if why else risk.resumed(state)
    with journal.transaction() as book:
        book.remember(after)
    row = {"account": journal.meta("account"), "state": "halted" if why else "active", "why": why}
    return Result(kind="risk", rows=[row], source=f"ledger {journal.meta('account')}")


def find_instrument(provider: MarketData, words: str) -> Instrument:
    """Return the listed instrument of ``SBIN``, ``BSE:INFY`` or ``NIFTY26DEC24000CE``.

    Raises
    ------
    UnknownName
        Not listed at the provider's moment; the nearest are named.
    """
    prefix, _, name = words.upper().rpartition(":")
    places = (Exchange(prefix),) if prefix in Exchange.__members__ else (*_CASH[:1], *_DERIVATIVES)
    known: list[str] = []
    for exchange in places:
        listed = provider.instruments(exchange)
        row = listed.filter(tradingsymbol=name)
        if row.height:
            shares = underlyings(provider) if exchange in CASH else None
            return _instrument(row, derivatives=has_derivatives(name, exchange, shares))
        known += listed["tradingsymbol"].to_list()
    raise UnknownName.of("symbol", name, known)


def _instrument(rows: pl.DataFrame, *, derivatives: bool | None) -> Instrument:
    row = rows.row(0, named=True)
    tick, strike, expiry = row["tick_size"], row["strike"], row["expiry"]
    if expiry is not None and row["lot_size"] is None:
        raise ProviderError(
            f"{row['tradingsymbol']} is listed, but what one lot of it is worth is not known",
            safe="No order was written.",
            hint=f"See `alphastock contract {row['underlying']}`.",
        )
    return Instrument(
        exchange=Exchange(row["exchange"]), tradingsymbol=row["tradingsymbol"],
        asset_type=AssetType(row["asset_type"]), name=row["name"] or "",
        series=row["series"] or "", isin=row["isin"] or "", lot_size=row["lot_size"] or 1,
        tick_size=exact(tick) if tick else Decimal("0.05"),
        underlying=row["underlying"] or "", expiry=expiry,
        multiplier=1 if expiry is None else contracts.multiplier(row["underlying"], expiry) or 1,
        strike=None if strike is None else exact(strike),
        option_type=None if row["option_type"] is None else OptionType(row["option_type"]),
        has_derivatives=derivatives,
    )  # fmt: skip


def _refuse_the_past(journal: Named, clock: Clock) -> None:
    last, now = journal.last_moment(), clock.now()
    if last is not None and last > now:
        account = journal.meta("account")
        raise ConfigError(
            f"the ledger {account!r} has gone on to {last:%Y-%m-%d %H:%M}, the data are of"
            f" {now:%Y-%m-%d %H:%M}: two times would mix in it",
            safe="Nothing was changed.",
            hint=f"Of a replay, `--as-of {last:%Y-%m-%dT%H:%M:%S}` goes on where it stopped. Or"
            f" begin anew with `alphastock trade reset --account {account}`,"
            " or name another --account.",
        )


def _meet(desk: Desk, provider: MarketData, key: str) -> None:
    waiting = {s.order.instrument.key for s in desk.broker.waiting()} | {key}
    for market in markets(provider, sorted(waiting)).values():
        desk.advance(market)


def _last(provider: MarketData, key: str) -> Decimal | None:
    market = markets(provider, [key]).get(key)
    price = getattr(market, "last_price", None) or getattr(market, "close", None)
    return None if price is None else exact(price)


def _state(broker: PaperBroker, order_id: str) -> OrderState:
    return next(s for s in broker.orders() if s.order.order_id == order_id)


def _resting(state: OrderState, command: str) -> str:
    after = state.status is OrderStatus.AMO
    word = "waits for the next session" if after else "rests"
    side = "buy" if state.order.side is Side.BUY else "sell"
    waiting = "" if after else "--wait 2m or "
    return (
        f"the {side} order {word}: it meets the market that follows, with {waiting}the next"
        f" `{command}`"
    )
