"""Limits on orders besides lot, tick and circuit, and how far a market order may slip, by date.

Here rows of `order_limits.csv` and `market_protection.csv` become values; what an order breaks is
judged in `rules.py`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from alphastock_cli.domain.instrument import Exchange, Instrument, Side
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import contracts
from alphastock_cli.exchange.sessions import ALL, WITH_DERIVATIVES, WITHOUT_DERIVATIVES
from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

Limit = Literal[
    "products", "no_order_type", "max_value", "max_quantity", "max_slices", "protection_required",
    "square_off_before_close",
]  # fmt: skip

CASH = frozenset({Exchange.NSE, Exchange.BSE})
_INDEX_SEGMENTS = frozenset({Exchange.NFO, Exchange.BFO})


def limits(
    rule: Limit, instrument: Instrument, on: date, *, has_derivatives: bool = False
) -> tuple[str, ...]:
    """Return the values of a rule that hold for an instrument on a day; empty where none does.

    Parameters
    ----------
    has_derivatives : bool
        Of a share: whether futures and options on it are traded.
    """
    scopes = (ALL, _kind(instrument), WITH_DERIVATIVES if has_derivatives else WITHOUT_DERIVATIVES)
    return _values(rule, instrument.exchange, on, scopes)


def underlying_of(instrument: Instrument) -> str:
    """Return the symbol the dated tables know a derivative by."""
    return instrument.underlying or instrument.name


def freeze_quantity(instrument: Instrument, on: date) -> int | None:
    """Return the largest single order of a derivative in units of its quantity, or None.

    None where no list of that day is typed in, and for shares, which have no such list.
    """
    if instrument.exchange in CASH:
        return None
    found = contracts.freeze_quantity(underlying_of(instrument), on)
    # the lists of F&O count units, those of currencies contracts, whatever a broker's master does
    counted = instrument.exchange in _INDEX_SEGMENTS
    return found if found is None or counted else found * instrument.lot_size


def protection_price(
    instrument: Instrument, side: Side, last_price: Decimal, protection: Decimal | None, on: date
) -> Decimal:
    """Return the limit a MARKET or triggered SL-M order is sent with.

    The last price plus (buy) or minus (sell) the protection, rounded to the tick inward: a buy
    down, a sell up, so that it never slips further than it was allowed to. A sell never asks less
    than one tick.

    Parameters
    ----------
    last_price : Decimal
        Rupees, positive.
    protection : Decimal or None
        Percent of the last price, above 0 to 100; None takes the broker's slabs of that day.

    Raises
    ------
    OutOfRange
        `protection` is None and no slabs of that day are known.
    ValueError
        The last price is not positive, or the protection not above 0 to 100.

    Examples
    --------
    >>> from alphastock_cli.domain.instrument import AssetType
    >>> sbin = Instrument(exchange=Exchange.NSE, tradingsymbol="SBIN", asset_type=AssetType.EQUITY)
    >>> protection_price(sbin, Side.BUY, Decimal("820.35"), None, date(2026, 11, 20))
    Decimal('824.45')
    """
    if not last_price.is_finite() or last_price <= 0:
        raise ValueError(f"{instrument.key}: a last price of {last_price} is not possible")
    pct = protection_pct(instrument, last_price, on) if protection is None else protection
    if not pct.is_finite() or not 0 < pct <= 100:  # noqa: PLR2004 - a percentage
        raise ValueError(f"{instrument.key}: a market protection of {pct} % is not above 0 to 100")
    slip = last_price * pct.scaleb(-2)
    if side is Side.BUY:
        return instrument.round_to_tick(last_price + slip, side)
    return max(instrument.round_to_tick(last_price - slip, side), instrument.tick_size)


def protection_pct(instrument: Instrument, last_price: Decimal, on: date) -> Decimal:
    """Return the broker's own market protection in percent of the last price.

    Raises
    ------
    OutOfRange
        No slabs of that day are known.
    """
    kind = "shares_and_futures" if instrument.option_type is None else "options"
    for row in read_table("market_protection"):
        low = not row["below"] or last_price < Decimal(row["below"])
        high = not row["up_to"] or last_price <= Decimal(row["up_to"])
        if row["kind"] == kind and low and high and valid_on(row, on):
            return Decimal(row["pct"])
    first = min(parse_date(r["valid_from"]) or date.min for r in read_table("market_protection"))
    raise OutOfRange(
        f"the broker's market protection is known from {first}, not on {on}",
        hint="Give the protection in percent, or send a LIMIT order.",
    )


@lru_cache(maxsize=4096)
def _values(rule: Limit, exchange: Exchange, on: date, scopes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        row["value"] for row in read_table("order_limits")
        if row["rule"] == rule and exchange.value in row["exchanges"].split()
        and row["scope"] in scopes and valid_on(row, on)
    )  # fmt: skip


def _kind(instrument: Instrument) -> str:
    """Return the scope of an option on an index or on a share; "" for everything else."""
    if instrument.option_type is None or instrument.exchange not in _INDEX_SEGMENTS:
        return ""
    known = contracts.exchange_of(underlying_of(instrument)) in _INDEX_SEGMENTS
    return "index_options" if known else "stock_options"
