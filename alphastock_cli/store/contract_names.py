"""Names of option contracts as the broker writes them: NIFTY24DEC24000CE, NIFTY2580724400CE.

A contract that expires last in its month is named by the month, another one by its day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from alphastock_cli.errors import OutOfRange

_MONTHS = "123456789OND"


def option_names(underlying: str, expiry: date, *, monthly: bool) -> pl.Expr:
    """Return the names of contracts, out of the columns ``strike`` and ``option_type``."""
    form = f"{expiry:%b}".upper() if monthly else f"{_MONTHS[expiry.month - 1]}{expiry:%d}"
    strike = pl.col("strike")
    whole = strike.cast(pl.Int64).cast(pl.String)
    text = pl.when(strike == strike.floor()).then(whole).otherwise(strike.cast(pl.String))
    return pl.concat_str(pl.lit(f"{underlying}{expiry:%y}{form}"), text, "option_type")


def last_of_month(expiry: date, listed: Iterable[date]) -> bool:
    """Tell whether an expiry is the last listed one of its month."""
    month = (expiry.year, expiry.month)
    return expiry == max(day for day in listed if (day.year, day.month) == month)


def is_monthly(underlying: str, expiry: date, listed: Iterable[date], on: date) -> bool:
    """Tell whether an expiry is its month's last: by the rules, else among those listed.

    A collector may keep the nearest expiries only, of which the last need not be the month's.
    """
    from alphastock_cli.exchange import expiries  # its tables are not needed for equities

    try:
        if expiries.has_rules(underlying):
            kinds = {each.day: each.kind for each in expiries.listed_expiries(underlying, on)}
            if expiry in kinds:
                return kinds[expiry] != "weekly"
    except OutOfRange:
        pass  # the rules do not reach that day: the list has to do
    return last_of_month(expiry, listed)
