"""The risk engine: a signal in, a quantity or every reason against it out.

Pure: the same signal, snapshot, portfolio and state give the same answer. The limits are those of
`RiskLimits`; what an exchange forbids is in `exchange/rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from alphastock_cli.domain.data import Candle, Quote, Snapshot
from alphastock_cli.domain.decisions import (
    Approved,
    Decision,
    Reason,
    Rejected,
    RiskLimits,
    RiskState,
)
from alphastock_cli.domain.instrument import AssetType, Side, exact
from alphastock_cli.domain.trading import ZERO, Product, Signal
from alphastock_cli.trading.portfolio import Portfolio
from alphastock_cli.trading.sizing import HUNDRED, Cost, size


def watch(state: RiskState, equity: Decimal, day: date, limits: RiskLimits) -> RiskState:
    """Return the state after a look at the equity: a new day, a new peak, or a halt."""
    if state.day != day:
        still = state.halted if state.halted == "person" else ""
        state = replace(
            state, day=day, day_start_equity=state.equity or equity, orders_today=0,
            peak_equity=max(state.peak_equity, equity), halted=still,
            why=state.why if still else "",
        )  # fmt: skip
    state = replace(
        state, equity=equity, peak_equity=max(state.peak_equity, equity),
        day_start_equity=state.day_start_equity or equity,
    )  # fmt: skip
    fallen = _fall_pct(state.peak_equity, equity)
    if state.halted != "person" and fallen >= limits.drawdown_pct:
        why = f"drawdown {fallen:.2f} % has reached {limits.drawdown_pct} %"
        return replace(state, halted="person", why=why)
    lost = _fall_pct(state.day_start_equity, equity)
    if not state.halted and lost >= limits.daily_loss_pct:
        why = f"loss of the day {lost:.2f} % has reached {limits.daily_loss_pct} %"
        return replace(state, halted="day", why=why)
    return state


def resumed(state: RiskState) -> RiskState:
    """Return the state after a person has resumed: losses are counted from the next look on.

    The old peak and start of the day would halt it again at once.
    """
    return replace(state, halted="", why="", peak_equity=ZERO, day_start_equity=ZERO)


def drawdown_pct(state: RiskState, equity: Decimal) -> Decimal:
    """Return the fall from the highest equity so far, in percent, 0 or negative."""
    return -_fall_pct(state.peak_equity, equity)


def assess(
    signal: Signal,
    snapshot: Snapshot,
    portfolio: Portfolio,
    limits: RiskLimits,
    *,
    state: RiskState,
    product: Product,
    now: datetime | None = None,
    reserved: Decimal = ZERO,
    waiting: Sequence[str] = (),
    exiting: Sequence[str] = (),
    cost: Cost = lambda _: ZERO,
) -> Decision:
    """Return Approved with whole lots, or Rejected with every rule that failed.

    A signal against an open position closes it: that is never refused for want of room or because
    of a halt. One in the direction of an open position is refused: no adding.

    Parameters
    ----------
    now : datetime or None
        The present, where the market is open: what the snapshot knows must not be older than it.
    reserved : Decimal
        Rupees that waiting entries may still need: they count as if they were filled.
    waiting, exiting : sequence of str
        Keys of instruments with an entry, or an exit, order that waits.
    cost : callable
        Returns the rupees that an order of so many units may take at worst, charges included.
    """
    key = signal.instrument.key
    position = portfolio.position(key, product)
    held = 0 if position is None else position.quantity
    if held and (held > 0) == (signal.side is Side.SELL):
        if key in exiting:
            return Rejected(reasons=(_no("exit_waiting", f"{key}: an exit order is waiting"),))
        return Approved(quantity=abs(held), at_risk=ZERO, notes=("closes the position",))
    busy = {p.instrument.key for p in portfolio.open_positions} | set(waiting)
    reasons = [
        *_state_reasons(len(busy), limits, state),
        *_market_reasons(signal, snapshot, limits, now),
        *_kind_reasons(signal, product, limits),
    ]
    if held:
        reasons.append(_no("open_position", f"{key}: {held} units are held already", held=held))
    if key in waiting:
        reasons.append(_no("waiting_order", f"{key}: an entry order is waiting"))
    distance = stop_distance(signal, snapshot, limits)
    if signal.price <= 0:
        return Rejected(reasons=tuple(reasons))
    if distance is None:
        reasons.append(_no("no_stop", f"{key}: neither a stop nor an ATR to size by"))
        return Rejected(reasons=tuple(reasons))
    equity, at_risk = portfolio.equity, _open_risk(portfolio.equity, len(busy), limits)
    same = (p for p in portfolio.open_positions if p.instrument.key == key)
    found = size(
        signal.instrument, signal.price, stop_distance=distance, equity=equity,
        held=sum((portfolio.exposure_of(p) for p in same), ZERO),
        exposure=portfolio.exposure + reserved,
        funds=portfolio.cash - portfolio.blocked - reserved, cost=cost, limits=limits,
    )  # fmt: skip
    if not found.quantity:
        text = f"{key}: not one lot of {signal.instrument.lot_size} fits ({found.bound_by} bound)"
        reasons.append(_no("too_small", text, bound_by=found.bound_by, price=signal.price))
    most = equity * limits.open_risk_pct / HUNDRED
    if at_risk + found.at_risk > most:
        text = f"open risk {at_risk + found.at_risk:.2f} would exceed {most:.2f}"
        reasons.append(_no("open_risk", text, at_risk=at_risk + found.at_risk, most=most))
    if reasons:
        return Rejected(reasons=tuple(reasons))
    return Approved(
        quantity=found.quantity, at_risk=found.at_risk, notes=(f"bound by {found.bound_by}",)
    )


def stop_distance(signal: Signal, snapshot: Snapshot, limits: RiskLimits) -> Decimal | None:
    """Return the rupees a unit loses at the stop, else some ATRs; None where neither is known."""
    if signal.stop_loss is not None:
        return abs(signal.price - signal.stop_loss)
    atr = snapshot.facts.get("atr")
    if atr is None or atr <= 0:
        return None
    return limits.atr_multiple * exact(atr)


def _state_reasons(count: int, limits: RiskLimits, state: RiskState) -> list[Reason]:
    """Judge halts and counts; `count` are the instruments with a position or an entry waiting."""
    found = []
    if state.halted:
        found.append(_no("halted", f"trading is halted: {state.why}", until=state.halted))
    if count >= limits.max_positions:
        text = f"{count} positions are open or on their way, the most is {limits.max_positions}"
        found.append(_no("max_positions", text, open=count, most=limits.max_positions))
    if state.orders_today >= limits.max_orders_per_day:
        text = f"{state.orders_today} orders today, the most is {limits.max_orders_per_day}"
        found.append(_no("orders_per_day", text, orders=state.orders_today))
    return found


def _market_reasons(
    signal: Signal, snapshot: Snapshot, limits: RiskLimits, now: datetime | None
) -> list[Reason]:
    """Judge the freshness and the sanity of the market the signal would be sent into."""
    key, market, found = signal.instrument.key, snapshot.market, []
    if market is None:
        return [_no("no_market", f"{key}: no price to trade at")]
    at = market.time if isinstance(market, Quote) else market.end
    age = max(snapshot.as_of, now or snapshot.as_of) - at
    # a candle is the last word until the next one is over
    most = timedelta(seconds=limits.quote_age_seconds)
    if isinstance(market, Candle):
        most += market.end - market.time
    if age > most:
        seconds, allowed = age.total_seconds(), most.total_seconds()
        text = f"{key}: the price is {seconds:.0f} s old, the most is {allowed:.0f} s"
        found.append(_no("stale_price", text, age_seconds=seconds))
    last = market.last_price if isinstance(market, Quote) else market.close
    if last is None or last <= 0 or signal.price <= 0:
        return [*found, _no("no_market", f"{key}: no price to trade at")]
    if isinstance(market, Quote) and _outside(market, last):
        found.append(
            _no("odd_price", f"{key}: last price {last} lies outside its own day", last=last)
        )
    away = abs(signal.price / exact(last) - 1) * HUNDRED
    if away > limits.price_band_pct:
        text = f"{key}: {signal.price} is {away:.2f} % from the last price {last}"
        found.append(_no("price_band", text, away_pct=away, most=limits.price_band_pct))
    return found


def _outside(quote: Quote, last: float) -> bool:
    low = max((x for x in (quote.low, quote.lower_circuit) if x is not None), default=last)
    high = min((x for x in (quote.high, quote.upper_circuit) if x is not None), default=last)
    return not low <= last <= high


def _kind_reasons(signal: Signal, product: Product, limits: RiskLimits) -> list[Reason]:
    """Refuse what the engine cannot yet weigh, and shorts where they are not allowed."""
    key, kind = signal.instrument.key, signal.instrument.asset_type
    if kind is AssetType.INDEX:
        return [_no("not_tradable", f"{key}: an index cannot be bought, its contracts can")]
    if signal.instrument.expiry is not None and (
        signal.side is Side.SELL or signal.instrument.option_type is None
    ):
        return [_no("no_margin_model", f"{key}: futures and short options need a margin model")]
    if signal.side is Side.SELL and (product is Product.CNC or not limits.allow_short):
        return [_no("no_short", f"{key}: nothing is held, and {product} cannot be sold short")]
    return []


def _open_risk(equity: Decimal, count: int, limits: RiskLimits) -> Decimal:
    """Return the rupees positions may lose at their stops: the risk each was sized by."""
    return equity * limits.risk_per_trade_pct / HUNDRED * count


def _fall_pct(top: Decimal, now: Decimal) -> Decimal:
    return (top - now) / top * HUNDRED if top > 0 and now < top else ZERO


def _no(rule: str, text: str, **numbers: Any) -> Reason:  # noqa: ANN401 - numbers of any kind
    return Reason(rule=rule, text=text, numbers=MappingProxyType(numbers))
