"""What an option chain hangs on: the moment it is valid for, its expiry, the key of its spot.

No plug-in: helpers of the options runner and of the commands that name an expiry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import MarketData
from alphastock_cli.errors import ProviderError
from alphastock_cli.exchange import closes, indices


def chain_moment(provider: MarketData, underlying: str) -> datetime:
    """Return the moment a provider's chain of an underlying is valid for.

    A store may hold later sessions of one market than of another and then says so itself.
    """
    own = getattr(provider, "chain_as_of", None)
    moment: datetime = provider.as_of() if own is None else own(underlying)
    return moment


def chain_spot(provider: MarketData, underlying: str) -> float | None:
    """Return the underlying's price that came with a provider's chain, where there is one.

    It is of the chain's own moment, which a quote need not be.
    """
    own = getattr(provider, "chain_spot", None)
    spot: float | None = None if own is None else own(underlying)
    return spot


def nearest_expiry(
    underlying: str, listed: Sequence[date], *, as_of: datetime, source: str
) -> date:
    """Return the first listed expiry that has not ended by `as_of`, else the last one.

    Raises
    ------
    ProviderError
        None is listed.
    """
    if not listed:
        raise ProviderError(f"`{source}` lists no options of {underlying}")
    exchange = closes.derivative_exchange(underlying)
    for day in sorted(listed):
        if day > as_of.date() or closes.contract_close(exchange, day) > as_of:
            return day
    return max(listed)


def spot_key(underlying: str) -> str | None:
    """Return the key the spot of an underlying is quoted under; None for commodity and currency."""
    exchange = closes.derivative_exchange(underlying)
    cash = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}.get(exchange)
    name = indices.underlying_index(underlying) or underlying
    return None if cash is None else f"{cash}:{name}"
