"""The one special function of option mathematics, and the normal law made from it.

The scaled tail Y(z) = Phi(-z) / phi(z) stays between 0 and 1.2534 where Phi(-z) itself runs out of
digits and then out of exponents, so prices and Greeks keep their relative accuracy in the wings.
No scipy: it costs more to import than the rest of a command. No option in here: `reduced`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SQRT_TWO_PI: Final = math.sqrt(2.0 * math.pi)
LOG_SQRT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)
_SQRT_TWO: Final = math.sqrt(2.0)
_CENTRE = 5.0  # where the variable u of the polynomial changes its sign
_FAR = 1e150  # squares to something finite

# (1 + sqrt(2) z) Y(z) as a polynomial in u = (z - 5) / (z + 5): Chebyshev interpolation at 24
# nodes in 60 digits, relative error 2.6e-17. Row r holds the coefficients of u^r, u^(r+3), ...,
# so the polynomial is a 3 x 8 matrix product and two steps of Horner's rule.
FINE: Final = np.array([
    (1.556167287834573, 0.11943748176049436, -0.06311327746581859, -0.00011179632476619096,
     -4.1979322025576736e-05, -4.8887550240709365e-06, -8.251620746455185e-08,
     1.677973067642058e-08),
    (-0.17559536068758644, -0.14327648830416712, 0.02558979554467663, 0.0007090982740065518,
     3.3435664124950645e-05, 3.740063333499955e-07, -1.1687064884536097e-07,
     -8.705531525870781e-10),
    (-0.010512067495234754, 0.11129144116879648, -0.00616947676787399, -0.00019103230244257424,
     4.510742256565215e-07, 7.380320712339369e-07, 1.139703970094219e-08,
     -1.480628849296888e-09),
])  # fmt: skip
# the same with 12 nodes, relative error 2.3e-8: enough for a step that is corrected by another
COARSE: Final = np.array([
    (1.556167306929541, 0.11943826018077726, -0.0631821978831218, -0.000192180394026519),
    (-0.17559537147723558, -0.14326040657617428, 0.025629797239730617, 0.0005880852109196758),
    (-0.010513442916874878, 0.11128226491500526, -0.006035476476287832, -0.00011306735741541873),
])  # fmt: skip


class TailWork:
    """Memory that `tail_into` writes on, for rows up to `width`.

    Between two calls the rows of `powers` after the first are free for others.
    """

    __slots__ = ("partial", "powers", "spare")

    def __init__(self, width: int) -> None:
        # BLAS multiplies a single column by another routine, which rounds otherwise: never fewer
        # than two, so that an option alone is worth what it is in a crowd
        columns = max(width, 2)
        self.powers = np.empty((8, columns))
        self.powers[0] = 1.0
        self.powers[1:, :2] = 0.0
        self.partial = np.empty((3, columns))
        self.spare = np.empty((2, columns))


def tail_into(z: Floats, out: Floats, work: TailWork, coefficients: Floats = FINE) -> None:
    """Write Y(z) into `out`, without allocating; both flat, of one length, z in [0, 1e300]."""
    n = z.size
    terms = coefficients.shape[1]
    u, square = work.spare[0, :n], work.spare[1, :n]
    powers = work.powers[:, :n]
    cube = powers[1]
    np.add(z, _CENTRE, out=square)
    np.subtract(z, _CENTRE, out=u)
    np.divide(u, square, out=u)
    np.multiply(u, u, out=square)
    np.multiply(u, square, out=cube)
    np.multiply(cube, cube, out=powers[2])
    if terms == COARSE.shape[1]:
        np.multiply(cube, powers[2], out=powers[3])
    else:
        np.multiply(powers[1:3], powers[2], out=powers[3:5])
        np.multiply(powers[1:4], powers[4], out=powers[5:8])
    columns = max(n, 2)
    np.matmul(coefficients, work.powers[:terms, :columns], out=work.partial[:, :columns])
    low, middle, high = work.partial[:, :n]
    np.multiply(high, square, out=high)
    np.multiply(middle, u, out=middle)
    np.add(low, middle, out=low)
    np.add(low, high, out=low)
    np.multiply(z, _SQRT_TWO, out=u)
    np.add(u, 1.0, out=u)
    np.divide(low, u, out=out)


def tail(z: Floats) -> Floats:
    """Return Y(z) as a new array; as `tail_into`."""
    result = np.empty_like(z)
    tail_into(z, result, TailWork(z.size))
    return result


def scaled_tail(z: ArrayLike) -> Floats:
    """Return Y(z) = Phi(-z) / phi(z), Mills' ratio of the standard normal law.

    Parameters
    ----------
    z : array_like
        Any shape, any real number. NaN stays NaN.

    Returns
    -------
    ndarray of float64
        Of the shape of `z`; relative error below 6e-16 for z >= 0. Below z = -38 the ratio is
        larger than a float64 and comes out infinite.

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.12 (the ratio) and 7.1.2.
    """
    values = np.asarray(z, dtype=np.float64)
    with np.errstate(all="ignore"):
        flat = np.minimum(np.abs(values.ravel()), _FAR)
        upper = tail(flat)
        lower = SQRT_TWO_PI * np.exp(0.5 * flat * flat) - upper
        return np.where(values.ravel() < 0.0, lower, upper).reshape(values.shape)


def pdf(z: ArrayLike) -> Floats:
    """Return the standard normal density, of the shape of `z`; NaN stays NaN."""
    values = np.asarray(z, dtype=np.float64)
    with np.errstate(all="ignore"):
        bounded = np.minimum(np.abs(values), _FAR)
        return np.asarray(np.exp(-0.5 * bounded * bounded) / SQRT_TWO_PI)


def cdf(z: ArrayLike) -> Floats:
    """Return Phi(z), the probability that a standard normal number is below `z`.

    Parameters
    ----------
    z : array_like
        Any shape, infinities included. NaN stays NaN.

    Returns
    -------
    ndarray of float64
        Of the shape of `z`. The lower tail keeps its relative accuracy, about z^2 / 2 units in
        the last place, down to 1e-308.
    """
    values = np.asarray(z, dtype=np.float64)
    with np.errstate(all="ignore"):
        beyond = pdf(values) * scaled_tail(np.abs(values))
        return np.asarray(np.where(values < 0.0, beyond, 1.0 - beyond))
