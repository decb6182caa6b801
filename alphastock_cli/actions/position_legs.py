"""One leg of a book valued: its contract found, its price, Greeks, worth and profit filled in.

What cannot be valued keeps its reason. Sums over legs are the business of `greeks_file.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from alphastock_cli.actions.chain import read
from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.position_rows import Position
from alphastock_cli.actions.position_terms import Contracts, Terms, futures, spot_of_share
from alphastock_cli.analytics.greeks import FIRST_ORDER, Basis, sensitivities
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import OutOfRange, ProviderError, TransientError, UnknownName
from alphastock_cli.exchange import contracts

SCHEMA = pl.Schema(
    {
        "line": pl.Int64(),
        "tradingsymbol": pl.String(),
        "underlying": pl.String(),
        "expiry": pl.Date(),
        "strike": pl.Float64(),
        "option_type": pl.String(),
        "quantity": pl.Int64(),
        "lots": pl.Float64(),
        "multiplier": pl.Int64(),  # rupees a unit gains when the price rises by 1; 1 but for some
        "entry_price": pl.Float64(),
        "price": pl.Float64(),
        "price_source": pl.String(),
        "iv": pl.Float64(),
        "iv_status": pl.String(),
        **dict.fromkeys(FIRST_ORDER, pl.Float64()),
        "value": pl.Float64(),
        "pnl": pl.Float64(),
        "status": pl.String(),
    }
)


@dataclass(slots=True)
class HeldLeg:
    """A row on its way: what it says, what it means, what it is measured against."""

    row: Position
    cells: dict[str, Any]
    terms: Terms | None = None
    held: Snapshot | None = None
    level: float | None = None
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether it enters the sums."""
        return not self.problem

    @property
    def size(self) -> int:
        """Rupees gained when the price rises by 1."""
        return int(self.cells["quantity"] * self.cells["multiplier"])


@dataclass(slots=True)
class BookMarket:
    """What was read of the provider, each chain once."""

    provider: MarketData
    clock: Clock
    rate: Rate
    chains: dict[tuple[str, date], Snapshot | str] = field(default_factory=dict)

    def chain(self, name: str, expiry: date) -> Snapshot | str:
        """Return the enriched chain, or why there is none."""
        key = (name, expiry)
        if key not in self.chains:
            try:
                self.chains[key] = read(self.provider, self.clock, name, expiry, self.rate)
            except TransientError:
                raise
            except (UnknownName, ProviderError, OutOfRange) as error:
                self.chains[key] = error.what
        return self.chains[key]


def valued(row: Position, listing: Contracts, market: BookMarket) -> HeldLeg:
    """Return a row of the file as a leg, valued as far as it can be."""
    cells = dict.fromkeys(SCHEMA) | {
        "line": row.line, "tradingsymbol": row.tradingsymbol or None,
        "underlying": row.underlying or None, "expiry": row.expiry, "strike": row.strike,
        "option_type": row.kind and row.kind.value, "quantity": row.quantity, "lots": row.lots,
        "entry_price": row.price,
    }  # fmt: skip
    leg = HeldLeg(row, cells, problem=row.problem)
    if leg.counts:
        leg.terms = listing.find(row)
        leg.problem = (
            _clash(leg, listing) if leg.terms else f"no such contract or share: {row.tradingsymbol}"
        )
    if leg.counts:
        _value(leg, market)
    cells["status"] = leg.problem or "ok"
    return leg


def _clash(leg: HeldLeg, listing: Contracts) -> str:
    """Return how the row contradicts the contract it names, or nothing."""
    row, terms = leg.row, leg.terms
    assert terms is not None
    name = row.underlying if terms.kind is LegKind.SHARE else listing.named(row.underlying)
    said = {"underlying": name or None, "expiry": row.expiry, "strike": row.strike,
            "option_type": row.kind}  # fmt: skip
    meant = {"underlying": terms.underlying, "expiry": terms.expiry, "strike": terms.strike,
             "option_type": terms.kind}  # fmt: skip
    for name, value in said.items():
        if value is not None and value != meant[name]:
            return f"{row.tradingsymbol} has {name} {meant[name]}, the row says {value}"
    leg.cells |= meant | {"option_type": terms.kind.value}
    return ""


def _value(leg: HeldLeg, market: BookMarket) -> None:
    """Fill in price, Greeks, value and profit, or say why they are not known."""
    terms, cells = leg.terms, leg.cells
    assert terms is not None
    lot: int | None = 1
    cells["multiplier"] = 1
    if terms.kind is LegKind.SHARE:
        leg.level = spot_of_share(market.provider, terms.underlying)
        cells["price_source"] = "quote" if leg.level is not None else None
        leg.problem = "" if leg.level is not None else f"no price of {terms.underlying}"
    else:
        assert terms.expiry is not None
        found = market.chain(terms.underlying, terms.expiry)
        leg.held = None if isinstance(found, str) else found
        lot = leg.held.facts["lot_size"] if leg.held else None
        on = market.provider.as_of().date() if leg.held is None else leg.held.as_of.date()
        cells["multiplier"] = contracts.multiplier(terms.underlying, on) or 1
        if terms.kind is LegKind.FUTURE:
            _future(leg, market)
        elif isinstance(found, str):
            leg.problem = found
        else:
            _option(leg, found)
    problem = _count(leg, lot)
    leg.problem = leg.problem or problem
    if leg.counts:
        _worth(leg)


def _future(leg: HeldLeg, market: BookMarket) -> None:
    """Take the traded future, else the forward of the options of that expiry."""
    terms = leg.terms
    assert terms is not None
    assert terms.expiry is not None
    traded = futures(market.provider, terms.underlying)
    leg.level, source = traded.get(terms.expiry), "future"
    if leg.level is None and leg.held is not None:
        leg.level, source = leg.held.facts["forward"], leg.held.facts["forward_source"]
    if leg.level is None:
        leg.problem = f"no price of the future of {terms.underlying} {terms.expiry}"
        return
    leg.cells["price_source"] = source


def _option(leg: HeldLeg, held: Snapshot) -> None:
    """Take price and Greeks of the chain's row; at the volatility given where there is one."""
    terms, cells, facts = leg.terms, leg.cells, held.facts
    assert terms is not None
    match = (pl.col("strike") == terms.strike) & (pl.col("option_type") == terms.kind.value)
    found = facts["chain"].filter(match)
    if found.is_empty():
        leg.problem = f"{terms.underlying} {terms.expiry} lists no {terms.strike:g} {terms.kind}"
        return
    row = found.row(0, named=True)
    cells |= {name: row[name] for name in ("tradingsymbol", "price", "price_source", "iv",
                                           "iv_status", *FIRST_ORDER)}  # fmt: skip
    leg.level = facts["forward"]
    if leg.row.iv is not None and facts["forward"] is not None and facts["years"] > 0:
        basis = Basis(forward=facts["forward"], years=facts["years"], rate=facts["rate"],
                      model=facts["model"])  # fmt: skip
        made = sensitivities(np.array([terms.strike]), np.array([leg.row.iv]),
                             np.array([terms.kind is LegKind.CALL]), basis)  # fmt: skip
        cells |= {name: float(made[name][0]) for name in FIRST_ORDER}
        cells |= {"iv": leg.row.iv, "iv_status": "given"}
        if cells["price"] is None:
            cells |= {"price": float(made["price"][0]), "price_source": "iv"}
    if cells["delta"] is None:
        leg.problem = f"not valued: {cells['iv_status']}"


def _count(leg: HeldLeg, lot: int | None) -> str:
    """Fill in units and lots from each other; return what is wrong with them, or nothing."""
    row, cells = leg.row, leg.cells
    share = leg.terms is not None and leg.terms.kind is LegKind.SHARE
    if share and row.lots is not None:
        return "a share has no lots: give its quantity"
    if row.lots is not None:
        if lot is None:
            return "" if row.quantity is not None else "the lot is not known: give the quantity"
        units = row.lots * lot
        if units != int(units):
            return f"{row.lots:g} lots of {lot} are no whole units"
        if row.quantity is not None and row.quantity != units:
            return f"quantity {row.quantity} and {row.lots:g} lots of {lot} do not agree"
        cells["quantity"] = int(units)
    elif lot and not share:
        assert row.quantity is not None
        cells["lots"] = row.quantity / lot
    return ""


def _worth(leg: HeldLeg) -> None:
    """Fill in price, delta, value and profit of a leg that is known to have them."""
    cells, terms = leg.cells, leg.terms
    assert terms is not None
    option = terms.kind in {LegKind.CALL, LegKind.PUT}
    if not option:
        cells["price"] = leg.level
        cells |= dict.fromkeys(FIRST_ORDER, 0.0) | {"delta": 1.0}
    price = cells["price"]
    if terms.kind is not LegKind.FUTURE:  # a future is settled daily: holding one is worth nothing
        cells["value"] = leg.size * price
    if leg.row.price is not None:
        cells["pnl"] = leg.size * (price - leg.row.price)
