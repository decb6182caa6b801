"""Greeks of a file of positions: every leg, the net of the book, and its scenario grid.

A leg that cannot be valued stays among the rows with its reason and outside every sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from alphastock_cli.actions.age import check_age
from alphastock_cli.actions.chain import ended_since, warnings
from alphastock_cli.actions.option_words import Rate, offers_chains
from alphastock_cli.actions.position_legs import SCHEMA, BookMarket, HeldLeg, valued
from alphastock_cli.actions.position_terms import Contracts
from alphastock_cli.actions.positions_file import read_positions
from alphastock_cli.actions.result import Result
from alphastock_cli.analytics.greeks import FIRST_ORDER
from alphastock_cli.analytics.portfolio import Book, scenarios
from alphastock_cli.domain.data import Snapshot
from alphastock_cli.domain.ports import Clock, MarketData
from alphastock_cli.domain.structure import LegKind
from alphastock_cli.errors import UsageError
from alphastock_cli.exchange.closes import derivative_exchange
from alphastock_cli.exchange.daycount import years_left

EXPIRY = "expiry"
_MOST_CELLS = 50_000
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The scenarios to compute: moves in percent, in points, and days from now.

    A day may be ``expiry``: the close of the leg that ends first.
    """

    spot_pct: tuple[float, ...] = tuple(float(n) for n in range(-5, 6))
    iv_points: tuple[float, ...] = tuple(float(n) for n in range(-5, 6))
    days: tuple[float | str, ...] = (0.0, 1.0, 5.0, EXPIRY)

    def __post_init__(self) -> None:
        """Refuse a grid nobody could read."""
        cells = len(self.spot_pct) * len(self.iv_points) * len(self.days)
        if cells > _MOST_CELLS:
            raise UsageError(f"the grid has {cells:,} cells; {_MOST_CELLS:,} are the most")


def greeks_file(
    provider: MarketData,
    clock: Clock,
    path: Path,
    rate: Rate,
    grid: Grid,
    *,
    max_age: float | None = None,
) -> Result:
    """Return a row a leg, and in the summary the net Greeks and the scenarios of the book.

    Raises
    ------
    UsageError
        The file is no table of positions.
    NotOffered
        The provider has no option chains.
    DamagedData
        The data are older than `max_age`.
    """
    offers_chains(provider)
    rows = read_positions(path)
    listing, market = Contracts(provider, rows), BookMarket(provider, clock, rate)
    legs = [valued(row, listing, market) for row in rows]
    held = [leg.held for leg in legs if leg.held is not None]
    as_of = max((snapshot.as_of for snapshot in held), default=None) or provider.as_of()
    check_age(min((snapshot.as_of for snapshot in held), default=as_of), clock, max_age)
    counted = [leg for leg in legs if leg.counts]
    return Result(
        kind="greeks_file",
        rows=pl.DataFrame([leg.cells for leg in legs], schema=SCHEMA),
        summary={
            "file": path.name, "legs": len(legs), "legs_counted": len(counted),
            "model": rate.model, "rate": rate.value, "rate_source": rate.source,
            "daycount": rate.daycount, "net": _net(counted), "by_underlying": _by_name(counted),
            "scenarios": _scenarios(counted, rate, grid, as_of),
        },
        as_of=as_of,
        source=provider.name,
        simulated=provider.simulated,
        warnings=tuple(_warnings(legs, market, as_of, clock)),
    )  # fmt: skip


# -- the book -----------------------------------------------------------------------------------


def _net(legs: Sequence[HeldLeg]) -> dict[str, Any]:
    """Return the sums over the legs; delta and gamma only where there is one underlying."""
    one = len({_name(leg) for leg in legs}) == 1
    made = {name: _sum(leg.cells[name] * leg.size for leg in legs) if legs else None
            for name in FIRST_ORDER}  # fmt: skip
    if not one:
        made |= {"delta": None, "gamma": None}
    return {
        **made,
        "delta_value": _sum(leg.cells["delta"] * leg.size * _level(leg)
                            for leg in legs) if legs else None,
        "value": _known(legs, "value"), "pnl": _known(legs, "pnl"),
        "legs_with_entry": sum(leg.cells["pnl"] is not None for leg in legs),
    }  # fmt: skip


def _by_name(legs: Sequence[HeldLeg]) -> list[dict[str, Any]]:
    names = sorted({_name(leg) for leg in legs})
    return [
        {"underlying": name, **_net([leg for leg in legs if _name(leg) == name])} for name in names
    ]


def _name(leg: HeldLeg) -> str:
    assert leg.terms is not None
    return leg.terms.underlying


def _level(leg: HeldLeg) -> float:
    """Return what delta is per rupee of: the forward, under ``bsm`` the spot below it."""
    assert leg.level is not None
    facts: Mapping[str, Any] = leg.held.facts if leg.held else {}
    option = leg.terms is not None and leg.terms.kind in {LegKind.CALL, LegKind.PUT}
    if option and facts["model"] == "bsm":
        return leg.level * float(np.exp(-facts["rate"] * facts["years"]))
    return leg.level


def _sum(values: Any) -> float:  # noqa: ANN401 - any numbers
    return float(sum(values))


def _known(legs: Sequence[HeldLeg], name: str) -> float | None:
    values = [leg.cells[name] for leg in legs if leg.cells[name] is not None]
    return sum(values) if values else None


def _scenarios(
    legs: Sequence[HeldLeg], rate: Rate, grid: Grid, as_of: datetime
) -> list[dict[str, Any]]:
    """Return the profit of the book in each scenario, in the order days, points, percent."""
    steps = _steps(legs, grid)
    if not legs:
        return []
    pnl = scenarios(_book(legs, rate, steps), spot_pct=grid.spot_pct, iv_points=grid.iv_points)
    return [
        {
            "days": step / timedelta(days=1), "at": as_of + step, "spot_pct": move,
            "iv_points": points, "pnl": float(pnl[n, i, j]),
        }
        for n, step in enumerate(steps)
        for i, points in enumerate(grid.iv_points)
        for j, move in enumerate(grid.spot_pct)
    ]  # fmt: skip


def _steps(legs: Sequence[HeldLeg], grid: Grid) -> list[timedelta]:
    """Return how far ahead each moment lies; ``expiry`` is left out where nothing expires."""
    left = [leg.held.facts["expires_at"] - leg.held.as_of for leg in legs if leg.held]
    steps = [timedelta(days=float(day)) for day in grid.days if day != EXPIRY]
    if EXPIRY in grid.days and left:
        steps.append(min(left))
    return sorted(set(steps))


def _book(legs: Sequence[HeldLeg], rate: Rate, steps: Sequence[timedelta]) -> Book:
    options = np.array([leg.cells["iv_status"] is not None for leg in legs])

    def column(values: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

    times: dict[tuple[str, date], list[float]] = {}
    for leg in legs:
        if leg.held is not None:
            key = (_name(leg), leg.held.facts["expiry"])
            if key not in times:
                times[key] = _times(leg.held, rate, steps)
    left = [
        times[_name(leg), leg.held.facts["expiry"]] if leg.held else [np.nan] * len(steps)
        for leg in legs
    ]
    return Book(
        quantity=column([leg.size for leg in legs]),
        level=column([leg.level for leg in legs]),
        strike=column([leg.cells["strike"] for leg in legs]),
        vol=column([leg.cells["iv"] or 0.0 for leg in legs]),  # none: a price without time value
        is_call=np.array([leg.cells["option_type"] == "CE" for leg in legs]),
        is_option=options,
        years=np.array(left, dtype=np.float64).reshape(len(legs), len(steps)),
        now=column([leg.held.facts["years"] if leg.held else None for leg in legs]),
        rate=rate.value, spot_held=rate.model == "bsm",
    )  # fmt: skip


def _times(held: Snapshot, rate: Rate, steps: Sequence[timedelta]) -> list[float]:
    exchange = derivative_exchange(held.facts["underlying"])
    ends = held.facts["expires_at"]
    return [years_left(exchange, held.as_of + step, ends, rate.daycount) for step in steps]


def _warnings(
    legs: Sequence[HeldLeg], market: BookMarket, as_of: datetime, clock: Clock
) -> list[str]:
    bad = [leg for leg in legs if not leg.counts]
    texts = [f"line {leg.row.line} is left out of every sum: {leg.problem}" for leg in bad[:_SHOWN]]
    if len(bad) > _SHOWN:
        texts.append(f"{len(bad) - _SHOWN} more lines are left out: see `status`")
    for (name, expiry), held in market.chains.items():
        if isinstance(held, str):
            continue
        said = [*ended_since(held.facts, clock), *warnings(held.facts)]
        texts += [f"{name} {expiry}: {text}" for text in said]
        if held.as_of != as_of:
            texts.append(f"{name} {expiry} is of {held.as_of:%Y-%m-%d %H:%M}, not of {as_of:%H:%M}")
    return texts
