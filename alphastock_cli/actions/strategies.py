"""Which strategies run, with which parameters, on which symbols; and the runner that feeds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alphastock_cli.actions import universe
from alphastock_cli.actions.result import Result
from alphastock_cli.domain.instrument import AssetType, Exchange, Interval
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.errors import UnknownName
from alphastock_cli.exchange import indices
from alphastock_cli.registry import STRATEGIES
from alphastock_cli.runners._traded import Traded
from alphastock_cli.runners.base import RunnerPolicy
from alphastock_cli.runners.equities import EquityOptions, EquityRunner
from alphastock_cli.strategies.base import Assigned, StrategyFactory, parameters

DEFAULT = "ma_crossover"


class Configured(Protocol):
    """What the configuration says of one strategy."""

    @property
    def enabled(self) -> bool:
        """Whether it runs where none is named."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """What it may judge; empty for all."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its parameters that differ from their defaults."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What to judge and with what: strategies, shares, interval of the candles.

    `warnings` name what was asked for and is not listed.
    """

    strategies: tuple[Assigned, ...]
    symbols: tuple[str, ...]
    interval: Interval
    exchange: Exchange = Exchange.NSE
    warnings: tuple[str, ...] = ()


def choose(
    provider: MarketData,
    configured: Mapping[str, Configured],
    *,
    names: Sequence[str] = (),
    symbols: str = "",
    interval: str = "day",
    default_universe: str = "nifty50",
    watchlist: Sequence[str] = (),
) -> Chosen:
    """Return the strategies and symbols meant by what was typed and configured.

    Strategies: those named, else the enabled ones of the configuration, else `DEFAULT`.

    Raises
    ------
    UnknownName
        A strategy, index or interval nobody knows; symbols of which not one is listed.
    ConfigError
        A parameter a strategy does not have.
    """
    wanted = list(names) or [name for name, held in configured.items() if held.enabled] or [DEFAULT]
    found, warnings = _symbols(provider, symbols, default_universe, watchlist)
    strategies = []
    for name in wanted:
        held = configured.get(name)
        made = StrategyFactory.create(name, held.parameters if held else None)
        own = frozenset(held.symbols) if held else frozenset[str]()
        strategies.append(Assigned(strategy=made, symbols=own))
        found = tuple(sorted({*found, *(own if not symbols else ())}))
    return Chosen(
        strategies=tuple(strategies), symbols=found, interval=interval_named(interval),
        warnings=warnings,
    )  # fmt: skip


def interval_named(text: str) -> Interval:
    """Return the interval of a word: ``day``, ``minute``, ``5minute``.

    Raises
    ------
    UnknownName
        No such interval.
    """
    words = {item.value: item for item in Interval}
    if text not in words:
        raise UnknownName.of("interval", text, words, hint=f"Known: {', '.join(words)}.")
    return words[text]


def runner(
    provider: MarketData, clock: Clock, chosen: Chosen, *, policy: RunnerPolicy | None = None
) -> EquityRunner:
    """Return the runner that brings these strategies what they ask for."""
    asked = [(each.strategy.bars(), each.strategy.columns()) for each in chosen.strategies]
    options = EquityOptions(exchange=chosen.exchange, traded=Traded.wanted(chosen.interval, asked))
    return EquityRunner(
        provider, clock=clock, symbols=chosen.symbols, policy=policy, options=options
    )


def listing() -> Result:
    """Return every strategy by name: what it is, what it can judge, its parameters."""
    rows = []
    for name in StrategyFactory.names():
        cls: Any = STRATEGIES.get(name)
        rows.append(
            {
                "strategy": name,
                "description": (cls.__doc__ or "").strip().splitlines()[0],
                "asset_types": sorted(cls.supported_asset_types),
                "parameters": parameters(cls),
            }
        )
    return Result(kind="strategies", rows=rows, source="registry")


def _symbols(
    provider: MarketData, typed: str, default_universe: str, watchlist: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the shares meant: those typed, those a replayed day has, or the default universe.

    With them what to say of those that are not listed; they are left out.
    """
    listed = provider.instruments(Exchange.NSE).filter(asset_type=AssetType.EQUITY.value)
    known = set(listed["tradingsymbol"])
    word = typed or default_universe
    if not typed and Capability.CANDLE_MARKET in provider.capabilities:
        keys = provider.symbols()  # type: ignore[attr-defined]  # comes with the capability
        return tuple(sorted(known & {key.partition(":")[2] for key in keys})), ()
    if "," in word or word.strip().upper() in known:
        return _listed(universe.parse_symbols(word), known, word)
    on = provider.as_of().date()
    try:
        found = universe.resolve(word, provider, on=on, watchlist=watchlist)
    except UnknownName as error:
        if not typed:
            raise
        raise UnknownName.of(
            "symbol or index",
            universe.word_or_path(word),
            [*known, *indices.index_names()],
            hint="Give symbols with commas between, an index, or a file of symbols.",
        ) from error
    return _listed(found, known, word) if found else (tuple(sorted(known)), ())


def _listed(
    asked: Sequence[str], known: set[str], word: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return those that are listed, and a warning on the others; refuse where none is."""
    if not known:
        return tuple(asked), ()  # nothing is listed: whoever reads says so
    found = tuple(symbol for symbol in asked if symbol in known)
    if not found:
        raise UnknownName.of("symbol", asked[0] if asked else word, known)
    absent = [symbol for symbol in asked if symbol not in known]
    return found, (universe.not_there("not listed", absent, known),) if absent else ()
