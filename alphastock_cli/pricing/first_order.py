"""One block of `black76.greeks`: price and Greeks of the first order, and gamma.

Works with the out-of-the-money twin (see `reduced`): its price and its tail probabilities are
small numbers known to full relative accuracy, and what is in the money is one minus that. Shapes
and documentation for callers are in `black76`, the other Greeks in `higher_order`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from alphastock_cli.pricing import reduced
from alphastock_cli.pricing.columns import Column, Flags
from alphastock_cli.pricing.higher_order import Parts, higher
from alphastock_cli.pricing.normal import SQRT_TWO_PI, Floats, TailWork, tail_into

NAMES: Final = ("price", "delta", "gamma", "theta_per_year", "vega", "rho")
BLOCK: Final = 8_192  # rows worked on at once: what they need stays in the cache


class Work:
    """Memory for blocks of up to `width` rows with as many `tails` each."""

    __slots__ = ("arguments", "tail", "tails")

    def __init__(self, width: int, tails: int) -> None:
        self.arguments, self.tails = np.empty((2, tails * width))
        self.tail = TailWork(tails * width)


@dataclass(frozen=True, slots=True)
class Block:
    """The inputs of some rows; `underlying` is the spot if `spot`, else the forward."""

    underlying: Column
    strike: Column
    years: Column
    vol: Column
    rate: Column
    dividend_yield: Column
    is_call: Flags
    spot: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the forward stands: F, ``F - K``, ``min(F, K)`` and ``ln(F / K)``."""

    forward: Column
    gap: Floats
    lesser: Floats
    signed: Floats


def tails_needed(*, spot: bool) -> int:
    """Return how many scaled tails a row takes: at h, at d1, and on a spot at d2 as well."""
    return 3 if spot else 2


def fill(block: Block, out: Floats, work: Work, *, beyond: bool) -> None:
    """Write a row of `out` for each of `NAMES`, and of `higher_order.NAMES` if `beyond`."""
    years, vol, rate, call = block.years, block.vol, block.rate, block.is_call
    place = _place(block, out.shape[1])
    root = np.sqrt(years)
    deviation = np.minimum(vol * root, reduced.HUGE)
    safe = np.maximum(deviation, reduced.TINY)
    distance = np.abs(place.signed)
    h = np.minimum(distance / safe, reduced.FAR)
    half = 0.5 * deviation
    toward = np.copysign(h, place.signed)
    d1, d2 = toward + half, toward - half
    tails = _tails((h, d1, d2) if block.spot else (h, d1), work)
    density = h - half  # the lesser of d1 and d2, but for the sign
    density *= density
    density *= -0.5
    np.exp(density, out=density)
    density *= 1.0 / SQRT_TWO_PI

    sign = np.where(call, 1.0, -1.0)
    worth = _worth((h, distance, deviation), density, tails[0], work)
    worth *= place.lesser
    worth += np.maximum(sign * place.gap, 0.0)
    weight = np.multiply(density, place.lesser, out=density)  # F phi(d1) and K phi(d2): the same
    discount = np.exp(-rate * years)
    price, delta, gamma, theta, vega, rho = out[: len(NAMES)]
    np.multiply(worth, discount, out=price)
    first = _probability(d1, weight / place.forward * tails[1], call)
    first *= sign
    second = None
    if block.spot:
        second = _probability(d2, weight / block.strike * tails[2], call)
        second *= sign * (discount * block.strike)
    weight *= discount
    np.multiply(weight, root, out=vega)
    np.divide(weight, block.underlying * block.underlying * safe, out=gamma)
    weight *= 0.5 * vol / np.maximum(root, reduced.TINY)  # the decay of time value
    if second is None:
        np.multiply(first, discount, out=delta)
        np.multiply(price, -years, out=rho)
        np.subtract(rate * price, weight, out=theta)
    else:
        np.multiply(first, np.exp(-block.dividend_yield * years), out=delta)
        np.multiply(second, years, out=rho)
        income = block.dividend_yield * block.underlying * delta - rate * second
        np.subtract(income, weight, out=theta)
    if beyond:
        _beyond(block, out, deviation, (d1, d2))
    _refuse(block, place, deviation, out)


def _place(block: Block, rows: int) -> _Place:
    lesser, distance = np.empty((2, rows))
    underlying, strike = block.underlying, block.strike
    reduced.distance_into(underlying, strike, lesser, distance)
    gap = np.subtract(underlying, strike, out=np.empty(rows))
    signed = np.copysign(distance, gap, out=distance)
    if not block.spot:
        return _Place(underlying, gap, lesser, signed)
    drift = (block.rate - block.dividend_yield) * block.years
    signed += drift
    gap += underlying * np.expm1(drift)
    forward = underlying * np.exp(drift)
    np.minimum(forward, strike, out=lesser)
    return _Place(forward, gap, lesser, signed)


def _tails(places: tuple[Floats, ...], work: Work) -> Floats:
    """Return Y(|z|) for each of the arrays, as rows."""
    count, rows = len(places), places[0].size
    arguments = work.arguments[: count * rows].reshape(count, rows)
    tails = work.tails[: count * rows]
    for argument, place in zip(arguments, places, strict=True):
        np.abs(place, out=argument)
    tail_into(arguments.reshape(-1), tails, work.tail)
    return tails.reshape(count, rows)


def _probability(d: Floats, lesser: Floats, is_call: Flags) -> Floats:
    """Return Phi(d) of a call and Phi(-d) of a put, from the lesser of the two."""
    return np.where((d > 0.0) == is_call, 1.0 - lesser, lesser)


def _worth(
    places: tuple[Floats, Floats, Column], density: Floats, tail: Floats, work: Work
) -> Floats:
    """Return the twin's worth in units of ``min(F, K)``, as `reduced.worth`."""
    h, distance, deviation = places
    rows = h.size
    serial = (deviation < reduced.SERIES_DEVIATION) & (distance < reduced.SERIES_DISTANCE)
    memory = list(work.tail.powers[1 : reduced.TERMS + 1, :rows])
    worth = reduced.series_bracket(h, deviation, tail, memory)
    worth *= density
    if not serial.all():
        others = np.flatnonzero(~serial)
        wide = deviation[others] if isinstance(deviation, np.ndarray) else deviation
        worth[others] = reduced.worth(distance[others], np.broadcast_to(wide, others.shape))
    return worth


def _beyond(block: Block, out: Floats, deviation: Column, d: tuple[Floats, Floats]) -> None:
    tiny = reduced.TINY
    price, delta, gamma, _, vega, _ = out[: len(NAMES)]
    made = higher(
        Parts(
            underlying=block.underlying,
            years=np.maximum(block.years, tiny),
            vol=np.maximum(block.vol, tiny),
            deviation=np.maximum(deviation, tiny),
            drift=block.rate - block.dividend_yield if block.spot else np.float64(0.0),
            growth=block.dividend_yield if block.spot else block.rate,
            d1=d[0],
            d2=d[1],
            price=price,
            delta=delta,
            gamma=gamma,
            vega=vega,
        )
    )
    for row, values in zip(out[len(NAMES) : -1], made, strict=True):
        row[:] = values
    out[-1] = -block.years * block.underlying * delta if block.spot else np.nan


def _refuse(block: Block, place: _Place, deviation: Column, out: Floats) -> None:
    """Make NaN of rows that are no option, and of what is unbounded at the strike."""
    real = np.isfinite(place.signed + (block.rate + block.dividend_yield))
    real &= place.lesser > 0.0
    sound = real & (deviation > 0.0)  # so time and volatility are above zero as well
    sound &= deviation < reduced.HUGE
    if sound.all():
        return
    years, vol = block.years, block.vol
    still = real & (years >= 0.0) & (vol >= 0.0) & (years + vol < np.inf) & (deviation == 0.0)
    out[:, ~(sound | still)] = np.nan
    strike = still & (place.signed == 0.0)
    out[2, strike] = np.nan
    out[len(NAMES) :, strike] = np.nan
    out[3, strike & (years <= 0.0)] = np.nan
