"""The volatility surface of the simulated options, free of static arbitrage by its construction.

Total variance is the surface of Gatheral and Jacquier: one at-the-money variance that only grows
with time, and a curve whose slope stays inside their bounds. Pure functions; no randomness here.

References
----------
Gatheral, Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14 (2014),
theorems 4.1 and 4.2, and the power law after them: no calendar and no butterfly arbitrage where
``curvature * (1 + abs(skew)) <= 2``.
"""

from __future__ import annotations

import numpy as np

from alphastock_cli.providers.sim.days import Array

CURVATURE = 0.8
SKEW, SKEW_SWING = -0.4, 0.08  # of an index; the second is how far it wanders from day to day
SKEW_OF_SHARES = -0.2
_MONTH = 30.0 / 365.0  # the horizon of INDIA VIX
_TO_MONEY = 0.916  # volatility at the money over INDIA VIX, which weighs the dear wings too
_USUAL = 0.15  # where variance returns to, for an index
_RETURN = 3.0  # how fast, a year
_LEAST = 0.2  # of today's variance: what is left of it at once when it is far below the usual
_TINY = 1e-14  # variance at the last moment: keeps the curve finite


def money_variance(years: Array, vix: Array, ratio: float) -> Array:
    """Return total variance at the money; grows with `years`, 0 at none.

    Parameters
    ----------
    years : ndarray of float64
        Time to expiry, actual/365.
    vix : ndarray of float64
        INDIA VIX in percent a year, broadcast against `years`.
    ratio : float
        Volatility of the underlying over that of NIFTY 50.
    """
    month = (_TO_MONEY * vix / 100.0) ** 2
    part = -np.expm1(-_RETURN * _MONTH) / (_RETURN * _MONTH)
    usual = _USUAL**2
    # forward variance runs from `now` to `usual`: both positive, so the total only grows
    now = np.maximum(usual + (month - usual) / part, _LEAST * month)
    total: Array = usual * years - (now - usual) * np.expm1(-_RETURN * years) / _RETURN
    return np.asarray(ratio**2 * np.maximum(total, 0.0))


def total_variance(log_moneyness: Array, money: Array, skew: float) -> Array:
    """Return total variance at ``ln(strike / forward)``, broadcast over both arrays.

    `money` is total variance at the money and `skew` the correlation-like slope in (-1, 1).
    """
    theta = np.maximum(money, _TINY)
    x = log_moneyness * CURVATURE / np.sqrt(theta * (1.0 + theta))
    found: Array = 0.5 * theta * (1.0 + skew * x + np.sqrt((x + skew) ** 2 + 1.0 - skew**2))
    return found
