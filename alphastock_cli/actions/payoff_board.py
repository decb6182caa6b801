"""The chains a structure is made from: each expiry read once, when first needed.

Turns the words of a strike into a listed one. Which legs a structure has is decided by who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.chain import read
from alphastock_cli.actions.option_words import (
    Rate,
    expiry_named,
    listed,
    underlying_named,
)
from alphastock_cli.analytics import selection
from alphastock_cli.analytics.leg_words import Place, Unit
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import NotOffered, ProviderError, UnknownName, UsageError
from alphastock_cli.exchange import closes
from alphastock_cli.exchange.daycount import years_left
from alphastock_cli.runners._underlying import chain_moment

_NEAR = 3
_TRADED = ("last_price", "close")  # a settlement is computed, and no price of anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """A listed future: its price in rupees (None: not known) and whence, and its lot."""

    symbol: str = ""
    price: float | None = None
    source: str | None = None
    lot: int | None = None


class Board:
    """Expiries, chains and futures of one underlying at one moment.

    Parameters
    ----------
    underlying : str
        In any spelling.
    max_age : float or None
        Seconds; older chains are refused.

    Raises
    ------
    NotOffered, UnknownName, ProviderError
        The provider has no chains, or none of this underlying.
    """

    def __init__(
        self,
        provider: MarketData,
        clock: Clock,
        underlying: str,
        rate: Rate,
        *,
        max_age: float | None = None,
    ) -> None:
        self.provider, self.clock, self.rate, self.max_age = provider, clock, rate, max_age
        self.name = underlying_named(underlying, provider)
        self.days = listed(provider, self.name)
        self.as_of: datetime = chain_moment(provider, self.name)
        self.exchange = closes.derivative_exchange(self.name)
        self.notes: list[str] = []
        self._read: dict[date, Snapshot] = {}
        self._futures: Mapping[date, Future] | None = None

    def expiry(self, word: str) -> date:
        """Return the option expiry a word or date means; empty is the nearest that has not ended.

        Raises
        ------
        UnknownName, UsageError
            It is not listed.
        """
        plain = "" if word == "nearest" else word
        return expiry_named(plain, self.name, self.days, as_of=self.as_of)

    def facts(self, expiry: date) -> Mapping[str, Any]:
        """Return the summary of a chain, reading it when first asked for."""
        if expiry not in self._read:
            held = read(self.provider, self.clock, self.name, expiry, self.rate)
            check_age(held.as_of, self.clock, self.max_age)
            self._read[expiry] = held
        return self._read[expiry].facts

    def rows(self, expiry: date) -> pl.DataFrame:
        """Return the enriched rows of a chain."""
        frame: pl.DataFrame = self.facts(expiry)["chain"]
        return frame

    @property
    def seen(self) -> dict[date, Mapping[str, Any]]:
        """The summaries of the chains read so far, nearest first."""
        return {day: self._read[day].facts for day in sorted(self._read)}

    @property
    def futures(self) -> Mapping[date, Future]:
        """The listed futures by expiry; empty where the provider has none."""
        if self._futures is None:
            self._futures = _futures(self.provider, self.name)
        return self._futures

    def ends(self, expiry: date) -> datetime:
        """Return the moment contracts of an expiry end."""
        return closes.contract_close(self.exchange, expiry)

    def years(self, moment: datetime) -> float:
        """Return the years from the board's moment to another, as the volatilities count them."""
        return years_left(self.exchange, self.as_of, moment, self.rate.daycount)

    def strikes(self, expiry: date) -> list[float]:
        """Return the listed strikes, ascending."""
        return sorted(set(self.rows(expiry)["strike"]))

    def atm(self, expiry: date) -> float:
        """Return the strike at the money.

        Raises
        ------
        ProviderError
            The forward is not known.
        """
        found: float | None = self.facts(expiry)["atm_strike"]
        if found is None:
            raise self._unknown(expiry, "the forward is", "what is at the money")
        return found

    def strike(self, expiry: date, place: Place, kind: str) -> float:
        """Return the listed strike that a place means.

        Raises
        ------
        UnknownName
            A strike that is not listed; the nearest are named.
        ProviderError
            What the place hangs on is not known: forward, delta, volatility.
        UsageError
            So many strikes away there is none.
        """
        if place.base == "strike":
            return self._listed(expiry, place.value)
        if place.base == "delta":
            found = selection.strike_by_delta(self.rows(expiry), kind, place.value)
            if found is None:
                raise self._unknown(expiry, f"the deltas of {kind} are", "a strike by its delta")
            return found
        if place.base == "premium":
            found = selection.strike_by_premium(self.rows(expiry), kind, place.value)
            if found is None:
                raise self._unknown(expiry, f"the prices of {kind} are", "a strike by its premium")
            return found
        return self._from_the_money(expiry, place)

    def near(self, expiry: date, level: float) -> float:
        """Return the listed strike nearest to a level, and note where it is another one."""
        found = selection.strike_nearest(self.rows(expiry), level)
        if found != level:
            self.notes.append(f"no strike {level:,g} is listed for {expiry}: {found:,g} is taken")
        return found

    def _from_the_money(self, expiry: date, place: Place) -> float:
        atm, facts, chain = self.atm(expiry), self.facts(expiry), self.rows(expiry)
        if place.unit is Unit.RUPEES:
            return self.near(expiry, atm + place.value)
        if place.unit is Unit.PERCENT:
            return selection.strike_by_moneyness(chain, facts["forward"], place.value)
        if place.unit is Unit.SIGMAS:
            if facts["atm_iv"] is None:
                raise self._unknown(expiry, "the volatility is", "a standard deviation")
            return selection.strike_by_sigma(
                chain, facts["forward"], facts["atm_iv"], facts["years"], place.value
            )
        steps = self.strikes(expiry)
        if place.value != int(place.value):
            raise UsageError(f"atm{place.value:+g}s: strikes are counted in whole ones")
        index = steps.index(atm) + int(place.value)
        if not 0 <= index < len(steps):
            raise UsageError(
                f"atm{place.value:+g}s: {self.name} {expiry} lists {len(steps)} strikes,"
                f" {steps[0]:,g} to {steps[-1]:,g}"
            )
        return steps[index]

    def _listed(self, expiry: date, strike: float) -> float:
        steps = self.strikes(expiry)
        if strike in steps:
            return strike
        close = sorted(sorted(steps, key=lambda each: abs(each - strike))[:_NEAR])
        near = ", ".join(f"{each:g}" for each in close)
        raise UnknownName(
            f"{self.name} {expiry} lists no strike {strike:g}", hint=f"The nearest are {near}."
        )

    def _unknown(self, expiry: date, what: str, wanted: str) -> ProviderError:
        return ProviderError(
            f"{what} not known for {self.name} {expiry}, so nobody can say {wanted}",
            hint="Give strikes in rupees, e.g. +24000CE.",
        )


def _futures(provider: MarketData, name: str) -> dict[date, Future]:
    ask = getattr(provider, "futures", None)
    if ask is None:
        return {}
    try:
        rows: pl.DataFrame = ask(name)
    except (NotOffered, UnknownName):
        return {}
    return {row["expiry"]: _future(row) for row in rows.sort("expiry").iter_rows(named=True)}


def _future(row: Mapping[str, Any]) -> Future:
    """Return a future with the mid of a two-sided quote, else its last trade."""
    bid, ask = row.get("bid"), row.get("ask")
    last = next((row[name] for name in _TRADED if row.get(name) is not None), None)
    price, source = last, None if last is None else "last"
    if bid is not None and ask is not None and 0 < bid < ask:
        price, source = (bid + ask) / 2.0, "mid"
    return Future(
        symbol=row.get("tradingsymbol") or "", price=price, source=source, lot=row.get("lot_size")
    )
