"""The recursions of the library as array programs: MACD, directional movement, Supertrend and more.

What each means and where it comes from is said by the expressions of the same name in `trend`,
`flow` and `charts`; tests hold the two equal. A program works on many series at once (`lanes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from alphastock_cli.analytics.kernels import Floats
from alphastock_cli.analytics.lanes import TILE, Average, Program, Work
from alphastock_cli.analytics.last import TINY

Tiles = Mapping[str, Floats]
_BAR = ("high", "low", "close")


def macd(*, fast: int = 12, slow: int = 26, span: int = 9) -> Program:
    """Return how to make line, signal and histogram."""
    known = slow + span - 2

    def begin(lanes: int) -> Work:
        quick = Average(lanes, alpha=2.0 / (fast + 1), first=slow - fast, span=fast)
        slack = Average(lanes, alpha=2.0 / (slow + 1), first=0, span=slow)
        smooth = Average(lanes, alpha=2.0 / (span + 1), first=slow - 1, span=span)
        held = np.empty((TILE, lanes))

        def work(tiles: Tiles, start: int, into: Sequence[Floats]) -> None:
            line, signal, gap = into
            long = held[: len(line)]
            np.copyto(line, tiles["close"][1:])
            np.copyto(long, line)
            quick.advance(line, start)
            slack.advance(long, start)
            np.subtract(line, long, out=line)
            np.copyto(signal, line)
            smooth.advance(signal, start)
            np.subtract(line, signal, out=gap)

        return work

    return Program(inputs=("close",), firsts=(known, known, known), begin=begin)


def directional(*, span: int = 14) -> Program:
    """Return how to make adx, plus_di and minus_di."""

    def begin(lanes: int) -> Work:
        weight = (span - 1) / span
        moves = Average(3 * lanes, alpha=1.0 / span, first=1, span=span - 1, weight=weight)
        index = Average(lanes, alpha=1.0 / span, first=span, span=span)
        held = np.empty((TILE, 3 * lanes))

        def work(tiles: Tiles, start: int, into: Sequence[Floats]) -> None:
            line, up, down = into
            sums = held[: len(line)]
            plus, minus, spread = (sums[:, n * lanes : (n + 1) * lanes] for n in range(3))
            np.subtract(tiles["high"][1:], tiles["high"][:-1], out=up)
            np.subtract(tiles["low"][:-1], tiles["low"][1:], out=down)
            np.multiply(up, (up > down) & (up > 0.0), out=plus)
            np.multiply(down, (down > up) & (down > 0.0), out=minus)
            _true_range(tiles, spread)
            moves.advance(sums, start)
            moved = span * spread > TINY
            for part, out in ((plus, up), (minus, down)):
                out.fill(0.0)
                np.divide(part, spread, out=out, where=moved)
                np.multiply(out, 100.0, out=out)
            np.add(up, down, out=spread)
            still = ~(spread > TINY)
            np.subtract(up, down, out=line)
            np.abs(line, out=line)
            np.divide(line, spread, out=line, where=~still)
            np.multiply(line, 100.0, out=line)
            line[still] = 0.0
            index.advance(line, start, still if still.any() else None)

        return work

    return Program(inputs=_BAR, firsts=(2 * span - 1, span, span), begin=begin)


def supertrend(*, span: int = 10, width: float = 3.0) -> Program:
    """Return how to make the line and its direction."""

    def begin(lanes: int) -> Work:
        ranges = Average(lanes, alpha=1.0 / span, first=1, span=span)
        reach, middle = np.empty((TILE, lanes)), np.empty((TILE, lanes))
        upper, lower, up = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes, dtype=np.bool_)
        one, other = np.empty(lanes, dtype=np.bool_), np.empty(lanes, dtype=np.bool_)

        def work(tiles: Tiles, start: int, into: Sequence[Floats]) -> None:
            line, side = into
            size = len(line)
            high, low, close = (tiles[name] for name in _BAR)
            spread, half = reach[:size], middle[:size]
            _true_range(tiles, spread)
            ranges.advance(spread, start)
            np.multiply(spread, width, out=spread)
            np.add(high[1:], low[1:], out=half)
            np.multiply(half, 0.5, out=half)
            np.add(half, spread, out=side)  # upper bands; `half` becomes the lower ones
            np.subtract(half, spread, out=half)
            for step in range(size):
                top, floor, before, now = side[step], half[step], close[step], close[step + 1]
                if start + step <= span:
                    np.copyto(upper, top)
                    np.copyto(lower, floor)
                    up.fill(0)
                else:
                    np.less(top, upper, out=one)
                    np.greater(before, upper, out=other)
                    np.logical_or(one, other, out=one)
                    np.copyto(upper, top, where=one)
                    np.greater(floor, lower, out=one)
                    np.less(before, lower, out=other)
                    np.logical_or(one, other, out=one)
                    np.copyto(lower, floor, where=one)
                    # up stays up unless below the lower band; down turns above the upper one
                    np.greater_equal(now, lower, out=one)
                    np.logical_and(one, up, out=one)
                    np.greater(now, upper, out=other)
                    np.greater(other, up, out=other)
                    np.logical_or(one, other, out=up)
                np.copyto(line[step], upper)
                np.copyto(line[step], lower, where=up)
                np.multiply(up, 2.0, out=top)
                np.subtract(top, 1.0, out=top)

        return work

    return Program(inputs=_BAR, firsts=(span, span), begin=begin)


def heikin_ashi() -> Program:
    """Return how to make open, high, low and close of the candles."""

    def begin(lanes: int) -> Work:
        opens = Average(lanes, alpha=0.5, first=0, span=1)
        last = np.zeros(lanes)

        def work(tiles: Tiles, start: int, into: Sequence[Floats]) -> None:
            first, top, floor, close = into
            np.add(tiles["open"][1:], tiles["high"][1:], out=close)
            np.add(close, tiles["low"][1:], out=close)
            np.add(close, tiles["close"][1:], out=close)
            np.multiply(close, 0.25, out=close)
            np.copyto(first[1:], close[:-1])
            first[0] = last if start else 0.5 * (tiles["open"][1] + tiles["close"][1])
            np.copyto(last, close[-1])
            opens.advance(first, start)
            np.maximum(np.maximum(first, close), tiles["high"][1:], out=top)
            np.minimum(np.minimum(first, close), tiles["low"][1:], out=floor)

        return work

    return Program(inputs=("open", *_BAR), firsts=(0, 0, 0, 0), begin=begin)


def obv() -> Program:
    """Return how to make the on-balance volume."""

    def begin(lanes: int) -> Work:
        total = np.zeros(lanes)

        def work(tiles: Tiles, start: int, into: Sequence[Floats]) -> None:
            (out,) = into
            np.subtract(tiles["close"][1:], tiles["close"][:-1], out=out)
            np.sign(out, out=out)
            if not start:
                out[0] = 1.0
            np.multiply(out, tiles["volume"][1:], out=out)
            _accumulate(out, total)

        return work

    return Program(inputs=("close", "volume"), firsts=(0,), begin=begin)


def vwap() -> Program:
    """Return how to make the mean typical price by volume since the first row of a series."""

    def begin(lanes: int) -> Work:
        flow, traded = np.zeros(lanes), np.zeros(lanes)
        held = np.empty((TILE, lanes))

        def work(tiles: Tiles, start: int, into: Sequence[Floats]) -> None:
            del start
            (out,) = into
            sums = held[: len(out)]
            np.copyto(sums, tiles["volume"][1:])
            np.add(tiles["high"][1:], tiles["low"][1:], out=out)
            np.add(out, tiles["close"][1:], out=out)
            np.multiply(out, sums, out=out)
            _accumulate(out, flow)
            _accumulate(sums, traded)
            np.multiply(sums, 3.0, out=sums)
            np.divide(out, sums, out=out, where=sums > 0.0)
            out[~(sums > 0.0)] = np.nan

        return work

    return Program(inputs=("high", "low", "close", "volume"), firsts=(0,), begin=begin)


def _true_range(tiles: Tiles, into: Floats) -> None:
    """Write the span of high, low and previous close; at the very start of high, low, close."""
    before = tiles["close"][:-1]
    np.maximum(tiles["high"][1:], before, out=into)
    np.subtract(into, np.minimum(tiles["low"][1:], before), out=into)


def _accumulate(x: Floats, total: Floats) -> None:
    """Replace rows by running sums that go on from `total`, which becomes the last of them."""
    x[0] += total
    np.cumsum(x, axis=0, out=x)
    np.copyto(total, x[-1])
