"""Row W-10 of the fault matrix: order updates that come twice, shuffled, broken, or too early.

Nothing of ours places orders at Kite, so no reply of ours is overtaken: that part is played at the
sandbox with another client's orders, in real time, and the stream has to tell each step once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import requests

from alphastock_cli.providers.kite.stream.dialling import Login, dialler
from alphastock_cli.providers.kite.stream.stream import Stream
from tests.campaign.counts import Counts
from tests.campaign.w_tools import desk_of, steady_beat, wait_until
from tests.unit.ticker_world import SBIN, Desk, order, simulated

_LIFE = [("OPEN PENDING", 0), ("OPEN", 0), ("OPEN", 4), ("COMPLETE", 10)]
_PART = 50  # one in so many is placed at the sandbox
_AT_ONCE = 10
_LATE = 0.4  # seconds by which a reply comes after its update


def w10(repeats: int, seed: int) -> Counts:
    """Error texts, updates twice, shuffled, broken or before the reply: each step once."""
    found, dice = Counts("W-10", seed), random.Random(seed)
    early = repeats // _PART

    async def story(desk: Desk) -> None:
        desk.ticker.want({SBIN: "full"})
        await wait_until(lambda: bool(desk.server.wires))
        for turn in range(repeats - early):
            steps = _LIFE * 2
            dice.shuffle(steps)
            wire = desk.server.wire
            for status, filled in steps:
                if dice.random() < 0.2:
                    wire.push(
                        dice.choice(['{"type":"error","data":"no"}', "null", '{"type": "ord'])
                    )
                wire.push(order(str(10**14 + turn), status, filled))
            await asyncio.sleep(0.01)
            good = _is_life(desk.mailbox.take().orders)
            found.judge(good=good and len(desk.server.wires) == 1)
        found.notes.update(desk.counts)

    simulated(desk_of(seed, behave=steady_beat).run(story, seconds=1e6))
    _before_the_reply(found, early)
    return found


def _is_life(rows: Any) -> bool:
    """Tell whether rows are steps of one order, each once, in order, to its end."""
    told = [(row["filled_quantity"], row["status"]) for row in rows]
    filled = [units for units, _ in told]
    return len(set(told)) == len(told) and told[-1:] == [(10, "COMPLETE")] and (
        filled == sorted(filled)
    )  # fmt: skip


def _before_the_reply(found: Counts, repeats: int) -> None:
    from tests.sandbox_server import Running, running  # needs the extra

    def place(held: Running, token: str) -> tuple[str, float]:
        reply = requests.post(
            f"{held.root}/orders/regular",
            headers={"Authorization": f"token {held.api_key}:{token}", "X-Kite-Version": "3"},
            data={
                "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY",
                "quantity": 1, "product": "CNC", "order_type": "LIMIT", "price": "1000000",
                "validity": "DAY",
            },
            timeout=10,
        )  # fmt: skip
        return str(reply.json()["data"]["order_id"]), time.monotonic()

    with running() as held, ThreadPoolExecutor(_AT_ONCE) as pool:
        found.notes["sandbox"] = 1
        token = held.token()
        login = Login(held.api_key, token)
        with Stream(login=lambda: login, clock=held.clock, dial=dialler(held.ws_root)) as stream:
            _until(lambda: stream.health().is_current)
            held.fault(f"order-update-first:{_LATE}s,order-update-twice")
            for first in range(0, repeats, _AT_ONCE):
                many = min(_AT_ONCE, repeats - first)
                calls = [pool.submit(place, held, token) for _ in range(many)]
                for good in _told(stream, calls):
                    found.judge(good=good, why="an update before its reply")
        found.notes["updates before their reply"] = repeats


def _told(stream: Stream, calls: list[Future[tuple[str, float]]]) -> list[bool]:
    """Return of each order whether its update came first, and each of its steps once."""
    came: defaultdict[str, list[tuple[float, tuple[Any, ...]]]] = defaultdict(list)
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        if all(call.done() for call in calls):
            end = min(end, time.monotonic() + 0.3)  # what comes twice comes soon after
        for row in stream.take(0.05).orders:
            step = (row["filled_quantity"], row["status"])
            came[row["order_id"]].append((time.monotonic(), step))
    found = []
    for call in calls:
        number, replied = call.result()
        steps = [step for _, step in came[number]]
        found.append(bool(steps) and len(set(steps)) == len(steps) and came[number][0][0] < replied)
    return found


def _until(true: Any) -> None:
    end = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
