"""What the market as a whole did: movers, breadth, sentiment, sectors. Frames in, figures out."""

from __future__ import annotations

from typing import Any

import polars as pl

UNCLASSIFIED = "Unclassified"
_MOVER = ("symbol", "close", "change_pct", "volume_ratio", "turnover")

# parts of the sentiment score and their weights; a part that is not known is left out
_WEIGHTS = {"moves": 0.4, "sma_50": 0.2, "sma_200": 0.2, "extremes": 0.2}
_WORDS = ((50.0, "very bullish"), (15.0, "bullish"), (-15.0, "neutral"), (-50.0, "bearish"))
_LEAST = "very bearish"


def movers(frame: pl.DataFrame, *, floor: float, n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the `n` largest gainers and losers that traded at least `floor` rupees.

    Columns ``symbol, close, change_pct, volume_ratio, turnover``; ties in order of symbol.
    """
    liquid = frame.filter(pl.col("turnover") >= floor)
    up = liquid.filter(pl.col("change_pct") > 0).sort(
        ["change_pct", "symbol"], descending=[True, False]
    )
    down = liquid.filter(pl.col("change_pct") < 0).sort(["change_pct", "symbol"])
    return up.head(n).select(_MOVER), down.head(n).select(_MOVER)


def volume_leaders(frame: pl.DataFrame, *, floor: float, n: int) -> pl.DataFrame:
    """Return the `n` symbols with the largest volume ratio that traded at least `floor` rupees.

    Where no ratio is known yet (short history) the largest turnover leads.
    """
    liquid = frame.filter(pl.col("turnover") >= floor)
    known = liquid.filter(pl.col("volume_ratio").is_not_null())
    chosen, by = (known, "volume_ratio") if known.height else (liquid, "turnover")
    return chosen.sort([by, "symbol"], descending=[True, False]).head(n).select(_MOVER)


def breadth(frame: pl.DataFrame) -> dict[str, Any]:
    """Return advances, declines, averages, new extremes and the sentiment score.

    Shares are in percent of the symbols for which the average is known, whose number stands under
    ``known_sma_50`` and so on; the ratio is null where nothing declined. A new high is a close
    above the highest high of the 252 sessions before.
    """
    close = pl.col("close")
    row = frame.select(
        advances=(pl.col("change") > 0).sum(),
        declines=(pl.col("change") < 0).sum(),
        unchanged=(pl.col("change") == 0).sum(),
        known_sma_50=pl.col("sma_50").count(),
        known_sma_200=pl.col("sma_200").count(),
        known_52w=pl.col("high_52w").count(),
        above_sma_50_pct=100.0 * (close > pl.col("sma_50")).mean(),
        above_sma_200_pct=100.0 * (close > pl.col("sma_200")).mean(),
        new_highs=(close > pl.col("high_52w")).sum(),
        new_lows=(close < pl.col("low_52w")).sum(),
    ).row(0, named=True)
    facts = dict(row)
    if not facts["known_52w"]:
        facts["new_highs"] = facts["new_lows"] = None
    up, down = facts["advances"], facts["declines"]
    facts["advance_decline_ratio"] = up / down if down else None
    score = sentiment(facts)
    facts["sentiment"] = score
    facts["sentiment_word"] = None if score is None else word(score)
    return facts


def sentiment(facts: dict[str, Any]) -> float | None:
    """Return one score from -100 to 100; None where nothing moved and no average is known.

    ``100 * (0.4 * (A - D) / (A + D) + 0.2 * (2 * p50 - 1) + 0.2 * (2 * p200 - 1)
    + 0.2 * (H - L) / (H + L))`` with advances A, declines D, the shares above their averages p50
    and p200, new highs H and lows L. A part that is not known is left out and the other weights
    are scaled to one. Our own score; see `docs/conventions.md`.
    """
    parts = {
        "moves": _balance(facts["advances"], facts["declines"]),
        "sma_50": _centred(facts["above_sma_50_pct"]),
        "sma_200": _centred(facts["above_sma_200_pct"]),
        "extremes": _balance(facts["new_highs"], facts["new_lows"]),
    }
    known = {name: value for name, value in parts.items() if value is not None}
    if not known:
        return None
    weight = sum(_WEIGHTS[name] for name in known)
    return 100.0 * sum(_WEIGHTS[name] * value for name, value in known.items()) / weight


def word(score: float) -> str:
    """Return the word for a sentiment score."""
    return next((text for limit, text in _WORDS if score >= limit), _LEAST)


def sectors(frame: pl.DataFrame) -> pl.DataFrame:
    """Return one row a sector, largest turnover first, symbols without a sector last.

    ``sector, symbols, advances, declines, mean_change_pct, weighted_change_pct, turnover,
    top_symbol``: the weight is turnover, the top symbol the best change in percent.
    """
    change, turnover = pl.col("change_pct"), pl.col("turnover")
    weighing = pl.when(change.is_not_null()).then(turnover)
    return (
        frame.with_columns(sector=pl.col("sector").fill_null(UNCLASSIFIED))
        .sort("symbol")
        .group_by("sector")
        .agg(
            symbols=pl.len(),
            advances=(pl.col("change") > 0).sum(),
            declines=(pl.col("change") < 0).sum(),
            mean_change_pct=change.mean(),
            weighted_change_pct=pl.when(weighing.sum() > 0).then(
                (change * turnover).sum() / weighing.sum()
            ),
            turnover=turnover.sum(),
            top_symbol=pl.col("symbol").sort_by(change, descending=True, nulls_last=True).first(),
        )
        .sort(
            pl.col("sector") == UNCLASSIFIED, "turnover", "sector", descending=[False, True, False]
        )
    )


def _balance(more: int | None, less: int | None) -> float | None:
    if more is None or less is None or more + less == 0:
        return None
    return (more - less) / (more + less)


def _centred(percent: float | None) -> float | None:
    return None if percent is None else percent / 50.0 - 1.0
