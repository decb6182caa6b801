"""Price and Greeks of a European option on a forward; Black-Scholes-Merton by its forward.

Every argument may be a number or an array, and they broadcast. Rows that are no option (a price or
strike that is not above zero, a negative time or volatility, NaN, an infinity) come out as NaN and
disturb nobody. No market conventions in here: which forward, rate or clock is the caller's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from alphastock_cli.pricing import first_order, higher_order, reduced
from alphastock_cli.pricing.columns import Column, Flags, blocks, columns
from alphastock_cli.pricing.normal import Floats, Powers

Model: TypeAlias = Literal["black76", "bsm"]

_DAYS: Final = 365.0
# rows of `greeks` worked on at once: fewer cost more calls a row, more do not stay in the cache
BLOCK: Final = 24_576
BESIDE: Final = 4_096  # up to so many numbers are raised to their powers at once


@dataclass(slots=True, eq=False)  # frozen it would take 2 % of a chain's time to make
class Greeks:
    """Price and Greeks, arrays of the shape of the inputs broadcast together; NaN where no option.

    The underlying is what the first argument of `greeks` was: the forward under Black-76 (held
    still by theta and rho), the spot under Black-Scholes-Merton.

    Attributes
    ----------
    price : ndarray
        Rupees.
    delta, gamma : ndarray
        Per rupee of the underlying, and per rupee squared. At the strike with no time or no
        volatility left gamma grows beyond all bounds and is NaN.
    theta_per_year, vega, rho : ndarray
        Rupees a year of passing time, per 1.00 of volatility, per 1.00 of interest rate.
    vanna, volga, charm, speed, color : ndarray or None
        Second order, None unless asked for: d delta / d vol, d vega / d vol, delta a year of
        passing time, d gamma / d underlying, gamma a year of passing time.
    veta, zomma, ultima, elasticity, epsilon : ndarray or None
        With them: vega a year of passing time, d gamma / d vol, d volga / d vol, percent of price
        per percent of underlying (also called lambda), price per 1.00 of dividend yield (NaN
        under Black-76, which has none).
    """

    price: Floats
    delta: Floats
    gamma: Floats
    theta_per_year: Floats
    vega: Floats
    rho: Floats
    vanna: Floats | None = None
    volga: Floats | None = None
    charm: Floats | None = None
    speed: Floats | None = None
    color: Floats | None = None
    veta: Floats | None = None
    zomma: Floats | None = None
    ultima: Floats | None = None
    elasticity: Floats | None = None
    epsilon: Floats | None = None

    @property
    def theta_per_day(self) -> Floats:
        """Return theta in rupees a calendar day (a year has 365)."""
        return np.asarray(self.theta_per_year / _DAYS)

    @property
    def vega_per_pct(self) -> Floats:
        """Return vega in rupees per point (1 %) of volatility."""
        return np.asarray(self.vega / 100.0)

    @property
    def rho_per_pct(self) -> Floats:
        """Return rho in rupees per 1 % of interest rate."""
        return np.asarray(self.rho / 100.0)


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    is_call: ArrayLike,
) -> Floats:
    """Return the Black-76 price, in the unit of `forward` and `strike`.

    Parameters
    ----------
    forward, strike : array_like
        Rupees, above zero.
    years : array_like
        Time to expiry, zero or more; at zero the option is worth what it pays.
    vol : array_like
        Annual volatility as a fraction (0.12 is 12 %), zero or more.
    rate : array_like
        Continuous annual interest rate for discounting, as a fraction.
    is_call : array_like of bool
        True for a call, False for a put.

    Returns
    -------
    ndarray of float64
        The arguments' shapes broadcast together; NaN where the row is no option. Out of the money
        the relative error stays near h^2 units in the last place, h the distance to the strike in
        deviations, however small the price.

    References
    ----------
    Black, The pricing of commodity contracts, J. of Financial Economics 3 (1976), 167-179.
    """
    given = columns((forward, strike, years, vol, rate), is_call)
    result = np.empty(given.rows)

    powers = Powers(min(2 * given.rows, reduced.BLOCK))
    with np.errstate(all="ignore"):
        for start, stop in blocks(given.rows, reduced.BLOCK):
            _price(*given.block(start, stop), result[start:stop], powers)
    return result.reshape(given.shape)


def greeks(
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    is_call: ArrayLike,
    model: Model = "black76",
    dividend_yield: ArrayLike = 0.0,
    second_order: bool = False,
) -> Greeks:
    """Return price and Greeks of Black-76, or of Black-Scholes-Merton with ``model="bsm"``.

    Parameters
    ----------
    forward : array_like
        The forward, or under "bsm" the spot; rupees, above zero.
    strike, years, vol, rate, is_call : array_like
        As in `price`. With no time or no volatility left the Greeks are their limits: a delta of
        the discount factor in the money, none out of it, half of it at the strike.
    model : {"black76", "bsm"}
        What the Greeks hold still. Under "black76" it is the forward, under "bsm" the spot: price
        and volatility may agree where delta, theta and rho do not.
    dividend_yield : array_like
        Continuous annual yield of the spot, as a fraction; "bsm" only.
    second_order : bool
        Fill the fields from `vanna` on as well.

    Raises
    ------
    ValueError
        An unknown model, or a dividend yield under Black-76, where the forward holds it already.

    References
    ----------
    Black (1976); Merton, Theory of rational option pricing, Bell J. 4 (1973), 141-183; Haug, The
    Complete Guide to Option Pricing Formulas (2007), chapter 2.
    """
    if model not in {"black76", "bsm"}:
        raise ValueError(f"unknown model {model!r}: black76 or bsm")
    spot = model == "bsm"
    if not spot and np.asarray(dividend_yield).any():
        raise ValueError("a dividend yield needs model='bsm': a forward holds it already")
    given = columns((forward, strike, years, vol, rate, dividend_yield), is_call)
    names = first_order.NAMES + (higher_order.NAMES if second_order else ())
    made = np.empty((len(names), given.rows))
    beside = (3 if spot else 2) * given.rows
    powers = Powers(beside if beside < BESIDE else min(given.rows, BLOCK))
    with np.errstate(all="ignore"):
        for start, stop in blocks(given.rows, BLOCK):
            numbers, is_call = given.block(start, stop)
            u, k, t, v, r, q = numbers
            block = first_order.Block(u, k, t, v, r, q, is_call, spot)
            out = made if stop - start == given.rows else made[:, start:stop]
            first_order.fill(block, out, powers, beyond=second_order)
    return Greeks(*(made if len(given.shape) == 1 else made.reshape(len(names), *given.shape)))


def _price(numbers: list[Column], call: Flags, out: Floats, powers: Powers) -> None:
    """Write the prices of some rows."""
    f, k, t, v, r = numbers
    lesser, distance, gap = np.empty((3, out.size))
    np.subtract(f, k, out=gap)
    reduced.distance_into((f, k), gap, lesser, distance, distance)
    valid = (lesser > 0.0) & (t >= 0.0) & (v >= 0.0) & np.isfinite(gap + k + t + v + r)
    deviation = np.where(valid, v * np.sqrt(t), 1.0)
    np.copyto(distance, 0.5, where=~valid)
    paid = np.maximum(np.where(call, gap, -gap), 0.0)
    out[:] = (paid + lesser * reduced.worth(distance, deviation, powers)) * reduced.discount(r, t)
    np.copyto(out, np.nan, where=~valid)
