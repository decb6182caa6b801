"""One option chain: enrich it, summarise it, then filter, rank and cut its rows.

The summary always speaks of the whole chain; `--strikes`, `--where`, `--sort` and `--top` choose
rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.option_words import Rate, expiry_named, listed, underlying_named
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics.greeks import FIRST_ORDER, SECOND_ORDER
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.records import dataclass
from alphastock_cli.errors import ProviderError, UsageError
from alphastock_cli.runners._underlying import chain_moment
from alphastock_cli.runners.options import ChainOptions, OptionsRunner

if TYPE_CHECKING:
    from alphastock_cli.analytics.expression import Condition

BASE = (
    "tradingsymbol", "underlying", "expiry", "strike", "option_type", "last_price", "bid", "ask",
    "volume", "open_interest", "oi_change", "moneyness", "intrinsic", "time_value",
)  # fmt: skip
GREEKS = ("iv", "iv_status", *FIRST_ORDER)
MARKS = ("build_up", "liquidity")  # in rows for machines; in a table where asked for by name
# shown only when asked for by name
SPARE = ("price", "price_source", "log_moneyness", "bid_quantity", "ask_quantity",
         "last_trade_time", "lot_size", "price_change", "previous_close", "gex")  # fmt: skip
COLUMNS = (*BASE, *GREEKS, *SECOND_ORDER, *MARKS, *SPARE)
_BEFORE = {"build_up", "price_change", "previous_close"}  # need the closes of the session before
STRIKES = 10
_FEW_PAIRS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRequest:
    """What a person asked of a chain; empty strings and None mean not asked."""

    underlying: str
    expiry: str = ""
    strikes: int | None = None
    greeks: bool = False
    second_order: bool = False
    rate: Rate
    forward: float | None = None
    smile: bool = False
    term: bool = False
    iv_rank: bool = False
    where: str = ""
    sort: str = ""
    top: int | None = None
    columns: str = ""
    ladder: bool = False
    max_age: float | None = None


def chain(provider: MarketData, clock: Clock, request: ChainRequest) -> Result:
    """Return the rows of one chain in the contract's names, and its summary.

    Raises
    ------
    UnknownName, UsageError
        An underlying, expiry, column or condition that makes no sense.
    NotOffered, ProviderError
        The provider has no chains, or none of this underlying at its moment.
    DamagedData
        The data are older than `max_age`.
    """
    if request.strikes is not None and request.strikes < 0:
        raise UsageError(f"--strikes {request.strikes}: give a number from 0 up")
    condition, order, shown = _chosen(request)
    asked = {*(condition.columns if condition else ()), *(n for n, _ in order), *(shown or ())}
    second = request.second_order or bool(asked & set(SECOND_ORDER))

    name = underlying_named(request.underlying, provider)
    days = listed(provider, name)
    expiry = expiry_named(request.expiry, name, days, as_of=chain_moment(provider, name))
    if request.forward is not None and not 0 < request.forward < math.inf:
        raise UsageError(f"--forward {request.forward}: give a number above 0")
    held = read(
        provider, clock, name, expiry, request.rate, second_order=second, forward=request.forward,
        build_up=bool(_BEFORE & asked) or not (request.ladder or shown), smile=request.smile,
        every_expiry=request.term, iv_history=request.iv_rank,
    )  # fmt: skip
    check_age(held.as_of, clock, request.max_age)
    facts = dict(held.facts)
    frame: pl.DataFrame = facts.pop("chain")
    facts.pop("by_expiry", None)
    if not request.term:  # a part of it, read for the volatility 30 days ahead
        facts.pop("term", None)
    if request.smile:
        facts["smile"] = None if facts["smile"] is None else asdict(facts["smile"])
    rows = frame
    picked = bool(condition or order or request.top or shown)
    # a ladder is ten strikes each side of the money; rows for machines and conditions are all
    strikes = request.strikes
    if strikes is None and request.ladder and not picked:
        strikes = STRIKES
    if strikes is not None:
        rows = around(rows, facts["atm_strike"], strikes)
    rows = rows.filter(condition.expr) if condition else rows
    if order:
        rows = rows.sort(
            [column for column, _ in order], descending=[down for _, down in order],
            nulls_last=True, maintain_order=True,
        )  # fmt: skip
    rows = rows.head(request.top) if request.top else rows
    facts |= {"rows": frame.height, "matched": rows.height}
    return Result(
        kind="chain",
        rows=rows.select(shown or _columns(request, asked)),
        summary=facts,
        as_of=held.as_of,
        source=provider.name,
        simulated=provider.simulated,
        warnings=(*_unranked(provider, request, facts), *ended_since(facts, clock),
                  *warnings(facts)),
        selected=True,
        rows_follow=picked,
        highlight=tuple(column for column in COLUMNS if column in asked),
    )  # fmt: skip


def _unranked(
    provider: MarketData, request: ChainRequest, facts: Mapping[str, Any]
) -> tuple[str, ...]:
    """Say that the provider has no earlier chains for the rank that was asked for."""
    if not request.iv_rank or "iv_rank" in facts:
        return ()
    return (f"no IV rank or percentile: `{provider.name}` has no chains of earlier sessions",)


def _chosen(
    request: ChainRequest,
) -> tuple[Condition | None, list[tuple[str, bool]], list[str] | None]:
    """Return the condition, the order and the columns that were asked for, each if any were."""
    if not (request.where or request.sort or request.columns):
        return None, [], None
    from alphastock_cli.analytics import expression  # few questions have words to read

    return (
        expression.parse(request.where, schema()) if request.where else None,
        expression.parse_sort(request.sort, COLUMNS) if request.sort else [],
        expression.parse_columns(request.columns, COLUMNS) if request.columns else None,
    )


def schema() -> dict[str, pl.DataType]:
    """Return the type of each column a condition may use."""
    types: dict[str, pl.DataType] = dict.fromkeys(COLUMNS, pl.Float64())
    texts = ("tradingsymbol", "underlying", "option_type", "moneyness", "iv_status", "price_source",
             "build_up", "liquidity")  # fmt: skip
    types |= dict.fromkeys(texts, pl.String())
    whole = ("volume", "open_interest", "oi_change", "bid_quantity", "ask_quantity", "lot_size")
    types |= dict.fromkeys(whole, pl.Int64())
    return types | {"expiry": pl.Date(), "last_trade_time": pl.Datetime("us", "Asia/Kolkata")}


def read(
    provider: MarketData,
    clock: Clock,
    underlying: str,
    expiry: date,
    rate: Rate,
    *,
    second_order: bool = False,
    forward: float | None = None,
    build_up: bool = False,
    smile: bool = False,
    every_expiry: bool = False,
    iv_history: bool = False,
) -> Snapshot:
    """Return the enriched snapshot of one chain; a given `forward` is taken instead of its own.

    The last four are those of `ChainOptions`: what takes longer or asks the provider for more.

    Raises
    ------
    AlphaStockError
        What the provider answered instead.
    ProviderError
        ``bsm`` was asked for and the provider has no spot.
    """
    options = ChainOptions(
        expiry=expiry, rate=rate.value, rate_source=rate.source, model=rate.model,
        second_order=second_order, daycount=rate.daycount, forward=forward, limits=rate.limits,
        roll_sessions=rate.roll_sessions, build_up=build_up, smile=smile,
        every_expiry=every_expiry, iv_history=iv_history,
    )  # fmt: skip
    runner = OptionsRunner(provider, clock=clock, symbols=(underlying,), options=options)
    made = runner.run_once()
    if underlying not in made:
        raise runner.refusals[underlying]
    held = made[underlying]
    if held.facts["forward"] is None and rate.model == "bsm":
        raise ProviderError(
            f"`{provider.name}` has no spot of {underlying}, which the model bsm stands on",
            hint="Leave --model bsm (or --rate nse) away: Black-76 takes the forward by parity.",
        )
    return held


def around(frame: pl.DataFrame, atm: float | None, count: int) -> pl.DataFrame:
    """Return the rows of the ATM strike and `count` strikes each side; the middle without one."""
    strikes = sorted(set(frame["strike"]))
    middle = strikes.index(atm) if atm in strikes else len(strikes) // 2
    kept = strikes[max(0, middle - count) : middle + count + 1]
    return frame.filter(pl.col("strike").is_in(kept))


def _columns(request: ChainRequest, asked: Iterable[str]) -> list[str]:
    """Return the contract's columns, and those a condition or an order reads."""
    chosen = [*BASE]
    if request.greeks or request.second_order:
        chosen += GREEKS
    if request.second_order:
        chosen += SECOND_ORDER
    if not request.ladder:
        chosen += MARKS
    if request.ladder:
        chosen += [name for name in COLUMNS if name in asked and name not in chosen]
    return chosen


def ended_since(facts: Mapping[str, Any], clock: Clock) -> list[str]:
    """Say that contracts which were alive at the moment of their prices have ended by now."""
    ends = facts["expires_at"]
    if facts["years"] <= 0 or clock.now() < ends:
        return []
    return [f"the contracts ended at {ends:%Y-%m-%d %H:%M}, after these prices: nobody trades them"]


def warnings(facts: Mapping[str, Any]) -> list[str]:
    """Say what a reader could otherwise take for granted about the forward and the volatilities."""
    texts = []
    if facts["years"] <= 0:
        texts.append(f"the contracts ended at {facts['expires_at']:%Y-%m-%d %H:%M}: no volatility")
    elif facts["forward"] is None:
        texts.append(
            "no forward: no strike has usable prices of CE and PE, and neither a future of that "
            "expiry nor the spot is known; moneyness, volatilities and Greeks are not known"
        )
    elif facts["forward_source"] == "spot" and facts["model"] == "black76":
        texts.append("the forward is the spot with carry: no strike has usable CE and PE prices")
    elif facts["forward_source"] == "parity":
        few = facts["forward_pairs"] < _FEW_PAIRS
        if few:
            texts.append(
                f"the forward stands on {facts['forward_pairs']} strike(s) with CE and PE prices"
            )
        if not facts["forward_quoted"]:
            texts.append("the forward stands on last trades, which may be of different moments")
    if facts["atm_outside"]:
        texts.append(
            f"the forward lies beyond the listed strikes: {facts['atm_strike']:g} is not at the"
            " money, and its volatility and straddle are those of an outer strike"
        )
    return texts
