"""Ten years of days: factors, volatility with jumps, splits, price bands, volume, delivery.

Every figure has random streams of its own, drawn day after day from the first one: a day depends
on the seed, the share and the days before it, on nothing else. More days, more shares or another
order of questions change no figure. Prices are float64 rupees on a grid of 5 paise.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastock_cli.providers.sim.universe import Share

Array = npt.NDArray[Any]  # float64 unless a name says otherwise
TICK = 0.05
YEAR = 252

# streams: what a random number is for; one stream a purpose, share and kind of draw
MARKET, SECTOR, SHARE, NATURE, MINUTES = 1, 2, 3, 4, 5
INDEX_MINUTES, CARRY, SKEW, INTEREST, TURNOVER, ACTIVITY, DEPTH, BOOK = 6, 7, 8, 9, 10, 11, 12, 13
_MOVE, _NEWS, _GAP, _HIGH, _LOW, _VOLUME, _DELIVERY, _SIZE = range(8)
_CLOSES = (_MOVE, _NEWS)
_RANGES = (_GAP, _HIGH, _LOW)
_TRADES = (_VOLUME, _DELIVERY, _SIZE)

# the market's day: drift, usual volatility, and the slow swings of its logarithm
_DRIFT = 0.0004
_USUAL = 0.0075
_PERSISTENCE = 0.97
_SWING = 0.10
_JUMP = 2.6  # a normal beyond this is a day with news: about one in a hundred
_MARKET_NEWS = 0.02
_NEWS_ODDS = 0.00932  # how often a normal lies beyond _JUMP, on either side
_SHARE_NEWS = 0.035
_SECTOR_SIZE = 0.006

# a share splits at most once, and only when its price has grown beyond what is convenient
_SPLIT_FACTORS = (0.5, 0.2, 0.1)
_SPLIT_SHARE = 0.4
_SPLIT_WITHIN = 2600  # sessions
_SPLIT_ABOVE = 400.0  # rupees
_BANDS = (0.20, 0.20, 0.20, 0.10, 0.05)

_VIX_DAYS = 21  # sessions in the thirty days the index looks ahead over
_VIX_SPREAD = 1.15  # implied over expected volatility


@dataclass(frozen=True)
class Days:
    """Arrays of shape (shares, days): raw prices in rupees, quantities in shares (int64).

    `factor` is below 1 on the ex-date of a split and 1 elsewhere; `previous_close` is the close
    before, as published; `base` is the same adjusted on an ex-date, which is what the price band
    counts from. `band` has shape (shares,), `vix` (days,) in percent a year. Open, high and low,
    and what was traded, are made when they are asked for first: many a question needs closes alone.
    """

    close: Array
    previous_close: Array
    base: Array
    factor: Array
    band: Array
    vix: Array
    ranges: Callable[[], tuple[Array, Array, Array]] = field(repr=False)
    trading: Callable[[], tuple[Array, Array, Array]] = field(repr=False)

    @cached_property
    def _ranges(self) -> tuple[Array, Array, Array]:
        return self.ranges()

    @property
    def open(self) -> Array:
        """First price."""
        return self._ranges[0]

    @property
    def high(self) -> Array:
        """Highest price."""
        return self._ranges[1]

    @property
    def low(self) -> Array:
        """Lowest price."""
        return self._ranges[2]

    @cached_property
    def _traded(self) -> tuple[Array, Array, Array]:
        return self.trading()

    @property
    def volume(self) -> Array:
        """Shares traded."""
        return self._traded[0]

    @property
    def delivery_quantity(self) -> Array:
        """Shares delivered."""
        return self._traded[1]

    @property
    def trades(self) -> Array:
        """Number of trades."""
        return self._traded[2]


def generate(shares: Sequence[Share], *, seed: int, days: int) -> Days:
    """Return the first `days` days of `shares`; more days or more shares change none of them."""
    market, state = _market(seed, days)
    z = _normals(shares, _CLOSES, seed=seed, days=days)
    # (7, shares): market's pull, restlessness, band, will it split, when, how, liquidity
    traits = np.array([stream(seed, NATURE, share.number).random(8) for share in shares]).T
    band = np.array([_BANDS[int(u * len(_BANDS))] for u in traits[2]])
    band = np.where([bool(share.indices) for share in shares], 0.20, band)
    moves, own = _moves(shares, market=market, state=state, z=z, traits=traits, seed=seed)
    moves = np.clip(moves, np.log1p(-band)[:, None], np.log1p(band)[:, None])
    level = grid(np.array([share.level for share in shares]))
    path = np.log(level)[:, None] + np.cumsum(moves, axis=1)
    prices = np.exp(path)
    factor = _splits(prices, traits)
    scale = np.cumprod(factor, axis=1)
    close, previous, base = _closes(grid(prices * scale), factor, band=band, first=level)

    def ranges() -> tuple[Array, Array, Array]:
        drawn, sigma = _normals(shares, _RANGES, seed=seed, days=days), _usual(own, traits, state)
        return _ranges(close, base, moves=moves, sigma=sigma, band=band, z=drawn)

    def trading() -> tuple[Array, Array, Array]:
        drawn, sigma = _normals(shares, _TRADES, seed=seed, days=days), _usual(own, traits, state)
        return _volumes(moves, sigma, scale, traits, drawn)

    return Days(
        close=close, previous_close=previous, base=base, factor=factor, band=band,
        vix=_implied(state), ranges=ranges, trading=trading,
    )  # fmt: skip


def _normals(
    shares: Sequence[Share], kinds: Sequence[int], *, seed: int, days: int
) -> dict[int, Array]:
    """Return normal draws by kind, (shares, days) each."""
    made = {kind: np.empty((len(shares), days)) for kind in kinds}
    for kind, rows in made.items():
        for row, share in zip(rows, shares, strict=True):
            stream(seed, SHARE, share.number, kind).standard_normal(out=row)
    return made


def grid(price: Array) -> Array:
    """Round to the nearest 5 paise, at least one of them."""
    # twenty steps a rupee: dividing a whole number by 20 gives the float nearest to the price
    return np.maximum(np.rint(price * 20.0), 1.0) / 20.0


def limits(base: Array, band: Array) -> tuple[Array, Array]:
    """Return the lowest and highest price allowed, on the grid and inside the band."""
    low = np.maximum(np.ceil(base * (1.0 - band) * 20.0 - 1e-6), 1.0) / 20.0
    high = np.floor(base * (1.0 + band) * 20.0 + 1e-6) / 20.0
    return low, np.maximum(high, low)


def stream(
    seed: int, purpose: int, number: int, kind: int = 0, *, step: int = 0
) -> np.random.Generator:
    """Return the random stream of one purpose, share and kind (a day's ordinal for minutes).

    Philox is counter-based: another key is another stream, however many there are. A `step` (a
    minute of the day) jumps so far ahead in it that no two steps meet.
    """
    key = [seed, (purpose << 56) | number << 24 | kind]
    return np.random.Generator(np.random.Philox(counter=[0, 0, 0, step], key=key))


@lru_cache(maxsize=4)
def _market(seed: int, days: int) -> tuple[Array, Array]:
    """Return the market's daily return and the state of its log volatility, both (days,)."""
    draws = [stream(seed, MARKET, 0, kind).standard_normal(days) for kind in range(4)]
    state, now = np.empty(days), 0.0
    for day, shock in enumerate(draws[1].tolist()):
        now = _PERSISTENCE * now + _SWING * shock
        state[day] = now
    news = np.where(np.abs(draws[2]) > _JUMP, _MARKET_NEWS * draws[3], 0.0)
    return _DRIFT + _USUAL * np.exp(state) * draws[0] + news, state


def _implied(state: Array) -> Array:
    """Return the volatility expected over the next month, in percent a year, and a premium.

    The state falls back by `_PERSISTENCE` a day, so its exponential is log-normal with a known
    mean; the variance of news comes on top.
    """
    ahead = _PERSISTENCE ** np.arange(1, _VIX_DAYS + 1)[:, None]
    spread = _SWING**2 * (1.0 - ahead**2) / (1.0 - _PERSISTENCE**2)
    variance = (_USUAL**2 * np.exp(2.0 * ahead * state + 2.0 * spread)).sum(axis=0) / _VIX_DAYS
    variance += _NEWS_ODDS * _MARKET_NEWS**2
    found: Array = np.round(100.0 * _VIX_SPREAD * np.sqrt(YEAR * variance), 2)
    return found


def _moves(
    shares: Sequence[Share],
    *,
    market: Array,
    state: Array,
    z: dict[int, Array],
    traits: Array,
    seed: int,
) -> tuple[Array, Array]:
    """Return logarithmic daily moves and the usual size of a share's own, both (shares, days)."""
    names = sorted({share.sector for share in shares})
    lanes = {name: lane for lane, name in enumerate(names)}
    sectors = np.stack(
        [
            stream(seed, SECTOR, zlib.crc32(name.encode())).standard_normal(len(market))
            for name in names
        ]
    )[[lanes[share.sector] for share in shares]]
    beta = (0.6 + 0.8 * traits[0])[:, None]
    sigma = (0.009 + 0.012 * traits[1])[:, None] * np.exp(0.5 * state)
    own, news = sigma * z[_MOVE], np.abs(z[_NEWS]) > _JUMP
    own[news] += _SHARE_NEWS * np.sign(z[_NEWS][news])
    return beta * market + _SECTOR_SIZE * sectors + own - 0.5 * sigma**2, sigma


def _usual(own: Array, traits: Array, state: Array) -> Array:
    """Return the usual size of daily moves, (shares, days): market, sector and `own` together."""
    beta = (0.6 + 0.8 * traits[0])[:, None]
    size: Array = np.sqrt(own**2 + _SECTOR_SIZE**2 + (beta * _USUAL * np.exp(state)) ** 2)
    return size


def _splits(prices: Array, traits: Array) -> Array:
    """Return the factor of each day, (shares, days), from prices that never split."""
    factor = np.ones_like(prices)
    for lane, (chance, when, which) in enumerate(traits[3:6].T.tolist()):
        day = 1 + int(when * _SPLIT_WITHIN)
        wanted = chance < _SPLIT_SHARE and day < prices.shape[1]
        if wanted and prices[lane, day - 1] > _SPLIT_ABOVE:
            factor[lane, day] = _SPLIT_FACTORS[int(which * len(_SPLIT_FACTORS))]
    return factor


def _closes(
    wanted: Array, factor: Array, *, band: Array, first: Array
) -> tuple[Array, Array, Array]:
    """Return close, published previous close and base: the wanted closes, kept inside the band.

    A day's limits come from the close before, which the limits of its own day may have moved.
    All days are computed at once and lanes that moved once more, until none does: the first day
    that is still wrong moves on with every pass, so this is the day-by-day answer.
    """
    close, previous, base = wanted.copy(), np.empty_like(wanted), np.empty_like(wanted)
    lanes = np.arange(len(wanted))
    while lanes.size:
        before = np.concatenate([first[lanes, None], close[lanes, :-1]], axis=1)
        from_ = before.copy()  # on the grid already, but for the days of a split
        split = factor[lanes] != 1.0
        from_[split] = grid(before[split] * factor[lanes][split])
        kept, wide = wanted[lanes], band[lanes, None]
        # the limits lie less than a tick inside the band: only what comes near them needs them
        near = (kept < from_ * (1.0 - wide) + 2 * TICK) | (kept > from_ * (1.0 + wide) - 2 * TICK)
        lowest, highest = limits(from_[near], np.broadcast_to(wide, near.shape)[near])
        kept[near] = np.clip(kept[near], lowest, highest)
        moved = (kept != close[lanes]).any(axis=1)
        close[lanes], previous[lanes], base[lanes] = kept, before, from_
        lanes = lanes[moved]
    return close, previous, base


def _ranges(
    close: Array, base: Array, *, moves: Array, sigma: Array, band: Array, z: dict[int, Array]
) -> tuple[Array, Array, Array]:
    """Return open, high and low around the close, inside the limits."""
    lowest, highest = limits(base, band[:, None])
    opened = np.clip(grid(base * np.exp(0.3 * (moves + sigma * z[_GAP]))), lowest, highest)
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    high = np.minimum(grid(top * np.exp(0.45 * sigma * np.abs(z[_HIGH]))), highest)
    low = np.maximum(grid(bottom * np.exp(-0.45 * sigma * np.abs(z[_LOW]))), lowest)
    return opened, np.maximum(high, top), np.minimum(low, bottom)


def _volumes(
    moves: Array, sigma: Array, scale: Array, traits: Array, z: dict[int, Array]
) -> tuple[Array, Array, Array]:
    """Return shares traded, shares delivered and the number of trades; large moves trade more."""
    usual = 10.0 ** (5.0 + 1.6 * traits[6])[:, None]
    size = np.minimum(np.abs(moves) / sigma, 5.0) - 0.8
    shares = np.maximum(1.0, usual / scale * np.exp(0.35 * z[_VOLUME] + 0.45 * size))
    volume = shares.astype(np.int64)
    part = np.clip(
        (0.25 + 0.4 * traits[7])[:, None] + 0.09 * z[_DELIVERY] - 0.03 * size, 0.02, 0.98
    )
    trades = np.maximum(1, volume / (25.0 + 50.0 * np.exp(0.2 * z[_SIZE]))).astype(np.int64)
    return volume, (volume * part).astype(np.int64), trades
