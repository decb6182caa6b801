"""A leg of an option structure: what is held, how much of it, at which price.

A value only: how legs are written is read elsewhere, what they are worth is computed elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class LegKind(StrEnum):
    """What a leg is made of."""

    CALL = "CE"
    PUT = "PE"
    FUTURE = "FUT"
    SHARE = "EQ"  # the underlying itself: a covered call, a collar


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg, as it is held.

    Attributes
    ----------
    underlying : str
        Symbol of the contracts, e.g. ``NIFTY``.
    kind : LegKind
        Call, put, future or the underlying itself.
    quantity : int
        Units, never lots; negative is sold.
    lot_size : int
        Units a lot; 1 for the underlying itself.
    strike : float or None
        Rupees; None for futures and shares.
    expiry : date or None
        None for shares.
    price : float or None
        Rupees a unit, paid or received; None where there is none.
    iv : float or None
        Volatility a year of an option, 0.15 is 15 %; None where none is known.
    tradingsymbol : str
        The listed contract; empty where the leg was typed in without one.
    """

    underlying: str
    kind: LegKind
    quantity: int
    lot_size: int = 1
    strike: float | None = None
    expiry: date | None = None
    price: float | None = None
    iv: float | None = None
    tradingsymbol: str = ""

    @property
    def is_option(self) -> bool:
        """Whether the leg has a strike and a volatility."""
        return self.kind in {LegKind.CALL, LegKind.PUT}

    @property
    def lots(self) -> float:
        """Lots, signed; a fraction where the units make no whole lot."""
        return self.quantity / self.lot_size
