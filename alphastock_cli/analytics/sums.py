"""Means and Bollinger's bands of one column together, from sums that they share.

A sum of `span` neighbours is put together from sums of 1, 2, 4, 8 ... of them, as in `windows`, so
nothing of what lies outside of a window is in its value. The spread comes from the mean of the
squares, which is quick and loses digits only where prices hardly move; there the way of `windows`
takes over, value by value. Series are not told apart here: the caller blanks their first values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alphastock_cli.analytics import windows
from alphastock_cli.analytics.scratch import Scratch

Floats = NDArray[np.float64]

_CHUNK = 50_000  # values worked on at once: long enough a call, and it stays in the cache
# The mean of the squares and the square of the mean are each known to some 1e-15 of themselves. A
# spread of 1e-4 of the mean is known to 1e-11 of the mean then; below that it is made exactly.
_STILL = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Where the mean plus and minus `width` population standard deviations go."""

    span: int
    width: float
    upper: Floats
    lower: Floats


class Sums:
    """What is made of one column in the buffers of one thread, piece after piece."""

    def __init__(self, scratch: Scratch, *, chunk: int = _CHUNK) -> None:
        self._buffer, self._chunk = scratch.take, chunk
        self._powers: dict[int, Floats] = {}

    def fill(self, x: Floats, means: Mapping[int, Floats], bands: Bands | None) -> None:
        """Write the mean of each span, and the bands, of all full windows of `x`.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Prices, end to end; NaN where they are not known, which leaves no trace beyond its
            windows.
        means : mapping of int to ndarray, shape (n,)
            Where the mean of so many values goes.
        bands : Bands or None
            Where the bands go.
        """
        spans = [*means, *([bands.span] if bands else [])]
        if not spans:
            return
        longest = max(spans)
        for start in range(0, x.size, self._chunk):
            begin, stop = max(0, start - longest + 1), min(x.size, start + self._chunk)
            self._load(x[begin:stop], rows=2 if bands else 1, upto=bands.span if bands else 1)
            # the spans of the bands first: longer sums go on without the squares
            made = self._bands(x, begin, stop, bands) if bands else None
            for span, out in means.items():
                place = out[begin + span - 1 : stop]
                if not place.size:
                    continue
                if bands and made is not None and span == bands.span:
                    np.copyto(place, made)
                else:
                    self._sum(span, place[None])
                    np.multiply(place, 1.0 / span, out=place)

    def _bands(self, x: Floats, begin: int, stop: int, bands: Bands) -> Floats | None:
        """Write the bands of a piece; return its means."""
        span = bands.span
        size = stop - begin - span + 1
        if size <= 0:
            return None
        sums = self._buffer("sums", (2, size))
        self._sum(span, sums)
        np.multiply(sums, 1.0 / span, out=sums)
        middle: Floats = sums[0]
        spread = sums[1]
        upper, lower = (out[begin + span - 1 : stop] for out in (bands.upper, bands.lower))
        np.multiply(middle, middle, out=upper)
        np.subtract(spread, upper, out=spread)
        np.multiply(upper, _STILL, out=upper)
        still = spread < upper
        if still.any():
            _exactly(x[begin:stop], span, still, spread)
        np.sqrt(spread, out=spread)
        np.multiply(spread, bands.width, out=spread)
        np.add(middle, spread, out=upper)
        np.subtract(middle, spread, out=lower)
        return middle

    def _load(self, x: Floats, *, rows: int, upto: int) -> None:
        """Begin a piece: its values and, beside them, their squares."""
        self._rows, self._upto = rows, upto
        if rows == 1:
            base = x[None]
        else:
            base = self._buffer("1", (2, x.size))
            np.copyto(base[0], x)
            np.multiply(x, x, out=base[1])
        self._powers = {1: base}

    def _power(self, count: int) -> Floats:
        """Return the sums of `count` neighbours, a power of two; with squares where needed."""
        found = self._powers.get(count)
        if found is None:
            half = count // 2
            part = self._power(half)[: self._rows if count <= self._upto else 1]
            found = self._buffer(str(count), (len(part), part.shape[1] - half))
            np.add(part[:, :-half], part[:, half:], out=found)
            self._powers[count] = found
        return found

    def _sum(self, span: int, into: Floats) -> None:
        """Write the sums of `span` neighbours: of the values, or of the squares as well."""
        rows, size = into.shape
        covered, total = 0, None
        for count in (1 << bit for bit in range(span.bit_length()) if span >> bit & 1):
            part = self._power(count)[:rows, covered : covered + size]
            total = part if total is None else np.add(total, part, out=into)
            covered += count
        if total is not None and total is not into:  # a power of two is one of the sums already
            np.copyto(into, total)


def _exactly(x: Floats, span: int, still: NDArray[np.bool_], spread: Floats) -> None:
    """Replace the variances at the places `still`, from the deviations themselves."""
    places = np.flatnonzero(still)
    first, last = int(places[0]), int(places[-1])
    exact = windows.deviation(x[first : last + span], span=span, ddof=0)[span - 1 :]
    np.copyto(spread[first : last + 1], exact * exact, where=still[first : last + 1])
