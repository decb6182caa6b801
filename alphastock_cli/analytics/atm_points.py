"""Forward and ATM volatility of many chains at once: other days, other underlyings, in one pass.

The same rules as `forward.find_forward` and `chain.atm_iv` apply to one chain at a time (a test
holds the two together), Black-76 on the forward by parity alone, time actual/365.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from alphastock_cli.analytics.chain import FEW_PAIRS, LIMITS, Limits, with_prices
from alphastock_cli.analytics.iv_history import iv_ahead
from alphastock_cli.exchange import closes
from alphastock_cli.pricing import implied_vol

NEAR = 5  # strikes next to the money, as in `pricing.forward`
_YEAR = 365 * 86_400 * 1_000_000.0  # microseconds
_KEYS = ["underlying", "time", "expiry"]


def atm_points(rows: pl.DataFrame, *, rate: float, limits: Limits = LIMITS) -> pl.DataFrame:
    """Return forward, ATM strike and ATM volatility of each chain.

    Parameters
    ----------
    rows : DataFrame
        `CHAIN` columns and ``time``, the moment each chain is of; any number of underlyings,
        moments and expiries.
    rate : float
        Discounting, per year, continuous.
    limits : Limits
        From which on a price is not believed; a trade's age does not count here.

    Returns
    -------
    DataFrame
        ``underlying, time, expiry, years, forward, atm_strike, atm_iv``, sorted. Null where no
        strike has usable prices of both sides or nothing at the money has a volatility; chains
        that are over are left out.

    Raises
    ------
    OutOfRange
        No table holds hours of an expiry day.
    """
    timed = rows.join(_ends(rows), on=["underlying", "expiry"])
    years = (pl.col("ends") - pl.col("time")).dt.total_microseconds() / _YEAR
    live = timed.with_columns(years=years).filter(pl.col("years") > 0.0)
    priced = with_prices(live, session=pl.col("time").dt.date(), tick=None, limits=limits)
    forwards = _forwards(priced, rate)
    listed = priced.select(*_KEYS, "years", "strike").unique()
    away = (pl.col("strike") - pl.col("forward")).abs()
    money = (
        listed.join(forwards, on=_KEYS, how="left")
        .group_by(_KEYS)
        .agg(
            pl.col("years", "forward").first(),
            atm_strike=pl.when(pl.col("forward").first().is_not_null()).then(
                pl.col("strike").sort_by(away, "strike").first()
            ),
        )
    )
    return money.join(_volatilities(priced, money, rate), on=_KEYS, how="left").sort(_KEYS)


def iv_series(points: pl.DataFrame, *, days: int) -> dict[str, list[tuple[datetime, float | None]]]:
    """Return the ATM volatility `days` ahead of each underlying, by moment, ascending.

    Parameters
    ----------
    points : DataFrame
        As `atm_points` returns them.
    """
    made: dict[str, list[tuple[datetime, float | None]]] = {}
    groups = points.group_by("underlying", "time", maintain_order=True).agg("years", "atm_iv")
    for name, time, years, vols in groups.iter_rows():
        iv = iv_ahead(zip(years, vols, strict=True), days=days)
        made.setdefault(name, []).append((time, iv))
    return made


def _ends(rows: pl.DataFrame) -> pl.DataFrame:
    """Return when the contracts of each underlying and expiry end."""
    pairs = rows.select("underlying", "expiry").unique()
    ends = [
        closes.contract_close(closes.derivative_exchange(name), day) for name, day in pairs.rows()
    ]
    return pairs.with_columns(ends=pl.Series(ends, dtype=pl.Datetime("us", "Asia/Kolkata")))


def _forwards(priced: pl.DataFrame, rate: float) -> pl.DataFrame:
    """Return the forward by parity of each chain: `pricing.forward_by_parity`, all chains at once.

    First the strikes with the smallest difference of call and put, then those nearest to the
    median they give.
    """
    usable = priced.filter(pl.col("price").is_not_null())
    sides = [
        usable.filter(option_type=kind)
        .select(*_KEYS, "strike", "years", "price", mid=pl.col("price_source") == "mid")
        .unique([*_KEYS, "strike"], keep="first")
        for kind in ("CE", "PE")
    ]
    quoted = pl.col("mid") & pl.col("mid_pe")
    enough = quoted.sum().over(_KEYS) >= pl.min_horizontal(FEW_PAIRS, pl.len().over(_KEYS))
    gap = pl.col("price") - pl.col("price_pe")
    pairs = (
        sides[0]
        .join(sides[1], on=[*_KEYS, "strike"], suffix="_pe")
        .with_columns(quoted=quoted, enough=enough)
        .filter(pl.col("quoted") | ~pl.col("enough"))
        .with_columns(gap=gap.abs(), at=pl.col("strike") + gap * (pl.col("years") * rate).exp())
    )
    close = pl.col("at").sort_by("gap", "strike").head(2 * NEAR + 1).median()
    money = pairs.group_by(_KEYS).agg(money=close)
    away = (pl.col("strike") - pl.col("money")).abs()
    return (
        pairs.join(money, on=_KEYS)
        .group_by(_KEYS)
        .agg(forward=pl.col("at").sort_by(away, "strike").head(NEAR).median())
        .filter(pl.col("forward") > 0.0)
    )


def _volatilities(priced: pl.DataFrame, money: pl.DataFrame, rate: float) -> pl.DataFrame:
    """Return the mean volatility of the two options at the money of each chain."""
    at = priced.filter(pl.col("price").is_not_null()).join(
        money.filter(pl.col("atm_strike").is_not_null()).select(*_KEYS, "atm_strike", "forward"),
        left_on=[*_KEYS, "strike"], right_on=[*_KEYS, "atm_strike"],
    )  # fmt: skip
    numbers = (
        at[name].to_numpy().astype(np.float64) for name in ("price", "forward", "strike", "years")
    )
    iv = implied_vol(*numbers, rate=rate, is_call=(at["option_type"] == "CE").to_numpy())
    return (
        at.with_columns(pl.Series("iv", iv, nan_to_null=True))
        .group_by(_KEYS)
        .agg(atm_iv=pl.col("iv").mean())
    )
