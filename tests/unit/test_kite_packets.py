"""Packets of the ticker: every layout as the SDK reads it, and nothing broken gets through."""

from __future__ import annotations

import base64
import os
import random
import struct
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kiteconnect import KiteTicker

from alphastock_cli.providers.kite.stream import columns, packets
from alphastock_cli.providers.kite.stream.forms import as_dict, quote_of
from tests.unit.ticker_world import NIFTY, OPEN, SBIN, STAMP, frame, full, index, ltp, quote

SDK = KiteTicker("key", "token")
TIMES = ("last_trade_time", "exchange_timestamp")


def one(body: bytes) -> packets.Packet:
    counts: Counter[str] = Counter()
    (found,) = packets.decode(frame([body]), counts)
    assert not counts
    return found


def sdk(message: bytes) -> list[dict[str, Any]]:
    """Return the SDK's ticks, its naive local times made aware: the same instants."""
    ticks = SDK._parse_binary(message)
    for tick in ticks:
        for name in TIMES:
            if tick.get(name) is not None:
                tick[name] = tick[name].astimezone(UTC)
    return ticks


def reasons(message: bytes) -> dict[str, int]:
    """Return what both decoders count; they agree."""
    counts: Counter[str] = Counter()
    rows = packets.decode(message, counts)
    again: Counter[str] = Counter()
    held = columns.decode(message, again)
    assert counts == again
    assert sorted(rows) == sorted(row for each in held for row in each.rows())
    return dict(counts)


@pytest.mark.parametrize("name", ["quote", "full"])
def test_recorded_packets_equal_the_sdk(shared_data: Path, name: str) -> None:
    file = shared_data / "kiteconnect-mocks" / f"ticker_{name}.packet"
    if not file.is_file():
        pytest.skip(f"no {file.name}")
    body = base64.b64decode(file.read_text())
    found = as_dict(one(body))
    assert [found] == sdk(frame([body]))
    assert found["instrument_token"] == 408065
    if name == "full":
        assert found["last_price"] == 1573.70
        assert found["volume_traded"] == 1192471
        assert found["exchange_timestamp"].isoformat() == "2021-07-05T10:41:27+05:30"
        assert found["depth"]["buy"][0] == {"quantity": 5, "price": 1573.40, "orders": 1}
        assert found["depth"]["sell"][0] == {"quantity": 172, "price": 1573.70, "orders": 3}
    else:
        prices = {"open": 1569.15, "high": 1575.0, "low": 1561.05, "close": 1567.8}
        assert (found["last_price"], found["ohlc"]) == (1573.15, prices)


def test_an_index_has_its_prices_in_another_order() -> None:
    body = struct.pack(">6IiI", NIFTY, 5, 9, 1, 3, 4, -7, STAMP)
    found = as_dict(one(body))
    assert found["ohlc"] == {"high": 0.09, "low": 0.01, "open": 0.03, "close": 0.04}
    assert found["tradable"] is False
    assert found["mode"] == "full"
    assert one(body)[packets.INDEX_CHANGE] == -7


@pytest.mark.parametrize(
    ("segment", "price"),
    [(1, 12345.67), (3, 0.1234567), (6, 123.4567), (7, 12345.67), (12, 123.4567)],
)
def test_each_segment_has_its_divisor(segment: int, price: float) -> None:
    assert as_dict(one(ltp((99 << 8) | segment, 1_234_567)))["last_price"] == price


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (frame([ltp(last=0)]), "zero_price"),
        (frame([ltp(last=2**32 - 1)]), "negative_price"),
        (frame([ltp(last=2**30)]), "huge_price"),
        (frame([ltp(token=(5 << 8) | 10)]), "unknown_segment"),
        (frame([b"\x01" * 57]), "unknown_length"),
        (frame([b""]), "zero_length"),
        (frame([ltp()])[:-1], "truncated"),
        (b"\x00\x03" + frame([ltp()])[2:], "truncated"),
        (frame([ltp()]) + b"\x00", "trailing"),
        (b"\x00\x01\x00", "truncated"),
        (frame([full(last=80_000)])[:100], "truncated"),
    ],
)
def test_what_is_broken_is_counted_by_reason(message: bytes, reason: str) -> None:
    assert reasons(message) == {reason: 1}


def test_good_packets_beside_broken_ones_are_used() -> None:
    message = frame([b"", quote(), b"\x01" * 57, ltp(last=0), full(), index()])
    assert reasons(message) == {"zero_length": 1, "unknown_length": 1, "zero_price": 1}
    assert [len(row) for row in packets.decode(message, Counter())] == [11, 46, 8]


@pytest.mark.parametrize("message", [b"", b"\x00", b"\x00\x00"])
def test_a_heartbeat_is_no_fault(message: bytes) -> None:
    assert reasons(message) == {}


def test_a_contract_nobody_traded_keeps_its_book_and_has_no_price() -> None:
    body = bytearray(full(token=(77 << 8) | 2, volume=0))
    struct.pack_into(">I", body, 4, 0)
    found = quote_of(one(bytes(body)), "NFO:X", OPEN)
    assert found.last_price is None
    assert (found.bid, found.ask) == (799.99, 800.05)


def test_a_quote_has_none_where_nothing_was_said() -> None:
    body = bytearray(full(token=SBIN, stamp=0))
    struct.pack_into(">2IH", body, 64, 7, 2**32 - 1, 1)  # a bid of -1
    struct.pack_into(">2IH", body, 64 + 60, 0, 0, 0)  # no offer in the first place
    found = quote_of(one(bytes(body)), "NSE:SBIN", OPEN)
    assert found.time == OPEN
    assert found.last_trade_time is None
    assert found.open_interest is None  # a share has none
    assert found.depth is not None
    assert (len(found.depth.buy), len(found.depth.sell)) == (4, 4)
    assert found.bid == 799.98
    bare = quote_of(one(ltp()), "NSE:SBIN", OPEN)
    assert (bare.volume, bare.bid, bare.depth, bare.open) == (None, None, None, None)


def test_open_interest_of_a_contract_is_told() -> None:
    assert quote_of(one(full(token=(77 << 8) | 2)), "NFO:X", OPEN).open_interest == 0


def test_columns_are_the_rows() -> None:
    dice = random.Random(5)
    bodies = [full(last=dice.randrange(1000, 10**6), volume=n) for n in range(300)]
    (found,) = columns.decode(frame(bodies), Counter())
    rows = packets.decode(frame(bodies), Counter())
    assert found.rows() == rows
    assert found["volume"].tolist() == list(range(300))
    assert found.price("last").tolist() == [row[1] / 100 for row in rows]
    assert found.depth_prices.T.tolist() == [list(row[17::3]) for row in rows]
    assert found.quantities.T.tolist() == [list(row[16::3]) for row in rows]
    assert found.orders.T.tolist() == [list(row[18::3]) for row in rows]
    with pytest.raises(KeyError):
        columns.decode(frame([ltp()]), Counter())[0]["volume"]


def test_20_000_mutated_frames_raise_nothing() -> None:
    dice = random.Random(20_000)
    good = [frame([full()]), frame([quote(), index(), ltp(), full()]), frame([full()] * 25)]
    raised = 0
    for _ in range(20_000):
        message = mutated(dice, dice.choice(good))
        reasons(message)
        try:
            SDK._parse_binary(message)
        except struct.error:
            raised += 1
    assert raised > 1000  # the mutations are of the kind that hurts


def mutated(dice: random.Random, message: bytes) -> bytes:
    """Return a message with bytes changed, left out, put in, or its end cut off."""
    body = bytearray(message)
    for _ in range(dice.randint(1, 4)):
        at, way = dice.randrange(len(body) or 1), dice.randrange(5)
        if way == 0:
            body[at : at + 1] = dice.randbytes(1)
        elif way == 1:
            del body[at : at + dice.randint(1, 8)]
        elif way == 2:
            body[at:at] = dice.randbytes(dice.randint(1, 8))
        elif way == 3:
            del body[at:]
        else:
            body[: min(4, len(body))] = dice.randbytes(min(4, len(body)))
    return bytes(body)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_times_do_not_depend_on_the_zone_of_the_machine(zone: str) -> None:
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = zone
        time.tzset()
        found = as_dict(one(full(stamp=1_625_461_887)))
        assert found["exchange_timestamp"].isoformat() == "2021-07-05T10:41:27+05:30"
        assert quote_of(one(index(stamp=1_625_461_887)), "K", OPEN).time == datetime(
            2021, 7, 5, 5, 11, 27, tzinfo=UTC
        )
        assert [found] == sdk(frame([full(stamp=1_625_461_887)]))
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
