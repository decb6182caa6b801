"""Tell a split or bonus from a crash: breaks of the opening price against the previous close.

The exchanges publish the previous close unadjusted, so a split in two opens near half of it. No
share opens that far away by trading: price bands are at most 20 % for shares without derivatives.
"""

from __future__ import annotations

import math
from fractions import Fraction

import polars as pl

from alphastock_cli.domain.frames import ADJUSTMENTS, conform

# Factors that splits (face value 10 to 5, 2, 1; 5 to 1 ...) and bonuses (1:1, 2:1, 1:2 ...) make.
# Rarer ones (2:3, 5:3) lie among the ratios that demergers leave, so they are not guessed.
RATIOS = tuple(
    Fraction(text) for text in ("1/2", "1/3", "1/4", "1/5", "1/10", "1/20", "1/100", "2/3", "2/5")
)
_DOWN = 0.72  # open below this share of the previous close is no trading day's move
_UP = 1.6
# How far, in logarithms, the open or the close may lie from the ratio: the market moves too.
# Wider, and demergers (Vedanta 2026, Adani Enterprises 2018) pass for splits.
_NEAR_OPEN = 0.05
_NEAR_CLOSE = 0.03
# a printed multiplier may be rounded or cut to two digits
_ROUNDING = 0.0067
_LARGEST = 12
_MAIN = ("EQ", "BE", "BZ", "SM", "ST")
_NSE = "NSE"


def detect(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the breaks found in daily rows, schema `ADJUSTMENTS`.

    A break is an open below 0.72 or above 1.6 times the published previous close. Where open or
    close lie within 5 or 3 % (logarithmic) of a usual ratio it is ``split_or_bonus`` with that
    factor; otherwise ``unexplained`` without one: a demerger, a relisting, an error.
    Only the row itself is looked at, so a later row cannot change the answer. NSE rows of the
    share series only; a smaller bonus (1:3, 1:4, 1:5) cannot be told from a bad day.

    Parameters
    ----------
    rows : DataFrame
        ``date, exchange, symbol, series, previous_close, open, close``; rupees.
    """
    ratio = pl.col("open") / pl.col("previous_close")
    ordinary = pl.col("exchange").ne(_NSE) | pl.col("series").is_in(list(_MAIN))
    found = rows.filter(
        (pl.col("previous_close") > 0.0) & (pl.col("open") > 0.0) & ordinary
        & ((ratio < _DOWN) | (ratio > _UP))
    ).with_columns(__ratio=ratio)  # fmt: skip
    candidates = [(float(r), f"{r.numerator}:{r.denominator}") for r in RATIOS]
    opens, closes = pl.col("__ratio").log(), (pl.col("close") / pl.col("previous_close")).log()
    distance = [
        pl.min_horizontal(
            (opens - math.log(value)).abs() / _NEAR_OPEN,
            (closes - math.log(value)).abs() / _NEAR_CLOSE,
        )
        for value, _ in candidates
    ]
    least = pl.min_horizontal(distance)
    factor, words = pl.lit(None, pl.Float64), pl.lit("")
    for (value, text), gap in zip(candidates, distance, strict=True):
        near = (gap == least) & (least <= 1.0)
        factor = pl.when(near).then(pl.lit(value)).otherwise(factor)
        words = pl.when(near).then(pl.lit(text)).otherwise(words)
    return conform(
        found.select(
            "exchange", "symbol", ex_date="date", factor=factor, ratio=words,
            source=pl.lit("detected"),
        ).with_columns(
            kind=pl.when(pl.col("factor").is_null())
            .then(pl.lit("unexplained"))
            .otherwise(pl.lit("split_or_bonus"))
        ).unique(["exchange", "symbol", "ex_date"], maintain_order=True),
        ADJUSTMENTS,
        what="detected adjustments",
    )  # fmt: skip


def imported(rows: pl.DataFrame, *, source: str = "imported") -> pl.DataFrame:
    """Return third-party multipliers as factors, schema `ADJUSTMENTS`, kind ``imported``.

    Lists print multipliers with two digits; one within their rounding of a ratio of whole numbers
    up to twelve stands for that ratio (1.33 for 4:3), as only whole shares are issued.

    Parameters
    ----------
    rows : DataFrame
        ``symbol`` (text), ``ex_date`` (date), ``multiplier`` (shares after for one before, so 2
        for a split in two); the factor is its inverse.
    """
    known = rows.filter(pl.col("multiplier") > 0.0)
    ratios = [_ratio(value) for value in known["multiplier"].to_list()]
    frame = known.select("symbol", "ex_date").with_columns(
        exchange=pl.lit(_NSE),
        factor=pl.Series([value for value, _ in ratios], dtype=pl.Float64),
        kind=pl.lit("imported"),
        ratio=pl.Series([text for _, text in ratios], dtype=pl.String),
        source=pl.lit(source),
    )
    return conform(frame, ADJUSTMENTS, what="imported adjustments")


def _ratio(multiplier: float) -> tuple[float, str]:
    """Return the factor and its words."""
    near = Fraction(multiplier).limit_denominator(_LARGEST)
    if near > 0 and abs(multiplier - near) <= _ROUNDING:
        return near.denominator / near.numerator, f"{near.denominator}:{near.numerator}"
    return 1.0 / multiplier, f"1:{multiplier:g}"
