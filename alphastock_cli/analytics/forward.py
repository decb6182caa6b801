"""Which forward the options of an expiry are measured against, and where it comes from.

Parity of the options' own prices first: no dividend, holding cost or gap between the closes of two
markets can put it wrong. The formulas themselves are `pricing.forward`'s.
"""

from __future__ import annotations

import math
from typing import Literal

import polars as pl

from alphastock_cli.analytics.chain import price_pairs
from alphastock_cli.domain.records import dataclass
from alphastock_cli.pricing.black76 import Model
from alphastock_cli.pricing.forward import forward_by_parity, forward_from_spot

Source = Literal["parity", "future", "spot", "given"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A forward and where it comes from.

    Attributes
    ----------
    value : float or None
        Rupees; None where nobody can say, then `source` is None too.
    pairs : int
        Strikes whose two prices made a forward by parity; 0 else.
    quoted : bool
        True when those were mid prices, not last trades.
    """

    value: float | None = None
    source: Source | None = None
    pairs: int = 0
    quoted: bool = False


def find_forward(
    priced: pl.DataFrame,
    *,
    spot: float | None,
    future: float | None,
    years: float,
    rate: float,
    model: Model,
    given: float | None = None,
) -> Forward:
    """Return the forward of an expiry: by parity, else the traded future, else spot with carry.

    ``bsm`` stands on the spot by definition. An expired chain has no forward but its spot.

    Parameters
    ----------
    priced : DataFrame
        Rows of one expiry with `price` and `price_source`.
    spot, future : float or None
        Rupees.
    given : float or None
        A forward to take instead, rupees.
    """
    if given is not None:
        return Forward(value=given, source="given")
    if model == "black76" and years > 0:
        pairs, quoted = price_pairs(priced)
        found = forward_by_parity(
            pairs["strike"].to_numpy(), pairs["ce"].to_numpy(), pairs["pe"].to_numpy(),
            discount=math.exp(-rate * years),
        )  # fmt: skip
        if found.value is not None and found.value > 0:
            return Forward(value=found.value, source="parity", pairs=found.strikes, quoted=quoted)
        if future is not None and future > 0:
            return Forward(value=future, source="future")
    if spot is None or spot <= 0:
        return Forward()
    carried = forward_from_spot(spot, max(years, 0.0), rate)
    return Forward(value=float(carried), source="spot")
