"""The worth of options near the money, of any deviation that markets know: one formula, no branch.

Two tails less than one deviation apart cannot be subtracted without losing digits. In here their
difference is the slope of the tail between them, and a small correction. Which options come here,
and what becomes of the others, is decided in `reduced` and `first_order`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from alphastock_cli.pricing.columns import Flags
from alphastock_cli.pricing.normal import Floats, Powers

DISTANCE: Final = 0.7  # |ln(F / K)|: strikes from half to twice the forward
DEVIATION: Final = 1.3

_TINY: Final = np.array(1e-300)
_HALF, _ONE = np.array(0.5), np.array(1.0)

# C of `bracket` as a polynomial in q (columns) and x^2 (rows, the last times 1 + x^2 _BEND).
# Interpolated in 50 digits at Chebyshev's nodes of both; off by less than 1.7e-16 of the bracket.
_CORRECTION: Final = np.array([
    (0.16666666666666652, 0.058333333333372414, 0.011309523807564672, 0.0015459656454973587,
     0.00016421622708167786, 1.4303107435565598e-05, 1.0519762934595502e-06, 7.472175768276812e-08),
    (0.0020833333333349045, 0.0008928571428819791, 0.00019634589943483778, 2.93109676945314e-05,
     3.3260205465623204e-06, 3.051227474425105e-07, 2.339967017885505e-08, 1.7270232302936874e-09),
    (1.240079363862373e-05, 5.683696847994468e-06, 1.3152355826211312e-06, 2.0445168467522965e-07,
     2.3983110017409537e-08, 2.2624464861582064e-09, 1.7766514911447508e-10,
     1.3415153407577517e-11),
    (4.305831898781185e-08, 2.0355612575353273e-08, 4.833114909486725e-09, 7.679012740864847e-10,
     9.179667040606197e-11, 8.804383369861229e-12, 7.015302021284257e-13, 5.374503931960911e-14),
])  # fmt: skip
_BEND: Final = np.array(0.002275)
_FEW: Final = np.ascontiguousarray(_CORRECTION[:, :4])
_ENOUGH: Final = 0.1  # up to this deviation what they leave out is below 1e-17 of the bracket


def fits(distance: Floats, deviation: Floats) -> Flags:
    """Return which options `bracket` is for."""
    result = np.asarray(deviation < DEVIATION)
    result &= distance < DISTANCE
    return result


def bracket(  # noqa: PLR0917 - each is an array that the caller has
    slope: Floats, place: tuple[Floats, Floats], s: Floats, half: Floats, most: float, work: Powers
) -> Floats:
    """Return ``Y(h - t) - Y(h + t)``, the worth in units of ``min(F, K) phi(h - t)``.

    With h = x / s, t = s / 2, y = x / 2, q = t^2 and W = -Y'(h) that is
    ``s (exp(q / 2) W sinh(y) / y - q C)``, where
    ``C = exp(q / 2) / q times the integral of cosh(y (1 - v)) (1 - exp(-q v^2 / 2))`` over v from
    0 to 1 is about a sixth: the correction is never a tenth of what it is taken from.

    Parameters
    ----------
    slope : ndarray
        W; overwritten with the result.
    place : (ndarray, ndarray)
        x = ``|ln(F / K)|`` and ``exp(x) - 1``, the latter overwritten.
    s, half, most : ndarray, ndarray, float
        The deviation, t, and what no s exceeds.
    work : Powers
        Memory of that width, all written over.

    References
    ----------
    Y(h - t) exp(-y - q / 2) = Y(h) + the integral of exp(h u - u^2 / 2) over u from 0 to t, and so
    for h + t; their weighted difference, and Y = (1 - W) / h.
    """
    rows, (distance, excess) = s.size, place
    square, spare = work.of[1][:rows], work.of[2][:rows]
    np.multiply(half, half, out=square)
    # exp(q / 2) sinh(y) / y = exp((q - x) / 2) (exp(x) - 1) / x, and 1 at the strike
    np.add(distance, _TINY, out=spare)
    excess += _TINY
    excess /= spare
    np.subtract(square, distance, out=spare)
    spare *= _HALF
    np.exp(spare, out=spare)
    slope *= excess
    slope *= spare
    slope -= _correction(distance, most, work)
    slope *= s
    return slope


def _correction(distance: Floats, most: float, work: Powers) -> Floats:
    """Return q C; `work` holds q, and is written over."""
    rows = distance.size
    coefficients = _FEW if most <= _ENOUGH else _CORRECTION
    work.raise_all(rows, coefficients.shape[1] - 1)
    total: Floats
    first, second, third, total = work.polynomials(coefficients, 0, rows)
    square, bend = work.of[2][:rows], work.of[3][:rows]
    np.multiply(distance, distance, out=square)
    np.multiply(square, _BEND, out=bend)
    bend += _ONE
    total *= bend
    for earlier in (third, second, first):
        total *= square
        total += earlier
    total *= work.of[1][:rows]
    return total
