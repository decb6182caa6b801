"""Implied volatility: the Black-76 volatility that gives a price, or the reason why there is none.

Here prices become worths of out-of-the-money twins, and those without a volatility are told apart;
`solver` does the rest. A price without information (no time value, below intrinsic, above the
bound) has no volatility: NaN and a word, never rounding noise, never zero, never an exception.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alphastock_cli.pricing import reduced, solver
from alphastock_cli.pricing.columns import Column, Flags, blocks, columns
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
BLOCK: Final = reduced.BLOCK
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
    given = columns((price, forward, strike, years, rate), is_call)
    vol = np.empty(given.rows)
    status = np.zeros(given.rows, dtype=np.int8)

    memory = solver.Work(min(given.rows, BLOCK))
    left: list[solver.Rest] = []
    with np.errstate(all="ignore"):
        for start, stop in blocks(given.rows, BLOCK):
            numbers, is_call = given.block(start, stop)
            twins = _reduce(numbers, is_call, status[start:stop])
            found, rest = solver.solve(*twins[:3], memory)
            root = np.sqrt(numbers[3])
            np.divide(found, root, out=vol[start:stop])
            if twins.bad is not None:
                np.copyto(vol[start:stop], np.nan, where=twins.bad)
            if rest is not None:
                left.append(rest.behind(start, root))
        if left:
            _finish(left, vol, memory)
    return vol.reshape(given.shape), status.reshape(given.shape)


def words(status: ArrayLike) -> NDArray[np.str_]:
    """Return the words of `STATUS` for an array of codes, in its shape."""
    return np.asarray(np.array(STATUS)[np.asarray(status)])


class _Twins(NamedTuple):
    """A block's out-of-the-money twins, as `solver.solve` takes them; and which rows have none."""

    distance: Floats
    worth: Floats
    room: Floats
    bad: Flags | None = None


def _reduce(numbers: list[Column], is_call: Flags, status: Codes) -> _Twins:
    """Return a block's twins, and write the codes of those that have no volatility.

    Rows without one are replaced by a harmless twin, so that nothing after this meets them.
    """
    price, forward, strike, years, rate = numbers
    lesser, distance, gap = np.empty((3, status.size))
    np.subtract(forward, strike, out=gap)
    reduced.distance_into((forward, strike), gap, lesser, distance, distance)
    discount = reduced.discount(rate, years)
    undiscounted = price if discount is reduced.ONE else price / discount
    paid = np.maximum(gap, 0.0)
    paid -= np.subtract(1.0, is_call) * gap
    value = np.subtract(undiscounted, paid, out=np.empty(status.size))
    room = lesser - value
    scale = _NOISE * (undiscounted + forward + strike)
    noise = scale * (paid > 0.0)
    # dividing by the factor has rounded as well
    tight = noise if discount is reduced.ONE else np.where(discount == 1.0, noise, scale)
    good = value > noise
    good &= room > tight
    good &= distance < np.inf
    good &= (years > 0.0) & (years < np.inf) & (discount > 0.0)
    if good.all():
        return _Twins(distance, value / lesser, room / lesser)
    bad = ~good
    sound = np.isfinite(gap + years + rate) & (lesser > 0.0) & ~np.isinf(price)
    _explain(numbers, (value, noise), (room, tight), sound, status)
    status[good] = OK
    for each, harmless in ((value, 0.1), (room, 0.9), (lesser, 1.0), (distance, 0.1)):
        np.copyto(each, harmless, where=bad)
    return _Twins(distance, value / lesser, room / lesser, bad)


def _explain(
    numbers: list[Column],
    value: tuple[Floats, Floats],
    room: tuple[Floats, Floats],
    sound: Flags,
    status: Codes,
) -> None:
    """Write why a row would have no volatility; `value` and `room` beside what rounding leaves."""
    price, _, _, years, _ = numbers
    status[:] = NO_TIME_VALUE
    for code, found in (
        (BELOW_INTRINSIC, value[0] < -value[1]),
        (ABOVE_BOUND, room[0] <= room[1]),
        (NO_PRICE, np.isnan(price)),
        (EXPIRED, years <= 0.0),
        (BAD_INPUT, ~sound),
    ):
        np.copyto(status, np.int8(code), where=found)


def _finish(left: list[solver.Rest], vol: Floats, work: solver.Work) -> None:
    """Write the volatilities of the rows left over by some blocks."""
    rest = solver.Rest(*(np.concatenate(each) for each in zip(*left, strict=True)))
    vol[rest.rows] = solver.solve_rest(rest, work) / rest.root
