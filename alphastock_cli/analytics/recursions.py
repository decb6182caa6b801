"""What is averaged and how: EMA, Wilder's index and true range as recursions for `kernels`.

Each says which matrices it averages, made of the inputs, and what becomes of the averages; how
averages are made belongs to `kernels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Inputs: TypeAlias = Mapping[str, Floats]  # each (series, steps)

_TINY = 1e-14  # what TA-Lib takes for zero when it divides


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursion:
    """An average with weight `alpha`, seeded with the mean of `span` values from index `first`.

    `derive` writes what is averaged, `width` matrices (series, steps), from the inputs; it may use
    one more, its last argument. `finish` writes the result from the averages.
    """

    inputs: tuple[str, ...]
    first: int
    span: int
    alpha: float
    derive: Callable[[Inputs, Floats, Floats], None]
    finish: Callable[[Floats, Floats], None] | None = None
    width: int = 1

    @property
    def seeded(self) -> int:
        """Return the index of the first result."""
        return self.first + self.span - 1


def ema(span: int, *, close: str = "close") -> Recursion:
    """Return the exponential average, weight ``2 / (span + 1)``."""

    def derive(inputs: Inputs, into: Floats, spare: Floats) -> None:
        del spare
        np.copyto(into[0], inputs[close])

    return Recursion(inputs=(close,), first=0, span=span, alpha=2.0 / (span + 1), derive=derive)


def rsi(span: int = 14, *, close: str = "close") -> Recursion:
    """Return Wilder's relative strength index, 0 to 100."""

    def derive(inputs: Inputs, into: Floats, spare: Floats) -> None:
        del spare
        rise, move = into
        x = inputs[close]
        rise[:, 0] = 0.0
        np.subtract(x[:, 1:], x[:, :-1], out=rise[:, 1:])
        np.abs(rise, out=move)
        np.add(rise, move, out=rise)  # twice the rise: quicker than a maximum

    def finish(averages: Floats, into: Floats) -> None:
        twice_up, total = averages
        np.divide(twice_up, total, out=into)
        np.multiply(into, 50.0, out=into)
        still = total <= _TINY
        if still.any():
            into[still] = 0.0  # where nothing moved, as TA-Lib says

    return Recursion(
        inputs=(close,), first=1, span=span, alpha=1.0 / span, width=2, derive=derive, finish=finish
    )


def atr(span: int = 14) -> Recursion:
    """Return Wilder's average true range, in rupees."""

    def derive(inputs: Inputs, into: Floats, spare: Floats) -> None:
        # the true range is the span of high, low and previous close
        before, ranges, floor = inputs["close"][:, :-1], into[0], spare[:, 1:]
        ranges[:, 0] = 0.0
        np.maximum(inputs["high"][:, 1:], before, out=ranges[:, 1:])
        np.minimum(inputs["low"][:, 1:], before, out=floor)
        np.subtract(ranges[:, 1:], floor, out=ranges[:, 1:])

    return Recursion(
        inputs=("high", "low", "close"), first=1, span=span, alpha=1.0 / span, derive=derive
    )
