"""The last session of the shares whose days are kept: for a view, which asks nobody for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange import calendar
from alphastock_cli.providers.kite.day_book import last_final

_SHARES = 1  # the last byte of the numbers of NSE's shares; indices have another
_ENOUGH = 100  # shares: of fewer it is no breadth of a market
_OTHER_SERIES = r"-[A-Z][A-Z0-9]$"


def kept_session(file: Path, moment: datetime, grace: timedelta) -> pl.DataFrame | None:
    """Return ``symbol, date, close, previous_close`` of the last session before `moment`.

    Of NSE's shares of series EQ and BE alone; the previous close is null where the session before
    is not kept. None where too few are kept, or the file cannot be read. No network.

    Parameters
    ----------
    file : Path
        What `kept_days.KeptDays` writes.
    grace : timedelta
        How long after its end a session is believed to be complete.
    """
    day = last_final(Exchange.NSE, moment - grace)
    try:
        before = calendar.previous_session(calendar.Segment.EQUITY, day)
        rows = pl.scan_parquet(file).filter(pl.col("date").is_in([day, before])).select(
            "token", "key", "date", "close"
        ).collect()  # fmt: skip
    except (OSError, OutOfRange, pl.exceptions.PolarsError):
        return None
    shares = rows.filter(pl.col("token").mod(256) == _SHARES).with_columns(
        symbol=pl.col("key").str.strip_prefix("NSE:").str.replace("-BE$", "")
    )
    shares = shares.filter(~pl.col("symbol").str.contains(_OTHER_SERIES))
    last, earlier = shares.filter(date=day), shares.filter(date=before)
    if last.height < _ENOUGH:
        return None
    known = earlier.select("token", previous_close="close")
    made = last.join(known, on="token", how="left").sort("symbol")
    return made.select("symbol", "date", "close", "previous_close")
