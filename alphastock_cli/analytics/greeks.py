"""Volatility and Greeks of many options of one expiry, with a reason where there is none.

The mathematics live in `pricing`; this module turns null into NaN and back and says what happens at
the edges: expired, without a forward, without time value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alphastock_cli.domain.frames import column
from alphastock_cli.domain.records import dataclass
from alphastock_cli.pricing import greeks, implied_vol_with_status, words
from alphastock_cli.pricing.black76 import Model

Floats = NDArray[np.float64]

FIRST_ORDER = ("delta", "gamma", "theta_per_day", "vega_per_pct", "rho_per_pct")
SECOND_ORDER = ("vanna", "volga", "charm", "speed", "color")
_DAYS = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the options of one expiry are measured against.

    Attributes
    ----------
    forward : float or None
        Rupees for delivery at expiry; None where nobody can say.
    years : float
        Actual/365; zero or negative once expired.
    rate : float
        Per year, continuous.
    model : str
        ``black76``: Greeks per rupee of the forward, the forward held as time passes; ``bsm``: per
        rupee of the spot, the spot held. Prices and volatilities are the same.
    """

    forward: float | None
    years: float
    rate: float = 0.0
    model: Model = "black76"

    @property
    def underlying(self) -> float:
        """Rupees of what the Greeks speak of: the forward, or under ``bsm`` the spot below it."""
        assert self.forward is not None
        return self.forward * self.discount if self.model == "bsm" else self.forward

    @property
    def discount(self) -> float:
        """Value now of one rupee at expiry."""
        return math.exp(-self.rate * max(self.years, 0.0))


def with_volatility(priced: pl.DataFrame, basis: Basis) -> pl.DataFrame:
    """Return the frame with `iv` (0.15 is 15 %; null, never NaN) and `iv_status`.

    Rows without a usable price keep their `price_status` as the reason; every row of an expired
    chain is ``expired``; without a forward it is ``bad_input``.
    """
    if basis.years <= 0 or basis.forward is None:
        word = "expired" if basis.years <= 0 else "bad_input"
        status = pl.lit(word)
        if word == "bad_input":
            status = pl.coalesce("price_status", pl.lit(word))
        return priced.with_columns(iv=pl.lit(None, dtype=pl.Float64), iv_status=status)
    iv, reasons = solve(_floats(priced, "price"), _floats(priced, "strike"), _calls(priced), basis)
    solved = pl.Series("iv_status", reasons, dtype=pl.String)
    return priced.with_columns(_nullable("iv", iv), solved).with_columns(
        iv_status=pl.coalesce("price_status", "iv_status")
    )


def with_greeks(frame: pl.DataFrame, basis: Basis, *, second_order: bool = False) -> pl.DataFrame:
    """Return the frame with the Greeks at its `iv`; null where there is none.

    A price without time value has no volatility; its Greeks are those of the limit of volatility
    zero: delta ± the discount in the money, 0 out of it.
    """
    names = [*FIRST_ORDER, *(SECOND_ORDER if second_order else ())]
    if basis.years <= 0 or basis.forward is None:
        return frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in names)
    limit = frame["iv_status"].eq_missing("no_time_value").to_numpy()
    vol = np.where(limit, 0.0, _floats(frame, "iv"))
    made = sensitivities(_floats(frame, "strike"), vol, _calls(frame), basis,
                         second_order=second_order)  # fmt: skip
    return frame.with_columns(_nullable(name, made[name]) for name in names)


def solve(
    price: Floats, strike: Floats, is_call: NDArray[np.bool_], basis: Basis
) -> tuple[Floats, list[str]]:
    """Return volatilities (NaN where there is none) and the reason of each, ``ok`` else."""
    assert basis.forward is not None
    iv, codes = implied_vol_with_status(
        price, basis.forward, strike, basis.years, rate=basis.rate, is_call=is_call
    )
    return iv, [str(word) for word in words(codes)]


def sensitivities(
    strike: Floats,
    vol: Floats,
    is_call: NDArray[np.bool_],
    basis: Basis,
    *,
    second_order: bool = False,
) -> dict[str, Floats]:
    """Return `price` and the Greeks by name, in the units of the columns; NaN where vol is NaN.

    Per calendar day and per percentage point where the name says so, else per year and per 1.00.
    """
    assert basis.forward is not None
    made = greeks(
        basis.underlying, strike, basis.years, vol,
        rate=basis.rate, is_call=is_call, model=basis.model, second_order=second_order,
    )  # fmt: skip
    names = ["price", *FIRST_ORDER, *(SECOND_ORDER if second_order else ())]
    return {name: np.asarray(getattr(made, name), dtype=np.float64) for name in names}


def _floats(frame: pl.DataFrame, column: str) -> Floats:
    """Return a column as an array; null becomes NaN, which `pricing` passes through."""
    values: Floats = frame[column].to_numpy()
    return values


def _calls(frame: pl.DataFrame) -> NDArray[np.bool_]:
    calls: NDArray[np.bool_] = (frame["option_type"] == "CE").to_numpy()
    return calls


def _nullable(name: str, values: Any) -> pl.Series:  # noqa: ANN401 - any array of numbers
    """Return an array as a column in which NaN is null."""
    return column(name, np.asarray(values, dtype=np.float64))
