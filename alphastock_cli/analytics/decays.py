"""Recursive averages of many series at once, as matrix products.

``y = keep * y_before + weight * x`` over `BLOCK` steps is a product with a triangle of powers of
`keep`, once what came before is added to the first step of the block; and that is the same
recursion over the blocks. So thousands of steps become a few products without a loop in Python.

A value is a sum of products in which what comes later has the factor 0: it is no part of the
value, but it may decide in which order the processor adds, so the last digit of a result may differ
with how many rows come after it (below 1e-13 relative). Factors of 0 also mean that a value that
is not finite spoils its whole block: such series are reported and made otherwise by the caller.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BLOCK = 16  # steps of one product: larger ones multiply more zeros, smaller ones leave more blocks


def blocks(steps: int) -> int:
    """Return how many blocks hold so many steps."""
    return -(-steps // BLOCK)


def sweep(work: Floats, *, keep: float, weight: float, out: Floats) -> Flags:
    """Write the averages of `work` to `out` and say which series were finite.

    Parameters
    ----------
    work : ndarray, shape (series, blocks, BLOCK)
        Inputs, in order of time, zeros after the last; it is written to. Time begins with nothing:
        a seed is an input of its own, divided by `weight`.
    keep, weight : float
        What is left of an average after a step, and what of an input comes into it.
    out : ndarray, shape (series, steps)
        At most ``blocks * BLOCK`` steps; anything where the series was not finite.

    Returns
    -------
    ndarray of bool, shape (series,)
    """
    triangle, reach = _powers(keep, weight)
    state = _scan(np.matmul(work, reach), keep**BLOCK)
    work[:, 1:, 0] += (keep / weight) * state[:, :-1]
    series, steps = out.shape
    full = steps // BLOCK
    whole = out[:, : full * BLOCK].reshape(series, full, BLOCK)  # a view: no axis is joined
    # a product for each series: small enough that the library does not divide it among threads
    np.matmul(work[:, :full], triangle, out=whole)
    if full * BLOCK < steps:
        out[:, full * BLOCK :] = np.matmul(work[:, full], triangle)[:, : steps - full * BLOCK]
    finite: Flags = np.isfinite(state[:, -1])
    return finite


def _scan(x: Floats, keep: float) -> Floats:
    """Return the running averages of rows, weight 1."""
    series, steps = x.shape
    if steps <= 2 * BLOCK:
        return x @ _triangle(keep, 1.0, steps)
    work = np.zeros((series, blocks(steps) * BLOCK))
    work[:, :steps] = x
    out = np.empty((series, steps))
    sweep(work.reshape(series, -1, BLOCK), keep=keep, weight=1.0, out=out)
    return out


@cache
def _powers(keep: float, weight: float) -> tuple[Floats, Floats]:
    """Return the triangle of a block and its last column, in memory of its own."""
    triangle = _triangle(keep, weight, BLOCK)
    return triangle, triangle[:, -1].copy()


@cache
def _triangle(keep: float, weight: float, steps: int) -> Floats:
    """Return ``weight * keep ** (t - k)`` at row k and column t, 0 below."""
    since = np.arange(steps)[None, :] - np.arange(steps)[:, None]
    made = np.where(since >= 0, weight * keep ** np.maximum(since, 0), 0.0)
    made.setflags(write=False)
    return made
