"""A first guess of the deviation, from a table of the option on a straight line.

Close to the money and for small deviations the worth divided by the distance is a function of
h = x / s alone (Bachelier's model), whatever the distance: one table serves all options. The guess
is within 1.5 % up to s = 0.4. No refinement in here: `solver`.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.pricing.normal import (
    LOG_SQRT_TWO_PI,
    SLOPE,
    SQRT_TWO_PI,
    Floats,
    Powers,
)

_CELL_BITS: Final = 48  # a float64 shifted right by this leaves its exponent and 16 cells an octave
_AT_STRIKE: Final = 1e15  # y from which on the entry is 1 to the last digit
_LINE: Final = 0.5 * SQRT_TWO_PI


def guess_into(worth: Floats, distance: Floats, out: Floats, spare: Floats) -> None:
    """Write a guess of s into `out`.

    Parameters
    ----------
    worth : ndarray
        Out-of-the-money worth in units of ``sqrt(F K)``.
    distance : ndarray
        ``|ln(F / K)|``; zero is allowed.
    out, spare : ndarray
        For the result; to write on.
    """
    np.divide(worth, distance, out=spare)
    cell: NDArray[np.int64] = spare.view(np.int64)
    np.right_shift(cell, _CELL_BITS, out=cell)
    np.take(_table(), cell, out=out, mode="clip")
    np.multiply(worth, SQRT_TWO_PI, out=spare)
    np.add(spare, _LINE * distance, out=spare)
    np.multiply(out, spare, out=out)


@cache
def _table() -> Floats:
    """Return, by the leading bits of y = worth / distance, s over ``sqrt(2 pi) worth + 1.25 x``.

    The denominator is s to second order near the money, so the entries run from 1 to a tenth.
    """
    cells = np.arange(0x7FF << (52 - _CELL_BITS), dtype=np.int64)
    centre = ((cells << _CELL_BITS) + (1 << (_CELL_BITS - 1))).view(np.float64)
    h = np.concatenate((np.geomspace(1e-18, 0.05, 600), np.linspace(0.05, 39.0, 6000)[1:]))
    # the worth is s phi(h) R'(h), so y = phi(h) R'(h) / h: a falling function
    powers = Powers(h.size)
    powers.of[1][:] = h
    powers.raise_all(h.size)
    line = np.log(powers.ratio(SLOPE, 0, h.size) / h) - 0.5 * h * h - LOG_SQRT_TWO_PI
    place = np.interp(np.log(centre), line[::-1], h[::-1])
    entries = 1.0 / (place * (SQRT_TWO_PI * centre + _LINE))
    entries[centre > _AT_STRIKE] = 1.0
    table = np.concatenate((entries, np.ones(1 << (52 - _CELL_BITS))))  # infinity: at the strike
    table.flags.writeable = False
    return table
