"""Open interest and volume of simulated contracts: who holds what, and how a day adds to it.

Open interest builds up as the expiry comes near, about the close before, most at round strikes,
and unwinds in the last days. A day begins where the day before ended and moves to its own end as
trading goes by. Units are lots here; nothing uses a price of the day itself.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.providers.sim.contracts import Terms
from alphastock_cli.providers.sim.days import (
    ACTIVITY,
    BOOK,
    INTEREST,
    TURNOVER,
    Array,
    stream,
)

_EPOCH = date(2016, 1, 1).toordinal()
_INDEX_OPTIONS, _INDEX_FUTURES = 60_000.0, 180_000.0  # lots: NIFTY near expiry at the best strike
_SECOND = 0.4  # of that: every other index
_SHARE_OPTIONS, _SHARE_FUTURES = 30.0, 180.0  # lots a point of weight
_LARGEST = "NIFTY"
_LEVELS = 5
_OLD, _NEW = 20, 4  # days: what is held was bought over weeks, what trades is about today's money


@dataclass(frozen=True, slots=True)
class Flow:
    """Lots of options (strikes, 2), CE before PE: at the end of the day before and of the day.

    `volume` is what the whole day trades.
    """

    before: Array
    after: Array
    volume: Array


@dataclass(frozen=True, slots=True)
class Ends:
    """What is known of a session before it opens, for one expiry.

    `centre` is the close before in the terms of the day, `size` the volatility a year as a
    fraction, `days` the calendar days left at the end of the session.
    """

    ordinal: int
    centre: float
    size: float
    days: int

    def spread(self, least: int) -> float:
        """Return the move expected to the end, or over `least` days, as a fraction."""
        return self.size * math.sqrt(max(self.days, least) / 365.0)


def options(seed: int, terms: Terms, numbers: Array, *, before: Ends | None, today: Ends) -> Flow:
    """Return the lots of the strikes `numbers` (int64, ascending); `before` is None if unlisted."""
    scale = _scale(terms, _INDEX_OPTIONS, _SHARE_OPTIONS)
    key = _number(terms)
    size = int(numbers[-1]) + 1
    # drawn from strike number 0 on: the strikes asked for change none of the others
    taste = np.exp(0.35 * stream(seed, INTEREST, key).standard_normal((size, 2))[numbers])
    round_ = np.where(numbers % 10 == 0, 2.2, np.where(numbers % 5 == 0, 1.6, 1.0))[:, None]
    liked = scale * taste * round_

    def held(ends: Ends) -> Array:
        draws = stream(seed, INTEREST, key, ends.ordinal).standard_normal((size, 2))[numbers]
        bell = _bell(terms, numbers, ends, least=_OLD, away=0.7, width=1.3)
        return np.floor(liked * _built(ends.days) * bell * np.exp(0.08 * draws)).astype(np.int64)

    after = held(today)
    draws = stream(seed, TURNOVER, key, today.ordinal).standard_normal((size, 2))[numbers]
    bell = _bell(terms, numbers, today, least=_NEW, away=0.3, width=0.9)
    # the nearer the end, the oftener the same lot changes hands
    pace = 0.5 + 6.0 * np.exp(-today.days / 2.5)
    traded = liked * _alive(today.days) * pace * bell * np.exp(0.4 * draws)
    return Flow(
        before=np.zeros_like(after) if before is None else held(before),
        after=after,
        volume=np.floor(traded).astype(np.int64),
    )


def future(seed: int, terms: Terms, *, before: Ends | None, today: Ends) -> tuple[int, int, int]:
    """Return lots of a future: open interest the day before, on the day, and the day's volume."""
    scale = _scale(terms, _INDEX_FUTURES, _SHARE_FUTURES)
    key = _number(terms)

    def held(ends: Ends) -> int:
        noise = float(stream(seed, TURNOVER, key, ends.ordinal, step=1).standard_normal())
        rolled = 0.35 + 0.65 * min(1.0, ends.days / 5.0)
        return int(scale * rolled / (1.0 + (ends.days / 30.0) ** 2) * np.exp(0.05 * noise))

    noise = float(stream(seed, TURNOVER, key, today.ordinal, step=2).standard_normal())
    traded = 0.6 * scale / (1.0 + (today.days / 25.0) ** 2) * np.exp(0.3 * noise)
    return (0 if before is None else held(before)), held(today), int(traded)


def activity(seed: int, number: int, ordinal: int, count: int) -> Array:
    """Return which part of a day's trading is done after 0, 1, ... `count` minutes, 0 to 1."""
    draws = stream(seed, ACTIVITY, number, ordinal).standard_normal(count)
    middle = np.linspace(-1.0, 1.0, count)
    so_far = np.cumsum((0.45 + 1.6 * middle**2) * np.exp(0.3 * draws))
    return np.concatenate([[0.0], so_far / so_far[-1]])


def book(seed: int, terms: Terms, numbers: Array, *, ordinal: int, step: int, base: Array) -> Array:
    """Return lots on offer, (strikes, CE and PE, buy and sell, levels), all at least 1.

    `base` is open interest in lots, (strikes, 2): more is offered where more is held.
    """
    size = int(numbers[-1]) + 1
    draws = stream(seed, BOOK, _number(terms), ordinal, step=step)
    noise = draws.standard_normal((size, 2, 2, _LEVELS))[numbers]
    usual = (1.0 + base / 250.0)[:, :, None, None] * (1.0 + 0.35 * np.arange(_LEVELS))
    return np.asarray(np.maximum(1, usual * np.exp(0.6 * noise)), dtype=np.int64)


def future_book(seed: int, terms: Terms, *, ordinal: int, step: int, base: int) -> Array:
    """Return lots on offer of a future, (buy and sell, levels), all at least 1."""
    draws = stream(seed, BOOK, _number(terms), ordinal, step=(1 << 32) | step)
    usual = (1.0 + base / 2000.0) * (1.0 + 0.35 * np.arange(_LEVELS))
    noise = draws.standard_normal((2, _LEVELS))
    return np.asarray(np.maximum(1, usual * np.exp(0.6 * noise)), dtype=np.int64)


def _number(terms: Terms) -> int:
    """Return one stream number for an underlying and an expiry."""
    return terms.of.number << 14 | (terms.expiry.toordinal() - _EPOCH)


def _scale(terms: Terms, index: float, share: float) -> float:
    if terms.of.is_index:
        return index if terms.of.symbol == _LARGEST else index * _SECOND
    return share * terms.of.weight


def _alive(days: int) -> float:
    """Return how many hold a contract so many days before its end, before anything unwinds."""
    return float(1.0 / (1.0 + (days / 12.0) ** 1.2))


def _built(days: int) -> float:
    """Return the same with what is closed in the last two days taken off."""
    return _alive(days) * (0.4 + 0.6 * min(1.0, days / 2.0))


def _bell(
    terms: Terms, numbers: Array, ends: Ends, *, least: int, away: float, width: float
) -> Array:
    """Return the share of each strike, (strikes, 2): calls lie above the centre, puts below."""
    x = np.log(numbers * terms.step / ends.centre)[:, None] / ends.spread(least)
    x = (x - np.array([away, -away])) / width
    return np.asarray(np.exp(-0.5 * x**2) + 0.02 * np.exp(-0.5 * np.abs(x)))
