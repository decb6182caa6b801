"""What every strategy shares: parameters as fields, columns as expressions, one pure judgement.

A strategy sees a `Snapshot` and nothing else: no clock, no provider, no portfolio. What it says is
a `Signal` or None; whether anything comes of it is decided elsewhere.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, get_type_hints

from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.instrument import AssetType, Interval, exact
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import ConfigError, nearest
from alphastock_cli.exchange import calendar
from alphastock_cli.registry import STRATEGIES

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T", bound=type)


class Judge(Protocol):
    """Whoever has an opinion on a snapshot: a strategy, or one bound to symbols."""

    def judge(self, snapshot: Snapshot) -> Signal | None:
        """Return the opinion, or None."""
        ...


class BaseStrategy(ABC):
    """One idea. Subclasses are frozen, keyword-only dataclasses; their fields are the parameters.

    Attributes
    ----------
    name : str
        What it is registered as; set by `StrategyFactory.register`.
    supported_asset_types : frozenset of AssetType
        What it can judge.
    """

    name: ClassVar[str] = ""
    supported_asset_types: ClassVar[frozenset[AssetType]] = frozenset()

    @abstractmethod
    def analyze(self, snapshot: Snapshot) -> Signal | None:
        """Return an opinion on the last final candle of `snapshot`, or None. Pure."""

    def columns(self) -> Mapping[str, pl.Expr]:
        """Return the columns it wants beside its candles: expressions over one instrument's rows.

        A name stands for one expression everywhere, so parameters belong into it: ``ema_9``.
        """
        return {}

    def bars(self) -> int:
        """Return how many final candles it needs to say anything."""
        return 1

    def judge(self, snapshot: Snapshot) -> Signal | None:
        """Return `analyze`'s opinion with the strategy's name and the end of its validity."""
        if snapshot.instrument.asset_type not in self.supported_asset_types:
            return None
        candles = snapshot.candles
        if candles is None or candles.height < self.bars() or not _has_room(snapshot):
            return None
        signal = self.analyze(snapshot)
        if signal is None:
            return None
        return replace(signal, strategy=self.name, valid_until=_valid_until(signal, snapshot))


class StrategyFactory:
    """Makes strategies by name: ours, an installed distribution's, or a plug-in file's."""

    @staticmethod
    def register(name: str) -> Callable[[T], T]:
        """Return a decorator that registers a strategy class as `name`."""
        keep = STRATEGIES.register(name)

        def decorate(cls: T) -> T:
            cls.name = name  # type: ignore[attr-defined]
            return keep(cls)

        return decorate

    @staticmethod
    def names() -> list[str]:
        """Return every known name; nothing is imported."""
        return STRATEGIES.names()

    @staticmethod
    def create(name: str, parameters: Mapping[str, Any] | None = None) -> BaseStrategy:
        """Return the strategy `name` with these parameters.

        Raises
        ------
        UnknownName
            Nobody registered the name.
        ConfigError
            A parameter it does not have, or one of the wrong type; the nearest is named.
        """
        cls = STRATEGIES.get(name)
        given = dict(parameters or {})
        hints = get_type_hints(cls)
        known = [field.name for field in fields(cls)]
        missing = [f.name for f in fields(cls) if f.name not in given
                   and f.default is MISSING and f.default_factory is MISSING]  # fmt: skip
        if missing:
            raise ConfigError(f"strategy {name} needs {', '.join(missing)}")
        for key, value in given.items():
            if key not in known:
                near = nearest(key, known)
                hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known)}."
                raise ConfigError(f"strategy {name} has no parameter {key!r}", hint=hint)
            given[key] = _typed(name, key, value, hints[key])
        try:
            made: BaseStrategy = cls(**given)
        except ValueError as error:
            raise ConfigError(f"strategy {name}: {error}") from error
        return made


def parameters(cls: type) -> dict[str, Any]:
    """Return the parameters of a strategy class and their defaults."""
    return {field.name: field.default for field in fields(cls)}


def _has_room(snapshot: Snapshot) -> bool:
    """Tell whether there is a price, with room for a stop and a target around it."""
    market = snapshot.market
    if isinstance(market, Quote):
        last = market.last_price
    else:
        last = market.close if market is not None else None
    if market is None and snapshot.candles is not None:
        last = snapshot.candles["close"][-1]
    least = 2 * snapshot.instrument.tick_size
    return last is not None and math.isfinite(last) and exact(last) >= least


def _typed(name: str, key: str, value: Any, kind: Any) -> Any:  # noqa: ANN401 - any parameter
    """Return a value as the parameter's type; a whole number is fine where a fraction is asked."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"strategy {name}: {key} is {value!r}, it takes a finite number")
    if isinstance(kind, type) and (not isinstance(value, kind) or
                                   (isinstance(value, bool) and kind is not bool)):  # fmt: skip
        raise ConfigError(f"strategy {name}: {key} is {value!r}, it takes a {kind.__name__}")
    return value


def _valid_until(signal: Signal, snapshot: Snapshot) -> datetime:
    """Return the end of the next candle: of a day candle, the end of the next session."""
    if snapshot.interval is not Interval.DAY:
        return snapshot.as_of + snapshot.interval.length
    segment = calendar.segment_of(snapshot.instrument.exchange)
    session = calendar.next_session(segment, signal.candle_time.date())
    return calendar.known_from(segment, session)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A strategy and the symbols it may judge; none means every one it is shown."""

    strategy: BaseStrategy
    symbols: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The strategy's registered name."""
        return self.strategy.name

    def judge(self, snapshot: Snapshot) -> Signal | None:
        """Return the strategy's opinion, None of a symbol that is not its own."""
        if self.symbols and snapshot.instrument.tradingsymbol not in self.symbols:
            return None
        return self.strategy.judge(snapshot)
