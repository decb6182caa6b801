"""What a book of positions gains or loses when spot, volatility and time move: the scenario grid.

Arrays in, one array out, the whole grid in a few calls of `pricing`; no files, no chains. Net
Greeks are sums and made where the rows are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.pricing import price

Floats = NDArray[np.float64]
_BLOCK = 256  # legs valued at once: a grid of a thousand cells fits the memory of any machine


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Book:
    """Positions as arrays, an item a leg.

    Attributes
    ----------
    quantity : ndarray
        Units, negative where sold.
    level : ndarray
        Rupees: of options the forward, of futures and shares their own price.
    strike, vol : ndarray
        Rupees, fraction a year; NaN for futures and shares.
    is_call, is_option : ndarray of bool
        What the leg is.
    years : ndarray, shape (legs, moments)
        Time left at each moment of the grid, zero or less once the leg has ended.
    now : ndarray
        Time left now.
    rate : float
        Per year, continuous.
    spot_held : bool
        Whether it is the spot that stands still as time passes (``bsm``), not the forward.
    """

    quantity: Floats
    level: Floats
    strike: Floats
    vol: Floats
    is_call: NDArray[np.bool_]
    is_option: NDArray[np.bool_]
    years: Floats
    now: Floats
    rate: float
    spot_held: bool


def scenarios(book: Book, *, spot_pct: Sequence[float], iv_points: Sequence[float]) -> Floats:
    """Return the profit of the whole book in every scenario, against its value now.

    Every underlying moves by the same percentage, its forwards with it; every volatility by the
    same number of points, not below zero. An option that has ended by then is worth what it pays.

    Parameters
    ----------
    spot_pct : sequence of float
        Moves of the underlyings in percent, above -100.
    iv_points : sequence of float
        Moves of the volatilities in points: 1 is from 15 % to 16 %.

    Returns
    -------
    ndarray of float64, shape (moments, len(iv_points), len(spot_pct))
        Rupees.
    """
    moves = 1.0 + np.asarray(spot_pct, dtype=np.float64) / 100.0
    points = np.asarray(iv_points, dtype=np.float64) / 100.0
    total = np.zeros((book.years.shape[1], points.size, moves.size))
    linear = ~book.is_option
    total += np.dot(book.quantity[linear], book.level[linear]) * (moves - 1.0)
    options = np.flatnonzero(book.is_option)
    for start in range(0, options.size, _BLOCK):
        total += _options(book, options[start : start + _BLOCK], moves, points)
    return total


def _options(book: Book, at: NDArray[np.intp], moves: Floats, points: Floats) -> Floats:
    """Return the profit of some options; axes inside are legs, moments, volatilities, moves."""
    wide = (slice(None), None, None, None)
    left = np.maximum(book.years[at], 0.0)[:, :, None, None]
    now = np.maximum(book.now[at], 0.0)
    level = book.level[at][wide] * moves
    if book.spot_held:
        level = level * np.exp(book.rate * (left - now[wide]))
    vol = np.maximum(book.vol[at][wide] + points[:, None], 0.0)
    strike, calls = book.strike[at], book.is_call[at]
    worth = price(level, strike[wide], left, vol, rate=book.rate, is_call=calls[wide])
    base = price(book.level[at], strike, now, book.vol[at], rate=book.rate, is_call=calls)
    profit: Floats = np.einsum("l,ldvs->dvs", book.quantity[at], worth - base[wide])
    return profit
