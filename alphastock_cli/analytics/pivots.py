"""Pivot points of a finished session: levels for the session after it.

Expressions only. Which session is the last finished one is the caller's business.
"""

from __future__ import annotations

import polars as pl

NAMES = ("pivot", "r1", "r2", "r3", "s1", "s2", "s3")
_CAMARILLA = {1: 12.0, 2: 6.0, 3: 4.0, 4: 2.0}
_FIBONACCI = {1: 0.382, 2: 0.618, 3: 1.0}


def classic(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> dict[str, pl.Expr]:
    """Return the floor traders' levels by name: ``pivot, r1, r2, r3, s1, s2, s3``.

    Parameters
    ----------
    high, low, close : Expr
        Rupees (index points) of the finished session; float64.

    Returns
    -------
    dict of str to Expr
        In the same unit; null where one of the three is null. ``s3 <= s2 <= s1 <= pivot <= r1 <=
        r2 <= r3`` whenever ``low <= close <= high``.

    References
    ----------
    Wikipedia, "Pivot point (technical analysis)": the floor traders' method with three levels.

    Examples
    --------
    >>> frame = pl.DataFrame({"h": [110.0], "l": [100.0], "c": [105.0]})
    >>> frame.select(**classic(pl.col("h"), pl.col("l"), pl.col("c"))).row(0)
    (105.0, 110.0, 115.0, 120.0, 100.0, 95.0, 90.0)
    """
    pivot = (high + low + close) / 3.0
    spread = high - low
    return {
        "pivot": pivot,
        "r1": 2.0 * pivot - low,
        "r2": pivot + spread,
        "r3": high + 2.0 * (pivot - low),
        "s1": 2.0 * pivot - high,
        "s2": pivot - spread,
        "s3": low - 2.0 * (high - pivot),
    }


def camarilla(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> dict[str, pl.Expr]:
    """Return ``camarilla_r1..r4, camarilla_s1..s4``: the close and parts of 1.1 ranges around it.

    Null where one of the three is null.

    References
    ----------
    Nick Scott's Camarilla equation (1989): a twelfth, a sixth, a quarter, a half.
    """
    reach = {step: 1.1 * (high - low) / part for step, part in _CAMARILLA.items()}
    above = {f"camarilla_r{step}": close + size for step, size in reach.items()}
    return above | {f"camarilla_s{step}": close - size for step, size in reach.items()}


def fibonacci(high: pl.Expr, low: pl.Expr, close: pl.Expr) -> dict[str, pl.Expr]:
    """Return ``fibonacci_r1..r3, fibonacci_s1..s3``: the classic pivot and parts of the range.

    Null where one of the three is null.

    References
    ----------
    Wikipedia, "Pivot point (technical analysis)"; 38.2, 61.8 and 100 percent of the range.
    """
    pivot, spread = (high + low + close) / 3.0, high - low
    above = {f"fibonacci_r{step}": pivot + part * spread for step, part in _FIBONACCI.items()}
    return above | {
        f"fibonacci_s{step}": pivot - part * spread for step, part in _FIBONACCI.items()
    }
