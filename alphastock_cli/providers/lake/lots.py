"""The lot of a contract as the day's own figures prove it, for days no table of lots reaches.

Nothing is estimated: either exactly one number fits every row, or the lot is not known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

# Published turnover is cut to a hundredth of a lakh trade by trade: a contract may lack this much.
_CUT = 1_000.0
_ROUNDING = 501.0  # and the sum may be rounded up by half of that


def proven_lot(rows: pl.DataFrame) -> int | None:
    """Return the units of one contract, or None where the rows leave more than one number open.

    Turnover is contracts x lot x price, with the strike added to the price of an option, and the
    mean price lies between low and high: each traded row bounds the lot from both sides. Open
    interest is in units, so the lot divides every one of them.

    Parameters
    ----------
    rows : DataFrame
        Every row of one expiry: ``contracts, turnover, high, low, strike`` (0 for a future),
        ``open_interest, oi_change``.
    """
    traded = rows.filter(pl.col("contracts") > 0)
    count, turnover = pl.col("contracts"), pl.col("turnover")
    least = (turnover - _ROUNDING) / (count * (pl.col("strike") + pl.col("high")))
    most = (turnover + _CUT * count) / (count * (pl.col("strike") + pl.col("low")))
    bounds = traded.select(low=least.max(), high=most.min())
    low, high = bounds.row(0)
    units = [*rows["open_interest"].drop_nulls(), *rows["oi_change"].drop_nulls()]
    shared = math.gcd(*units)
    if low is None or high is None or not shared or not math.isfinite(high):
        return None
    fitting = [lot for lot in _divisors(shared) if low <= lot <= high]
    return fitting[0] if len(fitting) == 1 else None


def _divisors(number: int) -> Iterator[int]:
    for small in range(1, math.isqrt(number) + 1):
        if number % small == 0:
            yield small
            if small * small != number:
                yield number // small
