"""One block of `black76.greeks`: price and Greeks of the first order, and gamma.

Works with the out-of-the-money twin (see `reduced`): its price and its tail probabilities are
small numbers known to full relative accuracy, and what is in the money is one minus that. Shapes
and documentation for callers are in `black76`, the other Greeks in `higher_order`.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from alphastock_cli.pricing import near_money, reduced
from alphastock_cli.pricing.columns import Column, Flags, zero
from alphastock_cli.pricing.higher_order import Parts, higher
from alphastock_cli.pricing.normal import PHI_ZERO, Floats, Powers

NAMES: Final = ("price", "delta", "gamma", "theta_per_year", "vega", "rho")

_ZERO, _HALF, _FAR = np.array(0.0), np.array(0.5), np.array(reduced.FAR)
_LEAST: Final = np.array(5e-324)  # above zero


class Block(NamedTuple):
    """The inputs of some rows; `underlying` is the spot if `spot`, else the forward."""

    underlying: Column
    strike: Column
    years: Column
    vol: Column
    rate: Column
    dividend_yield: Column
    is_call: Flags
    spot: bool


class _Place(NamedTuple):
    """Where the forward stands: F, ``F - K``, ``min(F, K)``, x = ``|ln(F / K)|``, ``exp(x) - 1``.

    And a number with the sign of ``ln(F / K)``.
    """

    forward: Column
    gap: Floats
    lesser: Floats
    distance: Floats
    excess: Floats
    ahead: Floats


class _Spread(NamedTuple):
    """How far volatility reaches: s, and above zero; h = distance / s, also signed; t = s / 2."""

    deviation: Floats
    safe: Floats
    h: Floats
    toward: Floats
    half: Floats
    most: float
    d: tuple[Floats, ...]  # d1, and on a spot d2


def fill(block: Block, out: Floats, work: Powers, *, beyond: bool) -> None:
    """Write a row of `out` for each of `NAMES`, and of `higher_order.NAMES` if `beyond`."""
    years, rate = block.years, block.rate
    place = _place(block, out.shape[1])
    root = np.asarray(np.sqrt(years))
    deviation = np.multiply(block.vol, root, out=np.empty(out.shape[1]))
    most = float(np.maximum.reduce(deviation))
    farthest = float(np.maximum.reduce(place.distance))
    reach = _reach(block, place, deviation, (most, farthest))
    plain = reach < math.inf
    spread = _spread(block, place, deviation, most, reach)

    near, weight = _density(place, spread, reach)
    within = plain and most < near_money.DEVIATION and farthest < near_money.DISTANCE
    worth, tails = _worth(place, spread, near, weight, work, within=within)

    price, delta, gamma, theta, vega, rho = out[: len(NAMES)]
    discount = reduced.discount(rate, years)
    put = (~block.is_call).astype(np.float64)
    paid = np.maximum(place.gap, _ZERO)
    paid -= put * place.gap
    np.add(worth, paid, out=price)
    pull = weight / place.forward
    first = _probability(spread.d[0], np.multiply(tails[0], pull, out=tails[0]), put, delta)
    second = None
    if block.spot:
        second = _probability(spread.d[1], weight / block.strike * tails[1], put, rho)
        second *= discount * block.strike
        np.divide(weight, block.underlying, out=pull)
    np.divide(pull, block.underlying * spread.safe, out=gamma)
    if discount is not reduced.ONE:
        price *= discount
        gamma *= discount
        weight *= discount
    np.multiply(weight, root, out=vega)
    minus = np.asarray(-years)
    weight *= spread.half
    np.divide(weight, minus if plain else np.minimum(minus, -_LEAST), out=theta)  # the decay
    if second is None:
        if discount is not reduced.ONE:
            first *= discount
        np.multiply(price, minus, out=rho)
        if not zero(rate):
            theta += price * rate
    else:
        first *= np.exp(-block.dividend_yield * years)
        theta += block.dividend_yield * block.underlying * delta
        theta -= rate * second
        second *= years
    if beyond:
        _beyond(block, out, spread)
    if not plain:
        _refuse(block, place, spread.deviation, out)


def _place(block: Block, rows: int) -> _Place:
    lesser, distance, gap, excess = np.empty((4, rows))
    underlying, strike = block.underlying, block.strike
    np.subtract(underlying, strike, out=gap)
    reduced.distance_into((underlying, strike), gap, lesser, excess, distance)
    if not block.spot:
        return _Place(underlying, gap, lesser, distance, excess, gap)
    drift = (block.rate - block.dividend_yield) * block.years
    signed = np.copysign(distance, gap, out=distance)
    signed += drift
    gap += underlying * np.expm1(drift)
    forward = underlying * np.exp(drift)
    np.minimum(forward, strike, out=lesser)
    distance = np.abs(signed)
    return _Place(forward, gap, lesser, distance, np.expm1(distance, out=excess), signed)


def _reach(block: Block, place: _Place, deviation: Floats, largest: tuple[float, float]) -> float:
    """Return what no h exceeds if every row is an option with time and volatility, else infinity.

    In doubt infinity, too.
    """
    most, farthest = largest  # NaN if any row is: every comparison with it is false
    if most < reduced.HUGE and farthest < np.inf:
        least = float(np.minimum.reduce(np.minimum(deviation, place.lesser)))
        if least > 0.0 and _finite(block.rate) and _finite(block.dividend_yield):
            return farthest / least
    return math.inf


def _finite(column: Column) -> bool:
    return math.isfinite(np.add.reduce(column) if column.ndim else column)


def _spread(block: Block, place: _Place, deviation: Floats, most: float, reach: float) -> _Spread:
    safe = deviation
    if reach == math.inf:
        deviation = np.minimum(deviation, reduced.HUGE)
        safe = np.maximum(deviation, reduced.TINY)
    h = place.distance / safe
    if not reach < reduced.FAR:
        np.minimum(h, _FAR, out=h)
    half = deviation * _HALF
    toward = np.copysign(h, place.ahead)
    d = (toward + half, toward - half) if block.spot else (toward + half,)
    if not most < reduced.FAR:
        d = tuple(np.clip(each, -reduced.FAR, reduced.FAR) for each in d)
    return _Spread(deviation, safe, h, toward, half, most, d)


def _density(place: _Place, spread: _Spread, reach: float) -> tuple[Floats, Floats]:
    """Return the lesser of d1 and d2 but for the sign, and F phi(d1), which is K phi(d2)."""
    near = spread.h - spread.half
    if not spread.most < reduced.FAR:
        np.maximum(near, -reduced.FAR, out=near)
    weight = np.empty_like(near)
    reduced.density_into(near, weight, reach + spread.most)
    weight *= place.lesser
    weight *= PHI_ZERO
    return near, weight


def _worth(
    place: _Place, spread: _Spread, near: Floats, weight: Floats, work: Powers, *, within: bool
) -> tuple[Floats, Floats]:
    """Return the twin's worth in rupees, and Y(|d|) for each d of the spread as rows."""
    others = None
    if not within:
        others = np.flatnonzero(~near_money.fits(place.distance, spread.deviation))
        if 2 * others.size > near.size:
            return _wide(place, spread, near, weight, work)
    distance, s = place.distance, spread.deviation
    both = (distance, place.excess)
    most = spread.most if others is None else near_money.DEVIATION
    slope, tails = work.slope_and_tails(spread.h, spread.d)
    worth = near_money.bracket(slope, both, s, spread.half, most, work)
    worth *= weight
    if others is not None and others.size:
        some = reduced.worth(distance[others], s[others], work)
        worth[others] = np.multiply(some, place.lesser[others], out=some)
    return worth, tails


def _wide(
    place: _Place, spread: _Spread, near: Floats, weight: Floats, work: Powers
) -> tuple[Floats, Floats]:
    """Do `_worth` by two tails, where few options are near the money."""
    far = np.minimum(spread.h + spread.half, reduced.FAR)
    both = work.tails((near, far))
    worth = reduced.wide_value(near, both, weight, place.lesser)
    narrow = np.flatnonzero(~reduced.apart(place.distance, spread.deviation))
    if narrow.size:
        some = reduced.worth(place.distance[narrow], spread.deviation[narrow], work)
        worth[narrow] = np.multiply(some, place.lesser[narrow], out=some)
    ahead = place.ahead > 0.0
    tails = np.where(ahead, both[1], both[0])[np.newaxis]
    if len(spread.d) > 1:
        tails = np.concatenate((tails, np.where(ahead, both[0], both[1])[np.newaxis]))
    return worth, tails


def _probability(d: Floats, lesser: Floats, put: Column | np.float64, out: Floats) -> Floats:
    """Write Phi(d) of a call and -Phi(-d) of a put, from the lesser of the two tails; return it."""
    np.subtract(d >= _ZERO, put, out=out)
    out -= np.copysign(lesser, d, out=lesser)
    return out


def _beyond(block: Block, out: Floats, spread: _Spread) -> None:
    tiny = reduced.TINY
    price, delta, gamma, _, vega, _ = out[: len(NAMES)]
    made = higher(
        Parts(
            underlying=block.underlying,
            years=np.maximum(block.years, tiny),
            vol=np.maximum(block.vol, tiny),
            deviation=np.maximum(spread.deviation, tiny),
            drift=block.rate - block.dividend_yield if block.spot else np.zeros(()),
            growth=block.dividend_yield if block.spot else block.rate,
            d1=spread.d[0],
            d2=spread.toward - spread.half,
            price=price,
            delta=delta,
            gamma=gamma,
            vega=vega,
        )
    )
    for row, values in zip(out[len(NAMES) : -1], made, strict=True):
        row[:] = values
    out[-1] = -block.years * block.underlying * delta if block.spot else np.nan


def _refuse(block: Block, place: _Place, deviation: Floats, out: Floats) -> None:
    """Make NaN of rows that are no option, and of what is unbounded at the strike."""
    real = np.isfinite(place.distance + (block.rate + block.dividend_yield))
    real &= place.lesser > 0.0
    sound = real & (deviation > 0.0)  # so time and volatility are above zero as well
    sound &= deviation < reduced.HUGE
    if sound.all():
        return
    years, vol = block.years, block.vol
    still = real & (years >= 0.0) & (vol >= 0.0) & (years + vol < np.inf) & (deviation == 0.0)
    out[:, ~(sound | still)] = np.nan
    strike = still & (place.distance == 0.0)
    out[2, strike] = np.nan
    out[len(NAMES) :, strike] = np.nan
    out[3, strike & (years <= 0.0)] = np.nan
