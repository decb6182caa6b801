"""Which strike of a chain a person means: by level, delta, premium, moneyness or deviations.

Pure functions on the enriched rows of one expiry. Words such as `atm+200` or `25d` are read
elsewhere; here are the rules they end in.
"""

from __future__ import annotations

import math

import polars as pl

from alphastock_cli.errors import ProviderError


def strike_nearest(chain: pl.DataFrame, level: float) -> float:
    """Return the listed strike nearest to a level, the lower of two equally near.

    With the forward as the level this is the strike at the money.

    Parameters
    ----------
    chain : DataFrame
        Rows of one expiry with `strike` in rupees.
    level : float
        Rupees.

    Raises
    ------
    ProviderError
        The chain lists no strike.
    ValueError
        The level is NaN or infinite.
    """
    if not math.isfinite(level):
        raise ValueError(f"a level of {level} is near no strike")
    strikes = sorted(set(chain["strike"].drop_nulls()))
    if not strikes:
        raise ProviderError("the chain lists no strike")
    return float(min(strikes, key=lambda strike: (abs(strike - level), strike)))


def strike_by_delta(chain: pl.DataFrame, option_type: str, delta: float) -> float | None:
    """Return the strike whose option has the absolute delta nearest to the one asked for.

    Only options with a known delta count. Of two equally near the one further out of the money,
    which has the smaller delta, then the lower strike.

    Parameters
    ----------
    chain : DataFrame
        Rows with `strike`, `option_type` and `delta`.
    option_type : str
        ``CE`` or ``PE``.
    delta : float
        Between 0 and 1 without its sign: 0.25 is the 25-delta call or put; -0.25 is the same.

    Returns
    -------
    float or None
        Rupees; None where no delta of that side is known.

    Raises
    ------
    ValueError
        The delta is beyond one, NaN, or the side is neither ``CE`` nor ``PE``.
    """
    if not 0.0 <= abs(delta) <= 1.0:
        raise ValueError(f"a delta of {delta}: give one between 0 and 1")
    return _nearest(chain, option_type, "delta", abs(delta))


def strike_by_premium(chain: pl.DataFrame, option_type: str, premium: float) -> float | None:
    """Return the strike whose option costs nearest to a premium, rupees a unit.

    Only options with a usable `price` count. Of two equally near the cheaper, then the lower
    strike. None where no price of that side is known.

    Raises
    ------
    ValueError
        The premium is below zero, NaN or infinite, or the side is neither ``CE`` nor ``PE``.
    """
    if not 0.0 <= premium < math.inf:
        raise ValueError(f"a premium of {premium}: give rupees from 0 up")
    return _nearest(chain, option_type, "price", premium)


def strike_by_moneyness(chain: pl.DataFrame, forward: float, pct: float) -> float:
    """Return the strike nearest to so many percent above (below, if negative) the forward.

    Parameters
    ----------
    forward : float
        Rupees.
    pct : float
        2 asks for 1.02 · forward, -2 for 0.98 · forward.

    Raises
    ------
    ProviderError, ValueError
        As in `strike_nearest`.
    """
    return strike_nearest(chain, forward * (1.0 + pct / 100.0))


def strike_by_sigma(
    chain: pl.DataFrame, forward: float, vol: float, years: float, sigmas: float
) -> float:
    """Return the strike nearest to so many standard deviations from the forward.

    Parameters
    ----------
    forward : float
        Rupees.
    vol : float
        Annual volatility as a fraction.
    years : float
        Time to expiry; none left is no distance.
    sigmas : float
        1 asks for forward · exp(vol · √years), -1 for forward · exp(-vol · √years).

    Raises
    ------
    ProviderError, ValueError
        As in `strike_nearest`.
    """
    return strike_nearest(chain, forward * math.exp(sigmas * vol * math.sqrt(max(years, 0.0))))


def _nearest(chain: pl.DataFrame, option_type: str, column: str, wanted: float) -> float | None:
    if option_type not in {"CE", "PE"}:
        raise ValueError(f"an option is CE or PE, not {option_type!r}")
    rows = chain.filter(
        (pl.col("option_type") == option_type)
        & pl.col(column).is_not_null()
        & pl.col("strike").is_not_null()
    ).select(pl.col(column).abs(), "strike")
    found = min(
        rows.iter_rows(), key=lambda row: (abs(row[0] - wanted), row[0], row[1]), default=None
    )
    return None if found is None else float(found[1])
