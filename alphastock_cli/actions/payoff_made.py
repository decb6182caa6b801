"""What a person asked of `payoff` becomes a structure at the market's prices.

Legs and their prices: `payoff_legs.py`; the figures of the structure: `payoff_figures.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from alphastock_cli.actions.option_words import Rate
from alphastock_cli.actions.payoff_board import Board
from alphastock_cli.actions.payoff_grid import Span
from alphastock_cli.actions.payoff_legs import Held, resolve
from alphastock_cli.actions.payoff_templates import Measures, from_template
from alphastock_cli.analytics import leg_words, templates
from alphastock_cli.analytics.structure_values import Expiry, Market, Vols
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.structure import Leg
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange import contracts

POINTS = 101
_MOST_POINTS = 10_001
_MOST_LOTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffRequest:
    """What a person asked; empty strings and None mean not asked.

    Attributes
    ----------
    text : str
        Underlying and legs; of a strategy the underlying alone.
    on : date or None
        The day `payoff_today` speaks of; None is the moment of the prices.
    vols : Vols
        How volatilities are moved wherever a leg is valued.
    """

    text: str
    strategy: str = ""
    measures: Measures = field(default_factory=Measures)
    expiry: str = ""
    lots: int = 1
    span: Span | None = None
    points: int = POINTS
    on: date | None = None
    vols: Vols = field(default_factory=Vols)
    rate: Rate
    max_age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A structure with everything it is judged by.

    Attributes
    ----------
    ends : date
        The nearest expiry of the legs.
    market : Market or None
        None where neither spot nor forward is known.
    """

    held: tuple[Held, ...]
    board: Board
    ends: date
    market: Market | None
    multiplier: int
    vols: Vols

    @property
    def legs(self) -> list[Leg]:
        """The legs alone."""
        return [each.leg for each in self.held]

    @property
    def one_expiry(self) -> bool:
        """Whether nothing lives on after the nearest expiry."""
        return all(leg.expiry in {None, self.ends} for leg in self.legs)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The chain of the nearest expiry, or the one the structure was asked for."""
        seen = self.board.seen
        return seen.get(self.ends) or seen[min(seen)]

    @property
    def price(self) -> float | None:
        """The underlying now, rupees; None where not known."""
        return None if self.market is None else self.market.price


def make(provider: MarketData, clock: Clock, request: PayoffRequest) -> Structure:
    """Return the structure that was asked for, at the market's prices.

    Raises
    ------
    UsageError, UnknownName
        Words, strikes, expiries or measures that make no sense; the place is shown.
    NotOffered, ProviderError
        The provider has no chains, or not what a strike hangs on.
    DamagedData
        The data are older than asked for.
    """
    _check(request)
    found = templates.template(request.strategy) if request.strategy else None
    if not found and not request.text.strip():
        raise UsageError("nothing to value: give legs, or a --strategy", hint=leg_words.EXAMPLE)
    words = None if found else leg_words.parse(request.text)
    name = words.underlying if words else _only_underlying(request.text)
    board = Board(provider, clock, name, request.rate, max_age=request.max_age)
    if words and words.expiry and request.expiry:
        raise UsageError(
            f"@{words.expiry} and --expiry {request.expiry}: give the expiry of the whole once"
        )
    expiry = board.expiry((words.expiry if words else "") or request.expiry)
    legs = words.legs if words else ()
    if found:
        legs = tuple(from_template(found, board, expiry, request.measures))
    held = tuple(resolve(legs, board, expiry, lots=request.lots))
    _check_vols(held, request.vols)
    days = sorted({each.leg.expiry for each in held if each.leg.expiry is not None}) or [expiry]
    board.facts(days[0] if days[0] in board.days else expiry)
    multiplier = contracts.multiplier(board.name, board.as_of.date()) or 1
    return Structure(
        held=held, board=board, ends=days[0], multiplier=multiplier, vols=request.vols,
        market=_market(board, days, multiplier),
    )  # fmt: skip


def _check_vols(held: Sequence[Held], vols: Vols) -> None:
    """Refuse a move that leaves a leg without volatility."""
    for each in held:
        vol = vols.of(each.leg)
        if each.leg.is_option and vol is not None and vol <= 0:
            raise UsageError(
                f"--iv {vols.shift:+.1%}: {each.text} has {each.leg.iv:.1%}, which leaves none"
            )


def _only_underlying(text: str) -> str:
    """Return the underlying of a strategy, which brings its own legs."""
    word = text.strip()
    if not word:
        raise UsageError(
            "--strategy needs an underlying",
            hint="e.g. alphastock payoff --strategy iron_condor NIFTY --expiry weekly",
        )
    if any(part[0] in "+-@" + leg_words.MINUS for part in word.split()):
        raise UsageError(
            "--strategy brings its own legs: name the underlying alone",
            hint="e.g. alphastock payoff --strategy iron_condor NIFTY --expiry weekly",
        )
    return word


def _market(board: Board, days: Sequence[date], multiplier: int) -> Market | None:
    """Return what the legs are valued against."""
    expiries = {}
    for day in days:
        forward = board.facts(day)["forward"] if day in board.days else None
        if forward is None and day in board.futures:
            forward = board.futures[day].price
        expiries[day] = Expiry(years=board.years(board.ends(day)), forward=forward)
    seen = board.seen
    spot = next((facts["spot"] for facts in seen.values() if facts["spot"] is not None), None)
    nearest = next((each.forward for each in expiries.values() if each.forward is not None), None)
    price = spot if spot is not None else nearest
    if price is None:
        return None
    rate = board.rate
    return Market(price=price, expiries=expiries, rate=rate.value, model=rate.model,
                  multiplier=multiplier)  # fmt: skip


def _check(request: PayoffRequest) -> None:
    """Refuse numbers that make no sense, and those that would do nothing."""
    if not 1 <= request.lots <= _MOST_LOTS:
        raise UsageError(f"--lots {request.lots}: give a number from 1 to {_MOST_LOTS:,}")
    if not 2 <= request.points <= _MOST_POINTS:  # noqa: PLR2004 - the ends of a range
        raise UsageError(f"--points {request.points}: give a number from 2 to {_MOST_POINTS:,}")
    width, delta = request.measures.width, request.measures.delta
    if width is not None and not (math.isfinite(width) and width > 0):
        raise UsageError(f"--width {width}: give rupees above 0")
    if delta is not None and not 0 < delta < 1:
        raise UsageError(f"--delta {delta}: give a number between 0 and 1", hint="e.g. 0.2")
    given = request.measures != Measures()
    if given and not request.strategy:
        raise UsageError("--width, --delta and --far cut a --strategy; typed legs have strikes")
