"""Sliding windows over flat arrays: mean, deviations, extremes, nearest levels for `panels`.

A window is built by doubling (sums of 2, 4, 8 ... neighbours): nothing is subtracted, so rounding
does not pile up and a missing value (NaN) leaves no trace beyond its windows. Series are not told
apart here; `panels` blanks the first values of each, whose windows reach into another series.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphastock_cli.analytics.kernels import Floats

_CHUNK = 1 << 14  # values worked on at once: a few such arrays fit the cache


def mean(x: Floats, *, span: int) -> Floats:
    """Return the mean of the `span` values that end at each place; NaN in the first ones.

    Series are not kept apart: the first ``span - 1`` values of each are `blank`-ed by the caller.
    """
    out = _empty(x, span)
    for start, stop in _chunks(x.size, span):
        sums, _ = _moments(x[start:stop], span, squares=False)
        np.multiply(sums, 1.0 / span, out=out[start + span - 1 : stop])
    return out


def deviation(x: Floats, *, span: int, ddof: int) -> Floats:
    """Return the standard deviation of `span` values, as `mean`."""
    out = _empty(x, span)
    for start, stop in _chunks(x.size, span):
        _, squares = _moments(x[start:stop], span, squares=True)
        np.sqrt(squares / (span - ddof), out=out[start + span - 1 : stop])
    return out


def mean_deviation(x: Floats, middle: Floats, *, span: int) -> Floats:
    """Return the mean distance of `span` values from the `middle` of their window, as `mean`."""
    out = _empty(x, span)
    for start, stop in _chunks(x.size, span):
        part, size = x[start:stop], stop - start - span + 1
        mid, total, held = middle[start + span - 1 : stop], np.zeros(size), np.empty(size)
        for step in range(span):
            np.subtract(part[step : step + size], mid, out=held)
            np.abs(held, out=held)
            total += held
        np.multiply(total, 1.0 / span, out=out[start + span - 1 : stop])
    return out


def extreme(x: Floats, *, span: int, highest: bool) -> Floats:
    """Return the highest or lowest of the `span` values that end at each place."""
    pick = np.maximum if highest else np.minimum
    out = _empty(x, span)
    for start, stop in _chunks(x.size, span):
        part, power = x[start:stop], 1
        while power * 2 <= span:
            part = pick(part[:-power], part[power:])
            power *= 2
        rest = span - power  # the two halves may overlap: an extreme does not mind
        end = part.size - rest
        pick(part[:end], part[rest:], out=out[start + span - 1 : stop])
    return out


def shifted(x: Floats, steps: int) -> Floats:
    """Return each value `steps` places later; the first ones are NaN."""
    out = np.empty_like(x)
    out[:steps] = np.nan
    out[steps:] = x[: max(0, x.size - steps)]
    return out


def nearest(levels: Floats, x: Floats, *, count: int, below: bool) -> Floats:
    """Return, of the last `count` `levels`, the one nearest to `x` from below or from above.

    A level equal to `x` counts; NaN where no level is on that side, and in the first values.
    """
    out = _empty(x, count)
    for start, stop in _chunks(x.size, count):
        part, size = levels[start:stop], stop - start - count + 1
        middle = x[start + count - 1 : stop]
        best = np.full(size, np.nan)
        for step in range(count):
            level = part[step : step + size]
            right = level <= middle if below else level >= middle
            pick = np.fmax if below else np.fmin
            pick(best, level, out=best, where=right)
        out[start + count - 1 : stop] = best
    return out


def _moments(x: Floats, span: int, *, squares: bool) -> tuple[Floats, Floats]:
    """Return sums of `span` neighbours and, if asked for, their squared deviations from the mean.

    Place ``i`` covers ``x[i : i + span]``; both arrays have ``x.size - span + 1`` values.

    References
    ----------
    Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances (1979): two halves are joined without a difference of large numbers.
    """
    part, apart = x, np.zeros(x.size if squares else 0)
    power, covered = 1, 0
    total, off = x[:0], apart[:0]
    while True:
        if span & power:
            if covered:
                size = x.size - covered - power + 1
                if squares:
                    gap = total[:size] / covered - part[covered : covered + size] / power
                    gap *= gap
                    gap *= covered * power / (covered + power)
                    off = off[:size] + apart[covered : covered + size] + gap
                total = total[:size] + part[covered : covered + size]
            else:
                total, off = part, apart
            covered += power
        if covered == span:
            return total, off
        if squares:
            gap = part[:-power] - part[power:]
            gap *= gap
            gap *= 0.5 / power
            if power > 1:  # single values have no deviation
                gap += apart[:-power]
                gap += apart[power:]
            apart = gap
        part = part[:-power] + part[power:]
        power *= 2


def _chunks(size: int, span: int) -> Iterator[tuple[int, int]]:
    """Yield ranges that overlap by a window, so that every full window lies in one of them."""
    for start in range(0, max(0, size - span + 1), _CHUNK):
        yield start, min(size, start + _CHUNK + span - 1)


def _empty(x: Floats, span: int) -> Floats:
    out = np.empty(x.size)
    out[: span - 1] = np.nan
    return out
