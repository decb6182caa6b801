"""The prices of the underlying a payoff is shown at, and those it is searched over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.domain.structure import Leg
from alphastock_cli.errors import ProviderError, UsageError

Floats = NDArray[np.float64]

_SIGMAS = 3.0  # shown by default
_LEAST = 0.02  # each side of the middle, of the price
_BEYOND = 1.3  # the furthest strike is inside by as much
_STEPS = (1.0, 2.5, 5.0, 10.0)
_SEARCHED = 6.0  # deviations beyond the strikes
_FURTHEST = 1.5  # at least so many times the highest strike
_DENSE = 4001


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A range of prices: `low` to `high` in rupees, or `around` the price, a fraction of it."""

    low: float = 0.0
    high: float = 0.0
    around: float | None = None

    @classmethod
    def parse(cls, text: str) -> Span:
        """Return the span of ``23000:25000`` or ``5%``.

        Raises
        ------
        UsageError
            Neither of the two, or a range that ends before it begins.
        """
        wrong = UsageError(f"--range {text}: not a range", hint="e.g. 23000:25000, or 5%")
        try:
            if text.strip().endswith("%"):
                around = float(text.strip()[:-1]) / 100.0
                if not 0 < around < 1:
                    raise wrong
                return cls(around=around)
            low, high = (float(part) for part in text.split(":"))
        except ValueError:
            raise wrong from None
        if not (0 <= low < high < math.inf):
            raise wrong
        return cls(low=low, high=high)


def grid(
    span: Span | None,
    *,
    points: int,
    market: Mapping[str, Any],
    price: float | None,
    strikes: Sequence[float],
) -> Floats:
    """Return ascending prices, exactly `points` of them.

    Without a span they are round numbers about the middle of price and strikes, three standard
    deviations at expiry or a little beyond the strikes each side. The price next to each strike
    is moved onto it, so that a bend is shown where it is.

    Parameters
    ----------
    market : mapping
        The summary of a chain: its `atm_iv` and `years` are read.
    price : float or None
        The underlying now.

    Raises
    ------
    ProviderError
        Neither a price nor a strike says where to look.
    """
    middle = price if price is not None else float(np.mean(strikes)) if strikes else None
    if span is not None and span.around is None:
        return _moved(np.linspace(span.low, span.high, points), strikes)
    if middle is None:
        raise ProviderError("the price of the underlying is not known", hint="Give --range A:B.")
    if span is not None and span.around is not None:
        reach = middle * span.around
        return _moved(np.linspace(middle - reach, middle + reach, points), strikes)
    iv, years = market["atm_iv"], max(market["years"], 0.0)
    far = max((abs(strike - middle) for strike in strikes), default=0.0) * _BEYOND
    spread = 0.0 if iv is None else middle * iv * math.sqrt(years) * _SIGMAS
    step = _round_step(2.0 * max(far, spread, middle * _LEAST) / (points - 1))
    first = round(middle / step) - (points - 1) // 2
    numbers = max(first, 0) + np.arange(points, dtype=np.float64)
    return _moved(numbers * step, strikes)


def search(legs: Sequence[Leg], market: Mapping[str, Any], price: float) -> Floats:
    """Return where extremes of a curve are looked for: from zero to far beyond the strikes."""
    strikes = [leg.strike for leg in legs if leg.strike is not None]
    low, high = min([price, *strikes]), max([price, *strikes])
    spread = (market["atm_iv"] or 0.0) * math.sqrt(max(market["years"], 0.0)) * _SEARCHED
    end = high * max(math.exp(spread), _FURTHEST)
    near = np.linspace(low * math.exp(-max(spread, 0.1)), high * math.exp(max(spread, 0.1)), _DENSE)
    return np.unique(np.concatenate([np.linspace(0.0, end, _DENSE), near, strikes]))


def _round_step(step: float) -> float:
    """Return the least of 1, 2.5, 5 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(each * power for each in _STEPS if each * power >= step * (1 - 1e-9))


def _moved(prices: Floats, strikes: Sequence[float]) -> Floats:
    """Return the prices, the inner one nearest to each strike moved onto it."""
    taken: set[int] = set()
    for strike in sorted(set(strikes)):
        at = int(np.argmin(np.abs(prices - strike)))
        if 0 < at < len(prices) - 1 and at not in taken:
            taken.add(at)
            prices[at] = strike
    return prices
