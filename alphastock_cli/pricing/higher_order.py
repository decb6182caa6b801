"""Greeks of the second and third order, from what `black76` has worked out already.

Only asked for by a few commands, so they cost nothing otherwise. Signs: "a year of passing time"
is minus the derivative by the time left.
"""

from __future__ import annotations

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.pricing.columns import Column
from alphastock_cli.pricing.normal import Floats

NAMES = (
    "vanna", "volga", "charm", "speed", "color", "veta", "zomma", "ultima", "elasticity", "epsilon",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the first order leaves behind: d1 and d2, s = vol sqrt(years), drift of the underlying.

    `growth` is the rate at which delta's discount factor grows: the dividend yield on a spot, the
    interest rate on a forward. Time, volatility and deviation are above zero here.
    """

    underlying: Column
    years: Column
    vol: Column
    deviation: Floats
    drift: Column
    growth: Column
    d1: Floats
    d2: Floats
    price: Floats
    delta: Floats
    gamma: Floats
    vega: Floats


def higher(parts: Parts) -> tuple[Floats, ...]:
    """Return the arrays of `NAMES` but the last, epsilon, which only a spot has.

    References
    ----------
    Haug, The Complete Guide to Option Pricing Formulas (2007), chapter 2.
    """
    d1, d2, s, years = parts.d1, parts.d2, parts.deviation, parts.years
    both = d1 * d2
    density = parts.gamma * parts.underlying * s  # discounted phi(d1)
    turn = parts.drift * years / s - 0.5 * d2  # years times d(d1) / d years
    vanna = -density * d2 / parts.vol
    volga = parts.vega * both / parts.vol
    charm = parts.growth * parts.delta - density * turn / years
    speed = -parts.gamma / parts.underlying * (d1 / s + 1.0)
    color = parts.gamma * (parts.growth + (0.5 + d1 * turn) / years)
    veta = parts.vega * (parts.growth + (d1 * turn - 0.5) / years)
    zomma = parts.gamma * (both - 1.0) / parts.vol
    spread = both * (1.0 - both) + d1 * d1 + d2 * d2
    ultima = -parts.vega / parts.vol * spread / parts.vol
    elasticity = parts.delta * parts.underlying / parts.price
    elasticity = np.where(np.isfinite(elasticity), elasticity, np.nan)  # nothing left to compare
    return vanna, volga, charm, speed, color, veta, zomma, ultima, elasticity
