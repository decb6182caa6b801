"""A position revalued in sixteen scenarios of price and volatility, in the manner of SPAN.

Arrays of one underlying's futures and options; whose money it is and what else is blocked is the
business of `margins.py`. numpy is loaded only when a position is valued.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeAlias

from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.exchange.margin_rules import MarginRules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

_SCENARIOS: Final = tuple(
    (step / 3, vol) for step in (0, 1, -1, 2, -2, 3, -3) for vol in (1.0, -1.0)
)  # and two extreme moves after them
_TWO_DAYS: Final = math.sqrt(2.0)
_SESSIONS: Final = 252.0  # a daily deviation from a yearly one, as the exchange counts
_MONTH_DAYS: Final = 365.0 / 12.0
_LEAST: Final = 1e-6  # of the price: a fall of a whole price leaves something to revalue
_MOST_LEFT_OUT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What the legs are valued at, as described in `margins.estimate`."""

    on: date
    forwards: Mapping[date, float]
    years: Mapping[date, float]
    spot: float | None
    rate: float
    volatility: float | None

    def notional(self, leg: Leg) -> float:
        """Return the price at which a unit of the leg counts."""
        return self.spot or self.forwards[expiry_of(leg)]


def expiry_of(leg: Leg) -> date:
    """Return the expiry of a future or an option."""
    if leg.expiry is None:
        raise ValueError(f"{leg.underlying} {leg.kind} has no expiry")
    return leg.expiry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Book:
    """Futures and options of one underlying, valued: a row a leg.

    `losses` holds the counted loss in rupees, a column a scenario; `value` the option value held,
    `delta` in units of the underlying, `paid` the premium, `forward` in rupees.
    """

    legs: Sequence[Leg]
    rules: MarginRules
    market: Market
    losses: Floats
    value: Floats
    delta: Floats
    paid: Floats
    forward: Floats

    @classmethod
    def of(cls, legs: Sequence[Leg], rules: MarginRules, market: Market) -> Book:
        """Revalue every leg in every scenario."""
        import numpy as np

        from alphastock_cli.pricing import greeks, price

        days = [expiry_of(leg) for leg in legs]
        option = np.array([leg.is_option for leg in legs])
        quantity = np.array([leg.quantity for leg in legs], dtype=np.float64)
        forward = np.array([market.forwards[day] for day in days])
        left = np.array([market.years[day] for day in days])
        strike = np.array([leg.strike or 1.0 for leg in legs])  # of a future it is not looked at
        vol = np.array([leg.iv or 0.0 for leg in legs])
        call = np.array([leg.kind is not LegKind.PUT for leg in legs])
        moves = [move for move, _ in _SCENARIOS] + [rules.extreme_moves, -rules.extreme_moves]
        signs = np.array([sign for _, sign in _SCENARIOS] + [0.0, 0.0])
        cover = np.array([1.0] * len(_SCENARIOS) + [rules.extreme_cover] * 2)

        ranges = np.array([_price_scan(rules, item, market.volatility) for item in left])
        moved = np.maximum(1.0 + ranges[:, None] * np.array(moves), _LEAST) * forward[:, None]
        shaken = np.maximum(vol[:, None] + signs * _volatility_scan(rules, market.volatility), 0.0)
        now = greeks(forward, strike, left, vol, rate=market.rate, is_call=call)
        then = price(
            moved, strike[:, None], left[:, None], shaken, rate=market.rate, is_call=call[:, None]
        )
        gained = np.where(option[:, None], then - now.price[:, None], moved - forward[:, None])
        asked = np.array([math.nan if leg.price is None else leg.price for leg in legs])
        each = np.where(np.isnan(asked), now.price, asked)
        return cls(
            legs=legs,
            rules=rules,
            market=market,
            losses=-quantity[:, None] * gained * cover,
            value=np.where(option, quantity * now.price, 0.0),
            delta=quantity * np.where(option, now.delta, 1.0),
            paid=np.where(option, quantity * each, 0.0),
            forward=forward,
        )

    def premium(self) -> float:
        """Return the rupees paid for options less those received."""
        return math.fsum(self.paid)

    def requirement(self) -> float:
        """Return the span margin in rupees.

        Contracts on their last day stand alone where the rules of the day say so.
        """
        rows = range(len(self.legs))
        ending = [i for i in rows if self.legs[i].expiry == self.market.on]
        if self.rules.calendar_on_expiry_day or len(ending) in {0, len(self.legs)}:
            return self._offset(list(rows))
        others = [i for i in rows if self.legs[i].expiry != self.market.on]
        return self._offset(ending) + self._offset(others)

    def _offset(self, rows: list[int]) -> float:
        """Return the margin with offsets between expiries, never more than without them.

        A bought option is a right: where the calendar charge makes holding it dearer than not
        holding it, it counts as not held.
        """
        expiries = sorted({expiry_of(self.legs[i]) for i in rows})
        if len(expiries) == 1:
            return self._joint(rows)
        alone = math.fsum(
            self._joint([i for i in rows if self.legs[i].expiry == day]) for day in expiries
        )
        bought = [i for i in rows if self.legs[i].is_option and self.legs[i].quantity > 0]
        most = len(bought) if len(bought) <= _MOST_LEFT_OUT else 0
        tried = (
            self._joint([i for i in rows if i not in left_out])
            for count in range(most + 1)
            for left_out in combinations(bought, count)
        )
        return min(alone, *tried)

    def _joint(self, rows: Sequence[int]) -> float:
        """Return the margin of some legs as one position."""
        if not rows:
            return 0.0
        index = list(rows)
        scan = max(float(self.losses[index].sum(axis=0).max()), 0.0)
        least = self._short_minimum(index)
        wanted = max(scan + self._calendar(index), least)
        return max(wanted - math.fsum(self.value[index]), 0.0)

    def _calendar(self, rows: Sequence[int]) -> float:
        """Return the charge for deltas that offset each other over expiries, near ones first."""
        net: dict[date, float] = {}
        price: dict[date, float] = {}
        for i in rows:
            day = expiry_of(self.legs[i])
            net[day] = net.get(day, 0.0) + float(self.delta[i])
            price[day] = float(self.forward[i])
        charge = 0.0
        for far in sorted(net):
            for near in sorted(day for day in net if day < far):
                if net[near] * net[far] < 0:
                    paired = math.copysign(min(abs(net[near]), abs(net[far])), net[far])
                    net[near] += paired
                    net[far] -= paired
                    charge += abs(paired) * price[far] * self.rules.calendar_charge
        return charge

    def _short_minimum(self, rows: Sequence[int]) -> float:
        """Return the least margin of sold options that bought ones of their kind do not cover."""
        total = 0.0
        for kind in (LegKind.CALL, LegKind.PUT):
            mine = [self.legs[i] for i in rows if self.legs[i].kind is kind]
            sold = [leg for leg in mine if leg.quantity < 0]
            open_units = -sum(leg.quantity for leg in mine)
            if open_units > 0:
                dearest = max(self.market.notional(leg) for leg in sold)
                total += open_units * dearest * self.rules.short_option_minimum
        return total


def _price_scan(rules: MarginRules, years: float, volatility: float | None) -> float:
    months = years * 365.0 / _MONTH_DAYS
    far = rules.far_months is not None and months > rules.far_months
    least = rules.scan_minimum_far if far else rules.scan_minimum
    if volatility is None:
        return least
    return max(least, rules.scan_sigmas * _TWO_DAYS * volatility / math.sqrt(_SESSIONS))


def _volatility_scan(rules: MarginRules, volatility: float | None) -> float:
    return max(rules.volatility_minimum, rules.volatility_share * (volatility or 0.0))
