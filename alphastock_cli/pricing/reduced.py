"""The option with everything divided out: worth of its out-of-the-money twin from two numbers.

An option and its twin across the strike share one time value, so only the distance
``x = |ln(F / K)|`` and the deviation ``s = vol * sqrt(years)`` matter; the worth is given in units
of ``min(F, K)``, which it never reaches. Neither prices nor discounting in here: `black76`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from alphastock_cli.pricing import near_money
from alphastock_cli.pricing.columns import Column, Flags, zero
from alphastock_cli.pricing.normal import PHI_ZERO, SLOPE, Floats, Powers

SERIES_DEVIATION: Final = 0.4  # the series below needs six terms up to here
SERIES_DISTANCE: Final = 2.5  # and loses digits by exp(x / 2) beyond
BLOCK: Final = 16_384  # rows worked on at once: what they need stays in the second-level cache
TERMS: Final = 6
TINY: Final = 1e-300
HUGE: Final = 1e150  # squares to something finite
FAR: Final = 1e3  # a distance of so many deviations: the density is zero from 39 on

ONE: Final = np.array(1.0)
_MINUS_QUARTER: Final = np.array(-0.25)
_NOTHING: Final = np.array(-400.0)  # of which the exponential, squared, is zero
_SMALL: Final = 40.0  # places up to here need no such bound

# of a term from the one before: see `series_into`
_TERM: Final = [
    (np.array(4.0 * k + 3.0), np.array(1.0 / ((2 * k + 2) * (2 * k + 3)))) for k in range(TERMS)
]
# up to which deviation so many terms beyond the first leave less than 2e-17 of the sum
_ENOUGH: Final = ((0.0072, 2), (0.038, 3), (0.107, 4), (0.217, 5))


def discount(rate: Column, years: Column) -> Column:
    """Return ``exp(-rate * years)``; without interest the very number `ONE`."""
    if zero(rate):
        return ONE
    if rate.ndim or years.ndim:
        return np.asarray(np.exp(-rate * years))
    return np.array(np.exp(-float(rate) * float(years)))


def distance_into(
    both: tuple[Column, Column], gap: Floats, lesser: Floats, excess: Floats, out: Floats
) -> None:
    """Write the lesser of two numbers, x = ``|ln|`` of their ratio, and ``exp(x) - 1``.

    Given their difference; `excess` and `out` may be one.

    From the difference, which is exact for neighbours: the logarithm of a ratio near one has lost
    the digits that matter to an option near the money.
    """
    np.minimum(*both, out=lesser)
    np.abs(gap, out=excess)
    np.divide(excess, lesser, out=excess)
    np.log1p(excess, out=out)


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
    before: Floats = ONE
    term = first
    for following, (addend, factor) in zip(rows, _TERM, strict=False):
        np.add(square, addend, out=following)
        np.multiply(following, term, out=following)
        np.subtract(following, before, out=following)
        np.multiply(following, factor, out=following)
        before, term = term, following
    total = rows[-1]
    for earlier in reversed(rows[:-1]):
        np.multiply(total, quarter, out=total)
        np.add(total, earlier, out=total)
    np.multiply(total, quarter, out=total)
    np.add(first, total, out=first)
    return first


def terms_for(most: float) -> int:
    """Return how many terms beyond the first `series_into` takes for deviations up to `most`."""
    for bound, terms in _ENOUGH:
        if most < bound:
            return terms
    return TERMS


def bracket(raised: Powers, slope: Floats, s: Floats, half: Floats, most: float) -> Floats:
    """Return ``R(h + t) - R(h - t)`` at h = -z by the series, for small deviations.

    Parameters
    ----------
    raised : Powers
        With z, the distance in deviations, for the first rows; the powers from the third on are
        written over.
    slope : ndarray
        R'(-z) = -Y'(z); overwritten with the result.
    s, half, most : ndarray, ndarray, float
        The deviation, t = s / 2, and what no s exceeds.
    """
    rows = s.size
    _, _, square, *memory = (each[:rows] for each in raised.of[: 3 + terms_for(most)])
    series_into((square, half * half), slope, memory)
    slope *= s
    return slope


def density_into(near: Floats, out: Floats, most: float = math.inf) -> None:
    """Write ``exp(-near^2 / 2)`` into `out`, `near` at `most`: zero from 39 on, and quick about it.

    numpy's exponential is seven times slower where the result is too small for a float64, so the
    square of one that never is.
    """
    np.multiply(near, near, out=out)
    np.multiply(out, _MINUS_QUARTER, out=out)
    if not most < _SMALL:
        np.maximum(out, _NOTHING, out=out)
    np.exp(out, out=out)
    np.multiply(out, out, out=out)


def wide_value(
    near: Floats, tails: Floats, weight: Floats, bound: Floats | np.float64 | float
) -> Floats:
    """Return the twin's worth where the tails differ enough to be subtracted.

    Parameters
    ----------
    near : ndarray
        ``z = h - t``: beyond it the twin ends in the money, below zero it likely does.
    tails : ndarray
        Y(|z|) and Y(h + t) as rows.
    weight, bound : ndarray
        phi(z), and what the worth never reaches, both in the unit of the result.
    """
    low, high = tails
    result: Floats = np.subtract(low, high)
    result *= weight
    likely = near < 0.0
    if likely.any():
        np.copyto(result, bound - weight * (low + high), where=likely)
    return result


def apart(distance: Floats, deviation: Floats) -> Flags:
    """Return whose two tails differ enough to be subtracted, of those not near the money."""
    result = np.asarray(deviation >= SERIES_DEVIATION)
    result |= distance >= SERIES_DISTANCE
    result &= ~near_money.fits(distance, deviation)
    return result


def worth(distance: Floats, deviation: Floats, work: Powers) -> Floats:
    """Return what the out-of-the-money twin is worth, in units of ``min(F, K)``: 0 to 1.

    Parameters
    ----------
    distance, deviation : ndarray
        ``|ln(F / K)|`` and ``vol * sqrt(years)``, flat, of one length, neither negative.
    work : Powers
        Memory of that width, or better of twice that.
    """
    h = np.minimum(distance / np.maximum(deviation, TINY), FAR)
    near = h - 0.5 * deviation
    np.maximum(near, -FAR, out=near)
    density = np.empty_like(near)
    density_into(near, density)
    density *= PHI_ZERO
    close = near_money.fits(distance, deviation)
    if close.all():
        return _near_worth(h, distance, deviation, density, work)
    wide = apart(distance, deviation)
    result = np.empty_like(h)
    ways = ((close, _near_worth), (wide, _wide_worth), (~(close | wide), _serial_worth))
    for chosen, way in ways:
        rows = np.flatnonzero(chosen)
        if rows.size:
            result[rows] = way(h[rows], distance[rows], deviation[rows], density[rows], work)
    return result


def _near_worth(h: Floats, distance: Floats, s: Floats, weight: Floats, work: Powers) -> Floats:
    """Return the twin's worth near the money, in the unit of `weight`; see `wide_value`."""
    slope, excess = _slope(h, work), np.expm1(distance)
    most = float(np.maximum.reduce(s))
    result = near_money.bracket(slope, (distance, excess), s, 0.5 * s, most, work)
    result *= weight
    return result


def _serial_worth(h: Floats, _: Floats, s: Floats, weight: Floats, work: Powers) -> Floats:
    """Do the same by the series, far from the money."""
    result = bracket(work, _slope(h, work), s, 0.5 * s, SERIES_DEVIATION)
    result *= weight
    return result


def _wide_worth(h: Floats, _: Floats, s: Floats, weight: Floats, work: Powers) -> Floats:
    """Do the same by two tails."""
    half = 0.5 * s
    near = np.maximum(h - half, -FAR)
    return wide_value(near, work.tails((near, np.minimum(h + half, FAR))), weight, 1.0)


def _slope(h: Floats, work: Powers) -> Floats:
    work.of[1][: h.size] = h
    work.raise_all(h.size)
    return work.ratio(SLOPE, 0, h.size)
