"""The deviation ``s = vol * sqrt(years)`` that gives an out-of-the-money worth.

Newton's step from the table of `guess`, with half the digits, and one of the fourth order with
all of them reach the last digit or two; a row takes the same path whatever stands beside it.
Which prices have a volatility at all is decided in `implied_vol`.

References
----------
Householder, The Numerical Treatment of a Single Nonlinear Equation (1970), section 4.4 (the
iteration of the fourth order).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.pricing import reduced
from alphastock_cli.pricing.columns import blocks
from alphastock_cli.pricing.guess import guess_into
from alphastock_cli.pricing.normal import (
    COARSE,
    FINE,
    LOG_SQRT_TWO_PI,
    SQRT_TWO_PI,
    Floats,
    TailWork,
    tail_into,
)

_FIRST_TERMS: Final = 2  # of the series, beyond the leading one, in the first step
_FEW: Final = 0.3  # up to this part of a block, rows are solved in vain rather than picked out
_LOG_PI: Final = math.log(math.pi)
_LIKELY: Final = 0.5  # a worth from which on its complement is solved for


class Work:
    """Memory for blocks of up to `width` rows, so that it stays in the cache."""

    __slots__ = ("guess", "spare", "tail", "tails", "width")

    def __init__(self, width: int) -> None:
        self.width = max(width, 2)  # room for the two tails of one row
        self.guess, self.spare, self.tails = np.empty((3, self.width))
        self.tail = TailWork(self.width)


@dataclass(frozen=True, slots=True)
class Rest:
    """Rows, by number, with a large deviation or far from the strike, and what is known of them."""

    rows: NDArray[np.intp]
    distance: Floats
    worth: Floats
    room: Floats
    guess: Floats


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
    rest = Rest(others, distance[others], worth[others], room[others], guess[others])
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
    bracket, minus_log, _ = _series_parts(distance, guess, work, COARSE, _FIRST_TERMS)
    # Newton on (-ln worth)^(-1/2), which is nearly a straight line in s
    step = minus_log - target
    step *= 2.0 * minus_log
    step *= bracket
    step /= target + np.sqrt(minus_log * target)
    s = np.add(step, guess, out=step)
    bracket, minus_log, square = _series_parts(distance, s, work, FINE, reduced.TERMS)
    return s + _step(s, square, np.divide(1.0, bracket, out=bracket), minus_log, target)


def _series_parts(
    distance: Floats, s: Floats, work: Work, digits: Floats, terms: int
) -> tuple[Floats, Floats, Floats]:
    """Return the bracket ``R(h + t) - R(h - t)``, minus the logarithm of the worth, and h^2."""
    rows = s.size
    first = work.tails[:rows]
    h = distance / s
    tail_into(h, first, work.tail, digits)
    np.multiply(first, h, out=first)
    np.subtract(1.0, first, out=first)
    half = 0.5 * s
    square = h * h
    memory = list(work.tail.powers[1 : terms + 1, :rows])
    bracket = reduced.series_into((square, half * half), first, memory) * s
    near = np.subtract(h, half, out=h)
    near *= near
    near *= 0.5
    near += LOG_SQRT_TWO_PI
    near -= np.log(bracket, out=half)
    return bracket, near, square


def _wide(distance: Floats, worth: Floats, guess: Floats, work: Work, steps: int) -> Floats:
    """Solve where the tails are far enough apart to be subtracted."""
    target = -np.log(worth)
    s = guess
    for _ in range(steps):
        square, near, tails = _both_tails(distance, s, work)
        lower = SQRT_TWO_PI * np.exp(0.5 * near * near) - tails[0]
        bracket = np.where(near < 0.0, lower, tails[0]) - tails[1]
        minus_log = 0.5 * near * near + LOG_SQRT_TWO_PI - np.log(bracket)
        s = s + _step(s, square, 1.0 / bracket, minus_log, target)
    return s


def _likely(distance: Floats, room: Floats, work: Work) -> Floats:
    """Solve for the complement, which keeps its digits where the worth runs out of room."""
    target = np.log(room)
    # a first guess: a tail that falls like exp(-z^2 / 2)
    z = np.sqrt(np.maximum(-2.0 * target - _LOG_PI, 0.0))
    s = z + np.sqrt(z * z + 2.0 * distance)
    for _ in range(3):
        square, near, tails = _both_tails(distance, s, work)
        bracket = tails[0] + tails[1]
        relative = 1.0 / bracket
        off = np.log(bracket) - 0.5 * near * near - LOG_SQRT_TWO_PI - target
        second = square / s - 0.25 * s  # as in `_step`
        third = second * second - 3.0 * square / (s * s) - 0.25
        bend = second + relative
        twist = third + relative * (3.0 * second + 2.0 * relative)
        s = s + _householder(off * bracket, bend, twist)
    return np.asarray(s)


def _both_tails(distance: Floats, s: Floats, work: Work) -> tuple[Floats, Floats, Floats]:
    """Return h^2, ``z = h - t``, and as rows Y(|z|) and Y(h + t)."""
    h, half = distance / s, 0.5 * s
    near = h - half
    tails = np.empty((2, s.size))
    tail_into(np.concatenate((np.abs(near), h + half)), tails.reshape(-1), work.tail)
    return h * h, near, tails


def _step(s: Floats, square: Floats, relative: Floats, minus_log: Floats, target: Floats) -> Floats:
    """Return the step of the fourth order for ``g(s) = m^(-1/2)``, m = -ln(worth).

    Parameters
    ----------
    s, square : ndarray
        The deviation, and h^2 there.
    relative : ndarray
        v = worth' / worth.
    minus_log, target : ndarray
        m, and what it should be.
    """
    second = square / s  # worth'' / worth', and the third derivative below by the same
    third = second / s
    second -= 0.25 * s
    excess = second
    excess -= relative
    ratio = relative / minus_log
    newton = np.sqrt(minus_log * target)
    newton += target
    newton *= ratio
    np.divide(2.0 * (minus_log - target), newton, out=newton)
    bend = 1.5 * ratio
    bend += excess  # g'' / g'
    twist = 3.75 * ratio
    twist += 4.5 * excess
    twist *= ratio
    twist += excess * (excess - relative)
    twist -= 3.0 * third
    twist -= 0.25  # g''' / g'
    return _householder(newton, bend, twist)


def _householder(newton: Floats, bend: Floats, twist: Floats) -> Floats:
    """Return the step of the fourth order: Newton's, with second and third derivative by first."""
    lower = newton * (1.0 / 6.0)
    lower *= twist
    lower += bend
    lower *= newton
    lower += 1.0
    upper = bend * newton
    upper *= 0.5
    upper += 1.0
    upper *= newton
    upper /= lower
    return upper
