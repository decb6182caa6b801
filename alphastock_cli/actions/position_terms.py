"""Which listed contract a row of positions means: by the instrument lists, else by the chains.

A provider is asked once for each list and each underlying, however many rows there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from alphastock_cli.actions.option_words import underlying_named
from alphastock_cli.actions.position_rows import Position
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import (
    NotOffered,
    OutOfRange,
    ProviderError,
    TransientError,
    UnknownName,
)
from alphastock_cli.exchange import contracts

_EXCHANGES = (Exchange.NFO, Exchange.BFO, Exchange.MCX, Exchange.CDS)
_TERMS = ("tradingsymbol", "underlying", "expiry", "strike", "option_type")
_LETTERS = re.compile(r"[^0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A contract, or a share, by what it is."""

    underlying: str
    kind: LegKind
    expiry: date | None = None
    strike: float | None = None


class Contracts:
    """The contracts a provider lists, looked up by tradingsymbol."""

    def __init__(self, provider: MarketData, rows: Iterable[Position]) -> None:
        self._provider = provider
        wanted = {row.tradingsymbol for row in rows if row.tradingsymbol and not row.problem}
        self._known = self._listed(wanted)
        self._walked: set[str] = set()

    def find(self, row: Position) -> Terms | None:
        """Return what a row means; None where nothing of that name is listed."""
        if not row.tradingsymbol:
            assert row.kind is not None
            share = row.kind is LegKind.SHARE
            name = row.underlying if share else self.named(row.underlying)
            return Terms(underlying=name, kind=row.kind, expiry=row.expiry, strike=row.strike)
        symbol = row.tradingsymbol
        if symbol not in self._known and row.kind is not LegKind.SHARE:
            self._walk(symbol)
        if symbol in self._known:
            return self._known[symbol]
        share = row.kind in {None, LegKind.SHARE} and self._is_share(symbol)
        return Terms(underlying=symbol, kind=LegKind.SHARE) if share else None

    def named(self, underlying: str) -> str:
        """Return the symbol of the contracts on an underlying, an index in any spelling."""
        return underlying_named(underlying, self._provider)

    def _listed(self, wanted: set[str]) -> dict[str, Terms]:
        found: dict[str, Terms] = {}
        if Capability.INSTRUMENTS not in self._provider.capabilities:
            return found
        for exchange in _EXCHANGES:
            if not wanted - found.keys():
                break
            frame = self._provider.instruments(exchange)
            mine = frame.filter(pl.col("tradingsymbol").is_in(list(wanted)))
            for symbol, name, expiry, strike, kind in mine.select(_TERMS).iter_rows():
                if name is not None and expiry is not None:
                    found[symbol] = _terms(name, expiry, strike, kind)
        return found

    def _walk(self, symbol: str) -> None:
        """Take in every contract of the underlyings the symbol may begin with."""
        letters = _LETTERS.match(symbol)
        names = {name for name in contracts.symbols() if symbol.startswith(name)}
        names |= {letters[0]} if letters and letters[0] != symbol else set()
        for name in sorted(names - self._walked, key=len, reverse=True):
            self._walked.add(name)
            try:
                self._take_in(name)
            except TransientError:
                raise
            except (UnknownName, ProviderError, OutOfRange):
                continue  # the row says so: no such contract

    def _take_in(self, name: str) -> None:
        listed = self._provider.expiries(name)
        for day in listed:
            frame = self._provider.option_chain(name, day).select(_TERMS)
            for symbol, _, expiry, strike, kind in frame.iter_rows():
                self._known.setdefault(symbol, _terms(name, expiry, strike, kind))
        # a future ends with the month's last options; where none is stored they are its price
        lasts = {(day.year, day.month): day for day in sorted(listed)}
        for day in (*futures(self._provider, name), *lasts.values()):
            self._known.setdefault(f"{name}{day:%y%b}FUT".upper(), _terms(name, day, None, None))

    def _is_share(self, symbol: str) -> bool:
        return spot_of_share(self._provider, symbol) is not None


def futures(provider: MarketData, underlying: str) -> dict[date, float | None]:
    """Return the traded price of each listed future, rupees; empty where there are none."""
    ask = getattr(provider, "futures", None)
    if ask is None:
        return {}
    try:
        rows: pl.DataFrame = ask(underlying)
    except (NotOffered, UnknownName):
        return {}
    price = "last_price" if "last_price" in rows.columns else "close"
    return dict(rows.select("expiry", price).iter_rows())


def spot_of_share(provider: MarketData, symbol: str) -> float | None:
    """Return the last price of a share, rupees; None where nobody quotes it."""
    if Capability.QUOTES not in provider.capabilities:
        return None
    for exchange in ("NSE", "BSE"):
        key = f"{exchange}:{symbol}"
        try:
            held = provider.quotes([key]).get(key)
        except (UnknownName, ProviderError) as error:
            if isinstance(error, TransientError):
                raise
            continue
        if held is not None and held.last_price is not None:
            return held.last_price
    return None


def _terms(name: str, expiry: date, strike: float | None, kind: str | None) -> Terms:
    chosen = LegKind(kind) if kind in {"CE", "PE"} else LegKind.FUTURE
    return Terms(underlying=name, kind=chosen, expiry=expiry, strike=strike)
