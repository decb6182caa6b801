"""What the session before says of a chain: closes by Kite's quotes, open interest by the lake.

Kite does not tell yesterday's open interest; where the exchange's file of that day was loaded, the
change since then is known. Nothing is asked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.frames import collect
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar, closes
from alphastock_cli.store.lake import Lake

_KEYS = ("strike", "option_type")


def is_told(underlying: str, now: datetime) -> bool:
    """Tell whether the close in a quote is known to be that of the session before.

    On the morning of a session, until it opens, nothing says which of two sessions Kite means.
    """
    segment = calendar.segment_of(closes.derivative_exchange(underlying))
    try:
        today = calendar.is_session(segment, now.date())
        return not today or calendar.latest_session(segment, now).day == now.date()
    except OutOfRange:
        return False


def closes_of(rows: pl.DataFrame, quotes: Mapping[str, Quote]) -> pl.DataFrame:
    """Return ``strike, option_type, previous_close`` of the contracts whose quote tells it."""
    keys = [f"{row['exchange']}:{row['tradingsymbol']}" for row in rows.iter_rows(named=True)]
    found = [held.previous_close if (held := quotes.get(key)) else None for key in keys]
    told = pl.Series("previous_close", found, dtype=pl.Float64)
    return rows.select(*_KEYS, told).filter(told.is_not_null())


def with_oi_change(
    chain: pl.DataFrame, lake: Lake, underlying: str, expiry: date, session: date
) -> pl.DataFrame:
    """Return the chain with `oi_change` in units, null where the day before is not stored."""
    exchange = closes.derivative_exchange(underlying)
    try:
        before = calendar.previous_session(calendar.segment_of(exchange), session)
    except OutOfRange:
        return chain
    stored = lake.scan("options_day", start=before, end=before).filter(
        symbol=underlying, exchange=exchange.value, expiry=expiry
    )
    was = collect(stored.select(*_KEYS, was="open_interest"), what="options_day")
    joined = chain.join(was.unique(_KEYS), on=_KEYS, how="left", maintain_order="left")
    return joined.with_columns(oi_change=pl.col("open_interest") - pl.col("was")).drop("was")
