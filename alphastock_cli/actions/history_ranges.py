"""What the lake's end-of-day rows say of a symbol's days: ranges that its candles have to lie in.

They are as the exchange published them, of another source than the candles, so they can speak for
or against an answer of which nothing is stored yet.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from alphastock_cli.analytics.breaks import detect
from alphastock_cli.domain.frames import collect
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar, indices
from alphastock_cli.store.candle_names import is_index
from alphastock_cli.store.lake import Lake

_RANGES = pl.Schema({"date": pl.Date, "high": pl.Float64, "low": pl.Float64, "settled": pl.Boolean})
_SHARES = ["date", "exchange", "symbol", "series", "previous_close", "open", "high", "low", "close"]


def ranges(lake: Lake, row: dict[str, Any], symbol: str, first: date, today: date) -> pl.DataFrame:
    """Return ``date, high, low, settled`` of a symbol from a day on; empty where nothing is held.

    Parameters
    ----------
    row : dict
        Of the list of instruments: ``exchange, underlying, expiry, strike, option_type``.
    symbol : str
        As its candles are stored.

    Returns
    -------
    DataFrame
        Prices in rupees as published. ``settled`` where no split is known since, nor one can have
        been missed: of a share only while every session from there to today is held.
    """
    exchange = Exchange(row["exchange"])
    if row.get("expiry") is not None:
        return _contract(lake, row, first)
    if is_index(symbol, exchange):
        held = _held(lake, "indices_day", ["date", "high", "low"], first,
                     exchange=exchange.value, symbol=symbol)  # fmt: skip
        return _made(held, settled=pl.lit(value=True))
    held = _held(lake, "equities_day", _SHARES, first, exchange=exchange.value, symbol=symbol)
    if held.is_empty():
        return _made(held, settled=pl.lit(value=False))
    since = _settled_since(lake, held, exchange, first, today)
    settled = pl.lit(value=False) if since is None else pl.col("date") >= since
    return _made(held, settled=settled)


def _contract(lake: Lake, row: dict[str, Any], first: date) -> pl.DataFrame:
    """Return the days of a future or an option; those of shares change with their underlying."""
    names = {"exchange": row["exchange"], "symbol": row["underlying"], "expiry": row["expiry"]}
    dataset = "futures_day"
    if row["option_type"] is not None:
        names |= {"strike": row["strike"], "option_type": row["option_type"]}
        dataset = "options_day"
    held = _held(lake, dataset, ["date", "high", "low"], first, **names)
    steady = indices.canonical_index(str(row["underlying"])) in indices.index_names()
    return _made(held, settled=pl.lit(value=steady))


def _held(lake: Lake, dataset: str, columns: list[str], first: date, **names: Any) -> pl.DataFrame:  # noqa: ANN401 - as the columns
    if not lake.files(dataset):
        return pl.DataFrame(schema=dict.fromkeys(columns))
    rows = lake.scan(dataset, start=first)
    kept = rows.filter(*(pl.col(name) == value for name, value in names.items()))
    return collect(kept.select(columns), what=dataset)


def _made(rows: pl.DataFrame, *, settled: pl.Expr) -> pl.DataFrame:
    """Return one range a day, the widest where a share was traded in two series."""
    if rows.is_empty():
        return pl.DataFrame(schema=_RANGES)
    known = rows.drop_nulls(["high", "low"]).group_by("date")
    frame = known.agg(pl.col("high").max(), pl.col("low").min()).sort("date")
    return frame.with_columns(settled=settled).select(list(_RANGES)).cast(_RANGES)


def _settled_since(
    lake: Lake, rows: pl.DataFrame, exchange: Exchange, first: date, today: date
) -> date | None:
    """Return the day from which on no split can be; None where one may be coming unseen."""
    days = set(rows["date"])
    try:
        sessions = calendar.sessions(calendar.segment_of(exchange), first, today)
    except OutOfRange:
        return None
    if not sessions or sessions[-1] not in days:
        return None
    gaps = [day for day in sessions if day not in days]
    breaks: set[date] = set(detect(rows)["ex_date"])
    if lake.files("adjustments"):
        told = lake.scan("adjustments").filter(
            pl.col("symbol") == rows["symbol"][0], pl.col("ex_date") >= first
        )
        breaks |= set(collect(told, what="adjustments")["ex_date"])
    return max([first, *gaps, *breaks])
