"""What the risk engine is given and what it answers: limits, its memory, yes or no with reasons.

Values only; how they are weighed is in `trading/risk.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from alphastock_cli.domain.trading import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """The bounds of the risk engine; percentages of equity unless a name says otherwise."""

    risk_per_trade_pct: Decimal = Decimal("0.5")
    atr_multiple: Decimal = Decimal(2)
    open_risk_pct: Decimal = Decimal(5)
    exposure_symbol_pct: Decimal = Decimal(10)
    exposure_gross_pct: Decimal = Decimal(150)
    max_positions: int = 10
    max_orders_per_day: int = 100
    max_order_value: Decimal = Decimal(1_000_000)
    daily_loss_pct: Decimal = Decimal(2)
    drawdown_pct: Decimal = Decimal(10)
    price_band_pct: Decimal = Decimal(3)
    quote_age_seconds: int = 5
    allow_short: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that said no, in words and in numbers."""

    rule: str
    text: str
    numbers: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The risk engine's yes: how many units, and how much money the stop puts at risk."""

    quantity: int
    at_risk: Decimal
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The risk engine's no: every rule that failed, not the first one."""

    reasons: tuple[Reason, ...]

    @property
    def text(self) -> str:
        """All reasons on one line."""
        return "; ".join(reason.text for reason in self.reasons)


Decision = Approved | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """What the risk engine remembers; kept in the ledger, so it survives a restart.

    `halted` is "" while active, ``day`` until the next session, ``person`` until someone resets it.
    `equity` is what the account was worth at the last look: the next day begins with it, so that a
    gap over night counts as a loss of that day.
    """

    day: date | None = None
    day_start_equity: Decimal = ZERO
    peak_equity: Decimal = ZERO
    equity: Decimal = ZERO
    orders_today: int = 0
    halted: str = ""
    why: str = ""
