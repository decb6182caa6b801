"""Row W-6 of the fault matrix: prices and volumes that cannot be, in each mode of the ticker.

What comes goes the product's whole way: frame, decoder, gate, mailbox, `Stream.quotes`, and the
stops and limits of the paper broker. Each repetition ends with a true move to the same prices,
which has to set off what the impossible one may not.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import struct
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

from alphastock_cli.domain.data import Quote
from alphastock_cli.domain.instrument import Side
from alphastock_cli.domain.trading import OrderEvent
from alphastock_cli.providers.kite import quoting
from alphastock_cli.providers.kite.stream import packets
from alphastock_cli.providers.kite.stream.forms import quote_of
from alphastock_cli.trading.paper import PaperBroker
from tests.campaign.counts import Counts
from tests.campaign.w_live import KEY, quote_row
from tests.campaign.w_tools import Here, TurnClock
from tests.unit.ticker_world import frame, full, index, ltp, quote, simulated
from tests.unit.trading_makers import limit, stop

_TOKENS = {
    "full": 1 << 8 | 1, "quote": 2 << 8 | 1, "ltp": 3 << 8 | 1,
    "index full": 1 << 8 | 9, "index quote": 2 << 8 | 9, "index ltp": 3 << 8 | 9,
}  # fmt: skip
MODES = tuple(_TOKENS)
_MIDDLE, _LOWER, _UPPER = 80_000, 69_000, 91_000  # paise; the circuits are at 720 and 880 rupees
_REASONS = frozenset(
    {"zero_price", "negative_price", "huge_price", "outside_day", "jump", "volume_down"}
)
_LOG = logging.getLogger("alphastock.kite.stream")


def w6(repeats: int, seed: int) -> Counts:
    """Prices of 0, -1, ten times, beyond the circuit, volumes that fall: no fill, no stop."""
    found, dice, lines = Counts("W-6", seed), random.Random(seed), _Lines()

    async def story() -> None:
        clock = TurnClock()
        stream = Here(clock, seed).start()
        await stream.stands({t: mode.rpartition(" ")[2] for mode, t in _TOKENS.items()})
        await asyncio.sleep(1.0)
        lines.clock = clock
        pairs = [(mode, kind) for mode in MODES for kind in kinds(mode)]
        for turn in range(repeats):
            mode, kind = pairs[turn % len(pairs)]
            found.notes[f"{mode}: {kind}"] += 1
            why = await _Turn(stream, clock, mode, turn, dice).wrong(kind)
            found.judge(good=not why, why=f"{mode}: {kind}: {why}")
        await asyncio.sleep(61.0)
        await stream.end()
        played = sum(count for reason, count in stream.counts.items() if reason in _REASONS)
        found.notes.update({k: n for k, n in stream.counts.items() if k in _REASONS})
        found.notes["lines of the log"] = len(lines.held)
        apart = [b - a for a, b in pairwise(at for at, _ in lines.held)]
        if sum(count for _, count in lines.held) != played or min(apart, default=60) < 59.9:
            found.good = 0
            found.notes["not logged once a minute"] += 1

    level = _LOG.level
    _LOG.addHandler(lines)
    _LOG.setLevel(logging.WARNING)
    try:
        simulated(story())
    finally:
        _LOG.removeHandler(lines)
        _LOG.setLevel(level)
    return found


def kinds(mode: str) -> list[str]:
    """Return the ways in which a packet of a mode can be seen to be impossible."""
    kinds = ["zero", "negative", "ten times", "a tenth", "beyond the circuit in a call"]
    if "ltp" not in mode:  # its last price alone does not tell
        kinds.append("beyond the circuit")
    return [*kinds, "volume"] if mode in {"full", "quote"} else kinds


class _Lines(logging.Handler):
    """The moments of the log's lines and how many packets each of them tells of."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: TurnClock | None = None
        self.held: list[tuple[float, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        if "left out" in told:
            assert self.clock is not None
            numbers = re.findall(r"(\d+) [a-z]", told.partition("left out")[2])
            self.held.append((self.clock.monotonic(), sum(map(int, numbers))))


class _Turn:
    """One impossible packet between a true one and a true move."""

    def __init__(
        self, stream: Here, clock: TurnClock, mode: str, turn: int, dice: random.Random
    ) -> None:
        self.stream, self.clock, self.mode, self.dice = stream, clock, mode, dice
        self.token, self.volume = _TOKENS[mode], 10_000 + turn * 100
        self.broker = PaperBroker()
        self.events: list[OrderEvent] = []
        self.last = _MIDDLE + dice.randint(-40, 40)
        now = clock.now()
        given = {"placed_at": now - timedelta(minutes=1), "session": now.date()}
        placed = [
            self.broker.place(made)
            for made in (
                limit("700.00", 5, Side.BUY, order_id="1", **given),
                limit("900.00", 5, Side.SELL, order_id="2", **given),
                stop("700.00", 5, Side.SELL, order_id="3", **given),
                stop("900.00", 5, Side.BUY, order_id="4", **given),
            )
        ]
        assert not any(state.status.final for state in placed), placed

    async def wrong(self, kind: str) -> str:
        """Return what went wrong; "" where all is as it should be."""
        before = await self.sent(self.packet(self.last, 10))
        if before is None or before.last_price != self.last / 100:
            return "a true price was not believed"
        self.meet(before)
        if self.events:
            return "a true price set something off"
        if kind == "beyond the circuit in a call":
            far = self.dice.choice([_LOWER, _UPPER]) / 100
            row = quote_row(self.clock.now(), self.last / 100) | {"last_price": far}
            row["ohlc"] |= {"low": 600.0, "high": 1000.0}
            self.meet(quoting.quote_of(KEY, row, self.clock.now()))
        else:
            bad = self.spoiled(kind)
            seen = await self.sent(bad)
            if seen != before:
                return "believed"
            self.meet(seen)
            self.alone(bad)
        if self.events:
            return "something was set off"
        moved = await self.sent(self.packet(self.dice.choice([_LOWER, _UPPER]), 20))
        assert moved is not None
        self.meet(moved)
        await self.sent(self.packet(self.last, 30))
        return "" if self.events else "a true move set nothing off"

    def meet(self, seen: Quote) -> None:
        """Let the broker meet a quote and keep what it set off: a fill, or a stop."""
        for event in self.broker.advance(seen):
            is_stop = event.state.order.trigger_price is not None
            if event.fill is not None or is_stop:
                self.events.append(event)

    def alone(self, body: bytes) -> None:
        """Let the broker meet what only the gate leaves out, where the packet itself can tell."""
        if "ltp" in self.mode:
            return
        came = self.clock.now() - timedelta(seconds=0.5)
        for packet in packets.decode(frame([body]), Counter()):
            self.meet(quote_of(packet, KEY, came))

    async def sent(self, body: bytes) -> Quote | None:
        """Send a packet and return what the stream says of its token a second later."""
        self.stream.server.wire.push(frame([body]))
        await asyncio.sleep(1.0)
        return self.stream.quotes({KEY: self.token}).get(KEY)

    def packet(self, last: int, more: int) -> bytes:
        stamp, volume = _seconds(self.clock.now()), self.volume + more
        made = {
            "full": full(self.token, last, volume, stamp), "quote": quote(self.token, last, volume),
            "ltp": ltp(self.token, last), "index full": index(self.token, last, stamp),
            "index quote": index(self.token, last, stamp)[:28], "index ltp": ltp(self.token, last),
        }  # fmt: skip
        return made[self.mode]

    def spoiled(self, kind: str) -> bytes:
        """Return the next packet with one field that cannot be."""
        body = bytearray(self.packet(self.last, 15))
        if kind == "volume":
            struct.pack_into(">I", body, 16, self.volume // self.dice.choice([2, 100]))
            return bytes(body)
        last = {
            "zero": 0, "negative": 2**32 - 1, "ten times": self.last * 10,
            "a tenth": self.last // 10 - 1,
        }.get(kind, self.dice.choice([_LOWER, _UPPER]))  # fmt: skip
        struct.pack_into(">I", body, 4, last)
        return bytes(body)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
