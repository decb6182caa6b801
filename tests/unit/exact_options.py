"""Black-76 in 50 digits with Python's own decimals: the second route of the pricing tests.

Shares nothing with the code under test: the normal law comes from the Taylor series of the error
function about zero, or from the continued fraction of the tail, not from a fitted polynomial.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache

_GUARD = 90  # digits carried: the series cancels some 30 of them before the fraction takes over
_FRACTION_FROM = 8  # the continued fraction converges fast from here


@cache
def pi() -> Decimal:
    """Return pi by Gauss and Legendre's iteration."""
    with localcontext(prec=_GUARD + 10):
        a, b, t, p = Decimal(1), 1 / Decimal(2).sqrt(), Decimal("0.25"), Decimal(1)
        for _ in range(8):
            a, b, t, p = (a + b) / 2, (a * b).sqrt(), t - p * ((a - b) / 2) ** 2, 2 * p
        return (a + b) ** 2 / (4 * t)


def density(z: Decimal) -> Decimal:
    with localcontext(prec=_GUARD):
        return (-z * z / 2).exp() / (2 * pi()).sqrt()


def tail(z: Decimal) -> Decimal:
    """Return Phi(-z), to 50 digits relative also where it is tiny."""
    with localcontext(prec=_GUARD):
        if z < 0:
            return 1 - tail(-z)
        if z < _FRACTION_FROM:
            term, total, k = z, z, 1
            while abs(term) > Decimal(10) ** -(_GUARD - 2):
                term = term * z * z / (2 * k + 1)
                total += term
                k += 1
            return Decimal("0.5") - density(z) * total
        fraction = z
        for k in range(600, 0, -1):
            fraction = z + k / fraction
        return density(z) / fraction


class Exact:
    """One option under Black-76 with no interest, every float taken for the number it is."""

    def __init__(self, forward: float, strike: float, years: float, *, is_call: bool) -> None:
        self.forward, self.strike = Decimal(forward), Decimal(strike)
        self.years, self.is_call = Decimal(years), is_call

    def places(self, vol: Decimal) -> tuple[Decimal, Decimal]:
        """Return d1 and d2."""
        with localcontext(prec=_GUARD):
            deviation = vol * self.years.sqrt()
            d1 = (self.forward / self.strike).ln() / deviation + deviation / 2
            return d1, d1 - deviation

    def price(self, vol: Decimal) -> Decimal:
        with localcontext(prec=_GUARD):
            d1, d2 = self.places(vol)
            if self.is_call:
                return self.forward * tail(-d1) - self.strike * tail(-d2)
            return self.strike * tail(d2) - self.forward * tail(d1)

    def vega(self, vol: Decimal) -> Decimal:
        with localcontext(prec=_GUARD):
            return self.forward * density(self.places(vol)[0]) * self.years.sqrt()

    def vol(self, price: float, start: float) -> Decimal:
        """Return the volatility of exactly that price, by Newton's method from nearby."""
        with localcontext(prec=_GUARD):
            vol = Decimal(start)
            for _ in range(30):
                step = (Decimal(price) - self.price(vol)) / self.vega(vol)
                vol += step
                if abs(step) < vol * Decimal(10) ** -35:
                    return vol
        raise AssertionError(f"no convergence from {start}")


def apart(found: float, exact: Decimal) -> float:
    """Return how far a float is from the exact value, relative."""
    with localcontext(prec=_GUARD):
        return float(abs(Decimal(float(found)) / exact - 1))
