"""What an option structure pays at expiry: exact extremes, exact roots, and its probabilities.

Where everything ends at the same moment the payoff is a chain of straight lines, done in whole
fractions. Where later legs live on it is a curve, done on a grid and said to be approximate. What a
leg is worth before its expiry: `structure_values.py`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.pricing.normal import cdf as normal_cdf

Floats = NDArray[np.float64]
Curve = Callable[[Floats], Floats]

_HALVINGS = 60
_ZOOMS = 4
_ZOOM_POINTS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Most and least a structure pays, where it pays nothing, and where it pays something.

    Attributes
    ----------
    max_profit, max_loss : float or None
        Rupees, the highest and the lowest payoff (a loss is negative); None where unbounded.
    breakevens : tuple of float
        Prices of the underlying at which the payoff is zero, ascending; the edges of a stretch of
        nothing but zero. A price of 0 is none.
    gains : tuple of (float, float)
        The stretches with a payoff above zero; the last may end at infinity.
    exact : bool
        False where they were found on a grid.
    """

    max_profit: float | None
    max_loss: float | None
    breakevens: tuple[float, ...]
    gains: tuple[tuple[float, float], ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Lines:
    """A payoff of straight lines from a price of zero up.

    Attributes
    ----------
    points : tuple of (Fraction, Fraction)
        Price and payoff at zero and at every bend, ascending.
    slope : Fraction
        Rupees per rupee beyond the last point.
    """

    points: tuple[tuple[Fraction, Fraction], ...]
    slope: Fraction

    def at(self, prices: Floats) -> Floats:
        """Return the payoff at prices of the underlying, rupees, of the shape of `prices`."""
        return np.array([float(self._one(Fraction(price))) for price in prices.tolist()])

    def _one(self, price: Fraction) -> Fraction:
        index = bisect_right(self.points, price, key=lambda point: point[0]) - 1
        x, y = self.points[max(index, 0)]
        if index + 1 >= len(self.points):
            return y + self.slope * (price - x)
        to, there = self.points[index + 1]
        return y + (there - y) * (price - x) / (to - x)

    def extremes(self) -> Extremes:
        """Return extremes, roots and gains, exact."""
        heights = [y for _, y in self.points]
        return Extremes(
            max_profit=None if self.slope > 0 else float(max(heights)),
            max_loss=None if self.slope < 0 else float(min(heights)),
            breakevens=tuple(float(root) for root in self._roots()),
            gains=self._gains(),
        )

    def _roots(self) -> list[Fraction]:
        roots = set()
        for (x, y), (to, there) in pairwise(self.points):
            if y * there < 0:
                roots.add(x + (to - x) * y / (y - there))
            elif (y == 0) != (there == 0):
                roots.add(x if y == 0 else to)
        x, y = self.points[-1]
        if y * self.slope < 0:
            roots.add(x - y / self.slope)
        elif y == 0 and self.slope != 0:
            roots.add(x)
        return sorted(root for root in roots if root > 0)

    def _gains(self) -> tuple[tuple[float, float], ...]:
        edges = sorted({x for x, _ in self.points} | set(self._roots()))
        found: list[tuple[float, float]] = []
        for low, high in pairwise(edges):
            if self._one((low + high) / 2) > 0:
                _join(found, float(low), float(high))
        if self._one(edges[-1] + 1) > 0:
            _join(found, float(edges[-1]), math.inf)
        return tuple(found)


def at_expiry(legs: Sequence[Leg], *, multiplier: int = 1) -> Lines | None:
    """Return what legs of one and the same expiry pay at it, premiums counted.

    Paid less what was paid: calls max(S - K, 0), puts max(K - S, 0), futures and shares S, each
    less its price, times units and multiplier. No interest on premiums, no charges.

    Parameters
    ----------
    legs : sequence of Leg
        Prices in rupees; expiries are not looked at.
    multiplier : int
        Rupees a unit gains when the price rises by 1.00.

    Returns
    -------
    Lines or None
        None where the price of a leg is not known.
    """
    start, slope = Fraction(0), Fraction(0)
    bends: dict[Fraction, Fraction] = {}
    for leg in legs:
        if leg.price is None:
            return None
        units = Fraction(leg.quantity * multiplier)
        start -= units * _fraction(leg.price)
        if leg.strike is None:
            slope += units
            continue
        strike = _fraction(leg.strike)
        bends[strike] = bends.get(strike, Fraction(0)) + units
        if leg.kind is LegKind.PUT:
            start += units * strike
            slope -= units
    points = [(Fraction(0), start)]
    for strike in sorted(bends):
        x, y = points[-1]
        points.append((strike, y + slope * (strike - x)))
        slope += bends[strike]
    return Lines(tuple(points), slope)


def on_grid(curve: Curve, prices: Floats, *, right: int) -> Extremes:
    """Return extremes, roots and gains of any curve over a range of prices, approximate.

    Parameters
    ----------
    curve : callable
        Payoffs in rupees of an array of prices; finite.
    prices : ndarray
        Where to look, ascending, from 0 or above; dense where the curve bends.
    right : int
        Units that gain without end as the price rises; its sign says what is unbounded.
    """
    x = prices
    y = curve(x)
    low, high = float(x[0]), float(x[-1])
    roots = [float(x[i]) for i in np.flatnonzero(y == 0.0) if x[i] > 0]
    crossing = np.flatnonzero(y[:-1] * y[1:] < 0)
    if crossing.size:
        roots += _halve(curve, x[crossing], x[crossing + 1])
    edges = np.array([low, *sorted(roots), high])
    middles = curve((edges[:-1] + edges[1:]) / 2.0)
    gains: list[tuple[float, float]] = []
    for index in np.flatnonzero(middles > 0):
        to = float(edges[index + 1])
        _join(gains, float(edges[index]), math.inf if to == high else to)
    return Extremes(
        max_profit=None if right > 0 else _highest(curve, x, y),
        max_loss=None if right < 0 else -_highest(lambda at: -curve(at), x, -y),
        breakevens=tuple(sorted(roots)),
        gains=tuple(gains),
        exact=False,
    )


def probability(gains: Sequence[tuple[float, float]], cdf: Curve) -> float:
    """Return the probability that the price ends in one of the stretches, 0 to 1.

    Parameters
    ----------
    gains : sequence of (float, float)
        Stretches of the price, apart from each other; infinity is allowed.
    cdf : callable
        Probability that the price ends at or below finite prices above zero.
    """
    total = 0.0
    for low, high in gains:
        below = float(cdf(np.array([low]))[0]) if low > 0 else 0.0
        upto = float(cdf(np.array([high]))[0]) if math.isfinite(high) else 1.0
        total += upto - below
    return min(max(total, 0.0), 1.0)


def lognormal(forward: float, vol: float, years: float) -> Curve:
    """Return the distribution of a price whose logarithm is normal and whose mean is the forward.

    P(S <= x) = Φ((ln(x / F) + σ²T / 2) / (σ√T)).

    References
    ----------
    Black (1976); the argument is minus d2 of a call struck at x.
    """
    spread = vol * math.sqrt(years)

    def cdf(prices: Floats) -> Floats:
        return np.asarray(normal_cdf((np.log(prices / forward) + spread * spread / 2.0) / spread))

    return cdf


def _join(found: list[tuple[float, float]], low: float, high: float) -> None:
    """Append a stretch, or lengthen the last one where it begins at its end."""
    if found and found[-1][1] == low:
        found[-1] = (found[-1][0], high)
    else:
        found.append((low, high))


def _halve(curve: Curve, low: Floats, high: Floats) -> list[float]:
    """Return the root inside each bracket, all at once."""
    below = curve(low) < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        same = (curve(middle) < 0) == below
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return [float(root) for root in (low + high) / 2.0]


def _highest(curve: Curve, x: Floats, y: Floats) -> float:
    """Return the highest value near the highest point of a grid, closing in on it."""
    best = float(np.max(y))
    for _ in range(_ZOOMS):
        at = int(np.argmax(y))
        x = np.linspace(x[max(at - 1, 0)], x[min(at + 1, len(x) - 1)], _ZOOM_POINTS)
        y = curve(x)
        best = max(best, float(np.max(y)))
    return best


def _fraction(price: float) -> Fraction:
    """Return the shortest decimal that is this number: 120.05 is 2401/20 and no dust beside it."""
    return Fraction(repr(float(price)))
