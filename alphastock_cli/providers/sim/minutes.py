"""Inside one day: minute candles that make exactly the day's open, high, low, close and volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alphastock_cli.providers.sim.days import Array, grid

_MINUTES = 5  # purpose of the stream


@dataclass(frozen=True, slots=True)
class Minutes:
    """Arrays of shape (minutes,): rupees and shares."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def generate(
    *, seed: int, number: int, ordinal: int, count: int, open_: float, high: float, low: float,
    close: float, volume: int,
) -> Minutes:  # fmt: skip
    """Return `count` minutes of one share and day.

    Parameters
    ----------
    number, ordinal : int
        The share's stream and the day's ordinal: the same day is the same whenever it is asked.
    """
    stream = np.random.Generator(
        np.random.Philox(np.random.SeedSequence([seed, _MINUTES, number, ordinal]))
    )
    steps = stream.standard_normal(count)
    path = _bridge(steps, open_, close, (high - low) / 3.0)
    path = np.clip(grid(path), low, high)
    path[-1] = close
    opens = np.concatenate([[open_], path[:-1]])
    tops, bottoms = np.maximum(opens, path), np.minimum(opens, path)
    tops[int(np.argmax(tops))] = high
    bottoms[int(np.argmin(bottoms))] = low
    return Minutes(opens, tops, bottoms, path, _volumes(count, volume, stream))


def _bridge(steps: Array, start: float, end: float, width: float) -> Array:
    """Return a random path from `start` to `end` that swings about `width` on the way."""
    count = len(steps)
    walk = np.cumsum(steps) / np.sqrt(count)
    share = np.arange(1, count + 1) / count
    path: Array = start + (end - start) * share + width * (walk - share * walk[-1])
    return path


def _volumes(count: int, volume: int, stream: np.random.Generator) -> Array:
    """Divide the day's shares: most at the open and the close, least about one o'clock."""
    middle = np.linspace(-1.0, 1.0, count)
    weights = (0.45 + 1.6 * middle**2) * np.exp(0.3 * stream.standard_normal(count))
    parts: Array = np.floor(weights / weights.sum() * volume).astype(np.int64)
    parts[-1] += volume - int(parts.sum())
    return parts
