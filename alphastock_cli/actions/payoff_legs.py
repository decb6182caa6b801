"""From the words of a structure to legs with contract, price and volatility.

What is typed wins over the market for what was paid; volatilities are the market's, else those of
the typed price. What neither knows stays None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from alphastock_cli.actions.option_words import expiry_named
from alphastock_cli.actions.payoff_board import Board, Future
from alphastock_cli.analytics.greeks import Basis, solve
from alphastock_cli.analytics.leg_words import LegWords
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import contracts
from alphastock_cli.exchange.closes import derivative_exchange
from alphastock_cli.exchange.contracts import exchange_of

_OTHER = {LegKind.CALL: LegKind.PUT, LegKind.PUT: LegKind.CALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A leg and where its numbers come from.

    Attributes
    ----------
    price_source : str or None
        ``typed``, ``mid`` or ``last``; None without a price.
    price_status : str or None
        Why the market has no usable price.
    iv_source : str or None
        ``market``, ``other side`` (the volatility of CE and PE of a strike is one, by parity) or
        ``typed price``; None without a volatility.
    """

    leg: Leg
    text: str
    price_source: str | None = None
    price_status: str | None = None
    iv_source: str | None = None


def resolve(words: Sequence[LegWords], board: Board, expiry: date, *, lots: int = 1) -> list[Held]:
    """Return the legs with contract, price and volatility.

    Parameters
    ----------
    expiry : date
        Of the legs that name none.
    lots : int
        How many times the structure is held.
    """
    makers = {LegKind.FUTURE: _future, LegKind.SHARE: _share}
    return [makers.get(word.kind, _option)(word, board, expiry, lots) for word in words]


def buys_underlying(name: str) -> bool:
    """Whether the underlying itself can be held: a share can, an index or a commodity cannot."""
    return derivative_exchange(name) is Exchange.NFO and exchange_of(name) is None


def _option(word: LegWords, board: Board, expiry: date, lots: int) -> Held:
    assert word.place is not None
    day = board.expiry(word.expiry) if word.expiry else expiry
    strike = board.strike(day, word.place, word.kind.value)
    rows, facts = board.rows(day), board.facts(day)
    row = _row(rows, strike, word.kind)
    if row is None:
        raise UsageError(f"{board.name} {day} lists no {word.kind.value} at {strike:g}")
    lot = row["lot_size"] or facts["lot_size"]
    price = row["price"] if word.price is None else word.price
    iv, source = _volatility(row, _row(rows, strike, _OTHER[word.kind]), word.price, facts)
    leg = Leg(
        underlying=board.name, kind=word.kind, quantity=word.lots * lots * _units(lot, board),
        lot_size=_units(lot, board), strike=strike, expiry=day, price=price, iv=iv,
        tradingsymbol=row["tradingsymbol"] or "",
    )  # fmt: skip
    return Held(
        leg=leg, text=word.text, price_source=_source(word, row["price_source"]),
        price_status=row["price_status"], iv_source=source,
    )  # fmt: skip


def _future(word: LegWords, board: Board, expiry: date, lots: int) -> Held:
    """Return a future: of the expiry asked for, else the first that ends with the structure."""
    listed = board.futures
    day = expiry
    if listed and word.expiry:
        day = _future_day(board, word.expiry)
    elif word.expiry:
        day = board.expiry(word.expiry)
    elif listed:
        later = [each for each in listed if each >= expiry]
        if not later:
            raise UsageError(f"{board.name} lists no future from {expiry} on")
        day = later[0]
        if day != expiry:
            board.notes.append(f"{board.name} has no future of {expiry}: that of {day} is taken")
    held = listed.get(day, Future())
    lot = held.lot or contracts.lot_size(board.name, day, board.as_of.date())
    units = _units(lot or board.facts(expiry)["lot_size"], board)
    price = held.price if word.price is None else word.price
    leg = Leg(
        underlying=board.name, kind=word.kind, quantity=word.lots * lots * units, lot_size=units,
        expiry=day, price=price, tradingsymbol=held.symbol,
    )  # fmt: skip
    return Held(leg=leg, text=word.text, price_source=_source(word, held.source))


def _share(word: LegWords, board: Board, expiry: date, lots: int) -> Held:
    """Return the underlying itself, a lot of the options' units each."""
    if not buys_underlying(board.name):
        raise UsageError(
            f"{word.text}: {board.name} itself cannot be bought or sold",
            hint="Its future can: FUT.",
        )
    facts = board.facts(expiry)
    units = _units(facts["lot_size"], board)
    leg = Leg(
        underlying=board.name, kind=word.kind, quantity=word.lots * lots * units,
        price=facts["spot"] if word.price is None else word.price, tradingsymbol=board.name,
    )  # fmt: skip
    return Held(
        leg=leg, text=word.text,
        price_source=_source(word, None if facts["spot"] is None else "last"),
    )  # fmt: skip


def _source(word: LegWords, market: str | None) -> str | None:
    return market if word.price is None else "typed"


def _units(lot: int | None, board: Board) -> int:
    if lot is None:
        note = f"the lot of {board.name} is not known: a lot is taken as one unit"
        if note not in board.notes:
            board.notes.append(note)
    return lot or 1


def _row(rows: pl.DataFrame, strike: float, kind: LegKind) -> dict[str, Any] | None:
    same = (pl.col("strike") == strike) & (pl.col("option_type") == kind.value)
    return next(rows.filter(same).head(1).iter_rows(named=True), None)


def _volatility(
    row: Mapping[str, Any], other: Mapping[str, Any] | None, typed: float | None,
    facts: Mapping[str, Any],
) -> tuple[float | None, str | None]:  # fmt: skip
    """Return the volatility of a contract and whose it is."""
    if row["iv"] is not None:
        return row["iv"], "market"
    if other is not None and other["iv"] is not None:
        return other["iv"], "other side"
    if typed is None or facts["forward"] is None or facts["years"] <= 0:
        return None, None
    basis = Basis(forward=facts["forward"], years=facts["years"], rate=facts["rate"])
    call = np.array([row["option_type"] == "CE"])
    found, words = solve(np.array([typed]), np.array([row["strike"]]), call, basis)
    return (float(found[0]), "typed price") if words[0] == "ok" else (None, None)


def _future_day(board: Board, word: str) -> date:
    """Return the expiry of a future; every future is a monthly one."""
    days = tuple(board.futures)
    plain = "" if word in {"nearest", "monthly"} else word
    return expiry_named(plain, f"{board.name} FUT", days, as_of=board.as_of)


def scaled(legs: Sequence[Leg], multiplier: int) -> list[Leg]:
    """Return the legs with units that gain a rupee each when the price rises by one."""
    return [replace(leg, quantity=leg.quantity * multiplier) for leg in legs]
