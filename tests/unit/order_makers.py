"""Instruments and orders of the tests of the exchange's rules, and the reasons against one."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, OptionType, Side
from alphastock_cli.domain.trading import Order, OrderType, Product
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.exchange.rules import check_order

D = Decimal
DAY = date(2026, 8, 20)  # a Thursday with every table reaching it
NOW = datetime(2026, 8, 20, 10, 0, tzinfo=IST)
PRODUCT_OF = {"NSE": "CNC", "BSE": "CNC"}


def make(exchange: str = "NSE", *, underlying: str = "", **more: object) -> Instrument:
    kinds = {"NSE": "equity", "BSE": "equity"}
    kind = more.pop("asset", kinds.get(exchange, "futures"))
    return Instrument(
        exchange=Exchange(exchange), tradingsymbol=f"{underlying or 'SHARE'}-TEST",
        asset_type=AssetType(kind), underlying=underlying, **more,
    )  # fmt: skip


def option(exchange: str = "NFO", underlying: str = "NIFTY", **more: object) -> Instrument:
    return make(
        exchange, underlying=underlying, asset="options", strike=D(24000),
        option_type=OptionType.CE, **more,
    )  # fmt: skip


SHARE = make()
NIFTY = option(lot_size=65, expiry=date(2026, 8, 25))


def order(instrument: Instrument = SHARE, **more: object) -> Order:
    fields: dict[str, object] = {
        "order_id": "1", "tag": "t", "instrument": instrument, "side": Side.BUY, "quantity": 1,
        "order_type": OrderType.LIMIT, "placed_at": NOW, "session": DAY,
        "product": Product(PRODUCT_OF.get(instrument.exchange.value, "NRML")),
    } | more  # fmt: skip
    if fields["order_type"] in {OrderType.LIMIT, OrderType.SL}:
        fields.setdefault("price", D(100))
    for name in ("price", "trigger_price", "market_protection"):
        if isinstance(fields.get(name), str):
            fields[name] = D(fields[name])
    return Order(**fields)


def reasons(placed: Order, **more: object) -> dict[str, str]:
    market = {"last_price": None, "lower_circuit": None, "upper_circuit": None, "now": NOW} | more
    return {reason.rule: reason.text for reason in check_order(placed, **market)}
