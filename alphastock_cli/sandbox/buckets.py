"""What the account holds, as numbers and as rows: holdings, the day's trades by product, funds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.replies import stamp

DELIVERED = frozenset({"CNC", "MTF"})  # what is sold in them is delivered, never short
_DAY = "00:00:00"


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares held since before today: units and what they cost."""

    item: Listed
    quantity: int
    average: float


@dataclass(frozen=True, slots=True)
class Moved:
    """Units of a position that went from one product into another, at its mean price."""

    item: Listed
    old: str
    new: str
    side: Side
    units: int
    price: float


@dataclass(slots=True)
class Bucket:
    """The day's trades of one instrument in one product; values are price times units."""

    item: Listed
    product: str
    bought: int = 0
    bought_value: float = 0.0
    sold: int = 0
    sold_value: float = 0.0

    @property
    def net(self) -> int:
        """Units open, negative when short."""
        return self.bought - self.sold

    @property
    def average(self) -> float:
        """Mean price of the side that is open."""
        if self.net > 0:
            return self.bought_value / self.bought
        return self.sold_value / self.sold if self.net < 0 else 0.0

    @property
    def realised(self) -> float:
        """Rupees won by what was bought and sold again."""
        closed = min(self.bought, self.sold)
        if not closed:
            return 0.0
        won = self.sold_value / self.sold - self.bought_value / self.bought
        return closed * won * self.item.instrument.multiplier

    @property
    def delivered(self) -> float:
        """Rupees that delivered shares were sold for."""
        if self.product not in DELIVERED:
            return 0.0
        return max(0, -self.net) * self.average

    def unrealised(self, last: float) -> float:
        """Return the rupees that what is open would win at a price."""
        return self.net * (last - self.average) * self.item.instrument.multiplier

    def add(self, side: Side, quantity: int, price: float) -> None:
        """Count a trade."""
        if side is Side.BUY:
            self.bought += quantity
            self.bought_value += quantity * price
        else:
            self.sold += quantity
            self.sold_value += quantity * price


def segment(
    cash: float, pieces: dict[str, float], realised: float, unrealised: float, sales: float, *,
    usable: float,
) -> dict[str, Any]:  # fmt: skip
    """Return a segment; `usable` is the part of the sales that can be spent on the day itself."""
    blocked = sum(pieces.values())
    debits = blocked - realised - sales * usable
    net = round(cash - debits, 4)
    return {
        "enabled": True, "net": net,
        "available": {
            "adhoc_margin": 0, "cash": cash, "opening_balance": cash, "live_balance": net,
            "collateral": 0, "intraday_payin": 0,
        },
        "utilised": {
            "debits": round(debits, 4), "exposure": round(pieces["exposure"] + pieces["var"], 4),
            "m2m_realised": round(realised, 4), "m2m_unrealised": round(unrealised, 4),
            "option_premium": round(pieces["option_premium"], 4), "payout": 0,
            "span": round(pieces["span"], 4), "holding_sales": round(sales * usable, 4),
            "turnover": 0, "liquid_collateral": 0, "stock_collateral": 0,
            "delivery": round(sales * (1 - usable), 4),
        },
    }  # fmt: skip


def empty_segment() -> dict[str, Any]:
    """Return a segment without money."""
    pieces = {"exposure": 0.0, "var": 0.0, "option_premium": 0.0, "span": 0.0}
    return segment(0.0, pieces, 0.0, 0.0, 0.0, usable=1.0)


def position_row(made: Bucket, quote: Quote | None) -> dict[str, Any]:
    """Return a row of `/portfolio/positions`."""
    last = quote.last_price if quote and quote.last_price else made.average
    times = made.item.instrument.multiplier
    bought, sold = made.bought_value * times, made.sold_value * times
    pnl = sold - bought + made.net * last * times
    buy = made.bought_value / made.bought if made.bought else 0
    sell = made.sold_value / made.sold if made.sold else 0
    return {
        "tradingsymbol": made.item.instrument.tradingsymbol,
        "exchange": made.item.instrument.exchange.value, "instrument_token": made.item.token,
        "product": made.product, "quantity": made.net, "overnight_quantity": 0,
        "multiplier": times, "average_price": made.average,
        "close_price": (quote.previous_close if quote else None) or 0, "last_price": last,
        "value": sold - bought, "pnl": pnl, "m2m": pnl, "unrealised": pnl, "realised": 0,
        "buy_quantity": made.bought, "buy_price": buy, "buy_value": bought, "buy_m2m": bought,
        "sell_quantity": made.sold, "sell_price": sell, "sell_value": sold, "sell_m2m": sold,
        "day_buy_quantity": made.bought, "day_buy_price": buy, "day_buy_value": bought,
        "day_sell_quantity": made.sold, "day_sell_price": sell, "day_sell_value": sold,
    }  # fmt: skip


def holding_row(one: Holding, sold: int, quote: Quote | None, now: datetime) -> dict[str, Any]:
    """Return a row of `/portfolio/holdings`, with what was sold of it today."""
    last = quote.last_price if quote and quote.last_price else one.average
    close = (quote.previous_close if quote else None) or last
    used = min(sold, one.quantity)
    return {
        "tradingsymbol": one.item.instrument.tradingsymbol,
        "exchange": one.item.instrument.exchange.value, "instrument_token": one.item.token,
        "isin": one.item.instrument.isin, "product": "CNC", "price": 0,
        "quantity": one.quantity - used, "used_quantity": used, "t1_quantity": 0,
        "realised_quantity": one.quantity, "authorised_quantity": 0,
        "authorised_date": f"{stamp(now)[:10]} {_DAY}", "authorisation": {},
        "opening_quantity": one.quantity, "short_quantity": 0, "collateral_quantity": 0,
        "collateral_type": "", "discrepancy": False, "average_price": one.average,
        "last_price": last, "close_price": close, "pnl": (last - one.average) * one.quantity,
        "day_change": last - close, "day_change_percentage": (last / close - 1) * 100,
        "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0,
                "initial_margin": 0},
    }  # fmt: skip
