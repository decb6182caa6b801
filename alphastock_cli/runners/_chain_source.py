"""What the options runner asks a provider for: chains, spot, future, earlier closes and chains.

Everything that touches the provider is here; what is made of it is in `_chain_facts.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from alphastock_cli.domain.frames import TIME
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import NotOffered, ProviderError, UnknownName
from alphastock_cli.exchange import closes, indices
from alphastock_cli.runners._chain_facts import ChainOptions
from alphastock_cli.runners._underlying import chain_moment, chain_spot, nearest_expiry, spot_key

MARKETS = pl.Schema(
    {
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "as_of": TIME,  # what the chain is valid for
        "spot_key": pl.String(),  # what the spot was asked for; null where there is none
        "spot": pl.Float64(),
        "future": pl.Float64(),  # traded future of that expiry
        "asked": pl.Boolean(),  # the expiry the snapshot speaks of; the others stand beside it
        "listed": pl.List(pl.Date()),  # every expiry of the underlying at that moment
    }
)
CLOSES = pl.Schema(
    {
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "strike": pl.Float64(),
        "option_type": pl.String(),
        "previous_close": pl.Float64(),
    }
)
DAYS_AHEAD = 30  # in calendar days: the time ahead whose volatility has a history
_FUTURE_PRICES = ("last_price", "close")  # traded ones: a settlement is computed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a provider said of one underlying; frames as the runner's raw data hold them."""

    markets: list[dict[str, Any]]
    chains: list[pl.DataFrame]
    closes: list[pl.DataFrame]
    earlier: pl.DataFrame | None


def fetch(provider: MarketData, name: str, options: ChainOptions) -> Fetched:
    """Return what the options ask for of one underlying.

    Raises
    ------
    ProviderError, UnknownName
        The expiry that was asked for has no chain; others are left out.
    """
    as_of = chain_moment(provider, name)
    listed = sorted(provider.expiries(name))
    asked = options.expiry or nearest_expiry(name, listed, as_of=as_of, source=provider.name)
    earlier = _earlier(provider, name, as_of) if options.iv_history else None
    chains = {asked: _chain(provider, name, asked)}
    for day in _others(name, listed, as_of, options, ahead=earlier is not None):
        if day not in chains:
            try:
                chains[day] = _chain(provider, name, day)
            except (UnknownName, ProviderError):
                if day in options.others:
                    raise
    key = spot_key(name)
    spot = None if key is None else _spot(provider, key, name, as_of)
    futures = _futures(provider, name)
    markets = [
        {"underlying": name, "expiry": day, "as_of": as_of, "spot_key": key, "spot": spot,
         "future": _future(futures, day), "asked": day == asked, "listed": listed}
        for day in sorted(chains)
    ]  # fmt: skip
    return Fetched(
        markets=markets,
        chains=[chains[day] for day in sorted(chains)],
        closes=_closes(provider, name, sorted(chains)) if options.build_up else [],
        earlier=earlier,
    )


def _others(
    name: str, listed: Sequence[date], as_of: datetime, options: ChainOptions, *, ahead: bool
) -> list[date]:
    """Return the expiries to serve beside the one asked for; those that have ended never.

    With `ahead` also those about the time ahead whose volatility has a history.
    """
    exchange, today = closes.derivative_exchange(name), as_of.date()
    live = [
        day
        for day in listed
        if day > today or (day == today and closes.contract_close(exchange, day) > as_of)
    ]
    if options.every_expiry:
        return [*live, *options.others]
    found = list(options.others)
    if ahead:
        at = today + timedelta(days=DAYS_AHEAD)
        later = [day for day in live if day > today]
        found += [day for day in later if day <= at][-1:] + [day for day in later if day >= at][:1]
    return found


def _chain(provider: MarketData, name: str, expiry: date) -> pl.DataFrame:
    chain = provider.option_chain(name, expiry)
    if chain.is_empty():
        raise ProviderError(f"`{provider.name}` has no chain of {name} {expiry}")
    return chain.with_columns(underlying=pl.lit(name), expiry=pl.lit(expiry)).sort(
        "strike", "option_type", maintain_order=True
    )


def _spot(provider: MarketData, key: str, name: str, as_of: datetime) -> float | None:
    """Return the underlying's price: with the chain, its quote, an index's row of that day."""
    known = chain_spot(provider, name)
    if known is not None:
        return known
    held = None
    if Capability.QUOTES in provider.capabilities:
        held = provider.quotes([key]).get(key)
    if held is not None and held.last_price is not None:
        same_day = held.time.date() == as_of.date()
        return held.last_price if same_day else None
    index = indices.underlying_index(name)
    if index is None or Capability.INDICES_DAY not in provider.capabilities:
        return None
    day = as_of.date()
    rows = provider.indices_day(symbols=[index], start=day, end=day).collect()
    value: float | None = rows["close"][0] if rows.height else None
    return value


def _futures(provider: MarketData, name: str) -> pl.DataFrame | None:
    ask = getattr(provider, "futures", None)
    if ask is None:
        return None
    try:
        rows: pl.DataFrame = ask(name)
    except (NotOffered, UnknownName):
        return None
    return rows


def _future(rows: pl.DataFrame | None, expiry: date) -> float | None:
    """Return the price of the future of that expiry, where the provider has futures."""
    if rows is None:
        return None
    same = rows.filter(pl.col("expiry") == expiry)
    known = [column for column in _FUTURE_PRICES if column in same.columns]
    for row in same.select(known).iter_rows():
        return next((float(price) for price in row if price is not None), None)
    return None


def _closes(provider: MarketData, name: str, expiries: Sequence[date]) -> list[pl.DataFrame]:
    """Return the closes of the session before, where the provider knows them."""
    ask = getattr(provider, "previous_closes", None)
    found: list[pl.DataFrame] = []
    if ask is None:
        return found
    for day in expiries:
        rows: pl.DataFrame | None = ask(name, day)
        if rows is not None:
            named = rows.with_columns(underlying=pl.lit(name), expiry=pl.lit(day))
            found.append(named.select(CLOSES.names()).cast(CLOSES))
    return found


def _earlier(provider: MarketData, name: str, as_of: datetime) -> pl.DataFrame | None:
    """Return the chains of earlier sessions, None where the provider keeps none."""
    ask = getattr(provider, "earlier_chains", None)
    if ask is None:
        return None
    rows: pl.DataFrame = ask([name], before=as_of.date(), days_ahead=DAYS_AHEAD)
    return rows
