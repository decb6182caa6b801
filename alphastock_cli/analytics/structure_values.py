"""What the legs of a structure are worth before their expiry, by Black-76 on each one's forward.

A price of the underlying moves all forwards with it: what a forward stands above the underlying,
as a ratio, is kept and melts as time passes. Payoffs at expiry: `structures.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.analytics.greeks import FIRST_ORDER, Basis, sensitivities
from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.pricing.black76 import Model, price

Floats = NDArray[np.float64]
_DAYS = 365.0
_ONE_TO_ONE: Mapping[str, float] = MappingProxyType(
    dict.fromkeys(FIRST_ORDER, 0.0) | {"delta": 1.0}
)
_NEXT_TO_NOTHING = 1e-9  # a price of zero has no logarithm; its limit is reached long before


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """An expiry as the market sees it now: years away, and the forward (None: not known)."""

    years: float
    forward: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vols:
    """How the volatilities of the legs are taken: moved by `shift`, or all set to `flat`."""

    shift: float = 0.0
    flat: float | None = None

    def of(self, leg: Leg) -> float | None:
        """Return the volatility of a leg; None where none is known and none was set."""
        if self.flat is not None:
            return self.flat
        return None if leg.iv is None else leg.iv + self.shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What structures are valued against.

    Attributes
    ----------
    price : float
        The underlying now, rupees: the spot, or where it is not known the nearest forward.
    expiries : mapping of date to Expiry
        Every expiry of the legs.
    rate : float
        Discounting, per year, continuous.
    model : str
        ``black76`` or ``bsm``; matters to Greeks alone.
    multiplier : int
        Rupees a unit gains when the price rises by 1.00.
    """

    price: float
    expiries: Mapping[date, Expiry]
    rate: float = 0.0
    model: Model = "black76"
    multiplier: int = 1

    def forwards(self, prices: Floats, expiry: date, passed: float) -> Floats:
        """Return the forward of an expiry when so many years have passed, at prices then.

        price · exp(L(T) - L(t)), L(t) the logarithm of forward over price now, a straight line
        between now (0) and the expiries whose forward is known.
        """
        known = sorted(
            (held.years, math.log(held.forward / self.price))
            for held in self.expiries.values()
            if held.forward is not None and held.years > 0
        )
        if not known:
            return prices
        times, carries = zip((0.0, 0.0), *known, strict=True)
        ends, then = np.interp([self.expiries[expiry].years, passed], times, carries)
        return np.asarray(prices * math.exp(ends - then))

    def knows(self, expiry: date) -> bool:
        """Whether the forward of an expiry is known."""
        return self.expiries[expiry].forward is not None


def payoff(
    legs: Sequence[Leg], market: Market, prices: Floats, *, passed: float, vols: Vols | None = None
) -> Floats | None:
    """Return what the structure has gained when so many years have passed, rupees.

    Parameters
    ----------
    legs : sequence of Leg
        As held; what was paid counts.
    prices : ndarray
        Prices of the underlying then, from 0 up.
    passed : float
        Years from now; legs that have ended by then pay at that price.
    vols : Vols, optional
        The legs' own volatilities unless given.

    Returns
    -------
    ndarray or None
        Of the shape of `prices`; None where a price, forward or volatility is not known.
    """
    total = np.zeros_like(prices)
    for leg in legs:
        each = worth(leg, market, prices, passed=passed, vols=vols or Vols())
        if each is None or leg.price is None:
            return None
        total += leg.quantity * market.multiplier * (each - leg.price)
    return total


def worth(leg: Leg, market: Market, prices: Floats, *, passed: float, vols: Vols) -> Floats | None:
    """Return what a unit of a leg is worth at prices of the underlying; None if not known."""
    if leg.expiry is None:
        return prices
    left = market.expiries[leg.expiry].years - passed
    if left > 0 and not market.knows(leg.expiry):
        return None
    ahead = market.forwards(prices, leg.expiry, passed) if left > 0 else prices
    if leg.strike is None:
        return ahead
    call = leg.kind is LegKind.CALL
    if left <= 0:
        gain = ahead - leg.strike if call else leg.strike - ahead
        return np.maximum(gain, 0.0)
    vol = vols.of(leg)
    if vol is None:
        return None
    floor = np.maximum(ahead, _NEXT_TO_NOTHING * leg.strike)
    return price(floor, leg.strike, left, vol, rate=market.rate, is_call=call)


def greeks(leg: Leg, market: Market) -> dict[str, float | None]:
    """Return the Greeks of one unit of a leg now, by name; None where not known.

    The delta of an option is per rupee of the forward of its own expiry, that of the underlying
    per rupee of itself; a future moves with its forward one to one. Under ``bsm`` all are per
    rupee of the spot, above which a future stands by its carry.
    """
    if leg.expiry is None:
        return dict(_ONE_TO_ONE)
    held = market.expiries[leg.expiry]
    if leg.strike is None:
        return _future(held, market)
    if leg.iv is None or held.forward is None or held.years <= 0:
        return dict.fromkeys(FIRST_ORDER)
    basis = Basis(forward=held.forward, years=held.years, rate=market.rate, model=market.model)
    made = sensitivities(
        np.array([leg.strike]), np.array([leg.iv]), np.array([leg.kind is LegKind.CALL]), basis
    )
    found = {name: float(made[name][0]) for name in FIRST_ORDER}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def _future(held: Expiry, market: Market) -> dict[str, float | None]:
    """Return the Greeks of a future: F = S·e^(rT) with the spot held, or F itself."""
    if market.model == "black76":
        return dict(_ONE_TO_ONE)
    if held.forward is None:
        return dict.fromkeys(FIRST_ORDER)
    return {
        **_ONE_TO_ONE,
        "delta": math.exp(market.rate * held.years),
        "theta_per_day": -market.rate * held.forward / _DAYS,
        "rho_per_pct": held.years * held.forward / 100.0,
    }


def net(
    legs: Sequence[Leg], each: Sequence[Mapping[str, float | None]], *, multiplier: int = 1
) -> dict[str, float | None]:
    """Return the Greeks of the whole position: per unit times units; None where one is missing."""
    total: dict[str, float | None] = {}
    for name in FIRST_ORDER:
        units = [leg.quantity * multiplier for leg in legs]
        known = [
            unit * value
            for unit, held in zip(units, each, strict=True)
            if (value := held[name]) is not None
        ]
        total[name] = math.fsum(known) + 0.0 if len(known) == len(legs) else None
    return total


def net_premium(legs: Sequence[Leg], *, multiplier: int = 1) -> float | None:
    """Return the rupees received (paid: below zero) for the options; None with a price missing."""
    options = [leg for leg in legs if leg.is_option]
    known = [leg.price * leg.quantity for leg in options if leg.price is not None]
    # 0.0 less the sum: a structure without options has received nothing, not minus nothing
    return 0.0 - math.fsum(known) * multiplier if len(known) == len(options) else None
