"""Implied volatility: the Black-76 volatility that gives a price, or the reason why there is none.

Here prices become worths of out-of-the-money twins, and those without a volatility are told apart;
`solver` does the rest. A price without information (no time value, below intrinsic, above the
bound) has no volatility: NaN and a word, never rounding noise, never zero, never an exception.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alphastock_cli.pricing import reduced, solver
from alphastock_cli.pricing.columns import Column, Flags, blocks, columns, cut
from alphastock_cli.pricing.normal import Floats

STATUS: Final = (
    "ok",
    "below_intrinsic",
    "no_time_value",
    "above_bound",
    "expired",
    "no_price",
    "bad_input",
)
OK, BELOW_INTRINSIC, NO_TIME_VALUE, ABOVE_BOUND, EXPIRED, NO_PRICE, BAD_INPUT = range(len(STATUS))

Codes = NDArray[np.int8]
BLOCK: Final = 16_384  # rows worked on at once: what they need stays in the cache
_NOISE: Final = 4.0 * float(np.finfo(np.float64).eps)  # what the subtraction of intrinsic may leave


def implied_vol(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    is_call: ArrayLike,
) -> Floats:
    """Return the implied volatility alone; see `implied_vol_with_status`."""
    return implied_vol_with_status(price, forward, strike, years, rate=rate, is_call=is_call)[0]


def implied_vol_with_status(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    *,
    rate: ArrayLike = 0.0,
    is_call: ArrayLike,
) -> tuple[Floats, Codes]:
    """Return the volatility of each price under Black-76, and a code saying why where none is.

    Parameters
    ----------
    price : array_like
        Premium in rupees, discounted to today; NaN where there is none.
    forward, strike : array_like
        Rupees, above zero. For a spot take `forward.forward_from_spot`.
    years : array_like
        Time to expiry, above zero.
    rate : array_like
        Continuous annual interest rate for discounting, as a fraction.
    is_call : array_like of bool
        True for a call, False for a put.

    Returns
    -------
    vol : ndarray of float64
        Annual, as a fraction, of the arguments' shapes broadcast together; NaN where there is
        none. Out of the money right to some 5e-15; in the money as far as the price knows.
    status : ndarray of int8
        Index into `STATUS`. The first that applies of: bad_input (an argument other than the price
        is NaN, infinite, or a forward or strike not above zero; an infinite price), expired (years
        not above zero), no_price (NaN), below_intrinsic, no_time_value (equal to intrinsic, in the
        money within the rounding of the difference), above_bound (a call at or above the
        discounted forward, a put at or above the discounted strike).

    Raises
    ------
    ValueError
        The shapes do not broadcast together. Values never raise, and no row disturbs another.

    References
    ----------
    Black (1976). Reduction to the out-of-the-money option: Jäckel, By Implication, Wilmott 26
    (2006), 60-66.
    """
    shape, rows, cols, calls = columns((price, forward, strike, years, rate), is_call)
    vol = np.empty(rows)
    status = np.zeros(rows, dtype=np.int8)
    work = solver.Work(min(rows, BLOCK))
    left: list[tuple[int, solver.Rest]] = []
    with np.errstate(all="ignore"):
        for start, stop in blocks(rows, BLOCK):
            inputs = [cut(each, start, stop) for each in cols]
            distance, worth, room, codes = _reduce(inputs, cut(calls, start, stop), stop - start)
            vol[start:stop], rest = solver.solve(distance, worth, room, work)
            if rest is not None:
                left.append((start, rest))
            if codes is not None:
                status[start:stop] = codes
        if left:
            _finish(left, vol, work)
        vol /= np.sqrt(cols[3])
        vol[status != OK] = np.nan
    return vol.reshape(shape), status.reshape(shape)


def words(status: ArrayLike) -> NDArray[np.str_]:
    """Return the words of `STATUS` for an array of codes, in its shape."""
    return np.asarray(np.array(STATUS)[np.asarray(status)])


def _reduce(
    inputs: list[Column], is_call: Flags, rows: int
) -> tuple[Floats, Floats, Floats, Codes | None]:
    """Return a block's twins (distance, worth, room), and codes unless all have a volatility.

    Rows without one are replaced by a harmless twin, so that nothing after this meets them.
    """
    price, forward, strike, years, rate = inputs
    lesser, distance = np.empty((2, rows))
    reduced.distance_into(forward, strike, lesser, distance)
    discount = np.exp(-rate * years)
    undiscounted = price / discount
    gap = forward - strike
    paid = np.maximum(np.where(is_call, gap, -gap), 0.0)
    value = np.subtract(undiscounted, paid, out=np.empty(rows))
    room = lesser - value
    scale = _NOISE * (undiscounted + forward + strike)
    noise = scale * (paid > 0.0)
    tight = np.where(discount == 1.0, noise, scale)  # dividing by the factor has rounded as well
    good = (value > noise) & (room > tight)
    good &= (distance < np.inf) & (years > 0.0) & (years < np.inf) & (discount > 0.0)
    if good.all():
        return distance, value / lesser, room / lesser, None
    codes = np.full(rows, NO_TIME_VALUE, dtype=np.int8)
    sound = np.isfinite(gap + years + rate) & (lesser > 0.0) & ~np.isinf(price)
    for code, found in (
        (BELOW_INTRINSIC, value < -noise),
        (ABOVE_BOUND, room <= tight),
        (NO_PRICE, np.isnan(price)),
        (EXPIRED, years <= 0.0),
        (BAD_INPUT, ~sound),
        (OK, good),
    ):
        np.copyto(codes, np.int8(code), where=found)
    for each, harmless in ((value, 0.1), (room, 0.9), (lesser, 1.0), (distance, 0.1)):
        np.copyto(each, harmless, where=~good)
    return distance, value / lesser, room / lesser, codes


def _finish(left: list[tuple[int, solver.Rest]], s: Floats, work: solver.Work) -> None:
    """Write the deviations of the rows left over by all blocks into `s`."""
    rest = solver.Rest(
        rows=np.concatenate([start + each.rows for start, each in left]),
        distance=np.concatenate([each.distance for _, each in left]),
        worth=np.concatenate([each.worth for _, each in left]),
        room=np.concatenate([each.room for _, each in left]),
        guess=np.concatenate([each.guess for _, each in left]),
    )
    s[rest.rows] = solver.solve_rest(rest, work)
