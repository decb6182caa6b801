"""Instruments, markets, orders and snapshots of the tests of trading; a broker in a few lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl

from alphastock_cli.domain.data import Candle, Depth, Level, Quote, Snapshot
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument, Interval, Side
from alphastock_cli.domain.trading import (
    Fidelity,
    Fill,
    Order,
    OrderEvent,
    OrderType,
    Product,
    Role,
    Signal,
)
from alphastock_cli.trading.paper import PaperBroker, PaperPolicy
from tests.conftest import IST

D = Decimal
DAY = date(2026, 11, 20)  # a Friday; the next session is Monday
MONDAY = date(2026, 11, 23)
OPEN = datetime(2026, 11, 20, 9, 15, tzinfo=IST)
TEN = datetime(2026, 11, 20, 10, 0, tzinfo=IST)
LATENCY = timedelta(milliseconds=250)

SHARE = Instrument(
    exchange=Exchange.NSE,
    tradingsymbol="SBIN",
    asset_type=AssetType.EQUITY,
    series="EQ",
    has_derivatives=False,
)
OTHER = Instrument(
    exchange=Exchange.NSE,
    tradingsymbol="INFY",
    asset_type=AssetType.EQUITY,
    series="EQ",
    has_derivatives=False,
)
FUTURE = Instrument(
    exchange=Exchange.NFO, tradingsymbol="NIFTY26NOVFUT", asset_type=AssetType.FUTURES,
    underlying="NIFTY", expiry=date(2026, 11, 24), lot_size=65, tick_size=D("0.10"),
)  # fmt: skip


def at(seconds: float = 0.0, start: datetime = TEN) -> datetime:
    return start + timedelta(seconds=seconds)


def levels(*pairs: tuple[float, int]) -> tuple[Level, ...]:
    return tuple(Level(price, units) for price, units in pairs)


def quote(
    last: float | None = 100.0,
    seconds: float = 1.0,
    *,
    buy: Iterable[tuple[float, int]] | None = None,
    sell: Iterable[tuple[float, int]] | None = None,
    key: str = SHARE.key,
    start: datetime = TEN,
    **more: object,
) -> Quote:
    """Return a quote `seconds` after `start`; with `buy` or `sell` it has five levels."""
    depth = None
    if buy is not None or sell is not None:
        depth = Depth(buy=levels(*(buy or ())), sell=levels(*(sell or ())))
    return Quote(key=key, time=at(seconds, start), last_price=last, depth=depth, **more)


def candle(
    opened: float,
    high: float,
    low: float,
    close: float,
    *,
    minute: int = 1,
    volume: int | None = 1_000_000,
    start: datetime = TEN,
    key: str = SHARE.key,
) -> Candle:
    begins = start + timedelta(minutes=minute)
    return Candle(
        key=key, time=begins, end=begins + timedelta(minutes=1), open=opened, high=high, low=low,
        close=close, volume=volume,
    )  # fmt: skip


def order(quantity: int = 100, side: Side = Side.BUY, **more: object) -> Order:
    fields: dict[str, object] = {
        "order_id": "1", "instrument": SHARE, "side": side, "quantity": quantity,
        "order_type": OrderType.MARKET, "product": Product.MIS, "placed_at": TEN, "session": DAY,
    } | more  # fmt: skip
    for name in ("price", "trigger_price", "market_protection", "stop_loss", "target"):
        if isinstance(fields.get(name), str):
            fields[name] = D(fields[name])
    fields.setdefault("tag", f"AS{fields['order_id']}")
    return Order(**fields)


def limit(price: str, quantity: int = 100, side: Side = Side.BUY, **more: object) -> Order:
    return order(quantity, side, price=price, **{"order_type": OrderType.LIMIT} | more)


def stop(trigger: str, quantity: int = 100, side: Side = Side.SELL, **more: object) -> Order:
    kind = OrderType.SL if "price" in more else OrderType.SL_M
    return order(quantity, side, trigger_price=trigger, order_type=kind, **more)


def broker(**policy: object) -> PaperBroker:
    return PaperBroker(PaperPolicy(**policy))


def met(venue: PaperBroker, market: Quote | Candle) -> list[OrderEvent]:
    return list(venue.advance(market))


def filled(events: Iterable[OrderEvent]) -> list[tuple[int, str]]:
    """Return units and price of each fill."""
    return [(e.fill.quantity, str(e.fill.price)) for e in events if e.fill is not None]


def fill(
    quantity: int,
    price: str,
    side: Side = Side.BUY,
    *,
    charges: str = "0",
    seq: int = 1,
    instrument: Instrument = SHARE,
    product: Product = Product.MIS,
    order_id: str = "1",
    time: datetime = TEN,
) -> Fill:
    return Fill(
        order_id=order_id, seq=seq, instrument=instrument, side=side, product=product,
        quantity=quantity, price=D(price), time=time, charges=D(charges), fidelity=Fidelity.L2,
        quote_time=time,
    )  # fmt: skip


def signal(side: Side = Side.BUY, price: str = "100", **more: object) -> Signal:
    fields: dict[str, object] = {
        "strategy": "test", "instrument": SHARE, "side": side, "price": D(price),
        "reason": "because", "candle_time": at(-60), "valid_until": at(3600),
        "stop_loss": None, "target": None,
    } | more  # fmt: skip
    for name in ("stop_loss", "target"):
        if isinstance(fields[name], str):
            fields[name] = D(fields[name])
    return Signal(**fields)


def snapshot(market: Quote | Candle | None = None, **more: object) -> Snapshot:
    as_of = TEN if market is None else (
        market.time if isinstance(market, Quote) else market.end
    )  # fmt: skip
    fields: dict[str, object] = {
        "instrument": SHARE, "as_of": as_of, "source": "test", "simulated": True,
        "interval": Interval.MINUTE,
    }  # fmt: skip
    fields["quote" if isinstance(market, Quote) else "candle"] = market
    return Snapshot(**fields | more)


def candles(
    closes: Iterable[float], *, spread: float = 1.0, start: datetime = OPEN
) -> pl.DataFrame:
    """Return minute candles with these closes, each `spread` above and below its close."""
    values = list(closes)
    times = [start + timedelta(minutes=i) for i in range(len(values))]
    return pl.DataFrame(
        {
            "time": times, "open": values, "high": [v + spread for v in values],
            "low": [v - spread for v in values], "close": values,
            "volume": [1000] * len(values),
        },
        schema_overrides={"time": pl.Datetime("us", "Asia/Kolkata")},
    )  # fmt: skip


GROUPED = {"role": Role.STOP, "group": "g"}
