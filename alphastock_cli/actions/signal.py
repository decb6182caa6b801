"""`signal`: what the strategies say of the latest final candles. Nothing is ordered."""

from __future__ import annotations

from collections import Counter
from typing import Any

from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.result import Result
from alphastock_cli.actions.strategies import Chosen, runner
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.trading import Signal
from alphastock_cli.errors import ProviderError

_MOST_FAILURES = 3


def signals(
    provider: MarketData, clock: Clock, chosen: Chosen, *, max_age: float | None = None
) -> Result:
    """Return one row a signal, strongest first, and counts by side and strategy.

    Raises
    ------
    DamagedData
        The data are older than `max_age` seconds.
    ProviderError
        No symbol could be read.
    """
    check_age(provider.as_of(), clock, max_age)
    gatherer = runner(provider, clock, chosen)
    raw = gatherer.fetch(chosen.symbols)
    snapshots = gatherer.process_data(raw)
    if not snapshots and raw.failures:
        symbol, why = next(iter(raw.failures.items()))
        raise ProviderError(f"none of {len(chosen.symbols)} symbols: {symbol}: {why}")
    found: list[Signal] = []
    short = 0
    for snapshot in snapshots.values():
        height = 0 if snapshot.candles is None else snapshot.candles.height
        short += any(height < each.strategy.bars() for each in chosen.strategies)
        judged = (each.judge(snapshot) for each in chosen.strategies)
        found += [signal for signal in judged if signal is not None]
    found.sort(key=lambda signal: (-signal.strength, signal.signal_id))
    failed = [f"{name}: {why}" for name, why in raw.failures.items()]
    warnings = [*chosen.warnings, *failed[:_MOST_FAILURES]]
    if len(raw.failures) > _MOST_FAILURES:
        warnings.append(f"{len(raw.failures) - _MOST_FAILURES} more symbols could not be read")
    if short:
        warnings.append(f"{short} symbols have too few candles to be judged")
    return Result(
        kind="signal",
        rows=[row(signal) for signal in found],
        summary={
            "judged": len(snapshots),
            "interval": chosen.interval.value,
            "by_side": dict(Counter(signal.side.value for signal in found)),
            "by_strategy": dict(Counter(signal.strategy for signal in found)),
        },
        as_of=raw.as_of,
        source=raw.source,
        simulated=raw.simulated,
        warnings=tuple(warnings),
    )


def row(signal: Signal) -> dict[str, Any]:
    """Return a signal as the contract's columns; prices as numbers, missing as None."""
    return {
        "signal_id": signal.signal_id,
        "strategy": signal.strategy,
        "symbol": signal.instrument.tradingsymbol,
        "asset_type": signal.instrument.asset_type.value,
        "side": signal.side.value,
        "price": float(signal.price),
        "stop_loss": None if signal.stop_loss is None else float(signal.stop_loss),
        "target": None if signal.target is None else float(signal.target),
        "strength": signal.strength,
        "reason": signal.reason,
        "candle_time": signal.candle_time,
        "valid_until": signal.valid_until,
    }
