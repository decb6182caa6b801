"""Gamma exposure: what those who hedge would have to trade as the underlying moves by one percent.

Who holds which side is an assumption, not data; its words travel with the number.
"""

from __future__ import annotations

import polars as pl

CONVENTION = (
    "dealers long the calls and short the puts that are open (assumed, not known);"
    " rupees of the underlying per 1 % move = gamma x open interest x underlying squared x 0.01,"
    " calls plus, puts minus: above zero hedging damps a move, below zero it drives it on"
)


def with_exposure(frame: pl.DataFrame, underlying: float | None) -> pl.DataFrame:
    """Return the frame with `gex`, rupees per 1 % move, signed by the convention of this module.

    Parameters
    ----------
    frame : DataFrame
        Rows with `option_type`, `gamma` (per rupee squared) and `open_interest` (units).
    underlying : float or None
        Rupees of what gamma speaks of: the forward under Black-76, the spot under ``bsm``.
    """
    if underlying is None:
        return frame.with_columns(gex=pl.lit(None, dtype=pl.Float64))
    sign = pl.when(pl.col("option_type") == "CE").then(1.0).otherwise(-1.0)
    size = pl.col("gamma") * pl.col("open_interest") * (underlying * underlying * 0.01)
    return frame.with_columns(gex=sign * size)


def net(frame: pl.DataFrame) -> tuple[float | None, float | None]:
    """Return the sum of `gex`, and which part (0 to 1) of the open interest it stands on.

    Options without a volatility have no gamma and are missing from the sum. None where nothing is
    known.
    """
    known = frame.filter(pl.col("gex").is_not_null())
    total, held = (int(each["open_interest"].sum()) for each in (frame, known))
    return (float(known["gex"].sum()) if known.height else None), (held / total if total else None)


def by_strike(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``strike, gex_ce, gex_pe, gex``, strikes ascending; null where nothing is known."""
    call = pl.col("option_type") == "CE"

    def side(rows: pl.Expr) -> pl.Expr:
        held = pl.col("gex").filter(rows)
        return pl.when(held.count() > 0).then(held.sum())

    parts = {"gex_ce": side(call), "gex_pe": side(~call), "gex": side(call | ~call)}
    return frame.group_by("strike").agg(**parts).sort("strike")
