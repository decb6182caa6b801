"""Five levels of the order book around a quote: prices on the grid, quantities from the streams."""

from __future__ import annotations

import numpy as np

from alphastock_cli.domain.data import Depth, Level
from alphastock_cli.providers.sim.days import DEPTH, stream

Noise = list[list[list[float]]]  # share, side, level
LEVELS = 5
_PART = 2000.0  # the best level of a share is about one part of yesterday's volume in so many
_DEEPER = 0.4  # more is offered at every level further away
_ORDERS = 23


def shares_noise(seed: int, count: int, ordinal: int, step: int) -> Noise:
    """Return factors about 1 for share number, side and level, at one minute of one day.

    Numbers come first: more of them change none of the earlier.
    """
    draws = stream(seed, DEPTH, 0, ordinal, step=step).standard_normal((count, 2, LEVELS))
    found: Noise = np.exp(0.6 * draws).tolist()
    return found


def share_units(noise: list[list[float]], usual: int) -> list[list[int]]:
    """Return shares on offer, buy and sell, best level first."""
    base = 1.0 + usual / _PART
    return [[int(1 + base * (1 + _DEEPER * i) * part) for i, part in enumerate(side)]
            for side in noise]  # fmt: skip


def depth(
    bid: int | None,
    ask: int | None,
    units: list[list[int]],
    *,
    tick: float,
    gap: int = 1,
    lot: int = 1,
    lowest: int = 1,
    highest: int | None = None,
) -> Depth:
    """Return the levels from `bid` down and from `ask` up, in steps of `gap` ticks.

    Prices come in whole ticks, a side without an order as None; no level leaves `lowest` to
    `highest`.
    """
    top = float("inf") if highest is None else highest
    buy = () if bid is None else range(bid, lowest - 1, -gap)[:LEVELS]
    sell = () if ask is None else range(ask, ask + gap * LEVELS, gap)
    sides = (buy, [price for price in sell if price <= top])
    # divided by whole numbers, as in `rupees`
    one, whole = (1.0, per_rupee(tick)) if tick < 1.0 else (tick, 1)
    bought, sold = (
        tuple(
            Level(price * one / whole, units_, min(units_ // lot, 1 + units_ // lot % _ORDERS))
            for price, units_ in zip(prices, offered, strict=False)
        )
        for prices, offered in zip(sides, units, strict=True)
    )
    return Depth(buy=bought, sell=sold)


def rupees(ticks: int, tick: float) -> float:
    """Return the float nearest to a price of so many ticks."""
    return ticks / per_rupee(tick) if tick < 1.0 else ticks * tick


def per_rupee(tick: float) -> int:
    """Return how many ticks make a rupee, for ticks below one."""
    # a division of whole numbers gives the float nearest to the price, a product does not
    return round(1.0 / tick)
