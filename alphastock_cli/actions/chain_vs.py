"""What changed in one chain since an earlier moment: rows and summary of both, subtracted.

The earlier chain comes from the same provider as it stood then: stored snapshots, stored days, or
the simulated market. Neither side knows what came after its moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.chain import STRIKES, ChainRequest, around, read, warnings
from alphastock_cli.actions.option_words import expiry_named, listed, underlying_named
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.select import select
from alphastock_cli.analytics import changes
from alphastock_cli.analytics.chain import straddle
from alphastock_cli.analytics.greeks import FIRST_ORDER
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import OutOfRange, ProviderError, TransientError, UnknownName, UsageError
from alphastock_cli.runners._underlying import chain_moment

_TEXTS = ("tradingsymbol", "underlying", "option_type", "build_up", "iv_status",
          "iv_status_before", "price_source", "price_source_before", "moneyness")  # fmt: skip
_UNITS = ("open_interest", "open_interest_before", "open_interest_change", "volume")
ROW = (
    "tradingsymbol", "underlying", "expiry", "strike", "option_type", "price", "price_before",
    "price_change", "price_change_pct", "open_interest", "open_interest_before",
    "open_interest_change", "open_interest_change_pct", "iv", "iv_before", "iv_change", "build_up",
)  # fmt: skip
# shown only when asked for by name, the Greeks (of now) also with --greeks
SPARE = ("iv_status", "iv_status_before", "price_source", "price_source_before", "moneyness",
         "volume", *FIRST_ORDER)  # fmt: skip
FIGURES = (
    "spot", "forward", "future", "atm_strike", "atm_iv", "straddle", "expected_move",
    "put_call_ratio_oi", "put_call_ratio_volume", "max_pain", "risk_reversal_25d", "butterfly_25d",
    "open_interest_ce", "open_interest_pe",
)  # fmt: skip
_DRIFT = 3  # calendar days: a weekend lies between two closes


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Since when: a moment, or the close of its `day`; and the provider as it stood then."""

    moment: datetime
    day: bool
    provider: Callable[[datetime], MarketData]

    @property
    def text(self) -> str:
        """The moment as it was asked for."""
        return f"{self.moment:%Y-%m-%d}" if self.day else f"{self.moment:%Y-%m-%d %H:%M:%S}"


def chain_vs(provider: MarketData, clock: Clock, request: ChainRequest, since: Since) -> Result:
    """Return each contract with its values then and now, and what the whole chain did.

    Raises
    ------
    UsageError
        The moment is not before the chain's own, or an option that makes no sense here.
    UnknownName
        An underlying, expiry or column nobody knows.
    ProviderError
        The provider has no chain of that expiry at that moment.
    """
    _refuse(request)
    chosen = select(request, schema())
    name = underlying_named(request.underlying, provider)
    days, at = listed(provider, name), chain_moment(provider, name)
    if since.moment >= at or (since.day and since.moment.date() >= at.date()):
        raise UsageError(
            f"--vs {since.text} is not before the chain of {name}, which is of {at:%Y-%m-%d %H:%M}",
            hint="Give an earlier moment, or a later one with --as-of.",
        )
    expiry = expiry_named(request.expiry, name, days, as_of=at)
    held = read(provider, clock, name, expiry, request.rate)
    check_age(held.as_of, clock, request.max_age)
    before = _earlier(clock, name, expiry, request, since)
    frame, then = held.facts["chain"], before.facts["chain"]
    rows = changes.compare(frame, then)
    whole, strikes = rows.height, request.strikes
    if strikes is None and request.ladder and not chosen.picked:
        strikes = STRIKES
    if strikes is not None:
        rows = around(rows, held.facts["atm_strike"], strikes)
    rows = chosen.rows(rows)
    return Result(
        kind="chain_vs",
        rows=rows.select(chosen.shown or _columns(request, chosen.read)),
        summary=_summary(held, before) | {"rows": whole, "matched": rows.height},
        as_of=held.as_of,
        source=provider.name,
        simulated=provider.simulated,
        warnings=tuple(_warnings(held, before, since)),
        selected=True,
        rows_follow=chosen.picked,
        highlight=tuple(name for name in (*ROW, *SPARE) if name in chosen.read),
    )


def schema() -> dict[str, pl.DataType]:
    """Return the type of each column a condition may use."""
    types: dict[str, pl.DataType] = dict.fromkeys((*ROW, *SPARE), pl.Float64())
    types |= dict.fromkeys(_TEXTS, pl.String())
    types |= dict.fromkeys(_UNITS, pl.Int64())
    return types | {"expiry": pl.Date()}


def _refuse(request: ChainRequest) -> None:
    if request.forward is not None:
        raise UsageError("--forward is one number, and --vs compares two moments: leave one out")
    for name in ("second_order", "smile", "term"):
        if getattr(request, name):
            raise UsageError(f"--{name.replace('_', '-')} does not apply with --vs")
    if request.strikes is not None and request.strikes < 0:
        raise UsageError(f"--strikes {request.strikes}: give a number from 0 up")


def _earlier(
    clock: Clock, name: str, expiry: date, request: ChainRequest, since: Since
) -> Snapshot:
    """Return the chain as it stood then, or say in words that there is none."""
    provider = since.provider(since.moment)
    try:
        at = chain_moment(provider, name)
        if since.day and at.date() != since.moment.date():
            raise ProviderError(
                f"`{provider.name}` has no chain of {name} of {since.text}",
                hint=f"The last one before it is of {at:%Y-%m-%d %H:%M}.",
            )
        if expiry not in (found := provider.expiries(name)):
            known = ", ".join(map(str, found[:4]))
            raise ProviderError(
                f"{name} had no expiry {expiry} in the chain of {at:%Y-%m-%d %H:%M}",
                hint=f"It had {known}." if known else "",
            )
        return read(provider, clock, name, expiry, request.rate)
    except TransientError:
        raise
    except (UnknownName, OutOfRange) as error:
        raise ProviderError(
            f"`{provider.name}` has no chain of {name} at {since.text} to compare with",
            hint=f"{error.what[:1].upper()}{error.what[1:]}.",
        ) from error


def _summary(held: Snapshot, before: Snapshot) -> dict[str, Any]:
    """Return the figures of both moments and their differences, null where one is not known."""
    now, then = _figures(held), _figures(before)
    atm = held.facts["atm_strike"]
    now["straddle_same_strike"] = now["straddle"]
    then["straddle_same_strike"] = straddle(before.facts["chain"], atm)
    facts = held.facts
    return {
        **{name: facts[name] for name in ("underlying", "expiry", "days_to_expiry", "lot_size")},
        "as_of": held.as_of, "vs": before.as_of,
        "change": {name: _less(now[name], then[name]) for name in now},
        "now": now, "before": then,
        **{name: facts[name] for name in ("atm_strike", "model", "rate", "rate_source", "daycount",
                                          "expires_at")},
        "forward_source": facts["forward_source"],
        "forward_source_before": before.facts["forward_source"],
    }  # fmt: skip


def _figures(held: Snapshot) -> dict[str, Any]:
    return {name: held.facts.get(name) for name in FIGURES}


def _less(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else now - then


def _columns(request: ChainRequest, asked: frozenset[str]) -> list[str]:
    more = {"iv_status", *FIRST_ORDER} if request.greeks else set()
    more |= asked if request.ladder else set()
    return [*ROW, *(name for name in SPARE if name in more)]


def _warnings(held: Snapshot, before: Snapshot, since: Since) -> list[str]:
    texts = []
    gap = (since.moment.date() - before.as_of.date()).days
    if gap > _DRIFT:
        texts.append(
            f"the last chain known at {since.text} is {gap} days older:"
            f" {before.as_of:%Y-%m-%d %H:%M}"
        )
    texts += [f"now: {text}" for text in warnings(held.facts)]
    return texts + [f"then: {text}" for text in warnings(before.facts)]
