"""Which shares have futures or options at the provider's moment: it decides when they close.

Only what is listed is looked at; hours and auctions are dated rows of `exchange/`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.errors import NotOffered, OutOfRange, ProviderError, UnknownName

CASH = frozenset({Exchange.NSE, Exchange.BSE})
_FORTNIGHT = timedelta(days=14)


def underlyings(provider: MarketData) -> frozenset[str] | None:
    """Return the symbols that have listed contracts, indices among them; None where nobody knows.

    By the list of contracts, else by the futures of the last stored session of a fortnight; a
    provider that has a method ``underlyings`` is asked for that instead.
    """
    quick = getattr(provider, "underlyings", None)
    if quick is not None:
        return frozenset(quick()) or None
    day = provider.as_of().date()
    try:
        listed = provider.instruments(Exchange.NFO)
        alive = listed.filter(pl.col("expiry") >= day)["underlying"].drop_nulls()
        if alive.is_empty() and Capability.FUTURES_DAY in provider.capabilities:
            rows: pl.LazyFrame = provider.futures_day(  # type: ignore[attr-defined]  # by capability
                exchange=Exchange.NFO, start=day - _FORTNIGHT, end=day
            )
            last = rows.filter(pl.col("date") == pl.col("date").max()).select("symbol")
            alive = last.collect()["symbol"]
    except (NotOffered, OutOfRange, ProviderError, UnknownName):
        return None
    return frozenset(alive.unique()) or None


def has_derivatives(symbol: str, exchange: Exchange, known: frozenset[str] | None) -> bool | None:
    """Return whether a share is among the `underlyings`; None where that is not known."""
    return None if known is None or exchange not in CASH else symbol in known


def early_close(instrument: Instrument, at: datetime) -> str:
    """Return what to say of a share of which it matters and nobody knows; "" for any other."""
    if instrument.asset_type is not AssetType.EQUITY or instrument.has_derivatives is not None:
        return ""
    from alphastock_cli.exchange import rules  # a scan needs no tables of contracts

    try:
        day, _, early = rules.session_of(instrument, at, has_derivatives=True)
        late = rules.session_close(instrument, day, has_derivatives=False)
    except OutOfRange:
        return ""
    if early is None or early == late:
        return ""
    return (
        f"{instrument.key}: no list of contracts says whether it has futures or options; it is"
        f" taken to close with those that have, at {early:%H:%M}"
    )
