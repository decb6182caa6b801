"""What a ledger says: orders, positions, profit; each as the contract's rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from alphastock_cli.actions.result import Result
from alphastock_cli.domain.data import Candle, Quote
from alphastock_cli.domain.decisions import RiskState
from alphastock_cli.domain.instrument import Side, exact
from alphastock_cli.domain.ports import Clock, Journal, MarketData
from alphastock_cli.domain.trading import ZERO, Fill, OrderState, Position
from alphastock_cli.errors import DamagedData
from alphastock_cli.orchestrator import markets
from alphastock_cli.trading import orders, risk
from alphastock_cli.trading.portfolio import Portfolio

# the figures that are not known of a ledger that was never begun
_ACCOUNT = ("equity", "cash", "margin_used", "margin_available", "realised", "unrealised",
            "charges", "day_pnl", "drawdown_pct")  # fmt: skip
_PROFIT = ("opening_cash", "pnl_gross", "charges", "pnl_net")


class Named(Journal, Protocol):
    """A ledger that knows its own facts."""

    def meta(self, key: str) -> str:
        """Return a fact of the ledger, e.g. its ``account``."""
        ...


def order_list(journal: Named, *, only_open: bool = False) -> Result:
    """Return one row an order, oldest first."""
    states = journal.orders()
    kept = orders.waiting(states) if only_open else states
    return Result(
        kind="orders",
        rows=[order_row(state) for state in kept],
        summary={"account": journal.meta("account"), "open": len(orders.waiting(states))},
        source=f"ledger {journal.meta('account')}",
    )


def order_row(state: OrderState) -> dict[str, Any]:
    """Return an order as the contract's columns."""
    order = state.order
    return {
        "order_id": order.order_id, "tag": order.tag, "status": state.status.value,
        "symbol": order.instrument.tradingsymbol, "exchange": order.instrument.exchange.value,
        "side": order.side.value, "order_type": order.order_type.value,
        "product": order.product.value, "validity": order.validity.value,
        "quantity": order.quantity, "filled_quantity": state.filled_quantity,
        "pending_quantity": state.pending_quantity, "price": _number(order.price),
        "trigger_price": _number(order.trigger_price),
        "average_price": _number(state.average_price), "status_message": state.status_message,
        "placed_at": order.placed_at, "updated_at": state.updated_at, "role": order.role.value,
    }  # fmt: skip


def positions(journal: Named, provider: MarketData | None, clock: Clock) -> Result:
    """Return one row an open position, valued at the provider's prices, and the account's figures.

    A position whose instrument the provider does not know has no price, and the figures that
    would need it are None rather than guessed.
    """
    folded, stamps = valued(journal, provider)
    state, now = journal.risk_state(), clock.now()
    held = folded.open_positions
    known = all(p.instrument.key in stamps for p in held)
    equity = folded.equity if known else None
    reserved = orders.reserved(journal.orders(), folded)
    summary = {
        "account": journal.meta("account"),
        "equity": _number(equity),
        "cash": _number(folded.cash),
        "margin_used": _number(folded.blocked + reserved),
        "margin_available": _number(folded.cash - folded.blocked - reserved),
        "realised": _number(folded.pnl_realised),
        "unrealised": _number(folded.pnl_unrealised if known else None),
        "charges": _number(folded.charges),
        "day_pnl": _number(_day_pnl(state.day_start_equity, equity)),
        "drawdown_pct": _drawdown(state, equity),
    }  # fmt: skip
    if state.halted:
        summary["halted"] = state.why
    missing = [p.instrument.key for p in held if p.instrument.key not in stamps]
    return Result(
        kind="positions",
        rows=[position_row(p, folded, stamps, now) for p in held],
        summary=summary,
        as_of=max(stamps.values(), default=None),
        source=f"ledger {journal.meta('account')}",
        simulated=bool(provider and provider.simulated),
        warnings=tuple(f"{key}: no price is known, its value neither" for key in missing),
    )


def unbegun(kind: str, account: str, text: str) -> Result:
    """Return the empty result of a ledger that is not there: `text` says so, no figure is known."""
    figures = {"orders": (), "positions": _ACCOUNT, "pnl": _PROFIT}[kind]
    known = {"account": account} | ({"open": 0} if kind == "orders" else {})
    return Result(
        kind=kind, rows=[], summary=known | dict.fromkeys(figures), source=f"ledger {account}",
        warnings=(text,),
    )  # fmt: skip


def position_row(
    position: Position, folded: Portfolio, stamps: Mapping[str, datetime], now: datetime
) -> dict[str, Any]:
    """Return a position as the contract's columns; without a price what needs one is None."""
    key = position.instrument.key
    stamp = stamps.get(key)
    price = folded.price_of(position) if stamp else None
    return {
        "symbol": position.instrument.tradingsymbol,
        "exchange": position.instrument.exchange.value, "product": position.product.value,
        "quantity": position.quantity, "average_price": _number(position.average_price),
        "last_price": _number(price),
        "value": None if price is None else _number(position.value(price)),
        "pnl_realised": _number(position.pnl_realised),
        "pnl_unrealised": None if price is None else _number(position.pnl_unrealised(price)),
        "charges": _number(position.charges),
        "quote_age_seconds": None if stamp is None else (now - stamp).total_seconds(),
    }  # fmt: skip


def profit(journal: Named, provider: MarketData | None) -> Result:
    """Return one row an instrument ever traded: bought, sold, gross, charges and net."""
    folded, stamps = valued(journal, provider)
    by_key: dict[tuple[str, str], list[Fill]] = {}
    for fill in journal.fills():
        by_key.setdefault((fill.instrument.key, fill.product.value), []).append(fill)
    rows = []
    for fills in by_key.values():
        first = fills[0]
        held = folded.position(first.instrument.key, first.product)
        assert held is not None
        open_part: Decimal | None = ZERO
        if held.quantity:
            known = first.instrument.key in stamps
            open_part = held.pnl_unrealised(folded.price_of(held)) if known else None
        gross = None if open_part is None else held.pnl_realised + open_part
        rows.append(
            {
                "symbol": first.instrument.tradingsymbol,
                "exchange": first.instrument.exchange.value, "product": first.product.value,
                "fills": len(fills), "quantity": held.quantity,
                "buy_value": _number(_value(fills, Side.BUY)),
                "sell_value": _number(_value(fills, Side.SELL)),
                "pnl_gross": _number(gross), "charges": _number(held.charges),
                "pnl_net": None if gross is None else _number(gross - held.charges),
            }
        )  # fmt: skip
    rows.sort(key=lambda row: (row["pnl_net"] is None, row["pnl_net"], row["symbol"]))
    known = all(row["pnl_gross"] is not None for row in rows)
    net = folded.equity - folded.opening_cash
    return Result(
        kind="pnl",
        rows=rows,
        summary={
            "account": journal.meta("account"), "opening_cash": _number(folded.opening_cash),
            "pnl_gross": _number(net + folded.charges) if known else None,
            "charges": _number(folded.charges), "pnl_net": _number(net) if known else None,
        },
        source=f"ledger {journal.meta('account')}",
        simulated=bool(provider and provider.simulated),
    )  # fmt: skip


def audit(journal: Named, check: Any) -> Result:  # noqa: ANN401 - the store's function
    """Return that the ledger is whole, or raise with everything that is not.

    Raises
    ------
    DamagedData
        Sums, positions or the history of orders do not agree.
    """
    found: list[str] = check(journal, Portfolio.of(journal.opening_cash()))
    if found:
        raise DamagedData(
            f"the ledger does not agree with itself: {'; '.join(found)}",
            safe="Nothing was changed.",
            hint="Keep the file, and go on with another --account.",
        )
    facts = {"account": journal.meta("account"), "orders": len(journal.orders()),
             "fills": len(journal.fills()), "signals": len(journal.signals()),
             "verdict": "whole: sums, positions, orders and history agree"}  # fmt: skip
    return Result(kind="audit", rows=[facts], source=f"ledger {journal.meta('account')}")


def valued(journal: Journal, provider: MarketData | None) -> tuple[Portfolio, dict[str, datetime]]:
    """Return the portfolio of a ledger at the provider's prices, and the stamps of these."""
    folded = Portfolio.of(journal.opening_cash(), journal.fills())
    keys = sorted({p.instrument.key for p in folded.open_positions})
    stamps: dict[str, datetime] = {}
    for key, market in markets(provider, keys).items() if provider and keys else ():
        price, at = _seen(market)
        if price is not None:
            stamps[key] = at
            # what it is worth now, also where the provider's now lies before the last fill
            folded = folded.revalued(key, price, at)
    return folded, stamps


def _seen(market: Quote | Candle) -> tuple[Decimal | None, datetime]:
    if isinstance(market, Candle):
        return exact(market.close), market.end
    last = market.last_price
    return (None if last is None else exact(last)), market.time


def _drawdown(state: RiskState, equity: Decimal | None) -> float | None:
    # without a look of the loop, or after a resume, no highest equity is known yet
    known = equity is not None and state.peak_equity
    return float(risk.drawdown_pct(state, equity)) if known and equity is not None else None


def _day_pnl(start: Decimal, equity: Decimal | None) -> Decimal | None:
    return None if equity is None or not start else equity - start


def _value(fills: Iterable[Fill], side: Side) -> Decimal:
    return sum((fill.value for fill in fills if fill.side is side), ZERO)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
