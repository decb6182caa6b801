"""What a structure costs beside its premiums: charges of a round trip, and the margin it blocks.

Both are estimates, and where the dated tables do not reach they are None with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from alphastock_cli.actions.payoff_board import Board
from alphastock_cli.actions.payoff_legs import scaled
from alphastock_cli.domain.instrument import (
    AssetType,
    Exchange,
    Instrument,
    OptionType,
    Side,
    exact,
)
from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.domain.trading import ZERO, Product
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import charges, margins

_CASH = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Rupees; None where not known, and then `notes` say why."""

    charges: Decimal | None
    margin: Decimal | None
    margin_source: str
    margin_parts: Mapping[str, Decimal | None]
    notes: tuple[str, ...] = ()


def costs(
    legs: Sequence[Leg],
    board: Board,
    *,
    forwards: Mapping[date, float],
    years: Mapping[date, float],
    spot: float | None,
    volatility: float | None,
    multiplier: int,
) -> Costs:
    """Return charges and margin of a structure opened at the board's moment.

    Parameters
    ----------
    volatility : float or None
        The underlying's, a year, a fraction: widens the scan ranges of the margin.
    """
    notes: list[str] = []
    on = board.as_of.date()
    try:
        paid = round_trip(legs, board.exchange, on, multiplier=multiplier)
    except OutOfRange as error:
        paid = None
        notes.append(f"charges not known: {error.what}")
    try:
        held = margins.estimate(
            scaled(legs, multiplier), on=on, forwards=forwards, years=years, spot=spot,
            rate=board.rate.value, volatility=volatility,
        )  # fmt: skip
    except OutOfRange as error:
        why = f"no estimate: {error.what}"
        notes.append(f"margin not known: {error.what}")
        return Costs(
            charges=paid, margin=None, margin_source=why, margin_parts={}, notes=tuple(notes)
        )
    if held.total is None:
        notes.append(f"margin not known: {held.source}")
    parts = {name: getattr(held, name) for name in ("span", "exposure", "premium", "delivery")}
    return Costs(charges=paid, margin=held.total, margin_source=held.source, margin_parts=parts,
                 notes=tuple(notes))  # fmt: skip


def round_trip(
    legs: Sequence[Leg], exchange: Exchange, on: date, *, multiplier: int = 1
) -> Decimal | None:
    """Return what opening and closing every leg costs at its price, rupees in whole paise.

    One order a leg and way, both at the price of the leg and at the rates of the day; shares as
    delivery, with the fee of the depository when they are sold. None with a price missing.

    Raises
    ------
    OutOfRange
        The rates of that day are not known.
    """
    total = ZERO
    for leg in legs:
        if leg.price is None:
            return None
        instrument = _instrument(leg, exchange)
        share = leg.kind is LegKind.SHARE
        product = Product.CNC if share else Product.NRML
        turnover = exact(leg.price) * abs(leg.quantity) * multiplier
        for side in (Side.BUY, Side.SELL):
            total += charges.order_charges(instrument, product, side, turnover, on).paise
        if share:
            total += charges.fee("dp", instrument.exchange, on)
    return total


def _instrument(leg: Leg, exchange: Exchange) -> Instrument:
    """Return what an order in the leg would be for, as far as charges ask."""
    symbol = leg.tradingsymbol or f"{leg.underlying}{leg.kind.value}"
    if leg.kind is LegKind.SHARE:
        return Instrument(
            exchange=_CASH.get(exchange, exchange), tradingsymbol=symbol,
            asset_type=AssetType.EQUITY, series="EQ",
        )  # fmt: skip
    option = leg.strike is not None
    return Instrument(
        exchange=exchange, tradingsymbol=symbol, underlying=leg.underlying, expiry=leg.expiry,
        asset_type=AssetType.OPTIONS if option else AssetType.FUTURES, lot_size=leg.lot_size,
        strike=None if leg.strike is None else exact(leg.strike),
        option_type=OptionType(leg.kind.value) if option else None,
    )  # fmt: skip
