"""How many units: as many as the risk of one trade allows, in whole lots, under the caps.

Pure; money in, units out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from alphastock_cli.domain.decisions import RiskLimits
from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.domain.trading import ZERO

HUNDRED = Decimal(100)
Cost = Callable[[int], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Units to trade and the cap that decided: risk, symbol, gross, order_value or funds."""

    quantity: int
    bound_by: str
    at_risk: Decimal


def size(
    instrument: Instrument,
    price: Decimal,
    *,
    stop_distance: Decimal,
    equity: Decimal,
    held: Decimal,
    exposure: Decimal,
    funds: Decimal,
    limits: RiskLimits,
    cost: Cost = lambda _: ZERO,
) -> Size:
    """Return the largest whole number of lots that no bound forbids.

    ``units = min(equity * risk / stop distance, the room left under each cap) / (price * mult)``,
    rounded down to lots.

    Parameters
    ----------
    price, stop_distance : Decimal
        Rupees a unit, positive.
    equity, funds : Decimal
        Rupees: what the account is worth, and what may still be spent.
    held, exposure : Decimal
        Rupees already exposed in this instrument, and in all.
    cost : callable
        Returns the rupees that so many units may take at worst, with slippage and charges: they
        too must be there.
    """
    value = price * instrument.multiplier
    room = {
        # multiplied first: a quotient that does not end would cost the last lot
        "risk": equity * limits.risk_per_trade_pct * price / (HUNDRED * stop_distance),
        "symbol": equity * limits.exposure_symbol_pct / HUNDRED - held,
        "gross": equity * limits.exposure_gross_pct / HUNDRED - exposure,
        "order_value": limits.max_order_value,
        "funds": funds,
    }
    bound_by = min(room, key=lambda name: room[name])
    room_lots = max(room[bound_by], ZERO) / (value * instrument.lot_size)
    lots = int(room_lots.to_integral_value(ROUND_FLOOR))
    if lots and cost(lots * instrument.lot_size) > funds:
        tried = bisect_right(range(lots), funds, key=lambda n: cost(n * instrument.lot_size))
        lots, bound_by = max(0, tried - 1), "funds"
    quantity = lots * instrument.lot_size
    at_risk = stop_distance * quantity * instrument.multiplier
    return Size(quantity=quantity, bound_by=bound_by, at_risk=at_risk)
