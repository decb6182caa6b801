"""What a packet means: the SDK's dictionary, or a quote of ours. Made only when somebody asks.

Prices become rupees and times become aware here and nowhere earlier.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from alphastock_cli.domain.data import Depth, Level, Quote
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.stream import packets as p
from alphastock_cli.providers.kite.stream.packets import Packet

_EARLIEST = 315_532_800  # 1980: a clock nobody set is no time
_NO_INTEREST = frozenset({1, 4})  # shares of NSE and BSE


def as_dict(packet: Packet) -> dict[str, Any]:
    """Return a packet under the SDK's keys, prices in float rupees.

    Two differences: times are aware, in Asia/Kolkata, where the SDK's are naive and in the zone of
    the machine; and a time of 0 is None, not 1970.
    """
    unit, size = p.DIVISORS[packet[p.TOKEN] & 0xFF], len(packet)
    last = packet[p.LAST] / unit
    made: dict[str, Any] = {
        "tradable": packet[p.TOKEN] & 0xFF != p.INDICES,
        "mode": mode_of(packet),
        "instrument_token": packet[p.TOKEN],
        "last_price": last,
    }
    if size == p.LTP:
        return made
    if size in {p.INDEX_QUOTE, p.INDEX_FULL}:
        order = (p.INDEX_HIGH, p.INDEX_LOW, p.INDEX_OPEN, p.INDEX_CLOSE)
        made["ohlc"] = _prices(packet, ("high", "low", "open", "close"), order, unit)
    else:
        made |= {
            "last_traded_quantity": packet[p.LAST_QUANTITY],
            "average_traded_price": packet[p.AVERAGE] / unit,
            "volume_traded": packet[p.VOLUME],
            "total_buy_quantity": packet[p.BUYS],
            "total_sell_quantity": packet[p.SELLS],
        }
        order = (p.OPEN, p.HIGH, p.LOW, p.CLOSE)
        made["ohlc"] = _prices(packet, ("open", "high", "low", "close"), order, unit)
    close = made["ohlc"]["close"]
    made["change"] = (last - close) * 100 / close if close else 0
    if size == p.INDEX_FULL:
        made["exchange_timestamp"] = moment(packet[p.INDEX_STAMP])
    elif size == p.FULL:
        made |= {
            "last_trade_time": moment(packet[p.TRADED_AT]),
            "oi": packet[p.INTEREST],
            "oi_day_high": packet[p.INTEREST_HIGH],
            "oi_day_low": packet[p.INTEREST_LOW],
            "exchange_timestamp": moment(packet[p.STAMP]),
            "depth": _depth_dict(packet, unit),
        }
    return made


def quote_of(packet: Packet, key: str, received: datetime) -> Quote:
    """Return a packet as a quote; what is absent in its layout, or was never made, is None.

    Its time is the exchange's where the layout has one, else `received`: when the message came.

    Raises
    ------
    ValueError
        `received` is naive.
    """
    size, token = len(packet), packet[p.TOKEN]
    unit, most = p.DIVISORS[token & 0xFF], p.highest(token)

    def price(at: int) -> float | None:
        return packet[at] / unit if 0 < packet[at] <= most else None

    if size == p.LTP:
        return Quote(key=key, time=received, last_price=price(p.LAST))
    time = _set(p.stamp_of(packet)) or received
    if size in {p.INDEX_QUOTE, p.INDEX_FULL}:
        return Quote(
            key=key, time=time, last_price=price(p.LAST), open=price(p.INDEX_OPEN),
            high=price(p.INDEX_HIGH), low=price(p.INDEX_LOW), previous_close=price(p.INDEX_CLOSE),
        )  # fmt: skip
    full = size == p.FULL
    depth = _depth(packet, unit, most) if full else None
    bid = depth.buy[0] if depth and depth.buy else None
    ask = depth.sell[0] if depth and depth.sell else None
    has_interest = full and token & 0xFF not in _NO_INTEREST
    return Quote(
        key=key, time=time, last_price=price(p.LAST), open=price(p.OPEN), high=price(p.HIGH),
        low=price(p.LOW), previous_close=price(p.CLOSE), volume=packet[p.VOLUME], depth=depth,
        bid=bid.price if bid else None, ask=ask.price if ask else None,
        bid_quantity=bid.quantity if bid else None, ask_quantity=ask.quantity if ask else None,
        last_trade_time=_set(packet[p.TRADED_AT]) if full else None,
        open_interest=packet[p.INTEREST] if has_interest else None,
    )  # fmt: skip


def mode_of(packet: Packet) -> str:
    """Return the mode a packet was sent in: ``ltp``, ``quote`` or ``full``."""
    size = len(packet)
    if size == p.LTP:
        return "ltp"
    return "full" if size in {p.FULL, p.INDEX_FULL} else "quote"


def moment(seconds: int) -> datetime | None:
    """Return the aware Indian time of seconds since 1970; None for 0.

    >>> moment(1_625_461_887).isoformat()
    '2021-07-05T10:41:27+05:30'
    """
    return datetime.fromtimestamp(seconds, UTC).astimezone(IST) if seconds else None


def _set(seconds: int | None) -> datetime | None:
    return moment(seconds) if seconds and seconds >= _EARLIEST else None


def _prices(
    packet: Packet, names: tuple[str, ...], order: tuple[int, ...], unit: int
) -> dict[str, float]:
    return {name: packet[at] / unit for name, at in zip(names, order, strict=True)}


def _depth_dict(packet: Packet, unit: int) -> dict[str, list[dict[str, Any]]]:
    levels = [
        {"quantity": packet[at], "price": packet[at + 1] / unit, "orders": packet[at + 2]}
        for at in range(p.DEPTH, p.FULL, 3)
    ]
    return {"buy": levels[:5], "sell": levels[5:]}


def _depth(packet: Packet, unit: int, most: int) -> Depth:
    sides: tuple[list[Level], list[Level]] = ([], [])
    for at in range(p.DEPTH, p.FULL, 3):
        quantity, raw, orders = packet[at : at + 3]
        if quantity > 0 and 0 < raw <= most:
            sides[at >= p.DEPTH + 15].append(Level(raw / unit, quantity, orders))
    return Depth(tuple(sides[0]), tuple(sides[1]))
