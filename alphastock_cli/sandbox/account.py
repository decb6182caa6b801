"""The account behind the sandbox: funds, holdings and positions, folded from the day's fills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.sandbox.costs import Blocks, Held, product_of
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import Form
from alphastock_cli.sandbox.replies import bad, stamp
from alphastock_cli.sandbox.tickets import Ticket

_SOLD_USABLE = 0.8  # of what sold holdings bring, on the day itself
_DAY = "00:00:00"


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares held since before today: units and what they cost."""

    item: Listed
    quantity: int
    average: float


@dataclass(slots=True)
class Bucket:
    """The day's trades of one instrument in one product."""

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

    def add(self, side: Side, quantity: int, price: float) -> None:
        """Count a trade."""
        if side is Side.BUY:
            self.bought += quantity
            self.bought_value += quantity * price
        else:
            self.sold += quantity
            self.sold_value += quantity * price


@dataclass
class Account:
    """Funds, holdings and positions.

    Parameters
    ----------
    tickets : callable
        The orders of the day.
    """

    cash: float
    quotes: Callable[[list[str]], dict[str, Quote]]
    tickets: Callable[[], Iterable[Ticket]]
    now: Callable[[], datetime]
    holdings: dict[str, Holding] = field(default_factory=dict)
    moved: list[tuple[str, str, str, Side, int, float]] = field(default_factory=list)

    # -- positions ----------------------------------------------------------------------------

    def buckets(self) -> dict[tuple[str, str], Bucket]:
        """Return the day's trades by instrument and product, conversions counted."""
        found: dict[tuple[str, str], Bucket] = {}
        for ticket in self.tickets():
            for fill in ticket.fills:
                key = (ticket.form.item.key, ticket.form.product)
                bucket = found.setdefault(key, Bucket(ticket.form.item, ticket.form.product))
                bucket.add(fill.side, fill.quantity, float(fill.price))
        for name, old, new, side, quantity, price in self.moved:
            source = found[name, old]
            source.add(side, -quantity, price)
            target = found.setdefault((name, new), Bucket(source.item, new))
            target.add(side, quantity, price)
        return {key: made for key, made in found.items() if made.bought or made.sold}

    def positions(self) -> dict[str, list[dict[str, Any]]]:
        """Return `/portfolio/positions`; nothing is carried overnight, so both lists agree."""
        buckets = self.buckets()
        quotes = self.quotes([bucket.item.key for bucket in buckets.values()])
        rows = [_position(made, quotes.get(made.item.key)) for made in buckets.values()]
        return {"net": rows, "day": [dict(row) for row in rows]}

    def convert(self, form: dict[str, str]) -> bool:
        """Move units of a position into another product.

        Raises
        ------
        CallError
            No such position, or not so many units.
        """
        names = ("exchange", "tradingsymbol", "transaction_type", "position_type", "quantity",
                 "old_product", "new_product")  # fmt: skip
        for name in names:
            if not form.get(name):
                raise bad(f"Missing or empty field `{name}`")
        key = f"{form['exchange']}:{form['tradingsymbol']}"
        bucket = self.buckets().get((key, form["old_product"]))
        side, text = form["transaction_type"], form["quantity"]
        if form["new_product"] not in {"CNC", "NRML", "MIS", "MTF"}:
            raise bad("Invalid `new_product`.")
        if side not in {"BUY", "SELL"} or form["position_type"] not in {"day", "overnight"}:
            raise bad("Invalid `transaction_type` or `position_type`.")
        units = int(text) if text.isascii() and text.isdecimal() else 0
        open_units = 0 if bucket is None else bucket.net * (1 if side == "BUY" else -1)
        if bucket is None or not 0 < units <= open_units or form["position_type"] != "day":
            raise bad("Invalid quantity: no such open position to convert.")
        self.moved.append(
            (key, form["old_product"], form["new_product"], Side(side), units, bucket.average)
        )
        return True

    # -- holdings -----------------------------------------------------------------------------

    def held(self) -> list[dict[str, Any]]:
        """Return `/portfolio/holdings`."""
        sold: defaultdict[str, int] = defaultdict(int)
        for (key, product), bucket in self.buckets().items():
            if product in {"CNC", "MTF"}:
                sold[key] += max(0, -bucket.net)
        quotes = self.quotes(list(self.holdings))
        return [
            _holding(one, sold[key], quotes.get(key), self.now())
            for key, one in self.holdings.items()
        ]

    def summary(self) -> dict[str, float]:
        """Return `/portfolio/holdings/summary`."""
        rows = self.held()
        invested = sum(row["average_price"] * row["opening_quantity"] for row in rows)
        value = sum(row["last_price"] * row["opening_quantity"] for row in rows)
        today = sum(row["day_change"] * row["opening_quantity"] for row in rows)
        before = value - today
        return {
            "total_pnl": value - invested,
            "total_pnl_percent": (value / invested - 1) * 100 if invested else 0.0,
            "today_pnl": today, "today_pnl_percent": today / before * 100 if before else 0.0,
            "invested_amount": invested, "current_value": value,
        }  # fmt: skip

    # -- funds --------------------------------------------------------------------------------

    def funds(self, extra: Iterable[Held] = ()) -> dict[str, Any]:
        """Return the equity segment of `/user/margins`, with orders and `extra` blocked."""
        buckets, blocks = self.buckets(), Blocks(self.quotes, self.now)
        held = [
            Held(made.item, product_of(made.product), made.net, made.average)
            for made in buckets.values()
            if made.net > 0 or (made.net < 0 and made.product not in {"CNC", "MTF"})
        ]
        pieces = blocks.of([*held, *_open(self.tickets()), *extra])
        quotes = self.quotes([made.item.key for made in buckets.values()])
        realised = unrealised = sales = 0.0
        for made in buckets.values():
            quote = quotes.get(made.item.key)
            last = quote.last_price if quote and quote.last_price else made.average
            closed = min(made.bought, made.sold)
            if closed:
                realised += closed * (made.sold_value / made.sold - made.bought_value / made.bought)
            unrealised += made.net * (last - made.average)
            if made.product in {"CNC", "MTF"}:
                sales += max(0, -made.net) * made.average
        return _segment(self.cash, pieces, realised, unrealised, sales)

    def lack(self, form: Form, quote: Quote | None) -> str:
        """Return why the account cannot pay for an order; "" where it can."""
        price = float(form.price) or (quote.last_price if quote and quote.last_price else 0.0)
        sign = 1 if form.side is Side.BUY else -1
        bucket = self.buckets().get((form.item.key, form.product))
        closing = (
            0 if bucket is None or bucket.net * sign > 0 else min(form.quantity, abs(bucket.net))
        )
        opening = form.quantity - closing
        if form.product in {"CNC", "MTF"} and sign < 0:
            return ""  # what is not held is refused by the exchange's rule
        before = self.funds()["net"]
        extra = Held(form.item, form.product_held, sign * opening, price)
        needed = before - self.funds([extra])["net"] if opening else 0.0
        if needed <= max(before, 0.0):
            return ""
        return (
            f"Insufficient funds. Required margin is {needed:.2f} but available margin is"
            f" {before:.2f}. Check the orderbook for open orders."
        )


def _open(tickets: Iterable[Ticket]) -> list[Held]:
    """Return what waiting orders would open; sales of shares for delivery block nothing."""
    found = []
    for ticket in tickets:
        form = ticket.form
        delivery = form.product in {"CNC", "MTF"} and form.side is Side.SELL
        if ticket.final or not ticket.inner or delivery or ticket.parent is not None:
            continue
        sign = 1 if form.side is Side.BUY else -1
        price = float(form.price or form.trigger_price)
        found.append(Held(form.item, form.product_held, sign * ticket.left, price))
    return found


def _segment(
    cash: float, pieces: dict[str, float], realised: float, unrealised: float, sales: float
) -> dict[str, Any]:
    blocked = sum(pieces.values())
    debits = blocked - realised - sales * _SOLD_USABLE
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
            "span": round(pieces["span"], 4), "holding_sales": round(sales * _SOLD_USABLE, 4),
            "turnover": 0, "liquid_collateral": 0, "stock_collateral": 0,
            "delivery": round(sales * (1 - _SOLD_USABLE), 4),
        },
    }  # fmt: skip


def empty_segment() -> dict[str, Any]:
    """Return a segment without money."""
    pieces = {"exposure": 0.0, "var": 0.0, "option_premium": 0.0, "span": 0.0}
    return _segment(0.0, pieces, 0.0, 0.0, 0.0)


def _position(made: Bucket, quote: Quote | None) -> dict[str, Any]:
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


def _holding(one: Holding, sold: int, quote: Quote | None, now: datetime) -> dict[str, Any]:
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
