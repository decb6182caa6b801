"""What a position of futures and options would block: an estimate in the manner of SPAN.

The worst loss of the position over sixteen scenarios of price and volatility, revalued by Black-76,
plus exposure and premium. The exchange's risk arrays and the broker's own add-ons are not known
here, so every figure says that it is an estimate. Parameters are rows of `data/margins.csv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.domain.trading import PAISA, ZERO
from alphastock_cli.exchange.margin_rules import MarginRules, margin_rules, scope_of
from alphastock_cli.exchange.scenarios import Book, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What a position would block, in rupees, whole paise; an estimate, never the broker's figure.

    Attributes
    ----------
    total : Decimal or None
        The sum of the others; None where it cannot be estimated, with the reason.
    span : Decimal
        Worst loss of the scenarios, calendar charge and short option minimum, less the net value
        of the options.
    exposure : Decimal
        On the notional of sold options and of futures.
    premium : Decimal
        Paid for options less received; a credit is negative and at most the rest.
    delivery : Decimal
        For shares bought, in full.
    source : str
        How it was estimated; why not, where it was not.
    """

    total: Decimal | None
    span: Decimal | None = None
    exposure: Decimal | None = None
    premium: Decimal | None = None
    delivery: Decimal | None = None
    source: str


def estimate(
    legs: Sequence[Leg],
    *,
    on: date,
    forwards: Mapping[date, float],
    years: Mapping[date, float],
    spot: float | None = None,
    rate: float = 0.0,
    volatility: float | None = None,
) -> Margin:
    """Return what the legs together would block, were they opened on a day.

    Parameters
    ----------
    legs : sequence of Leg
        Of one underlying. Options need their `iv`; a `price` is what is paid or received, without
        one the model's value is.
    on : date
        The day whose rules hold, and on which contracts may end.
    forwards : mapping of date to float
        Rupees, an expiry of the legs each.
    years : mapping of date to float
        Time to the end of the contracts of an expiry, counted as for the volatilities.
    spot : float, optional
        Rupees; the notional of options is taken at it, at the forward of their expiry without it.
    rate : float
        Continuous, a year, a fraction.
    volatility : float, optional
        The underlying's own, a year, a fraction: it widens the scan ranges above their minimum.
        Without it they are at the minimum, and `Margin.source` says so.

    Returns
    -------
    Margin
        `total` is None, and `source` says why, where an option has no volatility, an expiry no
        forward, a contract has ended, or shares are sold.

    Raises
    ------
    OutOfRange
        The table does not hold the parameters of that day or of such contracts.
    ValueError
        Legs of several underlyings.

    References
    ----------
    NSE Clearing, SPAN risk parameters; CME, Standard Portfolio Analysis of Risk.
    """
    if not legs:
        return _made()
    names = {leg.underlying for leg in legs}
    if len(names) > 1:
        raise ValueError(f"a margin is of one underlying, not of {', '.join(sorted(names))}")
    rules = margin_rules(scope_of(legs[0].underlying), on)
    market = Market(
        on=on, forwards=forwards, years=years, spot=spot, rate=rate, volatility=volatility
    )
    # one order for all, so that the last digit does not hang on how the legs were typed
    held = sorted((leg for leg in legs if leg.quantity), key=_order)
    why = next(filter(None, (_unknown(leg, market) for leg in held)), "")
    if why:
        return Margin(total=None, source=f"no estimate: {why}")
    listed = [leg for leg in held if leg.kind is not LegKind.SHARE]
    shares = [leg for leg in held if leg.kind is LegKind.SHARE]
    book = Book.of(listed, rules, market) if listed else None
    return _made(
        span=book.requirement() if book else 0.0,
        exposure=_exposure(listed, rules, market),
        premium=book.premium() if book else 0.0,
        delivery=math.fsum(leg.quantity * (leg.price or spot or 0.0) for leg in shares),
        source=_source(volatility),
    )


def _made(
    span: float = 0.0,
    exposure: float = 0.0,
    premium: float = 0.0,
    delivery: float = 0.0,
    source: str = "estimate: nothing is held",
) -> Margin:
    parts = [_paise(value) for value in (span, exposure, premium, delivery)]
    # what was received counts against the margin, and is not paid out beyond it
    parts[2] = max(parts[2], -(parts[0] + parts[1]))
    total = sum(parts, ZERO)
    return Margin(total=total, span=parts[0], exposure=parts[1], premium=parts[2],
                  delivery=parts[3], source=source)  # fmt: skip


def _source(volatility: float | None) -> str:
    ranges = (
        "scan ranges at their minimum"
        if volatility is None
        else f"scan ranges by a volatility of {volatility:.1%}"
    )
    return f"estimate: 16 scenarios, {ranges}"


def _paise(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(PAISA, ROUND_HALF_UP) + ZERO


def _order(leg: Leg) -> tuple[Any, ...]:
    return (leg.kind.value, leg.expiry or date.min, leg.strike or 0.0, leg.quantity,
            leg.iv or 0.0, leg.price or 0.0)  # fmt: skip


def _unknown(leg: Leg, market: Market) -> str:
    """Say why a leg cannot be valued; empty where it can."""
    name = leg.tradingsymbol or " ".join(
        str(part)
        for part in (leg.underlying, leg.expiry, leg.strike, leg.kind.value)
        if part is not None
    )
    if leg.kind is LegKind.SHARE:
        if leg.quantity < 0:
            return f"{name}: shares cannot be held sold"
        return "" if leg.price or market.spot else f"{name} has no price"
    if leg.expiry is None or not _above_zero(market.forwards.get(leg.expiry)):
        return f"{name} has no forward"
    if leg.expiry not in market.years:
        return f"{name} has no time to its end"
    if not _above_zero(market.years[leg.expiry]):
        return f"{name} has ended"
    if leg.is_option and not _above_zero(leg.strike):
        return f"{name} has no strike"
    return f"{name} has no volatility" if leg.is_option and not _above_zero(leg.iv) else ""


def _above_zero(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def _exposure(legs: Sequence[Leg], rules: MarginRules, market: Market) -> float:
    """Return the exposure margin: futures of either side, options sold net of the same contract."""
    net: dict[tuple[LegKind, date | None, float | None], int] = {}
    price: dict[tuple[LegKind, date | None, float | None], float] = {}
    for leg in legs:
        key = (leg.kind, leg.expiry, leg.strike)
        net[key] = net.get(key, 0) + leg.quantity
        price[key] = market.notional(leg)
    parts = []
    for key, quantity in net.items():
        kind, expiry, _ = key
        option = kind is not LegKind.FUTURE
        if option and quantity > 0:
            continue
        last_day = rules.expiry_day_exposure if option and expiry == market.on else 0.0
        parts.append(abs(quantity) * price[key] * (rules.exposure + last_day))
    return math.fsum(parts)
