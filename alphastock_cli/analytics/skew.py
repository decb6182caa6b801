"""How the smile leans and bends at a given delta, and what volatility two expiries imply between.

Plain numbers from enriched rows of one expiry, or from the figures of several.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import polars as pl

from alphastock_cli.domain.records import dataclass

QUARTER = 0.25  # the delta of the market's words: a 25-delta call


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """Volatilities at one absolute delta each side, and what they say; None where not bracketed.

    Attributes
    ----------
    call_iv, put_iv : float or None
        Annual, as fractions.
    risk_reversal : float or None
        call_iv - put_iv: below zero where falls are feared more than rises.
    butterfly : float or None
        (call_iv + put_iv) / 2 - ATM volatility: how much the wings stand above the middle.
    """

    call_iv: float | None = None
    put_iv: float | None = None
    risk_reversal: float | None = None
    butterfly: float | None = None


def skew(frame: pl.DataFrame, *, atm_iv: float | None, delta: float = QUARTER) -> Skew:
    """Return the skew at a delta, interpolated between the two contracts about it.

    Linear in the absolute delta, on total variance (of one expiry: on volatility squared). Never
    beyond the contracts that are there.

    Parameters
    ----------
    frame : DataFrame
        Rows of one expiry with `strike`, `option_type`, `moneyness`, `delta` and `iv`; those in the
        money do not count.
    atm_iv : float or None
        For the butterfly.
    """
    call, put = (_at_delta(frame, kind, delta) for kind in ("CE", "PE"))
    if call is None or put is None:
        return Skew(call_iv=call, put_iv=put)
    bend = None if atm_iv is None else (call + put) / 2.0 - atm_iv
    return Skew(call_iv=call, put_iv=put, risk_reversal=call - put, butterfly=bend)


def _at_delta(frame: pl.DataFrame, kind: str, wanted: float) -> float | None:
    """Return the volatility at an absolute delta; outward from the money, the first bracket."""
    rows = frame.filter(
        (pl.col("option_type") == kind)
        & pl.col("delta").is_not_null()
        & pl.col("iv").is_not_null()
        & (pl.col("moneyness") != "ITM")
    ).sort("strike", descending=kind == "PE")
    points = [(abs(delta), iv) for delta, iv in rows.select("delta", "iv").iter_rows()]
    for (inner, near), (outer, far) in pairwise(points):
        if inner >= wanted >= outer:
            if inner == outer:
                return float(near)
            part = (inner - wanted) / (inner - outer)
            return math.sqrt(near * near + part * (far * far - near * near))
    return None


def forward_vol(
    near: tuple[float, float | None], far: tuple[float, float | None]
) -> tuple[float | None, bool | None]:
    """Return the volatility between two expiries, and whether it is real.

    Parameters
    ----------
    near, far : tuple of float
        Years and annual volatility; an unknown volatility is None.

    Returns
    -------
    vol : float or None
        √((w2 - w1) / (t2 - t1)) with w = volatility² · years; None where a volatility or the time
        between is not there, and where the variance between would be negative.
    negative : bool or None
        True where it would be: a calendar spread costs less than nothing. None where not known.
    """
    (first, low), (second, high) = near, far
    if low is None or high is None or not second > first > 0:
        return None, None
    between = (high * high * second - low * low * first) / (second - first)
    return (None, True) if between < 0 else (math.sqrt(between), False)


TERM = ("expiry", "days_to_expiry", "years", "forward", "atm_strike", "atm_iv", "straddle",
        "forward_vol", "negative_calendar_variance")  # fmt: skip


def term_structure(expiries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row an expiry, nearest first, in the names of `TERM`.

    `forward_vol` and its flag speak of the time since the expiry before whose volatility is known.
    Where the forward lies beyond the listed strikes nothing is at the money: ATM figures are None.

    Parameters
    ----------
    expiries : iterable of mapping
        The summary of each expiry: expiry, days_to_expiry, years, forward, atm_strike, atm_iv,
        straddle, atm_outside.
    """
    rows: list[dict[str, Any]] = []
    before: tuple[float, float | None] = (0.0, None)
    for facts in sorted(expiries, key=lambda each: each["expiry"]):
        row: dict[str, Any] = {name: facts.get(name) for name in TERM}
        if facts["atm_outside"]:
            row |= dict.fromkeys(("atm_strike", "atm_iv", "straddle"))
        here: tuple[float, float | None] = (row["years"], row["atm_iv"])
        vol, negative = forward_vol(before, here)
        rows.append(row | {"forward_vol": vol, "negative_calendar_variance": negative})
        if row["atm_iv"] is not None:
            before = here
    return rows


def at_maturity(points: Sequence[tuple[float, float | None]], years: float) -> float | None:
    """Return the ATM volatility at one time ahead, linear in total variance between two expiries.

    With expiries on one side only it is that of the nearest one. None where none is known.

    Parameters
    ----------
    points : sequence of tuple
        Years and annual volatility of each expiry; those over or without a volatility are left out.
    years : float
        The time ahead, above zero.
    """
    known = sorted((t, vol) for t, vol in points if vol is not None and t > 0)
    before = [point for point in known if point[0] <= years]
    after = [point for point in known if point[0] >= years]
    if not before or not after:
        nearest = before[-1:] or after[:1]
        return nearest[0][1] if nearest else None
    (first, low), (second, high) = before[-1], after[0]
    if first == second:
        return low
    w1, w2 = low * low * first, high * high * second
    return math.sqrt((w1 + (w2 - w1) * (years - first) / (second - first)) / years)
