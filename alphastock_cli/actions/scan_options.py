"""Options of many underlyings in one table: read, enrich, filter, rank.

Each underlying's IV rank and percentile stand beside its contracts. Nothing is read twice; a column
that takes longer (build-up, the second order, the history) is made where somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.actions import chain as one
from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.option_words import (
    Rate,
    expiry_named,
    listed,
    offers_chains,
    underlying_named,
)
from alphastock_cli.actions.presets import Preset
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.select import Selection, select
from alphastock_cli.actions.universe import parse_symbols
from alphastock_cli.analytics.greeks import SECOND_ORDER
from alphastock_cli.analytics.iv_history import FEWEST
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import (
    AlphaStockError,
    OutOfRange,
    ProviderError,
    TransientError,
    UnknownName,
    UsageError,
)
from alphastock_cli.exchange import contracts, indices
from alphastock_cli.runners._underlying import chain_moment

STANDING = ("iv_rank", "iv_percentile", "iv_sessions")
ROW = (*one.BASE, *one.GREEKS, *STANDING, "liquidity")
_MARKET = ("spot", "forward", "days_to_expiry", "atm_iv", "iv_30d")  # of the chain, on each row
SPARE = (*SECOND_ORDER, "build_up", *one.SPARE, *_MARKET)
_BEFORE = frozenset({"build_up", "price_change", "previous_close"})
_EACH = (
    "underlying", "expiry", "days_to_expiry", "spot", "forward", "atm_strike", "atm_iv", "iv_30d",
    *STANDING, "straddle", "expected_move", "put_call_ratio_oi", "max_pain", "risk_reversal_25d",
    "lot_size", "as_of", "rows",
)  # fmt: skip
_SAID = 5
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "rich_premium": Preset(
            where="iv_percentile > 80 and abs(delta) between 0.15 and 0.30 and liquidity = 'ok'",
            sort="iv_percentile:desc,volume:desc",
        ),
        "most_active": Preset(where="volume > 0", sort="volume:desc"),
        "oi_added": Preset(where="oi_change > 0", sort="oi_change:desc"),
        "oi_shed": Preset(where="oi_change < 0", sort="oi_change"),
        "at_the_money": Preset(where="moneyness = 'ATM'"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionScanRequest:
    """What a person asked of the scan; empty strings and None mean not asked.

    `symbols` are the underlyings; without them those of the configuration, else the indices the
    provider lists. `expiry` is ``nearest``, ``next``, ``weekly``, ``monthly``, ``all`` or a date.
    """

    rate: Rate
    symbols: str = ""
    configured: Sequence[str] = ()
    expiry: str = "nearest"
    preset: str = ""
    where: str = ""
    sort: str = ""
    top: int | None = None
    columns: str = ""
    every_column: bool = True
    own_presets: Mapping[str, Preset] = field(default_factory=lambda: MappingProxyType({}))
    max_age: float | None = None


def scan_options(provider: MarketData, clock: Clock, request: OptionScanRequest) -> Result:
    """Return the contracts of the underlyings that meet the condition, in order.

    Raises
    ------
    UnknownName, UsageError
        An underlying, expiry, column, preset or condition that makes no sense.
    NotOffered, ProviderError
        The provider has no option chains, or none of any underlying asked for.
    DamagedData
        The data are older than `max_age`.
    """
    offers_chains(provider)
    chosen = select(_joined(request), schema())
    named = _named(request)
    held, absent, refused = _read_all(provider, clock, named, request, chosen)
    if not held:  # the first one's own reason says most
        raise next(iter([*refused.values(), *absent.values()]))
    check_age(min(each.as_of for each in held.values()), clock, request.max_age)
    pairs = [(facts, each) for each in held.values() for facts in _chains(each, request)]
    frame = pl.concat([_rows(facts, each) for facts, each in pairs], how="diagonal")
    rows = chosen.rows(frame)
    return Result(
        kind="scan_options",
        rows=rows.select(chosen.shown or _columns(request, chosen)),
        summary={
            "underlyings": [_each(facts, each) for facts, each in pairs],
            "rows": frame.height, "matched": rows.height,
            "model": request.rate.model, "rate": request.rate.value,
            "rate_source": request.rate.source, "daycount": request.rate.daycount,
        },
        as_of=max(snapshot.as_of for snapshot in held.values()),
        source=provider.name,
        simulated=provider.simulated,
        warnings=tuple(_warnings(held, refused, chosen, request, clock)),
        selected=True,
        rows_follow=chosen.picked,
        highlight=tuple(name for name in (*ROW, *SPARE) if name in chosen.read),
    )  # fmt: skip


def schema() -> dict[str, pl.DataType]:
    """Return the type of each column a condition may use."""
    types = one.schema() | dict.fromkeys((*STANDING, *_MARKET), pl.Float64())
    types |= {"iv_sessions": pl.Int64(), "days_to_expiry": pl.Int64()}
    return {name: types[name] for name in (*ROW, *SPARE)}


def _joined(request: OptionScanRequest) -> OptionScanRequest:
    """Join a preset with the options given: conditions by `and`, order and cut by the option."""
    if not request.preset:
        return request
    known = {**PRESETS, **request.own_presets}
    if request.preset not in known:
        hint = f"Known: {', '.join(sorted(known))}."
        raise UnknownName.of("preset", request.preset, known, hint=hint)
    preset = known[request.preset]
    parts = [part for part in (preset.where, request.where) if part]
    where = " and ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts)
    return replace(
        request, where=where, sort=request.sort or preset.sort, top=request.top or preset.top
    )


def _named(request: OptionScanRequest) -> tuple[str, ...]:
    """Return the underlyings somebody named, each once."""
    if request.symbols:
        return tuple(dict.fromkeys(parse_symbols(request.symbols)))
    return tuple(dict.fromkeys(request.configured))


def _indices() -> list[str]:
    return [name for name in contracts.symbols() if indices.underlying_index(name)]


def _read_all(
    provider: MarketData,
    clock: Clock,
    named: Sequence[str],
    request: OptionScanRequest,
    chosen: Selection,
) -> tuple[dict[str, Snapshot], dict[str, AlphaStockError], dict[str, AlphaStockError]]:
    """Return the chains by underlying, the indices that are not here, and those left out."""
    held: dict[str, Snapshot] = {}
    absent: dict[str, AlphaStockError] = {}
    refused: dict[str, AlphaStockError] = {}
    for word in named or _indices():
        name = underlying_named(word, provider)
        reasons = refused if named else absent
        try:
            # an index nobody named may be missing: no need to look up what else there is
            days = listed(provider, name) if named else provider.expiries(name)
            if not days:
                reasons[name] = ProviderError(f"`{provider.name}` lists no options of {name}")
                continue
            reasons = refused
            held[name] = _read(provider, clock, name, days, request=request, chosen=chosen)
        except TransientError:
            raise
        except (UnknownName, ProviderError, OutOfRange, UsageError) as error:
            reasons[name] = error
    return held, absent, refused


def _read(
    provider: MarketData,
    clock: Clock,
    name: str,
    days: Sequence[date],
    *,
    request: OptionScanRequest,
    chosen: Selection,
) -> Snapshot:
    """Return the chain of the expiry asked for, with all the others under ``all``."""
    word = request.expiry.strip().lower()
    every = word == "all"
    plain = "" if every or word == "nearest" else word
    asked = {*chosen.read, *chosen.shown}
    return one.read(
        provider, clock, name,
        expiry_named(plain, name, days, as_of=chain_moment(provider, name)), request.rate,
        second_order=bool(asked & set(SECOND_ORDER)), build_up=bool(asked & _BEFORE),
        every_expiry=every,
        # only chosen columns without it can spare the history
        iv_history=not chosen.shown or bool(asked & {*STANDING, "iv_30d"}),
    )  # fmt: skip


def _chains(held: Snapshot, request: OptionScanRequest) -> list[Mapping[str, Any]]:
    """Return the facts of each expiry that was asked for, nearest first."""
    facts = held.facts
    others: Mapping[date, Mapping[str, Any]] = facts.get("by_expiry") or {}
    if request.expiry.strip().lower() != "all" or not others:
        return [facts]  # others were read for the volatility 30 days ahead alone
    return [others[day] for day in sorted(others)]


def _rows(facts: Mapping[str, Any], held: Snapshot) -> pl.DataFrame:
    """Return the contracts of one expiry, with what is known of their underlying beside each."""
    beside = {name: facts[name] for name in _MARKET if name in facts}
    beside |= {name: held.facts.get(name) for name in (*STANDING, "iv_30d")}
    types = schema()
    frame: pl.DataFrame = facts["chain"]
    made = frame.with_columns(
        pl.lit(value, dtype=types[name]).alias(name) for name, value in beside.items()
    )
    return made.select(name for name in types if name in made.columns)


def _each(facts: Mapping[str, Any], held: Snapshot) -> dict[str, Any]:
    """Return what the summary says of one chain."""
    standing = {name: held.facts.get(name) for name in (*STANDING, "iv_30d")}
    own = {"as_of": held.as_of, "rows": facts["chain"].height, **standing}
    return {name: own[name] if name in own else facts[name] for name in _EACH}


def _columns(request: OptionScanRequest, chosen: Selection) -> list[str]:
    if request.every_column:
        return [*ROW]
    return [*ROW, *(name for name in SPARE if name in chosen.read)]


def _warnings(
    held: Mapping[str, Snapshot],
    refused: Mapping[str, AlphaStockError],
    chosen: Selection,
    request: OptionScanRequest,
    clock: Clock,
) -> list[str]:
    """Say which underlyings are missing, and whose history is too short to rank anything."""
    texts = [f"{name} is left out: {error.what}" for name, error in refused.items()]
    newest = max(snapshot.as_of for snapshot in held.values())
    older = [f"{name} ({each.as_of:%Y-%m-%d})" for name, each in held.items()
             if each.as_of.date() < newest.date()]  # fmt: skip
    if older:
        texts.append(f"of an earlier session than {newest:%Y-%m-%d}: {', '.join(older)}")
    said = [
        f"{name} {facts['expiry']}: {text}"
        for name, snapshot in held.items()
        for facts in _chains(snapshot, request)
        for text in (*one.ended_since(facts, clock), *one.warnings(facts))
    ]
    texts += said[:_SAID]
    if len(said) > _SAID:
        texts.append(f"{len(said) - _SAID} more warnings of chains: `alphastock chain` says each")
    if request.rate.daycount != "act365" and request.expiry.strip().lower() == "all":
        for name, snapshot in held.items():
            last = max(facts["expiry"] for facts in _chains(snapshot, request))
            texts.append(
                f"{name}: expiries after {last}, if any, lie beyond the calendar, which counts the"
                " sessions: --daycount act365 has them"
            )
    if not {*chosen.read, *chosen.shown} & {"iv_rank", "iv_percentile"}:
        return texts
    for name, snapshot in held.items():
        count = snapshot.facts.get("iv_sessions") or 0
        if snapshot.facts.get("iv_percentile") is None:
            texts.append(
                f"{name}: no IV rank or percentile, {count} earlier session(s) known and {FEWEST}"
                " are needed: its contracts meet no condition on them"
            )
    return texts
