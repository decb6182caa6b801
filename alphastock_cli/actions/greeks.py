"""Greeks of one contract: of typed-in numbers, or of one a provider lists.

Typed-in numbers need no provider: only the hours of the contract's last day and a clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from typing import Any

import numpy as np
import polars as pl

from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.chain import ended_since, read, warnings
from alphastock_cli.actions.option_words import Rate, listed, offers_chains, underlyings
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics.greeks import (
    FIRST_ORDER,
    SECOND_ORDER,
    Basis,
    sensitivities,
    solve,
)
from alphastock_cli.domain.frames import INSTRUMENTS
from alphastock_cli.domain.instrument import Exchange, OptionType
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.errors import UnknownName, UsageError
from alphastock_cli.exchange import calendar, closes, contracts
from alphastock_cli.exchange.daycount import years_left

_TAIL = ("price", "iv", "iv_status", *FIRST_ORDER)
_MOST_VOL = 10.0
_EXCHANGES = (Exchange.NFO, Exchange.BFO, Exchange.MCX, Exchange.CDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Numbers a person typed in; None is what was not given.

    One of `forward` and `spot`, one of `price` and `vol` (0.15 is 15 %); rupees. `exchange` says
    whose hours the last day has.
    """

    strike: float
    expiry: date
    option_type: OptionType
    forward: float | None = None
    spot: float | None = None
    price: float | None = None
    vol: float | None = None
    exchange: Exchange = Exchange.NFO

    def __post_init__(self) -> None:
        """Refuse what is contradictory, missing, or no price of any market."""
        if (self.forward is None) == (self.spot is None):
            raise UsageError("give one of --forward and --spot")
        if (self.price is None) == (self.vol is None):
            raise UsageError("give one of --price (to find its volatility) and --vol")
        for name in ("forward", "spot", "strike", "price"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"--{name} {value}: give a number above 0")
        if self.vol is not None and not 0 < self.vol <= _MOST_VOL:
            raise UsageError(
                f"--vol {self.vol}: give a volatility above 0, at most {_MOST_VOL:.0%}",
                hint="15 % is 0.15 or 15%.",
            )


def typed(given: Typed, rate: Rate, *, now: datetime, second_order: bool = False) -> Result:
    """Return the price or the volatility of a contract, and its Greeks, at a moment."""
    ends = closes.contract_close(given.exchange, given.expiry)
    years = years_left(given.exchange, now, ends, rate.daycount)
    carry = math.exp(rate.value * years)
    forward = given.forward if given.spot is None else given.spot * carry
    assert forward is not None
    spot = given.spot if given.spot is not None else _spot(forward, carry, rate)
    basis = Basis(forward=forward, years=years, rate=rate.value, model=rate.model)
    row: dict[str, Any] = {
        "forward": forward, "spot": spot, "strike": given.strike, "expiry": given.expiry,
        "option_type": given.option_type.value, "years": years, "rate": rate.value,
        "model": rate.model,
    }  # fmt: skip
    row |= _valued(given, basis, second_order=second_order)
    notes = [] if years > 0 else [f"the contract ended at {ends:%Y-%m-%d %H:%M}"]
    notes += _closed(given)
    return Result(
        kind="greeks",
        rows=[row],
        summary={
            "model": rate.model, "rate": rate.value, "rate_source": rate.source,
            "daycount": rate.daycount,
            "forward_source": "given" if given.spot is None else "spot", "expires_at": ends,
            "days_to_expiry": (given.expiry - now.date()).days,
        },
        as_of=now,
        source="typed in",
        warnings=tuple(notes),
    )  # fmt: skip


def contract(
    provider: MarketData,
    clock: Clock,
    symbol: str,
    rate: Rate,
    *,
    second_order: bool = False,
    max_age: float | None = None,
) -> Result:
    """Return the Greeks of one listed contract by its tradingsymbol.

    Raises
    ------
    UnknownName
        The provider lists no such contract; the nearest ones are named.
    NotOffered
        It has no option chains.
    """
    offers_chains(provider)
    wanted = symbol.strip().upper().rpartition(":")[2]
    underlying, expiry = find(provider, wanted)
    held = read(provider, clock, underlying, expiry, rate, second_order=second_order)
    check_age(held.as_of, clock, max_age)
    facts = dict(held.facts)
    frame: pl.DataFrame = facts.pop("chain")
    row = frame.filter(pl.col("tradingsymbol") == wanted).row(0, named=True)
    names = [*_TAIL, *(SECOND_ORDER if second_order else ())]
    inputs = {
        **{name: row[name] for name in ("tradingsymbol", "underlying")},
        **{name: facts[name] for name in ("forward", "spot")},
        **{name: row[name] for name in ("strike", "expiry", "option_type")},
        **{name: facts[name] for name in ("years", "rate", "model")},
    }
    spoken = ("model", "rate", "rate_source", "daycount", "forward_source", "forward_pairs",
              "expires_at", "days_to_expiry", "lot_size", "atm_iv")  # fmt: skip
    return Result(
        kind="greeks",
        rows=[inputs | {name: row[name] for name in names}],
        summary={
            **{name: facts[name] for name in spoken},
            **{name: row[name] for name in ("price_source", "moneyness", "last_price", "bid",
                                            "ask", "open_interest")},
        },
        as_of=held.as_of,
        source=provider.name,
        simulated=provider.simulated,
        warnings=(*ended_since(facts, clock), *warnings(facts)),
    )  # fmt: skip


def find(provider: MarketData, symbol: str) -> tuple[str, date]:
    """Return underlying and expiry of a listed contract.

    By the provider's instrument lists where those hold options, else by walking the chains of the
    underlyings whose name the symbol begins with, longest name and nearest expiry first.
    """
    seen: set[str] = set()
    for exchange in _EXCHANGES:
        frame = _options(provider, exchange)
        seen |= set(frame["tradingsymbol"])
        row = frame.filter(pl.col("tradingsymbol") == symbol)
        if row.height and row["expiry"][0] is not None:
            return row["underlying"][0], row["expiry"][0]
    known = {*contracts.symbols(), *underlyings(provider)}
    begins = sorted((name for name in known if symbol.startswith(name)), key=len, reverse=True)
    for name in begins:
        for expiry in provider.expiries(name):
            held = set(provider.option_chain(name, expiry)["tradingsymbol"])
            if symbol in held:
                return name, expiry
            seen |= held
    for name in begins:
        listed(provider, name)  # says so where it has none of that underlying
    hint = "e.g. NIFTY26DEC24000CE: underlying, expiry, strike, CE or PE, as the exchange lists it."
    raise UnknownName.of("contract", symbol, _alike(symbol, seen), hint=hint)


def _alike(symbol: str, seen: Iterable[str]) -> list[str]:
    """Return the contracts that begin most like `symbol`: same underlying, expiry, first digits."""
    by_length: dict[int, list[str]] = {0: []}
    for name in sorted(seen):
        pairs = zip(symbol, name, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        by_length.setdefault(same, []).append(name)
    return by_length[max(by_length)]


def _options(provider: MarketData, exchange: Exchange) -> pl.DataFrame:
    if Capability.INSTRUMENTS not in provider.capabilities:
        return pl.DataFrame(schema=INSTRUMENTS)
    return provider.instruments(exchange).filter(pl.col("option_type").is_not_null())


def _valued(given: Typed, basis: Basis, *, second_order: bool) -> dict[str, Any]:
    """Return price, volatility and Greeks of the typed-in contract; null where there is none."""
    names = [*FIRST_ORDER, *(SECOND_ORDER if second_order else ())]
    empty = {"price": given.price, "iv": None, "iv_status": "expired", **dict.fromkeys(names)}
    if basis.years <= 0:
        return empty
    strike, calls = np.array([given.strike]), np.array([given.option_type is OptionType.CE])
    vol, word = given.vol, "ok"
    if given.price is not None:
        found, words = solve(np.array([given.price]), strike, calls, basis)
        vol, word = float(found[0]), words[0]
    assert vol is not None
    if math.isnan(vol) and word != "no_time_value":
        return empty | {"iv_status": word}
    at = 0.0 if math.isnan(vol) else vol
    made = sensitivities(strike, np.array([at]), calls, basis, second_order=second_order)
    numbers = {name: _known(float(made[name][0])) for name in names}
    price = given.price if given.price is not None else _known(float(made["price"][0]))
    return {"price": price, "iv": _known(vol), "iv_status": word, **numbers}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _spot(forward: float, carry: float, rate: Rate) -> float | None:
    """Return the spot the model stands on; Black-76 needs none."""
    return forward / carry if rate.model == "bsm" else None


def _closed(given: Typed) -> list[str]:
    """Say so where the calendar holds the expiry closed: nothing can expire that day."""
    segment = calendar.segment_of(given.exchange)
    first, last = calendar.reach(segment)
    if not first <= given.expiry <= last or calendar.is_session(segment, given.expiry):
        return []
    return [f"{given.expiry} is no session of {given.exchange}: regular hours are taken"]
