"""How many units: as many as the risk of one trade allows, in whole lots, under the caps.

Pure; money in, units out.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from alphastock_cli.domain.instrument import Instrument
from alphastock_cli.domain.trading import ZERO, RiskLimits

HUNDRED = Decimal(100)


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
    """
    value = price * instrument.multiplier
    room = {
        "risk": equity * limits.risk_per_trade_pct / HUNDRED / (stop_distance / price),
        "symbol": equity * limits.exposure_symbol_pct / HUNDRED - held,
        "gross": equity * limits.exposure_gross_pct / HUNDRED - exposure,
        "order_value": limits.max_order_value,
        "funds": funds,
    }
    bound_by = min(room, key=lambda name: room[name])
    lots = (max(room[bound_by], ZERO) / (value * instrument.lot_size)).to_integral_value(
        ROUND_FLOOR
    )
    quantity = int(lots) * instrument.lot_size
    at_risk = stop_distance * quantity * instrument.multiplier
    return Size(quantity=quantity, bound_by=bound_by, at_risk=at_risk)
