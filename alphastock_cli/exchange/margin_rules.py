"""The parameters of the margin estimate on a day: rows of `data/margins.csv` become values.

What follows from them and a position is computed in `margins.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.closes import derivative_exchange
from alphastock_cli.exchange.contracts import exchange_of
from alphastock_cli.exchange.tables import parse_date, read_table, valid_on

Scope = Literal["index", "stock"]

_FRACTION = 0.01
_LISTED = frozenset({Exchange.NFO, Exchange.BFO})


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRules:
    """What holds for one kind of underlying on a day; fractions, not percent.

    Attributes
    ----------
    scan_sigmas : float
        Daily standard deviations of the price scan range, before root 2 for two days.
    scan_minimum, scan_minimum_far : float
        Least price scan range of the price; the second for options beyond `far_months`.
    far_months : int or None
        None where no contract counts as far.
    volatility_share, volatility_minimum : float
        The volatility scan range: a share of the yearly volatility, at least so many 1.00.
    extreme_moves, extreme_cover : float
        Scan ranges of the two extreme scenarios, and the part of their loss that counts.
    calendar_charge : float
        Of the price of the far contract, for each unit of delta that offsets another expiry.
    calendar_on_expiry_day : bool
        Whether contracts offset other expiries on their own last day.
    short_option_minimum, exposure, expiry_day_exposure : float
        Of the notional: uncovered sold options; all sold options and futures; sold options on
        their last day, on top.
    """

    scan_sigmas: float
    scan_minimum: float
    scan_minimum_far: float
    far_months: int | None
    volatility_share: float
    volatility_minimum: float
    extreme_moves: float
    extreme_cover: float
    calendar_charge: float
    calendar_on_expiry_day: bool
    short_option_minimum: float
    exposure: float
    expiry_day_exposure: float


def scope_of(underlying: str) -> Scope:
    """Return whether the contracts are on an index or on a share.

    Raises
    ------
    OutOfRange
        They are currencies or commodities, whose margins the table does not hold.
    """
    exchange = derivative_exchange(underlying)
    if exchange not in _LISTED:
        raise OutOfRange(
            f"the margins of {underlying} ({exchange}) are not in margins.csv:"
            " it holds futures and options on indices and shares",
            hint="Ask the broker's margin calculator.",
        )
    return "stock" if exchange_of(underlying) is None else "index"


@lru_cache(maxsize=256)
def margin_rules(scope: Scope, on: date) -> MarginRules:
    """Return the parameters of a day.

    Raises
    ------
    OutOfRange
        A parameter has no row for that day; the message says since when all have.
    """
    rows = [row for row in read_table("margins") if row["scope"] == scope]
    held = {row["name"]: float(row["value"]) for row in rows if valid_on(row, on)}
    missing = {row["name"] for row in rows} - held.keys()
    if missing:
        begins = max(
            min(parse_date(r["valid_from"]) or date.min for r in rows if r["name"] == name)
            for name in missing
        )
        raise OutOfRange(
            f"the margins of {scope} derivatives are known from {begins}, not on {on}"
            f" ({', '.join(sorted(missing))})",
            hint="Add the parameters of that day to margins.csv, with their source.",
        )
    part = {name: value * _FRACTION for name, value in held.items()}
    return MarginRules(
        scan_sigmas=held["price_scan_sigmas"],
        scan_minimum=part["price_scan_minimum"],
        scan_minimum_far=part.get("price_scan_minimum_far", part["price_scan_minimum"]),
        far_months=int(held["far_months"]) if "far_months" in held else None,
        volatility_share=part["volatility_scan_share"],
        volatility_minimum=part["volatility_scan_minimum"],
        extreme_moves=held["extreme_moves"],
        extreme_cover=part["extreme_cover"],
        calendar_charge=part["calendar_charge"],
        calendar_on_expiry_day=bool(held["calendar_on_expiry_day"]),
        short_option_minimum=part["short_option_minimum"],
        exposure=part["exposure"],
        expiry_day_exposure=part["expiry_day_exposure"],
    )
