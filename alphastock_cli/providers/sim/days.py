"""Ten years of days: factors, volatility with jumps, splits, volume, delivery; and the indices.

Every share has its own random stream, drawn day after day from the first one: a day's figures
depend on the seed, the share and the days before, on nothing else. Prices are float64 rupees on a
grid of 5 paise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastock_cli.providers.sim.universe import Share

Array = npt.NDArray[Any]  # float64 unless a name says otherwise
TICK = 0.05

# streams: what a random number is for
_MARKET, _SECTOR, _SHARE, _NATURE = 1, 2, 3, 4
_DRAWS = 8  # normals a share and day: own move, own jump, gap, high, low, volume, delivery, size

# the market's day: drift, usual volatility, and the slow swings of its logarithm
_DRIFT = 0.0004
_USUAL = 0.0075
_PERSISTENCE = 0.97
_SWING = 0.12
_JUMP = 2.6  # a normal beyond this is a day with news: about one in two hundred
_SPLIT_FACTORS = (0.5, 0.2, 0.1)
_SPLIT_SHARE = 0.25  # of the shares that split once within the ten years
_SPLIT_WITHIN = 2600
_BANDS = (0.20, 0.20, 0.20, 0.10, 0.05)
_NEWS_SIZE = 0.035
_VIX_SPREAD = 1.15  # implied over realised volatility
_YEAR = 252


@dataclass(frozen=True, slots=True)
class Days:
    """Arrays of shape (days, shares): raw prices in rupees, shares, percent; `factor` of splits.

    `factor[t]` is below 1 on the ex-date of a split and 1 elsewhere; `base` is the previous close
    as trading limits see it, adjusted on an ex-date; `vix` has shape (days,).
    """

    open: Array
    high: Array
    low: Array
    close: Array
    previous_close: Array
    base: Array
    factor: Array
    volume: Array
    trades: Array
    delivery_quantity: Array
    band: Array
    vix: Array


def generate(shares: Sequence[Share], *, seed: int, days: int) -> Days:
    """Return the first `days` days of `shares`; more days or more shares change none of them."""
    market, vol = _market(seed, days)
    z = np.stack(
        [_stream(seed, _SHARE, s.number).standard_normal((days, _DRAWS)) for s in shares], 1
    )
    nature = [_stream(seed, _NATURE, share.number).random(8) for share in shares]
    traits = np.array(nature).reshape(len(shares), 8).T
    moves, sigma = _moves(shares, market=market, vol=vol, z=z, traits=traits, seed=seed)
    factor, scale = _splits(traits, days)
    band = np.array([_BANDS[int(u * len(_BANDS))] for u in traits[2]])
    band = np.where([bool(share.indices) for share in shares], 0.20, band)
    close, base, previous = _closes(shares, moves, factor, band)
    opened, high, low = _ranges(close, base, moves=moves, sigma=sigma, band=band, z=z)
    volume, delivered, trades = _volumes(moves, sigma, scale, traits, z)
    return Days(
        open=opened, high=high, low=low, close=close, previous_close=previous, base=base,
        factor=factor, volume=volume, trades=trades, delivery_quantity=delivered, band=band,
        vix=np.round(100.0 * _VIX_SPREAD * vol * np.sqrt(_YEAR), 2),
    )  # fmt: skip


def grid(price: Array) -> Array:
    """Round to the nearest 5 paise, at least one of them."""
    return np.maximum(np.round(np.round(price / TICK) * TICK, 2), TICK)


def _stream(seed: int, purpose: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, purpose, number])))


def _market(seed: int, days: int) -> tuple[Array, Array]:
    """Return the market's daily return and its volatility, both of shape (days,)."""
    z = _stream(seed, _MARKET, 0).standard_normal((days, 4))
    state, logs = 0.0, np.empty(days)
    for day in range(days):
        state = _PERSISTENCE * state + _SWING * z[day, 1]
        logs[day] = state
    vol = _USUAL * np.exp(logs)
    news = np.where(np.abs(z[:, 2]) > _JUMP, 0.02 * z[:, 3], 0.0)
    return _DRIFT + vol * z[:, 0] + news, vol


def _moves(
    shares: Sequence[Share], *, market: Array, vol: Array, z: Array, traits: Array, seed: int
) -> tuple[Array, Array]:
    """Return logarithmic daily moves and the usual size of them, both (days, shares)."""
    days = len(market)
    numbers = {name: i for i, name in enumerate(sorted({s.sector for s in shares}))}
    streams = [_stream(seed, _SECTOR, sum(name.encode())).standard_normal(days) for name in numbers]
    own = np.array([numbers[share.sector] for share in shares])
    sectors = 0.006 * np.stack(streams, 1)[:, own]
    beta = 0.6 + 0.8 * traits[0]
    usual = 0.009 + 0.012 * traits[1]
    swings = (vol / _USUAL)[:, None] ** 0.5
    sigma = usual * swings
    news = np.where(np.abs(z[:, :, 1]) > _JUMP, np.sign(z[:, :, 1]) * _NEWS_SIZE, 0.0)
    moves = beta * market[:, None] + sectors + sigma * z[:, :, 0] + news - 0.5 * sigma**2
    return moves, np.sqrt(sigma**2 + 0.006**2 + (beta * vol[:, None]) ** 2)


def _splits(traits: Array, days: int) -> tuple[Array, Array]:
    """Return the factor of each day and the product of the factors so far."""
    factor = np.ones((days, traits.shape[1]))
    for share, (chance, when, which) in enumerate(
        zip(traits[3], traits[4], traits[5], strict=True)
    ):
        day = int(when * _SPLIT_WITHIN)
        if chance < _SPLIT_SHARE and 0 < day < days:
            factor[day, share] = _SPLIT_FACTORS[int(which * len(_SPLIT_FACTORS))]
    return factor, np.cumprod(factor, axis=0)


def _closes(
    shares: Sequence[Share], moves: Array, factor: Array, band: Array
) -> tuple[Array, Array, Array]:
    """Return close, base, published previous close; each day starts from the rounded one before."""
    days = len(moves)
    close = np.empty_like(moves)
    base = np.empty_like(moves)
    previous = np.empty_like(moves)
    last = grid(np.array([share.level for share in shares]))
    for day in range(days):
        previous[day] = last
        base[day] = grid(last * factor[day])
        low, high = limits(base[day], band)
        last = np.clip(grid(base[day] * np.exp(moves[day])), low, high)
        close[day] = last
    return close, base, previous


def limits(base: Array, band: Array) -> tuple[Array, Array]:
    """Return the lowest and highest price allowed, on the grid and inside the band."""
    low = np.maximum(np.round(np.ceil(base * (1 - band) / TICK - 1e-6) * TICK, 2), TICK)
    high = np.round(np.floor(base * (1 + band) / TICK + 1e-6) * TICK, 2)
    return low, np.maximum(high, low)


def _ranges(
    close: Array, base: Array, *, moves: Array, sigma: Array, band: Array, z: Array
) -> tuple[Array, Array, Array]:
    """Return open, high and low around the close, inside the limits."""
    lowest, highest = limits(base, band)
    gap = 0.3 * moves + 0.3 * sigma * z[:, :, 2]
    opened = np.clip(grid(base * np.exp(gap)), lowest, highest)
    above = 0.45 * sigma * np.abs(z[:, :, 3])
    below = 0.45 * sigma * np.abs(z[:, :, 4])
    high = np.minimum(grid(np.maximum(opened, close) * np.exp(above)), highest)
    low = np.maximum(grid(np.minimum(opened, close) * np.exp(-below)), lowest)
    return (
        opened,
        np.maximum(high, np.maximum(opened, close)),
        np.minimum(low, np.minimum(opened, close)),
    )


def _volumes(
    moves: Array, sigma: Array, scale: Array, traits: Array, z: Array
) -> tuple[Array, Array, Array]:
    """Return shares traded, shares delivered and the number of trades."""
    usual = 10 ** (5.0 + 1.6 * traits[6])
    size = np.minimum(np.abs(moves) / sigma, 5.0)
    volume = np.maximum(1, usual / scale * np.exp(0.35 * z[:, :, 5] + 0.45 * (size - 0.8)))
    share = np.clip(0.25 + 0.4 * traits[7] + 0.09 * z[:, :, 6] - 0.03 * (size - 0.8), 0.02, 0.98)
    shares = volume.astype(np.int64)
    per_trade = 25 + 200 * np.exp(0.2 * z[:, :, 7]) / 4
    return (
        shares,
        np.floor(shares * share).astype(np.int64),
        np.maximum(1, shares / per_trade).astype(np.int64),
    )
