"""Options: the chain of an underlying in, forward, volatilities, Greeks and ratios out.

The forward comes from put-call parity next to the money, else from the traded future, else from
the spot with carry; the summary says which. Formulas: `docs/conventions.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import polars as pl

from alphastock_cli.analytics import chain as chains
from alphastock_cli.analytics.forward import find_forward
from alphastock_cli.analytics.greeks import Basis, with_greeks, with_volatility
from alphastock_cli.domain.data import Quote, Snapshot
from alphastock_cli.domain.frames import CHAIN, TIME
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.domain.ports import Capability, Clock, MarketData
from alphastock_cli.errors import (
    AlphaStockError,
    NotOffered,
    OutOfRange,
    ProviderError,
    TransientError,
    UnknownName,
)
from alphastock_cli.exchange import calendar, closes, contracts, indices
from alphastock_cli.pricing.black76 import Model
from alphastock_cli.registry import RUNNERS
from alphastock_cli.runners._underlying import chain_moment, chain_spot, nearest_expiry, spot_key
from alphastock_cli.runners.base import BaseRunner, RawData, RunnerPolicy

DEFAULT_RATE = 0.065
_FUTURE_PRICES = ("last_price", "close")  # traded ones: a settlement is computed
_MARKETS = pl.Schema(
    {
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "as_of": TIME,  # what the chain is valid for
        "spot_key": pl.String(),  # what the spot was asked for; null where there is none
        "spot": pl.Float64(),
        "future": pl.Float64(),  # traded future of that expiry
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOptions:
    """How the runner looks at a chain.

    Attributes
    ----------
    expiry : date or None
        Which one; None takes the nearest that has not ended.
    rate : float
        Discounting, per year, continuous; `rate_source` says who chose it.
    model : str
        ``black76`` on the forward, or ``bsm`` on the spot.
    second_order : bool
        True adds vanna, volga, charm, speed and color.
    """

    expiry: date | None = None
    rate: float = DEFAULT_RATE
    rate_source: str = "default"
    model: Model = "black76"
    second_order: bool = False


@RUNNERS.register("options")
class OptionsRunner(BaseRunner):
    """Option chains, one expiry an underlying."""

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
        """Read chain, spot and future of each underlying; empty means those of the index list."""
        rows: list[dict[str, Any]] = []
        held: list[pl.DataFrame] = []
        refused: dict[str, AlphaStockError] = {}
        for name in symbols or _index_underlyings():
            try:
                row, chain = self._one(name)
            except (TransientError, NotOffered):
                raise
            except (UnknownName, ProviderError, OutOfRange) as error:
                refused[name] = error
            else:
                rows.append(row)
                held.append(chain)
        self.refusals = MappingProxyType(refused)
        frames = {
            "chains": pl.concat([pl.DataFrame(schema=CHAIN), *held]),
            "markets": pl.DataFrame(rows, schema=_MARKETS),
        }
        return RawData(
            as_of=max((row["as_of"] for row in rows), default=None) or self.provider.as_of(),
            source=self.provider.name,
            simulated=self.provider.simulated,
            frames=MappingProxyType(frames),
            failures=MappingProxyType({name: error.what for name, error in refused.items()}),
        )

    def _one(self, name: str) -> tuple[dict[str, Any], pl.DataFrame]:
        as_of = chain_moment(self.provider, name)
        expiry = self.options.expiry or nearest_expiry(
            name, self.provider.expiries(name), as_of=as_of, source=self.provider.name
        )
        chain = self.provider.option_chain(name, expiry)
        if chain.is_empty():
            raise ProviderError(f"`{self.provider.name}` has no chain of {name} {expiry}")
        key = spot_key(name)
        row = {
            "underlying": name,
            "expiry": expiry,
            "as_of": as_of,
            "spot_key": key,
            "spot": None if key is None else self._spot(key, name, as_of),
            "future": self._future(name, expiry),
        }
        return row, chain.with_columns(underlying=pl.lit(name)).sort(
            "strike", "option_type", maintain_order=True
        )

    def _spot(self, key: str, name: str, as_of: datetime) -> float | None:
        """Return the underlying's price: with the chain, its quote, an index's row of that day."""
        known = chain_spot(self.provider, name)
        if known is not None:
            return known
        held = None
        if Capability.QUOTES in self.provider.capabilities:
            held = self.provider.quotes([key]).get(key)
        if held is not None and held.last_price is not None:
            same_day = held.time.date() == as_of.date()
            return held.last_price if same_day else None
        index = indices.underlying_index(name)
        if index is None or Capability.INDICES_DAY not in self.provider.capabilities:
            return None
        day = as_of.date()
        rows = self.provider.indices_day(symbols=[index], start=day, end=day).collect()
        value: float | None = rows["close"][0] if rows.height else None
        return value

    def _future(self, name: str, expiry: date) -> float | None:
        """Return the price of the future of that expiry, where the provider has futures."""
        ask = getattr(self.provider, "futures", None)
        if ask is None:
            return None
        try:
            rows: pl.DataFrame = ask(name)
        except (NotOffered, UnknownName):
            return None
        same = rows.filter(pl.col("expiry") == expiry)
        known = [column for column in _FUTURE_PRICES if column in same.columns]
        for row in same.select(known).iter_rows():
            return next((float(price) for price in row if price is not None), None)
        return None

    # -- enrich -------------------------------------------------------------------------------

    def process_data(self, raw: RawData) -> dict[str, Snapshot]:
        """Return a snapshot an underlying; `facts` is the summary, ``chain`` the enriched frame."""
        found: dict[str, Snapshot] = {}
        for market in raw.frames["markets"].iter_rows(named=True):
            name = market["underlying"]
            chain = raw.frames["chains"].filter(pl.col("underlying") == name)
            frame, facts = self.enrich(chain, market)
            found[name] = Snapshot(
                instrument=_instrument(facts),
                as_of=market["as_of"],
                source=raw.source,
                simulated=raw.simulated,
                quote=_quote(market),
                facts=MappingProxyType({**facts, "chain": frame}),
            )
        return found

    def enrich(
        self, chain: pl.DataFrame, market: Mapping[str, Any]
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Return the enriched rows of one chain and its summary in the contract's names."""
        name, expiry, as_of = market["underlying"], market["expiry"], market["as_of"]
        exchange = closes.derivative_exchange(name)
        ends = closes.contract_close(exchange, expiry)
        years = closes.years_between(as_of, ends)
        rate, model = self.options.rate, self.options.model
        priced = chains.with_prices(
            chain, session=_session(exchange, as_of), tick=_tick(name, as_of.date())
        )
        forward = find_forward(
            priced, spot=market["spot"], future=market["future"], years=years, rate=rate,
            model=model,
        )  # fmt: skip
        basis = Basis(forward=forward.value, years=years, rate=rate, model=model)
        atm = chains.atm_strike(priced, forward.value)
        frame = chains.with_moneyness(
            priced, forward=forward.value, atm=atm, discount=basis.discount
        )
        frame = with_volatility(frame, basis)
        frame = with_greeks(frame, basis, second_order=self.options.second_order)
        iv = chains.atm_iv(frame, atm)
        facts = {
            "underlying": name, "spot": market["spot"], "forward": forward.value,
            "future": market["future"], "expiry": expiry, "years": years,
            "days_to_expiry": (expiry - as_of.date()).days, "atm_strike": atm, "atm_iv": iv,
            **chains.totals(frame),
            "expected_move": chains.expected_move(forward.value, iv, years),
            "straddle": chains.straddle(frame, atm), "lot_size": _lot(chain, name, expiry, as_of),
            "model": model, "rate": rate, "rate_source": self.options.rate_source,
            "forward_source": forward.source, "forward_pairs": forward.pairs,
            "forward_quoted": forward.quoted, "expires_at": ends,
        }  # fmt: skip
        return frame, facts

    def frame(self, underlying: str) -> pl.DataFrame | None:
        """Return the enriched chain of the latest run, or None before one."""
        held = self.get_latest_data(underlying).get(underlying)
        frame: pl.DataFrame | None = None if held is None else held.facts["chain"]
        return frame

    def get_options_chains_summary(self) -> dict[str, dict[str, Any]]:
        """Return the summary of each underlying of the latest runs; empty before one."""
        return {
            name: {key: value for key, value in held.facts.items() if key != "chain"}
            for name, held in self.get_latest_data().items()
        }


def _index_underlyings() -> list[str]:
    return [name for name in contracts.symbols() if indices.underlying_index(name)]


def _session(exchange: Exchange, as_of: datetime) -> date:
    try:
        return calendar.latest_session(calendar.segment_of(exchange), as_of).day
    except OutOfRange:
        return as_of.date()


def _tick(underlying: str, on: date) -> float | None:
    """Return the price step of the options, where the tables know it without a price."""
    tick: Decimal | None = contracts.tick_size(underlying, on, "option_")
    if tick is None and contracts.exchange_of(underlying) is None:
        tick = contracts.price_tick("stock_option", None, on)
    return None if tick is None else float(tick)


def _lot(chain: pl.DataFrame, name: str, expiry: date, as_of: datetime) -> int | None:
    """Return the lot the chain names most often, else the one our tables know."""
    named = chain["lot_size"].drop_nulls()
    if len(named):
        return max(int(lot) for lot in named.mode())
    return contracts.lot_size(name, expiry, as_of.date())


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
