"""Row W-2 of the fault matrix: a connection that is open, and silent."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

from alphastock_cli.actions.watch import WatchRequest, watch
from alphastock_cli.domain.data import Quote
from alphastock_cli.views.model import STALE_SECONDS, build
from tests.campaign.counts import Counts
from tests.campaign.w_live import KEY, TOKEN, Live, QuoteHost, Trader, is_stale, trading
from tests.campaign.w_tools import HEARTBEAT, Here, TurnClock, seconds_after, wait_until
from tests.unit.ticker_world import Wire, frame, full, simulated

# the rules as they are documented, not as the code has them
SILENT, FRESH, OLD = 10.0, 5.0, STALE_SECONDS
CALL = 4.5  # a call is kept for 3 s, a stamp has whole seconds, looks are half a second apart


def w2(repeats: int, seed: int) -> Counts:
    """Open but silent: noticed within 10 s, the age is told, and nothing is bought on it."""
    found, dice = Counts("W-2", seed), random.Random(seed)

    async def story(folder: Path) -> None:
        clock = TurnClock()
        with trading(folder / "w2.ledger", clock) as trader:
            host, stream = QuoteHost(clock.now()), Here(clock, seed).start()
            view = _View(Live.on(stream, host, clock, folder), trader, host, dice)
            await view.stream.stands({TOKEN: "full"})
            for number in range(repeats):
                await wait_until(partial(view.has_begun, number))
                wire = view.stream.server.wires[number]
                while wire not in view.took:
                    view.look()
                    await asyncio.sleep(0.5)
                took = view.took[wire]
                found.most("seconds until noticed", took)
                why = "noticed late" if took > SILENT else ", ".join(sorted(view.wrong))
                found.judge(good=not why, why=why)
                view.wrong = set()
            found.notes.update(view.counts)
            await view.stream.end()
            host.close()

    with tempfile.TemporaryDirectory() as text:
        simulated(story(Path(text)))
    return found


class _View:
    """What `watch` shows and a paper desk does while the stream falls silent again and again.

    In every other silence the exchange stands still as well, so that a call brings nothing newer.
    """

    def __init__(
        self, provider: Live, trader: Trader, host: QuoteHost, dice: random.Random
    ) -> None:
        self.clock, self.dice, self.trader, self.host = trader.clock, dice, trader, host
        self.stream, clock = provider.here, trader.clock
        self.stream.server.behave = self.stall
        self.turns = watch(provider, clock, WatchRequest(symbols=(KEY,), every=0.5))
        self.still, self.told, self.silent_at = False, clock.now(), 0.0
        self.stands = clock.now()  # the exchange's last word, while it stands still
        self.away_until = clock.now()  # calls are refused as well
        self.took: dict[Wire, float] = {}  # seconds from the last byte to the end
        self.wrong: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.seen_fills, self.ordered_on, self.placed_at = 0, -1, clock.now()

    def has_begun(self, number: int) -> bool:
        return len(self.stream.server.wires) > number

    async def stall(self, wire: Wire) -> None:
        """Tick for a while or not at all, then say nothing."""
        loop = asyncio.get_running_loop()
        for _ in range(self.dice.choice([0, 0, 3, 8, 20])):
            self.still = False
            moment = self.clock.now()
            if wire.modes:
                volume = 1000 + int(loop.time())
                wire.push(frame([full(TOKEN, volume=volume, stamp=int(moment.timestamp()))]))
            self.silent_at = loop.time()
            await asyncio.sleep(self.dice.uniform(0.2, 1.0))
        self.still = len(self.stream.server.wires) % 2 == 0 or self.still
        self.stands = self.clock.now() + timedelta(seconds=self.dice.uniform(0, 3))
        calls = self.dice.uniform(4, 14) if self.dice.random() < 0.3 else 0.0
        self.away_until = self.clock.now() + timedelta(seconds=calls)
        began = self.silent_at = loop.time()
        wire.push(HEARTBEAT)
        while not wire.closed:  # noqa: ASYNC110 - time is simulated
            await asyncio.sleep(0.01)
        self.took[wire] = loop.time() - began

    def look(self) -> None:
        """Look once, as `watch` does, and judge what is shown and what the desk makes of it."""
        # its calls know of prices that the stream did not bring any more
        self.host.moment = min(self.clock.now(), self.stands) if self.still else self.clock.now()
        self.host.away = self.clock.now() < self.away_until
        seen = next(self.turns)
        (row,) = build(seen).symbols
        quote = seen.quotes[KEY]
        age = seconds_after(self.clock, quote.time)
        self.counts["looks"] += 1
        self.counts["shown as stale"] += row.stale
        if row.age_seconds is None or abs(row.age_seconds - max(0.0, age)) > 0.001:
            self.wrong.add("another age was told")
        if row.stale is not (age > OLD):
            self.wrong.add("not told to be stale")
        if quote.time < self.told:
            self.wrong.add("went back in time")
        self.told = max(self.told, quote.time)
        silent = asyncio.get_running_loop().time() - self.silent_at
        silent = min(silent, seconds_after(self.clock, self.away_until))
        if silent > FRESH and not self.still and age > CALL:
            self.wrong.add("an old tick where a call has a newer price")
        self.trade(quote, age)

    def trade(self, quote: Quote, age: float) -> None:
        """Let the desk meet what is shown, and want to enter on it."""
        trader, wires = self.trader, len(self.stream.server.wires)
        trader.desk.advance(quote)
        for fill in trader.fills[self.seen_fills :]:
            self.counts["filled by a later price"] += 1
            if (
                fill.quote_time < self.placed_at
                or seconds_after(self.clock, fill.quote_time) > FRESH
            ):
                self.wrong.add("filled on a stale quote")
        self.seen_fills = len(trader.fills)
        refused = is_stale(trader.weigh(quote))
        self.counts["entries refused as stale"] += refused
        if refused is not (age > FRESH):
            self.wrong.add("an entry on a stale price" if age > FRESH else "a fresh one refused")
        if age > 1 and self.ordered_on != wires and not trader.desk.broker.waiting():
            self.ordered_on, self.placed_at = wires, self.clock.now()
            trader.buy(1)
