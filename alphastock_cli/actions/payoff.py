"""The use case behind `payoff`: an option structure in words, its payoff and figures out.

Legs and prices: `payoff_legs.py`. Formulas: `analytics/structures.py` and `structure_values.py`.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alphastock_cli.actions.chain import ended_since
from alphastock_cli.actions.chain import warnings as chain_warnings
from alphastock_cli.actions.option_words import fraction
from alphastock_cli.actions.payoff_figures import at_expiry, summary
from alphastock_cli.actions.payoff_grid import grid
from alphastock_cli.actions.payoff_made import PayoffRequest, Structure, make
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics import structure_values as values
from alphastock_cli.analytics import templates
from alphastock_cli.analytics.structure_values import Vols
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.errors import UsageError

Floats = NDArray[np.float64]

_MOST_VOL = 10.0


def payoff(provider: MarketData, clock: Clock, request: PayoffRequest) -> Result:
    """Return payoffs over a range of prices, and the figures of the structure.

    Raises
    ------
    UsageError, UnknownName
        Words, strikes, expiries or measures that make no sense; the place is shown.
    NotOffered, ProviderError
        The provider has no chains, or not what a strike hangs on.
    DamagedData
        The data are older than `max_age`.
    """
    made = make(provider, clock, request)
    moment = _moment(made, request.on)
    found, expiring = at_expiry(made)
    legs, market = made.legs, made.market
    passed = 0.0 if moment is None else made.board.years(moment)
    prices = grid(
        request.span, points=request.points, market=made.facts, price=made.price,
        strikes=[leg.strike for leg in legs if leg.strike is not None],
    )  # fmt: skip
    now = None
    if market is not None and made.facts["years"] > 0:
        now = values.payoff(legs, market, prices, passed=passed, vols=request.vols)
    figures = summary(made, found, request, moment)
    return Result(
        kind="payoff",
        rows=pl.DataFrame(
            {
                "underlying_price": prices,
                "payoff_expiry": _column(None if expiring is None else expiring(prices), prices),
                "payoff_today": _column(now, prices),
            }
        ),
        summary=figures,
        as_of=made.board.as_of,
        source=provider.name,
        simulated=provider.simulated,
        warnings=tuple(_warnings(made, now is not None)),
        rows_follow=False,
    )


def strategies() -> Result:
    """Return the templates, one a row."""
    rows = [
        {"strategy": each.name, "description": each.text, "legs": each.legs,
         "parameters": ", ".join(_takes(each))}
        for each in templates.TEMPLATES.values()
    ]  # fmt: skip
    return Result(kind="payoff_strategies", rows=rows, source="built in")


def parse_vols(text: str) -> Vols:
    """Return what ``+2%`` (points more), ``-0.02`` (less) or ``15%`` (for all) does to volatility.

    Raises
    ------
    UsageError
        No number, or one that is no volatility.
    """
    word = text.strip()
    if not word:
        return Vols()
    value = fraction(word, option="--iv")
    if abs(value) > _MOST_VOL:
        raise UsageError(f"--iv {text}: beyond {_MOST_VOL:.0%}", hint="Two points more are +2%.")
    if word[0] in "+-":
        return Vols(shift=value)
    if value <= 0:
        raise UsageError(f"--iv {text}: a volatility is above 0", hint="Less is -2%.")
    return Vols(flat=value)


def _takes(found: templates.Template) -> list[str]:
    wide = found.takes_width(by_delta=True) or found.takes_width(by_delta=False)
    asked = {"--width": wide, "--delta": found.takes_delta, "--far": found.takes_far}
    return [name for name, taken in asked.items() if taken]


def _moment(made: Structure, on: date | None) -> datetime | None:
    """Return the moment `payoff_today` speaks of; None is the moment of the prices."""
    if on is None:
        return None
    first, last = made.board.as_of.date(), made.ends
    if not first <= on <= last:
        raise UsageError(
            f"--date {on}: give a day from {first} (the prices) to {last} (the nearest expiry)"
        )
    return max(made.board.ends(on), made.board.as_of)


def _column(found: Floats | None, prices: Floats) -> pl.Series:
    if found is None:
        return pl.Series([None] * len(prices), dtype=pl.Float64)
    return pl.Series(found, dtype=pl.Float64, nan_to_null=True)


def _warnings(made: Structure, valued: bool) -> list[str]:  # noqa: FBT001 - one flag
    """Say what is missing, and what a reader could otherwise take for granted."""
    seen = made.board.seen
    texts: list[str] = []
    for day, facts in seen.items():
        said = [*ended_since(facts, made.board.clock), *chain_warnings(facts)]
        texts += said if len(seen) == 1 else [f"{day}: {text}" for text in said]
    texts += made.board.notes
    for held in made.held:
        if held.leg.price is None:
            why = f" ({held.price_status})" if held.price_status else ""
            texts.append(f"{held.text} has no usable price{why}: give one, e.g. {held.text}=120.5")
        elif held.leg.is_option and held.leg.iv is None and not valued:
            texts.append(f"{held.text} has no volatility: its value before expiry is not known")
    if _cancels(made):
        texts.append("what is bought is sold again: nothing is left of the structure")
    lots = {leg.lot_size for leg in made.legs if leg.strike is not None}
    if len(lots) > 1:
        texts.append(f"a lot is not the same in all expiries: {', '.join(map(str, sorted(lots)))}")
    traded = [held.text for held in made.held if held.price_source == "last"]
    if traded:
        texts.append(f"priced by last trades, not by quotes: {', '.join(traded)}")
    if not made.one_expiry:
        texts.append(
            f"payoff_expiry is of {made.ends}, the nearest expiry: later legs are valued at their "
            "volatility then, extremes and breakevens are approximate"
        )
    return texts


def _cancels(made: Structure) -> bool:
    """Whether the legs are of the same contracts and add up to nothing."""
    units: dict[tuple[object, ...], int] = {}
    for leg in made.legs:
        contract = (leg.kind, leg.strike, leg.expiry)
        units[contract] = units.get(contract, 0) + leg.quantity
    return not any(units.values())
