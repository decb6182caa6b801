"""The words of option commands: an underlying in any spelling, an expiry, a rate.

Shared by the commands about options; what a provider lists is the measure, not a pattern of names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from alphastock_cli.analytics.chain import LIMITS, Limits
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.ports import Capability, MarketData
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import (
    AlphaStockError,
    NotOffered,
    ProviderError,
    UnknownName,
    UsageError,
    nearest,
)
from alphastock_cli.exchange import contracts, indices
from alphastock_cli.exchange.daycount import DAYCOUNTS, Daycount
from alphastock_cli.exchange.expiry_life import ROLL_SESSIONS, kind_of
from alphastock_cli.pricing.black76 import Model
from alphastock_cli.registry import PROVIDERS
from alphastock_cli.runners._underlying import nearest_expiry
from alphastock_cli.runners.options import DEFAULT_RATE

MODELS: tuple[Model, ...] = ("black76", "bsm")
NSE_RATE = 0.10
_MOST_RATE = 1.0
_WORDS = ("next", "weekly", "monthly")
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How options are measured.

    A rate per year, continuous, who chose it, the model it is used in, how time counts, which
    prices are believed, and how many sessions before the last one a position is to be rolled.
    """

    value: float = DEFAULT_RATE
    source: str = "default"
    model: Model = "black76"
    daycount: Daycount = "act365"
    limits: Limits = LIMITS
    roll_sessions: int = ROLL_SESSIONS


_DEFAULT = Rate()


def parse_rate(
    text: str, model: str = "", daycount: str = "", *, otherwise: Rate = _DEFAULT
) -> Rate:
    """Return the rate of ``0.07``, ``7%``, ``0`` or ``nse``, with model and count of days.

    ``nse`` is what the exchange's own pages use: Black-Scholes on the spot at 10 %.

    Parameters
    ----------
    otherwise : Rate
        What holds where a text is empty: the configuration.

    Raises
    ------
    UsageError
        No number, one that is no yearly rate, or a model that contradicts ``nse``.
    UnknownName
        No such model or way of counting days.
    """
    chosen, counted = model.strip().lower(), daycount.strip().lower()
    if chosen and chosen not in MODELS:
        raise UnknownName.of("model", model, MODELS, hint=f"Known: {', '.join(MODELS)}.")
    asked: Model | None = next((name for name in MODELS if name == chosen), None)
    if counted and counted not in DAYCOUNTS:
        hint = f"Known: {', '.join(DAYCOUNTS)}."
        raise UnknownName.of("count of days", daycount, DAYCOUNTS, hint=hint)
    otherwise = replace(
        otherwise, model=asked or otherwise.model,
        daycount=next((name for name in DAYCOUNTS if name == counted), otherwise.daycount),
    )  # fmt: skip
    word = text.strip().lower()
    if word == "nse":
        if asked == "black76":
            raise UsageError("--rate nse is Black-Scholes on the spot; --model says black76")
        return replace(otherwise, value=NSE_RATE, source="nse: 10 % on the spot", model="bsm")
    if not word:
        return otherwise
    value = fraction(word, option="--rate")
    if abs(value) > _MOST_RATE:
        raise UsageError(f"--rate {text}: {value:.0%} a year", hint="6.5 % is 0.065 or 6.5%.")
    return replace(otherwise, value=value, source="--rate")


def fraction(text: str, *, option: str) -> float:
    """Return the number of ``0.15`` or ``15%``.

    >>> fraction("15%", option="--vol")
    0.15
    """
    plain = text.strip()
    try:
        value = float(plain.removesuffix("%"))
    except ValueError:
        raise UsageError(f"{option} {text}: not a number", hint="e.g. 0.065 or 6.5%") from None
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        raise UsageError(f"{option} {text}: not a number")
    return value / 100.0 if plain.endswith("%") else value


def underlying_named(word: str, provider: MarketData) -> str:
    """Return the symbol of the contracts on an underlying, an index in any spelling.

    Raises
    ------
    NotOffered
        The provider has no option chains; those that have are named.
    """
    offers_chains(provider)
    index = indices.canonical_index(word)
    for name in contracts.symbols():
        if indices.underlying_index(name) == index:
            return name
    return word.strip().upper()


def offers_chains(provider: MarketData) -> None:
    """Refuse a provider without option chains, naming those that have them."""
    if Capability.CHAIN in provider.capabilities:
        return
    others = ", ".join(f"--provider {name}" for name in _with_chains()) or "none yet"
    raise NotOffered(f"`{provider.name}` has no option chains", hint=f"Those who have: {others}.")


def _with_chains() -> list[str]:
    found = []
    for name in PROVIDERS.names():
        try:
            held: frozenset[Capability] = getattr(PROVIDERS.get(name), "capabilities", frozenset())
        except (ImportError, AlphaStockError):  # a stranger's broken plug-in is not the question
            continue
        if Capability.CHAIN in held:
            found.append(name)
    return found


def listed(provider: MarketData, underlying: str) -> tuple[date, ...]:
    """Return the option expiries the provider lists of an underlying, ascending.

    Raises
    ------
    UnknownName
        Nobody knows the underlying; the nearest are named.
    ProviderError
        It is known and has no chain here; what is there is named.
    """
    refusal: UnknownName | None = None
    try:
        days = tuple(sorted(provider.expiries(underlying)))
    except UnknownName as error:
        days, refusal = (), error
    if days:
        return days
    here = underlyings(provider)
    known = {*contracts.symbols(), *indices.sectors(), *here}
    if underlying in known and (here or refusal is None):
        raise ProviderError(
            f"`{provider.name}` has no option chain of {underlying}",
            hint=f"It has: {_some(here)}." if here else "Futures alone make no chain.",
        )
    if refusal is not None and (refusal.hint or not here):
        raise refusal
    hint = f"Option chains here: {_some(here)}." if here else ""
    raise UnknownName.of("underlying", underlying, sorted(here or known), hint=hint)


def underlyings(provider: MarketData) -> tuple[str, ...]:
    """Return the underlyings of the options in the provider's instrument lists, indices first."""
    if Capability.INSTRUMENTS not in provider.capabilities:
        return ()
    found: set[str] = set()
    for exchange in (Exchange.NFO, Exchange.BFO, Exchange.MCX, Exchange.CDS):
        frame = provider.instruments(exchange)
        options = frame.filter(frame["option_type"].is_not_null())
        found |= set(options["underlying"].drop_nulls())
    ours = [name for name in contracts.symbols() if name in found]
    return (*ours, *sorted(found.difference(ours)))


def expiry_named(word: str, underlying: str, days: Sequence[date], *, as_of: datetime) -> date:
    """Return the expiry meant: a date, or by a word among those listed.

    Empty and ``nearest`` are the nearest that has not ended, ``next`` the one after it; ``monthly``
    the nearest that is no weekly one and ``weekly`` the nearest that is: by the exchange's rules,
    where none are known by being the last one listed in its month or not.

    Raises
    ------
    UnknownName
        A date that is not listed, or no such word.
    UsageError
        There is no such expiry, as a share has no weekly one.
    """
    first = nearest_expiry(underlying, days, as_of=as_of, source="")
    text = word.strip().lower()
    if text in {"", "nearest"}:
        return first
    coming = [day for day in days if day >= first]
    on = as_of.date()
    weekly = [day for day in coming if kind_of(underlying, day, on=on, listed=days) == "weekly"]
    choices = {
        "next": coming[1:],
        "monthly": [day for day in coming if day not in weekly],
        "weekly": weekly,
    }
    if text in choices:
        if not choices[text]:
            raise UsageError(
                f"{underlying} lists no {text} expiry", hint=f"Listed: {_dates(days)}."
            )
        return choices[text][0]
    try:
        day = date.fromisoformat(text)
    except ValueError:
        near = nearest(text, _WORDS)
        guess = f"Did you mean {' or '.join(near)}?" if near else ""
        hint = guess or f"A date, or one of {', '.join(_WORDS)}."
        raise UsageError(f"--expiry {word}: not an expiry", hint=hint) from None
    if day not in days:
        raise UnknownName(f"{underlying} has no expiry {day}", hint=f"Listed: {_dates(days)}.")
    return day


def _dates(days: Iterable[date]) -> str:
    return _some([day.isoformat() for day in days])


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
