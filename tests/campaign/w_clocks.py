"""Row W-7 of the fault matrix: the wall clock jumps, under the stream and under the paper desk."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from alphastock_cli.domain.decisions import Rejected
from alphastock_cli.domain.trading import Role
from alphastock_cli.providers.kite.stream.hours import moves
from tests.campaign.counts import Counts
from tests.campaign.w_tools import desk_of, wait_until
from tests.unit.desk_world import World
from tests.unit.ticker_world import SBIN, STAMP, Desk, Wire, frame, full, simulated
from tests.unit.trading_makers import DAY, MONDAY, OTHER, at, quote, signal, snapshot

_GOES, _CLOSES = time(15, 20), time(15, 30)  # of intraday positions, and of the share's market
_STEP = 3.0  # seconds from one quote to the next


def w7(repeats: int, seed: int) -> Counts:
    """The wall clock jumps by up to a day: no false loss, a stall noticed, squared off once."""
    found, dice = Counts("W-7", seed), random.Random(seed)
    with tempfile.TemporaryDirectory() as text:
        for number in range(repeats):
            jump = dice.choice([-1, 1]) * dice.choice([1, 60, 3600, 86_400])
            missed = not _one_stream(found, dice, jump)
            why = _Day(Path(text) / f"{number}.ledger", dice, jump).wrong(found)
            found.judge(good=not (missed or why), why=why or "the stream")
    return found


def _one_stream(found: Counts, dice: random.Random, jump: int) -> bool:
    """Tell whether a stall after a jump is noticed in time, and nothing before."""
    beats = dice.randint(20, 60)
    seen: dict[str, Any] = {}

    async def beat(wire: Wire, beats: int = beats, seen: dict[str, Any] = seen) -> None:
        for number in range(beats):
            wire.push(frame([full(volume=1000 + number, stamp=STAMP + number)]))
            seen["last"] = asyncio.get_running_loop().time()
            await asyncio.sleep(0.5)

    async def story(desk: Desk, jump: int = jump, seen: dict[str, Any] = seen) -> None:
        desk.ticker.want({SBIN: "full"})
        await asyncio.sleep(5)
        desk.clock.jump(jump)
        await wait_until(lambda: desk.server.wire.closed)
        seen["took"] = asyncio.get_running_loop().time() - seen["last"]
        await wait_until(lambda: desk.mailbox.gap() is not None)
        seen["gap"] = desk.mailbox.gap()

    desk = desk_of(dice.randrange(10**6), behave=beat, hours=moves)
    simulated(desk.run(story, seconds=500.0))
    found.most("seconds until noticed", seen["took"])
    return bool(0 < seen["took"] <= 10 and seen["gap"].start <= seen["gap"].end)


class _Day:
    """The end of a session with an intraday position, the wall clock wrong for a while.

    The exchange's own time goes on as it is; its quotes are of that.
    """

    def __init__(self, path: Path, dice: random.Random, jump: int) -> None:
        self.world, self.dice, self.jump = World(path), dice, timedelta(seconds=jump)
        self.goes = at(0).replace(hour=_GOES.hour, minute=_GOES.minute)
        self.begins = self.goes + timedelta(seconds=dice.uniform(-80, 20))
        self.ends = self.begins + timedelta(seconds=dice.uniform(4, 60))
        self.why, self.numbers = "", itertools.count(1)

    def wrong(self, found: Counts) -> str:
        """Return what went wrong; "" where the position went once, and when it should."""
        world = self.world
        world.say(signal(stop_loss="98.00", target="104.00"))
        world.show(100.0, 1.0)
        units = world.held
        assert units > 0
        self.pass_by(self.goes - timedelta(seconds=90), seconds=200)
        past = (self.begins + self.jump).time() >= _CLOSES or self.away_from(DAY)
        if world.held and past:  # the day was over by the clock: the order is for the next one
            found.notes["squared off in the next session"] += 1
            self.pass_by(datetime.combine(MONDAY, time(9, 15), self.goes.tzinfo), seconds=20)
        elif world.held:
            self.why = self.why or "not squared off"
        for _ in range(3):
            world.desk.settle()
        exits = [e for e in world.heard if e.fill and e.state.order.role is not Role.ENTRY]
        sold = sum(event.fill.quantity for event in exits if event.fill is not None)
        found.most("orders that closed the position", len({e.state.order.order_id for e in exits}))
        if world.held or sold != units:
            self.why = self.why or f"{sold} of {units} sold, {world.held} held"
        world.close()
        return self.why

    def away_from(self, day: object) -> bool:
        return (self.begins + self.jump).date() > day  # type: ignore[operator]

    def pass_by(self, start: datetime, *, seconds: float) -> None:
        """Let some of the exchange's seconds pass, the desk looking at each step."""
        world, step = self.world, 0.0
        while step < seconds:
            true = start + timedelta(seconds=step)
            off = self.jump if self.begins <= true < self.ends else timedelta(0)
            world.clock._now = true + off
            before = world.held
            buy, sell = [(99.95, 5000)], [(100.05, 5000)]
            world.desk.advance(quote(100.0, step, start=start, buy=buy, sell=sell))
            world.desk.settle()
            if not 0 <= world.held <= before:
                self.why = self.why or f"held {world.held} after {before}"
            exits = [s for s in world.broker.waiting() if s.order.role is Role.EXIT]
            if len(exits) > 1:
                self.why = self.why or f"{len(exits)} orders to close at once"
            if self.dice.random() < 0.1:
                self.enter(true + off)
            step += _STEP

    def enter(self, wall: datetime) -> None:
        """Want to enter by the clock as it stands: the rules of that moment count."""
        if not time(9, 15) <= wall.time() < _CLOSES or wall.weekday() > 4:
            return
        market = quote(100.0, 0, start=wall, key=OTHER.key)
        said = signal(
            instrument=OTHER, candle_time=wall, valid_until=wall.replace(hour=23),
            strategy=f"test{next(self.numbers)}", stop_loss="98.00", target="104.00",
        )  # fmt: skip
        decision, _ = self.world.desk.decide(said, snapshot(market, instrument=OTHER))
        rules = (
            {each.rule for each in decision.reasons} if isinstance(decision, Rejected) else set()
        )
        if ("too_late" in rules) is not (wall.time() >= _GOES):
            self.why = self.why or f"entry at {wall:%d %H:%M:%S}: {sorted(rules)}"
