"""What orders would block and cost, in the shapes of `/margins` and `/charges`.

Charges are the dated tables of `exchange/charges.py`; margins of derivatives the estimate of
`exchange/margins.py`, which is not the broker's figure. The share of an intraday order and the
fall-back are round numbers: rows of `facts.csv`, with what is known of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Exchange, Side
from alphastock_cli.domain.structure import Leg, LegKind
from alphastock_cli.domain.trading import Product
from alphastock_cli.errors import OutOfRange
from alphastock_cli.exchange.charges import order_charges
from alphastock_cli.exchange.margins import estimate
from alphastock_cli.exchange.trading_hours import expires_at
from alphastock_cli.providers.kite.facts import share
from alphastock_cli.sandbox.listing import Listed
from alphastock_cli.sandbox.order_form import HELD_AS

_PIECES = ("span", "exposure", "option_premium", "additional", "bo", "cash", "var")
Quotes = Callable[[list[str]], Mapping[str, Quote]]


@dataclass(frozen=True, slots=True)
class Held:
    """Units of an instrument in a product, negative when sold, at a price in rupees."""

    item: Listed
    product: Product
    quantity: int
    price: float

    @property
    def is_share(self) -> bool:
        """Whether it is of the cash market."""
        return self.item.instrument.exchange in {Exchange.NSE, Exchange.BSE}


class Blocks:
    """What positions block on a day, by the market's quotes."""

    def __init__(self, quotes: Quotes, now: Callable[[], datetime]) -> None:
        self._quotes, self._now = quotes, now

    def of(self, held: Iterable[Held]) -> dict[str, float]:
        """Return the pieces in rupees; derivatives of one underlying count together."""
        pieces = dict.fromkeys(_PIECES, 0.0)
        groups: defaultdict[str, list[Held]] = defaultdict(list)
        intraday = _intraday(self._now().date())
        for one in held:
            if one.is_share:
                value = one.price * one.quantity
                if one.product is Product.CNC:
                    pieces["var"] += max(0.0, value)
                else:
                    pieces["var"] += abs(value) * intraday
            else:
                groups[one.item.instrument.underlying].append(one)
        for underlying, legs in groups.items():
            for name, value in self._derivatives(underlying, legs).items():
                pieces[name] += value
        return pieces

    def _derivatives(self, underlying: str, held: list[Held]) -> dict[str, float]:
        day = self._now().date()
        try:
            legs, forwards, years = self._legs(underlying, held)
            made = estimate(legs, on=day, forwards=forwards, years=years)
        except (OutOfRange, ValueError):
            made = None
        if made is None or made.total is None:
            return _rough(held, share("margin.rough_pct", day))
        return {
            "span": float(made.span or 0), "exposure": float(made.exposure or 0),
            "option_premium": float(made.premium or 0),
        }  # fmt: skip

    def _legs(
        self, underlying: str, held: list[Held]
    ) -> tuple[list[Leg], dict[date, float], dict[date, float]]:
        forwards: dict[date, float] = {}
        years: dict[date, float] = {}
        legs = []
        for one in held:
            made = one.item.instrument
            ends = expires_at(made)
            if made.expiry is None or ends is None:
                raise ValueError(f"{made.key} has no expiry")
            left = max((ends - self._now()).total_seconds(), 3600.0)
            years[made.expiry] = left / (365 * 86400)
            strike = None if made.strike is None else float(made.strike)
            iv = None
            if strike is None:
                forwards[made.expiry] = one.price
            else:
                forwards.setdefault(made.expiry, self._forward(one, strike))
                iv = _iv(one, forwards[made.expiry], strike, years[made.expiry])
            legs.append(
                Leg(
                    underlying=underlying, kind=LegKind(one.item.kind),
                    quantity=one.quantity * made.multiplier,
                    lot_size=made.lot_size * made.multiplier, strike=strike, expiry=made.expiry,
                    price=one.price, iv=iv, tradingsymbol=made.tradingsymbol,
                )
            )  # fmt: skip
        return legs, forwards, years

    def _forward(self, one: Held, strike: float) -> float:
        """Return the forward by put-call parity: of the strike's own pair."""
        name = one.item.instrument.tradingsymbol
        pair = [f"{one.item.instrument.exchange}:{name[:-2]}{end}" for end in ("CE", "PE")]
        found = self._quotes(pair)
        call, put = (found[key].last_price if key in found else None for key in pair)
        if call is None or put is None:
            raise ValueError(f"{one.item.key}: no price of its pair")
        return strike + call - put


def _iv(one: Held, forward: float, strike: float, years: float) -> float | None:
    from alphastock_cli.pricing.implied_vol import implied_vol

    found = float(implied_vol(one.price, forward, strike, years, is_call=one.item.kind == "CE"))
    return found if found == found else None  # noqa: PLR0124 - NaN is none


def _intraday(on: date) -> float:
    """Return the part of a share's value that MIS and CO block."""
    return share("margin.intraday_pct", on)


def _rough(held: list[Held], part: float) -> dict[str, float]:
    """Return a round part of the notional where no estimate can be made; buys and sales cancel."""
    pieces = {"span": 0.0, "exposure": 0.0, "option_premium": 0.0}
    open_: defaultdict[str, int] = defaultdict(int)
    for one in held:
        made, units = one.item.instrument, one.quantity * one.item.instrument.multiplier
        if made.option_type is not None:
            pieces["option_premium"] += one.price * units
        open_[made.key] += units
    for one in {one.item.key: one for one in held}.values():
        made, units = one.item.instrument, open_[one.item.key]
        if made.option_type is None:
            pieces["span"] += part * one.price * abs(units)
        elif units < 0:
            pieces["span"] += part * float(made.strike or 0) * -units
    return pieces


def item_of(
    held: Held | None, pieces: Mapping[str, float], charges: Mapping[str, Any], on: date
) -> dict[str, Any]:
    """Return one margin of a day in Kite's shape; `held` None is a sum of several."""
    made = None if held is None else held.item.instrument
    commodity = made is not None and made.exchange is Exchange.MCX
    kind = "" if made is None else "commodity" if commodity else "equity"
    intraday = held is not None and held.is_share and held.product is Product.MIS
    return {
        "type": kind, "tradingsymbol": "" if made is None else made.tradingsymbol,
        "exchange": "" if made is None else made.exchange.value,
        **{name: round(pieces.get(name, 0.0), 6) for name in _PIECES},
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": 0 if held is None else 1 / _intraday(on) if intraday else 1,
        "charges": dict(charges), "total": round(sum(pieces.values()), 6),
    }  # fmt: skip


def product_of(name: str) -> Product:
    """Return a known product as the desk counts it: shares on margin are delivery."""
    return HELD_AS[name]


def charges_of(held: Held, on: date) -> dict[str, Any]:
    """Return the charges of an order in Kite's shape; all 0 on days whose rates nobody knows."""
    side = Side.BUY if held.quantity > 0 else Side.SELL
    made = held.item.instrument
    turnover = Decimal(repr(held.price)) * abs(held.quantity) * made.multiplier
    try:
        told = order_charges(made, held.product, side, turnover, on)
    except (OutOfRange, ValueError):
        return no_charges()
    gst = float(told.gst)
    return {
        "transaction_tax": float(told.stt),
        "transaction_tax_type": "ctt" if made.exchange is Exchange.MCX else "stt",
        "exchange_turnover_charge": float(told.exchange + told.ipft),
        "sebi_turnover_charge": float(told.sebi), "brokerage": float(told.brokerage),
        "stamp_duty": float(told.stamp),
        "gst": {"igst": gst, "cgst": 0, "sgst": 0, "total": gst}, "total": float(told.total),
    }  # fmt: skip


def no_charges() -> dict[str, Any]:
    """Return charges of nothing."""
    return {
        "transaction_tax": 0, "transaction_tax_type": "", "exchange_turnover_charge": 0,
        "sebi_turnover_charge": 0, "brokerage": 0, "stamp_duty": 0,
        "gst": {"igst": 0, "cgst": 0, "sgst": 0, "total": 0}, "total": 0,
    }  # fmt: skip


def added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sum of several charges."""
    total = no_charges()
    for part in parts:
        for name, value in part.items():
            if name == "gst":
                for tax, amount in value.items():
                    total["gst"][tax] += amount
            elif name != "transaction_tax_type":
                total[name] += value
    return total
