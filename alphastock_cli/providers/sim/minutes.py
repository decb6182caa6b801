"""Inside one day: minute candles that make exactly the day's open, high, low, close and volume."""

from __future__ import annotations

import numpy as np

from alphastock_cli.domain.records import dataclass
from alphastock_cli.providers.sim.days import MINUTES, Array, grid, stream


@dataclass(frozen=True, slots=True)
class Row:
    """One day of one share: rupees on the grid, and shares."""

    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True, slots=True)
class Minutes:
    """Arrays of shape (minutes,): rupees, and shares as int64."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def generate(row: Row, *, seed: int, number: int, ordinal: int, count: int) -> Minutes:
    """Return the `count` minutes of one share and day, oldest first; `count` is at least 1.

    Parameters
    ----------
    number, ordinal : int
        The share's number and the day's ordinal name the stream: a day has the same minutes
        whenever it is asked for.
    """
    draws = stream(seed, MINUTES, number, ordinal)
    path = bridge(draws.standard_normal(count), row.open, row.close, (row.high - row.low) / 3.0)
    closes = np.clip(grid(path), row.low, row.high)
    closes[-1] = row.close
    opens = np.concatenate([[row.open], closes[:-1]])
    highs, lows = np.maximum(opens, closes), np.minimum(opens, closes)
    highs[int(np.argmax(highs))] = row.high
    lows[int(np.argmin(lows))] = row.low
    return Minutes(opens, highs, lows, closes, _volumes(count, row.volume, draws))


def bridge(steps: Array, start: float, end: float, width: float) -> Array:
    """Return a random path from `start` to `end` that swings about `width` on the way."""
    count = len(steps)
    walk = np.cumsum(steps) / np.sqrt(count)
    share = np.arange(1, count + 1) / count
    path: Array = start + (end - start) * share + width * (walk - share * walk[-1])
    return path


def _volumes(count: int, volume: int, draws: np.random.Generator) -> Array:
    """Divide the day's shares: most at the open and the close, least about one o'clock."""
    middle = np.linspace(-1.0, 1.0, count)
    weights = (0.45 + 1.6 * middle**2) * np.exp(0.3 * draws.standard_normal(count))
    # rounding what has traded so far, not each minute, leaves no remainder for the last one
    so_far = np.floor(np.cumsum(weights) / weights.sum() * volume).astype(np.int64)
    so_far[-1] = volume
    parts: Array = np.diff(so_far, prepend=0)
    return parts
