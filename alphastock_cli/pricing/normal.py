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
PHI_ZERO: Final = np.array(1.0 / SQRT_TWO_PI)
LOG_SQRT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)
_FAR = 1e20  # its twelfth power is a float64; beyond, Y(z) is 1 / z to the last digit


def _halves(rows: Floats) -> Floats:
    """Return coefficients cut in two, ``low + z^k high``, k half the degree: low rows, high rows.

    Half as many powers to make, and four rows cost a matrix product little more than two.
    """
    half = rows.shape[1] // 2
    low = np.zeros((len(rows), half + 1))
    low[:, :half] = rows[:, :half]
    return np.concatenate((low, rows[:, half:]))


# Y = P / Q and -Y' = 1 - z Y = N / Q by one denominator of degree 12, a row each for N, Q and P,
# the coefficient of z^r in column r. Rational interpolation in 90 digits of Y at 21 nodes spread
# over [0, inf), with Y ~ 1/z - 1/z^3 at the far end: relative error 2.2e-17 of Y and 1.6e-16 of
# its slope. Every coefficient is above zero, so nothing cancels anywhere.
_FINE: Final = np.array([
    (1.0, 1.4607664944847076, 1.0748789142642035, 0.5149794468600427, 0.17615572681296338,
     0.0447248425243543, 0.008521978797535572, 0.0012050793920921237, 0.000121623303111373,
     7.987416109901369e-06, 2.6414064049923945e-07, 0.0, 0.0),
    (1.0, 2.7140806318002078, 3.4764745399135935, 2.7846705726085275, 1.5572126628096479,
     0.6422589826830186, 0.2010030169785377, 0.04829215620894775, 0.008885263862979819,
     0.0012290416404220534, 0.0001224157250328703, 7.987416109901369e-06, 2.6414064049923945e-07),
    (1.2533141373155001, 2.40159562564939, 2.269691125748485, 1.3810569359966844,
     0.5975341401586642, 0.19248103818100212, 0.04708707681685563, 0.008763640559868446,
     0.001221054224312152, 0.00012215158439237106, 7.987416109901369e-06, 2.6414064049923945e-07,
     0.0),
])  # fmt: skip
ALL_THREE: Final = _halves(_FINE)
SLOPE: Final = _halves(_FINE[:2])
TAIL: Final = _halves(_FINE[:0:-1])  # P above Q
# the slope alone of degree 6, relative error 2.7e-7: enough for a step that another corrects
COARSE_SLOPE: Final = _halves(np.array([
    (1.0, 0.7690379207511675, 0.2895611210291671, 0.06060851572656263, 0.006254860526935532,
     0.0, 0.0),
    (1.0, 2.0223519887777717, 1.8242078438010843, 0.9511761673562731, 0.30832043570343703,
     0.06060852911359745, 0.006254860526935532),
]))  # fmt: skip
HALF: Final = SLOPE.shape[1] - 1  # the highest power needed: half the degree
_ROWS: Final = 9  # powers, and room for what is made beside them
_COLUMNS: Final = 8_192  # multiplied at once: for more BLAS would start threads of its own


class Powers:
    """Memory in which numbers z are raised to their powers, for rows up to `width`.

    `of[1]` is for the numbers themselves, from 0 to 1e25, written by the caller; after `raise_all`
    `of[r]` holds their powers. What is not needed any more is free for others to write on.
    """

    __slots__ = ("_all", "_parts", "of", "width")

    def __init__(self, width: int) -> None:
        self.width = max(width, 2)
        self._all = np.empty((_ROWS, self.width))
        self._parts = np.empty((4, self.width))
        self.of = list(self._all)
        self.of[0].fill(1.0)

    def raise_all(self, rows: int, degree: int = HALF) -> None:
        """Fill the powers of the first `rows` numbers."""
        of = self.of[: degree + 1]
        if rows < self.width:
            of = [each[:rows] for each in of]
        z = power = of[1]
        for following in of[2:]:
            np.multiply(power, z, out=following)
            power = following

    def polynomials(self, coefficients: Floats, start: int, stop: int) -> Floats:
        """Return up to four polynomials at some of the numbers as rows, to be overwritten soon."""
        parts, (count, terms) = self._parts, coefficients.shape
        if start == 0 and 1 < stop <= _COLUMNS:  # a chain: all that follows, in short
            out = parts[:count, :stop]
            return np.matmul(coefficients, self._all[:terms, :stop], out=out)
        for begin in range(start, stop, _COLUMNS):
            # BLAS multiplies a single column by another routine, which rounds otherwise: never
            # fewer than two, so that an option alone is worth what it is in a crowd
            end = min(begin + _COLUMNS, stop)
            columns = slice(min(begin, max(end - 2, 0)), max(end, 2))
            np.matmul(coefficients, self._all[:terms, columns], parts[:count, columns])
        return parts[:count, start:stop]

    def ratio(
        self, coefficients: Floats, start: int, stop: int, out: Floats | None = None
    ) -> Floats:
        """Return the ratio of two polynomials, given in halves, in `out` or a new array."""
        parts = self.polynomials(coefficients, start, stop)
        high, low = parts[2:], parts[:2]
        high *= self.of[coefficients.shape[1] - 1][start:stop]
        low += high
        result: Floats = np.divide(low[0], low[1], out=out)
        return result

    def tails(self, numbers: tuple[Floats, ...]) -> Floats:
        """Return Y(|z|) for arrays z of one length, as rows."""
        rows, count = numbers[0].size, len(numbers)
        if count * rows <= self.width:
            self._write(0, numbers)
            self.raise_all(count * rows)
            return self.ratio(TAIL, 0, count * rows).reshape(count, rows)
        result = np.empty((count, rows))
        for row, each in zip(result, numbers, strict=True):
            self._write(0, (each,))
            self.raise_all(rows)
            self.ratio(TAIL, 0, rows, row)
        return result

    def slope_and_tails(self, h: Floats, numbers: tuple[Floats, ...]) -> tuple[Floats, Floats]:
        """Return -Y'(h), and `tails` of the others; the powers of h are left for the caller.

        Where they have room beside each other all is done at once: a chain costs by the call.
        """
        rows, count = h.size, len(numbers)
        end = (1 + count) * rows
        if end > self.width or end > _COLUMNS:
            tails = self.tails(numbers)
            self.of[1][:rows] = h
            self.raise_all(rows)
            return self.ratio(SLOPE, 0, rows), tails
        self.of[1][:rows] = h
        self._write(rows, numbers)
        self.raise_all(end)
        parts = np.matmul(ALL_THREE, self._all[: HALF + 1, :end])
        high = parts[3:]
        high *= self.of[HALF][:end]
        slope, below, above = np.add(parts[:3], high, out=high)
        tails = np.divide(above[rows:], below[rows:])
        return np.divide(slope[:rows], below[:rows]), tails.reshape(count, rows)

    def _write(self, start: int, numbers: tuple[Floats, ...]) -> None:
        for each in numbers:
            np.abs(each, out=self.of[1][start : start + each.size])
            start += each.size


def tail(z: Floats) -> Floats:
    """Return Y(z) of a flat array of numbers from 0 to 1e25, as a new array."""
    result: Floats = Powers(z.size).tails((z,))[0]
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
        flat = np.abs(values.ravel())
        upper = np.where(flat > _FAR, 1.0 / flat, tail(np.minimum(flat, _FAR)))
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
