"""Kite's full quotes as ours: absent is None, never zero; naive Indian times become aware.

No asking here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from alphastock_cli.domain.data import Depth, Level, Quote
from alphastock_cli.domain.frames import CHAIN, conform
from alphastock_cli.domain.instrument import Exchange
from alphastock_cli.exchange.calendar import IST

_CASH = ("NSE", "BSE")
_LEVELS = 5


def quote_of(key: str, row: Mapping[str, Any], now: datetime) -> Quote:
    """Return one quote; one without a time of its own is stamped with `now`."""
    prices = row.get("ohlc") or {}
    depth = _depth(row.get("depth"))
    buy, sell = (side[0] if side else None for side in (depth.buy, depth.sell))
    traded = moment(row.get("last_trade_time"))
    interest = _count(row.get("oi"))
    cash = key.partition(":")[0] in _CASH
    return Quote(
        key=key, time=moment(row.get("timestamp")) or traded or now,
        last_price=_price(row["last_price"]), open=_price(prices.get("open")),
        high=_price(prices.get("high")), low=_price(prices.get("low")),
        previous_close=_price(prices.get("close")), volume=_count(row.get("volume")),
        bid=buy.price if buy else None, ask=sell.price if sell else None,
        bid_quantity=buy.quantity if buy else None, ask_quantity=sell.quantity if sell else None,
        depth=depth if row.get("depth") else None, last_trade_time=traded,
        open_interest=None if cash else interest,
        lower_circuit=_price(row.get("lower_circuit_limit")),
        upper_circuit=_price(row.get("upper_circuit_limit")),
    )  # fmt: skip


def chain_of(
    rows: pl.DataFrame, quotes: Mapping[str, Quote], *, underlying: str, expiry: date
) -> pl.DataFrame:
    """Return the `CHAIN` frame of listed contracts; one without a quote has nulls.

    `oi_change` is null: Kite's quotes do not say what the session before ended with.
    """
    made = []
    for row in rows.iter_rows(named=True):
        held = quotes.get(f"{row['exchange']}:{row['tradingsymbol']}")
        made.append(
            {
                "tradingsymbol": row["tradingsymbol"], "underlying": underlying, "expiry": expiry,
                "strike": row["strike"], "option_type": row["option_type"],
                "lot_size": row["lot_size"],
                **({} if held is None else {
                    "last_price": held.last_price, "bid": held.bid, "ask": held.ask,
                    "bid_quantity": held.bid_quantity, "ask_quantity": held.ask_quantity,
                    "volume": held.volume, "open_interest": held.open_interest,
                    "last_trade_time": held.last_trade_time,
                }),
            }
        )  # fmt: skip
    frame = pl.DataFrame(made, schema=CHAIN)
    return conform(frame.sort("strike", "option_type"), CHAIN, what="kite chain")


def moment(text: str | None) -> datetime | None:
    """Return the aware time of Kite's naive text, which is Indian; None for none or 1970.

    >>> moment("2021-06-08 15:45:56").isoformat()
    '2021-06-08T15:45:56+05:30'
    """
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = read.replace(tzinfo=IST) if read.tzinfo is None else read.astimezone(IST)
    return aware if aware.year > 1980 else None  # noqa: PLR2004 - a clock nobody set


def counts_in_lots(exchange: Exchange) -> bool:
    """Tell whether Kite's lot of that exchange is not a number of units."""
    return exchange in {Exchange.MCX, Exchange.CDS, Exchange.BCD}


def _price(value: float | None) -> float | None:
    return float(value) if value is not None and value > 0 else None


def _count(value: float | None) -> int | None:
    return int(value) if value is not None and value >= 0 else None


def _depth(value: Mapping[str, Any] | None) -> Depth:
    sides = []
    for name in ("buy", "sell"):
        levels = (value or {}).get(name, [])[:_LEVELS]
        sides.append(
            tuple(
                Level(float(each["price"]), int(each["quantity"]), int(each["orders"]))
                for each in levels
                if each["price"] > 0 and each["quantity"] > 0
            )
        )
    return Depth(*sides)
