"""Binary packets: read back by the official SDK, and by offsets written down here."""

from __future__ import annotations

import struct
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastock_cli.domain.data import Depth, Level, Quote
from alphastock_cli.domain.instrument import AssetType, Exchange, Instrument
from alphastock_cli.sandbox import packets, spoil
from alphastock_cli.sandbox.faults import Faults, parse
from alphastock_cli.sandbox.listing import Listed
from tests.conftest import IST

AT = datetime(2026, 8, 14, 11, 30, 5, tzinfo=IST)


def listed(exchange: Exchange = Exchange.NSE, number: int = 1594, *, index: bool = False) -> Listed:
    kind = AssetType.INDEX if index else AssetType.EQUITY
    made = Instrument(
        exchange=exchange, tradingsymbol="X", asset_type=kind, expiry=date(2026, 8, 25),
        tick_size=Decimal("0.05"),
    )  # fmt: skip
    return Listed(made, number, exchange.value, is_index=index)


def quote(**more: object) -> Quote:
    usual: dict[str, object] = {
        "key": "NSE:X", "time": AT, "last_price": 1573.7, "open": 1569.15, "high": 1575.0,
        "low": 1561.05, "previous_close": 1567.8, "volume": 1_192_471,
        "depth": Depth(
            buy=(Level(1573.4, 5, 1), Level(1573.35, 140, 2)), sell=(Level(1573.7, 172, 3),)
        ),
    }  # fmt: skip
    return Quote(**(usual | more))  # type: ignore[arg-type]


def decoded(body: bytes) -> dict[str, object]:
    from kiteconnect import KiteTicker

    ticker = KiteTicker("key", "token")
    (tick,) = ticker._parse_binary(packets.frame([body]))
    return tick


@pytest.mark.parametrize(
    ("index", "mode", "size"),
    [
        (False, "ltp", 8), (False, "quote", 44), (False, "full", 184),
        (True, "ltp", 8), (True, "quote", 28), (True, "full", 32),
    ],
)  # fmt: skip
def test_sizes(
    index: bool,  # noqa: FBT001 - a parameter of the table
    mode: str,
    size: int,
) -> None:
    assert len(packets.packet(listed(index=index), quote(), mode)) == size


def test_the_sdk_reads_a_full_packet_back() -> None:
    tick = decoded(packets.packet(listed(), quote(), "full"))
    assert tick["instrument_token"] == 1594 * 256 + 1 == 408065
    assert tick["last_price"] == 1573.7
    assert tick["ohlc"] == {"open": 1569.15, "high": 1575.0, "low": 1561.05, "close": 1567.8}
    assert tick["volume_traded"] == 1_192_471
    assert (tick["total_buy_quantity"], tick["total_sell_quantity"]) == (145, 172)
    depth = tick["depth"]
    assert isinstance(depth, dict)
    assert depth["buy"][0] == {"quantity": 5, "price": 1573.4, "orders": 1}
    assert depth["sell"][0] == {"quantity": 172, "price": 1573.7, "orders": 3}
    assert depth["sell"][4] == {"quantity": 0, "price": 0.0, "orders": 0}
    assert tick["exchange_timestamp"] == datetime.fromtimestamp(AT.timestamp())  # noqa: DTZ006 - so does the SDK


def test_an_index_has_its_prices_in_another_order() -> None:
    body = packets.packet(listed(index=True, number=1001), quote(), "full")
    token, last, high, low, opened, close, change, stamp = struct.unpack(">IIIIIIiI", body)
    assert token == 256265
    assert (last, high, low, opened, close) == (157370, 157500, 156105, 156915, 156780)
    assert change == 157370 - 156780
    assert stamp == int(AT.timestamp())
    tick = decoded(body)
    assert tick["tradable"] is False
    assert tick["ohlc"] == {"open": 1569.15, "high": 1575.0, "low": 1561.05, "close": 1567.8}


@pytest.mark.parametrize(
    ("exchange", "unit"), [(Exchange.CDS, 10**7), (Exchange.BCD, 10**4), (Exchange.MCX, 100)]
)
def test_currencies_have_finer_prices(exchange: Exchange, unit: int) -> None:
    body = packets.packet(listed(exchange), quote(last_price=84.2525), "ltp")
    assert struct.unpack(">II", body)[1] == round(84.2525 * unit)
    assert decoded(body)["last_price"] == round(84.2525 * unit) / unit


@given(st.lists(st.integers(0, 200), max_size=40))
def test_a_frame_counts_and_measures_its_packets(sizes: list[int]) -> None:
    bodies = [bytes([size % 256]) * size for size in sizes]
    frame = packets.frame(bodies)
    (count,) = struct.unpack_from(">H", frame)
    assert count == len(bodies)
    at, found = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from(">H", frame, at)
        found.append(frame[at + 2 : at + 2 + length])
        at += 2 + length
    assert found == bodies
    assert at == len(frame)


def test_each_fault_of_ticks_does_what_its_name_says() -> None:
    body = packets.packet(listed(), quote(), "full")
    frame = packets.frame([body, body])

    def spoilt(words: str) -> list[bytes]:
        return spoil.frames(Faults(parse(words)), [frame])

    def last(message: bytes) -> int:
        return int(struct.unpack_from(">I", message, 2 + 2 + 4)[0])

    assert spoilt("") == [frame]
    assert last(spoilt("zero-price")[0]) == 0
    assert last(spoilt("negative-price")[0]) == 0xFFFFFFFF
    assert last(spoilt("x10-price")[0]) == 1573700
    assert spoilt("duplicate-ticks") == [frame, frame]
    assert spoilt("count-lie")[0][:2] == struct.pack(">H", 5)
    assert spoilt("zero-length")[0][:4] == struct.pack(">HH", 3, 0)
    assert spoilt("unknown-length")[0][:4] == struct.pack(">HH", 3, 57)
    assert len(spoilt("truncated-packet")[0]) < len(frame)
    garbage, after = spoilt("garbage-packet")
    assert after == frame
    assert garbage != frame
    assert len(spoilt("big-frame")[1]) == 10 * 1024 * 1024
    older = spoilt("older-ticks")[0]
    assert struct.unpack_from(">I", older, 4 + 60)[0] == int(AT.timestamp()) - 3600
    assert struct.unpack_from(">I", spoilt("volume-down")[0], 4 + 16)[0] == 1_192_471 // 2
    assert spoil.frames(Faults(parse("garbage-packet,big-frame")), []) == []
