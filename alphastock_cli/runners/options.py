"""Options: the chain of an underlying in, forward, volatilities, Greeks and ratios out.

The forward comes from put-call parity next to the money, else from the traded future, else from
the spot with carry; the summary says which. Formulas: `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.analytics.skew import term_structure
from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.frames import CHAIN
from alphastock_cli.domain.instrument import AssetType, Instrument
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import (
    AlphaStockError,
    NotOffered,
    OutOfRange,
    ProviderError,
    TransientError,
    UnknownName,
)
from alphastock_cli.exchange import closes, contracts, indices
from alphastock_cli.registry import RUNNERS
from alphastock_cli.runners._chain_facts import DEFAULT_RATE, ChainOptions, enrich
from alphastock_cli.runners._chain_source import CLOSES, DAYS_AHEAD, MARKETS, Fetched, fetch
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy

__all__ = ["DEFAULT_RATE", "ChainOptions", "OptionsRunner"]

_FRAMES = ("chain", "by_expiry")  # what a snapshot carries beside its figures


@RUNNERS.register("options")
class OptionsRunner(BaseRunner):
    """Option chains: one expiry an underlying, and others beside it where asked for."""

    def __init__(
        self,
        provider: MarketData,
        *,
        clock: Clock,
        symbols: Sequence[str] = (),
        policy: RunnerPolicy | None = None,
        options: ChainOptions | None = None,
    ) -> None:
        super().__init__(provider, clock=clock, symbols=symbols, policy=policy)
        self.options = options or ChainOptions()
        self.refusals: Mapping[str, AlphaStockError] = MappingProxyType({})

    def get_asset_type(self) -> AssetType:
        """Return `AssetType.OPTIONS`."""
        return AssetType.OPTIONS

    # -- fetch --------------------------------------------------------------------------------

    def fetch_market_data(self, symbols: Sequence[str]) -> RawData:
        """Read chains, spot and futures of each underlying; empty means those of the index list."""
        held: list[Fetched] = []
        refused: dict[str, AlphaStockError] = {}
        for name in symbols or _index_underlyings():
            try:
                held.append(fetch(self.provider, name, self.options))
            except (TransientError, NotOffered):
                raise
            except (UnknownName, ProviderError, OutOfRange) as error:
                refused[name] = error
        self.refusals = MappingProxyType(refused)
        rows = [row for each in held for row in each.markets]
        frames = {
            "chains": pl.concat([pl.DataFrame(schema=CHAIN), *(c for e in held for c in e.chains)]),
            "markets": pl.DataFrame(rows, schema=MARKETS),
            "closes": pl.concat(
                [pl.DataFrame(schema=CLOSES), *(c for e in held for c in e.closes)]
            ),
        }
        earlier = [each.earlier for each in held if each.earlier is not None]
        if earlier:
            frames["earlier"] = pl.concat(earlier)
        return RawData(
            as_of=max((row["as_of"] for row in rows), default=None) or self.provider.as_of(),
            source=self.provider.name,
            simulated=self.provider.simulated,
            frames=MappingProxyType(frames),
            failures=MappingProxyType({name: error.what for name, error in refused.items()}),
        )

    # -- enrich -------------------------------------------------------------------------------

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        """Return a snapshot an underlying; `facts` is the summary, ``chain`` the enriched frame.

        With several expiries ``by_expiry`` holds the facts of each with its own ``chain``, and
        ``term`` the term structure.
        """
        found: dict[str, Snapshot] = {}
        for market in raw.frames["markets"].filter("asked").iter_rows(named=True):
            name = market["underlying"]
            facts = self._facts(raw, name)
            found[name] = Snapshot(
                instrument=_instrument(facts),
                as_of=market["as_of"],
                source=raw.source,
                simulated=raw.simulated,
                quote=_quote(market),
                facts=MappingProxyType(facts),
            )
        return found

    def _facts(self, raw: RawData, name: str) -> dict[str, Any]:
        """Return the facts of the expiry asked for, those of the others inside."""
        markets = raw.frames["markets"].filter(underlying=name)
        made: dict[date, dict[str, Any]] = {}
        for row in markets.iter_rows(named=True):
            try:
                made[row["expiry"]] = self._enriched(raw, row)
            except OutOfRange:  # trading time ends with the calendar; those beside it are extra
                if row["asked"]:
                    raise
        asked = markets.filter("asked").row(0, named=True)
        facts = made[asked["expiry"]]
        if self.options.smile:
            from alphastock_cli.analytics import smile  # a fit is not part of every chain

            facts["smile"] = smile.from_chain(facts["chain"], years=facts["years"])
        if "earlier" in raw.frames:
            facts |= self._standing(raw, name, asked)
        if len(made) > 1:
            facts["term"] = term_structure(made.values())
            # a copy: a mapping that held itself could not be printed
            facts["by_expiry"] = MappingProxyType({day: dict(own) for day, own in made.items()})
        return facts

    def _enriched(self, raw: RawData, market: Mapping[str, Any]) -> dict[str, Any]:
        here = {"underlying": market["underlying"], "expiry": market["expiry"]}
        before = raw.frames["closes"].filter(**here)
        frame, facts = enrich(
            raw.frames["chains"].filter(**here), market, self.options,
            before=None if before.is_empty() else before, listed=market["listed"],
            given=self.options.forward if market["asked"] else None,
        )  # fmt: skip
        return facts | {"chain": frame}

    def _standing(self, raw: RawData, name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return where the volatility 30 days ahead stands among that of earlier sessions."""
        from alphastock_cli.analytics import atm_points, iv_history

        def series(rows: pl.DataFrame) -> list[tuple[date, float | None]]:
            points = atm_points.atm_points(rows, rate=self.options.rate, limits=self.options.limits)
            held = atm_points.iv_series(points, days=DAYS_AHEAD)
            return [(time.date(), iv) for time, iv in held.get(name, [])]

        at = asked["as_of"]
        chains = raw.frames["chains"].filter(underlying=name)
        soon = asked["as_of"].date() + timedelta(days=1)
        today = chains.with_columns(time=pl.lit(at)).filter(pl.col("expiry") >= soon)
        now = next((iv for _, iv in series(today)), None)
        history = series(raw.frames["earlier"].filter(underlying=name))
        held = iv_history.standing(history, now, before=at.date())
        return {"iv_30d": now, **{f"iv_{key}": value for key, value in asdict(held).items()}}

    # -- what is known ------------------------------------------------------------------------

    def frame(self, underlying: str) -> pl.DataFrame | None:
        """Return the enriched chain of the latest run, or None before one."""
        held = self.get_latest_data(underlying).get(underlying)
        frame: pl.DataFrame | None = None if held is None else held.facts["chain"]
        return frame

    def get_options_chains_summary(self) -> dict[str, dict[str, Any]]:
        """Return the summary of each underlying of the latest runs; empty before one."""
        return {
            name: {key: value for key, value in held.facts.items() if key not in _FRAMES}
            for name, held in self.get_latest_data().items()
        }


def _index_underlyings() -> list[str]:
    return [name for name in contracts.symbols() if indices.underlying_index(name)]


def _instrument(facts: Mapping[str, Any]) -> Instrument:
    name = facts["underlying"]
    return Instrument(
        exchange=closes.derivative_exchange(name),
        tradingsymbol=name,
        asset_type=AssetType.OPTIONS,
        lot_size=facts["lot_size"] or 1,
        underlying=name,
        expiry=facts["expiry"],
    )


def _quote(market: Mapping[str, Any]) -> Quote | None:
    """Return the quote of the underlying, where its spot is known."""
    if market["spot"] is None:
        return None
    return Quote(key=market["spot_key"], time=market["as_of"], last_price=market["spot"])
