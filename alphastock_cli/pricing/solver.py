"""The deviation ``s = vol * sqrt(years)`` that gives an out-of-the-money worth.

Newton's step from the table of `guess`, with half the digits, and one of the fourth order with
all of them reach the last digit or two; the path a row takes depends on nothing beside it.
Which prices have a volatility at all is decided in `implied_vol`.

References
----------
Householder, The Numerical Treatment of a Single Nonlinear Equation (1970), section 4.4 (the
iteration of the fourth order).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.pricing import reduced
from alphastock_cli.pricing.columns import blocks
from alphastock_cli.pricing.guess import guess_into
from alphastock_cli.pricing.normal import (
    COARSE_SLOPE,
    LOG_SQRT_TWO_PI,
    SLOPE,
    SQRT_TWO_PI,
    Floats,
    Powers,
)

_FIRST_TERMS: Final = 2  # of the series, beyond the leading one, in the first step
_FEW: Final = 0.3  # up to this part of a block, rows are solved in vain rather than picked out
_LIKELY_STEPS: Final = 3
_LOG_PI: Final = math.log(math.pi)
_LIKELY: Final = 0.5  # a worth from which on its complement is solved for


class Work:
    """Memory for blocks of up to `width` rows, so that it stays in the cache."""

    __slots__ = ("guess", "powers", "spare", "width")

    def __init__(self, width: int) -> None:
        self.width = max(width, 4)  # room for the two tails of two rows
        self.guess, self.spare = np.empty((2, self.width))
        self.powers = Powers(self.width)


class Rest(NamedTuple):
    """Rows, by number, with a large deviation or far from the strike, and what is known of them.

    `root` is for the caller, who needs the square root of the time of each row.
    """

    rows: NDArray[np.intp]
    distance: Floats
    worth: Floats
    room: Floats
    guess: Floats
    root: Floats

    def behind(self, start: int, root: Floats) -> Rest:
        """Return the rows numbered on from `start`, with their roots."""
        some = root[self.rows] if root.ndim else np.full(self.rows.size, root)
        return self._replace(rows=start + self.rows, root=some)


def solve(distance: Floats, worth: Floats, room: Floats, work: Work) -> tuple[Floats, Rest | None]:
    """Return s for each row, and the rows for `solve_rest`, whose s means nothing yet.

    Parameters
    ----------
    distance : ndarray
        ``|ln(F / K)|``, zero or more, finite, flat.
    worth, room : ndarray
        In units of ``min(F, K)``: the worth, strictly between 0 and 1, and what it lacks of 1,
        from its own subtraction.
    work : Work
        Memory of at least that many rows.
    """
    rows = distance.size
    guess, spare = work.guess[:rows], work.spare[:rows]
    guess_into(worth * np.exp(-0.5 * distance), distance, guess, spare)
    serial = guess < reduced.SERIES_DEVIATION
    serial &= distance < reduced.SERIES_DISTANCE
    left = rows - int(np.count_nonzero(serial))
    if left == 0:
        return _serial(distance, worth, guess, work), None
    others = np.flatnonzero(~serial)
    rest = Rest(others, distance[others], worth[others], room[others], guess[others], worth[:0])
    if left < _FEW * rows:
        return _serial(distance, worth, guess, work), rest
    s = np.empty(rows)
    chosen = np.flatnonzero(serial)
    s[chosen] = _serial(distance[chosen], worth[chosen], guess[chosen], work)
    return s, rest


def solve_rest(rest: Rest, work: Work) -> Floats:
    """Return s for rows left over by `solve`, in their order, however many."""
    s = np.empty_like(rest.guess)
    low = rest.worth < _LIKELY
    close = rest.distance < reduced.SERIES_DISTANCE
    for chosen, steps in (
        (np.flatnonzero(low & close), 2),
        (np.flatnonzero(low & ~close), 3),
    ):
        for start, stop in blocks(chosen.size, work.width // 2):
            some = chosen[start:stop]
            given = (rest.distance[some], rest.worth[some], rest.guess[some])
            s[some] = _wide(*given, work, steps)
    chosen = np.flatnonzero(~low)
    for start, stop in blocks(chosen.size, work.width // 2):
        some = chosen[start:stop]
        s[some] = _likely(rest.distance[some], rest.room[some], work)
    return s


def _serial(distance: Floats, worth: Floats, guess: Floats, work: Work) -> Floats:
    """Solve for small deviations, where the worth is a series: see `reduced.series_into`."""
    target = -np.log(worth)
    slope, minus_log, _ = _series_parts(distance, guess, work, COARSE_SLOPE, _FIRST_TERMS)
    # Newton on (-ln worth)^(-1/2), which is nearly a straight line in s
    step = minus_log - target
    step *= 2.0 * minus_log
    step *= slope
    step /= target + np.sqrt(minus_log * target)
    step *= guess
    s = np.add(step, guess, out=step)
    slope, minus_log, squares = _series_parts(distance, s, work, SLOPE, reduced.TERMS)
    step = _step(squares, np.divide(1.0, slope, out=slope), minus_log, target)
    step *= s
    step += s
    return step


def _series_parts(
    distance: Floats, s: Floats, work: Work, coefficients: Floats, terms: int
) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Return ``(R(h + t) - R(h - t)) / s``, minus the logarithm of the worth, and h^2 and t^2."""
    rows = s.size
    _, z, square, *memory = (each[:rows] for each in work.powers.of[: 3 + terms])
    h = np.divide(distance, s, out=z)
    work.powers.raise_all(rows, coefficients.shape[1] - 1)
    slope = work.powers.ratio(coefficients, 0, rows)
    half = 0.5 * s
    squares = (square, half * half)
    reduced.series_into(squares, slope, memory)
    near = np.subtract(h, half, out=h)
    near *= near
    near *= 0.5
    near += LOG_SQRT_TWO_PI
    near -= np.log(np.multiply(slope, s, out=half), out=half)
    return slope, near, squares


def _wide(distance: Floats, worth: Floats, guess: Floats, work: Work, steps: int) -> Floats:
    """Solve where the tails are far enough apart to be subtracted."""
    target = -np.log(worth)
    s = guess
    for _ in range(steps):
        squares, near, tails = _both_tails(distance, s, work)
        lower = SQRT_TWO_PI * np.exp(0.5 * near * near) - tails[0]
        bracket = np.where(near < 0.0, lower, tails[0]) - tails[1]
        minus_log = 0.5 * near * near + LOG_SQRT_TWO_PI - np.log(bracket)
        s = s + s * _step(squares, s / bracket, minus_log, target)
    return s


def _likely(distance: Floats, room: Floats, work: Work) -> Floats:
    """Solve for the complement, which keeps its digits where the worth runs out of room."""
    target = np.log(room)
    # a first guess: a tail that falls like exp(-z^2 / 2)
    z = np.sqrt(np.maximum(-2.0 * target - _LOG_PI, 0.0))
    s = z + np.sqrt(z * z + 2.0 * distance)
    for _ in range(_LIKELY_STEPS):
        (square, quarter), near, tails = _both_tails(distance, s, work)
        bracket = tails[0] + tails[1]
        off = np.log(bracket) - 0.5 * near * near - LOG_SQRT_TWO_PI - target
        relative = s / bracket
        second = square - quarter  # as in `_step`
        third = second * second - 3.0 * square - quarter
        twist = third + relative * (3.0 * second + 2.0 * relative)
        s = s + s * _householder(off / relative, second + relative, twist)
    return np.asarray(s)


def _both_tails(
    distance: Floats, s: Floats, work: Work
) -> tuple[tuple[Floats, Floats], Floats, Floats]:
    """Return h^2 and t^2, ``z = h - t``, and as rows Y(|z|) and Y(h + t)."""
    h, half = distance / s, 0.5 * s
    near = h - half
    return (h * h, half * half), near, work.powers.tails((near, h + half))


def _step(
    squares: tuple[Floats, Floats], relative: Floats, minus_log: Floats, target: Floats
) -> Floats:
    """Return the step of the fourth order for ``g(s) = m^(-1/2)``, m = -ln(worth), over s.

    Each derivative is taken with the power of s that frees it of the scale: s may be 1e-300.

    Parameters
    ----------
    squares : (ndarray, ndarray)
        h^2 and t^2 at s.
    relative : ndarray
        v = s worth' / worth.
    minus_log, target : ndarray
        m, and what it should be.
    """
    square, quarter = squares
    excess = square - quarter  # the second derivative of the worth by the first, times s
    excess -= relative
    ratio = relative / minus_log
    newton = np.sqrt(minus_log * target)
    newton += target
    newton *= ratio
    np.divide(2.0 * (minus_log - target), newton, out=newton)
    bend = 1.5 * ratio
    bend += excess  # the second derivative of g by the first, times s
    twist = 3.75 * ratio
    twist += 4.5 * excess
    twist *= ratio
    excess *= excess - relative
    twist += excess
    twist -= 3.0 * square
    twist -= quarter  # the third derivative by the first, times s^2
    return _householder(newton, bend, twist)


def _householder(newton: Floats, bend: Floats, twist: Floats) -> Floats:
    """Return the step of the fourth order: Newton's, with second and third derivative by first."""
    lower = newton * (1.0 / 6.0)
    lower *= twist
    lower += bend
    lower *= newton
    lower += 1.0
    bend *= newton
    bend *= 0.5
    bend += 1.0
    bend *= newton
    bend /= lower
    return bend
