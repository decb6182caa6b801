"""The option with everything divided out: worth of its out-of-the-money twin from two numbers.

An option and its twin across the strike share one time value, so only the distance
``x = |ln(F / K)|`` and the deviation ``s = vol * sqrt(years)`` matter; the worth is given in units
of ``min(F, K)``, which it never reaches. Neither prices nor discounting in here: `black76`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from alphastock_cli.pricing.normal import SQRT_TWO_PI, Floats, tail

SERIES_DEVIATION: Final = 0.4  # the series below needs six terms up to here
SERIES_DISTANCE: Final = 2.5  # and loses digits by exp(x / 2) beyond
BLOCK: Final = 8_192  # rows worked on at once: what they need stays in the second-level cache
TERMS: Final = 6
TINY: Final = 1e-300
HUGE: Final = 1e150  # squares to something finite
FAR: Final = 1e3  # a distance of so many deviations: the density is zero from 39 on


def distance_into(one: Floats | float, other: Floats | float, lesser: Floats, out: Floats) -> None:
    """Write ``|ln(one / other)|`` into `out` and the lesser of the two into `lesser`.

    From the difference, which is exact for neighbours: the logarithm of a ratio near one has lost
    the digits that matter to an option near the money.
    """
    np.subtract(one, other, out=out)
    np.abs(out, out=out)
    np.minimum(one, other, out=lesser)
    np.divide(out, lesser, out=out)
    np.log1p(out, out=out)


def series_into(
    squares: tuple[Floats, Floats | np.float64], first: Floats, rows: list[Floats]
) -> Floats:
    """Return the odd Taylor series of the scaled lower tail about h, divided by s.

    With R(h) = Phi(h) / phi(h) and t = s / 2 the twin is worth
    ``phi(h + t) (R(h + t) - R(h - t))``, and the bracket is
    ``s (R' + t^2 / 3! R''' + t^4 / 5! R^(5) + ...)``: no difference of nearly equal numbers.

    Parameters
    ----------
    squares : (ndarray, ndarray)
        h^2 and t^2.
    first : ndarray
        R'(h) = 1 + h R(h); overwritten with the result.
    rows : list of ndarray
        Memory: as many rows as terms beyond the first.

    Returns
    -------
    ndarray
        `first`, which holds the sum.

    References
    ----------
    From R^(n+1) = h R^(n) + n R^(n-1) (differentiate R' = 1 + h R) by leaving out even orders:
    R^(n+2) = (h^2 + 2n + 1) R^(n) - n (n - 1) R^(n-2).
    """
    square, quarter = squares
    before: Floats | float = 1.0
    term = first
    for k, following in enumerate(rows):
        np.add(square, 4.0 * k + 3.0, out=following)
        np.multiply(following, term, out=following)
        np.subtract(following, before, out=following)
        np.multiply(following, 1.0 / ((2.0 * k + 2.0) * (2.0 * k + 3.0)), out=following)
        before, term = term, following
    total = rows[-1]
    for earlier in reversed(rows[:-1]):
        np.multiply(total, quarter, out=total)
        np.add(total, earlier, out=total)
    np.multiply(total, quarter, out=total)
    np.add(first, total, out=first)
    return first


def worth(distance: Floats, deviation: Floats) -> Floats:
    """Return what the out-of-the-money twin is worth, in units of ``min(F, K)``: 0 to 1.

    Parameters
    ----------
    distance, deviation : ndarray
        ``|ln(F / K)|`` and ``vol * sqrt(years)``, flat, of one length, neither negative.
    """
    h = np.minimum(distance / np.maximum(deviation, TINY), FAR)
    near = h - 0.5 * deviation
    density = np.exp(-0.5 * near * near) / SQRT_TWO_PI
    serial = (deviation < SERIES_DEVIATION) & (distance < SERIES_DISTANCE)
    rows = np.flatnonzero(serial)
    if rows.size == h.size:
        memory = list(np.empty((TERMS, h.size)))
        return np.multiply(series_bracket(h, deviation, tail(h), memory), density, out=density)
    result = np.empty_like(h)
    if rows.size:
        some = h[rows]
        memory = list(np.empty((TERMS, rows.size)))
        result[rows] = series_bracket(some, deviation[rows], tail(some), memory) * density[rows]
    rows = np.flatnonzero(~serial)
    some = near[rows]
    pair = np.concatenate((np.abs(some), h[rows] + 0.5 * deviation[rows]))
    near_tail, far_tail = tail(np.minimum(pair, HUGE)).reshape(2, rows.size)
    result[rows] = wide_worth(some, density[rows], near_tail, far_tail)
    return result


def series_bracket(
    h: Floats, deviation: Floats | np.float64, tail: Floats, memory: list[Floats]
) -> Floats:
    """Return ``R(h + t) - R(h - t)`` at h = -`h` by the series; `tail` is Y(`h`)."""
    quarter = deviation * (0.25 * deviation)
    first = series_into((h * h, quarter), 1.0 - h * tail, memory)
    return np.multiply(first, deviation, out=first)


def wide_worth(near: Floats, density: Floats, near_tail: Floats, far_tail: Floats) -> Floats:
    """Return the twin's worth where the tails differ enough to be subtracted.

    Parameters
    ----------
    near, density : ndarray
        ``z = h - t``: beyond it the twin ends in the money, below zero it likely does; phi(z).
    near_tail, far_tail : ndarray
        Y(|z|) and Y(h + t).
    """
    bracket = near_tail - far_tail
    result = np.multiply(density, bracket, out=bracket)
    likely = near < 0.0
    if likely.any():
        np.copyto(result, 1.0 - density * (near_tail + far_tail), where=likely)
    return result
