"""The forward price an option stands on: from put-call parity, or from the spot; basis and carry.

Which of them a command takes, and what rate it discounts with, is the command's choice; every
function here takes what it needs as numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from alphastock_cli.pricing.normal import Floats


class ParityForward(NamedTuple):
    """A forward in rupees, None where no strike has both quotes, and how many strikes gave it."""

    value: float | None
    strikes: int


def forward_by_parity(
    strikes: ArrayLike,
    call_mid: ArrayLike,
    put_mid: ArrayLike,
    *,
    discount: float,
    near: int = 5,
) -> ParityForward:
    """Return the forward at which call and put of one strike agree, the median of several strikes.

    By parity ``call - put = discount * (forward - strike)`` at every strike. Those next to the
    money are taken: there both options trade and an error of the discount factor matters least.
    The median lets a stale quote or two pass without a trace.

    Parameters
    ----------
    strikes, call_mid, put_mid : array_like, shape (n,)
        Rupees, any order. A mid that is NaN or not above zero is missing, and so is its strike.
    discount : float
        Discount factor to expiry, ``exp(-rate * years)``, above zero.
    near : int
        How many strikes next to the money to take, at most.

    Raises
    ------
    ValueError
        The three differ in length, or `discount` or `near` is not above zero.

    References
    ----------
    Stoll, The relationship between put and call option prices, J. of Finance 24 (1969), 801-824.
    """
    if not discount > 0.0 or near < 1:
        raise ValueError(f"discount {discount} and near {near} must be above zero")
    strike, call, put = (
        np.asarray(each, dtype=np.float64).ravel() for each in (strikes, call_mid, put_mid)
    )
    if not strike.size == call.size == put.size:
        raise ValueError(f"{strike.size} strikes, {call.size} calls and {put.size} puts")
    # a comparison with NaN is false: missing quotes fall out here
    quoted = (strike > 0.0) & (call > 0.0) & (put > 0.0) & (strike + call + put < np.inf)
    strike, difference = strike[quoted], call[quoted] - put[quoted]
    if strike.size == 0:
        return ParityForward(None, 0)
    forwards = strike + difference / discount
    # first where the money is: the difference is small there, and one stale pair of quotes
    # elsewhere does not move the median of twice as many strikes
    closest = np.argsort(np.abs(difference), kind="stable")[: 2 * near + 1]
    money = _median(forwards[closest])
    chosen = np.argsort(np.abs(strike - money), kind="stable")[:near]
    return ParityForward(_median(forwards[chosen]), int(chosen.size))


def _median(values: Floats) -> float:
    """Return the median of one value or more; that of numpy loads `numpy.ma` to look for NaN."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float((ordered[middle - (len(ordered) % 2 == 0)] + ordered[middle]) / 2.0)


def forward_from_spot(
    spot: ArrayLike, years: ArrayLike, rate: ArrayLike, *, dividend_yield: ArrayLike = 0.0
) -> Floats:
    """Return ``spot * exp((rate - dividend_yield) * years)``, rates continuous, as fractions."""
    spot, years, rate, paid = (
        np.asarray(each, dtype=np.float64) for each in (spot, years, rate, dividend_yield)
    )
    with np.errstate(all="ignore"):
        return np.asarray(spot * np.exp((rate - paid) * years))


def basis(future: ArrayLike, spot: ArrayLike) -> Floats:
    """Return ``future - spot`` in rupees: above zero where the future is dearer. NaN stays NaN."""
    return np.asarray(np.asarray(future, dtype=np.float64) - np.asarray(spot, dtype=np.float64))


def carry(future: ArrayLike, spot: ArrayLike, years: ArrayLike) -> Floats:
    """Return the continuous annual rate that takes the spot to the future.

    Parameters
    ----------
    future, spot : array_like
        Rupees, above zero.
    years : array_like
        Time to the future's expiry, above zero.

    Returns
    -------
    ndarray of float64
        ``ln(future / spot) / years`` as a fraction; NaN where an argument is not above zero.
    """
    future, spot, years = (np.asarray(each, dtype=np.float64) for each in (future, spot, years))
    with np.errstate(all="ignore"):
        lesser = np.minimum(future, spot)
        # by the difference, as in `reduced.distance_into`: the two are near each other
        rate = np.copysign(np.log1p(np.abs(future - spot) / lesser), future - spot) / years
        valid = (lesser > 0.0) & (years > 0.0) & np.isfinite(rate)
        return np.asarray(np.where(valid, rate, np.nan))
