"""Row W-5 of the fault matrix: ticks that are no news.

What comes goes the product's whole way: frame, decoder, gate, mailbox, `Stream.quotes`, and the
queue, stops and fills of the paper broker.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from alphastock_cli.analytics.ticks import minute_candles
from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.exchange.calendar import IST
from alphastock_cli.providers.kite.stream import packets as p
from alphastock_cli.providers.kite.stream.forms import moment, quote_of
from alphastock_cli.trading.paper import PaperBroker
from tests.campaign.counts import Counts
from tests.campaign.w_live import KEY
from tests.campaign.w_tools import Here, TurnClock
from tests.unit.ticker_world import OPEN, STAMP, frame, full, simulated
from tests.unit.trading_makers import limit, stop

_FIRST = STAMP - 600  # the exchange's seconds begin before our clock's: no stamp is of the future
_STREAMS = 500  # whose candles are made at once, each on a day of its own
_TICKS = 8
_MIDDLE = 80_000  # paise
_SIDES = ((Side.BUY, -5), (Side.SELL, 5))  # of an order that rests, paise from the middle


# -- W-5 -----------------------------------------------------------------------------------------


def w5(repeats: int, seed: int) -> Counts:
    """Streams with ticks twice, late, an hour old: candles, queue and fills as of the clean one."""
    found = Counts("W-5", seed)
    dice = random.Random(seed)

    async def story() -> None:
        clock = TurnClock()
        stream = Here(clock, seed).start()
        for first in range(0, repeats, _STREAMS):
            told: list[tuple[list[p.Packet], list[p.Packet]]] = []
            same: list[bool] = []
            for number in range(first, min(first + _STREAMS, repeats)):
                clean, sent = spoiled(dice, (number + 1) << 8 | 1)
                venue = Venue(dice.choice([0, 1]))
                seen = await through(stream, clean, sent, venue, found.notes)
                told.append((clean, seen))
                alone = Venue(venue.kind)  # the broker without the gate before it
                for packet in sent:
                    alone.meet(quote_of(packet, KEY, OPEN))
                plain = Venue(venue.kind)
                for packet in clean:
                    plain.meet(quote_of(packet, KEY, OPEN))
                found.notes["units filled"] += sum(units for units, *_ in plain.fills)
                venues = venue.state == alone.state == plain.state
                same.append(venues and seen == clean)
            pure, dirty = (candles(each[side] for each in told) for side in (0, 1))
            for number, equal in enumerate(same):
                bars = pure.get(number) == dirty.get(number) and number in pure
                found.judge(
                    good=equal and bars, why="candles" if equal else "ticks, fills or queue"
                )
        found.notes.update({k: v for k, v in stream.counts.items() if k != "merged"})
        await stream.end()

    simulated(story())
    return found


def spoiled(dice: random.Random, token: int) -> tuple[list[p.Packet], list[p.Packet]]:
    """Return the ticks of two minutes as they are, and as they come."""
    clean: list[p.Packet] = []
    sent: list[p.Packet] = []
    volume, stamp, last = 1000, _FIRST, _MIDDLE
    for _ in range(_TICKS):
        volume += dice.randint(0, 8)
        stamp += dice.randint(1, 20)
        last = _MIDDLE + 5 * dice.randint(-3, 3)
        packet = unpacked(full(token, last, volume, stamp))
        clean.append(packet)
        sent.append(packet)
        kind = dice.randrange(4)
        if kind == 0:
            sent += [packet] * dice.randint(1, 3)
        elif kind == 1 and len(clean) > 1:
            sent.append(clean[-dice.randint(2, min(4, len(clean)))])  # after its successor
        elif kind == 2:  # prices at which everything would fill
            far = dice.choice([70_000, 90_000])
            sent.append(unpacked(full(token, far, volume + 500, stamp - dice.randint(60, 3600))))
    return clean, sent


def unpacked(body: bytes) -> p.Packet:
    (packet,) = p.decode(frame([body]), Counter())
    return packet


def packed(packet: p.Packet) -> bytes:
    return struct.pack(">16I" + "2IH2x" * 10, *packet)


class Venue:
    """A paper broker with an order that rests and one that waits for its trigger."""

    def __init__(self, kind: int) -> None:
        self.kind, self.broker = kind, PaperBroker()
        self.fills: list[tuple[int, str, str]] = []
        self.triggered = 0
        side, away = _SIDES[kind]
        placed = {"placed_at": moment(_FIRST - 60), "session": OPEN.date()}
        for made in (
            limit(f"{(_MIDDLE + away) / 100:.2f}", 30, side, order_id="1", **placed),
            stop(f"{(_MIDDLE - 3 * away) / 100:.2f}", 7, side, order_id="2", **placed),
            limit("760.00", 5, Side.BUY, order_id="3", **placed),
            stop("840.00", 5, Side.BUY, order_id="4", **placed),
        ):
            self.broker.place(made)

    def meet(self, seen: Quote) -> None:
        for event in self.broker.advance(seen):
            if event.fill is not None:
                made = event.fill
                self.fills.append((made.quantity, str(made.price), made.time.isoformat()))

    @property
    def state(self) -> tuple[Any, ...]:
        """What may not differ: fills, how each order stands, and its place in the queue."""
        queues = [(work.state, work.queue) for work in self.broker._all.values()]
        return self.fills, queues


async def through(
    stream: Here, clean: Sequence[p.Packet], sent: Iterable[p.Packet], venue: Venue,
    notes: Counter[str],
) -> list[p.Packet]:  # fmt: skip
    """Send packets one by one, let the broker meet what the stream hands out, and return that."""
    token = clean[0][p.TOKEN]
    wire = await stream.stands({token: "full"})
    seen: list[p.Packet] = []
    for packet in sent:
        wire.push(frame([packed(packet)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = stream.quotes({KEY: token})
        if found and (not seen or stream._latest[token].packet is not seen[-1]):
            seen.append(stream._latest[token].packet)
        if found:
            venue.meet(found[KEY])
    notes["messages"] += len(list(sent))
    stream.leave([token])
    await asyncio.sleep(0)
    return seen


def candles(streams: Iterable[Sequence[p.Packet]]) -> dict[int, list[tuple[Any, ...]]]:
    """Return the product's minute candles of each stream, which is given a day of its own."""
    rows = [
        (datetime.fromtimestamp(packet[p.STAMP], IST) + timedelta(days=number),
         packet[p.LAST] / 100, packet[p.VOLUME])
        for number, ticks in enumerate(streams)
        for packet in ticks
    ]  # fmt: skip
    schema: dict[str, Any] = {"timestamp": pl.Datetime("us", "Asia/Kolkata"), "price": pl.Float64,
              "volume": pl.Int64}  # fmt: skip
    made = minute_candles(pl.DataFrame(rows, schema=schema, orient="row"))
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in made.iter_rows():
        found.setdefault((row[0].date() - OPEN.date()).days, []).append(row)
    return found
